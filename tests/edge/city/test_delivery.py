"""Whatever broker, city and network do in whatever order: no record is lost, none is given up but for its own fault."""

import json
import tempfile
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from edge.between.inbox import BrokerAnswer, Limits, LinkChanged
from edge.city.publisher import Publisher
from edge.config.sections import CitySection
from edge.records.clock import Clock
from edge.records.ledger import ALARM, ORDINARY, Ledger, Signer
from protocol.city.codes import CodeKind
from protocol.city.envelope import hash_of
from protocol.city.events import EntryRegistered, Goods
from protocol.city.signed import CityKeys, seal
from protocol.city.topics import Ack, Rejected, Topics

STATION = "410108001-01"
CITY = Ed25519PrivateKey.from_private_bytes(bytes(range(7, 39)))
KEYS = CityKeys.parse(CITY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex())
STEPS = ("work", "work", "work", "fill", "alarm", "wait", "lose", "no puback", "busy", "deaf", "forged", "old", "late")


class World:
    """A station's delivery, and around it a broker and a city that keep what they are given.

    ``poison`` records are cut, ``bad`` ones refused by code, ``unwanted`` ones rejected by the city; numbers modulo 7.
    """

    def __init__(self, folder: Path, version: int) -> None:
        self.ledger = Ledger(folder, Signer(CITY, "h", "410108001", "01"))
        self.clock = Clock("host")
        part = CitySection.model_validate({"brokers": ("mqtt://a", "mqtt://b"), "window": 5, "resend_seconds": 5})
        self.publisher = Publisher(part, self.ledger, Topics("410108", "410108001", "01"), self, self.clock, KEYS)
        self.now, self.mids, self.issued = 0.0, 0, 0
        self.wire: list[tuple[int, bytes]] = []
        self.city: dict[int, bytes] = {}
        self.rejected: set[int] = set()
        self.answers: list[bytes] = []
        self.kind = version
        self.connect()

    # the wire that the publisher sees

    def publish(self, topic: str, body: bytes) -> int | None:
        self.mids += 1
        self.wire.append((self.mids, body))
        return self.mids

    def leave(self, cause: str, why: str) -> None:
        self.wire.clear()

    # what happens

    def connect(self) -> None:
        self.wire.clear()
        self.publisher.link(LinkChanged(True, limits=Limits(receive_maximum=4)), self.now)

    def lose(self, cut: bool = False) -> None:
        self.publisher.link(LinkChanged(False, "x", "lost", cut=cut), self.now)
        self.connect()

    def fill(self, lane: int = ORDINARY) -> None:
        with self.ledger.batch():
            for _ in range(3):
                code = str(self.ledger.next_code(CodeKind.TEST))
                goods = Goods(product="01040201", name="大白菜")
                entry = EntryRegistered(goods=goods, net_g=1, origin="河南", supplier="李四", sample="1")
                self.ledger.append("entry.registered", code, entry, self.clock.now(), self.clock.boot_id, lane=lane)
            self.publisher.save()

    def work(self, *, puback: bool = True, busy: bool = False, deaf: bool = False, late: bool = False) -> None:
        """Everybody does what he has to do with what was sent."""
        self.now += 0.5
        if not self.publisher.up:
            self.connect()
        self.publisher.pump(self.now)
        sent, self.wire = self.wire, []
        for mid, body in sent:
            seq = int(json.loads(body)["sequence"])
            if seq % 7 == 3 and self.kind == 1:
                self.lose(cut=True)
                return
            code = 151 if busy else 149 if seq % 7 == 3 and self.kind == 2 else 0
            if puback:
                self.publisher.answered(BrokerAnswer(mid, "no" if code else "", code), self.now)
            if not code and not deaf:
                self.take(seq, body, late)
        self.deliver()

    def take(self, seq: int, body: bytes, late: bool) -> None:
        assert self.city.setdefault(seq, body) == body
        if seq % 7 == 5 and self.kind == 3:
            self.rejected.add(seq)
        upto = 0
        while upto + 1 in self.city:
            upto += 1
        name = json.loads(body)["id"]
        refused = (Rejected(name, "bad_data", "x"),) if seq in self.rejected else ()
        said = Ack(upto, () if refused else (name,), refused, hash_of(self.city[upto]) if upto else "")
        self.issued += 1
        self.answers.append(seal(said.fields(), STATION, f"2026-01-01T00:00:00.{self.issued:06d}Z", CITY))
        if not late:
            self.deliver()

    def deliver(self) -> None:
        for answer in self.answers:
            self.publisher.acknowledged(answer, False, self.now)
        self.answers.clear()

    def step(self, name: str) -> None:
        match name:
            case "work":
                self.work()
            case "fill":
                self.fill()
            case "alarm":
                self.fill(ALARM)
            case "wait":
                self.now += 20.0
            case "lose":
                self.lose()
            case "no puback":
                self.work(puback=False)
            case "busy":
                self.work(busy=True)
            case "deaf":
                self.work(deaf=True)
            case "late":
                self.work(late=True)
            case "forged":
                head = self.ledger.head
                said = Ack(head.seq, (), (), head.prevhash).fields()
                self.publisher.acknowledged(json.dumps(said).encode(), False, self.now)
            case "old":
                self.publisher.acknowledged(seal({"upto": 0}, STATION, "2025-01-01T00:00:00Z", CITY), False, self.now)
        self.check()

    def check(self) -> None:
        publisher = self.publisher
        assert self.ledger.head.seq == publisher.acked + publisher.pending + len(publisher.aside)
        confirmed = {*range(1, publisher.upto + 1), *publisher.end.ahead} - set(publisher.aside)
        assert confirmed <= set(self.city)
        assert all(self.guilty(seq) for seq in publisher.aside)
        deadline = publisher.deadline()
        assert deadline is None or deadline >= 0

    def guilty(self, seq: int) -> bool:
        return (seq % 7 == 3 and self.kind in (1, 2)) or (seq % 7 == 5 and self.kind == 3)


@given(st.lists(st.sampled_from(STEPS), max_size=40), st.integers(0, 3))
def test_everything_arrives_but_what_is_itself_at_fault(steps: list[Any], version: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), version)
        try:
            for name in steps:
                world.step(name)
            world.step("fill")
            world.step("fill")
            world.step("fill")
            for _ in range(1500):
                world.step("work")
                if not world.publisher.pending:
                    break
            assert world.publisher.pending <= 2  # a lone poisoned one waits for another to speak for the broker
            left = set(range(1, world.ledger.head.seq + 1)) - set(world.city) - set(world.publisher.aside)
            assert all(world.guilty(seq) for seq in left)
        finally:
            world.ledger.close()

"""Station and city against each other as in ``tests/protocol/city/test_agreement_played.py``, on their real disks.

The core with its SQLite ledger and publisher; backups, ``restore`` and ``continue`` by the functions of the commands;
the reference city's store.  Only MQTT is not there: what is published lies in a list until somebody hands it over.
"""

import hashlib
import json
import re
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge.between.commands import SetPrice
from edge.between.inbox import BrokerAnswer, CityMessage, LinkChanged, Refused
from edge.between.ledger_commands import ContinueLedger, SendAgain
from edge.jobs import retention
from edge.records import backup as backups
from edge.records import joints
from edge.records import restore as restores
from edge.records.checkpoints import checkpoint_of, first_of
from edge.records.ledger import bodies_after
from edge.records.verify import verify
from protocol.city import agreement
from protocol.city.signed import seal
from protocol.city.state import Reach, encode_state
from protocol.city.token import CHINA
from protocol.city.topics import Ack, ack_of
from simulator.city.platform import Message, Platform
from simulator.city.store import Store

NAME, TOPIC = "410108001-01", "mkt/1/410108/410108001/01"
BOXES, WINDOW, ROUNDS = 2, 6, 40
GO_ON = ContinueLedger(why="换了存储卡", person="王敏")
TOML = """
[station]
name = "惠济市场"
jobs = ["gate", "stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
stall = "A-12"
[city]
brokers = ["mqtt://127.0.0.1"]
window = 6
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
"""


class Mailbox:
    """The city's client: keeps what it says."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bytes]] = []

    def is_connected(self) -> bool:
        return True

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        self.said.append((topic, payload))


class Wire:
    """A station's: what it published lies here."""

    broker, odd = "", {}

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.mids: list[int] = []
        self._count = 0

    def leave(self, cause: str, why: str) -> None:
        pass

    def publish(self, topic: str, body: bytes) -> int:
        self._count += 1
        self.sent.append((topic, body))
        self.mids.append(self._count)
        return self._count

    def announce(self, topic: str, body: bytes, *, retain: bool = True) -> None:
        self.sent.append((topic, body))


@pytest.fixture
def world(station_class: Any, clock_class: Any, mayor_class: Any, signer: Any) -> type[RuleBasedStateMachine]:
    class World(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            self.disk = tempfile.TemporaryDirectory(prefix="marketedge-both-")
            self.root, self.folders = Path(self.disk.name), 0
            self.clock = clock_class(datetime(2026, 11, 22, 5, 0, tzinfo=CHINA))
            self.mayor, self.forger = mayor_class(self.clock), mayor_class(self.clock, seed=90)
            self.up: list[tuple[str, bytes]] = []
            self.down: list[bytes] = []
            self.said: list[bytes] = []  # all that the city ever said
            self.ever: set[str] = set()  # hashes of what it ever had
            self.images: list[Path] = []
            self.tars: list[Path] = []
            self.city: Store | None = None
            self.city_file = self.root / "city.db"
            self.open_city()
            self.back_up_city()
            self.boxes = [self.start(self.folder())]

        def folder(self) -> Path:
            self.folders += 1
            made = self.root / f"box-{self.folders}"
            made.mkdir()
            key = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            (made / "station.key").write_bytes(key)
            return made

        def start(self, folder: Path) -> Any:
            box = station_class(folder, signer, TOML, self.clock, city_keys=self.mayor.keys, wire=Wire())
            box.folder = folder

            def birth(reach: Reach) -> bytes:
                stamp = self.clock.now().text
                return encode_state("online", NAME, signer.key, time=stamp, bootid="b", reach=reach, software="test")

            box.core._birth = birth
            return box

        def box(self, number: int) -> Any:
            return self.boxes[number % len(self.boxes)]

        def replaced(self, number: int, folder: Path) -> None:
            self.box(number).ledger.close()
            self.boxes[number % len(self.boxes)] = self.start(folder)

        def teardown(self) -> None:
            if hasattr(self, "boxes"):
                try:
                    self.agree()
                finally:
                    for box in self.boxes:
                        box.ledger.close()
                    self.city.close()
                    self.disk.cleanup()

        # --- a box --------------------------------------------------------------------------------------------------

        @rule(box=st.integers(0, 1), count=st.integers(1, 5))
        def sell(self, box: int, count: int) -> None:
            one = self.box(box)
            for fen in range(100, 100 + count):
                held = one.core._publisher.end.held is not None
                try:
                    one.does(SetPrice(product="01040201", price_fen=fen))
                except Refused as no:
                    assert held and no.code == "other_ledger"
                else:
                    assert not held, "a number was used although another ledger has this name"
            self.collect(one)

        @rule(box=st.integers(0, 1))
        def connect(self, box: int) -> None:
            one = self.box(box)
            self.clock.go(1)
            one.turn(LinkChanged(False), LinkChanged(True))
            self.collect(one)

        def collect(self, one: Any) -> None:
            """What it published is on its way; the broker says that it has it."""
            sent, one.wire.sent[:] = [*one.wire.sent], []
            self.up += [message for message in sent if "/res/" not in message[0]]
            mids, one.wire.mids[:] = [*one.wire.mids], []
            if mids:
                one.turn(*(BrokerAnswer(mid) for mid in mids))
                self.collect(one)

        @rule(box=st.integers(0, 1))
        def crash(self, box: int) -> None:
            """As by kill -9: its files as they are."""
            one, folder = self.box(box), self.folder()
            shutil.copytree(one.folder, folder, dirs_exist_ok=True)
            self.replaced(box, folder)

        @rule(box=st.integers(0, 1), stay=st.integers(0, 3))
        def kept_their_time(self, box: int, stay: int) -> None:
            """What the city had goes as if months had passed, but for some that have to stay: a checkpoint first."""
            one = self.box(box)
            conn, station = one.ledger.conn, one.core._station
            settled, point = retention._settled(station), checkpoint_of(conn)
            if one.ledger.held or settled <= (point.upto if point else 0) or not 0 < first_of(conn) <= settled:
                return
            with suppress(LookupError), one.ledger.batch():  # none under that number: it was given up
                retention._point(station, settled)
                going = [seq for (seq,) in conn.execute("SELECT seq FROM events WHERE seq <= ?", (settled,))]
                conn.executemany("DELETE FROM events WHERE seq = ?", [(seq,) for seq in going[: -stay or None]])
            station.after.clear()
            station.undo.clear()
            one.ledger.look_for_gone()
            one.turn()
            self.collect(one)

        @rule(box=st.integers(0, 1))
        def image(self, box: int) -> None:
            to = self.root / f"image-{len(self.images)}"
            shutil.copytree(self.box(box).folder, to)
            self.images.append(to)

        @precondition(lambda self: self.images)
        @rule(box=st.integers(0, 1), which=st.integers(0, 5))
        def put_back(self, box: int, which: int) -> None:
            folder = self.folder()
            shutil.copytree(self.images[which % len(self.images)], folder, dirs_exist_ok=True)
            self.replaced(box, folder)

        @precondition(lambda self: len(self.boxes) < BOXES)
        @rule()
        def clone(self) -> None:
            folder = self.folder()
            shutil.copytree(self.boxes[0].folder, folder, dirs_exist_ok=True)
            self.boxes.append(self.start(folder))

        @rule(box=st.integers(0, 1))
        def backup(self, box: int) -> None:
            one, tar = self.box(box), self.root / f"{len(self.tars)}.tar"
            with suppress(FileNotFoundError):
                backups.make(one.folder / "data", signer.key.public_key(), NAME, tar, lambda *_: None)
                self.tars.append(tar)

        @precondition(lambda self: self.tars)
        @rule(box=st.integers(0, 1), which=st.integers(0, 5))
        def restore(self, box: int, which: int) -> None:
            """The card is lost; a new one, the backup, and the city asked."""
            folder = self.folder()
            place = restores.Place(folder / "data", folder / "station.key")
            with restores.prepared(self.tars[which % len(self.tars)], place, lambda *_: None) as ready:
                self.clock.go(1)
                stamp = self.clock.now()
                birth = encode_state(
                    "online", NAME, signer.key, time=stamp.text, bootid="b", reach=ready.reach, software="test"
                )
                word = self.asked(birth)
                recorded = restores.finish(ready, signer, word, "从备份恢复", "王敏", stamp, "b")
                assert not self.city.hash_at(NAME, recorded.seq), "a number that the city has was used again"
            self.replaced(box, folder)

        def asked(self, birth: bytes) -> Ack:
            self.take([(f"{TOPIC}/state", birth)])
            digest = hashlib.sha256(birth).hexdigest()
            said = [ack_of(json.loads(payload)) for payload in self.down]
            return next(ack for ack in said if ack.birth == digest)

        @rule(box=st.integers(0, 1))
        def command(self, box: int) -> None:
            one = self.box(box)
            try:
                answer = one.does(GO_ON)
            except Refused as no:
                assert no.code in ("agreed", "city_silent")
                return
            if answer["seq"]:
                assert not self.city.hash_at(NAME, answer["seq"]), "a number that the city has was used again"
            self.collect(one)

        @rule(box=st.integers(0, 1))
        def resend(self, box: int) -> None:
            with suppress(Refused):
                self.box(box).does(SendAgain(first=1))
                self.collect(self.box(box))

        @rule(box=st.integers(0, 1), seconds=st.sampled_from([2, 30, 90]))
        def nothing_came(self, box: int, seconds: int) -> None:
            self.clock.go(seconds)
            self.box(box).turn()
            self.collect(self.box(box))

        # --- the way ------------------------------------------------------------------------------------------------

        @rule(which=st.lists(st.integers(0, 9), max_size=6), keep=st.booleans())
        def to_city(self, which: list[int], keep: bool) -> None:
            """Some messages, in any order; they may come again."""
            if self.up:
                batch = [self.up[one % len(self.up)] for one in which]
                if not keep:
                    self.up = [message for message in self.up if message not in batch]
                self.take(batch)

        @rule(which=st.lists(st.integers(0, 9), max_size=4), keep=st.booleans())
        def to_boxes(self, which: list[int], keep: bool) -> None:
            if self.down:
                some = [self.down[one % len(self.down)] for one in which]
                if not keep:
                    self.down = [payload for payload in self.down if payload not in some]
                self.hear(some)

        @rule()
        def lose_all(self) -> None:
            self.up.clear()
            self.down.clear()

        @rule(box=st.integers(0, 1), sells=st.integers(0, 3))
        def talk(self, box: int, sells: int) -> None:
            """A while in which all goes well."""
            if sells:
                self.sell(box, sells)
            self.connect(box)
            self.speak(5)

        def speak(self, rounds: int, only: Any = None) -> None:
            for _ in range(rounds):
                if not (self.up or self.down):
                    return
                batch, self.up = self.up, []
                self.take(batch)
                said, self.down = self.down, []
                self.hear(said, only)

        def hear(self, payloads: list[bytes], only: Any = None) -> None:
            for box in [only] if only else self.boxes:
                if box.core._publisher.up:
                    box.turn(*(CityMessage(f"{TOPIC}/ack", payload) for payload in payloads))
                    self.collect(box)

        @rule(
            lie=st.sampled_from(["its hash", "no hash", "wrong hash", "far too much", "ids", "refusal", "key"]),
            which=st.integers(0, 9),
            signed=st.booleans(),
        )
        def forged(self, lie: str, which: int, signed: bool) -> None:
            """Somebody who read the records on the wire says that he is the city; his key is none of the city's."""
            read = [body for topic, body in self.up if "/evt/" in topic or "/alm/" in topic]
            if not read:
                return
            body = read[which % len(read)]
            event, digest = json.loads(body), hashlib.sha256(body).hexdigest()
            seq = int(event["sequence"])
            said: dict[str, Any] = {
                "its hash": {"upto": seq, "hash": digest},
                "no hash": {"upto": seq + which},
                "wrong hash": {"upto": seq, "hash": "ab" * 32},
                "far too much": {"upto": 10**9, "hash": digest},
                "ids": {"ids": [event["id"]]},
                "refusal": {"rejected": [{"id": event["id"], "code": "fork", "reason": "x"}]},
                "key": {},
            }[lie]
            issued = (self.clock.wall + timedelta(hours=1)).isoformat()
            payload = seal(said, NAME, issued, self.forger.key) if signed else json.dumps(said).encode()
            message = CityMessage(f"{TOPIC}/ack", payload)
            if lie == "key":
                order = self.forger.sealed("keys", add=[self.forger.hex], revoke=[], stations=[])
                message = CityMessage(f"{TOPIC}/cmd/keys", order)
            for box in self.boxes:
                before = box.core._publisher.acked, len(box.core._publisher.aside), box.core._publisher.end.held
                box.turn(message)
                after = box.core._publisher.acked, len(box.core._publisher.aside), box.core._publisher.end.held
                assert before == after, f"a forged word moved it: {lie}"
                self.collect(box)

        @rule(which=st.integers(0, 300))
        def played_again(self, which: int) -> None:
            if self.said:
                self.hear([self.said[which % len(self.said)]])

        # --- the city -----------------------------------------------------------------------------------------------

        def open_city(self) -> None:
            self.platform = Platform("mqtt://127.0.0.1", self.city_file, self.mayor.key, enrol=True)
            self.mailbox = Mailbox()
            self.platform._client = self.mailbox  # type: ignore[assignment]
            self.platform._issued = max(self.clock.wall, getattr(self, "issued", self.clock.wall))
            self.city = Store(self.city_file)

        def take(self, batch: list[tuple[str, bytes]]) -> None:
            self.platform._issued = max(self.platform._issued, self.clock.wall)
            self.platform._do(self.city, [Message(topic, body, len(body)) for topic, body in batch])
            self.issued = self.platform._issued
            said = [payload for topic, payload in self.mailbox.said if topic.endswith("/ack")]
            self.mailbox.said.clear()
            self.said += said
            self.down += said
            rows = self.city.db.execute("SELECT body FROM events").fetchall()
            self.ever |= {hashlib.sha256(body).hexdigest() for (body,) in rows}

        @rule()
        def back_up_city(self) -> None:
            with closing(sqlite3.connect(self.root / "city-backup.db")) as to:
                self.city.db.conn.backup(to)

        @rule()
        def city_restored(self) -> None:
            """What it had since the backup it has not any more."""
            self.city.close()
            for ending in ("-wal", "-shm"):
                self.city_file.with_name(f"city.db{ending}").unlink(missing_ok=True)
            shutil.copy(self.root / "city-backup.db", self.city_file)
            self.open_city()

        # --- what must be true --------------------------------------------------------------------------------------

        @invariant()
        def nothing_counts_as_delivered_that_the_city_never_had(self) -> None:
            for box in getattr(self, "boxes", ()):
                end = box.core._publisher.end
                for seq, body in bodies_after(box.ledger.conn, 0):
                    if end.is_settled(seq) and seq not in end.aside:
                        assert hashlib.sha256(body).hexdigest() in self.ever, f"record {seq} is lost"

        def agree(self) -> None:
            """The others are off; nothing is lost on the way any more, and a person does what the page says."""
            for number, box in enumerate(self.boxes):
                for other in self.boxes:
                    other.turn(LinkChanged(False))
                self.up.clear()
                self.down.clear()
                self.settle(number, box)
                self.sell(number, 2)
                self.settle(number, box)
                publisher = box.core._publisher
                assert publisher.cause() == ("", ""), publisher.cause()
                assert publisher.pending == 0, f"{publisher.pending} still wait"
                last = box.ledger.head.seq
                row = self.city.station(NAME)
                assert (row.upto, row.head) == (last, box.ledger.head.prevhash), "not the same head"
                verify(box.ledger.db, signer.key.public_key())
                for seq, body in bodies_after(box.ledger.conn, 0):
                    if seq not in publisher.aside and seq not in self.told_gone():
                        assert self.city.hash_at(NAME, seq) == hashlib.sha256(body).hexdigest(), f"{seq} is lost"

        def told_gone(self) -> set[int]:
            """What the city noted as missing because it had left another copy of the ledger."""
            rows = self.city.db.execute("SELECT detail FROM incidents WHERE kind = 'gone'").fetchall()
            spans = [re.search(r"from (\d+) to (\d+)", detail) for (detail,) in rows]
            return {seq for one in spans if one for seq in range(int(one[1]), int(one[2]) + 1)}

        def settle(self, number: int, box: Any) -> None:
            self.connect(number)
            for _ in range(ROUNDS):
                self.speak(ROUNDS, box)
                if box.core._publisher.end.held:
                    self.command(number)
                elif box.core._publisher.pending == 0 and not box.core._publisher._again.left:
                    return
                self.nothing_came(number, 90)

    return World


FEW, MANY = 6, 300  # `make explore` has time
PLAYED = settings(stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck))


def test_whatever_happens_both_disks_agree_again_and_nothing_is_lost_unseen(world: Any) -> None:
    count = FEW if settings().derandomize else MANY
    run_state_machine_as_test(world, settings=settings(PLAYED, max_examples=count))  # type: ignore[no-untyped-call]


def test_a_city_that_begins_later_goes_on_behind_what_left_the_station_and_tells_what_is_missing(world: Any) -> None:
    one = world()
    one.begin()
    one.talk(0, 5)
    one.talk(0, 5)
    box = one.boxes[0]
    had = box.ledger.head.seq
    one.kept_their_time(0, 2)
    assert box.ledger.gone == had - 2
    one.talk(0, 3)
    one.city_restored()  # to nothing
    one.agree()
    station = one.city.station(NAME)
    assert (station.gaps, station.torn, station.breaks) == (0, "", 0)
    assert one.told_gone() == set(range(1, had - 1))
    (said,) = one.city.db.execute("SELECT detail FROM incidents WHERE kind = 'gone'").fetchall()
    assert said[0].startswith(f"{had - 2} missing")
    one.teardown()


def takes_the_next_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup is restored and goes on where it ends."""
    monkeypatch.setattr(joints, "Joint", lambda seq, own, city, hash="": agreement.Joint(own + 1, own, city, hash))


def test_a_planted_mistake_is_found(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    takes_the_next_number(monkeypatch)
    quick = settings(PLAYED, max_examples=200, phases=[Phase.generate], database=None, derandomize=True)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(world, settings=quick)  # type: ignore[no-untyped-call]

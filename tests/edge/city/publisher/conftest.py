"""A publisher over a real ledger, with a wire that keeps what is published, and a city that signs."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.between.inbox import BrokerAnswer, LinkChanged
from edge.city.publisher import Publisher
from edge.config.sections import CitySection
from edge.records.clock import Clock
from edge.records.ledger import ORDINARY, Ledger
from protocol.city.codes import CodeKind
from protocol.city.envelope import hash_of
from protocol.city.events import CityObeyed, EntryRegistered, Goods
from protocol.city.signed import CityKeys, seal
from protocol.city.topics import Ack, Topics

TOPICS = Topics("410108", "410108001", "01")
CITY = Ed25519PrivateKey.from_private_bytes(bytes(range(7, 39)))
KEYS = CityKeys.parse(CITY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex())
UP = LinkChanged(True)


class Wire:
    """Keeps what is published; message ids count up."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.ids: dict[int, str] = {}
        self.up = True
        self.left: list[str] = []

    def publish(self, topic: str, body: bytes) -> int | None:
        if not self.up:
            return None
        event = json.loads(body)
        self.sent.append((topic, int(event["sequence"])))
        self.ids[int(event["sequence"])] = event["id"]
        return len(self.sent)

    def leave(self, cause: str, why: str) -> None:
        self.left.append(cause)

    def sequences(self) -> list[int]:
        return [sequence for _, sequence in self.sent]

    def mid(self, seq: int) -> int:
        """The newest publish of this record."""
        return max(number for number, (_, one) in enumerate(self.sent, 1) if one == seq)


class Rig(Publisher):
    """A publisher with its wire and a city that signs."""

    def __init__(self, part: CitySection, ledger: Ledger, wire: Wire, clock: Clock, keys: CityKeys = KEYS) -> None:
        super().__init__(part, ledger, TOPICS, wire, clock, keys)
        self.wire = wire
        self.issued = 0

    def sealed(self, said: Ack, station: str = "410108001-01", key: Ed25519PrivateKey = CITY) -> bytes:
        self.issued += 1
        return seal(said.fields(), station, f"2026-11-29T08:00:00.{self.issued:06d}Z", key)

    def hear(
        self,
        upto: int | None = None,
        now: float = 0.0,
        *,
        ids: tuple[int, ...] = (),
        reject: Any = (),
        digest: str = "own",
    ) -> None:
        """The city's answer, signed, with the hash of record ``upto``."""
        if digest == "own":
            digest = hash_of(self._ledger.body(upto)) if upto else ""
        named = tuple(self.wire.ids[seq] for seq in ids)
        self.acknowledged(self.sealed(Ack(upto, named, reject, digest)), False, now)

    def broker(self, seq: int, code: int = 0, now: float = 0.0) -> None:
        """The broker's answer to the newest publish of this record."""
        self.answered(BrokerAnswer(self.wire.mid(seq), "refused" if code >= 128 else "", code), now)

    def counted(self) -> dict[str, int]:
        return dict(self.view("", {}).odd)

    @property
    def word(self) -> str:
        return self.cause()[0]


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def fill(ledger: Ledger, clock: Clock) -> Callable[..., None]:
    def some(count: int, lane: int = ORDINARY, origin: str = "河南") -> None:
        with ledger.batch():
            for _ in range(count):
                code = str(ledger.next_code(CodeKind.TEST))
                goods = Goods(product="01040201", name="大白菜")
                entry = EntryRegistered(goods=goods, net_g=1, origin=origin, supplier="李四", sample="1")
                ledger.append("entry.registered", code, entry, clock.now(), clock.boot_id, lane=lane)

    return some


@pytest.fixture
def obey(ledger: Ledger, clock: Clock) -> Callable[[int], None]:
    """Records of another kind, on another topic."""

    def some(count: int) -> None:
        with ledger.batch():
            for _ in range(count):
                said = CityObeyed(command="x", name="x", issued="", kid="")
                ledger.append("city.obeyed", "410108001-01", said, clock.now(), clock.boot_id)

    return some


@pytest.fixture
def make(ledger: Ledger, wire: Wire, clock: Clock) -> Callable[..., Rig]:
    def publisher(*, up: LinkChanged = UP, keys: CityKeys = KEYS, **changes: object) -> Rig:
        part = CitySection.model_validate({"brokers": ("mqtt://x",), "window": 4, **changes})
        made = Rig(part, ledger, wire, clock, keys)
        made.link(up, 0.0)
        return made

    return publisher

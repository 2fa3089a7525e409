"""Stations for the city's tests: they sign and chain real events, and talk to a real broker."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from paho.mqtt.enums import CallbackAPIVersion

from protocol.city.codes import CodeKind, TraceCode
from protocol.city.envelope import FIRST_PREVHASH, EventHead, hash_of, seal
from protocol.city.state import Reach, encode_state
from protocol.city.token import EPOCH, Flags, Token, TokenKind, TokenVerdict, digest_of, kid_of, url_of
from protocol.city.topics import Ack, Topics, read_ack
from simulator.broker import Broker
from simulator.city import City

HOST = "sy.example.cn"
TIME = "2026-11-22T05:31:07+08:00"
GOODS = {"product": "01040201", "name": "上海青", "name_en": "Pak choi"}


class Signer:
    """A station that only makes events: ``event`` signs, numbers and chains them."""

    def __init__(self, node: str = "410108001", terminal: str = "01", seed: int = 1) -> None:
        self.topics = Topics(node[:6], node, terminal)
        self.name = f"{node}-{terminal}"
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.hex = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        self.sequence = 0
        self.prevhash = FIRST_PREVHASH
        self.source = f"https://{HOST}/edge/{self.name}"

    def code(self, kind: CodeKind, serial: int) -> str:
        return str(TraceCode(self.topics.node, kind, self.topics.terminal, serial))

    def seal(self, kind: str, data: dict[str, Any], sequence: int, prevhash: str, **head: str) -> bytes:
        fields = {
            "id": f"0197-{self.name}-{sequence:06d}",
            "source": self.source,
            "subject": self.name,
            "time": TIME,
            "recordedtime": TIME,
            "bootid": "b1",
            "clockstate": "synced",
        } | head
        return seal(EventHead(kind=kind, **fields), data, sequence, prevhash, self.key)

    def event(self, kind: str, data: dict[str, Any], **head: str) -> bytes:
        """The next event of the chain."""
        self.sequence += 1
        body = self.seal(kind, data, self.sequence, self.prevhash, **head)
        self.prevhash = hash_of(body)
        return body

    def entry(self, serial: int = 1, **changes: Any) -> bytes:
        data = {
            "goods": GOODS,
            "net_g": 52000,
            "origin": "河南中牟",
            "supplier": "中牟合作社",
            "plate": "豫A12345",
            "sample": "S1",
        }
        return self.event("entry.registered", data | changes, subject=self.code(CodeKind.TEST, serial))

    def result(self, serial: int = 1, verdict: str = "qualified", **changes: Any) -> bytes:
        data = {
            "lot": self.code(CodeKind.TEST, serial),
            "goods": GOODS,
            "item": "有机磷和氨基甲酸酯类",
            "value": "12.50",
            "unit": "%",
            "method": "GB/T 5009.199",
            "limit": "50",
            "limit_basis": "instrument",
            "verdict": verdict,
            "screening": True,
            "analyzer": {
                "name": "a1",
                "model": "m",
                "sample": "S1",
                "channel": "1",
                "verdict": None,
                "measured_at": None,
                "raw": "00",
            },
            "source": self.code(CodeKind.SOURCE, serial) if verdict == "qualified" else None,
        }
        return self.event("test.result", data | changes, subject=self.code(CodeKind.TEST, serial))

    def slip(
        self, serial: int = 1, lines: int = 1, contact: str = "13800000000", **names: str
    ) -> tuple[dict[str, Any], str]:
        """The data of a trade, and the address in its QR code."""
        tx, source = self.code(CodeKind.SALE, serial), self.code(CodeKind.SOURCE, 1)
        seller, buyer = f"{self.topics.node}0123", "0" * 13
        line = {
            "amount_fen": 4319,
            "net_g": 12340,
            "price": {"fen": 175, "per_g": 500},
            "product": "01040201",
            "source": source,
        }
        total = 4319 * lines
        slip = {
            "amount_fen": total,
            "buyer": buyer,
            "lines": [line] * lines,
            "seller": seller,
            "time": TIME,
            "tx": tx,
        }
        token = Token(
            TokenKind.SALE,
            kid_of(self.key.public_key()),
            1_795_296_667 - EPOCH,
            tx,
            seller,
            buyer,
            12340 * lines,
            total,
            TokenVerdict.QUALIFIED,
            Flags.CLOCK_TRUSTED | Flags.SCALE_VERIFIED,
            digest_of(slip),
            (source,),
        )
        url = url_of(token, self.key, HOST)
        sold = {
            "goods": GOODS | ({"name": names["goods"]} if "goods" in names else {}),
            "origin": names.get("origin", "河南中牟"),
            "test": {
                "code": self.code(CodeKind.TEST, 1),
                "item": "有机磷和氨基甲酸酯类",
                "verdict": "qualified",
                "value": "12.50",
                "unit": "%",
                "time": "2026-11-22T03:10:00+08:00",
            },
            "weighed": {
                "scale": "scale-1",
                "model": "acs",
                "value": "12.340",
                "unit": "kg",
                "stability": "scale",
                "raw": "00",
                "verified_until": None,
            },
        }
        data = {
            "slip": slip,
            "seller": {"code": seller, "name": names.get("seller", "张家菜摊"), "stall": "A-012", "contact": contact},
            "buyer": {"code": buyer, "name": ""},
            "sold": [sold] * lines,
            "clock_trusted": True,
            "scale_verified": True,
            "digest": digest_of(slip).hex(),
            "url": url,
        }
        return data, url

    def trade(self, serial: int = 1, **names: Any) -> bytes:
        return self.event("trade.completed", self.slip(serial, **names)[0], subject=self.code(CodeKind.SALE, serial))

    def state(self, state: Any = "online") -> bytes:
        return encode_state(
            state,
            self.name,
            self.key,
            time=TIME,
            bootid="b1",
            reach=Reach(self.sequence, self.prevhash),
            software="marketedge 0.1.0",
        )


class Wire:
    """A client at the broker that collects the city's answers to one station."""

    def __init__(self, broker: Broker, topics: Topics) -> None:
        self.topics = topics
        self.acks: list[Ack] = []
        self.payloads: list[bytes] = []
        self.birth: bytes | None = None  # told again after each reconnection, as a station does
        self._changed = threading.Condition()
        self._ready = threading.Event()
        protocol = mqtt.MQTTv5 if broker.mqtt_version == "5" else mqtt.MQTTv311
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self.client.on_connect = lambda client, *_: client.subscribe(topics.ack, 1)
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = self._on_message
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        assert self._ready.wait(10)

    def _on_subscribe(self, *_: Any) -> None:
        self._ready.set()
        if self.birth is not None:
            self.state(self.birth)

    def _on_message(self, _: Any, __: Any, message: mqtt.MQTTMessage) -> None:
        with self._changed:
            self.payloads.append(bytes(message.payload))
            self.acks.append(read_ack(message.payload))
            self._changed.notify_all()

    @property
    def upto(self) -> int:
        return max((ack.upto for ack in self.acks if ack.upto is not None), default=-1)

    @property
    def ids(self) -> set[str]:
        return {one for ack in self.acks for one in ack.ids}

    @property
    def rejected(self) -> dict[str, str]:
        return {one.id: one.code for ack in self.acks for one in ack.rejected}

    def until(self, condition: Callable[["Wire"], bool], seconds: float = 10) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), seconds), f"answers: {self.acks[-5:]}"

    def event(self, body: bytes, alarm: bool = False) -> None:
        topic = self.topics.alarm("test.result") if alarm else self.topics.event("trade.completed")
        self.client.publish(topic, body, qos=1)

    def state(self, body: bytes) -> None:
        self.birth = body
        self.client.publish(self.topics.state, body, qos=1, retain=True)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture(scope="session")
def signer_type() -> Callable[..., Signer]:
    return Signer


@pytest.fixture
def signer() -> Callable[..., Signer]:
    return Signer


@pytest.fixture(scope="session")
def broker_kind() -> str:
    return "mosquitto"


@pytest.fixture
def wire() -> Iterator[Callable[[Broker, Topics], Wire]]:
    made: list[Wire] = []

    def make(broker: Broker, topics: Topics) -> Wire:
        made.append(Wire(broker, topics))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until a condition holds."""

    def wait(condition: Callable[[], object], seconds: float = 10) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, "it did not come to that"
            time.sleep(0.02)

    return wait


@pytest.fixture
def town(broker: Broker, tmp_path: Path, wire: Callable[[Broker, Topics], Wire]) -> Iterator[tuple[City, Signer, Wire]]:
    """A city that knows one station, the station, and its wire."""
    one = Signer()
    with City(broker.url, tmp_path / "city.db", keys={one.name: one.hex}) as city:
        assert city.wait_connected()
        yield city, one, wire(broker, one.topics)

"""Two stations of a market and a real broker: what the gate says of a lot is known at the stall."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.between.commands import OpenLot, Sell
from edge.between.inbox import Refused
from edge.city.mqtt import Mqtt
from edge.records.ledger import Signer
from edge.state.siblings import listen
from protocol.city.node_keys import NodeKeys
from protocol.city.topics import Topics

pytestmark = pytest.mark.broker
WAIT = 30.0
STATION = """
[station]
name = "惠济市场"
jobs = ["gate", "stall"]
node = "410108001"
terminal = "{terminal}"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
[city]
brokers = ["{broker}"]
confirm = "broker"
"""


class Wire:
    """What the core sees of an MQTT thread that may come later, go, and come again."""

    def __init__(self) -> None:
        self.mqtt: Mqtt | None = None
        self.broker = ""
        self.odd: Counter[str] = Counter()

    def publish(self, topic: str, body: bytes) -> int | None:
        return self.mqtt.publish(topic, body) if self.mqtt else None

    def announce(self, topic: str, body: bytes, *, retain: bool = True) -> None:
        if self.mqtt:
            self.mqtt.announce(topic, body, retain=retain)

    def leave(self, cause: str, why: str) -> None:
        """There is one broker only."""


class Member:
    """A station in a thread of its own, with an MQTT thread of its own."""

    def __init__(self, running: Any, market: Any, folder: Path, terminal: str, broker: str, devices: str) -> None:
        folder.mkdir()
        keys = NodeKeys()
        for other in ("01", "02"):
            keys = keys.plus(f"410108001-{other}", market.key(other).public_key())
        (folder / "node.keys").write_text(keys.text(), "utf-8")
        signer = Signer(market.key(terminal), "sy.example.cn", "410108001", terminal)
        self.wire = Wire()
        settings = STATION.format(terminal=terminal, broker=broker) + f"[market]\nsiblings = true\n{devices}"
        self.station = running(folder, signer, settings, market.clock, wire=self.wire)
        self.topics = Topics("410108", "410108001", terminal)
        self.station.core._birth = lambda reach: b'{"state":"online"}'
        self.connect()

    def connect(self) -> None:
        part, inbox = self.station.config.city, self.station.inbox
        self.wire.mqtt = Mqtt(part, f"me-{self.topics.terminal}", (self.topics.ack,), None, inbox, listen(self.topics))
        self.wire.mqtt.start()
        self.until(lambda board: board.city.up)

    def disconnect(self) -> None:
        assert self.wire.mqtt is not None
        self.wire.mqtt.stop()
        self.wire.mqtt.join(10)
        self.wire.mqtt = None

    def until(self, met: Callable[[Any], bool]) -> float:
        """Wait for it to stand on the board; answers the seconds."""
        changed, began = threading.Event(), time.monotonic()
        end = self.station.showing.watch(changed.set)
        try:
            while not met(self.station.showing.board):
                assert changed.wait(WAIT), "it did not come"
                changed.clear()
        finally:
            end()
        return time.monotonic() - began

    def tests(self, code: str, value: str) -> None:
        """A result comes, when all that was said before is at the broker: it takes a minute of the hand-made clock."""
        self.until(lambda board: board.city.pending == 0)
        self.station.hands_over(self.station.result(self.station.lot(code).sample, value))

    def refuses(self, command: Any) -> str:
        with pytest.raises(Refused) as told:
            self.station.does(command)
        return told.value.code


@pytest.fixture
def member(
    running: Any, market: Any, counter_devices: str, tmp_path: Path, mosquitto: Callable[..., Any], link: Any
) -> Iterator[Callable[[str], Member]]:
    broker = mosquitto()
    link(f"mqtt://127.0.0.1:{broker.port}", listen=("mkt/#",)).up()  # somebody who takes the records
    made: list[Member] = []

    def start(terminal: str) -> Member:
        folder = tmp_path / f"box-{terminal}"
        made.append(Member(running, market, folder, terminal, f"mqtt://127.0.0.1:{broker.port}", counter_devices))
        return made[-1]

    yield start
    for one in made:
        if one.wire.mqtt:
            one.disconnect()
        one.station.stop()


def releases(gate: Member) -> tuple[str, str]:
    """A lot that the gate releases: its test code and its source code."""
    code = gate.station.enters()
    gate.tests(code, "12.5")
    return code, str(gate.station.lot(code).source)


def test_released_at_the_gate_and_stopped_at_the_stall(member: Callable[[str], Member]) -> None:
    gate, stall = member("01"), member("02")
    code, source = releases(gate)
    stall.until(lambda board: [offer.source for offer in board.offers] == [source])
    assert stall.station.does(OpenLot(code=source))["left_g"] == 250_000
    gate.until(lambda board: board.lots[0].left_g == 0)
    gate.tests(code, "68.7")
    stall.until(lambda board: board.lots[0].why == "stopped")
    assert stall.refuses(Sell(scale="scale-1", product="01040201", lot=source)) == "lot_stopped"


def test_a_stall_that_was_away_is_told_at_its_next_contact(member: Callable[[str], Member]) -> None:
    gate, stall = member("01"), member("02")
    code, source = releases(gate)
    stall.until(lambda board: bool(board.offers))
    stall.station.does(OpenLot(code=source))
    stall.disconnect()
    gate.tests(code, "68.7")
    gate.until(lambda board: board.city.pending == 0)
    assert stall.station.board.lots[0].why == ""
    gate.station.clock.go(1)
    stall.connect()
    stall.until(lambda board: board.lots[0].why == "stopped")


def test_a_broker_that_does_not_let_us_hear_the_others_is_no_fault_of_the_link(link: Any, handmade: Any) -> None:
    def play(caller: Any, _: int) -> None:
        for first, body in iter(caller.read, None):
            if first & 0xF0 == 0x10:
                caller.send(0x20, b"\x00\x00\x00")
            elif first & 0xF0 == 0x80:
                caller.send(0x90, body[:2] + b"\x00" + (b"\x87" if b"others" in body else b"\x01"))

    up = link(handmade(play).url, also=("others",)).up()
    assert (up.cause, up.why) == ("", "")

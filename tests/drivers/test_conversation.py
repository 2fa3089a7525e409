"""A conversation with time handed in: who is heard when, and what goes out when."""

from typing import Any

import pytest

from drivers.conversation import Conversation, Turn
from drivers.transports import LinkLost
from drivers.transports.recorder import Chunk
from protocol.readings import Reply
from protocol.scales import mt_sics
from protocol.session import Listening, Wish
from simulator.scales._pan import Pan, find
from simulator.wires.table import Table


class Wire:
    """Says these chunks, each after as long as was waited for it; writes down everything that happens."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)
        self.now = 100.0
        self.log: list[Any] = []

    def clock(self) -> float:
        return self.now

    def read(self, timeout: float = 0.2) -> bytes:
        self.log.append(("wait", round(timeout, 3)))
        self.now += timeout
        if not self.chunks:
            raise LinkLost("unplugged")
        return self.chunks.pop(0)

    def write(self, data: bytes) -> None:
        self.log.append(("write", data))

    def close(self) -> None:
        self.log.append("close")


class Asks(Listening):
    """Wants to be woken every half second and then asks; calls each chunk a reply."""

    def __init__(self) -> None:
        self.deadline = 100.5
        self.out = b""
        self.times: list[tuple[str, float]] = []

    def receive(self, data: bytes, now: float) -> list[Any]:
        self.times.append(("receive", now))
        return [Reply(data.decode())]

    def expired(self, now: float) -> list[Any]:
        self.times.append(("expired", now))
        self.deadline = now + 0.5
        self.out = b"?"
        return [Reply("woken")]

    def pending(self) -> bytes:
        out, self.out = self.out, b""
        return out

    def committed(self, now: float) -> None:
        self.out += b"\x06"


def test_it_waits_no_longer_than_the_session_and_asks_at_the_beginning_of_the_next_turn():
    wire, session = Wire(b"a", b"", b"b"), Asks()
    talk = Conversation(wire, session, wire.clock)
    assert talk.turn(0.3) == Turn(b"", 100.0, b"a", 100.3, [Reply("a")])
    assert talk.turn(0.3) == Turn(b"", 100.3, b"", 100.5, [Reply("woken")])
    assert talk.turn(0.3) == Turn(b"?", 100.5, b"b", 100.8, [Reply("b")])
    assert wire.log == [("wait", 0.3), ("wait", 0.2), ("write", b"?"), ("wait", 0.3)]
    assert session.times == [("receive", 100.3), ("expired", 100.5), ("receive", 100.8)]


def test_what_came_in_time_is_understood_before_the_session_is_woken():
    wire, session = Wire(b"a"), Asks()
    assert Conversation(wire, session, wire.clock).turn(2.0).events == [Reply("a"), Reply("woken")]


def test_a_session_that_is_late_is_woken_without_waiting():
    wire, session = Wire(b""), Asks()
    wire.now = 200.0
    assert Conversation(wire, session, wire.clock).turn(2.0).events == [Reply("woken")]
    assert wire.log == [("wait", 0.0)]


def test_what_the_session_is_told_between_two_turns_goes_out_before_anything_is_waited_for():
    wire, session = Wire(b"a", b""), Asks()
    talk = Conversation(wire, session, wire.clock)
    session.committed(talk.turn().at)
    assert talk.turn().sent == b"\x06"
    assert wire.log[1] == ("write", b"\x06")


def test_each_chunk_is_noted_with_its_time_before_anything_is_made_of_it():
    noted: list[Chunk] = []
    wire, session = Wire(b"a", b"", b"bad"), Asks()
    talk = Conversation(wire, session, wire.clock, noted.append)
    talk.turn(0.5)
    session.receive = lambda data, now: {}["a fault of the program"]
    talk.turn(0.5)
    with pytest.raises(KeyError):
        talk.turn(0.25)
    assert noted == [
        Chunk(100.5, True, b"a"),
        Chunk(100.5, False, b"?"),
        Chunk(101.0, False, b"?"),
        Chunk(101.25, True, b"bad"),
    ]


def test_a_device_that_goes_ends_it_and_the_transport_stays_the_callers():
    wire = Wire()
    with pytest.raises(LinkLost, match="unplugged"):
        Conversation(wire, Asks(), wire.clock).turn()
    assert "close" not in wire.log


def test_a_scale_is_asked_tared_and_read_on_a_handed_clock():
    pan = Pan(settle=0.0)
    table = Table(find("mt_sics")(pan))
    session = mt_sics.session(mt_sics.Options(poll=0.1))
    talk = Conversation(table, session, table.clock)

    def weights(until: float) -> list[Any]:
        seen = []
        while table.now < until:
            seen += [event.value for event in talk.turn().events if getattr(event, "value", None) is not None]
        return seen

    assert set(map(str, weights(1.0))) == {"0.000"}
    pan.put(type(weights(1.2)[0])("1.500"), table.now)
    assert str(weights(2.0)[-1]) == "1.500"
    assert session.ask(Wish.TARE, table.now)
    assert str(weights(3.0)[-1]) == "0.000"

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest

from drivers.conversation import Conversation
from protocol.readings import Event, Garbage
from protocol.session import Decoder, Session
from simulator.wires.table import Table

Feed = Callable[..., list[Event]]


@pytest.fixture(scope="session")
def readings() -> Feed:
    """What a decoder makes of the bytes, cut at these places, without the garbage."""

    def feed(decoder: Decoder, data: bytes, cuts: Iterable[int] = ()) -> list[Event]:
        edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
        events = [event for start, end in pairwise(edges) for event in decoder.feed(data[start:end])]
        return [event for event in events if not isinstance(event, Garbage)]

    return feed


@pytest.fixture(scope="session")
def damage() -> Callable[..., bytes]:
    """The bytes with one of them flipped, lost or doubled."""

    def spoil(data: bytes, at: int, what: str, flip: int = 1) -> bytes:
        spoilt = bytearray(data)
        if what == "flip":
            spoilt[at] ^= flip
        elif what == "lose":
            del spoilt[at]
        else:
            spoilt.insert(at, spoilt[at])
        return bytes(spoilt)

    return spoil


@pytest.fixture(scope="session")
def talk() -> Callable[..., list[Event]]:
    """What a session makes of a simulated device between two times, in steps of a hundredth of a second."""

    def run(session: Session, device: Any, start: float, end: float) -> list[Event]:
        table = Table(device, now=start)
        conversation = Conversation(table, session, table.clock)
        events: list[Event] = []
        while table.now < end:
            events += conversation.turn().events
        return events

    return run

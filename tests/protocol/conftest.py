from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest

from protocol.readings import Event, Garbage
from protocol.session import Decoder, Session

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
        events: list[Event] = []
        for step in range(round((end - start) * 100) + 1):
            now = start + step / 100
            if session.deadline is not None and session.deadline <= now:
                events += session.expired(now)
            if out := session.pending():
                device.receive(out, now)
            if data := device.pending(now):
                events += session.receive(data, now)
        return events

    return run

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


class Dialogue:
    """What a session and a device say to each other, from top to bottom.

        conversation(session).at(0.0).station(ENQ).device(ACK).station(DC1).at(0.1).device(frame).reading(weight)

    Time stands still until the next ``at``, which wakes the session at every deadline on the way.  All that the station
    says has to stand there before the device speaks again.
    """

    def __init__(self, session: Any) -> None:
        self.session = session
        self._now = 0.0
        self._said = b""
        self._events: list[Event] = []

    def at(self, now: float) -> "Dialogue":
        """Time passes until then."""
        self._all_was_told()
        self._events = []
        while self.session.deadline is not None and self.session.deadline <= now:
            self._now = max(self._now, self.session.deadline)
            self._events += self.session.expired(self._now)
            self._said += self.session.pending()
        self._now = now
        return self

    def device(self, *chunks: bytes) -> "Dialogue":
        """The device says this."""
        self._all_was_told()
        self._events = [event for data in chunks for event in self.session.receive(data, self._now)]
        self._said = self.session.pending()
        return self

    def station(self, data: bytes = b"") -> "Dialogue":
        """The station has said this, and nothing else; nothing at all when it is left out."""
        assert self._said == data
        self._said = b""
        return self

    def reading(self, *wanted: Event | type) -> "Dialogue":
        """What the session made of it: these events, or events of these kinds."""
        kinds = [type(event) if isinstance(want, type) else event for event, want in zip(self._events, wanted)]  # noqa: B905
        assert kinds == list(wanted) and len(self._events) == len(wanted), self._events
        return self

    def commit(self) -> "Dialogue":
        """All that was handed over is on disk."""
        self._all_was_told()
        self.session.committed(self._now)
        self._said = self.session.pending()
        return self

    def wakes(self, at: float | None) -> "Dialogue":
        """When the session wants to be woken."""
        assert self.session.deadline == (at if at is None else pytest.approx(at))
        return self

    def _all_was_told(self) -> None:
        assert not self._said, f"the station said {self._said!r} too"


@pytest.fixture(scope="session")
def conversation() -> type[Dialogue]:
    return Dialogue

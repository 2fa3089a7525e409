"""Sessions written as a conversation: "send this, then expect that" as a generator that reads like prose.

A conversation yields what it does next:

    event = yield Send(request, patience)   the next reply, or None after ``patience`` seconds of silence
    yield Give(event)                       hand a result over, or garbage
    yield Commit()                          go on when everything given is on disk
    yield Rest(seconds)                     go on after a while

Each reply is handed to the conversation once, and only while it waits in ``Send``.  What had already arrived when a
request went out is never taken for its answer.  After silence the half frame that may have come is dropped.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from typing import TypeGuard

from protocol.frozen import frozen
from protocol.readings import Event, Garbage, Reply, TestResult
from protocol.session import Decoder, Listening, Speaking

HANDED_CAP = 10_000  # identities remembered; more than the memory of any of these instruments
OTHERS_CAP = 100  # replies that are not the one asked for, before the question is asked again


@frozen
class Send:
    """Send these bytes (none: just listen) and wait for a reply."""

    request: bytes
    patience: float


@frozen
class Give:
    """Hand this over."""

    event: Event


@frozen
class Commit:
    """Wait until everything given is on disk."""


@frozen
class Rest:
    """Wait so many seconds."""

    seconds: float


Step = Send | Give | Commit | Rest
Talk = Generator[Step, Event | None, None]
Answer = Generator[Step, Event | None, Reply | None]
Collected = Generator[Step, Event | None, list[TestResult] | None]


class Dialogue(Speaking):
    """The session of a conversation. ``now`` is the time handed in last, for the conversation to read."""

    def __init__(self, decoder: Decoder, talk: Callable[["Dialogue"], Talk]) -> None:
        super().__init__()
        self._decoder = decoder
        self._talk = talk(self)
        self._step: Step | None = None  # what is waited for; None before the first word
        self._uncommitted = False
        self._asked = False  # a request went out while the bytes at hand were being read
        self.heard = bytearray()  # what came since the last request, capped
        self.now = 0.0
        self.deadline: float | None = 0.0

    def receive(self, data: bytes, now: float) -> list[Event]:
        self.now = now
        self._asked = False
        if len(self.heard) < 1024:
            self.heard += data
        events: list[Event] = []
        for event in self._decoder.feed(data):
            if isinstance(event, Garbage | Reply):
                events.append(event)
            if not isinstance(event, Garbage) and isinstance(self._step, Send) and not self._asked:
                self._advance(event, events)
        return events

    def expired(self, now: float) -> list[Event]:
        self.now = now
        events: list[Event] = []
        if isinstance(self._step, Send):
            events += [event for event in self._decoder.finish() if isinstance(event, Garbage | Reply)]
        self._advance(None, events)
        return events

    def committed(self, now: float) -> None:
        self._uncommitted = False
        if isinstance(self._step, Commit):
            self.deadline = now

    def _advance(self, event: Event | None, events: list[Event]) -> None:
        """Let the conversation go on until it waits for something."""
        step = next(self._talk) if self._step is None else self._talk.send(event)
        while True:
            self._step = step
            match step:
                case Give(given):
                    events.append(given)
                    self._uncommitted = self._uncommitted or not isinstance(given, Garbage | Reply)
                case Commit():
                    if self._uncommitted:
                        self.deadline = None
                        return
                case Rest(seconds):
                    self.deadline = self.now + seconds
                    return
                case Send(request, patience):
                    if request:
                        self._out += request
                        self._asked = True
                        self.heard.clear()
                    self.deadline = self.now + patience
                    return
            step = next(self._talk)


class Once:
    """Remembers what was handed over, so that an instrument that sends its whole memory again adds nothing.

    A result handed over as not sure is new once more when it is sure.
    """

    def __init__(self) -> None:
        self._handed: dict[str, bool] = {}  # by identity: was it sure?

    def knows(self, result: TestResult) -> bool:
        return self._handed.get(result.identity, False) or (result.identity in self._handed and not result.sure)

    def is_new(self, result: TestResult) -> bool:
        """Note it as handed over; False when it was so before."""
        if self.knows(result):
            return False
        self._handed[result.identity] = result.sure
        if len(self._handed) > HANDED_CAP:
            del self._handed[next(iter(self._handed))]
        return True


class Twice:
    """Tells which records without a check came before, alike to the last field: these are sure.

    Two damages that give the same other record are not to be expected.
    """

    def __init__(self) -> None:
        self._heard: dict[str, TestResult] = {}

    def judged(self, events: Iterable[Event]) -> list[Event]:
        """What one transfer brought, with the results that an earlier one brought alike as sure."""
        events = list(events)
        judged = [replace(event, sure=True) if self._came(event) else event for event in events]
        for event in events:
            if isinstance(event, TestResult) and not event.sure:
                self._heard.pop(event.identity, None)
                self._heard[event.identity] = event
                if len(self._heard) > HANDED_CAP:
                    del self._heard[next(iter(self._heard))]
        return judged

    def _came(self, event: Event) -> TypeGuard[TestResult]:
        return isinstance(event, TestResult) and self._heard.get(event.identity) == event


class Repeating(Listening):
    """Session of an instrument that sends each result by itself, without a check: one sent again alike is sure."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__(decoder)
        self._twice = Twice()

    def receive(self, data: bytes, now: float) -> list[Event]:
        return [judged for event in super().receive(data, now) for judged in self._twice.judged([event])]


def ask(request: bytes, *whats: str, patience: float, tries: int) -> Answer:
    """The reply of one of these names to the request, or None when it does not come in ``tries`` times."""
    for _ in range(tries):
        for others in range(OTHERS_CAP):
            event = yield Send(b"" if others else request, patience)
            if event is None:
                break
            if isinstance(event, Reply) and event.what in whats:
                return event
    return None


def ask_twice(request: bytes, *whats: str, patience: float, tries: int) -> Answer:
    """As ``ask``, but the reply has to come twice in the same bytes: for checks that cannot see every damage."""
    before: Reply | None = None
    for _ in range(tries + 1):
        reply = yield from ask(request, *whats, patience=patience, tries=tries)
        if reply is None or (before is not None and reply.raw == before.raw):
            return reply
        before = reply
    return None


def collect(request: bytes, *, patience: float, tries: int) -> Collected:
    """All results that follow the request, up to the reply ``end``; None when the end does not come."""
    for _ in range(tries):
        found: list[TestResult] = []
        event = yield Send(request, patience)
        while event is not None and len(found) < HANDED_CAP:
            if isinstance(event, TestResult):
                found.append(event)
            elif isinstance(event, Reply) and event.what == "end":
                return found
            event = yield Send(b"", patience)
    return None


class Expanding:
    """A decoder whose frames hold several events each: ``frames`` finds them, ``expand`` reads what is in one."""

    def __init__(self, frames: Decoder, expand: Callable[[Reply], list[Event]]) -> None:
        self._frames = frames
        self._expand = expand

    def feed(self, data: bytes) -> list[Event]:
        return self._all(self._frames.feed(data))

    def finish(self) -> list[Event]:
        return self._all(self._frames.finish())

    def _all(self, events: list[Event]) -> list[Event]:
        return [each for event in events for each in (self._expand(event) if isinstance(event, Reply) else [event])]

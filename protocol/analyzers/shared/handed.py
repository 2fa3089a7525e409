"""What comes whole, a file or an upload, in the envelope of ``protocol.files`` and answered once it is committed."""

from collections.abc import Callable

from protocol.files import File, Files
from protocol.readings import Event, Garbage, TestResult, Ticket
from protocol.session import Speaking

Read = Callable[[bytes], list[Event]]
Answer = Callable[[str, list[Event]], bytes]
"""What whoever handed it over is told, by the content's digest and what was read of it."""


class Decoder:
    """One after the other, or one without an envelope."""

    def __init__(self, read: Read) -> None:
        self._files = Files()
        self._read = read

    def feed(self, data: bytes) -> list[Event]:
        return [event for found in self._files.feed(data) for event in self.read(found)]

    def finish(self) -> list[Event]:
        return [event for found in self._files.finish() for event in self.read(found)]

    def read(self, found: File | Garbage) -> list[Event]:
        return [found] if isinstance(found, Garbage) else self._read(found.content)


class Session(Speaking):
    """Hands over the results of each, and answers after the commit; one with nothing to commit is answered at once.

    The port gives the next one only after the answer to the one before, so a commit speaks of one.  What a person has
    to read is committed too: whoever handed it over need not do so again.
    """

    deadline: float | None = None

    def __init__(self, read: Read, answer: Answer) -> None:
        super().__init__()
        self._files = Files()
        self._decoder = Decoder(read)
        self._answer = answer
        self._held = bytearray()

    def receive(self, data: bytes, now: float) -> list[Event]:
        events: list[Event] = []
        for found in self._files.feed(data):
            read = self._decoder.read(found)
            events += read
            if isinstance(found, File):
                final = any(isinstance(event, TestResult | Ticket) for event in read)
                (self._held if final else self._out).extend(self._answer(found.digest, read))
        return events

    def expired(self, now: float) -> list[Event]:
        return []

    def committed(self, now: float) -> None:
        self._out += self._held
        self._held.clear()

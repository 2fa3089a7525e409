"""Cutting a byte stream into frames, for the shapes that many formats share.

A framer never keeps more than about twice ``cap`` bytes: a stream without frames costs a ``Garbage`` every ``cap``
bytes, not memory.  After noise the next complete frame is found again.  The cost is linear in the bytes fed, whatever
the bytes are.  Readings do not depend on the chunking; how noise is grouped into ``Garbage`` may.
"""

from collections.abc import Callable

from protocol.readings import Event, Garbage

Decode = Callable[[bytes], Event]
Measure = Callable[[bytes], int | None]
LateMeasure = Callable[[bytes, bool], int | None]

PARITY_WHY = "parity: bytes with bit 7 set; the line is probably 7 data bits with parity, read as 8n1"
NO_FRAME = "no frame starts here"
CUT = "cut: the stream ended inside a frame"
PARITY_BYTES = 4  # fewer bytes with bit 7 are noise, not a diagnosis


def parity_suspect(frame: bytes) -> bool:
    """True for a 7E1 or 7O1 line read as 8N1: bytes with bit 7, printable without it, and all of the same parity."""
    return (
        any(byte & 0x80 for byte in frame)
        and len({byte.bit_count() % 2 for byte in frame}) == 1
        and all(0x20 <= byte & 0x7F < 0x7F or byte & 0x7F in (0x02, 0x03, 0x0A, 0x0D) for byte in frame)
    )


class Lines:
    """Frames that end with a terminator (``CR LF`` unless told otherwise); empty lines are skipped.

    ``decode`` gets the line without its terminator.  NUL and 7F bytes in front of a line are power-on noise and
    are dropped.  With ``drop_first`` everything before the first terminator is dropped without a word, for formats
    whose cut tail could still look whole.  A line longer than ``cap`` is told in pieces of ``cap`` bytes; its tail up
    to the terminator is never a line of its own.
    """

    def __init__(
        self, decode: Decode, *, terminator: bytes = b"\r\n", cap: int = 256, drop_first: bool = False
    ) -> None:
        self._decode = decode
        self._terminator = terminator
        self._cap = cap
        self._buffer = bytearray()
        self._dropping = drop_first
        self._searched = 0  # no terminator begins before it

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        self._buffer += data
        while (end := self._buffer.find(self._terminator, self._searched)) >= 0:
            end -= self._shorten(end, 0, events)
            line = bytes(self._buffer[:end]).lstrip(b"\x00\x7f")
            del self._buffer[: end + len(self._terminator)]
            self._searched = 0
            if self._dropping:
                self._dropping = False
            elif line:
                events.append(self._decode(line))
        # A terminator that has begun to arrive is not counted as part of the line.
        self._shorten(len(self._buffer), len(self._terminator) - 1, events)
        self._searched = max(0, len(self._buffer) - len(self._terminator) + 1)
        return events

    def finish(self) -> list[Event]:
        """The stream is over: what is left of a line, as Garbage. The next byte fed starts afresh."""
        left = bytes(self._buffer).lstrip(b"\x00\x7f")
        dropping, self._dropping = self._dropping, False
        self._buffer.clear()
        self._searched = 0
        return [_no_frame(left, CUT)] if left and not dropping else []

    def _shorten(self, length: int, spare: int, events: list[Event]) -> int:
        """Take pieces off the buffer's front until no more than ``cap`` of its first ``length`` bytes are left.

        Answers how many bytes it took.
        """
        taken = 0
        while length - taken > self._cap + spare:
            events.append(_no_frame(bytes(self._buffer[: self._cap]), f"no line end within {self._cap} bytes"))
            del self._buffer[: self._cap]
            taken += self._cap
            self._dropping = True
        return taken


class AnyEnd:
    """``Lines`` that end with CR, LF or both."""

    def __init__(self, decode: Decode, *, cap: int) -> None:
        self._lines = Lines(decode, terminator=b"\n", cap=cap)

    def feed(self, data: bytes) -> list[Event]:
        return self._lines.feed(data.replace(b"\r", b"\n"))

    def finish(self) -> list[Event]:
        return self._lines.finish()


class Scanner:
    """Frames found by looking at the start of the buffer, for binary formats with a head, a length and a check.

    ``measure(buffer)`` looks at the buffer's first bytes (at most ``look``, which is ``cap`` unless told) and answers
    the length of the frame that starts there, ``None`` when more bytes are needed to tell, or ``0`` when no frame
    starts there.  ``decode`` may still refuse a whole frame by returning ``Garbage``: then one byte is dropped and
    the search goes on inside it, so a false head never swallows the true frame behind it.  A frame that repeats the
    one before is not decoded again: a load that lies still says the same ten times a second.

    Keep ``look`` small and answer ``0`` early: a noisy line is full of heads.
    """

    def __init__(
        self, measure: Measure, decode: Decode, *, head: bytes, cap: int = 1024, look: int | None = None
    ) -> None:
        self._measure = measure
        self._decode = decode
        self._head = head
        self._cap = cap
        self._look = look or cap
        self._buffer = b""
        self._noise = bytearray()
        self._why = NO_FRAME
        self._frame = b""  # decoded last, to …
        self._said: Event | None = None

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        buffer = self._buffer + data
        end = len(buffer)
        at = 0  # everything before it is dealt with
        while at < end:
            start = buffer.find(self._head, at)
            if start < 0:
                start = max(at, end - _overlap(buffer, self._head))
                self._skip(buffer[at:start], NO_FRAME, events)
                at = start
                break
            if start > at:
                self._skip(buffer[at:start], NO_FRAME, events)
                at = start
            length = self._measure(buffer[at : at + self._look])
            if length is None and end - at < self._look:
                break
            if not length or length > self._cap:
                self._skip(buffer[at : at + 1], NO_FRAME, events)
                at += 1
                continue
            if end - at < length:
                break
            event = self._decoded(buffer[at : at + length])
            if isinstance(event, Garbage):
                self._skip(buffer[at : at + 1], event.why, events)
                at += 1
                continue
            self._flush(events)
            events.append(event)
            at += length
        self._buffer = buffer[at:]
        if not self._buffer:
            self._flush(events)
        return events

    def _decoded(self, frame: bytes) -> Event:
        if self._said is None or frame != self._frame:
            self._frame, self._said = frame, self._decode(frame)
        return self._said

    def finish(self) -> list[Event]:
        """The stream is over: what is left, as Garbage. The next byte fed starts afresh."""
        events: list[Event] = []
        self._skip(self._buffer, CUT, events)
        self._buffer = b""
        self._flush(events)
        return events

    def _skip(self, noise: bytes, why: str, events: list[Event]) -> None:
        """Put bytes to the noise; a run of it is told once, with the first reason that says something."""
        if noise and self._why == NO_FRAME:
            self._why = why
        self._noise += noise
        while len(self._noise) >= self._cap:
            events.append(_no_frame(bytes(self._noise[: self._cap]), self._why))
            del self._noise[: self._cap]
            self._why = NO_FRAME

    def _flush(self, events: list[Event]) -> None:
        if self._noise:
            events.append(_no_frame(bytes(self._noise), self._why))
            self._noise.clear()
        self._why = NO_FRAME


class LateScanner(Scanner):
    """A ``Scanner`` for frames of which only the byte behind shows where they end.

    ``measure`` is told with the bytes whether nothing follows them: the line fell silent, or the stream is over.
    """

    def __init__(self, measure: LateMeasure, decode: Decode, *, head: bytes, cap: int, look: int) -> None:
        self._over = False
        super().__init__(lambda buffer: measure(buffer, self._over), decode, head=head, cap=cap, look=look)

    def take_rest(self) -> list[Event]:
        """Nothing follows: a frame that waited for the byte behind it is whole. One that is cut stays."""
        self._over = True
        events = self.feed(b"")
        self._over = False
        return events

    def finish(self) -> list[Event]:
        return self.take_rest() + super().finish()


def _no_frame(data: bytes, why: str) -> Garbage:
    """Bytes without a frame: a parity mistake also spoils heads and terminators (CR with even parity is 8D)."""
    return Garbage(data, PARITY_WHY if len(data) >= PARITY_BYTES and parity_suspect(data) else why)


def _overlap(buffer: bytes, head: bytes) -> int:
    """How many bytes at the buffer's end could be the beginning of ``head``."""
    return next((n for n in range(min(len(head) - 1, len(buffer)), 0, -1) if buffer.endswith(head[:n])), 0)

"""Cutting a byte stream into frames, for the shapes that many formats share.

A framer never keeps more than ``cap`` bytes: a stream without terminator costs a ``Garbage`` every ``cap`` bytes,
not memory.  After noise the next complete frame is found again.
"""

from collections.abc import Callable

from protocol.readings import Event, Garbage

Decode = Callable[[bytes], Event]

PARITY_WHY = "parity: bytes with bit 7 set; the line is probably 7 data bits with parity, read as 8n1"


def parity_suspect(frame: bytes) -> bool:
    """True when some bytes have bit 7 set and the rest is printable: a 7E1 or 7O1 line read as 8N1."""
    return any(byte & 0x80 for byte in frame) and all(
        0x20 <= byte & 0x7F < 0x7F or byte & 0x7F in (0x02, 0x03, 0x0A, 0x0D) for byte in frame
    )


class Lines:
    """Frames that end with a terminator (``CR LF`` unless told otherwise); empty lines are skipped.

    ``decode`` gets the line without its terminator.  NUL and 7F bytes in front of a line are power-on noise and
    are dropped.  With ``drop_first`` everything before the first terminator is dropped without a word, for formats
    whose cut tail could still look whole.
    """

    def __init__(
        self, decode: Decode, *, terminator: bytes = b"\r\n", cap: int = 256, drop_first: bool = False
    ) -> None:
        self._decode = decode
        self._terminator = terminator
        self._cap = cap
        self._buffer = bytearray()
        self._dropping = drop_first

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        self._buffer += data
        while (end := self._buffer.find(self._terminator)) >= 0:
            line = bytes(self._buffer[:end]).lstrip(b"\x00\x7f")
            del self._buffer[: end + len(self._terminator)]
            if self._dropping:
                self._dropping = False
            elif len(line) > self._cap:
                events.append(Garbage(line[: self._cap], f"line longer than {self._cap} bytes"))
            elif line:
                events.append(self._decode(line))
        if len(self._buffer) > self._cap:
            if not self._dropping:
                events.append(Garbage(bytes(self._buffer[: self._cap]), f"no line end within {self._cap} bytes"))
            # What follows up to the next terminator is the tail of this line, never a line of its own.
            keep = len(self._terminator) - 1
            del self._buffer[: len(self._buffer) - keep]
            self._dropping = True
        return events


class Scanner:
    """Frames found by looking at the start of the buffer, for binary formats with a head, a length and a check.

    ``measure(buffer)`` looks at the buffer's first bytes and answers the length of the frame that starts there,
    ``None`` when more bytes are needed to tell, or ``0`` when no frame starts there.  ``decode`` may still refuse
    a whole frame by returning ``Garbage``: then one byte is dropped and the search goes on inside it, so a false
    head never swallows the true frame behind it.
    """

    def __init__(
        self, measure: Callable[[bytes], int | None], decode: Decode, *, head: bytes, cap: int = 1024
    ) -> None:
        self._measure = measure
        self._decode = decode
        self._head = head
        self._cap = cap
        self._buffer = bytearray()
        self._noise = bytearray()
        self._why = ""

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        self._buffer += data
        while self._buffer:
            start = self._buffer.find(self._head)
            if start < 0:
                start = len(self._buffer) - _overlap(self._buffer, self._head)
            if start:
                self._skip(start, "no frame starts here", events)
                if not self._buffer.startswith(self._head):
                    break
            length = self._measure(bytes(self._buffer[: self._cap]))
            if length is None and len(self._buffer) < self._cap:
                break
            if not length or length > self._cap:
                self._skip(1, "not the start of a frame", events)
                continue
            if len(self._buffer) < length:
                break
            frame = bytes(self._buffer[:length])
            event = self._decode(frame)
            if isinstance(event, Garbage):
                self._skip(1, event.why, events)
                continue
            self._flush(events)
            events.append(event)
            del self._buffer[:length]
        else:
            self._flush(events)
        return events

    def _skip(self, count: int, why: str, events: list[Event]) -> None:
        """Move bytes to the noise; a run of noise is told once, with the first reason that says most."""
        self._noise += self._buffer[:count]
        if not self._why or self._why == "no frame starts here":
            self._why = why
        del self._buffer[:count]
        if len(self._noise) >= self._cap:
            self._flush(events)

    def _flush(self, events: list[Event]) -> None:
        if self._noise:
            events.append(Garbage(bytes(self._noise), self._why))
            self._noise.clear()
            self._why = ""


def _overlap(buffer: bytearray, head: bytes) -> int:
    """How many bytes at the buffer's end could be the beginning of ``head``."""
    return next((n for n in range(min(len(head) - 1, len(buffer)), 0, -1) if buffer.endswith(head[:n])), 0)

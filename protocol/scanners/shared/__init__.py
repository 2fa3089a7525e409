"""What all scanners' formats share; no format of its own."""

from typing import Protocol

from protocol.framing import CUT
from protocol.readings import Event, Garbage, Scan
from protocol.session import Decoder, Listening

LONGEST = 3000  # characters of a code: QR holds 2,953 bytes at most
SEPARATOR = "\x1d"


def scan(text: str, raw: bytes) -> Event:
    """The code, without the blanks around it; Garbage for what is none."""
    said = text.strip(" \t\r\n\0")
    if not said:
        return Garbage(raw, "an empty code")
    if any(not (char.isprintable() or char in (SEPARATOR, "\n", "\t", "\r")) for char in said):
        return Garbage(raw, "characters that no code has; check speed and parity")
    return Scan(said, raw)


def cut(left: bytes) -> list[Event]:
    return [Garbage(left, CUT)] if left else []


class PausedDecoder(Decoder, Protocol):
    @property
    def begun(self) -> bool:
        """A code has begun and not ended."""
        ...

    def rest(self) -> list[Event]:
        """The scanner fell silent: what has begun is a whole code."""
        ...


class UntilPause(Listening):
    """Listens; ``rest`` seconds without a byte end a code."""

    def __init__(self, decoder: PausedDecoder, rest: float) -> None:
        super().__init__(decoder)
        self._paused, self._rest = decoder, rest

    def receive(self, data: bytes, now: float) -> list[Event]:
        events = self._paused.feed(data)
        self.deadline = now + self._rest if self._paused.begun else None
        return events

    def expired(self, now: float) -> list[Event]:
        self.deadline = None
        return self._paused.rest()

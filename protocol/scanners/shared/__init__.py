"""What all scanners' formats share; no format of its own."""

from protocol.framing import CUT
from protocol.readings import Event, Garbage, Scan

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

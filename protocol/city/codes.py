"""Codes of the traceability contract (part C1): trace codes, operator codes, device ids.

A trace code has 20 digits, ``NNNNNNNNN K TT SSSSSSS C``: node, kind, terminal, serial, check digit MOD 11,10.  The
node is an opaque number the city gives.  There is no date inside, so a dead clock cannot spoil a code.
"""

import re
from enum import Enum
from functools import lru_cache

from protocol.checks import mod11_10
from protocol.frozen import frozen

NODE = re.compile(r"[0-9]{9}")
OPERATOR = re.compile(r"[0-9]{13}")
TERMINAL = re.compile(r"[0-9]{2}")
MAX_SERIAL = 9_999_999
DIGITS = 20
WALK_IN = "0" * 13


class CodeKind(Enum):
    """The tenth digit: what the code names."""

    SOURCE = 1
    SALE = 2
    TEST = 3
    DISPOSAL = 4
    ACCEPTANCE = 5
    TRAINING = 9


class BadCode(ValueError):
    """Not a code; the message says which digit or rule fails."""


@frozen
class TraceCode:
    """The parts of a trace code. ``str()`` gives the 20 digits."""

    node: str
    kind: CodeKind
    terminal: str
    serial: int

    def __post_init__(self) -> None:
        _check_station(self.node, self.terminal)
        if not 0 < self.serial <= MAX_SERIAL:
            raise BadCode(f"serial {self.serial} is not 1 to {MAX_SERIAL}")

    def __str__(self) -> str:
        body = f"{self.node}{self.kind.value}{self.terminal}{self.serial:07d}"
        text = body + mod11_10(body)
        _remember(text, self)
        return text

    @staticmethod
    def parse(text: str) -> "TraceCode":
        """Read 20 digits; raises BadCode for another length, a wrong check digit or an unknown kind."""
        return _codes.get(text) or _read(text)

    def packed(self) -> bytes:
        """The code as a 9-byte big-endian number, as it stands in a QR token."""
        return int(str(self)).to_bytes(9, "big")


@lru_cache(maxsize=64)
def _check_station(node: str, terminal: str) -> None:
    """Raises BadCode. Most codes are of a few stations."""
    if not NODE.fullmatch(node):
        raise BadCode(f"node {node!r} is not 9 digits")
    if not TERMINAL.fullmatch(terminal):
        raise BadCode(f"terminal {terminal!r} is not 2 digits")


_codes: dict[str, TraceCode] = {}  # read or written lately: a sale asks for its own and its lot's several times
_MOST = 256


def _remember(text: str, code: TraceCode) -> None:
    if len(_codes) >= _MOST:
        _codes.clear()  # in one go: more than one thread is here
    _codes[text] = code


def _read(text: str) -> TraceCode:
    if not re.fullmatch(r"[0-9]{20}", text):
        raise BadCode(f"trace code {text[:40]!r} is not 20 digits")
    if mod11_10(text[:19]) != text[19]:
        raise BadCode(f"trace code {text}: the check digit does not fit; a digit was mistyped or misread")
    try:
        kind = CodeKind(int(text[9]))
    except ValueError:
        raise BadCode(f"trace code {text}: kind {text[9]} is not in use") from None
    code = TraceCode(text[:9], kind, text[10:12], int(text[12:19]))
    _remember(text, code)
    return code


def serial_in(text: str) -> tuple[int, int]:
    """Kind and serial that stand in 20 digits, whether they are a code or not; zeros for any other text."""
    return (int(text[9]), int(text[12:19])) if len(text) == DIGITS and text.isascii() and text.isdigit() else (0, 0)


def kept_code(station: str, number: int) -> str:
    """What the label of a kept sample carries: ``LY``, the station's node and terminal, and its number in 7 digits.

    20 letters: the smallest QR code holds them, in modules that a label has room for.
    """
    return f"{kept_codes(station)}{number:07d}"


def kept_codes(station: str) -> str:
    """What those of one station begin with."""
    return "LY" + station.replace("-", "")


def operator(code: str) -> str:
    """The code itself when it is a 13-digit operator code; raises BadCode."""
    if not OPERATOR.fullmatch(code):
        raise BadCode(f"operator code {code[:40]!r} is not 13 digits")
    return code

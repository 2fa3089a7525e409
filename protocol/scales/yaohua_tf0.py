"""Yaohua XK3190 continuous output, ``tF=0``: the displayed value, many times a second, never answered.

    02  +  0 0 0 7 5 5  2  1 E  03       +7.55
    |   |  |            |  |    ETX
    |   |  |            |  X1 X2: XOR of sign, digits and decimals, high nibble first
    |   |  |            decimals, '0'..'4', counted from the right
    |   |  six digits
    |   sign, '+' or '-'
    STX

A nibble up to 9 is sent as 30 + n, a greater one as 37 + n (``A``..``F``); some clones send 30 + n for those too
(``:``..``?``), and both are taken.

The value is what the display shows: the frame does not tell gross from net, has no unit and no stability.  Overload
is not flagged; some indicators then send something else than digits (which, differs and is not documented), so a
frame whose check is right but whose digits are not says nothing about a weight.  ``-000000`` is zero: a zero
has no sign.

8n1; 600 to 9600 baud selectable, 9600 and 1200 are the usual ones.
Sources: user manuals of Yaohua XK3190-A26 (p. 12) and XK3190-DS3 (p. 8); clones as seen in receivers' public sources.
"""

import re
from decimal import Decimal

from protocol.checks import xor8
from protocol.formats import WireFormat
from protocol.framing import Scanner
from protocol.link import Link
from protocol.readings import Event, Garbage, State, Weighing
from protocol.session import Listening

LENGTH = 12
FRAME = re.compile(rb"\x02([+-].{6}.)(..)\x03", re.DOTALL)
VALUE = re.compile(rb"([+-])([0-9]{6})([0-4])")
MAX_DECIMALS = 4
NO_DIGITS = b"      "


def decode(frame: bytes) -> Event:
    """One frame of 12 bytes."""
    found = FRAME.fullmatch(frame)
    if not found:
        return Garbage(frame, "not 02, sign, 7 characters, 2 check characters, 03")
    body, sent = found.groups()
    if not _check_fits(sent, xor8(body)):
        return Garbage(frame, f"check is {sent!r}, the bytes give {_check(body)!r}")
    value = VALUE.fullmatch(body)
    if not value:
        return Garbage(frame, "no digits where the weight should be: the indicator shows none (overload, or a message)")
    sign, digits, decimals = (part.decode() for part in value.groups())
    weight = Decimal(f"{sign}{digits}E-{decimals}")
    return Weighing(value=weight if weight else weight.copy_abs(), raw=frame)


def encode(reading: Weighing) -> bytes:
    """The frame of this reading; without a value blanks stand for the digits. Raises ValueError if it cannot fit."""
    if reading.value is None or reading.state is not State.OK:
        body = b"+" + NO_DIGITS + b"0"
    else:
        negative, digits, exponent = reading.value.as_tuple()
        number = int("".join(map(str, digits)))
        if not isinstance(exponent, int) or not -MAX_DECIMALS <= exponent <= 0 or number > 999999:
            raise ValueError(f"{reading.value} does not fit six digits and at most four decimals")
        body = f"{'-' if negative and number else '+'}{number:06d}{-exponent}".encode()
    return b"\x02" + body + _check(body) + b"\x03"


def measure(buffer: bytes) -> int | None:
    if len(buffer) < 2:
        return None
    return LENGTH if buffer[1] in b"+-" else 0


def decoder() -> Scanner:
    return Scanner(measure, decode, head=b"\x02", cap=128, look=2)


def session() -> Listening:
    return Listening(decoder())


def _check(body: bytes) -> bytes:
    return f"{xor8(body):02X}".encode()


def _check_fits(sent: bytes, check: int) -> bool:
    if sent == b"%02X" % check:
        return True
    nibbles = (check >> 4, check & 0x0F)
    return all(
        char == 0x30 + nibble or (nibble > 9 and char == 0x37 + nibble)
        for char, nibble in zip(sent, nibbles, strict=True)
    )


FORMAT = WireFormat(
    id="yaohua_tf0",
    kind="scale",
    title="Yaohua XK3190 continuous, tF=0",
    link=Link(9600),
    polled=False,
    checked=True,
    confidence="high",
    decoder=decoder,
    session=session,
    sends_unit=False,
    links=(Link(1200), Link(4800), Link(2400), Link(600)),
)

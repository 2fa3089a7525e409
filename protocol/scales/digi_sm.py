"""DIGI scales set to the Siemens Nixdorf protocol, as far as it is known.

    host    02  W  03
    scale   02  w  D D D  ?  D D D  ? ? ? ?  X  03            15 bytes
                   |      |  |      |        XOR of bytes 2 to 13, sent as it is
                   |      |  |      not known
                   |      |  weight digits
                   |      not known; a point or a comma is taken for the decimal point
                   weight digits

Known is only where the digits stand.  When byte 6 is no point, ``decimals`` says how many of the six digits stand
behind it; until it is set, such a frame gives no weight, because 001250 may be 1.250.  Unit, stability, sign, tare and
what is sent when there is no weight are not known: a frame without digits says nothing about a weight.

The line settings are not known either; 9600/8n1 is a guess to begin with.  There is no command to tare or to zero.
Source: UCS R-Keeper, list of supported scales (one source, not first-hand).  Low confidence: compare with the display
before you rely on it.
"""

import re
from decimal import Decimal
from functools import partial

from protocol.checks import xor8
from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Scanner, parity_suspect
from protocol.link import Link
from protocol.options import Decimals, FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, State, Weighing
from protocol.session import Asking

LENGTH = 15
FRAME = re.compile(rb"\x02(w(.{3})(.)(.{3}).{4})(.)\x03", re.DOTALL)
QUESTION = b"\x02W\x03"


def decode(frame: bytes, decimals: int | None = None) -> Event:
    """One frame of 15 bytes."""
    event = _decode(frame, decimals)
    return Garbage(frame, PARITY_WHY) if isinstance(event, Garbage) and parity_suspect(frame) else event


def _decode(frame: bytes, decimals: int | None) -> Event:
    found = FRAME.fullmatch(frame)
    if not found:
        return Garbage(frame, "not 02, w, 11 bytes, a check, 03")
    body, left, point, right, sent = found.groups()
    if sent[0] != xor8(body):
        return Garbage(frame, f"check is {sent[0]:02x}, the bytes give {xor8(body):02x}")
    if not (left + right).isdigit() or point.isdigit():
        return Garbage(frame, "check right, but not three digits, a point and three digits")
    if point in b".,":
        return Weighing(Decimal(f"{left.decode()}.{right.decode()}"), raw=frame)
    if decimals is None:
        return Garbage(frame, f"byte 6 is {point!r} and no point: set how many decimals the display shows")
    return Weighing(Decimal((left + right).decode()).scaleb(-decimals), raw=frame)


def encode(reading: Weighing, point: bytes = b".") -> bytes:
    """The frame of this reading, with three decimals. Raises ValueError without a value, or if it does not fit."""
    if reading.value is None or reading.state is not State.OK:
        raise ValueError(f"no frame for state {reading.state.value} is known")
    text = f"{reading.value:07.3f}" if reading.value.is_finite() else ""
    if len(text) != 7 or Decimal(text) != reading.value or reading.value < 0:
        raise ValueError(f"{reading.value} does not fit three digits and three decimals")
    body = b"w" + text[:3].encode() + point + text[4:].encode() + b"0000"
    return b"\x02" + body + bytes((xor8(body),)) + b"\x03"


def measure(buffer: bytes) -> int | None:
    return LENGTH


class Reading(FormatOptions):
    decimals: Decimals = None


class Options(Reading):
    poll: Poll = 0.15
    patience: Patience = 1.0


def decoder(options: Reading) -> Scanner:
    return Scanner(measure, partial(decode, decimals=options.decimals), head=b"\x02w", cap=128, look=2)


def session(options: Options) -> Asking:
    return Asking(decoder(options), QUESTION, poll=options.poll, patience=options.patience)


FORMAT = WireFormat(
    id="digi_sm",
    kind="scale",
    title="DIGI, Siemens Nixdorf protocol",
    link=Link(9600),
    polled=True,
    checked=True,
    confidence="low",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Reading,
    sends_unit=False,
    questions=(QUESTION,),
)

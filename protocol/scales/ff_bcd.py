"""Price scales of 友声 (Yousheng JCS-B) and many other makers: ``FF``, a status byte and packed digits, unasked.

    FF  43  50 12 00  00         1.250 kg, stable
    |   |   |         unit: 0 kg, 1 lb; other makers send none and end here
    |   |   six digits, two in a byte, the lowest byte first
    |   b0-2 digits behind the point | b3-4 what is shown: 00 weight, 01 pieces, 10 per cent
    |   b5 negative | b6 stable | b7 overflow
    FF

Makers differ in two things that no frame tells, so both are settings: ``length`` is 6 or, without the unit, 5 bytes;
``decimals_from`` is the number in b0-2 that means no digit behind the point, 0 or 1.  The other maker has frames of 5
bytes and counts from 1, so that 4 is three digits.  A wrong one shifts the point: compare with the display.

There is no check.  FF never stands within a frame, as b0-2 of a status are never all set, so a frame ends where the
next FF is, or where the line falls silent.  A lost or doubled byte is noticed by that, a flipped bit only where it
leaves no digit or no status; the station waits for frames that agree.  A negative overflow is read as under the range.
Pieces and per cent are no weight.  Gross and net are not told apart.

8n1; 9600 and 2400 are common practice, the manual's page names no rate.
Sources: user manual of the Yousheng JCS-B (p. 6); a public description of the form of 5 bytes.
"""

import re
from decimal import Decimal
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from protocol.formats import WireFormat
from protocol.framing import LateScanner
from protocol.link import Link
from protocol.options import FormatOptions
from protocol.readings import Event, Garbage, State, Weighing
from protocol.session import Settling

HEAD = 0xFF
DECIMALS, MODE, NEGATIVE, STABLE, OVERFLOW = 0x07, 0x18, 0x20, 0x40, 0x80  # status
WEIGHT, UNKNOWN = 0x00, 0x18  # modes
MOST_DECIMALS = 5
UNITS = {0: "kg", 1: "lb"}
DIGITS = re.compile("[0-9]{6}")
QUIET = 0.25  # seconds after which nothing more belongs to a frame


class Options(FormatOptions):
    length: Annotated[Literal[5, 6], Field(description="bytes of a frame: 6, or 5 without the unit")] = 6
    decimals_from: Annotated[
        Literal[0, 1], Field(description="the number in the status that means no digit behind the point")
    ] = 0


USUAL = Options()


def decode(frame: bytes, options: Options = USUAL) -> Event:
    """One frame of ``length`` bytes."""
    if len(frame) != options.length or frame[0] != HEAD:
        return Garbage(frame, f"not FF and {options.length - 1} bytes")
    status, digits = frame[1], frame[4:1:-1].hex()
    places = (status & DECIMALS) - options.decimals_from
    if not 0 <= places <= MOST_DECIMALS or status & MODE == UNKNOWN:
        return Garbage(frame, f"{status:02X} is no status: does `decimals_from` fit this scale?")
    unit = UNITS.get(frame[5], "") if options.length == 6 else None
    if unit == "":
        return Garbage(frame, f"{frame[5]:02X} is no unit: does `length` fit this scale?")
    stable = bool(status & STABLE)
    if status & OVERFLOW:
        state = State.UNDERLOAD if status & NEGATIVE else State.OVERLOAD
        return Weighing(None, unit, stable=stable, state=state, raw=frame)
    if not DIGITS.fullmatch(digits):
        return Garbage(frame, "no digits where the weight should be")
    if status & MODE != WEIGHT:
        return Weighing(None, unit, stable=stable, state=State.ERROR, raw=frame)
    value = Decimal(digits).scaleb(-places)
    return Weighing(-value if value and status & NEGATIVE else value, unit, stable=stable, raw=frame)


def encode(reading: Weighing, options: Options = USUAL) -> bytes:
    """The frame of this reading. Raises ValueError if it cannot fit."""
    exponent = Decimal(0 if reading.value is None else reading.value).as_tuple().exponent
    if not isinstance(exponent, int) or not -MOST_DECIMALS <= exponent <= 0:
        raise ValueError(f"{reading.value} has more than five decimals or none that can be told")
    digits = f"{abs(int((reading.value or 0) * 10**-exponent)):06d}"
    codes = {unit: code for code, unit in UNITS.items()}
    if len(digits) != 6 or (options.length == 6 and reading.unit not in codes):
        raise ValueError(f"{reading.value} {reading.unit} does not fit six digits and one of {', '.join(codes)}")
    status = -exponent + options.decimals_from
    for bit, holds in (
        (NEGATIVE, reading.state is State.UNDERLOAD or (reading.value or 0) < 0),
        (STABLE, reading.stable is True),
        (OVERFLOW, reading.value is None),
    ):
        status |= bit if holds else 0
    last = bytes((codes[reading.unit],)) if options.length == 6 and reading.unit else b""
    return bytes((HEAD, status)) + bytes.fromhex(digits)[::-1] + last


def measure(buffer: bytes, over: bool, length: int) -> int | None:
    if HEAD in buffer[1:length]:
        return 0
    if len(buffer) <= length:
        return length if over and len(buffer) == length else None
    return length if buffer[length] == HEAD else 0


def decoder(options: Options) -> LateScanner:
    return LateScanner(
        partial(measure, length=options.length),
        partial(decode, options=options),
        head=bytes((HEAD,)),
        cap=64,
        look=options.length + 1,
    )


def session(options: Options) -> Settling:
    """Listens; a frame is known when the next one begins or the line falls silent."""
    return Settling(decoder(options), quiet=QUIET)


FORMAT = WireFormat(
    id="ff_bcd",
    kind="scale",
    title="price scales with FF and packed digits: 友声 Yousheng JCS-B and many other makers",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="medium",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Options,
    without_unit={"length": (5,)},
    links=(Link(2400), Link(4800), Link(1200)),
)

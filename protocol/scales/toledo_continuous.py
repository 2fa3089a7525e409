"""Toledo / Mettler continuous output (8142, 8530, IND series, Panther and many Chinese clones): the display, unasked.

    02  2C 30 20  0 0 1 2 5 0  0 0 0 0 0 0  0D  2D          12.50 kg gross, stable, no tare
    |   |  |  |   |            |            |   CHK, sent or not: the 7-bit sum of all 18 bytes is 0
    |   |  |  |   |            |            CR
    |   |  |  |   |            tare, 6 characters
    |   |  |  |   weight as shown (net when there is a tare): 6 characters, no sign, no dot, zeros or blanks in front
    |   |  |  SWC  b0-2 unit where SWB b4 does not say it: 0 lb or kg, 1 g, 3 oz | b3 print request
    |   |  |       b4 x10 expanded | b5 always 1
    |   |  SWB  b0 net | b1 negative | b2 out of range | b3 motion | b4 kg, else lb | b5 always 1
    |   |       b6 zero not captured since power-up
    |   SWA  b0-2 decimal point: 0 x100, 1 x10, 2 x1, 3 0.1, 4 0.01 … 7 0.00001 | b3-4 increment 1, 2, 5 | b5 always 1
    STX

17 bytes without the check, 18 with it.  Which of the two a line speaks shows only behind the CR: another byte than
STX there is a check; STX is the next frame's head when a status word follows it, else a check that happens to be 02.
So without a check a frame is known two bytes late, when the next one begins or the line falls silent; the option
``checksum`` says it beforehand.  A wrong check is refused.  Without checks a flipped digit is another number, which
nothing here can see: the station waits for two frames that agree.

Out of range is over or under: the frame does not say which, so a negative sign is taken as under, else over.  While
the zero is not captured, and in the x10 expanded service display, no weight is given.  Unit codes 2, 6 and 7 (t, ton
and N on the IND245) differ between models and become ``?2`` and so on, as do 4 and 5.  The codes x100 and x10 are rare;
one public receiver leaves them out.  Some clones (XK8142-07) send all digits with bit 7 set.  Status words with
bit 7 set are a parity mistake.

Extended continuous output, 24 bytes without and 25 with the check:

    01  1  22 20 20 20  _ _ _ _ 1 . 2 5 0  _ _ _ _ 0 . 0 0  0D  CHK
    |   |  |  |  |  |   weight, 9 characters, minus sign and dot within; tare, 8 characters
    |   |  |  |  |  SB4, not used
    |   |  |  |  SB3  b0 no valid data (setup) | b1 under zero | b2 over capacity | b3 zero not captured
    |   |  |  |       b4 print request
    |   |  |  SB2  b0 net | b1-2 where the tare comes from | b3-4 range | b6 x10 expanded
    |   |  SB1  b0-3 unit: 1 lb, 2 kg, 3 g, 4 t, 5 ton, 8 oz, 9 N | b4 centre of zero | b6 motion; b5 is 1 in all four
    |   address of the scale
    SOH

The scale obeys single letters and does not answer them: ``T`` tare, ``C`` clear tare, ``Z`` zero, ``P`` print.

4800 or 9600 baud, 8n1 or 7e1, set on the indicator.
Sources: Mettler Toledo's published firmware text of the IND245 (continuous outputs, 2004-2010); a public receiver for
weighbridges (YF.MWS) for the decimal codes and the XK8142-07; the letters are common practice.
"""

import re
from decimal import Decimal
from functools import partial
from typing import Annotated

from pydantic import Field

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, LateScanner, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions
from protocol.readings import Event, Garbage, Net, State, Weighing
from protocol.session import Settling, Wish

STX, SOH, CR = 0x02, 0x01, 0x0D
LENGTHS = {STX: 17, SOH: 24}  # without the check
STANDARD = re.compile(rb"\x02(.)(.)(.)(.{6})(.{6})\r", re.DOTALL)
EXTENDED = re.compile(rb"\x01.(.)(.)(.).([ 0-9.-]{9})([ 0-9.-]{8})\r", re.DOTALL)
DIGITS = re.compile(rb" *([0-9]+)")
TARE = re.compile(rb" *[0-9]*")
NUMBER = re.compile(rb" *(-? *[0-9]+(?:\.[0-9]+)?)")

NET, NEGATIVE, OUT_OF_RANGE, MOTION, KG, ZERO_NOT_CAPTURED = (1 << bit for bit in (0, 1, 2, 3, 4, 6))  # SWB
EXPANDED = 0x10  # SWC
UNITS = {1: "g", 3: "oz"}  # SWC b0-2
EXTENDED_UNITS = {1: "lb", 2: "kg", 3: "g", 4: "t", 5: "ton", 8: "oz", 9: "N"}
INCREMENTS = {1: 0x08, 2: 0x10, 5: 0x18}
COMMANDS = {Wish.TARE: b"T", Wish.CLEAR_TARE: b"C", Wish.ZERO: b"Z"}
QUIET = 0.25  # seconds after which nothing more belongs to a frame


def decode(frame: bytes) -> Event:
    """One frame: 17 or 18 bytes, 24 or 25 when extended; the longer ones with their check."""
    body = LENGTHS.get(int.from_bytes(frame[:1], "big"), 0)
    if not 0 <= len(frame) - body <= 1:
        return Garbage(frame, "not the length of a frame")
    if len(frame) == body + 1 and sum(frame) & 0x7F:
        return Garbage(frame, f"check: all bytes sum to {sum(frame) & 0x7F:02X} and not to 00 in 7 bits")
    if found := STANDARD.fullmatch(frame[:body]):
        return _standard(frame, *found.groups())
    if found := EXTENDED.fullmatch(frame[:body]):
        return _extended(frame, *found.groups())
    return Garbage(frame, PARITY_WHY if parity_suspect(frame) else "no weight where it should be")


def _standard(frame: bytes, swa: bytes, swb: bytes, swc: bytes, weight: bytes, tare: bytes) -> Event:
    status, code = swb[0], swc[0] & 0x07
    unit = ("kg" if status & KG else "lb") if code == 0 else UNITS.get(code, f"?{code}")
    net = Net.NET if status & NET else Net.GROSS
    stable = not status & MOTION
    if status & OUT_OF_RANGE:
        state = State.UNDERLOAD if status & NEGATIVE else State.OVERLOAD
        return Weighing(None, unit, net, stable, state=state, raw=frame)
    if status & ZERO_NOT_CAPTURED or swc[0] & EXPANDED:
        return Weighing(None, unit, net, stable, state=State.ERROR, raw=frame)
    digits = DIGITS.fullmatch(_low(weight))
    if not digits or not TARE.fullmatch(_low(tare)):
        return Garbage(frame, PARITY_WHY if parity_suspect(frame) else "no digits where weight and tare should be")
    value = int(digits[1]) * (-1 if status & NEGATIVE else 1) * Decimal(10) ** max(0, 2 - (swa[0] & 0x07))
    return Weighing(value.scaleb(min(0, 2 - (swa[0] & 0x07))), unit, net, stable, raw=frame)


def _extended(frame: bytes, sb1: bytes, sb2: bytes, sb3: bytes, weight: bytes, tare: bytes) -> Event:
    unit = EXTENDED_UNITS.get(sb1[0] & 0x0F, f"?{sb1[0] & 0x0F}")
    net = Net.NET if sb2[0] & 0x01 else Net.GROSS
    stable, zero = not sb1[0] & 0x40, bool(sb1[0] & 0x10)
    if sb3[0] & 0x06:
        state = State.OVERLOAD if sb3[0] & 0x04 else State.UNDERLOAD
        return Weighing(None, unit, net, stable, zero, state, raw=frame)
    if sb3[0] & 0x09 or sb2[0] & 0x40:
        return Weighing(None, unit, net, stable, zero, State.ERROR, raw=frame)
    number = NUMBER.fullmatch(weight)
    if not number:
        return Garbage(frame, "no number where the weight should be")
    value = Decimal(number[1].replace(b" ", b"").decode())
    return Weighing(value if value else value.copy_abs(), unit, net, stable, zero, raw=frame)


def _low(field: bytes) -> bytes:
    """A field of digits; where all of them have bit 7 set, as some clones do, it is taken off."""
    digits = field.replace(b" ", b"").replace(b"\xa0", b"")
    return bytes(byte & 0x7F for byte in field) if digits and min(digits) >= 0x80 else field


def encode(
    reading: Weighing, *, tare: Decimal = Decimal(0), checksum: bool = True, increment: int = 1, fill: str = "0"
) -> bytes:
    """The frame of this reading; ``fill`` stands in front of the digits. Raises ValueError if it cannot fit.

    Without a value blanks stand for the digits.
    """
    exponent = (tare if reading.value is None else reading.value).as_tuple().exponent
    if not isinstance(exponent, int) or not -5 <= exponent <= 0:
        raise ValueError(f"{reading.value} has more than five decimals or none that can be told")
    status = 0x20
    for bit, holds in (
        (NET, reading.net is Net.NET),
        (NEGATIVE, reading.state is State.UNDERLOAD or (reading.value or 0) < 0),
        (OUT_OF_RANGE, reading.state in (State.OVERLOAD, State.UNDERLOAD)),
        (MOTION, reading.stable is False),
        (KG, reading.unit == "kg"),
        (ZERO_NOT_CAPTURED, reading.state is State.ERROR),
    ):
        status |= bit if holds else 0
    units = {"kg": 0, "lb": 0, **{unit: code for code, unit in UNITS.items()}}
    if reading.unit not in units:
        raise ValueError(f"no code for the unit {reading.unit!r}; there are: {', '.join(units)}")
    weight = " " * 6 if reading.value is None else _six(abs(reading.value), exponent, fill)
    body = bytes((STX, 0x20 | INCREMENTS[increment] | 2 - exponent, status, 0x20 | units[reading.unit]))
    body += f"{weight}{_six(tare, exponent, fill)}\r".encode()
    return body + _check(body) if checksum else body


def encode_extended(
    reading: Weighing, *, tare: Decimal = Decimal(0), checksum: bool = True, address: str = "1"
) -> bytes:
    """The extended frame of this reading. Raises ValueError if it cannot fit."""
    codes = {unit: code for code, unit in EXTENDED_UNITS.items()}
    weight = " " * 9 if reading.value is None else f"{reading.value:>9f}"
    if reading.unit not in codes or len(weight) != 9 or len(f"{tare:>8f}") != 8:
        raise ValueError(f"{reading.value} {reading.unit} with tare {tare} does not fit")
    sb1 = 0x20 | codes[reading.unit] | (0x10 if reading.zero else 0) | (0x40 if reading.stable is False else 0)
    sb2 = 0x20 | (0x01 if reading.net is Net.NET else 0)
    sb3 = 0x20 | {State.UNDERLOAD: 0x02, State.OVERLOAD: 0x04, State.ERROR: 0x08}.get(reading.state, 0)
    body = bytes((SOH, *address.encode(), sb1, sb2, sb3, 0x20)) + f"{weight}{tare:>8f}\r".encode()
    return body + _check(body) if checksum else body


def _six(value: Decimal, exponent: int, fill: str) -> str:
    scaled = value.scaleb(-exponent)
    text = f"{int(scaled):{fill}>6}"
    if scaled != int(scaled) or scaled < 0 or len(text) != 6:
        raise ValueError(f"{value} does not fit six digits")
    return text


def _check(body: bytes) -> bytes:
    return bytes((-sum(body) & 0x7F,))


def measure(buffer: bytes, over: bool, checksum: bool | None = None) -> int | None:
    """How long the frame is that begins here; ``checksum`` None finds out. ``over``: no byte follows."""
    body = LENGTHS.get(buffer[0], 0)
    status = buffer[1:4] if body == LENGTHS[STX] else buffer[2:6]
    if not body or any(byte & 0xA0 != 0x20 for byte in status):
        return 0
    if len(buffer) < body:
        return None
    if buffer[body - 1] != CR:
        return 0
    if checksum is not None:
        return body + checksum
    if len(buffer) == body:
        return body if over else None
    if buffer[body] != buffer[0]:
        return body + 1
    if len(buffer) == body + 1:
        return body + 1 if over else None
    # What stands where the check would stand looks like a head: it is one if a frame goes on behind it.
    return body if 0x20 <= buffer[body + 1] < 0x7F else body + 1


class Options(FormatOptions):
    checksum: Annotated[bool | None, Field(description="frames end with a check; where not said, as they come")] = None


def decoder(options: Options) -> LateScanner:
    """Standard and extended frames, with or without their check."""
    one = partial(measure, checksum=options.checksum)
    return LateScanner(one, decode, head=b"", cap=128, look=max(LENGTHS.values()) + 2)


def session(options: Options) -> Settling:
    """Listens and obeys wishes; when the line falls silent, a last frame without a check is taken as whole."""
    return Settling(decoder(options), COMMANDS, quiet=QUIET)


FORMAT = WireFormat(
    id="toledo_continuous",
    kind="scale",
    title="Toledo / Mettler continuous output, standard and extended, with or without checksum",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Options,
    links=(Link(4800), Link(9600, 7, "e"), Link(4800, 7, "e"), Link(2400), Link(1200), Link(19200)),
)

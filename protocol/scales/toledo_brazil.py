"""Toledo do Brasil (Prix and others): protocols A, B and C. The host sends ENQ (05), the scale answers.

    B    02  P P P P P  03            five digits, three of them decimals: a stable weight
    C    02  P P P P P  0D
             I I I I I                unstable
             N N N N N                negative
             S S S S S                overload

    A    02  S1  P P P P P P  S2  T T T T T T  U U U U U U  0D  CS
             |   |            |   |            price per kg |   two's complement: the sum of all, CS too, is 0
             |   weight       |   total price; a seventh digit when S2 b0 is 1
             |                b0 seventh digit | b3 two decimals in the weight, else three | b6 weight is net of a tare
             b0 in motion | b1 print | b2 a date and no weight | b3 out of range, over or under
             b4 Prix I, else Prix II or III | b5, b6 about prices

Beware of the five letters of B and C: they stand where digits are expected, and no number may be made of them.

A is a setting (``protocol="A"``): a price in a damaged A frame could look like a frame of C.  B and C differ only in
their last byte, and both are read without a setting.  Whether the sum of A counts eight bits or seven is not clear
from typing import Annotated, Literal

from pydantic import Field

from our source; seven are checked and the other bytes must have bit 7 clear.  B and C have no check, so a flipped digit
gives another weight.  The unit is not sent.

The baud rate is a setting of the scale; 8n1.
Source: the public ACBr component for these scales (ACBrBALToledo).  Medium confidence: nothing of the maker's own was
found, and whether A waits to be asked is not said; the session asks in any case.
"""

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Scanner, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, Net, State, Weighing
from protocol.session import Asking

ENQ = b"\x05"
ENDS = {"B": b"\x03", "C": b"\x0d"}
FRAME_BC = re.compile(rb"\x02(.{5})[\x03\r]", re.DOTALL)
FRAME_A = re.compile(rb"\x02([\x00-\x7f])([ 0-9]{6})([\x00-\x7f])([ 0-9]{6,7})([ 0-9]{6})\r(.)", re.DOTALL)
LETTERS = {b"IIIII": State.MOTION, b"NNNNN": State.UNDERLOAD, b"SSSSS": State.OVERLOAD}
DECIMALS = 3
LENGTH_BC, LENGTH_A = 7, 23
S2_AT = 8

MOTION, DATE, OUT_OF_RANGE, PRIX_I = 0x01, 0x04, 0x08, 0x10  # S1
SEVEN_DIGITS, TWO_DECIMALS, NET_OF_TARE = 0x01, 0x08, 0x40  # S2


def decode(frame: bytes) -> Event:
    """One frame of B or C."""
    found = FRAME_BC.fullmatch(frame)
    if found and found[1] in LETTERS:
        state = LETTERS[found[1]]
        return Weighing(None, stable=False if state is State.MOTION else None, state=state, raw=frame)
    if found and found[1].isdigit():
        return Weighing(Decimal(found[1].decode()).scaleb(-DECIMALS), stable=True, raw=frame)
    if parity_suspect(frame):
        return Garbage(frame, PARITY_WHY)
    return Garbage(frame, "not 02, five digits or five times I, N or S, 03 or 0D")


def decode_a(frame: bytes) -> Event:
    """One frame of A."""
    found = FRAME_A.fullmatch(frame)
    if not found or len(frame) != LENGTH_A + bool(found[3][0] & SEVEN_DIGITS):
        return Garbage(frame, PARITY_WHY if parity_suspect(frame) else "not a frame of protocol A")
    if sum(frame) & 0x7F:
        return Garbage(frame, f"check is {frame[-1]:02x}, the bytes give {_check(frame[:-1]):02x}")
    s1, digits, s2 = found[1][0], found[2].lstrip(b" "), found[3][0]
    if s1 & DATE:
        return Garbage(frame, "a date and no weight")
    stable, net = not s1 & MOTION, Net.NET if s2 & NET_OF_TARE else Net.GROSS
    if s1 & OUT_OF_RANGE:
        return Weighing(None, net=net, stable=stable, state=State.ERROR, raw=frame)
    if not digits.isdigit():
        return Garbage(frame, "check right, but no digits where the weight should be")
    return Weighing(Decimal(digits.decode()).scaleb(-2 if s2 & TWO_DECIMALS else -3), None, net, stable, raw=frame)


def encode(reading: Weighing, protocol: str = "B") -> bytes:
    """The frame of B or C; a reading that is not stable has no digits. Raises ValueError if it cannot fit."""
    words = {state: letters for letters, state in LETTERS.items()}
    if reading.value is not None and reading.value < 0:
        body = words[State.UNDERLOAD]
    elif reading.value is not None and reading.stable:
        body = _digits(reading.value, DECIMALS, 5)
    else:
        body = words.get(reading.state, words[State.MOTION])
    return b"\x02" + body + ENDS[protocol]


def encode_a(reading: Weighing, total: int = 0, price: int = 0) -> bytes:
    """The frame of A. Raises ValueError if it cannot fit."""
    s1 = PRIX_I | (0 if reading.stable else MOTION)
    s2 = (NET_OF_TARE if reading.net is Net.NET else 0) | (SEVEN_DIGITS if total > 999999 else 0)
    digits = b"000000"
    if reading.value is None or reading.value < 0:
        s1 |= OUT_OF_RANGE
    else:
        exponent = reading.value.as_tuple().exponent
        decimals = -exponent if isinstance(exponent, int) else 0
        s2 |= TWO_DECIMALS if decimals == 2 else 0
        digits = _digits(reading.value, 2 if decimals == 2 else DECIMALS, 6)
    body = b"\x02" + bytes((s1,)) + digits + bytes((s2,)) + f"{total:06d}{price:06d}\r".encode()
    return body + bytes((_check(body),))


def _digits(value: Decimal, decimals: int, width: int) -> bytes:
    scaled = value.scaleb(decimals) if value.is_finite() else value
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or scaled >= 10**width:
        raise ValueError(f"{value} does not fit {width} digits with {decimals} decimals")
    return f"{int(scaled):0{width}d}".encode()


def _check(body: bytes) -> int:
    return -sum(body) & 0xFF


def measure(buffer: bytes) -> int | None:
    return LENGTH_BC


def measure_a(buffer: bytes) -> int | None:
    return None if len(buffer) <= S2_AT else LENGTH_A + bool(buffer[S2_AT] & SEVEN_DIGITS)


class Reading(FormatOptions):
    protocol: Annotated[Literal["BC", "A"], Field(description="BC reads both, A only A")] = "BC"


class Options(Reading):
    poll: Poll = 0.15
    patience: Patience = 0.5


def decoder(options: Reading) -> Scanner:
    if options.protocol == "A":
        return Scanner(measure_a, decode_a, head=b"\x02", cap=128, look=S2_AT + 1)
    return Scanner(measure, decode, head=b"\x02", cap=128, look=1)


def session(options: Options) -> Asking:
    return Asking(decoder(options), ENQ, poll=options.poll, patience=options.patience)


FORMAT = WireFormat(
    id="toledo_brazil",
    kind="scale",
    title="Toledo do Brasil, protocols A, B and C",
    link=Link(9600),
    polled=True,
    checked=False,
    confidence="medium",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Reading,
    sends_unit=False,
    links=(Link(4800), Link(2400)),
    questions=(ENQ,),
)

"""NCI / Weigh-Tronix SCP-01: commands that end with CR, answers from LF to ETX.

    host    W<CR>                                              weight?
    scale   LF  0 0 0 1 . 2 5  K G  CR LF  30 30  CR ETX       1.25 KG, stable
                |              |           status, two bytes or three
                |              unit as displayed
                seven characters as displayed: blanks, minus sign, digits, dot; or a text instead of a weight
            LF  0 2 l b  _ 0 3 . 5 o z  CR LF  30 30  CR ETX   2 lb 3.5 oz: given as 35.5 oz

    S<CR>   LF  30 30  CR ETX               status
    Z<CR>   the same, after zeroing
    U<CR>   LF  k g  CR LF  30 30  CR ETX   another unit, which is told
    else    LF  ?  CR ETX

    status  first   b0 in motion | b1 at zero | b2 RAM error | b3 EEPROM error
            second  b0 under capacity | b1 over capacity | b2 ROM error | b3 faulty calibration | b6 another follows
            third   b0-1 range (00 low, 11 high) | b2 net | b3 initial zero error | b6 another follows
            b4 and b5 are always 1, b6 of the first is 0; b7 is the parity

The status goes before the digits: in error, over and under capacity no weight is given.  Without a third byte the
frame does not tell gross from net.  A status alone that says nothing of that is a ``Reply``.  There is no check byte: a
flipped digit is another number; a lost one is noticed, because a weight always has seven characters.  No
command tares.  SCP-12, which adds a check, is not this.

9600 baud; 7e1 is usual.
Source: the protocol's description by Weigh-Tronix (SCP-01, 8408-14788-01), as quoted by a public simulator of it.
"""

import re
from decimal import Decimal

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Scanner, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, Net, Reply, State, Weighing
from protocol.session import Asking, Wish

ETX = 0x03
HH = rb"([\x30-\x3f][\x70-\x7f]{0,3}[\x30-\x3f])\r\x03"
DISPLAY = re.compile(rb"\n([\x20-\x7e]{7}) ?([A-Za-z]{2}| [A-Za-z]|[A-Za-z] ?)\r\n" + HH)
POUNDS = re.compile(rb"\n([ 0-9][0-9])lb ([ 0-9][0-9]\.[0-9])oz\r\n" + HH, re.IGNORECASE)
UNIT = re.compile(rb"\n([A-Za-z]{1,2}) ?\r\n" + HH)
STATUS = re.compile(rb"\n" + HH)
UNKNOWN = b"\n?\r\x03"
NUMBER = re.compile(rb" *(-?) *([0-9]{1,7}(?:\.[0-9]{1,6})?)")
DAMAGED = re.compile(rb"[0-9]\.[0-9]")
MOTION, ZERO, FIRST_ERRORS = 0x01, 0x02, 0x0C
UNDER, OVER, SECOND_ERRORS = 0x01, 0x02, 0x0C
NET, THIRD_ERRORS = 0x04, 0x08
TEXT = bytes((*range(0x20, 0x80), 0x0D, 0x0A))
LONGEST = 26
COMMANDS = {Wish.ZERO: b"Z\r"}
POLL = b"W\r"


def decode(frame: bytes) -> Event:
    """One frame, from LF to ETX."""
    if found := STATUS.fullmatch(frame):
        return _status(found[1], frame)
    if found := DISPLAY.fullmatch(frame):
        number = NUMBER.fullmatch(found[1])
        if not number and DAMAGED.search(found[1]):
            return Garbage(frame, "neither seven characters of a weight nor a text")
        value = Decimal((number[1] + number[2]).decode()) if number else None
        return _weighing(value, found[2].strip().decode(), found[3], frame)
    if found := POUNDS.fullmatch(frame):
        return _weighing(int(found[1]) * 16 + Decimal(found[2].strip().decode()), "oz", found[3], frame)
    if found := UNIT.fullmatch(frame):
        return Reply("unit", (("unit", found[1].decode()),), raw=frame)
    if frame == UNKNOWN:
        return Reply("error", (("error", "unknown command"),), raw=frame)
    return Garbage(frame, PARITY_WHY if parity_suspect(frame) else "not an SCP-01 answer")


def _weighing(value: Decimal | None, unit: str, status: bytes, frame: bytes) -> Weighing:
    state = _state(status)
    if state is State.OK and value is None:
        state = State.ERROR  # the display shows a text
    net = None if len(status) < 3 else Net.NET if status[2] & NET else Net.GROSS
    if value is not None:
        value = value if value else value.copy_abs()
    stable, zero = not status[0] & MOTION, bool(status[0] & ZERO)
    return Weighing(value if state is State.OK else None, unit, net, stable, zero, state, raw=frame)


def _state(status: bytes) -> State:
    third = status[2] if len(status) > 2 else 0
    if status[0] & FIRST_ERRORS or status[1] & SECOND_ERRORS or third & THIRD_ERRORS:
        return State.ERROR
    if status[1] & OVER:
        return State.OVERLOAD
    return State.UNDERLOAD if status[1] & UNDER else State.OK


def _status(status: bytes, frame: bytes) -> Event:
    state, zero = _state(status), bool(status[0] & ZERO)
    if state is State.OK and status[0] & MOTION:
        state = State.MOTION
    if state is State.OK:
        return Reply("status", (("zero", "yes" if zero else "no"),), raw=frame)
    return Weighing(None, stable=not status[0] & MOTION, zero=zero, state=state, raw=frame)


def encode(reading: Weighing) -> bytes:
    """The answer to ``W``. The third status byte is sent when the reading says gross or net."""
    text = " " * 7 if reading.value is None else f"{reading.value:0=7f}"
    unit = reading.unit or ""
    if len(text) != 7 or not 1 <= len(unit) <= 2:
        raise ValueError(f"{reading.value} {reading.unit} does not fit seven characters and a unit of two letters")
    return f"\n{text}{unit:>2}\r\n".encode() + _hh(reading) + b"\r\x03"


def encode_status(reading: Weighing) -> bytes:
    """The answer to ``S`` and ``Z``."""
    return b"\n" + _hh(reading) + b"\r\x03"


def encode_unit(reading: Weighing) -> bytes:
    """The answer to ``U``."""
    return f"\n{reading.unit}\r\n".encode() + _hh(reading) + b"\r\x03"


def _hh(reading: Weighing) -> bytes:
    first = 0x30 | (MOTION if reading.stable is False else 0) | (ZERO if reading.zero else 0)
    states = {State.OVERLOAD: OVER, State.UNDERLOAD: UNDER, State.ERROR: 0x08}
    second = 0x30 | states.get(reading.state, 0)
    if reading.net is None:
        return bytes((first, second))
    return bytes((first, second | 0x40, 0x30 | (NET if reading.net is Net.NET else 0)))


def measure(buffer: bytes) -> int | None:
    end = buffer.find(ETX, 1, LONGEST)
    if buffer[1:2] == b"\n" or buffer[: end if end > 0 else LONGEST].translate(None, TEXT):
        return 0
    return end + 1 if end > 0 else None if len(buffer) < LONGEST else 0


class Options(FormatOptions):
    poll: Poll = 0.2
    patience: Patience = 1.0


def decoder() -> Scanner:
    return Scanner(measure, decode, head=b"\n", cap=64, look=LONGEST)


def session(options: Options) -> Asking:
    """Asks ``W`` every ``poll`` seconds."""
    return Asking(decoder(), POLL, poll=options.poll, patience=options.patience, commands=COMMANDS)


FORMAT = WireFormat(
    id="nci_scp01",
    kind="scale",
    title="NCI / Weigh-Tronix SCP-01",
    link=Link(9600, 7, "e"),
    polled=True,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=session,
    options=Options,
    links=(Link(9600), Link(4800, 7, "e")),
    questions=(POLL,),
)

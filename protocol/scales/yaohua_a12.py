"""Yaohua XK3190-A12 and A12E continuous output: one line a reading, in two variants that are both in the field.

    variant "a12e"   W N 0 0 2 . 5 0 0 k g 3 C <CR><LF>       net 2.500 kg
                     | | |             |   |   X1 X2: XOR of the 11 characters in front, high nibble first
                     | | |             |   unit, always kg
                     | | |             seven characters: '-' or a digit, then digits and a point; without a point the
                     | | |             last one is a blank
                     | G gross | N net
                     overload:  nine blanks, OL, 23          above Max + 9 e
                     underload: nine blanks, LO, 23          below -20 d

    variant "a12"    w n 0 0 2 . 5 0 0 k g <CR><LF>           the same without a check
                       w gross | n net | t tare;  unit kg or lb

A nibble up to 9 is sent as 30 + n, a greater one as 37 + n (``A``..``F``).  Neither variant says whether the weight
is stable.  ``-00.000`` is zero: a zero has no sign.  What "a12" sends when it shows no weight is not documented.

The variant is a setting, because a checked line that has lost its check must never pass for one that has none: the
decoder reads "a12e" unless told otherwise, and then refuses the other.  In "a12" a flipped digit gives another weight,
so ``checked`` is False for the format as a whole; the station compares frames in both.

8n1; the baud rate is a setting of the indicator, its default is not documented.
Sources: Yaohua, XK3190-A12(E) user manual p. 12 ("a12e"; the manual does not name the sum, XOR reproduces all of its
numbers); the public MCUSH driver for these indicators ("a12").
"""

import re
from decimal import Decimal
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from protocol.checks import xor8
from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Lines, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions
from protocol.readings import Event, Garbage, Net, State, Weighing
from protocol.session import Listening

VARIANTS = ("a12e", "a12")
CHECKED = re.compile(rb"(.{11})([0-9A-F]{2})", re.DOTALL)
BODY_A12E = re.compile(rb"W([GN])(.{7})kg")
BODY_A12 = re.compile(rb"w([wnt])(.{7})(kg|lb)")
NUMBER = re.compile(rb"-?[0-9]+\.[0-9]+|-?[0-9]+ ")
WORDS = {b"         OL": State.OVERLOAD, b"         LO": State.UNDERLOAD}
KINDS_A12E = {b"G": Net.GROSS, b"N": Net.NET}
KINDS_A12 = {b"w": Net.GROSS, b"n": Net.NET, b"t": Net.TARE}
UNITS = {"a12e": ("kg",), "a12": ("kg", "lb")}
WIDTH = 7
LINE_CAP = 64


def decode(line: bytes, variant: str = "a12e") -> Event:
    """One line without its terminator."""
    raw = line + b"\r\n"
    event = _a12e(line, raw) if variant == "a12e" else _a12(line, raw)
    return Garbage(raw, PARITY_WHY) if isinstance(event, Garbage) and parity_suspect(line) else event


def _a12e(line: bytes, raw: bytes) -> Event:
    found = CHECKED.fullmatch(line)
    if not found:
        if BODY_A12.fullmatch(line):
            return Garbage(raw, "a line without a check: if this indicator sends none, set variant a12")
        return Garbage(raw, "not 11 characters and 2 check characters")
    body, sent = found.groups()
    if sent != _check(body):
        return Garbage(raw, f"check is {sent!r}, the bytes give {_check(body)!r}")
    if body in WORDS:
        return Weighing(None, state=WORDS[body], raw=raw)
    weight = BODY_A12E.fullmatch(body)
    if not weight:
        return Garbage(raw, "check right, but not W, G or N, seven characters, kg")
    return _weighing(weight[2], "kg", KINDS_A12E[weight[1]], raw)


def _a12(line: bytes, raw: bytes) -> Event:
    weight = BODY_A12.fullmatch(line)
    if weight:
        return _weighing(weight[2], weight[3].decode(), KINDS_A12[weight[1]], raw)
    if CHECKED.fullmatch(line):
        return Garbage(raw, "a line with a check, or a damaged one: if this indicator sends a check, set variant a12e")
    return Garbage(raw, "not ww, wn or wt, seven characters, kg or lb")


def _weighing(digits: bytes, unit: str, net: Net, raw: bytes) -> Event:
    if not NUMBER.fullmatch(digits):
        return Garbage(raw, f"{digits!r} is no weight")
    value = Decimal(digits.decode().strip())
    return Weighing(value if value else value.copy_abs(), unit, net, raw=raw)


def encode(reading: Weighing, variant: str = "a12e") -> bytes:
    """The line of this reading.

    Raises ValueError if it does not fit; "a12" has no words for readings without a value, "a12e" no tare and no lb.
    """
    if reading.value is None or reading.state is not State.OK:
        words = {state: body for body, state in WORDS.items()}
        if variant == "a12" or reading.state not in words:
            raise ValueError(f"{variant} has no line for state {reading.state.value}")
        return _closed(words[reading.state])
    kinds = {net: kind for kind, net in (KINDS_A12E if variant == "a12e" else KINDS_A12).items()}
    if reading.net not in kinds or reading.unit is None or reading.unit not in UNITS[variant]:
        raise ValueError(f"{variant} cannot say {reading.net} in {reading.unit}")
    body = kinds[reading.net] + _digits(reading.value) + reading.unit.encode()
    return _closed(b"W" + body) if variant == "a12e" else b"w" + body + b"\r\n"


def _digits(value: Decimal) -> bytes:
    text = f"{value.copy_abs():f}"
    text = f"{'-' if value < 0 else ''}{text:0>{WIDTH - (value < 0) - ('.' not in text)}}{'' if '.' in text else ' '}"
    if len(text) != WIDTH:
        raise ValueError(f"{value} does not fit seven characters")
    return text.encode()


def _closed(body: bytes) -> bytes:
    return body + _check(body) + b"\r\n"


def _check(body: bytes) -> bytes:
    return f"{xor8(body):02X}".encode()


class Options(FormatOptions):
    variant: Annotated[Literal["a12e", "a12"], Field(description="the lines of which indicator")] = "a12e"


def decoder(options: Options) -> Lines:
    """Lines of one variant. A line has one length and begins with W or w, so a cut one never looks whole."""
    return Lines(partial(decode, variant=options.variant), cap=LINE_CAP)


def session(options: Options) -> Listening:
    return Listening(decoder(options))


FORMAT = WireFormat(
    id="yaohua_a12",
    kind="scale",
    title="Yaohua XK3190-A12 and A12E, ASCII lines",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Options,
    links=(Link(1200), Link(4800), Link(2400)),
)

"""Yaohua XK3190 ``=`` continuous output (``tF=1`` or ``tF=2`` of the A26; other numbers on other models) and kin.

    reversed       =  0 0 0 . 5 2 1           125.000       lowest digit first, the point where it falls
                   =  0 0 . 1 0 0 0 -         -1.00         the sign comes last
    not reversed   =  - 0 0 0 1 . 0 0         -1.00         highest digit first, the sign in front
                   |
                   begins a frame and so closes the one before it; most indicators send no terminator, so a reading
                   is told when the next frame begins

The characters behind ``=`` are eight on the A26 and newer D2 (the sign's place holds '-' or 0), seven on older D2 and
some clones.  The Keli KL3101 sends a sign and six digits without a point.

Nothing in a frame tells its direction, so it is a setting: the decoder takes frames as ``reversed`` unless it is told
otherwise.  ``width`` is the number of characters; left open, seven and eight are both taken, and then one lost byte can
leave a frame that looks whole, or a flipped bit make ``=`` of the sign.  ``decimals`` places the point where frames
carry none; until it is set, such frames give no weight, because 1250 may be 1.250.

The value is what the display shows: no unit, no stability, gross and net not told apart.  There is no check, so a
flipped digit gives another weight.  What is sent when there is no weight to show is not documented.  Frames with ``;``
and a unit price (``tF=3`` of the A26) are not read.  A minus zero is zero: a zero has no sign.

8n1; 1200 to 9600 baud selectable.
Sources: user manual of Yaohua XK3190-A26 (pp. 10-11); receivers' public sources for D2, Keli D2002 and KL3101.
"""

import re
from decimal import Decimal
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Lines, parity_suspect
from protocol.link import Link
from protocol.options import Decimals, FormatOptions
from protocol.readings import Event, Garbage, State, Weighing
from protocol.session import Listening

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
WIDTHS = (7, 8)
LINE_CAP = 32


def decode(frame: bytes, *, reversed: bool = True, width: int | None = None, decimals: int | None = None) -> Event:
    """One frame without its ``=``."""
    raw = b"=" + frame
    sent = frame.removesuffix(b"\r\n").decode("latin-1")
    if len(sent) not in (WIDTHS if width is None else (width,)):
        why = f"{len(sent)} characters, and not {width or '7 or 8'}"
        return Garbage(raw, PARITY_WHY if parity_suspect(frame) else why)
    text = sent[::-1] if reversed else sent
    found = NUMBER.fullmatch(text)
    if not found:
        return Garbage(raw, _why(frame, sent[::-1] if not reversed else sent))
    if found[1] is None and decimals is None:
        return Garbage(raw, "no point among the digits: set how many decimals the display shows")
    value = Decimal(text) if found[1] else Decimal(text).scaleb(-(decimals or 0))
    return Weighing(value=value if value else value.copy_abs(), raw=raw)


def _why(frame: bytes, other_way: str) -> str:
    if parity_suspect(frame):
        return PARITY_WHY
    if NUMBER.fullmatch(other_way):
        return "the sign is at the wrong end: the setting `reversed` does not fit this indicator"
    return "not a sign, digits and a point"


def encode(reading: Weighing, *, reversed: bool = True, width: int = 8) -> bytes:
    """The frame of this reading, with its ``=``. Raises ValueError without a value, or if it does not fit."""
    if reading.value is None or reading.state is not State.OK or not reading.value.is_finite():
        raise ValueError(f"no frame for {reading.value} in state {reading.state.value} is known")
    sign = "-" if reading.value < 0 else ""
    text = sign + f"{reading.value.copy_abs():f}".rjust(width - len(sign), "0")
    if len(text) != width or not NUMBER.fullmatch(text):
        raise ValueError(f"{reading.value} does not fit {width} characters")
    return f"={text[::-1] if reversed else text}".encode()


class Options(FormatOptions):
    reversed: Annotated[bool, Field(description="the lowest digit comes first")] = True
    width: Annotated[
        Literal[7, 8] | None, Field(description="characters of a frame, where only one width is right")
    ] = None
    decimals: Decimals = None


def decoder(options: Options) -> Lines:
    """What comes before the first ``=`` is dropped."""
    one = partial(decode, reversed=options.reversed, width=options.width, decimals=options.decimals)
    return Lines(one, terminator=b"=", cap=LINE_CAP, drop_first=True)


def session(options: Options) -> Listening:
    return Listening(decoder(options))


FORMAT = WireFormat(
    id="yaohua_equals",
    kind="scale",
    title="Yaohua XK3190 = frames, continuous",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="medium",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Options,
    sends_unit=False,
    links=(Link(1200), Link(4800), Link(2400)),
)

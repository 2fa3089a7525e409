"""SMA, the Scale Manufacturers Association's serial protocol (SCP-0499), as far as level 1 and tare need it.

    host    LF W CR                                       weight now
    scale   LF Z 1 G M _ xxxxxx.xxx uuu CR
               | | | | | |          unit as displayed, three characters
               | | | | | weight, ten characters, right-aligned
               | | | | reserved, a blank
               | | | M in motion | blank: stable
               | | G gross | N net | T tare | g gross, n net in higher resolution | blank: not said
               | range, 1 where there is only one
               Z centre of zero | O over capacity | U under capacity | blank: none of these
               E zero error | I initial-zero error | T tare error: dashes stand for the weight

``LF Z CR`` zeroes, ``LF T CR`` tares, ``LF C CR`` clears the tare; all three answer with the same message.  ``LF ? CR``
answers what the scale does not know.  O and U carry a number all the same; it is no weight.  A tare error is told once
and then gone.  A zero has no sign.

There is no check: a flipped digit gives another weight.

9600/8n1 is what most scales are delivered with; the standard leaves it open.
Source: SMA SCP-0499, Scale Serial Communication Protocol, first edition 1999 with modification 1 of 2005, sections
4.1, 4.5, 4.6, 4.9, 5.1 and 5.2, as quoted in public drivers and simulators.  Medium confidence: we had the quotations,
not the standard, and some scales do less than it says.
"""

import re
from decimal import Decimal

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Lines, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, Net, Reply, State, Weighing
from protocol.session import Asking, Wish

MESSAGE = re.compile(rb"\n([ZOUEIT ])([0-9A-Za-z ])([GTNgn ])([M ])(.)(.{10})(.{3})", re.DOTALL)
NUMBER = re.compile(rb" *(-?) *([0-9]{1,9}(?:\.[0-9]{1,8})?)")
UNIT = re.compile(rb" *([A-Za-z%][A-Za-z.%/]{0,2}) *")
KINDS = {b"G": Net.GROSS, b"g": Net.GROSS, b"N": Net.NET, b"n": Net.NET, b"T": Net.TARE, b" ": None}
STATES = {
    b"O": State.OVERLOAD,
    b"U": State.UNDERLOAD,
    b"E": State.ERROR,
    b"I": State.ERROR,
    b"T": State.ERROR,
}
UNKNOWN = b"\n?"
QUESTION = b"\nW\r"
COMMANDS = {Wish.TARE: b"\nT\r", Wish.CLEAR_TARE: b"\nC\r", Wish.ZERO: b"\nZ\r"}
DASHES = "-" * 10
LINE_CAP = 128


def decode(line: bytes) -> Event:
    """One message without its CR. What stands before its LF is noise and no part of it."""
    line = line[max(0, line.rfind(b"\n")) :]
    raw = line + b"\r"
    if line == UNKNOWN:
        return Reply("unknown-command", raw=raw)
    found = MESSAGE.fullmatch(line)
    if not found:
        return Garbage(raw, PARITY_WHY if parity_suspect(line) else "not LF and 18 characters of an SMA message")
    status, _, kind, motion, _, digits, unit = found.groups()
    number, known = NUMBER.fullmatch(digits), UNIT.fullmatch(unit)
    if status in STATES:
        return Weighing(None, known and known[1].decode(), KINDS[kind], state=STATES[status], raw=raw)
    if not number or not known:
        return Garbage(raw, PARITY_WHY if parity_suspect(line) else f"{digits + unit!r} is no weight with a unit")
    value = Decimal((number[1] + number[2]).decode())
    return Weighing(
        value=value if value else value.copy_abs(),
        unit=known[1].decode(),
        net=KINDS[kind],
        stable=motion == b" ",
        zero=status == b"Z",
        raw=raw,
    )


def encode(reading: Weighing) -> bytes:
    """The message of this reading. Raises ValueError if it does not fit."""
    kind = {net: code for code, net in KINDS.items() if not code.islower()}[reading.net].decode()
    unit = f"{reading.unit or '':>3}"
    if reading.value is None:
        status = {State.OVERLOAD: "O", State.UNDERLOAD: "U"}.get(reading.state, "E")
        return _message(status, kind, " ", DASHES, unit)
    if len(text := f"{reading.value:>10f}") != 10 or len(unit) != 3:
        raise ValueError(f"{reading.value} {reading.unit} does not fit ten and three characters")
    return _message("Z" if reading.zero else " ", kind, " " if reading.stable else "M", text, unit)


def encode_error(status: str) -> bytes:
    """The message of ``E``, ``I`` or ``T``: a command that could not be carried out."""
    return _message(status, "G", " ", DASHES, "   ")


def _message(status: str, kind: str, motion: str, weight: str, unit: str) -> bytes:
    return f"\n{status}1{kind}{motion} {weight}{unit}\r".encode("ascii")


class Options(FormatOptions):
    poll: Poll = 0.1
    patience: Patience = 1.0


def decoder() -> Lines:
    return Lines(decode, terminator=b"\r", cap=LINE_CAP)


def session(options: Options) -> Asking:
    return Asking(decoder(), QUESTION, poll=options.poll, patience=options.patience, commands=COMMANDS)


FORMAT = WireFormat(
    id="sma",
    kind="scale",
    title="SMA level 1 (Scale Manufacturers Association)",
    link=Link(9600),
    polled=True,
    checked=False,
    confidence="medium",
    decoder=decoder,
    session=session,
    options=Options,
    links=(Link(9600, 7, "e"), Link(4800)),
    questions=(QUESTION,),
)

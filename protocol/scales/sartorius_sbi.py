"""Sartorius SBI: lines of 16 characters, or of 22 with a header in front, CR LF included.

    N _ _ _ _ _  +  _ _ _ 1 2 3 . 5 6  _  g _ _ <CR><LF>       net +123.56 g
    |            |  |                  |  unit, left-aligned in 3 characters; blank: not stable
    |            |  |                  blank
    |            |  value to the right of 9 characters, the first of them usually a blank
    |            plus, minus or blank
    header, 6 characters, missing in the short form: N net, G gross, T tare, Qnt pieces, Stat no weight …

    +  _ _ 1 2 3 . 5 [ 6 ] g _ _          digits that are not verified stand in brackets, the second on the blank
    _ _ _ _ _ _ H _ _ _ _ _ _ _           H, HH, High overload | L, LL, Low under
    _ _ _ E r r _ 0 2 _ _ _ _ _           error; -- and C (Cal. …) show no weight either

Where in the line a special text stands differs, so it is looked for between the blanks; what is not known behind
``Stat`` is a ``Reply``.  An unverified digit is joined to the number, which is then ``auxiliary``.  The line has no
check: a flipped digit is another number; a lost or doubled one is noticed by the length.  A line with header that lost
exactly six characters is the line without, and says the same.

The scale answers ``ESC P`` as its print key and obeys ``ESC T`` (zero and tare in one) and ``ESC V`` (zero); CR LF
behind them is optional on most models and needed by some.  ``ESC x1_`` asks for the model.

1200/7o1 classic, newer ones 9600/8n1 or 8o1.
Sources: Sartorius user manuals of Combics 3 (p. 94), SIWABBP (p. 88), GC803S (p. 57), MSE (p. 71), LE series (p. 52),
Entris II (p. 3); the blank unit is common practice.
"""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Lines, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, Net, Reply, State, Weighing
from protocol.session import Asking, Obeying, Session, Wish

SHORT, LONG = 14, 20  # without CR LF
HEADER = LONG - SHORT
VALUE = re.compile(rb"([ +-])(?=.{9} ) *([0-9]+\.?[0-9]*) ([\x20-\x7e\xb5]{3})")
BRACKETS = re.compile(rb"([ +-])(?=.{9}\]) *([0-9]+\.?[0-9]*)\[([0-9]+)\]([\x20-\x7e\xb5]{3})")
SPECIAL = {
    **dict.fromkeys((b"H", b"HH", b"High"), State.OVERLOAD),
    **dict.fromkeys((b"L", b"LL", b"Low"), State.UNDERLOAD),
    **dict.fromkeys((b"--", b"C"), State.ERROR),
}
NO_WEIGHT = re.compile(rb"(?:Err|ERR|APP\.ER|DIS\.ER|PRT\.ER|Cal\.)[ -~]*")
KINDS = {"N": Net.NET, "G": Net.GROSS, "T": Net.TARE}
COMMANDS = {Wish.TARE: b"\x1bT\r\n", Wish.ZERO: b"\x1bV\r\n"}
POLL = b"\x1bP\r\n"
LINE_CAP = 64


def decode(line: bytes) -> Event:
    """One line without its CR LF."""
    raw = line + b"\r\n"
    if len(line) not in (SHORT, LONG):
        why = f"{len(line)} characters, and not {SHORT} or {LONG}"
        return Garbage(raw, PARITY_WHY if parity_suspect(line) else why)
    header, body = line[:-SHORT].decode("latin-1").strip(), line[-SHORT:]
    text = body.strip()
    if text in SPECIAL or NO_WEIGHT.fullmatch(text):
        return Weighing(None, net=KINDS.get(header), state=SPECIAL.get(text, State.ERROR), raw=raw)
    if found := VALUE.fullmatch(body) or BRACKETS.fullmatch(body):
        return _weighing(raw, KINDS.get(header), found[1] == b"-", list(found.groups()[1:]))
    if header == "Stat":
        return Reply("status", (("text", text.decode("latin-1")),), raw=raw)
    return Garbage(raw, PARITY_WHY if parity_suspect(line) else "neither a number in its columns nor a known text")


def _weighing(raw: bytes, net: Net | None, negative: bool, parts: list[bytes]) -> Weighing:
    *numbers, unit = (part.decode("latin-1") for part in parts)
    value = Decimal("".join(numbers))
    return Weighing(
        -value if value and negative else value,
        unit.strip() or None,
        net,
        stable=bool(unit.strip()),
        raw=raw,
        auxiliary=len(numbers) > 1,
    )


def encode(reading: Weighing, *, header: bool = True) -> bytes:
    """The line of this reading; with ``auxiliary`` its last digit in brackets. Raises ValueError if it cannot fit."""
    texts = {State.OVERLOAD: "H", State.UNDERLOAD: "L", State.MOTION: "--", State.ERROR: "Err 01"}
    if reading.value is None:
        return f"{'Stat' if header else '':<{HEADER if header else 0}}{texts[reading.state]:^{SHORT}}\r\n".encode()
    number = f"{abs(reading.value):f}"
    shown = f"{number[:-1]}[{number[-1]}]" if reading.auxiliary else f"{number} "
    sign = "-" if reading.value.is_signed() and reading.value else "+"
    unit = "" if reading.stable is False else reading.unit or ""
    name = {Net.NET: "N", Net.GROSS: "G", Net.TARE: "T"}.get(reading.net, "") if reading.net else ""
    line = f"{name:<6}" * header + f"{sign}{shown:>10}{unit:<3}"
    again = decode(line.encode())
    if not isinstance(again, Weighing) or again.value != reading.value:
        raise ValueError(f"{reading.value} {reading.unit} does not fit nine characters and a unit of three")
    return line.encode() + b"\r\n"


class Options(FormatOptions):
    poll: Annotated[Poll | None, Field(description="seconds between two questions; none where nobody asks")] = 0.3
    patience: Patience = 1.5


def decoder() -> Lines:
    return Lines(decode, cap=LINE_CAP)


def session(options: Options) -> Session:
    """Asks ``ESC P`` every ``poll`` seconds; without, it listens to a scale that prints by itself."""
    if options.poll is None:
        return Obeying(decoder(), COMMANDS)
    return Asking(decoder(), POLL, poll=options.poll, patience=options.patience, commands=COMMANDS, answered=False)


FORMAT = WireFormat(
    id="sartorius_sbi",
    kind="scale",
    title="Sartorius SBI, 16 or 22 characters",
    link=Link(1200, 7, "o"),
    polled=True,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=session,
    options=Options,
    always_net=True,
    links=(Link(9600), Link(9600, 8, "o")),
    print_questions=(POLL,),
)

r"""Lines with a number and little else, unasked or by the scale's key: G&G, Kern, ``$000000``, blocks of three weights.

    _ _ _ _ 0 . 6 6 5  _  g _  <CR><LF>           gg       9 columns, a minus in the first; a unit of 2 to the left
    -  _ _ 4 5 0 . 3 8  _  G N  <CR><LF>

    _ _ _ _ _ _ - 2 9 . 1 8 6  _  g _ _ <CR><LF>  kern     12 columns, a minus before the digits; a unit of 3

    S I _ ? _ - _ _ _ 1 2 . 3 4 5 _ k g _ <CR><LF>  kern-plj
          |   |                   unit of 3
          |   sign, and a number in 9 columns to the right
          blank stable | ? unstable | ^ over | v under the range

    $ 0 0 0 1 2 3 <CR>                            dollar   six digits; where the point stands is not said

    DATE & TIME JAN.  5,2026  08:30AM <CR>        block    (the lines above GROSS may be missing)
    SCALE NO 1 <CR>
    STATUS .. <CR><LF>
    SET P1(W)       0.0 <CR>                       and SET P2 to P4
    GROSS WEIGHT    1150.0 <CR>
    NET WEIGHT        33.5 <CR>
    TARE      1116.5 <CR>

Lines may end with CR LF, CR or LF.  Each form has its width, so that a line that lost or won a character is refused; a
flipped digit is another number, as there is no check, but for the block, whose gross must be net and tare.

Of these only Kern's PLJ says whether the weight stands still and what is out of range; what the others send when there
is no weight is not known, and they say nothing of gross and net.  Of a block the net weight is told, called gross where
the tare is nothing; the three numbers stand in a reply before it.  ``$`` lines and blocks carry no unit.  ``$`` lines
carry no point either: ``decimals`` places it, and until it is set a station takes none of them, because 000123 may be
0.123.  How a ``$`` line looks below zero is not known.  Other Kern scales have 11 to 14 columns: ``columns``.

9600/8n1; G&G as delivered 600, others by menu.
Sources: a user's captures of a G&G and of a Kern (OpenTrickler #15; RoboTrickler #2 for G&G's settings); Kern, PLJ-GM
manual p. 52; pyserial #668 for ``$``; a capture of blocks in the public NSerialCommTools.
"""

import re
from decimal import Decimal
from typing import Annotated, Literal, get_args

from pydantic import Field

from protocol.formats import WireFormat
from protocol.framing import CUT, PARITY_WHY, AnyEnd, parity_suspect
from protocol.link import Link
from protocol.options import Decimals, FormatOptions
from protocol.readings import Event, Garbage, Net, Reply, State, Weighing
from protocol.session import Listening

Form = Literal["gg", "kern", "kern-plj", "dollar", "block"]
FORMS: tuple[Form, ...] = get_args(Form)

NUMBER = rb"([0-9]{1,9}\.[0-9]{1,6})"
UNIT = rb"([A-Za-z%][A-Za-z%]{0,2}) *"
GG = re.compile(rb"(?=.{9} .{2}$)([ -]) *" + NUMBER + rb" " + UNIT)
KERN = re.compile(rb"(?=(.{11,14}) .{3}$) *(-?)" + NUMBER + rb" " + UNIT)
PLJ = re.compile(rb"SI ([ ?^v]) ([ +-])([ -~]{9}) (?=.{3}$)" + UNIT)
DOLLAR = re.compile(rb"\$([0-9]{6})")
ROWS, WORDS, WEIGHT = ("gross", "net", "tare"), "words", "weight"  # of a block
MOST_WORDS = 8
ABOVE = re.compile(rb"(?:DATE & TIME|SCALE NO|STATUS|SET P[1-4](?:\(W\))?) [^\r\n]{1,32}")
BLOCK = re.compile(
    rb"GROSS WEIGHT(?=.{10}$) *(?P<gross>-?[0-9]+\.[0-9]+)|NET WEIGHT(?=.{12}$) *(?P<net>-?[0-9]+\.[0-9]+)"
    rb"|TARE(?=.{12}$) *(?P<tare>-?[0-9]+\.[0-9]+)"
)
PADDED = re.compile(rb" *" + NUMBER)
OUT = {b"^": State.OVERLOAD, b"v": State.UNDERLOAD}
NO_LINE = "not a line of this form: number, unit and their columns"
LINE_CAP = 64
TARE_OF_BLOCK = Decimal("0.0")


class Reading(FormatOptions):
    form: Annotated[Form | None, Field(description="which of the lines; where not said, whichever comes")] = None
    columns: Annotated[int, Field(ge=11, le=14, description="of the number in Kern's lines")] = 12
    decimals: Decimals = None


class Options(Reading):
    form: Annotated[Form, Field(description="which of the lines")]


ANY = Reading()


def decode(line: bytes, options: Reading = ANY) -> Event:
    """One line without its end, of any form but a block's."""
    for form, one in (("gg", _gg), ("kern", _kern), ("kern-plj", _plj), ("dollar", _dollar)):
        if options.form in (None, form) and (event := one(line, options)) is not None:
            return event
    return Garbage(line, PARITY_WHY if parity_suspect(line) else NO_LINE)


def _gg(line: bytes, options: Reading) -> Weighing | None:
    found = GG.fullmatch(line)
    return _weighing(line, found[1], found[2], found[3]) if found else None


def _kern(line: bytes, options: Reading) -> Weighing | None:
    found = KERN.fullmatch(line)
    fits = found is not None and len(found[1]) == options.columns
    return _weighing(line, found[2], found[3], found[4]) if found and fits else None


def _plj(line: bytes, options: Reading) -> Weighing | None:
    found = PLJ.fullmatch(line)
    if not found:
        return None
    state, sign, field, unit = found.groups()
    if state in OUT:
        return Weighing(None, unit.decode(), state=OUT[state], raw=line)
    number = PADDED.fullmatch(field)
    return _weighing(line, sign, number[1], unit, stable=state == b" ") if number else None


def _dollar(line: bytes, options: Reading) -> Weighing | None:
    found = DOLLAR.fullmatch(line)
    return Weighing(Decimal(found[1].decode()).scaleb(-(options.decimals or 0)), raw=line) if found else None


def _weighing(line: bytes, sign: bytes, digits: bytes, unit: bytes, stable: bool | None = None) -> Weighing:
    value = Decimal(digits.decode())
    return Weighing(-value if value and sign == b"-" else value, unit.decode(), stable=stable, raw=line)


def encode(reading: Weighing, form: Form = "gg", *, columns: int = 12, tare: Decimal = TARE_OF_BLOCK) -> bytes:
    """The line of this reading, or its block with ``tare``. Raises ValueError if it cannot fit, or is not known."""
    text = _block(reading, tare) if form == "block" else _line(reading, form, columns)
    lines = Decoder(Reading(form=form, columns=columns, decimals=_places(reading.value)))
    said = [event for event in lines.feed(text) if isinstance(event, Weighing)]
    if [event.value for event in said] != [reading.value]:
        raise ValueError(f"{reading.value} {reading.unit} does not fit a line of the form {form}")
    return text


def _line(reading: Weighing, form: Form, columns: int) -> bytes:
    if reading.value is None and form != "kern-plj":
        raise ValueError("what is sent without a weight is not known")
    value, unit = reading.value, reading.unit or ""
    digits = "" if value is None else f"{abs(value):f}"
    minus = value is not None and value < 0
    if form == "gg":
        return f"{'-' if minus else ' '}{digits:>8} {unit:<2}\r\n".encode()
    if form == "kern":
        return f"{('-' if minus else '') + digits:>{columns}} {unit:<3}\r\n".encode()
    if form == "kern-plj":
        over = {state: mark.decode() for mark, state in OUT.items()}
        mark = over.get(reading.state, "?" if reading.stable is False else " ")
        return f"SI {mark} {'-' if minus else '+'}{digits:>9} {unit:<3}\r\n".encode()
    if minus:
        raise ValueError("how a $ line looks below zero is not known")
    return f"${digits.replace('.', ''):0>6}\r".encode()


def _block(reading: Weighing, tare: Decimal) -> bytes:
    if reading.value is None:
        raise ValueError("what is sent without a weight is not known")
    gross = reading.value + tare
    above = "DATE & TIME JAN.  5,2026  08:30AM\rSCALE NO 1\rSTATUS \x83*\r\n"
    points = "".join(f"SET {name}{0:>10.1f}\r" for name in ("P1(W)", "P2", "P3", "P4"))
    rows = f"GROSS WEIGHT{gross:>10f}\rNET WEIGHT{reading.value:>12f}\rTARE{tare:>12f}\r"
    return (above + points + rows).encode("latin-1")


def _places(value: Decimal | None) -> int | None:
    exponent = None if value is None else value.as_tuple().exponent
    return min(6, max(0, -exponent)) if isinstance(exponent, int) else None


class Decoder:
    """Lines, and blocks of them. ``told``: a ``$`` line is none until it is said where its point stands."""

    def __init__(self, options: Reading, *, told: bool = False) -> None:
        self._options = options
        self._told = told
        self._lines = AnyEnd(self._line, cap=LINE_CAP)
        self._block: list[Reply] = []

    def feed(self, data: bytes) -> list[Event]:
        return [event for line in self._lines.feed(data) for event in self._put(line)]

    def finish(self) -> list[Event]:
        return [event for line in self._lines.finish() for event in self._put(line)] + self._given_up(CUT)

    def _line(self, line: bytes) -> Event:
        if self._options.form in (None, "block"):
            if found := BLOCK.fullmatch(line):
                return Reply(found.lastgroup or "", ((WEIGHT, found[found.lastgroup or ""].decode()),), raw=line)
            if ABOVE.fullmatch(line):
                return Reply(WORDS, raw=line)
        if self._told and self._options.decimals is None and DOLLAR.fullmatch(line):
            return Garbage(line, "no point among the digits: set how many decimals the display shows")
        return decode(line, self._options)

    def _put(self, event: Event) -> list[Event]:
        """The next line: of a block, or one of its own."""
        if not isinstance(event, Reply):
            return [*self._given_up(), event]
        weights = [row for row in self._block if row.what in ROWS]
        fits = event.what == (ROWS[len(weights)] if weights or event.what in ROWS else WORDS)
        left = [] if fits and len(self._block) - len(weights) < MOST_WORDS else self._given_up()
        self._block.append(event)
        return left + (self._whole() if fits and event.what == ROWS[-1] else [])

    def _whole(self) -> list[Event]:
        gross, net, tare = (Decimal(row.get(WEIGHT) or "") for row in self._block if row.what in ROWS)
        if gross != net + tare:
            return self._given_up("gross is not net and tare")
        raw = _joined(self._block)
        self._block.clear()
        said = tuple((name, str(value)) for name, value in zip(ROWS, (gross, net, tare), strict=True))
        return [Reply("block", said), Weighing(net if net else net.copy_abs(), None, _net(tare), raw=raw)]

    def _given_up(self, why: str = "not the lines of a block: gross, net and tare") -> list[Event]:
        """What there is of a block, which will be none."""
        raw = _joined(self._block)
        self._block.clear()
        return [Garbage(raw, why)] if raw else []


def _joined(block: list[Reply]) -> bytes:
    return b"\r".join(row.raw for row in block)


def _net(tare: Decimal) -> Net:
    return Net.NET if tare else Net.GROSS


def decoder(options: Reading) -> Decoder:
    return Decoder(options)


def session(options: Options) -> Listening:
    return Listening(Decoder(options, told=True))


FORMAT = WireFormat(
    id="plain_lines",
    kind="scale",
    title="lines with a number and little else: G&G, Kern, $000000, blocks of gross, net and tare",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="medium",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Reading,
    without_unit={"form": ("dollar", "block")},
    links=(Link(4800), Link(2400), Link(1200), Link(600), Link(19200)),
)

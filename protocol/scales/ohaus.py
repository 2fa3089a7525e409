"""Ohaus Defender and Ranger: one line a weight, when asked, printed or continuously.

    _ _ _ 0 . 5 0 0  _  k g _ _ _  ?  N <CR><LF>
    |                |  |          |  G gross | N or NET net | T tare
    |                |  |          blank stable | ? unstable
    |                |  unit as sent, left-aligned in 5 characters
    |                blank
    minus or blank, then 7 characters with the weight to the right; 9 and 11 characters in all are seen too

A Defender 3000 sends ``-  1.640 kg    N``, the minus first.  Any other width is refused, so that a lost blank cannot
hide the question mark.  What is sent when the display shows no weight is not known to us: such a line is garbage, and
the simulated scale says nothing then.

Without a check a flipped digit is another number.  A first line of a continuous stream that was cut at the front could
look whole, so it is dropped when the scale is only listened to; where it is asked nothing is cut.

The scale answers ``IP`` with the weight at once, ``P`` as its print key; it obeys ``T`` (tare) and ``Z`` (zero), and
sends without end after ``CP``, each with CR LF.

9600/8n1.
Sources: Ohaus Defender 3000 user manual (p. EN-35, the columns); captures from a Defender 3000 and a second scale in
the public NSerialCommTools; the commands are common practice.
"""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Lines, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, Net, State, Weighing
from protocol.session import Asking, Obeying, Session, Wish

LINE = re.compile(rb"([ -][ .0-9-]+) ([A-Za-z%][A-Za-z:.%]{0,4})( *?)([ ?])(NET|[GNT]) *")
WIDTHS = (8, 9, 11)
UNIT_WIDTH = 5
NUMBER = re.compile(rb" *(-?) *([0-9]{1,7}(?:\.[0-9]{1,6})?)")
KINDS = {b"G": Net.GROSS, b"N": Net.NET, b"NET": Net.NET, b"T": Net.TARE}
COMMANDS = {Wish.TARE: b"T\r\n", Wish.ZERO: b"Z\r\n"}
POLL = b"IP\r\n"
LINE_CAP = 64


def decode(line: bytes) -> Event:
    """One line without its end."""
    raw = line + b"\r\n"
    found = LINE.fullmatch(line)
    if not found:
        return Garbage(raw, PARITY_WHY if parity_suspect(line) else "not a line with weight, unit and G or N")
    field, unit, blanks, mark, kind = found.groups()
    if len(field) not in WIDTHS or len(unit) + len(blanks) != UNIT_WIDTH:
        return Garbage(raw, "not the width of a line: bytes were lost or came in")
    number = NUMBER.fullmatch(field)
    if not number:
        return Garbage(raw, "no number where the weight should be")
    value = Decimal(number[2].decode())
    value = -value if value and number[1] else value
    return Weighing(value, unit.decode(), KINDS[kind], stable=mark == b" ", raw=raw)


def encode(reading: Weighing) -> bytes:
    """The line of this reading as a Defender 3000 sends it. Raises ValueError without a value, or if it cannot fit."""
    if reading.value is None or reading.state is not State.OK:
        raise ValueError("what is sent without a weight is not known")
    sign = "-" if reading.value.is_signed() and reading.value else " "
    mark = "?" if reading.stable is False else " "
    kind = {Net.NET: "N", Net.TARE: "T"}.get(reading.net or Net.GROSS, "G")
    line = f"{sign}{abs(reading.value):>7f} {reading.unit or '':<5}{mark}{kind}".encode()
    if not isinstance(decode(line), Weighing) or len(line) != 16:
        raise ValueError(f"{reading.value} {reading.unit} does not fit seven characters and a unit")
    return line + b"\r\n"


class Reading(FormatOptions):
    poll: Annotated[Poll | None, Field(description="seconds between two questions; none where nobody asks")] = 0.2


class Options(Reading):
    patience: Patience = 1.0


def decoder(options: Reading) -> Lines:
    """Without ``poll`` nobody asks, and the first line may be cut."""
    return Lines(decode, cap=LINE_CAP, drop_first=options.poll is None)


def session(options: Options) -> Session:
    """Asks ``IP`` every ``poll`` seconds; without, it listens to a scale that prints or sends by itself."""
    lines, poll = decoder(options), options.poll
    if poll is None:
        return Obeying(lines, COMMANDS)
    return Asking(lines, POLL, poll=poll, patience=options.patience, commands=COMMANDS, answered=False)


FORMAT = WireFormat(
    id="ohaus",
    kind="scale",
    title="Ohaus Defender and Ranger lines",
    link=Link(9600),
    polled=True,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Reading,
    links=(Link(2400), Link(4800)),
    print_questions=(POLL,),
)

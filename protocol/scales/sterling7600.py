"""Sterling 7600 of Pennsylvania Scale: three letters and CR ask, one line answers.

    host    S N W <CR>                                net weight (SGW gross)
    scale   N e t _ _ _ _ - 0 . 9 1 5 _ l b . <CR><LF>
            |     |                     unit as displayed; the dot is the manual's, the firmware sends none
            |     value, as far to the right as the 13th column
            Gross | Net

What firmware 4.31 really sends has the command in front, or only its last letter, and no blank between:
``SNWNet    -0.915 lb``, ``WGross   0.010 lb``.  So every end of the command is taken in front of its own answer, and of
no other.

    OLOLOL overload | ULULUL underload | ------- no weight yet | Err.80, Err.81 the command was not understood
    Count 15 Pieces | Piece Weight 0.6350 lb.       answers to SCO and SPW: never a weighing

``ZRO`` zeroes and ``ATW`` tares; how the text of their answers reads is not known.  Nothing says whether a weight is
stable.  There is no check: a flipped digit gives another weight.  A zero has no sign.

9600/8n1.
Source: the maker's manual 7600TM2021REV7 and lines recorded from a scale with firmware 4.31.0, both as published by the
project avodah-dev/scale-interface.  Medium confidence: one public source, one scale.
"""

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Lines, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, Net, Reply, State, Weighing
from protocol.session import Asking, Wish

NUMBER = rb" +(-?[0-9]{1,7}(?:\.[0-9]{1,6})?) +"
WEIGHT = re.compile(rb"(?:(?:S?G)?WGross|(?:S?N)?WNet|Gross|Net)" + NUMBER + rb"([A-Za-z]{1,4})\.? *")
COUNT = re.compile(rb"(?:(?:S?C)?O)?Count +(-?[0-9]{1,9}) +Pieces *")
PIECE = re.compile(rb"(?:(?:S?P)?W)?Piece Weight" + NUMBER + rb"([A-Za-z]{1,4})\.? *")
WORD = re.compile(rb"(?:(?:S?[GN])?W)?(OLOLOL|ULULUL|-------|Err\.8[01]) *")
OBEYED = re.compile(rb"(ZRO|ATW)([ -~]*)")
STATES = {b"OLOLOL": State.OVERLOAD, b"ULULUL": State.UNDERLOAD, b"-------": State.MOTION}
ERRORS = {b"Err.80": "data", b"Err.81": "unknown-command"}
QUESTIONS = {"gross": "SGW", "net": "SNW"}
COMMANDS = {Wish.TARE: b"ATW\r", Wish.ZERO: b"ZRO\r"}
COLUMN = 13
LINE_CAP = 128


def decode(line: bytes) -> Event:
    """One line without its terminator."""
    raw = line + b"\r\n"
    if found := WEIGHT.fullmatch(line):
        value = Decimal(found[1].decode())
        return Weighing(
            value=value if value else value.copy_abs(),
            unit=found[2].decode(),
            net=Net.GROSS if b"Gross" in line else Net.NET,
            raw=raw,
        )
    if found := WORD.fullmatch(line):
        if found[1] in ERRORS:
            return Reply("error", (("error", ERRORS[found[1]]),), raw=raw)
        state = STATES[found[1]]
        return Weighing(None, stable=False if state is State.MOTION else None, state=state, raw=raw)
    if found := COUNT.fullmatch(line):
        return Reply("count", (("pieces", found[1].decode()),), raw=raw)
    if found := PIECE.fullmatch(line):
        return Reply("piece-weight", (("weight", found[1].decode()), ("unit", found[2].decode())), raw=raw)
    if found := OBEYED.fullmatch(line):
        return Reply(found[1].decode(), (("text", found[2].decode().strip()),), raw=raw)
    return Garbage(raw, PARITY_WHY if parity_suspect(line) else "not an answer of this scale")


def encode(reading: Weighing, echo: str = "") -> bytes:
    """The line of this reading, with what the firmware puts in front. Raises ValueError if there is none."""
    if reading.value is None:
        words = {state: word for word, state in STATES.items()}
        if reading.state not in words:
            raise ValueError(f"no line for state {reading.state.value} is known")
        return echo.encode() + words[reading.state] + b"\r\n"
    labels: dict[Net | None, str] = {Net.GROSS: "Gross ", Net.NET: "Net "}
    label = labels.get(reading.net, "")
    line = f"{label}{reading.value:>{COLUMN - len(label)}f} {reading.unit}".encode()
    if not WEIGHT.fullmatch(line):
        raise ValueError(f"{reading.net} {reading.value} {reading.unit} does not fit")
    return echo.encode() + line + b"\r\n"


class Options(FormatOptions):
    ask: Annotated[Literal["gross", "net"], Field(description="which weight is asked for")] = "net"
    poll: Poll = 0.2
    patience: Patience = 1.0


def decoder() -> Lines:
    return Lines(decode, cap=LINE_CAP)


def session(options: Options) -> Asking:
    """Asks for ``gross`` or ``net``."""
    question = f"{QUESTIONS[options.ask]}\r".encode()
    return Asking(decoder(), question, poll=options.poll, patience=options.patience, commands=COMMANDS)


FORMAT = WireFormat(
    id="sterling7600",
    kind="scale",
    title="Sterling 7600",
    link=Link(9600),
    polled=True,
    checked=False,
    confidence="medium",
    decoder=decoder,
    session=session,
    options=Options,
    questions=(b"SGW\r",),
)

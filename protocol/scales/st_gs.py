"""Lines that begin with ``ST,``: A&D, T-Scale, CAS, Jinzhong, Excell, Tiger and many others, unasked or when asked.

    ST,GS,+  3.500kg<CR><LF>          the general line
    |  |  |        unit as sent, blanks around it
    |  |  sign or none, blanks or zeros, digits with or without a dot
    |  GS, GW, G gross | NT, NW, N net | TR tare; then a comma or a blank; may be missing altogether
    ST stable | US unstable | OL overload | QT counting

    ST,+0012.50  g<CR><LF>            A&D: sign, 8 characters (9 on some), unit of 3; decimals may change between lines
    ST,GS,   245.6 g<CR><LF>          T-Scale QHW
    ST,GS    20.7g  <CR><LF>          T-Scale NHB, no comma behind the kind
    ST,GS,+ 000120kg<CR>              Jinzhong XK3102, KB-TBED; 19 to 24 bytes, ends with CR or LF
    ST,GS,1 ,   1.250 kg<CR><LF>      CAS, 22 bytes: number of the indicator (30 + n), blank or lamps, 8 characters
    ST,GS   1.250,kg<CR><LF>          Tiger, 18 bytes: sign or blank, 7 characters, a comma; or ``ST,GS,  0.500,kg``
    ST,G,+   1.250Catty<CR><LF>       Excell: G or N, lines of 17 to 21 bytes by the unit, which may be tl.T or hkg
    OL,GS,-       kg<CR><LF>          blanks for digits: over (+) or under (-) the range
    ST,+0012.5/7 kg   ST,+0012.5[7] kg      last digit finer than the verification interval: joined, and ``auxiliary``
    +004.50/7 G S<CR><LF>             seen from a laboratory balance: unit G as sent, S stable

A line may end with CR LF, CR or LF.  Its unit is never missing, so that a cut line is not a shorter weight; a first
line that lost its beginning has no header.  A unit is given as sent, also one that is no unit of trade; none is
converted.  A line with ``OL`` has no usable number, whatever its digits; with a sign that is a minus it is read as out
of range below, while dashes in a row stand for digits.  There is no check: a flipped or lost digit is another number,
and only frames that agree tell.  Which counting lines are stable is not said.  The lamps of CAS are not interpreted.
How the unstable line of the laboratory balance looks is not known, so only its stable one is read.

A&D scales answer ``Q`` with the weight now and obey ``T`` (tare) and ``Z`` (re-zero), each with CR LF; the options
``poll`` and ``obeys`` are for them.  The commands of CAS in command mode (KT, WT, ZE, TR …) are known by name only; in
which order they and the number go out is not sourced, so they are not sent.

9600/8n1; A&D 2400/7e1 as delivered.
Sources: CAS user manuals of Caston-III (p. 20), NT-200 (p. 49) and CI-600D (p. 74); captures from a T-Scale NHB, a QHW
and the balance in the public NSerialCommTools; public drivers for A&D and for weighbridges (YF.MWS); R-Keeper's
documentation of KB-TBED; manuals of Tiger TI-02-P (p. 21) and Excell AM4 (p. 12); a Shanghai maker's page for the signs
of OL; ``T`` and ``Z`` are common practice.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, AnyEnd, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, Net, State, Weighing
from protocol.session import Asking, Listening, Obeying, Session, Wish

NUMBER = rb"([0-9]{1,9}(?:\.[0-9]{1,6})?)(?:/([0-9])|\[([0-9])\])?"
KIND = rb"(?:(GS|GW|G|NT|NW|N|TR)(?:,|(?=[ +-])))?"
UNIT = rb"([A-Za-z%]{1,5}(?:\.[A-Za-z])?)"
GENERAL = re.compile(rb"(ST|US|QT)," + KIND + rb" *([+-]?) *" + NUMBER + rb"(?: *|, ?)" + UNIT + rb" *")
CAS = re.compile(rb"(ST|US),(GS|NT),[\x20-\xff]{2},(?=.{8} ) *([+-]?) *" + NUMBER + rb" ( [A-Za-z]|[A-Za-z]{2})")
OVERLOAD = re.compile(rb"OL,(?:(GS|GW|G|NT|NW|N|TR)[, +-])?(?:[\x20-\xff]{2},(?=.{11}$))?([ -~]*)")
BELOW = re.compile(rb"(?<!-)-(?!-)")  # a sign, and not one of many dashes
BALANCE = re.compile(rb"([+-])([0-9]{1,6}\.[0-9]{1,5})/([0-9]) ([A-Za-z]{1,2}) S")
KINDS = {b"G": Net.GROSS, b"N": Net.NET, b"T": Net.TARE}
STABLE = {b"ST": True, b"US": False, b"QT": None}
COMMANDS = {Wish.TARE: b"T\r\n", Wish.ZERO: b"Z\r\n"}
POLL = b"Q\r\n"
LINE_CAP = 64


def decode(line: bytes) -> Event:
    """One line without its end."""
    if found := GENERAL.fullmatch(line) or CAS.fullmatch(line):
        header, kind, sign, digits, behind_slash, in_brackets, unit = found.groups()
        net = KINDS[kind[:1]] if kind else None
        return _weighing(line, STABLE[header], net, sign, digits, behind_slash or in_brackets, unit)
    if found := OVERLOAD.fullmatch(line):
        state = State.UNDERLOAD if BELOW.search(line) else State.OVERLOAD
        return Weighing(None, net=KINDS[found[1][:1]] if found[1] else None, state=state, raw=line)
    if found := BALANCE.fullmatch(line):
        sign, digits, last, unit = found.groups()
        return _weighing(line, True, None, sign, digits, last, unit)
    if parity_suspect(line):
        return Garbage(line, PARITY_WHY)
    return Garbage(line, "not a line with header, number and unit")


def _weighing(
    line: bytes, stable: bool | None, net: Net | None, sign: bytes, digits: bytes, last: bytes | None, unit: bytes
) -> Weighing:
    text = digits.decode()
    if last:
        text += last.decode() if "." in text else f".{last.decode()}"
    value = Decimal(text)
    return Weighing(
        -value if value and sign == b"-" else value,
        unit.strip().decode(),
        net,
        stable,
        raw=line,
        auxiliary=last is not None,
    )


def _general(kind: str, sign: str, digits: str, unit: str) -> str:
    return f"{kind},{sign}{digits:>7}{unit}\r\n"


def _and(kind: str, sign: str, digits: str, unit: str) -> str:
    return f"{sign}{digits:0>8}{unit:>3}\r\n"


def _qhw(kind: str, sign: str, digits: str, unit: str) -> str:
    return f"{kind},{sign.replace('+', '') + digits:>8} {unit}\r\n"


def _nhb(kind: str, sign: str, digits: str, unit: str) -> str:
    return f"{kind}{sign.replace('+', '') + digits:>8}{unit}  \r\n"


def _jinzhong(kind: str, sign: str, digits: str, unit: str) -> str:
    return f"{kind},{sign} {digits:0>6}{unit}\r"


def _cas(kind: str, sign: str, digits: str, unit: str) -> str:
    return f"{kind},1 ,{sign.replace('+', '') + digits:>8} {unit:>2}\r\n"


def _tiger(kind: str, sign: str, digits: str, unit: str) -> str:
    return f"{kind}{sign.replace('+', ' ')}{digits:>7},{unit}\r\n"


def _excell(kind: str, sign: str, digits: str, unit: str) -> str:
    return f"{kind[0]},{sign}{digits:>7}{unit}\r\n"


FORMS: dict[str, Callable[[str, str, str, str], str]] = {
    "general": _general,
    "and": _and,
    "qhw": _qhw,
    "nhb": _nhb,
    "jinzhong": _jinzhong,
    "cas": _cas,
    "tiger": _tiger,
    "excell": _excell,
}
OUT_OF_RANGE = {"and": "999999.9", "tiger": "", "excell": ""}  # what stands for the digits; elsewhere zero


def encode(reading: Weighing, form: str = "general") -> bytes:
    """The line of this reading as the scales of one of FORMS write it. Raises ValueError if it cannot fit."""
    if reading.value is None:
        header, digits = "OL", OUT_OF_RANGE.get(form, "0.000")
        sign = "-" if reading.state is State.UNDERLOAD else "+"
    else:
        header, digits = "US" if reading.stable is False else "ST", f"{abs(reading.value):f}"
        sign = "-" if reading.value.is_signed() else "+"
    kind = {Net.NET: "NT", Net.TARE: "TR"}.get(reading.net or Net.GROSS, "GS")
    line = f"{header},{FORMS[form](kind, sign, digits, reading.unit or '')}".encode()
    again = decode(line.rstrip(b"\r\n"))
    if not isinstance(again, Weighing) or again.value != reading.value or len(line) > 24:
        raise ValueError(f"{reading.value} {reading.unit} does not fit a line of this form")
    return line


class Options(FormatOptions):
    poll: Annotated[Poll | None, Field(description="seconds between two questions; none where nobody asks")] = None
    obeys: Annotated[bool, Field(description="takes A&D's commands for tare and zero")] = False
    patience: Patience = 1.0


def decoder() -> AnyEnd:
    return AnyEnd(decode, cap=LINE_CAP)


def session(options: Options) -> Session:
    """Listens; with ``obeys`` also sends A&D's commands, and with ``poll`` asks ``Q`` that often."""
    commands = COMMANDS if options.obeys else {}
    if (poll := options.poll) is not None:
        return Asking(decoder(), POLL, poll=poll, patience=options.patience, commands=commands, answered=False)
    return Obeying(decoder(), commands) if options.obeys else Listening(decoder())


FORMAT = WireFormat(
    id="st_gs",
    kind="scale",
    title="lines with ST, US, OL: A&D, T-Scale, Jinzhong, Excell, Tiger, CAS 22 bytes",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=session,
    options=Options,
    links=(Link(2400, 7, "e"), Link(4800), Link(2400)),
    questions=(POLL,),
)

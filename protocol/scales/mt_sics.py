"""Mettler Toledo MT-SICS, levels 0 and 1: commands and replies, one per line.

    host    SI<CR><LF>                          weight now
    scale   S D     312.40 g<CR><LF>
            | |     |      unit as displayed, never assumed
            | |     value, right-aligned in 10 columns by most firmware, one blank by some: split on blanks
            | S stable | D dynamic | I not executable now | + overload | - underload
            the command's id; S for S, SI, SIR and SR

Other replies: ``Z A`` done, ``T S 250.0 g`` the tare that was set, ``TA A 250.0 g`` the tare memory,
``I4 A "serial"`` (also sent by itself at power-up), whole-line errors ``ES`` syntax, ``ET`` transmission,
``EL`` logical.  The PRINT key sends free text, which is not a reply and never becomes a weight.
A zero has no sign: ``-0.00`` is read as 0.00.

Kern's KCP is the same in all that is used here; its scales want 0.1 s between two questions.

Default link 9600/8n1. ``S`` may block for the scale's stability timeout, so polling uses ``SI``.
Sources: Mettler Toledo, Reference Manual MT-SICS (levels 0 and 1); the tests of the public mt-sics and
mettler_toledo_device_python drivers; the PRINT key's line as captured from an MS204TS; Kern, KIB-TM interface manual
and CKE manual p. 79.
"""

import re
from decimal import Decimal

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Lines, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, Net, Reply, State, Weighing
from protocol.session import Asking, Wish

WEIGHT = re.compile(rb"(S|T|TI|TA) +([SDA]) +(-?\d{1,9}(?:\.\d{1,9})?) +([A-Za-z%\xb5/][A-Za-z%\xb5/.]{0,4}) *")
WITHOUT = re.compile(rb"(S|SI|SIR|SR) +([-+I]) *")
STATUS = re.compile(rb"(Z|ZI|T|TI|TA|TAC) +([AISDL+-]) *")
QUOTED = re.compile(rb"(I\d{1,2}) +([AB])((?: +(?:\"[^\"]*\"|[0-9A-Za-z.]+))*) *")
NOT_NOW = re.compile(rb"(I\d{1,2}) +([IL]) *")
ERRORS = {b"ES": "syntax", b"ET": "transmission", b"EL": "logical"}

MEANING = {
    b"A": "done",
    b"B": "more",
    b"S": "done-stable",
    b"D": "done-dynamic",
    b"I": "not-executable",
    b"L": "wrong-parameter",
    b"+": "overload",
    b"-": "underload",
}
COMMANDS = {Wish.TARE: b"TI\r\n", Wish.CLEAR_TARE: b"TAC\r\n", Wish.ZERO: b"ZI\r\n"}
POLL = b"SI\r\n"
LINE_CAP = 128


def decode(line: bytes) -> Event:
    """One line without its terminator."""
    raw = line + b"\r\n"
    if found := WEIGHT.fullmatch(line):
        command, status, digits, unit = found.groups()
        if (command == b"TA") != (status == b"A"):
            return Garbage(raw, "status does not belong to this reply")
        value = Decimal(digits.decode())
        return Weighing(
            value=value if value else value.copy_abs(),
            unit=unit.decode("latin-1"),
            net=None if command == b"S" else Net.TARE,
            stable=status != b"D",
            raw=raw,
        )
    if found := WITHOUT.fullmatch(line):
        state = {b"+": State.OVERLOAD, b"-": State.UNDERLOAD, b"I": State.MOTION}[found[2]]
        return Weighing(value=None, stable=False if state is State.MOTION else None, state=state, raw=raw)
    if found := STATUS.fullmatch(line):
        return Reply(found[1].decode(), (("status", MEANING[found[2]]),), raw=raw)
    if found := QUOTED.fullmatch(line):
        words = re.findall(rb"\"([^\"]*)\"|([0-9A-Za-z.]+)", found[3])
        text = " ".join((quoted or bare).decode("latin-1") for quoted, bare in words)
        return Reply(found[1].decode(), (("status", MEANING[found[2]]), ("text", text)), raw=raw)
    if found := NOT_NOW.fullmatch(line):
        return Reply(found[1].decode(), (("status", MEANING[found[2]]),), raw=raw)
    if line in ERRORS:
        return Reply("error", (("error", ERRORS[line]),), raw=raw)
    if parity_suspect(line):
        return Garbage(raw, PARITY_WHY)
    if line.startswith(b" "):
        return Garbage(raw, "begins with a blank: text of the PRINT key, or the tail of a cut line")
    return Garbage(raw, "not an MT-SICS reply")


def encode(reading: Weighing, command: str = "") -> bytes:
    """The reply a scale gives for this reading, value right-aligned in 10 columns.

    ``command`` is the reply's id where it is not the usual one: ``T`` and ``TI`` answer with the tare they set.
    """
    if reading.value is None:
        mark = {State.OVERLOAD: b"+", State.UNDERLOAD: b"-"}.get(reading.state, b"I")
        return b"S " + mark + b"\r\n"
    if not command:
        command = "TA" if reading.net is Net.TARE else "S"
    status = "A" if command == "TA" else "S" if reading.stable else "D"
    return f"{command} {status} {reading.value:>10f} {reading.unit}\r\n".encode("latin-1")


def encode_reply(command: str, status: str, *words: int | str) -> bytes:
    """A reply without a weight: ``encode_reply("I4", "A", "B021002593")``; text is quoted, numbers are bare."""
    parts = [command, status, *(str(word) if isinstance(word, int) else f'"{word}"' for word in words)]
    return " ".join(parts).encode("latin-1") + b"\r\n"


class Options(FormatOptions):
    poll: Poll = 0.1
    patience: Patience = 1.0


def decoder() -> Lines:
    return Lines(decode, cap=LINE_CAP)


def session(options: Options) -> Asking:
    """Asks ``SI`` every ``poll`` seconds; waits ``patience`` seconds for an answer before it asks again."""
    return Asking(decoder(), POLL, poll=options.poll, patience=options.patience, commands=COMMANDS)


FORMAT = WireFormat(
    id="mt_sics",
    kind="scale",
    title="Mettler Toledo MT-SICS level 0/1",
    link=Link(9600),
    polled=True,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=session,
    options=Options,
    links=(Link(4800), Link(19200), Link(2400, 7, "e")),
    questions=(POLL,),
)

"""Adam Equipment AZextra and CBD: the host presses their Print key, and they answer with the text of a label.

    host    P <CR><LF>
    scale   …0.500kg…        a new weight, not zero, stable
    scale   (nothing)        the same weight as before, zero, or unstable: it only beeps

``T`` tares and ``Z`` zeroes; both are not answered.  How the label looks depends on the scale's setting (label format
1 to 3, language, currency, date) and is not known to us, so this is taken for a weight and nothing else: digits with a
point and then ``kg``, with a blank or the line's beginning in front and neither digits nor signs before that.  ``Tare``
or ``Gross`` in the same line say what it is.  Of several weights in one answer only the first counts.  Set label
format 3 and kg.  A person may press the key as well: that weight counts like any other.

A weight is always stable.  It is said once, so silence is no fault and there is no second answer to compare; that the
load was taken off is never said.  There is no check: a flipped or lost digit gives another weight.

4800/8n1 unless it was changed.
Sources: Adam Equipment, AZextra user manual p. 14 (commands, line); the public Odoo driver for these scales (behaviour,
text, pauses).
"""

import re
from decimal import Decimal

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Lines, parity_suspect
from protocol.link import Link
from protocol.readings import Event, Garbage, Net, Reply, Weighing
from protocol.session import Wish

UNIT = b"kg"
TAIL = re.compile(rb"([^0-9+-]* )?([0-9]{1,3}\.[0-9]{1,4}) ?")
LINE_END = re.compile(rb"[\r\n]")
LABELS = {b"tare": Net.TARE, b"gross": Net.GROSS, b"net": Net.NET}
QUESTION = b"P\r\n"
COMMANDS = {Wish.TARE: b"T\r\n", Wish.ZERO: b"Z\r\n"}
PER = b"/"  # a price per kg
LABEL_SECONDS = 1.0  # a label is not longer than this on the wire
LINE_CAP = 512


def decode(text: bytes) -> Event:
    """What came since the last ``kg``, without this one."""
    *before, last = LINE_END.split(text)
    found = TAIL.fullmatch(last)
    if parity_suspect(text):
        return Garbage(text + UNIT, PARITY_WHY)
    if not found:
        bad = _has_number(last) and not last.rstrip().endswith(PER)
        return Garbage(text + UNIT, "no weight in front of kg") if bad else _text(text + UNIT)
    if not before and not found[1]:
        return Garbage(text + UNIT, "begins with the digits: some may have been cut off")
    value = Decimal(found[2].decode())
    words = (found[1] or b"").lower()
    net = next((net for label, net in LABELS.items() if label in words), None)
    return Weighing(value, "kg", net, stable=True, zero=not value, raw=last + UNIT)


def _has_number(line: bytes) -> bool:
    return any(byte in b"0123456789" for byte in line)


def _text(data: bytes) -> Reply:
    return Reply("label", (("text", " ".join(data.decode("latin-1").split())),), raw=data)


def encode(reading: Weighing) -> bytes:
    """A label with this weight and nothing else: one line of our own making. Raises ValueError if it does not fit."""
    labels = {net: f"{label.decode().title()} " for label, net in LABELS.items()}
    text = f"{labels[reading.net] if reading.net else ''}{reading.value or 0:>8f}".encode()
    if reading.value is None or reading.unit != "kg" or not TAIL.fullmatch(text):
        raise ValueError(f"{reading.value} {reading.unit} does not fit a label")
    return text + UNIT + b"\r\n"


def decoder() -> Lines:
    return Lines(decode, terminator=UNIT, cap=LINE_CAP)


class Session:
    """Presses Print every ``poll`` seconds, and ``rest`` seconds after a weight, because the scale beeps each time.

    What comes within ``quiet`` seconds before the first question was not asked for and may be cut: it is dropped.
    """

    def __init__(self, poll: float = 2.0, rest: float = 5.0, quiet: float = 0.5) -> None:
        self._lines = decoder()
        self._poll = poll
        self._rest = rest
        self._quiet = quiet
        self._started = False
        self._asked = False
        self._label_until = 0.0  # weights before this belong to the label of the last one
        self._out = bytearray()
        self._wishes: list[Wish] = []
        self.deadline: float | None = 0.0

    def receive(self, data: bytes, now: float) -> list[Event]:
        if not self._asked:
            return [Garbage(data, "came before anything was asked: it may be cut")] if data else []
        return [self._counted(event, now) for event in self._lines.feed(data)]

    def expired(self, now: float) -> list[Event]:
        if not self._started:
            self._started = True
            self.deadline = now + self._quiet
            return []
        self._asked = True
        self._out += COMMANDS[self._wishes.pop(0)] if self._wishes else QUESTION
        self._label_until = now
        self.deadline = now + self._poll
        return self._next_answer()

    def pending(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def ask(self, wish: Wish, now: float) -> bool:
        if wish not in COMMANDS:
            return False
        if wish not in self._wishes:
            self._wishes.append(wish)
        if self._asked:
            self.deadline = now
        return True

    def committed(self, now: float) -> None:
        return None

    def _counted(self, event: Event, now: float) -> Event:
        if not isinstance(event, Weighing):
            return event
        if now < self._label_until:
            return _text(event.raw)
        self._label_until = now + LABEL_SECONDS
        self.deadline = now + self._rest
        return event

    def _next_answer(self) -> list[Event]:
        """Put away what was left of the last label, and note that an answer begins on a line of its own."""
        left = [event for event in self._lines.finish() if isinstance(event, Garbage)]
        self._lines.feed(b"\n")
        return [_text(one.data) if one.data.isascii() else one for one in left if one.data.strip()]


FORMAT = WireFormat(
    id="adam_azextra",
    kind="scale",
    title="Adam Equipment AZextra and CBD",
    link=Link(4800),
    polled=True,
    checked=False,
    confidence="medium",
    decoder=decoder,
    session=Session,
    repeats=False,
    links=(Link(9600),),
    print_questions=(QUESTION,),
)

"""Adam Equipment AZextra and CBD: the host presses their Print key, and they answer with the text of a label.

    host    P <CR><LF>
    scale   …0.500kg…        a new weight, not zero, stable
    scale   (nothing)        the same weight as before, zero, or unstable: it only beeps

``T`` tares and ``Z`` zeroes; both are not answered.  How the label looks depends on the scale's setting (label format
1 to 3, language, currency, date) and is not known to us, so this is taken for a weight and nothing else: digits with a
point and then ``kg``, with a blank or the line's beginning in front and neither digits nor signs before that.  ``Tare``
or ``Gross`` in the same line say what it is.  Of several weights in one answer only the first counts.  Set label
format 3 and kg.

Nearly every other scale's text would pass for such a label, so three things are asked for besides.  A label holds no
control bytes but line ends; with any other it is garbage.  These scales speak only when their key is pressed: what
goes on for longer than a label, or comes unasked within a second of other text, is of another scale and no weight.
And the label does not say that the weight stood still: only because this scale answers the key with nothing else is
an answer to the station's own question stable.  A weight nobody asked for (a person's finger on the key) says nothing
of stability.

A weight is said once, so silence is no fault and there is no second answer to compare; that the load was taken off is
never said.  There is no check: a flipped or lost digit gives another weight.

4800/8n1 unless it was changed.
Sources: Adam Equipment, AZextra user manual p. 14 (commands, line); the public Odoo driver for these scales (behaviour,
text, pauses), which was withdrawn there because streams of other scales were taken for labels.
"""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Lines, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions, Pause, Poll
from protocol.readings import Event, Garbage, Net, Reply, Weighing
from protocol.session import Speaking, Wish

UNIT = b"kg"
TAIL = re.compile(rb"([^0-9+-]* )?([0-9]{1,3}\.[0-9]{1,4}) ?")
LINE_END = re.compile(rb"[\r\n]")
POWER_ON = re.compile(rb"(?:^|(?<=[\r\n]))[\x00\x7f]+")
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
LABELS = {b"tare": Net.TARE, b"gross": Net.GROSS, b"net": Net.NET}
QUESTION = b"P\r\n"
COMMANDS = {Wish.TARE: b"T\r\n", Wish.ZERO: b"Z\r\n"}
PER = b"/"  # a price per kg
LABEL_SECONDS = 1.0  # a label is not longer than this on the wire
GAP = 0.3  # seconds without a byte, and a label is over
ANSWER_SECONDS = 1.0  # an answer has begun by then
STREAM = "more than a weight a second, unasked: no Adam scale talks so"
LINE_CAP = 512


def decode(text: bytes) -> Event:
    """What came since the last ``kg``, without this one."""
    if parity_suspect(text):
        return Garbage(text + UNIT, PARITY_WHY)
    text = POWER_ON.sub(b"", text)
    if CONTROL.search(text):
        return Garbage(text + UNIT, "control bytes: this is no label")
    *before, last = LINE_END.split(text)
    found = TAIL.fullmatch(last)
    if not found:
        bad = _has_number(last) and not last.rstrip().endswith(PER)
        return Garbage(text + UNIT, "no weight in front of kg") if bad else _text(text + UNIT)
    if not before and not found[1]:
        return Garbage(text + UNIT, "begins with the digits: some may have been cut off")
    value = Decimal(found[2].decode())
    words = (found[1] or b"").lower()
    net = next((net for label, net in LABELS.items() if label in words), None)
    return Weighing(value, "kg", net, zero=not value, raw=last + UNIT)


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


class Options(FormatOptions):
    poll: Poll = 2.0
    rest: Annotated[Pause, Field(description="seconds of peace after a weight")] = 5.0
    quiet: Annotated[Pause, Field(description="seconds of silence before Print is pressed")] = 1.5


def decoder() -> Lines:
    return Lines(decode, terminator=UNIT, cap=LINE_CAP)


class Session(Speaking):
    """Presses Print every ``poll`` seconds, and ``rest`` seconds after a weight, because the scale beeps each time.

    It presses only when nothing came for ``quiet`` seconds, and what comes before the first time is dropped: it was not
    asked for and may be cut.  A label is told when it is over, for only then it is known to be one.
    """

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._lines = decoder()
        self._poll = options.poll
        self._rest = options.rest
        self._quiet = options.quiet
        self._started = self._asked = False
        self._next = 0.0  # when to ask
        self._answer_until = float("-inf")
        self._heard: list[Event] = []  # of the text that is on the wire now
        self._since: float | None = None  # when it began; None: the wire is silent
        self._heard_at = float("-inf")
        self._fits = True  # it may still be a label
        self._answers = False  # it began when an answer was due
        self._wishes: list[Wish] = []

    @property
    def deadline(self) -> float | None:
        return self._next if self._since is None else self._heard_at + GAP

    def receive(self, data: bytes, now: float) -> list[Event]:
        if not data:
            return []
        told = self._over(now) if self._since is not None and now >= self._heard_at + GAP else []
        if self._since is None:
            self._since = now
            self._answers = now <= self._answer_until
            self._fits = self._answers or now >= self._heard_at + self._quiet
        self._heard_at = now
        if not self._asked:
            return [*told, Garbage(data, "came before anything was asked: it may be cut")]
        self._heard += self._lines.feed(data)
        self._fits = self._fits and now <= self._since + LABEL_SECONDS
        return told if self._fits else told + self._refused()

    def expired(self, now: float) -> list[Event]:
        if self._since is not None:
            return self._over(now)
        if not self._started:
            self._started = True
            self._next = now + self._quiet
            return []
        self._next = now + self._poll
        if self._wishes:
            self._out += COMMANDS[self._wishes.pop(0)]
        elif now < self._heard_at + self._quiet:
            self._next = self._heard_at + self._quiet
            return []
        else:
            self._out += QUESTION
            self._answer_until = now + ANSWER_SECONDS
        self._asked = True
        return self._next_answer()

    def ask(self, wish: Wish, now: float) -> bool:
        if wish not in COMMANDS:
            return False
        if wish not in self._wishes:
            self._wishes.append(wish)
        if self._asked:
            self._next = now
        return True

    def _over(self, now: float) -> list[Event]:
        """The wire is silent again: what came was a label, with one weight at most."""
        self._since = None
        told, self._heard = self._heard if self._fits else self._refused(), []
        weight = next((event for event in told if isinstance(event, Weighing)), None)
        if weight is not None:
            self._next = now + self._rest
            self._answer_until = float("-inf")
        return [self._counted(one, one is weight) if isinstance(one, Weighing) else one for one in told]

    def _counted(self, weighing: Weighing, first: bool) -> Event:
        return replace(weighing, stable=self._answers or None) if first else _text(weighing.raw)

    def _refused(self) -> list[Event]:
        heard, self._heard = self._heard, []
        return [Garbage(one.raw, STREAM) if isinstance(one, Weighing) else one for one in heard]

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
    options=Options,
    repeats=False,
    links=(Link(9600),),
    print_questions=(QUESTION,),
)

r"""Mettler Toledo 8217, the cash-register protocol: the host sends one letter without a terminator, the scale answers.

    host     W                          weight?
    scale    02  1 2 . 3 4 0  [N]  0D   12.340; N stands behind a net weight
             02  ?  status  0D          no weight now

    status   b0 in motion | b1 over capacity | b2 under zero | b3 outside the zero capture range
             b4 centre of zero | b5 net weight; b6 and b7 say nothing

    host     Ehello   scale  02 E 0D, then what follows the E comes back as it is, until the host sends F
    host     Z        zero

The weight is text with a dot, leading blanks possible, as many digits as the model has; the frame carries no unit.  A
scale in motion answers with the status, so a weight that is sent is stable.  A status of only ``centre of zero`` is
a weight of 0.

Some scales send each weight once and answer ``?`` with an empty status until it changes: then the weight sent last
still holds and is handed over again, with its own bytes.  It is forgotten when anything else was heard, garbage
included, and when the scale fell silent.  An empty status without a weight before it is a ``Reply``.

The frame has no check byte, only the line's parity: where that is not watched, a flipped or lost digit is another
number.  What is answered to ``Z`` and to ``F`` is not known to us.  There is no command to tare.  The German and
Belgian variant with a checksum (records 01, 02, 11) is secret and not this.

9600/7e1.  Asked every 0.2 to 0.5 seconds.
Sources: the public drivers of Odoo (serial_scale_driver) and pywebdriver (toledo); ``Z`` is common practice.
"""

import re
from decimal import Decimal

from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Scanner, parity_suspect
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, Net, Reply, State, Weighing
from protocol.session import Asking, Wish

STX, CR = 0x02, 0x0D
WEIGHT = re.compile(rb"\x02 *([0-9]{1,6}\.[0-9]{1,4})(N?)\r")
STATUS = re.compile(rb"\x02\?(.)\r", re.DOTALL)
ECHO = b"\x02E\r"
MOTION, OVER, UNDER, ZERO_RANGE, ZERO, NET = (1 << bit for bit in range(6))
UNCHANGED = "unchanged"
LONGEST = 14
COMMANDS = {Wish.ZERO: b"Z"}
POLL = b"W"


def decode(frame: bytes) -> Event:
    """One frame, from STX to CR."""
    if found := WEIGHT.fullmatch(frame):
        return Weighing(Decimal(found[1].decode()), net=Net.NET if found[2] else None, stable=True, raw=frame)
    if found := STATUS.fullmatch(frame):
        return _status(found[1][0], frame)
    if frame == ECHO:
        return Reply("echo", raw=frame)
    return Garbage(frame, PARITY_WHY if parity_suspect(frame) else "neither a weight with a dot nor a status")


def _status(status: int, frame: bytes) -> Event:
    net = Net.NET if status & NET else None
    zero = bool(status & ZERO)
    if status & OVER:
        return Weighing(None, net=net, zero=zero, state=State.OVERLOAD, raw=frame)
    if status & UNDER:
        return Weighing(None, net=net, zero=zero, state=State.UNDERLOAD, raw=frame)
    if status & MOTION:
        return Weighing(None, net=net, stable=False, zero=zero, state=State.MOTION, raw=frame)
    if status & ZERO_RANGE:
        return Weighing(None, net=net, zero=zero, state=State.ERROR, raw=frame)
    if zero and net:  # nothing on the pan and a tare: less than nothing
        return Weighing(None, net=net, zero=zero, state=State.UNDERLOAD, raw=frame)
    if zero:
        return Weighing(Decimal(0), stable=True, zero=True, raw=frame)
    return Reply(UNCHANGED, raw=frame)


def encode(reading: Weighing, width: int = 6) -> bytes:
    """What the scale answers to ``W``: a weight only when it is stable and not below zero."""
    net = NET if reading.net is Net.NET else 0
    flags = {State.OVERLOAD: OVER, State.UNDERLOAD: UNDER, State.MOTION: MOTION, State.ERROR: ZERO_RANGE}
    if reading.state is not State.OK or reading.value is None:
        return encode_status(flags[reading.state] | net)
    if not reading.stable:
        return encode_status(MOTION | net)
    if reading.value.is_signed() and reading.value:
        return encode_status(UNDER | net)
    text = f"{reading.value:>{width}f}"
    frame = b"\x02" + text.encode() + (b"N\r" if net else b"\r")
    if not WEIGHT.fullmatch(frame):
        raise ValueError(f"{reading.value} cannot be sent: up to six digits, a dot and up to four decimals")
    return frame


def encode_status(status: int) -> bytes:
    return bytes((STX, ord("?"), status, CR))


def measure(buffer: bytes) -> int | None:
    if buffer[1:2] == b"?":
        return None if len(buffer) < 4 else 4 if buffer[3] == CR else 0
    end = buffer.find(b"\r", 1, LONGEST)
    if buffer[1 : end if end > 0 else LONGEST].translate(None, b"0123456789. NE"):
        return 0
    return end + 1 if end > 0 else None if len(buffer) < LONGEST else 0


class Answers:
    """The scale's answers; an unchanged weight is repeated from memory."""

    def __init__(self) -> None:
        self._scanner = Scanner(measure, decode, head=b"\x02", cap=64, look=LONGEST)
        self._last: Weighing | None = None

    def feed(self, data: bytes) -> list[Event]:
        return [self._remembered(event) for event in self._scanner.feed(data)]

    def finish(self) -> list[Event]:
        self.forget()
        return self._scanner.finish()

    def forget(self) -> None:
        """What was said last holds no longer."""
        self._last = None

    def _remembered(self, event: Event) -> Event:
        if isinstance(event, Reply) and event.what == UNCHANGED:
            return self._last or event
        self._last = event if isinstance(event, Weighing) and event.state is State.OK else None
        return event


class Options(FormatOptions):
    poll: Poll = 0.25
    patience: Patience = 1.0


def decoder() -> Answers:
    return Answers()


class Session(Asking):
    """Asks ``W`` every ``poll`` seconds; a scale that fell silent has to state its weight anew."""

    def __init__(self, options: Options) -> None:
        self._answers = decoder()
        super().__init__(
            self._answers, POLL, poll=options.poll, patience=options.patience, commands=COMMANDS, answered=False
        )

    def expired(self, now: float) -> list[Event]:
        if self._waiting or self._wishes:
            self._answers.forget()
        return super().expired(now)


FORMAT = WireFormat(
    id="toledo_8217",
    kind="scale",
    title="Mettler Toledo 8217 (cash registers)",
    link=Link(9600, 7, "e"),
    polled=True,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=Session,
    options=Options,
    sends_unit=False,
    links=(Link(9600),),
    questions=(POLL,),
)

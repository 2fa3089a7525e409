"""Checkout scales of 顶尖 (ACLaS, Pinnacle) OS2, OS2X, OS2CX: a frame ten times a second, or when asked.

    01 02 S _  _ 1 . 2 5 0  k g  74  03 04  00      1.250 kg, stable; active mode, 16 bytes
    |     | |  |            |    |          b4 at zero | b5 tare in force: net | b6 out of range; passive mode: not sent
    |     | |  |            |    XOR of all twelve bytes in front of it
    |     | |  |            unit, 2 characters
    |     | |  weight, 6 characters with its point
    |     | blank or minus
    |     S stable | U unstable | F out of range, or not started at zero: no weight
    01 02

    host 05   scale 06   host 11   scale frame of 15 bytes         passive mode

The same but for its check is the frame of CAS (``cas_handshake``), whose XOR leaves out 01 and 02 and so differs by 03:
each format refuses the other's, and says so.  Active mode is what a scale is delivered in.  This session listens, and
asks as a CAS is asked when nothing came for ``poll`` seconds, so that it reads either mode.

Behind ``03 04`` anything but the beginning of the next frame or of an answer (01, 06, 15) is the last byte of the
active form; its other bits are not named and not looked at.  It stands behind the check: damaged, it may call a weight
net or at zero, but never another number.  An F with a minus is read as under the range, else as over.

``<TK>`` tares and ``<ZK>`` zeroes, each with a TAB behind it, in both modes; whether they are answered is not said.
The commands that change the mode are never sent.  USB is a virtual serial port with the same bytes.

9600/8n1, the rate of its third mode as delivered (not read here); the menu has others, and one program uses 2400.
Source: user manual of the Pinnacle Technology OS2CX (pp. 15-20); that the ASCII modes use 9600/8n1 is common practice.
"""

import re
from decimal import Decimal

from protocol.checks import xor8
from protocol.formats import WireFormat
from protocol.framing import LateScanner
from protocol.link import Link
from protocol.options import Patience, Poll
from protocol.readings import Event, Garbage, Net, State, Weighing
from protocol.scales import cas_handshake
from protocol.scales.cas_handshake import ACK, ENQ, NAK, REPLIES, Doing
from protocol.session import Wish

LENGTH = 15  # of the passive frame; the active one has a byte more
FRAME = re.compile(rb"(\x01\x02([SUF])([ -])(.{6})(.{2}))(.)\x03\x04(.?)", re.DOTALL)
START = re.compile(rb"\x01$|\x01\x02$|\x01\x02[SUF]")
WEIGHT = re.compile(rb" *([0-9]{1,6}(?:\.[0-9]{1,4})?)")
UNIT = re.compile(rb" ?[A-Za-z]+ ?")
ZERO, TARED, OUT_OF_RANGE = 0x10, 0x20, 0x40
NEXT = b"\x01" + ACK + NAK
COMMANDS = {Wish.TARE: b"<TK>\t", Wish.ZERO: b"<ZK>\t"}


def decode(frame: bytes) -> Event:
    """One frame of 15 or 16 bytes, or a single ACK or NAK."""
    if frame in REPLIES:
        return REPLIES[frame]
    found = FRAME.fullmatch(frame)
    if not found:
        return Garbage(frame, "not a frame of this form")
    body, state, sign, digits, unit, check, last = found.groups()
    if xor8(body[2:]) == check[0]:
        return Garbage(frame, "the check leaves out the first two bytes: this scale speaks cas_handshake")
    if xor8(body) != check[0]:
        return Garbage(frame, f"check is {check[0]:02X}, the bytes give {xor8(body):02X}")
    name = unit.decode().strip() if UNIT.fullmatch(unit) else "?"
    net = zero = None
    if last:
        net, zero = Net.NET if last[0] & TARED else Net.GROSS, bool(last[0] & ZERO)
    if state == b"F" or (last and last[0] & OUT_OF_RANGE):
        why = State.UNDERLOAD if sign == b"-" else State.OVERLOAD
        return Weighing(None, name, net, zero=zero, state=why, raw=frame)
    number = WEIGHT.fullmatch(digits)
    if not number:
        return Garbage(frame, "no digits where the weight should be: the scale shows none")
    value = Decimal(number[1].decode())
    return Weighing(-value if value and sign == b"-" else value, name, net, state == b"S", zero, raw=frame)


def encode(reading: Weighing, *, active: bool = True) -> bytes:
    """The frame of this reading, of the active or the passive mode. Raises ValueError if it cannot fit."""
    digits = "" if reading.value is None else f"{abs(reading.value):f}"
    unit = f"{reading.unit or '':>2}"
    if len(digits) > 6 or len(unit) != 2 or not UNIT.fullmatch(unit.encode()):
        raise ValueError(f"{reading.value} {reading.unit} does not fit six characters and a unit of two")
    if digits and not WEIGHT.fullmatch(digits.encode()):
        raise ValueError(f"{reading.value} is no number of at most four decimals")
    minus = reading.state is State.UNDERLOAD or (reading.value is not None and reading.value < 0)
    state = "F" if reading.value is None else "U" if reading.stable is False else "S"
    body = f"\x01\x02{state}{'-' if minus else ' '}{digits:>6}{unit}".encode()
    last = (
        (ZERO if reading.zero else 0)
        | (TARED if reading.net is Net.NET else 0)
        | (OUT_OF_RANGE if reading.value is None else 0)
    )
    return body + bytes((xor8(body), 0x03, 0x04)) + (bytes((last,)) if active else b"")


def measure(buffer: bytes, over: bool) -> int | None:
    if buffer[0] in (ACK[0], NAK[0]):
        return 1
    if not START.match(buffer):
        return 0
    if len(buffer) <= LENGTH:
        return LENGTH if over and len(buffer) == LENGTH else None
    return LENGTH if buffer[LENGTH] in NEXT else LENGTH + 1


class Options(cas_handshake.Options):
    poll: Poll = 0.4
    patience: Patience = 0.5


def decoder() -> LateScanner:
    return LateScanner(measure, decode, head=b"", cap=64, look=LENGTH + 1)


class Session:
    """Listens; after ``poll`` seconds without a frame it asks, and again that long after each answer."""

    def __init__(self, options: Options) -> None:
        self._frames = decoder()
        self._dialogue = cas_handshake.Session(options, self._frames, COMMANDS)
        self._poll = options.poll
        self._listened = False

    @property
    def deadline(self) -> float | None:
        return self._dialogue.deadline

    def receive(self, data: bytes, now: float) -> list[Event]:
        self._listened = True
        events = self._dialogue.receive(data, now)
        if self._dialogue.doing is Doing.WEIGHT:  # nothing follows the frame that was asked for
            events += self._dialogue.heard(self._frames.take_rest(), now)
        return events

    def expired(self, now: float) -> list[Event]:
        if not self._listened:
            self._listened = True
            self._dialogue.deadline = now + self._poll
            return []
        return self._dialogue.expired(now)

    def pending(self) -> bytes:
        return self._dialogue.pending()

    def ask(self, wish: Wish, now: float) -> bool:
        return self._dialogue.ask(wish, now)

    def committed(self, now: float) -> None:
        return None


FORMAT = WireFormat(
    id="os2",
    kind="scale",
    title="checkout scales OS2, OS2X, OS2CX (顶尖, ACLaS, Pinnacle), active and passive mode",
    link=Link(9600),
    polled=False,
    checked=True,
    confidence="high",
    decoder=decoder,
    session=Session,
    options=Options,
    links=(Link(2400),),
    questions=(ENQ,),
)

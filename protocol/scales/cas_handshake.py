"""CAS price-computing scales (AP, ED, EB, DB, PB, SW, ER, PD-II): ENQ, ACK, DC1, then a frame of 15 bytes.

    host 05    scale 06 (ready), 15 or nothing (not ready)    host 11    scale, one of

    01 02 S _  _ _ 1 . 2 5 0  k _  10  03             1.250 kg, stable
    |  |  | |  |              |    |   ETX
    |  |  | |  |              |    LRC: XOR of all from S or U up to it
    |  |  | |  |              unit: k or g (or another letter), and one character more
    |  |  | |  weight, 7 characters with a dot
    |  |  | blank
    |  |  S stable | U unstable
    01 or 81, then STX

    01 02 S _  _ 1 . 2 5 0  k g  77  03 04            the same, weight of 6 characters, EOT behind the ETX

The character in front of the weight is the sign: blank, minus, or ``F`` for overflow; a minus may also stand within the
weight.  ``k`` is read as kg; whatever else stands there is the unit as sent.  Which of the two frames a model sends
differs, so both are taken.  Neither tells gross from net.  A frame whose check is right but whose digits are not
says nothing about a weight.  There is no command to tare or to zero.

9600 baud, 8n1 or (PD-II) 7e1.
Sources: R-Keeper's documentation of supported scale drivers (both frames); user manuals of CAS SW-II (p. 15) and AP-1
(the longer frame, with the sign); Ohaus Aviator 7000 service manual (p. 36), the same frame, for the ``F``.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from types import MappingProxyType

from protocol.checks import xor8
from protocol.formats import WireFormat
from protocol.framing import PARITY_WHY, Scanner
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll
from protocol.readings import Event, Garbage, Reply, State, Weighing
from protocol.session import Decoder, Speaking, Wish
from protocol.table import passed_over, step

ENQ, ACK, NAK, DC1 = b"\x05", b"\x06", b"\x15", b"\x11"
PARITY_HEAD = b"\x81\x82"  # 01 02 with even parity in bit 7
LENGTH = 15
FRAMES = (
    re.compile(rb"[\x01\x81]\x02(([SU])([ F-])(.{7})(..))(.)\x03", re.DOTALL),
    re.compile(rb"[\x01\x81]\x02(([SU])([ F-])(.{6})(..))(.)\x03\x04", re.DOTALL),
)
START = re.compile(rb"(?:\x01|\x01\x02|\x81|\x81[\x02\x82])$|(?:\x01\x02|\x81[\x02\x82])[SU]")
WEIGHT = re.compile(rb" *(-?) *([0-9]{1,6}\.[0-9]{1,5})")
TEXT = re.compile(rb"[\x20-\x7e]{2}")
UNITS = {"k": "kg"}
REPLIES = {ACK: Reply("ready", raw=ACK), NAK: Reply("not-ready", raw=NAK)}


def decode(frame: bytes) -> Event:
    """One frame of 15 bytes, or a single ACK or NAK."""
    if frame in REPLIES:
        return REPLIES[frame]
    found = next((found for form in FRAMES if (found := form.fullmatch(frame))), None)
    if not found:
        return Garbage(frame, PARITY_WHY if frame.startswith(PARITY_HEAD) else "not a frame of this form")
    body, stable, sign, digits, unit, check = found.groups()
    if xor8(body) ^ 0x01 ^ 0x02 == check[0]:
        return Garbage(frame, "the check counts the first two bytes too: this scale speaks os2")
    if xor8(body) != check[0]:
        return Garbage(frame, f"LRC is {check[0]:02X}, the bytes give {xor8(body):02X}")
    name = unit.decode("latin-1").strip() if TEXT.fullmatch(unit) else ""
    name = UNITS.get(name, name) or "?"
    if sign == b"F":
        return Weighing(None, name, state=State.OVERLOAD, raw=frame)
    number = WEIGHT.fullmatch(digits)
    if not number or (sign == b"-" and number[1]):
        return Garbage(frame, "no digits where the weight should be: the scale shows none")
    value = Decimal(number[2].decode())
    negative = value and (sign == b"-" or number[1])
    return Weighing(-value if negative else value, name, stable=stable == b"S", raw=frame)


def encode(reading: Weighing, *, eot: bool = False) -> bytes:
    """The frame of this reading, with ``eot`` the one that ends with EOT. Raises ValueError if it cannot fit."""
    width = 6 if eot else 7
    sign, digits = ("F", "") if reading.value is None else (" ", f"{abs(reading.value):f}")
    if reading.value is not None and reading.value < 0:
        sign, digits = ("-", digits) if eot else (" ", f"-{digits}")
    unit = reading.unit or ""
    if not eot:
        unit = {"kg": "k"}.get(unit, unit)
    if len(digits) > width or not 1 <= len(unit) <= 2 or (digits and not WEIGHT.fullmatch(digits.encode())):
        raise ValueError(f"{reading.value} {reading.unit} does not fit {width} characters with a dot and a unit")
    stable = "U" if reading.stable is False else "S"
    body = f"{stable}{sign}{digits:>{width}}{unit:<2}".encode()
    return b"\x01\x02" + body + bytes((xor8(body),)) + (b"\x03\x04" if eot else b"\x03")


def measure(buffer: bytes) -> int | None:
    if buffer[0] in (ACK[0], NAK[0]):
        return 1
    if buffer[0] not in (0x01, 0x81) or not START.match(buffer):
        return 0
    return None if len(buffer) < 3 else LENGTH


class Options(FormatOptions):
    poll: Poll = 0.2
    patience: Patience = 0.5


def decoder() -> Scanner:
    return Scanner(measure, decode, head=b"", cap=64, look=3)


class Doing(Enum):
    """What the session waits for."""

    NOTHING = "the next poll"
    READY = "ACK"
    WEIGHT = "the frame"


class Heard(Enum):
    TIME = "time"
    SILENCE = "silence"
    ACK = "ACK"
    OTHER = "NAK or another answer"
    WEIGHT = "weight"


class Do(Enum):
    IGNORE = "pass over"
    ASK = "ENQ"
    FETCH = "DC1"
    REST = "rest"


TABLE = {
    (Doing.NOTHING, Heard.TIME): (Do.ASK, Doing.READY),
    (Doing.NOTHING, Heard.WEIGHT): (Do.REST, Doing.NOTHING),
    (Doing.READY, Heard.ACK): (Do.FETCH, Doing.WEIGHT),
    (Doing.READY, Heard.OTHER): (Do.REST, Doing.NOTHING),
    (Doing.READY, Heard.WEIGHT): (Do.REST, Doing.NOTHING),
    (Doing.READY, Heard.SILENCE): (Do.REST, Doing.NOTHING),
    (Doing.WEIGHT, Heard.WEIGHT): (Do.REST, Doing.NOTHING),
    (Doing.WEIGHT, Heard.SILENCE): (Do.REST, Doing.NOTHING),
    **passed_over(Do.IGNORE, dict.fromkeys((Doing.NOTHING, Doing.WEIGHT), (Heard.ACK, Heard.OTHER))),
}


class Session(Speaking):
    """The dialogue is ``TABLE``. A weight that comes without being asked for is taken too.

    Another format with the same dialogue hands in its own ``frames`` and the ``commands`` of its scales, which are not
    answered; they are sent between two questions.
    """

    def __init__(
        self,
        options: Options,
        frames: Decoder | None = None,
        commands: Mapping[Wish, bytes] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self._frames = frames or decoder()
        self._options = options
        self._commands = commands
        self._wishes: list[Wish] = []
        self.doing = Doing.NOTHING
        self.deadline: float | None = 0.0

    def receive(self, data: bytes, now: float) -> list[Event]:
        return self.heard(self._frames.feed(data), now)

    def heard(self, said: list[Event], now: float) -> list[Event]:
        """What the scale said, without what only belongs to the dialogue, which goes on by it."""
        events: list[Event] = []
        for event in said:
            if not isinstance(event, Reply):
                events.append(event)
            if isinstance(event, Weighing):
                self._step(Heard.WEIGHT, now)
            elif isinstance(event, Reply):
                self._step(Heard.ACK if event == REPLIES[ACK] else Heard.OTHER, now)
        return events

    def expired(self, now: float) -> list[Event]:
        self._step(Heard.TIME if self.doing is Doing.NOTHING else Heard.SILENCE, now)
        return []

    def ask(self, wish: Wish, now: float) -> bool:
        if wish not in self._commands:
            return False
        if wish not in self._wishes:
            self._wishes.append(wish)
        if self.doing is Doing.NOTHING:
            self._rest(now)
        return True

    def _step(self, heard: Heard, now: float) -> None:
        do, self.doing = step(TABLE, self.doing, heard)
        match do:
            case Do.ASK | Do.FETCH:
                self._out += ENQ if do is Do.ASK else DC1
                self.deadline = now + self._options.patience
            case Do.REST:
                self._rest(now)
            case Do.IGNORE:
                pass

    def _rest(self, now: float) -> None:
        self._out += b"".join(self._commands[wish] for wish in self._wishes)
        self._wishes.clear()
        self.deadline = now + self._options.poll


FORMAT = WireFormat(
    id="cas_handshake",
    kind="scale",
    title="CAS AP, ED, EB, DB, PB, SW, ER and PD-II, ENQ and DC1",
    link=Link(9600),
    polled=True,
    checked=True,
    confidence="medium",
    decoder=decoder,
    session=Session,
    options=Options,
    links=(Link(9600, 7, "e"),),
    questions=(ENQ,),
)

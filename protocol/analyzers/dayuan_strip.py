"""Colloidal-gold strip reader inside Dayuan DY-3000(BX1) and DY-3500: frames ``7E … 7E``.

    7E  cmd  len len  data…  check  7E
             |               |
             generations 1 and 2: high byte first; 8-bit sum of cmd..data
             generation 3:        low byte first;  CRC-8 (polynomial 31, initial 00) of cmd..data

    host                                device
    01                                  02: kind of board (01 strip reader, 06 photometer), 2 version bytes;
                                            the first is 20 in generation 2, 30 in generation 3
    11: 01 or 03 in, 02 out, 04 QR code 12: the drawer has moved
    13                                  14: 01 there is a card, 02 none; anything else was never seen
    15                                  16: the curve, 16-bit numbers, low byte first; 0.1 to 4 s later; no data at
                                            all: there is no curve
    17                                  18: 01 ok, 00 failed, 02 needs an upgrade (comparison with the built-in card)
    19, 1B                              1A, 1C: battery; contents not known to us

Commands 23 and 25 write firmware and are neither sent nor read here.

7E is head and tail, may occur inside, and nothing is stuffed: only the length ends a frame.  Curves of 89, 90 and
239 to 241 points are known; between 2 and 256 points (our bounds) and with an even number of bytes, a length says by
itself in which order it is written, and so which check belongs to it.  The makers' programs take either check with
either order; here each order has its own, because a changed byte that spoils one could by chance make the other.

Cut frames, and their tails in front of the next, are frequent on this wire; single FE between frames and frames that
come twice are seen too.  Sum and CRC see every single changed byte;
a byte that is lost is not seen by the sum if the following byte happens to be 7E and fits, so ``Session`` drops half a
frame after silence and asks again.

The module gives the curve and no more: where the lines of control and test are and what they mean is judged elsewhere.
So a card read is a ``Curve`` and never a TestResult.  A photometer board answers 15 with 64 numbers in the same frame;
they are a ``Curve`` too, but ``Session`` does not ask for them.

Not known to us: whether the card is seen while the drawer is out.  ``Session`` takes it so; ``drawer=False`` leaves the
drawer to a person.  Heavy-metal modules (``AA BB``) and the older photometer (``1B 1B``) speak otherwise and are not
read.  USB serial, 115200/8n1.
Source: the maker's instrument program with its wire logs (UploadSoftWare, 2019, public).
"""

import zlib
from collections.abc import Container, Generator
from typing import Annotated, Literal

from pydantic import Field

from protocol.analyzers.shared.dialogue import OTHERS_CAP, Answer, Commit, Dialogue, Give, Rest, Send, Step, Talk, ask
from protocol.checks import crc8_31
from protocol.formats import WireFormat
from protocol.framing import Scanner
from protocol.link import Link
from protocol.options import FormatOptions, Longest, Patience, Poll, Seconds, Tries
from protocol.readings import Curve, Event, Garbage, Reply

MARK = 0x7E
OVERHEAD = 6
POINTS = range(2, 257)
CURVE_BYTES = range(2 * POINTS.start, 2 * POINTS.stop, 2)
BATTERY = range(9)
LENGTHS: dict[int, Container[int]] = {
    0x01: range(1), 0x02: range(3, 4), 0x11: range(1, 2), 0x12: range(1), 0x13: range(1), 0x14: range(1, 2),
    0x15: range(1), 0x16: {0, *CURVE_BYTES}, 0x17: range(2), 0x18: range(1, 2), 0x19: range(1), 0x1A: BATTERY,
    0x1B: range(1), 0x1C: BATTERY,
}  # fmt: skip
STRIP_READER, PHOTOMETER = 0x01, 0x06
BOARDS = {STRIP_READER: "strip reader", PHOTOMETER: "photometer"}
GENERATIONS = {0x20: 2, 0x30: 3}
IN, OUT, QR = 1, 2, 4
DRAWER = {IN: "in", 3: "in", OUT: "out", QR: "qr"}
CARD = {True: 1, False: 2}
THERE = {1: "yes", 2: "no"}
COMPARED = {0: "failed", 1: "ok", 2: "needs-upgrade"}


# --- frames to values -----------------------------------------------------------------------------------------------


def measure(buffer: bytes) -> int | None:
    if len(buffer) < 4:
        return 0 if len(buffer) > 1 and buffer[1] not in LENGTHS else None
    allowed = LENGTHS.get(buffer[1], range(0))
    orders: tuple[Literal["big", "little"], ...] = ("big", "little")
    for order in orders:
        length = int.from_bytes(buffer[2:4], order)
        if length in allowed:
            return length + OVERHEAD
    return 0


def decode(frame: bytes) -> Event:
    """One whole frame of either side: a card read is a Curve, everything else a Reply."""
    if len(frame) < OVERHEAD or measure(frame) != len(frame) or frame[0] != MARK or frame[-1] != MARK:
        return Garbage(frame, "not 7E, a known command with its length, 7E")
    length = len(frame) - OVERHEAD
    checks = set()
    if int.from_bytes(frame[2:4], "big") == length:
        checks.add(sum(frame[1:-2]) & 0xFF)
    if int.from_bytes(frame[2:4], "little") == length:
        checks.add(crc8_31(frame[1:-2]))
    if frame[-2] not in checks:
        right = " or ".join(f"{check:02x}" for check in sorted(checks))
        return Garbage(frame, f"check is {frame[-2]:02x}, the bytes give {right}")
    return _meaning(frame[1], frame[4:-2], frame)


def _meaning(command: int, data: bytes, raw: bytes) -> Event:
    match command:
        case 0x01:
            return Reply("ask-version", raw=raw)
        case 0x02:
            told = (
                ("board", BOARDS.get(data[0], f"{data[0]:02x}")),
                ("generation", str(GENERATIONS.get(data[1], 1))),
                ("version", data[1:].hex()),
            )
            return Reply("version", told, raw=raw)
        case 0x11:
            return Reply("ask-drawer", (("to", DRAWER.get(data[0], f"{data[0]:02x}")),), raw=raw)
        case 0x12:
            return Reply("drawer", raw=raw)
        case 0x13:
            return Reply("ask-card", raw=raw)
        case 0x14:
            return Reply("card", (("there", THERE.get(data[0], f"unknown ({data[0]:02x})")),), raw=raw)
        case 0x15:
            return Reply("ask-curve", raw=raw)
        case 0x16 if not data:
            return Reply("no-curve", raw=raw)
        case 0x16:
            points = tuple(int.from_bytes(data[at : at + 2], "little") for at in range(0, len(data), 2))
            return Curve(points, f"dayuan-strip/{len(points)}/{zlib.crc32(data):08x}", raw=raw)
        case 0x18:
            return Reply("compared", (("result", COMPARED.get(data[0], f"{data[0]:02x}")),), raw=raw)
        case 0x1A | 0x1C:
            return Reply("battery", (("answer", data.hex()),), raw=raw)
    return Reply("ask-compare" if command == 0x17 else "ask-battery", raw=raw)


def decoder() -> Scanner:
    return Scanner(measure, decode, head=bytes((MARK,)), cap=CURVE_BYTES.stop + OVERHEAD, look=4)


# --- values to frames -----------------------------------------------------------------------------------------------


def frame(command: int, data: bytes = b"", *, generation: int = 1) -> bytes:
    newest = generation == 3
    body = bytes((command,)) + len(data).to_bytes(2, "little" if newest else "big") + data
    check = crc8_31(body) if newest else sum(body) & 0xFF
    return bytes((MARK, *body, check, MARK))


def ask_version(generation: int = 1) -> bytes:
    return frame(0x01, generation=generation)


def ask_drawer(position: int, generation: int = 1) -> bytes:
    return frame(0x11, bytes((position,)), generation=generation)


def ask_card(generation: int = 1) -> bytes:
    return frame(0x13, generation=generation)


def ask_curve(generation: int = 1) -> bytes:
    return frame(0x15, generation=generation)


def answer_version(board: int, version: bytes, generation: int = 1) -> bytes:
    return frame(0x02, bytes((board,)) + version, generation=generation)


def answer_drawer(generation: int = 1) -> bytes:
    return frame(0x12, generation=generation)


def answer_card(there: bool, generation: int = 1) -> bytes:
    return frame(0x14, bytes((CARD[there],)), generation=generation)


def answer_no_curve(generation: int = 1) -> bytes:
    return frame(0x16, generation=generation)


def encode(curve: Curve, generation: int = 1) -> bytes:
    """The answer with these points. Raises ValueError when there are too few, too many, or one is out of range."""
    if len(curve.points) not in POINTS or not all(0 <= point <= 0xFFFF for point in curve.points):
        raise ValueError(f"{len(curve.points)} points: need {POINTS.start} to {POINTS.stop - 1} of 16 bits")
    data = b"".join(point.to_bytes(2, "little") for point in curve.points)
    return frame(0x16, data, generation=generation)


# --- the dialogue ---------------------------------------------------------------------------------------------------


class Options(FormatOptions):
    poll: Poll = 1.0
    patience: Patience = 1.0
    slow: Annotated[Seconds, Field(description="patience with the drawer and the reading, in seconds")] = 5.0
    tries: Tries = 3
    longest: Longest = 30.0
    drawer: Annotated[bool, Field(description="false leaves the drawer to a person")] = True


class Session(Dialogue):
    """Waits for a card, reads it, and gives it back when its curve is on disk.

        version -> drawer out -> (card there?) -> drawer in -> curve -> on disk -> drawer out -> (card gone?) -> …

    A card is read once; it has to be taken out before the next is read.  Only 01 means that there is one, as in the
    maker's program; a card without a curve is given back like one that was read.  Boards that are no strip reader are
    asked again with growing pauses, at most ``longest`` seconds.  With ``drawer=False`` the drawer is left alone.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(decoder(), self._talking)
        self._options = options
        self._generation = 1

    def _talking(self, _: Dialogue) -> Talk:
        pause = self._options.poll
        while True:
            version = yield from self._version()
            if version is not None and version.get("board") == BOARDS[STRIP_READER]:
                pause = self._options.poll
                self._generation = int(version.get("generation") or 1)
                yield from self._cards()
            yield Rest(pause)
            pause = min(pause * 2, self._options.longest)

    def _version(self) -> Answer:
        """Ask in the old manner, then in the new one."""
        for generation in (1, 3):
            version = yield from ask(ask_version(generation), "version", patience=self._options.patience, tries=1)
            if version is not None:
                return version
        return None

    def _cards(self) -> Generator[Step, Event | None, None]:
        """Read cards until the module falls silent."""
        while (yield from self._move(OUT)) and (yield from self._until_card(True)) and (yield from self._move(IN)):
            seen = yield from self._curve()
            if seen is None:
                return
            if isinstance(seen, Curve):
                yield Give(seen)
            yield Commit()
            if not ((yield from self._move(OUT)) and (yield from self._until_card(False))):
                return

    def _move(self, position: int) -> Generator[Step, Event | None, bool]:
        if not self._options.drawer:
            return True
        request = ask_drawer(position, self._generation)
        return (yield from ask(request, "drawer", patience=self._options.slow, tries=self._options.tries)) is not None

    def _until_card(self, there: bool) -> Generator[Step, Event | None, bool]:
        while True:
            request = ask_card(self._generation)
            card = yield from ask(request, "card", patience=self._options.patience, tries=self._options.tries)
            if card is None:
                return False
            if (card.get("there") == "yes") is there:
                return True
            yield Rest(self._options.poll)

    def _curve(self) -> Generator[Step, Event | None, Event | None]:
        """The curve, or the answer that there is none; None when nothing comes."""
        for _ in range(self._options.tries):
            for others in range(OTHERS_CAP):
                event = yield Send(b"" if others else ask_curve(self._generation), self._options.slow)
                if event is None:
                    break
                if isinstance(event, Curve) or (isinstance(event, Reply) and event.what == "no-curve"):
                    return event
        return None


FORMAT = WireFormat(
    id="dayuan_strip",
    kind="analyzer",
    title="Dayuan strip reader module, 7E frames with sum or CRC-8",
    link=Link(115200),
    polled=True,
    checked=True,
    confidence="high",
    decoder=decoder,
    session=Session,
    options=Options,
    questions=(ask_version(1), ask_version(3)),
)

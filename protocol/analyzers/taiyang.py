"""Taiyang (湖北泰扬) pesticide-residue testers TTNJ and TTJ: commands ``1B xx``, records of 73 or 501 bytes.

    host      instrument
    1B BF     1B model                  handshake
    1B B1     1B C1                     send all records; the key models send the first one right behind, the touch
                                        models send it when asked with 24
    24        a record, or 1B FE        the next one; FE (one paper also says FB) = that was the last
    1B FF                               end of the link
              B1 FF                     a person at the instrument stops it
    1B B0                               settings, 512 bytes; not used here
    1B B9                               erases all records, without an answer; there is nothing here that sends it

A touch model erases its memory (500 groups at most) after a transfer, and gives up when it hears nothing for 10 s.  A
record is therefore handed over and must be on disk before the next ``24`` is sent; the last one before its ``1B FE``.

Key models, 73 bytes, no check:

    sec min hour day month item year mask group      then 8 channels of 8 bytes:
                                |    |               two singles (IEEE 754), high byte first:
                                |    number          absorbance; inhibition in % or concentration
                                bit n = channel n+1 was measured

The maker's paper gives another order for models of 8 channels (number, sec, min, hour, day, month, item, year, number),
but its own sample bytes are in the order above.  Here the order is the one whose fields make a time, the one above
first; a record that makes none is refused.  The paper also says that the top bit of the mask is channel 1, and one
program reads it so; both sample records and another program say otherwise, and some models have a number there and no
mask.  So the mask decides nothing: a channel was measured when its eight bytes are not all 00, and a mask that says
something else is told as a Reply.

That is how the TTNJ (codes 01 to 04) write them, and so is read a record in front of which no handshake was heard.
Other models, by the code of the handshake in force when the record came:

    TTJ-10H8, -8H8 (11, 12)     the two singles are the readings of control and sample: of 0.914 and 0.570 the maker's
                                paper shows control 0.91, sample 0.57, 37 %.  So inhibition = (control - sample) /
                                control, truncated; the paper shows whole per cents.  Whether these readings are
                                changes of absorbance is not said, so the control is not told as ΔA₀
    the other TTJ (13 to 33)    what the singles are is not sourced: no value; both numbers are told as text

A TTJ measures up to ten items (pesticide, formaldehyde, nitrite, borax ...).  Of an item other than the pesticide test
the readings of control and sample make no value by themselves: both are told as text then too.

Touch models (Z16, Z24), 501 bytes: head of 29, then 8 channels of 59:

     0-3  number of the record                0      hole: 21..28 = A1..A8, 31.. = B, 41.. = C
     5-15 date, text                          1-2    number of the sample
    16-26 operator, not read                  3-17   name, GB2312; digits in it are a code and left out
    27-28 flags of the channels               18-45  origin and note, not read
                                              46     absorbance, 50 its difference, 54 result as a fraction: singles
                                              58     01 qualified, 02 above the limit, else invalid (the number
                                                     beside it is given as it stands)

The byte order of the numbers and the shape of the date are not in the papers: high byte first as in the singles, and
any common way to write a date.  Which of the two flag bytes counts is told in two ways; a channel was measured when
its result or conclusion is not 00.  Whether a transfer that is broken off also erases is not known to us.

There is no check byte: a flipped bit makes 78.1 % into -78.1 % or another time.  What is refused: a time that does
not exist, numbers that no instrument shows, and, by ``Session``, a record with a byte too few or too many.  A key model
is transferred until a record came twice alike, which is then sure; one that differs is never handed over.  A touch
model cannot be asked twice, because it erases: its records are not sure (``TestResult.sure``) unless they come again
alike by themselves.  A record that cannot be read in ``tries`` transfers is handed over as an invalid result with its
bytes, for otherwise a touch model would lose it; of a key model only if its bytes were the same twice.

Item 1 is the test for pesticides (农药残留, %) of TTNJ, TTJ-10H8 and TTJ-8H8; the codes of other items are not sourced,
so they have their number as name and no unit.  9600/8n1; key models can be set to other rates.
Source: the maker's papers on TTNJ key models and TTNJ-Z16/Z24, and two upload programs (UploadSoftWare, 2019, public).
"""

import re
import struct
import zlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from protocol.analyzers.shared import fields
from protocol.analyzers.shared.dialogue import Commit, Dialogue, Give, Once, Rest, Send, Step, Talk, Twice, ask
from protocol.formats import WireFormat
from protocol.framing import CUT, NO_FRAME
from protocol.frozen import frozen
from protocol.link import Link
from protocol.options import FormatOptions, Patience, Poll, Tries
from protocol.readings import Event, Garbage, Reply, TestResult, Verdict

HANDSHAKE, READ_ALL, NEXT, END_LINK = b"\x1b\xbf", b"\x1b\xb1", b"\x24", b"\x1b\xff"
STARTED, FINISHED, CANCELLED = b"\x1b\xc1", b"\x1b\xfe", b"\xb1\xff"
REPLIES = {STARTED: "start", FINISHED: "end", b"\x1b\xfb": "end", CANCELLED: "cancel"}
MODELS = {
    0x01: "TTNJ-8", 0x02: "TTNJ-16", 0x03: "TTNJ-32", 0x04: "TTNJ-24", 0x05: "TTNJ-Z",
    0x11: "TTJ-10H8", 0x12: "TTJ-8H8", 0x13: "TTJ-4H8", 0x14: "TTJ-3H8", 0x15: "TTJ-4H8b",
    0x21: "TTJ-8H16", 0x22: "TTJ-6H16", 0x23: "TTJ-4H16", 0x24: "TTJ-8H24",
    0x31: "TTJ-10H32", 0x32: "TTJ-8H32", 0x33: "TTJ-4H32",
}  # fmt: skip
TOUCH = 0x05
PAIRS = {0x11, 0x12}
UNSOURCED = {code for code in MODELS if code > TOUCH} - PAIRS
KEY_SIZE, KEY_HEAD = 73, 9
TOUCH_SIZE, TOUCH_HEAD, TOUCH_BLOCK, TOUCH_NAME = 501, 29, 59, 15
CHANNELS = 8
ITEM, ITEM_CODE = "农药残留", 1
SETTLE = 0.1  # seconds; many times what a byte takes
AGAIN = 0.1  # seconds before the second transfer
FIRST_YEAR, EARLIEST = 2000, 10  # a year before 2010 is more likely a misread item code
LARGEST, SMALLEST = 1e6, 0.99e-6  # the single nearest to 0.000001 is a little smaller
HOLES = {(0x20 + 0x10 * row) + n: f"{'ABC'[row]}{n}" for row in range(3) for n in range(1, CHANNELS + 1)}
TOUCH_DATE = re.compile(rb"(?=[^0-9]*[0-9][^0-9]*[0-9])[\x00\x20-\x7e\x81-\xff]*")
CONCLUSIONS = {1: Verdict.QUALIFIED, 2: Verdict.UNQUALIFIED}


class Order(NamedTuple):
    """Where the fields of a key model's head stand."""

    second: int
    minute: int
    hour: int
    day: int
    month: int
    year: int
    item: int
    classes: tuple[bytes, ...]  # what each byte of the head may be


def _order(second: int) -> Order:
    any_byte = range(256)
    row = [any_byte] * KEY_HEAD
    limits = (range(60), range(60), range(24), range(1, 32), range(1, 13), any_byte, range(EARLIEST, 100))
    row[second : second + 7] = limits
    classes = (b"[%b-%b]" % (re.escape(bytes((limit[0],))), re.escape(bytes((limit[-1],)))) for limit in row)
    return Order(second, second + 1, second + 2, second + 3, second + 4, second + 6, second + 5, tuple(classes))


ORDERS = (_order(0), _order(1))
ANY = b"[\x00-\xff]"
SINGLE = (b"[\x00\x35-\x49\x80\xb5-\xc9]", ANY, ANY, ANY)  # from SMALLEST to LARGEST, or nothing
TOUCH_NUMBERS = ((b"\\x00", b"\\x00", ANY, ANY), (ANY, ANY, b"\\x00", b"\\x00"))  # small, in either order of bytes
KEY_STARTS = tuple((*order.classes, *SINGLE, *SINGLE) for order in ORDERS)
TOUCH_STARTS = tuple((*number, ANY, *[b"[\x00\x20-\x7e\x81-\xff]"] * 11) for number in TOUCH_NUMBERS)


def _begun(classes: Sequence[bytes]) -> bytes:
    """A pattern for bytes of these classes, also for the first of them at the end of what there is."""
    *head, pattern = classes
    for each in reversed(head):
        pattern = each + b"(?:\\Z|" + pattern + b")"
    return pattern


def _starts(*, touch: bool, started: bool) -> re.Pattern[bytes]:
    """Where a reply or a record may start. ``started``: between ``1B C1`` and the end."""
    seconds = [reply[1:] for reply in REPLIES if reply != CANCELLED]
    seconds += [] if started else [bytes((code,)) for code in MODELS]
    patterns = [_begun((b"\x1b", b"[" + re.escape(b"".join(seconds)) + b"]")), _begun((b"\xb1", b"\xff"))]
    if started or not touch:
        patterns += map(_begun, TOUCH_STARTS if touch else KEY_STARTS)
    return re.compile(b"|".join(patterns))


STARTS = {
    (touch, started): _starts(touch=touch, started=started) for touch in (False, True) for started in (False, True)
}


# --- bytes to values ------------------------------------------------------------------------------------------------


def decode(frame: bytes) -> Event:
    """A reply of two bytes, or a record of 73 or 501 bytes as a Reply; ``results`` reads what is in a record."""
    if len(frame) == 2 and frame in REPLIES:
        return Reply(REPLIES[frame], raw=frame)
    if len(frame) == 2 and frame[0] == 0x1B and frame[1] in MODELS:
        return Reply("model", (("code", f"{frame[1]:02x}"), ("name", MODELS[frame[1]])), raw=frame)
    check = {KEY_SIZE: _key_head, TOUCH_SIZE: _touch_head}.get(len(frame))
    if check is None:
        return Garbage(frame, "neither a reply of two bytes nor a record of 73 or 501")
    try:
        check(frame)
    except ValueError as error:
        return Garbage(frame, f"no record: {error}")
    return Reply("record", raw=frame)


def results(record: Reply, model: int = 0) -> list[Event]:
    """What a record states: a TestResult a channel, not sure. ``model`` is the handshake's code; 0 when none was heard.

    ``raw`` of a result holds the bytes it was read from: the record's head and its own channel, without the names of
    people and firms.
    """
    return _touch(record.raw) if len(record.raw) == TOUCH_SIZE else _key(record.raw, model)


def _key_head(frame: bytes) -> tuple[Order, datetime]:
    """The order of a key model's record and its time. Raises ValueError when it is none."""
    _check(struct.unpack_from(f">{2 * CHANNELS}f", frame, KEY_HEAD))
    for order in ORDERS:
        if re.match(b"".join(order.classes), frame):
            break
    else:
        raise ValueError("the head makes no time")
    at = datetime(  # noqa: DTZ001  (the instrument's own local clock)
        FIRST_YEAR + frame[order.year],
        frame[order.month],
        frame[order.day],
        frame[order.hour],
        frame[order.minute],
        frame[order.second],
    )
    return order, at


def _key(frame: bytes, model: int = 0) -> list[Event]:
    order, at = _key_head(frame)
    head = frame[:KEY_HEAD]
    found: list[Event] = []
    measured = 0
    for n in range(CHANNELS):
        block = frame[KEY_HEAD + 8 * n : KEY_HEAD + 8 * n + 8]
        if not any(block):
            continue
        first, second = _number(block[:4]), _number(block[4:])
        measured |= 1 << n
        found.append(
            replace(
                _stated(head[order.item], model, first, second),
                channel=str(n + 1),
                measured_at=at,
                identity=f"taiyang/{head.hex()}/{n + 1}/{block.hex()}",
                raw=head + block,
            )
        )
    if not found:
        return [Reply("empty", raw=frame)]
    if order is ORDERS[0] and head[7] != measured:
        told = (("mask", f"{head[7]:08b}"), ("measured", f"{measured:08b}"))
        found.append(Reply("mask-differs", told, raw=frame))
    return found


def _stated(code: int, model: int, first: Decimal, second: Decimal) -> TestResult:
    """What the two singles of a channel say of item ``code``, as this model means them."""
    pesticide = code == ITEM_CODE and model not in UNSOURCED
    stated = TestResult(
        sample=None,
        channel=None,
        item=ITEM if pesticide else f"项目{code}",
        value=second,
        unit="%" if pesticide else None,
        verdict=None,
        measured_at=None,
        identity="",
        sure=False,
    )
    if model in UNSOURCED or (model in PAIRS and not pesticide):
        return replace(stated, value=None, text=f"两个读数 two readings: {first:f}, {second:f}")
    if model not in PAIRS:
        return stated
    if not first:
        return replace(stated, value=None, verdict=Verdict.INVALID)
    inhibition = ((first - second) / first * 100).quantize(Decimal(1), ROUND_DOWN)
    return replace(stated, value=inhibition if inhibition else abs(inhibition))


def _check(singles: Iterable[float]) -> None:
    """Raises ValueError when one is no number an instrument could show."""
    for single in singles:
        if single and not SMALLEST <= abs(single) <= LARGEST:
            raise ValueError(f"{single:g} is no number of an instrument")


def _number(data: bytes) -> Decimal:
    """A single that has been checked."""
    return fields.single(data) or Decimal(0)


def _touch_head(frame: bytes) -> str:
    """The date as a touch model wrote it. Raises ValueError when this is no record of one."""
    if not TOUCH_DATE.fullmatch(frame[5:16]):
        raise ValueError("the date is no text with digits")
    for at in range(TOUCH_HEAD, TOUCH_SIZE, TOUCH_BLOCK):
        _check(struct.unpack_from(">3f", frame, at + 46))
        if frame[at] and frame[at] not in HOLES:
            raise ValueError(f"there is no hole {frame[at]:02x}")
    return fields.text(frame[5:16])


def _touch(frame: bytes) -> list[Event]:
    written = _touch_head(frame)
    blocks = (frame[start : start + TOUCH_BLOCK] for start in range(TOUCH_HEAD, TOUCH_SIZE, TOUCH_BLOCK))
    found: list[Event] = []
    measured = 0
    for n, block in enumerate(blocks):
        if not any(block[46:]):
            continue
        measured |= 1 << n
        verdict = CONCLUSIONS.get(block[58], Verdict.INVALID)
        number = int.from_bytes(block[1:3], "big")
        hole = HOLES.get(block[0], str(n + 1))
        found.append(
            TestResult(
                sample=str(number) if number else None,
                channel=hole,
                item=ITEM,
                value=_number(block[54:58]).scaleb(2),
                unit="%",
                verdict=verdict,
                measured_at=fields.moment(written),
                identity=f"taiyang/touch/{frame[:4].hex()}/{written}/{hole}/{number}/{block[54:].hex()}",
                name=re.sub(r"\d", "", fields.text(block[3:18])).strip() or None,
                sure=False,
                raw=frame[:16] + frame[27:29] + block[:18] + block[46:],
            )
        )
    if not found:
        return [Reply("empty", raw=frame)]
    if measured not in frame[27:29]:
        told = (("flags", frame[27:29].hex()), ("measured", f"{measured:02x}"))
        found.append(Reply("mask-differs", told, raw=frame))
    return found


class Frames:
    """Replies and records in a stream, records as Replies. Nothing marks where a record starts but its contents.

    Which records to expect is learnt from the handshake (``1B 05`` is a touch model).  Between ``1B C1`` and the end a
    record that starts in second 27 of minute 1 is not taken for a handshake.
    """

    def __init__(self) -> None:
        self.model = 0
        self._open = False
        self._buffer = b""
        self._noise = bytearray()
        self._why = NO_FRAME

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        buffer, at = self._buffer + data, 0
        while at < len(buffer):
            found = STARTS[self.model == TOUCH, self._open].search(buffer, at)
            start = found.start() if found else len(buffer)
            self._skip(buffer[at:start], NO_FRAME, events)
            at, size = start, self._size(buffer[start : start + 2])
            if size is None or len(buffer) - at < size:
                break
            event = decode(buffer[at : at + size])
            if isinstance(event, Garbage):
                self._skip(buffer[at : at + 1], event.why, events)
                at += 1
                continue
            self._flush(events)
            self._note(event)
            events += self._read(event)
            at += size
        self._buffer = buffer[at:]
        if not self._buffer:
            self._flush(events)
        return events

    def finish(self) -> list[Event]:
        """The stream is over, or nothing more comes: what is left, as Garbage."""
        events: list[Event] = []
        self._skip(self._buffer, CUT, events)
        self._buffer = b""
        self._flush(events)
        return events

    def close(self) -> None:
        """The transfer is over, also if the instrument did not say so."""
        self._open = False

    def _size(self, head: bytes) -> int | None:
        """Length of what starts with these two bytes; None when more bytes are needed to tell."""
        if len(head) < 2:
            return None
        if head in REPLIES or (not self._open and head[0] == 0x1B and head[1] in MODELS):
            return 2
        return TOUCH_SIZE if self.model == TOUCH else KEY_SIZE

    def _read(self, event: Event) -> list[Event]:
        return [event]

    def _note(self, event: Event) -> None:
        if isinstance(event, Reply) and event.what == "model":
            self.model = event.raw[1]
        elif isinstance(event, Reply) and event.what != "record":
            self._open = event.what == "start"

    def _skip(self, noise: bytes, why: str, events: list[Event]) -> None:
        if noise and self._why == NO_FRAME:
            self._why = why
        self._noise += noise
        while len(self._noise) >= TOUCH_SIZE:
            events.append(Garbage(bytes(self._noise[:TOUCH_SIZE]), self._why))
            del self._noise[:TOUCH_SIZE]
            self._why = NO_FRAME

    def _flush(self, events: list[Event]) -> None:
        if self._noise:
            events.append(Garbage(bytes(self._noise), self._why))
            self._noise.clear()
        self._why = NO_FRAME


class Records(Frames):
    """Replies and records in a stream, with what is in the records, as the model in force then means it."""

    def _read(self, event: Event) -> list[Event]:
        if isinstance(event, Reply) and event.what == "record":
            return results(event, self.model)
        return [event]


def decoder() -> Records:
    return Records()


# --- values to bytes ------------------------------------------------------------------------------------------------


@frozen
class Hole:
    """One channel of a touch model's record."""

    hole: int
    number: int
    name: str
    absorbance: Decimal
    fraction: Decimal
    conclusion: int


def answer_model(code: int) -> bytes:
    return bytes((0x1B, code))


def encode(
    at: datetime, channels: Mapping[int, tuple[Decimal, Decimal]], *, item: int = 1, group: int = 1, paper: bool = False
) -> bytes:
    """A key model's record: absorbance and value of each channel measured; ``paper``: in the order of the paper."""
    year = at.year - FIRST_YEAR
    if not EARLIEST <= year < 100 or not all(1 <= n <= CHANNELS for n in channels):
        raise ValueError(f"{at}, channels {sorted(channels)}: need a year of 2010..2099 and channels of 1..8")
    time = (at.second, at.minute, at.hour, at.day, at.month, item, year)
    mask = sum(1 << (n - 1) for n in channels)
    head = bytes((group & 0xFF, *time, group >> 8) if paper else (*time, mask, group))
    nothing = (Decimal(0), Decimal(0))
    pairs = (channels.get(n, nothing) for n in range(1, CHANNELS + 1))
    return head + b"".join(fields.pack_single(each) for pair in pairs for each in pair)


def encode_touch(number: int, written: str, holes: Sequence[Hole]) -> bytes:
    """A touch model's record; ``written`` is the date as it writes it."""
    head = number.to_bytes(4, "big") + b"\0" + written.encode("ascii")[:11].ljust(11, b"\0") + bytes(11)
    flags = (1 << len(holes)) - 1
    blocks = b"".join(
        bytes((each.hole,))
        + each.number.to_bytes(2, "big")
        + fields.cut(each.name, TOUCH_NAME)
        + bytes(28)
        + fields.pack_single(each.absorbance)
        + bytes(4)
        + fields.pack_single(each.fraction)
        + bytes((each.conclusion,))
        for each in holes
    )
    return (head + bytes((flags, flags)) + blocks).ljust(TOUCH_SIZE, b"\0")


# --- the dialogue ---------------------------------------------------------------------------------------------------


class Options(FormatOptions):
    poll: Poll = 30.0
    patience: Patience = 8.0
    tries: Tries = 3


class Session(Dialogue):
    """Transfers the whole memory every ``poll`` seconds and hands over what is new.

    Of a key model that is what two transfers agree about: when something new is seen, the second transfer follows at
    once.  A touch model's memory can be read once only.  After ``patience`` seconds of silence the link is ended and
    the transfer tried again later.
    """

    def __init__(self, options: Options) -> None:
        self._frames = Frames()
        super().__init__(self._frames, self._talking)
        self._options = options
        self._once = Once()
        self._twice = Twice()
        self._unread: dict[int, list[bytes]] = {}  # by its place, what came of a record that could not be read

    def _talking(self, _: Dialogue) -> Talk:
        while True:
            again = False
            self._frames.close()
            model = yield from ask(HANDSHAKE, "model", patience=self._options.patience, tries=1)
            if model is not None:
                started = yield from ask(READ_ALL, "start", patience=self._options.patience, tries=1)
                if started is not None:
                    again = yield from self._transfer(model.raw[1])
                yield Send(END_LINK, 0.5)
            yield Rest(AGAIN if again else self._options.poll)

    def _transfer(self, model: int) -> Generator[Step, Event | None, bool]:
        """True when a key model's record came for the first time, or differently from before."""
        request = NEXT if model == TOUCH else b""
        place, again = 0, False
        while True:
            event = yield Send(request, self._options.patience)
            if isinstance(event, Reply) and event.what != "record":
                if event.what in ("end", "cancel"):
                    return again and event.what == "end"  # whoever stopped it wants the instrument for a while
                request = b""
                continue
            more = None if event is None else (yield Send(b"", SETTLE))
            if isinstance(event, Reply) and more is None and self._is_whole(event.raw):
                self._unread.pop(place, None)
                again = (yield from self._give(results(event, model), once_only=model == TOUCH)) or again
            elif self._is_hopeless(place):
                yield from self._give_unread(place, once_only=model == TOUCH)
            else:
                return again
            yield Commit()
            place += 1
            request = NEXT

    def _give(self, found: Sequence[Event], *, once_only: bool) -> Generator[Step, Event | None, bool]:
        """Hand over what is sure, and what comes once only. True when something has to come again."""
        again = False
        for each in self._twice.judged(found):
            if not isinstance(each, TestResult) or self._once.knows(each):
                continue
            if each.sure or once_only:
                self._once.is_new(each)
                yield Give(each)
            else:
                again = True
        return again

    def _give_unread(self, place: int, *, once_only: bool) -> Generator[Step, Event | None, None]:
        """A record nobody can read, for a person; not what a bad line makes of a record that can be asked for again."""
        came = self._unread[place]
        invalid = self._as_invalid(came[-1])
        if (once_only or came[-1] in came[:-1]) and self._once.is_new(invalid):
            yield Give(invalid)

    def _is_whole(self, record: bytes) -> bool:
        """No byte of it was doubled: then one is left over, behind it or in front."""
        before = bytes(self.heard).replace(STARTED, b"", 1).removesuffix(record)
        return self.heard.endswith(record) and len(before) != 1

    def _is_hopeless(self, place: int) -> bool:
        """Bytes came that make no record, at this place, in ``tries`` transfers."""
        if len(self.heard) < KEY_SIZE:
            return False
        came = self._unread.setdefault(place, [])
        came.append(bytes(self.heard))
        del came[: -self._options.tries]
        return len(came) == self._options.tries

    @staticmethod
    def _as_invalid(raw: bytes) -> TestResult:
        return TestResult(
            sample=None,
            channel=None,
            item=ITEM,
            value=None,
            unit=None,
            verdict=Verdict.INVALID,
            measured_at=None,
            identity=f"taiyang/unread/{zlib.crc32(raw):08x}",
            sure=False,
            raw=raw,
        )


FORMAT = WireFormat(
    id="taiyang",
    kind="analyzer",
    title="Taiyang TTNJ and TTJ pesticide testers, commands 1B",
    link=Link(9600),
    polled=True,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=Session,
    options=Options,
    questions=(HANDSHAKE,),
)

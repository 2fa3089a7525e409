"""Dayuan and Lüzhou readers DY-3000, DY-6600, DY-7200, TL-300, LZ-3000: packets ``03 FF`` and ``03 FE``.

    03  FF  cmd  00  param param param param  len len  xor  xor  data…
        |            low byte first           |        |    of the data, 00 if there is none
        |                                     |        of the ten bytes before
        FF from the host, FE from the instrument       ``len`` bytes of data, low byte first

    cmd          host                                   instrument
    20           data ``DEVICE??``                      DY-7200: device, model, serial number, each with a length byte
                                                        in front; what others put there is not known to us
    42 62 72     param byte 1 = page                    one or two items of 128 bytes; none = no more
    43 63 73     data = from, to (times)                index of the first record, index after the last
    45 65 75     param = index of the record            the record
    46           erases the records; never sent by us
    |
    4x spectrophotometer | 6x colloidal-gold strips (金标) | 7x dry chemistry

An item: name (16 bytes, GB2312, NUL padded), unit (8), method (1: 00 = inhibition), the rest unknown.  The place in the
table is the item's number in the records.  A time is 32 bits, low byte first, seconds in steps of two:

    year-2000 << 25 | month << 21 | day << 16 | hour << 11 | minute << 5 | second / 2

The answer to "find" carries the two indices low byte first at 8 and 10 of its data.  A record, by offset in the data:

    45, spectrophotometer                        65 and 75, strips and dry chemistry
     0    00 = empty                              0    00 = empty
     1    item                                    1    item
     4-7  time                                    2-5  time
     8…   channels of 8 bytes:                    6-7  number of the test, low byte first
          0    channel, 00 = none                 8    top two bits 0, 1: low bits 1 positive 2 negative 3 none
          1    C0 and above: suspect                   top two bits 2, 3: a number at 9-12
          4-7  value

A value of an inhibition item is 16 bits, low byte first, signed, 0.1 %; 7FFF is invalid, 7FFE not available.  Other
values are 32 bits, low byte first, top bit = minus, 0.001 of the unit; a few patterns say invalid or not available.

The DY-7200 answers "find" with the number of records in the last two bytes and streams all when asked for record 1.
Its record is text: number, two unknown bytes, then lines in GB2312, each ended by 0D, label and value parted by ``：``:

    1 送检单位  2 检测单位  3 样品类型  5 样品编号  6 检测项目  7 检测结果  8 检测标准  9 检测时间

A result is ``value unit conclusion`` or one word.  Line 5 is named in a program that does not use it.

An xor sees every single changed byte.  It cannot see two that cancel out, nor a byte doubled (or lost) where the
packet's last byte (or the next packet's first) is the same; therefore ``Session`` reads each item page and each record
until two readings agree, and drops half a packet after silence.  Records of text come once: their labels would not fit.

Not known to us: bytes 2-3 of the spectrophotometer's record and 2-3 of a channel; whether answers repeat the question's
parameter (where they do, a wrong page is noticed).  A second program reads packets ``81 04 … 81`` on the same port;
how they are checked and asked for is not sourced, so they are not read.

9600/8n1, newer units 115200/8n1.
Source: the maker's upload programs for these readers (UploadSoftWare, 2019, public).
"""

import struct
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from protocol.analyzers.shared import fields
from protocol.analyzers.shared.dialogue import (
    Answer,
    Commit,
    Dialogue,
    Give,
    Once,
    Rest,
    Send,
    Step,
    Talk,
    ask,
    ask_twice,
)
from protocol.checks import xor8
from protocol.formats import WireFormat
from protocol.framing import Scanner
from protocol.link import Link
from protocol.options import DaysBack, FormatOptions, Longest, Patience, Poll, Review, Tries
from protocol.readings import Event, Garbage, Reply, TestResult, Verdict

HOST, DEVICE = 0xFF, 0xFE
SPECTRO, STRIP, DRY = 0x40, 0x60, 0x70
KINDS = {SPECTRO: "spectro", STRIP: "strip", DRY: "dry"}
MODELS = {
    "dy3000": (SPECTRO,),
    "tl300": (SPECTRO,),
    "lz3000": (SPECTRO,),
    "dy6600": (SPECTRO, STRIP, DRY),
    "dy7200": (),
}
HEADER = struct.Struct("<BBBBIHBB")
ITEM_SIZE, NAME_SIZE, UNIT_SIZE, METHOD_AT = 128, 16, 8, 24
CAP = 2048
HELLO = b"DEVICE??"
FIRST_YEAR, LAST_YEAR = 2000, 2099
QUALITATIVE = {1: Verdict.UNQUALIFIED, 2: Verdict.QUALIFIED, 3: Verdict.INVALID}
WORDS = {Verdict.UNQUALIFIED: "阳性", Verdict.QUALIFIED: "阴性"}
NO_INHIBITION = {b"\xff\x7f", b"\xfe\x7f"}
NO_NUMBER = {
    bytes.fromhex(pattern) for pattern in ("FFFFFF7F", "FEFFFF7F", "FF7F0000", "2C420F00", "FDFFFF7F", "FE7F0000")
}  # in the order sent; the last two are "not available"
LABEL_END = "："
NUMBER_LINE, TYPE_LINE, ITEM_LINE, RESULT_LINE, TIME_LINE = 5, 3, 6, 7, 9
COMMANDS = {0x20, 0x42, 0x62, 0x72, 0x43, 0x63, 0x73, 0x45, 0x65, 0x75, 0x46}


@dataclass(frozen=True, slots=True)
class Item:
    """One row of the instrument's item table."""

    name: str
    unit: str
    method: int = 0

    @property
    def inhibition(self) -> bool:
        return self.method == 0


Table = Sequence[Item]


# --- packets --------------------------------------------------------------------------------------------------------


def packet(direction: int, command: int, param: int = 0, data: bytes = b"") -> bytes:
    head = struct.pack("<BBBBIH", 0x03, direction, command, 0, param, len(data))
    return head + bytes((xor8(head), xor8(data))) + data


def measure(buffer: bytes) -> int | None:
    if len(buffer) < HEADER.size:
        wrong = (
            (len(buffer) > 1 and buffer[1] not in (HOST, DEVICE))
            or (len(buffer) > 2 and buffer[2] not in COMMANDS)
            or (len(buffer) > 3 and buffer[3] != 0)
        )
        return 0 if wrong else None
    _, direction, command, zero, _, length, check, _ = HEADER.unpack(buffer[: HEADER.size])
    fits = direction in (HOST, DEVICE) and command in COMMANDS and not zero and check == xor8(buffer[:10])
    return HEADER.size + length if fits else 0


def decode(frame: bytes) -> Event:
    """One whole packet of either side, as a Reply; ``results`` reads what is in a record."""
    if len(frame) < HEADER.size or frame[0] != 0x03 or measure(frame) != len(frame):
        return Garbage(frame, "not a header 03 FF or 03 FE with its xor and the bytes it announces")
    _, direction, command, _, param, _, _, check = HEADER.unpack(frame[: HEADER.size])
    data = frame[HEADER.size :]
    if check != xor8(data):
        return Garbage(frame, f"xor of the data is {check:02x}, the bytes give {xor8(data):02x}")
    try:
        return _meaning(direction, command, param, data, frame)
    except (ValueError, IndexError) as error:
        return Garbage(frame, f"both xors right, but {error}")


def _meaning(direction: int, command: int, param: int, data: bytes, raw: bytes) -> Reply:
    asks = "ask-" if direction == HOST else ""
    kind = KINDS.get(command & 0xF0, "")
    match command:
        case 0x20:
            return Reply(f"{asks}hello", () if asks else _who(data), raw=raw)
        case 0x46:
            return Reply(f"{asks}erase", raw=raw)
        case 0x42 | 0x62 | 0x72 if asks:
            return Reply("ask-items", (("of", kind), ("page", str(param >> 8 & 0xFF))), raw=raw)
        case 0x42 | 0x62 | 0x72:
            names = " ".join(item.name for item in items(data))
            return Reply("items", (("of", kind), ("names", names)), raw=raw)
        case 0x43 | 0x63 | 0x73 if asks:
            first, last = (unpack_time(data[at : at + 4], check=False) for at in (0, 4))
            return Reply("ask-find", (("of", kind), ("from", first), ("to", last)), raw=raw)
        case 0x43 | 0x63 | 0x73:
            if len(data) < 12:
                raise ValueError(f"{len(data)} bytes are too few for two indices")
            start, end = struct.unpack_from("<HH", data, 8)
            return Reply("find", (("of", kind), ("start", str(start)), ("end", str(end))), raw=raw)
        case _ if asks:
            return Reply("ask-record", (("of", kind), ("index", str(param))), raw=raw)
        case _:
            return Reply("record", (("of", kind), *_about(command, data)), raw=raw)


def _who(data: bytes) -> tuple[tuple[str, str], ...]:
    """The strings of a hello, if it is made of such; else its bytes."""
    found, at = [], 0
    for name in ("device", "model", "serial"):
        size = data[at] if at < len(data) else len(data)
        if at + 1 + size > len(data):
            return (("answer", data.hex()),)
        found.append((name, fields.text(data[at + 1 : at + 1 + size])))
        at += 1 + size
    return tuple(found)


def _about(command: int, data: bytes) -> tuple[tuple[str, str], ...]:
    if not data or not data[0]:
        return (("empty", "yes"),)
    if command == 0x45 and is_text(data):
        return (("number", str(data[0])),)
    time_at = 4 if command == 0x45 else 2
    if len(data) < (16 if command == 0x45 else 9):
        raise ValueError(f"{len(data)} bytes are too few for a record")
    return (("item", str(data[1])), ("time", unpack_time(data[time_at : time_at + 4])))


def pack_time(at: datetime) -> bytes:
    """Seconds are cut to an even number, as the instrument does."""
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"{at}: the instrument knows the years {FIRST_YEAR} to {LAST_YEAR}")
    day = (at.year - FIRST_YEAR) << 25 | at.month << 21 | at.day << 16
    return (day | at.hour << 11 | at.minute << 5 | at.second // 2).to_bytes(4, "little")


def unpack_time(data: bytes, *, check: bool = True) -> str:
    """The time in ISO form. Without ``check`` the end of a day may be written FFFF; then only the date is given."""
    packed = int.from_bytes(data, "little")
    day = date(FIRST_YEAR + (packed >> 25), packed >> 21 & 15, packed >> 16 & 31)
    if not check:
        return day.isoformat()
    hour, minute, second = packed >> 11 & 31, packed >> 5 & 63, (packed & 31) * 2
    return datetime(day.year, day.month, day.day, hour, minute, second).isoformat()  # noqa: DTZ001


# --- what is in them ------------------------------------------------------------------------------------------------


def items(data: bytes) -> list[Item]:
    """The rows of one page of the item table."""
    rows = [data[at : at + ITEM_SIZE] for at in range(0, len(data) - METHOD_AT, ITEM_SIZE)]
    return [
        Item(fields.text(row[:NAME_SIZE]), fields.text(row[NAME_SIZE : NAME_SIZE + UNIT_SIZE]), row[METHOD_AT])
        for row in rows
    ]


def results(record: Reply, table: Table = ()) -> list[Event]:
    """What a record states: a TestResult a channel.

    A record of an item that is not in ``table`` stays a Reply, because what its numbers mean is not known.
    ``raw`` of a result holds the bytes it was read from: the record's head and its own channel, or the text lines used.
    """
    data = record.raw[HEADER.size :]
    if not data or not data[0]:
        return [record]
    if record.raw[2] == 0x45 and is_text(data):
        return [_text(record)]
    if data[1] >= len(table):
        return [record]
    item = table[data[1]]
    return list(_channels(data, item)) if record.raw[2] == 0x45 else [_strip(record, item)]


def _channels(data: bytes, item: Item) -> Iterable[TestResult]:
    at = datetime.fromisoformat(unpack_time(data[4:8]))
    for start in range(8, len(data) - 7, 8):
        block = data[start : start + 8]
        if not block[0]:
            continue
        value = _value(block[4:8], item)
        verdict = Verdict.SUSPECT if block[1] >= 0xC0 else None
        yield TestResult(
            sample=None,
            channel=str(block[0]),
            item=item.name,
            value=value,
            unit=_unit(item),
            verdict=Verdict.INVALID if value is None else verdict,
            measured_at=at,
            identity=f"03ff/spectro/{data[1]}/{at.isoformat()}/{block[0]}/{block[4:8].hex()}",
            raw=data[:8] + block,
        )


def _strip(record: Reply, item: Item) -> Event:
    data = record.raw[HEADER.size :]
    at = datetime.fromisoformat(unpack_time(data[2:6]))
    number = int.from_bytes(data[6:8], "little")
    value, verdict = None, QUALITATIVE.get(data[8] & 3, Verdict.INVALID)
    if data[8] & 0x80:
        if len(data) < 13:
            return Garbage(record.raw, "a number is announced, but the record ends before it")
        value = _value(data[9:13], Item(item.name, item.unit, 1))
        verdict = Verdict.INVALID
    return TestResult(
        sample=str(number),
        channel=None,
        item=item.name,
        value=value,
        unit=item.unit or None,
        verdict=verdict if value is None else None,
        measured_at=at,
        identity=f"03ff/{record.get('of')}/{data[1]}/{at.isoformat()}/{number}/{data[8:13].hex()}",
        text=None if data[8] & 0x80 else WORDS.get(verdict),
        raw=data,
    )


def _value(data: bytes, item: Item) -> Decimal | None:
    if item.inhibition:
        if data[:2] in NO_INHIBITION:
            return None
        return Decimal(int.from_bytes(data[:2], "little", signed=True)).scaleb(-1)
    if data in NO_NUMBER:
        return None
    packed = int.from_bytes(data, "little")
    value = Decimal(packed & 0x7FFFFFFF).scaleb(-3)
    return -value if packed >> 31 and value else value


def _unit(item: Item) -> str | None:
    return item.unit or ("%" if item.inhibition else None)


def is_text(data: bytes) -> bool:
    """Is this record of lines of text?"""
    return data.count(b"\r") > TIME_LINE and data.count(LABEL_END.encode("gb18030")) >= 3


def _text(record: Reply) -> Event:
    data = record.raw[HEADER.size :]
    lines = data[3:].split(b"\r")
    used = (TYPE_LINE, NUMBER_LINE, ITEM_LINE, RESULT_LINE, TIME_LINE)
    said = {line: fields.text(lines[line]).partition(LABEL_END) for line in used}
    if "检测结果" not in said[RESULT_LINE][0] or "检测项目" not in said[ITEM_LINE][0]:
        return Garbage(record.raw, "a record of text whose lines 6 and 7 are not item and result")
    value, unit, verdict = _words(said[RESULT_LINE][2].split())
    written = said[TIME_LINE][2]
    sample = said[NUMBER_LINE][2].strip() if said[NUMBER_LINE][0] == "样品编号" else ""
    item = said[ITEM_LINE][2].strip()
    return TestResult(
        sample=sample or None,
        channel=None,
        item=item,
        value=value,
        unit=unit,
        verdict=verdict,
        measured_at=fields.moment(written),
        identity=f"03ff/text/{sample}/{item}/{written}/{said[RESULT_LINE][2]}",
        name=said[TYPE_LINE][2].strip() or None,
        text=said[RESULT_LINE][2].strip() or None if value is None else None,
        raw=b"\r".join(lines[line] for line in used) + b"\r",
    )


def _words(words: list[str]) -> tuple[Decimal | None, str | None, Verdict | None]:
    """Value, unit and verdict of a result line; a conclusion stands last, also alone."""
    value = fields.number(words[0]) if words else None
    verdict = fields.VERDICTS.get(words[-1]) if words else None
    if value is not None and len(words) > 2:
        verdict = fields.concluded(words[-1])
    unit = words[1] if value is not None and len(words) > (1 if verdict is None else 2) else None
    return value, unit, Verdict.INVALID if value is None and verdict is None else verdict


class Packets:
    """Packets, and what is in their records, read with the item pages that came before.

    Pages are taken to come in order, as the programs ask for them, and one with fewer than two items ends the table.
    Where an answer repeats the page asked for, a lost page is noticed.
    """

    def __init__(self) -> None:
        self._scanner = scanner()
        self._tables = Tables()

    def feed(self, data: bytes) -> list[Event]:
        return [seen for event in self._scanner.feed(data) for seen in self._read(event)]

    def finish(self) -> list[Event]:
        return self._scanner.finish()

    def _read(self, event: Event) -> list[Event]:
        if not isinstance(event, Reply) or event.what not in ("items", "record"):
            return [event]
        if event.what == "record":
            return results(event, self._tables.of(event.get("of") or ""))
        self._tables.add(event)
        return [event]


class Tables:
    """The item tables, as far as they have been read."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Item]] = {}
        self._pages: dict[str, list[bytes]] = {}  # of the table being read
        self.whole: set[str] = set()

    def of(self, kind: str) -> list[Item]:
        """The table; empty until it is whole, because a place in half a table means nothing."""
        return self._rows[kind] if kind in self.whole else []

    def add(self, page: Reply) -> bool:
        """The next page of a table; the first one after the last begins anew, one sent twice counts once.

        False when it says that it is another page: then the table begins anew.
        """
        kind, data = page.get("of") or "", page.raw[HEADER.size :]
        pages = self._pages.setdefault(kind, [])
        if pages and pages[-1] == page.raw:
            return True
        if kind in self.whole:
            self.whole.discard(kind)
            pages.clear()
        if page.raw[5] not in (0, len(pages)):
            pages.clear()
            return False
        if not pages:
            self._rows[kind] = []
        pages.append(page.raw)
        self._rows[kind] += items(data)
        if len(items(data)) < 2 or len(pages) > 0x7F:
            self.whole.add(kind)
        return True


def scanner() -> Scanner:
    return Scanner(measure, decode, head=b"\x03", cap=CAP, look=HEADER.size)


def decoder() -> Packets:
    return Packets()


# --- values to packets ----------------------------------------------------------------------------------------------


def ask_hello() -> bytes:
    return packet(HOST, 0x20, data=HELLO)


def ask_items(kind: int, page: int) -> bytes:
    return packet(HOST, kind + 2, page << 8)


def ask_find(kind: int, day: date) -> bytes:
    """Which records has this day?"""
    start = pack_time(datetime(day.year, day.month, day.day))  # noqa: DTZ001  (the instrument's own local clock)
    return packet(HOST, kind + 3, data=start + b"\xff\xff" + start[2:])


def ask_record(kind: int, index: int) -> bytes:
    return packet(HOST, kind + 5, index)


def answer_hello(device: str, model: str, serial: str, time: bytes = b"") -> bytes:
    strings = (text.encode("gb18030") for text in (device, model, serial))
    return packet(DEVICE, 0x20, data=b"".join(bytes((len(each),)) + each for each in (*strings, time)))


def answer_items(kind: int, page: int, table: Table) -> bytes:
    """One page of the table: two items."""
    rows = (
        fields.cut(item.name, NAME_SIZE) + fields.cut(item.unit, UNIT_SIZE) + bytes((item.method,))
        for item in table[2 * page : 2 * page + 2]
    )
    return packet(DEVICE, kind + 2, page << 8, b"".join(row.ljust(ITEM_SIZE, b"\0") for row in rows))


def answer_find(kind: int, start: int, end: int) -> bytes:
    return packet(DEVICE, kind + 3, data=bytes(8) + struct.pack("<HH", start, end))


def encode(results: Sequence[TestResult], *, item: int, table: Table, index: int = 1) -> bytes:
    """The spectrophotometer's record of these channels, all of one time. Raises ValueError when they do not fit."""
    times = {result.measured_at for result in results}
    at = times.pop() if times else None
    if times or at is None:
        raise ValueError("a record needs channels, all of one time")
    blocks = b"".join(
        struct.pack("<BB2x", int(result.channel or 0), 0xC0 if result.verdict is Verdict.SUSPECT else 0)
        + _pack_value(result.value, table[item])
        for result in results
    )
    return packet(DEVICE, 0x45, index, bytes((1, item, 0, 0)) + pack_time(at) + blocks)


def encode_strip(result: TestResult, *, kind: int, item: int, index: int = 1) -> bytes:
    """The record of a strip or a dry-chemistry test."""
    if result.measured_at is None:
        raise ValueError("a record needs a time")
    if result.value is None:
        judged = {verdict: code for code, verdict in QUALITATIVE.items()}.get(result.verdict or Verdict.INVALID, 3)
        rest = bytes((judged,))
    else:
        rest = b"\x80" + _pack_value(result.value, Item("", "", 1))
    number = int(result.sample or 0).to_bytes(2, "little")
    return packet(DEVICE, kind + 5, index, bytes((1, item)) + pack_time(result.measured_at) + number + rest)


def encode_text(result: TestResult, *, number: int = 1) -> bytes:
    """The DY-7200's record."""
    words = {verdict: word for word, verdict in reversed(fields.VERDICTS.items())}
    judged = words.get(result.verdict) if result.verdict else None
    if result.value is None:
        parts = [result.text or judged]
    else:
        parts = [format(result.value, "f"), result.unit, judged]
    lines = (
        "检测报告",
        "送检单位：",
        "检测单位：",
        f"样品类型：{result.name or ''}",
        "批号：",
        f"样品编号：{result.sample or ''}",
        f"检测项目：{result.item}",
        "检测结果：" + " ".join(part for part in parts if part),
        "检测标准：",
        f"检测时间：{result.measured_at or ''}",
    )
    text = "".join(line + "\r" for line in lines).encode("gb18030")
    return packet(DEVICE, 0x45, number, bytes((number, 0, 0)) + text)


def _pack_value(value: Decimal | None, item: Item) -> bytes:
    if item.inhibition:
        if value is None:
            return b"\xfe\x7f\0\0"
        return _whole(value, 1, 0x7FFD).to_bytes(2, "little", signed=True) + b"\0\0"
    if value is None:
        return b"\xfe\x7f\0\0"
    whole = _whole(value, 3, 0x7FFFFFF0)
    data = (abs(whole) | (0x80000000 if whole < 0 else 0)).to_bytes(4, "little")
    if data in NO_NUMBER:
        raise ValueError(f"{value} is one of the patterns that mean no value")
    return data


def _whole(value: Decimal, decimals: int, most: int) -> int:
    scaled = value.scaleb(decimals)
    if scaled != scaled.to_integral_value() or abs(scaled) > most:
        raise ValueError(f"{value} does not fit {decimals} decimals and {most}")
    return int(scaled)


# --- the dialogue ---------------------------------------------------------------------------------------------------


class Options(FormatOptions):
    model: Annotated[
        Literal["dy3000", "dy6600", "dy7200", "tl300", "lz3000"], Field(description="which instrument it is")
    ]
    poll: Poll = 2.0
    patience: Patience = 2.0
    tries: Tries = 3
    longest: Longest = 30.0
    days_back: DaysBack = 1
    review: Review = 600.0


class Session(Dialogue):
    """Reads the records of the day, again and again, and hands each over once; the next is read when it is on disk.

    ``today`` gives the local date; while its year is out of 2001..2099 (a clock that is not set) nothing is asked.  At
    the start, after the date changes and every ``review`` seconds the item tables and the ``days_back`` days before
    are read anew.  Between, only records behind those known are read.  A silent instrument is greeted with growing
    pauses, at most ``longest`` seconds.
    """

    def __init__(self, options: Options, today: Callable[[], date]) -> None:
        super().__init__(scanner(), self._talking)
        self._kinds = MODELS[options.model]
        self._options = options
        self._today = today
        self._once = Once()
        self._tables = Tables()
        self._read: dict[tuple[int, date], tuple[int, int]] = {}  # days read whole, with the indices they had

    def _talking(self, _: Dialogue) -> Talk:
        seen: date | None = None
        review_at, pause = 0.0, self._options.poll
        while True:
            today = self._today()
            if not FIRST_YEAR < today.year <= LAST_YEAR:
                yield Rest(self._options.poll)
                continue
            whole = today != seen or self.now >= review_at
            if whole:
                seen, review_at = today, self.now + self._options.review
                self._tables, self._read = Tables(), {}
            days = [today - timedelta(days=back) for back in range(self._options.days_back if whole else 0, -1, -1)]
            if (yield from self._round(days, greet=whole)):
                pause = self._options.poll
            else:
                seen, pause = None, min(pause * 2, self._options.longest)
            yield Rest(pause)

    def _round(self, days: list[date], *, greet: bool) -> Generator[Step, Event | None, bool]:
        """True when everything was read."""
        if greet and (yield from self._ask(ask_hello(), "hello")) is None:
            return False
        for day in days:
            for kind in self._kinds:
                if not (yield from self._day(kind, day)):
                    return False
            if not self._kinds and not (yield from self._stream(day)):
                return False
        return True

    def _ask(self, request: bytes, what: str) -> Answer:
        return (yield from ask(request, what, patience=self._options.patience, tries=self._options.tries))

    def _ask_twice(self, request: bytes, what: str) -> Answer:
        return (yield from ask_twice(request, what, patience=self._options.patience, tries=self._options.tries))

    def _day(self, kind: int, day: date) -> Generator[Step, Event | None, bool]:
        found = yield from self._ask_twice(ask_find(kind, day), "find")
        if found is None:
            return False
        start, end = int(found.get("start") or 0), int(found.get("end") or 0)
        known = self._read.get((kind, day), (start, start))
        for index in range(known[1] if known[0] == start and known[1] <= end else start, end):
            if not (yield from self._table(kind)):
                return False
            record = yield from self._ask_twice(ask_record(kind, index), "record")
            if record is None:
                return False
            yield from self._give(results(record, self._tables.of(KINDS[kind])))
        self._read[kind, day] = (start, end)
        return True

    def _table(self, kind: int) -> Generator[Step, Event | None, bool]:
        """Read the item table, unless it has been."""
        page = 0
        while KINDS[kind] not in self._tables.whole:
            reply = yield from self._ask_twice(ask_items(kind, page), "items")
            if reply is None or not self._tables.add(reply):
                self._tables = Tables()
                return False
            page += 1
        return True

    def _stream(self, day: date) -> Generator[Step, Event | None, bool]:
        """The records of a DY-7200, which come all at once."""
        found = yield from self._ask_twice(ask_find(SPECTRO, day), "find")
        if found is None:
            return False
        count = int.from_bytes(found.raw[-2:], "little")
        if not count or self._read.get((SPECTRO, day)) == (0, count):
            return True
        event = yield Send(ask_record(SPECTRO, 1), self._options.patience)
        heard = 0
        while event is not None and heard < count:
            if isinstance(event, Reply) and event.what == "record":
                heard += 1
                yield from self._give(results(event), commit=False)
            if heard < count:
                event = yield Send(b"", self._options.patience)
        yield Commit()
        if heard == count:
            self._read[SPECTRO, day] = (0, count)
        return heard > 0

    def _give(self, events: Iterable[Event], *, commit: bool = True) -> Generator[Step, Event | None, None]:
        for event in events:
            if isinstance(event, Garbage) or (isinstance(event, TestResult) and self._once.is_new(event)):
                yield Give(event)
        if commit:
            yield Commit()


FORMAT = WireFormat(
    id="dayuan_03ff",
    kind="analyzer",
    title="Dayuan DY-3000, DY-6600, DY-7200, TL-300, LZ-3000, packets 03 FF",
    link=Link(9600),
    polled=True,
    checked=True,
    confidence="high",
    decoder=decoder,
    session=Session,
    options=Options,
    by_date=True,
    links=(Link(115200),),
    questions=(ask_items(SPECTRO, 0),),  # not the greeting: a letter in it clears the tare of other devices
)

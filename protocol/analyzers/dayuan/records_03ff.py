"""Records of the Dayuan readers with ``03 FF``: what is in them, and how they are made.

A record, by offset in the data:

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

The record of a DY-7200 is text: number, two unknown bytes, then lines in GB2312, each ended by 0D, label and value
parted by ``：``:

    1 送检单位  2 检测单位  3 样品类型  5 样品编号  6 检测项目  7 检测结果  8 检测标准  9 检测时间

A result is ``value unit conclusion`` or one word.  Line 5 is named in a program that does not use it.
"""

import struct
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from protocol.analyzers.dayuan.packets_03ff import (
    DEVICE,
    HEADER,
    LABEL_END,
    TIME_LINE,
    Item,
    Table,
    is_text,
    items,
    pack_time,
    packet,
    scanner,
    unpack_time,
)
from protocol.analyzers.shared import fields
from protocol.readings import Event, Garbage, Reply, TestResult, Verdict

QUALITATIVE = {1: Verdict.UNQUALIFIED, 2: Verdict.QUALIFIED, 3: Verdict.INVALID}
WORDS = {Verdict.UNQUALIFIED: "阳性", Verdict.QUALIFIED: "阴性"}
NO_INHIBITION = {b"\xff\x7f", b"\xfe\x7f"}
NO_NUMBER = {
    bytes.fromhex(pattern) for pattern in ("FFFFFF7F", "FEFFFF7F", "FF7F0000", "2C420F00", "FDFFFF7F", "FE7F0000")
}  # in the order sent; the last two are "not available"
NUMBER_LINE, TYPE_LINE, ITEM_LINE, RESULT_LINE = 5, 3, 6, 7


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


# --- values to records ----------------------------------------------------------------------------------------------


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

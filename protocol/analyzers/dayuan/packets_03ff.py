"""Packets of the Dayuan readers with ``03 FF``: their frame, times and item tables, and what is asked in them.

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

The answer to "find" carries the two indices low byte first at 8 and 10 of its data.
"""

import struct
from collections.abc import Sequence
from datetime import date, datetime

from protocol.analyzers.shared import fields
from protocol.checks import xor8
from protocol.framing import Scanner
from protocol.frozen import frozen
from protocol.readings import Event, Garbage, Reply

HOST, DEVICE = 0xFF, 0xFE
SPECTRO, STRIP, DRY = 0x40, 0x60, 0x70
KINDS = {SPECTRO: "spectro", STRIP: "strip", DRY: "dry"}
HEADER = struct.Struct("<BBBBIHBB")
ITEM_SIZE, NAME_SIZE, UNIT_SIZE, METHOD_AT = 128, 16, 8, 24
CAP = 2048
HELLO = b"DEVICE??"
FIRST_YEAR, LAST_YEAR = 2000, 2099
LABEL_END = "："
TIME_LINE = 9
COMMANDS = {0x20, 0x42, 0x62, 0x72, 0x43, 0x63, 0x73, 0x45, 0x65, 0x75, 0x46}


@frozen
class Item:
    """One row of the instrument's item table."""

    name: str
    unit: str
    method: int = 0

    @property
    def inhibition(self) -> bool:
        return self.method == 0


Table = Sequence[Item]


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


def items(data: bytes) -> list[Item]:
    """The rows of one page of the item table."""
    rows = [data[at : at + ITEM_SIZE] for at in range(0, len(data) - METHOD_AT, ITEM_SIZE)]
    return [
        Item(fields.text(row[:NAME_SIZE]), fields.text(row[NAME_SIZE : NAME_SIZE + UNIT_SIZE]), row[METHOD_AT])
        for row in rows
    ]


def is_text(data: bytes) -> bool:
    """Is this record of lines of text?"""
    return data.count(b"\r") > TIME_LINE and data.count(LABEL_END.encode("gb18030")) >= 3


def scanner() -> Scanner:
    return Scanner(measure, decode, head=b"\x03", cap=CAP, look=HEADER.size)


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

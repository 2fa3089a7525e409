"""SQLite's file as it lies there, read without SQLite: what is left of a damaged one.

After the format that SQLite promises to keep (sqlite.org/fileformat2.html): pages, b-trees, records, write-ahead log.
Nothing that stands there is believed: a page or row that makes no sense is noted and left out, a chain that runs in a
circle ends.
"""

import mmap
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from protocol.frozen import frozen

MAGIC = b"SQLite format 3\0"
USUAL_SIZE = 512
INTERIOR_INDEX, INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE = 0x02, 0x05, 0x0A, 0x0D
LARGEST_ROW = 1 << 22  # bytes; none of ours comes near
DEEPEST = 40  # of a tree; a million rows make five
_HEADER, _FRAME = 32, 24  # of the write-ahead log
_LITTLE, _BIG = 0x377F0682, 0x377F0683

Value = int | float | str | bytes | None


class Unreadable(ValueError):
    """A page or row is none; the message says why."""


@frozen
class Row:
    """A row: its rowid (0 in a table without), and its columns as they are stored."""

    rowid: int
    values: list[Value]


@dataclass(slots=True)
class Pages:
    """The pages of a database, those of the log before those of the file; a part of the file may be gone."""

    size: int
    file: bytes | mmap.mmap
    log: Mapping[int, bytes] = field(default_factory=dict)
    bad: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)

    @property
    def last(self) -> int:
        """The highest page of which there is anything."""
        return max([-(-len(self.file) // self.size), *self.log])

    @property
    def claimed(self) -> int:
        """How many pages the file says it has; 0 when it does not say."""
        first = self.page(1)
        return int.from_bytes(first[28:32], "big") if first and first.startswith(MAGIC) else 0

    def page(self, number: int) -> bytes | None:
        """The bytes of a page; None where there is none, or not all of it."""
        if number in self.log:
            return self.log[number]
        found = self.file[(number - 1) * self.size : number * self.size] if number > 0 else b""
        return bytes(found) if len(found) == self.size else None

    # --- trees --------------------------------------------------------------------------------------------------------

    def tree(self, root: int, depth: int = 0) -> Iterator[Row]:
        """The rows below a page, in order. What cannot be read is left out; its page is in ``bad``."""
        page = self.page(root)
        if root in self.seen or depth > DEEPEST:
            self.bad.add(root)
            return
        self.seen.add(root)
        if page is None or (start := 100 if root == 1 else 0) + 12 > self.size:
            self.bad.add(root)
            return
        kind = page[start]
        if kind not in (INTERIOR_INDEX, INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE):
            self.bad.add(root)
            return
        for at in self._cells(root, page, start):
            if kind in (INTERIOR_INDEX, INTERIOR_TABLE):
                yield from self.tree(_number(page, at), depth + 1)
            if kind != INTERIOR_TABLE:
                try:
                    yield self._row(page, kind, at)
                except Unreadable:
                    self.bad.add(root)
        if kind in (INTERIOR_INDEX, INTERIOR_TABLE):
            yield from self.tree(_number(page, start + 8), depth + 1)

    def leaf(self, number: int) -> Iterator[Row]:
        """The rows of a page that no tree leads to, if it is one of a table."""
        page = self.page(number)
        start = 100 if number == 1 else 0
        if page is None or page[start] != LEAF_TABLE:
            return
        for at in self._cells(number, page, start):
            try:
                yield self._row(page, LEAF_TABLE, at)
            except Unreadable:
                continue

    def _cells(self, number: int, page: bytes, start: int) -> Iterator[int]:
        """Where the cells of a page begin."""
        first = start + (12 if page[start] in (INTERIOR_INDEX, INTERIOR_TABLE) else 8)
        count = int.from_bytes(page[start + 3 : start + 5], "big")
        for place in range(first, first + 2 * count, 2):
            at = int.from_bytes(page[place : place + 2], "big")
            if place + 2 > self.size or not first + 2 <= at <= self.size - 4:
                self.bad.add(number)
                continue
            yield at

    def _row(self, page: bytes, kind: int, at: int) -> Row:
        """Raises Unreadable."""
        rowid = 0
        at += 4 if kind == INTERIOR_INDEX else 0
        length, at = varint(page, at)
        if kind == LEAF_TABLE:
            rowid, at = varint(page, at)
        if not 0 < length <= LARGEST_ROW:
            raise Unreadable(f"a row of {length} bytes")
        local = self._local(length, kind)
        payload = page[at : at + local]
        if len(payload) < local:
            raise Unreadable("a row runs out of its page")
        if local < length:
            payload += self._overflow(_number(page, at + local), length - local)
        return Row(rowid, values(payload))

    def _local(self, length: int, kind: int) -> int:
        """How many bytes of a row lie in its own page."""
        most = self.size - 35 if kind == LEAF_TABLE else (self.size - 12) * 64 // 255 - 23
        if length <= most:
            return length
        least = (self.size - 12) * 32 // 255 - 23
        fitting = least + (length - least) % (self.size - 4)
        return fitting if fitting <= most else least

    def _overflow(self, number: int, length: int) -> bytes:
        parts, left = [], length
        while left > 0:
            page = self.page(number)
            if page is None:
                raise Unreadable(f"page {number} of a row is not there")
            parts.append(page[4 : 4 + left])
            left -= self.size - 4
            number = _number(page, 0)
        return b"".join(parts)


def _number(page: bytes, at: int) -> int:
    return int.from_bytes(page[at : at + 4], "big")


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends. Raises Unreadable."""
    value = 0
    for place in range(at, at + 8):
        if place >= len(data):
            raise Unreadable("a number runs out of its page")
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    if at + 8 >= len(data):
        raise Unreadable("a number runs out of its page")
    value = value << 8 | data[at + 8]
    return (value - (1 << 64) if value >> 63 else value), at + 9


_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def values(payload: bytes) -> list[Value]:
    """The columns of a row. Raises Unreadable."""
    end, at = varint(payload, 0)
    found: list[Value] = []
    body = end
    if not 0 < end <= len(payload):
        raise Unreadable("the header of a row is longer than the row")
    while at < end:
        kind, at = varint(payload, at)
        size = _INTEGERS.get(kind, 8 if kind == 7 else (kind - 12) // 2 if kind >= 12 else 0)
        part = payload[body : body + size]
        if len(part) < size or kind in (10, 11) or kind < 0:
            raise Unreadable("a column runs out of its row")
        body += size
        if kind == 0:
            found.append(None)
        elif kind in _INTEGERS:
            found.append(int.from_bytes(part, "big", signed=True))
        elif kind == 7:
            found.append(struct.unpack(">d", part)[0])
        elif kind in (8, 9):
            found.append(kind - 8)
        elif kind % 2:
            try:
                found.append(part.decode())
            except UnicodeDecodeError:
                raise Unreadable("a text is none") from None
        else:
            found.append(part)
    return found


# --- the file and its log ---------------------------------------------------------------------------------------------


@frozen
class Log:
    """Pages of a write-ahead log: up to the last commit that holds; and to the last that only calls itself one."""

    committed: dict[int, bytes] = field(default_factory=dict)
    beyond: dict[int, bytes] = field(default_factory=dict)


def read_log(data: bytes, size: int) -> Log:
    """What stands in a ``-wal``; nothing when it is none.

    A frame holds when its checksum continues that of the frame before.  SQLite takes nothing behind one that does not;
    what lies there is told apart, because a record proves itself by its signature.
    """
    order = {_LITTLE: "little", _BIG: "big"}.get(int.from_bytes(data[:4], "big"))
    sums = _sums(data[:24], (0, 0), order) if order and len(data) >= _HEADER else (0, 0)
    holds = bool(order) and len(data) >= _HEADER and sums == _pair(data, 24)
    salt = data[16:24] if holds else data[_HEADER + 8 : _HEADER + 16]
    committed: dict[int, bytes] = {}
    beyond: dict[int, bytes] = {}
    group: dict[int, bytes] = {}
    for at in range(_HEADER, len(data) - _FRAME - size + 1, _FRAME + size):
        head, page = data[at : at + _FRAME], data[at + _FRAME : at + _FRAME + size]
        if head[8:16] != salt:
            if holds:
                break  # of an earlier round
            continue
        if holds and order:
            sums = _sums(page, _sums(head[:8], sums, order), order)
            if sums != _pair(head, 16):
                holds, group = False, {}
        group[_number(head, 0)] = page
        if _number(head, 4):
            (committed if holds else beyond).update(group)
            group = {}
    return Log(committed, committed | beyond)


def _pair(data: bytes, at: int) -> tuple[int, int]:
    return _number(data, at), _number(data, at + 4)


def _sums(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    one, two = sums
    words = struct.unpack(f"{'<' if order == 'little' else '>'}{len(data) // 4}I", data)
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two


@contextmanager
def opened(path: Path) -> Iterator[tuple[Pages, Pages]]:
    """The pages of a file and its log: by the commits that hold, and with what lies beyond them. Raises OSError."""
    wal = path.with_name(f"{path.name}-wal")
    log = wal.read_bytes() if wal.is_file() else b""
    with path.open("rb") as file:
        whole: bytes | mmap.mmap = b""
        if path.stat().st_size:
            whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            size = page_size(bytes(whole[:100]), log)
            found = read_log(log, size)
            yield Pages(size, whole, found.committed), Pages(size, whole, found.beyond)
        finally:
            if isinstance(whole, mmap.mmap):
                whole.close()


def page_size(header: bytes, log: bytes) -> int:
    """As the file says, else its log, else as ours always is."""
    if header.startswith(MAGIC) and (size := _size(int.from_bytes(header[16:18], "big"))):
        return size
    if int.from_bytes(log[:4], "big") in (_LITTLE, _BIG) and (size := _size(_number(log, 8))):
        return size
    return USUAL_SIZE


def _size(said: int) -> int:
    size = 65536 if said == 1 else said
    return size if 512 <= size <= 65536 and size & (size - 1) == 0 else 0

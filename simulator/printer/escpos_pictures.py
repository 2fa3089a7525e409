"""Three ways to send a picture in ESC/POS, as dot rows or columns.

GS v 0   row by row, printed as the rows come
ESC *    strips of 8 or 24 dots, column by column, printed with the line
GS ( L   stored whole, then printed
"""

from collections.abc import Iterator
from dataclasses import dataclass

_DOUBLED = [int("".join(bit * 2 for bit in f"{byte:08b}"), 2).to_bytes(2, "big") for byte in range(256)]
_TRIPLED = [int("".join(bit * 3 for bit in f"{byte:08b}"), 2) for byte in range(256)]


@dataclass(slots=True)
class Picture:
    """A GS v 0 whose rows are still coming. ``head`` are its first bytes, ``offset`` is where they stand."""

    row_bytes: int
    rows: int
    wide: bool
    high: bool
    offset: int
    head: bytes

    def dots(self, row: bytes) -> Iterator[bytes]:
        """The dot rows that a row of its bytes makes."""
        dots = b"".join(_DOUBLED[byte] for byte in row) if self.wide else row
        yield dots
        if self.high:
            yield dots


def column_strip(mode: int, data: bytes) -> list[int] | None:
    """Columns of 24 dots: modes 0 and 1 have 8 dots a column, 32 and 33 have 24; the even ones are twice as wide."""
    if mode in (0, 1):
        columns = [_TRIPLED[byte] for byte in data]
    elif mode in (32, 33):
        columns = [int.from_bytes(data[start : start + 3], "big") for start in range(0, len(data), 3)]
    else:
        return None
    return columns if mode & 1 else [column for column in columns for _ in range(2)]


def stored_rows(data: bytes) -> list[bytes] | None:
    """``30 70 30 bx by 31 xL xH yL yH`` and the rows, x in dots; None for colours, tones and other functions."""
    if len(data) < 10 or data[:3] != b"0p0" or data[5] != 0x31 or not {data[3], data[4]} <= {1, 2}:
        return None
    row_bytes, rows = -(-(data[6] | data[7] << 8) // 8), data[8] | data[9] << 8
    if not row_bytes or len(data) != 10 + row_bytes * rows:
        return None
    picture = Picture(row_bytes, rows, data[3] == 2, data[4] == 2, 0, b"")
    return [dots for start in range(10, len(data), row_bytes) for dots in picture.dots(data[start : start + row_bytes])]

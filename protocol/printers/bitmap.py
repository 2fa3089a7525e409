"""A page as dots on the character grid: what a picture shows, and what printers without Chinese letters get.

The rows are those of the text emitters, so the contents cannot differ.  A letter of ASCII is 12 dots wide and 24 high,
every other 24 x 24; rows are integers, the leftmost dot in the highest bit, 1 is black.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Protocol

from protocol.frozen import frozen
from protocol.printers import codes
from protocol.printers.layout import BarcodeRow, CutRow, FeedRow, Page, QRRow, Row, Run, TextRow
from protocol.printers.profile import CELL, GAP, GLYPH, Profile
from protocol.printers.text import MARK

TORN = 20  # dots above and below the place of a cut
_BLOCK = (0xFFFFFF,) * GLYPH


class GlyphSource(Protocol):
    """Where letters come from; ``drivers/glyphs.py`` has one."""

    def glyph(self, letter: str, bold: bool) -> tuple[int, ...] | None:
        """24 rows of 12 (ASCII) or 24 dots; None when there is no such letter."""
        ...


@frozen
class Bitmap:
    """Dot rows of ``width`` dots."""

    width: int
    rows: tuple[int, ...]

    @property
    def height(self) -> int:
        return len(self.rows)

    @property
    def row_bytes(self) -> int:
        return -(-self.width // 8)

    def data(self) -> bytes:
        """The rows one after the other, each filled up to whole bytes with white."""
        size = self.row_bytes
        spare = size * 8 - self.width
        return b"".join([(row << spare).to_bytes(size, "big") * len([*same]) for row, same in groupby(self.rows)])


def draw(page: Page, profile: Profile, glyphs: GlyphSource) -> Bitmap:
    """The whole page; where the paper is cut stands a dashed line. Raises ValueError for a code that does not fit."""
    rows: list[int] = []
    last = len(page.rows) - 1
    for place, row in enumerate(page.rows):
        if not isinstance(row, CutRow):
            rows += draw_row(row, profile, glyphs)
        elif place < last:
            dashes = sum(0xF << start for start in range(0, profile.dots - 4, 12))
            rows += [0] * TORN + [dashes, dashes] + [0] * TORN
    return Bitmap(profile.dots, tuple(rows))


def draw_row(row: Row, profile: Profile, glyphs: GlyphSource) -> Iterator[int]:
    """The dot rows of one row of the page."""
    match row:
        case TextRow():
            yield from _text(row, profile, glyphs)
        case QRRow():
            yield from _centred(codes.qr_dots(row.payload, profile, big=row.big, taken=row.taken), profile.dots)
        case BarcodeRow():
            yield from _centred(codes.barcode_dots(row.payload, profile), profile.dots)
        case FeedRow():
            yield from [0] * (row.lines * (GLYPH + GAP))
        case CutRow():
            return


def height(page: Page, profile: Profile) -> int:
    """How many dots the page is high, without drawing anything; cuts take none."""
    return sum([row.dots if isinstance(row, TextRow) else row_height(row, profile) for row in page.rows])


def row_height(row: Row, profile: Profile) -> int:
    """How many dots high one row is; raises ValueError for a code that does not fit."""
    match row:
        case TextRow():
            return row.dots
        case FeedRow():
            return row.dots
        case QRRow():
            return codes.qr_height(row.payload, profile, big=row.big, taken=row.taken)
        case BarcodeRow():
            codes.bar_module(row.payload, profile)
            return row.dots
        case CutRow():
            return 0


def _centred(dots: codes.Dots, width: int) -> Iterator[int]:
    left = (width - dots.width) // 2  # as every emitter has it
    return (row << width - dots.width - left for row in dots.rows)


def _text(row: TextRow, profile: Profile, glyphs: GlyphSource) -> Iterator[int]:
    """A line: every run stands on the same bottom."""
    width = sum(run.columns for run in row.runs) * CELL
    blank = profile.columns * CELL - width
    left = row.align.before(blank)
    high = max((run.size.high for run in row.runs), default=1) * GLYPH
    lines, right = [0] * high, profile.dots - left
    for run in row.runs:
        right -= run.columns * CELL
        drawn = _run(run, glyphs)
        for line, dots in enumerate(drawn, high - len(drawn)):
            lines[line] |= dots << right
    yield from lines
    yield from [0] * GAP


def _run(run: Run, glyphs: GlyphSource) -> list[int]:
    rows = [0] * GLYPH
    for letter in run.text:
        cells = 1 if letter.isascii() else 2
        glyph = glyphs.glyph(letter, run.bold) or glyphs.glyph(MARK, run.bold) or _BLOCK
        for line, dots in enumerate(_wide(glyph, cells * CELL, run.size.wide)):
            rows[line] = rows[line] << cells * CELL * run.size.wide | dots
    return [row for row in rows for _ in range(run.size.high)]


@lru_cache(maxsize=1024)
def _wide(rows: tuple[int, ...], width: int, times: int) -> tuple[int, ...]:
    """Each dot as often as the letters are wide."""
    if times == 1:
        return rows
    return tuple(int("".join(bit * times for bit in f"{row:0{width}b}"), 2) for row in rows)


def pieces(bitmap: Bitmap, most: int) -> Iterator[Bitmap]:
    """The bitmap in bands of at most ``most`` rows."""
    for start in range(0, bitmap.height, most):
        yield Bitmap(bitmap.width, bitmap.rows[start : start + most])

"""Draws a paper as it comes out of the printer: the same dots, on thermal paper.

Text stands on the printer's own grid, a cell of 12 x 24 dots for a Latin letter and two cells for a Chinese one, so
columns align here exactly when they do on paper.
"""

import random
from collections.abc import Callable, Sequence
from functools import cache

from PIL import Image, ImageDraw

from drivers.glyphs import FontGlyphs
from simulator.printer.codes import qr_modules
from simulator.printer.printed import CELL, GLYPH_DOTS, QR, Barcode, Blank, Glyphs, Paper, Raster, TextLine

PAPER = (251, 249, 243)
INK = (36, 34, 40)
DESK = (214, 211, 204)
MARGIN = {384: 40, 576: 32}  # dots of paper beside the print: 58 and 80 mm rolls
EDGE = 28
BORDER = 16
LABEL_MARGIN = 8
LONGEST = 80_000  # dots: ten metres
_BOX = (0xFFFFFF, *([0x800001] * 22), 0xFFFFFF)

Outline = list[tuple[int, int]]
Lines = Sequence[Sequence[bool]]


def draw(paper: Paper) -> Image.Image:
    """The paper as a picture, one pixel a dot. Of one longer than ten metres the beginning is drawn."""
    print_area = Image.new("L", (paper.dots, min(max(paper.height, 1), LONGEST)), 0)
    for top, row in paper.placed:
        if top >= LONGEST:
            break
        match row:
            case TextLine():
                _text_line(print_area, row, top)
            case Raster():
                bits = Image.frombytes("1", (row.width, row.height), b"".join(row.rows))
                print_area.paste(255, (row.left, top), bits)
            case QR():
                _modules(print_area, qr_modules(row.data, row.level), row.left, top, row.module, row.module)
            case Barcode():
                _barcode(print_area, row, top)
            case Blank():
                pass
    if paper.label_height is not None:
        return _on_desk(print_area, LABEL_MARGIN, _rounded)
    return _on_desk(print_area, MARGIN.get(paper.dots, 32), _torn)


def _text_line(area: Image.Image, row: TextLine, top: int) -> None:
    left, bottom = row.left, top + row.height - max(0, row.height - GLYPH_DOTS * _tallest(row)) // 2
    for run in row.glyphs:
        for letter in run.text:
            glyph = _glyph(letter, run.cells, run.bold)
            if run.wide > 1 or run.high > 1:
                size = (glyph.width * run.wide, glyph.height * run.high)
                glyph = glyph.resize(size, Image.Resampling.NEAREST)
            area.paste(255, (left, bottom - glyph.height), glyph)
            left += run.pitch
        if run.underline:
            ImageDraw.Draw(area).line((left - run.dots, bottom, left, bottom), fill=255, width=2)


def _tallest(row: TextLine) -> int:
    return max((run.high for run in row.glyphs), default=1)


def _modules(area: Image.Image, lines: Lines, left: int, top: int, wide: int, high: int) -> None:
    """Black where True, each ``wide`` by ``high`` dots."""
    data = b"".join(bytes(255 * one for one in line) for line in lines)
    small = Image.frombytes("L", (len(lines[0]), len(lines)), data)
    area.paste(small.resize((small.width * wide, small.height * high), Image.Resampling.NEAREST), (left, top))


def _barcode(area: Image.Image, row: Barcode, top: int) -> None:
    """Bars and their text; of a symbology that is not drawn, what it says."""
    text = row.payload if row.bars else f"[barcode {row.payload}]"
    letters = Glyphs("".join(letter if letter.isprintable() else "." for letter in text)[: area.width // CELL])
    left = row.left + max(0, row.width - letters.dots) // 2
    line = TextLine((letters,), max(0, min(left, area.width - letters.dots)), GLYPH_DOTS)
    if row.above or not row.bars:
        _text_line(area, line, top)
    if row.bars and row.high:
        bars = [bit == "1" for bit in row.bars]
        _modules(area, [bars], row.left, top + GLYPH_DOTS * row.above, row.module, row.high)
    if row.below and row.bars:
        _text_line(area, line, top + row.height - GLYPH_DOTS)


@cache
def _glyph(letter: str, cells: int, bold: bool) -> Image.Image:
    """A character as the head's font has it, in its cell; one that the font lacks is an empty box."""
    rows = _font().glyph(letter, bold) or _BOX
    width = cells * CELL
    row_bytes = -(-width // 8)
    data = b"".join((row << row_bytes * 8 - width).to_bytes(row_bytes, "big") for row in _fit(rows, letter, width))
    return Image.frombytes("1", (width, GLYPH_DOTS), data)


def _fit(rows: tuple[int, ...], letter: str, width: int) -> tuple[int, ...]:
    """What the font has for two cells, in a head that gives this letter one."""
    spare = (CELL if letter.isascii() else 2 * CELL) - width
    return tuple(row >> spare if spare > 0 else row for row in rows)


@cache
def _font() -> FontGlyphs:
    return FontGlyphs()


def _on_desk(print_area: Image.Image, margin: int, outline_of: Callable[[int, int], Outline]) -> Image.Image:
    """Thermal paper lying on a desk."""
    edge = EDGE if outline_of is _torn else margin
    width, height = print_area.width + 2 * margin, print_area.height + 2 * edge
    sheet = Image.new("RGB", (width, height), PAPER)
    sheet.paste(INK, (margin, edge), print_area)
    outline = Image.new("L", (width, height), 0)
    ImageDraw.Draw(outline).polygon(outline_of(width, height), fill=255)
    desk = Image.new("RGB", (width + 2 * BORDER, height + 2 * BORDER), DESK)
    desk.paste(tuple(value - 26 for value in DESK), (BORDER + 3, BORDER + 4), outline)
    desk.paste(sheet, (BORDER, BORDER), outline)
    return desk


def _torn(width: int, height: int) -> Outline:
    """Straight at the top where the last paper was torn off cleanly, teeth at the bottom; the same each time."""
    chance = random.Random(height)
    teeth = [
        (x, height - 6 + chance.randint(-1, 1) + (0 if place % 2 else 5)) for place, x in enumerate(range(0, width, 7))
    ]
    return [(0, 0), (width, 0), (width, height - 4), *reversed(teeth)]


def _rounded(width: int, height: int) -> Outline:
    """A label with its corners off."""
    right, bottom, corner = width - 1, height - 1, 5
    across = [(corner, 0), (right - corner, 0), (right, corner), (right, bottom - corner)]
    return [*across, (right - corner, bottom), (corner, bottom), (0, bottom - corner), (0, corner)]

"""Draws a paper as it comes out of the printer: the same dots, on thermal paper.

Text stands on the printer's own grid, a cell of 12 x 24 dots for a Latin letter and two cells for a Chinese one, so
columns align here exactly when they do on paper.
"""

import random
from functools import cache
from typing import Any

from PIL import Image, ImageDraw

from drivers.glyphs import FontGlyphs
from simulator.paper import CELL, GLYPH_DOTS, Blank, Glyphs, NativeCode, Paper, Raster, TextLine, height_of

PAPER = (251, 249, 243)
INK = (36, 34, 40)
DESK = (214, 211, 204)
MARGIN = {384: 40, 576: 32}  # dots of paper beside the print: 58 and 80 mm rolls
EDGE = 28
BORDER = 16
_BOX = (0xFFFFFF, *([0x800001] * 22), 0xFFFFFF)


def draw(paper: Paper) -> Image.Image:
    """The paper as a picture, one pixel a dot."""
    margin = MARGIN.get(paper.dots, 32)
    height = sum(height_of(row) for row in paper.rows)
    print_area = Image.new("L", (paper.dots, max(height, 1)), 0)
    top = 0
    for row in paper.rows:
        match row:
            case TextLine():
                _text_line(print_area, row, top)
            case Raster():
                bits = Image.frombytes("1", (row.width, row.height), b"".join(row.rows))
                print_area.paste(255, (row.left, top), bits)
            case NativeCode():
                _native(print_area, row, top)
            case Blank():
                pass
        top += height_of(row)
    return _on_desk(print_area, margin)


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


def _native(area: Image.Image, code: NativeCode, top: int) -> None:
    """The printer would choose version and mask itself, so only what it says is drawn."""
    shown = Glyphs(f"[{code.kind} {code.payload}]"[: area.width // CELL])
    _text_line(area, TextLine((shown,), 0, GLYPH_DOTS + 6), top)


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


def _on_desk(print_area: Image.Image, margin: int) -> Image.Image:
    """Thermal paper with a torn end, lying on a desk."""
    width, height = print_area.width + 2 * margin, print_area.height + 2 * EDGE
    sheet = Image.new("RGB", (width, height), PAPER)
    sheet.paste(INK, (margin, EDGE), print_area)
    outline = Image.new("L", (width, height), 0)
    ImageDraw.Draw(outline).polygon(_torn(width, height), fill=255)
    desk = Image.new("RGB", (width + 2 * BORDER, height + 2 * BORDER), DESK)
    desk.paste(tuple(value - 26 for value in DESK), (BORDER + 3, BORDER + 4), outline)
    desk.paste(sheet, (BORDER, BORDER), outline)
    return desk


def _torn(width: int, height: int) -> list[Any]:
    """Straight at the top where the last paper was torn off cleanly, teeth at the bottom; the same each time."""
    chance = random.Random(height)
    teeth = [
        (x, height - 6 + chance.randint(-1, 1) + (0 if place % 2 else 5)) for place, x in enumerate(range(0, width, 7))
    ]
    return [(0, 0), (width, 0), (width, height - 4), *reversed(teeth)]

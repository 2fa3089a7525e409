"""Draws a paper as it comes out of the printer: the same dots, on thermal paper.

Text stands on the printer's own grid, a cell of 12 x 24 dots for a Latin letter and two cells for a Chinese one, so
columns align here exactly when they do on paper.
"""

import random
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from simulator.paper import CELL, GLYPH_DOTS, Blank, Glyphs, NativeCode, Paper, Raster, TextLine

PAPER = (251, 249, 243)
INK = (36, 34, 40)
DESK = (214, 211, 204)
MARGIN = {384: 40, 576: 32}  # dots of paper beside the print: 58 and 80 mm rolls
EDGE = 28
BORDER = 16
SYSTEM_FONT = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")
FONT_PACKAGE = "justmytype_intl_cjk"
PACKAGE_FONT = "fonts/ofl/notosanssc/NotoSansSC[wght].ttf"
WEIGHTS = {False: 500, True: 800}


class NoFont(RuntimeError):
    """No Chinese font is installed; the message says how to get one."""


def draw(paper: Paper) -> Image.Image:
    """The paper as a picture, one pixel a dot."""
    margin = MARGIN.get(paper.dots, 32)
    height = sum(_height(row) for row in paper.rows)
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
        top += _height(row)
    return _on_desk(print_area, margin)


def _height(row: TextLine | Raster | NativeCode | Blank) -> int:
    return GLYPH_DOTS + 6 if isinstance(row, NativeCode) else row.height


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
    """A character as the head's font has it: 1 bit, in its cell; what is wider than the cell is made narrower."""
    face = font(bold)
    cell = Image.new("L", (cells * CELL, GLYPH_DOTS), 0)
    width = max(1, round(face.getlength(letter)))
    drawn = Image.new("L", (width, GLYPH_DOTS), 0)
    # The system font has one weight: print it twice, a dot apart, as heads do.
    for left in (0, 1) if bold and not _is_package(face) else (0,):
        ImageDraw.Draw(drawn).text((left, _baseline(face, cells)), letter, font=face, fill=255, anchor="ls")
    if width > cell.width:
        drawn = drawn.resize((cell.width, GLYPH_DOTS), Image.Resampling.LANCZOS)
    cell.paste(drawn, ((cell.width - drawn.width) // 2, 0))
    return cell.point(lambda value: 255 if value > 110 else 0).convert("1")


def _baseline(face: ImageFont.FreeTypeFont, cells: int) -> int:
    """Where letters stand: Chinese in the middle of the cell, Latin high enough for the tail of a ``g``."""
    _, top, _, bottom = face.getbbox("国" if cells == 2 else "Ag", anchor="ls")
    return round((GLYPH_DOTS - (bottom - top)) / 2 - top)


@cache
def font(bold: bool) -> ImageFont.FreeTypeFont:
    """The system's Chinese font, or the package's; raises NoFont."""
    if SYSTEM_FONT.exists():
        return ImageFont.truetype(SYSTEM_FONT, GLYPH_DOTS, index=1)  # the monospaced face
    spec = find_spec(FONT_PACKAGE)
    path = Path(spec.origin).parent / PACKAGE_FONT if spec and spec.origin else None
    if path is None or not path.exists():
        raise NoFont(
            "no Chinese font to draw paper with: apt-get install fonts-wqy-microhei, "
            "or pip install justmytype-intl-cjk (part of 'marketedge[sim]')"
        )
    face = ImageFont.truetype(path, 23)
    face.set_variation_by_axes([WEIGHTS[bold]])
    return face


def _is_package(face: ImageFont.FreeTypeFont) -> bool:
    return Path(str(face.path)) != SYSTEM_FONT


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

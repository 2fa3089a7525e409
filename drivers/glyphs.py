"""Letters as dots: the character grid's glyphs, drawn with a Chinese font of the system or of a Python package.

A letter of ASCII takes 12 x 24 dots, every other 24 x 24, as on the heads of receipt printers.  A letter that the first
font lacks, as in rare names (䶮, 𬭎, 𠮷), comes from another one that is installed.  Pillow is loaded when the first
letter is drawn; a station whose printers have their own letters does without.
"""

import io
import unicodedata
from collections.abc import Callable
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from protocol.printers.bitmap import Bitmap
from protocol.printers.profile import CELL, GLYPH

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

SYSTEM_FONT = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")
MONOSPACED = 1  # the face of that file
NOTO = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
SIMPLIFIED = 2  # the face of that file
HANAZONO = tuple(Path(f"/usr/share/fonts/truetype/hanazono/HanaMin{part}.ttf") for part in "AB")  # rare letters
FACES = {SYSTEM_FONT: MONOSPACED, NOTO: SIMPLIFIED}
PACKAGE = "justmytype_intl_cjk"
PACKAGE_FONT = "fonts/ofl/notosanssc/NotoSansSC[wght].ttf"
PACKAGE_SIZE = 23  # its letters are drawn larger than their cell
WEIGHTS = {False: 500, True: 800}
INK = 110  # of 255: from this grey on a dot is burnt
NOBODY = "\U0010ffff"  # no font has it: what is drawn for it means "missing"


class NoFont(OSError):
    """No Chinese font is installed; the message says how to get one."""


def find_fonts() -> list[Path]:
    """The fonts that are installed, best first; raises NoFont."""
    spec = find_spec(PACKAGE)
    package = [Path(spec.origin).parent / PACKAGE_FONT] if spec and spec.origin else []
    found = [path for path in (SYSTEM_FONT, *package, NOTO) if path.exists()]
    if not found:
        raise NoFont(
            "no Chinese font to draw paper with: apt-get install fonts-wqy-microhei, "
            "or pip install justmytype-intl-cjk (part of 'marketedge[sim]')"
        )
    return [*found, *(path for path in HANAZONO if path.exists())]


class FontGlyphs:
    """The glyphs of the installed fonts, or of one. Raises NoFont when there is none. Several threads may use it."""

    def __init__(self, path: Path | None = None) -> None:
        self._fonts = [_Font(one) for one in ([path] if path else find_fonts())]
        self.glyph: Callable[[str, bool], tuple[int, ...] | None] = lru_cache(maxsize=2048)(self._glyph)

    def __contains__(self, letter: str) -> bool:
        return self.glyph(letter, False) is not None

    def _glyph(self, letter: str, bold: bool) -> tuple[int, ...] | None:
        """24 rows of 12 or 24 dots, the leftmost dot in the highest bit; None when no font has the letter."""
        return next((glyph for font in self._fonts if (glyph := font.glyph(letter, bold)) is not None), None)


class _Font:
    """One font file, loaded when a letter is wanted of it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def glyph(self, letter: str, bold: bool) -> tuple[int, ...] | None:
        """As in ``FontGlyphs``."""
        face = self._bold if bold else self._regular
        cells = 1 if letter.isascii() else 2
        for text in (letter, unicodedata.normalize("NFKC", letter)):  # some fonts have an empty ℃: it is °C then
            if letter == " " or all(self._has(face, one) for one in text):
                return self._cell(face, text, cells, bold)
        return None

    def _cell(self, face: "FreeTypeFont", letter: str, cells: int, bold: bool) -> tuple[int, ...]:
        from PIL import Image, ImageDraw

        cell = Image.new("L", (cells * CELL, GLYPH), 0)
        width = max(1, round(face.getlength(letter)))
        drawn = Image.new("L", (width, GLYPH), 0)
        # Most have one weight: print it twice, a dot apart, as heads do.
        for left in (0, 1) if bold and not self._has_weights else (0,):
            place = (left, _baseline(face, cells))
            ImageDraw.Draw(drawn).text(place, letter, font=face, fill=255, anchor="ls")
        if width > cell.width:
            drawn = drawn.resize((cell.width, GLYPH), Image.Resampling.LANCZOS)
        cell.paste(drawn, ((cell.width - drawn.width) // 2, 0))
        dots = cell.point(lambda value: 255 if value > INK else 0).convert("1").tobytes()
        row_bytes = -(-cell.width // 8)
        spare = row_bytes * 8 - cell.width
        return tuple(
            int.from_bytes(dots[start : start + row_bytes], "big") >> spare for start in range(0, len(dots), row_bytes)
        )

    def _has(self, face: "FreeTypeFont", letter: str) -> bool:
        """Whether the font draws something of its own for this letter."""
        drawn = self._drawn(face, letter)
        return any(drawn[1]) and drawn != self._drawn(face, NOBODY)

    @staticmethod
    def _drawn(face: "FreeTypeFont", letter: str) -> tuple[tuple[int, int], bytes]:
        mask = face.getmask(letter)
        return mask.size, bytes(mask)

    @cached_property
    def _regular(self) -> "FreeTypeFont":
        return self._face(False)

    @cached_property
    def _bold(self) -> "FreeTypeFont":
        return self._face(True)

    @property
    def _has_weights(self) -> bool:
        return self._path.name == Path(PACKAGE_FONT).name

    def _face(self, bold: bool) -> "FreeTypeFont":
        from PIL import ImageFont

        if not self._has_weights:
            size = GLYPH if self._path == SYSTEM_FONT else PACKAGE_SIZE
            return ImageFont.truetype(self._path, size, index=FACES.get(self._path, 0))
        face = ImageFont.truetype(self._path, PACKAGE_SIZE)
        face.set_variation_by_axes([WEIGHTS[bold]])
        return face


def _baseline(face: "FreeTypeFont", cells: int) -> int:
    """Where letters stand: Chinese in the middle of the cell, Latin high enough for the tail of a ``g``."""
    _, top, _, bottom = face.getbbox("国" if cells == 2 else "Ag", anchor="ls")
    return round((GLYPH - (bottom - top)) / 2 - top)


def png(bitmap: Bitmap, *, margin: int = 16) -> bytes:
    """The bitmap as a PNG file, black on white with a white margin, one pixel a dot."""
    from PIL import Image, ImageOps

    dots = Image.frombytes("1", (bitmap.row_bytes * 8, max(1, bitmap.height)), bitmap.data() or bytes(bitmap.row_bytes))
    sheet = ImageOps.invert(dots.crop((0, 0, bitmap.width, dots.height)).convert("L"))
    out = io.BytesIO()
    ImageOps.expand(sheet, margin, 255).convert("1").save(out, "PNG", optimize=True)
    return out.getvalue()

"""What came out of a printer: the rows on it, and the paper as people and tests read it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any

from simulator.printer.codes import read_codes

CELL = 12  # dots of font A
GLYPH_DOTS = 24
LINE_DOTS = 30
SHOWN = 16  # bytes of something strange

# Why something is strange
NOT_HERE = "has no business on a slip"
NOT_DRAWN = "known, but not drawn here"
NO_MEANING = "with parameters that mean nothing"
NOT_AT_START = "only at the start of a line"
TOO_WIDE = "wider than the paper: not printed"


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Printed text of one style. ``cells`` is 2 for Chinese two-byte characters, ``wide`` and ``high`` the size."""

    text: str
    cells: int = 1
    wide: int = 1
    high: int = 1
    bold: bool = False
    underline: bool = False

    @property
    def pitch(self) -> int:
        """Dots from one character to the next."""
        return self.cells * CELL * self.wide

    @property
    def dots(self) -> int:
        return len(self.text) * self.pitch


@dataclass(frozen=True, slots=True)
class TextLine:
    """A printed line; ``left`` is the dot where it begins, ``height`` the paper it took."""

    glyphs: tuple[Glyphs, ...]
    left: int
    height: int

    @property
    def text(self) -> str:
        return "".join(one.text for one in self.glyphs)

    @property
    def right(self) -> int:
        return self.left + sum(one.dots for one in self.glyphs)


@dataclass(frozen=True, slots=True)
class Raster:
    """A picture, 1 bit a dot, rows padded to whole bytes; ``left`` is the dot where it begins."""

    width: int
    rows: tuple[bytes, ...]
    left: int

    @property
    def height(self) -> int:
        return len(self.rows)

    def codes(self) -> tuple[tuple[str, str], ...]:
        """Kind and payload of the codes in it; needs zxing-cpp."""
        return read_codes(self.width, self.rows)


@dataclass(frozen=True, slots=True)
class QR:
    """A QR code that the printer itself makes: ``modules`` a side, ``module`` dots each."""

    data: bytes
    level: str
    modules: int
    module: int
    left: int

    @property
    def width(self) -> int:
        return self.modules * self.module

    @property
    def height(self) -> int:
        return self.width

    @property
    def payload(self) -> str:
        return self.data.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Barcode:
    """A barcode that the printer itself makes.

    ``bars`` is a 1 for each black module; empty for a symbology that is not drawn here.  ``above`` and ``below``: its
    text stands there too.
    """

    payload: str
    bars: str
    module: int
    high: int
    left: int
    above: bool = False
    below: bool = False

    @property
    def width(self) -> int:
        return len(self.bars) * self.module

    @property
    def height(self) -> int:
        return self.high + GLYPH_DOTS * (self.above + self.below)


@dataclass(frozen=True, slots=True)
class Blank:
    """Paper fed without print: dots, and how many lines they were, if any."""

    height: int
    lines: int = 0


PaperRow = TextLine | Raster | QR | Barcode | Blank


@dataclass(frozen=True, slots=True)
class Strange:
    """Bytes that should not be there: where in the stream, the first of them in hex, and what they are."""

    offset: int
    hex: str
    why: str
    size: int

    def __str__(self) -> str:
        more = " …" if self.size > SHOWN else ""
        shown = f" {bytes.fromhex(self.hex).hex(' ')}{more}:" if self.size else ""
        return f"offset {self.offset}:{shown} {self.why}"


@dataclass(frozen=True)
class Paper:
    """One piece of paper, or one label.

    ``unknown``: bytes that are no known command or character, commands that have no business on a slip, and what was
    left unfinished.  ``raw``: the bytes that made it.  A label is ``label_height`` dots high and its rows begin at
    ``tops``, in reading order.
    """

    rows: tuple[PaperRow, ...]
    dots: int
    cut: bool
    unknown: tuple[Strange, ...] = ()
    raw: bytes = field(default=b"", repr=False, compare=False)
    tops: tuple[int, ...] = ()
    label_height: int | None = None

    @property
    def rasters(self) -> list[Raster]:
        return [row for row in self.rows if isinstance(row, Raster)]

    @property
    def height(self) -> int:
        return sum(row.height for row in self.rows) if self.label_height is None else self.label_height

    @property
    def placed(self) -> Iterator[tuple[int, PaperRow]]:
        """Each row, and the dot row where it begins."""
        if self.label_height is not None:
            return zip(self.tops, self.rows, strict=True)
        return zip(accumulate((row.height for row in self.rows), initial=0), self.rows, strict=False)

    @cached_property
    def qr(self) -> list[str]:
        """Payloads of all QR codes, in pictures and the printer's own, from top to bottom."""
        return [payload for row in self.rows for kind, payload in _codes(row) if kind == "QR"]

    @cached_property
    def barcodes(self) -> list[str]:
        """Payloads of all barcodes; in pictures, those of Code 128."""
        return [payload for row in self.rows for kind, payload in _codes(row) if kind == "barcode"]

    @cached_property
    def text(self) -> str:
        """The paper as lines of text; a code stands as ``[QR payload]``, another picture as ``[picture]``."""
        lines: list[str] = []
        before: TextLine | None = None  # on a label, texts side by side are one line
        bottom = 0
        for top, row in self.placed:
            if isinstance(row, TextLine):
                beside = before is not None and self.label_height is not None and top + row.height == bottom
                blank = " " * ((row.left - (before.right if beside and before else 0)) // CELL)
                line = (blank + row.text).rstrip(" ")
                if beside:
                    lines[-1] += line
                else:
                    lines.append(line)
                before, bottom = row, top + row.height
            elif isinstance(row, Blank):
                lines += [""] * row.lines
            else:
                lines += [f"[{kind} {payload}]" for kind, payload in _codes(row)] or ["[picture]"]
                before = None
        return "\n".join(lines).rstrip("\n") + "\n"

    def as_json(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "qr": self.qr,
            "barcodes": self.barcodes,
            "cut": self.cut,
            "unknown": [{"offset": one.offset, "hex": one.hex, "why": one.why} for one in self.unknown],
        }


def _codes(row: PaperRow) -> tuple[tuple[str, str], ...]:
    match row:
        case Raster():
            return row.codes()
        case QR():
            return (("QR", row.payload),)
        case Barcode():
            return (("barcode", row.payload),)
    return ()


class Oddities:
    """Collects what is strange; neighbours of one kind are one. Only the first bytes of each are kept."""

    def __init__(self) -> None:
        self._found: list[tuple[int, bytes, str, int]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, offset: int, data: bytes, why: str, size: int | None = None) -> None:
        """``size``: how many bytes it is, when ``data`` is only its beginning."""
        size = len(data) if size is None else size
        if self._found:
            start, before, reason, length = self._found[-1]
            if start + length == offset and reason == why:
                self._found[-1] = (start, (before + data[:SHOWN])[:SHOWN], why, length + size)
                return
        self._found.append((offset, data[:SHOWN], why, size))

    def take(self) -> tuple[Strange, ...]:
        """All so far; it then begins anew."""
        found, self._found = self._found, []
        return tuple(Strange(offset, data.hex(), why, size) for offset, data, why, size in found)

"""Documents on the character grid: the one layout that every emitter shows, so that screen and paper cannot differ.

A grid has 32 columns on 58 mm paper, 48 on 80 mm. Text is cleaned here; rows hold nothing an emitter must check.
"""

from dataclasses import dataclass

from protocol.printers import text as paper_text
from protocol.printers.document import QR, Align, Cell, Columns, Cut, Document, Feed, Pair, Part, Rule, Size, Text

COLUMNS_58 = 32
COLUMNS_80 = 48


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one style."""

    text: str
    size: Size = Size.NORMAL
    bold: bool = False

    @property
    def columns(self) -> int:
        return paper_text.columns(self.text) * self.size.wide


@dataclass(frozen=True, slots=True)
class TextRow:
    """One printed line, never wider than the grid."""

    runs: tuple[Run, ...]
    align: Align = Align.LEFT


@dataclass(frozen=True, slots=True)
class QRRow:
    payload: str


@dataclass(frozen=True, slots=True)
class FeedRow:
    lines: int


@dataclass(frozen=True, slots=True)
class CutRow:
    pass


Row = TextRow | QRRow | FeedRow | CutRow


@dataclass(frozen=True, slots=True)
class Page:
    """A document laid out for ``columns``. ``replaced``: characters the printer cannot show, each once."""

    rows: tuple[Row, ...]
    columns: int
    replaced: tuple[str, ...] = ()


def lay_out(document: Document, columns: int = COLUMNS_58) -> Page:
    """Put a document on the grid. Text that is too long wraps within its own place; nothing is lost but the end of keys."""
    grid = _Grid(columns)
    for part in document.parts:
        grid.add(part)
    return Page(tuple(grid.rows), columns, tuple(dict.fromkeys(grid.replaced)))


class _Grid:
    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[Row] = []
        self.replaced: list[str] = []

    def add(self, part: Part) -> None:
        match part:
            case Text():
                self._text(part.text, part.align, part.size, part.bold)
            case Pair():
                self._pair(part)
            case Columns():
                self._cells(part)
            case Rule():
                self.rows.append(TextRow((Run("-" * self.columns),)))
            case QR():
                self.rows.append(QRRow(part.payload))
                if part.caption:
                    self._text(part.caption, Align.CENTER, Size.NORMAL, False)
            case Feed():
                self.rows.append(FeedRow(part.lines))
            case Cut():
                self.rows.append(CutRow())

    def _clean(self, text: str) -> str:
        cleaned = paper_text.clean(text)
        self.replaced += cleaned.replaced
        return cleaned.text

    def _text(self, text: str, align: Align, size: Size, bold: bool) -> None:
        for line in paper_text.wrap(self._clean(text), self.columns // size.wide):
            self.rows.append(TextRow((Run(line, size, bold),), align))

    def _pair(self, pair: Pair) -> None:
        """Key and value share a line: the key gets at most half of it, the value wraps in the rest."""
        width = self.columns // pair.size.wide
        key = paper_text.cut(self._clean(pair.key), width // 2)
        key_width = min(max(pair.key_width, paper_text.columns(key)), width // 2)
        value_width = width - key_width - 1
        lines = paper_text.wrap(self._clean(pair.value), value_width)
        align = pair.align if len(lines) == 1 else Align.LEFT
        for line in lines:
            text = _fill(key, key_width, Align.LEFT) + " " + _fill(line, value_width, align)
            self.rows.append(TextRow((Run(text.rstrip(" "), pair.size, pair.bold),)))
            key = ""

    def _cells(self, part: Columns) -> None:
        widths = _widths(part.cells, self.columns)
        wrapped = [
            paper_text.wrap(self._clean(cell.text), width) for cell, width in zip(part.cells, widths, strict=True)
        ]
        for line in range(max(map(len, wrapped))):
            shown = [
                _fill(lines[line] if line < len(lines) else "", width, cell.align)
                for cell, width, lines in zip(part.cells, widths, wrapped, strict=True)
            ]
            self.rows.append(TextRow((Run(" ".join(shown).rstrip(" "), part.size, part.bold),)))


def _fill(text: str, width: int, align: Align) -> str:
    blank = width - paper_text.columns(text)
    left = {Align.LEFT: 0, Align.CENTER: blank // 2, Align.RIGHT: blank}[align]
    return " " * left + text + " " * (blank - left)


def _widths(cells: tuple[Cell, ...], columns: int) -> list[int]:
    """The columns of each cell: as asked for, the others share the rest; the widest give way when it is too much."""
    room = columns - (len(cells) - 1)
    sharing = sum(cell.width == 0 for cell in cells)
    rest = max(room - sum(cell.width for cell in cells), 2 * sharing)
    widths = []
    for cell in cells:
        share = rest // sharing if cell.width == 0 else max(cell.width, 2)
        if cell.width == 0:
            rest, sharing = rest - share, sharing - 1
        widths.append(share)
    while sum(widths) > room:
        widths[widths.index(max(widths))] -= 1
    return widths

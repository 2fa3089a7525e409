"""Documents on the character grid: the one layout that every emitter shows, so that screen and paper cannot differ.

A grid has 32 columns on 58 mm paper, 48 on 80 mm. Text is cleaned here; rows hold nothing an emitter must check.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protocol.printers import text as paper_text
from protocol.printers.document import (
    QR,
    Align,
    Barcode,
    Cell,
    Columns,
    Cut,
    Document,
    Feed,
    Pair,
    Part,
    Rule,
    Size,
    Text,
)
from protocol.printers.profile import Encoding

COLUMNS_58 = 32
COLUMNS_80 = 48
MAX_LINES = 120  # of one text: a name of a record, 120 letters, is whole even in the narrowest cell


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
class BarcodeRow:
    payload: str


@dataclass(frozen=True, slots=True)
class FeedRow:
    lines: int


@dataclass(frozen=True, slots=True)
class CutRow:
    pass


Row = TextRow | QRRow | BarcodeRow | FeedRow | CutRow


@dataclass(frozen=True, slots=True)
class Page:
    """A document laid out for ``columns`` and for printers of this ``encoding``.

    ``replaced``: characters that became a mark, each once.  ``drawn``: characters that the encoding lacks and that
    stayed, because the lines that hold them can be drawn.
    """

    rows: tuple[Row, ...]
    columns: int
    encoding: Encoding = "gbk"
    replaced: tuple[str, ...] = ()
    drawn: tuple[str, ...] = ()


def layout(
    document: Document,
    columns: int = COLUMNS_58,
    encoding: Encoding = "gbk",
    drawable: Callable[[str], bool] | None = None,
) -> Page:
    """Put a document on the grid. Long text wraps within its own place; only the end of a long key is lost, and of a
    text what goes beyond ``MAX_LINES``: nobody's field empties the roll.

    ``drawable`` says of a character that the encoding lacks whether it can be drawn instead.
    """
    grid = _Grid(columns, encoding, drawable or (lambda letter: False))
    for part in document.parts:
        grid.add(part)
    return Page(tuple(grid.rows), columns, encoding, tuple(dict.fromkeys(grid.replaced)), tuple(grid.drawn))


class _Grid:
    def __init__(self, columns: int, encoding: Encoding, drawable: Callable[[str], bool]) -> None:
        self.columns = columns
        self.rows: list[Row] = []
        self.replaced: list[str] = []
        self.drawn: dict[str, None] = {}
        self._encoding = encoding
        self._drawable = drawable

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
            case Barcode():
                self.rows.append(BarcodeRow(part.payload))
                if part.caption:
                    self._text(part.caption, Align.CENTER, Size.NORMAL, False)
            case Feed():
                self.rows.append(FeedRow(part.lines))
            case Cut():
                self.rows.append(CutRow())

    def _clean(self, text: str) -> str:
        cleaned = paper_text.clean(text, self._encoding, self._drawable)
        self.replaced += cleaned.replaced
        self.drawn |= dict.fromkeys(cleaned.drawn)
        return cleaned.text

    def _text(self, text: str, align: Align, size: Size, bold: bool) -> None:
        for line in _wrap(self._clean(text), self.columns // size.wide):
            self.rows.append(TextRow((Run(line, size, bold),), align))

    def _pair(self, pair: Pair) -> None:
        key, value = self._clean(pair.key), self._clean(pair.value)
        width = self.columns // pair.size.wide
        if pair.align is Align.LEFT:
            lines = _hanging(key, value, pair.key_width, width)
        else:
            lines = _apart(key, value, width)
        for line in lines:
            self.rows.append(TextRow((Run(line, pair.size, pair.bold),)))

    def _cells(self, part: Columns) -> None:
        texts = [self._clean(cell.text) for cell in part.cells]
        widths = _room_for_numbers(_widths(part.cells, self.columns), texts)
        if widths is None:  # a number would part: the cells stand below each other
            for cell, text in zip(part.cells, texts, strict=True):
                self.rows += [
                    TextRow((Run(line, part.size, part.bold),), cell.align)
                    for line in _wrap(text, self.columns)
                    if line
                ]
            return
        wrapped = [_wrap(text, width) for text, width in zip(texts, widths, strict=True)]
        for line in range(max(map(len, wrapped))):
            shown = [
                _fill(lines[line] if line < len(lines) else "", width, cell.align)
                for cell, width, lines in zip(part.cells, widths, wrapped, strict=True)
            ]
            self.rows.append(TextRow((Run(" ".join(shown).rstrip(" "), part.size, part.bold),)))


def _wrap(text: str, width: int) -> list[str]:
    """Cleaned text as lines; what is left out behind the last ends in an ellipsis."""
    lines = paper_text.wrap(paper_text.cut(text, MAX_LINES * width), width)  # cut first, or a long text takes long
    if len(lines) > MAX_LINES:
        lines[MAX_LINES - 1 :] = [paper_text.cut(lines[MAX_LINES - 1] + paper_text.ELLIPSIS, width)]
    return lines


def _hanging(key: str, value: str, key_width: int, width: int) -> list[str]:
    """The value right after the key, its further lines below its first; the key gets half the width at most."""
    key = paper_text.cut(key, width // 2)
    key_width = min(max(key_width, paper_text.columns(key)), width // 2)
    if width - key_width - 1 < paper_text.widest_number(value) <= width:
        return [key, *(_fill(line, width, Align.RIGHT) for line in _wrap(value, width))]
    first, *further = _wrap(value, width - key_width - 1)
    lines = [_fill(key, key_width, Align.LEFT) + " " + first]
    return [line.rstrip(" ") for line in lines + [" " * (key_width + 1) + line for line in further]]


def _apart(key: str, value: str, width: int) -> list[str]:
    """The value at the right edge: beside the key, or on a line of its own, so that a number is not broken."""
    blank = width - paper_text.columns(key) - paper_text.columns(value)
    if blank >= 1:
        return [(key + " " * blank + value).rstrip(" ")]
    return _wrap(key, width) + [_fill(line, width, Align.RIGHT) for line in _wrap(value, width)]


def _fill(text: str, width: int, align: Align) -> str:
    blank = width - paper_text.columns(text)
    left = align.before(blank)
    return " " * left + text + " " * (blank - left)


def _room_for_numbers(widths: list[int], texts: Sequence[str]) -> list[int] | None:
    """The widths, changed so that no number parts; None when there is no room for that."""
    least = [max(2, paper_text.widest_number(text)) for text in texts]
    if sum(least) > sum(widths):
        return None
    widths = list(widths)
    for place, number in enumerate(least):
        while widths[place] < number:
            giving = max(range(len(widths)), key=lambda other: widths[other] - least[other])
            widths[giving] -= 1
            widths[place] += 1
    return widths


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

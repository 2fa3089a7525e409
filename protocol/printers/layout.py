"""Documents on the character grid: the one layout that every emitter shows, so that screen and paper cannot differ.

A grid has 32 columns on 58 mm paper, 48 on 80 mm. Text is cleaned here; rows hold nothing an emitter must check.
"""

from collections.abc import Callable, Sequence
from dataclasses import field
from functools import lru_cache
from itertools import groupby

from protocol.frozen import changed, frozen
from protocol.printers import text as paper_text
from protocol.printers.codes import BAR_HEIGHT
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
    Sign,
    Size,
    Text,
)
from protocol.printers.profile import GAP, GLYPH, Encoding

COLUMNS_58 = 32
COLUMNS_80 = 48
WIDE = 44  # columns from which two pairs share a line
FINGERS = 12  # columns that a signature needs at least
HAND = 2  # blank lines above a signature: with the line's own height 10 mm
LINES_KNOWN = 64  # parts laid out last: most lines of a slip are those of the slip before
MAX_LINES = 120  # of one text: a name of a record, 120 letters, is whole even in the narrowest cell


@frozen
class Run:
    """Text of one style."""

    text: str
    size: Size = Size.NORMAL
    bold: bool = False

    @property
    def columns(self) -> int:
        return paper_text.columns(self.text) * self.size.wide


@frozen
class TextRow:
    """One printed line, never wider than the grid, and how many ``dots`` it is high."""

    runs: tuple[Run, ...]
    align: Align = Align.LEFT
    dots: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        high = max((GLYPH * run.size.high for run in self.runs), default=GLYPH) + GAP
        object.__setattr__(self, "dots", high)  # once: every paper asks for it several times


@frozen
class QRRow:
    """``taken``: dots that the other rows of the page are high, which a code on a label has to leave them."""

    payload: str
    big: bool = False
    taken: int = 0


@frozen
class BarcodeRow:
    payload: str

    @property
    def dots(self) -> int:
        return BAR_HEIGHT


@frozen
class FeedRow:
    lines: int

    @property
    def dots(self) -> int:
        return self.lines * (GLYPH + GAP)


@frozen
class CutRow:
    pass


Row = TextRow | QRRow | BarcodeRow | FeedRow | CutRow
_LINES = (TextRow, FeedRow, BarcodeRow)  # as a tuple: a union is put together anew wherever it stands


@frozen
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
    """Put a document on the grid. Long text wraps within its own place; only what goes beyond ``MAX_LINES`` of a text
    is lost: nobody's field empties the roll.

    ``drawable`` says of a character that the encoding lacks whether it can be drawn instead.
    """
    grid = _Grid(columns, encoding, drawable or _nothing)
    for part in document.parts:
        grid.add(part)
    grid.end()
    return Page(_with_room(grid.rows), columns, encoding, tuple(dict.fromkeys(grid.replaced)), tuple(grid.drawn))


def _nothing(letter: str) -> bool:
    """Of a character, where nothing can be drawn."""
    return False


def _with_room(rows: list[Row]) -> tuple[Row, ...]:
    """The rows, where each code knows what the others take."""
    taken = sum([row.dots for row in rows if isinstance(row, _LINES)])
    return tuple([changed(row, taken=taken) if isinstance(row, QRRow) else row for row in rows])


class _Grid:
    def __init__(self, columns: int, encoding: Encoding, drawable: Callable[[str], bool]) -> None:
        self.columns = columns
        self.rows: list[Row] = []
        self.replaced: list[str] = []
        self.drawn: dict[str, None] = {}
        self._encoding = encoding
        self._drawable = drawable
        self._half: Pair | Sign | None = None  # what waits for another one to share its line

    def add(self, part: Part) -> None:
        if self.columns >= WIDE and (isinstance(part, Sign) or (isinstance(part, Pair) and part.half)):
            self._beside(part)
            return
        if self._half is not None:
            self.end()
        alone = _alone(part, self.columns, self._encoding, self._drawable)
        self.rows += alone.rows
        if alone.replaced or alone.drawn:
            self.replaced += alone.replaced
            self.drawn |= alone.drawn

    def lay(self, part: Part) -> None:
        """A part that shares no line."""
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
                self.rows.append(QRRow(part.payload, part.big))
                if part.caption:
                    self._text(part.caption, Align.CENTER, Size.NORMAL, False)
            case Barcode():
                self.rows.append(BarcodeRow(part.payload))
                if part.caption:
                    self._text(part.caption, Align.CENTER, Size.NORMAL, False)
            case Feed():
                self.rows.append(FeedRow(part.lines))
            case Sign():
                self._sign(part)
            case Cut():
                self.rows.append(CutRow())

    def _clean(self, text: str) -> str:
        cleaned = paper_text.clean(text, self._encoding, self._drawable)
        self.replaced += cleaned.replaced
        self.drawn |= dict.fromkeys(cleaned.drawn)
        return cleaned.text

    def end(self) -> None:
        """No pair waits any more for another one beside it."""
        waiting, self._half = self._half, None
        if isinstance(waiting, Pair):
            self._pair(waiting)
        elif waiting is not None:
            self._sign(waiting)

    def _beside(self, part: Pair | Sign) -> None:
        """The part on one line with the one that waits, where both fit; else it waits for the next."""
        before = self._half
        if isinstance(before, Sign) and isinstance(part, Sign) and self._short_names(before, part):
            self._half = None
            self._sign(before, part)
        elif isinstance(before, Pair) and isinstance(part, Pair):
            self._half = None
            self._pairs(before, part)
        else:
            self.end()
            self._half = part

    def _short_names(self, *signs: Sign) -> bool:
        """Whether two signatures side by side leave room for two hands."""
        return all(paper_text.columns(self._clean(one.who)) + FINGERS <= self.columns // 2 for one in signs)

    def _sign(self, *signs: Sign) -> None:
        width = (self.columns - 2 * (len(signs) - 1)) // len(signs)
        names = [self._clean(one.who) for one in signs]
        if paper_text.columns(names[0]) + FINGERS > width and len(names) == 1:
            self.rows += [TextRow((Run(line),)) for line in _wrap(names[0], width)]
            names = [""]
        lines = [_fill(f"{name} " if name else "", width, Align.LEFT, "_") for name in names]
        self.rows += [FeedRow(HAND), TextRow((Run("  ".join(lines)),))]

    def _pairs(self, before: Pair, pair: Pair) -> None:
        left, right = self._short(before), self._short(pair)
        place = max(self.columns // 2 + 1, paper_text.columns(left) + 2)
        if place + paper_text.columns(right) > self.columns:
            place = paper_text.columns(left) + 2
        if place + paper_text.columns(right) <= self.columns:
            first = Run(_fill(left, place, Align.LEFT), bold=before.bold)
            self.rows.append(TextRow((first, Run(right, bold=pair.bold))))
        else:
            self._pair(before)
            self._half = pair

    def _short(self, pair: Pair) -> str:
        """A pair on one line, which may be too long."""
        key = self._clean(pair.key)
        return f"{_fill(key, max(pair.key_width, paper_text.columns(key)), Align.LEFT)} {self._clean(pair.value)}"

    def _size(self, size: Size, text: str) -> tuple[Size, bool]:
        """The size that ``fit`` and ``huge`` stand for here, and whether it is bold in any case."""
        columns = paper_text.columns(text)
        if size is Size.HUGE and columns * size.wide > self.columns:
            return Size.LARGE, False
        if size is not Size.FIT:
            return size, False
        return (Size.LARGE, True) if columns * Size.LARGE.wide <= self.columns else (Size.TALL, True)

    def _text(self, text: str, align: Align, size: Size, bold: bool) -> None:
        text = self._clean(text)
        size, loud = self._size(size, text)
        for line in _wrap(text, self.columns // size.wide):
            self.rows.append(TextRow(_runs(line, size, bold or loud), align))

    def _pair(self, pair: Pair) -> None:
        key, value = self._clean(pair.key), self._clean(pair.value)
        size, loud = self._size(pair.size, f"{key} {value}")
        size = Size.LARGE if size is Size.HUGE else size
        width = self.columns // size.wide
        if pair.align is Align.LEFT:
            lines = _hanging(key, value, pair.key_width, width)
        else:
            lines = _apart(key, value, width)
        for line in lines:
            self.rows.append(TextRow(_runs(line, size, pair.bold or loud)))

    def _cells(self, part: Columns) -> None:
        texts = [self._clean(cell.text) for cell in part.cells]
        widths = _room_for_numbers(_widths(part.cells, self.columns), texts)
        if widths is None:  # a number would part: the cells stand below each other
            for cell, text in zip(part.cells, texts, strict=True):
                self.rows += [
                    TextRow(_runs(line, part.size, part.bold), cell.align) for line in _wrap(text, self.columns) if line
                ]
            return
        wrapped = [_wrap(text, width) for text, width in zip(texts, widths, strict=True)]
        for line in range(max(map(len, wrapped))):
            shown = [
                _fill(lines[line] if line < len(lines) else "", width, cell.align)
                for cell, width, lines in zip(part.cells, widths, wrapped, strict=True)
            ]
            self.rows.append(TextRow(_runs(" ".join(shown).rstrip(" "), part.size, part.bold)))


@lru_cache(maxsize=LINES_KNOWN)
def _alone(part: Part, columns: int, encoding: Encoding, drawable: Callable[[str], bool]) -> _Grid:
    """The rows of a part that shares no line; they are not to be changed."""
    grid = _Grid(columns, encoding, drawable)
    grid.lay(part)
    return grid


def _runs(line: str, size: Size, bold: bool) -> tuple[Run, ...]:
    """A line in its size, where of a tall one only ASCII and ￥ are tall: Chinese stays square, and is bold."""
    if size is not Size.TALL or line.isascii():
        return (Run(line, size, bold),)
    pieces = (("".join(letters), grows) for grows, letters in groupby(line, lambda one: one.isascii() or one == "￥"))
    return tuple(Run(text, Size.TALL if grows else Size.NORMAL, bold or not grows) for text, grows in pieces)


def _wrap(text: str, width: int) -> list[str]:
    """Cleaned text as lines; what is left out behind the last ends in an ellipsis."""
    if paper_text.columns(text) <= width:
        return [text]
    lines = paper_text.wrap(paper_text.cut(text, MAX_LINES * width), width)  # cut first, or a long text takes long
    if len(lines) > MAX_LINES:
        lines[MAX_LINES - 1 :] = [paper_text.cut(lines[MAX_LINES - 1] + paper_text.ELLIPSIS, width)]
    return lines


def _hanging(key: str, value: str, key_width: int, width: int) -> list[str]:
    """The value right after the key, its further lines below its first; a key of more than half the width stands
    above it.  A number that a narrower key leaves room for stays beside it."""
    if paper_text.columns(key) > width // 2:
        return _wrap(key, width) + [_fill(line, width, Align.RIGHT) for line in _wrap(value, width) if line]
    key_width = min(max(key_width, paper_text.columns(key)), width // 2)
    number = paper_text.widest_number(value)
    if width - key_width - 1 < number <= width:
        key_width = width - 1 - number
        if key_width < paper_text.columns(key):
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


def _fill(text: str, width: int, align: Align, blank: str = " ") -> str:
    room = width - paper_text.columns(text)
    left = align.before(room)
    return blank * left + text + blank * (room - left)


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

"""Paper templates: lines of markup that a market may change, made into documents.

A template is Jinja with statements on lines of their own (``% for``, ``% if``) around lines of ours::

    text center bold | {{ place.name }}
    pair left key={{ key }} | {{ word.seller }} | {{ data.seller|party }}

Values stay inside their field whatever they hold: while the markup is read, each stands there as a number.  A line
with the values of the line before it on the last paper is the same part: a slip has most of them from slip to slip.
Errors name the template's file and line.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateSyntaxError, UndefinedError, pass_context
from jinja2.runtime import Context

from edge.between.compiled import Compiled
from edge.documents.generator import CLOSE, END, LINE, OPEN
from edge.documents.market_files import SUFFIX, BadTemplate, read
from edge.documents.sandbox import Budget, Environment, TooMuch, budget_of, written
from protocol.printers.document import (
    MAX_PARTS,
    PARTS,
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

Build = Callable[[list[str]], Part]  # makes a part of a line's fields
Pieces = tuple[str | int, ...]  # of a text: what is written, and numbers of values
LINES_KNOWN = 128  # lines read last: a slip has those of the slip before
MOST_COLUMNS = 64
_HELD = re.compile(f"{OPEN}([0-9]+){CLOSE}")
_MARKED = re.compile(f"{LINE}([^:]*):([0-9]+){END}(.*)", re.DOTALL)
_ALIGNS = {align.value: align for align in Align}
_SIZES = {size.value: size for size in Size}


class Templates:
    """Compiled templates. ``find`` gives the path of a name, or None; ``functions`` and ``filters`` are what they use.

    May be used by several threads.
    """

    def __init__(
        self,
        find: Callable[[str], Path | None],
        functions: Mapping[str, Callable[..., Any]],
        filters: Mapping[str, Callable[..., Any]],
        compiled: Compiled | None = None,
    ) -> None:
        self._find = find
        self._files: dict[str, str] = {}
        self._environment = Environment(self._load, _hold, functions, filters, compiled)

    def document(self, name: str, title: str, values: Mapping[str, Any]) -> Document:
        """Fill in a template. Raises BadTemplate."""
        return Document(name, title, tuple(self.parts(name, values)))

    def parts(self, name: str, values: Mapping[str, Any]) -> list[Part]:
        """What the filled-in template has. Raises BadTemplate."""
        return [part for _, part in self._filled(name, values)]

    def placed(self, name: str, values: Mapping[str, Any]) -> list[tuple[str, Part]]:
        """The same, each part with the ``FILE:LINE`` it comes from. Raises BadTemplate."""
        return [(self._at(line), part) for line, part in self._filled(name, values)]

    def _filled(self, name: str, values: Mapping[str, Any]) -> list[tuple[str, Part]]:
        budget = Budget()
        try:
            text = self._environment.get_template(name).render(**values, _budget=budget)
        except BadTemplate:
            raise
        except TemplateSyntaxError as error:
            raise BadTemplate(f"{self._file(error.name or name)}:{error.lineno}: {error.message}") from None
        except Exception as error:  # a template can be anything that people write, and so can what is wrong with it
            bad = BadTemplate(f"{self._place(name, error)}: {_reason(error)}")
            bad.endless = isinstance(error, TooMuch | MemoryError)
            raise bad from None
        parts = [self._part(line, budget) for line in text.split("\n") if line and not line.isspace()]
        if len(parts) > MAX_PARTS:
            raise BadTemplate(f"{self._file(name)}: {len(parts)} lines, where {MAX_PARTS} are the most")
        return parts

    def _load(self, name: str) -> tuple[str, str, Callable[[], bool]] | None:
        path = self._find(name)
        if path is None:
            return None
        self._files[name] = str(path)
        source = read(path)
        return "\n".join([*_marked(name, path, source), ""]), str(path), lambda: True

    def _part(self, line: str, budget: Budget) -> tuple[str, Part]:
        """A line as it was written, and its part."""
        number = line[1:]
        try:
            if line[0] == LINE and number.isdecimal() and int(number) < len(budget.lines):
                line, values = budget.lines[int(number)]
                return line, _made(line, values)
            return line, _made(line, ()) if OPEN not in line else _made.__wrapped__(line, budget.held)
        except BadTemplate:
            raise
        except (ValueError, TooMuch) as error:
            raise BadTemplate(f"{self._at(line)}: {error}") from None

    def _at(self, line: str) -> str:
        """The file and the number of a line of markup."""
        name, number, _ = _read(line)
        return f"{self._file(name)}:{number}"

    def _file(self, name: str) -> str:
        """Where it was read from: that is not asked anew for each of its lines."""
        return self._files.get(name, name)

    def _place(self, name: str, error: Exception) -> str:
        """The template's file and line where an error came from."""
        trace, place = error.__traceback__, self._file(name)
        while trace is not None:
            if trace.tb_frame.f_code.co_filename.endswith(SUFFIX):
                place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
            trace = trace.tb_next
        return place


@pass_context
def _hold(context: Context, value: Any) -> str:
    """A value's place in the markup; what it says comes back when the markup was read."""
    return f"{OPEN}{budget_of(context).hold(written(value))}{CLOSE}"


@lru_cache(maxsize=LINES_KNOWN)
def _made(line: str, values: Sequence[str]) -> Part:
    """A line of markup with its values. Raises BadTemplate, and ValueError for what it cannot be."""
    _, _, (head, *fields) = _read(line)
    return _build(_restored(head, values), [_restored(field, values).strip() for field in fields])


@lru_cache(maxsize=LINES_KNOWN)
def _read(line: str) -> tuple[str, str, tuple[Pieces, ...]]:
    """A line of markup: its template, its number there, and its head and fields, where values stand as their numbers.

    Raises BadTemplate.
    """
    found = _MARKED.fullmatch(line)
    if found is None:
        raise BadTemplate(f"a line of markup has to be written on one line: {line[:60]!r}")
    name, number, markup = found.groups()
    return name, number, tuple(_pieces(text) for text in markup.split("|"))


def _pieces(text: str) -> Pieces:
    return tuple(int(one) if place % 2 else one for place, one in enumerate(_HELD.split(text)) if one)


def _restored(pieces: Pieces, held: Sequence[str]) -> str:
    if len(pieces) == 1:  # as most are
        (one,) = pieces
        return held[one] if isinstance(one, int) else one
    return "".join([held[one] if isinstance(one, int) else one for one in pieces])


def _marked(name: str, path: Path, source: str) -> list[str]:
    """Each line of markup with the place it comes from; comments are taken out."""
    lines = []
    for number, line in enumerate(source.split("\n"), 1):
        if any(mark in line for mark in (OPEN, CLOSE, LINE, END)):
            raise BadTemplate(f"{path}:{number}: characters of private use cannot stand in a template")
        text = line.strip()
        if text.startswith("#"):
            lines.append("")
        elif text and not text.startswith("%"):
            lines.append(f"{LINE}{name}:{number}{END}{text}")
        else:
            lines.append(text)
    return lines


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it includes or calls itself without an end"
    if isinstance(error, UndefinedError):
        return f"{error.message}; `marketedge papers list --fields` shows what there is"
    return str(error) or type(error).__name__


# --- markup ---------------------------------------------------------------------------------------------------------


def _build(head: str, fields: list[str]) -> Part:
    """One line of markup as a part; raises ValueError."""
    kind = (head.split(None, 1) or [""])[0]
    if kind not in PARTS:
        raise ValueError(f"{kind!r} is no part; a line begins with one of: {', '.join(PARTS)}")
    wanted, _ = _BUILDERS[kind]
    if len(fields) not in wanted:
        counts = " or ".join(map(str, wanted))
        raise ValueError(f"{kind}: expects {counts} field(s) after `|`, got {len(fields)}")
    return _styled(head)(fields)


@lru_cache(maxsize=256)
def _styled(head: str) -> Build:
    """What makes a part of the fields of a line that begins so; raises ValueError."""
    kind, *options = head.split()
    _, read = _BUILDERS[kind]
    return read(options)


class _Style:
    """The options of a line, taken one by one."""

    def __init__(self, kind: str, options: list[str]) -> None:
        self._kind = kind
        self._words = [option for option in options if "=" not in option]
        self._named = dict(option.split("=", 1) for option in options if "=" in option)

    def align(self, usual: Align) -> Align:
        return _ALIGNS[self._one(_ALIGNS, usual.value)]

    def size(self) -> Size:
        return _SIZES[self._one(_SIZES, Size.NORMAL.value)]

    def flag(self, name: str) -> bool:
        return bool(self._take((name,)))

    def named(self, name: str) -> str:
        return self._named.pop(name, "")

    def number(self, name: str) -> int:
        text = self.named(name) or "0"
        if not text.isdecimal() or len(text) > 3 or int(text) > 64:
            raise ValueError(f"{name}={text}: must be an integer from 0 to 64")
        return int(text)

    def done(self) -> None:
        left = [*self._words, *(f"{name}=" for name in self._named)]
        if left:
            raise ValueError(f"{self._kind} does not know {left[0]!r}")

    def _one(self, known: Any, usual: str) -> str:
        found = self._take(known)
        if len(found) > 1:
            raise ValueError(f"{self._kind}: {' and '.join(found)} cannot both be")
        return found[0] if found else usual

    def _take(self, known: Any) -> list[str]:
        found = [word for word in self._words if word in known]
        self._words = [word for word in self._words if word not in known]
        return found


def _text(options: list[str]) -> Build:
    style = _Style("text", options)
    align, size, bold = style.align(Align.LEFT), style.size(), style.flag("bold")
    style.done()
    return lambda fields: Text(fields[0], align, size, bold)


def _pair(options: list[str]) -> Build:
    style = _Style("pair", options)
    half = style.flag("half")
    align = style.align(Align.LEFT if half else Align.RIGHT)
    size, bold, key = style.size(), style.flag("bold"), style.number("key")
    style.done()
    return lambda fields: Pair(fields[0], fields[1], align, size, bold, key, half)


def _columns(options: list[str]) -> Build:
    style = _Style("columns", options)
    widths = (style.named("widths") or "*").split(",")
    aligns = (style.named("align") or "left").split(",")
    size, bold = style.size(), style.flag("bold")

    def build(fields: list[str]) -> Part:
        cells = []
        for place, field in enumerate(fields):
            width = widths[min(place, len(widths) - 1)]
            align = aligns[min(place, len(aligns) - 1)]
            if width != "*" and not (width.isdecimal() and len(width) < 4 and 1 <= int(width) <= MOST_COLUMNS):
                raise ValueError(
                    f"widths: {width!r} is no number from 1 to {MOST_COLUMNS}; * shares what the others leave"
                )
            if align not in _ALIGNS:
                raise ValueError(f"align: {align!r} is none of {', '.join(_ALIGNS)}")
            cells.append(Cell(field, 0 if width == "*" else int(width), _ALIGNS[align]))
        style.done()
        return Columns(tuple(cells), size, bold)

    return build


def _qr(options: list[str]) -> Build:
    style = _Style("qr", options)
    big = style.flag("big")
    style.done()
    return lambda fields: QR(fields[0], "".join(fields[1:]), big)


def _feed(options: list[str]) -> Build:
    lines = options[0] if options else "1"
    if len(options) > 1 or not lines.isdecimal() or len(lines) > 3 or not 1 <= int(lines) <= 30:
        raise ValueError("feed: write how many lines, 1 to 30")
    return lambda fields: Feed(int(lines))


def _bare(kind: str, build: Build) -> Callable[[list[str]], Build]:
    """A part without options."""

    def read(options: list[str]) -> Build:
        _Style(kind, options).done()
        return build

    return read


_BUILDERS: dict[str, tuple[tuple[int, ...], Callable[[list[str]], Build]]] = {
    "text": ((1,), _text),
    "pair": ((2,), _pair),
    "columns": ((1, 2, 3, 4, 5, 6), _columns),
    "rule": ((0,), _bare("rule", lambda fields: Rule())),
    "qr": ((1, 2), _qr),
    "barcode": ((1, 2), _bare("barcode", lambda fields: Barcode(*fields))),
    "feed": ((0,), _feed),
    "sign": ((1,), _bare("sign", lambda fields: Sign(fields[0]))),
    "cut": ((0,), _bare("cut", lambda fields: Cut())),
}

"""What is on paper, before anybody knows how wide the paper is: a document and its parts, as frozen values.

In JSON a document is ``{"kind": …, "title": …, "parts": [{"part": "text", "text": …}, …]}``; what is left out of a
part has the value its class shows below.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from enum import Enum
from typing import Any, Self, TypeVar

from protocol.frozen import frozen

MAX_PARTS = 2000  # a two-copy ticket of 150 kinds of goods
MAX_CELLS = 6
MAX_QR = 287  # bytes; version 12 at level M, the largest that 384 dots hold with 5 dots a module and a quiet zone

MAX_BARCODE = 29  # characters; in digits alone 58 mm paper holds more than anybody can read


class Align(Enum):
    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"

    __hash__ = object.__hash__  # one object each: an enum's own is slow, and every part of a paper is looked up

    def before(self, blank: int) -> int:
        """How much of the blank beside a text stands before it."""
        if self is Align.LEFT:
            return 0
        return blank // 2 if self is Align.CENTER else blank


class Size(Enum):
    """The sizes every head knows: normal, twice as high, twice as high and wide, four times as high and wide.

    Chinese is never squeezed: in a ``tall`` line only its Latin letters and digits are, the rest is bold.  ``fit`` is
    large where one line holds it all, else tall and bold; ``huge`` is large where its line does not hold it all,
    and in a pair.
    """

    NORMAL = "normal"
    TALL = "tall"
    LARGE = "large"
    HUGE = "huge"
    FIT = "fit"

    __hash__ = object.__hash__

    @property
    def wide(self) -> int:
        return _WIDE.get(self, 1)

    @property
    def high(self) -> int:
        return _HIGH.get(self, 1)


_WIDE = {Size.LARGE: 2, Size.HUGE: 4}
_HIGH = {Size.TALL: 2, Size.LARGE: 2, Size.HUGE: 4}


@frozen
class Text:
    """A paragraph: wrapped where the paper ends."""

    text: str
    align: Align = Align.LEFT
    size: Size = Size.NORMAL
    bold: bool = False


@frozen
class Pair:
    """A key and its value.

    ``align`` right: the value stands at the right edge, on a line of its own when both do not fit one.  Left: right
    after the key, and a long value goes on below itself, never below the key; ``key_width`` is the least number of
    columns the key then takes, so that the values of several pairs stand in line.  ``half``: such a pair shares its
    line with the next one that may, where the paper is wide (80 mm) and both fit.
    """

    key: str
    value: str
    align: Align = Align.RIGHT
    size: Size = Size.NORMAL
    bold: bool = False
    key_width: int = 0
    half: bool = False

    def __post_init__(self) -> None:
        if self.align is Align.CENTER:
            raise ValueError("align: a value stands left or right")
        if self.half and (self.align is not Align.LEFT or self.size is not Size.NORMAL):
            raise ValueError("half: a pair that shares its line stands left and is normal in size")


@frozen
class Cell:
    """One cell of ``Columns``. ``width`` in columns; 0 shares what the others leave."""

    text: str
    width: int = 0
    align: Align = Align.LEFT


@frozen
class Columns:
    """Cells side by side, one blank column between them; each wraps within itself."""

    cells: tuple[Cell, ...]
    size: Size = Size.NORMAL
    bold: bool = False

    def __post_init__(self) -> None:
        if not 0 < len(self.cells) <= MAX_CELLS:
            raise ValueError(f"cells: {len(self.cells)} cells, where 1 to {MAX_CELLS} fit a slip")
        if self.size not in (Size.NORMAL, Size.TALL):
            raise ValueError("size: columns are normal or tall; large ones do not fit a slip")


@frozen
class Rule:
    """A line across the paper."""


@frozen
class QR:
    """A QR code, centred, with what people read below it. ``big``: as wide as the paper, to be read from a distance."""

    payload: str
    caption: str = ""
    big: bool = False

    def __post_init__(self) -> None:
        if not self.payload or not (self.payload.isascii() and self.payload.isprintable()):
            raise ValueError("payload: a QR code here holds printable ASCII only, and not nothing")
        if len(self.payload) > MAX_QR:
            raise ValueError(f"payload: {len(self.payload)} bytes, where {MAX_QR} fit on 58 mm paper")


@frozen
class Barcode:
    """A Code 128 barcode, centred, with what people read below it."""

    payload: str
    caption: str = ""

    def __post_init__(self) -> None:
        if not self.payload or not (self.payload.isascii() and self.payload.isprintable()):
            raise ValueError("payload: a barcode here holds printable ASCII only, and not nothing")
        if len(self.payload) > MAX_BARCODE:
            raise ValueError(f"payload: {len(self.payload)} characters, where {MAX_BARCODE} fit on 58 mm paper")


@frozen
class Feed:
    """Blank lines."""

    lines: int = 1


@frozen
class Sign:
    """A line for a signature, with room for a hand above it; two stand side by side where the paper is wide (80 mm)."""

    who: str


@frozen
class Cut:
    """The end of a piece of paper: cut where there is a cutter, else fed far enough to tear."""


Part = Text | Pair | Columns | Rule | QR | Barcode | Feed | Sign | Cut
PARTS: dict[str, type[Part]] = {
    "text": Text,
    "pair": Pair,
    "columns": Columns,
    "rule": Rule,
    "qr": QR,
    "barcode": Barcode,
    "feed": Feed,
    "sign": Sign,
    "cut": Cut,
}
_NAMES = {kind: name for name, kind in PARTS.items()}
_T = TypeVar("_T", bound=Part | Cell)
_E = TypeVar("_E", bound=Enum)


@frozen
class Document:
    """``kind`` says what it is (slip, report, …), ``title`` what people call it."""

    kind: str
    title: str
    parts: tuple[Part, ...]

    def as_json(self) -> dict[str, Any]:
        parts = [{"part": _NAMES[type(part)], **_as_json(part)} for part in self.parts]
        return {"kind": self.kind, "title": self.title, "parts": parts}

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read a document; raises ValueError naming the part and what is wrong with it."""
        tree = _mapping(data, "the document")
        _known(tree, {"kind", "title", "parts"})
        parts = tree.get("parts")
        if not isinstance(parts, list):
            raise ValueError("parts: a list of parts is missing")
        if len(parts) > MAX_PARTS:
            raise ValueError(f"parts: {len(parts)}, where {MAX_PARTS} are the most one document has")
        return cls(
            _string(tree.get("kind", ""), "kind"),
            _string(tree.get("title", ""), "title"),
            tuple(_part(part, f"parts[{place}]") for place, part in enumerate(parts)),
        )


def _as_json(part: Part | Cell) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if field.default is not MISSING and value == field.default:
            continue
        if isinstance(value, Enum):
            value = value.value
        elif isinstance(value, tuple):
            value = [_as_json(cell) for cell in value]
        shown[field.name] = value
    return shown


def _part(data: object, place: str) -> Part:
    try:
        tree = dict(_mapping(data, "a part"))
        name = tree.pop("part", None)
        if not isinstance(name, str) or name not in PARTS:
            raise ValueError(f"part: {_show(name)} is none of {', '.join(PARTS)}")
        place = f"{place} ({name})"
        return _build(PARTS[name], tree)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _build(kind: type[_T], tree: Mapping[str, Any]) -> _T:
    known = {field.name: field for field in fields(kind)}
    _known(tree, set(known))
    missing = [name for name, field in known.items() if field.default is MISSING and name not in tree]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    return kind(**{name: _READERS[name](value, name) for name, value in tree.items()})


def _mapping(data: object, what: str) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"{what} is written as an object, {{…}}, not as {type(data).__name__}")
    return data


def _known(tree: Mapping[str, Any], names: set[str]) -> None:
    for name in tree:
        if name not in names:
            raise ValueError(f"{_show(name)} is not known here; there are: {', '.join(sorted(names)) or 'no fields'}")


def _show(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _string(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name}: must be a string, not {_show(value)}")
    return value


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name}: must be true or false, not {_show(value)}")
    return value


def _count(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 64:
        raise ValueError(f"{name}: must be an integer from 0 to 64, not {_show(value)}")
    return value


def _choice(kind: type[_E]) -> Callable[[object, str], _E]:
    def read(value: object, name: str) -> _E:
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"{name}: {_show(value)} is none of {', '.join(one.value for one in kind)}") from None

    return read


def _cells(value: object, name: str) -> tuple[Cell, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{name}: must be a list of cells, not {_show(value)}")
    cells = []
    for place, cell in enumerate(value):
        try:
            cells.append(_build(Cell, _mapping(cell, "a cell")))
        except ValueError as error:
            raise ValueError(f"{name}[{place}]: {error}") from None
    return tuple(cells)


_READERS: dict[str, Callable[[object, str], Any]] = {
    "text": _string,
    "key": _string,
    "who": _string,
    "value": _string,
    "payload": _string,
    "caption": _string,
    "align": _choice(Align),
    "size": _choice(Size),
    "bold": _flag,
    "half": _flag,
    "big": _flag,
    "width": _count,
    "key_width": _count,
    "lines": _count,
    "cells": _cells,
}

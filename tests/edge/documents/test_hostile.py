"""The real papers, with every text of their records hostile: nothing is obeyed, and the lines are those laid out."""

import copy
import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from pydantic import ValidationError

from drivers.printers import profile
from edge.documents import DOCUMENTS, LANGUAGES, Documents, Place, examples
from protocol.printers.layout import layout
from protocol.printers.plain import plain
from protocol.printers.profile import Encoding

HOSTILE = (
    "\x1b@\x1dV\x00",
    "\x10\x14\x01\x00\x05",
    "\x1dv0\x00\xff\xff\xff\xff",
    "\r\n合计 0.00\n",
    '",1\r\nPRINT 9,9\r\n',
    "X|cut\n{{ 7*7 }}",
    "\u202e\u2066\u200b\ufeff\u1100\u200b\u1161\u3164",
    "Z" + "\u0335" * 30,
    "🥬\U0002cb4a\x9b\ue000",
    "龥" * 40,
)
PAPER_OF: list[tuple[str, int]] = [(name, place) for name in DOCUMENTS for place in range(len(examples(name)))]
SHIPPED = Documents()
EVERY = pytest.mark.parametrize(("name", "place"), PAPER_OF, ids=lambda value: str(value))
WAYS: list[tuple[Encoding, bool]] = [
    ("gbk", False),
    ("gbk", True),
    ("gb18030", False),
    ("utf-8", False),
    ("raster", False),
    ("raster", True),
]


@cache
def open_fields(name: str, place: int) -> list[tuple[Any, ...]]:
    """The way to every text of a record that its model lets be any 40 letters."""
    content = examples(name)[place]
    return [path for path in paths(content["data"]) if takes(name, filled(content, {path: HOSTILE[-1]}))]


def takes(name: str, content: dict[str, Any]) -> bool:
    try:
        SHIPPED.document(name, content, Place("市场", "sy.example.cn"))
    except (ValidationError, ValueError):
        return False
    return True


def paths(tree: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every text in a record."""
    if isinstance(tree, str):
        return [before]
    steps = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path for step, node in steps for path in paths(node, (*before, step))]


def filled(content: dict[str, Any], texts: dict[tuple[Any, ...], str]) -> dict[str, Any]:
    """The record with these texts."""
    made = copy.deepcopy(content)
    for path, text in texts.items():
        node = made["data"]
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = text
    return made


def spoilt(name: str, place: int, turn: int) -> dict[str, Any]:
    """The record with something hostile in every open field; each field has another thing at every turn."""
    texts = itertools.cycle(HOSTILE[turn:] + HOSTILE[:turn])
    return filled(examples(name)[place], dict(zip(open_fields(name, place), texts, strict=False)))


@EVERY
def test_a_hostile_record_makes_an_ordinary_paper(name: str, place: int, same: Callable[..., None]) -> None:
    """In every language, width and encoding: read back, the paper says what the text and the picture say."""
    tries = itertools.product(LANGUAGES, ("generic-58", "generic-80"), WAYS)
    for number, (language, width, (encoding, drawable)) in enumerate(tries):
        turn = number % len(HOSTILE)
        document = SHIPPED.document(
            name, spoilt(name, place, turn), Place(HOSTILE[turn], "sy.example.cn", language), copy=number % 2
        )
        same(document, replace(profile(width), encoding=encoding), drawable=drawable)


@pytest.mark.parametrize("width", ["label-40x30", "label-60x40"])
@pytest.mark.parametrize(("encoding", "drawable"), [way for way in WAYS if way[0] != "utf-8"])
def test_a_hostile_label_is_a_label(width: str, encoding: Encoding, drawable: bool, same: Callable[..., None]) -> None:
    for language, turn in itertools.product(LANGUAGES, range(len(HOSTILE))):
        document = SHIPPED.document("label", spoilt("label", 0, turn), Place(HOSTILE[turn], "sy.example.cn", language))
        same(document, replace(profile(width), encoding=encoding), drawable=drawable)


def test_the_texts_really_reach_the_papers() -> None:
    """Else the tests above could not fail."""
    for name, least in (("slip", 8), ("report", 4), ("acceptance", 6), ("hold", 4), ("label", 1), ("card", 1)):
        content = filled(examples(name)[0], dict.fromkeys(open_fields(name, 0), "龥龥"))
        text = plain(layout(SHIPPED.document(name, content, Place("龥龥", "sy.example.cn"))))
        assert text.count("龥龥") >= least, text

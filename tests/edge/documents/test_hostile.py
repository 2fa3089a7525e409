"""The real papers, with every text of their records hostile: nothing is obeyed, and the lines are those laid out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from drivers.glyphs import FontGlyphs
from drivers.printers import profile
from edge.documents import PAPERS, Papers, Place, examples
from edge.documents.words import Language
from protocol.printers import languages
from protocol.printers.document import QR, Barcode, Document
from protocol.printers.layout import layout
from protocol.printers.plain import plain
from protocol.printers.profile import Encoding, Profile
from simulator.paper import read_papers

HOSTILE = (
    "\x1b@\x1dV\x00",
    "\x10\x14\x01\x00\x05",
    "\x1dv0\x00\xff\xff\xff\xff",
    "\r\n合计 0.00\n",
    '",1\r\nPRINT 9,9\r\n',
    "X|cut\n{{ 7*7 }}",
    "\u202e\u2066\u200b\ufeff",
    "Z" + "\u0335" * 30,
    "🥬\U0002cb4a\x9b\ue000",
    "龥" * 40,
)
PAPER_OF: list[tuple[str, int]] = [(name, place) for name in PAPERS for place in range(len(examples(name)))]
SHIPPED = Papers()
EVERY = pytest.mark.parametrize(("name", "place"), PAPER_OF, ids=lambda value: str(value))


def spoilt(name: str, content: dict[str, Any], text: str) -> dict[str, Any]:
    """The record with this text in every field that its model lets take it."""
    made = content
    for path in paths(content["data"]):
        tried = copied(made)
        node = tried["data"]
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = text
        try:
            SHIPPED.document(name, tried, Place("市场", "sy.example.cn"))
        except (ValidationError, ValueError):
            continue
        made = tried
    return made


def paths(tree: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every text in a record."""
    if isinstance(tree, str):
        return [before]
    steps = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path for step, node in steps for path in paths(node, (*before, step))]


def copied(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: copied(node) for name, node in tree.items()}
    return [copied(node) for node in tree] if isinstance(tree, list) else tree


def printed(document: Document, printer: Profile, draw: Callable[[str], bool] | None, glyphs: FontGlyphs) -> None:
    """Emit it and read it back."""
    page = layout(document, printer.columns, printer.encoding, draw)
    papers = read_papers(b"".join(languages.emit(page, printer, glyphs)), printer.dots)
    assert [paper.unknown for paper in papers] == [()] * len(papers)
    if printer.encoding == "gbk":
        shown = "".join(paper.text for paper in papers)
        assert [line for line in shown.splitlines() if line] == [line for line in plain(page).splitlines() if line]
    codes = [part.payload for part in document.parts if isinstance(part, QR)]
    bars = [part.payload for part in document.parts if isinstance(part, Barcode)]
    assert [code for paper in papers for code in paper.qr] == codes
    assert [code for paper in papers for code in paper.barcodes] == bars


@pytest.fixture(scope="module")
def glyphs() -> FontGlyphs:
    return FontGlyphs()


@EVERY
@pytest.mark.parametrize("language", ["zh", "both"])
def test_a_hostile_record_makes_an_ordinary_paper(
    name: str, place: int, language: Language, glyphs: FontGlyphs
) -> None:
    encodings: tuple[Encoding, ...] = ("gbk", "utf-8", "raster")
    for number, text in enumerate(HOSTILE):
        content = spoilt(name, examples(name)[place], text)
        document = SHIPPED.document(name, content, Place(text, "sy.example.cn", language), copy=number % 2)
        width = ("generic-58", "generic-80")[number % 2]
        printed(document, replace(profile(width), encoding=encodings[number % 3]), None, glyphs)


def test_the_texts_really_reach_the_papers() -> None:
    """Else the test above could not fail."""
    for name, least in (("slip", 8), ("report", 4), ("acceptance", 6), ("hold", 4), ("label", 1), ("card", 1)):
        content = spoilt(name, examples(name)[0], "龥龥")
        text = plain(layout(SHIPPED.document(name, content, Place("龥龥", "sy.example.cn"))))
        assert text.count("龥龥") >= least, text

"""Whatever stands in a field: no byte of it is a command, and the paper has the lines that the layout wrote.

For every encoding and language a printer may have, read back by the simulated printer, which shares no code with the
emitters.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.printers import profile
from protocol.printers import bitmap, languages
from protocol.printers.document import QR, Align, Barcode, Cell, Columns, Cut, Document, Pair, Part, Rule, Size, Text
from protocol.printers.layout import Page, TextRow, layout
from protocol.printers.plain import plain
from protocol.printers.profile import Encoding, Profile
from protocol.printers.text import clean, columns, encode
from simulator.paper import read_papers
from simulator.printed import PaperRow, Raster

ENCODINGS: tuple[Encoding, ...] = ("gbk", "gb18030", "utf-8")
ORDERS = (
    "\x1b@",
    "\x1dV\x00",
    "\x10\x14\x01\x00\x05",
    "\x1dv0\x00\xff\xff\xff\xff",
    "\x1c.",
    "\x1f",
    "\x0c",
    "\r\n合计 0.00",
)
TRICKS = (
    "\u202e",
    "\u200b",
    "\ufeff",
    "\u2028",
    "Z" + "\u0335" * 20,
    '"',
    '",1\r\nPRINT 9,9\r\n',
    "🥬",
    "\U0002cb4a",
    "\x9b",
)
HOSTILE = st.lists(st.sampled_from((*ORDERS, *TRICKS)) | st.text(st.characters(), max_size=12), max_size=6).map("".join)
PARTS = st.one_of(
    st.builds(Text, HOSTILE, st.sampled_from(Align), st.sampled_from(Size), st.booleans()),
    st.builds(Pair, HOSTILE, HOSTILE, st.sampled_from([Align.LEFT, Align.RIGHT]), st.sampled_from(Size)),
    st.builds(Columns, st.tuples(st.builds(Cell, HOSTILE, st.integers(0, 20)), st.builds(Cell, HOSTILE))),
    st.builds(lambda caption: QR("HTTPS://SY.EXAMPLE.CN/B/1", f"x{caption}"), HOSTILE),
    st.builds(lambda caption: Barcode("1234", f"x{caption}"), HOSTILE),
    st.just(Rule()),
)


class Squares:
    """Every letter is a box of its own size."""

    def glyph(self, letter: str, bold: bool) -> tuple[int, ...] | None:
        width = 12 if letter.isascii() else 24
        edge = (1 << width - 1) | 1
        return (0,) * 24 if letter == " " else ((1 << width) - 1, *([edge] * 22), (1 << width) - 1)


def page_of(parts: list[Part], printer: Profile, *, drawable: bool = False) -> Page:
    return layout(
        Document("", "", (Text("^"), *parts, Cut())),
        printer.columns,
        printer.encoding,
        (lambda letter: True) if drawable else None,
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_character_there_is_is_harmless_in_every_encoding(encoding: Encoding) -> None:
    """Each alone between two others: it stays in its place, or leaves a mark, or nothing."""
    for code in range(sys.maxunicode + 1):
        cleaned = clean(f"白{chr(code)}菜", encoding)
        text, data = cleaned.text, encode(cleaned.text, encoding)
        assert not any(byte < 0x20 or byte == 0x7F for byte in data), hex(code)
        assert (text[0], text[-1]) == ("白", "菜"), hex(code)
        assert columns(text) <= 4 + 8, hex(code)  # 1/2, (TM)
        assert data.decode(encoding) == text, hex(code)
        assert {unicodedata.category(letter) for letter in text} <= SHOWN, hex(code)


SHOWN = {
    "Lu",
    "Ll",
    "Lt",
    "Lm",
    "Lo",
    "Nd",
    "Nl",
    "No",
    "Pc",
    "Pd",
    "Ps",
    "Pe",
    "Pi",
    "Pf",
    "Po",
    "Sm",
    "Sc",
    "Sk",
    "So",
    "Zs",
}


@given(HOSTILE)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_cleaning_is_done_once(encoding: Encoding, text: str) -> None:
    once = clean(text, encoding).text
    assert clean(once, encoding).text == once


@given(st.lists(PARTS, max_size=5))
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", ["generic-58", "generic-80"])
@settings(max_examples=60)
def test_a_receipt_says_what_the_layout_wrote(name: str, encoding: Encoding, parts: list[Part]) -> None:
    printer = replace(profile(name), encoding=encoding)
    page = page_of(parts, printer)
    papers = read_papers(b"".join(languages.emit(page, printer)), printer.dots, encoding)
    assert [paper.unknown for paper in papers] == [()]
    assert papers[0].text == plain(page)


@given(st.lists(PARTS, max_size=4))
@pytest.mark.parametrize("encoding", ["gbk", "raster"])
@settings(max_examples=30)
def test_what_is_drawn_is_the_picture_of_the_page(encoding: Encoding, parts: list[Part]) -> None:
    """With gbk only lines that the printer has no letters for are drawn; the paper is as high as all of it."""
    printer = replace(profile("generic-58"), encoding=encoding, band=24)
    page = page_of(parts, printer, drawable=True)
    papers = read_papers(b"".join(languages.emit(page, printer, Squares())), printer.dots)
    assert [paper.unknown for paper in papers] == [()]
    if encoding == "raster":
        drawn = bitmap.draw(page, printer, Squares())
        assert dots_of(papers[0].placed, printer) == {line: row for line, row in enumerate(drawn.rows) if row}


def dots_of(placed: Iterable[tuple[int, PaperRow]], printer: Profile) -> dict[int, int]:
    """The black rows of a paper's pictures, by their place."""
    found: dict[int, int] = {}
    for top, row in placed:
        if isinstance(row, Raster):
            for line, data in enumerate(row.rows, top):
                right = printer.dots - row.left - row.width
                dots = int.from_bytes(data, "big")
                if dots:
                    found[line] = found.get(line, 0) | (dots << right if right >= 0 else dots >> -right)
    return found


@given(HOSTILE, HOSTILE)
@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "raster"])
def test_a_label_has_the_lines_that_the_layout_wrote(encoding: Encoding, first: str, second: str) -> None:
    printer = replace(profile("label-60x40"), encoding=encoding)
    parts: list[Part] = [Text(clean(first).text[:18]), Barcode("17"), Text(second[:12], Align.CENTER)]
    page = page_of(parts, printer)
    data = b"".join(languages.emit(page, printer, Squares()))
    (label,) = read_papers(data, encoding=printer.encoding if printer.encoding != "raster" else "gbk")
    assert label.unknown == ()
    if encoding != "raster":
        orders = re.findall(rb"(?:^|\r\n)([A-Z]+)", data)
        shown = sum(bool(run.text.strip()) for row in page.rows if isinstance(row, TextRow) for run in row.runs)
        assert orders == [b"SIZE", b"GAP", b"DIRECTION", b"CLS", *orders[4:-1], b"PRINT"]
        assert sorted(orders[4:-1]) == sorted([b"TEXT"] * shown + [b"BARCODE"])
        assert data.count(b"\r\n") == len(orders)
        assert not any(byte < 0x20 for byte in data.replace(b"\r\n", b""))
        assert data.count(b'"') == 4 * shown + 4

"""Whatever stands in a field: no byte of it is a command, and the paper has the lines that the layout wrote.

For every encoding and language a printer may have, read back by the simulated printer, which shares no code with the
emitters.
"""

import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.printers import profile
from protocol.printers import bitmap, languages
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
from protocol.printers.layout import MAX_LINES, Page, Row, TextRow, layout
from protocol.printers.plain import plain
from protocol.printers.profile import Encoding, Profile
from protocol.printers.text import MARK, clean, columns, encode, holds
from simulator.printer.printed import Paper, Raster, TextLine
from simulator.printer.read import read_papers

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
    "\u1100\u200b\u1161",  # one letter, as soon as nothing stands between
    "\u3164",
    '"',
    '",1\r\nPRINT 9,9\r\n',
    "🥬",
    "\U0002cb4a",
    "\x9b",
)
HOSTILE = st.lists(st.sampled_from((*ORDERS, *TRICKS)) | st.text(st.characters(), max_size=12), max_size=6).map("".join)
ALIGN, SIZE, BOLD = st.sampled_from(Align), st.sampled_from(Size), st.booleans()
SIDES = st.sampled_from([Align.LEFT, Align.RIGHT])
CELLS = st.lists(st.builds(Cell, HOSTILE, st.integers(0, 20), ALIGN), min_size=1, max_size=3).map(tuple)
PARTS = st.one_of(
    st.builds(Text, HOSTILE, ALIGN, SIZE, BOLD),
    st.builds(Pair, HOSTILE, HOSTILE, SIDES, SIZE, BOLD, st.integers(0, 12)),
    st.builds(Columns, CELLS, st.sampled_from([Size.NORMAL, Size.TALL]), BOLD),
    st.builds(lambda caption: QR("HTTPS://SY.EXAMPLE.CN/B/1", f"x{caption}"), HOSTILE),
    st.builds(lambda caption: Barcode("1234", f"x{caption}"), HOSTILE),
    st.builds(Feed, st.integers(0, 3)),
    st.just(Rule()),
)
SHOWN = re.compile("L[ultmo]|N[dlo]|P[cdseifo]|S[mcko]|Zs")
UNSEEN = set("\u2800\u115f\u1160\u3164\uffa0")  # though letters and symbols by their category


class Boxes:
    """Every letter is a box, with its number in it as bars."""

    def glyph(self, letter: str, bold: bool) -> tuple[int, ...] | None:
        width = 12 if letter.isascii() else 24
        full, edge = (1 << width) - 1, (1 << width - 1) | 1
        bars = (full if ord(letter) >> place & 1 else edge for place in range(22))
        return (0,) * 24 if letter == " " else (full, *bars, full)


def page_of(parts: list[Part], printer: Profile, *, drawable: bool = False) -> Page:
    return layout(
        Document("", "", (Text("^"), *parts, Cut())),
        printer.columns,
        printer.encoding,
        (lambda letter: True) if drawable else None,
    )


@cache
def every_character() -> list[int]:
    """The whole basic plane with its surrogates, all that is assigned beyond it, and of the rest the edges and some."""
    categories = [unicodedata.category(chr(code)) for code in range(sys.maxunicode + 1)]
    return [
        code
        for code, category in enumerate(categories)
        if code < 0x10000
        or category not in ("Cn", "Co")
        or code % 251 == 0
        or {category} != set(categories[code - 1 : code + 2])
    ]


def chunks(size: int) -> Iterator[list[int]]:
    every = every_character()
    return (every[start : start + size] for start in range(0, len(every), size))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_character_there_is_is_harmless_in_every_encoding(encoding: Encoding) -> None:
    """Each between two bars: it stays in its place, or leaves a mark, or nothing; and what stays takes the columns on
    paper that the layout counts."""
    kept = []
    for codes in chunks(256):
        text = clean("|".join(map(chr, codes)), encoding).text
        data = encode(text, encoding)
        assert not any(byte < 0x20 or byte == 0x7F for byte in data)
        assert len(text.split("|")) == len(codes) + (ord("|") in codes)
        assert all(SHOWN.fullmatch(unicodedata.category(letter)) for letter in text)
        assert not UNSEEN & set(text)
        assert unicodedata.is_normalized("NFC", text)
        assert clean(text, encoding).text == text
        kept.append(text.replace("|", "").replace(MARK, "") + MARK)
    start = b"\x1b@\x1c&" + (b"\x1cC\xff" if encoding == "utf-8" else b"")
    (paper,) = read_papers(start + b"".join(encode(line, encoding) + b"\n" for line in kept), 1 << 16, encoding)
    assert paper.unknown == ()
    assert paper.text.split("\n") == [*kept, ""]
    assert [row.right for row in paper.rows if isinstance(row, TextLine)] == [12 * columns(line) for line in kept]


def test_every_character_there_is_is_harmless_alone() -> None:
    for code in every_character():
        text = clean(chr(code)).text
        data = encode(text)
        assert not any(byte < 0x20 or byte == 0x7F for byte in data), hex(code)
        assert columns(text) == len(data) <= 4, hex(code)  # (TM)


@given(HOSTILE)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_cleaning_is_done_once(encoding: Encoding, text: str) -> None:
    once = clean(text, encoding).text
    assert clean(once, encoding).text == once
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("单价\u3164\u3164 1.00", "单价 1.00"),
        ("a\u115fb\u1160c\uffa0d", "abcd"),
        ("a\u2800\u2800b", "a b"),
        ("\u1100\u200b\u1161", "가"),
        ("\u1100\u0335\u1161", "가"),
        ("\ue000\U0010fffd\U000e0fff", MARK * 3),
    ],
)
def test_a_head_with_many_letters_gets_none_that_nobody_sees(encoding: Encoding, text: str, shown: str) -> None:
    assert clean(text, encoding).text == shown


def harmless(page: Page) -> Page:
    """The same page with every letter an x."""
    return replace(page, rows=tuple(map(crossed, page.rows)))


def crossed(row: Row) -> Row:
    if not isinstance(row, TextRow):
        return row
    return replace(row, runs=tuple(replace(run, text="x" * columns(run.text)) for run in row.runs))


def controls(data: bytes) -> bytes:
    """All bytes that may not come out of a field, in their order."""
    return bytes(byte for byte in data if byte < 0x20 or byte == 0x7F)


@given(st.lists(PARTS, max_size=5))
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", ["generic-58", "generic-80"])
@settings(max_examples=60, deadline=None)
def test_a_receipt_says_what_the_layout_wrote(name: str, encoding: Encoding, parts: list[Part]) -> None:
    printer = replace(profile(name), encoding=encoding)
    page = page_of(parts, printer)
    data = b"".join(languages.emit(page, printer))
    papers = read_papers(data, printer.dots, encoding)
    assert [paper.unknown for paper in papers] == [()]
    assert papers[0].text == plain(page)
    printed = [row for row in papers[0].rows if isinstance(row, TextLine)]
    assert len(printed) == sum(isinstance(row, TextRow) and any(run.text for run in row.runs) for row in page.rows)
    assert controls(data) == controls(b"".join(languages.emit(harmless(page), printer)))


@given(st.lists(PARTS, max_size=4))
@pytest.mark.parametrize("name", ["generic-58", "generic-80"])
@settings(max_examples=30, deadline=None)
def test_what_is_drawn_is_the_picture_of_the_page(name: str, parts: list[Part]) -> None:
    """Dot by dot, and each in its place."""
    printer = replace(profile(name), encoding="raster", band=24)
    page = page_of(parts, printer, drawable=True)
    (paper,) = read_papers(b"".join(languages.emit(page, printer, Boxes())), printer.dots)
    assert paper.unknown == ()
    drawn = bitmap.draw(page, printer, Boxes())
    assert black(paper) == {line: row for line, row in enumerate(drawn.rows) if row}


@given(st.lists(PARTS.filter(lambda part: not isinstance(part, QR | Barcode)), max_size=6))
@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=40, deadline=None)
def test_only_lines_without_letters_are_drawn_and_the_others_are_printed(encoding: Encoding, parts: list[Part]) -> None:
    printer = replace(profile("generic-58"), encoding=encoding, band=24)
    page = page_of([*parts, Text("$")], printer, drawable=True)
    (paper,) = read_papers(b"".join(languages.emit(page, printer, Boxes())), printer.dots, encoding)
    assert paper.unknown == ()
    drawn = {
        row for row in page.rows if isinstance(row, TextRow) and not all(holds(r.text, encoding) for r in row.runs)
    }
    printed = replace(page, rows=tuple(row for row in page.rows if row not in drawn))
    assert [line for line in paper.text.split("\n") if line != "[picture]"] == plain(printed).split("\n")
    dots = [line for row in page.rows if row in drawn for line in bitmap.draw_row(row, printer, Boxes())]
    assert list(black(paper).values()) == [line for line in dots if line]


def black(paper: Paper) -> dict[int, int]:
    """The black rows of a paper's pictures, by their place from the top."""
    found: dict[int, int] = {}
    for top, row in paper.placed:
        for line, data in enumerate(row.rows if isinstance(row, Raster) else (), top):
            right = paper.dots - row.left - row.width if isinstance(row, Raster) else 0
            dots = int.from_bytes(data, "big")
            if dots:
                found[line] = found.get(line, 0) | (dots << right if right >= 0 else dots >> -right)
    return found


LABEL = st.builds(
    lambda first, second: [Text(clean(first).text[:18]), Barcode("17"), Text(second[:12], Align.CENTER)],
    HOSTILE,
    HOSTILE,
)


@given(LABEL)
@pytest.mark.parametrize("encoding", ["gbk", "gb18030"])
@settings(deadline=None)
def test_a_label_has_the_lines_that_the_layout_wrote(encoding: Encoding, parts: list[Part]) -> None:
    printer = replace(profile("label-60x40"), encoding=encoding)
    page = page_of(parts, printer)
    data = b"".join(languages.emit(page, printer))
    (label,) = read_papers(data, encoding=encoding)
    assert label.unknown == ()
    orders = re.findall(rb"(?:^|\r\n)([A-Z]+)", data)
    shown = sum(bool(run.text.strip()) for row in page.rows if isinstance(row, TextRow) for run in row.runs)
    assert orders == [b"SIZE", b"GAP", b"DIRECTION", b"CLS", *orders[4:-1], b"PRINT"]
    assert sorted(orders[4:-1]) == sorted([b"TEXT"] * shown + [b"BARCODE"])
    assert data.count(b"\r\n") == len(orders)
    assert not any(byte < 0x20 for byte in data.replace(b"\r\n", b""))
    assert data.count(b'"') == 4 * shown + 4


@given(LABEL)
@pytest.mark.parametrize("encoding", ["gbk", "raster"])
@settings(deadline=None)
def test_a_drawn_label_is_the_picture_of_the_page(encoding: Encoding, parts: list[Part]) -> None:
    printer = replace(profile("label-60x40"), encoding=encoding)
    page = page_of([*parts, Text("🥬")], printer, drawable=True)
    data = b"".join(languages.emit(page, printer, Boxes()))
    (label,) = read_papers(data)
    assert label.unknown == ()
    drawn = bitmap.draw(page, printer, Boxes())
    assert black(label) == {line: row for line, row in enumerate(drawn.rows) if row}
    assert controls(data[: data.index(b"BITMAP")]) == b"\r\n" * 4


def test_a_drawn_label_holds_nothing_that_is_obeyed_at_once() -> None:
    """Letters of a field choose the dots: these would say ESC ! R, and the printer would start anew."""

    class Orders:
        def glyph(self, letter: str, bold: bool) -> tuple[int, ...]:
            return (0 if letter.isascii() else 0xFFFFFF ^ 0x1B2152,) * 24

    printer = replace(profile("label-60x40"), encoding="raster")
    data = b"".join(languages.emit(page_of([Text("白菜")], printer, drawable=True), printer, Orders()))
    assert b"\x13!R\x13!R" in data
    assert b"\x1b" not in data


@pytest.mark.parametrize("text", ["白" * 10**5, "a" * 10**5, "ab " * 30_000, "\u1100\u200b" * 10**5, "，" * 10**5])
@pytest.mark.parametrize(
    "part",
    [
        lambda text: Text(text, size=Size.LARGE),
        lambda text: Pair("备注", text),
        lambda text: Pair("备注", text, Align.LEFT),
        lambda text: Columns((Cell("a"), Cell(text, 2))),
    ],
    ids=["text", "right", "left", "cell"],
)
def test_a_field_without_end_does_not_empty_the_roll(part: Callable[[str], Part], text: str) -> None:
    """And takes no time to speak of: what does not fit is not looked at twice."""
    rows = page_of([part(text), Text("完")], profile("generic-58")).rows
    assert len(rows) <= 4 + MAX_LINES
    cut = rows[-3]
    assert isinstance(cut, TextRow)
    assert cut.runs[0].text.endswith("…")
    assert rows[-2] == TextRow((replace(cut.runs[0], text="完", size=Size.NORMAL),))


@pytest.mark.parametrize("letter", ["龥", "W", "，"])
def test_a_name_that_a_record_can_have_is_whole(letter: str) -> None:
    """120 letters, in the narrowest cell."""
    page = page_of([Columns((Cell("a"), Cell(letter * MAX_LINES, 2)))], profile("generic-58"))
    assert plain(page).count(letter) == MAX_LINES

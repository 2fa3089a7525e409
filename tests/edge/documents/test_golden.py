"""The papers as they were when somebody last looked at them.

When a paper changes on purpose: ``MARKETEDGE_GOLDEN=write pytest tests/edge/documents/test_golden.py``, then look at
the difference, and at the picture (``marketedge render --example … --as png``), before committing.
"""

import itertools
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image, ImageChops, ImageFilter

from drivers.glyphs import FontGlyphs
from drivers.printers import PROFILES, profile
from edge.documents import DOCUMENTS, Documents, Place, examples, prints
from edge.documents.words import Language
from protocol.printers import bitmap, codes, languages
from protocol.printers.bitmap import Bitmap
from protocol.printers.document import QR, Barcode, Document
from protocol.printers.escpos import emit
from protocol.printers.layout import layout
from protocol.printers.plain import plain
from protocol.printers.profile import Encoding
from simulator.printer.picture import draw
from simulator.printer.read import read_papers

GOLDEN = Path(__file__).parents[2] / "golden"
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en", "both"])
EVERY = pytest.mark.parametrize("name", DOCUMENTS)


def check(name: str, made: str) -> None:
    path = GOLDEN / name
    if os.environ.get("MARKETEDGE_GOLDEN") == "write":
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8"), f"{name} changed; this file's docstring says what to do"


def paper(
    name: str, language: Language = "zh", example: int = 0, copy: int = 0, label: tuple[int, int, int] | None = None
) -> Document:
    place = Place("惠民农产品批发市场", "sy.example.cn", language, label)
    return Documents().document(name, examples(name)[example], place, copy=copy)


@EVERY
@LANGUAGES
def test_the_paper_is_as_it_was_and_the_bytes_say_what_the_text_says(name: str, language: Language) -> None:
    document = paper(name, language)
    for width, printer in (("58", profile("generic-58")), ("80", profile("generic-80"))):
        page = layout(document, printer.columns)
        check(f"{name}-{language}-{width}.txt", plain(page))
        data = b"".join(emit(page, printer))
        read = read_papers(data, printer.dots)
        assert all(one.unknown == () for one in read)
        text = "".join(one.text for one in read)
        assert [line for line in text.splitlines() if line and "[" not in line] == [
            line for line in plain(page).splitlines() if line and "[" not in line
        ]


@pytest.mark.parametrize("name", ["slip", "report"])
@LANGUAGES
def test_the_bytes_are_as_they_were(name: str, language: Language) -> None:
    for width, printer in (("58", profile("generic-58")), ("80", profile("generic-80"))):
        data = b"".join(emit(layout(paper(name, language), printer.columns), printer))
        text_only = data[: data.index(b"\x1dv0")]
        check(
            f"{name}-{language}-{width}.hex", "".join(f"{line.hex()}\n" for line in text_only.splitlines(keepends=True))
        )


def seen(bits: Bitmap) -> Image.Image:
    """The bitmap as black dots on white paper."""
    dots = Image.frombytes("1", (bits.row_bytes * 8, bits.height), bits.data()).convert("L")
    sheet = Image.new("L", (dots.width + 60, dots.height + 60), 255)
    sheet.paste(dots.point(lambda value: 255 - value), (30, 30))
    return sheet


def worn(picture: Image.Image, dead: tuple[int, ...], turn: float, grown: bool) -> Image.Image:
    """Dots of the head that died, dots that spread on hot paper, a paper held askew, a blurred camera."""
    seen = picture.copy()
    for column in dead:
        seen.paste(255, (column, 0, column + 1, seen.height))
    if grown:
        seen = ImageChops.darker(seen, ImageChops.offset(seen, 1, 0))
    turned = seen.rotate(turn, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    return turned.filter(ImageFilter.GaussianBlur(1.2))


WEARS = (((150, 290), 3.0, False), ((), 4.0, True), ((120, 180, 240, 300), -4.0, False), ((200,), -3.0, True))


@EVERY
@pytest.mark.parametrize("width", ["generic-58", "generic-80", "label-40x30", "label-60x40"])
def test_codes_are_read_back_from_the_picture_also_when_it_is_worn(name: str, width: str, glyphs: FontGlyphs) -> None:
    """From our picture, and from that of the paper that the simulated printer makes of our bytes.

    The test page alone has a barcode so long that it is thinner than what wear leaves readable.
    """
    printer = profile(width)
    if not prints(printer, name) or (name == "test" and printer.label):
        return
    for example in range(len(examples(name))):
        document = paper(name, example=example, label=printer.label)
        page = layout(document, printer.columns)
        squares = {part.payload for part in document.parts if isinstance(part, QR)}
        bars = {part.payload for part in document.parts if isinstance(part, Barcode)}
        papers = read_papers(b"".join(languages.emit(page, printer)), printer.dots)
        for pictures in ([seen(bitmap.draw(page, printer, glyphs))], [draw(one).convert("L") for one in papers]):
            assert read(pictures) == squares | bars
            for wear in WEARS:
                found = read(worn(one, *wear) for one in pictures)
                assert squares | (set() if name == "test" else bars) <= found <= squares | bars, wear


def read(pictures: Iterable[Image.Image]) -> set[str]:
    return {code.text for one in pictures for code in zxingcpp.read_barcodes(one)}


@pytest.mark.parametrize(("width", "dots"), [("generic-58", 5), ("generic-80", 6)])
def test_the_slip_s_code_has_the_modules_that_phones_read_from_thermal_paper(width: str, dots: int) -> None:
    """Standards B9: 5 dots on 58 mm, level M; version 10 is the token with one source code."""
    printer = profile(width)
    (payload,) = [part.payload for part in paper("slip").parts if isinstance(part, QR)]
    matrix = codes.matrix(payload)
    assert codes.qr_dots(payload, printer).width == dots * len(matrix)
    assert len(matrix) - 2 * codes.QUIET == 57
    picture = seen(bitmap.draw(layout(Document("", "", (QR(payload),)), printer.columns), printer, FontGlyphs()))
    (found,) = zxingcpp.read_barcodes(picture)
    assert found.ec_level == "M"


def test_the_printer_draws_codes_only_where_its_profile_says_so() -> None:
    for row in PROFILES.values():
        if row.language == "escpos":
            data = b"".join(emit(layout(paper("slip"), row.columns, row.encoding), row))
            assert (b"\x1d(k" in data) == (row.codes == "native")
            native = replace(row, codes="native")
            assert b"\x1d(k" in b"".join(emit(layout(paper("slip"), row.columns, row.encoding), native))


@EVERY
@LANGUAGES
@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8", "raster"])
def test_what_is_set_drawn_shown_and_printed_cannot_differ(
    name: str, language: Language, encoding: Encoding, same: Callable[..., None]
) -> None:
    """One tree for text, raster, PNG and plain text; here their products are held against each other."""
    for example, width in itertools.product(range(len(examples(name))), ("generic-58", "generic-80")):
        document = paper(name, language, example, copy=example)
        printer = replace(profile(width), encoding=encoding)
        same(document, printer)
        if encoding != "raster":  # a printer that makes codes by itself chooses their masks
            same(document, replace(printer, codes="native"))


@pytest.mark.parametrize("language", ["zh", "en", "both"])
@pytest.mark.parametrize("copy", [0, 12])
def test_a_sample_label_fits_its_label(language: Language, copy: int) -> None:
    printer = profile("label-40x30")
    page = layout(paper("label", language, copy=copy), printer.columns)
    assert b'"17"' in b"".join(languages.emit(page, printer))


@pytest.mark.parametrize("language", ["zh", "en", "both"])
@pytest.mark.parametrize("copy", [0, 12])
@pytest.mark.parametrize(("name", "signed"), [("label-60x40", True), ("label-40x30", False)])
def test_a_source_label_has_the_signed_code_where_it_fits(
    language: Language, copy: int, name: str, signed: bool
) -> None:
    printer = profile(name)
    assert printer.label is not None
    document = paper("crate", language, copy=copy, label=printer.label)
    page = layout(document, printer.columns)
    assert bitmap.height(page, printer) <= printer.label[1] * 8
    check(f"crate-{language}-{name}-{copy}.txt", plain(page))
    (code,) = [part.payload for part in document.parts if isinstance(part, QR)]
    assert code == (examples("crate")[0]["data"]["url"] if signed else "https://sy.example.cn/b/41010800110100010074")


def test_the_code_of_a_source_card_has_modules_of_5_dots_on_58_mm() -> None:
    (payload,) = [part.payload for part in paper("card").parts if isinstance(part, QR)]
    assert codes.qr_dots(payload, profile("generic-58")).width == 5 * len(codes.matrix(payload))


@EVERY
def test_a_copy_says_so_first(name: str) -> None:
    lines = plain(layout(paper(name, copy=3))).splitlines()
    assert "COPY 3" in "".join(lines[:2])  # beside the first line of a label, or below it where that is long

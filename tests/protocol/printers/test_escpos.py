"""Rows as bytes, read back by a parser that knows nothing of how they were made."""

import re
from dataclasses import replace
from typing import get_args

import pytest
import qrcode
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFilter

from drivers.printers import PROFILES, UnknownPrinter, profile
from protocol.printers import codes, qr
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
from protocol.printers.escpos import AT_ONCE, emit
from protocol.printers.layout import FeedRow, TextRow, layout
from protocol.printers.plain import plain
from protocol.printers.profile import Codes, Profile
from simulator.printer.picture import draw
from simulator.printer.read import read_papers

NARROW, WIDE = profile("generic-58"), profile("generic-80")
DIGITS = re.compile(r"\A(99)?[0-9]{1,20}\Z")
BOTH = pytest.mark.parametrize("printer", [NARROW, WIDE], ids=["58", "80"])
ANY = st.text(st.characters(), max_size=60)
TEXTS = st.one_of(
    st.builds(Text, ANY, st.sampled_from(Align), st.sampled_from(Size), st.booleans()),
    st.builds(Pair, ANY, ANY, st.sampled_from([Align.LEFT, Align.RIGHT]), st.sampled_from(Size), st.booleans()),
    st.builds(Columns, st.tuples(st.builds(Cell, ANY, st.integers(0, 20)), st.builds(Cell, ANY))),
    st.builds(Feed, st.integers(0, 3)),
    st.just(Rule()),
)


def job(printer: Profile, *parts: Part) -> bytes:
    return b"".join(emit(layout(Document("", "", parts), printer.columns), printer))


def picture(payload: str, printer: Profile) -> list[bytes]:
    """The raster commands of a QR code."""
    page = layout(Document("", "", (QR(payload),)), printer.columns)
    return [piece for piece in emit(page, printer) if piece.startswith(b"\x1dv0")]


@given(st.lists(TEXTS, max_size=6), st.sampled_from([NARROW, WIDE]))
def test_whatever_the_data_only_known_commands_reach_the_printer(parts: list[Part], printer: Profile) -> None:
    page = layout(Document("", "", tuple(parts)), printer.columns)
    data = b"".join(emit(page, printer))
    lines = sum(isinstance(row, TextRow) for row in page.rows)
    lines += sum(row.lines for row in page.rows if isinstance(row, FeedRow))
    rest = re.sub(rb"\x1b@\x1c&|\x1ba[\x00-\x02]|\x1bE[\x00\x01]|\x1d![\x00\x01\x11\x33]", b"", data)
    assert rest.count(b"\n") == lines
    assert not any(byte < 0x20 or byte == 0x7F for byte in rest.replace(b"\n", b""))
    assert len(re.findall(rb"\x1b@", data)) == 1


@given(st.lists(TEXTS, max_size=6), st.sampled_from([NARROW, WIDE]))
def test_the_paper_says_what_the_screen_says(parts: list[Part], printer: Profile) -> None:
    page = layout(Document("", "", (Text("^"), *parts)), printer.columns)
    (paper,) = read_papers(b"".join(emit(page, printer)), printer.dots)
    assert paper.text == plain(page)
    assert paper.unknown == ()


def test_a_hostile_name_ends_as_harmless_text() -> None:
    name = "白菜\x1b@\x1dv0\x00\xff\xff\xff\xff\x1bp\x00\x10\x14\x01\n合计 0.00\u202e\x1c.🥬\x9d\x1d(k"
    (paper,) = read_papers(job(NARROW, Pair("品名", name, Align.LEFT), Text("完")))
    assert paper.text == "品名 白菜@v0〓〓〓〓p 合计 0.00.\n     〓(k\n完\n"
    assert paper.unknown == ()
    assert paper.rasters == []


@BOTH
@settings(max_examples=15, deadline=None)
@given(payload=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=287))
def test_every_qr_code_is_read_back(printer: Profile, payload: str) -> None:
    (paper,) = read_papers(job(printer, QR(payload), Cut()), printer.dots)
    assert paper.qr == [payload]
    (raster,) = paper.rasters
    assert raster.left + raster.width <= printer.dots + 7


@BOTH
@pytest.mark.parametrize("length", [1, 44, 186, 198, 287])
def test_a_blurred_picture_is_read_back(printer: Profile, length: int) -> None:
    payload = ("https://sy.example.cn/j/" + "aZ0-_9xQ" * 40)[:length]
    (paper,) = read_papers(job(printer, Text("交易码"), QR(payload, "41010 80012"), Cut()), printer.dots)
    blurred = draw(paper).convert("L").filter(ImageFilter.GaussianBlur(1.2))
    assert [code.text for code in zxingcpp.read_barcodes(blurred)] == [payload]


@BOTH
def test_a_slip_code_has_the_modules_phones_need(printer: Profile) -> None:
    modules = codes.matrix("x" * 198)
    assert len(modules) == 65
    rows = b"".join(band[8:] for band in picture("x" * 198, printer))
    height = sum(band[6] | band[7] << 8 for band in picture("x" * 198, printer))
    assert height == 65 * printer.module
    width = len(rows) // height
    quiet = rows[: width * 4 * printer.module]
    assert not any(quiet), "four blank modules above"


RUNS = st.one_of(st.text("0123456789", max_size=60), st.text("AZ9 $%*+-./:", max_size=60), st.text("az:", max_size=60))


@given(st.lists(RUNS, max_size=9).map("".join))
def test_how_wide_a_code_is_needs_no_drawing(payload: str) -> None:
    drawn = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=codes.QUIET)
    drawn.add_data(payload.encode(), optimize=qr.CHUNK)
    assert codes.qr_modules(payload) == 17 + 4 * drawn.best_fit() + 8


def test_more_than_a_code_holds_is_told_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="2400 bytes are more than a QR code holds"):
        codes.qr_modules("x" * 2400)


def test_a_small_code_is_drawn_larger() -> None:
    assert len(codes.matrix("https://sy.example.cn/b/" + "1" * 20)) * 8 == sum(
        band[6] for band in picture("https://sy.example.cn/b/" + "1" * 20, NARROW)
    )


def test_bands_are_low_and_hold_nothing_obeyed_at_once() -> None:
    low = replace(NARROW, band=24)
    for length in range(1, 288, 13):
        for band in picture("9" * length, low):
            assert band.startswith(b"\x1dv0\x00")
            assert band[6] | band[7] << 8 <= 24
            assert not AT_ONCE.search(band)


def test_a_picture_with_a_real_time_command_is_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this code the bytes 10 04 14 stand wherever a dot position makes them; a shift takes them away."""
    dots = codes.Dots(64, (0x1004140000000000,) * 8)
    monkeypatch.setattr(codes, "qr_dots", lambda payload, profile, mask=0, big=False: dots)
    bands = picture("https://sy.example.cn", NARROW)
    assert bands
    assert not any(map(AT_ONCE.search, bands))


def test_the_text_goes_out_before_the_picture_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(payload: str, mask: int = 0) -> codes.Matrix:
        raise AssertionError("too early")

    monkeypatch.setattr(codes, "matrix", never)
    page = layout(Document("", "", (Text("净重 1.250kg"), QR("https://sy.example.cn"))))
    assert "净重".encode("gbk") in next(emit(page, NARROW))


def test_only_a_cutter_is_told_to_cut() -> None:
    assert job(NARROW, Text("a"), Cut()).endswith(b"a\n" + b"\n" * NARROW.tear)
    assert job(WIDE, Text("a"), Cut()).endswith(b"a\n" + b"\n" * WIDE.tear + b"\x1dV\x01")


def test_alignment_is_sent_at_line_starts_only() -> None:
    data = job(NARROW, Text("a", Align.CENTER), Text("b", Align.CENTER), Text("c"))
    assert data == b"\x1b@\x1c&\x1ba\x01a\nb\n\x1ba\x00c\n"


def test_a_page_for_wider_paper_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="laid out for 48 columns, printer generic-58 has 32"):
        emit(layout(Document("", "", ()), 48), NARROW)


def test_profiles_are_sound() -> None:
    assert all(row.id == name for name, row in PROFILES.items())
    with pytest.raises(UnknownPrinter, match="generic-58"):
        profile("tm-t20")
    with pytest.raises(ValueError, match="band"):
        Profile("x", "", "", band=129)
    with pytest.raises(ValueError, match="columns"):
        Profile("x", "", "", dots=384, columns=48)
    with pytest.raises(ValueError, match="does not fit 120 dots"):
        list(picture("x" * 100, Profile("x", "", "", dots=120, columns=10)))


@pytest.mark.parametrize(
    ("payload", "dots", "own"), [("17", 3, True), ("9" * 26, 1, False), ("Az-" * 9, 1, False), ("9" * 20, 2, True)]
)
def test_a_barcode_has_the_bars_that_fit_and_none_too_thin_is_left_to_the_printer(
    payload: str, dots: int, own: bool
) -> None:
    """A printer asked for a barcode wider than the paper prints none."""
    for kind in get_args(Codes):
        printer = replace(NARROW, codes=kind)
        assert codes.bar_module(payload, printer) == dots
        data = job(printer, Barcode(payload))
        assert (b"\x1dk" in data) == (own and kind == "native")
        (paper,) = read_papers(data, printer.dots)
        assert (paper.barcodes, paper.unknown) == ([payload], ())


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=29) | st.from_regex(DIGITS))
@pytest.mark.parametrize("kind", ["raster", "native"])
@settings(deadline=None)
def test_every_barcode_is_read_back(kind: Codes, payload: str) -> None:
    (paper,) = read_papers(job(replace(WIDE, codes=kind), Barcode(payload)), WIDE.dots)
    assert (paper.barcodes, paper.unknown) == ([payload], ())


@pytest.mark.parametrize("payload", ["99", "9912", "999", "99A", "9" * 20, "A99", "1", "12", "123", "{", "{{99"])
def test_a_barcode_that_begins_with_99_keeps_it(payload: str) -> None:
    """99 is a pair of digits, and beside that a change of the set. Sample 9912 is not sample 12."""
    for kind in get_args(Codes):
        (paper,) = read_papers(job(replace(WIDE, codes=kind), Barcode(payload)), WIDE.dots)
        assert paper.barcodes == [payload]


STRIPS = [replace(NARROW, pictures="columns-24"), replace(NARROW, pictures="columns-8", module=6), profile("impact-76")]


@pytest.mark.parametrize("printer", STRIPS, ids=["24", "8", "impact"])
@pytest.mark.parametrize("length", [1, 40, 120])
def test_a_code_in_strips_is_read_back(printer: Profile, length: int) -> None:
    """Heads without GS v 0 print its bytes as letters: they get no raster at all."""
    payload = "HTTPS://SY.EXAMPLE.CN/" + "7" * length
    data = b"".join(emit(layout(Document("", "", (QR(payload), Text("12.340kg"), Barcode("123456")))), printer))
    assert b"\x1dv0" not in data
    (paper,) = read_papers(data, printer.dots)
    assert paper.unknown == ()
    assert paper.qr == [payload] or payload in {one.text for one in zxingcpp.read_barcodes(draw(paper))}
    assert "12.340kg" in paper.text


def test_strips_are_the_rasters_dots() -> None:
    page = layout(Document("", "", (QR("HTTPS://SY.EXAMPLE.CN/1"), Barcode("123456"))))
    rasters, strips = (
        draw(read_papers(b"".join(emit(page, printer)), printer.dots)[0]) for printer in (NARROW, STRIPS[0])
    )
    assert rasters.crop(rasters.getbbox()).tobytes()[:4000] == strips.crop(strips.getbbox()).tobytes()[:4000]


@pytest.mark.parametrize("printer", STRIPS, ids=["24", "8", "impact"])
def test_strips_hold_nothing_obeyed_at_once(printer: Profile) -> None:
    for number in range(60):
        payload = f"HTTPS://SY.EXAMPLE.CN/{number * 7919:020d}"
        pieces = list(emit(layout(Document("", "", (QR(payload),))), printer))
        assert not any(AT_ONCE.search(piece) for piece in pieces)


def test_a_pin_that_prints_two_rows_needs_even_modules() -> None:
    with pytest.raises(ValueError, match="a pin prints two rows, so it must be even"):
        replace(NARROW, pictures="columns-8")

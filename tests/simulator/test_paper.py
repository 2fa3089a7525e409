"""ESC/POS bytes, read back: by hand-made jobs, in any chunks, with noise."""

from itertools import pairwise

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from simulator.codes import read_codes
from simulator.escpos import Reader
from simulator.paper import Paper, read_papers
from simulator.printed import Glyphs, Raster, TextLine

PAYLOAD = "https://sy.example.cn/b/41010800110100010074"


def qr_bands(payload: str = PAYLOAD, module: int = 5, height: int = 64) -> bytes:
    """A QR code as GS v 0, made by another program than ours."""
    code = zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.QRCode)
    picture = code.to_image(scale=module, add_quiet_zones=True)
    rows, width = picture.shape[:2]
    grey = bytes(memoryview(picture))
    size = -(-width // 8)
    dots = []
    for row in range(rows):
        bits = "".join("1" if grey[row * width + column] == 0 else "0" for column in range(width)).ljust(size * 8, "0")
        dots.append(int(bits, 2).to_bytes(size, "big"))
    bands = [dots[start : start + height] for start in range(0, rows, height)]
    return b"".join(
        b"\x1dv0\x00" + size.to_bytes(2, "little") + len(band).to_bytes(2, "little") + b"".join(band) for band in bands
    )


def gbk(text: str) -> bytes:
    return text.encode("gbk")


def one(data: bytes, dots: int | None = None) -> Paper:
    (paper,) = read_papers(data, dots)
    return paper


def test_text_with_its_style_and_place() -> None:
    data = b"\x1b@\x1c&\x1ba\x01\x1d!\x11\x1bE\x01" + gbk("交易小票") + b"\n\x1ba\x00\x1d!\x00\x1bE\x00ab\n"
    title, line = one(data).rows
    assert title == TextLine((Glyphs("交易小票", 2, 2, 2, bold=True),), 96, 48)
    assert line == TextLine((Glyphs("ab"),), 0, 30)
    assert one(data).text == "        交易小票\nab\n"


def test_bands_are_one_picture_and_its_code_is_read() -> None:
    paper = one(b"\x1b@" + qr_bands() + b"a\n")
    assert len(paper.rasters) == 1
    assert paper.qr == [PAYLOAD]
    assert paper.text == f"[QR {PAYLOAD}]\na\n"
    assert paper.as_json()["qr"] == [PAYLOAD]


def test_a_picture_without_a_code_is_a_picture() -> None:
    assert one(b"\x1dv0\x00\x01\x00\x02\x00\xff\xff").text == "[picture]\n"


def test_double_size_rasters_are_doubled() -> None:
    (raster,) = one(b"\x1dv0\x03\x01\x00\x01\x00\xf0").rasters
    assert raster == Raster(16, (b"\xff\x00", b"\xff\x00"), 0)


def test_what_lies_beyond_the_paper_is_not_printed() -> None:
    data = b"\x1dv0\x00\x40\x00\x01\x00" + b"\xff" * 64
    assert one(data, 384).rasters[0].width == 384
    assert one(data, 576).rasters[0].width == 512


def test_the_printer_s_own_codes() -> None:
    store = b"\x1d(k" + (len(PAYLOAD) + 3).to_bytes(2, "little") + b"1P0" + PAYLOAD.encode()
    paper = one(b"\x1d(k\x04\x001A2\x00" + store + b"\x1d(k\x03\x001Q0" + b"\x1dk\x49\x05{B123" + b"\x1dk\x02123\x00")
    assert paper.qr == [PAYLOAD]
    assert paper.barcodes == ["123", "123"]
    assert "[barcode 123]" in paper.text


def test_long_lines_wrap_as_the_head_wraps_them() -> None:
    assert one(b"\x1c&" + gbk("菜" * 17) + b"\n", 384).text == "菜" * 16 + "\n菜\n"
    assert one(b"x" * 33 + b"\n", 384).text == "x" * 32 + "\nx\n"


def test_papers_end_at_cut_and_at_initialize() -> None:
    data = b"\x1b@a\n\x1dV\x01\x1b@b\n\x1b@c\n\x1dVB\x00"
    papers = read_papers(data)
    assert [(paper.text, paper.cut) for paper in papers] == [("a\n", True), ("b\n", False), ("c\n", True)]
    assert b"".join(paper.raw for paper in papers) == data
    assert papers[0].raw == b"\x1b@a\n\x1dV\x01"


def test_text_without_a_line_feed_is_lost() -> None:
    assert one(b"a\nb\x1b@").text == "a\n"
    assert one(b"a\nb").text == "a\n"


def test_chinese_bytes_without_chinese_mode_are_rubbish() -> None:
    assert "白" not in one(gbk("白菜") + b"\n").text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a\x1bZb\n", "offset 1: 1b 5a: not known"),
        (b"a\n\x07\x7f", "offset 2: 07 7f: a control character"),
        (b"\x1bp\x00\x19\xfaa\n", "offset 0: 1b 70 00 19 fa: opens the drawer: has no business on a slip"),
        (b"ab\x1ba\x01\n", "offset 2: 1b 61 01: aligns: only at the start of a line"),
        (b"\x1c&\x81\x30\x84\x36\n", "offset 2: 81: no character of GBK"),  # a four-byte character
        (b"a\n\x1dv0\x00\xff\xff", "offset 2: 1d 76 30 00 ff ff: half a command: prints a picture"),
        (
            b"a\n\x1dv0\x00\x01\x00\x09\x00\xff\xff",
            "offset 2: 1d 76 30 00 01 00 09 00: half a command: a picture, 7 bytes are missing",
        ),
        (b"a\nbc", "offset 2: 62 63: half a line: not printed without a line feed"),
        (b"\x1dk\x03" + b"7" * 300 + b"\n", "offset 0: 1d 6b 03: prints a barcode: with parameters that mean nothing"),
        (b"\x1d(E\x03\x00abc\n", "offset 0: 1d 28 45 03 00 61 62 63: an extended function: has no business on a slip"),
        (
            b"\x07" * 20 + b"a\n",
            "offset 0: 07 07 07 07 07 07 07 07 07 07 07 07 07 07 07 07 …: a control character",
        ),
    ],
)
def test_what_is_strange_is_named_with_its_place(data: bytes, said: str) -> None:
    assert str(one(data).unknown[0]) == said


def test_a_wide_job_is_seen_to_be_80_mm() -> None:
    assert one(b"-" * 48 + b"\n").dots == 576
    assert one(b"-" * 32 + b"\n").dots == 384


JOB = b"\x1b@\x1c&\x1ba\x01" + gbk("交易小票") + b"\n\x1ba\x00" + qr_bands() + b"\x1bZx\n\x1dV\x01\x1b@b\n\x1dVB\x03"


@given(st.lists(st.integers(1, len(JOB)), max_size=20))
def test_the_chunking_changes_nothing(cuts: list[int]) -> None:
    reader = Reader()
    places = [0, *sorted(cuts), len(JOB)]
    papers = [paper for a, b in pairwise(places) for paper in reader.feed(JOB[a:b])]
    assert papers + reader.finish() == read_papers(JOB, 384)


@given(st.binary(max_size=300))
def test_any_bytes_are_some_paper(data: bytes) -> None:
    for paper in read_papers(data):
        assert paper.as_json()["text"].endswith("\n")


@given(st.binary(max_size=300))
def test_byte_by_byte_is_the_same(data: bytes) -> None:
    reader = Reader()
    papers = [paper for byte in data for paper in reader.feed(bytes((byte,)))]
    assert papers + reader.finish() == read_papers(data, 384)


def test_without_the_package_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    read_codes.cache_clear()
    monkeypatch.setitem(sys.modules, "zxingcpp", None)
    with pytest.raises(RuntimeError, match="zxing-cpp"):
        _ = one(qr_bands()).qr

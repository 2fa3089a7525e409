"""ESC/POS bytes, read back: by hand-made jobs, in any chunks, with noise."""

from cProfile import Profile
from itertools import pairwise
from typing import Any

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.printer import escpos
from simulator.printer.codes import code128_as_sent, read_codes
from simulator.printer.escpos import COMMANDS, Reader
from simulator.printer.picture import BORDER, EDGE, LONGEST, MARGIN, draw
from simulator.printer.printed import QR, Glyphs, Raster, TextLine
from simulator.printer.read import Paper, read_papers

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


def qr_dots(module: int = 3) -> list[str]:
    """The rows of a QR code as 0 and 1, padded to strips of 24."""
    code = zxingcpp.create_barcode(PAYLOAD, zxingcpp.BarcodeFormat.QRCode)
    picture = code.to_image(scale=module, add_quiet_zones=True)
    height, width = picture.shape[:2]
    grey = bytes(memoryview(picture))
    rows = ["".join("1" if dot == 0 else "0" for dot in grey[row * width :][:width]) for row in range(height)]
    return rows + ["0" * width] * (-height % 24)


def test_a_picture_by_columns_is_one_picture_when_its_strips_touch() -> None:
    rows = qr_dots()
    width = len(rows[0])
    strips = b""
    for top in range(0, len(rows), 24):
        columns = (int("".join(row[column] for row in rows[top : top + 24]), 2) for column in range(width))
        strips += (
            b"\x1b*\x21" + width.to_bytes(2, "little") + b"".join(one.to_bytes(3, "big") for one in columns) + b"\n"
        )
    paper = one(b"\x1b@\x1b3\x18" + strips + b"\x1b2a\n")
    assert (paper.qr, paper.unknown) == ([PAYLOAD], ())
    assert len(paper.rasters) == 1
    apart = one(b"\x1b@" + strips)
    assert [row.height for row in apart.rows[:2]] == [24, 6]  # white lines between the strips


def test_strips_of_eight_dots_are_three_times_as_high() -> None:
    (raster,) = one(b"\x1b*\x00\x02\x00\x80\x01\n").rasters
    assert raster == Raster(8, (*(b"\xc0",) * 3, *(b"\x00",) * 18, *(b"\x30",) * 3), 0)
    assert one(b"\x1b*\x09\x01\x00\xffa\n").unknown[0].why.endswith("with parameters that mean nothing")


@pytest.mark.parametrize("long", [False, True])
def test_a_stored_picture_is_printed_where_it_is_asked_for(long: bool) -> None:
    rows = qr_dots()
    size = -(-len(rows[0]) // 8)
    dots = b"".join(int(row.ljust(size * 8, "0"), 2).to_bytes(size, "big") for row in rows)
    store = b"0p0\x01\x011" + len(rows[0]).to_bytes(2, "little") + len(rows).to_bytes(2, "little") + dots
    head = b"\x1d8L" + len(store).to_bytes(4, "little") if long else b"\x1d(L" + len(store).to_bytes(2, "little")
    paper = one(b"\x1b@" + head + store + b"a\n\x1d(L\x02\x0002")
    assert paper.text == f"a\n[QR {PAYLOAD}]\n"
    assert paper.unknown == ()
    assert one(b"\x1d(L\x03\x000A1a\n").unknown[0].why.endswith("not drawn here")


def test_double_size_rasters_are_doubled() -> None:
    (raster,) = one(b"\x1dv0\x03\x01\x00\x01\x00\xf0").rasters
    assert raster == Raster(16, (b"\xff\x00", b"\xff\x00"), 0)


def test_what_lies_beyond_the_paper_is_not_printed() -> None:
    data = b"\x1dv0\x00\x40\x00\x01\x00" + b"\xff" * 64
    assert one(data, 384).rasters[0].width == 384
    assert one(data, 576).rasters[0].width == 512


def stored(payload: bytes, *, module: int = 3, level: int = 0) -> bytes:
    """The printer's own QR code: model, module, level, data, print."""
    length = (len(payload) + 3).to_bytes(2, "little")
    settings = b"\x1d(k\x04\x001A2\x00\x1d(k\x03\x001C%c\x1d(k\x03\x001E%c" % (module, 48 + level)
    return settings + b"\x1d(k" + length + b"1P0" + payload + b"\x1d(k\x03\x001Q0"


def code128(data: bytes, *, height: int = 60, module: int = 2, text: int = 0) -> bytes:
    return b"\x1dh%c\x1dw%c\x1dH%c\x1dk\x49%c" % (height, module, text, len(data)) + data


def test_the_printer_s_own_codes_are_read() -> None:
    paper = one(stored(PAYLOAD.encode()) + code128(b"{B41{C\x0c\x22") + b"\x1dk\x02123\x00")
    assert paper.qr == [PAYLOAD]
    assert paper.barcodes == ["411234", "123"]
    assert paper.text == f"[QR {PAYLOAD}]\n[barcode 411234]\n[barcode 123]\n"
    assert paper.unknown == ()


@pytest.mark.parametrize(("module", "level", "align"), [(4, 0, 0), (6, 1, 1), (3, 3, 2)])
def test_the_printer_s_own_qr_code_is_drawn_as_it_was_ordered(module: int, level: int, align: int) -> None:
    feed = b"\x1bJ" + bytes((4 * module,))
    paper = one(
        b"\x1b@" + feed + b"\x1ba" + bytes((align,)) + stored(PAYLOAD.encode(), module=module, level=level) + feed
    )
    qr = next(row for row in paper.rows if isinstance(row, QR))
    assert (qr.module, qr.level) == (module, "LMQH"[level])
    assert qr.left == (0, (384 - qr.width) // 2, 384 - qr.width)[align]
    assert paper.height == 8 * module + qr.modules * module
    (found,) = zxingcpp.read_barcodes(draw(paper))
    assert found.text == PAYLOAD
    corner = MARGIN[384] + BORDER + qr.left
    assert abs(found.position.top_left.x - corner) <= module


@pytest.mark.parametrize("text", [0, 1, 2, 3])
def test_the_printer_s_own_barcode_is_drawn_as_it_was_ordered(text: int) -> None:
    paper = one(b"\x1b@\x1ba\x01" + code128(b"{B4101-x", text=text) + b"a\n")
    assert paper.height == 60 + 24 * (0, 1, 1, 2)[text] + 30
    (found,) = zxingcpp.read_barcodes(draw(paper))
    assert found.text == "4101-x"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (stored(PAYLOAD.encode(), module=16), "wider than the paper: not printed"),
        (stored(b"x" * 3000), "more than a code holds: not printed"),
        (b"\x1d(k\x03\x001Q0", "nothing is stored: not printed"),
        (stored(b"12")[:-8] + b"\x1b@\x1d(k\x03\x001Q0", "nothing is stored: not printed"),
        (b"a" + stored(b"12") + b"\n", "only at the start of a line"),
        (code128(b"{B" + b"x" * 60), "wider than the paper: not printed"),
        (code128(b"4101"), "no code set comes first: not printed"),
        (code128(b"{C\xff"), "255 in code set C: not printed"),
    ],
)
def test_a_code_that_cannot_be_printed_is_not(data: bytes, why: str) -> None:
    papers = read_papers(data, 384)
    assert [code for paper in papers for code in paper.qr + paper.barcodes] == []
    assert papers[-1].unknown[-1].why.endswith(why)


def test_a_barcode_that_came_as_a_picture_is_read() -> None:
    bars, _ = code128_as_sent(b"{B4101-x")
    dots = int("".join(bit * 2 for bit in bars), 2)
    size = -(-len(bars) * 2 // 8)
    row = (dots << size * 8 - len(bars) * 2).to_bytes(size, "big")
    paper = one(b"\x1ba\x01\x1dv0\x00" + bytes((size, 0, 50, 0)) + row * 50 + b"\x1ba\x00a\n")
    assert (paper.qr, paper.barcodes) == ([], ["4101-x"])
    assert paper.text == "[barcode 4101-x]\na\n"


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
        (b"\x1b*\x21\x01\x00abc", "offset 8: half a line: not printed without a line feed"),
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


PIECES = [
    *(start for start in COMMANDS),
    *(b"\x1dv0\x00\x01\x00\xff\xff", b"\x1dv0\x03\xff\xff\xff\xff", b"\x1d(k\x05\x001P0ab", b"\x1d(k\x03\x001Q0"),
    *(
        b"\x1dk\x49\x04{B12",
        b"\x1dk\x02",
        b"\x1c&",
        b"\x1cC\xff",
        b"a\n",
        b"\xb0\xa1",
        b"\xe4\xb8\xad",
        b"\x00",
        b"\x1dV\x01",
    ),
]
noise = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=30).map(b"".join)


@given(noise)
def test_any_bytes_are_some_paper(data: bytes) -> None:
    for paper in read_papers(data):
        assert paper.as_json()["text"].endswith("\n")
        assert paper.height >= 0
        assert all(str(strange).startswith("offset ") for strange in paper.unknown)


@settings(max_examples=20)
@given(noise)
def test_any_paper_can_be_drawn(data: bytes) -> None:
    for paper in read_papers(data):
        assert draw(paper).height <= LONGEST + 2 * (EDGE + BORDER)


@given(noise)
def test_byte_by_byte_is_the_same(data: bytes) -> None:
    reader = Reader()
    papers = [paper for byte in data for paper in reader.feed(bytes((byte,)))]
    at_once = Reader()
    assert papers + reader.finish() == at_once.feed(data) + at_once.finish()


HOSTILE = [
    b"\x1dv0\x00\x01\x00\xff\xff",
    b"\x1dv0\x00\xff\xff\xff\xff",
    b"\x1dv0\x00\x01\x00\x01\x00\xaa",
    b"\x1bd\xff",
    b"\x1b@a\n",
    b"\x1dk\x02",
    b"\x1d(k\x0b\x001P0abcdefgh\x1d(k\x03\x001Q0",
    b"\x1bD\x01",
    b"\x1b*\x00\x02\x00ab",
    b"\x1d(L\x0b\x000p0\x02\x021\x08\x00\x01\x00\xff\x1d(L\x02\x0002",
    b"\x07",
    b"\x1b",
]


class Looked(bytearray):
    """Counts the bytes that are copied out of it."""

    count = 0

    def __getitem__(self, key: Any) -> Any:
        got = super().__getitem__(key)
        Looked.count += len(got) if isinstance(key, slice) else 1
        return got


@pytest.mark.parametrize("piece", HOSTILE, ids=bytes.hex)
def test_twice_the_bytes_take_about_twice_the_work(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen times as many bytes take 256 times as much where the work is quadratic. Work is counted, not timed: calls
    made, and bytes looked at."""
    monkeypatch.setattr(escpos, "bytearray", Looked, raising=False)

    def work(size: int) -> int:
        profile, before = Profile(int), Looked.count  # ``int`` as a clock: time is not asked for
        profile.enable()
        read_papers(piece * (size // len(piece)))
        profile.disable()
        return sum(entry.callcount for entry in profile.getstats()) + Looked.count - before

    assert work(32 * 1024) < 24 * work(2 * 1024)


def test_without_the_package_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    read_codes.cache_clear()
    monkeypatch.setitem(sys.modules, "zxingcpp", None)
    with pytest.raises(RuntimeError, match="zxing-cpp"):
        _ = one(qr_bands()).qr


def test_a_head_with_all_of_gb18030_takes_four_bytes_for_a_letter() -> None:
    data = b"\x1b@\x1c&" + "菜𬭊ğ7".encode("gb18030") + b"\n"
    (full,) = read_papers(data, encoding="gb18030")
    assert (full.text, full.unknown) == ("菜𬭊ğ7\n", ())
    (usual,) = read_papers(data)
    assert usual.unknown

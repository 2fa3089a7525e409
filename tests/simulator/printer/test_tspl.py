"""TSPL bytes, read back into labels: by hand-made jobs, in any chunks, with noise."""

from itertools import pairwise

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.printer.picture import BORDER, LABEL_MARGIN, draw
from simulator.printer.read import Paper, read_papers
from simulator.printer.tspl import COMMANDS, MOST_COPIES, Reader, is_tspl

HEAD = b"SIZE 40 mm,30 mm\r\nGAP 2 mm,0 mm\r\nDIRECTION 1\r\nCLS\r\n"
URL = "https://sy.example.cn/b/1"


def text(
    left: int, top: int, said: str, *, font: str = "TSS24.BF2", turn: int = 0, wide: int = 1, high: int = 1
) -> bytes:
    return f'TEXT {left},{top},"{font}",{turn},{wide},{high},"{said}"\r\n'.encode("gbk")


def qr(left: int = 0, top: int = 0, module: int = 4, level: str = "M", said: str = URL) -> bytes:
    return f'QRCODE {left},{top},{level},{module},A,0,"{said}"\r\n'.encode()


def barcode(
    left: int = 20, top: int = 20, said: str = "17", kind: str = "128", narrow: int = 2, shown: int = 0
) -> bytes:
    return f'BARCODE {left},{top},"{kind}",64,{shown},0,{narrow},{narrow},"{said}"\r\n'.encode()


def one(*commands: bytes) -> Paper:
    (paper,) = read_papers(HEAD + b"".join(commands) + b"PRINT 1,1\r\n")
    return paper


def test_a_label_has_its_size_and_its_texts_in_reading_order() -> None:
    label = one(
        text(0, 90, "上海青"),
        text(120, 0, "17", wide=2, high=2),
        text(0, 24, "样品号"),
        text(24, 120, "a,b 'c'"),
    )
    assert (label.dots, label.height, label.cut, label.unknown) == (320, 240, True, ())
    assert label.text == "样品号    17\n上海青\n  a,b 'c'\n"
    assert label.raw.startswith(b"SIZE") and label.raw.endswith(b"PRINT 1,1\r\n")


def test_the_codes_of_a_label_are_read_and_drawn_at_their_place() -> None:
    label = one(qr(32, 24), barcode(180, 100, "4101"))
    assert (label.qr, label.barcodes) == ([URL], ["4101"])
    assert label.text == f"[QR {URL}]\n[barcode 4101]\n"
    found = {code.text: code.position.top_left for code in zxingcpp.read_barcodes(draw(label))}
    edge = LABEL_MARGIN + BORDER
    assert abs(found[URL].x - (32 + edge)) <= 4 and abs(found[URL].y - (24 + edge)) <= 4
    assert abs(found["4101"].x - (180 + edge)) <= 4


def test_a_bitmap_may_hold_line_feeds_and_zero_is_black() -> None:
    dots = b"\r\nPRINT 1\r\n\x1b!?" + bytes(2)
    label = one(b"BITMAP 8,16,2,8,0," + dots + b"\r\n", text(0, 100, "a"))
    (raster,) = label.rasters
    assert raster.rows[7] == b"\xff\xff"
    assert raster.left == 8
    assert next(iter(label.placed)) == (16, raster)
    assert label.text == "[picture]\na\n"


def test_each_copy_is_a_label_and_a_second_print_gives_the_same() -> None:
    papers = read_papers(
        HEAD + text(0, 0, "a") + b"PRINT 2,3\r\nPRINT 1\r\n" + b"CLS\r\n" + text(0, 0, "b") + b"PRINT 1\r\n"
    )
    assert [paper.text for paper in papers] == ["a\n"] * 7 + ["b\n"]
    reader = Reader()
    reader.feed(HEAD + text(0, 0, "a") + b"PRINT 2\r\n")
    assert reader.fed == 2 * (30 + 2) * 8


def test_endless_copies_end() -> None:
    papers = read_papers(HEAD + b"PRINT 999999,999999\r\n")
    assert len(papers) == MOST_COPIES
    assert papers[0].unknown[0].why == f"PRINT: only {MOST_COPIES} of 999998000001 labels are printed here"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (b"HELLO 1,2\r\n", "48 45 4c 4c 4f 20 31 2c 32: not known"),
        (b"BAR 0,0,10,10\r\n", "42 41 52 20 30 2c 30 2c 31 30 2c 31 30: BAR: known, but not drawn here"),
        (b"SIZE 0 mm\r\n", "53 49 5a 45 20 30 20 6d 6d: SIZE: larger or smaller than any label here"),
        (b"\x1b!R", "1b 21 52: not known"),
        (text(0, 0, "a", turn=90), "…: TEXT: turned, which is not drawn here"),
        (text(0, 0, "a", font="9"), "…: TEXT: font 9 is drawn with letters of 24 dots"),
        (text(0, 0, "a", wide=99), "…: TEXT: with parameters that mean nothing"),
        (b'TEXT 0,0,"3",0,1,1,"\xff\xff"\r\n', "…: TEXT: no text in GBK"),
        (qr(module=10, said=URL * 3), "…: QRCODE: wider than the label: not printed"),
        (qr(said="x" * 3000), "…: QRCODE: more than a code holds: not printed"),
        (qr(level="X"), "…: QRCODE: with parameters that mean nothing"),
        (barcode(narrow=10), "…: BARCODE: wider than the label: not printed"),
        (b"BITMAP 0,0,1,1,9,x\r\n", "…: BITMAP: with parameters that mean nothing"),
        (b'TEXT 1\x1c,0,"3",0,1,99\x1f,"a"\r\n', "…: TEXT: with parameters that mean nothing"),
        (b"BITMAP a,b,c,d,e,", "…: BITMAP: with parameters that mean nothing"),
    ],
)
def test_what_is_strange_is_named_with_its_place(command: bytes, said: str) -> None:
    label = one(command)
    assert str(label.unknown[0]).startswith(f"offset {len(HEAD)}: ")
    assert str(label.unknown[0]).endswith(said)


def test_any_blank_may_stand_around_a_number() -> None:
    assert one(b'TEXT 16\x1f,\x1c0,"3",0,1,1,"a"\r\n').text.strip() == "a"


def test_what_ends_too_early_is_named() -> None:
    (label,) = read_papers(HEAD + b"BITMAP 0,0,40,240,0,\xff\xff")
    assert label.unknown[0].why == "half a command"
    (label,) = read_papers(HEAD + text(0, 0, "a"))
    assert label.unknown[0].why == "a label was drawn, and no PRINT came"


def test_another_barcode_stands_as_text() -> None:
    label = one(barcode(kind="EAN13", said="690123456789", shown=1))
    assert label.barcodes == ["690123456789"]
    assert label.unknown == ()
    draw(label)


@pytest.mark.parametrize(
    ("data", "is_it"),
    [
        (HEAD, True),
        (b"\r\ncls\r\n", True),
        (b"\x1b!?\x1b!?SIZE 40 mm,30 mm\r\n", True),
        (b"BITMAP 0,0,1,1,0,x\r\n", True),
        (b"\x1b@CLS\r\n", False),
        (b"SIZES\n", False),
        (b"", False),
    ],
)
def test_a_label_job_is_known_by_its_first_command(data: bytes, is_it: bool) -> None:
    assert is_tspl(data) is is_it


JOB = HEAD + text(0, 0, "样品号") + b"BITMAP 8,16,2,3,0,\r\n\r\n\r\n\r\n" + qr() + b"\x1b!?NO\r\nPRINT 2\r\n"


@given(st.lists(st.integers(1, len(JOB)), max_size=20))
def test_the_chunking_changes_nothing(cuts: list[int]) -> None:
    reader = Reader()
    places = [0, *sorted(cuts), len(JOB)]
    papers = [paper for a, b in pairwise(places) for paper in reader.feed(JOB[a:b])]
    assert papers + reader.finish() == read_papers(JOB, 320)


@pytest.mark.parametrize(
    "data",
    [
        b'BARCODE 1,1,"128",40,1,0,\xb2,2,"12"\nBITMAP\n0,0,1,2,0,ab\nPRINT 1\n',
        b"BITMAP\r\n0,0,1,2,0,ab\r\nPRINT 1\r\n",
        b"BITMAP\v0,0,1,2,0,ab\nPRINT 1\n",
        b"BITMAP\t0,0,1,2,0,ab\nPRINT 1\n",
    ],
)
def test_byte_by_byte_it_is_the_same_label(data: bytes) -> None:
    whole, cut = Reader(), Reader()
    papers = [paper for byte in data for paper in cut.feed(bytes((byte,)))]
    assert papers + cut.finish() == whole.feed(data) + whole.finish()


PIECES = [
    *(name + end for name in COMMANDS for end in (b" ", b"\r\n", b" 1,1\r\n", b' 0,0,"')),
    *(
        text(0, 0, "a"),
        qr(),
        barcode(),
        b"BITMAP 0,0,1,2,0,",
        b"BITMAP 0,0,9999999,9999999,0,",
        b'"',
        b",",
        b"99999999",
        b"\x1b!?",
    ),
]


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=30).map(b"".join))
def test_any_bytes_are_some_labels(data: bytes) -> None:
    for paper in read_papers(b"CLS\r\n" + data)[:3]:
        assert paper.as_json()["text"].endswith("\n")
        assert draw(paper).height == paper.height + 2 * (LABEL_MARGIN + BORDER)

"""Documents on the grid."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.printers import profile
from protocol.printers import codes
from protocol.printers import text as paper_text
from protocol.printers.document import (
    QR,
    Align,
    Cell,
    Columns,
    Cut,
    Document,
    Feed,
    Pair,
    Part,
    Rule,
    Sign,
    Size,
    Text,
)
from protocol.printers.layout import TextRow, layout
from protocol.printers.plain import plain

ANY = st.text(st.characters(), max_size=60)
ALIGN, SIZE = st.sampled_from(Align), st.sampled_from(Size)
SIDES = st.sampled_from([Align.LEFT, Align.RIGHT])
CELLS = st.lists(st.builds(Cell, ANY, st.integers(0, 64), ALIGN), min_size=1, max_size=6).map(tuple)
PARTS = st.one_of(
    st.builds(Text, ANY, ALIGN, SIZE, st.booleans()),
    st.builds(Pair, ANY, ANY, SIDES, SIZE, st.booleans(), st.integers(0, 64)),
    st.builds(
        Pair, ANY, ANY, st.just(Align.LEFT), st.just(Size.NORMAL), st.booleans(), st.integers(0, 64), st.just(True)
    ),
    st.builds(Columns, CELLS, st.sampled_from([Size.NORMAL, Size.TALL]), st.booleans()),
    st.builds(Feed, st.integers(0, 5)),
    st.just(Rule()),
    st.just(Cut()),
    st.builds(Sign, ANY),
    st.just(QR("https://sy.example.cn/b/1", "1")),
)
DOCUMENTS = st.lists(PARTS, max_size=8).map(lambda parts: Document("test", "test", tuple(parts)))


def shown(*parts: Part, columns: int = 32) -> list[str]:
    return plain(layout(Document("", "", parts), columns)).splitlines()


@given(DOCUMENTS, st.sampled_from([32, 42, 48]))
def test_no_row_is_wider_than_the_paper(document: Document, columns: int) -> None:
    for row in layout(document, columns).rows:
        if isinstance(row, TextRow):
            assert sum(run.columns for run in row.runs) <= columns


@given(st.integers(0, 4_294_967_295), st.sampled_from(Size), st.sampled_from([32, 48]))
def test_an_amount_is_never_broken_or_cut(fen: int, size: Size, columns: int) -> None:
    amount = f"￥{fen // 100}.{fen % 100:02d}"
    lines = shown(Pair("合计 Total", amount, size=size), columns=columns)
    assert lines[-1].endswith(amount)


def test_text_stands_where_it_is_told_to() -> None:
    assert shown(Text("白菜")) == ["白菜"]
    assert shown(Text("白菜", Align.CENTER)) == [" " * 14 + "白菜"]
    assert shown(Text("白菜", Align.RIGHT, Size.LARGE)) == [" " * 24 + "白菜"]


def test_a_long_value_stays_in_its_column() -> None:
    assert shown(Pair("卖方", "刘记蔬菜批发部东门分店二号摊位", Align.LEFT)) == [
        "卖方 刘记蔬菜批发部东门分店二号",
        "     摊位",
    ]
    assert shown(Pair("异议受理 Objections to", "市场监管所", Align.LEFT)) == [
        "异议受理 Objections to",
        " " * 22 + "市场监管所",
    ]
    assert shown(Pair("检测时间 Measured", "2026-11-22 04:12:44")) == [
        "检测时间 Measured",
        " " * 13 + "2026-11-22 04:12:44",
    ]


def test_cells_wrap_within_themselves() -> None:
    cells = (Cell("小白菜苗", 6), Cell("1.75", 6), Cell("43.19", align=Align.RIGHT))
    assert shown(Columns(cells)) == ["小白菜 1.75                43.19", "苗"]


def test_columns_wider_than_the_paper_give_way() -> None:
    assert shown(Columns((Cell("a", 40), Cell("b", 40)))) == ["a" + " " * 15 + "b"]
    rows = layout(Document("", "", (Columns(tuple(Cell("白菜", 64) for _ in range(6))),)), 32).rows
    assert all(isinstance(row, TextRow) and row.runs[0].columns <= 32 for row in rows)


def test_what_the_printer_lacks_is_told_once() -> None:
    page = layout(Document("", "", (Text("🥬"), Pair("🥬", "𬭊"))))
    assert page.replaced == ("🥬", "𬭊")


@pytest.mark.parametrize("name", ["a\n合计 0.00", "a\u2028合计 0.00", "a" + " " * 40 + "合计 0.00"])
def test_data_cannot_begin_a_line(name: str) -> None:
    assert not any(line.startswith("合计") for line in shown(Pair("品名", name, Align.LEFT)))


NUMBERS = st.from_regex(r"[0-9]{1,5}(\.[0-9]{1,3})?", fullmatch=True)
TEXTS = st.lists(
    NUMBERS | st.sampled_from(["白菜", "元", "kg", " ", "，", "。", "gb18030", "raster", "a/", "-"]), max_size=8
)


def numbers(lines: Iterable[str]) -> list[str]:
    return [found for line in lines for found in re.findall(r"[0-9]+(?:[.,:/-][0-9]+)*", line)]


@given(parts=TEXTS, width=st.integers(24, 48))
def test_the_digits_of_a_number_never_part(parts: list[str], width: int) -> None:
    text = paper_text.clean("".join(parts)).text
    assert "".join(paper_text.wrap(text, width)).replace(" ", "") == text.replace(" ", "")
    whole = [number for number in numbers([text]) if len(number) <= width - 2]
    assert set(whole) <= set(numbers(paper_text.wrap(text, width)))


@given(
    texts=st.lists(TEXTS, min_size=1, max_size=6),
    widths=st.lists(st.integers(0, 12), min_size=6, max_size=6),
    columns=st.sampled_from([32, 42, 48]),
)
@example(texts=[[], [], ["00000", " ", "0", "00000"]], widths=[0] * 6, columns=32)
@example(texts=[[], [], ["00000", " ", "00000", " ", "12.5"]], widths=[0] * 6, columns=42)
@example(
    texts=[[], ["元", "00", "-", "元", "00001.0", "kg", "0"], ["000.0", "00000.0", "00000.0"]],
    widths=[0] * 6,
    columns=32,
)
@example(texts=[[], [], [], ["2026-11-22 10:30:5"]], widths=[0] * 6, columns=48)
def test_the_digits_of_a_number_never_part_in_columns(texts: list[list[str]], widths: list[int], columns: int) -> None:
    """A mass of 1234.50 kg once had its last digit on the next line."""
    cleaned = [paper_text.clean("".join(parts)).text for parts in texts]
    cells = tuple(Cell(text, width) for text, width in zip(cleaned, widths, strict=False))
    lines = shown(Columns(cells), columns=columns)
    for number in numbers(cleaned):
        if len(number) <= columns - 2:
            assert any(number in line for line in lines), (number, lines)


@given(key=TEXTS, value=TEXTS, left=st.booleans(), columns=st.sampled_from([32, 48]))
def test_the_digits_of_a_number_never_part_beside_a_key(
    key: list[str], value: list[str], left: bool, columns: int
) -> None:
    cleaned = paper_text.clean("".join(value)).text
    pair = Pair(paper_text.clean("".join(key)).text, cleaned, Align.LEFT if left else Align.RIGHT)
    lines = shown(pair, columns=columns)
    for number in numbers([cleaned]):
        if len(number) <= columns - 2:
            assert any(number in line for line in lines), (number, lines)


def test_a_code_stays_beside_its_key_where_there_is_room_for_both() -> None:
    code = "41010 80013 01000 00075"
    assert shown(Pair("No.", code, Align.LEFT, key_width=10)) == [f"No.      {code}"]
    assert shown(Pair("Sample no.", code, Align.LEFT, key_width=10)) == ["Sample no.", f"         {code}"]


def test_an_acceptance_of_more_than_a_ton_keeps_its_digits() -> None:
    cells = (Cell("订货", 10), Cell("到货", 10), Cell("验收", 10))
    masses = tuple(Cell(text, 6) for text in ("1234.50", "1200.00", "99999.999"))
    assert "1234.50 1200.00 99999.999" in " ".join(" ".join(shown(Columns(cells), Columns(masses))).split())


def test_a_word_to_be_typed_is_whole() -> None:
    assert paper_text.wrap("汉字乱码：encoding 改为 gb18030、utf-8 或 raster", 30) == [
        "汉字乱码：encoding 改为",
        "gb18030、utf-8 或 raster",
    ]
    assert paper_text.wrap("汉字乱码：改为 gb18030、utf-8", 22) == ["汉字乱码：改为", "gb18030、utf-8"]
    assert paper_text.wrap("gb18030，utf-8", 7) == ["gb18030", "，utf-8"]


def test_two_short_pairs_share_a_line_where_the_paper_is_wide() -> None:
    stall, phone = Pair("摊位", "A区012", Align.LEFT, half=True), Pair("电话", "0371-0000 0000", Align.LEFT, half=True)
    long = Pair("地址", "郑州市惠济区市场路1号东门", Align.LEFT, half=True)
    assert shown(stall, phone) == ["摊位 A区012", "电话 0371-0000 0000"]
    assert shown(stall, phone, columns=48) == ["摊位 A区012" + " " * 14 + "电话 0371-0000 0000"]
    assert shown(stall, long, phone, columns=48) == [
        "摊位 A区012  地址 郑州市惠济区市场路1号东门",
        "电话 0371-0000 0000",
    ]
    assert shown(stall, Rule(), phone, columns=48) == ["摊位 A区012", "-" * 48, "电话 0371-0000 0000"]
    assert shown(long, long, columns=48)[0] == "地址 郑州市惠济区市场路1号东门"


def test_a_signature_has_room_for_a_hand_and_two_share_a_wide_line() -> None:
    """10 mm above the line; a long name has a line of its own."""
    assert shown(Sign("货主"), Sign("见证人")) == ["", "", "货主 " + "_" * 27, "", "", "见证人 " + "_" * 25]
    assert shown(Sign("货主"), Sign("见证人"), columns=48) == ["", "", "货主 " + "_" * 18 + "  见证人 " + "_" * 16]
    assert shown(Sign("膳食委员会家长代表"), Sign("见证人"), columns=48)[2].count("_") == 29
    assert shown(Sign("被告知人 Told to 摊主 李秀兰")) == ["被告知人 Told to 摊主 李秀兰", "", "", "_" * 32]
    assert shown(Pair("摊位", "A区012", Align.LEFT, half=True), Sign("货主"), columns=48)[0] == "摊位 A区012"


def test_chinese_is_never_squeezed() -> None:
    """Of a tall line only letters, digits and ￥ are tall."""
    (row,) = layout(Document("", "", (Pair("净重", "￥12.340 kg", size=Size.TALL),))).rows
    assert isinstance(row, TextRow)
    assert [(run.text.strip(), run.size, run.bold) for run in row.runs] == [
        ("净重", Size.NORMAL, True),
        ("￥12.340 kg", Size.TALL, False),
    ]


def test_what_fits_is_large_and_what_does_not_is_still_told_from_the_rest() -> None:
    def sizes(text: str, size: Size, columns: int = 32) -> set[Size]:
        rows = layout(Document("", "", (Text(text, size=size),)), columns).rows
        return {run.size for row in rows if isinstance(row, TextRow) for run in row.runs}

    assert sizes("快检阳性（筛查）", Size.FIT) == {Size.LARGE}
    assert sizes("惠民农产品批发市场", Size.FIT) == {Size.NORMAL}
    assert sizes("惠民农产品批发市场", Size.FIT, 48) == {Size.LARGE}
    assert sizes("Positive (screening)", Size.FIT) == {Size.TALL}
    assert sizes("9999", Size.HUGE) == {Size.HUGE}
    assert sizes("2026-0017", Size.HUGE) == {Size.LARGE}


@pytest.mark.parametrize(
    "whole", ["41010 80011 01000 10074", "41010 80010 123", "12.340 kg", "2026-11-22 05:31:07", "0.05 mg/kg", "8.5 ℃"]
)
@pytest.mark.parametrize("before", ["来", "来源 ", "source ", "甲乙丙丁 "])
def test_a_code_a_time_and_a_number_with_its_unit_are_never_parted(before: str, whole: str) -> None:
    for width in range(24, 49):
        assert any(whole in line for line in paper_text.wrap(f"{before * 3}{whole} {before}", width))


def test_a_big_code_is_as_wide_as_the_paper() -> None:
    for name, most in (("generic-58", 384), ("generic-80", 576)):
        small, big = (
            codes.qr_height("https://sy.example.cn/b/41010800110100010074", profile(name), big=one)
            for one in (False, True)
        )
        assert small < big <= most < big + 2 * codes.qr_modules("https://sy.example.cn/b/41010800110100010074")

"""What reaches the printer of a text, for all of Unicode."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.printers.text import MARK, clean, columns, cut, encode, wrap

ANY = st.text(st.characters(), max_size=80)  # lone surrogates too


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("上海青", "上海青"),
        ("白菜\x1b@\x1dV\x00", "白菜@V"),
        ("白菜\x10\x14\x01\x00\x05", "白菜"),
        ("a\nb\r\nc\td", "a b c d"),
        ("合计\u2028 0.00", "合计 0.00"),
        ("  a \u3000 b  ", "a b"),
        ("a\u202eb\u2066c\u200bd\ufeffe\u00adf", "abcdef"),
        ("¥12 m² 5½ ✓ •", "￥12 m2 51/2 √ ·"),
        ("菜🥬心", f"菜{MARK}心"),
        ("\U0002cb4a", MARK),  # a surname's character, four bytes in GB18030
        ("\u4dae", MARK),  # two bytes in GB18030, none in GBK
        ("\ue000", MARK),  # private use: somebody's character, so its place stays visible
        ("e\u0301", "é"),
        ("Z" + "\u0335" * 50, "Z"),
        ("\x80\x85\x9b", ""),
        ("\ud800x", "x"),
        ("", ""),
    ],
)
def test_text_becomes_what_can_be_printed(text: str, shown: str) -> None:
    assert clean(text).text == shown


def test_what_was_replaced_is_told_once() -> None:
    assert clean("🥬白🥬菜𬭊").replaced == ("🥬", "𬭊")
    assert clean("白菜\x1b\u200b").replaced == ()


@given(ANY)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean(text).text
    assert clean(once).text == once
    assert unicodedata.normalize("NFC", once) == once


@given(ANY, st.integers(2, 48))
def test_wrapped_text_fits_and_loses_nothing_but_blanks(text: str, width: int) -> None:
    cleaned = clean(text).text
    lines = wrap(cleaned, width)
    assert all(columns(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == cleaned.replace(" ", "")


@given(ANY, st.integers(0, 48))
def test_a_cut_text_fits(text: str, width: int) -> None:
    cleaned = clean(text).text
    short = cut(cleaned, width)
    assert columns(short) <= width
    assert short == cleaned if columns(cleaned) <= width else short[:-1] == cleaned[: max(0, len(short) - 1)]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 4, [""]),
        ("上海青小白菜", 5, ["上海", "青小", "白菜"]),
        ("one two three", 8, ["one two", "three"]),
        ("12345678901234", 8, ["12345678", "901234"]),
        ("快检阳性（筛查），暂停", 16, ["快检阳性（筛", "查），暂停"]),
        ("，，，，", 4, ["，，", "，，"]),
        ("白菜 ab cd", 6, ["白菜", "ab cd"]),
    ],
)
def test_lines_end_where_people_would_end_them(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


def test_uncleaned_text_does_not_reach_the_printer() -> None:
    with pytest.raises(ValueError, match="not cleaned"):
        encode("a\x1b@")
    with pytest.raises(ValueError, match="does not fit 1"):
        wrap("白", 1)

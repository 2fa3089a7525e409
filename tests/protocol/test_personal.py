"""Telephone and identity numbers are found however they are written; what only looks like one is left alone."""

from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocol import personal
from protocol.checks import mod11_10
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.written import grouped
from protocol.personal import found, is_identity_number, is_licence, masked

PROVINCES = sorted(personal._PROVINCES)
SIGNS = personal._LICENCE_SIGNS
digits = st.text("0123456789", min_size=1, max_size=1)


def number(size: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=size, max_size=size)


@st.composite
def identity(draw: st.DrawFn) -> str:
    born = date(1900, 1, 1) + timedelta(days=draw(st.integers(0, 60_000)))
    body = f"{draw(st.sampled_from(PROVINCES))}{draw(number(4))}{born:%Y%m%d}{draw(number(3))}"
    whole = body + personal.identity_check(body)
    assume(not is_licence(whole))
    return whole.lower() if draw(st.booleans()) else whole


@st.composite
def mobile(draw: st.DrawFn) -> str:
    return f"1{draw(st.sampled_from('3456789'))}{draw(number(9))}"


@st.composite
def licence(draw: st.DrawFn) -> str:
    body = draw(st.text(SIGNS, min_size=8, max_size=8))
    kind = draw(st.sampled_from(["11", "12", "13", "51", "52", "53", "91", "92", "93"]))
    whole = f"{kind}{draw(st.sampled_from(PROVINCES))}{draw(number(4))}{body}{personal.body_check(body)}"
    return whole + personal.licence_check(whole)


around = st.text(st.characters(exclude_categories=("N", "Cs", "Zs", "Pd", "Pc", "Po")), max_size=12).filter(
    lambda text: text.isascii() is False or not text
)
gap = st.sampled_from([" ", "-", "–", "—", "－", "　", ".", " - ", "·", "_", "/"])


@given(mobile(), around, around)
def test_a_mobile_number_is_found_in_any_text(number: str, before: str, after: str) -> None:
    text = f"{before}，{number}。{after}"
    assert found(text) == number
    assert number not in masked(text)
    assert found(masked(text)) == ""


@given(mobile(), gap, st.sampled_from([(3, 7), (7,), (3,), (4, 7), (3, 6), (4, 8), (5,), (3, 5, 7, 9)]))
def test_separators_do_not_hide_it(number: str, between: str, cuts: tuple[int, ...]) -> None:
    parts = [number[start:end] for start, end in zip((0, *cuts), (*cuts, 11), strict=True)]
    assert found(f"电话{between.join(parts)}，送货") == between.join(parts)


@given(mobile(), st.sampled_from(["+86", "+86 ", "0086", "0086-", "(+86)", "86-", "(86) "]))
def test_nor_does_the_countrys_number(number: str, prefix: str) -> None:
    assert found(f"打{prefix}{number}")


@given(mobile())
def test_nor_do_wide_digits_or_letters_beside_it(number: str) -> None:
    wide = number.translate({ord("0") + one: ord("０") + one for one in range(10)})
    assert found(f"李四{wide}") == wide
    assert found(f"tel{number}") == number


@given(identity(), around)
def test_an_identity_number_is_found(number: str, before: str) -> None:
    assert is_identity_number(number)
    assert found(f"{before} 身份证{number}号") == number
    assert found(f"12 {number}") == number
    assert found(f"证{number[:6]} {number[6:14]} {number[14:]}") != ""
    assert found(number, mobile=False) == number
    assert number not in masked(f"{number} {number}")


@given(identity(), st.integers(0, 16), digits)
def test_a_wrong_digit_is_no_identity_number(number: str, place: int, digit: str) -> None:
    changed = number[:place] + digit + number[place + 1 :]
    assume(changed != number)
    assert not is_identity_number(changed)


@given(number(9), st.sampled_from(CodeKind), number(2), st.integers(1, 9_999_999))
def test_trace_codes_pass_in_every_spelling(node: str, kind: CodeKind, terminal: str, serial: int) -> None:
    code = str(TraceCode(node, kind, terminal, serial))
    for text in (code, grouped(code), f"https://sy.example.cn/b/{code}", f"批次 {grouped(code)} 来"):
        assert found(text) == ""


@given(number(13))
def test_operator_codes_and_bar_codes_pass(code: str) -> None:
    for text in (code, grouped(code), code[:8], code[:12], f"0{code}", f"卖方{code}号"):
        assert found(text) == ""


@given(licence())
def test_licences_pass_also_those_of_digits_alone(code: str) -> None:
    assert is_licence(code)
    assert found(f"执照 {code}") == ""
    assert found(code) == ""


@given(st.text("0123456789", min_size=8, max_size=8), st.sampled_from(PROVINCES), number(4))
def test_licences_of_digits_pass(body: str, province: str, place: str) -> None:
    whole = f"12{province}{place}{body}{personal.body_check(body)}"
    assert found(whole + personal.licence_check(whole)) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "河南中牟",
        "豫A12345",
        "2026-11-22 05:31:07",
        "2026-11-22T05:31:07.123456+08:00",
        "毛重 18.25 皮重 0.75，复称 17.50",
        "共 13 筐 500 斤",
        "座机 0371-65512345",
        "¥13812345.67",
        "6901234567892",
        "12345678901234",
        "第 138123456789 号",
        "0.12 0.13 0.14",
    ],
)
def test_what_people_write_every_day_passes(text: str) -> None:
    assert found(text) == ""
    assert masked(text) == text


def test_numbers_of_papers_may_have_eleven_digits() -> None:
    assert found("13812345678", mobile=False) == ""


def test_a_hint_names_the_number_to_its_writer_alone() -> None:
    assert personal.hint("138-1234-5678") == "138…78"
    assert masked("找王敏13812345678，或 139 1234 5678") == "找王敏138…78，或 139…78"


def test_known_numbers() -> None:
    """The example of GB 11643, and the city's own licence."""
    assert is_identity_number("11010519491231002X")
    assert is_licence("91110000802100433B")
    assert mod11_10("4101080011010000001") == "0"

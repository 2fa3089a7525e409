"""Labels with a weight or a price inside: every digit counts, and what is wrong is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.labels import BadLabel, Label, Pattern, check_digit, field_check


@pytest.mark.parametrize(
    ("pattern", "code", "label"),
    [
        ("21IIIIIWWWWWC", "2100123012503", Label("00123", 1250, None)),
        ("21IIIIIWWWWWC", "]E02100123012503", Label("00123", 1250, None)),
        ("21IIIIIWWWWWC", " ２１００１２３０１２５０３ ", Label("00123", 1250, None)),
        ("22IIIIIPPPPPC", "2200123004383", Label("00123", None, 438)),
        ("2IIIIIIPPPPPWWWWWC", "200012300438012507", Label("000123", 1250, 438)),
        ("23IIIIVPPPPPC", "2301236146851", Label("0123", None, 14685)),
        ("24IIIIIVPPPPC", "2400123928751", Label("00123", None, 2875)),
        ("25IIIIIWWWWWX", "2500123012500", Label("00123", 1250, None)),
        ("gs1", "(01)06901234567892(3103)001250", Label("06901234567892", 1250, None)),
        ("gs1", "]C10106901234567892310300125017261231", Label("06901234567892", 1250, None)),
        ("gs1", "]C101069012345678923103001250", Label("06901234567892", 1250, None)),
        ("gs1", "]C101069012345678923102000125\x1d10A", Label("06901234567892", 1250, None)),
        ("21IIIIIWWWWWC", "2200123012500", None),
        ("21IIIIIWWWWWC", "21001230125", None),
        ("gs1", "2100123012503", None),
    ],
)
def test_a_code_says_what_its_pattern_says(pattern: str, code: str, label: Label | None) -> None:
    assert Pattern.parse(pattern).read(code) == label


@pytest.mark.parametrize(
    ("pattern", "code", "why"),
    [
        ("21IIIIIWWWWWC", "2100123012504", "check digit 4, should be 3"),
        ("23IIIIVPPPPPC", "2301235146852", "price 5, not 6"),
        ("gs1", "(01)06901234567890(3103)001250", "GTIN 0, should be 2"),
        ("gs1", "(01)06901234567892(3104)001255", "parts of a gram"),
    ],
)
def test_a_wrong_digit_is_said(pattern: str, code: str, why: str) -> None:
    with pytest.raises(BadLabel, match=why):
        Pattern.parse(pattern).read(code)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "21IIIIIC",
        "21WWWWWWWWWWC",
        "21IIWWIIC",
        "21IIIIIWWWWCC",
        "C1IIIIIWWWWW",
        "21IIIIVWWWC",
        "abc",
        "21IVVWWWWWC",
    ],
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"item|letters|digits|last|before|together|at most|stand"):
        Pattern.parse(text)


def test_the_check_digits_are_those_of_gs1() -> None:
    assert (check_digit("629104150021"), field_check("2875"), field_check("14685")) == ("3", "9", "6")
    assert Pattern.parse("21IIIIIWWWWWC").prefix == "21"
    assert Pattern.parse("gs1").prefix == ""


@given(item=st.integers(0, 99_999), grams=st.integers(0, 99_999), place=st.integers(0, 12), more=st.integers(1, 9))
def test_one_digit_wrong_is_always_found(item: int, grams: int, place: int, more: int) -> None:
    pattern = Pattern.parse("21IIIIIWWWWWC")
    code = f"21{item:05d}{grams:05d}"
    code += check_digit(code)
    assert pattern.read(code) == Label(f"{item:05d}", grams, None)
    other = code[:place] + str((int(code[place]) + more) % 10) + code[place + 1 :]
    if place < 2:
        assert pattern.read(other) is None
    else:
        with pytest.raises(BadLabel):
            pattern.read(other)

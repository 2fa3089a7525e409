"""One rule for the texts of others: what is printed as it stands holds nothing harmful."""

import sys

import pytest

from protocol import plain


def test_no_letter_that_prints_is_harmful() -> None:
    """So a text of nothing else is not looked through, on the Unicode of every Python this runs on."""
    printing = "".join(letter for letter in map(chr, range(sys.maxunicode + 1)) if letter.isprintable())
    assert plain._HARMFUL.search(printing) is None
    assert len(printing) > 100_000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  大白菜 ", "大白菜"),
        ("大白菜\n王", "大白菜 王"),
        ("a\u202eb\x1b[2J", "a b [2J"),
        ("\u3000白菜\u3000", "白菜"),
        ("\ud800", ""),
        ("", ""),
    ],
)
def test_a_text_is_one_harmless_line(text: str, line: str) -> None:
    assert plain.line(text) == line

"""Labels of pre-packed goods with a weight or a price in their code: EAN-13 of the market's own prefix (20 to 29), the
18 digits that Chinese label scales print, and GS1 element strings.

    2 1 I I I I I W W W W W C     13 digits, here: prefix 21, item, grams, check digit
    2 2 I I I I I P P P P P C     the same with a price in fen
    2 3 I I I I V P P P P P C     V: check digit of the field that follows (GS1 General Specifications 7.9)
    (01) GTIN-14 (310n) six digits    net kilograms with n decimals

A pattern has a letter for each digit; digits stand for themselves.  No national norm fixes the inner fields, so a
market says what its label scales print.
"""

import re
import unicodedata
from decimal import Decimal
from typing import Self

from protocol.frozen import frozen

LONGEST = 120
GS1 = "gs1"
_ELEMENTS = re.compile(r"\(?01\)?([0-9]{14})\(?310([0-5])\)?([0-9]{6})")
_LETTERS = re.compile(r"[0-9]*[0-9IWPVCX]+")

# How much a digit counts at a place of the field (GS1 General Specifications, price and weight check digits).
_WEIGHTS = {
    "2-": (0, 2, 4, 6, 8, 9, 1, 3, 5, 7),
    "3": (0, 3, 6, 9, 2, 5, 8, 1, 4, 7),
    "5+": (0, 5, 1, 6, 2, 7, 3, 8, 4, 9),
    "5-": (0, 5, 9, 4, 8, 3, 7, 2, 6, 1),
}


class BadLabel(ValueError):
    """Such a label, but damaged or misread; the message says where."""


@frozen
class Label:
    """What a label states: the item, and grams or fen, or both."""

    item: str
    net_g: int | None
    amount_fen: int | None


@frozen
class Pattern:
    """What stands where in a code; ``letters`` is empty for GS1 element strings."""

    letters: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """A pattern as the settings have it; raises ValueError."""
        if text == GS1:
            return cls("")
        fields = {letter for letter in text if letter.isalpha()}
        if not _LETTERS.fullmatch(text) or not 8 <= len(text) <= 20:
            raise ValueError("8 to 20 digits and letters I, W, P, V, C, X")
        if "I" not in fields or not fields & {"W", "P"} or any(text.count(one) > 1 for one in "VC"):
            raise ValueError("an item (I), and a weight (W) or a price (P); V and C once at most")
        if any(re.search(f"{one}[^{one}]+{one}", text) for one in "IWP"):
            raise ValueError("the digits of a field stand together")
        if "C" in fields and not text.endswith("C"):
            raise ValueError("C is the last one")
        if "V" in fields and not re.search(r"V(W{4,5}|P{4,5})(?![WP])", text):
            raise ValueError("V stands before a field of four or five digits")
        return cls(text)

    @property
    def prefix(self) -> str:
        """The digits it begins with."""
        return re.match(r"[0-9]*", self.letters)[0]  # type: ignore[index]

    def read(self, code: str) -> Label | None:
        """What a scanned code states; None when it is none of these. Raises BadLabel."""
        code = unicodedata.normalize("NFKC", code)[:LONGEST]
        code = re.sub(r"^\][A-Za-z][0-9]|\s", "", code)
        if not self.letters:
            return _elements(code)
        if len(code) != len(self.letters) or not code.isascii() or not code.isdigit():
            return None
        if any(letter.isdigit() and letter != digit for letter, digit in zip(self.letters, code, strict=True)):
            return None
        if self.letters.endswith("C") and check_digit(code[:-1]) != code[-1]:
            raise BadLabel(f"check digit {code[-1]}, should be {check_digit(code[:-1])}")
        weight, price = self._field(code, "W"), self._field(code, "P")
        if "V" in self.letters:
            place = self.letters.index("V")
            value = re.match(r"W+|P+", self.letters[place + 1 :])
            assert value is not None
            due = field_check(code[place + 1 : place + 1 + len(value[0])])
            if due != code[place]:
                raise BadLabel(
                    f"check digit of the {'weight' if value[0][0] == 'W' else 'price'} {code[place]}, not {due}"
                )
        return Label(self._field(code, "I"), int(weight) if weight else None, int(price) if price else None)

    def _field(self, code: str, letter: str) -> str:
        return "".join(digit for place, digit in zip(self.letters, code, strict=True) if place == letter)


def _elements(code: str) -> Label | None:
    found = _ELEMENTS.match(code)
    if found is None:
        return None
    gtin, decimals, digits = found.groups()
    if check_digit(gtin[:-1]) != gtin[-1]:
        raise BadLabel(f"check digit of the GTIN {gtin[-1]}, should be {check_digit(gtin[:-1])}")
    mass = Decimal(digits).scaleb(3 - int(decimals))
    if mass != mass.to_integral_value():
        raise BadLabel("parts of a gram")
    return Label(gtin, int(mass), None)


def check_digit(digits: str) -> str:
    """The last digit of an EAN or GTIN: 3 and 1 in turn from the right."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def field_check(digits: str) -> str:
    """The check digit of a price or weight field of four or five digits (GS1 General Specifications 7.9)."""
    if len(digits) == 4:
        places = ("2-", "2-", "3", "5-")
        return str(3 * sum(_WEIGHTS[at][int(digit)] for at, digit in zip(places, digits, strict=True)) % 10)
    places5 = ("5+", "2-", "5-", "5+", "2-")
    total = sum(_WEIGHTS[at][int(digit)] for at, digit in zip(places5, digits, strict=True))
    return str(_WEIGHTS["5-"].index(-total % 10))

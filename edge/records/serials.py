"""The last serial of every code kind, as it stands beside a record: the kind's digit, and the serial in letters."""

import re
from collections.abc import Mapping
from functools import lru_cache
from string import ascii_letters

_ALL, _ONE = re.compile(r"(?:[0-9][a-zA-Z]{1,8})*"), re.compile(r"([0-9])([a-zA-Z]+)")


def serials_text(serials: Mapping[int, int]) -> str:
    """``{1: 100, 2: 70}`` is "1bW2bs"."""
    return "".join(f"{kind}{_letters(serial)}" for kind, serial in sorted(serials.items()))


def serials_of(text: str) -> dict[int, int]:
    """Those that this says. Raises ValueError.

    Until 2026 a row had them as "1:74 2:424".
    """
    if ":" in text:
        return {int(kind): int(serial) for kind, _, serial in (part.partition(":") for part in text.split())}
    if not _ALL.fullmatch(text):
        raise ValueError(f"{text!r} is none")
    return {int(kind): _number(letters) for kind, letters in _ONE.findall(text)}


@lru_cache(maxsize=64)
def _letters(number: int) -> str:
    """A record has one serial at most that the record before had not."""
    letters = ""
    while number:
        number, letter = divmod(number, len(ascii_letters))
        letters = ascii_letters[letter] + letters
    return letters or ascii_letters[0]


@lru_cache(maxsize=64)
def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * len(ascii_letters) + ascii_letters.index(letter)
    return number

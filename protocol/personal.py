"""Numbers of persons in a text: Chinese mobile telephone numbers and citizens' identity numbers (GB 11643).

They stand in no record and no code (contract part A1, law on personal information).  What only looks like one is left
alone: trace codes of 20 digits, operator codes of 13, bar codes, and licences (the 18 signs of GB 32100, which may be
all digits: one with all three check digits of a licence counts as a licence).
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

_GAP = r"[ \-.·_/]{1,3}"
_GROUPS = ("3 4 4", "3 8", "7 4", "4 3 4", "3 3 5", "4 4 3", "5 6", "3 2 2 2 2")
_ALONE, _END = r"(?<![0-9])(?<![0-9][ \-.·_/])", r"(?![ \-.·_/]?[0-9])"


def _grouped(groups: str) -> str:
    first, *rest = (int(size) for size in groups.split())
    return _GAP.join([f"1[3-9][0-9]{{{first - 2}}}", *(f"[0-9]{{{size}}}" for size in rest)])


_MOBILE = re.compile(
    rf"(?<![0-9])1[3-9][0-9]{{9}}(?![0-9])"
    rf"|(?<![0-9])(?:\+|00)\(?86\)?(?:{_GAP})?1[3-9][0-9]{{9}}(?![0-9])"
    rf"|{_ALONE}(?:\(?(?:\+|00)?86\)?(?:{_GAP})?)?(?:{'|'.join(map(_grouped, _GROUPS))}){_END}"
)
_IDENTITY = re.compile(
    rf"(?<![0-9A-Za-z])[0-9]{{17}}[0-9Xx](?![0-9A-Za-z])|{_ALONE}[0-9](?:[ \-.·_/]?[0-9]){{16}}[ \-.·_/]?[0-9Xx]{_END}"
)
_LICENCE = re.compile(r"(?<![0-9A-Za-z])[0-9A-HJ-NPQRTUWXY]{18}(?![0-9A-Za-z])")
_PROVINCES = frozenset(
    str(one) for one in (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66))
) | {"71", "81", "82", "83"}
SHORTEST = 11  # digits of a mobile telephone's number
CODE = 20  # digits of a trace code: what is no longer than these, and nothing else, is neither of the numbers
_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_LICENCE_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LICENCE_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_BODY_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_NOT_OURS = re.compile(r"[ \-.·_/]")


def is_identity_number(text: str) -> bool:
    """Whether 18 signs are a citizen's number: its province, its date of birth and its check digit are right."""
    if not re.fullmatch(r"[0-9]{17}[0-9Xx]", text) or text[:2] not in _PROVINCES:
        return False
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return 1900 <= born.year < 2100 and text[17].upper() == identity_check(text[:17])


def identity_check(body: str) -> str:
    """The check digit for the first 17."""
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, _IDENTITY_WEIGHTS, strict=True)) % 11]


def is_licence(text: str) -> bool:
    """Whether 18 signs are a unified social credit code: its place and both of its check digits are right."""
    if not _LICENCE.fullmatch(text) or text[2:4] not in _PROVINCES:
        return False
    return text[16] == body_check(text[8:16]) and text[17] == licence_check(text[:17])


def body_check(body: str) -> str:
    """The check digit for the eight signs of an organisation."""
    rest = 11 - sum(int(sign, 36) * weight for sign, weight in zip(body, _BODY_WEIGHTS, strict=True)) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def licence_check(body: str) -> str:
    """The check sign for the first 17."""
    total = sum(_LICENCE_SIGNS.index(sign) * weight for sign, weight in zip(body, _LICENCE_WEIGHTS, strict=True))
    return _LICENCE_SIGNS[-total % 31]


def found(text: str, *, mobile: bool = True) -> str:
    """The first personal number in a text, as it stands there; empty when there is none.

    ``mobile`` is False for numbers of papers, of which eleven digits may be anything.
    """
    if len(text) < SHORTEST or (len(text) == CODE and text.isascii() and text.isdigit()):
        return ""
    return next((text[start:end] for start, end in _spans(text, mobile)), "")


def masked(text: str) -> str:
    """The text with each personal number shown by its first three and last two signs."""
    pieces, at = [], 0
    for start, end in sorted(_spans(text, True)):
        if start >= at:
            pieces += [text[at:start], hint(text[start:end])]
            at = end
    return "".join([*pieces, text[at:]])


def hint(number: str) -> str:
    """A number, so that who wrote it knows which is meant, and nobody else."""
    bare = _NOT_OURS.sub("", number)
    return f"{bare[:3]}…{bare[-2:]}"


def _spans(text: str, mobile: bool) -> Iterator[tuple[int, int]]:
    """Where they stand; licences are passed over."""
    if sum(map(str.isdigit, text)) < SHORTEST:
        return
    plain = text if text.isascii() else "".join(map(_narrow, text))
    plain = _LICENCE.sub(lambda licence: "#" * 18 if is_licence(licence[0]) else licence[0], plain)
    for number in _IDENTITY.finditer(plain):
        if is_identity_number(_NOT_OURS.sub("", number[0])):
            yield number.span()
    if mobile:
        for number in _MOBILE.finditer(plain):
            yield number.span()


def _narrow(one: str) -> str:
    """A sign as it is typed on a Latin keyboard, one for one."""
    if one in "‐‑‒–—―−":
        return "-"
    if one in "、，,。":
        return one
    narrow = unicodedata.normalize("NFKC", one)
    return " " if narrow.isspace() else narrow if len(narrow) == 1 else one

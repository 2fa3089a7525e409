"""How instruments that send text state a result: numbers, verdict words, limits, times; and identities of results."""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from unicodedata import normalize

from protocol.analyzers.shared.fields import VERDICTS
from protocol.readings import TestResult, Verdict

NUMBER = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})")
TIME = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})(?:([0-9]{2})(?:\.[0-9]+)?)?)?(?:[+-][0-9]{4})?"
)
UP_TO = re.compile(r"(?:[0-9.]+ *(?:-|~|--|to) *|<=? *|≤ *)([0-9]{1,15}(?:\.[0-9]{1,9})?)", re.IGNORECASE)

WORDS = {
    **VERDICTS,
    **dict.fromkeys(
        ("negative", "neg", "not detected", "non-reactive", "nonreactive", "(-)", "阴性(-)"), Verdict.QUALIFIED
    ),
    **dict.fromkeys(
        ("positive", "pos", "weak positive", "detected", "reactive", "(+)", "(++)", "(+++)", "阳性(+)"),
        Verdict.UNQUALIFIED,
    ),
    **dict.fromkeys(("suspect", "equivocal", "indeterminate", "borderline", "(±)", "可疑(±)", "灰区"), Verdict.SUSPECT),
    **dict.fromkeys(("invalid", "na", "n/a", "error", "no result", "无结果"), Verdict.INVALID),
}
FLAGS = {
    **dict.fromkeys(("H", "HH", ">", "A", "AA", "POS", "DET", "RR", "WR"), Verdict.UNQUALIFIED),
    "IND": Verdict.SUSPECT,
    **dict.fromkeys(("NEG", "ND", "NR"), Verdict.QUALIFIED),
}  # DET to NR: HL7 table 0078, detected, (weakly) reactive, indeterminate and their contraries
ENCODINGS = ("utf-8", "gb18030")


def decode_text(data: bytes) -> str:
    """UTF-8 if it is, else GB18030, in which a damaged character becomes U+FFFD."""
    for encoding in ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode(ENCODINGS[-1], "replace")


def number(text: str) -> Decimal | None:
    """A plain decimal number with its digits as sent; None for anything else (``<2``, ``1e5``, a word).

    A zero has no sign.
    """
    if not NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    return value if value else value.copy_abs()


def verdict(text: str) -> Verdict | None:
    """What a conclusion in words means, in any width and case; None when the word is not one of ``WORDS``."""
    return WORDS.get(" ".join(normalize("NFKC", text).lower().split()).rstrip("."))


def judged(stated: str, flags: Iterable[str]) -> Verdict | None:
    """The instrument's conclusion, in its words and its flags; a statement that is empty is no valid test.

    Words and flags that contradict one another are ``suspect``: a person decides.  The flag N (normal) is no verdict,
    because many instruments send it whatever they measured.
    """
    if not stated:
        return Verdict.INVALID
    word = verdict(stated)
    if word is Verdict.INVALID:
        return word
    said = {*(FLAGS.get(flag.strip().upper()) for flag in flags), word} - {None}
    return Verdict.SUSPECT if len(said) > 1 else next(iter(said), None)


def carried(result: TestResult) -> tuple[str, str]:
    """Flag and status that bring this result's verdict across; raises ValueError when none can."""
    word = verdict(result.text or "")
    if result.verdict is Verdict.INVALID and word is not Verdict.INVALID:
        return "", "X"
    if result.verdict is word:
        return "N" if word is None else "", "F"
    if result.verdict is Verdict.UNQUALIFIED and word is None:
        return "H", "F"
    raise ValueError(f"no flag says {result.verdict} of {result.value if result.text is None else result.text}")


def limit(text: str) -> Decimal | None:
    """The upper bound of a reference range: ``0-50``, ``<50``; None when there is none."""
    found = UP_TO.fullmatch(text.strip())
    return number(found[1]) if found else None


def time(text: str) -> datetime | None:
    """``YYYYMMDD[HHMM[SS]][±HHMM]`` as the instrument's local clock shows it; the zone, if sent, is not used."""
    found = TIME.fullmatch(text.strip())
    try:
        return datetime(*map(int, found.groups(default="0"))) if found else None  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None


def packed(at: datetime | None) -> str:
    """``time`` the other way round."""
    return "" if at is None else at.strftime("%Y%m%d%H%M%S")


def identity(kind: str, *parts: str) -> str:
    """A short name that is the same for the same parts, and another one for others."""
    return f"{kind}/{sha256(repr(parts).encode()).hexdigest()[:32]}"

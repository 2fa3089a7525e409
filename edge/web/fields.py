"""A record's fields as people read them: what each is called, and its value in words."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from edge.between.field_words import label
from edge.between.words import Words, proof_name
from protocol.city.written import grouped, kilograms, moment, yuan
from protocol.frozen import frozen
from protocol.plain import UNSEEN

TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+([+-][0-9:]+|Z)?")
SECTIONS = {
    "verdict": "verdict",
    "doubts": "doubt",
    "label_doubts": "label_doubt",
    "state": "lot",
    "basis": "basis",
    "paid_by": "payment",
}
VALUES = {
    "part": {"in": "field.is_in", "rejected": "paper.rejected"},
    "waste": {
        "food": "paper.waste_food",
        "oil": "paper.waste_oil",
        "other": "paper.waste_other",
    },
    "result": {"genuine": "cn_genuine", "unknown_key": "cn_unknown_key", "unchecked": "cn_unchecked"},
    "expiry": {"fine": "field.is_fine", "near": "cn_near", "past": "cn_past"},
    "outcome": {"positive": "read.unqualified", "negative": "field.is_negative", "invalid": "field.is_invalid"},
    "stability": {
        "scale": "field.is_scale",
        "derived": "field.is_derived",
        "manual": "typed",
        "label": "of_label",
        "count": "field.is_count",
    },
    "source_check": {"accepted": "field.is_accepted", "unchecked": "field.is_unchecked"},
    "mass_by": {"scale": "field.by_scale", "declared": "field.by_person"},
    "retention": {
        "six_months": "field.six_months",
        "shelf_life": "field.shelf_life",
        "two_years": "field.two_years",
    },
    "limit_basis": {"instrument": "paper.limit_instrument", "method": "paper.limit_method"},
    "decision": {
        "released_after_recheck": "paper.released_after_recheck",
        "returned": "paper.returned",
        "destroyed": "paper.destroyed",
    },
}
SHOWN = 400  # letters of an instrument's raw data


@frozen
class Row:
    """A line of the view. One without a value is the heading of those below it, which are deeper."""

    name: str
    value: str
    depth: int


def rows(data: Mapping[str, Any], lang: str, depth: int = 0) -> Iterator[Row]:
    """The fields that say something, in the record's own order."""
    words = Words(lang)
    for name, value in data.items():
        if value is None or value in ("", [], {}):
            continue
        called = label(name).said(lang)
        if isinstance(value, dict):
            yield Row(called, "", depth)
            yield from rows(value, lang, depth + 1)
        elif isinstance(value, list) and isinstance(value[0], dict):
            for place, one in enumerate(value, 1):
                yield Row(f"{called} {place}" if len(value) > 1 else called, "", depth)
                yield from rows(one, lang, depth + 1)
        elif isinstance(value, list):
            yield Row(called, "、".join(_said(name, one, words, lang) for one in value), depth)
        else:
            yield Row(called, _said(name, value, words, lang), depth)


def _said(name: str, value: Any, words: Words, lang: str) -> str:
    if isinstance(value, bool):
        return words("yes" if value else "no")
    if isinstance(value, int):
        return _number(name, value)
    text = str(value)
    if name in SECTIONS:
        return words.known(SECTIONS[name], text)  # type: ignore[arg-type]
    if name == "field":
        return label(text).said(lang)
    if name in ("type", "missing_proofs"):
        return proof_name(text).said(lang)
    if key := VALUES.get(name, {}).get(text):
        return words(key)
    if len(text) == 20 and text.isascii() and text.isdigit():
        return grouped(text)
    if TIME.fullmatch(text):
        return moment(text)
    return UNSEEN.sub("", text[:SHOWN]) + ("…" if len(text) > SHOWN else "")


def _number(name: str, value: int) -> str:
    if name == "per_g":
        return "kg" if value == 1000 else f"{value} g"
    if name.endswith("_g"):
        return f"{kilograms(value)} kg"
    return f"¥{yuan(value)}" if name == "fen" or name.endswith("_fen") else str(value)

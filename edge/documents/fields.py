"""What templates can say of a record: words, and the ways numbers, codes and names are written on paper."""

from collections.abc import Callable, Mapping
from dataclasses import fields as dataclass_fields
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from edge.between.fixed_words import clock_word
from edge.between.people import UNNAMED
from edge.between.words import proof_name, section
from edge.documents.words import Language, PaperWords
from protocol.city.codes import WALK_IN, kept_code
from protocol.city.token import source_url
from protocol.city.written import grouped, kilograms_as_shown, moment, yuan
from protocol.frozen import frozen
from protocol.printers import text as paper_text
from protocol.printers.document import MAX_BARCODE


@frozen
class Place:
    """What a paper takes from the station's settings: the market's name, the host of its QR codes, the language.

    ``label`` is the label's width, height and gap in mm, where it is printed on one.  The others are of
    ``[market]``, ``office`` (which takes an objection) of ``[gate]``; all may be empty.
    """

    name: str
    host: str
    language: Language = "zh"
    label: tuple[int, int, int] | None = None
    address: str = ""
    complaint: str = "12315"
    testing_body: str = ""
    authority: str = ""
    office: str = ""


def values(words: PaperWords, place: Place, content: Mapping[str, Any]) -> dict[str, Any]:
    """The names every template knows. ``content`` is an event or the content of a summary or test page."""
    return {
        "word": words.all(),
        "words": words,
        "place": _named(place),
        "data": content["data"],
        "code": str(content.get("subject", "")),
        "time": str(content.get("time", "")),
        "operator": "" if content.get("operator") == UNNAMED else str(content.get("operator", "")),
        "sequence": str(content.get("sequence", "")),
        "clock_trusted": content.get("clockstate", "synced") != "unsynced",
        "clock_note": _clock_note(words, content),
    }


@lru_cache(maxsize=8)
def _named(place: Place) -> Mapping[str, Any]:
    """As templates see it: what lies in a dict is taken out of it on the spot."""
    return {one.name: getattr(place, one.name) for one in dataclass_fields(place)}


def _clock_note(words: PaperWords, content: Mapping[str, Any]) -> str:
    """What is said of a time that nobody vouches for, or that is an estimate; empty for an ordinary one."""
    said = clock_word(content.get("clockstate", "synced"), content.get("clocksource", ""))
    return words(f"clock_{said}") if said in ("estimated", "unsynced", "unknown") else ""


def width(*texts: str) -> int:
    """The columns of the widest."""
    return max(paper_text.columns(text) for text in texts)


def functions() -> dict[str, Callable[..., Any]]:
    from jinja2 import pass_context
    from jinja2.runtime import Context

    @pass_context
    def each(context: Context, name: str) -> list[str]:
        """A word in each language shown."""
        lines: list[str] = context["words"].each(name)
        return lines

    return {"each": each, "width": width}


def filters() -> dict[str, Callable[..., Any]]:
    from jinja2 import pass_context
    from jinja2.runtime import Context

    @pass_context
    def name(context: Context, goods: Mapping[str, Any]) -> str:
        shown: str = context["words"].choose(goods["name"], goods.get("name_en", ""))
        return shown

    @pass_context
    def party(context: Context, one: Mapping[str, Any]) -> str:
        if one["code"] == WALK_IN:
            return str(one["name"] or context["word"]["walk_in"])
        return f"{one['name']} {grouped(one['code'])}"

    @pass_context
    def price(context: Context, one: Mapping[str, Any], unit: str = "") -> str:
        """A price by mass, or of one ``unit`` of what is counted."""
        per = unit or ("kg" if one["per_g"] == 1000 else "500 g")
        amount = one["fen"]
        return f"{money(amount)}/{per}" if context["words"].language == "en" else f"{yuan(amount)} 元/{per}"

    @pass_context
    def proof(context: Context, one: Mapping[str, Any]) -> str:
        """A voucher by what people call it, and its number."""
        kind = one["type"]
        if kind.isascii():  # else it is what a record of an older version calls it
            kind = context["words"].choose(*proof_name(kind))
        return f"{kind} {one['no']}".strip()

    @pass_context
    def payment(context: Context, kind: str) -> str:
        shown: str = context["words"].choose(*section("payment").get(kind, (kind, kind)))
        return shown

    @pass_context
    def verdict(context: Context, word: str) -> str:
        shown: str = context["words"].verdict(word)
        return shown

    @pass_context
    def clauses(context: Context, word: str) -> list[str]:
        lines: list[str] = context["words"].verdict_clauses(word)
        return lines

    @pass_context
    def to_source_url(context: Context, code: str) -> str:
        return source_url(code, context["place"]["host"])

    @pass_context
    def to_kept_code(context: Context, number: int) -> str:
        return kept_code(context["code"], number)

    return {
        "name": name,
        "party": party,
        "price": price,
        "proof": proof,
        "payment": payment,
        "verdict": verdict,
        "clauses": clauses,
        "source_url": to_source_url,
        "kept_code": to_kept_code,
        "after": after,
        "yuan": yuan,
        "money": money,
        "kg": kg,
        "code": grouped,
        "moment": moment,
        "date": lambda time: moment(time)[:10],
        "cut": lambda text, columns: paper_text.cut(paper_text.clean(str(text)).text, int(columns)),
        "scales": scales,
        "bars": bars,
        "scale": scale,
        "certificates": certificates,
        "loads": loads,
    }


def money(fen: int) -> str:
    """4319 → ``￥43.19``, -500 → ``-￥5.00``"""
    return f"{'-' if fen < 0 else ''}￥{yuan(abs(fen))}"


def kg(net_g: int, shown: str = "", unit: str = "", suffix: str = " kg") -> str:
    """Grams as kg, with the decimals of the scale's own reading where there is one."""
    return kilograms_as_shown(net_g, shown or "0.001", unit or "kg") + suffix


def after(time: str, hours: int) -> str:
    """The minute that so many hours later is."""
    return moment((datetime.fromisoformat(time) + timedelta(hours=hours)).isoformat())[:16]


def scales(sold: list[Mapping[str, Any]]) -> str:
    """Every scale of a sale, once; what was counted, typed or read off a label has none."""
    return ", ".join(dict.fromkeys(scale(one["weighed"]) for one in sold if one["weighed"]["scale"]))


def scale(weighed: Mapping[str, Any]) -> str:
    """A scale by its own number where that is known, else by what we call it, and its model."""
    return f"{weighed.get('serial') or weighed['scale']} {weighed['model']}"


def certificates(sold: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Of every scale of a sale its certificate's number (``no``), if that is known, and ``until`` when it holds."""
    known = dict.fromkeys(
        (str(weighed.get("certificate") or ""), str(weighed["verified_until"]))
        for weighed in (one["weighed"] for one in sold)
        if weighed["verified_until"]
    )
    return [{"no": no, "until": until} for no, until in known]


def loads(lines: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The weighings of an acceptance, as those of a sale are."""
    return [{"weighed": load} for line in lines for load in line.get("loads", ())]


def bars(text: str) -> str:
    """The text as a barcode can hold it, in capitals; empty when none can."""
    shown = str(text).strip().upper()
    return shown if 0 < len(shown) <= MAX_BARCODE and shown.isascii() and shown.isprintable() else ""

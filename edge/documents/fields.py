"""What templates can say of a record: words, and the ways numbers, codes and names are written on paper."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edge.documents.words import Language, PaperWords
from protocol.city.codes import WALK_IN
from protocol.city.token import source_url
from protocol.city.written import grouped, kilograms_as_shown, moment, yuan
from protocol.printers import text as paper_text


@dataclass(frozen=True, slots=True)
class Place:
    """What a paper takes from the station's settings: the market's name, the host of its QR codes, the language."""

    name: str
    host: str
    language: Language = "zh"


def values(words: PaperWords, place: Place, content: Mapping[str, Any]) -> dict[str, Any]:
    """The names every template knows. ``content`` is an event or the content of a summary or test page."""
    return {
        "word": words.all(),
        "words": words,
        "place": place,
        "data": content["data"],
        "code": str(content.get("subject", "")),
        "time": str(content.get("time", "")),
        "clock_trusted": content.get("clockstate", "synced") != "unsynced",
    }


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
        return f"{one['name']} {one['code']}"

    @pass_context
    def price(context: Context, one: Mapping[str, Any]) -> str:
        per = "kg" if one["per_g"] == 1000 else "500g"
        amount = yuan(one["fen"])
        return f"￥{amount}/{per}" if context["words"].language == "en" else f"{amount}元/{per}"

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
        return source_url(code, context["place"].host)

    return {
        "name": name,
        "party": party,
        "price": price,
        "verdict": verdict,
        "clauses": clauses,
        "source_url": to_source_url,
        "yuan": yuan,
        "kg": kg,
        "code": grouped,
        "moment": moment,
        "date": lambda time: moment(time)[:10],
        "cut": lambda text, columns: paper_text.cut(paper_text.clean(str(text)).text, int(columns)),
        "scales": scales,
    }


def kg(net_g: int, shown: str = "", unit: str = "", suffix: str = "kg") -> str:
    """Grams as kg, with the decimals of the scale's own reading where there is one."""
    return kilograms_as_shown(net_g, shown or "0.001", unit or "kg") + suffix


def scales(sold: list[Mapping[str, Any]]) -> str:
    """Every scale of a sale, once."""
    return ", ".join(dict.fromkeys(f"{one['weighed']['scale']} {one['weighed']['model']}" for one in sold))

"""What parents see of a canteen's acceptance, worked out of its token and its record; no database, no web.

Only what was delivered, from whom, and how it was looked at: of people their function alone, nothing of pupils.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from protocol.city.codes import WALK_IN
from protocol.city.token import BadToken, Flags, Token, TokenKind, digest_of, parse_url
from protocol.city.written import kilograms
from simulator.city.pages import HoldView, TestView, hold_view, local, plain, sold_at
from simulator.city.story import Event, Hold

HASH_SHOWN = 16  # hex digits of a photo's SHA-256 that a page shows


@dataclass(frozen=True, slots=True)
class AcceptedView:
    """One kind of goods. ``accepted`` and ``rejected`` have their unit; ``tests`` are of its source codes."""

    name: str
    name_en: str
    accepted: str
    rejected: str
    reason: str
    temperature: str
    best_before: str
    batch: str
    sources: tuple[str, ...]
    tests: tuple[TestView, ...]


@dataclass(frozen=True, slots=True)
class AcceptanceView:
    """An acceptance's page. ``state``: ok, on_the_way, differs, unknown, forged; the last two show nothing further.

    ``void`` is why it counts no more, a blank without a reason; ``hold`` is of goods in it that may not be sold now.
    """

    state: str
    code: str = ""
    time: str = ""
    net: str = ""
    canteen: str = ""
    meal: str = ""
    supplier: str = ""
    licence: str = ""
    unmatched: bool = False
    lines: tuple[AcceptedView, ...] = ()
    signers: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()
    clock_trusted: bool = False
    scale_verified: bool = False
    hold: HoldView | None = None
    void: str = ""

    @property
    def genuine(self) -> bool:
        return self.state in ("ok", "on_the_way", "differs")


def read_acceptance(text: str) -> Token | None:
    """The token in an acceptance's address, unverified; None when it is none of one."""
    try:
        token = parse_url(text)[0]
    except BadToken:
        return None
    return token if token.kind is TokenKind.ACCEPTANCE else None


def sources_of(event: Event | None, token: Token) -> tuple[str, ...]:
    """Every source code that came with the delivery."""
    lines = event["data"]["lines"] if event else ()
    named = [one["source"] for line in lines for one in line.get("sources", ())]
    named += [line["source"] for line in lines if line.get("source")]
    return tuple(dict.fromkeys([*named, *(token.sources or ())]))


def acceptance_view(
    token: Token, event: Event | None, voided: Event | None = None, holds: Iterable[Hold] = ()
) -> AcceptanceView:
    """The page of a genuine acceptance, with its record when that has arrived."""
    at = sold_at(token)
    hold = next(iter(holds), None)
    shown: dict[str, Any] = {
        "code": token.tx,
        "time": local(at) if at else "",
        "net": f"{kilograms(token.net_g)} kg",
        "clock_trusted": bool(at),
        "scale_verified": bool(token.flags & Flags.SCALE_VERIFIED),
        "canteen": token.buyer if token.buyer != WALK_IN else "",
        "supplier": token.seller if token.seller != WALK_IN else "",
        "hold": hold_view(hold) if hold else None,
    }
    if voided is not None:
        shown["void"] = plain(voided["data"].get("reason", "")) or " "
    if event is None:
        return AcceptanceView("on_the_way", **shown)
    data = event["data"]
    said = data.get("acceptance")
    if not said or said["tx"] != token.tx or digest_of(said) != token.digest:
        return AcceptanceView("differs", **shown)
    shown |= {
        "canteen": plain(data.get("buyer", "")) or shown["canteen"],
        "supplier": plain(data["supplier"]),
        "licence": plain(data.get("licence", "")),
        "meal": plain(f"{data.get('due', '')} {data.get('meal', '')}"),
        "unmatched": bool(data.get("unmatched")),
        "lines": tuple(map(_line, data["lines"])),
        "signers": tuple(plain(one["role"]) for one in data["signers"]),
        "photos": _photos(data),
    }
    return AcceptanceView("ok", **shown)


def _line(line: dict[str, Any]) -> AcceptedView:
    sources = line.get("sources", ())
    codes = [one["source"] for one in sources] or ([line["source"]] if line.get("source") else [])
    tests = [one for one in sources if one.get("verdict")]
    return AcceptedView(
        name=plain(line["goods"]["name"]),
        name_en=plain(line["goods"].get("name_en") or line["goods"]["name"]),
        accepted=_quantity(line, "accepted"),
        rejected=_quantity(line, "rejected") if line["rejected_g"] or line.get("rejected_n") else "",
        reason=plain(line["reason"]),
        temperature=f"{line['temperature']} ℃" if line.get("temperature") is not None else "",
        best_before=plain(line.get("best_before", "")),
        batch=plain(line.get("batch", "")),
        sources=tuple(codes),
        tests=tuple(
            TestView(
                one["verdict"],
                plain(one.get("item", "")),
                time=local(one["tested_at"]) if one.get("tested_at") else "",
                code=one.get("test") or "",
            )
            for one in tests
        ),
    )


def _quantity(line: dict[str, Any], which: str) -> str:
    """Pieces of what is counted, else kilograms."""
    if line.get("unit"):
        return f"{line[f'{which}_n']} {plain(line['unit'])}"
    return f"{kilograms(line[f'{which}_g'])} kg"


def _photos(data: dict[str, Any]) -> tuple[str, ...]:
    """The hashes of all photos, shortened: who has the photos can tell that they are these."""
    found = [*data.get("photos", ()), *(one for line in data["lines"] for one in line.get("photos", ()))]
    return tuple(dict.fromkeys(plain(one)[:HASH_SHOWN] for one in found))

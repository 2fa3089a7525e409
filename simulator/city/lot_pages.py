"""What the pages of a lot and of a stall show, worked out of records and of a card; no database, no web."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.city.source import SourceToken, parse_card, signed_by
from protocol.city.token import BadToken, kid_of
from protocol.city.written import kilograms
from simulator.city.pages import HoldView, TestView, hold_view, local, plain, result_view, station_of
from simulator.city.story import DECIDING, Hold, Story


@dataclass(frozen=True, slots=True)
class CardView:
    """What a signed card states. ``state``: ok, unknown (its key is not registered here), forged: nothing more
    is shown."""

    state: str
    name: str = ""
    net: str = ""
    part: bool = False
    origin: str = ""
    supplier: str = ""
    test: TestView | None = None


@dataclass(frozen=True, slots=True)
class SourceView:
    """A lot's page. ``state``: released, pending, held, gone, none, bad (not a code), card (only its card is known)."""

    state: str
    code: str = ""
    source: str = ""
    lot: str = ""
    name: str = ""
    name_en: str = ""
    origin: str = ""
    supplier: str = ""
    net: str = ""
    entered: str = ""
    proofs: tuple[tuple[str, str], ...] = ()
    tests: tuple[TestView, ...] = ()
    hold: HoldView | None = None
    card: CardView | None = None


def source_view(code: str, story: Story, card: CardView | None = None, others: tuple[Hold, ...] = ()) -> SourceView:
    """The page of a source code, or of a lot's own, from what its station recorded; ``others`` hold it elsewhere."""
    hold = next(iter((*story.holds, *others)), None)
    if story.state == "none":
        held = hold_view(hold) if hold else None
        return SourceView("none" if card is None else "card", code, hold=held, card=card)
    entry = story.entry["data"] if story.entry else {}
    facts = entry or (story.facts["data"] if story.facts else {})
    goods: dict[str, Any] = facts.get("goods") or next(
        (event["data"]["goods"] for event in story.tests if event["data"]["goods"]), {}
    )
    source = next((event["data"]["source"] for event in reversed(story.tests) if event["data"].get("source")), "")
    return SourceView(
        "held" if hold and story.state != "gone" else story.state,
        code,
        source or (story.facts["data"]["source"] if story.facts else "") or (entry.get("upstream") or ""),
        story.lot,
        plain(goods.get("name", "")),
        plain(goods.get("name_en") or goods.get("name", "")),
        plain(facts.get("origin", "")),
        plain(facts.get("supplier", "")),
        f"{kilograms(facts['net_g'])} kg" if "net_g" in facts else "",
        local(story.entry["time"]) if story.entry else "",
        tuple((proof["type"], plain(proof["no"])) for proof in entry.get("proofs", ())),
        tuple(map(result_view, story.tests)),
        hold_view(hold) if hold else None,
        card,
    )


def read_card(text: str) -> SourceToken | None:
    """What a card's address states, unverified; None when it is no card's."""
    try:
        return parse_card(text)[0]
    except BadToken:
        return None


def card_view(text: str, keys: Mapping[str, bytes]) -> CardView:
    """What a card says, and whether one of ``keys`` (a station's, by its name) signed it.

    The whole of a lot is signed by the station that released it, a part by the station that handed it on.
    """
    token, data, signature = parse_card(text)
    issuer = station_of(token.source)
    signers = [
        (station, public)
        for station, key in keys.items()
        if kid_of(public := Ed25519PublicKey.from_public_bytes(key)) == token.kid
    ]
    if not signers and (token.portion or issuer not in keys):
        return _stated("unknown", token)
    if not any(signed_by(data, signature, public) for station, public in signers if token.portion or station == issuer):
        return CardView("forged")
    return _stated("ok", token)


def _stated(state: str, token: SourceToken) -> CardView:
    return CardView(
        state,
        plain(token.name) or token.product,
        f"{kilograms(token.net_g)} kg",
        bool(token.portion),
        plain(token.origin or token.origin_code),
        plain(token.supplier) or token.supplier_code,
        TestView(token.verdict_word, plain(token.item), "", local(token.tested_at) if token.tested_at else ""),
    )


@dataclass(frozen=True, slots=True)
class OfferView:
    """A lot that a stall has: on sale, or ``hold``."""

    source: str
    name: str
    name_en: str
    origin: str
    tests: tuple[TestView, ...] = ()
    hold: HoldView | None = None


@dataclass(frozen=True, slots=True)
class StallView:
    """A stall's page. ``state``: known, none (nothing of it has arrived), bad (not a code)."""

    state: str
    code: str = ""
    name: str = ""
    stall: str = ""
    licence: str = ""
    on_sale: tuple[OfferView, ...] = ()
    held: tuple[OfferView, ...] = ()


def offer_view(row: dict[str, Any], own: Story, issuer: Story, holds: tuple[Hold, ...]) -> OfferView | None:
    """A row of a shelf, with what the stall and the station that released the lot say; None when it is not for sale."""
    if "gone" in (own.state, issuer.state):
        return None
    hold = next(iter(holds), None)
    if own.state != "released" and hold is None:
        return None
    facts = row["facts"]
    goods = facts.get("goods") or {}
    entry = (own.entry or issuer.entry or {}).get("data", {})
    newest = {
        event["data"]["item"]: event for event in issuer.tests or own.tests if event["data"]["verdict"] in DECIDING
    }
    tests = tuple(map(result_view, newest.values()))
    if not tests and facts.get("verdict"):
        tested = facts.get("tested_at")
        tests = (TestView(facts["verdict"], plain(facts.get("item", "")), "", local(tested) if tested else ""),)
    return OfferView(
        row["source"],
        plain(goods.get("name", "")),
        plain(goods.get("name_en") or goods.get("name", "")),
        plain(facts.get("origin") or entry.get("origin", "")),
        tests,
        hold_view(hold) if hold else None,
    )


def stall_view(code: str, who: dict[str, str], offers: list[OfferView]) -> StallView:
    """The page behind a stall's own code."""
    return StallView(
        "known" if who else "none",
        code,
        plain(who.get("name", "")),
        plain(who.get("stall", "")),
        plain(who.get("licence", "")),
        tuple(one for one in offers if one.hold is None),
        tuple(one for one in offers if one.hold is not None),
    )

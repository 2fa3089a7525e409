"""What a page shows, worked out of a token and of events; no database, no web.

Everything in an event was written by somebody at a station, so a page takes only the fields named here.
"""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.city.codes import WALK_IN, TraceCode
from protocol.city.token import EPOCH, BadToken, Flags, Token, TokenKind, digest_of, parse_url, verify_url
from protocol.city.written import kilograms, moment, yuan

CHINA = timezone(timedelta(hours=8))
_FRESH = timedelta(minutes=10)


def plain(text: object) -> str:
    """A text of somebody else for one line of a page: no control or direction characters, no run of blanks."""
    kept = "".join(" " if unicodedata.category(one)[0] == "C" else one for one in str(text))
    return " ".join(kept.split())


def local(time: str) -> str:
    """An RFC 3339 time as Chinese wall time; what is no time stays as it is."""
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        return plain(time)[:40]
    return moment((at if at.tzinfo else at.replace(tzinfo=CHINA)).astimezone(CHINA).isoformat())


@dataclass(frozen=True, slots=True)
class TestView:
    """``verdict`` is one of the words of ``words.VERDICTS``; ``good`` colours it."""

    __test__ = False

    verdict: str
    item: str = ""
    value: str = ""
    time: str = ""
    code: str = ""

    @property
    def good(self) -> str:
        return {"qualified": "ok", "unqualified": "bad", "none": "none"}.get(self.verdict, "warn")


@dataclass(frozen=True, slots=True)
class LineView:
    name: str
    name_en: str
    net: str
    price: str
    per: str
    amount: str
    origin: str
    source: str
    test: TestView | None


@dataclass(frozen=True, slots=True)
class SlipView:
    """A slip's page. ``state``: ok, on_the_way, differs, unknown, forged; the last two show nothing further."""

    state: str
    tx: str = ""
    net: str = ""
    amount: str = ""
    time: str = ""
    seller: str = ""
    seller_name: str = ""
    stall: str = ""
    buyer: str = ""
    buyer_name: str = ""
    test: TestView | None = None
    sources: tuple[str, ...] = ()
    lines: tuple[LineView, ...] = ()
    scale_verified: bool = False
    replaces: bool = False
    typed: bool = False
    unchecked: bool = False
    held: bool = False
    first: str = ""
    first_is_old: bool = False

    @property
    def genuine(self) -> bool:
        return self.state in ("ok", "on_the_way", "differs")


def read_slip(text: str) -> Token | None:
    """The token in a slip's address, unverified, or None when it is not one of a sale."""
    try:
        token = parse_url(text)[0]
    except BadToken:
        return None
    return token if token.kind is TokenKind.SALE else None


def station_of(code: str) -> str:
    """The station that issued a code, as the code itself says."""
    trace = TraceCode.parse(code)
    return f"{trace.node}-{trace.terminal}"


def check_slip(text: str, key: bytes | None) -> str:
    """``ok``, ``forged`` or, without a key to check with, ``unknown``."""
    if read_slip(text) is None:
        return "forged"
    if key is None:
        return "unknown"
    try:
        verify_url(text, Ed25519PublicKey.from_public_bytes(key))
    except BadToken:
        return "forged"
    return "ok"


def slip_view(token: Token, event: dict[str, Any] | None, held: bool, first: str, now: datetime) -> SlipView:
    """The page of a genuine slip, with the trade's event when it has arrived; ``held``: a lot in it is stopped."""
    trusted = bool(token.flags & Flags.CLOCK_TRUSTED) and token.t > 0
    shown: dict[str, Any] = {
        "tx": token.tx,
        "net": f"{kilograms(token.net_g)} kg",
        "amount": f"¥{yuan(token.amount_fen)}",
        "time": datetime.fromtimestamp(EPOCH + token.t, CHINA).strftime("%Y-%m-%d %H:%M:%S") if trusted else "",
        "seller": token.seller,
        "buyer": "" if token.buyer == WALK_IN else token.buyer,
        "test": TestView(token.verdict.name.lower()),
        "sources": token.sources or (),
        "scale_verified": bool(token.flags & Flags.SCALE_VERIFIED),
        "replaces": bool(token.flags & Flags.REPLACES_VOIDED),
        "held": held,
        "first": local(first) if first else "",
        "first_is_old": bool(first) and now - datetime.fromisoformat(first) > _FRESH,
    }
    if event is None:
        return SlipView(state="on_the_way", **shown)
    data = event["data"]
    slip = data["slip"]
    if slip["tx"] != token.tx or digest_of(slip) != token.digest:
        return SlipView(state="differs", **shown)
    sold = data["sold"]
    lines = tuple(_line(line, sold[place] if place < len(sold) else None) for place, line in enumerate(slip["lines"]))
    shown["sources"] = tuple(dict.fromkeys(line["source"] for line in slip["lines"]))
    return SlipView(
        state="ok",
        seller_name=plain(data["seller"]["name"]),
        stall=plain(data["seller"].get("stall", "")),
        buyer_name=plain(data["buyer"]["name"]) if token.buyer != WALK_IN else "",
        lines=lines,
        typed=any(one["weighed"]["stability"] == "manual" for one in sold),
        unchecked=any(one.get("unchecked", False) for one in sold),
        **shown,
    )


def _line(line: dict[str, Any], sold: dict[str, Any] | None) -> LineView:
    goods = sold["goods"] if sold else {}
    test = sold["test"] if sold else None
    return LineView(
        name=plain(goods.get("name") or line["product"]),
        name_en=plain(goods.get("name_en") or goods.get("name") or line["product"]),
        net=f"{kilograms(line['net_g'])} kg",
        price=f"¥{yuan(line['price']['fen'])}",
        per="kg" if line["price"]["per_g"] == 1000 else "500 g",
        amount=f"¥{yuan(line['amount_fen'])}",
        origin=plain(sold["origin"]) if sold else "",
        source=line["source"],
        test=_summary(test) if test else None,
    )


def _summary(test: dict[str, Any]) -> TestView:
    return TestView(test["verdict"], plain(test["item"]), _value(test), local(test["time"]), test.get("code") or "")


def _value(test: dict[str, Any]) -> str:
    unit = test["unit"] or ""
    return plain(f"{test['value']}{'' if unit == '%' else ' '}{unit}") if test["value"] is not None else ""


@dataclass(frozen=True, slots=True)
class SourceView:
    """A lot's page. ``state``: known, held (its newest result is positive or doubtful), none, bad (not a code)."""

    state: str
    code: str = ""
    lot: str = ""
    name: str = ""
    name_en: str = ""
    origin: str = ""
    supplier: str = ""
    net: str = ""
    entered: str = ""
    proofs: tuple[str, ...] = ()
    tests: tuple[TestView, ...] = field(default=())


def source_view(code: str, lot: str, entry: dict[str, Any] | None, tests: list[dict[str, Any]]) -> SourceView:
    """The page of a source code, from the lot's entry and its results, oldest first."""
    views = tuple(
        TestView(
            event["data"]["verdict"],
            plain(event["data"]["item"]),
            _value(event["data"]),
            local(event["time"]),
            event["subject"],
        )
        for event in tests
    )
    if entry is None and not views:
        return SourceView("none", code)
    newest = {one.item: one.verdict for one in views if one.verdict in _DECIDING}  # each item for itself
    data = entry["data"] if entry else {}
    goods: dict[str, Any] = data.get("goods") or next(
        (event["data"]["goods"] for event in tests if event["data"]["goods"]), {}
    )
    return SourceView(
        "held" if {"unqualified", "suspect"} & set(newest.values()) else "known",
        code,
        lot,
        plain(goods.get("name", "")),
        plain(goods.get("name_en") or goods.get("name", "")),
        plain(data.get("origin", "")),
        plain(data.get("supplier", "")),
        f"{kilograms(data['net_g'])} kg" if entry else "",
        local(entry["time"]) if entry else "",
        tuple(plain(f"{proof['type']} {proof['no']}") for proof in data.get("proofs", ())),
        views,
    )


_DECIDING = ("qualified", "suspect", "unqualified")

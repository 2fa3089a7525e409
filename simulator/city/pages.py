"""What a page shows, worked out of a token and of events; no database, no web.

Everything in an event was written by somebody at a station, so a page takes only the fields named here.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.city.codes import WALK_IN, TraceCode
from protocol.city.token import EPOCH, BadToken, Flags, Token, TokenKind, digest_of, parse_url, verify_url
from protocol.city.written import grouped, kilograms, moment, yuan
from simulator.city.story import Event, Hold

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


def code(text: object) -> str:
    """A code in its one spelling, in fives; another text as it is."""
    one = plain(text)
    return grouped(one) if one.isdigit() and len(one) > 10 else one


@dataclass(frozen=True, slots=True)
class TestView:
    """``verdict`` is one of the words of ``words.VERDICTS``; ``good`` colours it. ``limit`` has its unit."""

    __test__ = False

    verdict: str
    item: str = ""
    value: str = ""
    time: str = ""
    code: str = ""
    limit: str = ""
    method: str = ""

    @property
    def good(self) -> str:
        return {"qualified": "ok", "unqualified": "bad", "none": "none"}.get(self.verdict, "warn")


@dataclass(frozen=True, slots=True)
class HoldView:
    """Why sale of a lot was stopped (``by``: test, person, city, dispute), when, and its reason as it was written.

    ``sold`` is when a slip's sale was made: before, after, or unknown.
    """

    by: str
    time: str
    why: str = ""
    sold: str = ""


def hold_view(hold: Hold, sold: str = "") -> HoldView:
    event = hold.event
    time = "" if event["clockstate"] == "unsynced" else local(event["time"])
    data = event["data"]
    said = "" if hold.by in ("test", "dispute") else data.get("reason") or data.get("why", "")
    return HoldView(hold.by, time, plain(said)[:120], sold)


@dataclass(frozen=True, slots=True)
class LineView:
    """``typed`` is why its weight was typed, a blank when no reason was given; ``tare`` a known container's mass.

    Of goods sold by the piece ``net`` is how many, and ``per`` empty. ``label``: the weight is that of a label.
    """

    name: str
    name_en: str
    net: str
    price: str
    per: str
    amount: str
    origin: str
    source: str
    test: TestView | None
    typed: str = ""
    tare: str = ""
    unchecked: bool = False
    label: bool = False


@dataclass(frozen=True, slots=True)
class SlipView:
    """A slip's page. ``state``: ok, on_the_way, differs, unknown, forged; the last two show nothing further.

    ``hold`` is of a lot in it that may not be sold now; ``void`` is why the sale counts no more, a blank without a
    reason, and ``replaced_by`` the code of the one in its place.  ``rounded`` is what was let off, ``weighed`` whether
    a scale weighed any of it.
    """

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
    clock_trusted: bool = False
    replaces: bool = False
    replaced: str = ""
    typed: bool = False
    unchecked: bool = False
    rounded: str = ""
    weighed: bool = True
    hold: HoldView | None = None
    void: str = ""
    replaced_by: str = ""
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
    return "forged" if read_slip(text) is None else check_signed(text, key)


def check_signed(text: str, key: bytes | None) -> str:
    """The same for any kind of token."""
    if key is None:
        return "unknown"
    try:
        verify_url(text, Ed25519PublicKey.from_public_bytes(key))
    except BadToken:
        return "forged"
    return "ok"


def sold_at(token: Token) -> str:
    """When a slip says that it was sold; empty when its clock was not set."""
    trusted = bool(token.flags & Flags.CLOCK_TRUSTED) and token.t > 0
    return datetime.fromtimestamp(EPOCH + token.t, CHINA).isoformat() if trusted else ""


def slip_view(
    token: Token, event: Event | None, hold: Hold | None, first: str, now: datetime, about: "About | None" = None
) -> SlipView:
    """The page of a genuine slip, with the trade's event when it has arrived; ``hold``: a lot in it is stopped."""
    about = about or About()
    at = sold_at(token)
    shown: dict[str, Any] = {
        "tx": token.tx,
        "net": f"{kilograms(token.net_g)} kg",
        "amount": f"¥{yuan(token.amount_fen)}",
        "time": local(at) if at else "",
        "seller": token.seller,
        "buyer": "" if token.buyer == WALK_IN else token.buyer,
        "test": TestView(token.verdict.name.lower()),
        "sources": token.sources or (),
        "scale_verified": bool(token.flags & Flags.SCALE_VERIFIED),
        "clock_trusted": bool(at),
        "replaces": bool(token.flags & Flags.REPLACES_VOIDED),
        "hold": hold_view(hold, _WHEN[hold.sold_before(event, at)]) if hold else None,
        "first": local(first) if first else "",
        "first_is_old": bool(first) and now - datetime.fromisoformat(first) > _FRESH,
    }
    if about.voided is not None:
        shown["void"] = plain(about.voided["data"].get("reason", "")) or " "
        shown["replaced_by"] = about.replaced_by
    if event is None:
        return SlipView(state="on_the_way", **shown)
    data = event["data"]
    slip = data["slip"]
    if slip["tx"] != token.tx or digest_of(slip) != token.digest:
        return SlipView(state="differs", **shown)
    sold = data["sold"]
    lines = tuple(
        _line(line, sold[place] if place < len(sold) else None, about.tests) for place, line in enumerate(slip["lines"])
    )
    shown["sources"] = tuple(dict.fromkeys(line["source"] for line in slip["lines"] if line["source"]))
    return SlipView(
        state="ok",
        seller_name=plain(data["seller"]["name"]),
        stall=plain(data["seller"].get("stall", "")),
        buyer_name=plain(data["buyer"]["name"]) if token.buyer != WALK_IN else "",
        lines=lines,
        typed=any(line.typed for line in lines),
        unchecked=any(line.unchecked for line in lines),
        replaced=data.get("replaces") or "",
        rounded=f"-¥{yuan(data['rounded_fen'])}" if data.get("rounded_fen") else "",
        weighed=any(one["weighed"]["stability"] in ("scale", "derived") for one in sold),
        **shown,
    )


_WHEN = {True: "before", False: "after", None: "unknown"}


@dataclass(frozen=True, slots=True)
class About:
    """What else is known of a sale: the record that voids it, the sale in its place, the results of its lots."""

    voided: Event | None = None
    replaced_by: str = ""
    tests: tuple[Event, ...] = ()


def _line(line: dict[str, Any], sold: dict[str, Any] | None, tests: tuple[Event, ...]) -> LineView:
    goods = sold["goods"] if sold else {}
    test = sold["test"] if sold else None
    weighed = sold["weighed"] if sold else {}
    typed = weighed.get("stability") == "manual"
    return LineView(
        name=plain(goods.get("name") or line["product"]),
        name_en=plain(goods.get("name_en") or goods.get("name") or line["product"]),
        net=str(sold["pieces"]) if sold and sold.get("pieces") else f"{kilograms(line['net_g'])} kg",
        price=f"¥{yuan(line['price']['fen'])}",
        per="" if sold and sold.get("pieces") else "kg" if line["price"]["per_g"] == 1000 else "500 g",
        amount=f"¥{yuan(line['amount_fen'])}",
        origin=plain(sold["origin"]) if sold else "",
        source=line["source"],
        test=_summary(test, tests) if test else None,
        typed=(plain(weighed.get("reason", "")) or " ") if typed else "",
        tare=f"{kilograms(weighed['tare_g'])} kg" if weighed.get("tare_g") else "",
        unchecked=bool(sold and sold.get("unchecked")),
        label=weighed.get("stability") == "label",
    )


def _summary(test: dict[str, Any], tests: tuple[Event, ...]) -> TestView:
    """The test on a slip, with limit and method of its own record where that has arrived."""
    for event in tests:
        data = event["data"]
        if event["subject"] == test.get("code") and all(
            data[name] == test[name] for name in ("item", "value", "verdict")
        ):
            return result_view(event)
    return TestView(test["verdict"], plain(test["item"]), _value(test), local(test["time"]), test.get("code") or "")


def result_view(event: Event) -> TestView:
    """A result by its own record."""
    data = event["data"]
    limit = plain(f"{data['limit']} {data['unit'] or ''}".replace(" %", "%")) if data.get("limit") else ""
    return TestView(
        data["verdict"],
        plain(data["item"]),
        _value(data),
        local(event["time"]),
        event["subject"],
        limit,
        plain(data.get("method", "")),
    )


def _value(test: dict[str, Any]) -> str:
    unit = test["unit"] or ""
    return plain(f"{test['value']}{'' if unit == '%' else ' '}{unit}") if test["value"] is not None else ""

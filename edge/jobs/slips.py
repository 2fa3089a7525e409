"""A slip is made: its lines become one sale, recorded, signed, taken off their lots and printed."""

from collections.abc import Sequence
from functools import cache, lru_cache

from edge.between.commands import LARGEST_AMOUNT, SaleAnswer, Warned
from edge.between.inbox import Refused
from edge.between.people import SUPERVISORS
from edge.jobs import lots
from edge.jobs.city_said import about_price
from edge.jobs.lines import of_product, over_g, seen
from edge.jobs.on_papers import proofs
from edge.jobs.seats import printer_at, seller_at
from edge.jobs.voided import voided_before
from edge.records.ledger import Recorded
from edge.state.baskets import FrozenLine
from edge.state.lots import Lot
from edge.state.station import Station
from protocol.city import token as qr
from protocol.city.codes import WALK_IN, CodeKind
from protocol.city.events import Line, Party, Slip, Sold, TestSummary, TradeCompleted
from protocol.frozen import frozen

NO_FLAGS = qr.Flags(0)
UNITS = {"none": 1, "jiao": 10, "yuan": 100}  # fen

_VERDICTS = {
    "qualified": qr.TokenVerdict.QUALIFIED,
    "suspect": qr.TokenVerdict.PENDING,
    "unqualified": qr.TokenVerdict.UNQUALIFIED,
}
_WORST = (
    qr.TokenVerdict.UNQUALIFIED,
    qr.TokenVerdict.PENDING,
    qr.TokenVerdict.NONE,
    qr.TokenVerdict.QUALIFIED,
)


@frozen
class Closing:
    """How a slip is closed; ``rounding`` None is the setting's. ``seen_fen`` is what the person saw that is to be
    paid, ``agreed``: who may let so much off has done so before, on the word of ``approved_by``."""

    buyer: str = ""
    buyer_name: str = ""
    replaces: str = ""
    rounding: str | None = None
    paid_by: str = ""
    payment: str = ""
    seen_fen: int | None = None
    agreed: bool = False
    approved_by: str = ""


def rounded(station: Station, total: int, rounding: str | None) -> int:
    """Fen that are let off a total (抹零); nothing of one that would be gone."""
    off = total % UNITS[rounding or station.config.stall.rounding]
    return off if off < total else 0


@frozen
class Due:
    """What is to be paid, what is let off, and on whose word (a code) where that needed one."""

    fen: int
    off_fen: int
    approved_by: str


def due(station: Station, lines: Sequence[FrozenLine], closing: Closing) -> Due:
    """What is to be paid for these lines; raises Refused."""
    total = sum(line.amount_fen for line in lines)
    if total > LARGEST_AMOUNT:
        raise Refused("amount", "金额过大，请核对单价", "the amount is too large: check the price")
    off, word = rounded(station, total, closing.rounding), closing.approved_by
    if not closing.agreed and station.config.people.prices == "supervisor" and off > rounded(station, total, None):
        word = station.demand(SUPERVISORS)
    seen(closing.seen_fen, total - off)
    return Due(total - off, off, word)


def _said_before(station: Station, code: str) -> str:
    """Whose word it was, where the record does not name them as the one who orders or approves it."""
    return "" if code in (station.who.approved_by, station.who.code) else code


def known_payment(station: Station, kind: str) -> None:
    """Raises Refused for a kind of payment that the settings do not name."""
    if kind and kind not in station.config.stall.payments:
        known = "、".join(station.config.stall.payments)
        raise Refused(
            "payment_kind",
            f"没有付款方式 {kind}；有：{known}",
            f"no kind of payment {kind}; there are: {known}",
        )


def complete(
    station: Station, lines: Sequence[FrozenLine], closing: Closing, scale: str
) -> tuple[SaleAnswer, Recorded]:
    """One sale of these lines, by who sells at this scale; raises Refused with nothing changed."""
    known_payment(station, closing.paid_by)
    asked = due(station, lines, closing)
    void = voided_before(station, closing.replaces) if closing.replaces else None
    of_lines, over = _lots(station, lines)

    stamp = station.clock.now()
    tx = str(station.ledger.next_code(CodeKind.SALE))
    seller, buyer = seller_at(station, scale), _party(closing.buyer or WALK_IN, closing.buyer_name)
    slip = Slip(
        amount_fen=asked.fen,
        buyer=buyer.code,
        lines=tuple(
            Line(
                amount_fen=line.amount_fen,
                net_g=line.net_g,
                price=line.price,
                product=line.product,
                source=(lot.source or "") if lot else "",
            )
            for line, lot in zip(lines, of_lines, strict=True)
        ),
        seller=seller.code,
        time=stamp.to_the_second,
        tx=tx,
    )
    tests = [_summary(lot) if lot else None for lot in of_lines]
    by_scale = [line.verified for line in lines if not line.pieces]
    verified = bool(by_scale) and all(by_scale) and stamp.trusted
    flags = qr.Flags.REPLACES_VOIDED if void else NO_FLAGS
    url, digest = _sign(station, slip, stamp.seconds if stamp.trusted else None, tests, verified, flags)
    trade = TradeCompleted(
        slip=slip,
        seller=_party(seller.code, seller.name, seller.stall, seller.contact, seller.licence, seller.address),
        buyer=buyer,
        sold=tuple(
            Sold(
                goods=station.goods(line.product),
                origin=lot.entry["data"]["origin"] if lot else "",
                test=test,
                weighed=line.weighed,
                unchecked=lot is not None and lot.unchecked,
                no_source=lot is None,
                over_g=more,
                proofs=proofs(lot) if lot else (),
                pieces=line.pieces,
                approvedby=_said_before(station, line.approved_by),
            )
            for line, lot, test, more in zip(lines, of_lines, tests, over, strict=True)
        ),
        clock_trusted=stamp.trusted,
        scale_verified=verified,
        digest=digest,
        url=url,
        replaces=closing.replaces or None,
        rounded_fen=asked.off_fen,
        paid_by=closing.paid_by,
        payment=closing.payment,
        approvedby=_said_before(station, asked.approved_by),
    )
    recorded = station.record("trade.completed", tx, trade, stamp)
    if void:
        station.corrections.add(void, recorded.seq)
    left = _take_off(station, lines, of_lines)
    always = station.config.stall.print == "always"
    job = station.prints.of_record(recorded, printer_at(station, scale)) if always else None
    last = of_lines[-1]
    answer = SaleAnswer(
        tx=tx,
        net_g=sum(line.net_g for line in lines),
        amount_fen=asked.fen,
        url=url,
        left_g=left[last.test_code] if last else None,
        job=job,
        warnings=_warnings(station, lines, of_lines, left),
        lines=len(lines),
        rounded_fen=asked.off_fen,
    )
    return answer, recorded


@lru_cache(maxsize=64)
def _party(code: str, name: str, stall: str = "", contact: str = "", licence: str = "", address: str = "") -> Party:
    """Who sells or buys, as records have it: the same value again and again."""
    return Party(code=code, name=name, stall=stall, contact=contact, licence=licence, address=address)


def _lots(station: Station, lines: Sequence[FrozenLine]) -> tuple[list[Lot | None], list[int]]:
    """The lot of each line as it is now, and how much of the line is more than is left of it; raises Refused that names
    the line."""
    found: list[Lot | None] = []
    over: list[int] = []
    taken: dict[str, int] = {}
    for place, line in enumerate(lines, 1):
        lot, more = None, 0
        if line.lot:
            try:
                lot = station.lots.find(line.lot)
                of_product(lot, line.product)
                more = over_g(station, lot, line.net_g, taken.get(line.lot, 0))
            except Refused as refused:
                if len(lines) == 1:
                    raise
                name = station.product(line.product)
                raise Refused(
                    refused.code,
                    f"第 {place} 行 {name.name}：{refused.zh}；请删去这一行，其余可结单",
                    f"line {place}, {name.name_en or name.name}: {refused.en}; take it out, the others can be sold",
                ) from None
            taken[line.lot] = taken.get(line.lot, 0) + line.net_g
        found.append(lot)
        over.append(more)
    return found, over


def _take_off(station: Station, lines: Sequence[FrozenLine], of_lines: Sequence[Lot | None]) -> dict[str, int]:
    """What was sold is gone from its lots; answers what is left of each, by test code."""
    left: dict[str, int] = {}
    for line, lot in zip(lines, of_lines, strict=True):
        if lot is None:
            continue
        station.lots.sold(lot, line.net_g)
        left[lot.test_code] = left.get(lot.test_code, lot.left_g) - line.net_g
    for lot in {one.test_code: one for one in of_lines if one is not None}.values():
        if left[lot.test_code] < 0 and lot.source:
            lots.tell_disputes(station, lot.source)
    return left


def _warnings(
    station: Station, lines: Sequence[FrozenLine], of_lines: Sequence[Lot | None], left: dict[str, int]
) -> tuple[Warned, ...]:
    """What people should know: prices above the city's limit, and lots of which nothing is left now."""
    said = [
        warning
        for line in {line.product: line for line in lines}.values()
        if not line.pieces
        for warning in about_price(station, station.product(line.product), line.price.fen)
    ]
    for lot in {one.test_code: one for one in of_lines if one is not None}.values():
        if left[lot.test_code] <= 0 < lot.left_g:
            name = station.product(lot.product)
            said.append(
                Warned(
                    code="lot_used_up",
                    message_zh=f"{name.name} {lot.entry['data']['origin']} 这一批已卖完",
                    message_en=f"nothing is left of this lot of {name.name_en or name.name}",
                )
            )
    return tuple(said)


def _summary(lot: Lot) -> TestSummary | None:
    if lot.test is None and lot.foreign:
        facts = lot.entry["data"]
        return TestSummary(
            code=lot.test_code,
            item=facts["item"],
            verdict=facts["verdict"],
            value=None,
            unit=None,
            time=facts["tested_at"] or "",
        )
    if lot.recheck is not None and lot.rechecked:
        found = lots.rechecked(lot.recheck, lot)
        return TestSummary(
            code=lot.test_code,
            item=found["item"],
            verdict="qualified",
            value=None,
            unit=None,
            time=found["tested_at"] or "",
        )
    if lot.test is None:
        return None
    data = lot.test["data"]
    return TestSummary(
        code=lot.test["subject"],
        item=data["item"],
        verdict=data["verdict"],
        value=data["value"],
        unit=data["unit"],
        time=lot.test["time"],
    )


def _verdict(tests: Sequence[TestSummary | None]) -> qr.TokenVerdict:
    """What a slip's code says of the tests of all its lines: the worst."""
    said = (_VERDICTS.get(test.verdict, qr.TokenVerdict.NONE) if test else qr.TokenVerdict.NONE for test in tests)
    return min(said, key=_WORST.index)


@cache
def _flags(trusted: bool, verified: bool, flags: qr.Flags) -> qr.Flags:
    """These flags, with what the clock and the scale are worth."""
    if trusted:
        flags |= qr.Flags.CLOCK_TRUSTED
    if verified:
        flags |= qr.Flags.SCALE_VERIFIED
    return flags


def _sign(
    station: Station,
    slip: Slip,
    seconds: float | None,
    tests: Sequence[TestSummary | None],
    verified: bool,
    flags: qr.Flags,
) -> tuple[str, str]:
    """The slip's address and digest."""
    signer = station.ledger.signer
    digest = qr.digest_of_bytes(slip.canonical())
    flags = _flags(seconds is not None, verified, flags)
    token = qr.Token(
        kind=qr.TokenKind.SALE,
        kid=qr.own_kid(signer.key),
        t=0 if seconds is None else int(seconds) - qr.EPOCH,
        tx=slip.tx,
        seller=slip.seller,
        buyer=slip.buyer,
        net_g=sum(line.net_g for line in slip.lines),
        amount_fen=slip.amount_fen,
        verdict=_verdict(tests),
        flags=flags,
        digest=digest,
        sources=tuple(dict.fromkeys(line.source for line in slip.lines if line.source)),
    )
    return qr.url_of(token, signer.key, signer.host), digest.hex()

"""Lots that travel: released with a card, opened at any stall, handed from stall to stall, settled when two have the
same goods.

A card is believed for its signature alone, so a stall needs no network to open it.  What a card cannot know (that the
goods were stopped since, or opened elsewhere) comes by the broker and the city, and wins when it comes.
"""

import re
from datetime import datetime
from typing import Any

from edge.between.commands import HandAnswer, HandLot, OpenAnswer, OpenLot, SettleAnswer, SettleLot
from edge.between.fixed_words import LotState
from edge.between.inbox import Refused
from edge.jobs.doing import does
from edge.records.ledger import ALARM, Recorded
from edge.state.claims import Claim, Portion
from edge.state.lots import Lot
from edge.state.station import Station
from protocol.city import events
from protocol.city.codes import BadCode, CodeKind, TraceCode
from protocol.city.events import (
    Goods,
    LotDisputed,
    LotHanded,
    LotHeld,
    LotOpened,
    LotReleased,
    LotResumed,
    LotSettled,
    Party,
    VerdictWord,
)
from protocol.city.node_keys import UnknownSigner
from protocol.city.source import MOST_PORTIONS, SourceToken, card_url, verdict_of
from protocol.city.token import EPOCH, BadToken, own_kid
from protocol.city.written import kilograms

NOT_TESTED = "未抽检"  # the item of a lot that the market sells untested, because the draw passed it over
CARD = re.compile(r"/b/[A-Za-z0-9_-]{64,}")


# --- released and held ------------------------------------------------------------------------------------------------


def released(station: Station, test_code: str) -> None:
    """A lot may be sold, with a source code of its own: recorded with all that its card says."""
    lot = station.lots.find(test_code)
    if (lot.held_seq or 0) > (lot.resumed_seq or 0):
        resumed(station, lot, "")
    facts = facts_of(lot)
    record = LotReleased(
        **facts, net_g=lot.entry["data"]["net_g"], url=_card(station, facts, lot.entry["data"]["net_g"])
    )
    recorded = station.record("lot.released", record.source, record)
    station.lots.carded(lot, recorded.seq)
    station.prints.of_record(recorded)


def held(station: Station, lot: Lot, test: Recorded, why: str, person: str | None) -> None:
    """A result suspends a lot's sale, or puts the test in the place of a person's reason."""
    suspend(station, lot, why, test=test.subject, verdict=test.data["verdict"], person=person)


def suspend(
    station: Station,
    lot: Lot,
    why: str,
    *,
    test: str | None = None,
    verdict: VerdictWord | None = None,
    person: str | None = None,
) -> tuple[Recorded, int | None]:
    """The sale of a lot is suspended, by a test, a correction, a laboratory or a person: an alarm of its own, with a
    paper for who holds the goods, whose print job is answered too. Its state is changed by the caller."""
    data, gate = lot.entry["data"], station.config.gate
    record = LotHeld(
        lot=lot.test_code,
        source=lot.source,
        goods=Goods.model_validate(data["goods"]),
        net_g=data["net_g"],
        left_g=max(0, lot.left_g),
        origin=data["origin"],
        supplier=data["supplier"],
        supplier_code=data.get("supplier_code", ""),
        seller=holder(station),
        store=gate.store,
        office=gate.office,
        authority=station.config.market.authority,
        test=test,
        verdict=verdict,
        why=why,
        person=person,
    )
    recorded = station.record("lot.held", lot.test_code, record, lane=ALARM)
    station.lots.suspended(lot, recorded.seq)
    station.holds.begin(lot, recorded.seq)
    return recorded, station.prints.of_record(recorded)


def holder(station: Station) -> Party:
    """Whose stall or gate this is."""
    seller = station.config.seller
    return Party(code=seller.code, name=seller.name, stall=seller.stall, contact=seller.contact)


def resumed(station: Station, lot: Lot, why: str, person: str | None = None) -> Recorded:
    """The hold of a lot has ended: told to all who heard of it."""
    goods = Goods.model_validate(lot.entry["data"]["goods"])
    record = LotResumed(lot=lot.test_code, source=lot.source, goods=goods, why=why, person=person)
    recorded = station.record("lot.resumed", lot.test_code, record)
    station.lots.resumed(lot, recorded.seq)
    station.holds.end(lot)
    return recorded


def facts_of(lot: Lot) -> dict[str, Any]:
    """What a card states of a released lot, but for the mass; raises Refused for one that nobody here tested."""
    data = lot.entry["data"]
    facts = {name: data[name] for name in ("goods", "origin", "origin_code", "supplier", "supplier_code")}
    facts |= {"lot": lot.test_code, "source": lot.source}
    if lot.foreign:
        return facts | {name: data[name] for name in ("verdict", "item", "tested_at")}
    if lot.recheck is not None and lot.rechecked:
        return facts | {"verdict": "qualified", **rechecked(lot.recheck, lot)}
    if lot.test is None and lot.sampling == "released":
        return facts | {"verdict": "not_applicable", "item": NOT_TESTED, "tested_at": None}
    if lot.test is None:
        raise Refused(
            "not_tested",
            "该批次凭上游来源码放行，本站不能为它出卡",
            "this lot was let in untested: no card can vouch for it",
        )
    items = "、".join(item.item for item in lot.items if item.verdict == "qualified") or lot.test["data"]["item"]
    return facts | {
        "verdict": lot.test["data"]["verdict"],
        "item": items[:120],
        "tested_at": _time_of(lot.test),
    }


def rechecked(decision: dict[str, Any], lot: Lot) -> dict[str, Any]:
    """What a recheck found of a lot, and when a person decided by it."""
    items = "、".join(item.item for item in lot.items) or decision["data"]["method"]
    return {"item": f"{items[:114]}（复检）", "tested_at": _time_of(decision)}


def _time_of(event: dict[str, Any]) -> str | None:
    return str(event["time"]) if event["clockstate"] != "unsynced" else None


def _card(station: Station, facts: dict[str, Any], net_g: int, portion: int = 0) -> str:
    signer = station.ledger.signer
    tested = facts["tested_at"]
    token = SourceToken(
        kid=own_kid(signer.key),
        t=max(0, int(datetime.fromisoformat(tested).timestamp()) - EPOCH) if tested else 0,
        source=facts["source"],
        test=facts["lot"],
        product=facts["goods"]["product"],
        name=facts["goods"]["name"],
        net_g=net_g,
        origin=facts["origin"],
        origin_code=facts["origin_code"],
        supplier=facts["supplier"],
        supplier_code=facts["supplier_code"],
        verdict=verdict_of(facts["verdict"]),
        item=facts["item"],
        portion=portion,
    )
    return card_url(token, signer.key, signer.host)


# --- opened -----------------------------------------------------------------------------------------------------------


def open_lot(station: Station, command: OpenLot) -> OpenAnswer:
    """Take goods over by what their card says. Raises Refused."""
    lot, new = opened(station, command.code, command.net_g)
    goods = lot.entry["data"]["goods"]
    return OpenAnswer(
        test_code=lot.test_code,
        source=lot.source or "",
        product=lot.product,
        product_name=goods["name"],
        left_g=lot.left_g,
        opened=new,
        disputed=lot.disputed,
    )


def opened(station: Station, code: str, net_g: int | None = None, *, more: bool = True) -> tuple[Lot, bool]:
    """The lot of a scanned card or code, and whether goods of it were taken over by this. Raises Refused.

    A card that was scanned here before means the lot it opened then.  Without ``more`` the code of a lot that is here
    means what is here, though more of it is offered.
    """
    if CARD.search(code):
        return _by_card(station, code, net_g)
    try:
        kind = TraceCode.parse(code).kind
    except BadCode as error:
        raise Refused("bad_code", f"编码 {code[:24]} 有误，请重新扫描或输入", str(error)) from None
    if kind is CodeKind.TRAINING:
        raise _training()
    of_source = kind is CodeKind.SOURCE
    if of_source and not more and (lot := station.lots.of_source(code)) is not None:
        return lot, False
    offer = next(iter(station.lots.claims.offers(code)), None) if of_source else None
    if offer is None:
        return station.lots.find(code), False
    return _take(station, offer.portion, offer.facts, offer.station, offer.by, net_g), True


def _by_card(station: Station, url: str, net_g: int | None) -> tuple[Lot, bool]:
    try:
        token, issuer = station.node_keys.open(url)
    except UnknownSigner as error:
        raise Refused(
            "unknown_key",
            "这张来源卡不是本市场的站点出的，不能用；请核对来货，或请技术员更新密钥",
            f"no station of this market made this card: {error}",
        ) from None
    except BadToken as error:
        raise Refused(
            "altered", "这张来源卡被改动或伪造，不能用；请联系入场口", f"this card is altered or forged: {error}"
        ) from None
    if token.training:
        raise _training()
    claims = station.lots.claims
    portion = Portion(token.source, station.node_keys.first(token.kid.hex()), token.portion)
    lot = station.lots.of_source(token.source)
    if lot is not None and (portion.kid == claims.kid or claims.own(portion) is not None):
        return lot, False
    if issuer == claims.station and not token.portion:
        raise Refused(
            "never_given",
            "这张卡的站号与本站相同，但本站没有这个批次；请联系技术员（两台机器站号重复，或账本是旧的）",
            "this card has this station's own number, and its lot is not here: tell the technician. Two boxes may have "
            "one number (`terminal`), or the ledger is old",
        )
    untested = token.verdict_word == "not_applicable" and station.config.gate.unsampled == "release"
    if token.verdict_word != "qualified" and not untested:
        raise Refused("not_qualified", "卡上的批次未检测合格，不能卖", "by its card this lot has not passed its test")
    facts = {
        "lot": token.test,
        "source": token.source,
        "goods": {"product": token.product, "name": token.name},
        "net_g": token.net_g,
        "origin": token.origin,
        "origin_code": token.origin_code,
        "supplier": token.supplier,
        "supplier_code": token.supplier_code,
        "verdict": token.verdict_word,
        "item": token.item,
        "tested_at": token.tested_at or None,
    }
    return _take(station, portion, facts, issuer, "card", net_g), True


def _training() -> Refused:
    return Refused("training", "这是练习用的码，不能交易", "this is a code of a training: no goods are behind it")


def _take(station: Station, portion: Portion, facts: dict[str, Any], issuer: str, by: Any, net_g: int | None) -> Lot:
    """Goods of a portion are taken over: recorded, and a lot here."""
    product = facts["goods"]["product"]
    if product not in station.products:
        name = facts["goods"]["name"]
        raise Refused(
            "no_product",
            f"本站没有商品 {name}（{product}）：请技术员在 station.toml 加上，再扫一次",
            f"this stall does not have {name} ({product}): add it to station.toml, then scan again",
        )
    if (stop := station.lots.stopped(facts["lot"], portion.source)) is not None:
        raise stopped(stop.why)
    there = station.lots.of_source(portion.source)
    if there is None and facts["lot"] in station.lots.records(facts["lot"]):
        raise Refused("altered", "卡上的检测编号属于另一批次，不能用", "its test code is of another lot here")
    if net_g is not None and net_g > facts["net_g"]:
        most = kilograms(facts["net_g"])
        raise Refused("too_much", f"卡上只有 {most} kg", f"there are only {most} kg by its card")
    record = LotOpened(
        **{**facts, "goods": station.goods(product), "net_g": facts["net_g"] if net_g is None else net_g},
        kid=portion.kid,
        portion=portion.number,
        issuer=issuer,
        of_g=facts["net_g"],
        by=by,
    )
    recorded = station.record("lot.opened", portion.source, record)
    station.lots.open_foreign(portion, record, recorded.seq)
    tell_disputes(station, portion.source)
    return station.lots.find(portion.source)


# --- what may be sold, and handed on ----------------------------------------------------------------------------------


def disposed() -> Refused:
    """The last of it was returned or destroyed."""
    return Refused(
        "lot_disposed",
        "该批次已退回或销毁，没有可卖的了；请核对货物和批次",
        "the last of this lot was returned or destroyed: look which goods these are",
    )


def stopped(why: str) -> Refused:
    """Its sale was stopped from elsewhere."""
    return Refused(
        "lot_stopped",
        f"该批次已被通知停止销售：{why or '见通知'}",
        f"the sale of this lot was stopped: {why or 'see the order'}",
    )


def sellable(lot: Lot) -> None:
    """Raises Refused, with the reason that weighs most, for what may not be sold or handed on."""
    if lot.state is LotState.DISPOSED:
        raise disposed()
    if lot.stop is not None:
        raise stopped(lot.stop.why)
    if lot.hold is not None and not lot.hold["data"]["verdict"]:
        why = lot.hold["data"]["why"]
        raise Refused("lot_held", f"该批次已暂停销售：{why}", f"this lot is held: {why}")
    if lot.state is LotState.HELD:
        raise Refused(
            "lot_held", "该批次快检阳性（筛查），暂停销售", "this lot is held: its screening test was positive"
        )
    if lot.state is not LotState.RELEASED or lot.source is None:
        raise Refused("lot_pending", "该批次尚未检测合格", "this lot has not passed its test yet")
    if lot.disputed:
        raise Refused(
            "lot_disputed",
            "这批货在别处也被接收了，数量不够，已暂停销售；请主管核定本摊位实有数量",
            "other stalls took over the same goods: a supervisor has to say how much is really here",
        )


def hand(station: Station, command: HandLot) -> HandAnswer:
    """Part of a lot goes to another stall, with a card of its own. Raises Refused."""
    lot = station.lots.find(command.lot)
    sellable(lot)
    if command.net_g > lot.left_g:
        left = kilograms(max(0, lot.left_g))
        raise Refused("lot_empty", f"该批次只剩 {left} kg", f"only {left} kg of this lot are left")
    facts = facts_of(lot)
    portion = station.lots.claims.next_portion(facts["source"])
    if portion.number > MOST_PORTIONS:
        raise Refused("too_many", "该批次分得太多，不能再分", "this lot was divided too often")
    record = LotHanded(
        **facts,
        net_g=command.net_g,
        kid=portion.kid,
        portion=portion.number,
        to=command.to,
        left_g=lot.left_g - command.net_g,
        url=_card(station, facts, command.net_g, portion.number),
    )
    recorded = station.record("lot.handed", record.source, record)
    station.lots.sold(lot, command.net_g)
    station.lots.carded(lot, recorded.seq)
    job = station.prints.add("card", recorded.seq, recorded.body, about=(recorded.subject, recorded.time))
    return HandAnswer(source=record.source, portion=portion.number, left_g=record.left_g, url=record.url, job=job)


# --- two have the same goods ------------------------------------------------------------------------------------------


def tell_disputes(station: Station, source: str) -> None:
    """Record what was taken over more than once and was not yet told, as an alarm."""
    lots, claims = station.lots, station.lots.claims
    lot = lots.of_source(source)
    if lot is None:
        return
    contested = lots.contested(source)
    for portion, known in contested:
        own = next(claim for claim in known if claim.station == claims.station)
        if own.told:
            continue
        record = LotDisputed(
            lot=lot.test_code,
            source=source,
            goods=Goods.model_validate(lot.entry["data"]["goods"]),
            kid=portion.kid,
            portion=portion.number,
            of_g=own.of_g,
            own_g=own.net_g,
            settled=own.settled,
            claims=tuple(events.Claim(station=claim.station, net_g=claim.net_g) for claim in known),
        )
        recorded = station.record("lot.disputed", source, record, lane=ALARM)
        if claims.own(portion) is None:
            claims.take(portion, Claim(claims.station, 0, own.of_g, recorded.seq))
        claims.told(portion, True)
    over = {portion for portion, _ in contested}
    for portion, claim in claims.of_own(source):
        if claim.told and portion not in over:
            claims.told(portion, False)
    lots.touched(lot)


def settle(station: Station, command: SettleLot) -> SettleAnswer:
    """A supervisor says how much of what was taken over is really here. Raises Refused."""
    lots = station.lots
    lot = lots.find(command.lot)
    source = lot.source or ""
    mine = [
        (portion, claim, known)
        for portion, known in lots.claims.contested(source)
        for claim in known
        if claim.station == lots.claims.station and portion.kid != lots.claims.kid
    ]
    if not mine:
        raise Refused(
            "not_disputed",
            "本摊位接收的这批货没有争议；若是本站发出的货，请在接收的摊位核定",
            "nothing that was taken over here is in dispute; of a lot released here the stall that took it over says",
        )
    portion, own, known = next((one for one in mine if not one[1].settled), mine[0])
    elsewhere = sum(claim.net_g for claim in known if claim.settled and claim.station != lots.claims.station)
    if command.net_g + elsewhere > own.of_g:
        left = kilograms(max(0, own.of_g - elsewhere))
        raise Refused(
            "settled_elsewhere",
            f"别的摊位已核定，本摊位最多还有 {left} kg",
            f"other stalls have settled theirs: at most {left} kg can be here",
        )
    record = LotSettled(
        lot=lot.test_code,
        source=source,
        goods=Goods.model_validate(lot.entry["data"]["goods"]),
        kid=portion.kid,
        portion=portion.number,
        of_g=own.of_g,
        was_g=own.net_g,
        net_g=command.net_g,
        why=command.why,
    )
    recorded = station.record("lot.settled", source, record)
    lots.claimed(portion, Claim(own.station, command.net_g, own.of_g, recorded.seq, settled=True))
    tell_disputes(station, source)
    after = lots.find(lot.test_code)
    return SettleAnswer(test_code=lot.test_code, left_g=after.left_g, disputed=after.disputed)


does(OpenLot, open_lot)
does(HandLot, hand)
does(SettleLot, settle)

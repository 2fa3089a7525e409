"""What pages see of a canteen's orders and deliveries, and what is known of their suppliers and sources right now."""

from typing import TYPE_CHECKING

from edge.between.canteen_board import (
    DeliveryLineView,
    DeliveryView,
    LoadView,
    OrderView,
    SignerView,
    SourceView,
)
from edge.between.fixed_words import LotState
from edge.config.sections import percent
from edge.state.deliveries import Numbered, Row, per_cent
from edge.state.delivery import Draft, Line, Sums, expiry, needs, over, sums
from edge.state.directory import Entry

if TYPE_CHECKING:
    from edge.state.station import Station
    from protocol.city.events import Goods


def supplier_of(station: "Station", draft: Draft) -> Entry | None:
    """What the city's directory has of who delivers."""
    return station.directory.supplier(draft.supplier_code, draft.supplier)


def warnings(station: "Station", draft: Draft) -> tuple[str, ...]:
    """Fixed words for what is to be seen of a supplier before its goods are taken."""
    found, entry, today = [], supplier_of(station, draft), station.today()
    if entry is not None and entry.state != "active":
        found.append("suspended")
    if entry is None or not entry.licence:
        found.append("no_licence")
    elif entry.licence_until and today is not None and entry.licence_until < today.isoformat():
        found.append("licence_expired")
    if any(draft.supplier_code and slip.seller != draft.supplier_code for slip in draft.slips):
        found.append("other_seller")
    return tuple(found)


def held(station: "Station", source: str, test: str | None) -> str:
    """Why goods with this source code may not be taken; empty when nothing is known against them."""
    if (stop := station.lots.stopped(source, test)) is not None:
        return stop.why or "!"
    lot = station.lots.of_source(source)
    if lot is not None and (lot.state is LotState.HELD or lot.disputed):
        return str(lot.hold["data"]["why"]) if lot.hold is not None else "!"
    return ""


def needs_of(station: "Station", line: Line, came: Sums) -> tuple[str, ...]:
    """Words for what stands against signing this line."""
    part = station.config.canteen
    expired = expiry(line, station.today(), part.near_days)
    stopped = any(held(station, one.source, one.test) for one in line.sources)
    return needs(line, came, percent(part.tolerance), expired, held=stopped)


def order_views(station: "Station") -> tuple[OrderView, ...]:
    """The orders that are kept: of today and the days round it. Of one that was withdrawn nothing."""
    views, today = [], station.today()
    for order in station.city_lists.orders():
        row = station.deliveries.of_order(order["order"])
        closed = row is not None and row.state == "done"
        alias = order.get("alias", "")
        views.append(
            OrderView(
                code=order["order"],
                supplier=order["supplier"] if closed or not alias else alias,
                blind=bool(alias) and not closed,
                meal=order["meal"],
                due=order["due"],
                lines=len(order["lines"]),
                ordered_g=sum(line["net_g"] for line in order["lines"]),
                delivery=row.number if row else 0,
                state=row.state if row else "",
                today=today is None or order["due"] == today.isoformat(),
            )
        )
    return tuple(views)


def delivery_views(station: "Station") -> tuple[DeliveryView, ...]:
    """Those under way, then those done last."""
    deliveries = station.deliveries
    return tuple(
        [_open_view(station, row) for row in deliveries.all_open()]
        + [_closed_view(station, row) for row in deliveries.newest_closed()]
    )


def _open_view(station: "Station", row: Row) -> DeliveryView:
    draft, entry = row.draft, supplier_of(station, row.draft)
    lines = [
        _line_view(station, draft, line, station.deliveries.loads(row.number, line.line))
        for line in station.deliveries.lines(row.number)
    ]
    prices = [line.amount_fen for line in lines]
    return DeliveryView(
        number=row.number,
        state=row.state,
        order=draft.order,
        supplier=draft.shown,
        supplier_code="" if draft.alias else draft.supplier_code,
        blind=bool(draft.alias),
        unmatched=draft.unmatched,
        licence="" if entry is None or draft.alias else entry.licence,
        licence_until=entry.licence_until if entry else "",
        meal=draft.meal,
        begun=draft.begun,
        version=draft.version,
        ordered_g=sum(line.ordered_g for line in lines),
        delivered_g=sum(line.delivered_g for line in lines),
        accepted_g=sum(line.accepted_g for line in lines),
        rejected_g=sum(line.rejected_g for line in lines),
        sum_fen=None if None in prices else sum(fen for fen in prices if fen is not None),
        lines=tuple(lines),
        signed=tuple(SignerView(one.name, one.role) for one in draft.signed),
        signers=station.config.canteen.signers,
        warnings=warnings(station, draft),
        slips=tuple((one.tx, one.result) for one in draft.slips),
        proofs=tuple((one.type, one.no) for one in draft.proofs),
        photos=draft.photos,
        plate=draft.plate,
    )


def _english(station: "Station", goods: "Goods") -> str:
    """Their English name; of goods that a city names in Chinese only, the one that they have here."""
    known = station.products.get(goods.product)
    return goods.name_en or (known.name_en if known else "")


def _line_view(station: "Station", draft: Draft, line: Line, loads: list[Numbered]) -> DeliveryLineView:
    came, part = sums(line, (one.said for one in loads)), station.config.canteen
    return DeliveryLineView(
        line=line.line,
        product=line.goods.product,
        name=line.goods.name,
        name_en=_english(station, line.goods),
        unit=line.unit,
        ordered_g=line.ordered_g,
        ordered_n=line.ordered_n,
        delivered_g=came.delivered_g,
        delivered_n=came.delivered_n,
        rejected_g=came.rejected_g,
        rejected_n=came.rejected_n,
        accepted_g=came.accepted_g,
        accepted_n=came.accepted_n,
        refused=line.refused,
        not_ordered=line.not_ordered,
        difference=per_cent(came.difference),
        over=over(came, line, percent(part.tolerance)),
        why_difference=line.why_difference,
        reason=line.reason,
        sensory=line.sensory,
        temperature=line.temperature,
        probe=line.probe,
        best_before=line.best_before,
        spec=line.spec,
        batch=line.batch,
        expiry=expiry(line, station.today(), part.near_days),
        price_fen=line.price_fen,
        per_g=line.per_g,
        price_typed=line.price_typed,
        amount_fen=came.amount_fen,
        loads=tuple(
            LoadView(number, one.net_g, one.tare_g, one.part, one.stability == "manual", one.before_g)
            for number, one in loads
        ),
        sources=tuple(
            SourceView(
                one.source,
                one.result,
                one.verdict or "",
                one.item,
                one.tested_at or "",
                "" if draft.alias else one.supplier,
                one.origin,
            )
            for one in line.sources
        ),
        photos=line.photos,
        needs=needs_of(station, line, came),
    )


def _closed_view(station: "Station", row: Row) -> DeliveryView:
    """By its record: the supplier's true name stands there."""
    assert row.seq is not None
    draft, event = row.draft, station.ledger.event(row.seq)
    lines, data = event["data"]["lines"], event["data"]
    return DeliveryView(
        number=row.number,
        state=row.state,
        order=draft.order,
        supplier=draft.supplier,
        supplier_code=draft.supplier_code,
        blind=False,
        unmatched=draft.unmatched,
        licence=data.get("licence", ""),
        licence_until=data.get("licence_until", ""),
        meal=draft.meal,
        begun=draft.begun,
        version=draft.version,
        ordered_g=sum(line["ordered_g"] for line in lines),
        delivered_g=sum(line["delivered_g"] for line in lines),
        accepted_g=sum(line["accepted_g"] for line in lines),
        rejected_g=sum(line["rejected_g"] for line in lines),
        sum_fen=data.get("sum_fen"),
        signed=tuple(SignerView(one.name, one.role) for one in draft.signed),
        signers=len(draft.signed),
        code=event["subject"],
        time=event["time"],
    )

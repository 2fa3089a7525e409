"""Label scales that sell by themselves: each sale is recorded once, and a person says what is not known of it.

The goods are gone when the box hears of it, so nothing is refused: what is not certain is recorded as it came and
waits.  Goods are known by the number that settings or a person gave a meaning; they are taken off the lot on sale.
Where only lots are there whose sale is suspended, that is an alarm: they were sold all the same.
"""

from datetime import datetime, timedelta
from typing import Any, get_args

from edge.between.fixed_words import LotState
from edge.between.inbox import Refused
from edge.between.label_commands import DismissLabelAnswer, DismissLabelSale, LabelSaleAnswer, MatchLabelSale
from edge.between.people import SUPERVISORS
from edge.config.devices import bare
from edge.config.sections import LabelScaleSection, ProductSection
from edge.jobs import lots
from edge.jobs.doing import does
from edge.records.ledger import ALARM, ORDINARY, Recorded
from edge.state.label_sales import Kept
from edge.state.lots import Lot, local
from edge.state.station import Station
from protocol.city.events import LabelDoubt, Party, Price, SaleLabelled
from protocol.frozen import frozen
from protocol.plain import plain
from protocol.readings import LabelSale

APART = timedelta(minutes=10)  # the clocks of scale and station may be, no more
WAITS_FOR_NOBODY = frozenset({"time"})
OF_GOODS = frozenset({"goods", "lot", "suspended"})  # doubts that are ours, and made anew
OF_MASS = frozenset({"unread", "sum", "empty", "unit"})  # doubts that a typed mass ends
SHORT_LETTERS, NAME_LETTERS, LINE_LETTERS = 40, 120, 400
RAW_BYTES = 4096


@frozen
class Gone:
    """What is known of goods that are gone: the lot, how much of it is more than was left, and what was not to be
    sold."""

    lot: Lot | None = None
    over_g: int = 0
    suspended: tuple[str, ...] = ()
    doubts: tuple[LabelDoubt, ...] = ()


def take(station: Station, device: str, sale: LabelSale) -> Recorded | None:
    """Record a sale of a label scale; None for one that was recorded before."""
    part = next(one for one in station.config.label_scale if one.name == device)
    if station.label_sales.known(part.name, sale):
        return None
    article = bare(sale.article or sale.plu)
    record = _as_said(station, part, sale)
    product = station.products.get(_product_of(station, part, sale, article))
    if product is None or product.by == "piece":
        record = _with(
            record, label_doubts=(*record.label_doubts, *(() if "unread" in record.label_doubts else ("goods",)))
        )
    else:
        record = _of(station, record, product)
    recorded = _record(station, record)
    station.label_sales.remember(part.name, sale, article, recorded.seq, waits=_waits(record))
    station.label_scales[part.name].sold()
    return recorded


def match(station: Station, command: MatchLabelSale) -> LabelSaleAnswer:
    """A person says what was sold; the new record replaces the one before. Raises Refused."""
    kept, before, event_id = _kept(station, command.seq)
    if not kept.waits:
        raise Refused("not_waiting", "这笔标签秤销售已处理", "this sale of a label scale waits for nobody any more")
    product = station.product(command.product)
    if product.by == "piece":
        raise Refused("by_piece", f"{product.name}按件卖", f"{product.name} is sold by the piece")
    if before.goods is not None and before.goods.product != product.code:
        raise Refused(
            "other_goods",
            f"这笔已按{before.goods.name}计入：请先注销这张标签",
            f"it counts as {before.goods.name} already: take this label off first",
        )
    said = _with_mass(station, before, command.net_g)
    lot = station.lots.find(command.lot) if command.lot else None
    if lot is not None and lot.product != product.code:
        raise Refused("lot_product", "批次与商品不符", "this lot is of another product")
    record = _with(_of(station, said, product, lot), replaces=event_id, person=command.person)
    recorded = _anew(station, kept, before, record, waits=False)
    others = 0
    if command.remember and kept.article:
        station.label_sales.means(kept.scale, kept.article, product.code, recorded.seq)
        others = _settle(station, kept, product, command.person)
    return LabelSaleAnswer(seq=recorded.seq, lot=record.lot or "", others=others)


def dismiss(station: Station, command: DismissLabelSale) -> DismissLabelAnswer:
    """A person says that a label is no sale: its goods are back in their lot. Raises Refused."""
    kept, before, event_id = _kept(station, command.seq)
    if before.taken_off:
        raise Refused("dismissed", "这张标签已注销", "this label was taken off already")
    if before.lot and before.net_g:
        station.lots.back(station.lots.find(before.lot), before.net_g)
    record = _with(before, counts=_known(before), replaces=event_id, person=command.person, taken_off=command.reason)
    recorded = station.record("trade.labelled", station.subject, record)
    station.corrections.add(kept.seq, recorded.seq)
    station.label_sales.recorded_anew(kept.seq, recorded.seq, waits=False)
    return DismissLabelAnswer(seq=recorded.seq)


# --- what is known of a sale ------------------------------------------------------------------------------------------


def _as_said(station: Station, part: LabelScaleSection, sale: LabelSale) -> SaleLabelled:
    """The record of what the scale says, before anybody knows which goods these are."""
    stamp = station.clock.now()
    seat = next((one for one in station.config.seat if one.name == part.seat), None)
    seller = station.config.seller if seat is None else seat.sold_by()
    doubts = [word for word in get_args(LabelDoubt) if word in sale.doubts]
    if stamp.trusted and sale.sold_at is not None and sale.sold_at > local(stamp.text) + APART:
        doubts.append("time")
    priced = sale.price_fen is not None and sale.per_g in (500, 1000)
    return SaleLabelled(
        label_scale=part.name,
        model=part.row().id,
        scale_no=plain(sale.scale, SHORT_LETTERS),
        number=plain(sale.number, SHORT_LETTERS),
        labelled_at=sale.sold_at.isoformat() if sale.sold_at else None,
        plu=plain(sale.plu, SHORT_LETTERS),
        article=plain(sale.article, SHORT_LETTERS),
        label_name=plain(sale.name, NAME_LETTERS),
        goods=None,
        net_g=sale.net_g,
        tare_g=sale.tare_g,
        price=Price(fen=sale.price_fen, per_g=sale.per_g) if priced else None,
        amount_fen=sale.amount_fen,
        lot=None,
        source="",
        label_doubts=tuple(doubts),
        counts=False,
        seller=Party(
            code=seller.code,
            name=seller.name,
            stall=seller.stall,
            contact=seller.contact,
            licence=seller.licence,
            address=seller.address,
        ),
        clock_trusted=stamp.trusted,
        raw=sale.raw[:RAW_BYTES].hex(),
        text=plain(sale.text, LINE_LETTERS) if "unread" in sale.doubts else "",
    )


def _product_of(station: Station, part: LabelScaleSection, sale: LabelSale, article: str) -> str:
    """What its number means: as a person said last, else the settings; empty when nobody says."""
    return station.label_sales.product_of(part.name, article) or part.product_of(sale.article, sale.plu)


def _of(station: Station, said: SaleLabelled, product: ProductSection, named: Lot | None = None) -> SaleLabelled:
    """The same, now that the goods are known; ``named`` is the lot that a person says it was."""
    gone = Gone() if said.net_g is None else _gone(station, product, said, said.net_g, named)
    return _with(
        said,
        goods=station.goods(product.code),
        lot=gone.lot.test_code if gone.lot else None,
        source=(gone.lot.source or "") if gone.lot else "",
        over_g=gone.over_g,
        suspended=gone.suspended,
        label_doubts=(*(doubt for doubt in said.label_doubts if doubt not in OF_GOODS), *gone.doubts),
        counts=said.net_g is not None,
    )


def _gone(station: Station, product: ProductSection, said: SaleLabelled, net_g: int, named: Lot | None) -> Gone:
    """Which lot these goods are off; what came in well after the label was not sold by it."""
    lot = named or station.lots.on_sale(product.code)
    at = datetime.fromisoformat(said.labelled_at) if said.labelled_at else None
    if lot is not None and named is None and at and lot.registered > at + APART:
        lot = None
    if lot is None:
        suspended = tuple(one.test_code for one in station.lots.suspended_of(product.code))
        if suspended:
            return Gone(suspended=suspended, doubts=("suspended",))
        return Gone(doubts=() if station.config.lot_optional(product) else ("lot",))
    over_g = min(net_g, max(0, net_g - lot.left_g))
    if lot.why or lot.state is not LotState.RELEASED:
        return Gone(lot, over_g, (lot.test_code,), ("suspended",))
    return Gone(lot, over_g)


def _with_mass(station: Station, said: SaleLabelled, net_g: int | None) -> SaleLabelled:
    """With the mass that a person typed, where the scale gave none. Raises Refused."""
    if net_g is None and said.net_g is None:
        raise Refused("mass_needed", "请输入标签上的净重：秤没有报出确定的重量", "type the net mass on the label")
    if net_g is None or net_g == said.net_g:
        return said
    if said.net_g is not None:
        raise Refused("mass_known", "秤已报出重量，不能改", "the scale says the mass: it cannot be typed")
    if station.config.people.typed_weights == "supervisor":
        station.demand(SUPERVISORS)
    doubts = tuple(doubt for doubt in said.label_doubts if doubt not in OF_MASS)
    return _with(said, net_g=net_g, tare_g=None, weight_typed=True, label_doubts=doubts)


def _settle(station: Station, kept: Kept, product: ProductSection, person: str) -> int:
    """Others that waited for the meaning of the same number; answers how many are settled."""
    settled = 0
    for seq in station.label_sales.waiting_of(kept.scale, kept.article):
        other, before, event_id = _kept(station, seq)
        if before.goods is None and "unread" not in before.label_doubts:
            record = _with(_of(station, before, product), replaces=event_id, person=person)
            _anew(station, other, before, record, waits=_waits(record))
            settled += not _waits(record)
    return settled


# --- records ----------------------------------------------------------------------------------------------------------


def _kept(station: Station, seq: int) -> tuple[Kept, SaleLabelled, str]:
    """The sale with this newest record, the record, and its id. Raises Refused."""
    kept = station.label_sales.find(seq)
    if kept is None:
        raise Refused(
            "no_label_sale",
            "没有这笔标签秤销售，或已有新的记录：请刷新",
            "no sale of a label scale has this newest record: look again",
        )
    event = station.ledger.event(seq)
    return kept, SaleLabelled.model_validate(event["data"]), event["id"]


def _anew(station: Station, kept: Kept, before: SaleLabelled, record: SaleLabelled, *, waits: bool) -> Recorded:
    """This record stands in the place of the one before; sums add a sale once."""
    recorded = _record(station, _with(record, counts=record.counts and not _known(before)))
    station.corrections.add(kept.seq, recorded.seq)
    station.label_sales.recorded_anew(kept.seq, recorded.seq, waits=waits)
    return recorded


def _record(station: Station, record: SaleLabelled) -> Recorded:
    """Recorded, as an alarm where it was not to be sold, and taken off its lot."""
    lane = ALARM if record.suspended else ORDINARY
    recorded = station.record("trade.labelled", station.subject, record, lane=lane)
    if record.lot and record.net_g:
        lot = station.lots.find(record.lot)
        station.lots.sold(lot, record.net_g)
        if lot.left_g < record.net_g and lot.source:
            lots.tell_disputes(station, lot.source)
    return recorded


def _known(record: SaleLabelled) -> bool:
    """Whether goods and mass are known: then sums have it."""
    return record.goods is not None and record.net_g is not None


def _waits(record: SaleLabelled) -> bool:
    return bool(set(record.label_doubts) - WAITS_FOR_NOBODY)


def _with(record: SaleLabelled, **said: Any) -> SaleLabelled:
    return record.model_copy(update=said)


does(MatchLabelSale, match)
does(DismissLabelSale, dismiss)

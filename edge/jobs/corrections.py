"""What was wrong: a sale is voided, an entry or the match of a result corrected, by a supervisor and with a reason.

No record is changed: a new one points at the old one, and the lot follows in the same transaction.
"""

from dataclasses import replace
from typing import Any, get_args

from edge.between.correction_commands import (
    CorrectEntry,
    CorrectEntryAnswer,
    CorrectResult,
    CorrectResultAnswer,
    VoidAnswer,
    VoidSale,
)
from edge.between.fixed_words import LotState
from edge.between.inbox import Refused
from edge.jobs import lots, results, vouchers
from edge.jobs.doing import does
from edge.jobs.seats import printer_of
from edge.jobs.voided import sale_of
from edge.state.judgement import conclude
from edge.state.lots import Lot, LotItem, as_kept
from edge.state.public_samples import PublicSample
from edge.state.station import Station
from protocol.city.codes import CodeKind
from protocol.city.envelope import kind_of
from protocol.city.events import (
    Brought,
    Change,
    CorrectedField,
    EntryCorrected,
    EntryRegistered,
    Goods,
    ResultCorrected,
    TestRecorded,
    TradeCompleted,
    TradeVoided,
)
from protocol.city.written import kilograms, moment

# --- a sale -----------------------------------------------------------------------------------------------------------


def void(station: Station, command: VoidSale) -> VoidAnswer:
    """A sale counts no more: its goods are back in their lots, and a slip says so. Raises Refused."""
    seq = sale_of(station, command.tx)
    event = station.ledger.event(seq)
    if (by := station.corrections.of(seq)) is not None:
        said = station.ledger.event(by)
        raise Refused(
            "already_voided",
            f"这笔交易已于 {moment(said['time'])} 作废：{said['data']['reason']}",
            f"this sale was voided at {moment(said['time'])}: {said['data']['reason']}",
        )
    sale = TradeCompleted.model_validate(event["data"])
    record = TradeVoided(
        voids=event["id"],
        slip=sale.slip,
        seller=sale.seller,
        buyer=sale.buyer,
        goods=tuple(sold.goods for sold in sale.sold),
        reason=command.reason,
        rounded_fen=sale.rounded_fen,
        paid_by=sale.paid_by,
        pieces=tuple(sold.pieces for sold in sale.sold),
    )
    recorded = station.record("trade.voided", event["subject"], record)
    station.corrections.add(seq, recorded.seq)
    for line in sale.slip.lines:
        if line.source and (lot := station.lots.of_source(line.source)) is not None:
            station.lots.back(lot, line.net_g)
    station.prints.drop(seq)
    job = station.prints.of_record(recorded, printer_of(station, sale.seller.code))
    return VoidAnswer(seq=recorded.seq, tx=event["subject"], job=job)


# --- an entry ---------------------------------------------------------------------------------------------------------


def correct_entry(station: Station, command: CorrectEntry) -> CorrectEntryAnswer:
    """What was registered of a lot was wrong. Raises Refused."""
    lot = station.lots.find(command.lot)
    event = station.ledger.event(lot.seq)
    if kind_of(event["type"]) != "entry.registered":
        raise Refused(
            "not_ours",
            "该批次不是本站登记的，请到登记的入场口更正",
            "another station registered this lot: correct it there",
        )
    before = EntryRegistered.model_validate(lot.entry["data"])
    now = _entry_now(station, before, command)
    changes = _changes(before, now)
    if not changes:
        raise Refused("nothing_changed", "没有要更正的内容", "nothing is different from what is registered")
    more_g = now.net_g - before.net_g
    if more_g < 0 and lot.left_g + more_g < 0:
        sold = kilograms(lot.sold_g)
        raise Refused(
            "sold_more",
            f"该批次已售出 {sold} kg，不能更正为 {kilograms(now.net_g)} kg；请先作废有误的交易",
            f"{sold} kg of this lot are sold: it cannot be less. Void the sales that are wrong first",
        )
    other_goods = now.goods.product != before.goods.product
    if other_goods and (lot.source is not None or lot.sold_g):
        raise Refused(
            "has_source",
            "该批次已有来源码或已售出，商品不能再改；请暂停该批次并重新登记",
            "the lot has its source code, or some of it is sold: its goods stay. Hold it and register anew",
        )
    after = replace(lot, product=now.goods.product, entry={**lot.entry, "data": now.model_dump(mode="json")})
    state = _judged_anew(station, lot, after) if other_goods else lot.state
    released = state is LotState.RELEASED and lot.state is not LotState.RELEASED
    source = str(station.ledger.next_code(CodeKind.SOURCE)) if released else lot.source
    previous = station.corrections.of(lot.seq)
    corrects = station.ledger.event(previous) if previous else event
    record = EntryCorrected(
        lot=lot.test_code,
        corrects=corrects["id"],
        changes=changes,
        now=now,
        source=source,
        released=released,
        reason=command.reason,
    )
    recorded = station.record("entry.corrected", lot.test_code, record)
    for seq in {lot.seq, previous or lot.seq}:
        station.corrections.add(seq, recorded.seq)
    whole_plant = lot.whole_plant
    if other_goods:
        items = _recorded_again(station, lot, now.goods)
        whole_plant = (whole_plant or "due") if station.product(now.goods.product).disturbs_enzyme else ""
        station.lots.judged_anew(lot, items, state, source)
    station.lots.corrected(lot, recorded.seq, now.goods.product, more_g, whole_plant)
    station.prints.of_record(recorded)
    _tell_state(station, lot, state)
    return CorrectEntryAnswer(
        seq=recorded.seq, test_code=lot.test_code, state=state.value, source=source, left_g=lot.left_g + more_g
    )


def _entry_now(station: Station, before: EntryRegistered, command: CorrectEntry) -> EntryRegistered:
    """The entry as it should have been registered; raises Refused for goods that are not known."""
    said: dict[str, Any] = {
        name: value
        for name in get_args(CorrectedField)
        if name not in ("product", "proofs", "photos") and (value := getattr(command, name)) is not None
    }
    if command.proofs is not None:
        said["proofs"] = tuple(vouchers.certificate(one, before.proofs) for one in command.proofs)
    if command.shelf_days == 0:
        said["shelf_days"] = None
    if command.photos:
        said["photos"] = vouchers.more_photos(before.photos, command.photos)
    if command.product is not None and command.product != before.goods.product:
        product = station.product(command.product)
        said |= {"goods": station.goods(product.code), "tests": station.config.tests(product)}
    if "net_g" in said and said["net_g"] != before.net_g:
        said |= {"mass_by": "declared", "weighings": ()}  # what was weighed stands in the record that is corrected
    now = before.model_copy(update=said)
    if now.goods.product in station.products:
        part = station.product(now.goods.product)
        kept = vouchers.retention(part, now.shelf_days, now.spec, now.produced, now.batch)
        lacks = vouchers.missing_of(station, part, [one.type for one in now.proofs])
        now = now.model_copy(update={"retention": kept, "missing_proofs": lacks})
    return now


def _changes(before: EntryRegistered, now: EntryRegistered) -> tuple[Change, ...]:
    changes = []
    for name in get_args(CorrectedField):
        if name == "proofs":
            pairs = vouchers.differences(before.proofs, now.proofs)
        else:
            old, new = _value(before, name), _value(now, name)
            pairs = [(old, new)] if old != new else []
        changes += [Change(field=name, before=old, after=new) for old, new in pairs]
    return tuple(changes)


def _value(entry: EntryRegistered, name: str) -> str:
    if name == "product":
        return entry.goods.product
    if name == "photos":
        return " ".join(sha256[:8] for sha256 in entry.photos)
    value = getattr(entry, name)
    return "" if value is None else str(value)


def _recorded_again(station: Station, lot: Lot, goods: Goods) -> list[LotItem]:
    """The newest result of each item, recorded again for the right goods, so that a report of it can be printed."""
    items = []
    for item in lot.items:
        event = station.ledger.event(item.seq)
        again = TestRecorded.model_validate(event["data"]).model_copy(update={"goods": goods, "replaces": event["id"]})
        recorded = station.record("test.result", lot.test_code, again)
        station.corrections.add(item.seq, recorded.seq)
        items.append(replace(item, seq=recorded.seq, seqs=(*item.seqs[:-1], recorded.seq)))
    return items


# --- the match of a result --------------------------------------------------------------------------------------------


def correct_result(station: Station, command: CorrectResult) -> CorrectResultAnswer:
    """A result is not of the lot, or the brought food, that it was matched to: that is judged anew. Raises Refused."""
    to = station.public_samples.find(command.lot) or station.lots.find(command.lot) if command.lot else None
    if (sample := _brought(station, command.seq)) is not None:
        return _of_other_food(station, command, sample, to)
    event, lot, item, place = _counted(station, command.seq)
    if isinstance(to, Lot) and to.test_code == lot.test_code:
        raise Refused("same_lot", "该结果已经是这个批次的", "the result already counts for this lot")
    left = _without(station, lot, item, place)
    items = [*(one for one in lot.items if one is not item), *([left] if left else [])]
    after = replace(lot, items=tuple(items))
    state = _judged_anew(station, lot, after)
    released = state is LotState.RELEASED and lot.source is None
    source = str(station.ledger.next_code(CodeKind.SOURCE)) if released else None
    record = ResultCorrected(
        lot=lot.test_code,
        to=_code(to),
        corrects=event["id"],
        goods=Goods.model_validate(lot.entry["data"]["goods"]),
        item=item.item,
        verdict=left.verdict if left else None,
        state=as_kept(state),
        source=source,
        reason=command.reason,
    )
    recorded = station.record("result.corrected", lot.test_code, record)
    station.corrections.add(command.seq, recorded.seq)
    stays = lot.source if state is not LotState.PENDING else None
    station.lots.judged_anew(lot, items, state, source or stays)
    _tell_state(station, lot, state)
    _goes_to(station, command.seq, to)
    station.prints.of_record(recorded)
    return CorrectResultAnswer(
        seq=recorded.seq,
        test_code=lot.test_code,
        state=state.value,
        source=source,
        to=_code(to),
    )


def _of_other_food(
    station: Station, command: CorrectResult, sample: PublicSample, to: Lot | PublicSample | None
) -> CorrectResultAnswer:
    """A result is not of this brought food: what is left of its measurements says what it said without it."""
    if isinstance(to, PublicSample) and to.code == sample.code:
        raise Refused("same_lot", "该结果已经是这份样品的", "the result already counts for this sample")
    event = station.ledger.event(command.seq)
    item, left = event["data"]["item"], sample.without(command.seq)
    outcomes = left.outcomes(item)
    method = station.methods.get(event["data"]["method"])
    said = conclude(outcomes, method) if outcomes and method else None
    record = ResultCorrected(
        lot=None,
        brought=Brought.model_validate(event["data"]["brought"]),
        to=_code(to),
        corrects=event["id"],
        goods=None,
        item=item,
        verdict=said or (results.VERDICTS[outcomes[-1]] if outcomes else None),
        state=None,
        reason=command.reason,
    )
    recorded = station.record("result.corrected", sample.code, record)
    station.corrections.add(command.seq, recorded.seq)
    _say_again(station, left, item)
    _goes_to(station, command.seq, to)
    return CorrectResultAnswer(seq=recorded.seq, test_code=sample.code, state=None, source=None, to=_code(to))


def _say_again(station: Station, left: PublicSample, item: str) -> None:
    """The newest measurement that stays, recorded anew: its paper counted one that was of other food."""
    of_item = left.measured.get(item, ())
    newest = of_item[-1][1] if of_item else 0
    station.public_samples.stands(left.without(newest) if newest else left)
    if newest and (sample := station.public_samples.find(left.code)) is not None:
        results.count_for(station, newest, sample)


def _goes_to(station: Station, seq: int, to: Lot | PublicSample | None) -> None:
    """The result counts there, or waits until a person says whose it is."""
    if to is not None:
        results.count_for(station, seq, to)
    else:
        results.wait_again(station, seq)


def _code(whose: Lot | PublicSample | None) -> str | None:
    return whose.test_code if isinstance(whose, Lot) else whose.code if whose else None


def _brought(station: Station, seq: int) -> PublicSample | None:
    """Whose measurement this record is, when it counts for food that somebody brought."""
    try:
        event = station.ledger.event(seq)
    except LookupError:
        return None
    if kind_of(event["type"]) != "test.result" or not event["data"].get("brought"):
        return None
    sample = station.public_samples.find(event["subject"])
    counted = {of for said in sample.measured.values() for _, of in said} if sample else set()
    return sample if seq in counted else None


def _counted(station: Station, seq: int) -> tuple[dict[str, Any], Lot, LotItem, int]:
    """A result that counts for a lot: its record, the lot, the item, and its place among the measurements."""
    refused = Refused(
        "not_counted", f"记录 {seq} 不是计入批次的检测结果", f"record {seq} is no result that counts for a lot"
    )
    try:
        event = station.ledger.event(seq)
    except LookupError:
        raise refused from None
    if kind_of(event["type"]) != "test.result" or not event["data"]["lot"]:
        raise refused
    lot = station.lots.find(event["data"]["lot"])
    item = lot.item(event["data"]["item"])
    if item is None:
        raise refused
    if seq in item.seqs:
        return event, lot, item, item.seqs.index(seq)
    place = event["data"]["measurement"] - 1
    if station.corrections.of(seq) is None and place < len(item.seqs) and item.seqs[place] == 0:
        return event, lot, item, place
    raise refused


def _without(station: Station, lot: Lot, item: LotItem, place: int) -> LotItem | None:
    """The item without one of its measurements; None when there is no other."""
    outcomes = (*item.outcomes[:place], *item.outcomes[place + 1 :])
    seqs = (*item.seqs[:place], *item.seqs[place + 1 :])
    if not outcomes:
        return None
    method = station.methods.get(item.method)
    verdict = results.VERDICTS[outcomes[-1]]
    if method is not None:
        missing = lot.whole_plant == "due" and method.enzyme
        verdict = conclude(outcomes, method, whole_plant_missing=missing)
    return replace(item, outcomes=outcomes, seqs=seqs, verdict=verdict, seq=max(seqs))


def _judged_anew(station: Station, lot: Lot, after: Lot) -> LotState:
    """What may be done with the lot by what is now known of it.

    A lot that was on sale and may not be is held when some of it is sold.  One that is held is free only when its tests
    held it, and do so no more.
    """
    if lot.state is LotState.DISPOSED:
        return LotState.DISPOSED
    if any(one.verdict == "unqualified" for one in after.items):
        return LotState.HELD
    if lot.state is LotState.HELD and (after.positive or not lot.positive):
        return LotState.HELD
    may_be_sold = after.passed and not station.lots.blocked(after) and not station.checks.waits_for(after)
    if lot.state is LotState.RELEASED:
        if may_be_sold or (lot.unchecked and not after.positive):
            return LotState.RELEASED
        return LotState.HELD if lot.sold_g or after.positive else LotState.PENDING
    return LotState.RELEASED if may_be_sold else LotState.PENDING


def _tell_state(station: Station, lot: Lot, state: LotState) -> None:
    """What a correction made of the lot (it was ``lot``) is told to everybody who may have its code."""
    if lot.state is LotState.HELD and state is not LotState.HELD:
        lots.resumed(station, station.lots.find(lot.test_code), "检测结果归属更正")
    if state is LotState.RELEASED and station.lots.find(lot.test_code).test is not None:
        lots.released(station, lot.test_code)
    elif lot.state is LotState.RELEASED and state is not LotState.RELEASED:
        _tell_held(station, lot, state)


def _tell_held(station: Station, lot: Lot, state: LotState) -> None:
    """What the lot was released by is taken back: an alarm, before all else."""
    partly = f"，已售出 {kilograms(lot.sold_g)} kg，待人处理" if state is LotState.HELD else ""
    why = f"检测结果归属更正，放行依据已撤回{partly}"
    lots.suspend(station, lot, why, test=lot.test_code)


does(VoidSale, void)
does(CorrectEntry, correct_entry)
does(CorrectResult, correct_result)

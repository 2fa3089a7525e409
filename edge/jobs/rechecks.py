"""After a positive: who was told, the recheck that was asked for or given up, the sealed sample, the laboratory's word.

Nothing here releases or destroys: that is a named person's (``holds.py``, ``disposals.py``).
"""

import re
from datetime import datetime
from typing import Any

from edge.between.fixed_words import LotState
from edge.between.held_commands import (
    AskRetest,
    RetestAnswer,
    SendSample,
    StepAnswer,
    TellHolder,
    ToldAnswer,
    TypeVerdict,
    WaiveRetest,
)
from edge.between.inbox import Refused
from edge.between.people import SUPERVISORS
from edge.config.methods import plain
from edge.jobs.doing import does
from edge.jobs.lots import holder
from edge.records.clock import text_of
from edge.records.ledger import ALARM, ORDINARY, Recorded
from edge.state.hold_steps import Deed, Step
from edge.state.holds import Case
from edge.state.lots import Lot
from edge.state.station import Station
from protocol.city.events import Goods, LotVerdict
from protocol.city.hold_events import LotTold, RetestRequested, RetestWaived, SampleSent
from protocol.city.token import CHINA

RAPID = re.compile(r"快检|快速|速测|快筛|胶体金|金标|试纸|试剂盒|酶抑制|抑制率|rapid|strip|kj[0-9]{6}")
MINUTE = 60.0


def tell(station: Station, command: TellHolder) -> ToldAnswer:
    """Whoever holds the goods received the result: the four hours run. Raises Refused."""
    lot, case = station.holds.standing(command.lot)
    corrects = _told_before(station, case, command)
    now, ago = station.clock.now(), 0.0
    if command.at:
        if not now.trusted:
            raise Refused(
                "clock_unset",
                "本机时钟未校准，不能填时间：请按“现在告知”，或先确认日期",
                "this box's clock is not set, so no time can be typed: press now, or confirm the date first",
            )
        ago = now.seconds - seconds_of(command.at)
        if ago <= -MINUTE:
            raise Refused("told_future", "告知时间不能晚于现在", "the time is in the future")
        if command.at < _local(lot.entry["time"]):
            raise Refused(
                "told_early", "告知时间早于进场登记，请核对", "the time is before the goods came in: look at it again"
            )
        ago = max(0.0, ago)
    gate, data, held = station.config.gate, lot.entry["data"], station.ledger.event(case.held_seq)["data"]
    told_at = text_of(now.seconds - ago)
    record = LotTold(
        **about(station, lot, case),
        told=command.told,
        told_at=told_at,
        stated="typed" if command.at else "pressed",
        net_g=data["net_g"],
        left_g=max(0, lot.left_g),
        origin=data["origin"],
        supplier=data["supplier"],
        seller=holder(station),
        test=held.get("test"),
        verdict=held.get("verdict"),
        why=held.get("why") or "",
        store=command.store or gate.store,
        office=gate.office,
        authority=station.config.market.authority,
        signed=command.signed,
        person=command.person,
        corrects=station.ledger.event(corrects)["id"] if corrects else None,
        reason=command.reason,
    )
    recorded = station.record("lot.told", lot.test_code, record)
    if corrects:
        station.corrections.add(corrects, recorded.seq)
    station.holds.told(case, recorded.seq, ago, sure=True)
    answer = answered(station, lot, recorded)
    return ToldAnswer(**answer.model_dump(), told_at=told_at)


def _told_before(station: Station, case: Case, command: TellHolder) -> int | None:
    """The record that this one corrects. Raises Refused where it may not."""
    if case.told_seq is None:
        if case.step in (Step.CONFORMING, Step.FAILED):
            raise _has_verdict()
        return None
    if case.step is not Step.TOLD or not command.reason:
        raise Refused(
            "already_told",
            "已记录告知；更正时间须在申请复检之前，由主管填写原因",
            "that is recorded already; a supervisor may correct the time, with a reason, before a recheck is asked for",
        )
    station.demand(SUPERVISORS)
    return case.told_seq


def ask(station: Station, command: AskRetest) -> RetestAnswer:
    """A recheck is asked for; late ones a supervisor takes, with a reason. Raises Refused."""
    lot, case = station.holds.standing(command.lot)
    _fits(station, lot, case, Deed.ASK)
    since = station.holds.since(case)
    assert since is not None  # told, says the table
    if since.over:
        if not command.reason:
            raise Refused(
                "retest_late",
                "已超过 4 小时；仍要受理请主管填写原因",
                "the four hours are over: to take it all the same, let a supervisor say why",
            )
        station.demand(SUPERVISORS)
    record = RetestRequested(
        **about(station, lot, case),
        asked_by=command.asked_by,
        minutes=int(since.seconds // MINUTE),
        clock="sure" if since.sure else "unsure",
        late=since.over,
        reason=command.reason,
        person=command.person,
    )
    recorded = station.record("retest.requested", lot.test_code, record)
    station.holds.did(case, Deed.ASK, recorded.seq, late=since.over)
    answer = answered(station, lot, recorded)
    return RetestAnswer(**answer.model_dump(), late=record.late, minutes=record.minutes)


def waive(station: Station, command: WaiveRetest) -> StepAnswer:
    """The owner gives the recheck up, in writing. Raises Refused."""
    lot, case = station.holds.standing(command.lot)
    _fits(station, lot, case, Deed.WAIVE)
    if command.witness == command.person:
        raise same_person()
    record = RetestWaived(
        **about(station, lot, case),
        net_g=max(0, lot.left_g),
        owner=command.owner,
        witness=command.witness,
        photos=command.photos,
        person=command.person,
    )
    recorded = station.record("retest.waived", lot.test_code, record)
    station.holds.did(case, Deed.WAIVE, recorded.seq)
    return answered(station, lot, recorded)


def send(station: Station, command: SendSample) -> StepAnswer:
    """A sealed sample leaves for a laboratory. Raises Refused."""
    lot, case = station.holds.standing(command.lot)
    rapid(station, command.method)
    _fits(station, lot, case, Deed.SEND)
    asked = station.ledger.event(case.asked_seq)["data"]["asked_by"] if case.asked_seq else ""
    record = SampleSent(
        **about(station, lot, case),
        seal_no=command.seal_no,
        laboratory=command.laboratory,
        method=command.method,
        item=command.item or (str(lot.test["data"]["item"]) if lot.test else ""),
        mass_g=command.mass_g,
        taken_by=command.taken_by,
        supplier=lot.entry["data"]["supplier"],
        asked_by=asked,
        photos=command.photos,
        person=command.person,
    )
    recorded = station.record("sample.sent", lot.test_code, record)
    station.holds.did(case, Deed.SEND, recorded.seq)
    return answered(station, lot, recorded)


def typed(station: Station, command: TypeVerdict) -> StepAnswer:
    """What a laboratory's paper says. Raises Refused where it was a rapid method, or the city has said it."""
    lot, case = station.holds.standing(command.lot)
    if command.method_kind == "rapid":
        raise rapid_method()
    rapid(station, command.method)
    if case.verdict_issued:
        raise Refused(
            "verdict_stands",
            "平台已下发检验结论，以平台为准",
            "the city has said what the laboratory concluded: that counts",
        )
    _day(station, command.concluded)
    record = LotVerdict(
        lot=lot.test_code,
        **command.model_dump(
            include={*("conclusion", "report_no", "laboratory", "item", "method", "value", "unit", "limit")}
            | {"concluded", "person", "photos"}
        ),
    )
    lane = ALARM if command.conclusion == "unqualified" else ORDINARY
    recorded = station.record("lot.verdict", lot.test_code, record, lane=lane)
    station.holds.concluded(lot.test_code, recorded.seq, command.conclusion, 0.0)
    station.city_lists.concluded(lot.test_code, recorded.seq, station.clock.now().seconds)
    return answered(station, lot, recorded)


# --- small things ---------------------------------------------------------------------------------------------------


def rapid(station: Station, method: str) -> None:
    """Raises Refused for a method that is a rapid one, by its words or because this station uses it."""
    said = plain(method)
    ours = {plain(name) for one in station.methods.values() for name in (one.id, one.name, one.number) if name}
    if RAPID.search(said) or any(name in said for name in ours):
        raise rapid_method()


def rapid_method() -> Refused:
    return Refused(
        "rapid_method",
        "复检不得采用快检方法，请填写实验室方法（如 GB 23200.121）",
        "a recheck must not use a rapid method: name the laboratory's, such as GB 23200.121",
    )


def same_person() -> Refused:
    return Refused(
        "same_person", "见证人须是另一个人", "the witness has to be somebody else than the person who records it"
    )


def _has_verdict() -> Refused:
    return Refused("has_verdict", "检验结论已有，请按结论处理", "the laboratory has concluded: go on by what it says")


def _fits(station: Station, lot: Lot, case: Case, deed: Deed) -> None:
    """Raises Refused, with what comes first, for a deed that does not fit the hold's step."""
    if station.holds.may(lot, case, deed):
        return
    if case.step in (Step.CONFORMING, Step.FAILED):
        raise _has_verdict()
    if station.holds.kind(lot) == "person" and deed in (Deed.ASK, Deed.WAIVE):
        raise Refused(
            "no_recheck_due",
            "该批次不是因检测暂停，无须申请复检",
            "no test holds this lot: there is nothing to recheck, a reason ends its hold",
        )
    if deed is Deed.WAIVE and not station.config.gate.destroy_at_once:
        raise Refused(
            "no_waiver",
            "本市场不采用就地销毁，不记录放弃复检",
            "this market does not destroy at once ([gate] destroy_at_once): no waiver is taken",
        )
    if case.step is Step.WAIVED:
        raise Refused("retest_waived", "当事人已书面放弃复检", "the owner has waived the recheck")
    if case.step is Step.HELD:
        raise Refused("not_told", "请先记录结果告知了谁、何时", "first say who received the result, and when")
    if deed is Deed.SEND:
        raise Refused(
            "not_asked", "还没有申请复检，请先记录申请", "nobody has asked for a recheck yet: record that first"
        )
    raise Refused("retest_asked", "已申请复检", "a recheck was asked for already")


def about(station: Station, lot: Lot, case: Case) -> dict[str, Any]:
    """What every step's record says of its lot and hold."""
    goods = Goods.model_validate(lot.entry["data"]["goods"])
    return {"lot": lot.test_code, "goods": goods, "hold": station.holds.id_of(case)}


def answered(station: Station, lot: Lot, recorded: Recorded) -> StepAnswer:
    """The step as it is now, and the paper that it prints."""
    station.lots.touched(lot)
    now = station.lots.find(lot.test_code)
    case = station.holds.case(now)
    step = Step.DISPOSED if now.state is LotState.DISPOSED or case is None else case.step
    return StepAnswer(
        seq=recorded.seq, test_code=lot.test_code, step=step.value, job=station.prints.of_record(recorded)
    )


def seconds_of(at: str) -> float:
    try:
        return datetime.fromisoformat(at).replace(tzinfo=CHINA).timestamp()
    except ValueError:
        raise Refused("date", "没有这个时间，请写成 2026-11-23T05:10 的形式", "there is no such time") from None


def _local(time: str) -> str:
    """A record's time to the minute, as the market's clock shows it."""
    return datetime.fromisoformat(time).astimezone(CHINA).isoformat()[:16]


def _day(station: Station, text: str) -> None:
    """Raises Refused for a day that is none, or that is to come."""
    try:
        day = datetime.fromisoformat(text).date()
    except ValueError:
        raise Refused("date", "没有这个日期，请写成 2026-11-23 的形式", "there is no such day") from None
    today = station.today()
    if today is not None and day > today:
        raise Refused("date", "结论日期不能晚于今天", "the conclusion is dated after today")


does(TellHolder, tell)
does(AskRetest, ask)
does(WaiveRetest, waive)
does(SendSample, send)
does(TypeVerdict, typed)

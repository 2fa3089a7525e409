"""A supervisor stops the sale of a lot, or ends the hold of one.

What a rapid test holds ends by a laboratory's verdict that is no rapid test's (contract A1, A3); what a person holds
ends by a reason.  A stop of the city or of another station is not this station's to end: it wins in any case.  What
lies between is in ``rechecks.py`` and ``disposals.py``.
"""

from typing import Any

from edge.between.commands import HoldAnswer, HoldLot, ReleaseAnswer, ReleaseLot
from edge.between.fixed_words import LotState
from edge.between.inbox import Refused
from edge.jobs import lots
from edge.jobs.doing import does
from edge.jobs.rechecks import rapid
from edge.state.hold_steps import Deed, Step
from edge.state.holds import Case
from edge.state.lots import Lot
from edge.state.station import Station
from protocol.city.codes import CodeKind
from protocol.city.events import Goods, LotDisposed


def hold(station: Station, command: HoldLot) -> HoldAnswer:
    """The sale of a lot stops, here and wherever it is heard. Raises Refused."""
    lot = station.lots.find(command.lot)
    if lot.state is LotState.HELD:
        raise Refused("already_held", "该批次已暂停销售", "this lot is held already")
    if lot.state is LotState.DISPOSED:
        raise lots.disposed()
    station.lots.becomes(lot, LotState.HELD, lot.source)
    recorded, job = lots.suspend(station, lot, command.reason, person=command.person)
    return HoldAnswer(seq=recorded.seq, test_code=lot.test_code, job=job)


def release(station: Station, command: ReleaseLot) -> ReleaseAnswer:
    """The hold of a lot ends. Raises Refused."""
    lot = station.lots.find(command.lot)
    if lot.state is not LotState.HELD and lot.stop is not None:
        raise lots.stopped(lot.stop.why)
    lot, case = station.holds.standing(command.lot)
    if not station.holds.may(lot, case, Deed.RELEASE):
        raise _not_yet(case)
    verdict = _conforming(station, case)
    rechecked = verdict is not None
    free = rechecked or lot.source is not None or (lot.passed and not station.checks.waits_for(lot))
    if free and station.lots.blocked(lot):
        raise Refused(
            "result_waits",
            "该批次有结果待处理，请先处理",
            "a result of this lot waits for a person: settle that first",
        )
    state = LotState.RELEASED if free else LotState.PENDING
    new = free and lot.source is None
    source = str(station.ledger.next_code(CodeKind.SOURCE)) if new else lot.source
    station.lots.becomes(lot, state, source)
    if verdict is not None:
        _decided(station, station.lots.find(lot.test_code), case, command, verdict)
    recorded = lots.resumed(station, station.lots.find(lot.test_code), command.reason, command.person)
    if new:
        lots.released(station, lot.test_code)
    return ReleaseAnswer(
        seq=recorded.seq,
        test_code=lot.test_code,
        state=state.value,
        source=source,
        stopped=lot.stop is not None,
    )


def _not_yet(case: Case) -> Refused:
    if case.step is Step.FAILED:
        return Refused(
            "recheck_failed",
            "检验结论不合格，不能恢复销售；请退回或销毁",
            "the laboratory found against it: it cannot be sold again. Return or destroy it",
        )
    return Refused(
        "recheck_missing",
        "须有检验机构的合格结论才能恢复销售：请先录入检验报告，或等平台下发",
        "a laboratory has to find it conforming first: type its report, or wait for the city's word",
    )


def _conforming(station: Station, case: Case) -> dict[str, Any] | None:
    """What the laboratory said for the lot; raises Refused where it was a rapid method all the same."""
    if case.step is not Step.CONFORMING or not case.verdict_seq:
        return None
    verdict: dict[str, Any] = station.ledger.event(case.verdict_seq)["data"]
    rapid(station, verdict["method"])
    return verdict


def _decided(station: Station, lot: Lot, case: Case, command: ReleaseLot, verdict: dict[str, Any]) -> None:
    record = LotDisposed(
        lot=lot.test_code,
        goods=Goods.model_validate(lot.entry["data"]["goods"]),
        decision="released_after_recheck",
        mass_g=max(0, lot.left_g),
        hold=station.holds.id_of(case),
        test=station.holds.test_of(case),
        held_g=max(0, lot.left_g) + case.gone_g,
        before_g=case.gone_g,
        how=command.reason,
        recheck_no=verdict["report_no"],
        laboratory=verdict["laboratory"],
        method=verdict["method"],
        person=command.person,
    )
    recorded = station.record("lot.disposed", lot.test_code, record)
    station.lots.rechecked(lot, recorded.seq)
    station.prints.of_record(recorded)


does(HoldLot, hold)
does(ReleaseLot, release)

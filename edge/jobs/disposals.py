"""The end of held goods: returned or destroyed, by named people, to the last gram (contract A3).

The station never does it by itself.  What was held is what is returned, destroyed, released, and a difference that
somebody explains.
"""

from datetime import datetime

from edge.between.held_commands import DisposeAnswer, DisposeLot, PlanDisposal, StepAnswer
from edge.between.inbox import Refused
from edge.jobs.doing import does
from edge.jobs.rechecks import about, answered, same_person, seconds_of
from edge.state.hold_steps import Deed, Step
from edge.state.holds import Case
from edge.state.station import Station
from protocol.city.events import LotDisposed
from protocol.city.hold_events import DisposalPlanned
from protocol.city.token import CHINA
from protocol.city.written import kilograms

DEEDS = {"returned": Deed.RETURN, "destroyed": Deed.DESTROY}


def plan(station: Station, command: PlanDisposal) -> StepAnswer:
    """When and where goods will go, so that the authority may come. Raises Refused."""
    lot, case = station.holds.standing(command.lot)
    if not station.holds.may(lot, case, Deed.PLAN):
        raise _too_early(station, case)
    at = datetime.fromtimestamp(seconds_of(command.at), CHINA).isoformat()
    record = DisposalPlanned(
        **about(station, lot, case),
        decision=command.decision,
        at=at,
        how=command.how,
        where=command.where,
        authority=command.authority or station.config.market.authority,
        person=command.person,
    )
    recorded = station.record("disposal.planned", lot.test_code, record)
    station.holds.did(case, Deed.PLAN, recorded.seq)
    return answered(station, lot, recorded)


def dispose(station: Station, command: DisposeLot) -> DisposeAnswer:
    """Goods that are held went, all of them or a part. Raises Refused."""
    lot, case = station.holds.standing(command.lot)
    deed = DEEDS[command.decision]
    if not station.holds.may(lot, case, deed):
        raise _too_early(station, case)
    _attended(command)
    here = max(0, lot.left_g)
    held = here + case.gone_g
    complete = command.complete or command.mass_g == here
    difference = here - command.mass_g if complete else 0
    if not complete and not 0 < command.mass_g < here:
        raise Refused(
            "too_much",
            f"该批次只暂停着 {kilograms(here)} kg；若已全部处置，请选“全部”并说明差异",
            f"only {kilograms(here)} kg of this lot are held; if that is all of it, say so and explain the difference",
        )
    if difference and not command.why:
        raise Refused(
            "difference_unexplained",
            f"暂停的是 {kilograms(here)} kg，差 {kilograms(abs(difference))} kg，请说明原因；只处置一部分请选“部分”",
            f"{kilograms(here)} kg were held, {kilograms(abs(difference))} kg differ: say why, or that it is a part",
        )
    planned = station.ledger.event(case.planned_seq)["id"] if case.planned_seq else None
    record = LotDisposed(
        **about(station, lot, case),
        test=station.holds.test_of(case),
        decision=command.decision,
        mass_g=command.mass_g,
        held_g=held,
        before_g=case.gone_g,
        complete=complete,
        difference_g=difference,
        why=command.why if difference else "",
        how=command.how,
        where=command.where,
        waiver=bool(case.waived_seq),
        planned=planned,
        owner=command.owner,
        person=command.person,
        witness=command.witness,
        officer=command.officer,
        photos=command.photos,
    )
    recorded = station.record("lot.disposed", lot.test_code, record)
    masses = {"returned_g": case.returned_g, "destroyed_g": case.destroyed_g}
    masses[f"{command.decision}_g"] += command.mass_g
    station.holds.did(case, deed, recorded.seq, **masses)
    if complete:
        station.lots.disposed(lot, recorded.seq)
    else:
        station.lots.sold(lot, command.mass_g)
    answer = answered(station, lot, recorded)
    left = 0 if complete else here - command.mass_g
    return DisposeAnswer(**answer.model_dump(), left_g=left, **masses)


def _attended(command: DisposeLot) -> None:
    """Raises Refused where somebody is missing who has to be there."""
    if command.decision == "destroyed" and not (command.witness and command.officer):
        raise Refused(
            "witness_missing",
            "销毁须有见证人和监督人在场，请填写姓名",
            "goods are destroyed before a witness and a supervising officer: name both",
        )
    if command.person in (command.witness, command.officer):
        raise same_person()


def _too_early(station: Station, case: Case) -> Refused:
    """Why held goods may not go yet, and what comes first."""
    since = station.holds.since(case)
    if case.step is Step.CONFORMING:
        return Refused(
            "recheck_conforming",
            "检验结论合格：请恢复销售，不能退回或销毁",
            "the laboratory found it conforming: release it",
        )
    if case.step in (Step.ASKED, Step.SENT):
        return Refused(
            "recheck_runs", "复检还没有结论，不能处置", "the recheck has no conclusion yet: nothing may go before"
        )
    if since is None:
        return Refused("not_told", "请先记录结果告知了谁、何时", "first say who received the result, and when")
    if not since.sure:
        return Refused(
            "four_hours_unsure",
            "设备断电过且时钟未校准，无法确认 4 小时已过：请校准时钟，或等检验结论",
            "the box was off and its clock is not set, so nobody knows whether the four hours are over: set the clock, "
            "or wait for the laboratory",
        )
    return Refused(
        "four_hours",
        "告知后 4 小时内可申请复检，现在还不能处置",
        "for four hours after the result a recheck may be asked for: nothing may go before",
    )


does(PlanDisposal, plan)
does(DisposeLot, dispose)

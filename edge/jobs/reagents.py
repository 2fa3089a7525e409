"""Reagent lots: opened with their last day, first in first out, used up."""

from datetime import date

from edge.between.bench_commands import FinishReagent, OpenReagent, ReagentAnswer
from edge.between.inbox import Refused
from edge.jobs import checks
from edge.jobs.doing import does
from edge.records.ledger import Recorded
from edge.state.controls import SOON, Reagent
from edge.state.station import Station
from protocol.city.bench_events import ReagentChanged


def open_reagent(station: Station, command: OpenReagent) -> ReagentAnswer:
    """A reagent lot is opened. Raises Refused."""
    today, last = station.clock.today(), _date(command.expires)
    if last < today:
        raise Refused(
            "reagent_expired",
            f"试剂 {command.reagent[:20]} 已于 {last} 过期，不能使用；请换一批",
            f"the reagent lot {command.reagent[:20]} expired on {last}: take another one",
        )
    if station.controls.open_one(command.reagent, command.item) is not None:
        raise Refused(
            "reagent_open",
            f"试剂 {command.reagent[:20]} 已启用，无需再次登记",
            f"the reagent lot {command.reagent[:20]} stands open already",
        )
    recorded = _reagent(station, command, command.expires, "opened")
    station.controls.opened(Reagent(recorded.seq, command.reagent, command.item, command.expires))
    released = checks.release_ready(station)
    return _answer(station, recorded.seq, command, soon=last <= today + SOON, released=released)


def finish_reagent(station: Station, command: FinishReagent) -> ReagentAnswer:
    """A reagent lot is used up. Raises Refused."""
    one = station.controls.open_one(command.reagent, command.item)
    if one is None:
        raise Refused(
            "no_reagent",
            f"没有启用中的试剂 {command.reagent[:20]}；请核对批号和项目",
            f"no reagent lot {command.reagent[:20]} stands open for this item: compare number and item",
        )
    recorded = _reagent(station, command, one.expires, "finished")
    station.controls.finished(one, recorded.seq)
    station.lots.all_pending_touched()
    return _answer(station, recorded.seq, command)


def _reagent(station: Station, command: OpenReagent | FinishReagent, expires: str, state: str) -> Recorded:
    record = ReagentChanged.model_validate(
        {
            "reagent": command.reagent,
            "item": command.item,
            "expires": expires,
            "state": state,
            "person": command.person,
        }
    )
    return station.record("reagent.changed", station.subject, record)


def _answer(
    station: Station,
    seq: int,
    command: OpenReagent | FinishReagent,
    *,
    soon: bool = False,
    released: int = 0,
) -> ReagentAnswer:
    used = station.controls.reagent(command.item, station.clock.today().isoformat())
    return ReagentAnswer(
        seq=seq,
        reagent=command.reagent,
        item=command.item,
        used=used.reagent if used else "",
        soon=soon,
        released=released,
    )


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("date", "没有这一天，请核对有效期", "there is no such day: compare the expiry") from None


does(OpenReagent, open_reagent)
does(FinishReagent, finish_reagent)

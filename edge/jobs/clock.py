"""The station's time is put elsewhere: a record first, then the clock."""

import logging
from datetime import date

from edge.between.commands import ConfirmDate, DateAnswer
from edge.between.inbox import Refused
from edge.jobs.doing import does
from edge.records.clock import Step, text_of
from edge.state.station import Station
from protocol.city.events import ClockStepped

log = logging.getLogger("clock")


def step(station: Station, step: Step) -> None:
    """Write the step down and go on with its time. It is taken back with the transaction."""
    record = ClockStepped(
        boot_id=station.clock.boot_id,
        offset_ms=step.offset_ms,
        before=text_of(step.before),
        after=text_of(step.after),
        state=step.state,
        source=step.source.value,
        why=step.why,
        person=step.person,
        error_ms=None if step.error is None else round(step.error * 1000),
    )
    recorded = station.record("clock.step", station.subject, record, step.stamp)
    if step.after < step.before:
        station.ledger.time_went_back(recorded.seq)
    station.undo.append(station.clock.take(step))
    station.holds.redate(step)
    station.kept_samples.redate(step)
    station.after.append(lambda: log.warning("time is now %s, was %s, why=%s", record.after, record.before, record.why))


def confirm(station: Station, command: ConfirmDate) -> DateAnswer:
    """A person answers for the wall clock's date, by name: it is taken, however far away it is."""
    asks = station.clock.asks
    if not asks:
        raise Refused("date_fine", "时钟的日期无需确认", "nobody doubts the clock's date")
    try:
        day = date.fromisoformat(command.date)
    except ValueError:
        raise Refused("date", "日期请写成 2026-11-23 的形式", "write the date like 2026-11-23") from None
    confirmed = station.clock.confirmed(day, command.person)
    if confirmed is None:
        raise Refused("date_changed", "系统日期已变，请重新核对", f"the system's date is not {day}: look again")
    step(station, confirmed)
    return DateAnswer(date=day.isoformat(), clock=confirmed.state)


does(ConfirmDate, confirm)

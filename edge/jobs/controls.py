"""Controls (contract A7): recorded with whether they came out as they must.

A result counts as a control by its place in the rack, by its sample number, or because a person says so; and the ΔA₀ of
the blank that an instrument took by itself is one.  It is recorded as such and of no lot.
"""

from decimal import Decimal

from edge.config.methods import Method
from edge.config.sections import AnalyzerSection
from edge.jobs import checks
from edge.records.ledger import ALARM, ORDINARY, Recorded
from edge.state.judgement import Measurement, Outcome
from edge.state.station import Station
from protocol.city.bench_events import ControlKind, QcRecorded
from protocol.city.events import Analyzer, decimal_text
from protocol.readings import TestResult

MUST_BE: dict[ControlKind, Outcome] = {
    "blank": Outcome.NEGATIVE,
    "negative": Outcome.NEGATIVE,
    "positive": Outcome.POSITIVE,
    "spiked": Outcome.POSITIVE,
}
ABSORBANCE = "Abs"


def record_control(
    station: Station,
    part: AnalyzerSection,
    result: TestResult,
    kind: ControlKind,
    item: str,
    method: Method | None,
    measured: Measurement,
    said: Analyzer,
    *,
    replaces: str | None = None,
    person: str | None = None,
    tester: str = "",
) -> Recorded:
    """A control was measured: recorded with whether it came out as it must, and what it releases is released."""
    record = QcRecorded(
        control_kind=kind,
        item=item,
        method=(method.number or method.name) if method else "",
        value=None if result.value is None else decimal_text(result.value),
        text=result.text,
        unit=result.unit,
        high=decimal_text(Decimal(measured.limit)) if measured.limit and MUST_BE[kind] is Outcome.NEGATIVE else None,
        low=decimal_text(Decimal(measured.limit)) if measured.limit and MUST_BE[kind] is Outcome.POSITIVE else None,
        outcome=measured.outcome.value if measured.outcome else None,
        valid=measured.outcome is MUST_BE[kind],
        tester=tester,
        analyzer=said,
        replaces=replaces,
        person=person,
        **_circumstances(station, part, item),
    )
    return _recorded(station, part, record)


def own_blank(
    station: Station,
    part: AnalyzerSection,
    result: TestResult,
    item: str,
    method: Method | None,
    said: Analyzer,
    tester: str = "",
) -> None:
    """The ΔA₀ of the blank that the instrument took by itself, once for each value of a day."""
    if result.control is None or method is None or not (method.control_low or method.control_high):
        return
    value = decimal_text(result.control)
    known = station.controls.view(part.name, item, station.clock.today().isoformat())
    if value is None or (known.kind, known.value) == ("blank", value):
        return
    low, high = method.control_low, method.control_high
    valid = (not low or result.control >= Decimal(low)) and (not high or result.control <= Decimal(high))
    record = QcRecorded(
        control_kind="blank",
        item=item,
        method=method.number or method.name,
        value=value,
        unit=ABSORBANCE,
        low=low or None,
        high=high or None,
        valid=valid,
        tester=tester,
        analyzer=said,
        **_circumstances(station, part, item),
    )
    _recorded(station, part, record)


def _circumstances(station: Station, part: AnalyzerSection, item: str) -> dict[str, str | int]:
    reagent = station.controls.reagent(item, station.clock.today().isoformat())
    rack = station.racks.current(part.name)
    return {
        "reagent": reagent.reagent if reagent else "",
        "reagent_until": reagent.expires if reagent else "",
        "rack": rack.number if rack else 0,
    }


def _recorded(station: Station, part: AnalyzerSection, record: QcRecorded) -> Recorded:
    """One that failed goes before all else: it takes the word from the results before it."""
    recorded = station.record("qc.result", station.subject, record, lane=ORDINARY if record.valid else ALARM)
    station.controls.measured(
        part.name,
        record.item,
        station.clock.today().isoformat(),
        recorded.seq,
        valid=record.valid,
        kind=record.control_kind,
        value=record.value or (record.text or "").split("\n")[0][:40],
        time=recorded.time,
    )
    station.prints.of_record(recorded)
    checks.release_ready(station)
    return recorded

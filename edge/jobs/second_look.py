"""What a person at the bench says of a result: that it is a control's, or that it was looked at a second time."""

from typing import Any

from edge.between.bench_commands import ControlAnswer, MatchControl, ReviewAnswer, ReviewResult
from edge.between.fixed_words import LotState
from edge.between.inbox import Refused
from edge.jobs import checks, controls, results
from edge.jobs.doing import does
from edge.state.lots import Lot
from edge.state.station import Station
from protocol.city.envelope import kind_of
from protocol.city.events import Analyzer, TestRecorded


def match_control(station: Station, command: MatchControl) -> ControlAnswer:
    """A person says that a waiting result is a control's. Raises Refused."""
    waiting = results.waits(station, command.seq)
    event = station.ledger.event(command.seq)
    data = event["data"]
    part, found = results.judged_again(station, data)
    station.lots.answered(waiting)
    before = len(station.lots.pending())
    recorded = controls.record_control(
        station,
        part,
        found.result,
        command.control,
        found.item,
        found.method,
        found.measured,
        Analyzer.model_validate(data["analyzer"]),
        replaces=event["id"],
        person=command.person,
        tester=data.get("tester", ""),
    )
    results.replaced(station, command.seq, recorded)
    released = before - len(station.lots.pending())
    return ControlAnswer(seq=recorded.seq, valid=recorded.data["valid"], released=released)


def review(station: Station, command: ReviewResult) -> ReviewAnswer:
    """Another person looked at a result: it is recorded again with that name. Raises Refused."""
    event, lot = _counted(station, command.seq)
    data = TestRecorded.model_validate(event["data"])
    if data.reviewer:
        raise Refused(
            "already_reviewed", f"已由 {data.reviewer} 复核", f"{data.reviewer} has looked at this result already"
        )
    if command.person == data.tester:
        raise Refused(
            "same_person",
            "复核人不能是检测人，请另一位复核",
            "who tested it cannot look at it a second time: let somebody else do so",
        )
    again = data.model_copy(update={"reviewer": command.person, "replaces": event["id"]})
    recorded = station.record("test.result", event["subject"], again)
    results.replaced(station, command.seq, recorded)
    station.lots.recorded_again(lot, command.seq, recorded.seq)
    after = station.lots.find(lot.test_code)
    source = checks.release(station, after) if lot.state is LotState.PENDING and checks.free(station, after) else None
    station.prints.of_record(recorded)
    return ReviewAnswer(seq=recorded.seq, source=source)


def _counted(station: Station, seq: int) -> tuple[dict[str, Any], Lot]:
    """A result that counts for a lot, as its item's newest: its record and the lot. Raises Refused."""
    try:
        event = station.ledger.event(seq)
    except LookupError:
        event = None
    if event is not None and kind_of(event["type"]) == "test.result" and event["data"]["lot"]:
        lot = station.lots.find(event["data"]["lot"])
        if any(item.seq == seq for item in lot.items):
            return event, lot
    raise Refused(
        "not_counted",
        f"记录 {seq} 不是批次的最新结果；请刷新页面",
        f"record {seq} is not the newest result of a lot: look at the page again",
    )


does(MatchControl, match_control)
does(ReviewResult, review)

"""你送我检: food that people bring is tested like goods, and is never a lot."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.between.bench_commands import NextRack, SetPlace
from edge.between.commands import MatchResult, PlanChannel, PrintDocument
from edge.between.correction_commands import CorrectResult
from edge.between.held_board import PublicSampleView
from edge.between.held_commands import RegisterSample
from edge.between.inbox import Refused
from edge.documents.day import summary
from edge.state.judgement import Outcome
from edge.state.public_samples import PublicSample
from protocol.city.envelope import kind_of
from protocol.readings import Ticket

Box = Any  # the station of tests/edge/conftest.py
MATCH, RACK = 'match = "channel"\n', 'match = "channel"\nchannels = 8\n'
PAPERS = '[paper]\nautomatic = ["public_result", "report"]\n'


def brings(station: Box, **more: Any) -> Any:
    return station.does(RegisterSample(goods="小区门口买的草莓", asked_by="张女士", **more))


def results(station: Box) -> list[dict[str, Any]]:
    made = [station.ledger.event(seq) for seq in range(1, station.ledger.head.seq + 1)]
    return [one for one in made if kind_of(one["type"]) == "test.result"]


def test_it_is_tested_and_a_slip_comes_out(box: Callable[..., Box], devices: str) -> None:
    station = box(PAPERS + devices)
    said = brings(station, item="农药残留")
    assert said == {"code": station.last["subject"], "sample": "1", "job": None}
    assert station.last["data"] == {
        "purpose": "public",
        "goods": "小区门口买的草莓",
        "asked_by": "张女士",
        "sample": "1",
        "item": "农药残留",
    }
    for _ in range(3):
        station.tests(station.result(said["sample"], "68.7"))
    assert station.board.public_samples[0].verdict == "unqualified"
    station = box(PAPERS + devices)
    *_, last = results(station)
    assert (last["subject"], last["data"]["purpose"], last["data"]["lot"], last["data"]["verdict"]) == (
        *(said["code"], "public", None),
        "unqualified",
    )
    assert last["data"]["brought"] == {"code": said["code"], "goods": "小区门口买的草莓", "asked_by": "张女士"}
    assert [one["data"]["measurement"] for one in results(station)] == [1, 2, 3]
    assert {name for name, _ in station.papers()} == {"public_result"}
    assert (station.board.lots, station.board.holds, station.board.unmatched) == ((), (), ())
    assert station.board.unread == ()  # nothing failed on the way
    (view,) = station.board.public_samples
    assert (view.sample, view.verdict, view.value) == (said["sample"], "unqualified", "68.7")
    station.does(PrintDocument(paper="public_result", subject=said["code"]))
    day = summary(station.ledger.conn, station.clock.today().isoformat(), station.ledger.head.seq)["data"]
    assert (day["public"], day["verdicts"], day["held"]) == (3, [], 0)


def test_who_brought_it_finds_it_again_with_what_was_found(box: Callable[..., Box]) -> None:
    station = box()
    said = brings(station, item="农药残留")
    record = station.last
    (view,) = station.board.public_samples
    brought = PublicSampleView(
        code=said["code"],
        seq=station.ledger.head.seq,
        sample=said["sample"],
        goods="小区门口买的草莓",
        asked_by="张女士",
        time=record["time"],
        item="农药残留",
        value="",
        unit="",
        verdict="",
    )
    assert view == brought
    (result,) = station.tests(station.result(said["sample"], "12.5"))
    (view,) = station.board.public_samples
    found = {"value": "12.5", "unit": "%", "verdict": "qualified", "result_seq": int(result["sequence"])}
    assert view == replace(brought, **found)
    later = brings(station)
    assert [one.code for one in station.board.public_samples] == [later["code"], said["code"]]


def test_a_number_that_is_a_lot_s_later_is_the_lot_s(box: Callable[..., Box]) -> None:
    station = box()
    said = brings(station)
    lot = station.enters()
    station.ledger.conn.execute("UPDATE lots SET sample = ?", (said["sample"],))
    station.tests(station.result(said["sample"], "12.5"))
    assert results(station)[0]["data"]["lot"] == lot


@pytest.mark.parametrize(
    "more", [{"value": None}, {"sure": False}, {"item": "不认识的项目"}, {"measured_at": None}], ids=str
)
def test_what_does_not_fit_waits_for_a_person(box: Callable[..., Box], devices: str, more: dict[str, Any]) -> None:
    station = box(devices)
    said = brings(station)
    station.tests(station.result(said["sample"], "12.5", **more))
    (one,) = results(station)
    assert (one["data"]["purpose"] == "") == bool(station.waiting)


def test_an_instrument_that_knows_channels_alone_is_matched_by_hand(box: Callable[..., Box], devices: str) -> None:
    station = box(PAPERS + devices)
    said = brings(station)
    station.tests(station.result(said["sample"], "12.5", channel="3"), device="tester-8")
    (waiting,) = station.waiting
    answer = station.does(MatchResult(seq=waiting.seq, lot=said["code"], person="王敏"))
    assert answer == {"test_code": said["code"], "verdict": "qualified", "source": None}
    first, last = results(station)
    assert (last["subject"], last["data"]["purpose"], last["data"]["person"]) == (said["code"], "public", "王敏")
    assert (last["data"]["replaces"], last["data"]["brought"]["asked_by"]) == (first["id"], "张女士")
    assert (station.waiting, station.board.lots) == ((), ())
    assert station.board.public_samples[0].value == "12.5"
    assert station.papers() == [("public_result", 0)]
    with pytest.raises(Refused):
        station.does(MatchResult(seq=waiting.seq, lot=said["code"], person="王敏"))


def test_a_ticket_that_nobody_could_read_is_given_to_it_with_item_and_reading(box: Callable[..., Box]) -> None:
    station = box()
    said = brings(station)
    station.hands_over(Ticket(b"ticket", "样品 草莓\n结论 阴性", "no layout fits", "ticket 1"))
    (waiting,) = station.waiting
    match = {"seq": waiting.seq, "lot": said["code"], "person": "王敏"}
    for more, code in (({"verdict": "qualified"}, "item"), ({"item": "农药残留"}, "verdict")):
        with pytest.raises(Refused) as told:
            station.does(MatchResult(**match, **more))
        assert told.value.code == code
    station.does(MatchResult(**match, verdict="qualified", item="农药残留"))
    data = results(station)[-1]["data"]
    assert (data["item"], data["verdict"], data["purpose"]) == ("农药残留", "qualified", "public")


def place(station: Box, at: str, device: str = "tester-8") -> Any:
    rack = next(rack for rack in station.board.bench.racks if rack.analyzer == device)
    return next(one for one in rack.places if one.place == at)


def test_it_lies_in_a_channel_of_a_rack_and_its_result_finds_it(box: Callable[..., Box], devices: str) -> None:
    station = box(RACK.join((PAPERS + devices).split(MATCH)))
    lot, said = station.enters(), brings(station)
    station.does(SetPlace(analyzer="tester-8", place="3", lot=lot))
    station.does(SetPlace(analyzer="tester-8", place="3", lot=said["code"], person="王敏"))
    lies = place(station, "3")
    assert (lies.state, lies.kind, lies.test_code, lies.name) == ("waits", "public", said["code"], "小区门口买的草莓")
    assert station.board.plan == ()  # the lot lies there no more
    station = box(RACK.join((PAPERS + devices).split(MATCH)))
    station.tests(station.result(None, "12.5", channel="3"), device="tester-8")
    (one,) = results(station)
    assert (one["subject"], one["data"]["purpose"], one["data"]["tester"]) == (said["code"], "public", "王敏")
    assert (place(station, "3").state, place(station, "3").verdict) == ("came", "qualified")
    station.tests(station.result(None, "13.5", channel="3"), device="tester-8")
    assert len(station.waiting) == 1  # nothing is waited for there: a person says what it is
    with pytest.raises(Refused):
        station.does(SetPlace(analyzer="tester-8", place="4", lot="41010800130100009993"))


def test_it_lies_in_a_channel_of_an_instrument_whose_channels_nobody_counted(
    box: Callable[..., Box], devices: str
) -> None:
    station = box(PAPERS + devices)
    lot, said = station.enters(), brings(station)
    early = station.result(None, "12.5", channel="A3")
    station.clock.go(600)
    station.does(PlanChannel(analyzer="tester-8", channel="A3", lot=lot))
    station.does(PlanChannel(analyzer="tester-8", channel="A3", lot=said["code"]))
    station = box(PAPERS + devices)
    assert station.board.plan == (("tester-8", "A3", said["code"]),)
    station.hands_over(early, device="tester-8")
    assert (len(station.waiting), station.board.public_samples[0].verdict) == (1, "")
    station.tests(station.result(None, "13.5", channel="A3"), device="tester-8")
    assert (results(station)[-1]["subject"], station.board.public_samples[0].value) == (said["code"], "13.5")
    assert station.board.plan == ()  # the next run there is another sample
    station.tests(station.result(None, "14.5", channel="A3"), device="tester-8")
    assert (len(station.waiting), station.board.public_samples[0].value) == (2, "13.5")


def test_what_may_have_to_be_repeated_stays_in_its_channel(box: Callable[..., Box], devices: str) -> None:
    station = box(devices)
    said = brings(station)
    station.does(PlanChannel(analyzer="tester-8", channel="3", lot=said["code"]))
    station.tests(station.result(None, "72.5", channel="3"), device="tester-8")
    assert station.board.public_samples[0].verdict == "suspect"
    assert station.board.plan == (("tester-8", "3", said["code"]),)
    station.does(PlanChannel(analyzer="tester-8", channel="3"))
    assert station.board.plan == ()


def test_what_was_measured_before_it_lay_there_is_not_its_result(box: Callable[..., Box], devices: str) -> None:
    station = box(RACK.join(devices.split(MATCH)))
    said = brings(station)
    early = station.result(None, "12.5", channel="3")
    station.clock.go(600)
    station.does(SetPlace(analyzer="tester-8", place="3", lot=said["code"]))
    with pytest.raises(Refused) as told:
        station.does(NextRack(analyzer="tester-8"))
    assert told.value.code == "rack_unfinished"
    station.hands_over(early, device="tester-8")
    assert (len(station.waiting), station.board.public_samples[0].verdict) == (1, "")
    seq = station.waiting[0].seq
    station.does(MatchResult(seq=seq, lot=said["code"], person="王敏"))
    assert (place(station, "3").state, station.board.public_samples[0].value) == ("waits", "12.5")
    station.tests(station.result(None, "13.5", channel="3"), device="tester-8")
    assert place(station, "3").verdict == "qualified"  # what lies there has its own result still to come


def test_in_the_list_of_an_instrument_that_tells_numbers_it_comes_by_its_number(
    box: Callable[..., Box], devices: str
) -> None:
    station = box(devices.replace('name = "tester-1"', 'name = "tester-1"\nchannels = 8'))
    said = brings(station)
    station.does(SetPlace(analyzer="tester-1", place="1", lot=said["code"]))
    station.tests(station.result(said["sample"], "12.5"))
    assert place(station, "1", "tester-1").verdict == "qualified"


def test_no_telephone_number_enters(box: Callable[..., Box]) -> None:
    station = box()
    with pytest.raises(Refused) as told:
        station.does(RegisterSample(goods="草莓", asked_by="13812345678"))
    assert told.value.code == "personal_number"


# --- a result that is of other food -----------------------------------------------------------------------------------

WRONG = "样品号输错"


def corrected(station: Box, **more: Any) -> Any:
    return station.does(CorrectResult(reason=WRONG, **more))


def test_a_result_of_other_food_is_taken_off_and_waits_for_a_person(box: Callable[..., Box], devices: str) -> None:
    station = box(PAPERS + devices)
    said = brings(station)
    (result,) = station.tests(station.result(said["sample"], "81.0"))
    answer = corrected(station, seq=int(result["sequence"]))
    assert answer == {"seq": answer["seq"], "test_code": said["code"], "state": None, "source": None, "to": None}
    record = station.ledger.event(answer["seq"])
    assert record["data"] == {
        "lot": None,
        "brought": {"code": said["code"], "goods": "小区门口买的草莓", "asked_by": "张女士"},
        "to": None,
        "corrects": result["id"],
        "goods": None,
        "item": result["data"]["item"],
        "verdict": None,
        "state": None,
        "source": None,
        "reason": WRONG,
    }
    (waiting,) = station.waiting
    assert (waiting.seq, waiting.why) == (int(result["sequence"]), ("withdrawn",))
    (view,) = station.board.public_samples
    assert (view.verdict, view.value, view.result_seq) == ("", "", None)
    with pytest.raises(Refused) as told:
        station.does(PrintDocument(paper="public_result", subject=said["code"]))
    assert told.value.code == "no_record"
    with pytest.raises(Refused) as told:
        corrected(station, seq=int(result["sequence"]))
    assert told.value.code == "not_counted"
    station = box(PAPERS + devices)
    again = station.does(MatchResult(seq=station.waiting[0].seq, lot=said["code"], person="王敏"))
    assert again["test_code"] == said["code"]
    assert station.board.public_samples[0].value == "81.0"


def test_a_result_goes_to_the_food_or_the_lot_that_it_is_of(box: Callable[..., Box]) -> None:
    station = box()
    wrong, right = brings(station), brings(station)
    lot = station.enters()
    (result,) = station.tests(station.result(wrong["sample"], "12.5"))
    with pytest.raises(Refused) as told:
        corrected(station, seq=int(result["sequence"]), lot=wrong["code"])
    assert told.value.code == "same_lot"
    assert corrected(station, seq=int(result["sequence"]), lot=right["code"])["to"] == right["code"]
    assert [one.value for one in station.board.public_samples] == ["12.5", ""]
    assert corrected(station, seq=int(station.last["sequence"]), lot=lot)["to"] == lot
    assert (station.lot(lot).state, station.waiting) == ("released", ())
    assert [one.value for one in station.board.public_samples] == ["", ""]
    of_the_lot = next(one for one in results(station) if one["data"]["lot"] == lot)
    answer = corrected(station, seq=int(of_the_lot["sequence"]), lot=right["code"])
    assert (answer["state"], answer["to"]) == ("pending", right["code"])
    assert station.board.public_samples[0].verdict == "qualified"


def test_the_newest_of_what_is_left_may_be_of_another_item() -> None:
    measured = {"农药残留": ((Outcome.NEGATIVE, 3),), "毒死蜱": ((Outcome.NEGATIVE, 5),)}
    sample = PublicSample("41010800190100000017", 1, "1", measured, 5)
    assert (sample.without(5).result_seq, sample.without(3).result_seq) == (3, 5)
    assert sample.without(5).without(3).result_seq is None


def test_what_is_left_says_what_it_says_without_it(box: Callable[..., Box], devices: str) -> None:
    """A positive and a negative say nothing; without the positive the negative does, and its slip comes out."""
    station = box(PAPERS + devices)
    said = brings(station)
    (positive,) = station.tests(station.result(said["sample"], "81.0"))
    station.tests(station.result(said["sample"], "12.0"))
    assert station.board.public_samples[0].verdict == "suspect"
    printed = len(station.papers())
    answer = corrected(station, seq=int(positive["sequence"]))
    assert station.ledger.event(answer["seq"])["data"]["verdict"] == "qualified"
    (view,) = station.board.public_samples
    assert (view.verdict, view.value) == ("qualified", "12.0")
    assert station.ledger.event(view.result_seq)["data"]["measurement"] == 1
    assert len(station.papers()) == printed + 1

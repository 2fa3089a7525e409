"""Results find their lot once, and a person helps where no rule does."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from edge.between.commands import DismissResult, MatchResult, PlanChannel, WholePlantDone
from edge.between.inbox import Refused
from edge.records.ledger import ALARM
from protocol.readings import Ticket

Box = Any  # the station of tests/edge/conftest.py


def test_a_pass_releases_the_lot_with_a_source_code(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    event = station.tests(station.result("1", "12.5"))[0]
    assert (event["data"]["verdict"], event["data"]["lot"], event["data"]["missing"]) == ("qualified", code, [])
    assert (station.lot(code).state, station.lot(code).source) == ("released", event["data"]["source"])


def test_the_same_record_again_is_not_a_second_result(box: Callable[..., Box]) -> None:
    station = box()
    station.enters()
    memory = [station.result("1", "68.7", "a"), station.result("1", "68.7", "b")]
    assert len(station.tests(*memory)) == 2  # two equal measurements are two
    assert station.tests(*memory) == []
    assert len(station.tests(*memory, device="tester-8")) == 2  # another instrument's identities are its own


def test_a_positive_is_repeated_twice_before_it_holds_the_lot(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    verdicts, due = [], []
    for _ in range(3):
        verdicts.append(station.tests(station.result("1", "68.7"))[0]["data"]["verdict"])
        due.append(station.lot(code).repeats_due)
    assert verdicts == ["suspect", "suspect", "unqualified"]
    assert due == [2, 1, 0]
    assert (station.lot(code).state, station.lot(code).source) == ("held", None)
    lanes = [lane for (lane,) in station.ledger.conn.execute("SELECT lane FROM events ORDER BY seq")]
    assert lanes == [0, 0, 0, ALARM, ALARM]  # the result, and the hold


def test_a_positive_after_the_release_holds_the_lot_at_once_and_raises_the_alarm(box: Callable[..., Box]) -> None:
    station = box()
    code = station.releases()
    station.tests(station.result("1", "68.7"))
    assert station.lot(code).state == "held"
    assert station.count("SELECT lane FROM events ORDER BY seq DESC LIMIT 1") == ALARM
    assert station.board.lot_counts == {"pending": 0, "held": 1}


def test_a_positive_after_the_release_needs_no_second_transfer_to_hold_the_lot(box: Callable[..., Box]) -> None:
    station = box()
    code = station.releases()
    station.tests(station.result("1", "68.7", sure=False))
    assert station.lot(code).state == "held"


def test_repeats_of_a_held_lot_count_and_do_not_release_it(box: Callable[..., Box]) -> None:
    station = box()
    code = station.releases()
    said = [station.tests(station.result("1", value))[0]["data"] for value in ("68.7", "10", "11")]
    assert [one["verdict"] for one in said] == ["suspect", "suspect", "qualified"]
    assert station.lot(code).state == "held"


def test_an_invalid_run_decides_nothing(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    event = station.tests(station.result("1", "12.5", control=Decimal("0.1")))[0]
    assert (event["data"]["verdict"], event["data"]["control"]) == ("invalid", "0.1")
    assert station.lot(code).state == "pending"
    assert station.tests(station.result("1", "12.5"))[0]["data"]["verdict"] == "qualified"


def test_a_channel_plan_finds_the_lot(box: Callable[..., Box]) -> None:
    station = box()
    first, second = station.enters(), station.enters()
    station.does(PlanChannel(analyzer="tester-8", channel="3", lot=second))
    station.does(PlanChannel(analyzer="tester-8", channel="4", lot=first))
    station.does(PlanChannel(analyzer="tester-8", channel="4", lot=""))
    event = station.tests(station.result("99", "12.5", channel="3"), device="tester-8")[0]
    assert event["data"]["lot"] == second
    assert station.lot(first).state == "pending"
    other = station.tests(station.result("1", "12.5", channel="4"), device="tester-8")[0]["data"]
    assert (other["lot"], other["doubts"]) == (None, ["no_lot"])
    assert station.board.plan == ()  # the result decided: the next run in this channel is another sample


def test_a_run_before_the_channel_was_planned_is_of_the_sample_before(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    run = station.result("1", "12.5", channel="3")
    station.clock.go(300)
    station.does(PlanChannel(analyzer="tester-8", channel="3", lot=code))
    assert station.tests(run, device="tester-8")[0]["data"]["doubts"] == ["before_entry"]
    assert station.lot(code).state == "pending"


def test_a_person_says_whose_result_it_is(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    old = station.tests(station.result("77", "12.5"))[0]
    waiting = station.waiting[0]
    assert (waiting.sample, waiting.value, waiting.why, waiting.asks_verdict) == ("77", "12.5", ("no_lot",), False)
    with pytest.raises(Refused, match="judged by its method"):
        station.does(MatchResult(seq=waiting.seq, lot=code, person="张检测", verdict="unqualified"))
    answer = station.does(MatchResult(seq=waiting.seq, lot=code, person="张检测"))
    assert answer["verdict"] == "qualified"
    assert station.lot(code).source == answer["source"]
    new = station.last
    assert (new["data"]["replaces"], new["data"]["person"]) == (old["id"], "张检测")
    assert new["data"]["analyzer"] == old["data"]["analyzer"]
    assert station.waiting == ()
    with pytest.raises(Refused, match="no result 2 waits"):
        station.does(MatchResult(seq=waiting.seq, lot=code, person="张检测"))


def test_a_person_says_that_a_result_is_of_no_lot(box: Callable[..., Box]) -> None:
    station = box()
    old = station.tests(station.result("77", "12.5"))[0]
    seq = station.waiting[0].seq
    station.does(DismissResult(seq=seq, person="张检测", reason="练习"))
    assert station.waiting == ()
    said = station.last["data"]
    assert (said["replaces"], said["dismissed"], said["verdict"]) == (old["id"], "练习", "not_applicable")
    with pytest.raises(Refused, match="waits for a person"):
        station.does(DismissResult(seq=seq, person="张检测", reason="练习"))


def test_a_ticket_nobody_can_read_is_kept_and_read_by_a_person(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    event = station.tests(Ticket(b"\x1b@\xff", "样品 1\n结果 阴性", "no layout fits", "t1"))[0]
    assert (event["data"]["verdict"], event["data"]["doubts"]) == ("suspect", ["unread"])
    assert event["data"]["analyzer"]["raw"] == "1b40ff"
    waiting = station.waiting[0]
    assert (waiting.text, waiting.asks_verdict) == ("样品 1\n结果 阴性", True)
    with pytest.raises(Refused, match="cannot be judged"):
        station.does(MatchResult(seq=waiting.seq, lot=code, person="张检测"))
    assert (
        station.does(MatchResult(seq=waiting.seq, lot=code, person="张检测", verdict="qualified"))["verdict"]
        == "qualified"
    )
    assert station.last["data"]["item"] == "农药残留"


def test_a_disturbing_food_asks_for_the_whole_plant_step_and_records_it(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters("01040801")
    assert station.lot(code).whole_plant == "due"
    said = [station.tests(station.result("1", "80"))[0]["data"] for _ in range(3)]
    assert [one["verdict"] for one in said] == ["suspect"] * 3
    assert [one["whole_plant"] for one in said] == [False] * 3
    station.does(WholePlantDone(lot=code, person="张检测"))
    assert station.lot(code).whole_plant == "done"
    last = station.tests(station.result("1", "82"))[0]["data"]
    assert (last["whole_plant"], last["whole_plant_by"], last["verdict"]) == (True, "张检测", "unqualified")
    with pytest.raises(Refused, match="needs no"):
        station.does(WholePlantDone(lot=station.enters(), person="张检测"))


def test_hostile_texts_of_an_instrument_are_cut_to_what_a_record_holds(box: Callable[..., Box]) -> None:
    station = box()
    station.enters()
    hostile = station.result("9" * 500, "1", item="x" * 500, text="t" * 9000, raw=b"r" * 9000, name="n" * 900)
    event = station.tests(hostile)[0]
    assert len(event["data"]["item"]) == 120
    assert len(event["data"]["analyzer"]["sample"]) == 40

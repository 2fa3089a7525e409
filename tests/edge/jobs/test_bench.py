"""The bench: what needs a person stays until one has seen it, and a rack is filled, read and kept, over any restart."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.between.bench_board import RackView
from edge.between.bench_commands import FillRack, NextRack, SeeLot, SetPlace
from edge.between.commands import MatchResult, PlanChannel, WholePlantDone
from edge.between.inbox import Refused
from protocol.readings import Ticket

Box = Any  # the station of tests/edge/conftest.py
READER = "tester-8"


@pytest.fixture
def settings(devices: str) -> str:
    """Its reader has eight channels, of which the first has the blank of each rack."""
    eight = 'match = "channel"\nchannels = 8\ncontrols = { "1" = "blank" }\n'
    return devices.replace('match = "channel"\n', eight)


def rack(station: Box, name: str = READER) -> RackView:
    return next(one for one in station.board.bench.racks if one.analyzer == name)


def lying(station: Box, name: str = READER) -> dict[str, str]:
    """What lies in each place that is not free: a sample number or a control's kind."""
    return {one.place: one.sample or one.kind for one in rack(station, name).places if one.state != "empty"}


def reads(station: Box, values: dict[str, str], device: str = READER) -> None:
    """The reader says these values, by channel."""
    for channel, value in values.items():
        station.hands_over(station.result(None, value, channel=channel), device=device)


# --- what needs a person ----------------------------------------------------------------------------------------------


def test_a_positive_asks_until_a_person_has_seen_it_also_after_a_restart(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    for _ in range(3):
        station.tests(station.result("1", "68.7"))
    (alert,) = station.board.alerts
    assert (alert.test_code, alert.words, alert.person, alert.urgent) == (code, ("positive",), "", True)
    assert (alert.product_name, alert.time) == ("大白菜", "")
    station = box()
    assert station.board.alerts == (alert,)
    answer = station.does(SeeLot(lot=code, person="王敏"))
    assert station.last["type"] == "cn.marketedge.market.alert.seen.v1"
    assert station.last["data"] | {"goods": 0} == {
        "lot": code,
        "goods": 0,
        "what": ["positive"],
        "upto": alert.upto,
        "person": "王敏",
    }
    assert answer == {"seq": station.ledger.head.seq, "test_code": code}
    station = box()
    (seen,) = station.board.alerts
    assert (seen.person, seen.urgent, seen.words) == ("王敏", False, ("positive",))


def test_what_comes_later_about_a_lot_asks_again(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    station.tests(station.result("1", "68.7"))
    assert station.board.alerts[0].words == ("repeat",)
    station.does(SeeLot(lot=code, person="王敏"))
    assert not station.board.alerts[0].urgent
    station.tests(station.result("1", None, text="NA"))
    (alert,) = station.board.alerts
    assert (alert.words, alert.person) == (("repeat", "invalid"), "")


def test_the_most_pressing_stands_first_and_what_was_seen_last(box: Callable[..., Box]) -> None:
    station = box()
    codes = [station.enters() for _ in range(4)]
    station.tests(station.result("1", None, text="NA"))
    station.tests(station.result("2", "68.7"))
    for _ in range(3):
        station.tests(station.result("3", "68.7"))
    for _ in range(3):
        station.tests(station.result("4", "68.7"))
    assert [one.sample for one in station.board.alerts] == ["3", "4", "2", "1"]
    station.does(SeeLot(lot=codes[2], person="王敏"))
    assert [one.sample for one in station.board.alerts] == ["4", "2", "1", "3"]


def test_nothing_is_seen_where_nothing_is(box: Callable[..., Box]) -> None:
    station = box()
    code = station.releases()
    with pytest.raises(Refused) as refused:
        station.does(SeeLot(lot=code, person="王敏"))
    assert refused.value.code == "nothing_to_see"
    assert station.board.alerts == ()


def test_a_lot_that_the_city_stops_asks_until_it_may_be_sold_again(box: Callable[..., Box], mayor: Any) -> None:
    station = box(city_keys=mayor.keys)
    code = station.releases()
    mayor.orders(station, "stop_lot", lot=code, reason="召回")
    (alert,) = station.board.alerts
    assert (alert.words, alert.urgent) == (("stopped",), True)
    station.clock.go(60)
    mayor.orders(station, "resume_lot", lot=code, reason="误报")
    assert station.board.alerts == ()


# --- racks ------------------------------------------------------------------------------------------------------------


def test_a_rack_is_filled_in_one_press_in_the_order_in_which_goods_came(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    for _ in range(9):
        station.enters()
    answer = station.does(FillRack(analyzer=READER, person="王敏"))
    assert answer == {"rack": 1, "put": 7, "free": 0, "waiting": 2}
    assert lying(station) == {"1": "blank"} | {str(n + 1): str(n) for n in range(1, 8)}
    assert (rack(station).tester, rack(station).filled, rack(station).by_day) == ("王敏", 8, 1)
    assert station.does(FillRack(analyzer=READER)) == {"rack": 1, "put": 0, "free": 0, "waiting": 2}


def test_results_fill_the_rack_and_the_next_press_begins_the_next_one(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    codes = [station.enters() for _ in range(9)]
    station.does(FillRack(analyzer=READER, person="王敏"))
    reads(station, {str(n): "5.0" for n in range(1, 9)})
    assert rack(station).done
    assert [(one.verdict, one.value) for one in rack(station).places[:2]] == [
        ("valid", "5.0 %"),
        ("qualified", "5.0 %"),
    ]
    assert [station.lot(code).state for code in codes] == ["released"] * 7 + ["pending"] * 2
    said = [one["data"] for one in (station.ledger.event(n) for n in range(1, station.ledger.head.seq + 1))]
    assert {(one["tester"], one["rack"]) for one in said if "tester" in one} == {("王敏", 1)}
    station = box(settings)  # nothing of it is lost
    assert rack(station).done
    assert station.does(FillRack(analyzer=READER)) == {"rack": 2, "put": 2, "free": 5, "waiting": 0}
    assert lying(station) == {"1": "blank", "2": "8", "3": "9"}
    assert (rack(station).tester, rack(station).by_day) == ("王敏", 2)


def test_a_rack_half_read_goes_on_after_a_restart(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    codes = [station.enters() for _ in range(2)]
    station.does(FillRack(analyzer=READER))
    reads(station, {"2": "5.0"})
    station = box(settings)
    assert [one.state for one in rack(station).places[:3]] == ["waits", "came", "waits"]
    reads(station, {"3": "5.0"})
    assert [station.lot(code).state for code in codes] == ["released", "released"]


def test_those_to_repeat_go_first_and_as_often_as_they_have_to(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    for _ in range(3):
        station.enters()
    station.does(FillRack(analyzer=READER))
    reads(station, {"1": "3.0", "2": "5.0", "3": "70.0", "4": "6.0"})
    station.enters()
    assert station.does(FillRack(analyzer=READER))["put"] == 3
    assert lying(station) == {"1": "blank", "2": "2", "3": "2", "4": "4"}
    reads(station, {"2": "71.0", "3": "72.0"})
    assert station.lot(station.board.alerts[0].test_code).sample == "2"
    assert station.board.alerts[0].words == ("positive",)


def test_the_next_rack_begins_only_when_everything_is_there_or_is_left(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    for _ in range(2):
        station.enters()
    station.does(FillRack(analyzer=READER))
    reads(station, {"1": "3.0", "2": "5.0"})
    with pytest.raises(Refused) as refused:
        station.does(NextRack(analyzer=READER))
    assert (refused.value.code, "（3）" in refused.value.zh) == ("rack_unfinished", True)
    assert station.does(NextRack(analyzer=READER, leave=True)) == {"rack": 2, "put": 1, "free": 6, "waiting": 0}
    assert lying(station) == {"1": "blank", "2": "2"}
    reads(station, {"3": "5.0"})  # nothing lies there any more
    assert station.waiting[0].why == ("no_lot",)


def test_the_first_rack_may_be_the_next_one_and_says_who_stands_there(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    station.enters()
    assert station.does(NextRack(analyzer=READER, person="李四"))["put"] == 1
    assert (rack(station).number, rack(station).tester) == (1, "李四")


def test_what_was_measured_before_a_rack_began_fills_no_place_of_it(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    old = [station.result(None, "5.0", channel="1"), station.result(None, "6.0", channel="2")]
    station.clock.go(60)
    code = station.enters()
    station.does(FillRack(analyzer=READER))
    station.hands_over(*old, device=READER)
    assert (rack(station).came, station.board.bench.controls[-1].state) == (0, "missing")
    reads(station, {"1": "3.0", "2": "5.5"})
    assert (rack(station).came, station.board.bench.controls[-1].state) == (2, "valid")
    assert station.lot(code).state == "released"


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_result_that_was_still_to_come_is_not_of_what_lies_in_its_place_since(
    box: Callable[..., Box], settings: str, by_hand: bool
) -> None:
    """It was measured in the minute in which the next sample was put there; instruments know minutes."""
    station = box(settings)
    first, second = station.enters(), station.enters()
    station.does(SetPlace(analyzer=READER, place="2", lot=first))
    late = station.result(None, "5.0", channel="2")
    if by_hand:
        station.does(SetPlace(analyzer=READER, place="2", lot=second))
    else:
        station.does(NextRack(analyzer=READER, leave=True))
        station.does(SetPlace(analyzer=READER, place="3"))
        station.does(SetPlace(analyzer=READER, place="2", lot=second))
    station.hands_over(late, device=READER)
    assert [station.lot(one).state for one in (first, second)] == ["pending", "pending"]
    assert station.waiting[0].why == ("before_entry",)
    station.tests(station.result(None, "6.0", channel="2"), device=READER)  # a minute later
    assert station.lot(second).state == "released"


def test_a_result_that_was_left_is_not_of_the_sample_that_the_next_rack_has_in_its_place(
    box: Callable[..., Box], settings: str
) -> None:
    station = box(settings)
    first, second = station.enters(), station.enters()
    station.does(SetPlace(analyzer=READER, place="2", lot=second))
    station.does(SetPlace(analyzer=READER, place="3", lot=first))
    late = station.result(None, "5.0", channel="2")
    station.does(NextRack(analyzer=READER, leave=True))
    assert lying(station) == {"1": "blank", "2": "1", "3": "2"}
    station.hands_over(late, device=READER)
    assert [station.lot(one).state for one in (first, second)] == ["pending", "pending"]
    assert station.waiting[0].why == ("before_entry",)
    reads(station, {"2": "6.0"})
    assert [station.lot(one).state for one in (first, second)] == ["released", "pending"]


def test_one_place_is_changed_by_hand(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    first, second = station.enters(), station.enters()
    station.does(SetPlace(analyzer=READER, place="5", lot=second, person="李四"))
    station.does(SetPlace(analyzer=READER, place="6", control="spiked"))
    station.does(SetPlace(analyzer=READER, place="1"))
    assert lying(station) == {"5": "2", "6": "spiked"}
    station.does(FillRack(analyzer=READER))
    assert lying(station) == {"1": "1", "5": "2", "6": "spiked"}
    reads(station, {"5": "5.0", "6": "88.0"})
    assert (station.lot(second).state, station.lot(first).state) == ("released", "pending")
    assert station.board.bench.controls[-1].state == "valid"
    with pytest.raises(Refused) as refused:
        station.does(SetPlace(analyzer=READER, place="2", lot=first, control="blank"))
    assert refused.value.code == "two_things"


def test_a_channel_that_the_model_does_not_have_is_refused(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    lot = station.enters()
    for command in (
        SetPlace(analyzer=READER, place="9", lot=lot),
        PlanChannel(analyzer=READER, channel="9", lot=lot),
    ):
        with pytest.raises(Refused) as refused:
            station.does(command)
        assert refused.value.code == "no_channel"
    assert station.board.plan == ()


def test_a_reader_of_unknown_size_has_no_rack(box: Callable[..., Box]) -> None:
    station = box()
    station.does(PlanChannel(analyzer=READER, channel="33", lot=station.enters()))
    for name, code in ((READER, "channels_unknown"), ("nobody", "no_analyzer")):
        with pytest.raises(Refused) as refused:
            station.does(FillRack(analyzer=name))
        assert refused.value.code == code


def test_the_plan_of_a_channel_is_a_place_of_the_rack(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    first, second = station.enters(), station.enters()
    station.does(FillRack(analyzer=READER))
    station.does(PlanChannel(analyzer=READER, channel="2", lot=second))
    station.does(PlanChannel(analyzer=READER, channel="3", lot=""))
    assert lying(station) == {"1": "blank", "2": "2"}
    assert station.does(FillRack(analyzer=READER))["put"] == 1
    assert lying(station) == {"1": "blank", "2": "2", "3": "1"}
    assert first != second


def test_an_instrument_of_sample_numbers_gets_them_in_order(box: Callable[..., Box]) -> None:
    station = box()
    codes = [station.enters() for _ in range(3)]
    assert station.does(FillRack(analyzer="tester-1"))["put"] == 3
    assert lying(station, "tester-1") == {"1": "1", "2": "2", "3": "3"}
    station.tests(station.result("2", "5.0"))
    assert [one.state for one in rack(station, "tester-1").places[:3]] == ["waits", "came", "waits"]
    assert station.lot(codes[1]).state == "released"
    assert not station.board.plan


def test_what_waits_for_something_else_than_a_measurement_is_in_no_rack(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    leek = station.enters("01040801")
    for _ in range(3):
        station.tests(station.result("1", "70.0"))  # suspect until the whole plant is extracted
    doubtful = station.enters()
    station.tests(station.result("2", "5.0", unit="ppm"))
    assert station.lot(doubtful).in_doubt
    assert station.does(FillRack(analyzer=READER))["put"] == 0
    station.does(WholePlantDone(lot=leek, person="王敏"))
    assert station.does(FillRack(analyzer=READER))["put"] == 0  # a person puts it there: nobody knows how often


def test_a_result_that_a_person_explains_stands_in_its_place(
    box: Callable[..., Box], settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.state.lots.FEW", -1)  # as on a long day, whose lots are counted less often
    station = box(settings)
    code = station.enters()
    station.does(FillRack(analyzer=READER, person="王敏"))
    station.hands_over(station.result(None, "5.0", channel="2", unit="ppm"), device=READER)
    assert (rack(station).places[1].state, rack(station).places[1].verdict) == ("came", "")
    station.does(MatchResult(seq=station.waiting[0].seq, lot=code, person="李四", verdict="qualified"))
    assert rack(station).places[1].verdict == "qualified"
    assert station.last["data"]["tester"] == "王敏"  # who tested it, and not who explained it


def test_a_ticket_nobody_can_read_fills_no_place(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    station.enters()
    station.does(FillRack(analyzer=READER))
    station.hands_over(Ticket(b"\x04", "抑制率", "no layout", "t1"), device=READER)
    assert rack(station).came == 0


def test_whoever_fills_the_rack_tests(box: Callable[..., Box], settings: str) -> None:
    station = box(settings)
    station.enters()
    station.does(FillRack(analyzer=READER, person="王敏"))
    station.enters()
    station.does(FillRack(analyzer=READER, person="李四"))
    station.does(FillRack(analyzer=READER, person="赵六"))
    assert rack(station).tester == "赵六"
    station.does(FillRack(analyzer=READER, person="李四"))
    reads(station, {"2": "5.0"})
    assert station.last["data"]["tester"] == "李四"

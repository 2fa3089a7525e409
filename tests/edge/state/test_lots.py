"""Lots: which one a code names, which is sold first, what is left, and what one that is damaged does to the others."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.between.commands import PlanChannel
from edge.between.inbox import Refused
from edge.state import lots as lots_of
from edge.state.judgement import Doubt
from edge.state.lots import blocks, by_state

Box = Any  # the station of tests/edge/conftest.py
CABBAGE, TOMATO = "01040201", "01040301"


def damage(station: Box, seq: int, body: bytes) -> None:
    """From now on the record stands there with these bytes."""
    with station.ledger.batch():
        station.ledger.conn.execute("UPDATE events SET body = ? WHERE seq = ?", (body, seq))


def test_the_oldest_lot_that_has_something_left_is_on_sale(box: Callable[..., Box]) -> None:
    station = box()
    on_sale = station.core._station.lots.on_sale
    assert on_sale(CABBAGE) is None
    first, second = station.releases(net_g=2000), station.releases(net_g=1000)
    station.enters()
    station.releases(TOMATO)
    for lot in (first, first, second):
        assert on_sale(CABBAGE).test_code == lot
        station.puts("1.000")
        station.sells(lot)
    assert on_sale(CABBAGE).test_code in (first, second)  # nothing is left of either


def test_what_changed_of_a_lot_is_shown_when_others_are_forgotten(box: Callable[..., Box]) -> None:
    station = box()
    code, lots = station.enters(net_g=2000), station.core._station.lots
    with station.ledger.batch():
        lots.back(lots.find(code), -500)
    lots.forgotten(())
    station.turn()
    assert station.lot(code).left_g == 1500


def test_the_records_of_a_lot_are_found_by_any_of_its_codes(box: Callable[..., Box], elsewhere: str) -> None:
    station = box()
    records = station.core._station.lots.records
    code = station.enters(upstream=elsewhere)
    assert records(code) == records(elsewhere) == {code: {1}}
    station.tests(station.result("1", "12.5"))
    source = station.lot(code).source
    assert records(code) == records(source) == records(elsewhere) == {code: {1, 2, 3}}
    assert records("41010800110100000029") == {}


def test_how_many_lots_there_are_of_each_state(box: Callable[..., Box]) -> None:
    station = box()
    station.enters()
    for _ in range(2):
        station.releases()
    assert by_state(station.ledger.conn) == {"pending": 1, "released": 2}
    station.tests(station.result("3", "68.7"))
    assert by_state(station.ledger.conn) == {"pending": 1, "released": 1, "held": 1}
    assert station.board.lot_counts == {"pending": 1, "held": 1}


def test_a_lot_whose_record_is_damaged_hides_no_other_and_is_told(box: Callable[..., Box]) -> None:
    station = box()
    bad, good = station.enters(), station.enters()
    damage(station, 1, b"{}")
    again = box()
    assert [lot.test_code for lot in again.board.lots] == [good]
    (view,) = again.board.unread
    assert (view.kind, view.device, view.count) == ("record", f"lot {bad}", 1)
    assert again.enters()
    unread = again.core._station.unread
    assert not unread.fresh
    unread.keep("record", f"lot {bad}", ValueError("again"))
    unread.save()
    assert not unread.fresh
    unread.not_saved()
    assert unread.fresh  # the commit failed: the next one has it


def test_a_waiting_result_whose_record_is_damaged_hides_no_other_and_is_told(box: Callable[..., Box]) -> None:
    station = box()
    station.tests(station.result("77", "12.5"), station.result("78", "12.5"))
    assert [view.seq for view in station.waiting] == [2, 1]
    damage(station, 1, b'{"data": {}}')
    again = box()
    assert [view.seq for view in again.waiting] == [2]
    (view,) = again.board.unread
    assert (view.kind, view.device) == ("record", "record 1")
    again.clock.go(11)
    again.turn()
    assert again.ledger.conn.execute("SELECT raw FROM unread").fetchall() == [(b'{"data": {}}',)]


def test_what_is_planned_in_a_channel_is_shown_until_it_is_cleared(box: Callable[..., Box]) -> None:
    station = box()
    code, other = station.enters(), station.enters()
    for channel, lot in ((" 3 ", code), ("4", other), ("4", code)):
        station.does(PlanChannel(analyzer="tester-8", channel=channel, lot=lot))
    assert sorted(station.board.plan) == [("tester-8", "3", code), ("tester-8", "4", code)]
    station.does(PlanChannel(analyzer="tester-8", channel="3", lot=""))
    assert station.board.plan == (("tester-8", "4", code),)
    with pytest.raises(Refused) as refused:
        station.does(PlanChannel(analyzer="tester-9", channel="3", lot=code))
    assert refused.value.code == "no_analyzer"


@pytest.mark.parametrize(
    ("doubts", "open_"),
    [
        ((), False),
        ((Doubt.UNSURE,), True),
        ((Doubt.UNREAD,), True),
        ((Doubt.CONTRADICTION, Doubt.UNSURE), True),
        ((Doubt.CONTRADICTION, Doubt.BEFORE_ENTRY), False),
        ((Doubt.NO_LOT,), False),
    ],
)
def test_what_keeps_a_lot_from_its_release(doubts: tuple[Doubt, ...], open_: bool) -> None:
    assert blocks(doubts) is open_


def test_no_more_waiting_results_are_shown_than_pages_can_hold(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    monkeypatch.setattr(lots_of, "UNMATCHED_SHOWN", 2)
    station.tests(*(station.result(str(70 + one), "12.5") for one in range(3)))
    assert [view.sample for view in station.waiting] == ["72", "71"]
    assert station.board.analyzers[0].unmatched == 3


@pytest.mark.parametrize("left", [0, 1])
def test_which_released_lots_pages_show(box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    monkeypatch.setattr(lots_of, "NEWEST", 2)
    monkeypatch.setattr(lots_of, "STOCKED", 3)
    station = box()
    made = [station.releases(net_g=1000) for _ in range(4)]
    with station.ledger.batch():
        station.ledger.conn.execute("UPDATE lots SET left_g = ?", (left,))
    pending = station.enters()
    again = box()
    again.turn()
    shown = [lot.test_code for lot in again.board.lots]
    assert shown == [pending, *reversed(made[1:] if left else made[2:])]


def test_every_doubt_of_a_waiting_result_is_kept_over_a_restart(box: Callable[..., Box]) -> None:
    station = box()
    station.tests(station.result("77", "12.5", unit="mg/kg"))
    assert [view.why for view in station.waiting] == [("unit", "no_lot")]
    assert [view.why for view in box().waiting] == [("unit", "no_lot")]

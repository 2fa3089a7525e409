"""Samples of dishes and kitchen waste: by weight, by name; a sample's 48 hours run by every clock there was."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.between.canteen_board import KeptView
from edge.between.canteen_commands import BeginDelivery, DiscardSample, HandWaste, KeepSample, WeighLoad
from edge.between.inbox import Refused
from edge.between.people import Role, Who

STATION = """
[station]
name = "第一小学食堂"
jobs = ["canteen"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010999"
name = "第一小学食堂"
[city]
brokers = ["mqtt://127.0.0.1"]
"""
DEVICES = """
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "100 g"
e = "5 g"
verified_until = 2027-06-30
[[printer]]
name = "printer-1"
port = "usb:"
"""
COOK = Who("0007", frozenset({Role.OPERATOR}), "王敏")
CHEF = Who("0001", frozenset({Role.SUPERVISOR}), "陈主管")
HOUR = 3600
WEIGHED = {
    "scale": "scale-1",
    "model": "st-gs",
    "unit": "kg",
    "stability": "scale",
    "raw": "02",
    "verified_until": "2027-06-30",
    "reason": "",
}


@pytest.fixture
def canteen(box: Callable[..., Any]) -> Callable[[], Any]:
    return lambda: box(DEVICES, station=STATION)


def keeps(station: Any, kilograms: str = "0.150", **more: Any) -> dict[str, Any]:
    station.puts(kilograms)
    said = {"scale": "scale-1", "dish": "红烧肉", "meal": "午餐", "person": "王敏"}
    return dict(station.does(KeepSample(**(said | more))))


def kept(station: Any) -> KeptView:
    station.clock.go(61)
    station.turn()
    (one,) = station.board.kept
    return one


def refused(station: Any, command: Any, who: Who = CHEF) -> str:
    head = station.ledger.head.seq
    with pytest.raises(Refused) as why:
        station.does(command, who)
    assert station.ledger.head.seq == head
    return why.value.code


def test_a_sample_is_weighed_labelled_and_listed(canteen: Callable[[], Any]) -> None:
    station = canteen()
    answer = keeps(station, seen_g=150, place="留样柜")
    assert answer == {"number": 1, "net_g": 150, "job": 1}
    record = station.last
    assert (record["type"], record["subject"]) == ("cn.marketedge.market.sample.kept.v1", "410108001-01")
    assert record["data"] == {
        "number": 1,
        "dish": "红烧肉",
        "meal": "午餐",
        "net_g": 150,
        "weighed": WEIGHED | {"value": "0.150", "tare_g": 0},
        "hours": 48,
        "place": "留样柜",
        "person": "王敏",
        "clock_trusted": True,
    }
    assert station.papers() == [("kept", 0)]
    one = kept(station)
    assert (one.number, one.dish, one.meal, one.net_g, one.person, one.time, one.sure) == (
        *(1, "红烧肉", "午餐", 150, "王敏", record["time"], True),
    )
    assert 47 * HOUR < one.left_s <= 48 * HOUR
    assert keeps(station, dish="米饭")["number"] == 2


def test_too_little_or_the_same_once_more_is_no_sample(canteen: Callable[[], Any]) -> None:
    station = canteen()
    station.puts("0.120")
    small = KeepSample(scale="scale-1", dish="米饭", person="王敏")
    assert refused(station, small) == "sample_small"
    station.puts("0.200")
    assert refused(station, small.model_copy(update={"tare_g": 100})) == "sample_small"
    assert refused(station, small.model_copy(update={"seen_g": 150})) == "weight_changed"
    station.does(small)
    assert refused(station, small) == "load_counted"
    station.weighs("0.350")
    assert refused(station, small) == "load_counted", "what lies under it is another sample"


def test_after_48_hours_anybody_may_discard_it(canteen: Callable[[], Any]) -> None:
    station = canteen()
    keeps(station)
    station.clock.go(47 * HOUR)
    throw = DiscardSample(number=1, person="王敏")
    assert refused(station, throw, COOK) == "needs_supervisor"
    assert refused(station, throw) == "sample_early"
    station.clock.go(HOUR)
    assert kept(station).left_s == 0
    kept_by = station.ledger.event(1)["id"]
    assert station.does(throw, COOK) == {"number": 1, "early": False}
    elapsed = station.last["data"]["elapsed_s"]
    assert 48 * HOUR <= elapsed < 48 * HOUR + 100
    assert (station.last["subject"], station.last["data"]) == (
        "410108001-01",
        {
            "number": 1,
            "kept": kept_by,
            "dish": "红烧肉",
            "elapsed_s": elapsed,
            "early": False,
            "reason": "",
            "person": "王敏",
        },
    )
    assert station.board.kept == () and refused(station, throw) == "no_kept_sample"
    assert not station.core._station.kept_samples.some  # no hours are counted for it any more


def test_a_supervisor_discards_it_early_with_a_reason(canteen: Callable[[], Any]) -> None:
    station = canteen()
    keeps(station)
    station.does(DiscardSample(number=1, person="x", reason="样品盒破损"), CHEF)
    assert station.last["data"]["early"] and station.last["data"]["reason"] == "样品盒破损"


def test_the_date_alone_makes_no_sample_old(canteen: Callable[[], Any]) -> None:
    from datetime import timedelta

    station = canteen()
    keeps(station)
    station.clock.wall += timedelta(days=3)
    assert kept(station).left_s > 47 * HOUR
    station.clock.wall -= timedelta(days=9)
    station.clock.go(2 * HOUR)
    assert kept(station).left_s <= 46 * HOUR


def test_over_a_restart_of_the_box_the_date_tells_where_it_is_believed(canteen: Callable[[], Any]) -> None:
    station = canteen()
    keeps(station)
    station.clock.boot_id = "another"
    station.clock.go(20 * HOUR)
    station.clock._steady = 5.0
    station = canteen()
    assert 27 * HOUR < kept(station).left_s < 28 * HOUR + 60 and kept(station).sure


def test_over_a_restart_without_a_believed_date_only_what_is_sure_counts(canteen: Callable[[], Any]) -> None:
    station = canteen()
    station.clock.worth = "unsynced"
    keeps(station)
    station.clock.go(10 * HOUR)
    station.turn()
    station.turn()
    station.clock.boot_id = "another"
    station.clock.go(20 * HOUR)
    station.clock._steady = 3600.0
    station = canteen()
    one = kept(station)
    assert 36 * HOUR < one.left_s <= 37 * HOUR and not one.sure
    station.clock.go(3 * HOUR)
    station.turn()
    station.clock.boot_id, station.clock._steady = "third", 60.0
    station = canteen()
    assert 33 * HOUR < kept(station).left_s <= 34 * HOUR


def test_a_date_that_was_believed_is_waited_for(canteen: Callable[[], Any]) -> None:
    station = canteen()
    keeps(station)
    station.clock.boot_id, station.clock.worth, station.clock._steady = "another", "unsynced", 60.0
    station = canteen()
    station.clock.go(2 * HOUR)
    station.turn()
    assert not kept(station).sure
    station.clock.worth = "synced"
    station.clock.go(30 * HOUR)
    assert kept(station).sure and kept(station).left_s <= 16 * HOUR


@pytest.mark.parametrize(
    ("state", "person", "sure"), [("synced", None, True), ("unsynced", "王敏", True), ("unsynced", None, False)]
)
def test_what_was_kept_before_the_clock_was_set_is_dated_by_it(
    canteen: Callable[[], Any], state: str, person: str | None, sure: bool
) -> None:
    from datetime import timedelta

    station = canteen()
    begun, station.clock.worth = station.clock.wall, "unsynced"
    station.clock.wall -= timedelta(days=300)
    keeps(station)
    station.clock.go(HOUR)
    station.clock.is_set(begun + timedelta(hours=1), state, person)
    station.turn()
    station.clock.go(HOUR)
    station.clock.boot_id, station.clock.worth = "another", "synced"
    station.clock.go(20 * HOUR)
    station.clock._steady = 5.0
    station = canteen()
    one = kept(station)
    assert one.sure is sure and (one.left_s <= 26 * HOUR) is sure and one.left_s > 25 * HOUR


def test_waste_is_handed_over_by_weight_with_a_code(canteen: Callable[[], Any]) -> None:
    station = canteen()
    station.puts("12.500")
    by = {"receiver": "收运公司", "licence": "郑环 018", "plate": "豫A12345", "person": "王敏"}
    hand = HandWaste(scale="scale-1", kind="food", tare_g=2_500, seen_g=10_000, **by)
    assert refused(station, hand.model_copy(update={"seen_g": 9_995})) == "weight_changed"
    answer = station.does(hand)
    code = station.last["subject"]
    assert answer == {"code": code, "net_g": 10_000, "job": 1} and code[9] == "4"
    assert station.last["data"] == by | {
        "waste": "food",
        "net_g": 10_000,
        "weighed": WEIGHED | {"value": "12.500", "tare_g": 2_500},
        "photos": [],
        "code": code,
        "clock_trusted": True,
    }
    assert station.papers() == [("waste", 0)]
    assert refused(station, hand) == "load_counted"


def test_what_was_kept_or_handed_over_is_no_delivery(canteen: Callable[[], Any]) -> None:
    station = canteen()
    keeps(station, "1.000")
    number = station.does(BeginDelivery(supplier="老王", reason="加菜"))["delivery"]
    assert refused(station, WeighLoad(delivery=number, line=1, scale="scale-1")) == "no_line"


def test_the_hours_that_a_full_disk_did_not_take_are_written_with_the_next_record(canteen: Callable[[], Any]) -> None:
    station = canteen()
    keeps(station)
    on = station.core._station.on_time
    station.clock.go(10 * HOUR)
    with pytest.raises(RuntimeError), station.ledger.batch():
        on.save()
        raise RuntimeError
    assert not on.unsaved
    on.not_saved()
    assert on.unsaved
    keeps(station)
    assert not on.unsaved and station.count("SELECT up FROM boots") >= 1000 + 10 * HOUR


def test_a_sample_that_was_not_recorded_is_not_kept(canteen: Callable[[], Any]) -> None:
    station = canteen()
    station.puts("0.150")
    station.fill_the_disk()
    long = "菜" * 120
    made = 0
    try:
        for at in range(60):
            station.puts("0.150")
            station.does(KeepSample(scale="scale-1", dish=f"{long[:110]}{at}", person="王敏"))
            made += 1
    except Refused:
        pass
    station.free_the_disk()
    station.clock.go(61)
    station.turn()
    assert len(station.board.kept) == made
    keeps(station)


def test_a_sample_whose_label_could_not_be_kept_is_not_kept(canteen: Callable[[], Any]) -> None:
    station = canteen()
    station.puts("0.150")
    keep = KeepSample(scale="scale-1", dish="红烧肉", person="王敏")
    station.ledger.conn.execute(
        "CREATE TEMP TRIGGER fails BEFORE INSERT ON print_jobs BEGIN SELECT raise(ABORT, 'fails'); END"
    )
    assert refused(station, keep) == "unexpected"
    station.turn()
    assert not station.core._station.kept_samples.some and station.board.kept == ()
    station.ledger.conn.execute("DROP TRIGGER fails")
    station.does(keep)
    assert kept(station).number == 1

"""After a positive: who was told and when, the four hours over restarts and wrong clocks, recheck, sample, verdict."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from edge.between.commands import HoldLot, MatchResult, ReleaseLot, Sell
from edge.between.held_board import HoldView
from edge.between.held_commands import (
    AskRetest,
    DisposeLot,
    PlanDisposal,
    SendSample,
    TellHolder,
    TypeVerdict,
    WaiveRetest,
)
from edge.between.inbox import Refused
from edge.between.people import Role, Who
from edge.between.photo_commands import KeepPhoto
from edge.records.ledger import ALARM, ORDINARY
from edge.state.hold_steps import drawn
from protocol.city.envelope import kind_of
from protocol.city.token import CHINA

Box = Any  # the station of tests/edge/conftest.py
WANG = {"person": "王敏"}
JPEG = b"\xff\xd8\xff photo"
PHOTO = sha256(JPEG).hexdigest()
SELLER = Who("7", frozenset({Role.OPERATOR}), "李四")
BOSS = Who("1", frozenset({Role.SUPERVISOR}), "陈主管")
PAPERS = """
[market]
authority = "惠济区市场监管局"
[gate]
store = "东门隔离间"
office = "惠济区市场监管所"
[[printer]]
name = "printer-1"
port = "usb:"
[paper]
automatic = ["hold", "sample", "disposal", "waiver"]
[[analyzer]]
name = "tester-1"
model = "dayuan-lz4000t"
port = "/dev/null"
[[product]]
code = "01040201"
name = "大白菜"
"""
HOUR = 3600


def a_photo(station: Box) -> str:
    """Its hash; the file is here."""
    station.core._station.photos.files.keep(PHOTO, JPEG)
    station.does(KeepPhoto(sha256=PHOTO, size=len(JPEG)))
    return PHOTO


def refused(station: Box, command: Any, **more: Any) -> str:
    with pytest.raises(Refused) as told:
        station.does(command, **more)
    return str(told.value.code)


def positive(station: Box, released: bool = False) -> str:
    """A lot that a test holds."""
    lot = str(station.releases() if released else station.enters())
    for _ in range(3):
        if station.lot(lot).state != "held":
            station.tests(station.result(station.lot(lot).sample, "68.7"))
    return lot


def told(lot: str, **more: Any) -> TellHolder:
    return TellHolder(lot=lot, told="摊主 李秀兰", **{**WANG, **more})


def asked(lot: str, **more: Any) -> AskRetest:
    return AskRetest(lot=lot, asked_by="摊主 李秀兰", **WANG, **more)


def sent(lot: str, **more: Any) -> SendSample:
    said = {"seal_no": "FY-001234", "laboratory": "郑州市食品检验所", "method": "GB 23200.121-2021"}
    return SendSample(lot=lot, taken_by="张检测", **{**said, **WANG, **more})


def concluded(lot: str, conclusion: Any = "qualified", **more: Any) -> TypeVerdict:
    said = {"report_no": "JC-8", "laboratory": "郑州市食品检验所", "method": "GB 23200.121-2021", "item": "毒死蜱"}
    return TypeVerdict(lot=lot, conclusion=conclusion, **{**said, "concluded": "2026-11-22", **WANG, **more})


def ended(lot: str) -> ReleaseLot:
    return ReleaseLot(lot=lot, reason="复检合格", **WANG)


def of(station: Box, kind: str) -> list[dict[str, Any]]:
    made = [station.ledger.event(seq) for seq in range(1, station.ledger.head.seq + 1)]
    return [one for one in made if kind_of(one["type"]) == kind]


def view(station: Box, lot: str) -> Any:
    return next(one for one in station.board.holds if one.lot == lot)


# --- held at once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("released", [False, True])
def test_a_positive_holds_at_once_with_all_that_its_notice_says(box: Callable[..., Box], released: bool) -> None:
    station = box(PAPERS)
    lot = positive(station, released)
    (held,) = of(station, "lot.held")
    data = held["data"]
    assert (data["left_g"], data["store"], data["office"]) == (250_000, "东门隔离间", "惠济区市场监管所")
    assert (data["authority"], data["seller"]["name"], data["seller"]["stall"]) == (
        *("惠济区市场监管局", "李秀兰蔬菜"),
        "A-12",
    )
    assert data["why"] == "农药残留 68.7 %，限值 50 %"
    assert ("hold", 0) in station.papers()
    one = view(station, lot)
    assert (one.kind, one.step, one.left_g, one.ends, one.phase) == ("test", "held", 250_000, None, "")
    assert one.deeds == ("tell", "verdict")


def test_what_a_person_held_is_held_by_a_positive_from_then_on(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.does(HoldLot(lot=lot, reason="消费者投诉", **WANG))
    assert view(station, lot).kind == "person"
    station.does(told(lot))
    for _ in range(3):
        station.tests(station.result(station.lot(lot).sample, "68.7"))
        for waiting in station.waiting:
            station.does(MatchResult(seq=waiting.seq, lot=lot, **WANG))
    by_person, by_test = of(station, "lot.held")
    assert (by_person["data"]["person"], by_test["data"]["verdict"]) == ("王敏", "unqualified")
    assert (view(station, lot).kind, view(station, lot).step) == ("test", "held")


def test_what_a_laboratory_finds_against_is_held_though_the_city_stopped_nothing(
    box: Callable[..., Box], mayor: Any
) -> None:
    station = box(city_keys=mayor.keys)
    lot = station.releases()
    said = {"lot": station.lot(lot).source, "conclusion": "unqualified", "report_no": "SJ-1", "laboratory": "市检验所"}
    said |= {"item": "毒死蜱", "method": "GB 23200.121-2021", "concluded": "2026-11-22"}
    assert mayor.orders(station, "lab_verdict", **said)["state"] == "done"
    assert station.lot(lot).state == "held"
    assert (view(station, lot).step, "return" in view(station, lot).deeds) == ("failed", True)
    assert refused(station, ended(lot)) == "recheck_failed"
    late = {**said, "conclusion": "qualified", "report_no": "SJ-0"}
    mayor.orders(station, "lab_verdict", issued=-600, **late)
    assert view(station, lot).step == "failed"
    other = station.releases()
    newer = {**said, "lot": other, "conclusion": "qualified"}
    mayor.orders(station, "lab_verdict", **newer)
    mayor.orders(station, "lab_verdict", issued=-600, **{**said, "lot": other})
    assert station.lot(other).state == "released"


# --- who was told, and when -------------------------------------------------------------------------------------------


def test_the_four_hours_run_from_who_was_told(box: Callable[..., Box], hand_clock: Any) -> None:
    station = box(PAPERS)
    lot = positive(station)
    assert refused(station, asked(lot)) == "not_told"
    answer = station.does(told(lot, signed=True))
    (record,) = of(station, "lot.told")
    assert answer["told_at"] == record["data"]["told_at"] == hand_clock.now().text
    assert (record["data"]["stated"], record["data"]["signed"], record["data"]["store"]) == (
        *("pressed", True),
        "东门隔离间",
    )
    held = of(station, "lot.held")[0]
    assert record["data"]["hold"] == held["id"]
    assert {name: record["data"][name] for name in ("test", "verdict", "why")} == {
        name: held["data"][name] for name in ("test", "verdict", "why")
    }
    assert held["data"]["test"] and held["data"]["verdict"] == "unqualified" and held["data"]["why"]
    assert (view(station, lot).told, view(station, lot).phase) == ("摊主 李秀兰", "")
    assert view(station, lot).ends == round(hand_clock.steady() + 4 * HOUR)
    hand_clock.go(3.5 * HOUR)
    station.turn()
    assert view(station, lot).phase == "soon"
    hand_clock.go(0.5 * HOUR)
    station.turn()
    assert (view(station, lot).phase, view(station, lot).ends) == ("over", round(hand_clock.steady()))
    assert refused(station, asked(lot)) == "retest_late"
    assert refused(station, asked(lot, reason="电话申请在时限内"), who=SELLER) == "needs_supervisor"
    said = station.does(asked(lot, reason="电话申请在时限内"), who=BOSS)
    assert (said["late"], said["minutes"], said["step"]) == (True, 240, "asked")
    record = of(station, "retest.requested")[0]["data"]
    assert (record["reason"], record["clock"], record["minutes"]) == ("电话申请在时限内", "sure", 240)
    assert view(station, lot).late


def test_a_time_is_typed_and_corrected(box: Callable[..., Box], hand_clock: Any) -> None:
    station = box()
    hand_clock.go(HOUR)
    lot = positive(station)
    now = hand_clock.wall

    def at(minutes: int) -> str:
        return (now + timedelta(minutes=minutes)).isoformat()[:16]

    assert refused(station, told(lot, at=at(5))) == "told_future"
    assert refused(station, told(lot, at=at(1))) == "told_future"
    assert refused(station, told(lot, at=at(-90))) == "told_early"
    assert refused(station, told(lot, at="2026-13-22T05:10")) == "date"
    said = station.does(told(lot, at=at(-2)))
    assert said["told_at"][:16] == at(-2)
    assert of(station, "lot.told")[0]["data"]["stated"] == "typed"
    assert refused(station, told(lot, at=at(-1))) == "already_told"
    assert refused(station, told(lot, at=at(-1), reason="填错"), who=SELLER) == "needs_supervisor"
    station.does(told(lot, at=at(-1), reason="填错"), who=BOSS)
    first, second = of(station, "lot.told")
    assert (second["data"]["corrects"], second["data"]["reason"]) == (first["id"], "填错")
    assert station.core._station.corrections.of(int(first["sequence"])) == int(second["sequence"])
    assert view(station, lot).told_at[:16] == at(-1)
    station.does(asked(lot))
    assert refused(station, told(lot, reason="填错"), who=BOSS) == "already_told"


def test_a_holder_may_be_told_in_the_minute_the_goods_came(box: Callable[..., Box], hand_clock: Any) -> None:
    station = box()
    entered = hand_clock.wall.isoformat()[:16]
    lot = positive(station)
    station.does(told(lot, at=entered))
    assert view(station, lot).told_at[:16] == entered


def test_a_time_is_not_typed_where_no_clock_is_believed(box: Callable[..., Box], hand_clock: Any) -> None:
    station = box()
    lot = positive(station)
    hand_clock.worth = "unsynced"
    assert refused(station, told(lot, at="2026-11-22T05:01")) == "clock_unset"
    station.does(told(lot))
    assert not view(station, lot).unsure  # this boot's own seconds are known
    assert of(station, "lot.told")[0]["clockstate"] == "unsynced"


def reboots(station_of: Callable[..., Box], clock: Any, off: float, wall: datetime, worth: Any = "unsynced") -> Box:
    """The box was off for a while, and comes back with this time."""
    clock.boot_id = f"0b5e0000-0000-4000-8000-{int(clock.boot_id[-12:]) + 1:012d}"
    clock.go(off)
    clock.wall, clock.worth, clock._steady = wall, worth, 30.0
    return station_of()


def test_the_program_s_restart_costs_the_four_hours_nothing(box: Callable[..., Box], hand_clock: Any) -> None:
    station = box()
    lot = positive(station)
    station.does(told(lot))
    hand_clock.go(HOUR)
    hand_clock.wall = datetime(1970, 1, 1, tzinfo=CHINA)  # the clock is put back while it runs
    station = box()
    assert view(station, lot).ends == round(hand_clock.steady() + 3 * HOUR)
    assert not view(station, lot).unsure
    hand_clock.wall = datetime(2027, 12, 1, tzinfo=CHINA)
    assert station.does(asked(lot))["minutes"] == 60


def sure(station: Box, lot: str) -> bool:
    """Whether it is known how long ago the holder was told."""
    holds = station.core._station.holds
    _, case = holds.standing(lot)
    return bool(holds.since(case).sure)


@pytest.mark.parametrize(
    "wall", ["1970-01-01T00:00", "2026-11-21T07:00", "2027-11-22T07:00"], ids=["1970", "a day back", "a year ahead"]
)
def test_over_a_restart_of_the_box_a_clock_that_is_not_set_ends_nothing(
    box: Callable[..., Box], hand_clock: Any, wall: str
) -> None:
    station = box()
    lot = positive(station)
    station.does(told(lot))
    station = reboots(box, hand_clock, 6 * HOUR, datetime.fromisoformat(wall).replace(tzinfo=CHINA))
    one = view(station, lot)
    assert (one.unsure, one.phase, one.ends) == (True, "", round(hand_clock.steady() + 4 * HOUR - 30))
    hand_clock.go(2 * HOUR)
    said = station.does(asked(lot))
    assert (said["late"], said["minutes"]) == (False, 120)
    assert of(station, "retest.requested")[0]["data"]["clock"] == "unsure"
    hand_clock.wall, hand_clock.worth = datetime(2026, 11, 22, 15, tzinfo=CHINA), "synced"
    assert sure(station, lot)
    hand_clock.worth = "unsynced"
    hand_clock.go(2 * HOUR)
    assert not sure(station, lot)


def test_over_a_restart_of_the_box_a_clock_that_is_set_counts(box: Callable[..., Box], hand_clock: Any) -> None:
    station = box()
    lot = positive(station)
    station.does(told(lot))
    begun = hand_clock.wall
    station = reboots(box, hand_clock, 2 * HOUR, begun + timedelta(hours=2), "synced")
    assert view(station, lot).ends == round(hand_clock.steady() + 2 * HOUR)
    station = reboots(box, hand_clock, 3 * HOUR, begun + timedelta(hours=5), "synced")
    assert view(station, lot).phase == "over"
    assert refused(station, asked(lot)) == "retest_late"


@pytest.mark.parametrize(
    ("state", "person", "known"), [("synced", None, True), ("unsynced", "王敏", True), ("unsynced", None, False)]
)
def test_a_clock_that_is_set_later_dates_what_was_told_before(
    box: Callable[..., Box], hand_clock: Any, state: Any, person: str | None, known: bool
) -> None:
    station = box()
    lot, begun = positive(station), hand_clock.wall
    hand_clock.wall, hand_clock.worth = datetime(1970, 1, 1, tzinfo=CHINA), "unsynced"
    station.does(told(lot))
    hand_clock.go(HOUR)
    hand_clock.is_set(begun + timedelta(hours=1), state, person)
    station.turn()
    assert (view(station, lot).ends, sure(station, lot)) == (round(hand_clock.steady() + 3 * HOUR), True)
    station = reboots(box, hand_clock, HOUR, begun + timedelta(hours=2), "synced")
    assert sure(station, lot) is known
    assert view(station, lot).ends == round(hand_clock.steady() + (2 * HOUR if known else 3 * HOUR - 30))


@pytest.mark.parametrize("asked_first", [False, True])
def test_what_was_told_before_the_box_was_off_keeps_its_date(
    box: Callable[..., Box], hand_clock: Any, asked_first: bool
) -> None:
    """A step of the clock says nothing of the time that this boot has not seen."""
    station = box()
    lot, begun = positive(station), hand_clock.wall
    station.does(told(lot))
    station = reboots(box, hand_clock, 2 * HOUR, datetime(1970, 1, 1, tzinfo=CHINA))
    if asked_first:
        station.does(asked(lot))
    hand_clock.is_set(begun + timedelta(hours=2))
    station.turn()
    holds = station.core._station.holds
    since = holds.since(holds.standing(lot)[1])
    assert (round(since.seconds), since.sure) == (2 * HOUR, True)


# --- recheck and sample -----------------------------------------------------------------------------------------------


def test_the_whole_way_to_a_release(box: Callable[..., Box]) -> None:
    station = box(PAPERS)
    lot = positive(station)
    station.does(told(lot))
    assert refused(station, sent(lot)) == "not_asked"
    station.does(asked(lot))
    assert refused(station, asked(lot)) == "retest_asked"
    assert refused(station, sent(lot, method="胶体金卡")) == "rapid_method"
    answer = station.does(sent(lot, photos=(a_photo(station),), mass_g=1000))
    assert answer["step"] == "sent" and ("sample", 0) in station.papers()
    record = of(station, "sample.sent")[0]["data"]
    assert (record["seal_no"], record["item"], record["supplier"], record["asked_by"], record["photos"]) == (
        *("FY-001234", "农药残留", "王建国", "摊主 李秀兰"),
        [PHOTO],
    )
    assert record["mass_g"] == 1000
    station.does(sent(lot, seal_no="FY-001235"))  # the first was broken
    station = box(PAPERS)
    assert (view(station, lot).step, view(station, lot).seal_no) == ("sent", "FY-001235")
    assert refused(station, ended(lot)) == "recheck_missing"
    assert refused(station, concluded(lot, method_kind="rapid")) == "rapid_method"
    assert refused(station, concluded(lot, concluded="2026-11-23")) == "date"
    assert refused(station, concluded(lot, concluded="2026-11-31")) == "date"
    assert refused(station, concluded(lot), who=SELLER) == "needs_supervisor"
    measured = {"value": "0.8", "unit": "mg/kg", "limit": "0.02", "photos": (PHOTO,)}
    station.does(concluded(lot, "unqualified", **measured))
    typed = of(station, "lot.verdict")[0]["data"]
    assert {name: typed[name] for name in measured} == {**measured, "photos": [PHOTO]}
    assert (typed["report_no"], typed["item"], typed["concluded"]) == ("JC-8", "毒死蜱", "2026-11-22")
    assert (typed["person"], view(station, lot).step) == ("王敏", "failed")
    station.does(concluded(lot, report_no="JC-9"))  # it was typed wrongly
    lanes = [int(one["sequence"]) for one in of(station, "lot.verdict")]
    assert [station.count(f"SELECT lane FROM events WHERE seq = {seq}") for seq in lanes] == [ALARM, ORDINARY]
    for late in (told(lot), asked(lot), sent(lot), WaiveRetest(lot=lot, owner="李秀兰", witness="赵", **WANG)):
        assert refused(station, late) in ("has_verdict", "already_told")
    assert (view(station, lot).step, view(station, lot).deeds) == ("conforming", ("verdict", "release"))
    said = station.does(ended(lot))
    decided = of(station, "lot.disposed")[0]["data"]
    assert (decided["decision"], decided["recheck_no"], decided["held_g"]) == (
        *("released_after_recheck", "JC-9"),
        250_000,
    )
    assert station.board.holds == () and said["source"]
    assert station.lot(lot).state == "released"


def test_the_page_of_holds_has_all_that_is_known_of_one(box: Callable[..., Box], hand_clock: Any) -> None:
    station = box(PAPERS)
    lot = positive(station)
    station.does(told(lot))
    station.does(asked(lot))
    station.does(sent(lot))
    one = view(station, lot)
    assert (one.laboratory, one.method, one.verdict) == ("郑州市食品检验所", "GB 23200.121-2021", "")
    station.does(concluded(lot, "unqualified", laboratory="省检验院", method="NY/T 761-2008"))
    said = {"decision": "returned", "how": "退回产地", "where": "东门"}
    station.does(PlanDisposal(lot=lot, at="2026-11-23T09:00", **said, **WANG))
    station.does(DisposeLot(lot=lot, mass_g=100_000, complete=False, owner="李秀兰", **said, **WANG))
    kinds = ("held", "told", "verdict", "disposed")
    records = {kind: of(station, f"lot.{kind}")[0] for kind in kinds} | {
        "asked": of(station, "retest.requested")[0],
        "sent": of(station, "sample.sent")[0],
        "planned": of(station, "disposal.planned")[0],
    }
    steps = ("held", "told", "asked", "sent", "verdict", "planned", "disposed")
    known = HoldView(
        lot=lot,
        source=None,
        seq=int(records["held"]["sequence"]),
        kind="test",
        step="failed",
        product="01040201",
        product_name="大白菜",
        supplier="王建国",
        sample="1",
        why=records["held"]["data"]["why"],
        held_at=records["held"]["time"],
        told="摊主 李秀兰",
        told_at=records["told"]["data"]["told_at"],
        ends=None,
        phase="",
        unsure=False,
        asked_by="摊主 李秀兰",
        late=False,
        seal_no="FY-001234",
        laboratory="省检验院",
        method="NY/T 761-2008",
        verdict="unqualified",
        report_no="JC-8",
        waived=False,
        planned="2026-11-23T09:00:00+08:00",
        net_g=250_000,
        left_g=150_000,
        returned_g=100_000,
        destroyed_g=0,
        deeds=("verdict", "plan", "destroy", "return"),
        seqs=tuple(("hold" if step == "held" else step, int(records[step]["sequence"])) for step in steps),
    )
    assert view(station, lot) == known
    station = box(PAPERS)
    assert view(station, lot) == known
    assert station.core._station.holds.records(lot) == {int(one["sequence"]) for one in records.values()}


def test_a_typed_time_counts_over_a_restart_of_the_box(box: Callable[..., Box], hand_clock: Any) -> None:
    station = box()
    lot = positive(station)
    hand_clock.go(HOUR)
    at = hand_clock.wall - timedelta(minutes=30)
    station.does(told(lot, at=at.isoformat()[:16]))
    begun = at.replace(second=0, microsecond=0)
    assert view(station, lot).ends == round(hand_clock.steady() + 4 * HOUR - (hand_clock.wall - begun).total_seconds())
    station = reboots(box, hand_clock, HOUR, begun + timedelta(hours=2), "synced")
    assert view(station, lot).ends == round(hand_clock.steady() + 2 * HOUR)


def test_what_presses_stands_first_on_the_page_of_holds(box: Callable[..., Box]) -> None:
    station = box()
    lots = [station.releases() for _ in range(4)]
    for lot in (lots[3], lots[0]):
        station.does(HoldLot(lot=lot, reason="投诉", **WANG))
    for lot in (lots[2], lots[1]):
        for _ in range(3):
            if station.lot(lot).state != "held":
                station.tests(station.result(station.lot(lot).sample, "68.7"))
    assert [one.lot for one in station.board.holds] == [lots[2], lots[1], lots[3], lots[0]]


def test_the_city_s_word_counts_before_a_typed_one(box: Callable[..., Box], mayor: Any) -> None:
    station = box(city_keys=mayor.keys)
    lot = positive(station)
    station.does(concluded(lot))
    assert refused(station, told(lot)) == "has_verdict"
    said = {"lot": lot, "conclusion": "unqualified", "report_no": "SJ-1", "laboratory": "市检验所", "item": "毒死蜱"}
    said |= {"method": "GB 23200.121-2021", "concluded": "2026-11-22"}
    mayor.orders(station, "lab_verdict", issued=-3000, **said)  # it was long on its way
    assert view(station, lot).step == "failed"
    assert refused(station, concluded(lot)) == "verdict_stands"
    rapid = {**said, "conclusion": "qualified", "method": "胶体金试纸条"}
    mayor.orders(station, "lab_verdict", **rapid)
    assert view(station, lot).step == "conforming"
    assert refused(station, ended(lot)) == "rapid_method"


def test_a_person_s_hold_needs_none_of_it(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.does(HoldLot(lot=lot, reason="有异味", **WANG))
    assert refused(station, asked(lot)) == "no_recheck_due"
    station.does(sent(lot))
    station.does(concluded(lot, "unqualified"))
    assert refused(station, ended(lot)) == "recheck_failed"
    station.does(concluded(lot))
    station.does(ended(lot))
    station.puts("1.500")
    station.does(Sell(scale="scale-1", product="01040201", lot=lot))


def test_a_sample_of_what_was_never_tested_names_no_item_but_the_one_that_is_typed(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.enters()
    station.does(HoldLot(lot=lot, reason="有异味", **WANG))
    station.does(sent(lot))
    station.does(sent(lot, item="毒死蜱", mass_g=500))
    plain, typed = (one["data"] for one in of(station, "sample.sent"))
    assert [(one["item"], one["asked_by"], one["mass_g"]) for one in (plain, typed)] == [
        ("", "", None),
        ("毒死蜱", "", 500),
    ]


def test_of_a_lot_that_was_oversold_nothing_is_held(box: Callable[..., Box], devices: str) -> None:
    station = box(devices + "[gate]\ndestroy_at_once = true\n")
    lot = station.releases(net_g=1_000)
    station.puts("1.500")
    station.does(Sell(scale="scale-1", product="01040201", lot=lot))
    for _ in range(3):
        if station.lot(lot).state != "held":
            station.tests(station.result(station.lot(lot).sample, "68.7"))
    station.does(told(lot))
    station.does(WaiveRetest(lot=lot, owner="摊主 李秀兰", witness="赵见证", photos=(a_photo(station),), **WANG))
    (waived,) = of(station, "retest.waived")
    assert (waived["data"]["net_g"], waived["data"]["photos"]) == (0, [PHOTO])
    assert (of(station, "lot.told")[0]["data"]["left_g"], view(station, lot).left_g) == (0, 0)


def test_a_recheck_is_waived_where_the_market_destroys_at_once(box: Callable[..., Box]) -> None:
    station = box(PAPERS)
    lot = positive(station)
    waived = WaiveRetest(lot=lot, owner="摊主 李秀兰", witness="赵见证", **WANG)
    station.does(told(lot))
    assert refused(station, waived) == "no_waiver"
    station = box(PAPERS.replace("[gate]\n", "[gate]\ndestroy_at_once = true\n"))
    assert refused(station, WaiveRetest(lot=lot, owner="李秀兰", witness="王敏", **WANG)) == "same_person"
    assert station.does(waived)["step"] == "waived"
    assert ("waiver", 0) in station.papers()
    assert refused(station, asked(lot)) == "retest_waived"
    assert view(station, lot).deeds == ("verdict", "plan", "destroy")
    assert (of(station, "retest.waived")[0]["data"]["net_g"], view(station, lot).waived) == (250_000, True)


def test_steps_of_a_lot_that_is_not_held(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    for command in (told(lot), asked(lot), sent(lot), concluded(lot)):
        assert refused(station, command) == "not_held"


def test_the_table_is_drawn(request: pytest.FixtureRequest) -> None:
    assert drawn() in (request.config.rootpath / "edge/jobs/holds.md").read_text("utf-8")


# --- records to their last field --------------------------------------------------------------------------------------


def test_each_step_after_a_positive_stands_in_its_record_to_the_last_field(
    box: Callable[..., Box], hand_clock: Any
) -> None:
    station = box(PAPERS)
    lot = str(station.enters(supplier_code="4101080010999"))
    for _ in range(3):
        station.tests(station.result("1", "68.7"))
    (held,) = of(station, "lot.held")
    assert (held["subject"], held["data"]) == (
        lot,
        {
            "lot": lot,
            "source": None,
            "goods": {"product": "01040201", "name": "大白菜", "name_en": ""},
            "net_g": 250_000,
            "left_g": 250_000,
            "origin": "河南中牟",
            "supplier": "王建国",
            "supplier_code": "4101080010999",
            "seller": {"code": "4101080010123", "name": "李秀兰蔬菜", "stall": "A-12", "contact": ""},
            "store": "东门隔离间",
            "office": "惠济区市场监管所",
            "authority": "惠济区市场监管局",
            "test": lot,
            "verdict": "unqualified",
            "why": "农药残留 68.7 %，限值 50 %",
            "person": None,
            "told_at": None,
        },
    )
    of_lot = {
        "lot": lot,
        "goods": {"product": "01040201", "name": "大白菜", "name_en": ""},
        "hold": held["id"],
        "person": "王敏",
    }

    def step(answer: dict[str, Any], name: str, job: int | None) -> dict[str, Any]:
        """Its record's own words; the answer names the record, the step and the paper."""
        assert answer | {"step": name, "job": job, "seq": station.ledger.head.seq, "test_code": lot} == answer
        data = dict(station.last["data"])
        assert {field: data.pop(field) for field in of_lot} == of_lot
        return data

    first_paper = len(station.papers())
    said = step(station.does(told(lot, signed=True, store="西门冷库")), "told", first_paper + 1)
    at = hand_clock.now().text
    assert said == {
        "told": "摊主 李秀兰",
        "told_at": at,
        "stated": "pressed",
        "net_g": 250_000,
        "left_g": 250_000,
        "origin": "河南中牟",
        "supplier": "王建国",
        "seller": held["data"]["seller"],
        "test": lot,
        "verdict": "unqualified",
        "why": held["data"]["why"],
        "store": "西门冷库",
        "office": "惠济区市场监管所",
        "authority": "惠济区市场监管局",
        "signed": True,
        "corrects": None,
        "reason": "",
    }
    hand_clock.go(125)
    said = step(station.does(asked(lot)), "asked", None)
    assert said == {"asked_by": "摊主 李秀兰", "minutes": 2, "clock": "sure", "late": False, "reason": ""}
    photo = a_photo(station)
    said = step(station.does(sent(lot, mass_g=1_500, photos=(photo,))), "sent", first_paper + 2)
    assert said == {
        "seal_no": "FY-001234",
        "laboratory": "郑州市食品检验所",
        "method": "GB 23200.121-2021",
        "item": "农药残留",
        "mass_g": 1_500,
        "taken_by": "张检测",
        "supplier": "王建国",
        "asked_by": "摊主 李秀兰",
        "photos": [photo],
    }
    found = {"value": "0.35", "unit": "mg/kg", "limit": "0.1"}
    station.does(concluded(lot, "unqualified", photos=(photo,), **found))
    assert station.last["data"] == found | {
        "command": None,
        "lot": lot,
        "conclusion": "unqualified",
        "report_no": "JC-8",
        "laboratory": "郑州市食品检验所",
        "item": "毒死蜱",
        "method": "GB 23200.121-2021",
        "concluded": "2026-11-22",
        "person": "王敏",
        "photos": [photo],
    }
    goes = {"how": "深埋 2 米", "where": "垃圾处理站"}
    tomorrow = (hand_clock.wall + timedelta(days=1)).isoformat()[:16]
    planned = PlanDisposal(lot=lot, decision="destroyed", at=tomorrow, **goes, **WANG)
    said = step(station.does(planned), "failed", None)
    assert said == goes | {"decision": "destroyed", "at": said["at"], "authority": "惠济区市场监管局"}
    assert said["at"][:16] == tomorrow
    announced = station.last["id"]
    there = {"owner": "摊主 李秀兰", "witness": "刘洋", "officer": "赵监督"}
    back = DisposeLot(lot=lot, decision="returned", mass_g=100_000, complete=False, **goes, **there, **WANG)
    answer = station.does(back)
    assert (answer["left_g"], answer["returned_g"], answer["destroyed_g"]) == (150_000, 100_000, 0)
    rest = back.model_copy(update={"decision": "destroyed", "mass_g": 149_000, "complete": True, "why": "失水"})
    answer = station.does(rest.model_copy(update={"photos": (photo,)}))
    assert (answer["left_g"], answer["returned_g"], answer["destroyed_g"]) == (0, 100_000, 149_000)
    said = step(answer, "disposed", answer["job"])
    assert answer["job"] and station.papers()[-1] == ("disposal", 0)
    none = {"recheck_no": "", "laboratory": "", "method": ""}
    assert said == goes | there | none | {
        "decision": "destroyed",
        "mass_g": 149_000,
        "test": lot,
        "held_g": 250_000,
        "before_g": 100_000,
        "complete": True,
        "difference_g": 1_000,
        "why": "失水",
        "waiver": False,
        "planned": announced,
        "photos": [photo],
    }
    assert (station.lot(lot).state, station.lot(lot).left_g) == ("disposed", 0)


def test_a_recheck_that_is_given_up_says_of_how_much_and_before_whom(box: Callable[..., Box]) -> None:
    station = box(PAPERS.replace("[gate]", "[gate]\ndestroy_at_once = true"))
    lot = positive(station)
    station.does(told(lot))
    photo = a_photo(station)
    waived = WaiveRetest(lot=lot, owner="摊主 李秀兰", witness="刘洋", photos=(photo,), **WANG)
    assert refused(station, waived.model_copy(update={"witness": "王敏"})) == "same_person"
    answer = station.does(waived)
    assert (answer["step"], station.papers()[-1]) == ("waived", ("waiver", 0))
    assert station.last["data"] == {
        "lot": lot,
        "goods": {"product": "01040201", "name": "大白菜", "name_en": ""},
        "hold": of(station, "lot.held")[0]["id"],
        "net_g": 250_000,
        "owner": "摊主 李秀兰",
        "witness": "刘洋",
        "person": "王敏",
        "photos": [photo],
    }

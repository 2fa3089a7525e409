"""A verdict belongs to one lot, one item, one method: nothing is released on a result that is not its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.between.commands import MatchResult
from edge.between.inbox import Refused
from protocol.readings import Curve, Ticket, Verdict

Box = Any  # the station of tests/edge/conftest.py

MANY = """
[gate]
tests = ["农药残留", "formaldehyde"]
[[analyzer]]
name = "tester-1"
model = "dayuan-lz4000t"
port = "/dev/null"
method = ["gb5009199", "formaldehyde"]
[[analyzer]]
name = "printed"
model = "taiyang-printer"
port = "/dev/null"
[[analyzer]]
name = "files"
model = "csv-any"
port = "folder:/nowhere"
[[analyzer]]
name = "cards"
model = "dayuan-dy3000"
port = "/dev/null"
method = "qualitative"
[[method]]
id = "formaldehyde"
name = "甲醛速测"
item = "甲醛"
items = ["formaldehyde"]
unit = "mg/kg"
limit = "10"
[[product]]
code = "01040201"
name = "大白菜"
name_en = "Chinese cabbage"
also = ["黄芽白"]
[[product]]
code = "02010101"
name = "猪肉"
tests = ["瘦肉精"]
"""


def test_other_items_do_not_clear_a_pesticide_positive(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    said = [
        station.tests(station.result("1", value, item=item, unit=unit))[0]["data"]
        for item, value, unit in (
            ("农药残留", "78.1", "%"),
            ("亚硝酸盐", "3.2", "mg/kg"),
            ("甲醛", "4.0", "mg/kg"),
        )
    ]
    assert [one["verdict"] for one in said] == ["suspect"] * 3
    assert [one["outcome"] for one in said] == ["positive", None, None]
    assert [one["doubts"] for one in said] == [[], ["no_method"], ["no_method"]]
    assert (station.lot(code).state, station.lot(code).repeats_due) == ("pending", 2)


@pytest.mark.parametrize(
    ("said", "doubt"),
    [
        ({"item": "甲醛", "value": Decimal("12.5"), "unit": "mg/kg"}, "no_method"),
        ({"item": "项目2", "value": Decimal("10.0"), "unit": None}, "no_method"),
        ({"value": Decimal("12.5"), "unit": "mg/kg"}, "unit"),
        ({"value": Decimal("12.5"), "unit": None}, "unit"),
        ({"value": None, "text": "<2", "unit": "mg/kg"}, "unit"),
        ({"value": Decimal("95.0"), "verdict": Verdict.QUALIFIED}, "contradiction"),
        ({"value": Decimal("95.0"), "verdict": Verdict.QUALIFIED, "limit": Decimal(50)}, "contradiction"),
        ({"value": Decimal("3.0"), "verdict": Verdict.UNQUALIFIED}, "contradiction"),
        ({"value": None, "text": ">90", "verdict": Verdict.QUALIFIED}, "contradiction"),
        ({"value": Decimal("-78.1")}, "impossible"),
        ({"value": Decimal("-5739")}, "impossible"),
        ({"value": Decimal("110.1")}, "impossible"),
        ({"value": Decimal("60"), "limit": Decimal(90)}, "limit"),
        ({"sure": False}, "unsure"),
        ({"name": "青菜"}, "goods"),
        ({"name": "beef"}, "goods"),
    ],
)
@pytest.mark.parametrize("device", ["tester-1", "tester-8"])
def test_what_is_not_surely_this_lots_result_waits_for_a_person(
    box: Callable[..., Box], said: dict[str, Any], doubt: str, device: str
) -> None:
    station = box()
    code = station.enters()
    if device == "tester-8":
        from edge.between.commands import PlanChannel

        station.does(PlanChannel(analyzer="tester-8", channel="1", lot=code))
    event = station.tests(station.result("1", "12.5", channel="1", **said), device=device)[0]
    assert (event["data"]["lot"], event["data"]["doubts"], event["data"]["source"]) == (None, [doubt], None)
    assert station.lot(code).state == "pending"
    assert station.waiting[0].why == (doubt,)


@pytest.mark.parametrize(
    "said",
    [
        {"name": "白菜"},
        {"name": "大白菜 "},
        {"name": "Chinese Cabbage"},
        {"name": "0012"},
        {"item": "农残", "unit": "％"},
        {"item": "Pesticide Residue"},
        {"value": Decimal("-10")},
        {"value": Decimal("50"), "verdict": Verdict.QUALIFIED},  # on the limit both may be right
        {"value": Decimal("12"), "limit": Decimal("40")},  # stricter than the method
        {"value": None, "text": "＜2"},
        {"value": None, "unit": None, "verdict": Verdict.QUALIFIED},
        {"verdict": Verdict.QUALIFIED},
    ],
)
def test_what_fits_in_everything_releases_the_lot_by_itself(box: Callable[..., Box], said: dict[str, Any]) -> None:
    station = box()
    code = station.enters()
    station.tests(station.result("1", "12.5", **said))
    assert station.lot(code).state == "released"


def test_the_record_names_the_method_whose_limit_the_instrument_used(box: Callable[..., Box]) -> None:
    station = box()
    station.enters()
    said = station.tests(station.result("1", "60", limit=Decimal("70.0"), verdict=Verdict.QUALIFIED))[0]["data"]
    assert (said["method"], said["limit"], said["verdict"]) == ("NY/T 448-2001", "70.0", "qualified")


def test_a_memory_full_of_yesterdays_results_releases_nothing_today(box: Callable[..., Box]) -> None:
    station = box()
    memory = [station.result("1", "12.50"), station.result("2", "8.00")]
    old = station.result("2", "8.00", measured_at=datetime(2016, 5, 4, 10, 0))  # noqa: DTZ001
    station.clock.go(86_400)
    today = [station.enters(), station.enters()]
    said = [event["data"] for event in station.tests(*memory, old)]
    assert [one["doubts"] for one in said] == [["before_entry"], ["before_entry"], ["device_clock"]]
    assert [station.lot(code).state for code in today] == ["pending", "pending"]
    assert {one.lot for one in station.waiting} == {""}  # nobody knows whose they are
    station.tests(station.result("1", "12.50"))
    assert station.lot(today[0]).state == "released"


def test_a_result_within_the_minute_of_the_entry_counts(box: Callable[..., Box]) -> None:
    station = box()
    station.clock.go(40)
    code = station.enters()
    at = station.clock.wall.replace(tzinfo=None, second=0, microsecond=0)
    station.tests(station.result("1", "12.5", measured_at=at))
    assert station.lot(code).state == "released"


@pytest.mark.parametrize(("ahead", "doubts"), [(timedelta(minutes=9), []), (timedelta(minutes=12), ["device_clock"])])
def test_an_instrument_whose_clock_is_ahead_is_not_believed(
    box: Callable[..., Box], ahead: timedelta, doubts: list[str]
) -> None:
    station = box()
    station.enters()
    at = station.clock.wall.replace(tzinfo=None, second=0) + timedelta(minutes=1) + ahead
    assert station.tests(station.result("1", "12.5", measured_at=at))[0]["data"]["doubts"] == doubts


def test_out_of_a_memory_without_times_a_person_says_which_are_new(box: Callable[..., Box]) -> None:
    station = box(MANY)
    station.enters()
    untimed = {"measured_at": None, "sure": True}
    assert station.tests(station.result("1", "12.5", **untimed))[0]["data"]["doubts"] == ["no_time"]
    assert station.tests(station.result("1", "12.6", **untimed), device="files")[0]["data"]["doubts"] == ["no_time"]
    assert station.tests(station.result("1", "12.7", **untimed), device="printed")[0]["data"]["doubts"] == []


def test_a_lot_that_is_decided_takes_no_further_result_by_itself(box: Callable[..., Box]) -> None:
    station = box()
    released = station.releases()
    assert station.tests(station.result("1", "3"))[0]["data"]["doubts"] == ["decided"]
    held = station.enters()
    for _ in range(3):
        station.tests(station.result(station.lot(held).sample, "80"))
    assert station.tests(station.result(station.lot(held).sample, "3"))[0]["data"]["doubts"] == ["decided"]
    assert [station.lot(code).state for code in (released, held)] == ["released", "held"]
    assert [one.lot for one in station.waiting] == [held, released]
    mixed = station.enters()
    for value in ("80", "3", "80"):
        station.tests(station.result(station.lot(mixed).sample, value))
    assert station.tests(station.result(station.lot(mixed).sample, "3"))[0]["data"]["doubts"] == ["decided"]
    assert station.lot(mixed).state == "pending"


def test_the_newest_lot_has_the_sample_number_and_no_older_one_that_was_never_tested(box: Callable[..., Box]) -> None:
    station = box()
    old = station.enters()
    station.ledger.conn.execute("UPDATE lots SET sample = '2'")
    new = station.releases()
    assert station.lot(new).sample == "2"
    assert station.tests(station.result("2", "3"))[0]["data"]["doubts"] == ["decided"]
    assert station.lot(old).state == "pending"


def test_a_lot_is_released_when_every_item_of_its_plan_is_qualified(box: Callable[..., Box]) -> None:
    station = box(MANY)
    code = station.enters()
    first = station.tests(station.result("1", "12.5"))[0]["data"]
    assert (first["verdict"], first["missing"], first["source"]) == ("qualified", ["甲醛"], None)
    assert (station.lot(code).state, station.lot(code).missing) == ("pending", ("甲醛",))
    second = station.tests(station.result("1", "4.0", item="甲醛", unit="MG/KG"))[0]["data"]
    assert (second["verdict"], second["missing"]) == ("qualified", [])
    assert station.lot(code).state == "released"
    assert station.lot(code).source == second["source"]


def test_a_lot_is_held_when_one_item_of_its_plan_is_not_qualified(box: Callable[..., Box]) -> None:
    station = box(MANY)
    code = station.enters()
    station.tests(station.result("1", "12.5"))
    station.tests(station.result("1", "12.0", item="甲醛", unit="mg/kg"))
    assert station.lot(code).state == "held"


def test_a_positive_item_stops_the_release_that_another_item_would_give(box: Callable[..., Box]) -> None:
    station = box(MANY)
    code = station.enters("02010101")
    station.tests(station.result("1", "78"))  # not in the plan, and suspect
    said = station.tests(
        station.result("1", None, item="瘦肉精", unit=None, verdict=Verdict.QUALIFIED), device="cards"
    )[0]["data"]
    assert (said["verdict"], said["missing"], said["source"]) == ("qualified", [], None)
    assert station.lot(code).state == "pending"


def test_a_result_whose_meaning_is_open_stops_the_release_until_a_person_has_said(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    station.tests(station.result("1", "9", item="亚硝酸盐", unit="mg/kg"))
    assert station.lot(code).in_doubt
    assert station.tests(station.result("1", "12.5"))[0]["data"]["verdict"] == "qualified"
    assert station.lot(code).state == "pending"
    seq = station.waiting[0].seq
    with pytest.raises(Refused, match="cannot be judged"):
        station.does(MatchResult(seq=seq, lot=code, person="张检测"))
    answer = station.does(MatchResult(seq=seq, lot=code, person="张检测", verdict="invalid"))
    assert answer["source"] == station.lot(code).source is not None
    assert station.lot(code).state == "released"


@pytest.mark.parametrize(("verdict", "state"), [("qualified", "pending"), ("unqualified", "held")])
def test_what_a_person_says_of_one_item_is_of_that_item_alone(
    box: Callable[..., Box], verdict: str, state: str
) -> None:
    station = box()
    code = station.enters()
    station.tests(station.result("1", "9", item="亚硝酸盐", unit="mg/kg"))
    station.does(MatchResult(seq=station.waiting[0].seq, lot=code, person="张检测", verdict=verdict))
    assert (station.last["data"]["item"], station.last["data"]["method"]) == ("亚硝酸盐", "")
    assert station.lot(code).state == state


def test_a_ticket_of_a_lot_with_several_items_is_read_for_one_of_them(box: Callable[..., Box]) -> None:
    station = box(MANY)
    code = station.enters()
    station.tests(Ticket(b"?", "阴性", "no layout fits", "t1"), device="printed")
    seq = station.waiting[0].seq
    with pytest.raises(Refused, match="which item"):
        station.does(MatchResult(seq=seq, lot=code, person="张检测", verdict="qualified"))
    station.does(MatchResult(seq=seq, lot=code, person="张检测", verdict="qualified", item="甲醛"))
    assert station.lot(code).missing == ("农药残留",)


def test_a_curve_is_kept_and_judged_by_nobody(box: Callable[..., Box]) -> None:
    station = box()
    station.enters()
    event = station.tests(Curve((1, 2, 3), "c1"))[0]
    assert (event["data"]["doubts"], event["data"]["text"]) == (["unread"], "1 2 3")


def test_a_result_that_nothing_proved_counts_when_it_comes_again_alike(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    once = station.result("1", "12.5", "same", sure=False)
    old = station.tests(once)[0]
    assert station.tests(replace(once, value=Decimal("12.4"))) == []  # one of the two was damaged
    assert station.lot(code).state == "pending"
    new = station.tests(once)[0]
    assert (new["data"]["replaces"], new["data"]["lot"]) == (old["id"], code)
    assert station.lot(code).state == "released"
    assert station.waiting == ()
    assert station.tests(once) == []


def test_a_result_that_its_session_has_proven_meanwhile_counts(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    once = station.result("1", "12.5", "same", sure=False)
    station.tests(once)
    station.tests(replace(once, sure=True))
    assert station.lot(code).state == "released"


def test_files_and_network_connections_prove_their_bytes(box: Callable[..., Box]) -> None:
    station = box(MANY)
    station.enters()
    assert station.tests(station.result("1", "12.5", sure=False), device="files")[0]["data"]["doubts"] == []


def test_nothing_is_decided_twice_by_the_same_waiting_result(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    station.tests(station.result("1", "-78"))
    seq = station.waiting[0].seq
    first, second = station.ask(
        MatchResult(seq=seq, lot=code, person="张检测", verdict="qualified"),
        MatchResult(seq=seq, lot=code, person="张检测", verdict="unqualified"),
    )
    assert first.result(0).verdict == "qualified"
    with pytest.raises(Refused, match="waits for a person"):
        second.result(0)
    assert station.lot(code).state == "released"


RESULTS = st.fixed_dictionaries(
    {
        "lot": st.integers(0, 2),
        "item": st.sampled_from(["农药残留", "甲醛", "亚硝酸盐"]),
        "unit": st.sampled_from(["%", "mg/kg", "mg/kg"]),
        "value": st.sampled_from(["3", "9.9", "12", "49", "51", "78", "-20", "120"]),
        "verdict": st.sampled_from([None, None, None, Verdict.QUALIFIED, Verdict.UNQUALIFIED]),
        "fresh": st.sampled_from([True, True, True, False]),
        "sure": st.sampled_from([True, True, True, False]),
        "name": st.sampled_from([None, None, "大白菜", "菠菜"]),
    }
)


class Truth:
    """What may be said of one lot, worked out anew: for each item the measurements that are surely its own."""

    def __init__(self) -> None:
        self.runs: dict[str, list[str]] = {"农药残留": [], "甲醛": []}
        self.released = self.held = self.open = False

    def hears(self, item: str, unit: str, value: str, verdict: Verdict | None, *, clean: bool, sure: bool) -> None:
        number, limit = float(value), {"农药残留": 50.0, "甲醛": 10.0}.get(item)
        fits = limit is not None and unit == {"农药残留": "%", "甲醛": "mg/kg"}[item]
        possible = fits and (-10 <= number <= 110 if unit == "%" else number >= 0)
        positive = possible and limit is not None and number >= limit
        said = {Verdict.QUALIFIED: False, Verdict.UNQUALIFIED: True, None: positive}[verdict]
        judged = possible and said == positive
        if not clean:
            return
        stops = judged and positive and self.released
        if not judged or (not sure and not stops):
            self.open = self.open or not self.decided(item)
            return
        if self.decided(item) and not stops:
            return
        self.runs[item].append("p" if positive else "n")
        if self.word(item) == "unqualified" or (self.released and self.word(item) == "suspect"):
            self.held = True
        if not self.held and not self.open and all(self.word(one) == "qualified" for one in self.runs):
            self.released = True

    def word(self, item: str) -> str:
        run, repeats = "".join(self.runs[item]).lstrip("n"), 2 if item == "农药残留" else 0
        if not self.runs[item]:
            return ""
        if not run:
            return "qualified"
        if len(run) <= repeats:
            return "suspect"
        if "n" not in run:
            return "unqualified"
        return "qualified" if "p" not in run[1:] and len(run) > 1 else "suspect"

    def decided(self, item: str) -> bool:
        if item not in self.runs or not self.runs[item]:
            return self.released or self.held
        run = "".join(self.runs[item]).lstrip("n")
        return self.word(item) != "suspect" or len(run) > 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(RESULTS, max_size=14))
def test_a_lot_is_released_only_on_measurements_that_are_surely_its_own(
    box: Callable[..., Box], said: list[dict[str, Any]]
) -> None:
    station = box(MANY)
    lots = [station.lot(station.enters()) for _ in range(3)]
    truths = [Truth() for _ in lots]
    for one in said:
        lot, truth = lots[one["lot"]], truths[one["lot"]]
        more = {name: one[name] for name in ("item", "unit", "verdict", "sure", "name")}
        if not one["fresh"]:
            more["measured_at"] = datetime(2026, 11, 21, 5, 0)  # noqa: DTZ001
        station.tests(station.result(lot.sample, one["value"], **more))
        truth.hears(
            one["item"],
            one["unit"],
            one["value"],
            one["verdict"],
            clean=one["fresh"] and one["name"] != "菠菜",
            sure=one["sure"],
        )
        state = "held" if truth.held else "released" if truth.released else "pending"
        assert station.lot(lot.test_code).state == state

"""The plan of the day: what each group asks for, how far it is done, and a draw that anybody can do again."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from edge.between.bench_commands import AskPlan, DrawSamples
from edge.between.commands import OpenLot
from edge.between.inbox import Refused
from edge.state.sampling import draw

Box = Any  # the station of tests/edge/conftest.py
PLAN = """
[[plan]]
product = "010402"
name = "叶菜"
items = ["农残", "甲醛"]
share = 50
[[plan]]
product = "01"
name = "其他蔬菜"
share = 100
"""


def test_goods_are_tested_for_what_their_group_asks(box: Callable[..., Box], devices: str) -> None:
    station = box(devices + PLAN)
    assert station.ledger.event(1)["data"]["tests"] == ["农药残留", "甲醛"] if station.enters() else None
    station.enters("01040301")
    assert station.last["data"]["tests"] == ["农药残留"]


def test_how_far_the_plan_is_done(box: Callable[..., Box], devices: str) -> None:
    station = box(devices + PLAN)
    for _ in range(3):
        station.enters()
    station.enters("01040301")
    station.tests(station.result("1", "12.5"))
    said = station.does(AskPlan())
    leaves, others = said["groups"]
    assert said["day"] == "2026-11-22"
    assert leaves == {
        "group": "叶菜",
        "product": "010402",
        "items": ["农残", "甲醛"],
        "share": 50,
        "lots": 3,
        "wanted": 2,
        "drawn": 0,
        "tested": 1,
        "missing": 1,
        "suppliers": 1,
        "suppliers_tested": 1,
    }
    assert (others["lots"], others["wanted"], others["tested"], others["missing"]) == (1, 1, 0, 1)
    assert [one.group for one in station.board.bench.coverage] == ["叶菜", "其他蔬菜"]
    assert station.board.bench.today == {"pending": 4, "all": 4, "tested": 1}
    station.clock.go(24 * 3600)
    station.turn()
    assert [one["lots"] for one in station.does(AskPlan())["groups"]] == [0, 0]


def test_the_draw_follows_from_the_record_before_it(box: Callable[..., Box], devices: str) -> None:
    station = box(devices + PLAN)
    codes = [station.enters() for _ in range(5)]
    answer = station.does(DrawSamples(group="叶菜", person="王敏"))
    record = station.last
    data = record["data"]
    assert (data["seed"], data["share"], data["group"]) == (record["prevhash"], 50, "叶菜")
    again = sorted(codes, key=lambda code: hashlib.sha256(f"{data['seed']}{code}".encode()).digest())
    assert (data["drawn"], data["passed"]) == (again[:3], again[3:])
    assert (list(answer["drawn"]), answer["released"]) == (again[:3], 0)
    station = box(devices + PLAN)
    assert {station.lot(code).sampling for code in again[:3]} == {"drawn"}
    assert {(station.lot(code).sampling, station.lot(code).state) for code in again[3:]} == {("passed", "pending")}
    with pytest.raises(Refused) as refused:
        station.does(DrawSamples(person="王敏"))
    assert refused.value.code == "nothing_to_draw"
    one = station.enters()
    assert station.does(DrawSamples(person="王敏"))["passed"] == [one]  # three of six are drawn already


def test_what_the_city_watches_is_always_drawn(box: Callable[..., Box], devices: str, mayor: Any) -> None:
    none = PLAN.replace("share = 50", "share = 0")
    station = box(devices + none, city_keys=mayor.keys)
    mayor.orders(station, "focus_list", entries=[{"product": "01040201", "reason": "上月不合格"}])
    watched = station.enters()
    assert station.does(DrawSamples(person="王敏"))["drawn"] == [watched]
    assert station.last["data"]["focus"] == [watched]


def test_a_watched_supplier_is_known_by_the_name_it_has_in_the_directory(
    box: Callable[..., Box], devices: str, mayor: Any
) -> None:
    station = box(devices + PLAN.replace("share = 50", "share = 0"), city_keys=mayor.keys)
    known = {"code": "4101080010777", "name": "王建国"}
    mayor.orders(station, "directory", mode="update", suppliers=[known])
    watched = {"product": "01040201", "supplier_code": known["code"], "reason": "上月不合格"}
    mayor.orders(station, "focus_list", entries=[watched])
    named, of_code = station.enters(), station.enters(supplier_code=known["code"])
    other = station.enters(supplier_code="4101080010888")
    assert station.does(DrawSamples(person="王敏"))["drawn"] == [named, of_code]
    data = station.last["data"]
    assert (data["focus"], data["drawn"], data["passed"]) == ([named, of_code], [], [other])


def test_what_was_passed_over_is_sold_untested_only_where_the_market_says_so(
    box: Callable[..., Box], devices: str, market: Any
) -> None:
    rule = '[gate]\nunsampled = "release"\n'
    none = rule + devices + PLAN.replace("share = 50", "share = 0")
    station = market.start("01", none)
    code = station.enters()
    assert station.does(DrawSamples(person="王敏"))["released"] == 1
    lot = station.lot(code)
    assert (lot.state, lot.sampling, lot.verdict) == ("released", "released", None)
    released = station.followed["data"]
    assert (released["verdict"], released["item"], released["tested_at"]) == ("not_applicable", "未抽检", None)
    station.puts("0.500")
    station.sells(code)
    assert station.last["data"]["sold"][0]["test"] is None
    card = market.card("01")
    stall = market.start("02", rule + devices)
    assert stall.does(OpenLot(code=card))["opened"]
    other = market.start("03")
    with pytest.raises(Refused) as refused:
        other.does(OpenLot(code=card))
    assert refused.value.code == "not_qualified"
    for _ in range(3):
        station.tests(station.result("1", "70"))
    assert station.lot(code).state == "held"


def test_the_same_seed_draws_the_same(box: Callable[..., Box]) -> None:
    station = box()
    lots = [station.lot(station.enters()) for _ in range(6)]
    assert draw(lots, 2, "a") == draw(lots[::-1], 2, "a")
    assert draw(lots, 0, "a")[0] == []


def test_a_long_days_lots_are_counted_once_a_second(box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.state.lots.FEW", 2)
    station = box()
    station.enters()
    station.enters()
    assert station.board.bench.today["all"] == 2
    station.enters()
    assert station.board.bench.today["all"] == 2
    station.clock.go(1)
    station.turn()
    assert station.board.bench.today["all"] == 3

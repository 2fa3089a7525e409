"""The table of lots: what a person asked for, and nothing else; and the plan of the day over HTTP."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from edge.between.bench_board import AlertView, AlertWord, BenchView
from edge.between.board import Board, LotView, ProductView
from edge.between.fixed_words import LotState, LotWhy
from edge.state.alerts import words_of
from edge.web.lots_table import Wanted, alarm, table
from edge.web.server import WebServer

LOT = LotView(
    test_code="41010800130100000018",
    source=None,
    state=LotState.PENDING,
    product="01040201",
    product_name="大白菜",
    origin="河南中牟",
    supplier="王建国",
    sample="1",
    net_g=1000,
    registered="2026-11-22T05:00:00.000000+08:00",
    verdict=None,
    value=None,
    unit=None,
)
POSITIVE = AlertView("41010800130100000026", "2", "01040201", "大白菜", "王建国", (AlertWord.POSITIVE,), 9)
LOTS = (
    replace(LOT, test_code="41010800130100000034", sample="3", supplier="寿光合作社", item="甲醛", verdict="qualified"),
    replace(LOT, test_code="41010800130100000026", sample="2", state=LotState.HELD, source="41010800110100000020"),
    LOT,
    replace(LOT, test_code="41010800130100000042", sample="12", registered="2026-11-21T05:00:00.000000+08:00"),
    replace(LOT, test_code="41010800130100000059", sample="", foreign=True),
)
BOARD = Board(
    lots=LOTS,
    alerts=(POSITIVE,),
    products=(ProductView("01040201", "大白菜", "Chinese cabbage", 350, 1000, found_by=("dbc",)),),
    bench=BenchView(day="2026-11-22"),
)


@pytest.mark.parametrize(
    ("query", "samples"),
    [
        ({}, ["2", "3", "1", "12"]),  # what nobody has seen first; nothing of other stations
        ({"state": "pending"}, ["3", "1", "12"]),
        ({"state": "held"}, ["2"]),
        ({"state": "needs"}, ["2"]),
        ({"state": "nonsense", "page": "-1", "day": ""}, ["2", "3", "1", "12"]),
        ({"day": "today"}, ["2", "3", "1"]),
        ({"day": "2026-11-21"}, ["12"]),
        ({"item": "甲醛"}, ["3"]),
        ({"q": "1"}, ["1"]),  # a sample number is that number alone
        ({"q": "寿光"}, ["3"]),
        ({"q": "cabb"}, ["2", "3", "1", "12"]),
        ({"q": "DBC", "state": "held"}, ["2"]),
        ({"q": "wjg"}, ["2", "1", "12"]),  # 王建国
        ({"q": "jg"}, []),
        ({"q": "00020"}, ["2"]),
        ({"q": "41010800130100000042"}, ["12"]),
        ({"q": "牟", "state": "held", "item": "甲醛"}, []),
    ],
)
def test_what_is_asked_for(query: dict[str, str], samples: list[str]) -> None:
    found = table(BOARD, Wanted.of(query))
    assert [lot.sample for lot in found.rows] == samples
    assert found.total == len(samples)


def test_a_page_of_forty() -> None:
    many = replace(BOARD, lots=tuple(replace(LOT, sample=str(n)) for n in range(95)), alerts=())
    first, last = table(many, Wanted.of({})), table(many, Wanted.of({"page": "99"}))
    assert (len(first.rows), first.pages, first.total) == (40, 3, 95)
    assert [lot.sample for lot in last.rows] == [str(n) for n in range(80, 95)]


def test_what_is_said_in_red_is_what_nobody_has_seen() -> None:
    seen = replace(POSITIVE, person="王敏")
    again = replace(POSITIVE, words=(AlertWord.REPEAT,))
    stopped = replace(POSITIVE, words=(AlertWord.STOPPED,))
    invalid = replace(POSITIVE, words=(AlertWord.INVALID,))
    said = alarm(replace(BOARD, alerts=(POSITIVE, seen, again, stopped, invalid)))
    assert (said.positive, said.repeat, said.stopped, said.any) == (1, 1, 1, True)
    assert not alarm(replace(BOARD, alerts=(seen, invalid))).any


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, ()),
        ({"state": LotState.HELD, "why": LotWhy.POSITIVE}, (AlertWord.POSITIVE,)),
        ({"state": LotState.HELD, "why": LotWhy.HELD}, ()),  # by a person, who knows
        ({"state": LotState.RELEASED, "why": LotWhy.DISPUTED}, (AlertWord.DISPUTED,)),
        ({"verdict": "suspect", "repeats_due": 2}, (AlertWord.REPEAT,)),
        ({"verdict": "suspect"}, (AlertWord.REPEAT,)),
        ({"verdict": "suspect", "whole_plant": "due"}, ()),
        ({"verdict": "invalid"}, (AlertWord.INVALID,)),
    ],
)
def test_why_a_person_has_to_look(more: dict[str, Any], words: tuple[AlertWord, ...]) -> None:
    assert words_of(replace(LOT, **more)) == words


def test_the_plan_of_the_day_over_http(core: Any, web: WebServer) -> None:
    answer = httpx.get(web.url + "/api/plan").json()
    assert answer["day"] == "2026-11-22"
    (everything,) = answer["groups"]
    assert (everything["share"], everything["lots"], everything["tested"]) == (100, 4, 3)


def test_a_part_of_the_table_over_http(core: Any, web: WebServer, until: Callable[..., None]) -> None:
    html = httpx.get(web.url + "/parts/lots?on=gate&state=held").text
    assert ('id="goods-' in html, html.count("<details>")) == (True, 1)
    assert "去查看" in httpx.get(web.url + "/parts/alerts?on=status").text
    assert "去查看" not in httpx.get(web.url + "/parts/alerts?on=gate").text

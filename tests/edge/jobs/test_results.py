"""Results find their lot once, and a person helps where no rule does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edge import views
from edge.clock import Clock
from edge.config import load
from edge.inbox import MatchResult, PlanChannel, Refused, RegisterEntry, Tested, WholePlantDone
from edge.jobs import gate, results
from edge.ledger import ALARM, Ledger
from edge.papers import PaperJob
from edge.station import Station
from protocol.readings import TestResult, Ticket, Verdict

CONFIG = """
[station]
name = "惠济市场"
jobs = ["gate"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "检测室"
[city]
brokers = ["mqtt://127.0.0.1"]
[[analyzer]]
name = "tester-1"
model = "dayuan-lz4000t"
port = "/dev/null"
[[analyzer]]
name = "tester-8"
model = "dayuan-tl310"
port = "/dev/null"
match = "channel"
[[product]]
code = "01040201"
name = "大白菜"
[[product]]
code = "01040801"
name = "韭菜"
disturbs_enzyme = true
"""


@pytest.fixture
def station(tmp_path: Path, ledger: Ledger, clock: Clock) -> Station:
    (tmp_path / "station.toml").write_text(CONFIG, "utf-8")
    printed: list[PaperJob] = []
    return Station(load(tmp_path / "station.toml"), ledger, clock, printed.append, lambda job: None)


@pytest.fixture
def enter(station: Station) -> Callable[..., str]:
    def one(product: str = "01040201") -> str:
        with station.ledger.batch():
            answer = gate.register(station, RegisterEntry(product, 1000, "河南", "李四"))
        return str(answer["test_code"])

    return one


@pytest.fixture
def say(station: Station) -> Callable[..., list[dict[str, Any]]]:
    """An instrument says something; answers the records that were new."""

    def one(device: str, *said: TestResult | Ticket) -> list[dict[str, Any]]:
        with station.ledger.batch():
            recorded = results.tested(station, Tested(device, said))
        return [station.ledger.event(record.seq) for record in recorded]

    return one


def result(sample: str | None, value: str | None, identity: str, **more: Any) -> TestResult:
    made = TestResult(
        sample=sample,
        channel=None,
        item="农药残留",
        value=None if value is None else Decimal(value),
        unit="%",
        verdict=None,
        measured_at=datetime(2026, 11, 22, 5, 0),  # noqa: DTZ001  # an instrument's clock has no zone
        identity=identity,
    )
    return replace(made, **more)


def test_a_pass_releases_the_lot_with_a_source_code(
    station: Station, enter: Callable[..., str], say: Callable[..., list[dict[str, Any]]]
) -> None:
    code = enter()
    event = say("tester-1", result("1", "12.5", "a"))[0]
    assert (event["data"]["verdict"], event["data"]["lot"]) == ("qualified", code)
    lot = station.lot(code)
    assert (lot.state, lot.source) == ("released", event["data"]["source"])
    assert station.lot(str(lot.source)).test_code == code


def test_the_same_record_again_is_not_a_second_result(
    enter: Callable[..., str], say: Callable[..., list[dict[str, Any]]]
) -> None:
    enter()
    memory = [result("1", "12.5", "a"), result("1", "12.5", "b")]
    assert len(say("tester-1", *memory)) == 2  # two equal measurements are two
    assert say("tester-1", *memory) == []
    assert len(say("tester-8", *memory)) == 2  # another instrument's identities are its own


def test_a_positive_is_repeated_twice_before_it_holds_the_lot(
    station: Station, enter: Callable[..., str], say: Callable[..., list[dict[str, Any]]]
) -> None:
    code = enter()
    verdicts, due = [], []
    for identity in "abc":
        verdicts.append(say("tester-1", result("1", "68.7", identity))[0]["data"]["verdict"])
        due.append(views.lots(station)[0].repeats_due)
    assert verdicts == ["suspect", "suspect", "unqualified"]
    assert due == [2, 1, 0]
    assert station.lot(code).state == "held"
    assert station.lot(code).source is None
    lanes = station.ledger.conn.execute("SELECT lane FROM events ORDER BY seq").fetchall()
    assert [lane for (lane,) in lanes][-1] == ALARM
    assert sum(lane for (lane,) in lanes) == ALARM


def test_a_positive_after_the_release_holds_the_lot(
    station: Station, enter: Callable[..., str], say: Callable[..., list[dict[str, Any]]]
) -> None:
    code = enter()
    say("tester-1", result("1", "12.5", "a"), result("1", "68.7", "b"))
    assert station.lot(code).state == "held"


def test_an_invalid_run_decides_nothing(
    station: Station, enter: Callable[..., str], say: Callable[..., list[dict[str, Any]]]
) -> None:
    code = enter()
    event = say("tester-1", result("1", "12.5", "a", control=Decimal("0.1")))[0]
    assert (event["data"]["verdict"], event["data"]["control"]) == ("invalid", "0.1")
    assert station.lot(code).state == "pending"


def test_a_channel_plan_finds_the_lot(
    station: Station, enter: Callable[..., str], say: Callable[..., list[dict[str, Any]]]
) -> None:
    first, second = enter(), enter()
    with station.ledger.batch():
        results.plan(station, PlanChannel("tester-8", "3", second))
        results.plan(station, PlanChannel("tester-8", "4", first))
        results.plan(station, PlanChannel("tester-8", "4", ""))
    event = say("tester-8", result("99", "12.5", "a", channel="3"))[0]
    assert event["data"]["lot"] == second
    assert station.lot(first).state == "pending"
    assert say("tester-8", result("1", "12.5", "b", channel="4"))[0]["data"]["lot"] is None
    assert views.plan(station) == ()  # the result decided: the next run in this channel is another sample


def test_a_person_says_whose_result_it_is(
    station: Station, enter: Callable[..., str], say: Callable[..., list[dict[str, Any]]]
) -> None:
    code = enter()
    old = say("tester-1", result("77", "12.5", "a"))[0]
    waiting = views.unmatched(station)[0]
    assert (waiting.sample, waiting.value) == ("77", "12.5")
    with pytest.raises(Refused, match="who you are"), station.ledger.batch():
        results.match(station, MatchResult(waiting.seq, code, " "))
    with station.ledger.batch():
        answer = results.match(station, MatchResult(waiting.seq, code, "张检测"))
    assert answer["verdict"] == "qualified"
    assert station.lot(code).source == answer["source"]
    new = station.ledger.event(station.ledger.head.seq)
    assert (new["data"]["replaces"], new["data"]["person"]) == (old["id"], "张检测")
    assert new["data"]["analyzer"] == old["data"]["analyzer"]
    assert views.unmatched(station) == ()
    with pytest.raises(Refused, match="no unmatched result"), station.ledger.batch():
        results.match(station, MatchResult(waiting.seq, code, "张检测"))


def test_a_ticket_nobody_can_read_is_kept_and_read_by_a_person(
    station: Station, enter: Callable[..., str], say: Callable[..., list[dict[str, Any]]]
) -> None:
    code = enter()
    event = say("tester-1", Ticket(b"\x1b@\xff", "样品 1\n结果 阴性", "no layout fits", "t1"))[0]
    assert event["data"]["verdict"] == "invalid"
    assert event["data"]["analyzer"]["raw"] == "1b40ff"
    waiting = views.unmatched(station)[0]
    assert waiting.text == "样品 1\n结果 阴性"
    with station.ledger.batch():
        answer = results.match(station, MatchResult(waiting.seq, code, "张检测", Verdict.QUALIFIED.value))
    assert answer["verdict"] == "qualified"


def test_a_disturbing_food_asks_for_the_whole_plant_step_and_records_it(
    station: Station, enter: Callable[..., str], say: Callable[..., list[dict[str, Any]]]
) -> None:
    code = enter("01040801")
    assert views.lots(station)[0].whole_plant == "due"
    said = [say("tester-1", result("1", "80", identity))[0]["data"] for identity in "abc"]
    assert [one["verdict"] for one in said] == ["suspect"] * 3
    assert [one["whole_plant"] for one in said] == [False] * 3
    with station.ledger.batch():
        results.whole_plant(station, WholePlantDone(code, "张检测"))
    last = say("tester-1", result("1", "82", "d"))[0]["data"]
    assert (last["whole_plant"], last["whole_plant_by"], last["verdict"]) == (True, "张检测", "unqualified")
    plain = enter()
    with pytest.raises(Refused, match="needs no"), station.ledger.batch():
        results.whole_plant(station, WholePlantDone(plain, "张检测"))


def test_hostile_texts_of_an_instrument_are_cut_to_what_a_record_holds(
    enter: Callable[..., str], say: Callable[..., list[dict[str, Any]]]
) -> None:
    event = say("tester-1", result("9" * 500, "1", "a", item="x" * 500, text="t" * 9000, raw=b"r" * 9000))[0]
    assert len(event["data"]["item"]) == 120
    assert len(event["data"]["analyzer"]["sample"]) == 40

"""The last value that is taken and the first that is refused: amounts, quantities, times, texts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from edge.between.commands import (
    LARGEST_FEN,
    AskScale,
    DismissResult,
    MatchResult,
    PlanChannel,
    RegisterEntry,
    SeeUnread,
    SetPrice,
    WholePlantDone,
)
from edge.between.inbox import Refused, Sensed
from edge.jobs import gate
from edge.jobs.lines import amount_fen
from protocol.readings import Measured, Verdict

Box = Any  # the station of tests/edge/conftest.py
CABBAGE, LEEK = "01040201", "01040801"
ENTRY: dict[str, Any] = {"product": CABBAGE, "net_g": 1000, "origin": "河南", "supplier": "李四"}


def refused(work: Callable[[], Any]) -> str:
    """The code of the refusal; empty when it was done."""
    try:
        work()
    except Refused as no:
        assert no.zh and str(no)
        return no.code
    return ""


# --- sales ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net_g", "fen", "per_g", "amount"),
    [(1250, 350, 1000, 438), (1, 500, 1000, 1), (999, 1, 2000, 0), (1000, 1, 2000, 1), (500, 999, 500, 999)],
)
def test_half_a_fen_is_rounded_up(net_g: int, fen: int, per_g: int, amount: int) -> None:
    assert amount_fen(net_g, fen, per_g) == amount


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"price_fen": LARGEST_FEN}, ""),
        ({"price_fen": 1}, ""),
        ({"seen_fen": 350}, ""),
        ({"seen_fen": 349}, "price_changed"),
        ({"seen_fen": 0}, "price_changed"),
        ({"seen_g": 1000}, ""),
        ({"tare_g": 900}, ""),
        ({"tare_g": 901}, "below_min"),
        ({"tare_g": 1000}, "tare"),
        ({"tare_g": 1}, ""),
        ({"buyer": "4101080010777"}, ""),
    ],
)
def test_one_kilogram_at_three_fifty(box: Callable[..., Box], more: dict[str, Any], code: str) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.000")
    head = station.ledger.head.seq
    assert refused(lambda: station.sells(lot, **more)) == code
    assert station.ledger.head.seq == head + (not code)


@pytest.mark.parametrize("price_fen", [1, LARGEST_FEN])
def test_a_price(box: Callable[..., Box], price_fen: int) -> None:
    station = box()
    station.does(SetPrice(product=CABBAGE, price_fen=price_fen))
    assert station.board.products[0].price_fen == price_fen
    assert box().board.products[0].price_fen == price_fen


def test_a_buyer_without_a_code_is_a_walk_in(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.000")
    station.sells(lot, buyer_name="张" * 120)
    assert station.last["data"]["buyer"] == {"code": "0" * 13, "name": "张" * 120, "stall": "", "contact": ""}


@pytest.mark.parametrize(("oversell", "codes"), [("warn", ["", "", ""]), ("refuse", ["", "lot_empty", ""])])
def test_what_is_sold_beyond_what_came_in(
    box: Callable[..., Box], counter_devices: str, oversell: str, codes: list[str]
) -> None:
    station = box(f'[stall]\noversell = "{oversell}"\n{counter_devices}')
    lot = station.releases(net_g=3000)
    over, left = [], []
    for kilograms, code in zip(("2.000", "1.500", "1.000"), codes, strict=True):
        station.puts(kilograms)
        assert refused(lambda: station.sells(lot)) == code
        over.append(station.last["data"]["sold"][0]["over_g"])
        left.append(station.lot(lot).left_g)
    if oversell == "warn":
        assert (over, left) == ([0, 500, 1000], [1000, -500, -1500])
    else:
        assert (over, left) == ([0, 0, 0], [1000, 1000, 0])
        station.puts("0.100")
        assert refused(lambda: station.sells(lot)) == "lot_empty"


def test_continuous_weighing_says_once_why_it_does_not_sell(
    box: Callable[..., Box], counter_devices: str, caplog: pytest.LogCaptureFixture
) -> None:
    station = box(f'[stall]\noversell = "refuse"\ncontinuous = "{CABBAGE}"\n{counter_devices}')

    def told() -> int:
        return len([one for one in caplog.records if "not sold" in one.getMessage()])

    for _ in range(2):
        station.puts("2.000")
    assert told() == 1
    station.releases(net_g=3000)
    station.puts("2.000")
    assert (station.last["type"].split(".")[-2], told()) == ("completed", 1)
    for _ in range(2):
        station.puts("2.000")
    assert told() == 2
    station.puts("1.000")
    assert station.last["data"]["slip"]["lines"][0]["net_g"] == 1000
    station.puts("1.000")
    assert told() == 3
    assert station.count("SELECT count(*) FROM events") == 5


def test_only_a_scale_that_may_be_written_to_is_asked(box: Callable[..., Box]) -> None:
    station = box()
    for scale, code in (("scale-1", "read_only"), ("scale-9", "no_scale")):
        assert refused(lambda scale=scale: station.does(AskScale(scale=scale, wish="tare"))) == code  # type: ignore[misc]
    assert station.ports["scale-1"].orders == []


# --- the gate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"net_g": 1}, ""),
        ({"net_g": 100_000_000}, ""),
        ({"product": "99999999"}, "no_product"),
        ({"upstream": "41010800110100010075"}, "bad_code"),
        ({"upstream": "41010800130100000018"}, "not_a_source"),
        ({"upstream": "41010800110100000010"}, "never_given"),
    ],
)
def test_an_entry(box: Callable[..., Box], change: dict[str, Any], code: str) -> None:
    station = box()
    assert refused(lambda: station.does(RegisterEntry(**(ENTRY | change)))) == code
    assert station.ledger.head.seq == (0 if code else 1)


def test_sample_numbers_begin_anew_before_they_outgrow_a_keypad(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "HIGHEST_SAMPLE", 3)
    station = box()
    assert [station.lot(station.enters()).sample for _ in range(5)] == ["1", "2", "3", "1", "2"]


@pytest.mark.parametrize(("state", "words"), [("pending", "待检"), ("released", "已放行"), ("held", "暂停销售")])
def test_a_source_code_that_is_here_already_is_said_with_its_state(
    box: Callable[..., Box], elsewhere: str, state: str, words: str
) -> None:
    station = box()
    station.enters(upstream=elsewhere)
    for number in {"pending": [], "released": ["12.5"], "held": ["12.5", "68.7"]}[state]:
        station.tests(station.result("1", number))
    with pytest.raises(Refused) as no:
        station.enters(upstream=elsewhere)
    assert no.value.code == "source_known"
    since = "2026-11-22 05:0" + str({"pending": 0, "released": 1, "held": 2}[state])
    assert words in no.value.zh and since in no.value.zh and since in str(no.value)


# --- results ----------------------------------------------------------------------------------------------------------


def test_who_decides_gives_a_name_that_a_record_holds(box: Callable[..., Box]) -> None:
    station = box()
    station.enters(LEEK)
    code = station.board.lots[0].test_code
    station.tests(station.result("77", "12.5"), station.result("78", "12.5"))
    for command, refusal in (
        (MatchResult(seq=9, lot=code, person="王"), "no_result"),
        (DismissResult(seq=9, person="王", reason="x"), "no_result"),
        (MatchResult(seq=2, lot=code, person="王", verdict="qualified"), "verdict"),
    ):
        assert refused(lambda command=command: station.does(command)) == refusal  # type: ignore[misc]
    assert [view.seq for view in station.waiting] == [3, 2]
    station.does(DismissResult(seq=2, person="王" * 40, reason="错" * 120))
    assert (station.last["data"]["person"], station.last["data"]["dismissed"]) == ("王" * 40, "错" * 120)
    station.does(WholePlantDone(lot=code, person="赵" * 40))
    station.does(MatchResult(seq=3, lot=code, person="王" * 40))
    assert (station.last["data"]["person"], station.last["data"]["whole_plant_by"]) == ("王" * 40, "赵" * 40)


@pytest.mark.parametrize(
    ("minutes", "doubts"),
    [
        (0, []),
        (10, []),
        (11, ["device_clock"]),
        (-1, []),
        (-2, ["before_entry"]),
        (-60 * 24 * 365 * 7, ["device_clock"]),
    ],
)
def test_an_instruments_own_time(box: Callable[..., Box], minutes: int, doubts: list[str]) -> None:
    station = box()
    station.enters()
    said = station.result("1", "12.5")
    at = station.clock.wall.replace(tzinfo=None) + timedelta(minutes=minutes)
    (record,) = station.tests(replace(said, measured_at=at))
    assert record["data"]["doubts"] == doubts


def test_texts_and_numbers_of_an_instrument_are_kept_as_far_as_a_record_holds_them(box: Callable[..., Box]) -> None:
    station = box()
    (record,) = station.tests(
        station.result(
            "7" * 41,
            "12.5",
            channel="9" * 40,
            item="项" * 121,
            name="菜" * 121,
            text="文" * 4001,
            raw=b"r" * 4097,
            peer="p" * 41,
            unit="%" * 41,
        )
    )
    data, own = record["data"], record["data"]["analyzer"]
    assert (own["sample"], own["channel"]) == ("7" * 39 + "…", "9" * 40)
    assert (data["item"], own["goods"], data["text"]) == ("项" * 120, "菜" * 120, "文" * 4000)
    assert (own["raw"], own["peer"], data["unit"]) == ("72" * 4096, "p" * 40, "%" * 40)
    (record,) = station.tests(station.result("1" * 40, "0.1234567890123456789"))
    assert record["data"]["analyzer"]["sample"] == "1" * 40
    assert record["data"]["text"] == "0.1234567890123456789"
    assert Decimal("0.123456") < Decimal(record["data"]["value"]) < Decimal("0.123457")


@pytest.mark.parametrize(
    ("text", "number", "kept"),
    [("\x1f", "0", ""), ("\x1f", "0.1234567890123456789", "0.1234567890123456789"), ("", "0", ""), (None, "0", None)],
)
def test_a_text_of_which_nothing_is_left_is_not_kept_as_it_was(
    box: Callable[..., Box], text: str | None, number: str, kept: str | None
) -> None:
    station = box()
    (record,) = station.tests(station.result("77", number, text=text))
    assert record["data"]["text"] == kept


def test_a_channel_is_free_for_the_next_sample_when_its_run_decided(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    long = "通" * 40
    station.does(PlanChannel(analyzer="tester-8", channel=long, lot=code))
    assert station.board.plan == (("tester-8", long, code),)
    station.does(PlanChannel(analyzer="tester-8", channel="3", lot=code))
    plan = station.board.plan
    station.tests(station.result(None, "68.7", channel="3", verdict=Verdict.UNQUALIFIED), device="tester-8")
    assert station.lot(code).verdict == "suspect"
    assert station.board.plan == plan
    station.tests(station.result(None, "12.5", channel="3"), device="tester-8")
    station.tests(station.result(None, "12.5", channel="3"), device="tester-8")
    assert station.lot(code).verdict == "qualified"
    assert station.board.plan == (("tester-8", long, code),)


def test_what_nobody_can_judge_asks_for_a_verdict(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    station.tests(station.result("1", "12.5", unit="mg/kg"))
    (view,) = station.waiting
    assert (view.why, view.lot, view.asks_verdict) == (("unit",), code, True)
    assert station.lot(code).in_doubt
    assert refused(lambda: station.does(MatchResult(seq=view.seq, lot=code, person="王"))) == "verdict"
    assert station.waiting == (view,)
    station.does(MatchResult(seq=view.seq, lot=code, person="王", verdict="invalid"))
    data = station.last["data"]
    assert (data["outcome"], data["verdict"], data["doubts"], data["unit"]) == ("invalid", "invalid", [], "mg/kg")
    assert (station.lot(code).state, station.lot(code).in_doubt, station.waiting) == ("pending", False, ())


def test_a_limit_that_the_instrument_stated_holds_when_a_person_says_whose_it_is(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    station.tests(station.result("77", "45", limit=Decimal("40"), control=Decimal("0.8"), text="45 %", raw=b"\x05"))
    station.does(MatchResult(seq=2, lot=code, person="王"))
    data = station.last["data"]
    assert (data["limit"], data["limit_basis"], data["outcome"], data["verdict"]) == (
        "40",
        "instrument",
        "positive",
        "suspect",
    )
    assert (data["control"], data["text"], data["analyzer"]["raw"]) == ("0.8", "45 %", "05")


@pytest.mark.parametrize(
    ("change", "field"),
    [({"origin": "河" * 200}, "origin"), ({"supplier": "河" * 200}, "supplier")],
)
def test_a_value_that_no_record_holds_is_named(box: Callable[..., Box], change: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as no:
        box().does(RegisterEntry.model_construct(**(ENTRY | change)))
    assert no.value.code == "bad_value"
    assert no.value.zh.startswith(f"{field} ") and str(no.value).startswith(f"{field}: ")


def test_a_doubted_result_says_whose_it_would_be_and_a_decided_item_takes_no_other(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters(LEEK)
    station.tests(station.result("1", "12.5"))
    (again,) = station.tests(station.result("1", "13.5"))
    assert (again["data"]["doubts"], again["data"]["proposed"], again["data"]["lot"]) == (["decided"], code, None)
    (other,) = station.tests(station.result("77", "13.5"))
    assert (other["data"]["doubts"], other["data"]["proposed"]) == (["no_lot"], None)
    (unit,) = station.tests(station.result("1", "13.5", unit="mg/kg"))
    assert unit["data"]["proposed"] == code


def test_who_has_seen_what_failed_gives_a_name(box: Callable[..., Box]) -> None:
    station = box()
    station.turn(Sensed("nobody", Measured("temperature", Decimal("4.1"), "Cel")))
    (view,) = station.board.unread
    assert station.board.unread == (view,)
    station.does(SeeUnread(upto=view.number, person=" 王 "))
    assert station.board.unread == ()
    ((kind, raw, person),) = station.ledger.conn.execute("SELECT kind, raw, person FROM unread")
    assert (kind, person) == ("reading", "王")
    assert b"temperature" in raw

"""Round the sale: shifts, the prices of a day, the register of scales, and the timetable."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pytest

from edge.between.commands import Command, Sell
from edge.between.correction_commands import VoidSale
from edge.between.day_commands import CloseShift, ShowCustomer
from edge.between.inbox import Refused
from edge.documents.day import summary
from edge.jobs.timed import TIMED, Timed
from edge.records.days import Sum
from edge.records.ledger import ALARM
from edge.state.tally import SAVED_EVERY
from protocol.city.day_events import ScaleRegistered


def refused(station: Any, command: Command) -> str:
    with pytest.raises(Refused) as why:
        station.does(command)
    return why.value.code


def sold(station: Any, kilograms: str = "1.000", **more: Any) -> dict[str, Any]:
    station.puts(kilograms)
    answer: dict[str, Any] = station.sells(
        next(lot.source for lot in station.board.lots if lot.source and lot.product == "01040201"), **more
    )
    return answer


def closes(station: Any, **more: Any) -> dict[str, Any]:
    shift = station.board.shift
    seen = {"number": shift.number, "seen_slips": shift.slips, "seen_fen": shift.amount_fen}
    answer: dict[str, Any] = station.does(CloseShift(**{**seen, "person": "王敏", **more}))
    return answer


# --- the day ----------------------------------------------------------------------------------------------------------


def test_the_board_has_todays_figures_right_after_each_deed_and_after_a_restart(box: Callable[..., Any]) -> None:
    station = box()
    station.releases()
    first, _ = sold(station, "1.250"), sold(station, "2.000")
    day = station.board.day
    assert (day.date, day.counted, day.slips, day.net_g, day.amount_fen) == ("2026-11-22", True, 2, 3250, 1138)
    assert (day.entries, day.tested, day.positive, day.verdicts) == (1, 1, 0, (("qualified", 1),))
    assert [(row.name, row.net_g, row.amount_fen, row.lines) for row in day.products] == [("大白菜", 3250, 1138, 2)]
    station.does(VoidSale(tx=first["tx"], reason="错"))
    day = station.board.day
    assert (day.slips, day.voids, day.voided_fen, day.net_g, day.amount_fen) == (2, 1, 438, 2000, 700)
    assert [(row.kind, row.slips, row.amount_fen) for row in day.payments] == [("", 1, 700)]
    again = box()
    assert again.board.day == day


def test_a_day_begins_with_nothing_and_a_day_before_is_counted_again_when_the_clock_goes_back(
    box: Callable[..., Any],
) -> None:
    station = box()
    station.releases()
    sale = sold(station)
    station.clock.go(19 * 3600)
    station.turn()
    assert (station.board.day.date, station.board.day.slips) == ("2026-11-23", 0)
    station.does(VoidSale(tx=sale["tx"], reason="错"))
    assert (station.board.day.net_g, station.board.day.amount_fen) == (-1000, -350)
    station.clock.wall = station.clock.wall.replace(day=22)
    station.turn()
    assert (station.board.day.date, station.board.day.slips, station.board.day.amount_fen) == ("2026-11-22", 1, 350)


def test_the_paper_of_the_day_says_the_same(box: Callable[..., Any]) -> None:
    station = box()
    station.releases()
    sold(station)
    day = station.board.day
    paper = summary(station.ledger.conn, day.date, station.ledger.head.seq, {"name": "李秀兰"})
    assert paper["time"] == station.last["time"]
    assert (paper["data"]["sales"], paper["data"]["net_g"], paper["data"]["amount_fen"]) == (1, 1000, 350)
    assert paper["data"]["seller"] == {"name": "李秀兰"} and paper["data"]["payments"] == []


def test_records_that_others_wrote_are_counted_too(box: Callable[..., Any]) -> None:
    station = box()
    station.releases()
    sale = sold(station)
    tally = station.core._station.tally
    heard, tally.take = tally.take, lambda recorded: None
    sold(station)
    tally.take = heard
    station.does(VoidSale(tx=sale["tx"], reason="错"))
    station.turn()
    assert (station.board.day.slips, station.board.day.voids) == (2, 1)
    assert (station.board.shift.slips, station.board.shift.voids) == (2, 1)


def test_a_record_that_cannot_be_read_costs_no_other(box: Callable[..., Any]) -> None:
    station = box()
    station.releases()
    sold(station)
    first = next(n for n in range(1, 99) if station.ledger.event(n)["type"].endswith("trade.completed.v1"))
    sold(station)
    with station.ledger.batch():
        body = station.ledger.body(first).replace(b'"slip"', b'"slap"')
        station.ledger.conn.execute("UPDATE events SET body = ? WHERE seq = ?", (body, first))
        station.ledger.conn.execute("UPDATE events SET body = ? WHERE seq = ?", (b"x", 2))
    again = box()
    assert (again.board.day.slips, again.board.shift.slips, again.board.day.counted) == (1, 1, True)
    assert summary(again.ledger.conn, "2026-11-22", again.ledger.head.seq)["data"]["sales"] == 1


# --- the shift --------------------------------------------------------------------------------------------------------


def test_a_shift_is_closed_as_it_was_seen_and_the_next_one_is_open(box: Callable[..., Any]) -> None:
    station = box()
    station.releases()
    voided, _ = sold(station, "1.250"), sold(station, "2.000")
    station.does(VoidSale(tx=voided["tx"], reason="错"))
    assert station.board.shift.expected_fen == 700
    station.all_out()
    answer = closes(station, counted_fen=650)
    assert answer["number"] == 1 and answer["difference_fen"] == -50 and answer["job"]
    record = station.last
    assert record["type"].endswith("shift.closed.v1") and record["subject"] == "410108001-01"
    assert record["data"] == {
        "number": 1,
        "first": 1,
        "last": station.ledger.head.seq - 1,
        "since": station.ledger.event(1)["time"],
        "slips": 2,
        "voids": 1,
        "voided_fen": 438,
        "typed": 0,
        "net_g": 2000,
        "amount_fen": 700,
        "payments": [{"kind": "", "slips": 1, "amount_fen": 700}],
        "counted_fen": 650,
        "expected_fen": 700,
        "difference_fen": -50,
        "seller": {"code": "4101080010123", "name": "李秀兰蔬菜", "stall": "A-12", "contact": ""},
        "clock_trusted": True,
        "person": "王敏",
    }
    assert answer == {
        "seq": int(record["sequence"]),
        "number": 1,
        "slips": 2,
        "net_g": 2000,
        "amount_fen": 700,
        "difference_fen": -50,
        "job": answer["job"],
    }
    assert station.papers()[-1] == ("shift", 0)
    shift = station.board.shift
    assert (shift.number, shift.slips, shift.since) == (2, 0, "")
    again = box()
    assert again.board.shift == shift
    sold(again)
    assert closes(again)["number"] == 2
    assert again.last["data"]["first"] == answer["seq"] + 1


def test_a_shift_that_is_another_one_by_now_stays_open(box: Callable[..., Any]) -> None:
    station = box()
    station.releases()
    assert refused(station, CloseShift(number=1, seen_slips=0, seen_fen=0, person="王敏")) == "shift_empty"
    sold(station)
    assert refused(station, CloseShift(number=1, seen_slips=0, seen_fen=0, person="王敏")) == "shift_changed"
    assert refused(station, CloseShift(number=1, seen_slips=1, seen_fen=351, person="王敏")) == "shift_changed"
    assert refused(station, CloseShift(number=2, seen_slips=1, seen_fen=350, person="王敏")) == "shift_closed"
    closes(station)
    assert refused(station, CloseShift(number=1, seen_slips=1, seen_fen=350, person="王敏")) == "shift_closed"
    station.core._station.tally._shift_left = [(1, 10**6)]
    assert refused(station, CloseShift(number=2, seen_slips=0, seen_fen=0, person="王敏")) == "still_counting"


def test_what_is_sold_in_the_same_moment_is_of_the_shift_and_two_that_close_it_close_it_once(
    box: Callable[..., Any],
) -> None:
    station = box()
    lot = station.lot(station.releases()).source
    earlier = sold(station)["tx"]
    station.puts("1.000")
    close = CloseShift(number=1, seen_slips=2, seen_fen=700, person="王敏")
    done, first, second, voided, third = station.ask(
        Sell(scale="scale-1", product="01040201", lot=lot),
        close,
        close,
        VoidSale(tx=earlier, reason="错"),
        CloseShift(number=2, seen_slips=0, seen_fen=-350, person="王敏"),
    )
    assert done.result(0).tx and first.result(0).slips == 2
    with pytest.raises(Refused) as why:
        second.result(0)
    assert why.value.code == "shift_closed"
    assert voided.result(0).seq == first.result(0).seq + 1 and third.result(0).number == 2
    assert (station.board.shift.number, station.board.shift.slips) == (3, 0)


def test_a_shift_that_could_not_be_written_is_still_open(box: Callable[..., Any]) -> None:
    station = box()
    station.releases()
    sold(station)
    shift = station.board.shift
    station.ledger.conn.execute("PRAGMA query_only = 1")  # as of a card that lets nothing be written any more
    close = CloseShift(number=1, seen_slips=1, seen_fen=350, person="王敏")
    assert refused(station, close) == "disk_fails"
    station.turn()
    assert station.board.shift == shift
    station.ledger.conn.execute("PRAGMA query_only = 0")
    assert closes(station)["number"] == 1


def test_a_long_shift_is_not_counted_anew_at_each_start(box: Callable[..., Any]) -> None:
    station = box()
    station.releases()
    sold(station)
    tally = station.core._station.tally
    tally._saved = tally._taken - SAVED_EVERY
    station.clock.go(60)
    station.turn()
    assert not tally.to_save
    kept = station.ledger.conn.execute("SELECT upto, sum FROM shift_counted").fetchone()
    assert kept[0] == station.ledger.head.seq and Sum.of(kept[1]).slips == 1
    again = box()
    assert again.board.shift.slips == 1 and again.core._station.tally._shift_left == []
    closes(again)
    assert box().board.shift.slips == 0  # what was kept is of the shift before


# --- the prices of a day ----------------------------------------------------------------------------------------------

REPORTS = '[stall]\nprice_report = "18:00"\n'


def at(station: Any, time: str) -> None:
    station.clock.go((datetime.fromisoformat(f"{time}+08:00") - station.clock.wall).total_seconds())
    station.turn()


def reports(station: Any) -> list[dict[str, Any]]:
    events = (station.ledger.event(seq) for seq in range(1, station.ledger.head.seq + 1))
    return [event["data"] for event in events if event["type"].endswith("price.daily.v1")]


def test_the_prices_of_a_day_are_recorded_once_at_the_set_time(box: Callable[..., Any], devices: str) -> None:
    station = box(REPORTS + devices)
    station.releases()
    tomatoes = station.lot(station.releases("01040301")).source
    voided, _ = sold(station, "5.000", price_fen=900), sold(station, "1.000", price_fen=300)
    sold(station, "2.000", price_fen=400)
    station.puts("1.000")
    station.sells(tomatoes, "01040301")
    station.does(VoidSale(tx=voided["tx"], reason="错"))
    at(station, "2026-11-22T17:59:00")
    assert reports(station) == []
    at(station, "2026-11-22T18:00:00")
    (said,) = reports(station)
    assert (said["date"], said["until"], said["clock_trusted"], said["late"]) == ("2026-11-22", "18:00", True, False)
    cabbage, tomato = said["prices"]
    assert (cabbage["mean_fen"], cabbage["min_fen"], cabbage["max_fen"]) == (367, 300, 400)
    assert (cabbage["lines"], cabbage["net_g"], cabbage["amount_fen"]) == (2, 3000, 1100)
    assert (tomato["goods"]["name"], tomato["mean_fen"], tomato["lines"]) == ("西红柿", 398, 1)  # of 1.99 for 500 g
    board = station.board.reference_prices
    assert (board.date, board.trusted, board.prices[0].name, board.prices[0].mean_fen) == (
        *("2026-11-22", True, "大白菜", 367),
    )
    sold(station)  # in the evening
    at(station, "2026-11-22T20:00:00")
    again = box(REPORTS + devices)
    at(again, "2026-11-22T21:00:00")
    again.clock.wall = again.clock.wall.replace(hour=17)
    at(again, "2026-11-22T18:30:00")
    assert len(reports(again)) == 1
    assert again.board.reference_prices == board


def test_a_day_that_was_missed_is_reported_at_the_next_start(box: Callable[..., Any], devices: str) -> None:
    station = box(REPORTS + devices)
    station.releases()
    sold(station)
    station.clock.go(2 * 86_400)
    station.clock.worth = "unsynced"
    again = box(REPORTS + devices)
    again.turn()
    (said,) = reports(again)
    assert (said["date"], said["late"], said["clock_trusted"]) == ("2026-11-22", True, False)
    assert again.board.reference_prices.trusted is False
    again.clock.go(60)
    again.turn()
    assert len(reports(again)) == 1


def test_prices_are_not_reported_where_nobody_asked_for_it(box: Callable[..., Any]) -> None:
    station = box()
    station.releases()
    sold(station)
    at(station, "2026-11-22T23:59:00")
    assert reports(station) == [] and station.board.reference_prices is None


# --- the register of scales -------------------------------------------------------------------------------------------


def register(station: Any) -> list[dict[str, Any]]:
    events = (station.ledger.event(seq) for seq in range(1, station.ledger.head.seq + 1))
    return [event["data"] for event in events if ".scale." in event["type"]]


def test_a_scale_of_the_register_is_recorded_when_it_is_another_one(box: Callable[..., Any], devices: str) -> None:
    station = box()
    station.turn()
    assert register(station) == []  # nothing was entered for it
    entered = devices.replace('name = "scale-1"', 'name = "scale-1"\nmaker = "某衡器厂"\nserial = "08817"\nseal = "Q1"')
    station = box(entered)
    station.turn()
    (said,) = register(station)
    assert (said["scale"], said["maker"], said["serial"], said["e"]) == ("scale-1", "某衡器厂", "08817", "5 g")
    assert (said["active"], said["changed"], said["person"]) == (True, [], None)
    assert station.board.register[0].seq == station.ledger.head.seq
    station.clock.go(60)
    station.turn()
    assert len(register(box(entered))) == 1
    resealed = entered.replace('seal = "Q1"', 'seal = "Q2"\ncertificate = "J-2"')
    station = box(resealed)
    station.turn()
    assert register(station)[-1]["changed"] == ["certificate", "seal"]
    station.releases()
    sold(station)
    weighed = station.last["data"]["sold"][0]["weighed"]
    assert (weighed["serial"], weighed["certificate"]) == ("08817", "J-2")
    without = resealed.replace('name = "scale-1"', 'name = "scale-9"')
    station = box(without)
    station.turn()
    assert [(one["scale"], one["active"]) for one in register(station)[-2:]] == [("scale-9", True), ("scale-1", False)]
    station = box(without)
    station.turn()
    assert len(register(station)) == 4
    assert ScaleRegistered.model_validate(register(station)[-1])


def test_a_verification_that_ends_soon_is_an_alarm_once_and_one_that_ended_another(
    box: Callable[..., Any], devices: str
) -> None:
    soon = devices.replace("2027-06-30", "2026-12-20")
    station = box(soon)
    station.turn()
    (said,) = register(station)
    assert (said["scale"], said["verified_until"], said["expired"]) == ("scale-1", "2026-12-20", False)
    lane = station.ledger.conn.execute("SELECT lane FROM events WHERE seq = ?", (station.ledger.head.seq,)).fetchone()
    assert lane == (ALARM,)
    assert station.board.register[0].verification == "soon"
    station.clock.go(86_400)
    station = box(soon)
    station.turn()
    assert len(register(station)) == 1
    station.clock.go(29 * 86_400)
    station.turn()
    station.clock.go(86_400)
    station.turn()
    assert [one["expired"] for one in register(station)] == [False, True]
    assert station.board.register[0].verification == "expired"
    station.clock.worth = "unsynced"
    station = box(devices.replace("2027-06-30", "2026-12-22"))
    station.turn()
    assert len(register(station)) == 2  # nobody can say what day it is


# --- the customer's screen --------------------------------------------------------------------------------------------


def test_the_customer_sees_what_was_chosen_and_the_slip_until_the_next_goods(box: Callable[..., Any]) -> None:
    station = box()
    code = station.releases()
    station.weighs("0.000")
    assert station.does(ShowCustomer(scale="scale-1", product="01040201", lot=code)) == {"product": "01040201"}
    view = station.board.customer
    assert (view.scale, view.name, view.origin, view.price_fen) == ("scale-1", "大白菜", "河南中牟", None)
    said = {"scale": "scale-1", "price_fen": 398, "tare_g": 50, "net_g": 950, "pieces": 3}
    station.does(ShowCustomer(product="01040301", **said))
    tomatoes = {"product": "01040301", "name": "西红柿", "name_en": "", "origin": "", "per_g": 500}
    shown = asdict(station.board.customer)
    assert {name: shown[name] for name in (said | tomatoes)} == said | tomatoes
    station.does(ShowCustomer(scale="scale-1", product="01040201", lot=code))
    assert station.board.customer.name_en == "Chinese cabbage"
    sale = sold(station)
    shown = station.board.customer.sold
    assert (shown.tx, shown.amount_fen, shown.lines) == (
        sale["tx"],
        350,
        (("大白菜", "Chinese cabbage", 1000, 0, 350),),
    )
    assert shown.url == sale["url"]
    station.weighs("0.000")
    assert station.board.customer.sold == shown
    station.does(ShowCustomer(scale="scale-1", product="01040201", lot=code))
    assert station.board.customer.sold == shown
    station.weighs("2.000")
    assert station.board.customer.sold is None
    sale = sold(station)
    station.does(VoidSale(tx=sale["tx"], reason="错"))
    assert station.board.customer.sold is None
    sold(station)
    assert station.does(ShowCustomer(scale="scale-1")) == {"product": ""}
    assert station.board.customer.sold and not station.board.customer.product
    station.does(ShowCustomer(scale="scale-1", product="01040301"))
    assert station.board.customer.sold is None
    sold(station)
    station.clock.go(121)
    station.turn()
    assert station.board.customer.sold is None


def test_the_customer_is_shown_nothing_that_is_not_here(box: Callable[..., Any]) -> None:
    station = box()
    assert refused(station, ShowCustomer(scale="scale-9")) == "no_scale"
    assert refused(station, ShowCustomer(scale="scale-1", product="99999999")) == "no_product"
    assert refused(station, ShowCustomer(scale="scale-1", product="01040201", lot="1" * 20)) == "bad_code"


# --- the timetable ----------------------------------------------------------------------------------------------------


def test_what_fails_in_its_time_is_kept_and_tried_again_later(
    box: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def fails(station: Any) -> None:
        tried.append(station.clock.steady())
        raise ValueError("a mistake of ours")

    monkeypatch.setitem(TIMED, "test", Timed(lambda station: True, fails))
    station = box()
    begun = len(tried)
    assert begun == 1 and station.board.unread[0].kind == "program"
    station.clock.go(5)
    station.turn()
    assert len(tried) == 1
    station.clock.go(30)
    station.turn()
    assert len(tried) == 2
    station.puts("1.000")  # and weights go on
    assert station.scale.sellable

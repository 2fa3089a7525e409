"""A supervisor holds a lot and ends its hold: what a test holds by a recheck alone that was no rapid test."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from edge.between.commands import HandLot, HoldLot, MatchResult, OpenLot, PrintDocument, ReleaseLot, Sell
from edge.between.correction_commands import CorrectResult
from edge.between.held_commands import TypeVerdict
from edge.between.inbox import CityMessage, Refused
from edge.between.people import Role, Who
from edge.state.stops import CITY
from protocol.city.envelope import kind_of
from protocol.city.topics import Topics

Box = Any  # the station of tests/edge/conftest.py
Market = Any
RECHECK = {"report_no": "JC-2026-1122-08", "laboratory": "郑州市食品检验所", "method": "GB 23200.121-2021"}
WANG = {"person": "王敏"}


def refused(station: Box, command: Any, **more: Any) -> str:
    with pytest.raises(Refused) as told:
        station.does(command, **more)
    return str(told.value.code)


def held(lot: str) -> HoldLot:
    return HoldLot(lot=lot, reason="消费者投诉", **WANG)


def ended(lot: str) -> ReleaseLot:
    return ReleaseLot(lot=lot, reason="核实无误", **WANG)


def found(lot: str, conclusion: Any = "qualified", **more: Any) -> TypeVerdict:
    """What the laboratory's report says."""
    said = {**RECHECK, "item": "农药残留", "concluded": "2026-11-22"} | more
    return TypeVerdict(lot=lot, conclusion=conclusion, **said, **WANG)


def rechecked(station: Box, lot: str) -> dict[str, Any]:
    """A laboratory finds it conforming, and a supervisor ends the hold."""
    station.does(found(lot))
    return dict(station.does(ended(lot)))


def sale(lot: str | None) -> Sell:
    return Sell(scale="scale-1", product="01040201", lot=lot or "")


def kinds(station: Box, count: int) -> list[str]:
    head = station.ledger.head.seq
    return [kind_of(station.ledger.event(seq)["type"]) for seq in range(head - count + 1, head + 1)]


def newest(station: Box, kind: str) -> dict[str, Any]:
    made = (station.ledger.event(seq) for seq in range(station.ledger.head.seq, 0, -1))
    return dict(next(one for one in made if kind_of(one["type"]) == kind))


def positive(station: Box, lot: str) -> None:
    """Its test is positive as often as the method asks."""
    for _ in range(3):
        if station.lot(lot).state != "held":
            station.tests(station.result(station.lot(lot).sample, "68.7"))


# --- held by a person -------------------------------------------------------------------------------------------------


def test_a_supervisor_holds_a_lot_and_ends_it(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    source = station.lot(lot).source
    station.puts("1.500")
    answer = station.does(held(lot))
    record = newest(station, "lot.held")
    assert int(record["sequence"]) == answer["seq"]
    assert (record["data"]["person"], record["data"]["why"], record["data"]["test"]) == ("王敏", "消费者投诉", None)
    assert record["data"]["source"] == source
    assert answer["job"] and station.papers()[-1] == ("hold", 0)
    view = station.lot(lot)
    assert (view.state, view.why, view.stop, view.own_hold, view.asks_recheck) == (
        *("held", "held", "消费者投诉"),
        *(True, False),
    )
    assert refused(station, sale(source)) == "lot_held"
    assert refused(station, HandLot(lot=lot, net_g=1000, to="4101080010103")) == "lot_held"
    assert refused(station, held(lot)) == "already_held"
    said = station.does(ended(lot))
    assert (said["state"], said["source"], said["stopped"]) == ("released", source, False)
    assert kinds(station, 1) == ["lot.resumed"]
    assert newest(station, "lot.resumed")["data"]["person"] == "王敏"
    station = box()
    assert (station.lot(lot).why, station.lot(lot).own_hold) == ("", False)
    assert refused(station, ended(lot)) == "not_held"
    station.puts("1.500")
    assert station.sells(source)["left_g"] == 248_500


def test_a_held_lot_s_papers_are_found_by_its_newest_records(box: Callable[..., Box]) -> None:
    station = box()
    lot, free = station.releases(), station.releases()
    answer = station.does(held(lot))
    holds = station.core._station.holds
    assert (holds.records(lot), holds.records(free)) == ({answer["seq"]}, set())


def test_who_may(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    seller = Who("7", frozenset({Role.OPERATOR}), "李四")
    assert refused(station, held(lot), who=seller) == "needs_supervisor"
    station.does(held(lot), who=Who("7", frozenset({Role.OPERATOR}), "李四", "1", frozenset({Role.SUPERVISOR})))
    event = newest(station, "lot.held")
    assert (event["operator"], event["approvedby"], event["data"]["person"]) == ("7", "1", "李四")
    assert refused(station, ended(lot), who=seller) == "needs_supervisor"


def test_a_lot_that_waits_for_its_test_waits_again(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.enters()
    station.does(held(lot))
    said = station.does(ended(lot))
    assert (said["state"], said["source"]) == ("pending", None)
    station.does(held(lot))
    station.tests(station.result(station.lot(lot).sample, "12.5"))
    station.does(MatchResult(seq=station.waiting[0].seq, lot=lot, **WANG))
    assert (station.lot(lot).state, station.lot(lot).source) == ("held", None)
    said = station.does(ended(lot))
    assert (said["state"], kinds(station, 2)) == ("released", ["lot.resumed", "lot.released"])
    assert said["source"] == station.lot(lot).source


def test_goods_by_a_code_from_elsewhere_come_back_by_a_reason(box: Callable[..., Box], elsewhere: str) -> None:
    station = box('[gate]\nunchecked = "accept"\n[[product]]\ncode = "01040201"\nname = "大白菜"\n')
    lot = station.enters(upstream=elsewhere)
    station.does(held(lot))
    assert station.lot(lot).asks_recheck is False
    assert station.does(ended(lot))["source"] == elsewhere
    assert kinds(station, 1) == ["lot.resumed"]


# --- held by a test ---------------------------------------------------------------------------------------------------


def test_a_positive_ends_by_a_recheck_alone(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.enters()
    positive(station, lot)
    assert (station.lot(lot).why, station.lot(lot).asks_recheck) == ("positive", True)
    assert refused(station, ended(lot)) == "recheck_missing"
    for rapid in ("快速检测", "胶体金卡", "GB/T 5009.199-2003", "KJ 202510", "Rapid strip", "酶抑制率法"):
        assert refused(station, found(lot, method=rapid)) == "rapid_method"
    assert refused(station, found(lot, method_kind="rapid")) == "rapid_method"
    said = rechecked(station, lot)
    assert kinds(station, 3) == ["lot.disposed", "lot.resumed", "lot.released"]
    decided = newest(station, "lot.disposed")["data"]
    assert (decided["decision"], decided["mass_g"], decided["person"]) == ("released_after_recheck", 250_000, "王敏")
    assert (decided["recheck_no"], decided["laboratory"], decided["method"]) == tuple(RECHECK.values())
    released = newest(station, "lot.released")["data"]
    assert (released["source"], released["verdict"], released["item"]) == (
        said["source"],
        "qualified",
        "农药残留（复检）",
    )
    view = station.lot(lot)
    assert (view.state, view.verdict, view.value, view.rechecked) == ("released", "qualified", None, True)
    assert ("disposal", 0) in station.papers()
    station.all_out()
    station.does(PrintDocument(paper="disposal", subject=lot))
    station.puts("1.500")
    station.sells(said["source"])
    test = newest(station, "trade.completed")["data"]["sold"][0]["test"]
    assert (test["verdict"], test["item"], test["value"]) == ("qualified", "农药残留（复检）", None)


def test_a_positive_after_the_recheck_holds_it_again(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    source = station.lot(lot).source
    positive(station, lot)
    assert rechecked(station, lot)["source"] == source
    assert kinds(station, 2) == ["lot.disposed", "lot.resumed"]
    station = box()
    assert station.lot(lot).why == ""
    station.tests(station.result(station.lot(lot).sample, "71.0"))
    assert (station.lot(lot).why, station.lot(lot).rechecked) == ("positive", False)
    assert refused(station, ended(lot)) == "recheck_missing"


def test_a_person_s_hold_of_a_rechecked_lot_ends_by_a_reason(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    positive(station, lot)
    rechecked(station, lot)
    station.does(held(lot))
    assert station.does(ended(lot))["state"] == "released"


def test_what_speaks_for_it_no_more_asks_for_a_recheck(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.500")
    station.sells(station.lot(lot).source)
    result = next(seq for seq in range(1, 99) if kind_of(station.ledger.event(seq)["type"]) == "test.result")
    station.does(CorrectResult(seq=result, reason="样品号输错"))
    assert (station.lot(lot).why, station.lot(lot).asks_recheck) == ("held", True)
    assert refused(station, ended(lot)) == "recheck_missing"
    rechecked(station, lot)
    released = newest(station, "lot.resumed")["data"]
    assert released["source"] == station.lot(lot).source
    card = station.does(HandLot(lot=lot, net_g=1000, to="4101080010102"))
    assert card["url"] and newest(station, "lot.handed")["data"]["item"] == "GB 23200.121-2021（复检）"


def test_a_result_that_waits_is_settled_first(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.does(held(lot))
    lots = station.core._station.lots
    station.ledger.conn.execute("INSERT INTO unmatched VALUES (1, 'tester-1', 'unread', ?)", (lot,))
    assert lots.blocked(lots.find(lot))
    assert refused(station, ended(lot)) == "result_waits"


def test_a_number_of_a_person_enters_no_record(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    assert refused(station, HoldLot(lot=lot, reason="投诉人 13812345678", **WANG)) == "personal_number"


# --- the other stations -----------------------------------------------------------------------------------------------


@pytest.fixture
def gate(market: Market) -> Box:
    return market.start("01")


@pytest.fixture
def stall(market: Market, gate: Box) -> Box:
    return market.start("02")


def test_siblings_hear_of_hold_and_end(gate: Box, stall: Box, market: Market) -> None:
    lot = gate.releases()
    stall.does(OpenLot(code=market.card("01")))
    gate.does(held(lot))
    market.carry()
    assert (stall.lot(lot).why, stall.lot(lot).stop) == ("stopped", "消费者投诉")
    assert stall.lot(lot).own_hold is False
    with pytest.raises(Refused) as why:
        stall.does(ended(lot))
    assert (why.value.code, "消费者投诉" in why.value.zh) == ("lot_stopped", True)
    market.clock.go(1)
    gate.does(ended(lot))
    market.carry()
    assert stall.lot(lot).why == ""


def test_a_stall_that_missed_the_end_is_told_it_again(gate: Box, stall: Box, market: Market) -> None:
    lot = gate.releases()
    stall.does(OpenLot(code=market.card("01")))
    gate.does(held(lot))
    market.carry()
    market.clock.go(1)
    gate.does(ended(lot))
    gate.wire.announced.clear()
    gate.turn(CityMessage(Topics("410108", "410108001", "02").state, b'{"state":"online"}'))
    said = [kind_of(json.loads(body)["type"]) for _, body in gate.wire.announced]
    assert said == ["lot.resumed"]
    for topic, body in gate.wire.announced:
        stall.turn(CityMessage(topic, body))
    assert stall.lot(lot).why == ""


def test_the_card_of_a_rechecked_lot_opens_elsewhere(gate: Box, stall: Box, market: Market) -> None:
    lot = gate.enters()
    positive(gate, lot)
    market.carry()
    market.clock.go(1)
    rechecked(gate, lot)
    market.carry()
    assert stall.does(OpenLot(code=market.card("01")))["opened"] is True
    assert stall.lot(lot).item == "农药残留（复检）"


def test_what_a_stall_holds_stops_the_gate_and_the_stall_ends_it(gate: Box, stall: Box, market: Market) -> None:
    lot = gate.releases()
    stall.does(OpenLot(code=market.card("01")))
    stall.does(held(lot))
    market.carry()
    assert gate.lot(lot).why == "stopped"
    market.clock.go(1)
    stall.does(ended(lot))
    market.carry()
    assert (gate.lot(lot).why, stall.lot(lot).why) == ("", "")


def test_the_city_s_stop_wins(gate: Box) -> None:
    lot = gate.releases()
    gate.does(held(lot))
    lots = gate.core._station.lots
    with gate.ledger.batch():
        lots.stop(lot, "监督抽检", CITY)
    said = gate.does(ended(lot))
    assert (said["state"], said["stopped"]) == ("released", True)
    assert (gate.lot(lot).why, gate.lot(lot).own_hold) == ("stopped", False)
    gate.puts("1.500")
    assert refused(gate, sale(gate.lot(lot).source)) == "lot_stopped"

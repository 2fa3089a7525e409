"""What the city orders is done once, recorded, answered, and stays after a restart."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.between.city_commands import ListOrders, SearchDirectory
from edge.between.commands import OpenLot, RegisterEntry, SetPrice
from edge.between.inbox import Refused
from edge.between.people import CONSOLE, Role
from edge.between.people_commands import AddOperator
from edge.between.pins import hashed
from edge.jobs.city import OBEYS
from edge.state import city_keys, city_lists, directory
from edge.state.settings import SETTABLE
from protocol.city.commands import COMMANDS

Start = Callable[..., Any]
CABBAGE, TOMATO = "01040201", "01040301"
GREEN = {"code": "4101080010999", "name": "绿源合作社", "initials": "lyhzs", "licence": "JY123"}
LINE = {"product": CABBAGE, "name": "大白菜", "net_g": 20_000, "price_fen": 350}
ORDER = {"order": "D-1", "supplier": "绿源合作社", "buyer": "第一小学", "due": "2026-11-23", "lines": [LINE]}
GATE = Ed25519PrivateKey.from_private_bytes(bytes(range(60, 92)))  # of the market's gate, another station
OTHER = "41010800110200000025"
OFFER = {
    "source": "41010800110200000017",
    "lot": "41010800130200000015",
    "goods": {"product": CABBAGE, "name": "大白菜"},
    "net_g": 250_000,
    "origin": "河南",
    "supplier": "绿源合作社",
    "verdict": "qualified",
}
VERDICT = {
    "conclusion": "unqualified",
    "report_no": "JC-2026-77",
    "laboratory": "市食品检验院",
    "item": "毒死蜱",
    "method": "GB 23200.113-2018",
    "value": "0.62",
    "unit": "mg/kg",
    "limit": "0.02 mg/kg",
    "concluded": "2026-11-21",
}


def refusal(do: Callable[[], Any]) -> str:
    with pytest.raises(Refused) as refused:
        do()
    return str(refused.value.code)


@pytest.fixture
def start(box: Start, mayor: Any) -> Start:
    return lambda *given: box(*given, city_keys=mayor.keys)


@pytest.fixture
def station(start: Start) -> Any:
    return start()


def test_every_command_has_who_does_it() -> None:
    assert {row.command for row in COMMANDS.values()} == set(OBEYS)


# --- lots -------------------------------------------------------------------------------------------------------------


def test_a_stopped_lot_is_not_sold_until_it_is_resumed(start: Start, mayor: Any) -> None:
    station = start()
    code = station.releases()
    source = station.lot(code).source
    station.puts("1.500")
    assert mayor.orders(station, "stop_lot", lot=source, reason="召回")["state"] == "done"
    assert station.last["type"].endswith("city.obeyed.v1")
    assert (station.last["subject"], station.last["operator"]) == (source, "city")
    assert station.last["data"]["reason"] == "召回" and station.last["data"]["lot"] == source
    assert station.lot(code).stop == "召回"
    with pytest.raises(Refused) as refused:
        station.sells(source)
    assert refused.value.code == "lot_stopped" and "召回" in refused.value.zh
    again = start()
    assert again.lot(code).stop == "召回"
    assert again.core._station.lots.on_sale(CABBAGE) is None
    assert mayor.orders(again, "resume_lot", lot=source, reason="误报")["state"] == "done"
    again.puts("1.500")
    assert again.sells(source)["net_g"] == 1500


def test_no_persons_number_in_what_the_city_says_enters_a_record(station: Any, mayor: Any) -> None:
    code = station.releases()
    assert mayor.orders(station, "stop_lot", lot=code, reason="联系 13812345678")["state"] == "done"
    assert station.last["data"]["reason"] == "联系 138…78"
    mayor.orders(station, "lab_verdict", lot=code, **{**VERDICT, "laboratory": "张工 13812345678"})
    assert station.last["data"]["laboratory"] == "张工 138…78"


def test_a_lot_that_comes_later_is_stopped_already(station: Any, mayor: Any, elsewhere: str) -> None:
    mayor.orders(station, "stop_lot", lot=elsewhere, reason="召回")
    code = station.releases()
    station.does(RegisterEntry(product=CABBAGE, net_g=1000, origin="x", supplier="y", upstream=elsewhere))
    assert [lot.stop for lot in station.board.lots] == ["召回", ""]
    assert station.lot(code).stop == ""


def test_of_stop_and_resume_the_later_issued_counts_whichever_comes_first(station: Any, mayor: Any) -> None:
    code = station.releases()
    stop = mayor.sealed("stop_lot", lot=code, reason="a")
    resume = mayor.sealed("resume_lot", lot=code, reason="b")
    station.turn(mayor.message(resume), mayor.message(stop))
    assert station.lot(code).stop == ""
    mayor.orders(station, "stop_lot", lot=code, reason="c")
    assert station.lot(code).stop == "c"


def test_lots_that_are_stopped_together_are_all_shown_as_stopped(station: Any, mayor: Any) -> None:
    codes = [station.releases(), station.releases()]
    station.turn(*(mayor.message(mayor.sealed("stop_lot", lot=code, reason="召回")) for code in codes))
    assert [station.lot(code).stop for code in codes] == ["召回", "召回"]


def test_what_the_stations_own_test_held_stays_held_after_a_resume(station: Any, mayor: Any) -> None:
    code = station.enters()
    for number in ("81", "82", "83"):
        station.hands_over(station.result(station.lot(code).sample, number))
    mayor.orders(station, "resume_lot", lot=code, reason="x")
    assert station.lot(code).state == "held"


def test_offered_lots_are_opened_by_the_citys_word_alone(start: Start, mayor: Any) -> None:
    station = start()
    known = [{"station": "410108001-02", "public_key": GATE.public_key().public_bytes_raw().hex()}]
    assert mayor.orders(station, "keys", stations=known)["state"] == "done"
    assert station.last["data"]["what"] == f"add 0 revoke 0 stations {len(known)}"
    tested = "2026-11-21T23:40:00+08:00"
    second = {**OFFER, "source": OTHER, "lot": "41010800130200000023", "tested_at": tested}
    assert mayor.orders(station, "lots", lots=[OFFER, second])["state"] == "done"
    assert station.last["data"]["what"] == "lots 2"
    assert {offer.source for offer in start().board.offers} == {OFFER["source"], OTHER}
    station = start()
    opened = station.does(OpenLot(code=OTHER))
    assert (opened["opened"], opened["left_g"], station.last["data"]["tested_at"]) == (True, 250_000, tested)
    assert [offer.source for offer in station.board.offers] == [OFFER["source"]]


def test_a_key_that_the_disk_did_not_take_is_not_trusted(start: Start, mayor: Any) -> None:
    station = start()
    known = [{"station": "410108001-02", "public_key": GATE.public_key().public_bytes_raw().hex()}]
    payload = mayor.sealed("keys", id="full", stations=known)
    station.fill_the_disk()
    station.turn(mayor.message(payload))
    assert station.core._station.node_keys.station("410108001-02") == ""
    station.free_the_disk()
    station.turn(mayor.message(payload))
    assert station.core._station.node_keys.station("410108001-02") != ""


def test_a_setting_that_the_disk_did_not_take_does_not_count(start: Start, mayor: Any) -> None:
    station = start()
    payload = mayor.sealed("config", settings={"stall.oversell": "refuse"})
    station.fill_the_disk()
    station.turn(mayor.message(payload))
    assert station.core._station.config.stall.oversell == "warn"
    station.free_the_disk()
    station.turn(mayor.message(payload))
    assert station.core._station.config.stall.oversell == "refuse"


def test_a_lot_of_a_station_whose_key_nobody_sent_is_not_offered(station: Any, mayor: Any) -> None:
    answer = mayor.orders(station, "lots", lots=[OFFER])
    assert (answer["state"], answer["code"]) == ("refused", "unknown_station")
    assert station.board.offers == ()


def test_a_laboratorys_verdict_is_recorded_and_shown_and_holds_and_releases_nothing(start: Start, mayor: Any) -> None:
    station = start()
    code = station.enters()
    answer = mayor.orders(station, "lab_verdict", lot=code, **VERDICT)
    assert answer["seq"] == station.ledger.head.seq
    assert station.last["type"].endswith("lot.verdict.v1")
    assert station.last["data"]["conclusion"] == "unqualified" and station.last["data"]["value"] == "0.62"
    (view,) = start().board.lab_verdicts
    assert (view.lot, view.conclusion, view.report_no) == (code, "unqualified", "JC-2026-77")
    station = start()
    mayor.orders(station, "lab_verdict", lot=code, **{**VERDICT, "conclusion": "qualified"})
    (view,) = station.board.lab_verdicts
    assert view.conclusion == "qualified"
    assert station.lot(code).state == "held"  # what a laboratory was against is a person's to release


def test_a_verdict_whose_record_is_damaged_hides_no_other(start: Start, mayor: Any) -> None:
    station = start()
    mayor.orders(station, "lab_verdict", lot="41010800130100000089", **VERDICT)
    seq = station.ledger.head.seq
    mayor.orders(station, "lab_verdict", lot="41010800130100000096", **VERDICT)
    with station.ledger.batch():
        station.ledger.conn.execute("UPDATE events SET body = x'7b7d' WHERE seq = ?", (seq,))
    again = start()
    assert [view.lot for view in again.board.lab_verdicts] == ["41010800130100000096"]
    assert [view.device for view in again.board.unread] == [f"record {seq}"]


# --- people -----------------------------------------------------------------------------------------------------------


def test_goods_of_a_suspended_supplier_are_refused_by_code_and_by_name(start: Start, mayor: Any) -> None:
    station = start()
    suspended = {**GREEN, "state": "suspended", "why": "证照过期"}
    assert mayor.orders(station, "directory", mode="update", suppliers=[suspended])["state"] == "done"
    again = start()
    goods = {"product": CABBAGE, "net_g": 1000, "origin": "河南"}
    assert refusal(lambda: again.does(RegisterEntry(**goods, supplier="绿源合作社"))) == "supplier_suspended"
    by_code = RegisterEntry(**goods, supplier="别名", supplier_code=GREEN["code"])
    assert refusal(lambda: again.does(by_code)) == "supplier_suspended"
    again.does(RegisterEntry(**goods, supplier="王建国"))


def test_where_the_market_warns_such_goods_are_registered(station: Any, mayor: Any) -> None:
    mayor.orders(station, "config", settings={"gate.suspended": "warn"})
    mayor.orders(station, "directory", mode="update", suppliers=[{**GREEN, "state": "suspended"}])
    mayor.orders(
        station, "focus_list", entries=[{"product": "0104", "supplier_code": GREEN["code"], "reason": "抽检不合格"}]
    )
    answer = station.does(RegisterEntry(product=CABBAGE, net_g=1000, origin="河南", supplier="绿源合作社"))
    assert [one["code"] for one in answer["warnings"]] == ["supplier_suspended", "focus"]
    assert "抽检不合格" in answer["warnings"][1]["message_zh"]


def test_the_directory_is_searched_by_code_name_and_initials(station: Any, mayor: Any) -> None:
    wang = {"code": "0007", "name": "王敏", "role": "supervisor"}
    school = {"code": "4101080010456", "name": "大学食堂", "initials": "dxst"}
    gone = {"code": "4101080010457", "name": "绿洲", "initials": "lz", "state": "gone"}
    mayor.orders(station, "directory", mode="replace", operators=[wang], suppliers=[GREEN], buyers=[school, gone])
    assert station.last["data"]["what"] == "entries 4"

    def found(**asked: str) -> list[str]:
        return [entry["code"] for entry in station.does(SearchDirectory(**asked))["entries"]]

    assert found(q="lyh") == found(q="LY") == found(q="合作") == found(q="4101080010999") == [GREEN["code"]]
    assert found(q="41010800104") == ["4101080010456"]
    assert found(q="", kind="operators") == ["0007"]
    assert found(q="%") == found(q="_") == found(q="\\") == found(q="绿洲") == []
    for name in ("50%", "甲_乙", "a\\b"):
        mayor.orders(station, "directory", mode="update", buyers=[{**school, "code": "4101080010458", "name": name}])
        assert found(q=name[1:]) == ["4101080010458"]
    mayor.orders(station, "directory", mode="replace", buyers=[school])
    assert {*found()} == {"0007", "4101080010456", GREEN["code"]}


def test_a_list_that_is_complete_takes_the_others_out_and_an_older_one_changes_nothing(
    station: Any, mayor: Any
) -> None:
    late = mayor.sealed("directory", id="late", mode="update", suppliers=[{**GREEN, "name": "旧名"}])
    older = mayor.sealed("directory", id="older", mode="replace", suppliers=[{**GREEN, "name": "旧名"}])
    mayor.orders(station, "directory", mode="update", suppliers=[{**GREEN, "code": "4101080010111", "name": "甲"}])
    mayor.orders(station, "directory", mode="replace", suppliers=[GREEN])
    people = station.core._station.directory
    assert [entry.name for entry in people.find("", "suppliers")] == ["绿源合作社"]
    station.turn(mayor.message(late), mayor.message(older))
    answers = mayor.answers(station)
    assert [(answers[one]["state"], answers[one]["code"]) for one in ("late", "older")] == [("refused", "older")] * 2
    assert [entry.name for entry in people.find("", "suppliers")] == ["绿源合作社"]


def test_a_box_with_people_takes_them_from_the_directory_and_one_without_stays_without(
    station: Any, mayor: Any
) -> None:
    wang = {"code": "0007", "name": "王敏", "role": "supervisor"}
    chen = {"code": "0001", "name": "陈主管", "role": "operator", "state": "gone"}
    mayor.orders(station, "directory", mode="update", operators=[wang])
    assert station.showing.roster.people == {}
    station.does(AddOperator(code="0001", name="陈", role=Role.SUPERVISOR, pin=hashed("4829")), CONSOLE)
    mayor.orders(station, "directory", mode="update", operators=[wang, chen])
    people = station.showing.roster.people.values()
    assert {(one.code, one.name, one.role, one.active) for one in people} == {
        ("0007", "王敏", Role.SUPERVISOR, True),
        ("0001", "陈主管", Role.OPERATOR, False),
    }


def test_a_directory_has_an_end(station: Any, mayor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MOST", 1)
    two = [GREEN, {**GREEN, "code": "4101080010111"}]
    assert mayor.orders(station, "directory", mode="update", suppliers=two)["code"] == "too_many"
    assert station.core._station.directory.find("") == []
    assert mayor.orders(station, "directory", mode="update", suppliers=[GREEN])["state"] == "done"


# --- orders and prices ------------------------------------------------------------------------------------------------


def test_orders_are_kept_by_day_and_the_newer_one_of_a_number_counts(start: Start, mayor: Any) -> None:
    station = start()
    older = mayor.sealed("orders", id="older", orders=[ORDER])
    mayor.orders(station, "orders", orders=[{**ORDER, "meal": "午餐"}, {**ORDER, "order": "D-2", "due": "2026-11-24"}])
    assert station.last["data"]["what"] == "orders 2"
    station.turn(mayor.message(older))
    answer = mayor.answers(station)["older"]
    assert (answer["code"], answer["message_zh"]) == ("older", "orders：已有更新的版本，未改动")
    station = start()
    assert [one["order"] for one in station.does(ListOrders())["orders"]] == ["D-1", "D-2"]
    (one,) = station.does(ListOrders(day="2026-11-23"))["orders"]
    assert (one["meal"], one["lines"][0]["net_g"]) == ("午餐", 20_000)
    mayor.orders(station, "orders", orders=[{**ORDER, "withdrawn": True, "lines": []}])
    assert [one["order"] for one in station.does(ListOrders())["orders"]] == ["D-2"]


def test_orders_leave_a_week_after_their_day_and_there_are_not_endlessly_many(
    station: Any, mayor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mayor.orders(station, "orders", orders=[ORDER])
    station.clock.go(timedelta(days=9).total_seconds())
    mayor.orders(station, "orders", orders=[{**ORDER, "order": "D-2", "due": "2026-12-02"}])
    assert [one["order"] for one in station.does(ListOrders())["orders"]] == ["D-2"]
    monkeypatch.setattr(city_lists, "MOST_ORDERS", 1)
    assert mayor.orders(station, "orders", orders=[{**ORDER, "due": "2026-12-02"}])["code"] == "too_many"


def test_a_price_above_the_limit_is_warned_of(start: Start, mayor: Any) -> None:
    station = start()
    limits = [
        {"product": CABBAGE, "max_fen": 150, "per_g": 500, "reason": "发改委公告"},
        {"product": TOMATO, "max_fen": 398},
    ]
    mayor.orders(station, "price_limits", limits=limits)
    assert [(one.code, one.limit_fen) for one in station.board.products[:2]] == [(CABBAGE, 300), (TOMATO, 199)]
    code = station.releases()
    station.puts("1.000")
    (warned,) = station.sells(code)["warnings"]
    assert warned["code"] == "above_limit" and "¥1.50/500 g（发改委公告）" in warned["message_zh"]
    assert "warnings" not in station.does(SetPrice(product=CABBAGE, price_fen=300))
    assert station.does(SetPrice(product=TOMATO, price_fen=200))["warnings"][0]["message_en"].endswith("¥3.98/kg")
    older = mayor.sealed("price_limits", id="older", issued=-3000, limits=[])
    station.turn(mayor.message(older))
    answer = mayor.answers(station)["older"]
    assert (answer["code"], answer["message_zh"]) == ("older", "price_limits：已有更新的版本，未改动")
    mayor.orders(station, "price_limits", limits=[])
    assert start().board.products[0].limit_fen is None


# --- the station itself -----------------------------------------------------------------------------------------------


def other_key(seed: int) -> tuple[Ed25519PrivateKey, str]:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return key, key.public_key().public_bytes_raw().hex()


def test_a_new_key_counts_at_once_and_a_revoked_one_never_again(start: Start, mayor: Any) -> None:
    station = start()
    key, public = other_key(9)
    add = mayor.sealed("keys", id="add", add=[public])
    old, mayor.key = mayor.key, key
    first = mayor.sealed("focus_list", id="new", entries=[])
    station.turn(mayor.message(add), mayor.message(first))
    mayor.orders(station, "keys", id="out", revoke=[mayor.hex])
    assert {id_: one["state"] for id_, one in mayor.answers(station).items()} == {
        "add": "done",
        "new": "done",
        "out": "done",
    }
    again = start()
    mayor.key = old
    again.turn(mayor.message(mayor.sealed("stop_lot", lot="41010800110100010074", reason="x")))
    assert dict(again.board.city.odd) == {"cmd_unknown_key": 1}
    assert again.core._publisher._word._verifier.keys.hex() == (public,)


def test_the_last_key_cannot_be_revoked(station: Any, mayor: Any) -> None:
    assert mayor.orders(station, "keys", revoke=[mayor.hex])["code"] == "last_key"
    assert mayor.orders(station, "stop_lot", lot="41010800110100010074", reason="x")["state"] == "done"


def test_keys_of_the_nodes_stations_are_kept_and_revoked(
    start: Start, mayor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = start()
    (_, one), (_, two) = other_key(3), other_key(4)
    older = mayor.sealed("keys", id="older", stations=[{"station": "410108001-02", "public_key": one}])
    mayor.orders(station, "keys", stations=[{"station": "410108001-02", "public_key": key} for key in (one, two)])
    both = mayor.orders(station, "keys", add=[one], stations=[{"station": "410108001-02", "public_key": one}])
    assert both["state"] == "done"
    mayor.orders(station, "keys", stations=[{"station": "410108001-02", "public_key": one, "revoked": True}])
    station.turn(mayor.message(older))
    assert mayor.answers(station)["older"]["code"] == "older"
    assert start().core._station.keys.node("410108001-02") == [two]
    monkeypatch.setattr(city_keys, "MOST", 2)
    station = start()
    more = [{"station": "410108001-03", "public_key": one}]
    assert mayor.orders(station, "keys", stations=more)["code"] == "too_many"


def test_settings_that_the_city_may_set_count_and_stay_and_go_back(start: Start, mayor: Any) -> None:
    station = start()
    answer = mayor.orders(station, "config", settings={"stall.oversell": "refuse", "gate.tests": ["农药残留", "甲醛"]})
    assert answer["state"] == "done"
    assert "甲醛" in station.board.bench.items
    assert station.last["type"].endswith("config.applied.v1")
    said = {one["name"]: (one["before"], one["after"]) for one in station.last["data"]["settings"]}
    assert said == {"stall.oversell": ('"warn"', '"refuse"'), "gate.tests": ("null", '["农药残留", "甲醛"]')}
    station = start()
    code = station.enters()
    assert station.last["data"]["tests"] == ["农药残留", "甲醛"]
    assert station.core._station.config.stall.oversell == "refuse"
    mayor.orders(station, "config", settings={"stall.oversell": None, "gate.tests": None})
    assert station.core._station.config.stall.oversell == "warn"
    assert station.lot(code).state == "pending"


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"stall.oversell": "refuse", "station.node": "410108009"}, "not_settable"),
        ({"stall.oversell": "refuse", "gate.unchecked": "yes"}, "bad_setting"),
    ],
)
def test_other_settings_are_refused_by_name_and_none_of_the_command_is_done(
    station: Any, mayor: Any, settings: dict[str, Any], code: str
) -> None:
    head = station.ledger.head.seq
    answer = mayor.orders(station, "config", settings=settings)
    assert (answer["state"], answer["code"]) == ("refused", code)
    assert list(settings)[1] in answer["message_zh"]
    assert (station.core._station.config.stall.oversell, station.ledger.head.seq) == ("warn", head)


def test_a_setting_that_fits_no_more_is_left_out(start: Start, mayor: Any) -> None:
    station = start()
    mayor.orders(station, "config", settings={"stall.oversell": "refuse"})
    with station.ledger.batch():
        station.ledger.conn.execute("""INSERT INTO city_settings VALUES ('gate.unchecked', '"nonsense"', 1)""")
        station.ledger.conn.execute("INSERT INTO city_settings VALUES ('gate.gone', 'no json', 1)")
    assert start().core._station.config.stall.oversell == "refuse"


def test_the_settable_settings_are_in_the_contract() -> None:
    assert all(f"`{name}`" in COMMANDS["config"].does for name in SETTABLE)


def test_records_are_sent_again_from_a_number_on(station: Any, mayor: Any) -> None:
    assert mayor.orders(station, "resend", **{"from": 9})["code"] == "no_record"
    for _ in range(3):
        station.enters()
    assert mayor.orders(station, "resend", **{"from": 2})["state"] == "done"
    sent = [json.loads(body)["sequence"] for topic, body in station.wire.sent if "/evt/" in topic]
    assert [int(one) for one in sent] == [1, 2, 3, 2, 3]

"""Lots of other stations: opened by their card with no network, handed on, settled when two have the same goods."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.between.commands import HandLot, OpenLot, PrintDocument, Sell, SettleLot
from edge.between.inbox import Refused
from edge.between.people import Role, Who
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.node_keys import NodeKeys
from protocol.city.source import card_url, parse_card
from protocol.city.token import TokenVerdict, kid_of, verify_url

Box = Any  # the station of tests/edge/conftest.py
Market = Any
CABBAGE = "01040201"
OPERATOR = Who("0007", frozenset({Role.OPERATOR}))
WITHOUT = '[stall]\nwithout_lot = ["01040201"]\noversell = "refuse"\n'
SCALE = """
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "100 g"
e = "5 g"
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
[[product]]
code = "01040301"
name = "西红柿"
price = "2"
lot = "optional"
"""
REFUSES = '[stall]\noversell = "refuse"\n' + SCALE


def refused(station: Box, command: Any, who: Any = None) -> str:
    head = station.ledger.head.seq
    with pytest.raises(Refused) as told:
        station.does(command, *([who] if who else []))
    assert station.ledger.head.seq == head
    assert told.value.zh and str(told.value)
    return str(told.value.code)


@pytest.fixture
def gate(market: Market) -> Box:
    return market.start("01")


@pytest.fixture
def stall(market: Market, gate: Box) -> Box:
    return market.start("02", REFUSES)


def released(gate: Box, market: Market, net_g: int = 250_000) -> str:
    """A lot that the gate releases; answers what its card says."""
    gate.releases(net_g=net_g)
    return str(market.card("01"))


# --- released and held ------------------------------------------------------------------------------------------------


def test_a_release_is_recorded_with_all_that_the_card_says(gate: Box, market: Market) -> None:
    code = gate.enters(net_g=250_000, origin_code="410122", supplier_code="4101080010999")
    gate.tests(gate.result("1", "12.5"))
    record = gate.followed
    source = gate.lot(code).source
    assert (record["type"], record["subject"]) == ("cn.marketedge.market.lot.released.v1", source)
    token, issuer = NodeKeys().plus("410108001-01", market.key("01").public_key()).open(record["data"].pop("url"))
    assert record["data"] == {
        "lot": code,
        "source": source,
        "goods": {"product": CABBAGE, "name": "大白菜", "name_en": "Chinese cabbage"},
        "net_g": 250_000,
        "origin": "河南中牟",
        "origin_code": "410122",
        "supplier": "王建国",
        "supplier_code": "4101080010999",
        "verdict": "qualified",
        "item": "农药残留",
        "tested_at": gate.last["time"],
    }
    assert issuer == "410108001-01"
    assert (token.source, token.test, token.net_g, token.portion) == (source, code, 250_000, 0)
    assert (token.origin, token.origin_code, token.supplier, token.supplier_code) == (
        *("河南中牟", "410122", "王建国", "4101080010999"),
    )


def test_a_release_while_nobody_knows_the_time_says_no_time(gate: Box, market: Market) -> None:
    market.clock.worth = "unsynced"
    code = gate.enters()
    gate.tests(gate.result("1", "12.5"))
    assert gate.lot(code).state == "released"
    assert gate.followed["data"]["tested_at"] is None
    assert parse_card(market.card("01"))[0].t == 0


def test_a_hold_is_recorded_as_an_alarm_with_its_paper(gate: Box) -> None:
    code = gate.releases()
    gate.tests(gate.result("1", "68.7"))
    record = gate.followed
    assert (record["type"], record["subject"]) == ("cn.marketedge.market.lot.held.v1", code)
    assert record["data"]["source"] == gate.lot(code).source
    assert record["data"]["why"] == "农药残留 68.7 %，限值 50 %"
    assert (record["data"]["test"], record["data"]["person"]) == (code, None)
    assert gate.papers()[-1] == ("hold", 0)


def test_the_card_of_a_lot_is_that_of_its_release(gate: Box) -> None:
    code = gate.releases()
    gate.does(PrintDocument(paper="card", subject=code))
    card = gate.printers["printer-1"].papers[-1]
    assert (card.paper, gate.ledger.event(card.seq)) == ("card", gate.followed)


# --- opened -----------------------------------------------------------------------------------------------------------


def test_a_card_opens_the_lot_with_no_network(gate: Box, stall: Box, market: Market) -> None:
    url = released(gate, market)
    source = gate.board.lots[0].source
    answer = stall.does(OpenLot(code=url))
    assert (answer["source"], answer["product"], answer["product_name"]) == (source, CABBAGE, "大白菜")
    assert (answer["left_g"], answer["opened"], answer["disputed"]) == (250_000, True, False)
    record = stall.last
    assert (record["type"], record["subject"]) == ("cn.marketedge.market.lot.opened.v1", source)
    data = record["data"]
    assert (data["by"], data["issuer"], data["portion"], data["of_g"], data["net_g"]) == (
        *("card", "410108001-01", 0, 250_000, 250_000),
    )
    view = stall.lot(source)
    assert (view.state, view.why, view.foreign, view.left_g) == ("released", "", True, 250_000)
    assert (view.origin, view.supplier, view.verdict, view.item) == ("河南中牟", "王建国", "qualified", "农药残留")
    head = stall.ledger.head.seq
    assert stall.does(OpenLot(code=url))["opened"] is False
    assert stall.does(OpenLot(code=source))["opened"] is False
    assert stall.does(OpenLot(code=f"]Q3 {source[:5]} {source[5:]}"))["opened"] is False
    assert stall.ledger.head.seq == head


def test_what_was_opened_is_sold_with_its_test_also_after_a_restart(gate: Box, stall: Box, market: Market) -> None:
    url = released(gate, market)
    stall.does(OpenLot(code=url, net_g=40_000))
    stall = market.start("02", REFUSES)
    stall.puts("1.500")
    answer = stall.sells(gate.board.lots[0].source)
    assert answer["left_g"] == 38_500
    (sold,) = stall.last["data"]["sold"]
    assert (sold["origin"], sold["unchecked"], sold["no_source"]) == ("河南中牟", False, False)
    assert sold["test"] == {
        "code": gate.board.lots[0].test_code,
        "item": "农药残留",
        "verdict": "qualified",
        "value": None,
        "unit": None,
        "time": gate.last["time"].replace(".000000", ""),
    }
    token = verify_url(answer["url"], market.key("02").public_key())
    assert (token.sources, token.verdict) == ((gate.board.lots[0].source,), TokenVerdict.QUALIFIED)


def test_a_card_is_scanned_and_sold_in_one_act(gate: Box, stall: Box, market: Market) -> None:
    url = released(gate, market)
    stall.puts("1.500")
    head = stall.ledger.head.seq
    assert stall.sells(url)["left_g"] == 248_500
    kinds = [stall.ledger.event(seq)["type"].split(".")[3:5] for seq in range(head + 1, stall.ledger.head.seq + 1)]
    assert kinds == [["lot", "opened"], ["trade", "completed"]]
    stall.puts("1.000")
    assert stall.sells(url)["left_g"] == 247_500


def test_a_sale_that_is_refused_opens_nothing(gate: Box, stall: Box, market: Market) -> None:
    url = released(gate, market)
    stall.puts("1.500")
    sale = Sell(scale="scale-1", product=CABBAGE, lot=url, seen_g=1400)
    assert refused(stall, sale) == "weight_changed"
    assert stall.board.lots == ()


def test_a_box_knows_its_own_card(gate: Box, market: Market) -> None:
    url = released(gate, market)
    answer = gate.does(OpenLot(code=url))
    assert (answer["opened"], answer["left_g"]) == (False, 250_000)
    gate.puts("1.250")
    assert gate.sells(url)["left_g"] == 248_750


def test_after_a_change_of_key_a_lot_is_the_same_by_its_old_card_and_a_new_one(
    gate: Box, stall: Box, market: Market
) -> None:
    old = released(gate, market)
    assert stall.does(OpenLot(code=old))["opened"]
    market.carry()
    market.change_key("01")
    gate, stall = market.start("01"), market.start("02", REFUSES)
    new = changed(old, market, kid=kid_of(market.key("01").public_key()))
    for card in (old, new):
        assert not gate.does(OpenLot(code=card))["opened"], "its own"
        assert not stall.does(OpenLot(code=card))["opened"], "opened before"


def changed(url: str, market: Market, terminal: str = "01", **more: Any) -> str:
    """A card like this one, signed again."""
    key = market.key(terminal)
    return card_url(replace(parse_card(url)[0], **more), key, "sy.example.cn")


def test_what_a_card_must_not_be(gate: Box, stall: Box, market: Market) -> None:
    url = released(gate, market)
    flipped = f"{url[:60]}{'A' if url[60] != 'A' else 'B'}{url[61:]}"
    training = str(TraceCode("410108001", CodeKind.TRAINING, "01", 7))
    cases = {
        "altered": OpenLot(code=flipped),
        "unknown_key": OpenLot(code=changed(url, market, "07", kid=bytes.fromhex("01020304"))),
        "not_qualified": OpenLot(code=changed(url, market, verdict=TokenVerdict.PENDING)),
        "no_product": OpenLot(code=changed(url, market, product="01049999")),
        "training": OpenLot(code=changed(url, market, source=training)),
        "too_much": OpenLot(code=url, net_g=250_001),
        "bad_code": OpenLot(code="41010800110100010075"),
        "no_lot": OpenLot(code=gate.board.lots[0].source),
    }
    assert {code: refused(stall, command) for code, command in cases.items()} == {code: code for code in cases}
    assert refused(stall, OpenLot(code=training)) == "training"
    source = str(TraceCode("410108001", CodeKind.SOURCE, "01", 99))
    stall.does(OpenLot(code=url))
    assert refused(stall, OpenLot(code=changed(url, market, source=source))) == "altered"


def test_a_card_of_a_ledger_that_was_lost_is_not_believed_at_its_own_box(gate: Box, market: Market) -> None:
    url = released(gate, market)
    source = str(TraceCode("410108001", CodeKind.SOURCE, "01", 99))
    assert refused(gate, OpenLot(code=changed(url, market, source=source))) == "never_given"


def test_a_key_that_is_not_listed_opens_nothing(gate: Box, market: Market) -> None:
    url = released(gate, market)
    stall = market.start("02", REFUSES, strangers=["01"])
    assert refused(stall, OpenLot(code=url)) == "unknown_key"


# --- without a lot ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "product"), [(WITHOUT + SCALE, CABBAGE), (SCALE, "01040301")])
def test_a_market_may_let_a_product_be_sold_without_a_lot(
    box: Callable[..., Box], settings: str, product: str, market: Market
) -> None:
    station = market.start("02", settings)
    assert {one.code: one.lot_optional for one in station.board.products}[product] is True
    station.puts("1.500")
    answer = station.does(Sell(scale="scale-1", product=product))
    assert answer["left_g"] is None
    data = station.last["data"]
    assert data["slip"]["lines"][0]["source"] == ""
    assert (data["sold"][0]["no_source"], data["sold"][0]["test"], data["sold"][0]["origin"]) == (True, None, "")
    token = verify_url(answer["url"], market.key("02").public_key())
    assert (token.sources, token.verdict) == ((), TokenVerdict.NONE)


def test_else_a_lot_is_needed(stall: Box) -> None:
    stall.puts("1.500")
    assert refused(stall, Sell(scale="scale-1", product=CABBAGE)) == "lot_needed"


# --- handed on --------------------------------------------------------------------------------------------------------


def test_part_of_a_lot_goes_to_another_stall_with_a_card_of_its_own(gate: Box, stall: Box, market: Market) -> None:
    stall.does(OpenLot(code=released(gate, market)))
    source = gate.board.lots[0].source
    answer = stall.does(HandLot(lot=source, net_g=60_000, to="4101080010103"))
    assert (answer["portion"], answer["left_g"], answer["job"]) == (1, 190_000, None)
    record = stall.last["data"]
    assert (record["to"], record["net_g"], record["left_g"]) == ("4101080010103", 60_000, 190_000)
    assert stall.does(HandLot(lot=source, net_g=10_000, to="4101080010103"))["portion"] == 2
    third = market.start("03", REFUSES)
    opened = third.does(OpenLot(code=answer["url"]))
    assert (opened["source"], opened["left_g"]) == (source, 60_000)
    assert third.last["data"]["issuer"] == "410108001-02"
    more = third.does(OpenLot(code=market.card("02")))
    assert (more["left_g"], more["opened"]) == (70_000, True)
    assert (third.lot(source).origin, third.lot(source).item) == ("河南中牟", "农药残留")


def test_a_portion_comes_back_to_the_box_that_released_the_lot(gate: Box, stall: Box, market: Market) -> None:
    source = gate.does(OpenLot(code=released(gate, market)))["source"]
    card = gate.does(HandLot(lot=source, net_g=100_000, to="4101080010102"))
    printed = gate.printers["printer-1"].papers[-1]
    assert (printed.paper, card["job"]) == ("card", printed.job)
    facts = {
        "lot": gate.board.lots[0].test_code,
        "source": source,
        "goods": {"product": CABBAGE, "name": "大白菜", "name_en": "Chinese cabbage"},
        "net_g": 100_000,
        "origin": "河南中牟",
        "origin_code": "",
        "supplier": "王建国",
        "supplier_code": "",
        "verdict": "qualified",
        "item": "农药残留",
        "tested_at": gate.core._station.lots.find(source).test["time"],
    }
    handed = gate.last["data"]
    kid = handed["kid"]
    left = {"to": "4101080010102", "left_g": 150_000, "url": card["url"]}
    assert handed == facts | left | {"kid": kid, "portion": 1}
    stall.does(OpenLot(code=card["url"]))
    of_the_card = {"kid": kid, "portion": 1, "issuer": "410108001-01", "of_g": 100_000, "by": "card"}
    opened = stall.last["data"]
    own_words = {"goods": facts["goods"] | {"name_en": ""}, "tested_at": opened["tested_at"]}
    assert opened == facts | of_the_card | own_words
    assert opened["tested_at"][:16] == facts["tested_at"][:16]  # a card knows seconds
    back = stall.does(HandLot(lot=source, net_g=30_000, to="4101080010101"))
    assert gate.does(OpenLot(code=back["url"]))["left_g"] == 180_000
    market.carry()
    assert (gate.lot(source).left_g, gate.lot(source).why) == (180_000, "")


def test_what_may_not_be_handed_on(gate: Box, stall: Box, market: Market, elsewhere: str) -> None:
    url = released(gate, market)
    stall.does(OpenLot(code=url, net_g=5000))
    source = gate.board.lots[0].source
    assert refused(stall, HandLot(lot=source, net_g=5001, to="4101080010103")) == "lot_empty"
    pending = gate.enters()
    assert refused(gate, HandLot(lot=pending, net_g=1000, to="4101080010103")) == "lot_pending"
    gate.tests(gate.result("1", "68.7"))
    assert refused(gate, HandLot(lot=source, net_g=1000, to="4101080010103")) == "lot_held"
    accepting = market.start("03", '[gate]\nunchecked = "accept"\n' + SCALE)
    untested = accepting.enters(upstream=elsewhere)
    assert refused(accepting, HandLot(lot=untested, net_g=1000, to="4101080010102")) == "not_tested"


def test_a_lot_is_not_divided_without_end(gate: Box, market: Market) -> None:
    released(gate, market)
    source = gate.board.lots[0].source
    gate.ledger.conn.execute("INSERT INTO lot_portions VALUES (?, 65535)", (source,))
    assert refused(gate, HandLot(lot=source, net_g=1000, to="4101080010102")) == "too_many"


# --- two have the same goods ------------------------------------------------------------------------------------------


@pytest.fixture
def disputed(gate: Box, stall: Box, market: Market) -> tuple[str, Box, Box]:
    """A card that was copied, and opened at two stalls which sold of it before they heard of each other."""
    url = released(gate, market)
    third = market.start("03", REFUSES)
    for one in (stall, third):
        one.puts("1.500")
        one.sells(url)
    market.carry()
    return str(gate.board.lots[0].source), stall, third


def test_goods_opened_twice_are_sold_no_further_and_everybody_is_told(
    disputed: tuple[str, Box, Box], gate: Box
) -> None:
    source, stall, third = disputed
    for one in (stall, third):
        view = one.lot(source)
        assert (view.why, view.left_g) == ("disputed", 248_500)
        one.puts("1.000")
        assert refused(one, Sell(scale="scale-1", product=CABBAGE, lot=source)) == "lot_disputed"
        record = one.last["data"]
        assert (record["own_g"], record["of_g"]) == (250_000, 250_000)
        assert sorted((claim["station"], claim["net_g"]) for claim in record["claims"])[-2:] == [
            ("410108001-02", 250_000),
            ("410108001-03", 250_000),
        ]
    assert (gate.lot(source).why, gate.lot(source).left_g) == ("disputed", -250_000)


def test_a_supervisor_says_which_holds(disputed: tuple[str, Box, Box], gate: Box, market: Market) -> None:
    source, stall, third = disputed
    assert refused(third, SettleLot(lot=source, net_g=1500, why="扫错卡"), OPERATOR) == "needs_supervisor"
    answer = third.does(SettleLot(lot=source, net_g=1500, why="扫错卡"))
    assert (answer["left_g"], answer["disputed"]) == (0, False)
    market.carry()
    assert (stall.lot(source).why, third.lot(source).why) == ("disputed", "")
    assert refused(stall, SettleLot(lot=source, net_g=250_000, why="全在这里")) == "settled_elsewhere"
    assert stall.does(SettleLot(lot=source, net_g=248_500, why="其余在这里"))["left_g"] == 247_000
    market.carry()
    for one in (gate, stall, third):
        assert one.lot(source).why == ""
    assert gate.lot(source).left_g == 0
    assert refused(stall, SettleLot(lot=source, net_g=1, why="再核")) == "not_disputed"


def test_one_that_was_settled_sells_on_while_the_other_waits(disputed: tuple[str, Box, Box], market: Market) -> None:
    source, stall, third = disputed
    assert stall.does(SettleLot(lot=source, net_g=250_000, why="货在这里"))["disputed"] is False
    market.carry()
    assert third.lot(source).why == "disputed"
    stall.puts("1.000")
    assert stall.sells(source)["left_g"] == 247_500
    stall = market.start("02", REFUSES)
    assert (stall.lot(source).why, stall.lot(source).left_g) == ("", 247_500)
    assert stall.does(SettleLot(lot=source, net_g=240_000, why="重称"))["left_g"] == 237_500


def test_a_dispute_that_comes_again_is_told_again(disputed: tuple[str, Box, Box], market: Market) -> None:
    source, stall, third = disputed
    third.does(SettleLot(lot=source, net_g=0, why="扫错卡"))
    market.carry()
    assert stall.lot(source).why == ""
    before = stall.count("SELECT count(*) FROM events WHERE lane = 1")
    lots = third.core._station.lots
    portion, claim = lots.claims.of_own(source)[0]
    with third.ledger.batch():
        lots.claimed(portion, replace(claim, net_g=2000, seq=99, settled=True))
    with stall.ledger.batch():
        stall.core._station.lots.claimed(portion, replace(claim, net_g=2000, seq=99, settled=True))
    again = stall.does(OpenLot(code=market.card("01")))
    assert again["disputed"] is True
    stall.does(SettleLot(lot=source, net_g=248_000, why="重称"))
    assert stall.lot(source).why == ""
    assert stall.count("SELECT count(*) FROM events WHERE lane = 1") >= before


def test_the_box_that_released_a_lot_sells_none_of_what_others_took(gate: Box, stall: Box, market: Market) -> None:
    url = released(gate, market, net_g=10_000)
    source = gate.board.lots[0].source
    gate.puts("1.000")
    gate.sells(source)
    stall.does(OpenLot(code=url))
    market.carry()
    assert (gate.lot(source).left_g, gate.lot(source).why) == (-1000, "disputed")
    assert gate.followed and stall.lot(source).why == "disputed"
    assert refused(gate, SettleLot(lot=source, net_g=1000, why="卖了")) == "not_disputed"
    stall.does(SettleLot(lot=source, net_g=9000, why="少了一公斤"))
    market.carry()
    assert (gate.lot(source).left_g, gate.lot(source).why, stall.lot(source).why) == (0, "", "")


def test_selling_more_than_is_left_of_what_others_took_is_told(gate: Box, stall: Box, market: Market) -> None:
    url = released(gate, market, net_g=10_000)
    source = gate.board.lots[0].source
    stall.does(OpenLot(code=url, net_g=9500))
    market.carry()
    assert gate.lot(source).left_g == 500
    gate.puts("1.000")
    assert gate.sells(source)["left_g"] == -500
    kinds = [gate.ledger.event(seq)["type"] for seq in range(1, gate.ledger.head.seq + 1)]
    assert kinds[-1] == "cn.marketedge.market.lot.disputed.v1"
    market.carry()
    assert stall.lot(source).why == "disputed"


def test_other_people_may_open_part_of_a_card_each(gate: Box, stall: Box, market: Market) -> None:
    url = released(gate, market)
    third = market.start("03", REFUSES)
    stall.does(OpenLot(code=url, net_g=150_000))
    third.does(OpenLot(code=url, net_g=100_000))
    market.carry()
    source = gate.board.lots[0].source
    assert [one.lot(source).why for one in (gate, stall, third)] == ["", "", ""]
    assert [one.lot(source).left_g for one in (gate, stall, third)] == [0, 150_000, 100_000]

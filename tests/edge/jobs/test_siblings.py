"""What the market's other stations say of lots over the broker: what counts, and what does not."""

import json
from dataclasses import replace
from typing import Any

import pytest

from edge.between.commands import HandLot, MatchResult, OpenLot, Sell
from edge.between.inbox import CityMessage, LinkChanged, Refused
from edge.records.ledger import ALARM
from edge.state.siblings import CAP, listen
from protocol.city import envelope
from protocol.city.events import Goods, LotResumed
from protocol.city.topics import Topics

Box = Any  # the station of tests/edge/conftest.py
Market = Any
CABBAGE = "01040201"


@pytest.fixture
def refusing(counter_devices: str) -> str:
    """Settings of a stall that sells no more of a lot than it has."""
    return f'[stall]\noversell = "refuse"\n{counter_devices}'


@pytest.fixture
def gate(market: Market) -> Box:
    return market.start("01")


@pytest.fixture
def stall(market: Market, gate: Box, refusing: str) -> Box:
    return market.start("02", refusing)


def refused(station: Box, command: Any) -> str:
    with pytest.raises(Refused) as told:
        station.does(command)
    return str(told.value.code)


def sale(lot: str) -> Sell:
    return Sell(scale="scale-1", product=CABBAGE, lot=lot)


def odd(station: Box) -> dict[str, int]:
    return dict(station.core._station.siblings.odd)


# --- offers -----------------------------------------------------------------------------------------------------------


def test_what_the_gate_released_is_opened_without_its_card(gate: Box, stall: Box, market: Market) -> None:
    gate.releases()
    source = gate.board.lots[0].source
    assert stall.board.offers == ()
    market.carry()
    (offer,) = stall.board.offers
    assert (offer.source, offer.station, offer.product, offer.product_name, offer.net_g, offer.portion) == (
        *(source, "410108001-01", CABBAGE, "大白菜", 250_000, 0),
    )
    assert stall.board.lots == ()
    answer = stall.does(OpenLot(code=source))
    assert (answer["left_g"], answer["opened"]) == (250_000, True)
    assert stall.last["data"]["by"] == "sibling"
    assert stall.board.offers == ()
    market.carry()
    assert gate.lot(source).left_g == 0
    assert stall.does(OpenLot(code=market.card("01")))["opened"] is False
    stall.turn(*market.says("01"))
    assert stall.board.offers == ()


def test_it_is_sold_by_its_code_alone(gate: Box, stall: Box, market: Market, refusing: str) -> None:
    gate.releases()
    market.carry()
    stall = market.start("02", refusing)
    stall.puts("1.500")
    assert stall.sells(gate.board.lots[0].source)["left_g"] == 248_500


def test_a_part_is_offered_to_the_stall_it_was_handed_to(gate: Box, stall: Box, market: Market, refusing: str) -> None:
    third = market.start("03", refusing)
    gate.releases()
    source = gate.board.lots[0].source
    gate.does(HandLot(lot=source, net_g=60_000, to="4101080010103"))
    market.carry()
    assert [(offer.portion, offer.net_g) for offer in third.board.offers] == [(1, 60_000), (0, 250_000)]
    assert [offer.portion for offer in stall.board.offers] == [0]
    assert third.does(OpenLot(code=source, net_g=55_000))["left_g"] == 55_000  # five kilograms were not there
    assert (third.last["data"]["net_g"], third.last["data"]["of_g"]) == (55_000, 60_000)
    assert [offer.portion for offer in third.board.offers] == [0]


def test_an_offer_of_goods_the_stall_does_not_have_is_not_shown(gate: Box, stall: Box, market: Market) -> None:
    gate.releases("01040301")
    market.carry()
    assert stall.board.offers == ()
    assert refused(stall, OpenLot(code=gate.board.lots[0].source)) == "no_product"


def test_what_was_released_long_ago_is_not_offered(
    gate: Box, stall: Box, market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    source = gate.lot(gate.releases()).source
    market.clock.go(4 * 86_400)
    market.carry()
    assert (stall.board.offers, odd(stall)) == ((), {"lot_stale": 1})
    (told,) = [one.getMessage() for one in caplog.records if one.name == "siblings"]
    assert told.startswith("410108001-01: ") and told.endswith(f": {source} of long ago")
    market.clock.worth = "unsynced"
    stall.turn(*market.says("01"))
    assert len(stall.board.offers) == 1
    lots = stall.core._station.lots
    with stall.ledger.batch():
        assert lots.claims.forget_offers(market.clock.now().seconds) == 1
    assert lots.offer_views() == ()


# --- holds ------------------------------------------------------------------------------------------------------------


def test_a_hold_at_the_gate_stops_the_stall_at_once(gate: Box, stall: Box, market: Market, refusing: str) -> None:
    code = gate.releases()
    stall.does(OpenLot(code=market.card("01")))
    stall.puts("1.500")
    gate.tests(gate.result("1", "68.7"))
    market.carry()
    view = stall.lot(code)
    assert (view.state, view.why, view.stop) == ("held", "stopped", "农药残留 68.7 %，限值 50 %")
    assert stall.board.lot_counts == {"pending": 0, "held": 1}
    assert refused(stall, sale(code)) == "lot_stopped"
    stall = market.start("02", refusing)
    stall.puts("1.500")
    assert refused(stall, sale(code)) == "lot_stopped"
    assert refused(stall, HandLot(lot=code, net_g=1000, to="4101080010103")) == "lot_stopped"


def test_a_hold_that_is_known_before_the_card_refuses_the_card(gate: Box, stall: Box, market: Market) -> None:
    gate.releases()
    url = market.card("01")
    gate.tests(gate.result("1", "68.7"))
    market.carry()
    assert stall.board.offers == ()
    assert refused(stall, OpenLot(code=url)) == "lot_stopped"
    assert stall.board.lots == ()


def test_a_stall_that_finds_a_positive_stops_the_gate(gate: Box, market: Market, refusing: str) -> None:
    gate.releases()
    source = gate.board.lots[0].source
    tester = market.start("02", refusing)
    code = tester.does(OpenLot(code=market.card("01")))["test_code"]
    tester.tests(tester.result("77", "68.7"))
    tester.does(MatchResult(seq=tester.waiting[0].seq, lot=source, person="王敏"))
    for number in ("78", "79"):
        if tester.lot(code).state != "held":
            tester.tests(tester.result(number, "68.7"))
            tester.does(MatchResult(seq=tester.waiting[0].seq, lot=source, person="王敏"))
    assert tester.lot(code).why == "positive"
    market.carry()
    assert gate.lot(source).why == "stopped"


def test_what_the_gate_takes_up_again_is_sold_again(gate: Box, stall: Box, market: Market) -> None:
    code = gate.releases()
    stall.does(OpenLot(code=market.card("01")))
    gate.tests(gate.result("1", "68.7"))
    market.carry()
    lot = gate.core._station.lots.find(code)
    goods = Goods.model_validate(lot.entry["data"]["goods"])
    with gate.ledger.batch():
        gate.core._station.record(
            "lot.resumed", code, LotResumed(lot=code, source=lot.source, goods=goods, why="复检合格")
        )
    market.carry()
    assert stall.lot(code).why == ""
    stall.puts("1.500")
    assert stall.sells(code)["left_g"] == 248_500
    stall.turn(*market.says("01"))  # all of it once more
    assert stall.lot(code).why == ""


def test_a_stop_that_ends_by_itself_is_shown_to_end(gate: Box, stall: Box, market: Market) -> None:
    code = gate.releases()
    lots, now = gate.core._station.lots, market.clock.now().seconds
    with gate.ledger.batch():
        assert lots.stop(code, "复查", "city", until=now + 60)
        assert not lots.stop(code, "复查", "city", at=now - 1)
    gate.turn()
    assert (gate.lot(code).why, gate.lot(code).stop) == ("stopped", "复查")
    market.clock.go(61)
    gate.turn()
    assert gate.lot(code).why == ""
    with gate.ledger.batch():
        lots.stop(code, "", "city")
        lots.resume(code, "city", at=now)
    gate.puts("1.250")
    assert refused(gate, sale(code)) == "lot_stopped"
    market.clock.go(1)
    with gate.ledger.batch():
        lots.resume(code, "city")
    gate.turn()
    assert gate.lot(code).why == ""


# --- what is not believed ---------------------------------------------------------------------------------------------


def test_what_does_not_prove_itself_is_counted_and_moves_nothing(
    gate: Box, stall: Box, market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    gate.releases()
    (said,) = market.says("01")
    event = json.loads(said.payload)
    third = Topics("410108", "410108001", "03")
    forged = sealed(market, "01", "lot.released", event["data"], by="03")
    altered = said.payload.replace(b"250000", b"950000")
    unsigned = {**event, "data": {}}
    for message, word in (
        (CityMessage(said.topic, b"{"), "lot_unreadable"),
        (CityMessage(said.topic, altered), "lot_bad_signature"),
        (CityMessage(third.event("lot.released"), said.payload), "lot_unknown_key"),
        (forged, "lot_unknown_key"),
        (CityMessage(said.topic, b" " * CAP), "lot_unreadable"),
        (CityMessage(said.topic, b" " * (CAP + 1)), "lot_too_large"),
        (replace(said, retained=True), "lot_retained"),
        (CityMessage(said.topic, json.dumps(unsigned).encode()), "lot_unreadable"),
    ):
        before = odd(stall).get(word, 0)
        stall.turn(message)
        assert odd(stall)[word] == before + 1, word
        assert stall.board.city.odd[word] == before + 1 if isinstance(stall.board.city.odd, dict) else True
    assert stall.board.offers == ()
    told = [one.getMessage() for one in caplog.records if one.name == "siblings"]
    assert len(told) == 5
    own = market.says("01")
    before = dict(odd(gate))
    gate.turn(*own)  # its own come back to it
    gate.turn(CityMessage("mkt/1/410108/410108002/01/evt/lot", own[0].payload))
    gate.turn(CityMessage("mkt/1/410108/410108001/02/evt/trade", own[0].payload))
    assert odd(gate) == before


def sealed(market: Market, terminal: str, kind: str, data: dict[str, Any], *, by: str = "", **more: str) -> CityMessage:
    """A record of that station as nobody makes them, signed with its key or that of another one."""
    head = {
        "id": "018f0000-0000-7000-8000-000000000001",
        "source": f"https://sy.example.cn/edge/410108001-{terminal}",
        "kind": kind,
        "subject": "41010800110100010074",
        "time": "2026-11-22T05:00:00+08:00",
        "recordedtime": "2026-11-22T05:00:00+08:00",
        "bootid": "b",
        "clockstate": "synced",
    }
    body = envelope.seal(envelope.EventHead(**(head | more)), data, 5, "0" * 64, market.key(by or terminal))
    return CityMessage(Topics("410108", "410108001", terminal).event("lot"), body)


def test_what_is_signed_and_cannot_be_is_counted(gate: Box, stall: Box, market: Market) -> None:
    gate.releases()
    data = json.loads(market.says("01")[0].payload)["data"]
    held = {name: data[name] for name in ("lot", "goods", "net_g", "origin", "supplier")} | {"why": "x"}
    for message in (
        sealed(market, "01", "trade.completed", {}),
        sealed(market, "01", "lot.unheard", {}),
        sealed(market, "01", "lot.released", data | {"net_g": -1}),
        sealed(market, "01", "lot.held", held, time="2026-11-22T05:00:00"),
        sealed(market, "01", "lot.held", held, time="yesterday"),
        sealed(market, "03", "lot.released", data),
    ):
        before = odd(stall).get("lot_unreadable", 0)
        stall.turn(message)
        assert odd(stall)["lot_unreadable"] == before + 1
    stall.turn(sealed(market, "01", "lot.disposed", disposed(data)))
    assert stall.board.offers == ()


def disposed(data: dict[str, Any]) -> dict[str, Any]:
    return {"lot": data["lot"], "goods": data["goods"], "decision": "destroyed", "mass_g": 1, "person": "王敏"}


# --- what is said again -----------------------------------------------------------------------------------------------


def test_a_station_that_comes_back_is_told_what_stands(gate: Box, stall: Box, market: Market) -> None:
    code = gate.releases()
    other = gate.releases()
    url = market.card("01")
    gate.tests(gate.result(gate.lot(code).sample, "68.7"))
    gate.turn(LinkChanged(True))
    gate.wire.announced.clear()
    birth = CityMessage(Topics("410108", "410108001", "02").state, b'{"state":"online"}')
    gate.turn(CityMessage(birth.topic, b'{"state":"offline"}'))
    assert gate.wire.announced == []
    gate.turn(birth, birth)
    hold, release = (["alm", "lot"], code), (["evt", "lot"], gate.lot(other).source)

    def said() -> list[Any]:
        return [(topic.split("/")[-2:], json.loads(body)["subject"]) for topic, body in gate.wire.announced]

    assert said() == [hold, release]
    gate.turn(birth)
    assert said() == [hold, release]
    market.clock.go(1)
    gate.turn()
    assert said() == [hold, release, hold]  # a hold at once, what else stands not so often
    market.clock.go(9)
    gate.turn()
    assert said() == [hold, release, hold, release]
    for topic, body in gate.wire.announced:
        stall.turn(CityMessage(topic, body))
    assert [offer.source for offer in stall.board.offers] == [gate.lot(other).source]
    assert stall.does(OpenLot(code=url))["opened"] is True
    assert market.says("02")


def test_what_came_in_since_hides_no_hold_from_who_comes_back(
    gate: Box, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.core.STANDING", 2)
    code = gate.releases()
    gate.tests(gate.result(gate.lot(code).sample, "68.7"))
    later = [gate.lot(gate.releases()).source for _ in range(3)]
    gate.wire.announced.clear()
    gate.turn(CityMessage(Topics("410108", "410108001", "02").state, b'{"state":"online"}'))
    assert [json.loads(body)["subject"] for _, body in gate.wire.announced] == [code, *later[1:]]
    assert {*gate.wire.retained} <= {gate.core._topics.state}  # a broker keeps no record for those who come later


def test_what_is_listened_to() -> None:
    assert listen(Topics("410108", "410108001", "02")) == (
        "mkt/1/410108/410108001/+/alm/lot",
        "mkt/1/410108/410108001/+/evt/lot",
        "mkt/1/410108/410108001/+/state",
    )
    assert ALARM == 1

"""The deed: what is sold, for how much, by which weight and from which lot, on a real core over a real ledger."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from drivers.discover import Naming
from drivers.transports.adapters import Identity
from edge.between.board import CertificateView
from edge.between.commands import (
    Answer,
    AskScale,
    ConfirmPort,
    ConfirmPrint,
    DismissResult,
    MatchResult,
    PlanChannel,
    PrintDocument,
    RegisterEntry,
    Reprint,
    Sell,
    SetPrice,
    WholePlantDone,
)
from edge.between.inbox import (
    CertificateSeen,
    CityMessage,
    LinkChanged,
    PortChanged,
    PortFound,
    PortGarbage,
    Printed,
    Refused,
    Request,
    Sensed,
    Weighed,
)
from edge.between.print_states import COPIES_BY_ITSELF, PrintState, PrintWhy
from edge.between.words import section
from edge.jobs.doing import DOES
from edge.ports.port import Committed, NotCommitted
from edge.records.ledger import LedgerFull
from protocol.city import token as qr
from protocol.city.codes import CodeKind, TraceCode
from protocol.readings import Measured, Net, State, Weighing
from protocol.session import Wish

Box = Any  # the station of tests/edge/conftest.py

CABBAGE, TOMATO, LEEK = "01040201", "01040301", "01040801"
FOREIGN = str(TraceCode("410108002", CodeKind.SOURCE, "01", 1007))  # of another node
PRINTERLESS = """
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "100 g"
e = "5 g"
verified_until = 2026-11-21
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
"""


def token(station: Box, answer: dict[str, Any]) -> qr.Token:
    return qr.verify_url(answer["url"], station.ledger.signer.key.public_key())


# --- the amount -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("product", "price_fen", "kilograms", "amount_fen"),
    [
        (CABBAGE, 350, "1.000", 350),
        (CABBAGE, 350, "1.250", 438),  # 437.5 fen: half up
        (CABBAGE, 350, "0.130", 46),  # 45.5
        (CABBAGE, 350, "0.125", 44),  # 43.75
        (CABBAGE, 1, "0.495", 0),  # 0.495 fen
        (CABBAGE, 1, "0.500", 1),  # half a fen: up
        (CABBAGE, 199, "29.995", 5969),  # 5969.005
        (TOMATO, 199, "1.250", 498),  # 497.5 per 500 g
        (TOMATO, 175, "12.340", 4319),
        (TOMATO, 1, "0.245", 0),
        (TOMATO, 1, "0.250", 1),
        (CABBAGE, 4_294_967, "1.000", 4_294_967),
    ],
)
def test_the_amount_is_right_to_the_fen_in_answer_record_and_signed_code(
    box: Callable[..., Box], product: str, price_fen: int, kilograms: str, amount_fen: int
) -> None:
    station = box()
    lot = station.releases(product)
    station.does(SetPrice(product=product, price_fen=price_fen))
    station.puts(kilograms)
    answer = station.sells(lot, product)
    data = station.last["data"]
    net_g = int(Decimal(kilograms) * 1000)
    line = data["slip"]["lines"][0]
    assert (answer["amount_fen"], answer["net_g"]) == (amount_fen, net_g)
    assert (line["amount_fen"], line["net_g"], data["slip"]["amount_fen"]) == (amount_fen, net_g, amount_fen)
    assert line["price"] == {"fen": price_fen, "per_g": 500 if product == TOMATO else 1000}
    signed = token(station, answer)
    assert (signed.amount_fen, signed.net_g, signed.tx) == (amount_fen, net_g, answer["tx"])
    assert data["digest"] == signed.digest.hex() == qr.digest_of(data["slip"]).hex()


def test_a_price_for_this_sale_stays_for_this_sale(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.000")
    assert station.sells(lot, price_fen=300)["amount_fen"] == 300
    station.puts("1.000")
    assert station.sells(lot)["amount_fen"] == 350


def test_what_the_page_showed_is_what_is_sold(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.250")
    with pytest.raises(Refused) as refused:
        station.sells(lot, seen_g=1200)
    assert refused.value.code == "weight_changed"
    station.does(SetPrice(product=CABBAGE, price_fen=400))
    with pytest.raises(Refused) as refused:
        station.sells(lot, seen_g=1250, seen_fen=438)
    assert refused.value.code == "price_changed"
    assert station.sells(lot, seen_g=1250, seen_fen=500)["amount_fen"] == 500


# --- the weight -----------------------------------------------------------------------------------------------------


def test_a_sale_says_whose_weight_it_was(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.250", raw=b"ST,GS,+  1.250kg\r\n")
    answer = station.sells(lot)
    data = station.last["data"]
    weighed = data["sold"][0]["weighed"]
    assert (weighed["value"], weighed["unit"], weighed["stability"]) == ("1.250", "kg", "scale")
    assert bytes.fromhex(weighed["raw"]) == b"ST,GS,+  1.250kg\r\n"
    assert (data["scale_verified"], data["clock_trusted"], weighed["verified_until"]) == (True, True, "2027-06-30")
    signed = token(station, answer)
    assert qr.Flags.SCALE_VERIFIED in signed.flags
    assert qr.Flags.CLOCK_TRUSTED in signed.flags
    assert signed.verdict is qr.TokenVerdict.QUALIFIED
    assert signed.t == int(station.clock.wall.timestamp()) - qr.EPOCH


def test_a_scale_without_a_certificate_is_not_signed_as_verified(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("5.00", scale="scale-2")
    answer = station.does(Sell(scale="scale-2", product=CABBAGE, lot=lot))
    assert station.last["data"]["scale_verified"] is False
    assert qr.Flags.SCALE_VERIFIED not in token(station, answer).flags
    assert station.last["data"]["sold"][0]["weighed"]["stability"] == "derived"


def test_a_typed_weight_is_marked_and_never_signed_as_verified(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.turn(PortChanged("scale-1", False, "unplugged"))
    answer = station.sells(lot, manual_g=2500, reason="秤断线")
    data = station.last["data"]
    assert (answer["net_g"], answer["amount_fen"]) == (2500, 875)
    assert (data["scale_verified"], data["sold"][0]["weighed"]["stability"]) == (False, "manual")
    assert data["sold"][0]["weighed"]["reason"] == "秤断线"
    assert qr.Flags.SCALE_VERIFIED not in token(station, answer).flags


def test_a_clock_nobody_can_believe_signs_no_time_and_no_verification(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.clock.worth = "unsynced"
    station.puts("1.000")
    answer = station.sells(lot)
    data = station.last["data"]
    assert (data["clock_trusted"], data["scale_verified"]) == (False, False)
    signed = token(station, answer)
    assert (signed.t, signed.flags) == (0, qr.Flags(0))


def test_a_load_is_sold_once(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.250")
    station.sells(lot)
    assert (station.scale.sellable, station.scale.why) == (False, "sold")
    station.weighs("1.250")
    with pytest.raises(Refused) as refused:
        station.sells(lot)
    assert refused.value.code == "sold"
    station.puts("1.250")
    station.sells(lot)
    assert station.count("SELECT count(*) FROM events") == 5


def test_another_scale_behind_the_name_is_seen_empty_first(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    was, now = Identity("1a86:7523", "00.0", "", "1.1"), Identity("1a86:7523", "00.0", "", "1.2")
    station.turn(PortFound("scale-1", was, Naming()))
    station.puts("1.250")
    station.turn(PortChanged("scale-1", False, "another device", stranger=now))
    answer = station.does(ConfirmPort(device="scale-1", person="张技术"))
    assert answer == {"device": "scale-1", "now": str(now)}
    station.turn(PortChanged("scale-1", True))
    station.weighs("2.220")
    with pytest.raises(Refused) as refused:
        station.sells(lot)
    assert refused.value.code == "empty_first"
    station.puts("2.220")
    assert station.sells(lot)["net_g"] == 2220


def test_two_presses_at_once_are_one_sale(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.250")
    first, second = station.ask(
        Sell(scale="scale-1", product=CABBAGE, lot=lot), Sell(scale="scale-1", product=CABBAGE, lot=lot)
    )
    assert first.result(0).net_g == 1250
    with pytest.raises(Refused, match="take the goods off"):
        second.result(0)


def test_continuous_weighing_sells_each_load_by_itself(box: Callable[..., Box]) -> None:
    station = box('[stall]\ncontinuous = "01040201"\n' + PRINTERLESS.replace("2026-11-21", "2027-06-30"))
    station.puts("2.000")
    assert station.count("SELECT count(*) FROM events") == 0  # no lot
    lot = station.enters()
    station.ledger.conn.execute("UPDATE lots SET state = 'released', source = ?", (FOREIGN,))
    for _ in range(2):
        station.puts("2.000")
    assert station.count("SELECT count(*) FROM events") == 3
    assert station.last["data"]["slip"]["lines"][0]["net_g"] == 2000
    assert station.lot(lot).left_g == 246_000


def test_a_load_that_is_heard_among_other_messages_is_sold_by_itself_too(
    box: Callable[..., Box], counter_devices: str
) -> None:
    station = box(f'[stall]\ncontinuous = "01040201"\n{counter_devices}')
    station.releases()
    before = station.ledger.head.seq
    for load in ("0.000", "1.500"):
        station.turn(PortChanged("tester-1", False, "unplugged"), *station.frames(load))
    assert station.last["data"]["slip"]["lines"][0]["net_g"] == 1500
    assert station.ledger.head.seq == before + 1


# --- the lot --------------------------------------------------------------------------------------------------------


def test_a_slip_says_where_the_goods_are_from_and_how_they_were_tested(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.000")
    station.sells(station.lot(lot).source)
    sold = station.last["data"]["sold"][0]
    assert (sold["origin"], sold["goods"]["name"], sold["unchecked"], sold["over_g"]) == (
        "河南中牟",
        "大白菜",
        False,
        0,
    )
    assert (sold["test"]["code"], sold["test"]["verdict"], sold["test"]["value"]) == (lot, "qualified", "12.5")
    assert station.last["data"]["slip"]["lines"][0]["source"] == station.lot(lot).source


@pytest.mark.parametrize("by", ["test_code", "source"])
def test_a_held_lot_is_not_sold_by_either_of_its_codes(box: Callable[..., Box], by: str) -> None:
    station = box()
    lot = station.releases()
    station.tests(station.result("1", "68.7"))
    station.puts("1.000")
    with pytest.raises(Refused) as refused:
        station.sells(getattr(station.lot(lot), by))
    assert refused.value.code == "lot_held"
    assert station.last["type"].endswith("test.result.v1")


def test_the_code_of_a_held_lot_makes_no_second_lot(box: Callable[..., Box]) -> None:
    station = box()
    held = station.lot(station.releases())
    station.tests(station.result("1", "68.7"))
    for product in (CABBAGE, TOMATO):
        with pytest.raises(Refused, match="held since") as refused:
            station.enters(product, upstream=held.source)
        assert refused.value.code == "source_known"
    assert station.board.lot_counts == {"pending": 0, "held": 1}


def test_a_pending_lot_and_a_lot_of_another_product_are_not_sold(box: Callable[..., Box]) -> None:
    station = box()
    pending, released = station.enters(), station.releases(TOMATO)
    station.puts("1.000")
    for lot, code in ((pending, "lot_pending"), (released, "lot_product")):
        with pytest.raises(Refused) as refused:
            station.sells(lot)
        assert refused.value.code == code


def test_a_source_code_of_this_station_that_it_never_gave_out_is_refused(box: Callable[..., Box]) -> None:
    station = box()
    with pytest.raises(Refused) as refused:
        station.enters(upstream="41010800110100010074")
    assert refused.value.code == "never_given"


def test_a_source_code_from_elsewhere_releases_nothing_by_its_check_digit(box: Callable[..., Box]) -> None:
    station = box()
    answer = station.does(RegisterEntry(product=CABBAGE, net_g=1000, origin="河南", supplier="李四", upstream=FOREIGN))
    assert (answer["source"], answer["unchecked"]) == (None, True)
    lot = station.lot(answer["test_code"])
    assert (lot.state, lot.upstream, lot.source) == ("pending", FOREIGN, None)
    assert station.last["data"]["source_check"] == "unchecked"
    with pytest.raises(Refused, match="waiting for test"):
        station.enters(TOMATO, upstream=FOREIGN)
    station.tests(station.result(lot.sample, "12.5"))
    assert station.lot(answer["test_code"]).source not in (None, FOREIGN)  # our own test stands behind our own code


def test_a_market_may_refuse_codes_that_nobody_can_check(box: Callable[..., Box]) -> None:
    station = box('[gate]\nunchecked = "refuse"\n' + PRINTERLESS)
    with pytest.raises(Refused) as refused:
        station.enters(upstream=FOREIGN)
    assert refused.value.code == "unchecked_source"
    station.enters()


def test_a_market_may_accept_them_and_every_slip_says_so(box: Callable[..., Box]) -> None:
    station = box('[gate]\nunchecked = "accept"\n' + PRINTERLESS.replace("2026-11-21", "2027-06-30"))
    lot = station.enters(upstream=FOREIGN)
    assert (station.lot(lot).state, station.lot(lot).source, station.lot(lot).unchecked) == ("released", FOREIGN, True)
    station.puts("1.000")
    station.sells(FOREIGN)
    assert station.last["data"]["sold"][0]["unchecked"] is True


def test_more_than_came_in_is_sold_with_a_mark(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases(net_g=5000)
    left = []
    for kilograms in ("1.500", "11.460", "11.460"):
        station.puts(kilograms)
        left.append(station.sells(lot)["left_g"])
    assert left == [3500, -7960, -19420]
    over = [station.ledger.event(seq)["data"]["sold"][0]["over_g"] for seq in (4, 5, 6)]
    assert over == [0, 7960, 11460]
    assert station.lot(lot).left_g == -19420


def test_a_market_may_refuse_to_sell_more_than_came_in(box: Callable[..., Box]) -> None:
    station = box(
        '[stall]\noversell = "refuse"\n[gate]\nunchecked = "accept"\n' + PRINTERLESS.replace("-11-21", "-12-21")
    )
    lot = station.enters(net_g=5000, upstream=FOREIGN)
    station.puts("3.000")
    station.sells(lot)
    station.puts("2.005")
    with pytest.raises(Refused, match=r"only 2\.000 kg") as refused:
        station.sells(lot)
    assert refused.value.code == "lot_empty"
    station.weighs("2.000")
    assert station.sells(lot)["left_g"] == 0


def test_what_is_left_of_a_lot_survives_a_restart(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases(net_g=5000)
    station.puts("1.500")
    station.sells(lot)
    assert box().lot(lot).left_g == 3500


def test_lots_that_are_held_pending_or_on_sale_stay_in_sight_however_many_follow(box: Callable[..., Box]) -> None:
    station = box()
    held, released, pending = station.releases(), station.releases(TOMATO), station.enters()
    station.tests(station.result("1", "68.7"))
    entries = [RegisterEntry(product=LEEK, net_g=1000, origin="河南", supplier="李四")] * 130
    for answer in station.ask(*entries):
        answer.result(0)
    for seen in (station, box()):
        assert [seen.lot(code).state for code in (held, released, pending)] == ["held", "released", "pending"]
        assert seen.board.lot_counts == {"pending": 131, "held": 1}
        assert len(seen.board.lots) == 133


def test_released_lots_that_are_sold_out_make_room_for_newer_ones(box: Callable[..., Box]) -> None:
    station = box('[gate]\nunchecked = "accept"\n' + PRINTERLESS.replace("2026-11-21", "2027-06-30"))
    first = station.enters(net_g=1000, upstream=FOREIGN)
    second = station.enters(net_g=1000, upstream=str(TraceCode("410108002", CodeKind.SOURCE, "01", 1008)))
    station.puts("1.000")
    station.sells(first)
    for serial in range(2000, 2060):
        station.enters(upstream=str(TraceCode("410108002", CodeKind.SOURCE, "01", serial)))
    shown = {lot.test_code for lot in station.board.lots}
    assert second in shown
    assert first not in shown


# --- refused --------------------------------------------------------------------------------------------------------


def refusals(lot: str) -> list[tuple[str, Any]]:
    """Commands that are refused, with the code of the refusal; 1.000 kg lies on scale-1 and ``lot`` is released."""
    return [
        ("no_scale", Sell(scale="scale-9", product=CABBAGE, lot=lot)),
        ("no_scale", AskScale(scale="scale-9", wish="tare")),
        ("read_only", AskScale(scale="scale-1", wish="tare")),
        ("no_product", Sell(scale="scale-1", product="99999999", lot=lot)),
        ("no_product", RegisterEntry(product="99999999", net_g=1000, origin="河南", supplier="李四")),
        ("no_product", SetPrice(product="99999999", price_fen=100)),
        ("bad_code", Sell(scale="scale-1", product=CABBAGE, lot="4101080011010001007X")),
        (
            "bad_code",
            RegisterEntry(product=CABBAGE, net_g=1000, origin="河南", supplier="李四", upstream="41010800110100010075"),
        ),
        ("bad_code", PrintDocument(paper="card", subject="1")),
        ("no_lot", Sell(scale="scale-1", product=CABBAGE, lot=FOREIGN)),
        ("no_lot", PlanChannel(analyzer="tester-8", channel="1", lot=FOREIGN)),
        ("weight_changed", Sell(scale="scale-1", product=CABBAGE, lot=lot, seen_g=999)),
        ("price_changed", Sell(scale="scale-1", product=CABBAGE, lot=lot, seen_fen=351)),
        ("scale_works", Sell(scale="scale-1", product=CABBAGE, lot=lot, manual_g=1000, reason="x")),
        ("tare", Sell(scale="scale-1", product=CABBAGE, lot=lot, tare_g=1000)),
        ("not_a_source", RegisterEntry(product=CABBAGE, net_g=1000, origin="河南", supplier="李四", upstream=lot)),
        (
            "never_given",
            RegisterEntry(product=CABBAGE, net_g=1000, origin="河南", supplier="李四", upstream="41010800110100010074"),
        ),
        ("no_analyzer", PlanChannel(analyzer="tester-9", channel="1", lot=lot)),
        ("no_result", MatchResult(seq=1, lot=lot, person="张检测")),
        ("no_result", DismissResult(seq=1, person="张检测", reason="x")),
        ("not_asked", WholePlantDone(lot=lot, person="张检测")),
        ("no_paper", Reprint(job=99)),
        ("no_paper", ConfirmPrint(job=99)),
        ("no_paper", PrintDocument(paper="slipp")),
        ("no_record", PrintDocument(paper="acceptance", subject=lot)),
        ("no_printer", PrintDocument(paper="report", subject=lot, printer="printer-9")),
        ("date", PrintDocument(paper="day", subject="22.11.2026")),
        ("not_done", Reprint(job=1)),
        ("already_confirmed", ConfirmPrint(job=1)),
    ]


def test_what_is_refused_leaves_neither_record_nor_slip_and_says_why_in_both_languages(
    box: Callable[..., Box],
) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.000")
    records, papers = station.ledger.head, station.papers()
    left = station.lot(lot).left_g
    for code, command in refusals(lot):
        with pytest.raises(Refused) as refused:
            station.does(command)
        assert refused.value.code == code, command
        assert refused.value.zh and str(refused.value) and refused.value.zh != str(refused.value)
        assert station.ledger.head == records, command
        assert station.count("SELECT count(*) FROM print_jobs") == len(papers)
        assert station.papers() == papers
    assert station.scale.sellable
    assert station.lot(lot).left_g == left
    assert station.sells(lot)["amount_fen"] == 350


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"stable": False}, "motion"),
        ({"state": State.OVERLOAD}, "overload"),
        ({"state": State.UNDERLOAD}, "underload"),
        ({"state": State.ERROR}, "error"),
    ],
)
def test_a_weight_that_is_none_is_not_sold(box: Callable[..., Box], said: dict[str, Any], why: str) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.000", **said)
    with pytest.raises(Refused) as refused:
        station.sells(lot)
    assert refused.value.code == station.scale.why == why
    assert "scale-1" in refused.value.zh


def test_weights_outside_min_and_max_or_before_an_empty_pan_are_not_sold(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.weighs("1.000")
    for kilograms, why in (
        (None, "empty_first"),
        ("0.095", "below_min"),
        ("30.005", "overload"),
        ("-0.100", "underload"),
    ):
        if kilograms:
            station.puts(kilograms)
        with pytest.raises(Refused) as refused:
            station.sells(lot)
        assert refused.value.code == why
    station.puts("1.000")
    station.clock.go(30)
    with pytest.raises(Refused) as refused:
        station.sells(lot)
    assert refused.value.code == "stale"
    station.turn(PortChanged("scale-1", False, "unplugged"))
    with pytest.raises(Refused) as refused:
        station.sells(lot)
    assert refused.value.code == "no_signal"
    for more, code in (({"manual_g": 1000}, "no_reason"), ({"manual_g": 30_001, "reason": "x"}, "manual_weight")):
        with pytest.raises(Refused) as refused:
            station.sells(lot, **more)
        assert refused.value.code == code


def test_a_scale_whose_certificate_has_expired_does_not_sell(box: Callable[..., Box]) -> None:
    station = box('[gate]\nunchecked = "accept"\n' + PRINTERLESS)
    lot = station.enters(upstream=FOREIGN)
    station.puts("1.000")
    with pytest.raises(Refused) as refused:
        station.sells(lot)
    assert refused.value.code == "unverified"


def test_without_a_printer_a_sale_is_a_record_all_the_same(box: Callable[..., Box]) -> None:
    station = box('[gate]\nunchecked = "accept"\n' + PRINTERLESS.replace("2026-11-21", "2026-11-22"))
    lot = station.enters(upstream=FOREIGN)
    station.puts("1.000")
    assert station.sells(lot)["job"] is None
    with pytest.raises(Refused) as refused:
        station.does(PrintDocument(paper="card", subject=lot))
    assert refused.value.code == "no_printer"


# --- the disk -------------------------------------------------------------------------------------------------------


def test_a_full_disk_in_the_middle_of_a_sale_sells_nothing_and_the_load_can_be_sold_later(
    box: Callable[..., Box],
) -> None:
    """Each page may be the one that does not fit: of the sale, of its slip, or of what shares its commit."""
    station = box()
    lot = station.releases()
    station.puts("1.000")
    before, papers = station.ledger.head, station.papers()
    sale, entry = (
        Sell(scale="scale-1", product=CABBAGE, lot=lot),
        RegisterEntry(product=TOMATO, net_g=1000, origin="河南", supplier="李四"),
    )
    for spare in range(100):
        station.fill_the_disk(spare)
        answers = station.ask(sale, entry)
        if answers[0].exception(0) is None:
            break
        for answer in answers:
            with pytest.raises(Refused) as refused:
                answer.result(0)
            assert refused.value.code == "disk_full"
        assert station.board.trouble
        assert (station.ledger.head, station.papers()) == (before, papers)
        assert (station.scale.sellable, station.scale.why) == (True, "")
        assert station.lot(lot).left_g == 250_000
    assert 1 < spare < 99
    assert (answers[0].result(0).amount_fen, station.board.trouble) == (350, "")
    assert station.papers() == [*papers, ("slip", 0)]
    assert station.scale.why == "sold"
    assert box().ledger.head.seq == 5


def test_a_command_that_is_refused_at_its_very_end_takes_everything_back(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.000")
    sell, papers = DOES[Sell], station.papers()

    def refuse(*args: Any) -> Answer:
        sell(*args)
        raise Refused("late", "太晚", "too late")

    monkeypatch.setitem(DOES, Sell, refuse)
    with pytest.raises(Refused, match="too late"):
        station.sells(lot)
    monkeypatch.undo()
    assert (station.ledger.head.seq, station.papers(), station.scale.sellable) == (3, papers, True)
    assert [one.paper for one in station.board.prints] == ["report"]
    station.sells(lot)


def test_results_that_could_not_be_written_are_asked_for_again(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters()
    made = station.result("1", "12.5")
    station.fill_the_disk()
    station.tests(made)
    assert station.ports["tester-1"].orders == [NotCommitted()]
    assert station.lot(code).state == "pending"
    station.free_the_disk()
    station.tests(made)
    assert station.ports["tester-1"].orders == [NotCommitted(), Committed()]
    assert station.lot(code).state == "released"


def test_news_behind_a_batch_that_could_not_be_written_is_not_lost(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.000")
    station.fill_the_disk()
    station.turn(
        Request(Sell(scale="scale-1", product=CABBAGE, lot=lot)),
        PortChanged("tester-8", False, "unplugged"),
        LinkChanged(True),
    )
    assert [view.up for view in station.board.analyzers] == [True, False]
    assert station.board.city.up


# --- papers and progress --------------------------------------------------------------------------------------------


def test_a_slip_is_printed_after_the_commit_and_once(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    before = station.papers()
    station.puts("1.000")
    job = station.sells(lot)["job"]
    slip = station.printers["printer-1"].papers[-1]
    assert station.papers() == [*before, ("slip", 0)]
    assert (slip.job, json.loads(station.ledger.body(slip.seq))) == (job, station.last)
    assert (slip.seq, slip.body) == (4, b"")  # it is given its record when its turn comes


def test_a_fresh_paper_of_the_last_run_comes_again_as_a_copy_and_not_for_ever(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.all_out()
    station.puts("1.000")
    job = station.sells(lot)["job"]
    for copy in range(1, COPIES_BY_ITSELF + 1):
        again = box()
        assert [(one.job, one.copy) for one in again.printers["printer-1"].papers if one.paper == "slip"] == [
            (job, copy)
        ]
    left = box()
    assert [one for one in left.printers["printer-1"].papers if one.paper == "slip"] == []
    view = next(one for one in left.board.prints if one.job == job)
    assert (view.state, view.why) == ("unknown", "restart")


def test_an_old_paper_of_the_last_run_is_left_to_a_person(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.all_out()
    station.puts("1.000")
    job = station.sells(lot)["job"]
    station.clock.go(31 * 60)
    left = box()
    assert left.papers() == []
    assert next(one for one in left.board.prints if one.job == job).state == "unknown"


def test_progress_of_papers_and_deliveries_is_written_when_it_has_been_quiet(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("1.000")
    job = station.sells(lot)["job"]
    station.turn(Printed(job, PrintState.PRINTED, PrintWhy.GS_R))
    station.clock.go(9)
    station.turn()
    state = f"SELECT state = 'printed' FROM print_jobs WHERE job = {job}"
    assert station.count(state) == 0
    station.clock.go(2)
    station.turn()
    assert station.count(state) == 1
    assert box().papers() == [("report", 1)]  # the report was never proven


def test_weights_that_never_pause_keep_the_core_from_nothing_else(box: Callable[..., Box]) -> None:
    """Six scales talk: weights are shown ten times a second, and all else is seen to every half second."""
    station = box()
    seen_to: list[float] = []
    station.core._notify = lambda said: seen_to.append(station.clock.steady()) if said == "WATCHDOG=1" else None
    station.clock.go(5.0)
    start = station.clock.steady()
    for step in range(600):
        station.clock.go(1 / 60)
        weighing = Weighing(Decimal(step).scaleb(-3), unit="kg", net=Net.GROSS, stable=True)
        station.turn(Weighed("scale-1", weighing, station.clock.steady()))
        assert station.scale.net_g is not None and step - station.scale.net_g <= 6
        if step == 300:
            station.core._full = LedgerFull("something else")
    assert station.board.trouble.startswith("磁盘已满")
    ends = [start, *seen_to, station.clock.steady()]
    assert max(after - before for before, after in pairwise(ends)) < 0.6
    assert len(seen_to) <= 21  # and not at every weight


def test_what_probes_and_broken_bytes_say_is_shown(box: Callable[..., Box]) -> None:
    station = box(PRINTERLESS + '[[probe]]\nname = "cold-room"\nmodel = "ds18b20"\nport = "w1:/nowhere"\n')
    station.turn(Sensed("cold-room", Measured("temperature", Decimal("4.1"), "Cel")), PortGarbage("scale-1", "?", b"?"))
    assert station.board.probes[0].measured == (("temperature", "4.1", "Cel"),)
    assert station.scale.garbage == 1


def test_a_persons_wish_reaches_the_scale_that_may_be_written_to(box: Callable[..., Box]) -> None:
    station = box(PRINTERLESS.replace('e = "5 g"', 'e = "5 g"\nwritable = true'))
    assert station.does(AskScale(scale="scale-1", wish="zero")) == {"scale": "scale-1", "asked": "zero"}
    assert station.ports["scale-1"].orders == [Wish.ZERO]


def test_the_city_is_told_who_we_are_when_the_link_comes_up_and_gets_every_record(box: Callable[..., Box]) -> None:
    station = box()
    station.releases()
    station.turn(LinkChanged(True))
    station.turn()
    assert len(station.wire.announced) == 1
    assert [json.loads(body)["sequence"][-1] for _, body in station.wire.sent] == ["1", "2", "3"]
    station.turn(CityMessage("somebody/else", b"?"))
    assert station.board.city.pending == 3


def test_every_refusal_is_named_by_a_test() -> None:
    """A refusal that nobody tests is a promise that nobody keeps."""
    edge, tests = Path(__file__).parents[2] / "edge", Path(__file__).parent
    code = "".join(path.read_text("utf-8") for path in edge.rglob("*.py"))
    tested = "".join(path.read_text("utf-8") for path in tests.rglob("*.py"))
    refusals = set(re.findall(r'Refused\(\s*"([a-z_]+)"', code)) | set(section("weight"))
    assert len(refusals) > 45
    assert sorted(one for one in refusals if f'"{one}"' not in tested) == []


def test_what_the_pages_are_served_with_stands_on_the_board(box: Callable[..., Box]) -> None:
    station = box()
    assert station.board.certificate is None
    view = CertificateView(("stall-7.local",), "CA", "2027-12-22T00:00:00+00:00", "soon")
    station.turn(CertificateSeen(view))
    assert station.board.certificate == view

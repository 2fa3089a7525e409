# ruff: noqa: DTZ001  (a scale has a local clock and knows no zone)
"""What a label scale sold: recorded once, off the right lot, and what is not known waits for a person."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from edge.between.commands import HoldLot
from edge.between.inbox import LabelSold, Refused
from edge.between.label_commands import DismissLabelSale, MatchLabelSale
from edge.documents.day import summary
from edge.ports.port import Committed, NotCommitted
from edge.records.books import BOOKS
from edge.records.recall import buyers
from protocol.city.epcis import events_of
from protocol.readings import LabelSale

SCALES = """
[[label_scale]]
name = "label-1"
model = "label-tcp"
port = "listen:127.0.0.1:0"
goods = { 412 = "01040201", 00013 = "01040301" }
"""
CABBAGE, TOMATO = "01040201", "01040301"


def sale(number: int = 0, article: str = "000000000412", **more: Any) -> LabelSale:
    """A label of 2.330 kg, printed so many minutes after five past four."""
    at = datetime(2026, 11, 22, 4, 5) + timedelta(minutes=number)
    made = LabelSale(
        plu="00012",
        article=article,
        name="DANA KIYMA",
        sold_at=at,
        net_g=2330,
        gross_g=2350,
        tare_g=20,
        identity=f"{at} {article} {more}",
        alike=f"{article}",
        twice_s=2,
        text="00012,…",
        scale="SCALE-07",
        raw=b"00012",
    )
    return replace(made, **more)


@pytest.fixture
def station(box: Callable[..., Any], devices: str) -> Any:
    return box(devices + SCALES)


def hears(station: Any, *sales: LabelSale) -> list[dict[str, Any]]:
    """The records that are made of what the scale says."""
    before = station.ledger.head.seq
    station.turn(*(LabelSold("label-1", one) for one in sales))
    made = [station.ledger.event(seq) for seq in range(before + 1, station.ledger.head.seq + 1)]
    return [one for one in made if one["type"].endswith("trade.labelled.v1")]


def waits(station: Any) -> list[tuple[int, tuple[str, ...]]]:
    return [(one.seq, one.doubts) for one in station.board.label_sales if one.waits]


def refuses(station: Any, command: Any) -> str:
    with pytest.raises(Refused) as refused:
        station.does(command)
    return refused.value.code


def lot_of(station: Any, code: str) -> Any:
    return station.lot(code)


# --- each once --------------------------------------------------------------------------------------------------------


def test_a_sale_is_recorded_off_its_lot_and_the_scale_is_answered(station: Any) -> None:
    lot = station.releases(net_g=5000)
    (made,) = hears(station, sale(60))
    data = made["data"]
    assert data["goods"]["product"] == CABBAGE and data["label_doubts"] == [] and data["counts"] is True
    assert (data["lot"], data["source"], data["net_g"], data["tare_g"]) == (lot, lot_of(station, lot).source, 2330, 20)
    assert (data["price"], data["amount_fen"]) == (None, None)
    assert (data["scale_no"], data["label_scale"], data["model"]) == ("SCALE-07", "label-1", "label-tcp")
    assert (data["labelled_at"], data["plu"], data["article"]) == ("2026-11-22T05:05:00", "00012", "000000000412")
    assert (data["raw"], data["replaces"], data["person"]) == (b"00012".hex(), None, None)
    assert station.ports["label-1"].orders == [Committed(sale(60).identity)]
    assert lot_of(station, lot).left_g == 5000 - 2330
    (view,) = station.board.label_scales
    assert (view.up, view.sales, view.waiting) == (True, 1, 0)


def test_pages_read_these_sales_when_there_are_news_of_them(station: Any) -> None:
    station.releases(net_g=5000)
    hears(station, sale(60))
    assert len(station.board.label_sales) == 1
    said: list[str] = []
    station.ledger.conn.set_trace_callback(said.append)
    station.enters()
    assert not [one for one in said if "label_sales" in one]
    hears(station, sale(61, article="999"))
    station.ledger.conn.set_trace_callback(None)
    assert [one.waits for one in station.board.label_sales] == [True, False]
    station.clock.go(24 * 3600)
    station.turn()
    assert [one.waits for one in station.board.label_sales] == [True]


def test_the_two_of_a_label_are_one_sale_and_sent_again_none(box: Callable[..., Any], devices: str) -> None:
    station = box(devices + SCALES)
    lot = station.releases(net_g=50_000)
    second = replace(sale(60), sold_at=sale(60).sold_at + timedelta(seconds=2), identity="second")  # type: ignore[operator]
    assert len(hears(station, sale(60), second)) == 1
    assert len(hears(station, sale(61))) == 1
    station = box(devices + SCALES)
    assert hears(station, sale(60), second, sale(61), second, sale(60)) == []
    assert lot_of(station, lot).left_g == 50_000 - 2 * 2330
    assert [order.identity for order in station.ports["label-1"].orders] == [
        sale(60).identity,
        "second",
        sale(61).identity,
        "second",
        sale(60).identity,
    ]


def test_the_second_of_a_label_alone_after_a_cut_is_the_same_sale(station: Any) -> None:
    second = replace(sale(60), sold_at=sale(60).sold_at + timedelta(seconds=1), identity="second")  # type: ignore[operator]
    assert len(hears(station, second)) == 1
    assert hears(station, sale(60)) == []


@pytest.mark.parametrize("seconds", [3, 60])
def test_an_equal_sale_later_is_another(station: Any, seconds: int) -> None:
    later = replace(sale(60), sold_at=sale(60).sold_at + timedelta(seconds=seconds), identity="later")  # type: ignore[operator]
    assert len(hears(station, sale(60), later)) == 2


def test_three_equal_ones_within_the_time_are_two_sales(station: Any) -> None:
    parts = [
        replace(sale(60), sold_at=sale(60).sold_at + timedelta(seconds=after), identity=f"{after}")  # type: ignore[operator]
        for after in (0, 1, 2)
    ]
    assert len(hears(station, *parts)) == 2


def test_a_scale_that_sends_each_once_has_two_equal_sales(station: Any) -> None:
    once = {"alike": "", "twice_s": 0}
    assert len(hears(station, sale(60, **once, identity="a"), sale(60, **once, identity="b"))) == 2


def test_nothing_is_answered_that_is_not_on_the_disk(station: Any) -> None:
    station.fill_the_disk()
    before = station.ledger.head.seq
    station.turn(*(LabelSold("label-1", sale(number, raw=bytes(4000))) for number in range(60, 80)))
    assert station.ledger.head.seq == before
    assert station.ports["label-1"].orders == [NotCommitted()]
    station.free_the_disk()
    assert len(hears(station, sale(60))) == 1


# --- goods and lots ---------------------------------------------------------------------------------------------------


def test_a_number_that_nobody_knows_waits_and_is_settled_with_its_like(station: Any) -> None:
    lot = station.releases(net_g=50_000)
    first, _, other = hears(station, sale(60, "77"), sale(61, "77"), sale(62, "88"))
    assert first["data"]["goods"] is None and first["data"]["label_doubts"] == ["goods"] and not first["data"]["counts"]
    assert lot_of(station, lot).left_g == 50_000
    seq = int(first["sequence"])
    answer = station.does(MatchLabelSale(seq=seq, product=CABBAGE, remember=True, person="王敏"))
    assert (answer["lot"], answer["others"]) == (lot, 1)
    assert lot_of(station, lot).left_g == 50_000 - 2 * 2330
    assert waits(station) == [(int(other["sequence"]), ("goods",))]
    (known,) = hears(station, sale(63, "77"))
    assert known["data"]["goods"]["product"] == CABBAGE and known["data"]["person"] is None
    matched = station.ledger.event(answer["seq"])["data"]
    assert (matched["replaces"], matched["person"], matched["counts"]) == (first["id"], "王敏", True)


def test_without_remembering_only_this_one_is_settled(station: Any) -> None:
    station.releases(net_g=50_000)
    first, second = hears(station, sale(60, "77"), sale(61, "77"))
    station.does(MatchLabelSale(seq=int(first["sequence"]), product=CABBAGE, person="王敏"))
    assert [seq for seq, _ in waits(station)] == [int(second["sequence"])]
    assert hears(station, sale(62, "77"))[0]["data"]["goods"] is None


def test_the_plu_is_looked_up_where_the_article_is_not_known(station: Any) -> None:
    station.releases(TOMATO, 50_000)
    (made,) = hears(station, sale(60, "99", plu="00013"))
    assert made["data"]["goods"]["product"] == TOMATO


def test_goods_without_a_lot_wait_and_a_person_names_it(station: Any) -> None:
    (made,) = hears(station, sale(60))
    assert made["data"]["label_doubts"] == ["lot"] and made["data"]["counts"] is True and made["data"]["lot"] is None
    lot = station.releases(net_g=50_000)
    seq = int(made["sequence"])
    assert refuses(station, MatchLabelSale(seq=seq, product=TOMATO, person="王敏")) == "other_goods"
    answer = station.does(MatchLabelSale(seq=seq, product=CABBAGE, lot=lot, person="王敏"))
    assert station.ledger.event(answer["seq"])["data"]["counts"] is False  # the one before did
    assert lot_of(station, lot).left_g == 50_000 - 2330 and waits(station) == []
    assert station.board.day.labels == 1


def test_goods_that_came_in_after_the_label_were_not_sold_by_it(station: Any) -> None:
    lot = station.releases(net_g=50_000)
    (made,) = hears(station, sale(-600))
    assert made["data"]["lot"] is None and made["data"]["label_doubts"] == ["lot"]
    assert lot_of(station, lot).left_g == 50_000


def test_more_than_was_left_is_told(station: Any) -> None:
    station.releases(net_g=2000)
    (made,) = hears(station, sale(60))
    assert made["data"]["over_g"] == 330


def test_a_suspended_lot_that_was_sold_is_an_alarm_until_a_person_has_decided(station: Any) -> None:
    lot = station.releases(net_g=50_000)
    station.does(HoldLot(lot=lot, person="王敏", reason="投诉"))
    (made,) = hears(station, sale(60))
    data = made["data"]
    assert (data["suspended"], data["label_doubts"], data["lot"], data["counts"]) == ([lot], ["suspended"], None, True)
    lane = station.count(f"SELECT lane FROM events WHERE seq = {made['sequence']}")
    assert lane == 1
    assert [doubts for _, doubts in waits(station)] == [("suspended",)]
    answer = station.does(MatchLabelSale(seq=int(made["sequence"]), product=CABBAGE, lot=lot, person="王敏"))
    again = station.ledger.event(answer["seq"])["data"]
    assert (again["lot"], again["suspended"], again["counts"]) == (lot, [lot], False)
    assert waits(station) == []
    assert station.count(f"SELECT left_g FROM lots WHERE test_code = '{lot}'") == 50_000 - 2330


def test_goods_that_need_no_lot_need_none(box: Callable[..., Any], devices: str) -> None:
    station = box(f'[stall]\nwithout_lot = ["{CABBAGE}"]\n' + devices + SCALES)
    (made,) = hears(station, sale(60))
    assert (made["data"]["label_doubts"], made["data"]["counts"], made["data"]["lot"]) == ([], True, None)


# --- masses and lines that are not certain ----------------------------------------------------------------------------


def test_a_mass_that_is_not_certain_is_typed_off_the_label(station: Any) -> None:
    lot = station.releases(net_g=50_000)
    (made,) = hears(station, sale(60, net_g=None, gross_g=None, tare_g=None, doubts=("unit",)))
    assert (made["data"]["net_g"], made["data"]["label_doubts"], made["data"]["counts"]) == (None, ["unit"], False)
    assert made["data"]["goods"]["product"] == CABBAGE
    seq = int(made["sequence"])
    assert refuses(station, MatchLabelSale(seq=seq, product=CABBAGE, person="王敏")) == "mass_needed"
    answer = station.does(MatchLabelSale(seq=seq, product=CABBAGE, net_g=250, person="王敏"))
    data = station.ledger.event(answer["seq"])["data"]
    assert (data["net_g"], data["weight_typed"], data["counts"], data["label_doubts"], data["lot"]) == (
        250,
        True,
        True,
        [],
        lot,
    )
    assert lot_of(station, lot).left_g == 50_000 - 250


def test_a_mass_that_the_scale_says_is_not_typed_over(station: Any) -> None:
    station.releases(net_g=50_000)
    (made,) = hears(station, sale(60, "77"))
    assert (
        refuses(station, MatchLabelSale(seq=int(made["sequence"]), product=CABBAGE, net_g=2000, person="王敏"))
        == "mass_known"
    )


def test_a_line_that_was_not_understood_keeps_its_text(station: Any) -> None:
    station.releases(net_g=50_000)
    unread = LabelSale("", "", "", None, None, "x", "0x012,broken", doubts=("unread",), raw=b"0x012,broken")
    (made,) = hears(station, unread)
    assert (made["data"]["text"], made["data"]["label_doubts"], made["data"]["goods"]) == (
        "0x012,broken",
        ["unread"],
        None,
    )
    assert hears(station, unread) == []
    assert station.board.label_sales[0].text == "0x012,broken"
    seq = int(made["sequence"])
    answer = station.does(MatchLabelSale(seq=seq, product=CABBAGE, net_g=500, remember=True, person="王敏"))
    assert answer["others"] == 0 and waits(station) == []
    assert station.count("SELECT count(*) FROM label_goods") == 0  # there is no number to remember


def test_a_clock_that_runs_ahead_is_told_and_holds_nothing_up(station: Any) -> None:
    station.releases(net_g=50_000)
    (made,) = hears(station, sale(60 * 24 * 400))
    assert made["data"]["label_doubts"] == ["time"] and waits(station) == []


# --- what is no sale --------------------------------------------------------------------------------------------------


def test_a_label_that_is_no_sale_is_taken_off_everywhere(station: Any) -> None:
    lot = station.releases(net_g=50_000)
    (made,) = hears(station, sale(60))
    assert (station.board.day.labels, station.board.day.label_g, station.board.day.slips) == (1, 2330, 0)
    source = lot_of(station, lot).source
    assert [row.net_g for row in buyers(station.ledger.conn, source, 1)] == [2330]
    seq = station.does(DismissLabelSale(seq=int(made["sequence"]), reason="试打标签", person="王敏"))["seq"]
    data = station.ledger.event(seq)["data"]
    assert (data["taken_off"], data["counts"], data["replaces"]) == ("试打标签", True, made["id"])
    assert lot_of(station, lot).left_g == 50_000
    assert (station.board.day.labels, station.board.day.label_g) == (0, 0)
    assert buyers(station.ledger.conn, source, 1) == []
    assert refuses(station, DismissLabelSale(seq=seq, reason="试打标签", person="王敏")) == "dismissed"
    assert (
        refuses(station, DismissLabelSale(seq=int(made["sequence"]), reason="试打标签", person="王敏"))
        == "no_label_sale"
    )


def test_one_that_waited_and_is_no_sale_never_counted(station: Any) -> None:
    (made,) = hears(station, sale(60, "77"))
    seq = station.does(DismissLabelSale(seq=int(made["sequence"]), reason="试打标签", person="王敏"))["seq"]
    assert station.ledger.event(seq)["data"]["counts"] is False and waits(station) == []
    assert refuses(station, MatchLabelSale(seq=seq, product=CABBAGE, person="王敏")) == "not_waiting"
    assert station.board.day.labels == 0


# --- what others make of it -------------------------------------------------------------------------------------------


def test_the_day_the_book_and_epcis_have_it(station: Any) -> None:
    lot = station.releases(net_g=50_000)
    hears(station, sale(60), sale(61, "77"))
    day = summary(station.ledger.conn, "2026-11-22", station.ledger.head.seq)["data"]
    assert (day["labels"], day["label_g"], day["sales"], day["amount_fen"]) == (1, 2330, 0, 0)
    book = BOOKS["sales"]
    made = [station.ledger.event(seq) for seq in range(1, station.ledger.head.seq + 1)]
    labels = [one for one in made if one["type"].endswith("trade.labelled.v1")]
    (row,) = [row for one in labels for row in book.rows(one)]
    assert row[0] == "销售" and row[2] == "大白菜" and str(row[4]) == "2.330" and row[5] == row[6] == ""
    known, unknown = (events_of(one, lambda number: None)[0] for one in labels)
    source = lot_of(station, lot).source
    assert known["quantityList"] == [{"epcClass": f"urn:marketedge:lot:{source}", "quantity": 2330, "uom": "GRM"}]
    assert known["bizStep"] == "retail_selling" and unknown["epcList"] == []
    by_id = {one["id"]: one for one in labels}
    station.does(DismissLabelSale(seq=int(labels[0]["sequence"]), reason="试打标签", person="王敏"))
    (declared,) = events_of(station.last, by_id.get)
    assert declared["errorDeclaration"]["reason"] == "did_not_occur"
    assert declared["errorDeclaration"]["medge:why"] == "试打标签"


def test_a_stall_of_several_has_its_own_label_scale(box: Callable[..., Any], devices: str) -> None:
    seat = """
[[seat]]
name = "stall-2"
scale = "scale-1"
code = "4101080010222"
seller = "王二牛肉"
"""
    station = box(devices + SCALES.replace("goods =", 'seat = "stall-2"\ngoods =') + seat)
    station.releases(net_g=50_000)
    (made,) = hears(station, sale(60))
    assert made["data"]["seller"]["name"] == "王二牛肉"


def test_goods_that_are_not_weighed_and_lots_of_others_are_refused(box: Callable[..., Any], devices: str) -> None:
    station = box(devices + SCALES + '[[product]]\ncode = "01040901"\nname = "鸡蛋"\nby = "piece"\n')
    tomatoes = station.releases(TOMATO, 5000)
    (made,) = hears(station, sale(60, "77"))
    seq = int(made["sequence"])
    assert refuses(station, MatchLabelSale(seq=seq, product="01040901", person="王敏")) == "by_piece"
    assert refuses(station, MatchLabelSale(seq=seq, product=CABBAGE, lot=tomatoes, person="王敏")) == "lot_product"
    assert [at for at, _ in waits(station)] == [seq]


def test_a_sale_that_makes_the_program_fail_is_kept_and_answered(station: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("edge.jobs.label_sales._as_said", fails)
    assert hears(station, sale(60)) == []
    assert [(one.kind, one.device) for one in station.board.unread] == [("sale", "label-1")]
    assert station.ports["label-1"].orders == [Committed(sale(60).identity)]

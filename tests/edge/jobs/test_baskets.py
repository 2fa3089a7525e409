"""Slips of several lines, what is let off, payments and labels: nothing is lost, sold twice, or sold by itself."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from edge.between.commands import HoldLot, PrintDocument, Sell
from edge.between.correction_commands import VoidSale
from edge.between.inbox import PortChanged, Refused
from edge.between.people import ALONE, Role, Who
from edge.between.sale_commands import (
    AddLine,
    AskPayment,
    CloseSlip,
    DropBasket,
    DropLine,
    ParkBasket,
    ReadLabel,
    ResumeBasket,
    TakePayment,
)
from edge.records.books import Progress
from edge.records.shelf import Shelf
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.token import Flags, TokenVerdict, digest_of, verify_url
from protocol.labels import check_digit

Box = Any  # the station of tests/edge/conftest.py
CABBAGE, TOMATO, EGG = "01040201", "01040301", "01060101"
STALL = """
[gate]
unchecked = "accept"
[stall]
{more}
without_lot = ["{egg}"]
containers = {{ "KUANG-01" = "250 g" }}
[people]
{people}
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "100 g"
e = "5 g"
verified_until = 2027-06-30
[[printer]]
name = "printer-1"
port = "usb:"
[[barcode]]
pattern = "21IIIIIWWWWWC"
items = {{ "00123" = "{cabbage}" }}
[[barcode]]
pattern = "22IIIIIPPPPPC"
[[barcode]]
pattern = "2900IIIIIPPPPPWWWWWC"
[[product]]
code = "{cabbage}"
name = "大白菜"
name_en = "Chinese cabbage"
price = "3.50"
[[product]]
code = "{tomato}"
name = "西红柿"
price = "1.99"
per = "500g"
[[product]]
code = "{egg}"
name = "土鸡蛋"
price = "1.20"
by = "piece"
"""


def settings(more: str = "", people: str = "") -> str:
    return STALL.format(more=more, people=people, cabbage=CABBAGE, tomato=TOMATO, egg=EGG)


@pytest.fixture
def stall(box: Callable[..., Box]) -> Callable[..., Box]:
    return lambda more="", people="": box(settings(more, people))


def adds(station: Box, kilograms: str, lot: str, product: str = CABBAGE, **more: Any) -> dict[str, Any]:
    station.puts(kilograms)
    return dict(station.does(AddLine(scale="scale-1", product=product, lot=lot, **more)))


@pytest.fixture
def market(stall: Callable[..., Box], elsewhere: str) -> Callable[..., tuple[Box, str, str]]:
    """A stall with ten kilograms of cabbage and of tomatoes, each of a lot that may be sold."""

    def open_(more: str = "", people: str = "") -> tuple[Box, str, str]:
        station = stall(more, people)
        other = str(TraceCode("410108002", CodeKind.SOURCE, "01", 1008))
        cabbage = station.enters(net_g=10_000, upstream=elsewhere)
        return station, cabbage, station.enters(TOMATO, net_g=10_000, upstream=other)

    return open_


def refused(station: Box, command: Any, code: str, who: Who = ALONE) -> str:
    with pytest.raises(Refused) as why:
        station.does(command, who=who)
    assert why.value.code == code
    return str(why.value.zh)


def left(station: Box) -> dict[str, int]:
    return {lot.product: lot.left_g for lot in station.board.lots}


# --- lines ------------------------------------------------------------------------------------------------------------


def test_three_lines_are_one_slip(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, tomato = market()
    first = adds(station, "1.250", cabbage, seen_g=1250, seen_fen=438)
    assert first == {"basket": 1, "state": "open", "lines": 1, "amount_fen": 438, "due_fen": 438} | {
        "line": 1,
        "net_g": 1250,
        "line_fen": 438,
    }
    adds(station, "0.800", tomato, TOMATO, price_fen=150)
    (basket,) = station.board.baskets
    assert [(line.number, line.product_name, line.net_g, line.amount_fen) for line in basket.lines] == [
        (1, "大白菜", 1250, 438),
        (2, "西红柿", 800, 240),
    ]
    assert left(station) == {CABBAGE: 10_000, TOMATO: 10_000}  # nothing is sold yet
    station.puts("2.000")
    sold = station.sells(cabbage, basket=1, seen_fen=1300, rounding="yuan", paid_by="wechat", buyer="4101080010777")
    assert (sold["lines"], sold["net_g"], sold["amount_fen"], sold["rounded_fen"]) == (3, 4050, 1300, 78)
    assert sold["left_g"] == 6750 and left(station) == {CABBAGE: 6750, TOMATO: 9200}
    assert station.board.baskets == ()
    data = station.last["data"]
    assert [line["amount_fen"] for line in data["slip"]["lines"]] == [438, 240, 700]
    assert (data["slip"]["amount_fen"], data["rounded_fen"], data["paid_by"]) == (1300, 78, "wechat")
    token = verify_url(data["url"], station.ledger.signer.key.public_key())
    assert (token.net_g, token.amount_fen, len(token.sources or ())) == (4050, 1300, 2)
    assert token.digest == digest_of(data["slip"]) and Flags.SCALE_VERIFIED in token.flags
    assert token.verdict is TokenVerdict.NONE
    assert station.papers() == [("slip", 0)]
    station.does(VoidSale(tx=sold["tx"], reason="选错了商品"))
    assert left(station) == {CABBAGE: 10_000, TOMATO: 10_000}
    assert (station.last["data"]["rounded_fen"], station.last["data"]["paid_by"]) == (78, "wechat")


def test_a_load_is_in_one_line_only(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, _ = market()
    adds(station, "1.250", cabbage)
    line = AddLine(scale="scale-1", product=CABBAGE, lot=cabbage)
    refused(station, line, "sold")
    refused(station, Sell(scale="scale-1", product=CABBAGE, lot=cabbage), "sold")
    station.puts("0.500")
    marked = AddLine(scale="scale-1", product=CABBAGE, lot=cabbage, mark="k1")
    assert station.does(marked) == station.does(marked)
    assert station.board.baskets[0].amount_fen == 438 + 175


def test_a_list_outlasts_a_restart_and_is_told(market: Callable[..., tuple[Box, str, str]], box: Any) -> None:
    station, cabbage, _ = market()
    adds(station, "1.250", cabbage)
    station = box(settings())
    (basket,) = station.board.baskets
    assert (basket.old, basket.state, basket.amount_fen) == (True, "open", 438)
    adds(station, "1.000", cabbage)
    assert not station.board.baskets[0].old
    assert station.does(CloseSlip(basket=1, seen_fen=788))["lines"] == 2


def test_a_list_that_waits_for_its_payment_was_touched_and_is_closed_at_the_terms_that_are_said(
    market: Callable[..., tuple[Box, str, str]], box: Any
) -> None:
    station, cabbage, _ = market()
    adds(station, "1.250", cabbage)
    station = box(settings())
    station.does(AskPayment(basket=1))
    assert not station.board.baskets[0].old
    station.does(ResumeBasket(basket=1))
    sold = station.does(CloseSlip(basket=1, buyer="4101080010777", buyer_name="李饭店", rounding="jiao"))
    assert sold["amount_fen"] == 430
    slip = station.last["data"]
    assert (slip["slip"]["buyer"], slip["buyer"]["name"], slip["rounded_fen"]) == ("4101080010777", "李饭店", 8)
    assert (slip["paid_by"], slip["payment"], slip["replaces"]) == ("", "", None)


def test_a_line_is_taken_out_and_a_list_emptied(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, tomato = market()
    adds(station, "1.250", cabbage)
    adds(station, "0.800", tomato, TOMATO)
    less = {"basket": 1, "state": "open", "lines": 1, "amount_fen": 318, "due_fen": 318}
    assert station.does(DropLine(basket=1, line=1)) == less
    refused(station, DropLine(basket=1, line=1), "no_line")
    assert adds(station, "1.000", cabbage)["line"] == 3  # a number is not used again
    station.does(DropLine(basket=1, line=2))
    none = {"state": "empty", "lines": 0, "amount_fen": 0, "due_fen": 0}
    assert station.does(DropLine(basket=1, line=3)) == {"basket": 1} | none
    refused(station, CloseSlip(basket=1), "no_basket")
    adds(station, "1.000", cabbage)
    assert station.does(DropBasket(basket=2)) == {"basket": 2} | none
    assert station.board.baskets == () and left(station)[CABBAGE] == 10_000


def test_the_next_customer_goes_first(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, tomato = market()
    adds(station, "1.250", cabbage)
    parked = {"basket": 1, "state": "parked", "lines": 1, "amount_fen": 438, "due_fen": 438}
    assert station.does(ParkBasket(basket=1)) == parked
    refused(station, TakePayment(amount_fen=438, reference="a", kind="cash"), "no_payment_due")
    adds(station, "0.800", tomato, TOMATO)
    assert [(one.number, one.state) for one in station.board.baskets] == [(1, "parked"), (2, "open")]
    station.does(ResumeBasket(basket=1))
    assert [(one.number, one.state) for one in station.board.baskets] == [(1, "open"), (2, "parked")]
    assert station.does(CloseSlip(basket=2))["amount_fen"] == 318
    assert station.does(CloseSlip(basket=1))["amount_fen"] == 438


def test_a_line_whose_lot_was_held_is_named_and_nothing_is_sold(
    market: Callable[..., tuple[Box, str, str]],
) -> None:
    station, cabbage, tomato = market()
    adds(station, "1.250", cabbage)
    adds(station, "0.800", tomato, TOMATO)
    station.does(HoldLot(lot=tomato, person="王敏", reason="顾客投诉"))
    said = refused(station, CloseSlip(basket=1), "lot_held")
    assert said.startswith("第 2 行 西红柿：") and "顾客投诉" in said
    assert left(station)[CABBAGE] == 10_000
    station.does(DropLine(basket=1, line=2))
    assert station.does(CloseSlip(basket=1))["amount_fen"] == 438


def test_more_than_is_left_is_counted_over_all_lines(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, _ = market('oversell = "refuse"')
    adds(station, "6.000", cabbage)
    station.puts("5.000")
    assert "只剩 4.000 kg" in refused(station, AddLine(scale="scale-1", product=CABBAGE, lot=cabbage), "lot_empty")
    adds(station, "1.000", cabbage)
    station.puts("4.000")
    refused(station, AddLine(scale="scale-1", product=CABBAGE, lot=cabbage), "lot_empty")
    station.puts("3.000")
    sold = station.sells(cabbage, basket=1)
    assert [one["code"] for one in sold["warnings"]] == ["lot_used_up"]


def test_what_is_over_stands_at_its_line(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, _ = market()
    adds(station, "6.000", cabbage)
    adds(station, "5.000", cabbage)
    assert station.does(CloseSlip(basket=1))["left_g"] == -1000
    assert [sold["over_g"] for sold in station.last["data"]["sold"]] == [0, 1000]


def test_a_list_is_not_closed_alone_while_another_load_lies_there(
    market: Callable[..., tuple[Box, str, str]],
) -> None:
    station, cabbage, _ = market()
    adds(station, "1.250", cabbage)
    station.puts("0.500")
    refused(station, CloseSlip(basket=1, alone=True), "load_there")
    station.weighs("0.000")
    assert station.does(CloseSlip(basket=1, alone=True))["amount_fen"] == 438


def test_a_slip_has_so_many_lines_and_lists_are_so_many(
    market: Callable[..., tuple[Box, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    station, cabbage, _ = market()
    monkeypatch.setattr("edge.state.baskets.MOST_LINES", 1)
    monkeypatch.setattr("edge.jobs.stall.MOST_LINES", 1)
    monkeypatch.setattr("edge.state.baskets.MOST_BASKETS", 1)
    adds(station, "1.250", cabbage)
    station.puts("1.000")
    refused(station, AddLine(scale="scale-1", product=CABBAGE, lot=cabbage), "too_many_lines")
    refused(station, Sell(scale="scale-1", product=CABBAGE, lot=cabbage, basket=1), "too_many_lines")
    station.does(ParkBasket(basket=1))
    refused(station, AddLine(scale="scale-1", product=CABBAGE, lot=cabbage), "too_many_baskets")


def test_a_list_whose_line_cannot_be_written_stays_as_it_was(
    market: Callable[..., tuple[Box, str, str]],
) -> None:
    station, cabbage, _ = market()
    adds(station, "1.250", cabbage)
    station.puts("1.000")
    station.fill_the_disk()
    with pytest.raises(Refused):
        station.does(CloseSlip(basket=1))
    station.free_the_disk()
    assert station.sells(cabbage, basket=1)["lines"] == 2


def test_a_typed_weight_in_a_list_names_who_gave_the_word(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, _ = market()
    station.turn(PortChanged("scale-1", False, "unplugged"))
    typed = AddLine(scale="scale-1", product=CABBAGE, lot=cabbage, manual_g=900, reason="秤坏了")
    worker = Who("5", frozenset({Role.OPERATOR}), "李四")
    refused(station, typed, "needs_supervisor", worker)
    trusted = Who("5", frozenset({Role.OPERATOR}), "李四", "1", frozenset({Role.SUPERVISOR}))
    station.does(typed, who=trusted)
    station.does(CloseSlip(basket=1), who=worker)
    assert station.last["data"]["sold"][0]["approvedby"] == "1"


def test_a_supervisors_own_typed_weight_is_named_where_another_closes(
    market: Callable[..., tuple[Box, str, str]],
) -> None:
    station, cabbage, _ = market()
    station.turn(PortChanged("scale-1", False, "unplugged"))
    typed = AddLine(scale="scale-1", product=CABBAGE, lot=cabbage, manual_g=900, reason="秤坏了")
    chef, worker = Who("1", frozenset({Role.SUPERVISOR})), Who("5", frozenset({Role.OPERATOR}))
    station.does(typed, who=chef)
    station.does(CloseSlip(basket=1), who=worker)
    assert (station.last["operator"], station.last["data"]["sold"][0]["approvedby"]) == ("5", "1")
    station.does(typed, who=chef)
    station.does(CloseSlip(basket=2), who=chef)
    assert (station.last["operator"], station.last["data"]["sold"][0]["approvedby"]) == ("1", "")


@pytest.mark.parametrize("by_program", [False, True])
def test_what_was_let_off_before_the_payment_names_who_gave_the_word(
    market: Callable[..., tuple[Box, str, str]], by_program: bool
) -> None:
    station, cabbage, _ = market(people='prices = "supervisor"')
    adds(station, "1.250", cabbage)
    worker = Who("5", frozenset({Role.OPERATOR}), "李四")
    asking = AskPayment(basket=1, rounding="yuan")
    refused(station, asking, "needs_supervisor", worker)
    station.does(asking, who=Who("5", frozenset({Role.OPERATOR}), "李四", "1", frozenset({Role.SUPERVISOR})))
    if by_program:
        station.does(
            TakePayment(amount_fen=400, reference="W1", kind="wechat"), who=Who("token:pos", frozenset({Role.OPERATOR}))
        )
    else:
        station.does(CloseSlip(basket=1), who=worker)
    assert "approvedby" not in station.last
    assert (station.last["data"]["rounded_fen"], station.last["data"]["approvedby"]) == (38, "1")
    (line, off) = book_of_sales(station)
    assert (line["同意者编码"], off["同意者编码"], off["金额(元)"]) == ("", "1", "-0.38")


def test_what_is_let_off_at_the_end_names_who_gave_the_word_once(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, _ = market(people='prices = "supervisor"')
    adds(station, "1.250", cabbage)
    chef = Who("5", frozenset({Role.OPERATOR}), "李四", "1", frozenset({Role.SUPERVISOR}))
    station.does(CloseSlip(basket=1, rounding="yuan"), who=chef)
    assert station.last["approvedby"] == "1" and "approvedby" not in station.last["data"]
    assert [row["同意者编码"] for row in book_of_sales(station)] == ["1", "1"]


def book_of_sales(station: Box) -> list[dict[str, str]]:
    """Its rows as a spreadsheet reads them."""
    folder = station.ledger.path.parent
    shelf = Shelf(folder, station.ledger.signer.key.public_key())
    shelf.book(folder / "sales.csv", "sales", "csv", None, None, Progress())
    return list(csv.DictReader(io.StringIO((folder / "sales.csv").read_text("utf-8-sig"))))


# --- what is let off --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "asked", "paid"),
    [("none", None, 438), ("jiao", None, 430), ("none", "yuan", 400), ("yuan", "none", 438)],
)
def test_a_slip_is_rounded_down(
    market: Callable[..., tuple[Box, str, str]], setting: str, asked: str | None, paid: int
) -> None:
    station, cabbage, _ = market(f'rounding = "{setting}"')
    station.puts("1.250")
    for seen in (paid - 1, paid + 1):
        sale = Sell(scale="scale-1", product=CABBAGE, lot=cabbage, rounding=asked, seen_fen=seen)
        refused(station, sale, "price_changed")
    assert station.sells(cabbage, rounding=asked, seen_fen=paid)["amount_fen"] == paid
    data = station.last["data"]
    assert data["slip"]["lines"][0]["amount_fen"] - data["rounded_fen"] == data["slip"]["amount_fen"] == paid


def test_nothing_is_given_away_by_rounding(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, _ = market()
    station.puts("0.100")
    assert station.sells(cabbage, rounding="yuan")["amount_fen"] == 35


def test_who_may_not_change_prices_lets_nothing_off(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, _ = market("", 'prices = "supervisor"')
    station.puts("1.250")
    worker = Who("5", frozenset({Role.OPERATOR}), "李四")
    refused(station, Sell(scale="scale-1", product=CABBAGE, lot=cabbage, rounding="jiao"), "needs_supervisor", worker)
    adds(station, "1.250", cabbage)
    station.does(AskPayment(basket=1, rounding="jiao"))
    till = Who("token:till", frozenset({Role.OPERATOR}))
    assert station.does(TakePayment(amount_fen=430, reference="a", kind="cash"), who=till)["rounded_fen"] == 8


# --- payments ---------------------------------------------------------------------------------------------------------


def test_a_payment_makes_the_slip_once(market: Callable[..., tuple[Box, str, str]], box: Any) -> None:
    station, cabbage, _ = market('payment = "before_slip"')
    station.puts("1.250")
    refused(station, Sell(scale="scale-1", product=CABBAGE, lot=cabbage), "payment_first")
    adds(station, "1.250", cabbage)
    refused(station, CloseSlip(basket=1), "payment_first")
    said = station.does(AskPayment(basket=1, buyer_name="张三饭店", rounding="jiao"))
    assert said == {"basket": 1, "state": "paying", "lines": 1, "amount_fen": 438, "due_fen": 430}
    assert (station.board.baskets[0].state, station.board.baskets[0].due_fen) == ("paying", 430)
    refused(station, DropBasket(basket=1), "waits_for_payment")
    paid = TakePayment(amount_fen=430, reference="4200002026112912", kind="wechat")
    assert "应收 4.30 元" in refused(station, paid.model_copy(update={"amount_fen": 438}), "payment_amount")
    refused(station, paid.model_copy(update={"kind": "shells"}), "payment_kind")
    station = box(settings('payment = "before_slip"'))
    said = station.does(paid)
    data = station.last["data"]
    assert (data["payment"], data["paid_by"], data["buyer"]["name"]) == ("4200002026112912", "wechat", "张三饭店")
    head = station.ledger.head.seq
    assert station.does(paid) == said and station.ledger.head.seq == head
    station = box(settings('payment = "before_slip"'))
    assert station.does(paid) == said and station.ledger.head.seq == head
    refused(station, paid.model_copy(update={"amount_fen": 438}), "payment_reused")
    refused(station, paid.model_copy(update={"reference": "x"}), "no_payment_due")


def test_an_open_list_is_closed_by_its_payment(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, _ = market('rounding = "jiao"')
    adds(station, "1.250", cabbage)
    adds(station, "1.250", cabbage)
    assert station.does(TakePayment(amount_fen=870, reference="a", kind="cash"))["lines"] == 2


def test_a_payment_that_fits_two_lists_is_a_person_s(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, _ = market()
    for number in (1, 2):
        adds(station, "1.250", cabbage)
        station.does(AskPayment(basket=number))
    refused(station, TakePayment(amount_fen=438, reference="a", kind="cash"), "payment_unclear")
    assert station.does(TakePayment(amount_fen=438, reference="a", kind="cash", basket=2))["amount_fen"] == 438
    station.does(ResumeBasket(basket=1))
    assert station.does(CloseSlip(basket=1, paid_by="cash"))["amount_fen"] == 438


def test_what_was_agreed_is_paid_by_hand(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, _ = market()
    adds(station, "1.250", cabbage)
    station.does(AskPayment(basket=1, rounding="yuan"))
    refused(station, CloseSlip(basket=1, seen_fen=438, paid_by="cash"), "price_changed")
    assert station.does(CloseSlip(basket=1, paid_by="cash"))["amount_fen"] == 400


def test_a_list_in_place_of_a_sale_that_is_not_voided_waits_for_no_payment(
    market: Callable[..., tuple[Box, str, str]],
) -> None:
    station, cabbage, _ = market()
    station.puts("1.250")
    tx = station.sells(cabbage)["tx"]
    adds(station, "1.250", cabbage)
    refused(station, AskPayment(basket=1, replaces=tx), "not_voided")
    station.does(VoidSale(tx=tx, reason="错"))
    station.does(AskPayment(basket=1, replaces=tx))
    station.does(CloseSlip(basket=1))
    assert station.last["data"]["replaces"] == tx


# --- pieces, labels, containers ---------------------------------------------------------------------------------------


def test_goods_by_the_piece_are_counted(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, _ = market()
    eggs = {"scale": "scale-1", "product": EGG}
    refused(station, Sell(**eggs), "by_piece")
    refused(station, Sell(scale="scale-1", product=CABBAGE, lot=cabbage, pieces=3), "by_weight")
    assert station.does(Sell(**eggs, pieces=12))["amount_fen"] == 1440
    data = station.last["data"]
    (line,), (sold,) = data["slip"]["lines"], data["sold"]
    assert (line["net_g"], line["price"], sold["pieces"]) == (0, {"fen": 120, "per_g": 1000}, 12)
    assert (sold["weighed"]["stability"], sold["weighed"]["value"], data["scale_verified"]) == ("count", "12", False)
    adds(station, "1.250", cabbage)
    station.does(AddLine(**eggs, pieces=2))
    station.does(CloseSlip(basket=1))
    assert station.last["data"]["scale_verified"] is True


def test_a_label_is_sold_by_what_it_says(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, tomato = market()
    said = station.does(ReadLabel(code="2100123012503"))
    assert said == {"product": CABBAGE, "product_name": "大白菜", "net_g": 1250, "amount_fen": 438, "price_fen": 350}
    sold = station.sells(cabbage, label="2100123012503", seen_g=1250)
    weighed = station.last["data"]["sold"][0]["weighed"]
    assert (sold["amount_fen"], weighed["stability"], weighed["value"]) == (438, "label", "1.250")
    assert bytes.fromhex(weighed["raw"]) == b"2100123012503"
    assert station.last["data"]["scale_verified"] is False
    refused(station, Sell(scale="scale-1", product=TOMATO, lot=tomato, label="2100123012503"), "label_product")
    price = "224030100398"
    assert station.does(ReadLabel(code=price + check_digit(price)))["net_g"] == 1000


def test_a_label_of_little_is_sold_to_the_fen_and_the_end_of_a_product_s_code_is_enough(
    market: Callable[..., tuple[Box, str, str]],
) -> None:
    station, _, _ = market()
    little, by_end = "210012300030", "210030101000"
    said = station.does(ReadLabel(code=little + check_digit(little)))
    assert (said["net_g"], said["amount_fen"], said["price_fen"]) == (30, 11, 350)  # half a fen is rounded up
    least = "210012300003"
    said = station.does(ReadLabel(code=least + check_digit(least)))
    assert (said["net_g"], said["amount_fen"]) == (3, 1)
    said = station.does(ReadLabel(code=by_end + check_digit(by_end)))
    assert (said["product"], said["net_g"], said["amount_fen"]) == (TOMATO, 1000, 398)


def test_a_label_with_weight_and_price_was_packed_at_its_own_price(
    market: Callable[..., tuple[Box, str, str]],
) -> None:
    station, _, _ = market()
    code = "290040301" + "00500" + "01000"
    said = station.does(ReadLabel(code=code + check_digit(code)))
    assert (said["net_g"], said["amount_fen"], said["price_fen"]) == (1000, 500, 250)


def test_a_label_with_a_price_alone_needs_the_product_s(market: Callable[..., tuple[Box, str, str]], box: Any) -> None:
    market()
    station = box(settings().replace('price = "1.99"', 'price = "0"'))
    refused(station, ReadLabel(code="2240301003982"), "no_price")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("2100123012504", "label_check"),
        ("2100999012502", "label_item"),
        ("2100123000005", "label_empty"),
        ("6901234567892", "no_label"),
    ],
)
def test_a_label_that_says_nothing_is_named(market: Callable[..., tuple[Box, str, str]], code: str, why: str) -> None:
    station, _, _ = market()
    code = code if why in ("label_check", "no_label") else code[:12] + check_digit(code[:12])
    refused(station, ReadLabel(code=code), why)


def test_a_container_is_taken_off_by_its_code(market: Callable[..., tuple[Box, str, str]]) -> None:
    station, cabbage, _ = market()
    station.puts("1.250")
    refused(station, Sell(scale="scale-1", product=CABBAGE, lot=cabbage, container="KUANG-9"), "no_container")
    assert station.sells(cabbage, container="KUANG-01")["net_g"] == 1000
    assert station.last["data"]["sold"][0]["weighed"]["tare_g"] == 250


# --- paper ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["ask", "never"])
def test_no_slip_comes_out_unasked(market: Callable[..., tuple[Box, str, str]], how: str) -> None:
    station, cabbage, _ = market(f'print = "{how}"')
    station.puts("1.250")
    sold = station.sells(cabbage)
    assert (sold["job"], station.papers()) == (None, [])
    assert station.does(PrintDocument(paper="slip", subject=sold["tx"])) == {"job": 1, "copy": 0}
    assert json.loads(station.ledger.body(station.ledger.head.seq))["data"]["url"] == sold["url"]


def test_the_oldest_lot_goes_first(market: Callable[..., tuple[Box, str, str]], elsewhere: str) -> None:
    station, cabbage, _ = market()
    other = str(TraceCode("410108002", CodeKind.SOURCE, "01", 1009))
    station.enters(net_g=5_000, upstream=other)
    assert station.core._station.lots.on_sale(CABBAGE).test_code == cabbage
    station.puts("10.000")
    station.sells(cabbage)
    assert station.core._station.lots.on_sale(CABBAGE).test_code != cabbage

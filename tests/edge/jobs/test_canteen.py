"""The canteen on a real core: each load counts once, two people sign what they saw, and nothing changes after that."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.between.canteen_board import DeliveryLineView, DeliveryView, LoadView, OrderView, SignerView
from edge.between.canteen_commands import (
    AddDeliveryLine,
    BeginDelivery,
    DescribeDelivery,
    DescribeLine,
    DropDelivery,
    HandWaste,
    RemoveLoad,
    SignByName,
    SignDelivery,
    VoidAcceptance,
    WeighLoad,
)
from edge.between.city_commands import ListOrders
from edge.between.commands import ProofGiven
from edge.between.inbox import PortChanged, Refused, Sensed
from edge.between.party_commands import FindParties
from edge.between.people import CONSOLE, Role, Who
from edge.between.people_commands import AddOperator, ChangeOperator
from edge.between.pins import hashed
from edge.config.sections import percent
from edge.records.books import Progress
from edge.records.shelf import Shelf
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.photos import named_in
from protocol.city.token import TokenKind, digest_of, verify_url
from protocol.readings import Measured, Net

STATION = """
[station]
name = "第一小学食堂"
jobs = ["canteen"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010999"
name = "第一小学食堂"
[city]
brokers = ["mqtt://127.0.0.1"]
[stall]
containers = { "KUANG-01" = "1.5 kg" }
"""
DEVICES = """
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "60 kg"
min = "400 g"
e = "20 g"
verified_until = 2027-06-30
[[scale]]
name = "scale-2"
model = "yaohua-a9"
port = "/dev/null"
max = "150 kg"
min = "1 kg"
e = "50 g"
[[probe]]
name = "probe-1"
model = "xy-md02"
port = "/dev/null"
[[printer]]
name = "printer-1"
port = "usb:"
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
"""
PIN = hashed("4829")
OPERATOR = Who("0007", frozenset({Role.OPERATOR}))
SUPERVISOR = Who("0001", frozenset({Role.SUPERVISOR}))
CABBAGE = {"product": "01040201", "name": "大白菜", "net_g": 300_000, "price_fen": 350}
EGGS = {"product": "03010101", "name": "鸡蛋", "net_g": 0, "count": 10, "unit": "箱", "price_fen": 12_000}
ORDER = {
    "order": "XX-01",
    "supplier": "绿源合作社",
    "supplier_code": "4101080010789",
    "buyer": "第一小学食堂",
    "due": "2026-11-22",
    "meal": "午餐",
}


@pytest.fixture
def canteen(box: Callable[..., Any], mayor: Any) -> Callable[..., Any]:
    """A canteen with an order for today; started again it is the same after a restart."""

    def start(*lines: dict[str, Any], settings: str = "", fresh: bool = True, **order: Any) -> Any:
        station = box(settings + DEVICES, station=STATION, city_keys=mayor.keys)
        if fresh:
            listed = list(lines) or [CABBAGE]
            said = mayor.orders(station, "orders", orders=[{**ORDER, "lines": listed, **order}])
            assert said["state"] == "done", said
        return station

    return start


def begun(station: Any) -> int:
    return int(station.does(BeginDelivery(order="XX-01"))["delivery"])


def delivery(station: Any, number: int) -> DeliveryView:
    return next(one for one in station.board.deliveries if one.number == number)


def refused(station: Any, command: Any) -> str:
    before = station.board.deliveries
    with pytest.raises(Refused) as why:
        station.does(command)
    assert why.value.zh and why.value.en
    assert station.board.deliveries == before
    return why.value.code


def weighs_in(station: Any, number: int, kilograms: str, line: int = 1, **more: Any) -> None:
    station.weighs("0.00")
    station.weighs(kilograms)
    station.does(WeighLoad(delivery=number, line=line, scale="scale-1", **more))


def signs(station: Any, number: int, name: str, **more: Any) -> dict[str, Any]:
    version = delivery(station, number).version
    return dict(station.does(SignByName(delivery=number, version=version, person=name, **more)))


def test_an_order_is_on_the_page_when_the_city_has_sent_it(canteen: Callable[..., Any], mayor: Any) -> None:
    station = canteen()
    assert [one.code for one in station.board.orders] == ["XX-01"]
    mayor.orders(station, "orders", orders=[{**ORDER, "order": "XX-02", "lines": [CABBAGE]}])
    assert [one.code for one in station.board.orders] == ["XX-01", "XX-02"]


def test_ten_loads_are_summed_signed_by_two_and_recorded(canteen: Callable[..., Any]) -> None:
    station = canteen()
    number = begun(station)
    for _ in range(10):
        weighs_in(station, number, "31.50", crate="KUANG-01", crates=1)
    (line,) = delivery(station, number).lines
    assert (line.delivered_g, line.accepted_g, line.difference, line.amount_fen) == (300_000, 300_000, "0", 105_000)
    assert line.needs == () and len(line.loads) == 10
    first = signs(station, number, "赵敏", function="食堂管理员")
    assert (first["signed"], first["code"]) == (1, "")
    last = signs(station, number, "钱伟", function="家长代表")
    record = station.last
    assert record["type"] == "cn.marketedge.market.accept.completed.v1"
    assert record["subject"] == last["code"] and record["subject"][9] == "5"
    data = record["data"]
    assert (data["order"], data["supplier"], data["sum_fen"], data["scale_verified"]) == (
        "XX-01",
        "绿源合作社",
        105_000,
        True,
    )
    assert [one["net_g"] for one in data["lines"][0]["loads"]] == [30_000] * 10
    assert {one["tare_g"] for one in data["lines"][0]["loads"]} == {1_500}
    assert all(one["raw"] == "02" and one["value"] == "31.50" for one in data["lines"][0]["loads"])
    assert [(one["name"], one["role"], one["typed"]) for one in data["signers"]] == [
        ("赵敏", "食堂管理员", True),
        ("钱伟", "家长代表", True),
    ]
    token = verify_url(last["url"], station.ledger.signer.key.public_key())
    assert token.kind is TokenKind.ACCEPTANCE and token.net_g == 300_000 and token.amount_fen == 105_000
    assert token.digest == digest_of(data["acceptance"]) and data["digest"] == token.digest.hex()
    assert station.papers() == [("acceptance", 0)] and last["job"] == 1
    done = delivery(station, number)
    assert (done.state, done.code, done.accepted_g, done.lines) == ("done", last["code"], 300_000, ())
    assert station.board.orders[0].state == "done"


def test_where_three_sign_pages_see_three(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000}, settings="[canteen]\nsigners = 3\n")
    number = begun(station)
    weighs_in(station, number, "30.00")
    for name in ("赵敏", "钱伟", "孙丽"):
        assert (delivery(station, number).state, delivery(station, number).signers) == ("open", 3)
        signs(station, number, name)
    assert (delivery(station, number).state, delivery(station, number).signers) == ("done", 3)


def test_whoever_delivered_is_offered_first_the_next_time(canteen: Callable[..., Any]) -> None:
    station = canteen()
    ask = FindParties(kind="suppliers", job="canteen")
    assert station.does(ask)["entries"] == []
    number = begun(station)
    weighs_in(station, number, "30.00")
    station.does(DescribeLine(delivery=number, line=1, why_difference="只到一部分"))
    signs(station, number, "赵敏")
    assert station.does(ask)["entries"] == []
    signs(station, number, "钱伟")
    (found,) = station.does(ask)["entries"]
    assert (found["name"], found["code"], found["recent"]) == ("绿源合作社", "4101080010789", True)


def test_a_load_counts_once_until_it_left_the_pan(canteen: Callable[..., Any]) -> None:
    station = canteen()
    number = begun(station)
    press = WeighLoad(delivery=number, line=1, scale="scale-1")
    station.weighs("30.00")
    assert station.scale.new_g == 30_000
    station.does(press)
    assert (station.scale.new_g, station.scale.new_why) == (None, "counted")
    assert refused(station, press) == "load_counted"
    station.weighs("30.10")
    assert refused(station, press) == "load_counted"
    station.weighs("12.00")
    assert refused(station, press) == "load_counted"
    station.weighs("55.00")
    assert (station.scale.new_g, station.scale.new_why) == (25_000, "")
    station.does(press)
    assert [(one.net_g, one.before_g) for one in delivery(station, number).lines[0].loads] == [
        (30_000, 0),
        (25_000, 30_000),
    ]
    station.weighs("0.00", 0.1, stable=False)
    station.weighs("30.00")
    station.does(press)
    assert delivery(station, number).lines[0].delivered_g == 85_000


def test_the_tare_key_makes_no_new_load(canteen: Callable[..., Any]) -> None:
    station = canteen()
    number = begun(station)
    press = WeighLoad(delivery=number, line=1, scale="scale-1")
    station.weighs("30.00")
    station.does(press)
    station.weighs("0.00", net=Net.NET)
    station.weighs("30.00")
    assert refused(station, press) == "load_counted"
    station.weighs("20.00", net=Net.NET)
    assert refused(station, press) == "off_first"
    station.weighs("0.00")
    station.weighs("20.00", net=Net.NET)
    station.does(press)
    station.weighs("0.00", net=Net.NET)
    station.weighs("22.00")
    assert refused(station, press) == "off_first"
    station.weighs("10.00", net=Net.NET)
    assert refused(station, press.model_copy(update={"tare_g": 500})) == "tared"
    station.does(press)
    assert [one.net_g for one in delivery(station, number).lines[0].loads] == [30_000, 20_000, 10_000]


def test_what_was_begun_survives_a_restart_and_no_load_is_counted_twice(canteen: Callable[..., Any]) -> None:
    station = canteen()
    number = begun(station)
    weighs_in(station, number, "30.00")
    before = delivery(station, number)
    station = canteen(fresh=False)
    assert delivery(station, number) == before
    press = WeighLoad(delivery=number, line=1, scale="scale-1")
    station.weighs("30.00")
    assert refused(station, press) == "load_counted"
    station.weighs("31.00")
    assert refused(station, press) == "off_first"
    station.weighs("0.00")
    station.weighs("31.00")
    station.does(press)
    assert delivery(station, number).lines[0].delivered_g == 61_000


def test_after_a_restart_a_load_nobody_counted_counts_at_once(canteen: Callable[..., Any]) -> None:
    station = canteen()
    number = begun(station)
    station = canteen(fresh=False)
    station.weighs("30.00")
    station.does(WeighLoad(delivery=number, line=1, scale="scale-1", seen_g=30_000))
    assert delivery(station, number).lines[0].delivered_g == 30_000


def test_a_load_taken_back_can_be_counted_while_it_lies_there(canteen: Callable[..., Any]) -> None:
    station = canteen()
    number = begun(station)
    weighs_in(station, number, "30.00")
    (load,) = delivery(station, number).lines[0].loads
    station.does(RemoveLoad(delivery=number, line=1, load=load.load))
    assert refused(station, RemoveLoad(delivery=number, line=1, load=load.load)) == "no_load"
    station.does(WeighLoad(delivery=number, line=1, scale="scale-1"))
    station.weighs("45.00")
    station.does(WeighLoad(delivery=number, line=1, scale="scale-1"))
    loads = delivery(station, number).lines[0].loads
    assert [one.net_g for one in loads] == [30_000, 15_000]
    station.does(RemoveLoad(delivery=number, line=1, load=loads[1].load))
    station.does(WeighLoad(delivery=number, line=1, scale="scale-1"))
    assert [one.net_g for one in delivery(station, number).lines[0].loads] == [30_000, 15_000]
    station.weighs("0.00")
    station.does(RemoveLoad(delivery=number, line=1, load=loads[0].load))
    assert [one.net_g for one in delivery(station, number).lines[0].loads] == [15_000]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"scale": "scale-9"}, "no_scale"),
        ({"line": 9}, "no_line"),
        ({"delivery": 99}, "no_delivery"),
        ({"tare_g": 30_000}, "tare"),
        ({"crate": "KUANG-09", "crates": 1}, "no_container"),
        ({"seen_g": 29_000}, "weight_changed"),
        ({"manual_g": 30_000, "reason": "秤坏"}, "scale_works"),
        ({"kind": "rejected"}, "rejected_more"),
    ],
)
def test_a_load_that_is_not_sure_is_not_counted(canteen: Callable[..., Any], what: dict[str, Any], code: str) -> None:
    station = canteen()
    number = begun(station)
    station.weighs("30.00")
    command = WeighLoad(**({"delivery": number, "line": 1, "scale": "scale-1"} | what))
    assert refused(station, command) == code
    station.does(WeighLoad(delivery=number, line=1, scale="scale-1"))
    assert delivery(station, number).lines[0].delivered_g == 30_000


def test_crates_as_heavy_as_what_was_stacked_are_counted_again(canteen: Callable[..., Any]) -> None:
    station = canteen()
    number = begun(station)
    weighs_in(station, number, "30.00")
    station.weighs("32.00")
    assert refused(station, WeighLoad(delivery=number, line=1, scale="scale-1", tare_g=2_000)) == "tare"


@pytest.mark.parametrize(("said", "code"), [({"stable": False}, "motion"), ({"unit": "lb"}, "unit")])
def test_a_doubtful_weight_is_no_load(canteen: Callable[..., Any], said: dict[str, Any], code: str) -> None:
    station = canteen()
    number = begun(station)
    station.weighs("30.00", **said)
    assert refused(station, WeighLoad(delivery=number, line=1, scale="scale-1")) == code


def test_a_weight_on_an_expired_scale_is_no_load(canteen: Callable[..., Any], hand_clock: Any) -> None:
    station = canteen()
    number = begun(station)
    hand_clock.wall = hand_clock.wall.replace(year=2028)
    station.weighs("30.00")
    assert refused(station, WeighLoad(delivery=number, line=1, scale="scale-1")) == "unverified"
    station.clock.go(10)
    station.turn()
    assert station.scale.new_why == "stale"
    station.turn(PortChanged("scale-1", False, "gone"))
    assert refused(station, WeighLoad(delivery=number, line=1, scale="scale-1")) == "no_signal"
    typed = WeighLoad(delivery=number, line=1, scale="scale-1", manual_g=30_000, reason="秤无显示")
    station.does(typed)
    assert delivery(station, number).lines[0].loads[0].typed


def test_goods_are_counted_and_part_of_them_refused(canteen: Callable[..., Any]) -> None:
    station = canteen(EGGS)
    number = begun(station)
    line = {"delivery": number, "line": 1}
    assert refused(station, DescribeLine(**line, rejected_n=1)) == "rejected_more"
    station.does(DescribeLine(**line, delivered_n=9, rejected_n=1))
    (eggs,) = delivery(station, number).lines
    assert (eggs.accepted_n, eggs.difference, eggs.amount_fen, eggs.unit) == (8, "-10.0", 96_000, "箱")
    assert eggs.needs == ("difference", "reason")
    station.does(DescribeLine(**line, why_difference="少送一箱", reason="破损"))
    signs(station, number, "赵敏")
    signs(station, number, "钱伟")
    data = station.last["data"]["lines"][0]
    assert (data["ordered_n"], data["delivered_n"], data["accepted_n"], data["rejected_n"]) == (10, 9, 8, 1)
    assert (data["piece_fen"], data["price"], data["amount_fen"]) == (12_000, None, 96_000)
    assert station.last["data"]["scale_verified"] is False


def test_weighed_goods_are_not_counted(canteen: Callable[..., Any]) -> None:
    station = canteen()
    number = begun(station)
    for said in ({"delivered_n": 3}, {"rejected_n": 1}):
        assert refused(station, DescribeLine(delivery=number, line=1, **said)) == "not_counted"


def test_what_is_ordered_by_number_without_a_unit_is_counted_in_pieces(canteen: Callable[..., Any]) -> None:
    station = canteen({**EGGS, "unit": ""})
    assert [line.unit for line in delivery(station, begun(station)).lines] == ["件"]


def test_a_scale_that_does_not_say_that_it_stands_still_is_watched_until_it_does(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000})
    number = begun(station)
    station.weighs("30.00", 3.0, "scale-2")
    station.does(WeighLoad(delivery=number, line=1, scale="scale-2"))
    signs(station, number, "赵敏")
    signs(station, number, "钱伟")
    (load,) = station.last["data"]["lines"][0]["loads"]
    assert (load["net_g"], load["stability"], load["unit"]) == (30_000, "derived", "kg")
    assert load["verified_until"] is None and station.last["data"]["scale_verified"] is False


def test_what_is_refused_is_weighed_once_more_and_nothing_is_paid_for_it(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000})
    number = begun(station)
    weighs_in(station, number, "30.00")
    weighs_in(station, number, "3.50", kind="rejected")
    (line,) = delivery(station, number).lines
    assert (line.delivered_g, line.rejected_g, line.accepted_g, line.amount_fen) == (30_000, 3_500, 26_500, 9_275)
    assert line.needs == ("reason",)
    assert refused(station, SignByName(delivery=number, version=line_version(station, number), person="赵敏")) == (
        "line_reason"
    )
    station.does(DescribeLine(delivery=number, line=1, reason="腐烂", refused=True))
    assert delivery(station, number).lines[0].accepted_g == 0


def line_version(station: Any, number: int) -> int:
    return delivery(station, number).version


def test_too_little_or_nothing_needs_a_reason(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000}, {**CABBAGE, "product": "01040301", "name": "西红柿"})
    number = begun(station)
    assert refused(station, SignByName(delivery=number, version=1, person="赵敏")) == "line_goods"
    weighs_in(station, number, "28.40")
    assert delivery(station, number).lines[0].needs == ("difference",)
    version = line_version(station, number)
    assert refused(station, SignByName(delivery=number, version=version, person="赵敏")) == "line_difference"
    weighs_in(station, number, "0.40")
    assert delivery(station, number).lines[0].needs == ()
    station.does(DescribeLine(delivery=number, line=2, why_difference="缺货"))
    assert not [one.needs for one in delivery(station, number).lines if one.needs]


def test_where_the_difference_blocks_a_supervisor_gives_the_reason(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000}, settings='[canteen]\nover = "block"\n')
    number = begun(station)
    weighs_in(station, number, "20.00")
    reason = DescribeLine(delivery=number, line=1, why_difference="少送")
    with pytest.raises(Refused) as why:
        station.does(reason, OPERATOR)
    assert why.value.code == "needs_supervisor"
    station.does(reason, SUPERVISOR)
    assert delivery(station, number).lines[0].needs == ()
    weighs_in(station, number, "1.00")
    assert delivery(station, number).lines[0].needs == ("difference",)


def test_a_change_voids_what_was_signed(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000})
    number = begun(station)
    weighs_in(station, number, "30.00")
    seen = line_version(station, number)
    signs(station, number, "赵 敏")
    assert [one.name for one in delivery(station, number).signed] == ["赵 敏"]
    station.does(DescribeLine(delivery=number, line=1, sensory="新鲜"))
    assert delivery(station, number).signed == ()
    assert refused(station, SignByName(delivery=number, version=seen, person="钱伟")) == "changed"
    signs(station, number, "赵敏")
    assert refused(station, SignByName(delivery=number, version=line_version(station, number), person=" 赵 敏")) == (
        "signed_already"
    )
    station = canteen(fresh=False)
    assert [one.name for one in delivery(station, number).signed] == ["赵敏"]
    signs(station, number, "钱伟")
    for command in (
        DescribeLine(delivery=number, line=1, sensory="x"),
        WeighLoad(delivery=number, line=1, scale="scale-1"),
        DropDelivery(delivery=number, reason="x", person="x"),
        SignByName(delivery=number, version=9, person="李"),
    ):
        assert refused(station, command) == "delivery_closed"
    assert refused(station, BeginDelivery(order="XX-01")) == "order_done"


def test_temperature_dates_and_price(canteen: Callable[..., Any]) -> None:
    from decimal import Decimal

    station = canteen({**CABBAGE, "net_g": 30_000})
    number = begun(station)
    weighs_in(station, number, "30.00")
    line = {"delivery": number, "line": 1}
    assert refused(station, DescribeLine(**line, probe="probe-1")) == "no_temperature"
    assert refused(station, DescribeLine(**line, probe="probe-9")) == "no_temperature"
    station.turn(Sensed("probe-1", Measured("temperature", Decimal("4.1"), "Cel")))
    station.does(DescribeLine(**line, probe="probe-1", batch="2026-11-20", price_fen=400))
    (said,) = delivery(station, number).lines
    assert (said.temperature, said.probe, said.price_fen, said.price_typed) == ("4.1", "probe-1", 400, True)
    station.does(DescribeLine(**line, temperature="-18.0"))
    assert (delivery(station, number).lines[0].temperature, delivery(station, number).lines[0].probe) == ("-18.0", "")
    assert refused(station, DescribeLine(**line, best_before="2026-13-01")) == "date"
    for day, found in (("2026-12-30", "fine"), ("2026-11-24", "near"), ("2026-11-21", "past")):
        station.does(DescribeLine(**line, best_before=day))
        assert delivery(station, number).lines[0].expiry == found
    version = line_version(station, number)
    assert refused(station, SignByName(delivery=number, version=version, person="赵敏")) == "line_expired"
    station.does(DescribeLine(**line, refused=True, reason="过期"))
    signs(station, number, "赵敏")
    signs(station, number, "钱伟")
    said = station.last["data"]["lines"][0]
    assert (said["accepted_g"], said["rejected_g"], said["amount_fen"], said["expiry"]) == (0, 30_000, 0, "past")


def test_goods_nobody_ordered_are_an_exception_with_a_reason(canteen: Callable[..., Any]) -> None:
    station = canteen()
    assert refused(station, BeginDelivery(order="XX-99")) == "no_order"
    assert refused(station, BeginDelivery(supplier="老王")) == "no_reason"
    number = station.does(BeginDelivery(supplier="老王", reason="临时加菜"))["delivery"]
    assert delivery(station, number).begun == station.clock.now().text
    assert refused(station, SignByName(delivery=number, version=1, person="赵敏")) == "nothing_delivered"
    assert station.does(AddDeliveryLine(delivery=number, product="01040201"))["line"] == 1
    assert refused(station, AddDeliveryLine(delivery=number, product="99999999")) == "no_product"
    station.does(DescribeDelivery(delivery=number, plate="豫A12345", proofs=(ProofGiven(type="hgz", no="41018"),)))
    weighs_in(station, number, "30.00")
    signs(station, number, "赵敏")
    signs(station, number, "钱伟")
    data = station.last["data"]
    assert (data["order"], data["unmatched"], data["plate"], data["sum_fen"]) == ("", "临时加菜", "豫A12345", None)
    assert data["proofs"] == [{"type": "hgz", "no": "41018"}]
    assert data["lines"][0]["not_ordered"] and data["lines"][0]["difference"] is None


def test_a_blind_supplier_is_named_when_the_delivery_is_closed(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000}, alias="甲")

    def listed() -> list[tuple[str, str]]:
        orders = station.does(ListOrders())["orders"]
        return [(one["supplier"], one["supplier_code"]) for one in orders]

    assert listed() == [("甲", "")]
    number = begun(station)
    weighs_in(station, number, "30.00")

    def said() -> str:
        return f"{station.board.orders} {station.board.deliveries} {station.does(ListOrders())}"

    assert "绿源" not in said() and "4101080010789" not in said()
    assert (delivery(station, number).supplier, delivery(station, number).blind) == ("甲", True)
    signs(station, number, "赵敏")
    assert "绿源" not in said()
    signs(station, number, "钱伟")
    assert listed() == [("绿源合作社", "4101080010789")]
    assert [one.supplier for one in (*station.board.orders, *station.board.deliveries)] == ["绿源合作社"] * 2
    assert (station.last["data"]["supplier"], station.last["data"]["alias"]) == ("绿源合作社", "甲")


def purchases(station: Any) -> list[dict[str, str]]:
    """The rows of the purchase book as a spreadsheet reads them."""
    path = station.ledger.path.parent / "book.csv"
    key = station.ledger.signer.key.public_key()
    Shelf(station.ledger.path.parent, key).book(path, "purchases", "csv", None, None, Progress())
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))


def entry(**more: Any) -> dict[str, Any]:
    return {"code": "4101080010789", "name": "绿源合作社", "licence": "JY141", **more}


def test_a_suspended_supplier_brings_nothing(canteen: Callable[..., Any], mayor: Any) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000})
    number = begun(station)
    assert delivery(station, number).warnings == ("no_licence",)
    weighs_in(station, number, "30.00")
    mayor.orders(station, "directory", mode="update", suppliers=[entry(licence_until="2026-01-01")])
    station.does(DescribeLine(delivery=number, line=1, sensory="好"))
    assert delivery(station, number).warnings == ("licence_expired",)
    mayor.orders(station, "directory", mode="update", suppliers=[entry(state="suspended", why="抽检不合格")])
    version = line_version(station, number)
    assert refused(station, SignByName(delivery=number, version=version, person="赵敏")) == "supplier_suspended"
    station.does(DropDelivery(delivery=number, reason="供货者被暂停", person="王敏"))
    assert station.last["type"].endswith("accept.dropped.v1") and station.last["data"]["weighed_g"] == 30_000
    assert refused(station, BeginDelivery(order="XX-01")) == "supplier_suspended"


def test_a_suspended_supplier_on_a_supervisors_word(canteen: Callable[..., Any], mayor: Any) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000}, settings='[canteen]\nsuspended = "supervisor"\n')
    mayor.orders(station, "directory", mode="update", suppliers=[entry(state="suspended", why="抽检不合格")])
    with pytest.raises(Refused) as why:
        station.does(BeginDelivery(order="XX-01"), OPERATOR)
    assert why.value.code == "needs_supervisor"
    number = station.does(BeginDelivery(order="XX-01"), SUPERVISOR)["delivery"]
    weighs_in(station, number, "30.00")
    with pytest.raises(Refused) as why:
        station.does(SignByName(delivery=number, version=line_version(station, number), person="甲"), OPERATOR)
    assert why.value.code == "needs_supervisor"
    signs(station, number, "赵敏")
    signs(station, number, "钱伟")
    assert station.last["data"]["supplier_state"] == "suspended"


def test_an_empty_delivery_is_dropped_without_a_record(canteen: Callable[..., Any]) -> None:
    station = canteen()
    number = begun(station)
    head = station.ledger.head.seq
    assert begun(station) == number
    station.does(DropDelivery(delivery=number, reason="点错了", person="王敏"))
    assert station.ledger.head.seq == head and station.board.deliveries == ()
    assert (station.board.orders[0].delivery, station.board.orders[0].state) == (0, "")
    assert begun(station) == number + 1


def test_an_acceptance_is_voided_and_its_order_delivered_anew(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000})
    number = begun(station)
    weighs_in(station, number, "30.00")
    signs(station, number, "赵敏")
    code = signs(station, number, "钱伟")["code"]
    original = station.last
    assert refused(station, VoidAcceptance(code="1", reason="x", person="王敏")) == "bad_code"
    assert refused(station, VoidAcceptance(code="41010800150100000999", reason="x", person="王敏")) in (
        "bad_code",
        "no_acceptance",
    )
    station.does(VoidAcceptance(code=code, reason="签错单", person="王敏"))
    assert station.last["type"].endswith("accept.voided.v1") and station.last["data"]["voids"] == original["id"]
    assert delivery(station, number).state == "voided"
    assert refused(station, VoidAcceptance(code=code, reason="x", person="王敏")) == "already_voided"
    assert begun(station) == number + 1


def test_of_two_acceptances_the_one_named_is_voided_and_its_paper_does_not_come_out(
    canteen: Callable[..., Any],
) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000})
    first = station.does(BeginDelivery(supplier="老王", reason="加菜"))["delivery"]
    station.does(AddDeliveryLine(delivery=first, product="01040201"))
    second, made = begun(station), []
    for number in (first, second):
        weighs_in(station, number, "30.00")
        signs(station, number, "赵敏")
        made.append(signs(station, number, "钱伟"))
    station.does(VoidAcceptance(code=made[1]["code"], reason="签错单", person="王敏"))
    assert (delivery(station, first).state, delivery(station, second).state) == ("done", "voided")
    assert (station.last["subject"], station.last["data"]["order"]) == (made[1]["code"], "XX-01")
    assert station.printers["printer-1"].withdrawn == [made[1]["job"]]


def test_no_more_than_so_many_deliveries_lines_and_loads(
    canteen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.state import deliveries

    station = canteen()
    number = begun(station)
    for name in ("MOST_OPEN", "MOST_LINES", "MOST_LOADS"):
        monkeypatch.setattr(deliveries, name, 1)
    assert refused(station, BeginDelivery(supplier="老王", reason="加菜")) == "many_deliveries"
    assert refused(station, AddDeliveryLine(delivery=number, product="01040201")) == "many_lines"
    weighs_in(station, number, "30.00")
    station.weighs("0.00")
    station.weighs("30.00")
    assert refused(station, WeighLoad(delivery=number, line=1, scale="scale-1")) == "many_loads"
    station.does(RemoveLoad(delivery=number, line=1, load=1))
    station.does(WeighLoad(delivery=number, line=1, scale="scale-1"))


def test_when_the_disk_is_full_nothing_is_counted(canteen: Callable[..., Any]) -> None:
    station = canteen()
    number = begun(station)
    station.weighs("30.00")
    station.fill_the_disk()
    words = "长" * 100
    full = [DescribeLine(delivery=number, line=1, sensory=f"{words}{one}") for one in range(60)]
    codes = set()
    for command in (*full, WeighLoad(delivery=number, line=1, scale="scale-1")):
        try:
            station.does(command)
        except Refused as why:
            codes.add(why.code)
    station.free_the_disk()
    if not delivery(station, number).lines[0].loads:
        station.does(WeighLoad(delivery=number, line=1, scale="scale-1"))
    assert delivery(station, number).lines[0].delivered_g == 30_000


def test_a_load_that_could_not_be_kept_is_not_counted(canteen: Callable[..., Any]) -> None:
    station = canteen()
    number = begun(station)
    station.weighs("30.00")
    weigh = WeighLoad(delivery=number, line=1, scale="scale-1")
    station.ledger.conn.execute(
        "CREATE TEMP TRIGGER fails BEFORE INSERT ON delivery_pans BEGIN SELECT raise(ABORT, 'fails'); END"
    )
    assert refused(station, weigh) == "unexpected"
    station.ledger.conn.execute("DROP TRIGGER fails")
    station.does(weigh)
    assert delivery(station, number).lines[0].delivered_g == 30_000


def employs(station: Any) -> None:
    staff = {"1": ("陈主管", Role.SUPERVISOR), "7": ("王敏", Role.OPERATOR), "8": ("钱伟", Role.OPERATOR)}
    for code, (name, role) in staff.items():
        station.does(AddOperator(code=code, name=name, role=role, pin=PIN), CONSOLE)


def test_who_has_a_pin_signs_with_it_and_one_of_them_is_a_supervisor(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000}, settings='[canteen]\none_of = ["supervisor"]\nsigners = 2\n')
    employs(station)
    number = begun(station)
    weighs_in(station, number, "30.00")
    seen = line_version(station, number)

    def sign(code: str, **more: Any) -> SignDelivery:
        return SignDelivery(delivery=number, version=seen, code=code, **more)

    assert refused(station, SignByName(delivery=number, version=seen, person="王敏")) == "sign_with_pin"
    assert refused(station, sign("9")) == "no_operator"
    station.does(ChangeOperator(code="8", active=False), CONSOLE)
    assert refused(station, sign("8")) == "no_operator"
    station.does(ChangeOperator(code="8", active=True), CONSOLE)
    assert station.does(sign("7"))["signed"] == 1
    assert refused(station, sign("7")) == "signed_already"
    assert refused(station, sign("8")) == "needs_role"
    answer = station.does(sign("1", function="厨师长"), OPERATOR)
    assert answer["signed"] == 2 and station.last["operator"] == "0007"
    assert [(one["code"], one["role"], one["typed"]) for one in station.last["data"]["signers"]] == [
        ("7", "经办", False),
        ("1", "厨师长", False),
    ]


def test_where_prices_are_a_supervisors_another_one_needs_its_word(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000}, settings='[people]\nprices = "supervisor"\n')
    number = begun(station)
    price = DescribeLine(delivery=number, line=1, price_fen=100)
    with pytest.raises(Refused) as why:
        station.does(price, OPERATOR)
    assert why.value.code == "needs_supervisor"
    station.does(price.model_copy(update={"price_fen": 350}), OPERATOR)
    station.does(price, SUPERVISOR)
    assert delivery(station, number).lines[0].price_typed
    weighs_in(station, number, "30.00")
    signs(station, number, "赵敏")
    signs(station, number, "钱伟")
    (line,) = station.last["data"]["lines"]
    assert (line["price_typed"], line["price_approvedby"]) == (True, SUPERVISOR.code)
    assert "difference_approvedby" not in line and "approvedby" not in line["loads"][0]


def test_a_typed_weight_is_a_supervisors(canteen: Callable[..., Any]) -> None:
    station = canteen(settings='[people]\ntyped_weights = "everybody"\n')
    number = begun(station)
    station.turn(PortChanged("scale-1", False, "gone"))
    typed = WeighLoad(delivery=number, line=1, scale="scale-1", manual_g=30_000, reason="秤无显示")
    station.does(typed, OPERATOR)
    station = canteen(fresh=False)
    station.turn(PortChanged("scale-1", False, "gone"))
    with pytest.raises(Refused) as why:
        station.does(typed, OPERATOR)
    assert why.value.code == "needs_supervisor"
    trusted = replace(OPERATOR, approved_by="0001", word=frozenset({Role.SUPERVISOR}))
    station.does(typed.model_copy(update={"manual_g": 31_000}), trusted)
    station.does(DescribeLine(delivery=number, line=1, why_difference="多送"), OPERATOR)
    signs(station, number, "赵敏")
    signs(station, number, "钱伟")
    loads = station.last["data"]["lines"][0]["loads"]
    assert [(one["net_g"], one.get("approvedby")) for one in loads] == [(30_000, None), (31_000, "0001")]
    assert [(one["before_g"], one["crates"]) for one in loads] == [(0, 0)] * 2
    assert station.last["data"]["scale_verified"] is False  # whatever the certificate of that scale says
    assert [row["同意者编码"] for row in purchases(station)] == ["0001"]


def test_a_counted_difference_that_blocks_is_given_anew(canteen: Callable[..., Any]) -> None:
    station = canteen(EGGS, settings='[canteen]\nover = "block"\n')
    number = begun(station)
    station.does(DescribeLine(delivery=number, line=1, delivered_n=8, why_difference="少送"), SUPERVISOR)
    assert delivery(station, number).lines[0].needs == ()
    station.does(DescribeLine(delivery=number, line=1, delivered_n=7), OPERATOR)
    assert delivery(station, number).lines[0].needs == ("difference",)
    station.does(DescribeLine(delivery=number, line=1, why_difference="又少"), SUPERVISOR)
    station.does(DescribeLine(delivery=number, line=1, sensory="新鲜", spec="30 枚/盘"), OPERATOR)
    signs(station, number, "赵敏")
    signs(station, number, "钱伟")
    (line,) = station.last["data"]["lines"]
    assert (line["why_difference"], line["difference_approvedby"], line["spec"]) == (
        "又少",
        SUPERVISOR.code,
        "30 枚/盘",
    )


def test_more_money_than_a_code_can_say_is_not_signed(canteen: Callable[..., Any]) -> None:
    station = canteen({**EGGS, "price_fen": 10_000_000, "count": 1_000_000})
    number = begun(station)
    station.does(DescribeLine(delivery=number, line=1, delivered_n=1_000_000))
    version = line_version(station, number)
    assert refused(station, SignByName(delivery=number, version=version, person="钱伟")) == "amount"


def test_a_supplier_of_the_directory_is_named_by_its_code_alone(canteen: Callable[..., Any], mayor: Any) -> None:
    station = canteen()
    mayor.orders(station, "directory", mode="update", suppliers=[entry()])
    number = station.does(BeginDelivery(supplier_code="4101080010789", reason="加菜"))["delivery"]
    said = delivery(station, number)
    assert (said.supplier, said.licence, said.warnings) == ("绿源合作社", "JY141", ())
    other = station.does(BeginDelivery(supplier_code="4101080010111", reason="加菜"))["delivery"]
    assert delivery(station, other).supplier == "4101080010111"


@pytest.mark.parametrize(
    ("contact", "recorded"), [("0371-63721234", "0371-63721234"), ("13803711234", None)], ids=["office", "mobile"]
)
def test_the_record_names_the_supplier_s_address_and_licence_and_no_person_s_number(
    canteen: Callable[..., Any], mayor: Any, contact: str, recorded: str | None
) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000})
    of_business = entry(address="惠济区江山路 118 号", contact=contact, licence_until="2028-04-30")
    mayor.orders(station, "directory", mode="update", suppliers=[of_business])
    number = begun(station)
    weighs_in(station, number, "30.00")
    signs(station, number, "赵敏")
    signs(station, number, "钱伟")
    data = station.last["data"]
    assert (data["licence"], data["licence_until"]) == ("JY141", "2028-04-30")
    assert (data["supplier_address"], data.get("supplier_contact")) == ("惠济区江山路 118 号", recorded)
    (row,) = purchases(station)
    assert (row["供货者许可证"], row["供货者地址"], row["供货者联系方式"]) == (
        "JY141",
        "惠济区江山路 118 号",
        recorded or "",
    )


def test_without_a_believed_clock_no_date_has_passed(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000})
    number = begun(station)
    weighs_in(station, number, "30.00")
    station.does(DescribeLine(delivery=number, line=1, best_before="2020-01-01"))
    station.clock.worth = "unsynced"
    signs(station, number, "赵敏")
    signs(station, number, "钱伟")
    data = station.last["data"]
    assert (data["clock_trusted"], data["scale_verified"], data["lines"][0]["expiry"]) == (False, False, "")


def test_a_sale_or_what_is_no_acceptance_is_not_voided_as_one(canteen: Callable[..., Any]) -> None:
    station = canteen()
    code = str(TraceCode("410108001", CodeKind.ACCEPTANCE, "01", 99))
    assert refused(station, VoidAcceptance(code=code, reason="x", person="王敏")) == "no_acceptance"
    station.puts("12.50")
    waste = station.does(HandWaste(scale="scale-1", kind="food", receiver="收运公司", person="王敏"))["code"]
    assert refused(station, VoidAcceptance(code=waste, reason="x", person="王敏")) == "no_acceptance"


def test_an_order_of_nothing_is_refused(canteen: Callable[..., Any], mayor: Any) -> None:
    station = canteen()
    nothing = {**ORDER, "order": "XX-02", "lines": [{**CABBAGE, "net_g": 0}]}
    assert mayor.orders(station, "orders", orders=[nothing])["state"] == "refused"
    for bad in ({}, {"order": "", "supplier": ""}):
        with pytest.raises(ValueError, match="order"):
            BeginDelivery(**bad)
    for bad in ({"manual_g": 1, "tare_g": 1}, {"crate": "K"}):
        with pytest.raises(ValueError, match=r"tare|crate"):
            WeighLoad(delivery=1, line=1, scale="scale-1", **bad)


@pytest.mark.parametrize("text", ["5", "five %", "500 %"])
def test_a_tolerance_is_written_in_per_cent(text: str) -> None:
    with pytest.raises(ValueError, match="5 %"):
        percent(text)


def test_a_photo_that_is_here_is_named_with_its_line(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000})
    number = begun(station)
    weighs_in(station, number, "30.00")
    gone = "0" * 64
    assert refused(station, DescribeLine(delivery=number, line=1, photos=(gone,))) == "no_photo"
    assert refused(station, DescribeDelivery(delivery=number, photos=(gone,))) == "no_photo"
    assert named_in({"photos": ["1"], "lines": [{"photos": ["2", "3"]}, {}]}) == ("1", "2", "3")
    assert named_in({"lines": "damaged"}) == ()


def test_what_was_accepted_stands_in_the_purchase_book_and_a_void_takes_it_off(canteen: Callable[..., Any]) -> None:
    station = canteen({**CABBAGE, "net_g": 30_000}, EGGS)
    number = begun(station)
    weighs_in(station, number, "30.00")
    station.does(DescribeLine(delivery=number, line=2, delivered_n=10, best_before="2026-12-30"))
    station.does(DescribeDelivery(delivery=number, proofs=(ProofGiven(type="hgz", no="HG1"),)))
    signs(station, number, "赵敏")
    code = signs(station, number, "钱伟")["code"]
    station.does(VoidAcceptance(code=code, reason="签错单", person="王敏"))
    lines = purchases(station)
    assert [(one["食用农产品名称"], one["数量(kg)"], one["规格"]) for one in lines] == [
        ("大白菜", "30.000", ""),
        ("鸡蛋", "0.000", "10 箱"),
        ("", "-30.000", ""),
    ]
    assert lines[0]["进货凭证及编号"] == "承诺达标合格证 HG1" and lines[0]["供货者名称"] == "绿源合作社"
    assert (lines[0]["状态"], lines[2]["类别"], lines[2]["说明"]) == ("已作废", "作废验收单", "签错单")


def test_what_pages_see_of_a_delivery_is_whole(canteen: Callable[..., Any]) -> None:
    station = canteen(CABBAGE, EGGS)
    number = begun(station)
    weighs_in(station, number, "31.50", crate="KUANG-01", crates=1)
    weighs_in(station, number, "2.00", kind="rejected")
    said = {"sensory": "正常", "spec": "散装", "batch": "B-7", "best_before": "2026-11-24", "reason": "烂叶"}
    station.does(DescribeLine(delivery=number, line=1, why_difference="只到一部分", **said))
    station.does(DescribeLine(delivery=number, line=2, delivered_n=9, rejected_n=1))
    station.does(DescribeDelivery(delivery=number, plate="豫A12345"))
    cabbage = DeliveryLineView(
        line=1,
        product="01040201",
        name="大白菜",
        name_en="",
        unit="",
        ordered_g=300_000,
        ordered_n=0,
        delivered_g=30_000,
        delivered_n=0,
        rejected_g=2_000,
        rejected_n=0,
        accepted_g=28_000,
        accepted_n=0,
        refused=False,
        not_ordered=False,
        difference="-90.0",
        over=True,
        why_difference="只到一部分",
        reason="烂叶",
        sensory="正常",
        temperature="",
        probe="",
        best_before="2026-11-24",
        spec="散装",
        batch="B-7",
        expiry="near",
        price_fen=350,
        per_g=1000,
        price_typed=False,
        amount_fen=9_800,
        loads=(LoadView(1, 30_000, 1_500, "in", False, 0), LoadView(2, 2_000, 0, "rejected", False, 0)),
        sources=(),
        photos=(),
        needs=(),
    )
    nothing = dict.fromkeys(("ordered_g", "delivered_g", "rejected_g", "accepted_g"), 0)
    empty = dict.fromkeys(("why_difference", "reason", "sensory", "best_before", "spec", "batch", "expiry"), "")
    eggs = replace(
        cabbage,
        **{**nothing, **empty, "line": 2, "product": "03010101", "name": "鸡蛋", "unit": "箱", "loads": ()},
        ordered_n=10,
        delivered_n=9,
        rejected_n=1,
        accepted_n=8,
        difference="-10.0",
        price_fen=12_000,
        amount_fen=96_000,
        needs=("difference", "reason"),
    )
    under_way = DeliveryView(
        number=1,
        state="open",
        order="XX-01",
        supplier="绿源合作社",
        supplier_code="4101080010789",
        blind=False,
        unmatched="",
        licence="",
        licence_until="",
        meal="午餐",
        begun="2026-11-22T05:00:00.000000+08:00",
        version=6,
        ordered_g=300_000,
        delivered_g=30_000,
        accepted_g=28_000,
        rejected_g=2_000,
        sum_fen=105_800,
        lines=(cabbage, eggs),
        signed=(),
        signers=2,
        warnings=("no_licence",),
        plate="豫A12345",
    )
    assert delivery(station, number) == under_way
    order = OrderView("XX-01", "绿源合作社", False, "午餐", "2026-11-22", 2, 300_000, 1, "open", True)
    assert station.board.orders == (order,)
    station.does(DescribeLine(delivery=number, line=2, delivered_n=9, rejected_n=1, why_difference="少", reason="碎"))
    signs(station, number, "赵敏", function="管理员")
    code = signs(station, number, "钱伟", function="家长")["code"]
    assert delivery(station, number) == replace(
        under_way,
        state="done",
        version=7,
        lines=(),
        warnings=(),
        plate="",
        code=code,
        time=station.last["time"],
        signed=(SignerView("赵敏", "管理员"), SignerView("钱伟", "家长")),
    )

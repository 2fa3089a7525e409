"""What leaves by the screens that others look at, and who may see it; and the day's figures for programs."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from edge.between import pins
from edge.between.board import Board, LotView, ScaleView
from edge.between.commands import Sell
from edge.between.day_commands import ShowCustomer
from edge.between.day_views import CustomerView
from edge.between.fixed_words import LotState, WeightWhy
from edge.between.people import CONSOLE, Role
from edge.between.people_commands import AddOperator
from edge.web.look import Look, Screens
from edge.web.screens import customer, hall, line_amount

SCALE = ScaleView("scale-1", True, 1250, "1.250", "kg", True, False, True, WeightWhy.FINE, 30_000, 100, "5")


def first(url: str) -> tuple[int, dict[str, Any]]:
    """The first message of a stream."""
    with httpx.stream("GET", url, timeout=10) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                return answer.status_code, json.loads(line[5:])
        return answer.status_code, {}


def people(core: Any) -> None:
    core.does(AddOperator(code="1", name="王敏", role=Role.SUPERVISOR, pin=pins.hashed("123456")), who=CONSOLE)


def test_a_screen_shows_to_everybody_only_where_it_is_set_so(core: Any, serve: Callable[..., Any]) -> None:
    people(core)
    pay = (b"<svg/>", "image/svg+xml")
    web = serve(look=Look(screens=Screens(open=frozenset({"customer"}), pay=pay)))
    for path, status in (
        *(("/customer", 200), ("/api/screens/pay", 200), ("/hall", 303), ("/api/screens/hall", 401)),
        *(("/api/day", 401), ("/api/live", 401), ("/stall", 303), ("/parts/status", 401)),
    ):
        assert httpx.get(f"{web.url}{path}", follow_redirects=False).status_code == status, path
    status, said = first(f"{web.url}/api/screens/customer")
    assert status == 200 and set(said) == {"at", "alive", "token", "screen"}
    assert httpx.post(f"{web.url}/api/customer", json={"scale": "scale-1"}).status_code in (401, 403)


def test_what_the_customer_sees_has_nothing_of_the_staff_or_of_other_buyers(core: Any, web: Any) -> None:
    core.puts("1.250")
    lot = next(lot for lot in core.board.lots if lot.source and lot.product == "01040201")
    core.does(ShowCustomer(scale="scale-1", product="01040201", lot=lot.test_code, tare_g=250, price_fen=400))
    _, said = first(f"{web.url}/api/screens/customer")
    screen = said["screen"]
    assert (screen["goods"]["name"], screen["goods"]["origin"]) == ("大白菜", lot.origin)
    assert (screen["price_fen"], screen["weight"]["net_g"], screen["amount_fen"]) == (400, 1000, 400)
    assert (screen["weight"]["text"], screen["weight"]["tare_g"]) == ("1.000", 250)
    sale = Sell(scale="scale-1", product="01040201", lot=lot.source, buyer="4101080010456", buyer_name="张三饭店")
    tx = core.does(sale)["tx"]
    text = json.dumps(first(f"{web.url}/api/screens/customer"), ensure_ascii=False)
    assert tx in text
    for secret in ("张三", "4101080010456", lot.supplier, "operator"):
        assert secret not in text
    assert httpx.get(f"{web.url}/api/screens/slip?tx={tx}").headers["content-type"] == "image/svg+xml"
    assert httpx.get(f"{web.url}/api/screens/slip?tx={'1' * 20}").status_code == 404
    assert httpx.get(f"{web.url}/api/screens/pay").status_code == 404


def test_a_page_hears_that_a_customer_looks(core: Any, web: Any) -> None:
    assert "customers" not in first(f"{web.url}/api/live")[1]
    with httpx.stream("GET", f"{web.url}/api/screens/customer", timeout=10) as answer:
        lines = answer.iter_lines()
        next(lines)
        assert first(f"{web.url}/api/live")[1]["customers"] == 1
        assert "customers" not in first(f"{web.url}/api/screens/hall")[1]


def test_programs_read_the_day(core: Any, web: Any) -> None:
    said = httpx.get(f"{web.url}/api/day").json()
    assert (said["day"]["slips"], said["day"]["net_g"], said["day"]["counted"]) == (1, 500, True)
    assert said["shift"]["number"] == 1 and said["reference_prices"] is None


@pytest.mark.parametrize(
    ("scale", "state", "doubt"),
    [
        (SCALE, "still", ""),
        (replace(SCALE, stable=False, sellable=False, why=WeightWhy.MOTION), "moving", ""),
        (replace(SCALE, why=WeightWhy.UNVERIFIED, sellable=False), "still", "unverified"),
        (replace(SCALE, why=WeightWhy.STALE), "none", "stale"),
        (replace(SCALE, why=WeightWhy.SOLD, sellable=False), "still", ""),
        (replace(SCALE, up=False, why=WeightWhy.NO_SIGNAL), "none", "no_signal"),
        (replace(SCALE, net_g=None, text="", why=WeightWhy.OVERLOAD), "none", "overload"),
    ],
)
def test_a_weight_that_is_none_is_not_shown(scale: ScaleView, state: str, doubt: str) -> None:
    view = CustomerView(scale="scale-1", product="1", name="菜", price_fen=350)
    said = customer(Board(scales=(scale,), customer=view))
    assert (said["weight"]["state"], said["weight"]["doubt"]) == (state, doubt)
    assert (said["amount_fen"] is None) == (state == "none" or scale.why is WeightWhy.SOLD)  # no load is paid twice


def test_without_goods_there_is_no_price_and_without_a_scale_no_weight() -> None:
    said = customer(Board(scales=(SCALE,)))
    assert (said["goods"], said["price_fen"], said["amount_fen"]) == (None, None, None)
    assert said["weight"]["text"] == "1.250"
    assert customer(Board())["weight"]["state"] == "none"
    assert line_amount(1250, 350, 1000) == 438 and line_amount(1249, 199, 500) == 497


WHOSE = ("1", "韭菜", "河南", "王建国", "7", 1000, "2026-11-22T05:00", None, None, None)
LOT = LotView("41010800130100000031", None, LotState.HELD, *WHOSE)


@pytest.mark.parametrize(("held", "rows", "stall"), [("goods", 1, ""), ("stall", 1, "A-12"), ("count", 0, "")])
def test_the_hall_accuses_nobody(held: str, rows: int, stall: str) -> None:
    said = hall(Board(stall="A-12", seller="李秀兰", lots=(LOT,)), Screens(held=held))
    assert said["held"] == 1 and len(said["on_hold"]) == rows
    assert "王建国" not in json.dumps(said, ensure_ascii=False) and "李秀兰" not in json.dumps(said, ensure_ascii=False)
    if rows:
        assert said["on_hold"][0]["stall"] == stall

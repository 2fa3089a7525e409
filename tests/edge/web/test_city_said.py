"""What the city says, on pages and in the API: a stopped lot, a price above the limit, the directory, the orders."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from edge.between.inbox import CityMessage

CABBAGE = "01040201"
GREEN = {"code": "4101080010999", "name": "绿源合作社", "initials": "lyhzs"}
LINE = {"product": CABBAGE, "name": "大白菜", "net_g": 20_000}
ORDER = {"order": "D-1", "supplier": "绿源合作社", "buyer": "第一小学", "due": "2026-11-23", "lines": [LINE]}
VERDICT = {
    "conclusion": "unqualified",
    "report_no": "JC-77",
    "laboratory": "市检验所",
    "item": "毒死蜱",
    "method": "GB 23200.113",
    "concluded": "2026-11-22",
}


@pytest.fixture
def orders(core: Any) -> Callable[..., None]:
    def order(name: str, **fields: Any) -> None:
        core.platform.orders(core.clock, name, **fields)
        core.turn()

    return order


@pytest.mark.browser
def test_a_stopped_lot_leaves_the_stalls_choice_and_says_why(
    core: Any, page: Page, orders: Callable[..., None]
) -> None:
    lot = next(one for one in core.board.lots if one.sample == "5")
    page.goto("/stall")
    page.locator(f"#product-{CABBAGE}").click()
    page.locator(f".lot:has(#lot-{lot.test_code})").click()
    orders("stop_lot", lot=lot.source, reason="毒死蜱超标，召回")
    expect(page.locator(f"#lot-{lot.test_code}")).to_have_count(0)
    expect(page.locator("#lots .held", has_text="已被通知停止销售：毒死蜱超标，召回")).to_be_visible()
    expect(page.locator("#sell")).to_have_attribute("aria-disabled", "true")
    orders("resume_lot", lot=lot.source, reason="误报")
    expect(page.locator(f"#lot-{lot.test_code}")).to_have_count(1)


@pytest.mark.browser
def test_the_gate_shows_the_stop_and_the_laboratorys_verdict(
    core: Any, desk: Page, orders: Callable[..., None]
) -> None:
    lot = next(one for one in core.board.lots if one.sample == "5")
    desk.goto("/gate")
    orders("stop_lot", lot=lot.source, reason="<b>召回</b>")
    orders("lab_verdict", lot=lot.source, **VERDICT)
    card = desk.locator(f"#goods-{lot.test_code}")
    expect(card).to_contain_text("已被通知停止销售：<b>召回</b>")
    expect(card).to_contain_text("不合格（检验结论） · 毒死蜱 · 市检验所 JC-77")


@pytest.mark.browser
def test_the_stall_says_that_a_price_is_above_the_limit(core: Any, desk: Page, orders: Callable[..., None]) -> None:
    desk.goto("/stall")
    desk.locator(f"#product-{CABBAGE}").click()
    expect(desk.locator("#sum-words")).not_to_contain_text("限价")
    orders("price_limits", limits=[{"product": CABBAGE, "max_fen": 300}])
    expect(desk.locator("#sum-words")).to_contain_text("高于限价 ¥3.00")


@pytest.mark.browser
def test_the_gate_says_what_the_city_says_of_the_goods(core: Any, desk: Page, orders: Callable[..., None]) -> None:
    orders("focus_list", entries=[{"product": "01040401", "reason": "近期超标"}])
    desk.goto("/gate")
    desk.locator("#product-01040401").click()
    for name, text in (("net", "20"), ("origin", "河南"), ("supplier", "张三")):
        desk.locator(f"#{name}").fill(text)
    desk.locator("#register").click()
    expect(desk.locator("#answer .why")).to_have_text("重点监控：近期超标")


@pytest.mark.browser
def test_what_was_not_believed_stands_on_the_status_page(core: Any, desk: Page) -> None:
    core.turn(CityMessage("mkt/1/410108/410108003/01/cmd/stop_lot", b"{"))
    desk.goto("/status")
    expect(desk.locator("main")).to_contain_text("无法读取的指令 1")


def test_the_directory_and_the_orders_are_read_by_programs(
    core: Any, serve: Callable[..., Any], orders: Callable[..., None]
) -> None:
    orders("directory", mode="update", suppliers=[{**GREEN, "state": "suspended", "why": "证照过期"}])
    orders("orders", orders=[ORDER])
    with httpx.Client(base_url=serve().url) as http:
        (found,) = http.get("/api/directory", params={"q": "lyh"}).json()["entries"]
        assert (found["name"], found["state"], found["why"]) == ("绿源合作社", "suspended", "证照过期")
        assert http.get("/api/directory", params={"q": "lyh", "kind": "buyers"}).json() == {"entries": []}
        assert http.get("/api/directory", params={"kind": "x"}).status_code == 422
        assert http.get("/api/directory", params={"q": "x" * 41}).status_code == 422
        (one,) = http.get("/api/orders", params={"day": "2026-11-23"}).json()["orders"]
        assert json.loads(json.dumps(one))["lines"][0]["net_g"] == 20_000
        assert http.get("/api/orders", params={"day": "tomorrow"}).status_code == 422

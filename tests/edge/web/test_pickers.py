"""Goods and people are found in a blink: tiles, tabs, initials, the last five, a suspended one in red."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.between.commands import RegisterEntry, Sell
from edge.web.server import WebServer

pytestmark = pytest.mark.browser

ROWS = '[[product]]\ncode = "01040201"'
GROUPS = '[goods]\ngroups = ["leaf", "cabbage", "root", "fruiting", "gourd", "allium", "fungi", "fruit"]\n'
GREEN, RED = "4101080010501", "4101080010502"
SUPPLIERS = [
    {"code": GREEN, "name": "绿源蔬菜合作社", "licence": "JY14101080000018", "licence_until": "2026-12-01"},
    {"code": RED, "name": "红光农贸商行", "state": "suspended", "why": "上月两批韭菜腐霉利超标"},
]


def seen(page: Page, name: str) -> None:
    """A picture for whoever asks for one."""
    if folder := os.environ.get("MARKETEDGE_PICTURES"):
        Path(folder).mkdir(exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def fits(page: Page) -> bool:
    """Whether the page scrolls sideways nowhere."""
    wide: bool = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return wide


@pytest.fixture(params=[(360, 740), (800, 480)], ids=["phone", "touch screen"])
def glove(request: pytest.FixtureRequest, browser: Browser, web: WebServer) -> Any:
    width, height = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height}, base_url=web.url, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.set_default_timeout(8000)
    page.errors = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.errors.append(str(error)))  # type: ignore[attr-defined]
    yield page
    context.close()


def entry(supplier: str, product: str = "01040201", code: str = "") -> RegisterEntry:
    return RegisterEntry(product=product, net_g=90_000, origin="河南中牟", supplier=supplier, supplier_code=code)


@pytest.mark.parametrize("changed", [{ROWS: GROUPS + ROWS}])
def test_goods_and_a_supplier_are_found_with_a_few_keys(
    core: Any, glove: Page, until: Callable[..., None], changed: dict[str, str]
) -> None:
    page, size = glove, "phone" if glove.viewport_size["width"] == 360 else "pi"  # type: ignore[index]
    for one in ("张庄菜农合作社", "万邦市场 12 号", "红光农贸商行"):
        core.does(entry(one))
    core.does(entry("绿源蔬菜合作社", "01050101", GREEN))
    core.platform.orders(core.clock, "directory", mode="update", suppliers=SUPPLIERS)
    until(lambda: len(core.records("entry.registered")) == 9)
    page.goto("/gate")
    tiles = page.locator(".product:visible")
    expect(tiles.nth(0)).to_contain_text("大白菜")
    assert page.locator(".product").count() >= 120
    assert fits(page)
    seen(page, f"gate-{size}")

    page.locator('[data-tab="fungi"]').tap()
    expect(tiles.nth(0)).to_contain_text("香菇")
    assert all("菇" in text or "耳" in text for text in tiles.all_inner_texts())

    # initials, on keys of our own
    page.locator("#find-product").tap()
    for key in "ymc":
        page.locator(f'.keypad [data-key="{key}"]').tap()
    expect(tiles).to_have_count(1)
    assert fits(page)
    seen(page, f"gate-letters-{size}")
    tiles.first.tap()
    expect(page.locator(".picked b")).to_have_text("油麦菜")
    expect(page.locator("#product")).to_have_value("01040903")
    expect(tiles).to_have_count(0)

    # one of the last five, who is suspended meanwhile: seen before anything is registered
    recent = page.locator(".recent button")
    expect(recent).to_have_count(5)
    expect(recent.nth(1)).to_contain_text("红光农贸商行 暂停")
    recent.nth(1).tap()
    expect(page.locator(".party-said")).to_contain_text("平台已暂停此户：上月两批韭菜腐霉利超标")
    expect(page.locator("#supplier-code")).to_have_value(RED)
    seen(page, f"gate-suspended-{size}")
    page.locator("#supplier").fill("lysc")
    hits = page.locator(".hits li")
    expect(hits).to_have_count(1)
    expect(page.locator(".party-said")).to_be_hidden()
    hits.first.tap()
    expect(page.locator("#supplier")).to_have_value("绿源蔬菜合作社")
    expect(page.locator("#supplier-code")).to_have_value(GREEN)
    expect(page.locator(".party-said")).to_contain_text("2026-12-01 到期")

    # how to reach them: kept in the box, in no record
    page.locator(".reach button").tap()
    page.locator(".party-said input").nth(0).fill("中牟县官渡镇")
    page.locator(".party-said input").nth(1).fill("13812345678")
    page.locator(".party-said .main").tap()
    expect(page.locator(".party-said .reach")).to_contain_text("中牟县官渡镇 · 13812345678")

    page.locator("#origin").fill("河南中牟")
    page.locator("#net").fill("90")
    seen(page, f"gate-filled-{size}")
    page.locator('.keypad [data-key="done"]').tap()
    page.locator("#register").tap()
    expect(page.locator("#answer")).to_contain_text("油麦菜")
    data = core.records("entry.registered")[-1]["data"]
    assert (data["goods"]["name"], data["supplier_code"]) == ("油麦菜", GREEN)
    assert "13812345678" not in str(data)
    expect(page.locator("#product")).to_have_value("")  # the next goods of the same truck
    expect(page.locator("#supplier")).to_have_value("绿源蔬菜合作社")
    expect(tiles.nth(0)).to_contain_text("大白菜")  # nothing moved
    assert page.errors == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("changed", [{ROWS: GROUPS + ROWS}])
def test_a_stall_finds_goods_and_its_last_buyers_after_a_restart(
    again: Callable[..., Any], serve: Callable[..., WebServer], browser: Browser, changed: dict[str, str]
) -> None:
    station = again()
    lot = next(lot for lot in station.board.lots if lot.sample == "5")
    for code, name in ((GREEN, "张三饭店"), (RED, "李四烧烤"), (GREEN, "张三饭店")):
        station.puts("1.000")
        station.does(Sell(scale="scale-1", product="01040201", lot=lot.test_code, buyer=code, buyer_name=name))
    station.stop()
    station = again()
    station.puts("1.250")
    web = serve(station)
    for size in ((360, 740), (800, 480), (1280, 800)):
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=web.url)
        page = context.new_page()
        page.set_default_timeout(8000)
        errors: list[str] = []
        page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))  # type: ignore[misc]
        line, sizes = context.new_cdp_session(page), {}
        line.send("Network.enable")
        line.on(
            "Network.loadingFinished",
            lambda one, sizes=sizes: sizes.update({one["requestId"]: one["encodedDataLength"]}),
        )
        page.goto("/stall")
        recent = page.locator(".recent button")
        expect(recent).to_have_text(["张三饭店", "李四烧烤"])
        expect(page.locator(".product:visible").nth(0)).to_contain_text("大白菜")
        assert page.locator(".product").count() >= 120
        assert sum(sizes.values()) < 150_000, sizes
        assert fits(page)
        page.locator("#find-product").fill("dbc")
        page.keyboard.press("Enter")
        expect(page.locator("#product-01040201")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#find-product")).to_have_value("")
        recent.nth(0).click()
        expect(page.locator("#buyer-said")).to_have_text("张三饭店")
        expect(page.locator("#buyer-code")).to_have_value(GREEN)
        seen(page, f"stall-{size[0]}")
        assert errors == []
        context.close()

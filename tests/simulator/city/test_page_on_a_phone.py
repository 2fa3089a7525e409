"""The slip's page in a real browser, as narrow as an old phone."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from protocol.city.codes import CodeKind
from simulator.broker import Broker
from simulator.city import City

pytestmark = [pytest.mark.browser, pytest.mark.broker]


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 360, "height": 640}, device_scale_factor=2, locale="zh-CN")
    page.on("console", lambda message: pytest.fail(message.text) if message.type == "error" else None)
    yield page
    page.close()


def keep(page: Page, name: str) -> None:
    """A picture to look at, when a folder is named."""
    if folder := os.environ.get("MARKETEDGE_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def address(city: City, url: str) -> str:
    return f"{city.url}/j/{url.rsplit('/', 1)[1]}"


def test_a_slip_is_understood_without_scrolling(town: tuple[City, Any, Any], phone: Page) -> None:
    city, station, wire = town
    wire.event(station.entry())
    wire.event(station.result())
    data, url = station.slip()
    wire.event(station.event("trade.completed", data, subject=data["slip"]["tx"]))
    wire.until(lambda w: w.upto == 3)
    phone.goto(address(city, url))
    keep(phone, "slip")
    assert fits(phone)
    for text in ("小票是真的", "¥43.19", "上海青", "合格（快检）"):
        box = phone.get_by_text(text, exact=True).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 640, text
    phone.get_by_role("link", name="English").click()
    expect(phone.get_by_role("heading", name="Genuine")).to_be_visible()
    keep(phone, "slip-en")
    assert fits(phone)
    phone.locator("a[href^='/b/']").first.click()
    expect(phone.get_by_role("heading", name="Source registered")).to_be_visible()
    keep(phone, "source-en")
    assert fits(phone)


def test_long_and_hostile_names_do_not_break_the_page(town: tuple[City, Any, Any], phone: Page) -> None:
    city, station, wire = town
    name = "<b onclick=alert(1)>" + "W" * 90
    data, url = station.slip(goods=name, seller=name, origin="产" * 120, lines=3)
    wire.event(station.event("trade.completed", data, subject=data["slip"]["tx"]))
    wire.until(lambda w: w.upto == 1)
    phone.goto(address(city, url))
    keep(phone, "slip-hostile")
    assert fits(phone)
    assert phone.locator("b[onclick]").count() == 0


def test_an_early_slip_says_the_rest_is_on_its_way(town: tuple[City, Any, Any], phone: Page) -> None:
    city, station, _ = town
    url = address(city, station.slip()[1])
    phone.goto(url)
    keep(phone, "slip-early")
    assert fits(phone)
    assert phone.get_by_text("明细还在路上").is_visible()


def test_a_forged_slip_is_a_red_warning(town: tuple[City, Any, Any], phone: Page, signer: Any) -> None:
    city, _, _ = town
    answer = phone.goto(address(city, signer(seed=9).slip()[1]))
    assert answer is not None and answer.ok
    keep(phone, "slip-forged")
    assert phone.get_by_role("heading", name="假的，请勿相信").is_visible()
    assert fits(phone)


def test_the_overview_fits_too(town: tuple[City, Any, Any], phone: Page, broker: Broker) -> None:
    city, station, wire = town
    wire.state(station.state())
    wire.event(station.entry())
    wire.event(station.entry(2, net_g=-1))
    station.entry(3)
    wire.event(station.result(1, "unqualified"), alarm=True)
    wire.until(lambda w: w.upto == 2 and bool(w.ids))
    phone.goto(city.url)
    keep(phone, "overview")
    assert fits(phone)


def test_a_hold_stands_above_everything_and_in_its_colour(town: tuple[City, Any, Any], phone: Page) -> None:
    city, station, wire = town
    data, url = station.slip()
    data["sold"][0]["weighed"] |= {"stability": "manual", "reason": "秤断线，已报修"}
    wire.event(station.entry())
    wire.event(station.result())
    wire.event(station.event("trade.completed", data, subject=data["slip"]["tx"]))
    wire.event(station.result(verdict="unqualified"))
    wire.until(lambda w: w.upto == 4)
    phone.goto(address(city, url))
    keep(phone, "slip-held")
    assert fits(phone)
    seal = phone.locator(".seal")
    assert seal.locator("h1").inner_text() == "此批货物已暂停销售"
    assert seal.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(179, 23, 15)"
    assert phone.get_by_text("手工输入重量").first.is_visible()


def test_a_lot_without_its_test_has_no_green(town: tuple[City, Any, Any], phone: Page) -> None:
    city, station, wire = town
    wire.event(station.entry())
    wire.until(lambda w: w.upto == 1)
    phone.goto(f"{city.url}/b/{station.code(CodeKind.TEST, 1)}")
    keep(phone, "source-pending")
    assert fits(phone)
    assert phone.get_by_role("heading", name="尚未放行").is_visible()
    assert phone.locator(".seal.warn").count() == 1


def test_a_stalls_page_fits_and_leads_to_its_lots(town: tuple[City, Any, Any], phone: Page) -> None:
    city, station, wire = town
    data, url = station.slip()
    wire.event(station.entry())
    wire.event(station.result())
    wire.event(station.event("trade.completed", data, subject=data["slip"]["tx"]))
    wire.until(lambda w: w.upto == 3)
    phone.goto(address(city, url))
    phone.get_by_role("link", name="张家菜摊").click()
    expect(phone.get_by_role("heading", name="正在销售")).to_be_visible()
    keep(phone, "stall")
    assert fits(phone)
    phone.get_by_role("link", name="41010 80011 01000 00010").click()
    expect(phone.get_by_role("heading", name="来源已登记")).to_be_visible()
    phone.go_back()
    phone.get_by_role("link", name="English").click()
    expect(phone.get_by_role("heading", name="Pak choi")).to_be_visible()
    keep(phone, "stall-en")

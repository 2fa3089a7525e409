"""Prices on the stall's page: changed for everybody or for one sale, and changed back."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from edge.between.commands import Sell

pytestmark = pytest.mark.browser

# What the station of conftest.py has by half past five.
FIRST = "41010800330100000048"


def test_a_price_is_changed_and_changed_back(core: Any, page: Page, no_sideways: Callable[[Page], None]) -> None:
    core.puts("1.000")
    page.goto("/stall")
    product = page.locator("#product-01040301")
    product.click()
    page.locator("#reprice").click()
    expect(page.locator("#pricing")).to_be_visible()
    expect(page.locator("#pricing-unit")).to_have_text("元/500 g")
    page.fill("#pricing-yuan", "2.345")
    page.locator("#pricing-save").click()
    expect(page.locator("#pricing-wrong")).to_contain_text("3.50")
    page.fill("#pricing-yuan", "2.5")
    page.keyboard.press("Enter")
    expect(product).to_contain_text("2.50")
    expect(page.locator("#amount")).to_have_text("¥5.00")
    expect(page.locator("#undo span")).to_have_text("西红柿：¥1.99 → ¥2.50")
    page.locator("#undo button").click()
    expect(product).to_contain_text("1.99")
    expect(page.locator("#undo")).to_be_hidden()
    expect(product).to_have_attribute("aria-pressed", "true")
    no_sideways(page)


def test_a_long_press_opens_the_price(core: Any, desk: Page) -> None:
    desk.goto("/stall")
    desk.locator("#product-01040401").click(delay=800)
    expect(desk.locator("#pricing-name")).to_have_text("黄瓜")
    desk.keyboard.press("Escape")
    expect(desk.locator("#pricing")).to_be_hidden()
    assert core.asked == []


def test_a_price_for_one_sale_is_everybody_s_no_longer_than_that(
    core: Any, desk: Page, until: Callable[..., None]
) -> None:
    core.puts("1.000")
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    desk.locator("#reprice").click()
    desk.fill("#pricing-yuan", "3")
    desk.locator("#pricing-once").click()
    expect(desk.locator("#amount")).to_have_text("¥3.00")
    expect(desk.locator("#sum-words")).to_have_class("once")
    desk.locator("#sell").click()
    sold = Sell(scale="scale-1", product="01040201", lot=FIRST, seen_g=1000, price_fen=300)
    until(lambda: core.asked == [sold])
    expect(desk.locator("#answer")).to_contain_text("已记录")
    core.weighs("0.000")
    core.puts("1.000")
    expect(desk.locator("#amount")).to_have_text("¥3.50")
    expect(desk.locator("#product-01040201")).to_contain_text("3.50")

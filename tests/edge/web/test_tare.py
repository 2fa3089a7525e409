"""Containers are taken off, by the scale or by the station; a weight is typed only while the scale is broken."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from edge.between.commands import AskScale, Sell
from edge.between.inbox import PortChanged
from protocol.readings import Net, State

pytestmark = pytest.mark.browser

# What the station of conftest.py has by half past five.
FIRST = "41010800330100000048"


@pytest.mark.parametrize("changed", [{}, {'e = "5 g"': 'e = "5 g"\nwritable = true'}], ids=["read only", "writable"])
def test_tare_and_zero_are_offered_only_where_allowed(
    core: Any, desk: Page, until: Callable[..., None], changed: dict[str, str]
) -> None:
    core.puts("1.250")
    desk.goto("/stall")
    expect(desk.locator("#digits")).to_have_text("1.250")
    if not changed:
        expect(desk.locator("#wishes")).to_be_hidden()
        return
    desk.get_by_role("button", name="去皮").click()
    until(lambda: core.asked == [AskScale(scale="scale-1", wish="tare")])


def test_a_known_container_is_taken_off(
    core: Any, page: Page, until: Callable[..., None], no_sideways: Callable[[Page], None], a_tare: Callable[..., None]
) -> None:
    core.puts("1.250")
    page.goto("/stall")
    page.locator("#product-01040201").click()
    expect(page.locator("#masses")).to_be_hidden()
    a_tare(page, "0.05")
    expect(page.locator("#digits")).to_have_text("1.200")
    expect(page.locator("#mass-gross")).to_have_text("1.250 kg")
    expect(page.locator("#mass-tare")).to_have_text("0.050 kg")
    expect(page.locator("#mass-net")).to_have_text("1.200 kg")
    expect(page.locator("#amount")).to_have_text("¥4.20")
    no_sideways(page)
    core.puts("0.140")
    expect(page.locator("#sell")).to_have_text("太轻，低于最小秤量 0.1 kg")
    a_tare(page, "0.15")
    expect(page.locator("#sell")).to_have_text("皮重不小于重量，请核对")
    expect(page.locator("#digits")).to_have_text("-0.010")
    expect(page.locator("#amount")).to_have_text("")
    a_tare(page, "0.05")
    core.puts("1.250")
    page.locator("#sell").click()
    until(
        lambda: (
            core.asked == [Sell(scale="scale-1", product="01040201", lot=FIRST, seen_g=1200, price_fen=350, tare_g=50)]
        )
    )
    expect(page.locator("#answer")).to_contain_text("1.200 kg")
    expect(page.locator("#masses")).to_be_hidden()  # this container is gone
    core.weighs("0.000")
    core.puts("1.250")
    expect(page.locator("#digits")).to_have_text("1.250")


def test_a_pinned_container_stays_for_the_next_sale(
    core: Any, desk: Page, until: Callable[..., None], a_tare: Callable[..., None]
) -> None:
    core.puts("1.250")
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    a_tare(desk, "0.05", keep=True)
    expect(desk.locator("#tare-pinned")).to_be_visible()
    desk.locator("#sell").click()
    expect(desk.locator("#answer")).to_contain_text("1.200 kg")
    core.weighs("0.000")
    core.puts("2.000")
    expect(desk.locator("#digits")).to_have_text("1.950")
    desk.locator("#sell").click()
    until(lambda: len(core.asked) == 2)
    assert (core.asked[1].seen_g, core.asked[1].tare_g) == (1950, 50)
    desk.locator("#tare-open").click()
    desk.locator("#taring-clear").click()
    expect(desk.locator("#masses")).to_be_hidden()
    desk.locator("#tare-open").click()
    desk.get_by_role("button", name="0.050 kg").click()  # remembered
    expect(desk.locator("#mass-tare")).to_have_text("0.050 kg")
    desk.locator("#tare-open").click()
    desk.fill("#taring-kg", "31")
    desk.keyboard.press("Enter")
    expect(desk.locator("#taring-wrong")).to_contain_text("小于秤的最大秤量")


def test_the_net_has_the_digits_of_the_scale(core: Any, desk: Page, a_tare: Callable[..., None]) -> None:
    core.puts("1.25")
    desk.goto("/stall")
    a_tare(desk, "0.05")
    expect(desk.locator("#digits")).to_have_text("1.20")
    a_tare(desk, "0.055")
    expect(desk.locator("#digits")).to_have_text("1.195")
    core.weighs("1250", unit="g")
    expect(desk.locator("#digits")).to_have_text("1195")
    expect(desk.locator("#unit")).to_have_text("g")


def test_a_tare_the_scale_took_itself_is_refused_in_words(
    core: Any, desk: Page, until: Callable[..., None], waits_before: Callable[..., None], a_tare: Callable[..., None]
) -> None:
    core.puts("1.250")
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    a_tare(desk, "0.05")
    waits_before(core, core.frames("1.250", net=Net.NET))
    desk.locator("#sell").click()
    until(lambda: core.asked)
    core.go_on()
    expect(desk.locator("#answer")).to_have_text("scale-1：秤已去皮，请先清除秤上的皮重")
    expect(desk.locator("#mass-tare")).to_have_text("0.050 kg")


def test_a_container_is_not_offered_where_nobody_knows_of_a_first_tare(core: Any, desk: Page) -> None:
    core.puts("1.250", net=None)
    desk.goto("/stall")
    expect(desk.locator("#digits")).to_have_text("1.250")
    desk.locator("#tare-open").click()
    expect(desk.locator("#toast")).to_contain_text("请只用秤上的去皮键")
    expect(desk.locator("#taring")).to_be_hidden()


def test_a_container_that_was_named_before_the_scale_took_a_tare_stops_the_sale(
    core: Any, desk: Page, a_tare: Callable[..., None]
) -> None:
    core.puts("1.250")
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    a_tare(desk, "0.05")
    core.weighs("1.250", net=Net.NET)
    expect(desk.locator("#sell")).to_have_text("秤已去皮，请先清除秤上的皮重")
    desk.locator("#tare-open").click()
    desk.locator("#taring-clear").click()
    expect(desk.locator("#sell")).to_have_text("卖出并打印")


def test_a_weight_is_typed_only_while_the_scale_is_broken(
    core: Any, page: Page, until: Callable[..., None], no_sideways: Callable[[Page], None]
) -> None:
    core.puts("1.250")
    page.goto("/stall")
    page.locator("#product-01040201").click()
    link = page.locator("#typed-open")
    expect(link).to_be_disabled()
    core.weighs("1.250", stable=False)
    expect(page.locator("#sell")).to_have_text("等重量稳定")
    expect(link).to_be_disabled()
    core.weighs(None, state=State.ERROR)
    expect(link).to_be_enabled()
    core.weighs("1.250")
    expect(link).to_be_disabled()
    core.clock.go(2.0)
    core.turn()
    assert core.scale.why == "stale"
    expect(link).to_be_enabled()
    core.turn(PortChanged("scale-1", False, "unplugged"))
    expect(page.locator("#sell")).to_contain_text("秤无信号")
    expect(link).to_be_enabled()
    link.click()
    expect(page.locator("#typing .warning")).to_contain_text("小票会注明“手工输入”")
    page.fill("#typing-kg", "0.9")
    page.locator("#typing-save").click()
    expect(page.locator("#typing-wrong")).to_have_text("请填写原因")
    page.get_by_role("button", name="秤断线").click()
    page.locator("#typing-save").click()
    expect(page.locator("#digits")).to_have_text("0.900")
    expect(page.locator("#weight")).to_have_class(re.compile("typed"))
    expect(page.locator("#steady")).to_have_text("手工输入 · 秤断线")
    expect(page.locator("#amount")).to_have_text("¥3.15")
    expect(page.locator("#sell")).to_have_text("按手工重量卖出并打印")
    no_sideways(page)
    page.locator("#sell").click()
    until(
        lambda: (
            core.asked
            == [
                Sell(
                    scale="scale-1",
                    product="01040201",
                    lot=FIRST,
                    seen_g=900,
                    price_fen=350,
                    manual_g=900,
                    reason="秤断线",
                )
            ]
        )
    )
    expect(page.locator("#answer")).to_contain_text("0.900 kg")
    expect(page.locator("#digits")).to_have_text("- - -")  # the next one is typed anew


def test_a_typed_weight_goes_when_the_scale_is_back(core: Any, desk: Page) -> None:
    core.turn(PortChanged("scale-1", False, "unplugged"))
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    desk.locator("#typed-open").click()
    desk.fill("#typing-kg", "0.9")
    desk.fill("#typing-reason", "秤坏")
    desk.keyboard.press("Enter")
    expect(desk.locator("#digits")).to_have_text("0.900")
    desk.locator("#typed-end").click()
    expect(desk.locator("#digits")).to_have_text("- - -")
    desk.locator("#typed-open").click()
    expect(desk.locator("#typing-reason")).to_have_value("秤坏")
    desk.fill("#typing-kg", "0.9")
    desk.keyboard.press("Enter")
    core.turn(PortChanged("scale-1", True))
    core.puts("1.250")
    expect(desk.locator("#digits")).to_have_text("1.250")
    expect(desk.locator("#toast")).to_have_text("秤已恢复，请用秤称重")
    expect(desk.locator("#sell")).to_have_text("卖出并打印")

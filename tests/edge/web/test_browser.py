"""What holds of every page in Chromium: its language, the size of what is pressed, and what a hidden one costs."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from edge.between.commands import PlanChannel
from edge.between.inbox import PortChanged

pytestmark = pytest.mark.browser

# What the station of conftest.py has by half past five.
PENDING = "41010800330100000030"


def test_the_language_switches_on_every_page(core: Any, page: Page, no_sideways: Callable[[Page], None]) -> None:
    core.settles()
    core.puts("1.250")
    page.goto("/stall")
    page.locator(".language").click()
    expect(page.locator("#steady")).to_have_text("Stable")
    expect(page.locator("#sell")).to_have_text("Choose a product")
    page.locator("#product-01040201").click()
    expect(page.locator("#sell")).to_have_text("Sell & print")
    no_sideways(page)
    page.get_by_role("link", name="Gate").click()
    expect(page.locator("#register")).to_have_text("Register")
    no_sideways(page)
    page.get_by_role("link", name="Status").click()
    expect(page.locator(".overall")).to_contain_text("All systems OK")
    no_sideways(page)
    page.locator(".language").click()
    expect(page.locator(".overall")).to_contain_text("全部正常")


def test_targets_are_large_enough_for_a_cold_thumb(core: Any, page: Page) -> None:
    core.puts("1.250")
    for address in ("/stall", "/gate", "/status"):
        page.goto(address)
        if address == "/stall":
            page.locator("#product-01040201").click()
            page.locator("#tare-open").click()
            assert too_small(page) == []
            page.locator("#taring-cancel").click()
            core.turn(PortChanged("scale-1", False, "unplugged"))
            page.locator("#typed-open").click()
            assert too_small(page) == []
            page.locator("#typing-cancel").click()
        if address == "/gate":
            page.locator("#match-15").click()
            assert too_small(page) == []
            page.locator("#matching-back").click()
        assert too_small(page) == []


def too_small(page: Page) -> list[str]:
    """What a finger could miss, of what can be seen."""
    small: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(
                "button, nav a, select, summary, label:has([type=radio], [type=checkbox]), "
                + "input:not([type=radio], [type=checkbox])")]
            .filter((one) => one.checkVisibility() && !one.closest(".unseen"))
            .map((one) => [one.outerHTML.slice(0, 60), one.getBoundingClientRect()])
            .filter(([, box]) => box.height < 47.5 || box.width < 47.5)
            .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""
    )
    return small


def test_the_newer_parts_speak_english(
    core: Any, page: Page, no_sideways: Callable[[Page], None], a_tare: Callable[..., None]
) -> None:
    core.enters("01040801")
    for number in ("61.0", "62.0"):
        core.hands_over(core.result("8", number), device="analyzer-1")
    core.does(PlanChannel(analyzer="analyzer-1", channel="1", lot=PENDING))
    core.puts("1.250")
    page.goto("/gate?lang=en")
    for words in (
        "Results that wait for a person",
        "Repeat 1/2",
        "1 more to do",
        "Whole-plant extraction",
        "Channel plan",
    ):
        expect(page.locator("main")).to_contain_text(words)
    page.locator("#match-15").click()
    page.select_option("#matching-lot", PENDING)
    page.get_by_label("Passed / negative").check()
    page.fill("#matching-person", "Wang Min")
    page.locator("#matching-go").click()
    expect(page.locator("#matching-effect")).to_contain_text("Recorded as passed")
    no_sideways(page)
    page.keyboard.press("Escape")
    page.goto("/stall")
    a_tare(page, "0.05")
    expect(page.locator("#masses")).to_contain_text("Gross")
    expect(page.locator("#typed-open")).to_have_text("Scale broken? Type the weight")
    no_sideways(page)
    page.goto("/status")
    expect(page.locator("main")).to_contain_text("Temperature 4.1 °C")
    expect(page.locator("main")).to_contain_text("Results without a lot")
    no_sideways(page)


def test_a_hidden_page_costs_nothing(core: Any, desk: Page, until: Callable[..., None]) -> None:
    desk.goto("/stall")
    until(lambda: core.showing._watchers)
    desk.goto("about:blank")
    until(lambda: not core.showing._watchers)

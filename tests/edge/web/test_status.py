"""What a person confirms by name on the page of states: a doubted date, another device behind a port."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from edge.between.board import PortView
from edge.between.commands import ConfirmDate, ConfirmPort
from edge.between.inbox import PortChanged

pytestmark = pytest.mark.browser


def test_a_doubted_date_is_confirmed_by_name(
    core: Any, page: Page, until: Callable[..., None], no_sideways: Callable[[Page], None]
) -> None:
    core.clock.jumps("2031-03-01T09:30")
    page.goto("/status?lang=en")
    page.locator("#date-asked").click()
    expect(page.locator("#dating-title")).to_have_text("Today is 2031-03-01, yes")
    page.locator("#dating-go").click()
    expect(page.locator("#dating-wrong")).to_have_text("Enter your name")
    assert core.asked == []
    page.locator("#dating-person").fill(" 王敏 ")
    no_sideways(page)
    asked_about = core.clock.wall
    core.clock.wall += timedelta(days=1)
    page.locator("#dating-go").click()
    expect(page.locator("#dating-wrong")).to_have_text("the system's date is not 2031-03-01: look again")
    core.clock.wall = asked_about
    page.locator("#dating-go").click()
    expect(page.locator("#dating")).to_be_hidden()
    expect(page.locator("#date-asked")).to_have_count(0)
    assert core.asked[-1] == ConfirmDate(date="2031-03-01", person="王敏")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_another_device_behind_a_port_is_confirmed_by_name_after_a_look(
    core: Any,
    page: Page,
    until: Callable[..., None],
    language: str,
    no_sideways: Callable[[Page], None],
    waits_before: Callable[..., None],
    swap: Callable[..., None],
) -> None:
    page.goto(f"/status?lang={language}")
    here, there = swap(core)
    page.locator("#swap-scale-1").click()
    facts = page.locator("#swapping-facts")
    expect(facts).to_contain_text("0000:00:14.0-usb-1.2")
    expect(facts).to_contain_text("0000:00:14.0-usb-1.3")
    no_sideways(page)
    page.fill("#swapping-person", " ")
    page.locator("#swapping-go").click()
    expect(page.locator("#swapping-wrong")).to_have_text({"zh": "请填写姓名", "en": "Enter your name"}[language])
    third = replace(here, socket="pci0000:00/0000:00:14.0-usb-1.4")
    page.fill("#swapping-person", "王敏")
    waits_before(core, [PortChanged("scale-1", False, "another device", third)])
    page.locator("#swapping-go").click()
    until(lambda: core.asked)
    core.go_on()
    words = {"zh": "设备又变了，请重新核对", "en": f"it is another one by now: {third}"}[language]
    expect(page.locator("#swapping-wrong")).to_have_text(words)
    swap(core)
    page.locator("#swapping-go").click()
    expect(page.locator("#toast")).to_contain_text({"zh": "已确认", "en": "Confirmed"}[language])
    expect(page.locator("#swap-scale-1")).to_have_count(0)
    assert core.asked[-1] == ConfirmPort(device="scale-1", person="王敏", seen=str(there))


@pytest.mark.parametrize(
    ("port", "words"),
    [("/dev/ttyS1", "do_garbage"), ("http:0.0.0.0:8090", "do_contents"), ("evdev:/dev/input/event3", "do_keys")],
)
def test_what_is_not_understood_has_a_next_step_that_fits_its_port(port: str, words: str) -> None:
    assert PortView("one", port).garbled == words

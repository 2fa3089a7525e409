"""A scale's new certificate is entered on the page of states, by who may."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from edge.between import pins
from edge.between.people import CONSOLE, Role
from edge.between.people_commands import AddOperator

pytestmark = pytest.mark.browser


@pytest.fixture
def changed() -> dict[str, str]:
    return {"verified_until = 2027-06-30": 'verified_until = 2026-11-21\ncertificate = "豫-2025-0007"\nseal = "F-8"'}


def test_a_scale_sells_again_when_its_new_certificate_is_entered(core: Any, page: Page) -> None:
    page.goto("/status")
    row = page.locator(".register .row")
    expect(row).to_contain_text("送检后在此录入新证书")
    page.locator("#renew-scale-1").click()
    expect(page.locator("#renewing [name=certificate]")).to_have_value("豫-2025-0007")
    assert Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).violations_count == 0
    page.locator("#renewing-person").fill("王敏")
    page.locator("#renewing-go").click()
    expect(page.locator("#renewing-wrong")).to_contain_text("没有改动")
    page.locator("#renewing [name=certificate]").fill("豫-2026-0012")
    page.locator("#renewing [name=verified_until]").fill("2027-11-20")
    page.locator("#renewing-go").click()
    expect(page.locator("#toast")).to_contain_text("scale-1")
    expect(row).to_contain_text("豫-2026-0012")
    expect(row).not_to_contain_text("送检后")
    said = core.records("scale.registered")[-1]["data"]
    assert (said["certificate"], said["seal"], said["person"]) == ("豫-2026-0012", "F-8", "王敏")
    assert said["changed"] == ["certificate", "verified_until"]


def test_an_operator_needs_the_word_of_a_supervisor(core: Any, desk: Page) -> None:
    for code, name, role, pin in (("1", "陈主管", Role.SUPERVISOR, "777555"), ("7", "王敏", Role.OPERATOR, "4829")):
        core.does(AddOperator(code=code, name=name, role=role, pin=pins.hashed(pin)), CONSOLE)
    desk.goto("/sign-in?next=/status")
    desk.locator("#names button", has_text="王敏").click()
    desk.locator("#pin").fill("4829")
    desk.locator("#go").click()
    expect(desk.locator("body")).to_have_attribute("data-link", "up")
    desk.locator("#renew-scale-1").click()
    expect(desk.locator("#renewing-person")).not_to_be_visible()
    desk.locator("#renewing [name=seal]").fill("F-9")
    desk.locator("#renewing-go").click()
    desk.locator("#approval-pin").fill("777555")
    desk.locator("#approval-give").click()
    expect(desk.locator(".register .row")).to_contain_text("F-9")
    record = core.records("scale.registered")[-1]
    assert (record["operator"], record["approvedby"], record["data"]["person"]) == ("7", "1", "王敏")

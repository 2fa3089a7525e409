"""A scanner that belongs to the box, at the pages: in Chromium, on the way that the live stream is."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from edge.between import pins
from edge.between.inbox import PortGarbage, Scanned
from edge.between.people import CONSOLE, Role
from edge.between.people_commands import AddOperator
from protocol.readings import Scan

pytestmark = pytest.mark.browser

NEWEST, OLDER = "41010800330100000056", "41010800330100000048"
BUYER = "4101080010456"
SCANNER = '[[scanner]]\nname = "scanner-1"\nmodel = "keyboard-scanner"\nport = "evdev:/dev/input/x"\n'
COUNTING = """
const create = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () {
  const voice = create.call(this);
  const start = voice.start;
  voice.start = function (...at) {
    const { dataset } = document.documentElement;
    dataset.notes = `${dataset.notes ?? ""} ${voice.frequency.value}`;
    return start.apply(this, at);
  };
  return voice;
};
"""


@pytest.fixture
def changed() -> dict[str, str]:
    return {"[paper]": SCANNER + "[paper]"}


@pytest.fixture
def scans(core: Any) -> Callable[[str], None]:
    return lambda text: core.turn(Scanned("scanner-1", Scan(text)))


@pytest.fixture
def stall(desk: Page) -> Page:
    desk.add_init_script(COUNTING)
    desk.goto("/stall")
    expect(desk.locator("body")).to_have_attribute("data-link", "up")
    desk.locator("#product-01040201").click()
    return desk


def test_a_code_goes_where_a_typed_one_goes_and_is_heard(stall: Page, scans: Callable[[str], None], core: Any) -> None:
    scans(OLDER)
    expect(stall.locator(f"#lot-{OLDER}")).to_be_checked()
    expect(stall.locator("#scanned")).to_contain_text("已选批次")
    scans(BUYER)
    expect(stall.locator("#buyer-code")).to_have_value(BUYER)
    scans("上海青 X1-7")
    expect(stall.locator("#scanned")).to_have_text("不认识的码，未使用：上海青 X1-7")
    expect(stall.locator("html")).to_have_attribute(
        "data-notes", re.compile(r"1320 .*1320 .*330$")
    )  # among the alarm's
    core.turn(PortGarbage("scanner-1", "keys were lost", b""))
    expect(stall.locator("#scanned")).to_have_text("没有读清，请再扫一次")
    assert core.board.scanners[0].lost == ""


def test_a_code_is_typed_into_no_pin_and_no_price(stall: Page, scans: Callable[[str], None]) -> None:
    stall.locator("#reprice").click()
    stall.locator("#pricing-yuan").focus()
    scans("1250")
    expect(stall.locator("#scanned")).to_have_text("未使用扫码：请先关闭窗口，再扫一次")
    expect(stall.locator("#pricing-yuan")).to_have_value("3.50")


def test_of_two_pages_the_one_opened_last_gets_it(
    stall: Page, opened: Callable[..., Page], web: Any, scans: Callable[[str], None]
) -> None:
    later = opened(web.url, (800, 480))
    later.goto("/status")
    expect(later.locator("body")).to_have_attribute("data-link", "up")
    scans(OLDER)
    expect(later.locator("#scanned")).to_contain_text("此页用不到")
    expect(stall.locator("#scanned")).to_be_hidden()


def test_without_a_page_it_stands_on_the_next_one(desk: Page, scans: Callable[[str], None], core: Any) -> None:
    scans(OLDER)
    desk.goto("/status")
    expect(desk.locator(".strip")).to_contain_text(f"{core.board.scanners[0].lost} 扫的码没有页面接收")
    row = desk.locator("li", has_text="扫码枪 scanner-1")
    expect(row).to_contain_text("读码 1 次")
    expect(row).to_contain_text("在本机打开一个页面再扫")
    expect(desk.locator("body")).to_have_attribute("data-link", "up")
    scans(OLDER)
    expect(desk.locator(".strip")).not_to_contain_text("扫的码")


def test_a_card_says_who_signs_in_and_never_the_pin(desk: Page, scans: Callable[[str], None], core: Any) -> None:
    core.does(AddOperator(code="1", name="陈主管", role=Role.SUPERVISOR, pin=pins.hashed("777555")), CONSOLE)
    core.does(AddOperator(code="0012345678", name="王敏", role=Role.OPERATOR, pin=pins.hashed("4829")), CONSOLE)
    with desk.expect_response("**/api/scans"):
        desk.goto("/stall")
    scans("0012345678")
    expect(desk.locator("#code")).to_have_value("0012345678")
    expect(desk.locator("#pin")).to_be_focused()
    scans("0012345678")
    expect(desk.locator("#pin")).to_have_value("")
    desk.keyboard.type("4829")
    desk.keyboard.press("Enter")
    expect(desk.locator(".me")).to_have_text("王敏")

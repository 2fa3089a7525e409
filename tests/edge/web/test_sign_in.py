"""Signing in, changing over and a supervisor's word, as people do it: in a browser, with their fingers."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from edge.between import pins
from edge.between.people import CONSOLE, Role
from edge.between.people_commands import AddOperator, ChangeOperator
from edge.web.server import WebServer
from protocol.readings import State

pytestmark = pytest.mark.browser
PIN, SUPERVISORS_PIN = "4829", "777555"


@pytest.fixture
def web(serve: Callable[..., WebServer], core: Any) -> WebServer:
    core.does(AddOperator(code="1", name="陈主管", role=Role.SUPERVISOR, pin=pins.hashed(SUPERVISORS_PIN)), CONSOLE)
    for code, name in (("7", "王敏"), ("8", "李四")):
        core.does(AddOperator(code=code, name=name, role=Role.OPERATOR, pin=pins.hashed(PIN)), CONSOLE)
    return serve()


def enters(page: Page, pin: str, form: str = "#sign-in", go: str = "#go") -> None:
    """The PIN, on the page's own keys."""
    for digit in pin:
        page.locator(f"{form} [data-key='{digit}']").click()
    page.locator(go).click()


def signs_in(page: Page, name: str = "王敏", pin: str = PIN) -> None:
    page.goto("/stall")
    page.get_by_role("button", name=name).click()
    enters(page, pin)
    expect(page).to_have_url(re.compile(r"\d/stall$"))
    expect(page.locator("body")).to_have_attribute("data-link", "up")


def changes_over(page: Page) -> None:
    """To the sign-in page, by one's own name."""
    page.locator(".me").click()
    expect(page.locator("#sign-in .keypad")).to_be_visible()


def test_a_tap_on_the_name_and_the_pin_lead_to_the_page(page: Page) -> None:
    signs_in(page)
    expect(page.locator(".me")).to_have_text("王敏")
    expect(page.locator("#digits")).to_be_visible()


SCREENS = [(360, 640), (740, 360), (800, 480), (1024, 600), (1280, 800)]


def test_the_keys_of_a_pin_are_within_every_screen(desk: Page, core: Any) -> None:
    for width, height in SCREENS:
        desk.set_viewport_size({"width": width, "height": height})
        desk.goto("/sign-in")
        for selector in ("#names", "#code", "#pin", ".keypad", "#go"):
            expect(desk.locator(selector)).to_be_in_viewport(ratio=1)
    signs_in(desk)
    dismisses(desk)
    for width, height in SCREENS:
        desk.set_viewport_size({"width": width, "height": height})
        for part in ("-names", "-code", "-pin", " .keypad", "-give", "-back"):
            expect(desk.locator(f"#approval{part}")).to_be_in_viewport(ratio=1)


def test_a_code_does_as_well_and_a_wrong_pin_is_said(desk: Page) -> None:
    desk.goto("/sign-in?next=/gate")
    desk.locator("#code").focus()
    for digit in "7":
        desk.locator(f"#sign-in [data-key='{digit}']").click()
    desk.locator("#go").click()
    expect(desk.locator("#wrong")).to_have_text("请填写编号和密码（4 到 12 位数字）")
    enters(desk, "11")
    expect(desk.locator("#wrong")).to_have_text("请填写编号和密码（4 到 12 位数字）")
    desk.locator("#sign-in [data-key='clear']").click()
    enters(desk, "1111")
    expect(desk.locator("#wrong")).to_have_text("编号或密码不对")
    desk.locator("#sign-in [data-key='9']").click()
    desk.locator("#sign-in [data-key='back']").click()
    enters(desk, PIN)
    expect(desk).to_have_url(re.compile(r"\d/gate$"))


def test_another_person_takes_over_in_two_taps_and_the_pin(page: Page) -> None:
    signs_in(page)
    changes_over(page)
    page.get_by_role("button", name="李四").click()
    enters(page, PIN)
    expect(page).to_have_url(re.compile(r"\d/stall$"))
    expect(page.locator(".me")).to_have_text("李四")


def test_in_another_language_the_way_leads_to_the_same_page(desk: Page) -> None:
    desk.goto("/records/3")
    expect(desk).to_have_url(re.compile(r"/sign-in\?next=/records/3$"))
    desk.locator(".language").click()
    expect(desk.locator("h1")).to_have_text("Sign in")
    expect(desk.locator("#sign-in .keypad")).to_be_visible()
    desk.get_by_role("button", name="王敏").click()
    enters(desk, PIN)
    expect(desk).to_have_url(re.compile(r"\d/records/3$"))


def test_signed_out_the_page_is_closed(desk: Page) -> None:
    signs_in(desk)
    changes_over(desk)
    desk.locator("#sign-out").click()
    expect(desk.locator("#sign-out")).to_have_count(0)
    desk.goto("/stall")
    expect(desk).to_have_url(re.compile("/sign-in"))


def test_who_is_disabled_is_led_to_the_sign_in_by_the_page_itself(desk: Page, core: Any) -> None:
    signs_in(desk)
    core.does(ChangeOperator(code="7", active=False), CONSOLE)
    expect(desk).to_have_url(re.compile("/sign-in\\?next=/stall$"))
    expect(desk.get_by_role("button", name="李四")).to_be_visible()
    expect(desk.get_by_role("button", name="王敏")).to_have_count(0)


def test_no_name_is_asked_for_of_who_is_signed_in(desk: Page, core: Any) -> None:
    signs_in(desk, "陈主管", SUPERVISORS_PIN)
    desk.goto("/gate")
    desk.locator("[data-match]").first.click()
    expect(desk.locator("#matching-lot")).to_be_visible()
    expect(desk.locator("#matching-person")).to_be_hidden()
    desk.locator("#matching-lot").select_option("-")
    desk.locator("#matching-reason").fill("练习")
    desk.locator("#matching-go").click()
    expect(desk.locator("#matching-sure")).to_be_visible()
    desk.locator("#matching-go").click()
    expect(desk.locator("#matched")).to_be_visible()
    dismissed = core.records("test.result")[-1]
    assert (dismissed["operator"], dismissed["data"]["person"]) == ("1", "陈主管")


def dismisses(page: Page) -> None:
    page.goto("/gate")
    page.locator("[data-match]").first.click()
    page.locator("#matching-lot").select_option("-")
    page.locator("#matching-reason").fill("练习")
    page.locator("#matching-go").click()
    expect(page.locator("#matching-sure")).to_be_visible()
    page.locator("#matching-go").click()


def test_a_supervisor_agrees_on_the_page_where_it_is_needed(page: Page, core: Any) -> None:
    signs_in(page)
    dismisses(page)
    expect(page.locator("#approval")).to_be_visible()
    expect(page.locator("#approval-code")).to_have_value("1")  # there is but one
    enters(page, "0000", "#approval", "#approval-give")
    expect(page.locator("#approval-wrong")).to_have_text("编号或密码不对")
    expect(page.locator("#approval-give")).to_be_in_viewport(ratio=1)
    enters(page, SUPERVISORS_PIN, "#approval", "#approval-give")
    expect(page.locator("#approval")).to_be_hidden()
    expect(page.locator("#matched")).to_be_visible()
    dismissed = core.records("test.result")[-1]
    assert (dismissed["operator"], dismissed["approvedby"]) == ("7", "1")
    assert dismissed["data"]["person"] == "王敏"


def test_without_a_supervisors_word_nothing_is_done_and_that_is_said(desk: Page, core: Any) -> None:
    signs_in(desk)
    before = len(core.records("test.result"))
    dismisses(desk)
    desk.locator("#approval-back").click()
    expect(desk.locator("#matching-wrong")).to_have_text("需要主管输入密码同意")
    desk.locator("#matching-go").click()
    desk.locator("#approval-give").click()
    expect(desk.locator("#approval-wrong")).to_have_text("请填写编号和密码（4 到 12 位数字）")
    desk.keyboard.press("Escape")
    expect(desk.locator("#matching-wrong")).to_have_text("需要主管输入密码同意")
    assert len(core.records("test.result")) == before


def test_a_typed_weight_is_sold_with_a_supervisors_word(desk: Page, core: Any) -> None:
    signs_in(desk)
    core.weighs(None, state=State.ERROR)
    desk.locator('.product[data-code="01040201"]').click()
    desk.locator("#typed-open").click()
    desk.locator("#typing-kg").fill("1.2")
    desk.locator("#typing-reason").fill("秤坏了")
    desk.locator("#typing-save").click()
    desk.locator("#sell").click()
    names = desk.locator("#approval-names button")
    expect(names).to_have_text(["陈主管"])
    names.click()
    enters(desk, SUPERVISORS_PIN, "#approval", "#approval-give")
    expect(desk.locator("#answer")).to_contain_text("1.200")
    sale = core.records("trade.completed")[-1]
    assert (sale["operator"], sale["approvedby"]) == ("7", "1")


def test_another_persons_session_in_the_same_browser_is_noticed(desk: Page, core: Any) -> None:
    signs_in(desk)
    other = desk.context.new_page()
    other.goto("/sign-in?next=/stall")
    other.get_by_role("button", name="李四").click()
    enters(other, PIN)
    expect(other).to_have_url(re.compile(r"\d/stall$"))
    before = len(core.records("price.changed"))
    desk.evaluate("document.querySelector('.product[data-code=\"01040201\"]').click()")
    desk.locator("#reprice").click()
    desk.locator("#pricing-yuan").fill("9.99")
    desk.locator("#pricing-save").click()
    expect(desk.locator("#toast")).to_have_text("当前登录的人员已变，请刷新页面")
    assert len(core.records("price.changed")) == before


def test_the_first_person_is_added_on_the_page_and_signs_in(
    serve: Callable[..., WebServer], core: Any, browser: Browser
) -> None:
    with browser.new_context(base_url=serve().url) as context:
        page = context.new_page()
        page.goto("/status")
        page.get_by_role("link", name="人员").click()
        expect(page.get_by_text("还没有人员")).to_be_visible()
        page.wait_for_load_state()
        page.locator("#adding-go").click()
        expect(page.locator("#adding-wrong")).to_contain_text("请填写编号")
        page.locator("#adding-code").fill("1")
        page.locator("#adding-name").fill("陈主管")
        page.locator("#adding-role").select_option("supervisor")
        page.locator("#adding-pin").fill(SUPERVISORS_PIN)
        page.locator("#adding-go").click()
        expect(page).to_have_url(re.compile("/sign-in"))
        page.get_by_role("button", name="陈主管").click()
        enters(page, SUPERVISORS_PIN)
        expect(page).to_have_url(re.compile(r"\d/people$"))
        expect(page.locator("#people")).to_contain_text("陈主管 1 · 主管")


def test_a_supervisor_sets_a_pin_and_takes_access_away(desk: Page, core: Any) -> None:
    signs_in(desk, "陈主管", SUPERVISORS_PIN)
    desk.goto("/people")
    row = desk.locator("#people li", has_text="李四")
    row.get_by_role("button", name="新密码").click()
    enters(desk, "11", "#pinning", "#pinning-go")
    expect(desk.locator("#pinning-wrong")).to_contain_text("4 到 12 位")
    enters(desk, "22", "#pinning", "#pinning-go")
    expect(desk.locator("#toast")).to_have_text("人员已更新")
    assert core.records("person.changed")[-1]["data"]["changed"] == ["pin"]
    row.get_by_role("button", name="停用").click()
    expect(row).to_contain_text("已停用")
    expect(row.get_by_role("button", name="启用")).to_be_visible()
    desk.locator("#people li", has_text="陈主管").get_by_role("button", name="停用").click()
    expect(desk.locator("#toast")).to_contain_text("最后一位主管")


def test_an_operator_does_so_with_a_supervisors_word(desk: Page, core: Any) -> None:
    signs_in(desk)
    desk.goto("/people")
    desk.locator("#people li", has_text="李四").get_by_role("button", name="停用").click()
    enters(desk, SUPERVISORS_PIN, "#approval", "#approval-give")
    expect(desk.locator("#people li", has_text="李四")).to_contain_text("已停用")
    changed = core.records("person.changed")[-1]
    assert (changed["operator"], changed["approvedby"]) == ("7", "1")


def test_what_is_pressed_before_the_scripts_are_there_is_pressed_when_they_are(
    web: WebServer, browser: Browser
) -> None:
    with browser.new_context(base_url=web.url) as context:
        page = context.new_page()
        asked: list[Route] = []
        page.route("**/static/sign-in.js", lambda route: asked.append(route))
        page.goto("/sign-in?next=/stall", wait_until="commit")
        page.get_by_role("button", name="王敏").click()
        page.locator("#go").click()
        assert page.url.endswith("/sign-in?next=/stall")
        page.wait_for_function('document.readyState !== "loading"')
        asked[0].continue_()
        expect(page.locator("#code")).to_have_value("7")
        expect(page.locator("#wrong")).to_contain_text("请填写编号和密码")
        enters(page, PIN)
        expect(page).to_have_url(re.compile(r"\d/stall$"))


def test_what_is_chosen_before_the_scripts_are_there_counts(serve: Callable[..., WebServer], browser: Browser) -> None:
    with browser.new_context(base_url=serve().url) as context:
        page = context.new_page()
        asked: list[Route] = []
        page.route("**/static/people.js", lambda route: asked.append(route))
        page.add_init_script("addEventListener('change', ({target}) => (document.title += target.id))")
        page.goto("/people", wait_until="commit")
        page.locator("#adding-role").select_option("supervisor")
        page.wait_for_function('document.readyState !== "loading"')
        asked[0].continue_()
        expect(page).to_have_title(re.compile("(adding-role){2}$"))

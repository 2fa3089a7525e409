"""The pages in Chromium, on a phone and on a desk."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from edge.inbox import AskScale, Refused, RegisterEntry, Reprint, Sell
from edge.web.server import WebServer

pytestmark = pytest.mark.browser

PHONE, DESK = (360, 740), (1280, 800)
NEWEST = "41010800130100000051"
OLDER = "41010800130100000041"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@contextmanager
def a_page(browser: Browser, web: WebServer, size: tuple[int, int]) -> Iterator[Page]:
    """A page whose scripts make no error and break no policy."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=web.url)
    page = context.new_page()
    page.set_default_timeout(8000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    context.close()
    assert errors == []


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def page(request: pytest.FixtureRequest, browser: Browser, web: WebServer) -> Iterator[Page]:
    with a_page(browser, web, request.param) as page:
        yield page


@pytest.fixture
def desk(browser: Browser, web: WebServer) -> Iterator[Page]:
    """For what does not depend on the size of the screen."""
    with a_page(browser, web, DESK) as page:
        yield page


def no_sideways(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_weight_lives_and_the_button_says_why(core: Any, page: Page) -> None:
    page.goto("/stall")
    button = page.locator("#sell")
    expect(button).to_have_text("请放上货物")
    core.weigh(net_g=60, text="0.060", why="below_min")
    expect(button).to_have_text("太轻，低于最小秤量 0.1 kg")
    core.weigh(net_g=1190, text="1.190", stable=False, why="motion")
    expect(page.locator("#weight")).to_have_class(re.compile("moving"))
    expect(page.locator("#steady")).to_have_text("晃动")
    expect(button).to_have_text("等重量稳定")
    core.load(1250)
    expect(page.locator("#digits")).to_have_text("1.250")
    expect(page.locator("#unit")).to_have_text("kg")
    expect(page.locator("#steady")).to_have_text("稳定")
    expect(button).to_have_text("请选商品")
    page.locator("#product-01040301").click()
    expect(button).to_have_text("此商品没有可卖批次")
    page.locator("#product-01040201").click()
    expect(button).to_have_text("卖出并打印")
    expect(button).to_have_attribute("aria-disabled", "false")
    expect(page.locator("#amount")).to_have_text("¥4.38")
    for why, words in (
        ("empty_first", "请先清空秤盘一次"),
        ("overload", "超载"),
        ("unverified", "检定已过期"),
        ("something_new", "something_new"),
    ):
        core.weigh(sellable=False, why=why)
        expect(button).to_contain_text(words)
    core.weigh(up=False, net_g=None, text="", stable=None, why="no_signal")
    expect(page.locator("#digits")).to_have_text("- - -")
    expect(page.locator("#steady")).to_have_text("无信号")
    no_sideways(page)


def test_a_sale_goes_through(core: Any, page: Page) -> None:
    core.load(1250)
    page.goto("/stall")
    page.locator("#product-01040201").click()
    expect(page.locator(f"#lot-{NEWEST}")).to_be_checked()
    page.locator(f"#lot-{OLDER}").check()
    page.locator("#buyer summary").click()
    page.fill("#buyer-code", "12")
    expect(page.locator("#sell")).to_have_text("买方编码应为 13 位数字")
    page.fill("#buyer-code", "4101080010456")
    page.fill("#buyer-name", "张三饭店")
    page.locator("#sell").click()
    answer = page.locator("#answer")
    expect(answer).to_contain_text("¥4.38")
    expect(answer).to_contain_text("…000424")
    expect(answer).to_contain_text("等待打印")
    expect(page.locator("#sell")).to_have_text("已卖出，请取下货物")
    assert core.asked == [Sell("scale-1", "01040201", OLDER, 1250, 350, "4101080010456", "张三饭店")]
    core.paper(42, state="printing")
    expect(answer).to_contain_text("正在打印")
    core.paper(42, state="failed", why="缺纸")
    expect(answer).to_contain_text("未打出 · 缺纸")
    expect(page.locator(".papers .paper").first).to_contain_text("未打出 · 缺纸")
    expect(page.locator("#buyer-code")).to_have_value("")
    core.weigh(net_g=0, text="0.000", why="below_min")
    core.load(900)
    expect(answer).to_be_hidden()
    no_sideways(page)


def test_pressed_twice_it_sells_once(core: Any, desk: Page, until: Callable[..., None]) -> None:
    core.load(1250)
    core.hold = True
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    expect(desk.locator("#sell")).to_have_text("卖出并打印")
    desk.evaluate("document.getElementById('sell').click(), document.getElementById('sell').click()")
    expect(desk.locator("#sell")).to_have_text("正在记录…")
    desk.locator("#sell").dispatch_event("click")
    until(lambda: core.held)
    core.answer(core.held[0])
    expect(desk.locator("#answer")).to_contain_text("已记录")
    assert len(core.asked) == 1


def test_a_refusal_is_said_in_words(core: Any, desk: Page) -> None:
    core.load(1250)
    core.refuse = Refused("weight_changed", "重量已变为 1.300 kg，请核对后再按", "the weight is now 1.300 kg")
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    desk.locator("#sell").click()
    expect(desk.locator("#answer")).to_have_text("重量已变为 1.300 kg，请核对后再按")
    expect(desk.locator("#sell")).to_have_text("卖出并打印")


def test_without_an_answer_the_next_press_is_the_same_sale(
    core: Any, browser: Browser, serve: Callable[..., WebServer]
) -> None:
    core.load(1250)
    core.hold = True
    page = browser.new_page(base_url=serve(timeout=0.2).url)
    page.goto("/stall")
    page.locator("#product-01040201").click()
    page.locator("#sell").click()
    expect(page.locator("#answer")).to_contain_text("请先查看小票列表")
    core.answer(core.held[0])
    core.load(1250)  # whatever the scale says: this press repeats the first
    expect(page.locator("#sell")).to_have_text("卖出并打印")
    page.locator("#sell").click()
    expect(page.locator("#answer")).to_contain_text("已记录")
    assert len(core.asked) == 1
    page.close()


def test_a_price_is_changed_and_changed_back(core: Any, page: Page) -> None:
    core.load(1000)
    page.goto("/stall")
    product = page.locator("#product-01040301")
    product.click()
    product.click()
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


def test_a_hostile_name_stays_a_name(core: Any, page: Page) -> None:
    core.load(1000)
    core.showing.post(trouble="<img src=x onerror=\"document.title='taken'\">")
    for address in ("/stall", "/gate", "/status"):
        page.goto(address)
        if address == "/stall":
            page.locator("#product-01040601").click()
            page.locator("#product-01040601").click()
            expect(page.locator("#pricing-name")).to_contain_text("<img")
            page.keyboard.press("Escape")
            page.locator("#sell").click()
            expect(page.locator("#answer")).to_contain_text("已记录")
        assert page.locator("img").count() == 0
        assert "taken" not in page.title()
        no_sideways(page)


def test_the_language_switches_on_every_page(core: Any, page: Page) -> None:
    core.load(1250)
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
    expect(page.locator(".overall")).to_contain_text("Everything works")
    no_sideways(page)
    page.locator(".language").click()
    expect(page.locator(".overall")).to_contain_text("全部正常")


def test_the_weight_goes_when_the_stream_is_cut(core: Any, desk: Page, web: WebServer) -> None:
    core.load(1250)
    desk.goto("/stall")
    expect(desk.locator("#digits")).to_have_text("1.250")
    web.stop()
    expect(desk.locator("#digits")).to_have_text("- - -", timeout=2500)
    expect(desk.locator("#steady")).to_have_text("无信号")
    expect(desk.locator("#sell")).to_contain_text("与主机断开")


def test_the_weight_goes_when_the_core_stands_still(core: Any, desk: Page) -> None:
    core.load(1250)
    desk.goto("/stall")
    expect(desk.locator("#digits")).to_have_text("1.250")
    core.showing.beat = 0.0
    expect(desk.locator("#digits")).to_have_text("- - -", timeout=4500)
    expect(desk.locator("#link")).to_contain_text("程序无响应")


def test_a_weight_that_lies_still_stays(core: Any, desk: Page) -> None:
    core.load(1250)
    desk.goto("/stall")
    expect(desk.locator("#digits")).to_have_text("1.250")
    seen = desk.evaluate(
        """() => new Promise((done) => {
            const seen = new Set();
            const timer = setInterval(() => seen.add(document.getElementById("digits").textContent), 50);
            setTimeout(() => (clearInterval(timer), done([...seen])), 3500);
        })"""
    )
    assert seen == ["1.250"]


def test_a_lot_that_is_held_is_taken_from_the_choice(core: Any, desk: Page) -> None:
    core.load(1250)
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    expect(desk.locator(f"#lot-{NEWEST}")).to_be_checked()
    lots = core.showing.board.lots
    core.showing.post(lots=(replace(lots[0], state="held", verdict="unqualified"), *lots[1:]))
    expect(desk.locator("#sell")).to_have_text("请选批次")
    expect(desk.locator(".lot.held:visible")).to_contain_text("暂停销售")
    desk.locator(f"#lot-{OLDER}").check()
    expect(desk.locator("#sell")).to_have_text("卖出并打印")


def test_tare_and_zero_are_offered_only_where_allowed(core: Any, desk: Page, until: Callable[..., None]) -> None:
    core.load(1250)
    desk.goto("/stall")
    expect(desk.locator("#digits")).to_have_text("1.250")
    expect(desk.locator("#wishes")).to_be_hidden()
    core.weigh(writable=True)
    desk.get_by_role("button", name="去皮").click()
    until(lambda: core.asked == [AskScale("scale-1", "tare")])


def test_the_second_scale_can_be_chosen(core: Any, page: Page) -> None:
    first = core.showing.board.scales[0]
    second = replace(first, name="scale-2", net_g=2000, text="2.000", sellable=True, why="")
    core.showing.post(scales=(first, second))
    page.goto("/stall")
    page.get_by_role("button", name="scale-2").click()
    expect(page.locator("#digits")).to_have_text("2.000")
    page.reload()
    expect(page.locator("#digits")).to_have_text("2.000")
    no_sideways(page)


def test_a_slip_is_read_and_printed_again(core: Any, desk: Page, until: Callable[..., None]) -> None:
    desk.goto("/stall")
    desk.locator("#view-41").click()
    expect(desk.locator("#paper-text")).to_contain_text("大白菜  1.250 kg")
    desk.get_by_role("button", name="关闭").click()
    desk.locator("#reprint-41").click()
    until(lambda: core.asked == [Reprint(41)])
    expect(desk.locator(".papers .paper").first).to_contain_text("重打第 1 份")


def test_goods_are_registered_and_their_result_arrives(core: Any, page: Page) -> None:
    page.goto("/gate")
    page.locator("#register").click()
    expect(page.locator("#wrong")).to_have_text("请填写：商品")
    page.select_option("#product", "01040201")
    page.fill("#net", "12,5kg")
    page.fill("#origin", "河南中牟")
    page.fill("#supplier", "王建国")
    page.locator("#register").click()
    expect(page.locator("#wrong")).to_contain_text("请填写净重")
    page.fill("#net", "12.5")
    page.fill("#plate", "豫A12345")
    page.fill("#certificate", "H-77")
    page.locator("#register").click()
    expect(page.locator("#answer .huge")).to_have_text(re.compile(r"样品号\s*9"))
    expected = RegisterEntry("01040201", 12500, "河南中牟", "王建国", plate="豫A12345", proofs=(("hgz", "H-77"),))
    assert core.asked == [expected]
    expect(page.locator("#supplier")).to_have_value("王建国")
    expect(page.locator("#net")).to_have_value("")
    newest = page.locator(".goods").first
    expect(newest).to_contain_text("待检测")
    lots = core.showing.board.lots
    core.showing.post(lots=(replace(lots[0], state="held", verdict="unqualified", value="88.1", unit="%"), *lots[1:]))
    expect(newest).to_contain_text("快检阳性（筛查），暂停销售 · 88.1 %")
    no_sideways(page)


def test_targets_are_large_enough_for_a_cold_thumb(core: Any, page: Page) -> None:
    core.load(1250)
    for address in ("/stall", "/gate", "/status"):
        page.goto(address)
        if address == "/stall":
            page.locator("#product-01040201").click()
        small = page.evaluate(
            """() => [...document.querySelectorAll(
                    "button, nav a, select, summary, label.lot, input:not([type=radio])")]
                .filter((one) => one.checkVisibility())
                .map((one) => [one.outerHTML.slice(0, 60), one.getBoundingClientRect()])
                .filter(([, box]) => box.height < 47.5 || box.width < 47.5)
                .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""
        )
        assert small == []


def test_the_keyboard_sells(core: Any, desk: Page, until: Callable[..., None]) -> None:
    core.load(1250)
    desk.goto("/stall")
    expect(desk.locator("#sell")).to_have_text("请选商品")
    desk.locator("#product-01040201").focus()
    desk.keyboard.press("Enter")
    desk.locator("#sell").focus()
    expect(desk.locator("#sell")).to_have_text("卖出并打印")
    desk.keyboard.press("Enter")
    until(lambda: len(core.asked) == 1)


def test_a_hidden_page_costs_nothing(core: Any, desk: Page, until: Callable[..., None]) -> None:
    desk.goto("/stall")
    until(lambda: core.showing._watchers)
    desk.goto("about:blank")
    until(lambda: not core.showing._watchers)
    assert threading.active_count() < 20

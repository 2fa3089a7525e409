"""The stall's page: what lies on the scale is sold once, and the button says why it cannot be."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.between.commands import ConfirmPort, Sell
from edge.between.inbox import PortChanged, Printed
from edge.between.print_states import PrintState, PrintWhy
from edge.web.server import WebServer
from protocol.readings import State

pytestmark = pytest.mark.browser

# What the station of conftest.py has by half past five.
FIRST, OTHER = "41010800330100000048", "41010800330100000056"


def test_the_weight_lives_and_the_button_says_why(
    core: Any, page: Page, no_sideways: Callable[[Page], None], swap: Callable[..., None]
) -> None:
    page.goto("/stall")
    button = page.locator("#sell")
    expect(button).to_have_text("请放上货物")
    core.weighs("0.060")
    expect(button).to_have_text("太轻，低于最小秤量 0.1 kg")
    core.weighs("1.190", stable=False)
    expect(page.locator("#weight")).to_have_class(re.compile("moving"))
    expect(page.locator("#steady")).to_have_text("晃动")
    expect(button).to_have_text("等重量稳定")
    core.puts("1.250")
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
    core.weighs(None, state=State.OVERLOAD)
    expect(button).to_contain_text("超载")
    swap(core)
    core.does(ConfirmPort(device="scale-1", person="王敏"))
    core.turn(PortChanged("scale-1", True))
    core.weighs("1.250")
    expect(button).to_contain_text("请先清空秤盘一次")
    core.clock.jumps("2027-07-01T05:31")
    core.puts("1.250")
    expect(button).to_contain_text("检定已过期")
    core.turn(PortChanged("scale-1", False, "unplugged"))
    expect(page.locator("#digits")).to_have_text("- - -")
    expect(page.locator("#steady")).to_have_text("无信号")
    no_sideways(page)


def test_a_sale_goes_through(core: Any, page: Page, no_sideways: Callable[[Page], None]) -> None:
    core.puts("1.250")
    page.goto("/stall")
    page.locator("#product-01040201").click()
    expect(page.locator(f"#lot-{FIRST}")).to_be_checked()
    page.locator(f"#lot-{OTHER}").check()
    page.locator("#buyer summary").click()
    page.fill("#buyer-code", "12")
    expect(page.locator("#sell")).to_have_text("买方编码应为 13 位数字")
    page.fill("#buyer-code", "4101080010456")
    page.fill("#buyer-name", "张三饭店")
    page.locator("#sell").click()
    answer = page.locator("#answer")
    expect(answer).to_contain_text("¥4.38")
    expect(answer).to_contain_text("…00022")
    expect(answer).to_contain_text("等待打印")
    expect(page.locator("#sell")).to_have_text("已卖出，请取下货物")
    assert core.asked == [
        Sell(
            scale="scale-1",
            product="01040201",
            lot=OTHER,
            seen_g=1250,
            price_fen=350,
            buyer="4101080010456",
            buyer_name="张三饭店",
        )
    ]
    core.turn(Printed(4, PrintState.PRINTING, PrintWhy.NOTHING))
    expect(answer).to_contain_text("正在打印")
    core.turn(Printed(4, PrintState.FAILED, PrintWhy.PAPER))
    expect(answer).to_contain_text("未打出 · 缺纸：请装新纸卷")
    expect(page.locator(".papers .paper").first).to_contain_text("未打出 · 缺纸：请装新纸卷")
    expect(page.locator("#buyer-code")).to_have_value("")
    core.weighs("0.000")
    core.puts("0.900")
    expect(answer).to_be_hidden()
    no_sideways(page)


def test_pressed_twice_it_sells_once(core: Any, desk: Page, until: Callable[..., None]) -> None:
    core.puts("1.250")
    core.stand_still()
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    expect(desk.locator("#sell")).to_have_text("卖出并打印")
    desk.evaluate("document.getElementById('sell').click(), document.getElementById('sell').click()")
    expect(desk.locator("#sell")).to_have_text("正在记录…")
    desk.locator("#sell").dispatch_event("click")
    until(lambda: core.asked)
    core.go_on()
    expect(desk.locator("#answer")).to_contain_text("已记录")
    assert len(core.asked) == 1


def test_a_refusal_is_said_in_words(
    core: Any, desk: Page, until: Callable[..., None], waits_before: Callable[..., None]
) -> None:
    core.puts("1.250")
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    expect(desk.locator("#sell")).to_have_text("卖出并打印")
    waits_before(core, core.frames("1.300"))
    desk.locator("#sell").click()
    until(lambda: core.asked)
    core.go_on()
    expect(desk.locator("#answer")).to_have_text("重量已变为 1.300 kg，请核对后再按")
    expect(desk.locator("#sell")).to_have_text("卖出并打印")


def test_without_an_answer_the_next_press_is_the_same_sale(
    core: Any, browser: Browser, serve: Callable[..., WebServer]
) -> None:
    core.puts("1.250")
    core.stand_still()
    page = browser.new_page(base_url=serve(timeout=0.2).url)
    page.goto("/stall")
    page.locator("#product-01040201").click()
    page.locator("#sell").click()
    expect(page.locator("#answer")).to_contain_text("可能已记录，也可能没有")
    expect(page.locator("#sell")).to_have_text("卖出并打印")
    page.locator("#sell").click()
    expect(page.locator("#answer")).to_contain_text("可能已记录，也可能没有")
    core.go_on()
    expect(page.locator("#answer")).to_contain_text("已记录 · 1.250 kg")  # the page has asked by itself
    assert len(core.asked) == 1
    page.close()


def test_a_hostile_name_stays_a_name(core: Any, page: Page, no_sideways: Callable[[Page], None]) -> None:
    core.puts("1.000")
    core.turn(PortChanged("cold-room", False, "<img src=x onerror=\"document.title='taken'\">"))
    for address in ("/stall", "/gate", "/status"):
        page.goto(address)
        if address == "/stall":
            page.locator("#product-01040601").click()
            page.locator("#reprice").click()
            expect(page.locator("#pricing-name")).to_contain_text("<img")
            page.keyboard.press("Escape")
            page.locator("#sell").click()
            expect(page.locator("#answer")).to_contain_text("已记录")
        assert page.locator("img").count() == 0
        assert "taken" not in page.title()
        no_sideways(page)


def test_a_second_tap_on_the_chosen_product_does_nothing(core: Any, page: Page) -> None:
    core.puts("1.000")
    page.goto("/stall")
    product = page.locator("#product-01040201")
    product.dblclick()
    product.click(delay=30)
    expect(product).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#sell")).to_have_text("卖出并打印")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#reprice")).to_be_visible()


def test_a_weight_that_lies_still_stays(core: Any, desk: Page) -> None:
    core.puts("1.250")
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
    core.puts("1.250")
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    expect(desk.locator(f"#lot-{FIRST}")).to_be_checked()
    desk.locator(f"#lot-{OTHER}").check()
    core.hands_over(core.result("5", "88.1"), device="analyzer-1")
    core.weighs("1.250")
    expect(desk.locator("#sell")).to_have_text("请选批次")
    expect(desk.locator(".lot.held:visible")).to_contain_text("暂停销售")
    desk.locator(f"#lot-{FIRST}").check()
    expect(desk.locator("#sell")).to_have_text("卖出并打印")


SECOND_SCALE = """[[scale]]
name = "scale-b"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "100 g"
e = "5 g"
[[analyzer]]"""


@pytest.mark.parametrize("changed", [{"[[analyzer]]": SECOND_SCALE}])
def test_the_second_scale_can_be_chosen(
    core: Any, page: Page, changed: dict[str, str], no_sideways: Callable[[Page], None]
) -> None:
    core.puts("2.000", scale="scale-b")
    page.goto("/stall")
    page.get_by_role("button", name="scale-b").click()
    expect(page.locator("#digits")).to_have_text("2.000")
    page.reload()
    expect(page.locator("#digits")).to_have_text("2.000")
    no_sideways(page)


def test_the_button_names_the_unit_and_the_step(core: Any, desk: Page) -> None:
    core.puts("1.250")
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    core.weighs("1.250", unit="tl.T")
    expect(desk.locator("#sell")).to_have_text("秤的单位 tl.T 不能用于交易，请设为 kg")
    core.weighs("1.253")
    expect(desk.locator("#sell")).to_have_text("重量不是分度值 5 g 的整数倍，请查看秤")
    core.weighs("1.250", auxiliary=True)
    expect(desk.locator("#sell")).to_contain_text("末位数字未经检定")


def test_the_keyboard_sells(core: Any, desk: Page, until: Callable[..., None]) -> None:
    core.puts("1.250")
    desk.goto("/stall")
    expect(desk.locator("#sell")).to_have_text("请选商品")
    desk.locator("#product-01040201").focus()
    desk.keyboard.press("Enter")
    desk.locator("#sell").focus()
    expect(desk.locator("#sell")).to_have_text("卖出并打印")
    desk.keyboard.press("Enter")
    until(lambda: len(core.asked) == 1)


MANY = "".join(f'[[product]]\ncode = "010499{n:02d}"\nname = "菜{n}"\nname_en = "Greens {n}"\n' for n in range(10, 20))


LAST = '[[product]]\ncode = "01040801"'


@pytest.mark.parametrize("changed", [{LAST: MANY + LAST, "[paper]": '[stall]\nwithout_lot = ["01040501"]\n[paper]'}])
def test_among_many_products_one_is_found_and_the_most_sold_is_first(
    core: Any, desk: Page, changed: dict[str, str]
) -> None:
    core.puts("1.250")
    desk.goto("/stall")
    tiles = desk.locator(".product:visible")
    expect(tiles).to_have_count(16)
    desk.fill("#find-product", "菜1")
    expect(tiles).to_have_count(10)
    desk.fill("#find-product", "010403")
    expect(tiles).to_have_text([re.compile("西红柿")])
    desk.fill("#find-product", "")
    desk.locator("#product-01040501").click()  # which has no source code
    for nth, name in enumerate(("大白菜", "西红柿", "黄瓜", "土豆")):
        expect(tiles.nth(nth)).to_contain_text(name)
    core.does(Sell(scale="scale-1", product="01040501"))
    core.puts("1.000")
    core.does(Sell(scale="scale-1", product="01040501"))
    expect(tiles.nth(0)).to_contain_text("大白菜")  # nothing moves under a finger
    desk.reload()
    expect(tiles.nth(0)).to_contain_text("土豆")
    expect(tiles.nth(1)).to_contain_text("大白菜")


def test_a_product_whose_lots_are_held_says_so_on_the_button(core: Any, desk: Page) -> None:
    core.puts("1.000")
    desk.goto("/stall")
    desk.locator("#product-01040401").click()
    expect(desk.locator("#sell")).to_have_text("快检阳性（筛查），暂停销售")
    desk.locator("#product-01040301").click()
    expect(desk.locator("#sell")).to_have_text("此商品没有可卖批次")

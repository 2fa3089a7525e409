"""The pages in Chromium, on a phone and on a desk, of a station with a real core."""

import re
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from drivers.transports.adapters import Identity, Naming
from edge.between.commands import (
    AskScale,
    ConfirmDate,
    ConfirmPort,
    ConfirmPrint,
    DismissResult,
    MatchResult,
    PlanChannel,
    PrintDocument,
    ProofGiven,
    RegisterEntry,
    Reprint,
    Sell,
    WholePlantDone,
)
from edge.between.inbox import PortChanged, PortFound, Printed, PrinterChanged, Request
from edge.between.print_states import PrinterState, PrintState, PrintWhy
from edge.web.server import WebServer
from protocol.readings import Net, State

pytestmark = pytest.mark.browser

# What the station of conftest.py has by half past five; and the lot that is registered next.
FIRST, OTHER, PENDING = "41010800330100000048", "41010800330100000056", "41010800330100000030"
NEXT = "41010800330100000089"
HERE = Identity("1a86:7523", "00.0", "", "pci0000:00/0000:00:14.0-usb-1.2", what="USB Serial")
THERE = replace(HERE, socket="pci0000:00/0000:00:14.0-usb-1.3")


def waits_before(core: Any, messages: Iterable[Any]) -> None:
    """The core stands still with these in its inbox: what a page asks now comes after them."""
    core.stand_still()
    for message in messages:
        core.inbox.quietly(message)


def swap(core: Any, now: Identity) -> None:
    """Another device stands where the scale stood."""
    core.turn(
        PortFound("scale-1", HERE, Naming()),
        PortChanged("scale-1", False, "another device: nothing is read from it", now),
    )


def no_sideways(page: Page) -> None:
    page.wait_for_load_state()  # before its style sheet is there, everything is wide
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_weight_lives_and_the_button_says_why(core: Any, page: Page) -> None:
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
    swap(core, THERE)
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


def test_a_sale_goes_through(core: Any, page: Page) -> None:
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


def test_a_refusal_is_said_in_words(core: Any, desk: Page, until: Callable[..., None]) -> None:
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


def test_a_price_is_changed_and_changed_back(core: Any, page: Page) -> None:
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


def test_a_hostile_name_stays_a_name(core: Any, page: Page) -> None:
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


def test_the_language_switches_on_every_page(core: Any, page: Page) -> None:
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


SECOND_SCALE = """[[scale]]
name = "scale-b"
model = "st-gs"
port = "/dev/null"
max = "30 kg"
min = "100 g"
e = "5 g"
[[analyzer]]"""


@pytest.mark.parametrize("changed", [{"[[analyzer]]": SECOND_SCALE}])
def test_the_second_scale_can_be_chosen(core: Any, page: Page, changed: dict[str, str]) -> None:
    core.puts("2.000", scale="scale-b")
    page.goto("/stall")
    page.get_by_role("button", name="scale-b").click()
    expect(page.locator("#digits")).to_have_text("2.000")
    page.reload()
    expect(page.locator("#digits")).to_have_text("2.000")
    no_sideways(page)


def test_a_slip_is_read_and_printed_again(core: Any, desk: Page, until: Callable[..., None]) -> None:
    desk.goto("/stall")
    desk.locator("#view-1").click()
    expect(desk.locator("#paper-text")).to_contain_text(re.compile(r"大白菜.*0\.500", re.DOTALL))
    desk.get_by_role("button", name="关闭").click()
    desk.locator("#reprint-1").click()
    desk.locator("#again-go").click()
    until(lambda: core.asked == [Reprint(job=1)])
    expect(desk.locator(".papers .paper").first).to_contain_text("重打第 3 份")


def test_goods_are_registered_and_their_result_arrives(core: Any, page: Page) -> None:
    page.goto("/gate")
    page.locator("#register").click()
    expect(page.locator("#wrong")).to_have_text("请填写：商品")
    page.locator("#product-01040201").click()
    page.fill("#net", "12,5kg")
    page.fill("#origin", "河南中牟")
    page.fill("#supplier", "王建国")
    page.locator("#register").click()
    expect(page.locator("#wrong")).to_contain_text("请填写净重")
    page.fill("#net", "12.5")
    page.fill("#plate", "豫A12345")
    page.fill("#certificate", "H-77")
    page.locator("#register").click()
    expect(page.locator("#answer .huge")).to_have_text(re.compile(r"样品号\s*8"))
    expected = RegisterEntry(
        product="01040201",
        net_g=12500,
        origin="河南中牟",
        supplier="王建国",
        plate="豫A12345",
        proofs=(ProofGiven(type="hgz", no="H-77"),),
    )
    assert core.asked == [expected]
    expect(page.locator("#supplier")).to_have_value("王建国")
    expect(page.locator("#net")).to_have_value("")
    newest = page.locator(f"#goods-{NEXT}")
    expect(newest).to_contain_text("待检测")
    for number in ("86.0", "87.2", "88.1"):
        core.hands_over(core.result("8", number), device="analyzer-1")
    expect(newest).to_contain_text("快检阳性（筛查），暂停销售 · 农药残留 88.1 %")
    no_sideways(page)


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


def test_a_result_without_a_lot_is_given_one(core: Any, page: Page, until: Callable[..., None]) -> None:
    page.goto("/gate")
    stray = page.locator("#stray-14")
    for words in ("农药残留", "8.3 %", "analyzer-1", "样品 17", "通道 4", "11-22 05:16"):
        expect(stray).to_contain_text(words)
    page.locator("#match-14").click()
    expect(page.locator("#matching-facts")).to_contain_text("8.3 %")
    expect(page.locator("#matching-verdict")).to_be_hidden()
    go, wrong = page.locator("#matching-go"), page.locator("#matching-wrong")
    first = page.locator("#matching-lot optgroup").first
    expect(first).to_have_attribute("label", "待检测")
    expect(first.locator("option")).to_have_text(["样品 3 · 西红柿 · 王建国 · 11-22 03:10"])
    go.click()
    expect(wrong).to_have_text("请选批次")
    page.select_option("#matching-lot", PENDING)
    go.click()
    expect(wrong).to_have_text("请填写姓名")
    page.fill("#matching-person", "王敏")
    no_sideways(page)
    page.keyboard.press("Enter")
    expect(page.locator("#matching-title")).to_have_text("请再核对一次")
    expect(page.locator("#matching-what")).to_contain_text("样品 3 · 西红柿")
    expect(page.locator("#matching-effect")).to_contain_text("可能放行此批次，也可能暂停销售")
    expect(go).to_be_disabled()  # a double tap confirms nothing
    assert core.asked == []
    go.click()
    until(lambda: core.asked == [MatchResult(seq=14, lot=PENDING, person="王敏")])
    expect(page.locator("#matched")).to_contain_text("合格（快检） · 来源码 41010 80031 01000 00031")
    expect(page.locator("#stray-14")).to_have_count(0)
    expect(page.locator(f"#goods-{PENDING}")).to_contain_text("已放行")
    page.locator("#match-15").click()
    expect(page.locator("#matching-person")).to_have_value("王敏")
    no_sideways(page)


def test_a_ticket_is_read_by_a_person(core: Any, page: Page, until: Callable[..., None]) -> None:
    page.goto("/gate")
    page.locator("#match-15").click()
    ticket = page.locator("#matching-facts .ticket")
    expect(ticket).to_contain_text("抑制率  61.2 %")
    expect(ticket).to_contain_text("<img src=x")
    assert ticket.evaluate("(one) => getComputedStyle(one).fontFamily").startswith("ui-monospace")
    assert not ticket.evaluate("(one) => /[\\u0000-\\u0008\\u001b\\u202e]/.test(one.textContent)")
    page.select_option("#matching-lot", PENDING)
    page.fill("#matching-person", "王敏")
    page.locator("#matching-go").click()
    expect(page.locator("#matching-wrong")).to_have_text("请选择结论")
    page.get_by_label("阳性", exact=True).check()
    page.locator("#matching-go").click()
    expect(page.locator("#matching-effect")).to_contain_text("将按“阳性”记录")
    page.locator("#matching-back").click()
    expect(page.locator("#matching-lot")).to_have_value(PENDING)
    page.locator("#matching-go").click()
    page.locator("#matching-go").click()
    until(lambda: core.asked == [MatchResult(seq=15, lot=PENDING, person="王敏", verdict="unqualified")])
    expect(page.locator("#matched")).to_contain_text("可疑，待复测")
    expect(page.locator(f"#goods-{PENDING}")).to_contain_text("复测 0/2 · 还需复测 2 次")
    assert page.locator("img").count() == 0
    assert "taken" not in page.title()
    no_sideways(page)


def test_a_person_says_that_a_result_is_of_no_lot_here(core: Any, page: Page, until: Callable[..., None]) -> None:
    page.goto("/gate")
    expect(page.locator("#stray-14")).to_contain_text("没有对应样品号或通道的批次")
    page.locator("#match-14").click()
    lots = page.locator("#matching-lot option").count()
    core.does(RegisterEntry(product="01040401", net_g=250_000, origin="河南中牟", supplier="王建国"))
    expect(page.locator("#matching-lot option")).to_have_count(lots + 1)  # goods that come meanwhile take nothing away
    page.select_option("#matching-lot", "-")
    page.fill("#matching-person", "王敏")
    page.locator("#matching-go").click()
    expect(page.locator("#matching-wrong")).to_have_text("请填写：原因")
    page.fill("#matching-reason", "练习")
    page.locator("#matching-go").click()
    expect(page.locator("#matching-effect")).to_contain_text("不计入任何批次")
    page.locator("#matching-go").click()
    until(lambda: core.asked == [DismissResult(seq=14, person="王敏", reason="练习")])
    expect(page.locator("#stray-14")).to_have_count(0)
    expect(page.locator("#matched")).to_contain_text("不是本站任何批次的结果")
    no_sideways(page)


def test_a_refused_match_says_why_and_stays_open(core: Any, desk: Page, until: Callable[..., None]) -> None:
    desk.goto("/gate")
    desk.locator("#match-14").click()
    desk.select_option("#matching-lot", PENDING)
    desk.fill("#matching-person", "王敏")
    desk.locator("#matching-go").click()
    expect(desk.locator("#matching-go")).to_be_enabled()
    waits_before(core, [Request(command=DismissResult(seq=14, person="李四", reason="练习"))])
    desk.locator("#matching-go").click()
    until(lambda: core.asked)
    core.go_on()
    expect(desk.locator("#matching-wrong")).to_contain_text("14")
    expect(desk.locator("#matching-go")).to_be_enabled()
    desk.keyboard.press("Escape")
    core.settles()
    expect(desk.locator("#unmatched")).to_be_hidden()


def test_the_whole_plant_step_is_one_tap_once_the_name_is_known(
    core: Any, page: Page, until: Callable[..., None]
) -> None:
    assert core.enters("01040801") == NEXT
    page.goto("/gate")
    page.locator(f"#goods-{NEXT} summary").click()
    done = page.locator(f"#plant-{NEXT}")
    expect(page.locator(f"#goods-{NEXT}")).to_contain_text("整株浸提：此品类会干扰酶抑制法")
    done.click()
    expect(page.locator("#person-wrong")).to_have_text("请填写姓名")
    page.keyboard.type("王敏")
    expect(done).to_have_text("已完成（王敏）")
    no_sideways(page)
    page.reload()
    page.locator(f"#goods-{NEXT} summary").click()
    expect(done).to_have_text("已完成（王敏）")
    assert core.asked == []
    done.click()
    until(lambda: core.asked == [WholePlantDone(lot=NEXT, person="王敏")])
    expect(page.locator(f"#goods-{NEXT}")).to_contain_text("✓ 整株浸提已完成")
    expect(done).to_have_count(0)


def test_repeats_are_said_as_they_come(core: Any, page: Page) -> None:
    page.goto("/gate")
    lot = page.locator(f"#goods-{PENDING}")
    expect(lot).to_contain_text("等待首次检测：把样品号 3 输入检测仪")
    core.hands_over(core.result("3", "61.0"), device="analyzer-1")
    expect(lot).to_contain_text("可疑，待复测 · 农药残留 61.0 %")
    expect(lot).to_contain_text("复测 0/2 · 还需复测 2 次")
    core.hands_over(core.result("3", "62.0"), device="analyzer-1")
    expect(lot).to_contain_text("复测 1/2 · 还需复测 1 次")
    core.hands_over(core.result("3", "63.0"), device="analyzer-1")
    expect(lot).to_contain_text("快检阳性（筛查），暂停销售")
    expect(lot).not_to_contain_text("复测 ")
    no_sideways(page)


def test_channels_are_planned_one_after_the_other(core: Any, page: Page, until: Callable[..., None]) -> None:
    core.does(PlanChannel(analyzer="analyzer-1", channel="1", lot=FIRST))
    assert core.enters("01040301") == NEXT
    page.goto("/gate")
    expect(page.locator(".planned")).to_contain_text("已放行 · 已有结果，请更换或清除")
    page.locator("#plan-save").click()
    expect(page.locator("#plan-wrong")).to_have_text("请填写通道号")
    page.fill("#plan-channel", "2")
    page.select_option("#plan-lot", PENDING)
    page.locator("#plan-save").click()
    expect(page.locator(".planned").nth(1)).to_contain_text("样品 3")
    expect(page.locator("#plan-channel")).to_have_value("3")
    expect(page.locator("#plan-lot")).to_have_value(NEXT)
    expect(page.locator(f"#goods-{PENDING}")).to_contain_text("样品在通道 2")
    no_sideways(page)
    page.get_by_role("button", name="清除 1").click()
    expect(page.locator(".planned")).to_have_count(1)
    expected = [
        PlanChannel(analyzer="analyzer-1", channel="2", lot=PENDING),
        PlanChannel(analyzer="analyzer-1", channel="1", lot=""),
    ]
    until(lambda: core.asked == expected)
    with sqlite3.connect(core.ledger.path) as backup:
        backup.execute("BEGIN IMMEDIATE")
        page.locator("#plan-save").click()
        expect(page.locator("#plan-wrong")).to_contain_text("另一程序占用了账本")


def test_no_plan_where_nothing_reports_by_channel(core: Any, desk: Page) -> None:
    desk.goto("/gate")
    expect(desk.locator("#register")).to_be_visible()
    expect(desk.locator("#planning")).to_have_count(0)


def a_tare(page: Page, keys: str, *, keep: bool = False) -> None:
    page.locator("#tare-open").click()
    for key in keys:
        page.locator(f'#taring [data-key="{key}"]').click()
    page.locator("#taring-pin").set_checked(keep)
    page.locator("#taring-save").click()


def test_a_known_container_is_taken_off(core: Any, page: Page, until: Callable[..., None]) -> None:
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


def test_a_pinned_container_stays_for_the_next_sale(core: Any, desk: Page, until: Callable[..., None]) -> None:
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


def test_the_net_has_the_digits_of_the_scale(core: Any, desk: Page) -> None:
    core.puts("1.25")
    desk.goto("/stall")
    a_tare(desk, "0.05")
    expect(desk.locator("#digits")).to_have_text("1.20")
    a_tare(desk, "0.055")
    expect(desk.locator("#digits")).to_have_text("1.195")
    core.weighs("1250", unit="g")
    expect(desk.locator("#digits")).to_have_text("1195")
    expect(desk.locator("#unit")).to_have_text("g")


def test_a_tare_the_scale_took_itself_is_refused_in_words(core: Any, desk: Page, until: Callable[..., None]) -> None:
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


def test_a_container_that_was_named_before_the_scale_took_a_tare_stops_the_sale(core: Any, desk: Page) -> None:
    core.puts("1.250")
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    a_tare(desk, "0.05")
    core.weighs("1.250", net=Net.NET)
    expect(desk.locator("#sell")).to_have_text("秤已去皮，请先清除秤上的皮重")
    desk.locator("#tare-open").click()
    desk.locator("#taring-clear").click()
    expect(desk.locator("#sell")).to_have_text("卖出并打印")


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


def test_a_weight_is_typed_only_while_the_scale_is_broken(core: Any, page: Page, until: Callable[..., None]) -> None:
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


def test_the_newer_parts_speak_english(core: Any, page: Page) -> None:
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


def test_a_doubted_date_is_confirmed_by_name(core: Any, page: Page, until: Callable[..., None]) -> None:
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


def test_a_hidden_page_costs_nothing(core: Any, desk: Page, until: Callable[..., None]) -> None:
    desk.goto("/stall")
    until(lambda: core.showing._watchers)
    desk.goto("about:blank")
    until(lambda: not core.showing._watchers)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_papers_page_shows_states_and_takes_a_person_s_word(
    core: Any, page: Page, until: Callable[..., None], language: str
) -> None:
    core.does(Reprint(job=1))
    core.turn(Printed(4, PrintState.HELD, PrintWhy.PAPER), PrinterChanged("printer-1", PrinterState.PAPER))
    page.goto(f"/papers?lang={language}")
    held = page.locator(".sheet.held")
    expect(held).to_contain_text({"zh": "请装新纸卷", "en": "put in a new roll"}[language])
    expect(page.locator(".row.bad")).to_contain_text({"zh": "缺纸", "en": "paper out"}[language])
    no_sideways(page)
    for button in page.locator(".sheet button").all():
        box = button.bounding_box()
        assert box is not None and box["height"] >= 44
    page.locator("#confirm-4").click()
    expect(page.locator("#toast")).to_contain_text({"zh": "已确认", "en": "Confirmed"}[language])
    page.fill("#day", "2026-11-22")
    page.locator("#print-day").click()
    page.locator("#test-printer-1").click()
    until(lambda: PrintDocument(paper="test", printer="printer-1") in core.asked)
    until(lambda: PrintDocument(paper="day", subject="2026-11-22") in core.asked)
    assert ConfirmPrint(job=4) in core.asked


def test_the_day_is_the_station_s_not_the_browser_s(
    core: Any, browser: Browser, web: WebServer, until: Callable[..., None]
) -> None:
    page = browser.new_page(base_url=web.url, timezone_id="America/New_York")
    page.goto("/papers")
    expect(page.locator(".dayline")).to_contain_text("不填即今天")
    expect(page.locator("#day")).to_have_value("")
    page.locator("#print-day").click()
    until(lambda: core.asked == [PrintDocument(paper="day")])
    page.close()


def test_papers_of_a_printer_that_cannot_answer_are_confirmed_together(core: Any, desk: Page) -> None:
    jobs = [2, *(core.does(Reprint(job=1))["job"] for _ in range(2))]
    core.turn(*(Printed(job, PrintState.UNKNOWN, PrintWhy.SILENT) for job in jobs[1:]))
    desk.goto("/papers")
    expect(desk.locator(".doubts")).to_contain_text(f"{len(jobs)} 张不确定是否打出")
    desk.locator("#confirm-all").click()
    expect(desk.locator("#toast")).to_contain_text("已确认")
    assert {ConfirmPrint(job=job) for job in jobs} <= set(core.asked)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_lot_s_label_and_source_card_are_printed_from_the_gate(core: Any, page: Page, language: str) -> None:
    page.goto(f"/gate?lang={language}")
    released = page.locator(".goods.released").first
    released.locator("summary").click()
    card = released.locator("[data-print=card]")
    expect(card).to_have_text({"zh": "打印来源卡", "en": "Print: Source card"}[language])
    card.click()
    expect(page.locator("#toast")).to_contain_text({"zh": "已送打印", "en": "Sent to the printer"}[language])
    assert page.locator(".goods.pending [data-print=card]").count() == 0
    code = released.get_attribute("id")
    assert code is not None
    assert PrintDocument(paper="card", subject=code.removeprefix("goods-")) in core.asked
    no_sideways(page)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_another_device_behind_a_port_is_confirmed_by_name_after_a_look(
    core: Any, page: Page, until: Callable[..., None], language: str
) -> None:
    page.goto(f"/status?lang={language}")
    swap(core, THERE)
    page.locator("#swap-scale-1").click()
    facts = page.locator("#swapping-facts")
    expect(facts).to_contain_text("0000:00:14.0-usb-1.2")
    expect(facts).to_contain_text("0000:00:14.0-usb-1.3")
    no_sideways(page)
    page.fill("#swapping-person", " ")
    page.locator("#swapping-go").click()
    expect(page.locator("#swapping-wrong")).to_have_text({"zh": "请填写姓名", "en": "Enter your name"}[language])
    third = replace(HERE, socket="pci0000:00/0000:00:14.0-usb-1.4")
    page.fill("#swapping-person", "王敏")
    waits_before(core, [PortChanged("scale-1", False, "another device", third)])
    page.locator("#swapping-go").click()
    until(lambda: core.asked)
    core.go_on()
    words = {"zh": "设备又变了，请重新核对", "en": f"it is another one by now: {third}"}[language]
    expect(page.locator("#swapping-wrong")).to_have_text(words)
    swap(core, THERE)
    page.locator("#swapping-go").click()
    expect(page.locator("#toast")).to_contain_text({"zh": "已确认", "en": "Confirmed"}[language])
    expect(page.locator("#swap-scale-1")).to_have_count(0)
    assert core.asked[-1] == ConfirmPort(device="scale-1", person="王敏", seen=str(THERE))


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


def test_a_product_whose_lots_are_held_says_so_on_the_button(core: Any, desk: Page) -> None:
    core.puts("1.000")
    desk.goto("/stall")
    desk.locator("#product-01040401").click()
    expect(desk.locator("#sell")).to_have_text("快检阳性（筛查），暂停销售")
    desk.locator("#product-01040301").click()
    expect(desk.locator("#sell")).to_have_text("此商品没有可卖批次")


def test_a_paper_is_looked_at_as_a_picture(core: Any, page: Page) -> None:
    for path in ("/stall", "/papers"):
        page.goto(path)
        page.locator("#view-1").click()
        picture = page.locator("#paper img")
        expect(picture).to_be_visible()
        page.wait_for_function("document.querySelector('#paper img').naturalWidth > 300")
        expect(page.locator("#paper-text")).to_contain_text("大白菜")
        no_sideways(page)
        page.keyboard.press("Escape")
    page.route("**/*.png*", lambda route: route.abort())
    page.locator("#view-1").click()
    expect(page.locator("#paper-text")).to_be_visible()
    expect(picture).to_have_count(0)

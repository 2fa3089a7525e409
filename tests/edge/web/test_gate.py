"""The gate's page: goods are registered, results find their lots, and what a person has to say is asked."""

import re
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from edge.between.commands import DismissResult, MatchResult, PlanChannel, ProofGiven, RegisterEntry, WholePlantDone
from edge.between.inbox import Request

pytestmark = pytest.mark.browser

# What the station of conftest.py has by half past five; and the lot that is registered next.
FIRST, PENDING = "41010800330100000048", "41010800330100000030"
NEXT = "41010800330100000089"


def test_goods_are_registered_and_their_result_arrives(
    core: Any, page: Page, no_sideways: Callable[[Page], None]
) -> None:
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


def test_what_was_said_last_time_does_not_mix_with_what_is_typed(core: Any, page: Page) -> None:
    """It may come late, when a finger is in the field already."""
    core.does(RegisterEntry(product="01040401", net_g=250_000, origin="河南中牟", supplier="王建国"))
    late: list[Route] = []
    page.route("**/api/entries/last?*", lambda route: late.append(route))
    page.goto("/gate")
    page.locator("#product-01040401").click()
    page.fill("#supplier", "王建国")
    with page.expect_request("**/api/entries/last?*supplier=%E7%8E%8B*"):
        page.locator("#origin").focus()
    for route in late:
        route.continue_()
    expect(page.locator("#origin")).to_have_value("河南中牟")
    page.keyboard.insert_text("山东寿光")
    expect(page.locator("#origin")).to_have_value("山东寿光")


def test_a_result_without_a_lot_is_given_one(
    core: Any, page: Page, until: Callable[..., None], no_sideways: Callable[[Page], None]
) -> None:
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


def test_a_ticket_is_read_by_a_person(
    core: Any, page: Page, until: Callable[..., None], no_sideways: Callable[[Page], None]
) -> None:
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


def test_a_person_says_that_a_result_is_of_no_lot_here(
    core: Any, page: Page, until: Callable[..., None], no_sideways: Callable[[Page], None]
) -> None:
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


def test_a_refused_match_says_why_and_stays_open(
    core: Any, desk: Page, until: Callable[..., None], waits_before: Callable[..., None]
) -> None:
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
    core: Any, page: Page, until: Callable[..., None], no_sideways: Callable[[Page], None]
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


def test_repeats_are_said_as_they_come(core: Any, page: Page, no_sideways: Callable[[Page], None]) -> None:
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


def test_channels_are_planned_one_after_the_other(
    core: Any, page: Page, until: Callable[..., None], no_sideways: Callable[[Page], None]
) -> None:
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

"""Slips of several lines on the page of the stall: weighed, rounded, paid, closed, whatever fails meanwhile."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from edge.between.inbox import LinkChanged, PrinterChanged
from edge.between.print_states import PrinterState
from edge.web.look import Look, Stall
from edge.web.server import WebServer
from protocol.city.token import verify_url

pytestmark = pytest.mark.browser

CABBAGE, TOMATO, CUCUMBER = "#product-01040201", "#product-01040301", "#product-01040401"
SMALL = {"phone": (360, 740), "panel": (800, 480)}


@pytest.mark.parametrize(("size", "language"), [("phone", "zh"), ("panel", "en")])
def test_three_lines_are_one_slip_whatever_fails(
    again: Any, serve: Callable[..., WebServer], opened: Any, size: str, language: str
) -> None:
    core = again()
    web = serve(core)
    page = opened(web.url, SMALL[size], language)
    page.goto("/stall")
    # The broker is gone, and the roll is used up: that is nothing to the sale.
    core.turn(LinkChanged(False), PrinterChanged("printer-1", PrinterState.PAPER))
    core.puts("1.250")
    page.locator(CABBAGE).click()
    page.locator("#add-line").click()
    lines = page.locator("#baskets li")
    expect(lines).to_have_count(1)
    expect(page.locator("#sell-words")).to_have_text({"zh": "结单 1 行", "en": "Sell 1 lines"}[language])
    expect(page.locator("#add-line")).to_be_disabled()
    core.puts("0.800")
    page.locator("#add-line").click()
    expect(lines).to_have_count(2)
    assert core.records("trade.completed")[1:] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # The station is restarted in the middle.
    core.stop()
    core = again()
    web = serve(core)
    page = opened(web.url, SMALL[size], language)
    page.goto("/stall")
    expect(page.locator("#baskets .old")).to_be_visible()
    lines = page.locator("#baskets li")
    expect(lines).to_have_count(2)
    page.locator("#baskets li button").first.click()
    expect(lines).to_have_count(1)
    core.puts("0.500")
    page.locator(CABBAGE).click()
    page.locator("#add-line").click()
    expect(lines).to_have_count(2)
    core.puts("2.000")
    page.locator("#rounding").click()
    page.locator("#paid-by").select_option("wechat")
    expect(page.locator("#sell-words")).to_have_text({"zh": "结单 3 行", "en": "Sell 3 lines"}[language])
    expect(page.locator("#sell")).to_have_attribute("data-what", re.compile(r"¥13\.10"))
    page.locator("#sell").click()
    expect(page.locator("#answer .money")).to_have_text("¥13.10")
    expect(page.locator("#baskets li")).to_have_count(0)
    slip = core.records("trade.completed")[-1]["data"]
    assert [line["net_g"] for line in slip["slip"]["lines"]] == [1250, 500, 2000]
    assert (slip["slip"]["amount_fen"], slip["rounded_fen"], slip["paid_by"]) == (1310, 3, "wechat")
    verify_url(slip["url"], core.ledger.signer.key.public_key())
    # Voided from the list of the day: two taps, and the reason.
    page.locator("#sales-open").click()
    page.locator("#sales-text").fill("13.10")
    expect(page.locator("#sales-found li")).to_have_count(1)
    page.locator("#sales-found [data-void]").click()
    page.locator("#voiding-reasons button").first.click()
    page.locator("#voiding-go").click()
    expect(page.locator("#sales-found li.voided")).to_have_count(1)
    (void,) = core.records("trade.voided")
    assert void["data"]["slip"] == slip["slip"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(
    "changed", [{'unchecked = "accept"': 'unchecked = "accept"\n[stall]\nprint = "never"'}], ids=["set"]
)
def test_the_same_again_is_one_touch_and_the_slip_is_scanned_from_the_screen(
    again: Any, serve: Callable[..., WebServer], opened: Any
) -> None:
    core = again()
    page = opened(serve(core, look=Look(stall=Stall(print="never"))).url, SMALL["phone"])
    core.puts("1.250")
    page.goto("/stall")
    page.locator(CABBAGE).click()
    expect(page.locator("#sell-words")).to_have_text("卖出")
    page.locator("#sell").click()
    expect(page.locator("#eslip")).to_be_visible()
    page.locator("#eslip-qr").evaluate("image => image.decode()")
    picture = Image.open(io.BytesIO(page.screenshot()))
    (code,) = zxingcpp.read_barcodes(picture)
    slip = core.records("trade.completed")[-1]["data"]
    assert code.text == slip["url"]
    core.puts("0.750")
    expect(page.locator("#eslip")).to_be_hidden()  # the next customer
    page.locator("#sell").click()  # one touch
    expect(page.locator("#answer .money")).to_have_text("¥2.63")
    page.locator("#eslip-print").click()
    expect(page.locator("#toast")).to_contain_text("已送打印")
    assert len(core.records("trade.completed")) == 3


@pytest.mark.parametrize(
    "changed", [{'unchecked = "accept"': 'unchecked = "accept"\n[stall]\npayment = "before_slip"'}], ids=["set"]
)
def test_a_payment_makes_the_slip_while_the_next_customer_is_served(
    again: Any, serve: Callable[..., WebServer], opened: Any
) -> None:
    core = again()
    web = serve(core, look=Look(stall=Stall(before_slip=True)))
    page = opened(web.url, SMALL["panel"])
    core.puts("1.250")
    page.goto("/stall")
    page.locator(CABBAGE).click()
    expect(page.locator("#sell-words")).to_have_text("收款")
    page.locator("#sell").click()
    waits = page.locator(".basket.paying")
    expect(waits).to_contain_text("等待收款 ¥4.38")
    core.puts("1.000")
    page.locator("#sell").click()
    expect(waits).to_have_count(2)
    body = {"amount_fen": 438, "reference": "4200002026112912", "kind": "wechat"}
    first, again_ = (page.request.post(f"{web.url}/api/payments", data=body, headers={"Origin": web.url}) for _ in "12")
    assert first.status == 201 and first.json() == again_.json()
    expect(waits).to_have_count(1)
    page.locator("[data-basket-act=close]").click()  # paid in cash
    expect(waits).to_have_count(0)
    paid = [one["data"] for one in core.records("trade.completed")[-2:]]
    assert [(one["paid_by"], one["slip"]["amount_fen"]) for one in paid] == [("wechat", 438), ("cash", 350)]


CARTONS = """
[[barcode]]
pattern = "21IIIIIWWWWWC"
items = { "00123" = "01040201" }
[[product]]
code = "01060101"
name = "土鸡蛋"
name_en = "Eggs"
price = "1.20"
by = "piece"
lot = "optional"
"""


@pytest.mark.parametrize(
    "changed", [{'[[product]]\ncode = "01040801"': f'{CARTONS}[[product]]\ncode = "01040801"'}], ids=["set"]
)
def test_a_label_is_scanned_eggs_are_counted_and_the_lot_is_asked_for_once_a_day(
    again: Any, serve: Callable[..., WebServer], opened: Any, scanner: Any
) -> None:
    core = again()
    look = Look(stall=Stall(labels=(("21", 13),), lot="ask"))
    page = opened(serve(core, look=look).url, SMALL["phone"])
    page.goto("/stall")
    keys = scanner(page)
    keys.scan("2100123012504", 20)
    expect(page.locator("#scanned")).to_contain_text("校验位不符")
    keys.scan("2100999012508", 20)
    expect(page.locator("#scanned")).to_contain_text("商品号 00999 没有对应的商品")
    keys.scan("2100123012503", 20)
    expect(page.locator("#digits")).to_have_text("1.250")
    expect(page.locator("#steady")).to_have_text("标签 · 2100123012503")
    expect(page.locator("#sell")).to_have_text("请选批次")  # there are two of them
    page.locator("#lots label.lot:visible input").first.check()
    page.locator("#add-line").click()
    expect(page.locator("#baskets li")).to_have_count(1)
    page.locator("#product-01060101").click()
    expect(page.locator("#digits")).to_have_text("1")
    for _ in range(2):
        page.locator("#count-more").click()
    page.locator("#add-line").click()
    expect(page.locator("#baskets li").first).to_contain_text("3 件 ¥3.60")
    expect(page.locator("#sell-words")).to_have_text("结单 2 行")
    page.locator("#sell").click()
    expect(page.locator("#answer .money")).to_have_text("¥7.98")
    slip = core.records("trade.completed")[-1]["data"]
    assert [sold["weighed"]["stability"] for sold in slip["sold"]] == ["label", "count"]
    assert [sold["pieces"] for sold in slip["sold"]] == [0, 3]
    page.reload()
    page.locator("#product-01040201").click()
    expect(page.locator("#lots label.lot:visible input").first).to_be_checked()  # nobody is asked again today
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

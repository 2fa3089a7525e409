"""More that a scanner reads: signed cards, containers, orders; long, slow, and through an input method."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from edge.between.commands import Sell
from edge.between.inbox import PortChanged
from edge.web.look import Look

pytestmark = pytest.mark.browser

NEWEST, OLDER = "41010800330100000056", "41010800330100000048"
LOT, OTHER = "41010800310100000023", "41010800210100010072"
ELSEWHERE = "41010800210100010089"  # a source code that nobody here has seen yet
BUYER = "4101080010456"
NEXT = "41010800330100000089"  # the lot that is registered next
CRATE = "KUANG-01"


def a_card(code: str, length: int = 128) -> str:
    """A signed card's address, as far as a page reads it: the code stands behind type, key and time."""
    token = bytes([0x12]) + bytes(range(200, 208)) + int(code).to_bytes(9, "big") + bytes(range(255))
    return "https://sy.example.cn/b/" + base64.urlsafe_b64encode(token[:length]).decode().rstrip("=")


def said(page: Page) -> Locator:
    return page.locator("#scanned")


@pytest.fixture
def stall(core: Any, browser: Browser, serve: Callable[..., Any]) -> Any:
    core.puts("1.250")
    context = browser.new_context(base_url=serve(look=Look(containers={CRATE: 50, "6901234567892": 30_000})).url)
    page = context.new_page()
    page.set_default_timeout(8000)
    page.goto("/stall")
    expect(page.locator("#sell")).to_have_text("请选商品")
    yield page
    context.close()


@pytest.fixture
def keys(stall: Page, scanner: Any) -> Any:
    return scanner(stall)


@pytest.mark.parametrize("gap", [2, 60])
@pytest.mark.parametrize("length", [128, 206], ids=["195", "299"])
def test_a_long_signed_card_is_taken_whole(core: Any, stall: Page, keys: Any, gap: int, length: int) -> None:
    card = a_card(OTHER, length)
    assert len(card) <= 300
    for focus in ("body", "#tare-open", "#sell"):
        stall.locator("#product-01040501").click()
        stall.locator(focus).focus()
        keys.scan(card, gap)
        expect(said(stall)).to_have_text("已选批次：大白菜 …10072 · 山东寿光")
        expect(stall.locator(f"#lot-{OLDER}")).to_be_checked()
    assert core.asked == []
    expect(stall.locator("#buyer-code")).to_have_value("")


def test_full_width_characters_are_the_same_code(stall: Page, keys: Any) -> None:
    wide = "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in LOT)
    stall.evaluate(
        """(text) => { for (const key of [...text, "Enter"]) document.body.dispatchEvent(
            new KeyboardEvent(
                "keydown", { key, code: key === "Enter" ? "Enter" : "", bubbles: true, cancelable: true })); }""",
        wide,
    )
    expect(stall.locator(f"#lot-{NEWEST}")).to_be_checked()
    stall.locator("#buyer summary").click()
    stall.fill("#buyer-code", "４１０１０８００１０４５６")
    stall.locator("#buyer-name").focus()
    expect(stall.locator("#buyer-code")).to_have_value(BUYER)


def test_a_signed_card_gives_the_gate_its_code(core: Any, desk: Page, scanner: Any) -> None:
    desk.goto("/gate")
    expect(desk.locator("body")).to_have_attribute("data-link", "up")
    scanner(desk).scan(a_card(ELSEWHERE), 20)
    expect(desk.locator("#upstream")).to_have_value(ELSEWHERE)
    desk.fill("#upstream", a_card(OTHER))  # pasted
    expect(desk.locator("#upstream")).to_have_value(OTHER)


def test_a_card_of_another_box_opens_its_lot(core: Any, stall: Page, keys: Any) -> None:
    """The station takes the card; its lot is chosen once it is among those to choose from."""
    card, asked = a_card(ELSEWHERE), []
    goods = {"product": "01040301", "product_name": "西红柿", "left_g": 60_000}
    opened = goods | {"source": ELSEWHERE, "test_code": NEXT, "opened": True, "disputed": False}
    stall.route(
        "**/api/lots/open", lambda route: (asked.append(route.request.post_data_json), route.fulfill(json=opened))
    )
    stall.locator("#product-01040201").click()
    keys.scan(card, 20)
    expect(stall.locator("#product-01040301")).to_have_attribute("aria-pressed", "true")
    expect(stall.locator("#sell")).to_have_text("此商品没有可卖批次")
    assert core.enters("01040301") == NEXT
    core.hands_over(core.result("8", "8.3"), device="analyzer-1")
    expect(said(stall)).to_contain_text("已接收 西红柿")
    assert asked == [{"code": card}]
    expect(stall.locator(f"#lot-{NEXT}")).to_be_checked()
    core.puts("1.250")
    expect(stall.locator("#sell")).to_have_text("卖出并打印")


def test_a_card_that_is_refused_says_why_and_no_lot_stays_chosen(core: Any, stall: Page, keys: Any) -> None:
    refusal = {"code": "card_forged", "message_zh": "来源卡的签名不对", "message_en": "the card's signature is wrong"}
    stall.route("**/api/lots/open", lambda route: route.fulfill(status=409, body=json.dumps(refusal)))
    stall.locator("#product-01040201").click()
    keys.scan(a_card(ELSEWHERE))
    expect(said(stall)).to_have_text("来源卡的签名不对")
    expect(stall.locator("#lots input:checked:visible")).to_have_count(0)
    expect(stall.locator("#sell")).to_have_text("请选批次")


def test_a_container_is_taken_off_by_its_code(core: Any, stall: Page, keys: Any, until: Callable[..., None]) -> None:
    stall.locator("#product-01040201").click()
    keys.scan(CRATE, 20)
    expect(said(stall)).to_have_text("皮重：0.050 kg · KUANG-01")
    expect(stall.locator("#digits")).to_have_text("1.200")
    keys.scan("6901234567892", 2)  # a barcode that somebody took for this container: no buyer
    expect(said(stall)).to_have_text("请输入皮重，如 0.050，且小于秤的最大秤量")
    expect(stall.locator("#mass-tare")).to_have_text("0.050 kg")
    expect(stall.locator("#buyer-code")).to_have_value("")
    stall.locator("#sell").click()
    until(lambda: core.asked and core.asked[-1] == Sell(
        scale="scale-1", product="01040201", lot=OLDER, seen_g=1200, price_fen=350, tare_g=50
    ))  # fmt: skip


def test_no_container_is_taken_off_a_typed_weight(core: Any, stall: Page, keys: Any) -> None:
    core.turn(PortChanged("scale-1", False, "unplugged"))
    stall.locator("#typed-open").click()
    stall.fill("#typing-kg", "1.2")
    stall.fill("#typing-reason", "秤断线")
    stall.locator("#typing-save").click()
    keys.scan(CRATE)
    expect(said(stall)).to_have_class("toast refused")
    expect(stall.locator("#digits")).to_have_text("1.200")


def test_a_code_this_page_has_no_use_for_is_named(stall: Page, desk: Page, keys: Any, scanner: Any) -> None:
    keys.scan("https://sy.example.cn/o/DD-2026-11", 20)
    expect(said(stall)).to_have_text("订单号 DD-2026-11：此页用不到")
    desk.goto("/status")
    expect(desk.locator("body")).to_have_attribute("data-link", "up")
    scanner(desk).scan(a_card(OTHER), 20)
    expect(said(desk)).to_have_text(f"来源码 {OTHER}：此页用不到")

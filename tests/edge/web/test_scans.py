"""A keyboard scanner at the pages, in Chromium. Its keys carry the times of a scanner, however slow this machine is."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from edge.between.commands import MatchResult, OpenLot, Sell, SetPrice
from edge.between.inbox import PortChanged

pytestmark = pytest.mark.browser

# What the station of conftest.py has by half past five: lots, and the source codes of the newest and the older cabbage.
NEWEST, OLDER = "41010800330100000056", "41010800330100000048"
PENDING, HELD = "41010800330100000030", "41010800330100000021"
LOT, OTHER = "41010800310100000023", "41010800210100010072"
ELSEWHERE = "41010800210100010089"  # a source code that nobody here has seen yet
BUYER = "4101080010456"
CARD = f"https://sy.example.cn/b/{OTHER}"
SLIP = (
    "https://sy.example.cn/j/EVZHWqcM9iybAjkjoWzFB1SoA7rbas2LA7rbas7YAAAwNAAAEN8NC-RRt05NB-gBAjkjoWplD9RarAUOD4cJFaLc3h"
    "O7NzAIEfdcvQJrwAF-7-ycVtWIpQzDaosuteovsyY4AUAAescWt-CoWLiStqtw5CuQDTWvCA"
)
SPEEDS = [2, 60]


@pytest.fixture
def stall(core: Any, desk: Page) -> Page:
    """Ready to sell: one press is enough."""
    core.puts("1.250")
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    expect(desk.locator("#sell")).to_have_text("卖出并打印")
    return desk


@pytest.fixture
def keys(desk: Page, scanner: Any) -> Any:
    return scanner(desk)


def said(page: Page) -> Locator:
    return page.locator("#scanned")


def settled(page: Page) -> None:
    """What a key set off has reached the station by now."""
    page.evaluate("fetch('/api/board').then((answer) => answer.text())")


@pytest.mark.parametrize("gap", SPEEDS)
def test_a_scan_presses_nothing_wherever_the_focus_is(core: Any, stall: Page, keys: Any, gap: int) -> None:
    address = stall.url
    for focus in ("#sell", "#product-01040201", "#reprice", "#tare-open", "#buyer summary", "nav a", "body"):
        stall.locator(focus).first.focus()
        for text, end in ((LOT, "NumpadEnter"), ("6901234567892", "Tab"), (BUYER, "Enter"), ("X1-7", "Enter")):
            keys.scan(text, gap, end)
        settled(stall)
        assert (core.asked, stall.url) == ([], address)
        expect(stall.locator("dialog[open]")).to_have_count(0)
        expect(stall.locator(f"#lot-{NEWEST}")).to_be_checked()
        expect(stall.locator("#sell")).to_have_text("卖出并打印")
        expect(said(stall)).to_have_text("不认识的码，未使用：X1-7")
        expect(stall.locator("#buyer-code")).to_have_value(BUYER)


@pytest.mark.parametrize("gap", SPEEDS)
def test_a_scan_leaves_a_price_and_its_dialog_as_they_were(core: Any, stall: Page, keys: Any, gap: int) -> None:
    stall.locator("#reprice").click()
    for text in (BUYER, "01040301", LOT, "1250", CARD):
        keys.scan(text, gap)
        expect(stall.locator("#pricing-yuan")).to_have_value("3.50")
        expect(said(stall)).to_have_text("未使用扫码：请先关闭窗口，再扫一次")
        assert stall.evaluate("document.querySelector('#scanned').matches(':popover-open')")
    expect(stall.locator("#pricing")).to_be_visible()
    settled(stall)
    assert core.asked == []
    keys.press("4")  # the whole price is still marked, so a person types a new one
    expect(stall.locator("#pricing-yuan")).to_have_value("4")


@pytest.mark.parametrize("gap", SPEEDS)
def test_a_scan_reaches_no_weight_no_tare_and_no_reason(core: Any, stall: Page, keys: Any, gap: int) -> None:
    stall.locator("#tare-open").click()
    stall.locator('#taring [data-key="5"]').click()
    for focus in ("#taring-kg", '#taring [data-key="5"]', "#taring-save", "#taring-pin"):
        stall.locator(focus).focus()
        keys.scan(BUYER, gap)
        keys.scan("0012", gap)
        expect(stall.locator("#taring-kg")).to_have_value("5")
        expect(stall.locator("#taring-pin")).not_to_be_checked()
        expect(stall.locator("#taring")).to_be_visible()
    stall.locator("#taring-cancel").click()
    core.turn(PortChanged("scale-1", False, "unplugged"))
    stall.locator("#typed-open").click()
    stall.fill("#typing-kg", "1.2")
    stall.fill("#typing-reason", "秤坏")
    for focus in ("#typing-kg", "#typing-reason", "#typing-save"):
        stall.locator(focus).focus()
        keys.scan(LOT, gap)
    expect(stall.locator("#typing-kg")).to_have_value("1.2")
    expect(stall.locator("#typing-reason")).to_have_value("秤坏")
    expect(stall.locator("#typing")).to_be_visible()
    settled(stall)
    assert core.asked == []


@pytest.mark.parametrize("gap", SPEEDS)
def test_a_scan_registers_nothing_at_the_gate(core: Any, desk: Page, keys: Any, gap: int) -> None:
    core.enters("01040801")  # the person's name is asked
    desk.goto("/gate")
    desk.locator("#product-01040301").click()
    filled = {"#net": "12.5", "#origin": "河南中牟", "#supplier": "王建国", "#plate": "豫A1", "#person": "王敏"}
    for field, text in filled.items():
        desk.fill(field, text)
    for focus in ("#product", *filled, "#register", "body"):
        desk.fill("#upstream", "")
        desk.locator(focus).focus()
        for text, end in ((BUYER, "Enter"), (CARD, "NumpadEnter"), ("690123", "Tab")):
            keys.scan(text, gap, end)
        for field, text in filled.items():
            expect(desk.locator(field)).to_have_value(text)
        expect(desk.locator("#product")).to_have_value("01040301")
        expect(desk.locator("#upstream")).to_have_value(OTHER)
    settled(desk)
    assert core.asked == []
    keys.scan("01040201", gap)
    expect(desk.locator("#product")).to_have_value("01040201")


@pytest.mark.parametrize(
    "how", [{}, {"keypad": True}, {"keypad": True, "locked": False}, {"azerty": True}], ids=lambda how: " ".join(how)
)
def test_digits_are_digits_on_every_keyboard(stall: Page, keys: Any, how: dict[str, Any]) -> None:
    for gap in SPEEDS:
        for focus in ("body", f"#lot-{OLDER}", "#buyer-code"):
            if focus == "#buyer-code":
                stall.fill("#buyer-code", "")
            stall.locator(focus).focus()
            keys.scan(BUYER, gap, **how)
            expect(stall.locator("#buyer-code")).to_have_value(BUYER)
    expect(stall.locator("#buyer details")).to_have_attribute("open", "")
    expect(stall.locator("#buyer-said")).to_have_text(BUYER)
    expect(said(stall)).to_have_text(f"买方编码（13 位）：{BUYER}")
    expect(stall.locator(f"#lot-{OLDER}")).to_be_checked()


def test_an_input_method_garbles_nothing(desk: Page, keys: Any) -> None:
    desk.goto("/gate")
    desk.fill("#supplier", "王")
    address = "https"
    for gap in SPEEDS:
        desk.fill("#upstream", "")
        desk.locator("#supplier").focus()
        for at, letter in enumerate(address):
            keys.compose(letter, address[: at + 1], gap if at else 2000)
        keys.scan(CARD.removeprefix(address), gap, after=gap)
        expect(desk.locator("#upstream")).to_have_value(OTHER)
        expect(desk.locator("#supplier")).to_have_value("王")


def test_a_scanner_that_sends_no_ending_key_is_heard(core: Any, stall: Page, keys: Any) -> None:
    for gap in SPEEDS:
        stall.locator("#sell").focus()
        keys.scan(OTHER, gap, end="")
        expect(stall.locator(f"#lot-{OLDER}")).to_be_checked()
        keys.scan(LOT, gap, end="")
        expect(stall.locator(f"#lot-{NEWEST}")).to_be_checked()
    assert core.asked == []


def test_every_further_ending_key_is_part_of_the_scan(core: Any, stall: Page, keys: Any) -> None:
    stall.locator("#sell").focus()
    for gap in SPEEDS:
        keys.scan(BUYER, gap)
        keys.press("Enter", gap)
        keys.scan(BUYER, gap, end="Tab")
        keys.press("NumpadEnter", gap)
    keys.scan("12", 60)  # too short for a scan, and yet no press
    keys.scan("12", 120)
    settled(stall)
    assert core.asked == []
    expect(stall.locator("#sell")).to_be_focused()


def test_a_handheld_s_own_scanner_puts_the_code_in_at_once(core: Any, stall: Page, keys: Any) -> None:
    stall.locator("#reprice").click()
    stall.keyboard.insert_text(BUYER)
    expect(said(stall)).to_contain_text("请先关闭窗口")
    expect(stall.locator("#pricing-yuan")).to_have_value("3.50")
    stall.locator("#pricing [value=cancel]").click()
    stall.locator("#buyer summary").click()
    stall.locator("#buyer-name").focus()
    stall.keyboard.insert_text(BUYER)
    expect(stall.locator("#buyer-name")).to_have_value("")
    expect(stall.locator("#buyer-code")).to_have_value(BUYER)
    assert core.asked == []


def test_characters_by_their_numbers_on_the_keypad_are_read(stall: Page) -> None:
    stall.locator("#sell").focus()
    stall.evaluate(
        """(text) => {
            const send = (kind, key, code, altKey) => document.activeElement.dispatchEvent(
                new KeyboardEvent(kind, { key, code, altKey, bubbles: true, cancelable: true }));
            for (const one of text) {
                send("keydown", "Alt", "AltLeft", true);
                for (const digit of String(one.charCodeAt(0)).padStart(4, "0")) {
                    send("keydown", digit, `Numpad${digit}`, true);
                    send("keyup", digit, `Numpad${digit}`, true);
                }
                send("keyup", "Alt", "AltLeft", false);
            }
            send("keydown", "Enter", "Enter", false);
        }""",
        CARD,
    )
    expect(stall.locator(f"#lot-{OLDER}")).to_be_checked()


def test_a_person_s_keys_stay_a_person_s(core: Any, stall: Page, keys: Any, until: Callable[..., None]) -> None:
    for gap, price in ((120, "3.75"), (160, "4125"), (200, "12.50")):
        stall.locator("#reprice").click()
        keys.scan(price, gap)
        expect(stall.locator("#pricing")).to_be_hidden()
        asked = SetPrice(product="01040201", price_fen=round(float(price) * 100))
        until(lambda asked=asked: core.asked[-1:] == [asked])
    expect(said(stall)).to_be_hidden()
    stall.locator("#sell").focus()
    keys.press("Enter")
    until(lambda: isinstance(core.asked[-1], Sell))
    expect(stall.locator("#sell")).to_be_focused()
    core.weighs("0.000")
    core.puts("0.900")
    expect(stall.locator("#sell")).to_have_text("卖出并打印")
    keys.press(" ")
    until(lambda: len([one for one in core.asked if isinstance(one, Sell)]) == 2)


def test_a_key_that_is_held_is_no_scan_and_presses_once(core: Any, stall: Page, keys: Any) -> None:
    stall.locator("#reprice").click()
    keys.press("1", held=12)
    expect(stall.locator("#pricing-yuan")).to_have_value("1" * 8)
    expect(said(stall)).to_be_hidden()
    keys.press("Backspace", held=12)
    expect(stall.locator("#pricing-yuan")).to_have_value("")
    stall.locator("#pricing [value=cancel]").click()
    stall.locator("#sell").focus()
    stall.evaluate("window.presses = 0; document.querySelector('#sell').addEventListener('click', () => presses++)")
    keys.press("Enter", held=10)
    assert stall.evaluate("presses") == 1
    expect(stall.locator("#answer")).to_contain_text("已记录")
    core.weighs("0.000")
    core.puts("0.900")
    expect(stall.locator("#sell")).to_have_text("卖出并打印")
    assert len(core.asked) == 1


def test_a_scanned_lot_is_chosen_with_its_product(
    core: Any, stall: Page, keys: Any, until: Callable[..., None]
) -> None:
    stall.locator("#product-01040501").click()
    keys.scan(CARD)
    expect(stall.locator(f"#lot-{OLDER}")).to_be_checked()
    expect(said(stall)).to_have_text("已选批次：大白菜 …10072 · 山东寿光")
    keys.scan(BUYER)
    expect(said(stall)).to_contain_text(BUYER)
    stall.locator("#sell").click()
    sold = Sell(scale="scale-1", product="01040201", lot=OLDER, seen_g=1250, price_fen=350, buyer=BUYER)
    until(lambda: core.asked == [sold])
    expect(stall.locator("#buyer-code")).to_have_value("")
    keys.scan(NEWEST, 40)
    keys.scan(BUYER, 2, after=2)  # without a pause, it is a second scan
    expect(stall.locator(f"#lot-{NEWEST}")).to_be_checked()
    expect(stall.locator("#buyer-code")).to_have_value(BUYER)
    keys.scan("01040301", 40)
    expect(stall.locator("#product-01040301")).to_have_attribute("aria-pressed", "true")
    expect(said(stall)).to_have_text("商品：西红柿")
    keys.scan("01049999")
    expect(said(stall)).to_have_text("没有这个商品编码：01049999")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (HELD, "黄瓜 …00021：快检阳性（筛查），已暂停销售"),
        (PENDING, "西红柿 …00030：待检测"),
        ("41010800110100099999", "本站没有这个批次：41010800110100099999"),
    ],
)
def test_a_lot_that_may_not_be_sold_says_why_and_no_other_stays_chosen(
    core: Any, stall: Page, keys: Any, code: str, words: str
) -> None:
    keys.scan(code)
    expect(said(stall)).to_have_text(words)
    expect(said(stall)).to_have_class(re.compile("refused"))
    expect(stall.locator("#lots input:checked:visible")).to_have_count(0)
    expect(stall.locator("#sell")).to_have_attribute("aria-disabled", "true")
    stall.locator("#sell").click(force=True)
    settled(stall)
    assert [one for one in core.asked if not isinstance(one, OpenLot)] == []


def test_a_scan_waits_for_the_station_s_lots(core: Any, desk: Page, keys: Any) -> None:
    core.puts("1.250")
    desk.route("**/api/live?*", lambda route: route.abort())
    desk.goto("/stall")
    keys.scan(CARD)
    expect(said(desk)).to_have_text("连接中…")
    desk.unroute("**/api/live?*")
    expect(desk.locator(f"#lot-{OLDER}")).to_be_checked()
    expect(said(desk)).to_contain_text("已选批次：大白菜 …10072")


@pytest.mark.parametrize("address", ["/stall", "/gate", "/status", "/papers"])
def test_what_a_page_has_no_use_for_is_said_as_text(core: Any, desk: Page, keys: Any, address: str) -> None:
    desk.goto(address)
    keys.scan("<img src=x onerror=alert(1)>" + "0" * 60)
    expect(said(desk)).to_have_text(re.compile(r"^不认识的码，未使用：<img src=x onerror=alert\(1\)>0+…$"))
    if address != "/papers":
        keys.scan(SLIP)
        expect(said(desk)).to_have_text("这是交易小票 …00424，请到“纸张”页查看")
        keys.scan("https://sy.example.cn/j/x")
        expect(said(desk)).to_have_text("这是交易小票，请到“纸张”页查看")
    if address in ("/status", "/papers"):
        for code, name in ((LOT, "来源码"), (NEWEST, "检测编号"), (BUYER, "经营者编码"), ("01040201", "商品编码")):
            keys.scan(code)
            expect(said(desk)).to_have_text(f"{name} {code}：此页用不到")
    assert desk.locator("#scanned img").count() == 0
    assert core.asked == []


def test_a_slip_is_found_on_the_page_of_papers(core: Any, desk: Page, keys: Any) -> None:
    desk.goto("/papers")
    keys.scan(core.records("trade.completed")[0]["data"]["url"], 15)
    expect(desk.locator(".sheet.pointed")).to_contain_text("…00014")
    expect(said(desk)).to_have_text("小票 …00014")
    keys.scan("41010800120300000017")
    expect(said(desk)).to_have_text("这张小票不在最近的纸张里：…00017")


def test_at_the_gate_a_sample_points_to_its_lot(core: Any, page: Page, scanner: Any) -> None:
    keys = scanner(page)
    page.goto("/gate")
    keys.scan(HELD, 15)
    expect(page.locator(".pointed")).to_have_id(f"goods-{HELD}")
    expect(page.locator(".pointed")).to_be_in_viewport()
    expect(said(page)).to_have_text("样品 2 · 黄瓜")
    page.locator("#upstream").focus()
    keys.scan(PENDING, 15)
    expect(page.locator(".pointed")).to_have_id(f"goods-{PENDING}")
    expect(page.locator("#upstream")).to_have_value("")
    keys.scan("41010800130100099999")
    expect(said(page)).to_have_text("本站没有这个批次：41010800130100099999")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_result_is_given_the_lot_whose_label_is_scanned(
    core: Any, desk: Page, keys: Any, until: Callable[..., None]
) -> None:
    desk.goto("/gate")
    desk.locator("#match-14").click()
    desk.fill("#matching-person", "王敏")
    keys.scan(PENDING)
    expect(desk.locator("#matching-lot")).to_have_value(PENDING)
    expect(desk.locator("#matching-person")).to_have_value("王敏")
    keys.scan("41010800130100099999")
    expect(said(desk)).to_contain_text("请先关闭窗口")
    desk.locator("#matching-go").click()
    expect(desk.locator("#matching-title")).to_have_text("请再核对一次")
    expect(desk.locator("#matching-go")).to_be_enabled()
    desk.locator("#matching-go").focus()
    keys.scan(HELD, 40)
    settled(desk)
    assert core.asked == []
    keys.press("Enter")
    until(lambda: core.asked == [MatchResult(seq=14, lot=PENDING, person="王敏")])


def test_a_field_takes_the_code_it_waits_for_whole(desk: Page, keys: Any) -> None:
    desk.goto("/gate")
    desk.fill("#upstream", "999")
    keys.scan(CARD, 15)
    expect(desk.locator("#upstream")).to_have_value(OTHER)
    desk.fill("#certificate", "old")
    keys.scan("H-77/2026:a_B", 15)
    expect(desk.locator("#certificate")).to_have_value("H-77/2026:a_B")
    keys.scan("H" * 65)  # too long for a number: what the voucher's own code says
    expect(desk.locator("#certificate")).to_have_value("H" * 65)
    desk.locator("#plate").focus()
    keys.scan("H-78")
    expect(desk.locator("#certificate")).to_have_value("H" * 65)
    expect(said(desk)).to_contain_text("不认识的码")


def test_a_code_that_is_pasted_or_typed_loses_what_is_round_it(core: Any, desk: Page, keys: Any) -> None:
    desk.goto("/gate")
    desk.fill("#upstream", CARD)
    expect(desk.locator("#upstream")).to_have_value(OTHER)
    desk.fill("#upstream", " ４１０１０８００２ 1 01 0001008 9 ")
    desk.locator("#plate").focus()
    expect(desk.locator("#upstream")).to_have_value(ELSEWHERE)
    desk.locator("#product-01040201").click()
    for field, text in {"#net": "12.5", "#origin": "河南中牟", "#supplier": "王建国"}.items():
        desk.fill(field, text)
    desk.locator("#register").click()
    expect(desk.locator("#answer")).to_contain_text(f"来源码 {ELSEWHERE}")
    assert core.asked[0].upstream == ELSEWHERE
    core.puts("1.250")
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    desk.locator("#buyer summary").click()
    desk.locator("#buyer-code").focus()
    keys.scan("4101 0800 10456", 150, end="")  # as a person types
    expect(desk.locator("#sell")).to_have_text("卖出并打印")


def test_scans_are_answered_in_english(core: Any, page: Page, scanner: Any) -> None:
    keys = scanner(page)
    page.goto("/stall?lang=en")
    for code, words in (
        (HELD, "Cucumber …00021: Positive screening test: sale stopped"),
        (LOT, "Lot chosen: Chinese cabbage …00023 · 河南中牟"),
        ("7" * 30, f"Unknown code, nothing done: {'7' * 30}"),
    ):
        keys.scan(code)
        expect(said(page)).to_have_text(words)
        expect(said(page)).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

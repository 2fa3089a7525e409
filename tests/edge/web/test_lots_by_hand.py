"""What people do with a lot on pages: hold it, end a hold, hand part of it on, settle it; the stall's own card."""

import threading
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from edge.between.commands import RegisterEntry
from edge.state.claims import Claim, Offer, Portion
from edge.web.server import WebServer
from protocol.city.codes import CodeKind, TraceCode

pytestmark = pytest.mark.browser
CABBAGE = "01040201"
GREEN = {"code": "4101080010999", "name": "绿源合作社", "initials": "lyhzs"}
SOURCE = str(TraceCode("410108003", CodeKind.SOURCE, "09", 7))
TEST = str(TraceCode("410108003", CodeKind.TEST, "09", 7))
KID = "0011223344556677"


def lot_of(core: Any, sample: str) -> Any:
    return next(one for one in core.board.lots if one.sample == sample)


@pytest.fixture
def changed() -> dict[str, str]:
    return {'"card", "day", "test"]': '"card", "day", "test", "hold", "stall_card"]'}


# --- the gate ---------------------------------------------------------------------------------------------------------


def test_a_lot_is_held_at_the_gate_and_taken_up_again(core: Any, page: Page, web: WebServer) -> None:
    lot = lot_of(core, "5")
    page.goto("/gate")
    card = page.locator(f"#goods-{lot.test_code}")
    card.locator("summary").click()
    page.locator(f"#hold-{lot.test_code}").click()
    expect(page.locator("#holding-title")).to_contain_text("大白菜")
    page.locator("#holding-go").click()
    expect(page.locator("#holding-wrong")).to_have_text("请填写原因")
    page.locator("#holding-reasons button").first.click()
    page.locator("#holding-go").click()
    expect(page.locator("#holding-wrong")).to_have_text("请填写姓名")
    page.locator("#holding-person").fill("王敏")
    page.locator("#holding-go").click()
    expect(page.locator("#toast")).to_contain_text("已停止销售")
    expect(card).to_contain_text("消费者投诉")
    (held,) = [one["data"] for one in core.records("lot.held") if one["data"]["person"]]
    assert (held["lot"], held["why"], held["person"]) == (lot.test_code, "消费者投诉", "王敏")
    page.locator(f"#release-{lot.test_code}").click()
    expect(page.locator("#releasing-recheck")).to_be_hidden()
    page.locator("#releasing-reason").fill("核实无误")
    page.locator("#releasing-go").click()
    expect(page.locator("#toast")).to_contain_text("已放行")
    expect(page.locator(f"#hold-{lot.test_code}")).to_be_visible()
    assert core.records("lot.resumed")[0]["data"]["person"] == "王敏"


def test_what_a_test_holds_goes_its_own_way(core: Any, page: Page) -> None:
    lot = lot_of(core, "2")
    page.goto("/gate")
    page.locator(f"#goods-{lot.test_code} summary").click()
    page.locator(f"#release-{lot.test_code}").click()
    expect(page.locator(f"#tell-{lot.test_code}")).to_be_visible()


def test_a_button_that_is_replaced_under_a_finger_is_pressed_all_the_same(core: Any, page: Page) -> None:
    lot = lot_of(core, "5")
    page.goto("/gate")
    page.locator(f"#goods-{lot.test_code} summary").click()
    button = page.locator(f"#hold-{lot.test_code}")
    expect(button).to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-link", "up")
    button.hover()
    page.mouse.down()
    with page.expect_response(lambda answer: "/parts/" in answer.url and "lots" in answer.url) as answered:
        core.does(RegisterEntry(product="01040401", net_g=250_000, origin="河南中牟", supplier="王建国"))
    answered.value.finished()
    page.mouse.up()
    expect(page.locator("#holding")).to_be_visible()


# --- the stall --------------------------------------------------------------------------------------------------------


def test_part_of_the_chosen_lot_is_handed_to_a_stall_that_is_looked_up(core: Any, page: Page) -> None:
    core.platform.orders(core.clock, "directory", mode="replace", suppliers=[GREEN])
    core.turn()
    lot = lot_of(core, "5")
    page.goto("/stall")
    expect(page.locator("#hand-open")).to_be_hidden()
    page.locator(f"#product-{CABBAGE}").click()
    page.locator(f".lot:has(#lot-{lot.test_code})").click()
    page.locator("#hand-open").click()
    page.locator("#handing-go").click()
    expect(page.locator("#handing-wrong")).not_to_be_empty()
    page.locator("#handing-kg").fill("1.5")
    page.locator("#handing-go").click()
    expect(page.locator("#handing-wrong")).to_contain_text("13 位编码")
    page.locator("#handing-find").fill("nobody")
    expect(page.locator("#handing-wrong")).to_have_text("名录里没有找到")
    page.locator("#handing-find").fill("lyh")
    page.locator("#handing-found button", has_text="绿源合作社").click()
    expect(page.locator("#handing-to")).to_have_value(GREEN["code"])
    page.locator("#handing-go").click()
    expect(page.locator("#toast")).to_contain_text("已移交")
    expect(page.locator("#handing")).to_be_hidden()
    (handed,) = core.records("lot.handed")
    assert (handed["data"]["to"], handed["data"]["net_g"], handed["data"]["lot"]) == (
        GREEN["code"],
        1500,
        lot.test_code,
    )
    assert core.printers["printer-1"].papers[-1].paper == "card"


def test_the_other_stall_s_code_is_scanned(core: Any, desk: Page) -> None:
    lot = lot_of(core, "5")
    desk.goto("/stall")
    desk.locator(f"#product-{CABBAGE}").click()
    desk.locator(f".lot:has(#lot-{lot.test_code})").click()
    desk.locator("#hand-open").click()
    expect(desk.locator("#handing")).to_be_visible()
    desk.evaluate(
        "text => document.dispatchEvent(new CustomEvent('scan', { detail: { text, field: null } }))", GREEN["code"]
    )
    expect(desk.locator("#handing-to")).to_have_value(GREEN["code"])
    desk.locator("#handing-kg").fill("999")
    desk.locator("#handing-go").click()
    expect(desk.locator("#handing-wrong")).to_contain_text("只剩")


def test_a_disputed_lot_is_settled(core: Any, page: Page) -> None:
    facts = {
        "lot": TEST,
        "source": SOURCE,
        "goods": {"product": CABBAGE, "name": "大白菜", "name_en": ""},
        "net_g": 60_000,
        "origin": "山东寿光",
        "origin_code": "",
        "supplier": "赵六",
        "supplier_code": "",
        "verdict": "qualified",
        "item": "农药残留",
        "tested_at": None,
    }
    portion = Portion(SOURCE, KID, 0)

    def dispute() -> None:
        from edge.jobs.lots import opened

        station = core.core._station
        with core.ledger.batch():
            station.lots.offer(Offer(portion, "410108003-09", "sibling", facts), 2e9)
            opened(station, SOURCE)
            station.lots.claimed(portion, Claim("410108003-02", 40_000, 60_000, 1))

    core.within(dispute)
    core.turn()
    page.goto("/stall")
    page.locator(f"#product-{CABBAGE}").click()
    page.locator(f"#settle-{TEST}").click()
    page.locator("#settling-kg").fill("20")
    page.locator("#settling-reasons button").first.click()
    page.locator("#settling-go").click()
    expect(page.locator("#toast")).to_contain_text("已核定，本摊位还剩 20.000 kg")
    expect(page.locator(f"#lot-{TEST}")).to_have_count(1)
    (settled,) = core.records("lot.settled")
    assert (settled["data"]["net_g"], settled["data"]["why"]) == (20_000, "扫错了卡")


def test_what_is_pressed_before_the_board_is_there_is_done_when_it_is(core: Any, page: Page) -> None:
    lot = lot_of(core, "5")
    told = threading.Event()
    held: list[Route] = []
    page.route("**/api/live*", lambda route: route.continue_() if told.is_set() else held.append(route))
    page.goto("/stall")
    page.locator(f"#product-{CABBAGE}").click()
    page.locator(f".lot:has(#lot-{lot.test_code})").click()
    page.locator("#hand-open").click()
    expect(page.locator("#handing")).to_be_hidden()
    told.set()
    held[-1].continue_()
    expect(page.locator("#handing-title")).to_contain_text("大白菜")


@pytest.mark.parametrize("where", ["/stall", "/papers"])
def test_the_stall_s_own_card_is_printed(core: Any, desk: Page, where: str) -> None:
    desk.goto(where)
    desk.locator("#print-stall-card").click()
    expect(desk.locator("#toast")).to_be_visible()
    assert core.printers["printer-1"].papers[-1].paper == "stall_card"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", [(360, 640), (800, 480)], ids=str)
def test_the_dialogs_are_usable_on_small_screens(
    core: Any, browser: Browser, web: WebServer, size: tuple[int, int], language: str
) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=web.url)
    context.add_cookies([{"name": "lang", "value": language, "url": web.url}])
    page = context.new_page()
    page.goto("/stall")
    page.locator(f"#product-{CABBAGE}").click()
    page.locator(f".lot:has(#lot-{lot_of(core, '5').test_code})").click()
    page.locator("#hand-open").click()
    for field in ("kg", "to", "find", "go"):
        page.locator(f"#handing-{field}").scroll_into_view_if_needed()
        expect(page.locator(f"#handing-{field}")).to_be_in_viewport(ratio=1)
    page.locator("#handing-kg").click()
    expect(page.locator("#handing .keypad")).to_be_visible()
    expect(page.locator("#handing-go")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#handing-cancel").click()
    page.goto("/gate")
    page.locator(f"#goods-{lot_of(core, '5').test_code} summary").click()
    page.locator(f"#hold-{lot_of(core, '5').test_code}").click()
    for field in ("reason", "go"):
        page.locator(f"#holding-{field}").scroll_into_view_if_needed()
        expect(page.locator(f"#holding-{field}")).to_be_in_viewport(ratio=1)
    context.close()

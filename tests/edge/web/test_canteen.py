"""A canteen's morning on its page: ten lines, a restart, two people who sign, and the city has what the screen said."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from edge.between import pins
from edge.between.inbox import LinkChanged, PrinterChanged, Sensed
from edge.between.people import CONSOLE, Role
from edge.between.people_commands import AddOperator
from edge.between.print_states import PrinterState, PrintState
from edge.web.look import CanteenLook, Look
from protocol.readings import Measured

NAMES = ("大白菜", "西红柿", "黄瓜", "土豆", "五花肉", "鸡胸肉", "大米", "面粉", "豆腐", "鸡蛋")
PINS = {"1": "777555", "7": "4829"}
KEPT = {code: pins.hashed(pin) for code, pin in PINS.items()}
LOOK = Look(
    canteen=CanteenLook(functions=("食堂管理员", "家长代表"), automatic=False, sample_g=125, kept="LY41010800101")
)
EGGS = {"product": "03010101", "name": NAMES[-1], "net_g": 0, "count": 10, "unit": "箱", "price_fen": 12_000}
ORDER = {
    "order": "XX-20261122-03",
    "supplier": "惠济区绿源蔬菜配送有限公司",
    "supplier_code": "4101080010789",
    "alias": "供应商甲",
    "buyer": "第一小学食堂",
    "due": "2026-11-22",
    "meal": "学生午餐",
    "lines": [
        *(
            {"product": f"010402{at:02d}", "name": name, "net_g": 20_000, "price_fen": 300}
            for at, name in enumerate(NAMES[:-1], 1)
        ),
        EGGS,
    ],
}


@pytest.fixture
def changed() -> dict[str, str]:
    return {
        'jobs = ["stall", "gate"]': 'jobs = ["canteen"]',
        'automatic = ["slip"]': 'automatic = ["acceptance", "kept"]',
        'papers = ["slip", ': 'papers = ["acceptance", "kept", "slip", ',
        'max = "30 kg"\nmin = "100 g"\ne = "5 g"': 'max = "60 kg"\nmin = "100 g"\ne = "20 g"',
    }


def counts(walk: Any, station: Any, kilograms: str) -> None:
    """One load: put on, pressed once."""
    station.weighs("0.000")
    expect(walk.page.locator("#digits")).to_have_text("0.000")
    station.weighs(kilograms)
    expect(walk.page.locator("#press-words")).to_have_text(f"计入 {kilograms} kg")
    walk.tap("#press")
    expect(walk.page.locator("#press-words")).to_have_text("已计入：请取下，或继续加放")


def signs(walk: Any, code: str) -> None:
    walk.tap("#signing-names button", {"1": "陈主管", "7": "王敏"}[code])
    walk.keys(PINS[code])
    walk.tap("#signing-go")


@pytest.mark.browser
@pytest.mark.parametrize(
    "size",
    [
        pytest.param((360, 740), id="phone"),
        pytest.param((800, 480), id="pi"),
        pytest.param((1280, 800), id="desk"),
    ],
)
def test_ten_lines_are_accepted_by_two_through_every_trouble(
    again: Callable[..., Any],
    serve: Callable[..., Any],
    browser: Browser,
    until: Callable[..., None],
    scanner: Any,
    walker: Any,
    size: tuple[int, int],
) -> None:
    station = again()
    station.does(AddOperator(code="1", name="陈主管", role=Role.SUPERVISOR, pin=KEPT["1"]), CONSOLE)
    station.does(AddOperator(code="7", name="王敏", role=Role.OPERATOR, pin=KEPT["7"]), CONSOLE)
    station.platform.orders(station.clock, "orders", orders=[ORDER])
    web = serve(station, look=LOOK)
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=web.url)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(8000)
    page.goto("/sign-in?next=/canteen")
    page.locator("#names button", has_text="王敏").click()
    page.locator("#pin").fill(PINS["7"])
    page.locator("#go").click()
    walk = walker(page)
    walk.tap(".order", "供应商甲")
    expect(page.locator(".delivery-lines .dline")).to_have_count(10)
    for _ in range(3):
        counts(walk, station, "20.00")
    counts(walk, station, "17.00")
    expect(page.locator('.dline.chosen [data-line="4"]')).to_contain_text("-15.0 %")
    station.turn(LinkChanged(False, "timeout", "mute"), PrinterChanged("printer-1", PrinterState.PAPER))
    walk.tap("[data-look]")
    walk.tap("#looking .chips button", "供货者少送")
    walk.tap("#looking .main")
    expect(page.locator("#looking")).not_to_be_visible()

    port = web.address.rpartition(":")[2]
    web.stop()
    station.stop()
    station = again(wall=station.clock.wall)
    station.turn(LinkChanged(False, "timeout", "mute"), PrinterChanged("printer-1", PrinterState.PAPER))
    station.turn(Sensed("cold-room", Measured("temperature", Decimal("3.9"), "Cel")))
    web = serve(station, listen=f"127.0.0.1:{port}", look=LOOK)
    expect(page.locator("body")).to_have_attribute("data-link", "up", timeout=15_000)
    expect(page.locator(".delivery-lines .dline.fine")).to_have_count(4)

    walk.tap('[data-line="5"].head')
    counts(walk, station, "20.00")
    walk.tap('[data-line="5"].head')
    walk.tap("[data-look]")
    walk.tap("#probes button")
    walk.tap("#looking .main")
    expect(page.locator('[data-line="5"].head')).to_contain_text("3.9 ℃")
    walk.tap('[data-line="6"].head')
    for _ in range(4):
        counts(walk, station, "20.00")
    walk.tap('[data-line="9"].head')
    walk.tap("[data-look]")
    walk.tap("#whole-line")
    walk.tap("#looking .chips button", "有异味")
    walk.tap("#looking .main")
    expect(page.locator('[data-line="9"].head')).to_contain_text("有异味")
    walk.tap('[data-line="10"].head')
    walk.keys("10")
    walk.tap("#looking .main")
    expect(page.locator("#sign-words")).to_have_text("签字 0/2")
    expect(page.locator("body")).to_have_js_property("scrollWidth", size[0])

    walk.tap("#sign")
    expect(page.locator("#signing-sees li")).to_have_count(10)
    sum_said = page.locator("#signing-sum").text_content() or ""
    assert sum_said == "共计 157.00 kg · ¥1671.00"
    walk.tap("#signing-names button", "王敏")
    walk.keys("0000")
    walk.tap("#signing-go")
    expect(page.locator("#signing-wrong")).to_have_text("编号或密码不对")
    wrong = walk.taps
    page.locator("#signing-pin").click()
    signs(walk, "7")
    expect(page.locator("#signing-title")).to_contain_text("第 2 人")
    expect(page.locator("#signing-names button")).to_have_count(1)
    signs(walk, "1")
    expect(page.locator("#scanned")).to_contain_text("验收完成")
    expect(page.locator("#closed .order.done")).to_contain_text("惠济区绿源蔬菜配送有限公司")
    assert walk.taps <= 65 and walk.taps - wrong < 20

    (record,) = station.records("accept.completed")
    assert record["operator"] == "7"
    data = record["data"]
    assert data["sum_fen"] == 167_100 and sum(line["accepted_g"] for line in data["lines"]) == 157_000
    assert [(one["name"], one["code"], one["role"]) for one in data["signers"]] == [
        ("王敏", "7", "食堂管理员"),
        ("陈主管", "1", "家长代表"),
    ]
    assert data["lines"][3]["why_difference"] == "供货者少送"
    assert (data["lines"][4]["temperature"], data["lines"][4]["probe"]) == ("3.9", "cold-room")
    assert (data["lines"][8]["refused"], data["lines"][8]["reason"]) == (True, "有异味")
    assert data["lines"][9]["accepted_n"] == 10
    assert [job.paper for job in station.printers["printer-1"].papers] == ["acceptance"]
    assert station.board.prints[0].state in (PrintState.WAITING, PrintState.HELD)
    station.turn(LinkChanged(True), PrinterChanged("printer-1", PrinterState.READY))
    until(lambda: station.board.city.up and station.board.city.pending == 0)
    assert [topic for topic in station.platform.sent if topic.endswith("/accept/completed")] or station.platform.sent

    page.locator("[data-unaccept]").click()
    page.locator("#ending-reason").fill("签错单")
    page.locator("#ending-go").click()
    page.locator("#approval-pin").fill(PINS["1"])
    page.locator("#approval-give").click()
    expect(page.locator("#closed .order.voided")).to_be_visible()
    (void,) = station.records("accept.voided")
    assert void["approvedby"] == "1" and void["data"]["person"] == "王敏"

    page.locator("[data-place=kept]").click()
    page.locator("#dish").fill("红烧肉")
    page.locator("#meals button").nth(1).click()
    station.weighs("0.000")
    station.weighs("0.160")
    expect(page.locator("#press-words")).to_have_text("留样 160 g")
    page.locator("#press").click()
    expect(page.locator("#kept .row")).to_contain_text("红烧肉")
    page.locator("[data-place=deliveries]").click()
    keys = scanner(page)
    keys.scan("LY410108001010000001", 20)
    expect(page.locator("#scanned")).to_have_text("1. 红烧肉")
    expect(page.locator("#kept .row.pointed")).to_be_visible()
    for elsewhere in ("LY410108001010000002", "LY410108001020000001"):
        keys.scan(elsewhere, 20)
        expect(page.locator("#scanned.refused")).to_contain_text("没有留着这份样品")
    page.locator("[data-place=waste]").click()
    page.locator("#receiver").fill("收运公司")
    station.weighs("0.000")
    station.weighs("12.00")
    expect(page.locator("#press-words")).to_have_text("交付 12.00 kg")
    page.locator("#press").click()
    until(lambda: len(station.records("waste.handed")) == 1)
    context.close()
    assert errors == []


@pytest.mark.browser
@pytest.mark.parametrize("shade", ["light", "dark"])
def test_the_page_can_be_used_by_everybody(core: Any, browser: Browser, web: Any, shade: Any) -> None:
    core.platform.orders(core.clock, "orders", orders=[{**ORDER, "lines": [ORDER["lines"][0], EGGS]}])  # type: ignore[index]
    context = browser.new_context(viewport={"width": 360, "height": 740}, base_url=web.url, color_scheme=shade)
    page = context.new_page()
    page.set_default_timeout(8000)

    def flaws() -> list[str]:
        page.mouse.move(0, 0)
        rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
        found = Axe().run(page, options=rules).response["violations"]
        return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]

    page.goto("/canteen")
    expect(page.locator(".order")).to_be_visible()
    assert flaws() == []
    page.locator("#unmatched-open").click()
    assert flaws() == []
    page.keyboard.press("Escape")
    page.locator(".order").click()
    core.weighs("0.000")
    core.weighs("18.00")
    expect(page.locator("#press")).to_have_class("sell ready")
    page.locator("#press").click()
    expect(page.locator(".need").first).to_be_visible()
    assert flaws() == []
    for opener in ("[data-look]", "#crates-open", "#add-line", "#came-open", "#drop-open"):
        page.locator(opener).first.click()
        assert flaws() == []
        page.keyboard.press("Escape")
    page.locator("[data-look]").click()
    page.locator("#looking .chips button").first.click()
    page.locator("#looking .main").click()
    page.locator('[data-line="2"].head').click()
    page.locator("#count").fill("10")
    page.locator("#looking .main").click()
    page.locator("#sign").click()
    assert flaws() == []
    page.keyboard.press("Escape")
    for place in ("kept", "waste"):
        page.locator(f"[data-place={place}]").click()
        assert flaws() == []
    context.close()


@pytest.mark.browser
def test_goods_without_an_order_in_english(core: Any, desk: Page, until: Callable[..., None]) -> None:
    desk.goto("/canteen?lang=en")
    desk.locator("#unmatched-open").click()
    desk.locator("#unmatched .main").click()
    expect(desk.locator("#unmatched-wrong")).to_have_text("Fill in: Supplier")
    desk.locator("#unmatched-name").fill("Old Wang")
    desk.locator("#unmatched-reason").fill("one more dish")
    desk.locator("#unmatched .main").click()
    desk.locator("#add-line").click()
    desk.locator('#adding .product[data-code="01040201"]').click()
    core.weighs("0.000")
    core.weighs("30.00")
    desk.locator("#crates-open").click()
    desk.locator("#crate-kg").fill("1.5")
    desk.locator("#crate-n").fill("2")
    desk.locator("#crates .main").click()
    expect(desk.locator("#press-words")).to_have_text("Count 27.00 kg")
    desk.locator("#press").click()
    expect(desk.locator("[data-load]")).to_have_text("27.00 ✕")
    desk.locator("[data-load]").click()
    expect(desk.locator("[data-load]")).to_have_count(0)
    desk.locator("#rejecting").click()
    expect(desk.locator("#press-words")).to_have_text("Refuse 27.00 kg")
    desk.locator("#press").click()
    expect(desk.locator("#answer")).to_contain_text("more is refused than came")
    desk.locator("#rejecting").click()
    desk.locator("#press").click()
    until(lambda: core.board.deliveries[0].lines[0].delivered_g == 27_000)
    desk.locator("#drop-open").click()
    desk.locator("#ending-reason").fill("wrong door")
    desk.locator("#ending-person").fill("Wang Min")
    desk.locator("#ending-go").click()
    expect(desk.locator("#orders .empty")).to_be_visible()
    assert core.records("accept.dropped")[0]["data"]["weighed_g"] == 27_000


def test_a_signature_needs_the_pin_of_whose_it_is(core: Any, serve: Callable[..., Any]) -> None:
    core.does(AddOperator(code="1", name="陈主管", role=Role.SUPERVISOR, pin=KEPT["1"]), CONSOLE)
    core.does(AddOperator(code="7", name="王敏", role=Role.OPERATOR, pin=KEPT["7"]), CONSOLE)
    core.platform.orders(core.clock, "orders", orders=[{**ORDER, "lines": [EGGS]}])
    with httpx.Client(base_url=serve(core).url) as http:
        assert http.post("/api/sign-in", json={"code": "7", "pin": PINS["7"]}).is_success
        word = {"X-CSRF-Token": http.get("/canteen").text.split('csrf-token" content="')[1].split('"')[0]}

        def order(path: str, **body: Any) -> Any:
            return http.post(f"/api/{path}", json=body, headers=word)

        number = order("deliveries", order=ORDER["order"]).json()["delivery"]
        there = f"deliveries/{number}"
        version = order(f"{there}/lines/1/describe", delivered_n=10).json()["version"]
        by_name = order(f"{there}/sign-by-name", version=version, person="钱伟")
        assert (by_name.status_code, by_name.json()["code"]) == (409, "sign_with_pin")
        wrong = order(f"{there}/sign", version=version, code="1", pin="0000")
        assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong_pin")
        assert order(f"{there}/sign", version=version, code="7", pin=PINS["7"]).json()["signed"] == 1
        twice = order(f"{there}/sign", version=version, code="7", pin=PINS["7"]).json()
        assert twice["code"] == "signed_already"
        done = order(f"{there}/sign", version=version, code="1", pin=PINS["1"]).json()
        assert done["signed"] == 2 and len(done["code"]) == 20

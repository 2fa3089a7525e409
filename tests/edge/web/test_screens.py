"""The customer's screen, the hall's, the end of a shift and the fair scale, in a browser on the real core."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from edge.between import pins
from edge.between.correction_commands import VoidSale
from edge.between.day_views import PricesView, PriceView
from edge.between.inbox import PortChanged
from edge.between.people import CONSOLE, Role
from edge.between.people_commands import AddOperator
from edge.web.api_codes import svg
from edge.web.look import Look, Screens
from edge.web.server import WebServer

pytestmark = pytest.mark.browser

LOW, WIDE, PHONE = (800, 480), (1280, 720), (360, 740)


@pytest.fixture
def web(serve: Callable[..., WebServer]) -> WebServer:
    return serve(
        look=Look(
            screens=Screens(
                held="stall", page_seconds=1, pay=(svg("https://pay.example.cn/1").encode(), "image/svg+xml")
            )
        )
    )


@pytest.fixture
def screen(browser: Browser, web: Any) -> Iterator[Callable[..., Page]]:
    """Open a page of this size; its scripts make no error and break no policy."""
    contexts, errors = [], []

    def show(path: str, size: tuple[int, int], lang: str = "zh") -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=web.url)
        context.add_cookies([{"name": "lang", "value": lang, "url": web.url}])
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
        page.goto(path)
        expect(page.locator("body")).to_have_attribute("data-link", "up")
        return page

    yield show
    for context in contexts:
        context.close()
    assert errors == []


def fits(page: Page) -> None:
    """Nothing has to be scrolled to be seen."""
    wide, high = page.evaluate(
        "[document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight]"
    )
    assert wide <= 0 and high <= 0


def no_sideways(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_customer_sees_weight_price_and_amount_as_the_seller_does_and_then_the_slip(
    core: Any, screen: Callable[..., Page], tmp_path: Any
) -> None:
    low, wide = screen("/customer", LOW), screen("/customer", WIDE, "en")
    assert "王" not in low.content() and "operator" not in low.locator("body").inner_text()
    stall = screen("/stall", PHONE)
    core.puts("1.250")
    stall.locator("#product-01040201").click()
    expect(low.locator("#digits")).to_have_text("1.250")
    expect(low.locator("#goods")).to_have_text("大白菜")
    expect(low.locator("#origin")).to_contain_text("产地")
    expect(low.locator("#amount")).to_have_text("¥4.38")
    expect(wide.locator("#goods")).to_have_text("Chinese cabbage")
    expect(wide.locator("#price")).to_have_text("¥3.50/kg")
    for page in (low, wide):
        fits(page)
        assert page.locator("button").count() == 0
    core.weighs("1.300", stable=False)
    expect(low.locator("#weigh")).to_have_class("weigh moving")
    expect(low.locator("#amount")).to_contain_text("≈")
    core.puts("1.000")
    stall.locator("#add-line").click()
    expect(low.locator("#lines")).to_contain_text("大白菜1.000 kg3.50")
    expect(wide.locator("#lines")).to_contain_text("Chinese cabbage")
    expect(low.locator("#sum")).to_have_text("¥3.50")
    core.puts("1.250")
    expect(stall.locator("#sell-words")).to_have_text("结单 2 行")
    expect(low.locator("#sum")).to_have_text("¥7.88")
    expect(low.locator("#amount-words")).to_have_text("本品金额")
    stall.locator("#sell").click()
    expect(low.locator("#thanks")).to_be_visible()
    expect(low.locator("#paid")).to_have_text("¥7.88")
    sale = core.records("trade.completed")[-1]
    code = low.locator("#slip-code")
    expect(code).to_have_js_property("complete", True)
    for page in (low, wide):
        fits(page)
    path = tmp_path / "thanks.png"
    low.screenshot(path=str(path))
    assert [one.text for one in zxingcpp.read_barcodes(Image.open(path))] == [sale["data"]["url"]]
    core.weighs("0.000")
    core.weighs("2.000")
    expect(low.locator("#thanks")).to_be_hidden()
    expect(low.locator("#digits")).to_have_text("2.000")
    core.turn(PortChanged("scale-1", False, "unplugged"))
    expect(low.locator("#digits")).to_have_text("- - -")
    expect(low.locator("#amount")).to_have_text("–")
    expect(low.locator("#steady")).to_have_text("秤暂时没有读数")
    core.turn(PortChanged("scale-1", True))
    core.puts("1.000")
    expect(low.locator("#digits")).to_have_text("1.000")
    core.seem_dead()
    expect(low.locator("#digits")).to_have_text("- - -")  # never a weight that may be old
    core.go_on()
    expect(low.locator("#digits")).to_have_text("1.000")


def test_the_hall_reads_todays_tests_holds_and_prices_and_no_person(core: Any, screen: Callable[..., Page]) -> None:
    rows = tuple(PriceView(f"0104{n:04d}", f"菜{n}", "", 300 + n, 200, 500) for n in range(12))
    core.within(lambda: core.showing.post(reference_prices=PricesView("2026-11-28", "18:00", True, rows)))
    low, wide = screen("/hall", LOW), screen("/hall", WIDE, "en")
    for page in (low, wide):
        expect(page.locator("#count-entries")).to_have_text("5")
        expect(page.locator("#count-held")).to_have_text("1")
        fits(page)
        text = page.content()
        assert "王建国" not in text and "李秀兰" not in text and "寿光合作社" not in text
    expect(low.locator(".foot")).to_contain_text("快检结果为筛查结果")
    for name in ("今日批次与快检结果", "参考价（2026-11-28 18:00 前成交）", "暂停销售的批次"):
        expect(low.locator("#list-name")).to_have_text(name, timeout=20_000)
        fits(low)
    expect(low.locator("#list li.held")).to_have_count(1)
    expect(low.locator("#list li.held")).to_contain_text("等待复检")
    for size, lang in ((LOW, "zh"), (LOW, "en"), (PHONE, "zh"), (PHONE, "en")):
        page = screen("/hall", size, lang)
        held = page.locator("#list li.held span")
        expect(held.first).to_be_visible(timeout=20_000)
        assert held.evaluate_all("(all) => all.filter((one) => one.scrollWidth > one.clientWidth).length") == 0
    core.enters("01040301")
    expect(low.locator("#count-entries")).to_have_text("6")


@pytest.mark.parametrize(("size", "lang"), [(PHONE, "zh"), (LOW, "en")], ids=["phone", "low"])
def test_a_shift_is_closed_on_the_page_and_the_day_goes_on(
    core: Any, screen: Callable[..., Page], size: tuple[int, int], lang: str
) -> None:
    page = screen("/stall", size, lang)
    expect(page.locator("#today-words")).to_contain_text("¥1.75")
    core.puts("1.250")
    page.locator("#product-01040201").click()
    page.locator("#sell").click()
    expect(page.locator("#today-words")).to_contain_text("1.750 kg · ¥6.13")
    sale = core.records("trade.completed")[-1]
    core.does(VoidSale(tx=sale["subject"], reason="错"))
    expect(page.locator("#today-words")).to_contain_text("0.500 kg · ¥1.75")
    page.locator("#today-open").click()
    expect(page.locator("#todays-rows tr")).to_have_count(1)
    expect(page.locator("#todays-more")).to_contain_text("4.38")
    no_sideways(page)
    page.locator("#todays .main").click()
    page.locator("#shift-open").click()
    expect(page.locator("#shifting-total")).to_have_text("¥1.75")
    page.locator("#shifting-counted").fill("1.70")
    expect(page.locator("#shifting-difference")).to_contain_text("-¥0.05")
    no_sideways(page)
    page.locator("#shifting-go").click()
    expect(page.locator("#shifting-wrong")).not_to_be_empty()  # who closes it?
    page.locator("#shifting-person").fill("王敏")
    core.puts("1.000")  # meanwhile the next one is sold elsewhere
    core.sells(next(lot.source for lot in core.board.lots if lot.source and lot.product == "01040201"))
    page.locator("#shifting-go").click()
    expect(page.locator("#shifting-total")).to_have_text("¥5.25")
    page.locator("#shifting-go").click()
    expect(page.locator("#toast")).to_contain_text("¥5.25")
    (closed,) = core.records("shift.closed")
    assert (closed["data"]["amount_fen"], closed["data"]["counted_fen"], closed["data"]["person"]) == (525, 170, "王敏")
    assert core.board.shift.number == 2
    expect(page.locator("#today-words")).to_contain_text("¥5.25")


@pytest.mark.parametrize("changed", [{'name = "scale-1"': 'name = "scale-1"\nfair = true\ncertificate = "J-7"'}])
@pytest.mark.parametrize(("size", "lang"), [(PHONE, "zh"), (WIDE, "en")], ids=["phone", "wide"])
def test_a_slip_is_weighed_again_at_the_service_desk(
    core: Any,
    screen: Callable[..., Page],
    scanner: type[Any],
    size: tuple[int, int],
    lang: str,
    changed: dict[str, str],
) -> None:
    page = screen("/reweigh", size, lang)
    expect(page.locator("#reweigh-go")).to_have_attribute("aria-disabled", "true")
    url = core.records("trade.completed")[-1]["data"]["url"]
    scanner(page).scan(url)
    expect(page.locator("#slip-said .money")).to_have_text("0.500 kg")
    core.puts("0.460")
    page.fill("#reweigh-tare", "5")
    page.locator("#reweigh-person").fill("王敏")
    page.locator("#reweigh-go.ready").click()
    expect(page.locator("#answer .money")).to_have_text("-45 g")
    expect(page.locator("#answer")).to_have_class("answer refused")
    no_sideways(page)
    (record,) = core.records("slip.reweighed")
    assert (record["data"]["slip_g"], record["data"]["net_g"], record["data"]["within"]) == (500, 455, False)
    assert record["data"]["identity"]["certificate"] == "J-7"
    page.locator("#reweigh-slip").fill("41010800120300000424")
    page.locator("#find-slip button").click()
    expect(page.locator("#slip-said .wrong")).not_to_be_empty()


def test_what_the_city_allows_is_seen_before_anything_is_sold(core: Any, screen: Callable[..., Page]) -> None:
    core.platform.orders(
        core.clock,
        "price_limits",
        limits=[{"product": "01040201", "max_fen": 300, "per_g": 1000, "reason": "限价公告 3 号"}],
    )
    core.turn()
    page = screen("/stall", PHONE)
    tile = page.locator("#product-01040201")
    expect(tile).to_contain_text("高于限价 ¥3.00")
    core.puts("1.000")
    tile.click()
    expect(page.locator("#sell.dear")).to_be_visible()
    page.locator("#reprice").click()
    page.locator("#pricing-yuan").fill("3.01")
    expect(page.locator("#pricing-limit")).to_contain_text("¥3.00")
    page.locator("#pricing-yuan").fill("2.90")
    expect(page.locator("#pricing-limit")).to_be_empty()
    page.locator("#pricing-once").click()
    expect(page.locator("#sell.dear")).to_have_count(0)


@pytest.mark.parametrize(
    "changed", [{"verified_until = 2027-06-30": 'verified_until = 2026-12-20\nmaker = "某衡器厂"\nseal = "QF-0087"'}]
)
def test_a_verification_that_ends_soon_is_told_on_every_page(
    core: Any, screen: Callable[..., Page], changed: dict[str, str]
) -> None:
    for path in ("/stall", "/gate", "/records"):
        expect(screen(path, PHONE).locator(".strip")).to_contain_text("检定 2026-12-20 到期")
    status = screen("/status", LOW)
    expect(status.locator(".register")).to_contain_text("QF-0087")
    expect(status.locator(".register .todo")).to_contain_text("预约检定")
    no_sideways(status)


def test_a_screen_whose_person_is_gone_asks_for_a_sign_in(core: Any, screen: Callable[..., Page]) -> None:
    hall = screen("/hall", LOW)
    expect(hall.locator("#count-entries")).to_have_text("5")
    core.does(AddOperator(code="1", name="王敏", role=Role.SUPERVISOR, pin=pins.hashed("123456")), who=CONSOLE)
    core.enters("01040301")
    hall.wait_for_url("**/sign-in?next=/hall")

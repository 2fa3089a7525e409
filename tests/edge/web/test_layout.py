"""What a person sees without scrolling, on the screens of handhelds, of the Pi's own display and of a desk; by day and
by night."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from edge.between import pins
from edge.between.people import CONSOLE, Role
from edge.between.people_commands import AddOperator
from edge.web.look import Look
from edge.web.server import WebServer

pytestmark = pytest.mark.browser

SIZES = [(360, 640), (740, 360), (800, 480), (1024, 600), (1280, 800)]
SALE = ["#digits", "#unit", "#steady", "#product-01040201", "#sum-words", "#sum-lot", "#amount", "#sell", "#tare-open"]
BOTH = [("zh", "light"), ("en", "dark")]
OLDER = "41010800330100000048"  # the larger lot


def out_of_sight(page: Page, selectors: list[str]) -> list[str]:
    """What of these cannot be seen whole, is under something else, or has no text, once all of it has come."""
    end = time.monotonic() + 8
    hidden = selectors
    while hidden and time.monotonic() < end:
        with contextlib.suppress(Error):  # a page whose station was slow comes once more by itself
            hidden = _out_of_sight(page, selectors)
        page.wait_for_timeout(50 * bool(hidden))
    return hidden


def _out_of_sight(page: Page, selectors: list[str]) -> list[str]:
    hidden: list[str] = page.evaluate(
        """(selectors) => selectors.filter((selector) => {
            const one = document.querySelector(selector);
            const box = one?.getBoundingClientRect();
            if (!one || !one.checkVisibility() || !box.width) return true;
            const cut = (x, y) => {
                const top = document.elementFromPoint(x, y);
                return one !== top && !one.contains(top);
            };
            return box.top < 0 || box.left < 0 || box.bottom > innerHeight + .5 || box.right > innerWidth + .5
                || cut(box.x + 4, box.y + box.height / 2) || cut(box.right - 4, box.y + box.height / 2)
                || cut(box.x + box.width / 2, box.y + 2) || cut(box.x + box.width / 2, box.bottom - 2);
        })""",
        selectors,
    )
    return hidden


def opens(page: Page, button: str, dialog: str) -> None:
    page.locator(button).click()
    expect(page.locator(dialog)).to_be_visible()


def a_screen(browser: Browser, web: WebServer, size: tuple[int, int], language: str, shade: Any) -> Page:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=web.url, color_scheme=shade)
    context.add_cookies([{"name": "lang", "value": language, "url": web.url}])
    page = context.new_page()
    page.set_default_timeout(8000)
    return page


@pytest.mark.parametrize(("language", "shade"), BOTH)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_sale_is_in_sight(
    core: Any, browser: Browser, web: WebServer, size: tuple[int, int], language: str, shade: str
) -> None:
    core.puts("12.345")
    page = a_screen(browser, web, size, language, shade)
    page.goto("/stall")
    expect(page.locator("html")).to_have_attribute("data-shade", shade)
    page.locator("#product-01040201").click()
    page.locator(f"#lot-{OLDER}").evaluate("(lot) => lot.click()")
    expect(page.locator("#sell")).to_have_class("sell ready")
    assert out_of_sight(page, [*SALE, "#last"]) == []
    assert page.evaluate("[scrollX, scrollY]") == [0, 0]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#sell").click()
    expect(page.locator("#answer")).to_be_visible()
    sold = [one for one in SALE if one not in ("#amount", "#product-01040201")]
    assert out_of_sight(page, [*sold, "#answer .money", "#answer .state"]) == []
    assert page.evaluate("scrollY") == 0
    core.weighs("0.000")
    core.puts("0.500")
    expect(page.locator("#amount")).to_contain_text("1.75")
    assert out_of_sight(page, [*SALE, "#last .state"]) == []
    page.locator("#tare-open").click()
    for key in "0.05":
        page.locator(f'#taring [data-key="{key}"]').click()
    assert out_of_sight(page, ["#taring-kg", "#taring-save", "#taring .keypad"]) == []
    page.locator("#taring-save").click()
    expect(page.locator("#mass-net")).to_have_text("0.450 kg")
    assert out_of_sight(page, ["#digits", "#steady", "#mass-net", "#sum-words", "#amount", "#sell"]) == []
    page.context.close()


@pytest.mark.parametrize("size", [(740, 360), (700, 480)], ids=str)
def test_a_low_screens_strip_shows_whole_lines(browser: Browser, web: WebServer, size: tuple[int, int]) -> None:
    page = a_screen(browser, web, size, "en", "light")
    page.goto("/gate")
    cut, below = page.evaluate("""() => {
        const shown = [...document.querySelectorAll(".strip, .strip li")].filter((one) => one.checkVisibility());
        const [strip, ...said] = shown.map((one) => one.getBoundingClientRect());
        const below = said.filter((one) => one.top >= strip.bottom - 1);
        const seen = said.filter((one) => one.top >= strip.top - 1 && one.bottom <= strip.bottom + 1);
        return [said.length - below.length - seen.length, below.length];
    }""")
    assert below > 0  # there is more to say than two lines hold
    assert cut == 0
    page.context.close()


@pytest.mark.parametrize("name", ["stall", "status", "papers"])
def test_the_page_that_is_open_is_in_sight_among_the_others(browser: Browser, web: WebServer, name: str) -> None:
    page = a_screen(browser, web, (280, 640), "en", "light")
    page.goto(f"/{name}")
    assert page.evaluate("document.querySelector('.ways').scrollWidth > document.querySelector('.ways').clientWidth")
    way, own = (page.locator(one).bounding_box() for one in (".ways", ".ways [aria-current]"))
    assert way and own
    assert own["x"] >= way["x"] - 1 and own["x"] + own["width"] <= way["x"] + way["width"] + 1
    assert page.evaluate("[scrollX, scrollY]") == [0, 0]
    page.context.close()


@pytest.mark.parametrize(("language", "shade"), BOTH)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_goods_are_registered_and_the_state_is_read_on_each_screen(
    core: Any, browser: Browser, web: WebServer, size: tuple[int, int], language: str, shade: str
) -> None:
    page = a_screen(browser, web, size, language, shade)
    page.goto("/gate")
    for field in ("product-01040201", "net", "origin", "supplier", "register"):
        page.locator(f"#{field}").scroll_into_view_if_needed()
        assert out_of_sight(page, [f"#{field}"]) == []
    if size[0] > size[1]:
        page.evaluate("scrollTo(0, 0)")
        assert out_of_sight(page, ["#product-01040201"]) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto("/status")
    assert out_of_sight(page, [".overall b", ".card .row b"]) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_no_number_of_a_lot_is_cut(
    core: Any, browser: Browser, web: WebServer, size: tuple[int, int], language: str
) -> None:
    core.enters(net_g=12_345_000)
    page = a_screen(browser, web, size, language, "light")
    page.goto("/gate")
    expect(page.locator("#goods .line")).to_have_count(6)
    cut = """[...document.querySelectorAll(".line > :is(.c-sample, .c-mass, .c-item)")].filter((cell) => {
        const [row, box] = [cell.parentElement.getBoundingClientRect(), cell.getBoundingClientRect()];
        const words = document.createRange();
        words.selectNodeContents(cell);
        const said = words.getBoundingClientRect();
        return cell.textContent && cell.checkVisibility()
            && (said.right > box.right + 1 || said.left < box.left - 1 || said.bottom > row.bottom);
    }).map((cell) => cell.textContent)"""
    assert page.evaluate(cut) == []
    page.context.close()


NAV = [".top nav a[href='/stall']", ".top nav a[href='/gate']", ".top nav a[href='/records']", ".top nav .shade"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_records_are_found_and_voided_on_each_screen(
    core: Any, browser: Browser, web: WebServer, size: tuple[int, int], language: str
) -> None:
    page = a_screen(browser, web, size, language, "light")
    page.goto("/records")
    expect(page.locator("#found .one").first).to_be_visible()
    assert out_of_sight(page, ["#find-text", "#find-since", "#find-kind", *NAV]) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"/records/{int(core.records('trade.completed')[0]['sequence'])}")
    assert out_of_sight(page, ["h1", *NAV]) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    opens(page, "#void-open", "#voiding")
    assert out_of_sight(page, ["#voiding-reason", "#voiding-cancel", "#voiding-go"]) == []
    page.goto(f"/records/{int(core.records('entry.registered')[0]['sequence'])}")
    opens(page, "#entry-open", "#entering")
    for field in page.locator("#entering [data-field=net_g], #entering-reason").all():
        field.focus()
        assert out_of_sight(page, ["#entering-cancel", "#entering-go", "#entering input:focus"]) == []
    page.context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", [(900, 600), (1024, 600), (1280, 800)], ids=str)
def test_the_tone_s_button_moves_nothing_that_may_be_pressed(
    core: Any, browser: Browser, web: WebServer, size: tuple[int, int], language: str
) -> None:
    page = a_screen(browser, web, size, language, "light")
    page.goto("/records")
    places = """[...document.querySelectorAll('.top, .ways')].map((one) => one.getBoundingClientRect())
        .map(({ x, width, height }) => [x, width, height])"""
    button = page.locator("#sound")
    expect(button).to_be_visible()
    before = page.evaluate(places)
    button.evaluate("(one) => (one.hidden = true)")
    expect(button).to_be_hidden()
    assert page.evaluate(places) == before
    button.evaluate("(one) => (one.hidden = false)")
    page.mouse.move(2, size[1] - 2)
    page.mouse.down()  # a page may sound from the first touch on, and the button says something else
    expect(button).not_to_have_class("sound off")
    assert page.evaluate(places) == before
    page.context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_people_sign_in_and_set_pins_on_each_screen(
    core: Any, browser: Browser, serve: Callable[..., WebServer], size: tuple[int, int], language: str
) -> None:
    core.does(AddOperator(code="1", name="陈主管", role=Role.SUPERVISOR, pin=pins.hashed("777555")), CONSOLE)
    core.does(AddOperator(code="7", name="王敏", role=Role.OPERATOR, pin=pins.hashed("4829")), CONSOLE)
    page = a_screen(browser, serve(), size, language, "light")
    page.goto("/sign-in?next=/people")
    expect(page.locator("#sign-in .keypad")).to_be_visible()
    assert out_of_sight(page, ["#names", "#code", "#pin", ".keypad", "#go", ".language", ".shade"]) == []
    assert page.evaluate("innerWidth - document.querySelector('.shade').getBoundingClientRect().right") < 20
    page.get_by_role("button", name="王敏").click()
    page.fill("#pin", "4829")
    page.locator("#go").click()
    expect(page.locator("#people li")).to_have_count(2)
    assert out_of_sight(page, [*NAV, ".me", "#people button"]) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#people button").first.click()
    assert out_of_sight(page, ["#pinning-pin", "#pinning .keypad", "#pinning-back", "#pinning-go"]) == []
    page.locator("#pinning-back").click()
    page.locator("#people button").last.click()
    expect(page.locator("#approval .keypad")).to_be_visible()
    word = ["#approval-code", "#approval-pin", "#approval .keypad", "#approval-back", "#approval-give"]
    assert out_of_sight(page, word) == []
    page.locator("#approval-give").click()
    expect(page.locator("#approval-wrong")).to_be_visible()
    assert out_of_sight(page, [*word, "#approval-wrong"]) == []
    page.context.close()


# --- by day and by night --------------------------------------------------------------------------------------------


def shade_of(page: Page) -> str:
    return str(page.evaluate("document.documentElement.dataset.shade"))


@pytest.mark.parametrize(
    ("look", "system", "shade"),
    [
        (Look("auto"), "light", "light"),
        (Look("auto"), "dark", "dark"),
        (Look("light"), "dark", "light"),
        (Look("dark"), "light", "dark"),
        (Look("time", "00:00-23:59"), "dark", "light"),
        (Look("time", "00:00-00:00"), "light", "dark"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.theme} {value.day}",
)
def test_light_and_dark_as_the_station_is_set(
    core: Any, browser: Browser, serve: Callable[..., WebServer], look: Look, system: Any, shade: str
) -> None:
    page = a_screen(browser, serve(look=look), (360, 640), "zh", system)
    page.clock.set_fixed_time("2026-11-22T12:30:00")
    page.goto("/stall")
    assert shade_of(page) == shade
    page.context.close()


@pytest.mark.parametrize(
    ("day", "now", "later"),
    [("06:30-18:00", "06:29:20", "light"), ("06:30-18:00", "17:59:20", "dark"), ("22:00-04:00", "03:59:20", "dark")],
)
def test_with_the_hours_the_page_changes_by_itself(
    core: Any, browser: Browser, serve: Callable[..., WebServer], day: str, now: str, later: str
) -> None:
    page = a_screen(browser, serve(look=Look("time", day)), (360, 640), "zh", "light")
    page.clock.install(time=f"2026-11-22T{now}")
    page.goto("/stall")
    assert shade_of(page) != later
    page.clock.run_for(70_000)
    assert shade_of(page) == later
    page.context.close()


def test_a_person_chooses_on_this_screen_alone(core: Any, browser: Browser, web: WebServer) -> None:
    page = a_screen(browser, web, (360, 640), "zh", "light")
    page.goto("/stall")
    page.locator(".shade").click()
    assert shade_of(page) == "dark"
    page.goto("/gate")
    assert shade_of(page) == "dark"
    page.locator(".shade").click()
    assert shade_of(page) == "light"
    page.emulate_media(color_scheme="dark")  # no choice of his own is left
    expect(page.locator("html")).to_have_attribute("data-shade", "dark")
    page.context.close()


# Which of the last slip's buttons are under something else when the page is scrolled to its end; null without any.
PRESSED_AT_THE_END = """() => {
    scrollTo(0, document.documentElement.scrollHeight);
    const there = [...document.querySelectorAll(".slips li:last-child button")].filter((one) => one.checkVisibility());
    return !there.length ? null : there.filter((one) => {
        const { left, top, width, height } = one.getBoundingClientRect();
        return [[width / 2, 4], [width / 2, height / 2], [width / 2, height - 4]]
            .some(([x, y]) => document.elementFromPoint(left + x, top + y)?.closest("button") !== one);
    }).map((one) => one.textContent.trim());
}"""


@pytest.mark.parametrize("size", [(360, 640), (800, 480)], ids=str)
def test_what_can_be_pressed_at_the_end_of_a_page_lies_under_nothing(
    core: Any, browser: Browser, web: WebServer, until: Callable[..., None], size: tuple[int, int]
) -> None:
    """Neither under goods that stay in sight nor under the tone's button, which is there after a positive."""
    page = a_screen(browser, web, size, "zh", "light")
    page.goto("/stall")
    expect(page.locator("#sound")).to_be_visible()
    until(lambda: page.evaluate(PRESSED_AT_THE_END) == [])
    page.context.close()

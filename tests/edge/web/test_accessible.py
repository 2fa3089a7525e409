"""axe-core finds nothing on any page, in the states that people meet, light and dark."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from drivers.transports.adapters import Identity, Naming
from edge.between import pins
from edge.between.held_commands import RegisterSample
from edge.between.inbox import LinkChanged, PortChanged, PortFound, PrinterChanged
from edge.between.people import CONSOLE, Role
from edge.between.people_commands import AddOperator
from edge.between.print_states import PrinterState
from edge.web.server import WebServer

pytestmark = pytest.mark.browser

AXE = Axe()
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
BORDERED = "input:not([type=radio], [type=checkbox]), select, button:not(.link, .shade, .main, .ready), label.lot"
HERE = Identity("1a86:7523", "00.0", "", "pci0000:00/0000:00:14.0-usb-1.2", what="USB Serial")


def found(page: Page) -> list[str]:
    """What axe-core finds, and borders of controls that are too faint."""
    page.mouse.move(0, 0)
    violations = AXE.run(page, options=RULES).response["violations"]
    faint: list[str] = page.evaluate(
        """(selector) => {
            const light = (text) => {
                const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
                if (!a) return null;
                const part = (one) => (one / 255 <= .03928 ? one / 255 / 12.92 : ((one / 255 + .055) / 1.055) ** 2.4);
                return .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
            };
            const ground = (one) => {
                for (let at = one; at; at = at.parentElement) {
                    const found = light(getComputedStyle(at).backgroundColor);
                    if (found !== null) return found;
                }
                return 1;
            };
            return [...document.querySelectorAll(selector)]
                .filter((one) => one.checkVisibility() && !one.disabled)
                .filter((one) => {
                    const border = light(getComputedStyle(one).borderTopColor);
                    const behind = ground(one.parentElement);
                    const ratio = (Math.max(border, behind) + .05) / (Math.min(border, behind) + .05);
                    return parseFloat(getComputedStyle(one).borderTopWidth) < 1 || ratio < 3;
                })
                .map((one) => `faint border: ${one.outerHTML.slice(0, 80)}`);
        }""",
        BORDERED,
    )
    return faint + [
        f"{one['id']}: {node['html'][:160]} {node.get('failureSummary', '')}"
        for one in violations
        for node in one["nodes"]
    ]


@pytest.fixture(params=["light", "dark"])
def shade(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def page(browser: Browser, web: WebServer, shade: Any) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 360, "height": 740}, base_url=web.url, color_scheme=shade)
    page = context.new_page()
    page.set_default_timeout(8000)
    yield page
    context.close()


def opened(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("body")).to_have_attribute("data-link", "up")


def test_the_stall_in_its_states(core: Any, page: Page) -> None:
    core.puts("1.250")
    opened(page, "/stall")
    assert found(page) == []
    page.locator("#product-01040201").click()
    expect(page.locator("#sell")).to_have_text("卖出并打印")
    page.locator("#buyer summary").click()
    assert found(page) == []
    page.locator("#reprice").click()
    assert found(page) == []
    page.locator("#pricing-cancel").click()
    page.locator("#tare-open").click()
    assert found(page) == []
    page.locator("#taring-cancel").click()
    core.weighs("1.300", stable=False)
    assert found(page) == []
    core.puts("1.250")
    page.locator("#sell").click()
    expect(page.locator("#answer")).to_be_visible()
    assert found(page) == []
    core.puts("0.500")
    page.locator("#add-line").click()
    page.locator("#rounding").click()
    expect(page.locator("#baskets li")).to_have_count(1)
    assert found(page) == []
    page.locator("[data-basket-act=park]").click()
    expect(page.locator(".basket.parked")).to_be_visible()
    assert found(page) == []
    page.locator("#sales-open").click()
    page.locator("#sales-found button:not([data-void])").first.click()
    expect(page.locator("#eslip")).to_be_visible()
    assert found(page) == []
    page.locator("#eslip .main").click()
    assert found(page) == []
    page.locator("#sales .main").click()
    page.locator("#product-01040401").evaluate("(one) => one.click()")  # its lot is held
    assert found(page) == []
    core.turn(PortChanged("scale-1", False, "unplugged"), PrinterChanged("printer-1", PrinterState.PAPER))
    page.locator("#typed-open").click()
    assert found(page) == []
    page.fill("#typing-kg", "1.2")
    page.fill("#typing-reason", "x")
    page.locator("#typing-save").click()
    expect(page.locator("#weight")).to_have_class("weight typed")
    assert found(page) == []


def test_the_gate_in_its_states(core: Any, page: Page) -> None:
    core.enters("01040801")  # asks for the whole plant
    opened(page, "/gate")
    assert found(page) == []
    page.locator("#register").click()
    assert found(page) == []
    page.locator("[data-match]").first.click()
    assert found(page) == []
    page.select_option("#matching-lot", index=1)
    page.locator("#matching-verdict input").first.check()
    page.fill("#matching-person", "王敏")
    page.locator("#matching-go").click()
    expect(page.locator("#matching-sure")).to_be_visible()
    assert found(page) == []


def test_held_lots_and_what_people_bring(core: Any, page: Page) -> None:
    opened(page, "/held")
    page.locator("[data-deed=tell]").click()
    assert found(page) == []
    page.fill("#deed-told", "货主")
    page.fill("#deed-person", "王敏")
    page.locator("#deed-go").click()
    expect(page.locator(".timer")).to_be_visible()
    assert found(page) == []
    page.locator("[data-buyers]").click()
    expect(page.locator("#buyers-count")).not_to_be_empty()
    assert found(page) == []
    core.does(RegisterSample(goods="草莓", asked_by="张女士"))
    opened(page, "/samples")
    assert found(page) == []


def test_status_and_papers_in_their_states(core: Any, page: Page) -> None:
    opened(page, "/status")
    assert found(page) == []
    there = replace(HERE, socket="pci0000:00/0000:00:14.0-usb-1.3")
    core.turn(
        PortFound("scale-1", HERE, Naming()),
        PortChanged("scale-1", False, "another device: nothing is read from it", there),
        PortChanged("analyzer-1", False, "no such port"),
        PrinterChanged("printer-1", PrinterState.PAPER),
        LinkChanged(False, "timeout", "mute"),
    )
    expect(page.locator("[data-swap]")).to_be_visible()
    assert found(page) == []
    page.locator("[data-swap]").click()
    assert found(page) == []
    opened(page, "/papers")
    assert found(page) == []
    page.locator("[data-view]").first.click()
    expect(page.locator("#paper")).to_be_visible()
    assert found(page) == []


def seq_of(core: Any, kind: str) -> int:
    """The first record of a kind; of results, the first that has a lot."""
    found = (one for one in core.records(kind) if kind != "test.result" or one["data"].get("lot"))
    return int(next(found)["sequence"])


def test_records_and_what_is_done_about_them(core: Any, page: Page) -> None:
    opened(page, "/records")
    expect(page.locator("#found .one").first).to_be_visible()
    assert found(page) == []
    page.locator("[data-book=sales][data-form=csv]").click()
    expect(page.locator("#book-file")).to_be_visible()
    page.fill("#find-least", "x")
    page.locator("#find-go").click()
    assert found(page) == []
    for kind, button, dialog in (
        ("entry.registered", "#entry-open", "#entering"),
        ("test.result", "#result-open", "#matching"),
        ("trade.completed", "#void-open", "#voiding"),
    ):
        opened(page, f"/records/{seq_of(core, kind)}")
        assert found(page) == []
        page.locator(button).click()
        expect(page.locator(dialog)).to_be_visible()
        page.locator(f"{dialog}-go").click()
        expect(page.locator(f"{dialog}-wrong")).to_be_visible()
        assert found(page) == []
    page.locator("#voiding-reasons button").first.click()
    page.locator("#voiding-go").click()
    expect(page.locator("#record .banner")).to_be_visible()
    assert found(page) == []
    opened(page, "/records")
    expect(page.locator("#found .voided")).to_have_count(1)
    assert found(page) == []
    opened(page, "/records/9999")
    assert found(page) == []


def test_people_sign_in_and_a_supervisors_word(core: Any, page: Page) -> None:
    opened(page, "/people")
    assert found(page) == []
    both = (
        AddOperator(code="1", name="陈主管", role=Role.SUPERVISOR, pin=pins.hashed("777555")),
        AddOperator(code="7", name="王敏", role=Role.OPERATOR, pin=pins.hashed("4829")),
    )
    core.ask(*both, who=CONSOLE)  # at once: the page leads away with the first
    expect(page).to_have_url(re.compile(r"/sign-in\?next=/people$"))  # the page leads there by itself
    expect(page.locator("#sign-in .keypad")).to_be_visible()
    page.get_by_role("button", name="王敏").click()
    page.locator("#go").click()
    expect(page.locator("#wrong")).to_be_visible()
    assert found(page) == []
    page.fill("#pin", "4829")
    page.locator("#go").click()
    expect(page.locator("#people li")).to_have_count(2)
    assert found(page) == []
    page.locator("#people button").first.click()
    expect(page.locator("#pinning .keypad")).to_be_visible()
    assert found(page) == []
    page.locator("#pinning-back").click()
    page.locator("#people button").last.click()
    expect(page.locator("#approval .keypad")).to_be_visible()
    page.locator("#approval-give").click()
    expect(page.locator("#approval-wrong")).to_be_visible()
    assert found(page) == []
    page.goto("/sign-in")
    expect(page.locator("#sign-out")).to_be_visible()
    assert found(page) == []


def test_a_page_whose_box_is_away(core: Any, browser: Browser, serve: Callable[..., WebServer], shade: Any) -> None:
    server = serve()
    page = browser.new_page(base_url=server.url, color_scheme=shade)
    for path in ("/stall", "/status"):
        opened(page, path)
    server.stop()
    expect(page.locator("#link")).to_be_visible()
    assert found(page) == []
    page.context.close()


def test_the_frame_and_the_missing_page(core: Any, page: Page) -> None:
    for path in ("/shell", "/nowhere"):
        page.route("**/health", lambda route: route.abort())
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        assert found(page) == []


@pytest.mark.parametrize("changed", [{'name = "scale-1"': 'name = "scale-1"\nfair = true\nmaker = "某衡器厂"'}])
def test_the_fair_scale_the_shift_and_the_screens_of_others(core: Any, page: Page, changed: dict[str, str]) -> None:
    core.puts("0.455")
    opened(page, "/reweigh")
    page.fill("#reweigh-slip", core.records("trade.completed")[-1]["subject"])
    page.locator("#find-slip button").click()
    page.fill("#reweigh-person", "王敏")
    page.locator("#reweigh-go.ready").click()
    expect(page.locator("#answer")).to_be_visible()
    assert found(page) == []
    opened(page, "/stall")
    page.locator("#today-open").click()
    assert found(page) == []
    page.locator("#todays .main").click()
    page.locator("#shift-open").click()
    assert found(page) == []
    for path in ("/customer", "/hall"):
        opened(page, path)
        assert found(page) == []

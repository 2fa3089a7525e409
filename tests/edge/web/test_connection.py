"""A page whose box is gone says so, in grey, and blames no scale; when the box is back, all comes alive by itself."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.between.board import Board, Showing
from edge.between.commands import RegisterEntry, Reprint, Sell
from edge.between.inbox import PortChanged, PrinterChanged
from edge.between.print_states import PrinterState
from edge.web.server import WebServer

pytestmark = pytest.mark.browser

PHONE, DESK = (360, 740), (1280, 800)
PAGES = ("/stall", "/gate", "/papers", "/status")
SIZES = pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
LOST = re.compile(r"与设备箱的连接已断开（自 \d\d:\d\d），正在重连；屏幕上是旧数据")
DEAD = re.compile(r"设备箱的程序无响应（自 \d\d:\d\d）；屏幕上是旧数据")
SOON = 3500  # two seconds, and time for a busy machine to draw
COLOURED = """() => [...document.querySelectorAll(".strip, main > *")].filter((one) => {
    const style = getComputedStyle(one);
    return style.display !== "none" && !style.filter.includes("grayscale(1)");
}).length"""
WORDS_IN_SIGHT = """() => {
    const words = document.createRange();
    words.selectNodeContents(document.querySelector("#link"));
    return [...words.getClientRects()].every((line) => line.top >= 0 && line.bottom <= innerHeight);
}"""
ABLE = """() => [...document.querySelectorAll("main button:not([data-local], .product):not(:disabled)")]
    .filter((one) => !one.closest("dialog")).map((one) => one.id || one.textContent)"""


class Wire:
    """Stands between browser and station as a network does: it can fall silent, hold back, and be cut."""

    def __init__(self, port: int) -> None:
        self.to = port
        self._flows = threading.Event()
        self._flows.set()
        self._listener: socket.socket | None = None
        self._ends: list[socket.socket] = []
        self.port = 0
        self.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def silence(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        """Refuse whoever comes, and break what stands."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self._flows.set()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def join(self) -> None:
        """Be there again, at the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self.to))
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                self._flows.wait()
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


@pytest.fixture
def wire(web: WebServer) -> Iterator[Wire]:
    wire = Wire(int(web.address.split(":")[1]))
    yield wire
    wire.cut()


@contextmanager
def a_page(browser: Browser, url: str, size: tuple[int, int] = DESK, lang: str = "") -> Iterator[Page]:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=url)
    if lang:
        context.add_cookies([{"name": "lang", "value": lang, "url": url}])
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def alive(page: Page) -> None:
    expect(page.locator("body")).to_have_attribute("data-link", "up", timeout=20_000)
    expect(page.locator("#link")).to_be_hidden()


def gone(page: Page, words: re.Pattern[str] = LOST) -> None:
    """Said, grey, within sight, and nothing can be written."""
    expect(page.locator("#link")).to_have_text(words, timeout=SOON)
    expect(page.locator("#link")).to_be_in_viewport()
    assert page.evaluate(WORDS_IN_SIGHT)
    assert page.evaluate(COLOURED) == 0
    assert page.evaluate(ABLE) == []
    expect(page.get_by_text("全部正常")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@SIZES
@pytest.mark.parametrize("address", PAGES)
def test_when_the_station_ends_every_page_says_so(
    core: Any, browser: Browser, web: WebServer, size: tuple[int, int], address: str
) -> None:
    core.puts("1.250")
    with a_page(browser, web.url, size) as page:
        page.goto(address)
        alive(page)
        web.stop()
        gone(page)


@SIZES
@pytest.mark.parametrize("address", PAGES)
def test_when_the_stream_falls_silent_every_page_says_so_and_comes_alive_again(
    core: Any, browser: Browser, wire: Wire, size: tuple[int, int], address: str
) -> None:
    core.puts("1.250")
    with a_page(browser, wire.url, size) as page:
        page.goto(address)
        alive(page)
        page.evaluate("window.sameAsBefore = true")
        wire.silence()
        gone(page)
        core.turn(PrinterChanged("printer-1", PrinterState.COVER))
        wire.flow()
        alive(page)
        expect(page.locator(".strip")).to_contain_text("纸仓盖打开")
        assert page.evaluate(COLOURED) > 0
        assert page.evaluate("window.sameAsBefore") is True
        assert page.locator("[data-cut]").count() == 0


@SIZES
@pytest.mark.parametrize("address", PAGES)
def test_when_the_core_stands_still_every_page_says_so(
    core: Any, browser: Browser, web: WebServer, size: tuple[int, int], address: str
) -> None:
    core.puts("1.250")
    with a_page(browser, web.url, size) as page:
        page.goto(address)
        alive(page)
        core.seem_dead()
        gone(page, DEAD)
        page.reload()  # the pages still come, as old as before
        gone(page, DEAD)
        core.go_on()
        alive(page)


def test_the_weight_says_that_the_box_is_not_reached_and_blames_no_scale(
    core: Any, browser: Browser, wire: Wire
) -> None:
    core.puts("1.250")
    with a_page(browser, wire.url) as page:
        page.goto("/stall")
        page.locator("#product-01040201").click()
        expect(page.locator("#digits")).to_have_text("1.250")
        wire.cut()
        expect(page.locator("#digits")).to_have_text("- - -", timeout=SOON)
        expect(page.locator("#steady")).to_have_text("连不上设备箱，正在重连")
        expect(page.locator("#sell")).to_have_text("连不上设备箱，正在重连")
        expect(page.locator("#sell")).to_be_disabled()
        assert "秤无信号" not in page.inner_text("main")
        expect(page.locator("#typed-open")).to_be_disabled()
        wire.join()
        expect(page.locator("#digits")).to_have_text("1.250", timeout=20_000)
        expect(page.locator("#sell")).to_have_text("卖出并打印")
        core.seem_dead()
        expect(page.locator("#digits")).to_have_text("- - -", timeout=SOON)
        expect(page.locator("#steady")).to_have_text("设备箱的程序无响应")


def test_what_was_typed_stays_and_so_does_the_place(core: Any, browser: Browser, wire: Wire) -> None:
    with a_page(browser, wire.url, PHONE) as page:
        page.goto("/gate")
        alive(page)
        page.locator("#product-01040201").click()
        page.fill("#net", "12.5")
        page.fill("#origin", "河南中牟")
        page.locator("#supplier").press_sequentially("王建")
        wire.cut()
        gone(page)
        page.locator("#supplier").press_sequentially("国")  # one may type on meanwhile
        page.keyboard.press("Enter")
        expect(page.locator("#register")).to_be_disabled()
        wire.join()
        alive(page)
        expect(page.locator("#supplier")).to_have_value("王建国")
        expect(page.locator("#supplier")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#answer")).to_contain_text("样品号")
        entry = RegisterEntry(product="01040201", net_g=12500, origin="河南中牟", supplier="王建国")
        assert core.asked == [entry]


def test_a_button_that_had_the_focus_has_it_again(core: Any, browser: Browser, wire: Wire) -> None:
    core.puts("1.250")
    with a_page(browser, wire.url) as page:
        page.goto("/stall")
        page.locator("#product-01040201").click()
        page.locator("#sell").focus()
        wire.cut()
        gone(page)
        wire.join()
        alive(page)
        expect(page.locator("#sell")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#answer")).to_contain_text("已记录")


def test_a_dialog_that_is_open_can_be_left_but_not_sent(core: Any, browser: Browser, wire: Wire) -> None:
    with a_page(browser, wire.url, PHONE) as page:
        page.goto("/stall")
        alive(page)
        page.locator("#product-01040201").click()
        page.locator("#reprice").click()
        page.fill("#pricing-yuan", "4.20")
        wire.cut()
        expect(page.locator("#link")).to_have_text(LOST, timeout=SOON)
        assert page.evaluate("document.elementFromPoint(innerWidth / 2, 8).closest('#link, dialog') !== null")
        expect(page.locator("#pricing-save")).to_be_disabled()
        expect(page.locator("#pricing button[value=cancel]")).to_be_enabled()
        wire.join()
        alive(page)
        expect(page.locator("#pricing-yuan")).to_have_value("4.20")
        page.locator("#pricing-save").click()
        expect(page.locator("#product-01040201")).to_contain_text("4.20")


def test_a_link_does_not_lead_to_a_page_that_cannot_come(core: Any, browser: Browser, wire: Wire) -> None:
    core.settles()
    with a_page(browser, wire.url) as page:
        page.goto("/stall")
        alive(page)
        wire.cut()
        gone(page)
        page.get_by_role("link", name="状态").click()
        page.locator(".language").click()
        assert page.url.endswith("/stall")
        wire.join()
        alive(page)
        page.get_by_role("link", name="状态").click()
        expect(page.locator(".overall")).to_contain_text("全部正常")


@pytest.mark.parametrize("address", PAGES)
def test_a_page_that_came_while_the_station_went_says_so_and_comes_alive(
    core: Any, browser: Browser, wire: Wire, address: str
) -> None:
    """Its scripts are there, its stream never came."""
    with a_page(browser, wire.url) as page:
        page.route("**/api/live*", lambda route: route.abort())
        page.goto(address)
        gone(page)
        core.turn(PrinterChanged("printer-1", PrinterState.COVER))
        page.unroute("**/api/live*")
        alive(page)
        expect(page.locator(".strip")).to_contain_text("纸仓盖打开")


def test_a_page_whose_scripts_did_not_come_says_so(
    core: Any, browser: Browser, web: WebServer, until: Callable[..., None]
) -> None:
    with a_page(browser, web.url, PHONE) as page:
        page.route("**/*.js", lambda route: route.abort())
        page.goto("/status")
        expect(page.locator("#link")).to_contain_text("还没有连上设备箱", timeout=SOON)
        until(lambda: page.evaluate(COLOURED) == 0)
        page.unroute("**/*.js")
        page.get_by_role("link", name="重新载入").click()
        alive(page)


def test_a_page_is_not_made_of_an_empty_board(
    again: Callable[..., Any], browser: Browser, serve: Callable[..., WebServer]
) -> None:
    """While the station starts its pages wait for its devices and goods."""
    showing = Showing(Board(jobs=("stall", "gate")))
    core = again()
    beginning = SimpleNamespace(showing=showing, inbox=core.inbox, config=core.config)
    timer = threading.Timer(0.7, lambda: setattr(showing, "board", core.board))
    timer.start()
    with a_page(browser, serve(beginning).url) as page:
        page.goto("/gate")
        alive(page)
        assert page.locator(".product").count() == 6
    timer.join()


def test_another_process_with_the_same_count_of_changes_is_not_taken_for_the_same(
    core: Any, browser: Browser, serve: Callable[..., WebServer]
) -> None:
    other = SimpleNamespace(
        showing=Showing(replace(core.board, trouble="另一个进程")), inbox=core.inbox, config=core.config
    )
    old, new = serve(token="old"), serve(other, token="new")
    wire = Wire(int(old.address.split(":")[1]))
    with a_page(browser, wire.url) as page:
        page.route("**/api/live*", lambda route: route.abort())
        page.goto("/status")
        wire.cut()
        wire.to = int(new.address.split(":")[1])
        wire.join()
        page.unroute("**/api/live*")
        expect(page.locator(".strip")).to_contain_text("另一个进程", timeout=20_000)
    wire.cut()


def test_in_english(core: Any, browser: Browser, web: WebServer) -> None:
    core.puts("1.250")
    with a_page(browser, web.url, PHONE, "en") as page:
        page.goto("/stall")
        expect(page.locator("#digits")).to_have_text("1.250")
        web.stop()
        words = re.compile(r"Connection to the box lost since \d\d:\d\d, reconnecting. What stands here is old")
        expect(page.locator("#link")).to_have_text(words, timeout=SOON)
        expect(page.locator("#steady")).to_have_text("Box not reached, reconnecting")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# What lies where: buttons, links, fields, tiles.
PLACES = """() => Object.fromEntries([...document.querySelectorAll(
        ":is(header, main) :is(button, a, input, select, label, summary, h2)")]
    .filter((one) => one.checkVisibility())
    .map((one, at) => {
        const { x, y, width, height } = one.getBoundingClientRect();
        return [`${at} ${one.id || one.tagName}`, [x, y, width, height].map(Math.round)];
    }))"""
COVERED = """() => [...document.querySelectorAll(":is(header, main) :is(button, a, input, select, summary)")]
    .filter((one) => {
        if (!one.checkVisibility()) return false;
        const { x, y, width, height } = one.getBoundingClientRect();
        return [[x + 2, y + 2], [x + width / 2, y + height / 2], [x + width - 2, y + height - 2]]
            .some(([left, top]) => document.elementFromPoint(left, top)?.closest("#link"));
    }).map((one) => one.id || one.textContent.trim())"""
CUT = """(one) => one.scrollHeight > one.clientHeight || one.scrollWidth > one.clientWidth"""


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("size", [(360, 640), (800, 480), DESK], ids=str)
def test_the_banner_moves_and_covers_nothing(
    core: Any, browser: Browser, web: WebServer, until: Callable[..., None], size: tuple[int, int], lang: str
) -> None:
    core.puts("1.250")
    with a_page(browser, web.url, size, lang) as page:
        for address in (*PAGES, "/records"):
            page.goto(address)
            alive(page)
            until(lambda: page.evaluate("[...document.images].every((one) => one.complete)"))
            before = page.evaluate(PLACES)
            core.seem_dead()
            expect(page.locator("#link")).to_be_visible(timeout=SOON)
            assert page.evaluate(PLACES) == before
            assert page.evaluate(COVERED) == []
            assert not page.locator("#link").evaluate(CUT)
            core.go_on()
            alive(page)
            assert page.evaluate(PLACES) == before


@pytest.mark.parametrize("size", [(360, 640), (800, 480)], ids=str)
def test_on_a_scrolled_page_the_banner_leaves_one_line_and_the_weight_stands_below_it(
    core: Any, browser: Browser, web: WebServer, size: tuple[int, int]
) -> None:
    core.turn(*(PortChanged(name, False, "gone") for name in ("analyzer-1", "cold-room", "scale-1")))
    with a_page(browser, web.url, size) as page:
        page.goto("/stall")
        alive(page)
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        core.seem_dead()
        expect(page.locator("#link")).to_be_visible(timeout=SOON)
        low = page.locator("#link").evaluate("(one) => one.getBoundingClientRect().bottom")
        assert 0 < low <= 48
        for sticky in (".weigh", ".choose"):
            if page.locator(sticky).evaluate("(one) => getComputedStyle(one).position") == "sticky":
                assert page.locator(sticky).evaluate("(one) => one.getBoundingClientRect().top") >= low - 1


# --- requests whose answer did not come -------------------------------------------------------------------------------


def test_what_cannot_be_read_is_said_in_the_pages_language(core: Any, browser: Browser, web: WebServer) -> None:
    for lang, words in (("zh", "连不上设备箱，无法读取"), ("en", "The box is not reached: it cannot be read")):
        with a_page(browser, web.url, lang=lang) as page:
            page.goto("/stall")
            alive(page)
            page.route("**/api/prints/*", lambda route: route.abort())
            page.locator("#view-1").click()
            expect(page.locator("#toast")).to_have_text(words)


def test_a_sale_that_was_recorded_while_the_line_was_cut_is_found_out(
    core: Any, browser: Browser, wire: Wire, until: Callable[..., None]
) -> None:
    core.puts("1.250")
    with a_page(browser, wire.url) as page:
        page.goto("/stall")
        page.locator("#product-01040201").click()
        expect(page.locator("#sell")).to_have_text("卖出并打印")
        core.stand_still()
        page.locator("#sell").click()
        until(lambda: core.asked)
        wire.cut()
        expect(page.locator("#answer")).to_contain_text("可能已记录，也可能没有")
        gone(page)
        core.go_on()
        wire.join()
        expect(page.locator("#answer")).to_contain_text("已记录 · 1.250 kg", timeout=20_000)
        assert [type(one) for one in core.asked] == [Sell]


def test_an_entry_that_never_came_is_found_out_and_kept_in_the_form(
    core: Any, browser: Browser, wire: Wire, until: Callable[..., None]
) -> None:
    with a_page(browser, wire.url) as page:
        page.goto("/gate")
        alive(page)
        page.locator("#product-01040201").click()
        for field, text in (("net", "12.5"), ("origin", "河南中牟"), ("supplier", "王建国")):
            page.fill(f"#{field}", text)
        page.route("**/api/entries", lambda route: route.abort())
        page.locator("#register").click()
        expect(page.locator("#wrong")).to_have_text("已查明：没有记录，请再按一次")
        expect(page.locator("#net")).to_have_value("12.5")
        page.unroute("**/api/entries")
        page.locator("#register").click()
        expect(page.locator("#answer")).to_contain_text("样品号")
        assert len(core.asked) == 1


def test_an_entry_that_was_recorded_is_found_out_with_its_sample_number(
    core: Any, browser: Browser, serve: Callable[..., WebServer]
) -> None:
    with a_page(browser, serve(timeout=0.2).url) as page:
        page.goto("/gate")
        page.locator("#product-01040201").click()
        for field, text in (("net", "12.5"), ("origin", "河南中牟"), ("supplier", "王建国")):
            page.fill(f"#{field}", text)
        core.stand_still()
        page.locator("#register").click()
        expect(page.locator("#wrong")).to_contain_text("可能已记录，也可能没有")
        core.go_on()
        expect(page.locator("#answer .huge")).to_have_text(re.compile(r"样品号\s*8"))
        expect(page.locator("#wrong")).to_have_text("")
        expect(page.locator("#net")).to_have_value("")
        assert len(core.asked) == 1


def slowly(route: Any) -> None:
    """A question that is long on its way, as on a bad network or a busy box."""
    time.sleep(1.5)
    route.continue_()


@pytest.mark.parametrize("recorded", [True, False])
def test_a_restarted_station_knows_what_became_of_a_sale(
    again: Callable[..., Any],
    browser: Browser,
    serve: Callable[..., WebServer],
    until: Callable[..., None],
    recorded: bool,
) -> None:
    core = again()
    wire = Wire(int(serve(core, token="old").address.split(":")[1]))
    core.puts("1.250")
    with a_page(browser, wire.url) as page:
        page.goto("/stall")
        page.locator("#product-01040201").click()
        expect(page.locator("#sell")).to_have_text("卖出并打印")
        core.stand_still()
        page.locator("#sell").click()
        until(lambda: core.asked)
        wire.cut()
        if recorded:
            core.stop()
        else:
            core.cut()
        later = again()
        wire.to = int(serve(later, token="new").address.split(":")[1])
        wire.join()
        words = "已记录 · 1.250 kg" if recorded else "已查明：没有记录，请再按一次"
        expect(page.locator("#answer")).to_contain_text(words, timeout=20_000)
        assert [*core.asked[1:], *later.asked] == []
        assert len(later.records("trade.completed")) == 1 + recorded
    wire.cut()


@pytest.mark.parametrize("token", ["old", "new"])
@pytest.mark.parametrize("way", ["straight", "slow"])
def test_a_restarted_station_says_that_it_cannot_know(
    again: Callable[..., Any],
    browser: Browser,
    serve: Callable[..., WebServer],
    until: Callable[..., None],
    way: str,
    token: str,
) -> None:
    """A copy makes no record: nobody can say whether the old process took it, however late the question comes."""
    core = again()
    wire = Wire(int(serve(core, token="old").address.split(":")[1]))
    with a_page(browser, wire.url) as page:
        page.goto("/papers")
        alive(page)
        if way == "slow":
            page.route("**/outcome", slowly)
        core.stand_still()
        page.locator("[data-reprint]").first.click()
        page.locator("#again-go").click()
        until(lambda: core.asked)
        wire.cut()
        core.cut()
        later = again()
        wire.to = int(serve(later, token=token).address.split(":")[1])
        wire.join()
        said = page.get_by_text("设备箱重启过，查不明是否已记录")
        expect(said.first).to_be_visible(timeout=20_000)
        assert [*core.asked[1:], *later.asked] == []
    wire.cut()


def test_a_reprint_without_an_answer_is_found_out_too(
    core: Any, browser: Browser, serve: Callable[..., WebServer]
) -> None:
    with a_page(browser, serve(timeout=0.2).url) as page:
        page.goto("/papers")
        alive(page)
        core.stand_still()
        page.locator("#reprint-1").click()
        page.locator("#again-go").click()
        expect(page.locator("#toast")).to_contain_text("可能已记录，也可能没有")
        core.go_on()
        expect(page.locator("#toast")).to_have_text("已查明：已完成")
        assert core.asked == [Reprint(job=1)]

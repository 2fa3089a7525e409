"""While the station is down its pages stand there and try, in a browser that has been there before."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from edge.web.server import WebServer

READY = "navigator.serviceWorker.ready.then((one) => one.active.state)"
KEPT = "caches.keys()"


class Box:
    """A station's web server that goes and comes at one address."""

    def __init__(self, serve: Callable[..., WebServer], core: Any) -> None:
        self._serve, self.core = serve, core
        self.server = serve(core)
        self.address = self.server.address

    def goes(self) -> None:
        self.server.stop()

    def comes(self) -> None:
        self.server = self._serve(self.core, listen=self.address)


@pytest.fixture
def box(serve: Callable[..., WebServer], core: Any) -> Box:
    return Box(serve, core)


@pytest.fixture
def page(browser: Browser, box: Box) -> Iterator[Page]:
    """A browser whose service worker is at work, on the stall's page."""
    context = browser.new_context(viewport={"width": 360, "height": 640}, base_url=f"http://{box.address}")
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto("/stall")
    page.evaluate(READY)
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    yield page
    context.close()


@pytest.mark.browser
def test_the_page_stands_there_while_the_station_is_down_and_fills_when_it_is_up(box: Box, page: Page) -> None:
    box.core.puts("1.250")
    expect(page.locator("#digits")).to_have_text("1.250")
    box.goes()
    page.goto("/stall")
    expect(page.locator("h1")).to_have_text("设备箱没有运行")
    expect(page.locator("nav a[aria-current]")).to_have_text("卖货")
    assert "1.250" not in page.content()
    assert "大白菜" not in page.content()
    assert page.evaluate("getComputedStyle(document.querySelector('.alone')).display") == "grid"  # with its styles
    page.goto("/gate")
    expect(page.locator("h1")).to_have_text("设备箱没有运行")
    page.goto("/stall")
    box.comes()
    expect(page.locator("#digits")).to_have_text("1.250")
    expect(page.locator("#product-01040201")).to_be_visible()


@pytest.mark.browser
def test_it_speaks_the_language_that_was_chosen_last(box: Box, page: Page) -> None:
    page.locator(".language").click()
    expect(page.locator("#product-01040201")).to_contain_text("Chinese cabbage")
    page.wait_for_function(
        "caches.match('/shell').then((one) => one.text()).then((text) => text.includes('not running'))"
    )
    box.goes()
    page.goto("/status")
    expect(page.locator("h1")).to_have_text("The station is not running")


@pytest.mark.browser
def test_nothing_of_the_station_s_state_is_kept(box: Box, page: Page) -> None:
    page.goto("/status")
    page.goto("/papers")
    kept = page.evaluate(
        "caches.keys().then((names) => Promise.all(names.map((name) => caches.open(name).then((one) => one.keys()))))"
        ".then((all) => all.flat().map((one) => new URL(one.url).pathname).sort())"
    )
    assert kept == sorted(
        [
            "/shell",
            *(f"/static/{name}" for name in ("app.webmanifest", "early.js", "icon.svg", "shell.js", "sizes.css")),
        ]
        + [f"/static/{name}" for name in ("style.css", "theme.css", "theme.js")]
    )


@pytest.mark.browser
def test_a_new_version_replaces_the_old_by_itself(
    box: Box, page: Page, monkeypatch: pytest.MonkeyPatch, until: Callable[..., None]
) -> None:
    (before,) = page.evaluate(KEPT)
    monkeypatch.setattr("edge.web.pages.SHELL_FILES", ("theme.css", "style.css", "theme.js", "shell.js"))
    box.goes()
    box.comes()
    page.goto("/stall")
    until(lambda: page.evaluate(KEPT) not in ([before], []) and len(page.evaluate(KEPT)) == 1)
    expect(page.locator("#product-01040201")).to_be_visible()


@pytest.mark.browser
def test_without_a_worker_everything_else_works(core: Any, browser: Browser, web: WebServer) -> None:
    """Over plain HTTP from another machine a browser has none."""
    context = browser.new_context(base_url=web.url)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script("Object.defineProperty(navigator, 'serviceWorker', { value: undefined })")
    core.puts("1.250")
    page.goto("/stall", wait_until="load")
    expect(page.locator("#digits")).to_have_text("1.250")
    assert errors == []
    context.close()


# --- an address that is none ----------------------------------------------------------------------------------------


@pytest.fixture
def http(web: WebServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, timeout=10) as client:
        yield client


@pytest.mark.parametrize(("language", "words"), [("zh", "没有这个页面"), ("en", "There is no such page")])
@pytest.mark.parametrize("path", ["/nowhere", "/static/nothing.js", "/parts/nothing"])
def test_for_a_person_it_is_a_page_with_a_way_back(http: httpx.Client, path: str, language: str, words: str) -> None:
    answer = http.get(path, headers={"Accept": "text/html,*/*;q=0.8", "Cookie": f"lang={language}"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert words in answer.text
    assert 'href="/"' in answer.text


def test_for_a_program_it_is_a_problem(http: httpx.Client) -> None:
    answer = http.get("/nowhere", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert http.post("/nowhere", json={}, headers={"Accept": "text/html"}).json()["code"] == "not_found"


def test_the_worker_may_keep_all_pages(http: httpx.Client) -> None:
    answer = http.get("/static/sw.js")
    assert answer.headers["service-worker-allowed"] == "/"
    assert answer.text.startswith("const VERSION = ")

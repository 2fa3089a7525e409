"""What a first look at each page costs, with everything on it that a busy day puts there, in both languages."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Response, expect

from edge.between.commands import Sell
from edge.between.held_commands import RegisterSample
from edge.web.page_words import scripts_of, words_of
from edge.web.pages import PAGES, SIGN_IN
from edge.web.server import WebServer

pytestmark = pytest.mark.browser
ROWS = '[[product]]\ncode = "01040201"'
GROUPS = '[goods]\ngroups = ["leaf", "cabbage", "root", "fruiting", "gourd", "allium", "fungi", "fruit"]\n'
WHOLE = {  # kB before they are compressed; a tenth more is still no surprise
    "canteen": 250,
    "customer": 25,
    "gate": 306,
    "hall": 23,
    "held": 142,
    "labelscale": 130,
    "papers": 150,
    "people": 123,
    "records": 151,
    "reweigh": 127,
    "samples": 131,
    "stall": 271,
    "status": 137,
}
SENT = 100_000  # bytes on the wire, compressed
PICTURE = 12_000  # bytes of a paper's; how many are in sight before the page's link is up differs
LATER = ("/api/live", "/api/screens/", "/parts/")  # streams, and what came anew because it changed meanwhile


@pytest.fixture
def changed() -> dict[str, str]:
    return {
        ROWS: GROUPS + ROWS,
        'jobs = ["stall", "gate"]': 'jobs = ["stall", "gate", "canteen"]',
        'max = "30 kg"': 'fair = true\nmax = "30 kg"',
    }


@pytest.fixture
def busy(core: Any, serve: Callable[..., WebServer]) -> WebServer:
    """A hundred and twenty goods, sixty lots, thirty buyers, food that was brought."""
    codes = [one.code for one in core.board.products]
    assert len(codes) >= 120
    for n in range(60):
        core.enters(codes[n], 100_000 + n)
    lot = next(lot for lot in core.board.lots if lot.sample == "5")
    for n in range(30):
        core.puts("0.500")
        core.does(Sell(scale="scale-1", product="01040201", lot=lot.test_code, buyer_name=f"第{n}饭店"))
    for n in range(10):
        core.does(RegisterSample(goods=f"门口买的草莓 {n}"))
    return serve(core)


def small(body: bytes) -> int:
    return len(gzip.compress(body, 6)) if len(body) >= 1000 else len(body)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_page_is_heavy(browser: Browser, busy: WebServer, language: str) -> None:
    assert set(WHOLE) == set(PAGES)
    found = {}
    for name in PAGES:
        context = browser.new_context(base_url=busy.url)
        context.add_cookies([{"name": "lang", "value": language, "url": busy.url}])
        page = context.new_page()
        answers: list[Response] = []
        page.on("response", lambda one, answers=answers: answers.append(one))  # type: ignore[misc]
        page.goto(f"/{name}", wait_until="load")
        expect(page.locator("body")).to_have_attribute("data-link", "up")
        bodies = {one.url: one.body() for one in answers if not any(later in one.url for later in LATER)}
        pictures = {url for url in bodies if "/api/prints/" in url}
        assert all(len(bodies[url]) < PICTURE for url in pictures)
        itself = [body for url, body in bodies.items() if url not in pictures]
        found[name] = sum(map(len, itself)) // 1000, sum(map(small, itself))
        context.close()
    assert {name: kb for name, (kb, _) in found.items() if kb > WHOLE[name] * 1.1} == {}, found
    assert {name: sent for name, (_, sent) in found.items() if sent > SENT} == {}, found


@pytest.mark.parametrize("page", [*PAGES, SIGN_IN])
def test_a_page_is_sent_the_texts_of_its_own_scripts_alone(page: str) -> None:
    assert {"words", "connection"} <= scripts_of(page) or page in ("shell", "missing")
    said = words_of(page, "zh")
    assert words_of(page, "en").keys() == said.keys()
    assert ("cn_press" in said, "weight.motion" in said) == (
        page == "canteen",
        page in ("canteen", "stall", "reweigh", "gate", "customer"),
    )
    assert sum(len(key) + len(text) for key, text in said.items()) < 10_000

"""Every page says everything in its language: no Chinese on an English page but names nobody translated, nor the
other way round."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.between.inbox import PortChanged, PrinterChanged
from edge.between.print_states import PrinterState
from edge.between.words import section
from edge.web.causes import CAUSES, cause
from edge.web.server import WebServer

HAN = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+")
NAMES = re.compile(  # of the station, of people, places and instruments' own words
    "东区 12 号|李秀兰蔬菜|河南中牟|山东寿光|王建国|寿光合作社|农药残留快速检测仪|农药残留|未识别小票|承诺达标合格证"
    "|样品 +黄瓜|抑制率|结论 +阳性|格合|中文"
)
ENGLISH = re.compile(r"[A-Za-z]{3,}(?: [A-Za-z]{2,})+")
TERMS = re.compile(r"img src\S* onerror\S*|document title|station toml|marketedge \w+|Chinese cabbage")
TEXTS = """() => {
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const one = walk.currentNode.parentElement;
        if (one.closest("script, style, noscript, pre, [lang]:not(html)") || !walk.currentNode.data.trim()) continue;
        found.push(walk.currentNode.data.trim());
    }
    for (const one of document.querySelectorAll("[aria-label], [alt], [placeholder], option, optgroup")) {
        for (const name of ["aria-label", "alt", "placeholder", "label"]) found.push(one.getAttribute(name) ?? "");
    }
    return [document.title, ...found];
}"""


def texts(page: Page) -> list[str]:
    """Everything a person or a screen reader gets, hidden parts too."""
    return list(page.evaluate(TEXTS))


def foreign(language: str, found: list[str]) -> list[str]:
    if language == "en":
        return [text for text in found if HAN.search(NAMES.sub("", text))]
    return [text for text in found if ENGLISH.search(TERMS.sub("", text))]


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_speaks_its_language(core: Any, browser: Browser, web: WebServer, language: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=web.url)
    context.add_cookies([{"name": "lang", "value": language, "url": web.url}])
    page = context.new_page()
    core.enters("01040801")
    core.puts("1.250")
    page.goto("/stall")
    expect(page.locator("body")).to_have_attribute("data-link", "up")
    page.locator("#product-01040201").click()
    expect(page.locator("#sell")).to_have_class("sell ready")
    page.locator("#reprice").click()
    page.locator("#pricing-cancel").click()
    page.locator("#tare-open").click()
    page.locator("#taring-cancel").click()
    page.locator("#sell").click()
    expect(page.locator("#answer")).to_be_visible()
    assert foreign(language, texts(page)) == []
    page.goto("/gate")
    expect(page.locator("body")).to_have_attribute("data-link", "up")
    page.locator("[data-match]").first.click()
    assert foreign(language, texts(page)) == []
    core.turn(
        PortChanged("scale-1", False, "gone while reading: device reports readiness to read but returned no data"),
        PortChanged("analyzer-1", False, "[Errno 2] No such file or directory: '/dev/ttyUSB0'"),
        PortChanged("cold-room", False, "connection refused"),
        PrinterChanged("printer-1", PrinterState.GONE, "printer disconnected: [Errno 19] No such device"),
    )
    page.route("**/health", lambda route: route.abort())
    for path in ("/status", "/papers", "/shell", "/nowhere"):
        page.goto(path)
        expect(page.locator("main")).to_be_visible()
        assert foreign(language, texts(page)) == [], path
    context.close()


@pytest.mark.parametrize(
    ("why", "word"),
    [
        ("/dev/x: cannot open: no permission; add the service's user to the group dialout", "rights"),
        ("/dev/x: cannot open: another program uses it", "taken"),
        ("another device: nothing is read from it", "other_device"),
        ("[Errno 28] No space left on device", "full"),
        ("only unreadable bytes: 12; check protocol and link settings", "noise"),
        ("no frame for 10 s; check cable and that output mode is continuous", "no_data"),
        ("tcp://10.0.0.9: cannot open: [Errno 111] Connection refused", "refused"),
        ("timed out", "late"),
        ("[Errno 113] No route to host", "no_way"),
        ("/dev/x: this adapter cannot be set to 9600/8n1: [Errno 22]", "setting"),
        ("usb:0416:5011: no such USB printer; is it on and plugged in?", "nothing_there"),
        ("/dev/x: disconnected while reading: it was unplugged, or its other end has gone", "cut"),
        ("something nobody has seen", "other"),
    ],
)
def test_a_reason_is_said_in_words(why: str, word: str) -> None:
    for language in ("zh", "en"):
        assert cause(why, language) == section("cause")[word].said(language)
    assert cause("", "zh") == ""


def test_every_cause_is_a_word_of_the_catalogue() -> None:
    assert {word for _, word in CAUSES} | {"other"} == set(section("cause"))

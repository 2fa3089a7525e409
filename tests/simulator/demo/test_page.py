"""The demo's page in a real browser, before a real market: the story is led, and the levers move what they say."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from simulator.demo.command import new_market, origins
from simulator.demo.desk import Desk
from simulator.demo.hands import Hands
from simulator.demo.story import Story
from simulator.demo.words import ACTS, LINES, PAGE, chosen
from simulator.market import Market
from simulator.obstacles import free_port
from simulator.stage import wait_for


@dataclass
class Show:
    market: Market
    story: Story
    url: str


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    """A market whose story has one act, so that what comes behind it need not be waited for."""
    port, folder = free_port(), tmp_path_factory.mktemp("demo")
    with new_market(folder, (0, 0, port), embedded=True, host="127.0.0.1") as market:
        story = Story(market, Hands(market), acts=("goods",), lan=True)
        with Desk(market, port, story=story, frames=origins("127.0.0.1", port)), story:
            yield Show(market, story, f"http://127.0.0.1:{port}")


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    pages: list[Page] = []

    def go(show: Show, lang: str) -> Page:
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
        pages.append(page)
        page.goto(f"{show.url}/{f'?lang={lang}' if lang else ''}")
        return page

    yield go
    for page in pages:
        page.close()


def up(show: Show) -> Any:
    return show.market.station.board()["city"]["up"]


def test_the_page_plays_is_led_and_its_levers_move_the_market(show: Show, opened: Callable[..., Page]) -> None:
    assert show.story.now("en")["state"] == "waiting"  # until somebody looks
    page = opened(show, "zh")
    expect(page.locator("[data-act=goods]")).to_have_attribute("aria-current", "step", timeout=20_000)
    page.get_by_role("button", name="暂停").click()
    expect(page.locator("#pause")).to_have_text("继续")
    told = show.story.now("zh")
    assert told["state"] == "paused"
    expect(page.locator("#because")).to_have_text(ACTS["goods"][1][0])
    page.locator("#pause").click()
    while show.story.now("en")["state"] != "over":
        page.locator("#skip").click(force=True, no_wait_after=True)
        page.wait_for_timeout(100)
    expect(page.locator("#line")).to_have_text(PAGE["over"][0])
    assert not show.story.played[-1].wrong

    # The panes are the real pages.
    expect(page.frame_locator("#stall").locator("#digits")).to_have_text(re.compile(r"^\d"), timeout=20_000)
    expect(page.frame_locator("#city").get_by_text("410108001-01").first).to_be_visible()
    expect(page.frame_locator("#phone").get_by_text("小票是真的")).to_be_visible(timeout=20_000)
    expect(page.locator("#papers img")).to_have_count(len(show.market.papers))

    # A phone opens the newest slip by the code that is shown.
    image = page.request.get(f"{show.url}/phone.svg")
    assert image.headers["content-type"] == "image/svg+xml"
    page.locator("#scan-code").screenshot(path=(picture := show.market.folder / "code.png"))
    (code,) = zxingcpp.read_barcodes(Image.open(picture))
    with urlopen(code.text, timeout=10) as slip:
        assert slip.status == 200
    assert code.text.endswith(show.market.slips()[-1].split("/j/")[1])

    # Levers.
    page.locator("#loads [data-kg='2.350']").click()
    expect(page.frame_locator("#stall").locator("#digits")).to_have_text("2.350")
    lever = {name: page.locator(f"[data-lever={name}]") for name in show.story.hands.switches}
    for name, moved in (
        ("network", lambda: not up(show)),
        ("scale", lambda: not show.market.station.board()["scales"][0]["up"]),
        ("power", lambda: not show.market.station.running),
    ):
        lever[name].click()
        expect(lever[name]).to_have_attribute("aria-checked", "false")
        wait_for(name, moved)
    lever["clock"].click()
    expect(lever["clock"]).to_contain_text("1970")
    lever["power"].click()
    expect(lever["power"]).to_have_attribute("aria-checked", "true", timeout=30_000)
    wait_for("doubt", lambda: show.market.station.board()["clock_state"] == "unsynced")
    for name in ("network", "scale", "clock"):
        lever[name].click()
        expect(lever[name]).to_have_attribute("aria-checked", "true")
    wait_for("the city", lambda: up(show))
    wait_for("the scale", lambda: show.market.station.board()["scales"][0]["up"])
    lever["paper"].click()
    expect(lever["paper"]).to_contain_text("20")


def test_nothing_hangs_out_and_the_other_language_is_there(show: Show, opened: Callable[..., Page]) -> None:
    page = opened(show, "")  # an English browser
    for width in (360, 800, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        heights = page.locator("button, summary").evaluate_all(
            "all => all.filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().height)"
        )
        assert len(heights) > 20 and min(heights) >= 40
    expect(page.get_by_role("heading", name="Pan and levers")).to_be_visible()
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("heading", name=PAGE["pan"][0])).to_be_visible()


def test_another_sites_page_gets_no_frame_of_the_box(show: Show, opened: Callable[..., Page]) -> None:
    page = opened(show, "zh")
    with Desk(show.market) as stranger:  # the same page at an address that the box was not told
        elsewhere = f"http://127.0.0.1:{stranger.port}"
        page.goto(f"{elsewhere}/?lang=en")
        expect(page.get_by_text(PAGE["no_frames"][1]).first).to_be_visible()
        for url, seen in ((show.url, 1), (elsewhere, 0)):
            page.goto(url)
            page.set_content(f"<iframe id=taken src='{show.market.station.url}/stall'></iframe>")
            assert page.frame_locator("#taken").locator("#digits").count() == seen


def test_every_line_is_there_in_both_languages_with_the_same_facts() -> None:
    for zh, en in LINES.values():
        assert sorted(re.findall(r"\{\w+\}", zh)) == sorted(re.findall(r"\{\w+\}", en))
        assert zh != en


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [("", "zh-CN,zh;q=0.9", "zh"), ("", "en-GB", "en"), ("", "", "zh"), ("en", "zh-CN", "en"), ("xx", "de", "en")],
)
def test_the_language_is_as_asked_for_or_the_browsers(query: str, accepted: str, language: str) -> None:
    assert chosen(query, accepted) == language


def test_every_act_has_its_words() -> None:
    assert set(ACTS) == {key.split(".")[0] for key in LINES}

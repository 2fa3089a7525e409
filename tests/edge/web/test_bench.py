"""The test room's page: forty samples on a reader of sixteen channels by the keyboard alone, and a positive that is
seen on every page until a person has seen it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.between.bench_commands import OpenReagent
from edge.between.held_commands import RegisterSample
from edge.web.server import WebServer

pytestmark = pytest.mark.browser
READER = "analyzer-1"
OF_SAMPLES = 'model = "dayuan-lz4000t"\nport = "/dev/null"'
OF_CHANNELS = (
    'model = "dayuan-tl310"\nport = "/dev/null"\nmatch = "channel"\nchannels = 16\ncontrols = { "1" = "blank" }'
)
GOODS = ("01040201", "01040301", "01040401", "01040501")


@pytest.fixture
def changed() -> dict[str, str]:
    return {
        OF_SAMPLES: OF_CHANNELS,
        'unchecked = "accept"': 'unchecked = "accept"\ncontrol = "required"\nreports = "positives"',
        'papers = ["slip", ': 'papers = ["qc", "slip", ',
    }


def height(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollHeight"))


def overflows(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def reads(core: Any, values: dict[int, str]) -> None:
    """The reader says these values, by channel."""
    for channel, value in values.items():
        core.hands_over(core.result(None, value, channel=str(channel)), device=READER)


def test_forty_samples_by_the_keyboard(
    core: Any, desk: Page, browser: Browser, web: WebServer, until: Callable[..., None]
) -> None:
    core.does(OpenReagent(reagent="NC1", item="农药残留", expires="2027-05-31", person="王敏"))
    lots = [core.enters(GOODS[n % 4], 100_000 + n) for n in range(40)]
    desk.goto("/gate")
    expect(desk.locator("body")).to_have_attribute("data-link", "up")
    expect(desk.locator("#goods .goods")).to_have_count(40)  # a page of them
    expect(desk.locator("#tally-pending")).to_have_text("41")
    expect(desk.locator("#tally")).to_contain_text("共 45 批")
    assert not overflows(desk)
    assert height(desk) < 3300
    lines = desk.locator("#goods .line").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().height)")
    assert max(lines) <= 49

    # three racks: F2 fills, the results come, F2 fills the next one
    desk.keyboard.press("F2")
    desk.keyboard.type("王敏")
    desk.keyboard.press("Enter")
    places = desk.locator(".place.waits")
    expect(places).to_have_count(16)
    expect(desk.locator("#toast")).to_contain_text("装入 15 个，还空 0 位，另有 26 个待检")
    expect(desk.locator(f"#place-{READER}-1")).to_contain_text("空白")
    desk.keyboard.press("F4")  # the results are not there
    expect(desk.locator("#leaving-what")).to_contain_text("本盘还有 15 个样品没有结果")
    desk.keyboard.press("Escape")
    reads(core, dict.fromkeys(range(2, 17), "12.0"))
    expect(desk.locator(".place.qualified")).to_have_count(15)
    expect(desk.locator("#tally-pending")).to_have_text("41")  # control first: nothing is released yet
    desk.locator('[data-state="needs"]').click()
    expect(desk.locator("#goods .c-state", has_text="待质控")).to_have_count(15)
    desk.locator('[data-state="all"]').click()
    reads(core, {1: "4.0"})
    expect(desk.locator(".all-there")).to_have_text("✓ 本盘已全部出结果")
    expect(desk.locator("#tally-pending")).to_have_text("26")
    desk.keyboard.press("F2")
    expect(desk.locator(".place.waits")).to_have_count(16)
    reads(core, {1: "4.0", 2: "80.1"} | dict.fromkeys(range(3, 17), "12.0"))
    expect(desk.locator(".place.suspect")).to_have_count(1)
    expect(desk.locator(".strip .alarm")).to_have_text("阳性 1 · 待复测 1")
    desk.keyboard.press("F2")
    expect(desk.locator("#toast")).to_contain_text("装入 13 个，还空 2 位，另有 0 个待检")  # two repeats, and eleven
    reads(core, {1: "4.0", 2: "81.0", 3: "82.0"} | dict.fromkeys(range(4, 15), "12.0"))
    expect(desk.locator("#tally-pending")).to_have_text("0")

    # the positive is on top, in red on every page, and in the title, until somebody has seen it
    positive = desk.locator("#alerts .alert", has_text="快检阳性")
    expect(positive).to_have_count(2)  # and the one of the morning
    expect(desk).to_have_title("⚠ 阳性 2 · 进场检测 · A-12")
    expect(desk.locator("#sound")).to_be_visible()
    assert desk.locator("#alerts").bounding_box()["y"] < 200  # type: ignore[index]
    expect(desk.locator("#goods .goods").first).to_have_class("goods held pinned")
    with_page(browser, web, "/stall", "阳性 2")
    with_page(browser, web, "/status", "阳性 2")
    desk.keyboard.press("F8")
    expect(positive).to_have_count(1)
    desk.keyboard.press("F8")
    expect(desk.locator("#alerts")).to_be_empty()
    expect(desk).to_have_title("进场检测 · A-12")
    expect(desk.locator("#sound")).to_be_hidden()
    expect(desk.locator(".strip .alarm")).to_have_count(0)
    expect(desk.locator('.strip a[href="/held"]')).to_have_text("暂停 2 批")
    assert {one["data"]["person"] for one in core.records("alert.seen")} == {"王敏"}

    # the control is printed where it stands, once more as a copy
    desk.locator("#bench summary").first.press("Enter")
    printed = desk.locator("[data-print=qc]")
    for copy in (0, 1):
        printed.click()
        expect(desk.locator("#toast")).to_contain_text("打印")
        until(
            lambda copy=copy: (
                [(one.paper, one.copy) for one in core.printers["printer-1"].papers][-1:] == [("qc", copy)]
            )
        )
        expect(printed).to_be_enabled()

    # what is looked for is found, and remembered
    desk.locator('[data-state="held"]').click()
    expect(desk.locator("#goods .goods")).to_have_count(2)
    desk.locator('[data-state="all"]').click()
    desk.locator("#lots-q").fill("西红柿")
    expect(desk.locator("#tally")).to_have_text("共 11 批")
    desk.reload()
    expect(desk.locator("#lots-q")).to_have_value("西红柿")
    expect(desk.locator("#tally")).to_have_text("共 11 批")
    desk.locator("#lots-q").fill("")
    expect(desk.locator("#tally")).to_contain_text("第 1/2 页")
    desk.locator('[data-page="2"]').click()
    expect(desk.locator("#goods .goods")).to_have_count(5)
    row = desk.locator("#goods .goods").last
    row.locator("summary").press("Enter")
    expect(row.locator("[data-hold]")).to_be_visible()
    core.enters(GOODS[0])  # what comes meanwhile closes no row
    expect(desk.locator("#tally-pending")).to_have_text("1")
    expect(row.locator("[data-hold]")).to_be_visible()
    tested = [one["data"] for one in core.records("test.result")[-20:]]
    assert {(one["tester"], one["reagent"], one["qc"]) for one in tested} == {("王敏", "NC1", "valid")}
    assert len(lots) == 40


def with_page(browser: Browser, web: WebServer, path: str, red: str) -> None:
    """Another page says so, too."""
    context = browser.new_context(viewport={"width": 800, "height": 480}, base_url=web.url)
    page = context.new_page()
    page.goto(path)
    expect(page.locator(".strip .alarm")).to_have_text(red)
    expect(page).to_have_title(f"⚠ {red} · {page.locator('nav [aria-current]').inner_text()} · A-12")
    assert page.locator(".overall.good").count() == 0
    context.close()


def test_the_bench_on_a_phone(core: Any, browser: Browser, web: WebServer, until: Callable[..., None]) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, base_url=web.url)
    page = context.new_page()
    for n in range(12):
        core.enters(GOODS[n % 4])
    page.goto("/gate")
    expect(page.locator("body")).to_have_attribute("data-link", "up")
    assert not overflows(page)
    page.locator(f"#fill-{READER}").click()
    page.locator("#asking-person").fill("李四")
    page.locator("#asking-go").click()
    expect(page.locator(".place.waits")).to_have_count(14)
    assert not overflows(page)
    # one place by hand: a control instead of a sample
    page.locator(f"#place-{READER}-16").click()
    page.select_option("#placing-lot", "control-spiked")
    page.locator("#placing-go").click()
    expect(page.locator(f"#place-{READER}-16")).to_contain_text("加标质控")
    # before work: the reagent lot is opened
    page.locator("#bench summary").click()
    expect(page.locator("#bench")).to_contain_text("还没有登记试剂")
    expect(page.locator("#bench")).to_contain_text("今天还没有做")
    page.locator("#reagent-open").click()
    page.locator("#opening-go").click()
    expect(page.locator("#opening-wrong")).to_have_text("请填写：试剂盒批号")
    page.locator("#opening-no").fill("NC7")
    page.locator("#opening-expires").fill("2026-12-01")
    page.locator("#opening-go").click()
    expect(page.locator("#toast")).to_contain_text("试剂 NC7 已启用 · 快到期")
    expect(page.locator("#bench")).to_contain_text("有效期至 2026-12-01")
    assert core.records("reagent.changed")[0]["data"]["person"] == "李四"
    reads(core, {16: "90.0"})
    expect(page.locator("#bench")).to_contain_text("质控合格")
    page.locator("#bench [data-finish]").click()
    expect(page.locator("#bench")).to_contain_text("还没有登记试剂")
    # a stray result is a control's
    core.hands_over(core.result("77", "3.0", channel="15"), device=READER)
    page.locator("[data-match]").first.click()
    page.select_option("#matching-lot", "control-blank")
    page.locator("#matching-go").click()
    expect(page.locator("#matching-what")).to_have_text("质控：空白")
    page.locator("#matching-go").click()
    until(lambda: len(core.records("qc.result")) == 2)
    page.locator("#coverage summary").click()
    expect(page.locator(".cover")).to_contain_text("已检")
    assert not overflows(page)
    context.close()


def test_food_that_somebody_brought_lies_in_a_place_and_is_matched_by_hand(core: Any, desk: Page) -> None:
    code = core.does(RegisterSample(goods="门口买的草莓"))["code"]
    desk.goto("/gate")
    expect(desk.locator("body")).to_have_attribute("data-link", "up")
    place = desk.locator(f"#place-{READER}-2")
    place.click()
    desk.locator("#placing-lot").select_option(code)
    desk.locator("#placing-go").click()
    expect(place).to_contain_text("门口买的草莓")
    reads(core, {2: "12.0"})
    expect(place).to_have_class("place came qualified")
    place.click()
    expect(desk.locator("#placing-lot")).to_have_value("")  # it has its result: it is offered no more
    desk.locator("#placing-cancel").click()

    reads(core, {5: "9.0"})  # nothing lies there
    stray = max(one.seq for one in core.board.unmatched)
    desk.locator(f"#match-{stray}").click()
    desk.locator("#matching-lot").select_option(code)
    desk.locator("#matching-person").fill("王敏")
    desk.locator("#matching-go").click()
    expect(desk.locator("#matching-effect")).to_contain_text("送检样品")
    desk.locator("#matching-go").click()
    expect(desk.locator("#matched")).to_contain_text("门口买的草莓")
    data = core.records("test.result")[-1]["data"]
    assert (data["purpose"], data["brought"]["code"], data["person"]) == ("public", code, "王敏")
    assert core.board.public_samples[0].value == "9.0"

"""The page of held lots, in a browser: all the way to a release, over a restart with a wrong clock; goods destroyed."""

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from edge.web.server import WebServer

pytestmark = pytest.mark.browser


@pytest.fixture
def changed() -> dict[str, str]:
    return {
        'automatic = ["slip"]': 'automatic = ["slip", "hold", "sample", "disposal", "waiver", "public_result"]',
        '"day", "test"]': '"day", "test", "hold", "sample", "disposal", "waiver", "public_result"]',
        '[gate]\nunchecked = "accept"': '[gate]\ndestroy_at_once = true\nunchecked = "accept"',
    }


def lot_of(core: Any, sample: str) -> str:
    return str(next(one for one in core.board.lots if one.sample == sample).test_code)


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 40), "green").save(out, "PNG")
    return out.getvalue()


def step(page: Page, deed: str, lot: str, **said: str) -> None:
    """One step in its dialog."""
    page.locator(f"#{deed}-{lot}").click()
    fill(page, **said)


def fill(page: Page, **said: str) -> None:
    """The dialog is filled in and sent."""
    for name, value in said.items():
        field = page.locator(f"#deed-{name}")
        if value in ("check", "uncheck"):
            field.check()
        else:
            field.fill(value)
    if page.locator("#deed-person").input_value() == "":
        page.locator("#deed-person").fill("王敏")
    page.locator("#deed-go").click()
    expect(page.locator("#deed-wrong")).to_have_text("")
    expect(page.locator("#deed")).to_be_hidden()


def papers(core: Any) -> list[str]:
    return [one.paper for one in core.printers["printer-1"].papers]


@pytest.mark.parametrize(("size", "language"), [((360, 740), "zh"), ((800, 480), "en")], ids=["phone-zh", "panel-en"])
def test_from_a_positive_to_its_release(
    again: Callable[..., Any],
    serve: Callable[..., WebServer],
    browser: Browser,
    size: tuple[int, int],
    language: str,
) -> None:
    core = again()
    lot = lot_of(core, "2")
    web = serve(core)
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.add_cookies([{"name": "lang", "value": language, "url": web.url}])
    page = context.new_page()
    page.set_default_timeout(8000)
    page.goto(f"{web.url}/gate")
    page.locator(".strip .held a").click()
    page.wait_for_load_state()
    one = page.locator(f"#hold-{lot}")
    expect(one).to_contain_text("黄瓜" if language == "zh" else "Cucumber")
    step(page, "tell", lot, told="摊主 李秀兰")
    expect(one.locator(".timer .digits")).to_have_text("4:59")  # the core's clock stands an hour ahead of the pages'
    step(page, "ask", lot)
    step(page, "send", lot, seal_no="FY-001234", laboratory="市检验所", method="GB 23200.121-2021", taken_by="张检测")
    assert papers(core)[-1] == "sample"
    expect(one).to_contain_text("FY-001234")
    core.stop()
    core = again(wall=datetime.fromisoformat("2027-12-22T05:00:00+08:00"))
    web = serve(core)
    page.goto(f"{web.url}/held")
    expect(one).to_contain_text("FY-001234")
    page.locator(f"#verdict-{lot}").click()
    page.locator("#deed-go").click()
    expect(page.locator("#deed-wrong")).not_to_be_empty()
    page.locator("#deed-cancel").click()
    step(page, "verdict", lot, conforming="check", report_no="JC-8", item="毒死蜱", concluded="2026-11-22")
    expect(one).to_contain_text("JC-8")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    step(page, "release", lot, because="复检合格")
    expect(one).to_have_count(0)
    assert core.records("lot.disposed")[0]["data"]["recheck_no"] == "JC-8"
    context.close()


def test_goods_are_destroyed_at_once_before_a_witness(core: Any, page: Page) -> None:
    lot = lot_of(core, "2")
    page.goto("/held")
    step(page, "tell", lot, told="摊主 李秀兰", signed="check")
    page.locator(f"#waive-{lot}").click()
    page.locator("#deed-go").click()
    expect(page.locator("#deed-wrong")).to_contain_text("见证人")
    page.locator("#deed-cancel").click()
    step(page, "waive", lot, witness="刘洋")
    assert papers(core)[-1] == "waiver"
    step(page, "destroy", lot, mass_g="100", part="check", how="深埋", where="处理站", witness="刘洋", officer="赵监督")
    one = page.locator(f"#hold-{lot}")
    expect(one).to_contain_text("150.000 kg")
    page.locator(f"#destroy-{lot}").click()
    page.locator("#deed-cancel").click()
    page.locator(f"#buyers-{lot}").click()
    expect(page.locator("#buyers-count")).to_contain_text("0 笔")
    page.locator("#buyers .main").click()
    said = {"how": "深埋", "where": "处理站", "witness": "刘洋", "officer": "赵监督"}
    page.locator(f"#destroy-{lot}").click()
    page.locator("#deed-photos input").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture()})
    expect(page.locator("#deed-photos img")).to_have_count(1)
    fill(page, mass_g="148.5", why="失水", **said)
    expect(page.locator("#holds")).to_contain_text("没有暂停销售的货")
    first, last = (one["data"] for one in core.records("lot.disposed"))
    assert (first["mass_g"], first["complete"], last["mass_g"], last["difference_g"]) == (
        100_000,
        False,
        148_500,
        1_500,
    )
    assert len(last["photos"]) == 1
    assert (last["witness"], last["officer"], last["waiver"], last["person"]) == ("刘洋", "赵监督", True, "王敏")
    assert papers(core)[-1] == "disposal"
    page.goto("/gate")
    expect(page.locator(".strip .held")).to_have_count(0)


def test_food_is_brought_and_its_slip_comes_out(core: Any, page: Page) -> None:
    page.goto("/samples")
    page.locator("#bring-go").click()
    expect(page.locator("#bring-wrong")).not_to_be_empty()
    page.locator("#bring-goods").fill("小区门口买的草莓")
    page.locator("#bring-who").fill("张女士")
    page.locator("#bring-go").click()
    expect(page.locator("#bring-number")).not_to_be_empty()
    number = page.locator("#bring-number").inner_text()
    core.hands_over(core.result(number, "12.5"), device="analyzer-1")
    (view,) = core.board.public_samples
    expect(page.locator(f"#public-{view.code}")).to_contain_text("快检未检出超标")
    assert papers(core)[-1] == "public_result"

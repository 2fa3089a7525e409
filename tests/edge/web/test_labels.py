# ruff: noqa: DTZ001  (a scale has a local clock and knows no zone)
"""The page of label scales: what waits, what was sold today, and what a person says of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from edge.between.inbox import LabelSold
from protocol.readings import LabelSale

pytestmark = pytest.mark.browser

SECTION = """
[[label_scale]]
name = "label-1"
model = "label-tcp"
port = "listen:127.0.0.1:0"
goods = { 412 = "01040201" }
"""
CABBAGE = "01040201"


@pytest.fixture
def changed() -> dict[str, str]:
    return {"[paper]": SECTION + "[paper]"}


@pytest.fixture
def sells(core: Any) -> Callable[..., None]:
    """The label scale says that it sold something."""
    at = datetime(2026, 11, 22, 5, 30)
    numbers = iter(range(1000))

    def sell(article: str, net_g: int | None = 2330, **more: Any) -> None:
        number = next(numbers)
        said: dict[str, Any] = {"plu": "00012", "article": article.zfill(12), "name": "BAICAI"} | more
        sale = LabelSale(
            **said,
            sold_at=at + timedelta(seconds=10 * number),
            net_g=net_g,
            identity=str(number),
            text="0x012,broken",
            raw=b"0",
        )
        core.turn(LabelSold("label-1", sale))

    return sell


def test_a_number_that_nobody_knows_is_said_once_for_all_of_its_like(
    core: Any, desk: Page, sells: Callable[..., None]
) -> None:
    desk.goto("/labelscale")
    expect(desk.locator("#label-waiting")).to_be_hidden()
    sells("412")
    expect(desk.locator("#label-today .stray")).to_have_count(1)
    sells("777", name="XIHONGSHI")
    sells("777", 1250, name="XIHONGSHI")
    expect(desk.locator("#label-waiting .stray")).to_have_count(2)
    expect(desk.locator("#label-waiting .stray").first).to_contain_text("不知道是什么商品")
    desk.locator("#label-waiting [data-match]").first.click()
    expect(desk.locator("#labelling-facts")).to_contain_text("XIHONGSHI")
    desk.locator("#labelling-go").click()
    expect(desk.locator("#labelling-wrong")).to_contain_text("请填写：商品")
    desk.locator("#labelling-product").select_option(CABBAGE)
    desk.locator("#labelling-person").fill("王敏")
    desk.locator("#labelling-go").click()
    expect(desk.locator("#label-waiting")).to_be_hidden()
    expect(desk.locator("#label-today .stray")).to_have_count(3)
    expect(desk.locator("#label-today h2")).to_contain_text("3 笔 · 5.910 kg")
    assert core.board.day.labels == 3


def test_a_mass_is_typed_off_the_label(core: Any, desk: Page, sells: Callable[..., None]) -> None:
    sells("412", None, doubts=("unit",))
    desk.goto("/labelscale")
    desk.locator("#label-waiting [data-match]").click()
    expect(desk.locator("#labelling-product")).to_be_disabled()
    expect(desk.locator("#labelling-remember-row")).to_be_hidden()
    desk.locator("#labelling-person").fill("王敏")
    desk.locator("#labelling-go").click()
    expect(desk.locator("#labelling-wrong")).to_contain_text("请填写：标签上的净重")
    desk.locator("#labelling-mass").fill("0.25")
    desk.locator("#labelling-go").click()
    expect(desk.locator("#label-today .stray")).to_contain_text("0.250 kg")
    (_, known) = core.records("trade.labelled")
    assert (known["data"]["net_g"], known["data"]["weight_typed"]) == (250, True)


def test_a_label_that_is_no_sale_is_taken_off(core: Any, desk: Page, sells: Callable[..., None]) -> None:
    sells("412")
    desk.goto("/labelscale")
    desk.locator("[data-off]").click()
    desk.locator("#unlabelling-reasons button").first.click()
    desk.locator("#unlabelling-person").fill("王敏")
    desk.locator("#unlabelling-go").click()
    expect(desk.locator("#label-today .stray.off")).to_contain_text("已注销：试打标签")
    expect(desk.locator("#label-today [data-off]")).to_have_count(0)
    assert core.board.day.labels == 0


def test_the_strip_of_every_page_tells_what_waits(core: Any, desk: Page, sells: Callable[..., None]) -> None:
    desk.goto("/stall")
    sells("777")
    expect(desk.locator(".strip")).to_contain_text("1 笔待人处理")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_line_that_was_not_understood_is_shown(
    web: Any, opened: Callable[..., Page], sells: Callable[..., None], language: str
) -> None:
    sells("", None, plu="", name="", doubts=("unread",))
    page = opened(web.url, (360, 640), language)
    page.goto("/labelscale")
    expect(page.locator("#label-waiting .ticket")).to_have_text("0x012,broken")

"""The canteen's page with loads that count by themselves, and with photos of the handheld's camera."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from edge.web.look import CanteenLook, Look
from edge.web.server import WebServer

pytestmark = pytest.mark.browser
AUTOMATIC = Look(canteen=CanteenLook(functions=("食堂管理员",), automatic=True, sample_g=125))
ORDER = {
    "order": "XX-20261122-03",
    "supplier": "绿源配送",
    "supplier_code": "4101080010789",
    "buyer": "第一小学食堂",
    "due": "2026-11-22",
    "lines": [
        {"product": "01040201", "name": "大白菜", "net_g": 40_000, "price_fen": 300},
        {"product": "01040301", "name": "西红柿", "net_g": 20_000, "price_fen": 400},
    ],
}


@pytest.fixture
def changed() -> dict[str, str]:
    return {
        'jobs = ["stall", "gate"]': 'jobs = ["canteen"]',
        'max = "30 kg"\nmin = "100 g"\ne = "5 g"': 'max = "60 kg"\nmin = "100 g"\ne = "20 g"',
    }


@pytest.fixture
def web(request: pytest.FixtureRequest, serve: Callable[..., WebServer]) -> WebServer:
    return serve(look=AUTOMATIC) if re.search("automatic|sign_as", request.node.name) else serve()


@pytest.fixture
def delivery(core: Any, page: Page) -> Page:
    """The page with a delivery whose first line is chosen."""
    core.platform.orders(core.clock, "orders", orders=[ORDER])
    page.goto("/canteen")
    page.locator(".order").click()
    expect(page.locator(".dline.chosen")).to_contain_text("大白菜")
    return page


def loads(core: Any, line: int = 1) -> list[int]:
    (one,) = core.board.deliveries
    return [load.net_g for load in next(each for each in one.lines if each.line == line).loads]


def test_automatic_counts_a_load_that_stands_still_once(core: Any, delivery: Page, until: Callable[..., None]) -> None:
    page = delivery
    core.weighs("0.00")
    core.weighs("18.00", stable=False)
    assert loads(core) == []  # nothing is counted while it moves
    core.weighs("18.00")
    until(lambda: loads(core) == [18_000])
    expect(page.locator("#press-words")).to_have_text("已计入：请取下，或继续加放")
    for _ in range(3):
        core.weighs("18.00")
    core.weighs("30.00")  # more on top of it is a load of its own
    until(lambda: loads(core) == [18_000, 12_000])
    core.weighs("0.00")
    page.locator("[data-look]").click()  # while something is asked nothing is counted
    core.weighs("9.00")
    expect(page.locator("#digits")).to_have_text("9.00")
    page.keyboard.press("Escape")
    expect(page.locator("#looking")).not_to_be_visible()
    until(lambda: core.weighs("9.00") or loads(core) == [18_000, 12_000, 9_000])
    expect(page.locator(".dline.chosen")).to_contain_text("西红柿")  # the first line has what was ordered
    core.weighs("0.00")
    page.locator("#rejecting").click()
    core.weighs("2.00")
    expect(page.locator("#press-words")).to_contain_text("2.00")
    assert loads(core, 2) == []  # what goes back is pressed


def test_without_the_setting_nobody_counts_but_a_person(core: Any, delivery: Page) -> None:
    core.weighs("0.00")
    core.weighs("18.00")
    expect(delivery.locator("#press-words")).to_have_text("计入 18.00 kg")
    core.weighs("18.00")
    assert loads(core) == []
    delivery.locator("#press").click()
    expect(delivery.locator("#press-words")).to_have_text("已计入：请取下，或继续加放")
    assert loads(core) == [18_000]


def shot() -> bytes:
    """A large picture as a telephone takes it, which says where it was taken."""
    where = Image.Exif()
    where[0x010F], where[0x8825] = "Maker of cameras", {1: "N", 2: (34.0, 45.0, 0.0)}
    out = io.BytesIO()
    Image.effect_noise((2400, 1800), 60).convert("RGB").save(out, "JPEG", quality=80, exif=where)
    return out.getvalue()


def test_a_photo_of_a_line_is_made_small_and_stands_in_its_record(
    core: Any, delivery: Page, until: Callable[..., None]
) -> None:
    page, held = delivery, []
    page.route("**/api/photos", lambda route: held.append(route))
    page.locator("[data-look]").click()
    camera = page.locator("#line-photos input")
    assert (camera.get_attribute("capture"), camera.get_attribute("accept")) == ("environment", "image/*")
    camera.set_input_files({"name": "note.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    expect(page.locator("#line-photos .wrong")).not_to_be_empty()
    assert held == []
    camera.set_input_files({"name": "shot.jpg", "mimeType": "image/jpeg", "buffer": shot()})
    until(lambda: page.evaluate("1") and held)
    page.locator("#sensory").fill("新鲜")
    page.locator("#looking .main").click()
    expect(page.locator("#looking-wrong")).to_contain_text("照片")  # it waits for the photo that is on its way
    route: Route = held[0]
    route.continue_()
    expect(page.locator("#line-photos .thumbs img")).to_have_count(1)
    page.locator("#looking .main").click()
    expect(page.locator("#looking")).not_to_be_visible()
    (sha256,) = core.board.deliveries[0].lines[0].photos
    kept = Path(core.config.station.data, "photos", sha256).read_bytes()
    picture = Image.open(io.BytesIO(kept))
    assert (picture.format, picture.size, dict(picture.getexif())) == ("JPEG", (1600, 1200), {})
    assert len(kept) < 1_000_000


def test_a_photo_of_kitchen_waste_outlasts_a_reload(core: Any, delivery: Page, until: Callable[..., None]) -> None:
    page = delivery
    page.locator("[data-place=waste]").click()
    page.locator("#waste-photos input").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": shot()})
    expect(page.locator("#waste-photos .thumbs img")).to_have_count(1)
    page.reload()
    page.locator("[data-place=waste]").click()
    expect(page.locator("#waste-photos .thumbs img")).to_have_count(1)
    page.locator("#receiver").fill("收运公司")
    page.locator("#waste-person").fill("王敏")
    core.weighs("0.00")
    core.weighs("12.00")
    expect(page.locator("#press-words")).to_have_text("交付 12.00 kg")
    page.locator("#press").click()
    until(lambda: len(core.records("waste.handed")) == 1)
    assert len(core.records("waste.handed")[0]["data"]["photos"]) == 1
    expect(page.locator("#waste-photos .thumbs img")).to_have_count(0)


def test_on_an_english_page_what_people_sign_as_has_its_english_word(delivery: Page) -> None:
    """The market's own word goes into the record, whatever the page's language."""
    page = delivery
    page.goto("/canteen?lang=en")
    chips = page.locator('[data-fills="signing-as"] button')
    expect(chips.first).to_have_text("食堂管理员 · Canteen manager")
    expect(chips.first).to_have_attribute("value", "食堂管理员")
    page.goto("/canteen?lang=zh")
    expect(chips.first).to_have_text("食堂管理员")

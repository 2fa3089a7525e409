"""The pages as an app on a handheld: installed, awake while a sale is open, and reading codes by its camera."""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from edge.between.board import Showing
from edge.between.people import Role, Who
from edge.web.look import Look, Seat
from edge.web.pages import Painter
from edge.web.reception import Caller
from edge.web.server import WebServer

CAMERA = """
    globalThis.BarcodeDetector = class {
        static getSupportedFormats() { return Promise.resolve(["qr_code", "code_128"]); }
        async detect(sight) {
            return sight.videoWidth ? [{ rawValue: "https://sy.example.cn/b/41010800210100010072" }] : [];
        }
    };
    navigator.mediaDevices.getUserMedia = async () => {
        const canvas = document.createElement("canvas");
        const pen = canvas.getContext("2d");
        const stream = (globalThis.shown = canvas.captureStream(20));
        setInterval(() => pen.fillRect(0, 0, 10, 10), 50);
        return stream;
    };
"""
LOCKS = """
    globalThis.locks = [];
    const request = navigator.wakeLock.request.bind(navigator.wakeLock);
    navigator.wakeLock.request = async (kind) => {
        const lock = await request(kind);
        locks.push(lock);
        return lock;
    };
"""
LIT = "locks.filter((one) => !one.released).length"


def test_its_icons_are_what_the_manifest_says(web: WebServer) -> None:
    manifest = httpx.get(f"{web.url}/static/app.webmanifest").json()
    pictures = [one for one in manifest["icons"] if one["type"] == "image/png"]
    assert {(one["sizes"], one.get("purpose", "any")) for one in pictures} == {
        ("192x192", "any"),
        ("512x512", "any"),
        ("512x512", "maskable"),
    }
    for one in pictures:
        answer = httpx.get(web.url + one["src"])
        assert answer.headers["content-type"] == "image/png"
        picture = Image.open(BytesIO(answer.content)).convert("RGBA")
        assert "x".join(map(str, picture.size)) == one["sizes"]
        corner = picture.getpixel((0, 0))
        assert isinstance(corner, tuple)
        assert corner[3] == (255 if "purpose" in one else 0)
        if "purpose" in one:  # a launcher cuts away what is outside a circle of four fifths
            drawn = [
                (x - 256) ** 2 + (y - 256) ** 2
                for x in range(0, 512, 4)
                for y in range(0, 512, 4)
                if picture.getpixel((x, y)) != corner
            ]
            assert drawn
            assert max(drawn) <= (0.4 * 512) ** 2


@pytest.mark.browser
def test_a_browser_has_no_fault_to_find_with_the_app(core: Any, desk: Page) -> None:
    desk.goto("/stall")
    assert desk.evaluate("navigator.serviceWorker.ready.then((one) => one.scope)") == desk.url.removesuffix("stall")
    manifest = desk.context.new_cdp_session(desk).send("Page.getAppManifest")
    assert manifest["url"].endswith("/static/app.webmanifest")
    assert manifest["errors"] == []


@pytest.mark.browser
def test_the_screen_stays_lit_while_a_sale_is_open_and_no_longer(
    core: Any, desk: Page, until: Callable[..., None]
) -> None:
    desk.context.grant_permissions(["screen-wake-lock"])
    desk.add_init_script(LOCKS)
    desk.goto("/stall")
    expect(desk.locator("#digits")).to_have_text("0.000")
    assert desk.evaluate(LIT) == 0
    core.puts("1.250")
    until(lambda: desk.evaluate(LIT) == 1)
    core.weighs("0.000")
    until(lambda: desk.evaluate(LIT) == 0)
    assert desk.evaluate("locks.length") == 1


@pytest.mark.browser
def test_a_code_before_the_camera_is_a_scan(core: Any, desk: Page) -> None:
    desk.add_init_script(CAMERA)
    desk.goto("/stall")
    expect(desk.locator("#product-01040201")).to_be_visible()
    desk.locator("#camera-open").click()
    expect(desk.locator("#scanned")).to_have_text("已选批次：大白菜 …10072 · 山东寿光")
    expect(desk.locator("#camera")).to_be_hidden()
    assert desk.evaluate("shown.getTracks().map((one) => one.readyState)") == ["ended"]
    assert core.asked == []


@pytest.mark.browser
def test_a_camera_that_is_not_given_is_told(core: Any, desk: Page) -> None:
    desk.add_init_script(CAMERA + "navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('denied'));")
    desk.goto("/stall?lang=en")
    desk.locator("#camera-open").click()
    expect(desk.locator("#scanned")).to_contain_text("The camera cannot be used")
    expect(desk.locator("#camera")).to_be_hidden()


@pytest.mark.browser
def test_no_camera_is_offered_where_the_browser_reads_no_codes(core: Any, desk: Page) -> None:
    desk.add_init_script("delete globalThis.BarcodeDetector")
    desk.goto("/stall")
    expect(desk.locator("#digits")).to_have_text("0.000")
    expect(desk.locator("#camera-open")).to_have_count(0)


# --- one of several stalls --------------------------------------------------------------------------------------------

SEATS = {
    "a-12": Seat("scale-1", "printer-1", "A-12", "李秀兰"),
    "b-07": Seat("scale-9", "head-9", "B-07", "赵强"),
}


def test_a_handheld_is_bound_by_its_address_until_it_is_let_go(serve: Callable[..., WebServer]) -> None:
    server = serve(look=Look(seats=SEATS))
    with httpx.Client(base_url=server.url) as http:
        whole = http.get("/stall").text
        assert 'data-scales="scale-1"' in whole
        answer = http.get("/stall?seat=b-07")
        assert (answer.status_code, answer.headers["location"]) == (303, "/stall")
        bound = http.get("/stall").text
        assert "<strong>B-07</strong> <span>赵强</span>" in bound
        assert 'data-scales=""' in bound  # it is not connected, and no other one is offered
        assert 'data-printer="head-9"' in bound
        assert "reprint-" not in http.get("/parts/papers?on=stall").text
        assert "scale-1" in http.get("/status").text
        assert http.get("/stall?seat=z-99").status_code == 200
        assert "<strong>B-07</strong>" in http.get("/stall").text
        http.get("/stall?seat=a-12")
        assert 'data-scales="scale-1"' in http.get("/stall").text
        assert "reprint-" in http.get("/parts/papers?on=stall").text
        http.get("/stall?seat=")
        assert http.get("/stall").text.count("data-printer=") == whole.count("data-printer=")


@pytest.mark.browser
def test_the_last_slip_on_a_stalls_page_is_its_own(
    serve: Callable[..., WebServer], opened: Callable[..., Page]
) -> None:
    page = opened(serve(look=Look(seats=SEATS)).url, (360, 740), "zh")
    page.goto("/stall?seat=a-12")
    expect(page.locator("#last")).to_contain_text("已打印")
    page.goto("/stall?seat=b-07")
    expect(page.locator("#steady")).to_have_text("无信号")
    expect(page.locator("#last")).to_be_empty()


def test_who_is_signed_in_is_at_the_own_stall_whatever_the_browser_says() -> None:
    seats = {name: replace(seat, people=(code,)) for (name, seat), code in zip(SEATS.items(), "34", strict=True)}
    painter = Painter(Showing(), "0.1.0", lambda: 0.0, look=Look(seats=seats))
    person = Caller(who=Who("4", frozenset({Role.OPERATOR}), "赵强"), named=True)
    assert painter.seat(person, "a-12") is seats["b-07"]
    assert painter.seat(Caller(), "a-12") is seats["a-12"]
    assert painter.seat(Caller(), "z-99") is None

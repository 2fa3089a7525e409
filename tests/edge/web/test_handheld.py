"""The pages as an app on a handheld: installed, awake while a sale is open, and reading codes by its camera."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

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

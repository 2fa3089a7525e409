"""Keys of our own for numbers, in Chromium, under a finger and beside a keyboard."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.web.server import WebServer

pytestmark = pytest.mark.browser

SMALL, LOW = (360, 640), (740, 360)


@pytest.fixture(params=[SMALL, LOW], ids=["small", "low"])
def glove(request: pytest.FixtureRequest, browser: Browser, web: WebServer) -> Iterator[Page]:
    """A screen that is touched, upright or lying."""
    width, height = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height}, base_url=web.url, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.set_default_timeout(8000)
    yield page
    context.close()


class Finger:
    """Touches with times of their own, which are never ahead of those that the browser gives to others."""

    def __init__(self, page: Page) -> None:
        self._cdp = page.context.new_cdp_session(page)
        self._page = page
        self._now = time.time()

    def presses(self, key: str, after: float, hold: float = 40) -> None:
        """One press of a key, ``after`` milliseconds."""
        box = self._page.locator(f'.keypad [data-key="{key}"]').bounding_box()
        assert box is not None
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        self._now += after / 1000
        self._send("touchStart", [at])
        self._now += hold / 1000
        self._send("touchEnd", [])

    def _send(self, kind: str, points: list[dict[str, float]]) -> None:
        time.sleep(max(0.0, self._now - time.time()))
        self._cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points, "timestamp": self._now})


def in_sight(page: Page, selector: str) -> bool:
    """Whether the whole of it can be seen and nothing lies over it."""
    seen: bool = page.evaluate(
        """(selector) => [...document.querySelectorAll(selector)].every((one) => {
            const box = one.getBoundingClientRect();
            const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight + .5 && box.right <= innerWidth + .5
                && (one === top || one.contains(top));
        })""",
        selector,
    )
    return seen


def test_a_glove_writes_each_digit_once(core: Any, glove: Page) -> None:
    core.puts("1.250")
    glove.goto("/stall")
    glove.locator("#product-01040201").click()
    glove.locator("#tare-open").click()
    expect(glove.locator("#taring .keypad")).to_be_visible()
    assert in_sight(glove, ".keypad button:not([data-key=done])")
    assert in_sight(glove, "#taring-save")
    finger = Finger(glove)
    for key, after in (("0", 500), (".", 200), ("1", 200), ("1", 20), ("1", 300), ("2", 60)):
        finger.presses(key, after)
    expect(glove.locator("#taring-kg")).to_have_value("0.112")  # the bounce of the first 1 is none
    finger.presses("back", 300)
    finger.presses("back", 40)
    expect(glove.locator("#taring-kg")).to_have_value("0.11")
    finger.presses(".", 300)
    expect(glove.locator("#taring-kg")).to_have_value("0.11")
    glove.locator("#taring-save").click()
    expect(glove.locator("#digits")).to_have_text("1.140")


def test_two_fingers_at_once_are_one_press(core: Any, glove: Page) -> None:
    core.puts("1.250")
    glove.goto("/stall")
    glove.locator("#tare-open").click()
    glove.evaluate(
        """() => { for (const [key, pointerId] of [["4", 7], ["5", 8]])
            document.querySelector(`.keypad [data-key="${key}"]`).dispatchEvent(
                new PointerEvent(
                    "pointerdown", {pointerId, bubbles: true, cancelable: true, pointerType: "touch"})); }"""
    )
    expect(glove.locator("#taring-kg")).to_have_value("4")


def test_the_price_has_keys_and_a_keyboard_writes_there_too(core: Any, glove: Page) -> None:
    glove.goto("/stall")
    glove.locator("#product-01040201").click()
    glove.locator("#reprice").click()
    expect(glove.locator("#pricing .keypad")).to_be_visible()
    assert in_sight(glove, "#pricing .keypad button:not([data-key=done]), #pricing-save, #pricing-yuan")
    assert glove.evaluate("document.querySelector('#pricing-yuan').inputMode") == "none"
    Finger(glove).presses("4", 500)
    expect(glove.locator("#pricing-yuan")).to_have_value("4")  # what was marked is replaced
    glove.keyboard.type(".25", delay=200)
    expect(glove.locator("#pricing-yuan")).to_have_value("4.25")
    glove.locator("#pricing-save").click()
    expect(glove.locator("#product-01040201")).to_contain_text("4.25")


def test_keys_lie_over_the_page_and_go(core: Any, glove: Page) -> None:
    glove.goto("/gate")
    glove.locator("#net").tap()
    expect(glove.locator(".keypad")).to_be_visible()
    assert in_sight(glove, ".keypad button, #net")
    finger = Finger(glove)
    for key in "12.5":
        finger.presses(key, 300)
    expect(glove.locator("#net")).to_have_value("12.5")
    expect(glove.locator("#net")).to_be_focused()
    glove.locator('.keypad [data-key="done"]').tap()
    expect(glove.locator(".keypad")).to_be_hidden()
    glove.locator("#upstream").tap()
    for key in "41":
        finger.presses(key, 300)
    expect(glove.locator("#upstream")).to_have_value("41")
    finger.presses("clear", 300)
    expect(glove.locator("#upstream")).to_have_value("")
    glove.locator("#origin").tap()
    expect(glove.locator(".keypad")).to_be_hidden()


def test_a_mouse_has_them_in_dialogs_alone(core: Any, desk: Page) -> None:
    desk.goto("/gate")
    desk.locator("#net").click()
    expect(desk.locator(".keypad")).to_be_hidden()
    assert desk.evaluate("document.querySelector('#net').inputMode") == "decimal"
    desk.goto("/stall")
    desk.locator("#product-01040201").click()
    desk.locator("#reprice").click()
    desk.locator('#pricing .keypad [data-key="7"]').click()
    expect(desk.locator("#pricing-yuan")).to_have_value("7")


def test_a_pin_is_typed_unseen(core: Any, desk: Page) -> None:
    desk.goto("/stall")
    desk.evaluate(
        """async () => {
            const { keypad } = await import("/static/keypad.js");
            const dialog = document.createElement("dialog");
            dialog.innerHTML = '<form><label>PIN<input id="secret" type="password" maxlength="6"></label></form>';
            document.body.append(dialog);
            keypad(dialog.querySelector("input"), { kind: "pin" });
            dialog.showModal();
            dialog.querySelector("input").focus();
        }"""
    )
    for key in "4071234":
        desk.locator(f'dialog[open] .keypad [data-key="{key}"]').click()
    expect(desk.locator("#secret")).to_have_value("407123")
    desk.locator('dialog[open] .keypad [data-key="clear"]').click()
    expect(desk.locator("#secret")).to_have_value("")

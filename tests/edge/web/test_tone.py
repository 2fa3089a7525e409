"""The tone of a page is heard: for what is urgent and when a kept sample's time is over, until a person has acted."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from edge.between.bench_commands import SeeLot
from edge.between.canteen_commands import DiscardSample, KeepSample

pytestmark = pytest.mark.browser
HOUR = 3600
TONE = [880, 660, 880]
EAR = """
window.notes = [];
window.loudest = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...at) {
  window.notes.push(this.frequency.value);
  return start.apply(this, at);
};
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode) {
    if (!to.ear) {
      to.ear = to.context.createAnalyser();
      const samples = new Float32Array(to.ear.fftSize);
      setInterval(() => {
        to.ear.getFloatTimeDomainData(samples);
        window.loudest = Math.max(window.loudest, ...samples.map(Math.abs));
      }, 20);
    }
    connect.call(this, to.ear);
  }
  return connect.call(this, to, ...rest);
};
"""


def opens(page: Page, address: str) -> None:
    """The page, with somebody who has touched it."""
    page.goto(address)
    expect(page.locator("body")).to_have_attribute("data-link", "up")
    page.locator("body").click(position={"x": 5, "y": 5})


def heard(page: Page) -> list[int]:
    return list(page.evaluate("notes"))


def hears(page: Page, times: int = 1) -> None:
    """The tone comes out so often, loud enough to be heard."""
    page.wait_for_function("(n) => notes.length >= n && loudest > 0.1", arg=3 * times)
    assert heard(page) == TONE * times


def sees_all(core: Any) -> None:
    for one in core.board.alerts:
        if not one.person:
            core.does(SeeLot(lot=one.test_code, person="王敏"))


def measured(core: Any, value: str) -> str:
    lot = core.enters()
    core.hands_over(core.result(core.lot(lot).sample, value), device="analyzer-1")
    return str(lot)


def test_a_positive_is_heard_again_after_a_reload_until_somebody_has_seen_it(core: Any, desk: Page) -> None:
    desk.add_init_script(EAR)
    sees_all(core)
    opens(desk, "/gate")
    fine = measured(core, "12.5")
    core.weighs(None)
    expect(desk.locator("#goods")).to_contain_text(core.lot(fine).sample)
    assert heard(desk) == []  # nothing of that is urgent
    measured(core, "81.0")  # nobody touches the page any more
    hears(desk)
    expect(desk.locator("#sound")).to_be_visible()
    expect(desk.locator("#sound")).not_to_have_class("sound off")
    desk.reload()
    desk.locator("body").click(position={"x": 5, "y": 5})
    hears(desk)
    desk.goto("/status")  # and on every page
    desk.locator("body").click(position={"x": 5, "y": 5})
    hears(desk)
    sees_all(core)
    expect(desk.locator("#sound")).to_be_hidden()
    opens(desk, "/gate")
    assert heard(desk) == []


def test_who_has_muted_a_screen_hears_nothing_there(core: Any, desk: Page) -> None:
    desk.add_init_script(EAR)
    opens(desk, "/gate")  # the morning's positive
    hears(desk)
    desk.locator("#sound").click()
    measured(core, "81.0")
    expect(desk).to_have_title("⚠ 阳性 1 · 待复测 1 · 进场检测 · A-12")
    assert heard(desk) == TONE
    desk.reload()
    desk.locator("body").click(position={"x": 5, "y": 5})
    expect(desk.locator("#sound")).to_have_class("sound off")
    assert heard(desk) == []


@pytest.mark.parametrize("changed", [{'jobs = ["stall", "gate"]': 'jobs = ["canteen"]'}])
def test_a_sample_is_heard_when_it_was_kept_for_48_hours(
    core: Any, desk: Page, until: Callable[..., None], changed: dict[str, str]
) -> None:
    desk.add_init_script(EAR)
    sees_all(core)
    for dish in ("红烧肉", "炒青菜"):
        core.puts("0.150")
        core.does(KeepSample(scale="scale-1", dish=dish, meal="午餐", person="王敏"))
    opens(desk, "/canteen")
    core.clock.go(47 * HOUR)
    core.turn()
    until(lambda: core.board.kept[0].left_s == HOUR)
    assert heard(desk) == []
    core.clock.go(HOUR)
    core.turn()
    hears(desk)  # once for both
    desk.reload()
    desk.locator("body").click(position={"x": 5, "y": 5})
    hears(desk)
    core.does(DiscardSample(number=1, person="王敏"))
    expect(desk.locator("#sound")).to_be_visible()
    assert heard(desk) == TONE  # what is left was said
    core.does(DiscardSample(number=2, person="王敏"))
    expect(desk.locator("#sound")).to_be_hidden()
    opens(desk, "/canteen")
    assert heard(desk) == []

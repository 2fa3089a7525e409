"""What the city refused, on the status page: why, what to do, and sent again by a person when the cause is gone."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_a_refused_record_is_sent_again_once_the_cause_is_gone(
    core: Any, desk: Page, until: Callable[..., None]
) -> None:
    core.platform.rejects = "net_g: not known here yet"
    core.enters()
    core.turn()
    core.platform.rejects = ""
    seq = core.board.city.set_aside[0][0]
    assert (core.board.city.aside, core.board.city.pending) == (1, 0)
    desk.goto("/status")
    refused = desk.locator(".aside li")
    expect(refused).to_have_text(f"#{seq} bad_data: net_g: not known here yet")
    expect(desk.locator(".todo").filter(has_text="重新上报")).to_contain_text("原因消除后按“重新上报”")
    published = len(core.platform.sent)
    desk.get_by_role("button", name="重新上报").click()
    expect(desk.get_by_text("已安排重新上报")).to_be_visible()
    until(lambda: core.board.city.aside == 0)
    assert len(core.platform.sent) == published + 1
    expect(refused).to_have_count(0)
    expect(desk.get_by_role("button", name="重新上报")).to_have_count(0)

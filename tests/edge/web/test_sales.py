"""The list of the day on the stall: the station's own day, whatever clock the browser has, and its total."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.between.commands import Sell
from edge.between.correction_commands import VoidSale
from edge.web.server import WebServer
from protocol.city.token import CHINA

pytestmark = pytest.mark.browser
BEFORE_MIDNIGHT = datetime(2026, 11, 22, 23, 58, tzinfo=CHINA)


def sells(station: Any, kilograms: str) -> str:
    lot = next(lot for lot in station.board.lots if lot.sample == "5")
    station.puts(kilograms)
    return str(station.does(Sell(scale="scale-1", product="01040201", lot=lot.test_code))["tx"])


def fen(text: str) -> int:
    return round(float(text.replace("¥", "")) * 100)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "UTC"])
def test_the_list_is_that_of_the_stations_day_and_adds_up_to_its_total(
    again: Callable[..., Any], serve: Callable[..., WebServer], browser: Browser, zone: str
) -> None:
    station = again(wall=BEFORE_MIDNIGHT)
    late = sells(station, "1.000")
    station.clock.go(600)
    station.weighs("0.000")
    assert station.board.day.date == "2026-11-23"
    first, _ = sells(station, "2.000"), sells(station, "0.500")
    station.does(VoidSale(tx=first, reason="选错了"))
    context = browser.new_context(timezone_id=zone, base_url=serve(station).url)
    page: Page = context.new_page()
    page.set_default_timeout(8000)
    page.goto("/stall")
    expect(page.locator("#today-words")).to_contain_text("1.75")
    page.locator("#sales-open").click()
    expect(page.locator("#sales-found li")).to_have_count(3)
    amounts = [fen(one) for one in page.locator("#sales-found li b").all_inner_texts()]
    assert amounts == [-700, 175, 700]
    expect(page.locator("#sales-sum")).to_contain_text("¥1.75")
    expect(page.locator("#sales-sum")).to_contain_text("作废 1 笔 ¥7.00")
    day, shift = station.board.day, station.board.shift
    assert (sum(amounts), day.amount_fen) == (175, 175)
    yesterdays = 350 + 175  # the morning's sale and the late one are of the same shift, and of another day
    assert shift.amount_fen - yesterdays == day.amount_fen
    sells(station, "1.000")
    expect(page.locator("#sales-sum")).to_contain_text("¥5.25")  # what is sold meanwhile
    page.locator("#sales-text").fill(late[-6:])
    expect(page.locator("#sales-found li")).to_have_count(1)  # a sale of any day is found by its code
    expect(page.locator("#sales-sum")).to_be_empty()
    context.close()

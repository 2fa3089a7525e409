"""Papers on the pages: printed, looked at, printed again, and confirmed by a person where the printer cannot."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.between.commands import ConfirmPrint, PrintDocument, Reprint
from edge.between.inbox import Printed, PrinterChanged
from edge.between.print_states import PrinterState, PrintState, PrintWhy
from edge.web.server import WebServer

pytestmark = pytest.mark.browser


def test_a_slip_is_read_and_printed_again(core: Any, desk: Page, until: Callable[..., None]) -> None:
    desk.goto("/stall")
    desk.locator("#view-1").click()
    expect(desk.locator("#paper-text")).to_contain_text(re.compile(r"大白菜.*0\.500", re.DOTALL))
    desk.get_by_role("button", name="关闭").click()
    desk.locator("#reprint-1").click()
    desk.locator("#again-go").click()
    until(lambda: core.asked == [Reprint(job=1)])
    expect(desk.locator(".papers .paper").first).to_contain_text("重打第 3 份")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_papers_page_shows_states_and_takes_a_person_s_word(
    core: Any, page: Page, until: Callable[..., None], language: str, no_sideways: Callable[[Page], None]
) -> None:
    core.does(Reprint(job=1))
    core.turn(Printed(4, PrintState.HELD, PrintWhy.PAPER), PrinterChanged("printer-1", PrinterState.PAPER))
    page.goto(f"/papers?lang={language}")
    held = page.locator(".sheet.held")
    expect(held).to_contain_text({"zh": "请装新纸卷", "en": "put in a new roll"}[language])
    expect(page.locator(".row.bad")).to_contain_text({"zh": "缺纸", "en": "paper out"}[language])
    no_sideways(page)
    for button in page.locator(".sheet button").all():
        box = button.bounding_box()
        assert box is not None and box["height"] >= 44
    page.locator("#confirm-4").click()
    expect(page.locator("#toast")).to_contain_text({"zh": "已确认", "en": "Confirmed"}[language])
    page.fill("#day", "2026-11-22")
    page.locator("#print-day").click()
    page.locator("#test-printer-1").click()
    until(lambda: PrintDocument(paper="test", printer="printer-1") in core.asked)
    until(lambda: PrintDocument(paper="day", subject="2026-11-22") in core.asked)
    assert ConfirmPrint(job=4) in core.asked


def test_the_day_is_the_station_s_not_the_browser_s(
    core: Any, browser: Browser, web: WebServer, until: Callable[..., None]
) -> None:
    page = browser.new_page(base_url=web.url, timezone_id="America/New_York")
    page.goto("/papers")
    expect(page.locator(".dayline")).to_contain_text("不填即今天")
    expect(page.locator("#day")).to_have_value("")
    page.locator("#print-day").click()
    until(lambda: core.asked == [PrintDocument(paper="day")])
    page.close()


def test_papers_of_a_printer_that_cannot_answer_are_confirmed_together(core: Any, desk: Page) -> None:
    jobs = [2, *(core.does(Reprint(job=1))["job"] for _ in range(2))]
    core.turn(*(Printed(job, PrintState.UNKNOWN, PrintWhy.SILENT) for job in jobs[1:]))
    desk.goto("/papers")
    expect(desk.locator(".doubts")).to_contain_text(f"{len(jobs)} 张不确定是否打出")
    desk.locator("#confirm-all").click()
    expect(desk.locator("#toast")).to_contain_text("已确认")
    assert {ConfirmPrint(job=job) for job in jobs} <= set(core.asked)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_lot_s_label_and_source_card_are_printed_from_the_gate(
    core: Any, page: Page, language: str, no_sideways: Callable[[Page], None]
) -> None:
    page.goto(f"/gate?lang={language}")
    released = page.locator(".goods.released").first
    released.locator("summary").click()
    card = released.locator("[data-print=card]")
    expect(card).to_have_text({"zh": "打印来源卡", "en": "Print: Source card"}[language])
    card.click()
    expect(page.locator("#toast")).to_contain_text({"zh": "已送打印", "en": "Sent to the printer"}[language])
    assert page.locator(".goods.pending [data-print=card]").count() == 0
    code = released.get_attribute("id")
    assert code is not None
    assert PrintDocument(paper="card", subject=code.removeprefix("goods-")) in core.asked
    no_sideways(page)


def test_a_paper_is_looked_at_as_a_picture(core: Any, page: Page, no_sideways: Callable[[Page], None]) -> None:
    for path in ("/stall", "/papers"):
        page.goto(path)
        page.locator("#view-1").click()
        picture = page.locator("#paper img")
        expect(picture).to_be_visible()
        page.wait_for_function("document.querySelector('#paper img').naturalWidth > 300")
        expect(page.locator("#paper-text")).to_contain_text("大白菜")
        no_sideways(page)
        page.keyboard.press("Escape")
    page.route("**/*.png*", lambda route: route.abort())
    page.locator("#view-1").click()
    expect(page.locator("#paper-text")).to_be_visible()
    expect(picture).to_have_count(0)

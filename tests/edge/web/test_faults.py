"""A fault of the program on the pages and in the API; and what could not be handled, shown and taken off."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from edge.between.commands import SeeUnread
from edge.between.inbox import Stumbled
from edge.between.words import section, text
from edge.web import pages
from edge.web.server import WebServer

LARGEST = (1 << 63) - 1


@pytest.fixture
def http(web: WebServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, timeout=10) as client:
        yield client


@pytest.mark.parametrize("path", ["/status", "/stall", "/parts/status"])
def test_a_page_that_fails_answers_in_the_form_of_the_api(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    monkeypatch.setattr(pages.Painter, "paint", lambda *_: {}["poison"])
    for _ in range(20):
        answer = http.get(path)
        assert answer.status_code == 500
        assert set(answer.json()) == {"code", "message_zh", "message_en"}
    assert answer.headers["content-security-policy"]
    assert len([record for record in caplog.records if "failed" in record.getMessage()]) == 1
    assert http.get("/api/board").status_code == 200


def test_a_fault_in_the_guard_answers_in_the_same_form(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.web.guard.Guard._refusal", lambda *_: {}["poison"])
    answer = http.get("/api/board")
    assert (answer.status_code, answer.json()["code"]) == (500, "failed")


@pytest.mark.parametrize("number", [LARGEST + 1, 10**30, 0, -1])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/prints/{}/confirm", {}),
        ("/api/prints/{}/reprint", {}),
        ("/api/results/{}/match", {"lot": "x", "person": "王敏"}),
        ("/api/results/{}/dismiss", {"person": "王敏", "reason": "x"}),
    ],
)
def test_a_number_that_no_database_holds_is_not_understood(
    http: httpx.Client, path: str, body: dict[str, Any], number: int
) -> None:
    assert http.post(path.format(number), json=body).status_code == 422


@pytest.mark.parametrize("path", ["/api/prints/{}", "/api/prints/{}.png"])
def test_a_paper_with_such_a_number_is_not_understood_either(http: httpx.Client, path: str) -> None:
    assert http.get(path.format(LARGEST + 1)).status_code == 422
    assert http.get(path.format(LARGEST)).status_code == 404


def test_a_command_that_failed_in_the_core_is_a_refusal(
    http: httpx.Client, core: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.state.station.Station.set_price", lambda *_: {}["poison"])
    answer = http.post("/api/prices", json={"product": "01040201", "price_fen": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "unexpected")
    assert [one.kind for one in core.board.unread] == ["request"]


# --- what could not be handled ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", section("failed"))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_is_shown_with_device_cause_and_next_step(http: httpx.Client, core: Any, kind: str, language: str) -> None:
    core.turn(*[Stumbled("scale-1", kind, KeyError("<b>'x'</b>"))] * 3)
    http.cookies.set("lang", language)
    page = http.get("/status").text
    for said in ("#1", "scale-1", text("failed", kind).said(language), text("failed_do", kind).said(language)):
        assert said in page
    assert "<b>'x'" not in page
    assert 'data-upto="1"' in page


def test_a_person_takes_it_off_by_name(http: httpx.Client, core: Any) -> None:
    core.turn(Stumbled("scale-1", "device", KeyError("x")))
    answer = http.post("/api/unread/seen", json={"upto": 7, "person": " 王敏 "})
    assert (answer.status_code, answer.json()) == (200, {"seen": 1})
    assert core.asked == [SeeUnread(upto=7, person="王敏")]
    assert core.board.unread == ()
    assert http.post("/api/unread/seen", json={"upto": 7, "person": ""}).status_code == 422
    assert http.post("/api/unread/seen", json={"upto": 0, "person": "王敏"}).status_code == 422


@pytest.mark.browser
def test_pressed_on_the_page(desk: Any, core: Any, until: Callable[..., None]) -> None:
    core.turn(Stumbled("scale-1", "device", KeyError("x")))
    desk.goto("/status")
    desk.click("#unread-see")
    desk.click("#seeing-go")
    expect(desk.locator("#seeing-wrong")).not_to_be_empty()
    assert core.asked == []
    desk.fill("#seeing-person", "王敏")
    desk.click("#seeing-go")
    until(lambda: core.asked == [SeeUnread(upto=1, person="王敏")])
    desk.wait_for_selector("#unread", state="detached")

"""Who reads right after a deed finds it on the board, however soon; nobody waits for a core that does not answer."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from edge.web import desk
from edge.web.server import WebServer

ENTRY = {"product": "01040201", "net_g": 12_000, "origin": "河南中牟", "supplier": "王建国"}


@pytest.fixture
def http(web: WebServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url) as client:
        yield client


@pytest.fixture
def late(core: Any) -> Any:
    """A station that has shown its board a moment ago, and shows no more of itself for half a second."""
    core.within(lambda: setattr(core.core, "_show_at", core.clock.steady() + 3600))
    return core


def made(http: httpx.Client) -> str:
    answer = http.post("/api/entries", json=ENTRY)
    assert answer.status_code == 201
    return str(answer.json()["test_code"])


def test_what_was_answered_is_read(late: Any, http: httpx.Client) -> None:
    codes = [made(http), made(http)]
    board = http.get("/api/board").json()["board"]
    assert {*codes} <= {lot["test_code"] for lot in board["lots"]}
    assert not late.showing.behind


def test_a_page_and_a_stream_begin_with_what_was_answered(late: Any, http: httpx.Client) -> None:
    assert made(http) in http.get("/gate").text
    code = made(http)
    with http.stream("GET", "/api/live") as stream:
        assert code in next(line for line in stream.iter_lines() if line.startswith("data:"))


def test_nobody_waits_for_a_core_that_stands_still(
    core: Any, serve: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "DEAD_AFTER", 0.01)
    core.stand_still()
    core.showing.behind = True
    with httpx.Client(base_url=serve().url) as http:
        assert http.get("/health").status_code in (200, 503)
        assert http.get("/static/style.css").status_code == 200
    core.go_on()

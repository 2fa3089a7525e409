"""The server's thread."""

import gc
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import pytest

from edge.between.board import Showing
from edge.between.inbox import Inbox
from edge.web.binding import CannotListen
from edge.web.server import WebServer
from edge.web.serving import HttpConnection


@pytest.fixture
def idle() -> Callable[[str], WebServer]:
    def make(listen: str) -> WebServer:
        inbox: Inbox = Inbox()
        return WebServer(listen, Showing(), inbox)

    return make


def test_the_thread_has_a_name_and_the_address_can_be_read(web: WebServer) -> None:
    assert web.thread.name == "web"
    assert web.url.startswith("http://127.0.0.1:")
    assert httpx.get(web.url + "/api/board").status_code == 200


def test_a_taken_address_is_named_with_its_setting(idle: Callable[[str], WebServer]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CannotListen, match=rf"{listen}.*\[web\] listen"):
            idle(listen).start()


@pytest.mark.parametrize("listen", ["192.0.2.1:8080", "127.0.0.1:99999", "nowhere", "127.0.0.1:http"])
def test_an_impossible_address_is_named(idle: Callable[[str], WebServer], listen: str) -> None:
    with pytest.raises(CannotListen, match="cannot listen on"):
        idle(listen).start()


def test_stop_ends_open_streams(web: WebServer) -> None:
    with httpx.stream("GET", web.url + "/api/live?pulse=1", timeout=60) as answer:
        lines = answer.iter_lines()
        next(lines)
        web.stop()
        assert not web.thread.is_alive()
        for _ in lines:  # to its end: cut in the middle of a chunk it would raise
            pass


def test_stop_cuts_who_came_too_late_to_be_told(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpConnection, "shutdown", lambda self: None)  # as if accepted a moment after the others
    host, _, port = web.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as one:
        one.sendall(b"GET /api/board HTTP/1.1\r\n")
        assert httpx.get(web.url + "/api/board").status_code == 200
        web.stop()
        assert not web.thread.is_alive()
        with suppress(ConnectionResetError):
            assert one.recv(1000) == b""  # left open it would wait here


def test_stop_leaves_nobody_who_came_at_its_end(web: WebServer) -> None:
    host, _, port = web.address.rpartition(":")
    with ExitStack() as clients:
        for _ in range(20):
            clients.enter_context(socket.create_connection((host, int(port)), timeout=10))
        web.stop()
        gc.collect()  # an end left open would say so here, as an error


def test_stop_is_harmless_before_start_and_twice(idle: Callable[[str], WebServer]) -> None:
    never = idle("127.0.0.1:0")
    never.stop()
    soon = idle("127.0.0.1:0")
    soon.start()
    soon.stop()
    soon.stop()
    assert not soon.thread.is_alive()


def test_reading_pages_needs_no_further_thread(core: Any, web: WebServer) -> None:
    import threading

    before = threading.active_count()
    for address in ("/stall", "/static/style.css", "/health", "/metrics", "/api/board"):
        httpx.get(web.url + address)
    assert threading.active_count() == before

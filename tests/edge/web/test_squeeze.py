"""What goes over the wire is small: compressed where it pays, and never a stream."""

import asyncio
import gzip
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from edge.between import pins
from edge.between.people import CONSOLE, Role
from edge.between.people_commands import AddOperator
from edge.web.app import create_app
from edge.web.server import WebServer
from edge.web.squeeze import squeezed

MOST = 150_000


@pytest.fixture
def http(web: WebServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, timeout=10) as client:
        yield client


def raw(http: httpx.Client, path: str, **headers: str) -> httpx.Response:
    """The answer with its bytes as they were sent."""
    with http.stream("GET", path, headers=headers) as answer:
        answer._content = b"".join(answer.iter_raw())
        return answer


@pytest.mark.parametrize("path", ["/static/style.css", "/static/stall.js"])
def test_a_file_is_compressed_for_who_takes_it(http: httpx.Client, path: str) -> None:
    plain = raw(http, path, **{"Accept-Encoding": "identity"})
    small = raw(http, path, **{"Accept-Encoding": "br, gzip;q=0.8"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert int(small.headers["content-length"]) == len(small.content) < len(plain.content) / 2
    assert gzip.decompress(small.content) == plain.content
    for quality in ("gzip;q=0", "gzip; q=0.0", "br", ""):
        assert "content-encoding" not in raw(http, path, **{"Accept-Encoding": quality}).headers


def asked_from(core: Any, client: str, path: str, accept: str = "gzip") -> httpx.Response:
    """The answer to a browser at this address, of a box at 192.168.1.5."""

    async def ask() -> httpx.Response:
        way = httpx.ASGITransport(app=create_app(core.showing, core.inbox), client=(client, 4711))
        async with httpx.AsyncClient(transport=way, base_url="http://192.168.1.5:8080") as browser:
            return await browser.get(path, headers={"Accept-Encoding": accept})

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/stall", "/parts/lots", "/api/board"])
def test_a_page_is_compressed_over_the_network_and_not_on_the_box(core: Any, path: str) -> None:
    far = asked_from(core, "192.168.1.77", path)
    assert far.headers["content-encoding"] == "gzip"
    assert int(far.headers["content-length"]) < len(far.content) / 2
    assert "accept-encoding" in far.headers["vary"].lower()
    plain = asked_from(core, "192.168.1.77", path, "identity")
    assert "content-encoding" not in plain.headers
    for near in ("127.0.0.1", "192.168.1.5"):
        assert "content-encoding" not in asked_from(core, near, path).headers


def test_short_answers_and_errors_go_as_they_are(http: httpx.Client) -> None:
    for path in ("/static/words.js", "/static/papers.js", "/nowhere", "/health"):
        assert "content-encoding" not in http.get(path).headers, path


def test_an_answer_that_is_known_is_not_sent_again(http: httpx.Client) -> None:
    tag = http.get("/static/style.css").headers["etag"]
    assert http.get("/static/style.css", headers={"If-None-Match": tag}).status_code == 304


def test_the_stream_goes_out_at_once(core: Any, web: WebServer) -> None:
    host, _, port = web.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(f"GET /api/live HTTP/1.1\r\nHost: {web.address}\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        said = b""
        while b"data:" not in said:
            said += line.recv(4096)
    assert b"content-encoding" not in said.lower()


def test_the_same_page_is_the_same_bytes() -> None:
    assert squeezed(b"page" * 999) == squeezed(b"page" * 999)


@pytest.mark.browser
@pytest.mark.parametrize(
    "name", ["stall", "gate", "status", "papers", "people", "records", "records/{sale}", "nowhere", "shell", "sign-in"]
)
def test_a_page_with_all_it_loads_is_below_150_kb(core: Any, desk: Page, name: str) -> None:
    """Everything that the first look at a page costs, with an empty cache, as long as the stream is not counted."""
    if name == "sign-in":
        core.does(AddOperator(code="1", name="陈主管", role=Role.SUPERVISOR, pin=pins.hashed("777555")), CONSOLE)
    name = name.format(sale=int(core.records("trade.completed")[0]["sequence"]))
    line = desk.context.new_cdp_session(desk)
    line.send("Network.enable")
    sizes: dict[str, int] = {}
    line.on("Network.loadingFinished", lambda one: sizes.update({one["requestId"]: one["encodedDataLength"]}))
    desk.goto(f"/{name}", wait_until="load")
    if name not in ("nowhere", "shell", "sign-in"):
        expect(desk.locator("body")).to_have_attribute("data-link", "up")
    assert 10_000 < sum(sizes.values()) < MOST

"""Server-sent events: what is sent, how often, and that a reader who does not read costs nothing."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from edge.between.board import HandedScan, Showing
from edge.between.commands import PlanChannel, RegisterEntry, SetPrice
from edge.web import serving
from edge.web.events import DEAD_AFTER, GAP, Live
from edge.web.server import WebServer


def said(chunk: bytes) -> dict[str, Any]:
    assert chunk.startswith(b"data: ") and chunk.endswith(b"\n\n"), chunk
    message: dict[str, Any] = json.loads(chunk[6:])
    return message


def test_the_first_message_is_whole_and_the_next_hold_what_changed(core: Any) -> None:
    async def story() -> None:
        live = Live(core.showing, gap=0.0, token="a1b2")
        stream = live.follow(False)
        assert await anext(stream) == b"retry: 1000\n\n"
        first = said(await anext(stream))
        assert set(first) == {"at", "alive", "token", *core.showing.board.as_json()}
        assert first["token"] == "a1b2"
        assert "text" not in first["prints"][0] and first["prints"][0]["state"] == "printed"
        core.does(SetPrice(product="01040201", price_fen=7))
        second = said(await anext(stream))
        assert set(second) == {"at", "alive", "version", "products", "city"}  # a record more is to be sent
        assert second["products"][0]["price_fen"] == 7
        core.does(PlanChannel(analyzer="analyzer-1", channel="3", lot="41010800330100000030"))
        assert said(await anext(stream))["plan"] == [["analyzer-1", "3", "41010800330100000030"]]
        await stream.aclose()

    asyncio.run(story())


def test_nothing_is_sent_when_nothing_changed_but_a_heartbeat(core: Any) -> None:
    async def story() -> None:
        stream = Live(core.showing, heartbeat=0.02).follow(False)
        await anext(stream)
        await anext(stream)
        core.does(SetPrice(product="01040201", price_fen=350))  # as it was
        assert [await anext(stream) for _ in range(3)] == [b":\n\n"] * 3
        await stream.aclose()

    asyncio.run(story())


def test_the_pulse_says_whether_the_core_is_alive(core: Any) -> None:
    async def story() -> None:
        now = 100.0
        stream = Live(core.showing, pulse=0.01, steady=lambda: now).follow(True)
        core.stand_still()
        core.showing.beat = 99.5
        await anext(stream)
        assert said(await anext(stream))["alive"] is True
        assert await anext(stream) == b'event: pulse\ndata: {"at":100000,"alive":true}\n\n'
        now = 102.0
        assert await anext(stream) == b'event: pulse\ndata: {"at":102000,"alive":false}\n\n'
        await stream.aclose()

    asyncio.run(story())


def test_a_core_that_stands_still_is_told_at_once_not_at_the_next_pulse(core: Any) -> None:
    async def story() -> None:
        core.stand_still()
        core.showing.beat = time.monotonic() - DEAD_AFTER + 0.05
        stream = Live(core.showing, pulse=30.0).follow(True)
        await anext(stream)
        assert said(await anext(stream))["alive"] is True
        assert b'"alive":false' in await anext(stream)
        await stream.aclose()

    asyncio.run(story())


def test_nobody_watches_while_no_page_is_open(core: Any) -> None:
    async def story() -> None:
        showing: Showing = core.showing
        live = Live(showing)
        streams = [live.follow(False) for _ in range(3)]
        assert showing._watchers == ()
        for stream in streams:
            await anext(stream)
        assert len(showing._watchers) == 1
        for stream in streams:
            await stream.aclose()
        assert showing._watchers == ()

    asyncio.run(story())


def test_a_change_after_the_loop_ended_does_not_hurt_the_core(core: Any) -> None:
    async def story() -> None:
        stream = Live(core.showing).follow(False)
        await anext(stream)
        kept.append(stream)

    kept: list[Any] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(story())
    loop.close()
    assert core.does(SetPrice(product="01040201", price_fen=7)) == {"product": "01040201", "price_fen": 7}
    assert (core.board.products[0].price_fen, core.board.unread) == (7, ())


def test_of_many_changes_a_second_a_page_hears_few_and_in_their_order(core: Any, web: WebServer) -> None:
    stop = threading.Event()
    changes = 0

    def shake() -> None:
        nonlocal changes
        while not stop.wait(0.001):
            changes += 1
            core.weighs(f"{changes * 0.005:.3f}", seconds=0.1)

    shaking = threading.Thread(target=shake)
    shaking.start()
    began = time.monotonic()
    try:
        numbers = []
        with httpx.stream("GET", web.url + "/api/live", timeout=10) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                if line.startswith("data: ") and "scales" in (message := json.loads(line[6:])):
                    numbers.append(message["scales"][0]["net_g"])
                if time.monotonic() > began + 1.5:
                    break
        seconds = time.monotonic() - began
    finally:
        stop.set()
        shaking.join()
    assert 1 < len(numbers) <= 2 + seconds / GAP  # the whole board, and the first change at once
    assert len(numbers) < changes
    assert numbers == sorted(numbers)


def test_the_last_change_always_arrives(core: Any, web: WebServer) -> None:
    with httpx.stream("GET", web.url + "/api/live", timeout=10) as answer:
        lines = (json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: "))
        next(lines)
        for number in range(1, 300):
            core.weighs(f"{number * 0.005:.3f}", seconds=0.1)
        message = next(lines)
        while "scales" not in message or message["scales"][0]["net_g"] != 1495:
            message = next(lines)


def test_a_reader_who_does_not_read_is_cut(
    core: Any, serve: Callable[..., WebServer], until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SLOW_SECONDS", 0.3)
    web = serve()
    host, port = web.address.split(":")
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.connect((host, int(port)))
    lazy.sendall(b"GET /api/live HTTP/1.1\r\nHost: " + web.address.encode() + b"\r\n\r\n")
    until(lambda: core.showing._watchers)
    entry = RegisterEntry(product="01040201", net_g=1000, origin="河" * 100, supplier="王" * 100)
    core.ask(*[entry] * 300)

    def gone() -> bool:
        core.does(entry)  # and all lots are sent anew
        return not core.showing._watchers

    until(gone)
    assert httpx.get(web.url + "/api/board").status_code == 200
    lazy.close()


def test_a_reader_who_leaves_is_forgotten(core: Any, web: WebServer, until: Callable[..., None]) -> None:
    with httpx.stream("GET", web.url + "/api/live"):
        until(lambda: core.showing._watchers)
    until(lambda: not core.showing._watchers)


# --- scans ------------------------------------------------------------------------------------------------------------


def test_a_scan_goes_to_the_reader_that_came_last_where_its_scanner_belongs() -> None:
    async def story() -> None:
        showing, lost = Showing(), list[str]()
        live = Live(showing, heartbeat=0.01, no_page=lost.append)

        async def reader(scans_at: str | None) -> Any:
            stream = live.follow(False, None, scans_at)
            assert await anext(stream) == b"retry: 1000\n\n"
            await anext(stream)
            return stream

        async def heard(stream: Any) -> list[Any]:
            found = []
            while (chunk := await anext(stream)) != b":\n\n":
                assert chunk.startswith(b"event: scan\ndata: ")
                found.append(json.loads(chunk[18:]))
            return found

        assert not showing.hand(HandedScan("a", "1", ""))  # nobody looks at all
        program, first, tablet = [await reader(of) for of in (None, "", "192.168.1.31")]
        second = await reader("")
        for text, at in (("1", ""), ("2", ""), ("3", "192.168.1.31"), ("4", "192.168.1.32")):
            assert showing.hand(HandedScan("a", text, at))
        await asyncio.sleep(0)
        assert lost == ["a"]
        assert await heard(second) == [{"scanner": "a", "text": "1"}, {"scanner": "a", "text": "2"}]
        assert await heard(tablet) == [{"scanner": "a", "text": "3"}]
        assert await heard(first) == await heard(program) == []
        await second.aclose()
        showing.hand(HandedScan("a", "5", ""))
        await asyncio.sleep(0)
        assert await heard(first) == [{"scanner": "a", "text": "5"}]
        showing.hand(HandedScan("b", "6", ""))
        await asyncio.sleep(0)
        await first.aclose()  # it went with a scan that it had not sent
        assert lost == ["a", "b"]
        for stream in (program, tablet):
            await stream.aclose()
        assert not showing.hand(HandedScan("a", "7", ""))

    asyncio.run(story())


def test_a_reader_that_reads_nothing_keeps_no_heap_of_scans() -> None:
    async def story() -> None:
        showing, lost = Showing(), list[str]()
        live = Live(showing, no_page=lost.append)
        stream = live.follow(False, None, "")
        await anext(stream)
        for number in range(20):
            showing.hand(HandedScan("a", str(number), ""))
        await asyncio.sleep(0)
        assert len(lost) == 12
        await stream.aclose()
        assert len(lost) == 20

    asyncio.run(story())


def test_a_reader_whose_session_has_ended_is_handed_nothing() -> None:
    async def story() -> None:
        showing, lost, signed_in = Showing(), list[str](), True
        stream = Live(showing, heartbeat=0.01, no_page=lost.append).follow(False, None, "", lambda: signed_in)
        await anext(stream)
        await anext(stream)
        signed_in = False
        showing.hand(HandedScan("a", "1", ""))
        assert await anext(stream) == b":\n\n"
        await stream.aclose()
        assert lost == ["a"]

    asyncio.run(story())

"""The door: crowds, the slow and the silent, and requests that are none. Neighbours are other loopback addresses."""

import asyncio
import json
import logging
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx
import pytest

from edge.web import addresses, door, guard, serving
from edge.web.addresses import peer
from edge.web.server import WebServer

BOX, NEIGHBOUR = "127.0.0.1", "127.0.0.2"
RELEASED = "41010800330100000056"  # see conftest.py
PRICE = b'{"product": "01040201", "price_fen": 375}'


@pytest.fixture(autouse=True)
def neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the box is 127.0.0.1 alone, and 127.0.0.2 is somebody on the network."""
    monkeypatch.setattr(addresses, "is_loopback", lambda name: name in (BOX, "localhost"))


@pytest.fixture
def knock(web: WebServer) -> Iterator[Callable[..., socket.socket]]:
    """Connects from an address; all is closed at the end."""
    with ExitStack() as stack:

        def connect(source: str = NEIGHBOUR, timeout: float = 10.0) -> socket.socket:
            host, port = web.address.split(":")
            return stack.enter_context(socket.create_connection((host, int(port)), timeout, (source, 0)))

        yield connect


def heard(one: socket.socket) -> bytes:
    """All that comes until the server closes."""
    said = b""
    with suppress(ConnectionResetError):
        while piece := one.recv(65536):
            said += piece
    return said


def problem(said: bytes) -> tuple[int, str]:
    """Status and code of an answer in the API's form, in both languages."""
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"\r\ncontent-type: application/json" in head
    assert b"\r\ncontent-security-policy: " in head
    words = json.loads(body)
    assert set(words) == {"code", "message_zh", "message_en"}
    assert words["message_zh"] != words["message_en"]
    return int(head.split()[1]), words["code"]


def post(web: WebServer, body: bytes, *more: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    lines = [b"POST /api/prices HTTP/1.1", b"Host: " + web.address.encode(), b"Content-Type: application/json", *more]
    if size >= 0:
        lines.append(b"Content-Length: %d" % size)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def get(web: WebServer, path: bytes = b"/health") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nHost: " + web.address.encode() + b"\r\n\r\n"


@contextmanager
def served_to(source: str, web: WebServer) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(local_address=source)
    with httpx.Client(base_url=web.url, transport=transport, timeout=10) as client:
        yield client


def works_for(source: str, web: WebServer) -> bool:
    with served_to(source, web) as client:
        return client.get("/api/board").status_code == 200


# --- how many ---------------------------------------------------------------------------------------------------------


def busy(web: WebServer, one: socket.socket) -> socket.socket:
    """Over this connection something is asked that is not answered yet: the body's last byte is missing."""
    one.sendall(post(web, PRICE, origin(web), length=len(PRICE) + 1))
    return one


def origin(web: WebServer) -> bytes:
    return b"Origin: http://" + web.address.encode()


def answered(web: WebServer, one: socket.socket) -> bool:
    """Whether this connection still stands; the whole answer is taken."""
    said = b""
    with suppress(ConnectionError):
        one.sendall(get(web))
        while not said.endswith(b"}") and (piece := one.recv(65536)):
            said += piece
    return said.startswith(b"HTTP/1.1 200")


def crowd_of(web: WebServer, until: Callable[..., None], people: list[socket.socket], before: int = 0) -> None:
    """They have their places, beside so many before, and nobody rests."""
    serving = web._serving
    assert serving is not None
    for one in people:
        busy(web, one)
    until(
        lambda: (
            serving._door.connections._taken.total() == before + len(people) and not serving._door.connections._resting
        )
    )


def test_a_peer_has_its_share_and_is_told_so(
    web: WebServer, knock: Callable[..., socket.socket], until: Callable[..., None]
) -> None:
    kept = [knock() for _ in range(door.PEER)]
    crowd_of(web, until, kept)
    assert problem(heard(knock())) == (503, "crowded")
    assert works_for("127.0.0.3", web)
    assert works_for(BOX, web)
    for one in kept:
        one.sendall(b" ")
        assert not one.recv(65536).startswith(b"HTTP/1.1 503")


def test_who_has_rested_longest_gives_way(
    web: WebServer, knock: Callable[..., socket.socket], until: Callable[..., None]
) -> None:
    first, *others = [knock() for _ in range(door.PEER)]
    for one in others:
        assert answered(web, one)
    assert answered(web, first)  # it has rested shorter than all others now
    newcomer = knock()
    assert answered(web, newcomer)
    assert answered(web, first)
    assert [answered(web, one) for one in others] == [False] + [True] * (door.PEER - 2)


def test_nobody_gives_way_who_is_asked_something(
    web: WebServer, knock: Callable[..., socket.socket], until: Callable[..., None]
) -> None:
    asked = [knock() for _ in range(door.PEER - 1)]
    crowd_of(web, until, asked)
    for _ in range(20):
        assert answered(web, knock())
    for one in asked:
        one.sendall(b" ")
        assert not one.recv(65536).startswith(b"HTTP/1.1 503")


def test_a_place_that_was_left_is_free(
    web: WebServer, knock: Callable[..., socket.socket], until: Callable[..., None]
) -> None:
    for one in [knock() for _ in range(door.PEER)]:
        one.close()

    def free() -> bool:
        one = knock()
        one.sendall(get(web))
        return one.recv(65536).startswith(b"HTTP/1.1 200")

    until(free)


def test_the_network_cannot_take_the_places_of_the_box(
    web: WebServer, knock: Callable[..., socket.socket], until: Callable[..., None]
) -> None:
    crowd = [knock(f"127.0.1.{1 + number // door.PEER}") for number in range(door.NETWORK)]
    crowd_of(web, until, crowd)
    assert problem(heard(knock("127.0.2.1"))) == (503, "crowded")
    own = [knock(BOX) for _ in range(door.ALL - door.NETWORK)]
    crowd_of(web, until, own, before=len(crowd))
    assert problem(heard(knock(BOX))) == (503, "crowded")
    assert len(crowd) == 64
    assert len(own) == 32


@pytest.mark.parametrize("peers", [1, 200])
def test_a_thousand_idle_connections_keep_nobody_from_selling(
    core: Any,
    web: WebServer,
    knock: Callable[..., socket.socket],
    caplog: pytest.LogCaptureFixture,
    peers: int,
) -> None:
    """Of one neighbour, or of two hundred who took all places of the network and would take them again."""
    sale = json.dumps({"scale": "scale-1", "product": "01040201", "lot": RELEASED}).encode()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        with caplog.at_level(logging.INFO):
            idle = [knock(f"127.1.{number % peers}.1") for number in range(1000)]
            for kilograms, source in (("1.250", BOX), ("1.750", "127.0.0.3")):
                core.puts(kilograms)
                seller = knock(source)
                seller.sendall(post(web, sale, origin(web)).replace(b"/api/prices", b"/api/sales"))
                assert seller.recv(65536).startswith(b"HTTP/1.1 201")
        assert len(idle) == 1000
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not [record for record in caplog.records if record.name.startswith(("asyncio", "uvicorn"))]


def test_what_the_loop_complains_of_is_told_once(caplog: pytest.LogCaptureFixture, web: WebServer) -> None:
    loop = web._serving._loop  # type: ignore[union-attr]
    assert loop is not None
    for _ in range(500):
        loop.call_exception_handler({"message": "socket.accept() out of system resource"})
    assert len([record for record in caplog.records if record.name == "asyncio"]) == 1


def test_a_peer_has_six_event_streams(core: Any, web: WebServer, knock: Callable[..., socket.socket]) -> None:
    def stream(source: str) -> bytes:
        one = knock(source)
        one.sendall(get(web, b"/api/live"))
        said = b""
        while b"\r\n\r\n" not in said:
            said += one.recv(65536)
        return said if said.startswith(b"HTTP/1.1 200") else said + heard(one)

    assert all(stream(NEIGHBOUR).startswith(b"HTTP/1.1 200") for _ in range(6))
    assert problem(stream(NEIGHBOUR)) == (503, "crowded")
    assert stream("127.0.0.3").startswith(b"HTTP/1.1 200")
    assert all(stream(BOX).startswith(b"HTTP/1.1 200") for _ in range(20))


@pytest.mark.parametrize(
    ("client", "server", "whose"),
    [
        ("127.0.0.1", "127.0.0.1", ""),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1", ""),
        ("192.168.1.9", "192.168.1.9", ""),
        ("192.168.1.9", "192.168.1.2", "192.168.1.9"),
        ("::ffff:192.168.1.9", "::ffff:192.168.1.2", "192.168.1.9"),
        ("2001:db8:0:7::1", "2001:db8:0:7::2", "2001:db8:0:7::/64"),
        ("2001:db8:0:7:1:2:3:4", "2001:db8:0:7::2", "2001:db8:0:7::/64"),
        ("fe80::1%eth0", "fe80::2", "fe80::1"),
    ],
)
def test_whose_share_it_is(client: str, server: str, whose: str) -> None:
    assert peer(client, server) == whose


# --- how long ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_has_its_time(
    web: WebServer, knock: Callable[..., socket.socket], monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.2)
    one = knock()
    one.sendall(begun)
    said = heard(one)
    assert problem(said) == (408, "too_slow") if begun else said == b""


def test_a_second_head_has_no_more_time(
    web: WebServer, knock: Callable[..., socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.2)
    one = knock()
    one.sendall(get(web, b"/static/nothing"))
    said = b""
    while not said.endswith(b"}"):
        said += one.recv(65536)
    one.sendall(b"GET / HT")
    assert problem(heard(one)) == (408, "too_slow")


def test_an_answer_that_takes_long_is_not_cut(
    core: Any, web: WebServer, knock: Callable[..., socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.1)
    core.stand_still()
    one = knock(BOX)
    one.sendall(post(web, PRICE))
    one.settimeout(0.5)
    with pytest.raises(TimeoutError):
        one.recv(1)
    one.settimeout(10)
    core.go_on()
    assert one.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_body_that_does_not_come_is_not_waited_for(
    core: Any, web: WebServer, knock: Callable[..., socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "PIECE_SECONDS", 0.2)
    one = knock(BOX)
    one.sendall(post(web, PRICE[:5], length=len(PRICE)))
    assert problem(heard(one)) == (408, "too_slow")
    assert core.asked == []


def test_a_body_in_drops_is_not_waited_for_either(
    core: Any, web: WebServer, knock: Callable[..., socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.5)
    one = knock(BOX)
    one.sendall(post(web, b"{", length=60_000))
    one.settimeout(0.05)
    said = b""
    while not said:
        with suppress(TimeoutError):
            one.sendall(b" ")
            said = one.recv(65536)
    one.settimeout(10)
    assert problem(said + heard(one)) == (408, "too_slow")
    assert core.asked == []


class HandLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is handed in."""

    now = 0.0

    def time(self) -> float:
        return self.now


@pytest.mark.parametrize(("pieces", "status"), [(3, 204), (4, 408)])
def test_a_body_has_ten_seconds_a_piece_and_thirty_in_all(pieces: int, status: int) -> None:
    loop, body, said = HandLoop(), b'{"a":1}', list[Any]()
    coming = [*(body[place : place + 1] for place in range(pieces - 1)), body[pieces - 1 :]]

    async def receive() -> dict[str, Any]:
        loop.now += 9.0
        for _ in range(3):  # what is due then is done
            await asyncio.sleep(0)
        return {"type": "http.request", "body": coming.pop(0), "more_body": bool(coming)}

    async def send(message: Any) -> None:
        said.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["body"] == body
        await send({"type": "http.response.start", "status": 204, "headers": []})

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"7")]
    ends = {"client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8080)}
    scope = {"type": "http", "scheme": "http", "method": "POST", "path": "/api/prices", "headers": headers, **ends}
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(guard.Guard(app)(scope, receive, send))
    assert said[0]["status"] == status


# --- what is no request -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [-1, 5])
def test_no_body_of_unsaid_length_is_taken(
    core: Any, web: WebServer, knock: Callable[..., socket.socket], length: int
) -> None:
    one = knock(BOX)
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PRICE), PRICE)
    one.sendall(post(web, chunk, b"Transfer-Encoding: chunked", length=length))
    assert problem(heard(one)) in ((411, "no_length"), (400, "not_http"))
    assert core.asked == []


@pytest.mark.parametrize("said", [b"5", b"64000"])
def test_a_body_is_counted_as_it_comes(said: bytes) -> None:
    """Whatever the head said of it, and whoever hands it over."""
    seen: list[Any] = []
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(await receive())

    pieces = iter([{"type": "http.request", "body": b"x" * 8192, "more_body": True}] * 1000)

    async def receive() -> Any:
        return next(pieces)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", said)],
        "client": (BOX, 1),
        "server": (BOX, 80),
    }
    asyncio.run(guard.Guard(app)(scope, receive, send))
    assert sent[0]["status"] == 413
    assert seen == []
    assert len(list(pieces)) > 900


@pytest.mark.parametrize(
    "more",
    [
        (b"Content-Length: 41",),
        (b"Content-Length: 5",),
        (b"Content-length : 41",),
        (b"Host: 127.0.0.1",),
        (b"Origin: http://evil.example", b"Origin: http://127.0.0.1"),
        (b"Content-Type: text/plain",),
        (b"Sec-Fetch-Site: same-origin", b"Sec-Fetch-Site: cross-site"),
        (b"Idempotency-Key: a", b"Idempotency-Key: b"),
    ],
)
def test_what_may_stand_once_stands_once(
    core: Any, web: WebServer, knock: Callable[..., socket.socket], more: tuple[bytes, ...]
) -> None:
    assert len(PRICE) == 41
    one = knock(BOX)
    one.sendall(post(web, PRICE, *more))
    assert problem(heard(one))[0] == 400
    assert core.asked == []


@pytest.mark.parametrize(
    "bytes_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
        b"\r\n\0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 9000,
    ],
)
def test_what_is_no_http_is_told_so_without_a_line_in_the_log(
    web: WebServer, knock: Callable[..., socket.socket], caplog: pytest.LogCaptureFixture, bytes_: bytes
) -> None:
    one = knock(BOX)
    with suppress(OSError):
        one.sendall(bytes_)
    assert problem(heard(one)) == (400, "not_http")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_who_would_speak_something_else_is_answered_in_http_and_read_no_further(
    web: WebServer, knock: Callable[..., socket.socket]
) -> None:
    one = knock(BOX)
    one.sendall(get(web)[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + get(web))
    said = heard(one)
    assert said.startswith(b"HTTP/1.1 200")
    assert said.count(b"HTTP/1.1") == 1


def test_requests_in_drops_one_behind_the_other_are_answered_in_their_order(
    web: WebServer, knock: Callable[..., socket.socket]
) -> None:
    one = knock(BOX)
    whole = get(web, b"/api/board") + post(web, PRICE, origin(web)) + get(web, b"/static/nothing")
    for place in range(0, len(whole), 7):
        one.sendall(whole[place : place + 7])
    said = b""
    while said.count(b"HTTP/1.1 ") < 3:
        said += one.recv(65536)
    assert [part[:3] for part in said.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"404"]


def test_get_has_a_body_of_no_size_or_a_small_one(web: WebServer, knock: Callable[..., socket.socket]) -> None:
    one = knock(BOX)
    one.sendall(get(web)[:-2] + b"Content-Length: 100000000\r\n\r\n")
    assert problem(heard(one)) == (413, "too_large")
    with served_to(BOX, web) as client:
        assert client.get("/health", headers={"Content-Length": "0"}).status_code == 200

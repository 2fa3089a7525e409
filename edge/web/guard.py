"""Who may talk to the station's pages, and the headers every answer carries.

The pages have no passwords: whoever stands at the box may use it.  So a foreign web page, open in the same browser,
must not.  Two ways are closed: a post from another site (``Origin``), and a name of somebody else's that was made to
point at this box (``Host``; DNS rebinding).
"""

import asyncio
import socket
from collections.abc import Iterable
from functools import partial
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.web.addresses import is_loopback, on_the_box, spelled
from edge.web.problems import SECURITY, TOO_SLOW, Refusal
from protocol.plain import plain

LARGEST_BODY = 64 * 1024
PIECE_SECONDS = 10.0  # until the next piece of a body has to be here
BODY_SECONDS = 30.0  # and the whole of it
SAFE = {"GET", "HEAD", "OPTIONS"}
ONCE = ("host", "origin", "content-length", "content-type", "sec-fetch-site", "idempotency-key")

TOO_LARGE = Refusal(413, "too_large", "请求过大", f"the body is larger than {LARGEST_BODY} bytes")
NO_LENGTH = Refusal(
    411,
    "no_length",
    "请求须有 Content-Length，且不得有 Transfer-Encoding",
    "send Content-Length, and no Transfer-Encoding",
)
NOT_JSON = Refusal(415, "not_json", "请求须为 application/json", "send Content-Type: application/json")
FOREIGN_ORIGIN = Refusal(
    403,
    "foreign_origin",
    "只接受本机页面或本机程序的写入请求",
    "writes are accepted from the station's own pages and from programs on the box itself; "
    "a program elsewhere must name the station's address in the Origin header",
)


class Guard:
    """ASGI middleware. ``allow`` names further host names by which browsers may reach the station.

    The app gets a request whose body is here already, whole and counted.
    """

    def __init__(self, app: ASGIApp, allow: Iterable[str] = ()) -> None:
        own = socket.gethostname().lower()
        self._app = app
        self._names = {name.lower() for name in allow} | {own, f"{own}.local"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if not refusal and headers.get("content-length", "0") != "0":
            body = await _body(receive)
            if body is None:
                return
            if isinstance(body, Refusal):
                refusal = body
            else:
                receive = _given(body, receive)
        if refusal:
            await refusal.answer(send)
        else:
            await self._app(scope, receive, partial(_send, send))

    def _refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        for name in ONCE:
            if len(headers.getlist(name)) > 1:
                return Refusal(
                    400, "doubled", f"请求头 {name} 只能有一个", f"the header {name} may stand there only once"
                )
        authority = headers.get("host", "")
        if not self._known(scope, _hostname(authority)):
            named = plain(authority, 64)
            return Refusal(
                403,
                "foreign_host",
                f"不接受主机名 {named}；请用本机地址，或在配置 [web] allow 中加入该名称",
                f"host name {named} is not accepted: use the box's address, or add the name to [web] allow",
            )
        if scope["method"] not in SAFE and not _same_origin(scope, headers, authority):
            return FOREIGN_ORIGIN
        return _body_refusal(scope["method"], headers)

    def _known(self, scope: Scope, name: str) -> bool:
        server = _server(scope)
        return name in self._names or name == server or (is_loopback(server) and is_loopback(name))


def _same_origin(scope: Scope, headers: Headers, authority: str) -> bool:
    origin = headers.get("origin")
    if origin is not None:
        return origin.lower() in (f"http://{authority.lower()}", f"https://{authority.lower()}")
    if headers.get("sec-fetch-site") is not None:
        return headers["sec-fetch-site"] == "same-origin"
    client = scope.get("client")
    return client is not None and on_the_box(client[0], _server(scope))


def _body_refusal(method: str, headers: Headers) -> Refusal | None:
    """Of a body only what the headers say of it; ``_body`` counts what comes."""
    length = headers.get("content-length", "0" if method != "POST" else "")
    if "transfer-encoding" in headers or not length.isdecimal():
        return NO_LENGTH
    if len(length) > 20 or int(length) > LARGEST_BODY:
        return TOO_LARGE
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if (method == "POST" or int(length)) and kind != "application/json":
        return NOT_JSON
    return None


async def _body(receive: Receive) -> bytes | Refusal | None:
    """The whole body; None when the client has gone."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                async with asyncio.timeout(PIECE_SECONDS):
                    message = await receive()
                if message["type"] != "http.request":
                    return None
                body += message.get("body", b"")
                if len(body) > LARGEST_BODY:
                    return TOO_LARGE
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return TOO_SLOW


def _given(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that begins with the body."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return first.pop() if first else await receive()

    return next_message


async def _send(send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        headers = MutableHeaders(scope=message)
        for name, value in SECURITY.items():
            headers.setdefault(name, value)
        headers.setdefault("Cache-Control", "no-store")
    await send(message)


def _hostname(authority: str) -> str:
    try:
        return spelled(urlsplit(f"//{authority}").hostname or "")
    except ValueError:
        return ""


def _server(scope: Scope) -> str:
    """The address of this box that the client connected to."""
    server = scope.get("server")
    return spelled(server[0]) if server else ""

"""Who may talk to the station's pages, and the headers every answer carries.

The pages have no passwords: whoever stands at the box may use it.  So a foreign web page, open in the same browser,
must not.  Two ways are closed: a post from another site (``Origin``), and a name of somebody else's that was made to
point at this box (``Host``; DNS rebinding).
"""

import ipaddress
import json
import socket
from collections.abc import Iterable
from functools import partial
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 1024
SAFE = {"GET", "HEAD", "OPTIONS"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_Refusal = tuple[int, str, str, str]


class Guard:
    """ASGI middleware. ``allow`` names further host names by which browsers may reach the station."""

    def __init__(self, app: ASGIApp, allow: Iterable[str] = ()) -> None:
        own = socket.gethostname().lower()
        self._app = app
        self._names = {name.lower() for name in allow} | {own, f"{own}.local"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope, Headers(scope=scope))
        if refusal:
            await _refuse(refusal, send)
        else:
            await self._app(scope, receive, partial(_send, send))

    def _refusal(self, scope: Scope, headers: Headers) -> _Refusal | None:
        authority = headers.get("host", "")
        if not self._known(scope, _hostname(authority)):
            return (
                403,
                "foreign_host",
                f"不接受主机名 {authority[:64]}；请用本机地址，或在配置 [web] allow 中加入该名称",
                f"host name {authority[:64]} is not accepted: use the box's address, or add the name to [web] allow",
            )
        if scope["method"] in SAFE:
            return None
        return _origin_refusal(scope, headers, authority) or _body_refusal(headers)

    def _known(self, scope: Scope, name: str) -> bool:
        server = _server(scope)
        return name in self._names or name == server or (_is_loopback(server) and _is_loopback(name))


def _origin_refusal(scope: Scope, headers: Headers, authority: str) -> _Refusal | None:
    origin = headers.get("origin")
    if origin is not None:
        same = origin.lower() in (f"http://{authority.lower()}", f"https://{authority.lower()}")
    elif headers.get("sec-fetch-site") is not None:
        same = headers["sec-fetch-site"] == "same-origin"
    else:
        client = scope.get("client")
        same = client is not None and (_is_loopback(client[0]) or _address(client[0]) == _server(scope))
    if same:
        return None
    return (
        403,
        "foreign_origin",
        "只接受本机页面或本机程序的写入请求",
        (
            "writes are accepted from the station's own pages and from programs on the box itself; "
            "a program elsewhere must name the station's address in the Origin header"
        ),
    )


def _body_refusal(headers: Headers) -> _Refusal | None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return 415, "not_json", "请求须为 application/json", "send Content-Type: application/json"
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return 411, "no_length", "请求须有 Content-Length", "send Content-Length"
    if int(length) > LARGEST_BODY:
        return 413, "too_large", "请求过大", f"the body is larger than {LARGEST_BODY} bytes"
    return None


async def _send(send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        headers = MutableHeaders(scope=message)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("Cache-Control", "no-store")
    await send(message)


async def _refuse(refusal: _Refusal, send: Send) -> None:
    status, code, zh, en = refusal
    body = json.dumps({"code": code, "message_zh": zh, "message_en": en}, ensure_ascii=False).encode()
    start: Message = {
        "type": "http.response.start",
        "status": status,
        "headers": [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ],
    }
    await _send(send, start)
    await send({"type": "http.response.body", "body": body})


def _hostname(authority: str) -> str:
    try:
        return _address(urlsplit(f"//{authority}").hostname or "")
    except ValueError:
        return ""


def _server(scope: Scope) -> str:
    """The address of this box that the client connected to."""
    server = scope.get("server")
    return _address(server[0]) if server else ""


def _address(text: str) -> str:
    """One spelling for one address."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text.lower()
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(_address(name)).is_loopback
    except ValueError:
        return False

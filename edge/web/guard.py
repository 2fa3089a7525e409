"""Who may talk to the station's pages, and the headers every answer carries.

Who may do what is asked behind it (``reception.py``): people by session, programs by token; on a box where nobody has a
name whoever stands at it may use it.  A foreign web page, open in the same browser, must not in either case.  Two ways
are closed here: a post from another site (``Origin``), and a name of somebody else's that was made to point at this box
(``Host``; DNS rebinding).  A program that shows a token is no web page, so it names no origin.
"""

import asyncio
import socket
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.web.addresses import KEPT, is_loopback, on_the_box, spelled
from edge.web.heads import headers_of
from edge.web.problems import TOO_SLOW, Refusal, framed_by
from protocol.city.photos import JPEG, LARGEST, PNG, WEBP
from protocol.plain import plain

LARGEST_BODY = 64 * 1024
PHOTOS = "/api/photos"  # the one address that takes more, and no JSON …
PHOTO_KINDS = frozenset({JPEG, PNG, WEBP})
AT_ONCE = 3  # … and of those that come, so many are in memory at once
PIECE_SECONDS = 10.0  # until the next piece of a body has to be here
BODY_SECONDS = 30.0  # and the whole of it
SAFE = {"GET", "HEAD", "OPTIONS"}
LONGEST_HOST = 300  # letters: no name of a host has more, with its port
ONCE = {
    *(b"host", b"origin", b"content-length", b"content-type", b"sec-fetch-site", b"idempotency-key"),
    *(b"authorization", b"cookie", b"approval", b"x-csrf-token"),
}

TOO_LARGE = Refusal(413, "too_large", "请求过大", f"the body is larger than {LARGEST_BODY} bytes")
NO_LENGTH = Refusal(
    411,
    "no_length",
    "请求须有 Content-Length，且不得有 Transfer-Encoding",
    "send Content-Length, and no Transfer-Encoding",
)
NOT_JSON = Refusal(415, "not_json", "请求须为 application/json", "send Content-Type: application/json")
NOT_A_PHOTO = Refusal(
    415, "not_a_photo", "照片须为 JPEG、PNG 或 WebP", "send image/jpeg, image/png or image/webp as Content-Type"
)
PHOTO_TOO_LARGE = Refusal(
    413, "photo_large", f"照片过大：不超过 {LARGEST >> 20} MB", f"the photo is larger than {LARGEST} bytes"
)
PHOTOS_WAIT = Refusal(
    503, "crowded", "正在接收其他照片，请稍后再试", "other photos are coming in: try again in a moment"
)
FOREIGN_ORIGIN = Refusal(
    403,
    "foreign_origin",
    "只接受本机页面或本机程序的写入请求",
    "writes are accepted from the station's own pages and from programs on the box itself; "
    "a program elsewhere must name the station's address in the Origin header",
)


class Guard:
    """ASGI middleware. ``allow`` names further host names by which browsers may reach the station, ``frames`` the
    origins whose pages may show ours in a frame.

    The app gets a request whose body is here already, whole and counted.
    """

    def __init__(self, app: ASGIApp, allow: Iterable[str] = (), frames: Iterable[str] = ()) -> None:
        own = socket.gethostname().lower()
        self._app = app
        self._names = {name.lower() for name in allow} | {own, f"{own}.local"}
        usual = framed_by(frames) | {"Cache-Control": "no-store"}
        self._usual = [(name.lower().encode(), value.encode()) for name, value in usual.items()]
        self._photos = 0  # that are coming

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = headers_of(scope)
        refusal = self._refusal(scope, headers)
        if refusal is None and scope["path"] == PHOTOS and scope["method"] == "POST":
            if self._photos >= AT_ONCE:
                refusal = PHOTOS_WAIT
            else:
                self._photos += 1
                try:
                    await self._serve(scope, receive, send, headers, LARGEST, PHOTO_TOO_LARGE)
                finally:
                    self._photos -= 1
                return
        if refusal:
            await refusal.answer(send)
        else:
            await self._serve(scope, receive, send, headers, LARGEST_BODY, TOO_LARGE)

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str], most: int, too_large: Refusal
    ) -> None:
        """The app, with the body in hand; nothing of it when that is larger than ``most``."""
        if headers.get("content-length", "0") != "0":
            body = await _body(receive, most, too_large)
            if body is None:
                return
            if isinstance(body, Refusal):
                await body.answer(send)
                return
            receive = _given(body, receive)
        await self._app(scope, receive, partial(_send, self._usual, send))

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> Refusal | None:
        seen: set[bytes] = set()
        for name, _ in scope["headers"]:
            if name in seen:
                once = name.decode()
                return Refusal(
                    400, "doubled", f"请求头 {once} 只能有一个", f"the header {once} may stand there only once"
                )
            if name in ONCE:
                seen.add(name)
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
        return _body_refusal(scope["method"], scope["path"], headers)

    def _known(self, scope: Scope, name: str) -> bool:
        server = _server(scope)
        return name in self._names or name == server or (is_loopback(server) and is_loopback(name))


def _same_origin(scope: Scope, headers: Mapping[str, str], authority: str) -> bool:
    origin = headers.get("origin")
    if origin is not None:
        return origin.lower() == f"{scope['scheme']}://{authority.lower()}"
    if "authorization" in headers:
        return True
    if headers.get("sec-fetch-site") is not None:
        return headers["sec-fetch-site"] == "same-origin"
    client = scope.get("client")
    return client is not None and on_the_box(client[0], _server(scope))


def _body_refusal(method: str, path: str, headers: Mapping[str, str]) -> Refusal | None:
    """Of a body only what the headers say of it; ``_body`` counts what comes."""
    length = headers.get("content-length", "0" if method != "POST" else "")
    if "transfer-encoding" in headers or not length.isdecimal():
        return NO_LENGTH
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method == "POST" and path == PHOTOS:
        if len(length) > 20 or int(length) > LARGEST:
            return PHOTO_TOO_LARGE
        return None if kind in PHOTO_KINDS else NOT_A_PHOTO
    if len(length) > 20 or int(length) > LARGEST_BODY:
        return TOO_LARGE
    if (method == "POST" or int(length)) and kind != "application/json":
        return NOT_JSON
    return None


async def _body(receive: Receive, most: int, too_large: Refusal) -> bytes | Refusal | None:
    """The whole body, of at most so many bytes; None when the client has gone."""
    body, now = bytearray(), asyncio.get_running_loop().time
    end = now() + BODY_SECONDS
    try:
        async with asyncio.timeout(PIECE_SECONDS) as limit:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                body += message.get("body", b"")
                if len(body) > most:
                    return too_large
                if not message.get("more_body", False):
                    return bytes(body)
                limit.reschedule(min(end, now() + PIECE_SECONDS))
    except TimeoutError:
        return TOO_SLOW


def _given(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that begins with the body."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return first.pop() if first else await receive()

    return next_message


async def _send(usual: Sequence[tuple[bytes, bytes]], send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        own = message["headers"]
        named = {name for name, _ in own}
        message["headers"] = [*own, *(header for header in usual if header[0] not in named)]
    await send(message)


def _hostname(authority: str) -> str:
    return _named(authority) if len(authority) <= LONGEST_HOST else ""


@lru_cache(maxsize=KEPT)
def _named(authority: str) -> str:
    try:
        return spelled(urlsplit(f"//{authority}").hostname or "")
    except ValueError:
        return ""


def _server(scope: Scope) -> str:
    """The address of this box that the client connected to."""
    server = scope.get("server")
    return spelled(server[0]) if server else ""

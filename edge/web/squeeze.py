"""Pages and static files go compressed over the wire, where it pays and the client takes it; a stream never does.

To the box's own browser nothing goes over a wire: what is made anew each time is not compressed for it.
"""

import gzip
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.web.addresses import on_the_box

LEAST = 1000  # a shorter answer fits one packet as it is
LEVEL = 6
KINDS = ("text/html", "application/json", "text/plain")


def squeezed(body: bytes) -> bytes:
    """As gzip, the same bytes each time."""
    return gzip.compress(body, LEVEL, mtime=0)


def takes_gzip(headers: Headers) -> bool:
    """Whether this client takes it; ``gzip;q=0`` is a refusal."""
    for part in headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = part.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


class Squeeze:
    """ASGI middleware: whole answers of ``KINDS`` are compressed; what comes in pieces passes as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _near(scope) or not takes_gzip(Headers(scope=scope)):
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, _squeezing(send))


def _near(scope: Scope) -> bool:
    client, server = scope.get("client"), scope.get("server")
    return client is not None and on_the_box(client[0], server[0] if server else "")


def _squeezing(send: Send) -> Callable[[Message], Any]:
    start: Message | None = None

    async def squeeze(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start" and _pays(message):
            start = message
            return
        if start is not None:
            headers = MutableHeaders(scope=start)
            if not message.get("more_body", False) and len(message.get("body", b"")) >= LEAST:
                message = {**message, "body": squeezed(message["body"])}
                headers["Content-Encoding"] = "gzip"
                headers["Content-Length"] = str(len(message["body"]))
            headers.add_vary_header("Accept-Encoding")
            await send(start)
            start = None
        await send(message)

    return squeeze


def _pays(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return "content-encoding" not in headers and headers.get("content-type", "").partition(";")[0] in KINDS

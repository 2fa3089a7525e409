"""The one form of every error: ``{"code": …, "message_zh": …, "message_en": …}``, wherever it is found.

``code`` is a fixed word for programs.  Here are those that come before the app: from a connection, or from the guard.
"""

import json
from collections.abc import Iterable
from http import HTTPStatus

from starlette.types import Send

from protocol.frozen import frozen

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def framed_by(origins: Iterable[str]) -> dict[str, str]:
    """``SECURITY`` where pages of these origins, and no others, may show ours in a frame."""
    if not (named := " ".join(origins)):
        return SECURITY
    policy = SECURITY["Content-Security-Policy"].replace("frame-ancestors 'none'", f"frame-ancestors {named}")
    return {name: value for name, value in SECURITY.items() if name != "X-Frame-Options"} | {
        "Content-Security-Policy": policy
    }


@frozen
class Refusal:
    """An answer that ends its connection: what else was sent on it is not looked at."""

    status: int
    code: str
    zh: str
    en: str

    @property
    def body(self) -> bytes:
        said = {"code": self.code, "message_zh": self.zh, "message_en": self.en}
        return json.dumps(said, ensure_ascii=False).encode()

    def headers(self) -> list[tuple[bytes, bytes]]:
        own = {"Content-Type": "application/json", "Content-Length": str(len(self.body)), "Connection": "close"}
        named = own | SECURITY | {"Cache-Control": "no-store"}
        return [(name.lower().encode(), value.encode()) for name, value in named.items()]

    async def answer(self, send: Send) -> None:
        """As ASGI."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers()})
        await send({"type": "http.response.body", "body": self.body})

    def whole(self) -> bytes:
        """As HTTP, where there is no app yet."""
        head = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n".encode()
        return head + b"".join(b"%s: %s\r\n" % header for header in self.headers()) + b"\r\n" + self.body


CROWDED = Refusal(
    503,
    "crowded",
    "连接过多；请关闭不用的页面和程序，稍后再试",
    "too many connections: close pages and programs that are not used, and try again",
)
NOT_HTTP = Refusal(400, "not_http", "不是有效的 HTTP 请求", "this is no valid HTTP request")
TOO_SLOW = Refusal(
    408, "too_slow", "请求没有发完，等待超时；请重试", "the request did not come to its end in time: try again"
)
NEEDS_TLS = Refusal(
    400,
    "needs_tls",
    "此端口只接受加密连接，请用 https:// 开头的地址",
    "this port is encrypted: use an address that begins with https://",
)

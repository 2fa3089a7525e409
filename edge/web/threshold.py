"""A connection to the TLS port, until it has shown what it is.

It has its place at the door from its first moment on, and five seconds for its handshake.  Who speaks plain HTTP here
gets the authority's certificate (``/ca.crt``: public, to be compared by its fingerprint) or is sent to ``https://``.
"""

import asyncio
import re
from asyncio.sslproto import SSLProtocol
from contextlib import suppress
from functools import partial
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from edge.web import serving
from edge.web.addresses import peer
from edge.web.door import Door
from edge.web.encryption import Encryption
from edge.web.problems import NEEDS_TLS, SECURITY
from edge.web.serving import HttpConnection

HANDSHAKE = b"\x16"  # the first byte of TLS
CLOSE_SECONDS = 2.0
LONGEST_HEAD = 8 * 1024
AUTHORITY = "/ca.crt"
_ASKED = re.compile(rb"(GET|HEAD) (/[!-~]*) HTTP/1\.[01]\r\n")
_HOST = re.compile(rb"^host:[ \t]*([a-z0-9.\-:\[\]]+)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


class Threshold(asyncio.Protocol):
    """What uvicorn makes of every connection; the HTTP behind it stays uvicorn's own."""

    def __init__(
        self, config: uvicorn.Config, server_state: ServerState, app_state: dict[str, Any], _loop: Any = None
    ) -> None:
        self._loop: asyncio.AbstractEventLoop = _loop or asyncio.get_running_loop()
        self._standing: set[Any] = server_state.connections
        self._door: Door = config.app.state.door  # type: ignore[union-attr]
        self._tls: Encryption = config.app.state.tls  # type: ignore[union-attr]
        self._http = partial(HttpConnection, config, server_state, app_state, _loop, host=self)
        self.transport: asyncio.Transport | None = None
        self._peer: str | None = None
        self._late: asyncio.TimerHandle | None = None
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        ends = [transport.get_extra_info(name) for name in ("peername", "sockname")]
        who = peer(*(end[0] if end else "" for end in ends))
        if not self._door.connections.take(who):
            transport.abort()
            return
        self._peer = who
        self.rest()
        self._standing.add(self)
        self._late = self._loop.call_later(serving.HEAD_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        if not self._head and data.startswith(HANDSHAKE):
            self._encrypt(data)
            return
        self._head += data
        if b"\n\r\n" in self._head or len(self._head) > LONGEST_HEAD or not self._head[:1].isalpha():
            self._answer_plainly()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._arrived()
        self._leave()

    def rest(self) -> None:
        """Nothing is asked over it."""
        if self._peer is not None:
            self._door.connections.rests(self, self._peer)

    def let_go(self) -> None:
        """Somebody else gets its place."""
        assert self.transport is not None
        self._leave()
        self.transport.abort()

    def _leave(self) -> None:
        self._door.connections.works(self)
        if self._peer is not None:
            self._door.connections.leave(self._peer)
            self._peer = None

    def shutdown(self) -> None:
        """uvicorn's word to all that stand."""
        assert self.transport is not None
        self.transport.abort()

    def _arrived(self) -> None:
        self._standing.discard(self)
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _encrypt(self, data: bytes) -> None:
        """Let the handshake go on from its first bytes; HTTP begins behind it."""
        assert self.transport is not None and self._late is not None
        self._late.cancel()
        http = self._http()
        waiter = self._loop.create_future()
        waiter.add_done_callback(partial(self._shaken, http))
        inside = Encrypted(
            self,
            self._loop,
            http,
            self._tls.context,
            waiter,
            server_side=True,
            ssl_handshake_timeout=serving.HEAD_SECONDS,
            ssl_shutdown_timeout=CLOSE_SECONDS,
        )
        self.transport.set_protocol(inside)
        inside.connection_made(self.transport)
        while data:
            room = inside.get_buffer(len(data))
            size = min(len(room), len(data))
            room[:size] = data[:size]
            inside.buffer_updated(size)
            data = data[size:]

    def _shaken(self, http: HttpConnection, waiter: asyncio.Future[None]) -> None:
        """The handshake is over."""
        if not waiter.cancelled():
            waiter.exception()
        if getattr(http, "transport", None) is None:  # it was never made
            self._tls.failed += 1
        self._arrived()

    def _answer_plainly(self) -> None:
        assert self.transport is not None
        asked, host = _ASKED.match(self._head), _HOST.search(self._head)
        if asked and asked[2].decode() == AUTHORITY and (authority := self._authority()):
            body = b"" if asked[1] == b"HEAD" else authority
            self.transport.write(authority_head(len(authority)) + body)
        elif asked and host:
            to = b"https://" + host[1] + asked[2]
            self.transport.write(_head(b"307 Temporary Redirect", b"Location: " + to, b"Content-Length: 0"))
        elif self._head[:1].isalpha():
            self.transport.write(NEEDS_TLS.whole())
        self.transport.close()

    def _authority(self) -> bytes:
        with suppress(OSError):
            return self._tls.authority()
        return b""


class Encrypted(SSLProtocol):
    """asyncio's TLS, which also tells the threshold when the connection is gone."""

    def __init__(self, threshold: Threshold, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._threshold = threshold

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._threshold.connection_lost(exc)


def authority_head(length: int) -> bytes:
    """Of the answer with the authority's certificate, as phones take it."""
    kind = b"Content-Type: application/x-x509-ca-cert"
    return _head(b"200 OK", kind, b"Content-Length: %d" % length)


def _head(status: bytes, *lines: bytes) -> bytes:
    security = [f"{name}: {value}".encode() for name, value in SECURITY.items()]
    return b"\r\n".join(
        [b"HTTP/1.1 " + status, *lines, b"Cache-Control: no-store", b"Connection: close", *security, b"", b""]
    )

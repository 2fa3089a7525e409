"""uvicorn, set up for a small box: no signals, no log of its own, nothing to do while nobody asks."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, cast

import uvicorn
from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edge.between.failures import cause_of
from edge.between.sparing import Sparing
from edge.web.addresses import peer
from edge.web.door import Door, Guest
from edge.web.encryption import Encryption
from edge.web.problems import CROWDED, NOT_HTTP, TOO_SLOW, Refusal

if TYPE_CHECKING:
    from edge.web.app import App

log = logging.getLogger("web")
SLOW_SECONDS = 10.0
HEAD_SECONDS = 5.0
VERSIONS = ("1.1", "1.0")
LONGEST_HEAD = 16 * 1024  # bytes of one that is not whole yet
HIGH_WATER = 64 * 1024  # bytes that may wait for one who reads slowly
LOOK_SECONDS = 60.0  # between two looks at the certificate's files and the date
READ_BYTES = 64 * 1024  # at a time: asyncio's own 256 kB are memory that the C library maps anew for each read
BACKLOG = 128  # connections that the kernel keeps for us, and that asyncio accepts before the door can close one
_CROWDED = CROWDED.whole()


class Doorway(socket.socket):
    """A listening socket that lets go whom the door has no place for before anything is made for him."""

    def __init__(self, bound: socket.socket, door: Door, told: bytes = _CROWDED) -> None:
        super().__init__(bound.family, bound.type, bound.proto, fileno=bound.detach())
        self._door = door
        self._told = told

    def accept(self) -> tuple[socket.socket, Any]:
        """Raises BlockingIOError after one that was let go: the others have their turn."""
        one, address = super().accept()
        if self._door.connections.free(peer(address[0], one.getsockname()[0])):
            return one, address
        one.setblocking(False)
        with suppress(OSError), one:
            one.send(self._told)
        raise BlockingIOError


class Host(Guest, Protocol):
    """What has the place of a connection that is encrypted."""

    def rest(self) -> None: ...


class Whole:
    """A transport that an answer's head leaves with what follows at once: each piece is a system call, during which
    another thread takes the interpreter."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._head or not data.startswith(b"HTTP/1.1 "):
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._head = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            self.write(b"")


class HttpConnection(HttpToolsProtocol):
    """Has a place at the door, or is closed with a word. ``host`` has it already, with its handshake done.

    The parser is node's (llhttp): a head of two lengths, or with a blank before a colon, is no HTTP to it.

    A client has five seconds from its first byte, or from the connection, for the whole head of a request; one that
    has taken nothing of a full buffer for ten seconds is cut.  Of a body's time see ``guard.py``.
    """

    _peer: str | None = None  # whose place it has
    _cut: asyncio.TimerHandle | None = None
    _late: asyncio.TimerHandle | None = None
    _in_head = True  # what comes next belongs to the head of a request …
    _head_bytes = 0  # … of which so much has come

    def __init__(self, *args: Any, host: Host | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._host = host
        self._door: Door = self.config.app.state.door  # type: ignore[union-attr]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if hasattr(transport, "max_size"):  # asyncio's, of a socket
            transport.max_size = READ_BYTES
        super().connection_made(cast(asyncio.Transport, Whole(transport, self.loop)))
        if self._host is not None:
            transport.set_write_buffer_limits(HIGH_WATER)  # of TLS it would be eight times that
            self._expect_head()
            return
        who = peer(self.client[0] if self.client else "", self.server[0] if self.server else "")
        if self._door.connections.take(who):
            self._peer = who
            self._rest()
            self._expect_head()
        else:
            self._refuse(CROWDED)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self._keep()
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if not (self._in_head and self._head_bytes):
            self._head_came()
        elif self._head_bytes > LONGEST_HEAD:
            self._refuse(NOT_HTTP)
        elif self._answered():
            self._expect_head()

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        if version not in VERSIONS or (version == "1.1" and not any(name == b"host" for name, _ in self.headers)):
            raise HttpParserError("no HTTP/1.0 or 1.1 with its host")
        super().on_headers_complete()
        self._in_head = False
        if self.parser.should_upgrade():  # to what nobody speaks here: nothing behind it is read
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._head_bytes = True, 0

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._answered():  # else the next request was here already
            self._rest()

    def let_go(self) -> None:
        """Somebody else gets its place."""
        self._leave()
        self.transport.close()

    def _rest(self) -> None:
        if self._host is not None:
            self._host.rest()
        elif self._peer is not None:
            self._door.connections.rests(self, self._peer)

    def _work(self) -> None:
        self._door.connections.works(self._host or self)

    def _leave(self) -> None:
        self._work()
        if self._peer is not None:
            self._door.connections.leave(self._peer)
            self._peer = None

    def send_400_response(self, msg: str) -> None:
        """uvicorn's word for what is no HTTP."""
        self._refuse(NOT_HTTP)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._cut is None:
            self._cut = self.loop.call_later(SLOW_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._keep()

    def _expect_head(self) -> None:
        if self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_came(self) -> None:
        self._work()
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _head_is_late(self) -> None:
        if self._head_bytes:
            self._refuse(TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Say so, unless an answer is under way, and close."""
        if self._answered():
            self.transport.write(refusal.whole())
        self.transport.close()

    def _answered(self) -> bool:
        """Whether no answer is under way."""
        return self.cycle is None or self.cycle.response_complete

    def _keep(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None


def _connection(tls: Encryption | None) -> type[asyncio.Protocol]:
    if tls is None:
        return HttpConnection
    from edge.web.threshold import Threshold

    return Threshold


class Serving(uvicorn.Server):
    """Runs until ``stop_soon``; calls ``ready`` once it accepts. With ``app.state.tls`` all but a few words is TLS."""

    def __init__(self, app: "App", ready: Callable[[], None]) -> None:
        self._tls: Encryption | None = app.state.tls
        super().__init__(
            uvicorn.Config(
                app,
                http=_connection(self._tls),
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="error",  # of strangers' bad requests it has a line each
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                backlog=BACKLOG,
                timeout_graceful_shutdown=2,
            )
        )
        self._live = app.state.live
        self._door = app.state.door
        self._ready = ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()
        self._told = Sparing()

    def serve_at(self, bound: socket.socket) -> None:
        """Until it is stopped or fails; the address is free then."""
        told = b"" if self._tls else _CROWDED
        with Doorway(bound, self._door, told) as doorway:
            self.run(sockets=[doorway])

    def stop_soon(self) -> None:
        """From any thread."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._ended.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Nobody is left connected: an open end would outlive the loop.

        Whom asyncio has accepted comes in first; closed before, it leaves his end open for good.  Whom uvicorn's two
        seconds were too short for is cut.
        """
        loop = asyncio.get_running_loop()
        for server in self.servers:
            for one in server.sockets:
                loop.remove_reader(one.fileno())
        for _ in range(3):  # accepted, connected, served
            await asyncio.sleep(0)
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    async def main_loop(self) -> None:
        """uvicorn's own wakes ten times a second to look at its flag; this one sleeps."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._complain)
        self._ready()
        keeping = self._loop.create_task(self._keep_certificate(self._tls)) if self._tls else None
        if not self.should_exit:
            await self._ended.wait()
        if keeping is not None:
            keeping.cancel()
        self._live.close()

    async def _keep_certificate(self, tls: Encryption) -> None:
        """Look now and then, in a thread: files are read and written, keys are made."""
        while True:
            try:
                if tls.due() and await asyncio.to_thread(tls.look):
                    tls.take()
            except Exception as error:
                log.error("certificate: %s", cause_of(error), exc_info=error)
            await asyncio.sleep(LOOK_SECONDS)

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What the loop cannot do, such as accept while no descriptor is left: it would say so thousands of times."""
        if self._told.due(str(context.get("message")), time.monotonic()):
            loop.default_exception_handler(context)

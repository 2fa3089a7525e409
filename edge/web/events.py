"""Server-sent events: what changed on the board, to every page that is open.

    retry: 1000
    data: {"at":81234567,"alive":true,"version":41,"scales":[…],"city":{…}}     the parts that changed, whole
    event: pulse
    data: {"at":81235567,"alive":true}                                          on /api/live?pulse=1, every second
    event: scan
    data: {"scanner":"scanner-1","text":"6901234567892"}                         on …&scans=1; an empty text was no code
    :                                                                            otherwise every ten seconds

``customers`` is how many screens stand before customers, where there are any.
The first message holds every part, and the ``token`` of the process as ``/health`` has it.  ``at`` is the station's
steady clock in milliseconds: a page uses it to see that what it received was held up on the way.  The pulse is for
pages that show a weight: a weight that lies still changes nothing, so silence alone could not be told from a cut line.
``alive`` is false when the core thread has stopped; that is told when it happens, not at the next pulse.

A scan goes to one reader: of those that ask for scans where the scanner's codes go to, the one that came last, which is
the page a person opened or turned to last.  Without any the core is told.

Nothing else is queued for a reader: each takes the newest board when it is ready for it.  Without readers nobody
watches.
"""

import asyncio
import json
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, fields
from functools import lru_cache
from operator import attrgetter
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from edge.between.board import Board, HandedScan, PrintView, Showing
from edge.web.addresses import BOX, peer
from edge.web.door import Places
from edge.web.problems import CROWDED

GAP = 0.1
HEARTBEAT = 10.0
PULSE = 1.0
DEAD_AFTER = 2.0
MOST_SCANS = 8  # that wait for one reader
NOBODY = ("", 0)  # who asks without a socket
View = Callable[[Board], dict[str, Any]]
PARTS = tuple(field.name for field in fields(Board) if field.name != "version")
_all = attrgetter(*PARTS)


def dumps(value: Any) -> bytes:
    """JSON, with dataclasses as objects of their fields."""
    return _JSON.encode(value).encode()


@lru_cache(maxsize=256)
def _names(kind: type) -> tuple[str, ...]:
    """A dataclass's fields; raises TypeError for anything else."""
    return tuple(one.name for one in fields(kind))


def _by_name(value: Any) -> dict[str, Any]:
    kind: Any = type(value)
    return {name: getattr(value, name) for name in _names(kind)}


def _without_text(paper: PrintView) -> dict[str, Any]:
    return {name: value for name, value in _by_name(paper).items() if name != "text"}


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_by_name)


def alive(showing: Showing, now: float) -> bool:
    """False when the core thread has not gone round for two seconds: the board is then no longer true."""
    return showing.beat is None or now - showing.beat < DEAD_AFTER


@dataclass(slots=True, eq=False)
class Reader:
    """``scans_at``: whose scans it takes, an address or ``BOX``; None for nobody's."""

    scans_at: str | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    scans: deque[HandedScan] = field(default_factory=lambda: deque(maxlen=MOST_SCANS))


class Live:
    """Wakes the readers when the board changed, at most every ``gap`` seconds. Lives in the web thread's loop."""

    def __init__(
        self,
        showing: Showing,
        *,
        gap: float = GAP,
        heartbeat: float = HEARTBEAT,
        pulse: float = PULSE,
        steady: Callable[[], float] = time.monotonic,
        token: str = "",
        no_page: Callable[[str], None] = lambda scanner: None,
    ) -> None:
        """``no_page`` is told of a scanner whose code found no reader."""
        self.showing = showing
        self.no_page = no_page
        self.token = token
        self.steady = steady
        self._gap, self._heartbeat, self._pulse = gap, heartbeat, pulse
        self._readers: dict[Reader, None] = {}  # who came last stands last
        self._encoded: dict[str, tuple[Any, bytes]] = {}
        self._put_together: tuple[Board | None, Board | None, bytes] = (None, None, b"")
        self._signalled = False
        self._woken = float("-inf")
        self._closed = False
        self.customers = 0  # screens before customers that are open
        self._unwatch: Callable[[], None] | None = None

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self._wake()

    async def follow(
        self,
        pulse: bool,
        view: View | None = None,
        scans_at: str | None = None,
        still: Callable[[], bool] = lambda: True,
    ) -> AsyncIterator[bytes]:
        """The stream of one reader; with a ``view`` nothing but what that says of the board, as ``screen``.

        With ``scans_at`` also what is scanned for pages at that address, as long as the reader may ``still`` look.
        """
        reader = self._join(scans_at)
        changed = reader.changed
        seen: Board | None = None
        shown = b""
        try:
            yield b"retry: 1000\n\n"
            while not self._closed:
                changed.clear()
                board = self.showing.board
                if board is not seen and view is None:
                    yield self._message(seen, board)
                elif board is not seen and view is not None and (screen := dumps(view(board))) != shown:
                    head = dumps(self._stamp() | ({"token": self.token} if seen is None else {}))
                    yield b"data: " + head[:-1] + b',"screen":' + screen + b"}\n\n"
                    shown = screen
                seen = board
                while reader.scans and still():
                    scan = reader.scans.popleft()
                    yield b"event: scan\ndata: " + dumps({"scanner": scan.scanner, "text": scan.text}) + b"\n\n"
                try:
                    async with asyncio.timeout(self._silence() if pulse else self._heartbeat):
                        await changed.wait()
                except TimeoutError:
                    yield b"event: pulse\ndata: " + dumps(self._stamp()) + b"\n\n" if pulse else b":\n\n"
        finally:
            self._leave(reader)

    def _silence(self) -> float:
        """Until the next pulse; or until the core would be dead, which is said at once."""
        dead = math.inf if self.showing.beat is None else self.showing.beat + DEAD_AFTER - self.steady()
        return min(self._pulse, dead) if dead > 0 else self._pulse

    def _message(self, seen: Board | None, board: Board) -> bytes:
        process = {"token": self.token} if seen is None else {}
        there = {"customers": self.customers} if self.customers else {}
        head = dumps(self._stamp() | process | there | {"version": board.version})
        return b"data: " + head[:-1] + self._parts(seen, board) + b"}\n\n"

    def _parts(self, seen: Board | None, board: Board) -> bytes:
        """Those that changed, put together once for all readers that saw the same."""
        before, now, parts = self._put_together
        if now is not board or before is not seen:
            was = _all(seen) if seen is not None else (None,) * len(PARTS)
            parts = b"".join(
                b',"' + name.encode() + b'":' + self._part(name, new)
                for name, new, old in zip(PARTS, _all(board), was, strict=True)
                if new is not old or seen is None
            )
            self._put_together = seen, board, parts
        return parts

    def _part(self, name: str, value: Any) -> bytes:
        """Encoded once for all readers; papers without their text, which ``/api/prints/{job}`` has."""
        known = self._encoded.get(name)
        if known is None or known[0] is not value:
            shown = value if name != "prints" else [_without_text(paper) for paper in value]
            known = self._encoded[name] = (value, dumps(shown))
        return known[1]

    def _stamp(self) -> dict[str, Any]:
        now = self.steady()
        return {"at": int(now * 1000), "alive": alive(self.showing, now)}

    def _join(self, scans_at: str | None) -> Reader:
        reader = Reader(scans_at)
        self._readers[reader] = None
        if self._unwatch is None:
            loop = asyncio.get_running_loop()
            self.showing.takes = lambda scan: self._scanned(loop, scan)
            self._signalled = False
            self._unwatch = self.showing.watch(lambda: self._signal(loop))
        return reader

    def _leave(self, reader: Reader) -> None:
        """What it was handed and has not sent is told as lost."""
        self._readers.pop(reader, None)
        for scan in reader.scans:
            self.no_page(scan.scanner)
        if not self._readers and self._unwatch is not None:
            self._unwatch()
            self.showing.takes = None
            self._unwatch = None
            self._encoded.clear()
            self._put_together = (None, None, b"")

    def _scanned(self, loop: asyncio.AbstractEventLoop, scan: HandedScan) -> None:
        """Runs in the core thread."""
        try:
            loop.call_soon_threadsafe(self._deliver, scan)
        except RuntimeError:  # the loop has ended
            self.no_page(scan.scanner)

    def _deliver(self, scan: HandedScan) -> None:
        wanted = peer(scan.pages_at, "") if scan.pages_at else BOX
        there = [one for one in self._readers if one.scans_at == wanted and len(one.scans) < MOST_SCANS]
        if not there:
            self.no_page(scan.scanner)
            return
        there[-1].scans.append(scan)
        there[-1].changed.set()

    def _signal(self, loop: asyncio.AbstractEventLoop) -> None:
        """Runs in the core thread: at most one wake-up is under way at a time."""
        if not self._signalled:
            self._signalled = True
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._soon)

    def _soon(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(max(0.0, self._woken + self._gap - loop.time()), self._wake_at, loop)

    def _wake_at(self, loop: asyncio.AbstractEventLoop) -> None:
        self._woken = loop.time()
        self._wake()

    def _wake(self) -> None:
        self._signalled = False  # before the board is read: a later change signals again
        for reader in self._readers:
            reader.changed.set()


class EventStream(Response):
    """Sends a reader's stream until the client or the server goes, or may look no more (``still``).

    Without a place it says so.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        live: Live,
        places: Places,
        still: Callable[[], bool],
        *,
        pulse: bool,
        view: View | None = None,
        counts: bool = False,
        scans: bool = False,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._live = live
        self._places = places
        self._still = still
        self._pulse = pulse
        self._view = view
        self._scans = scans
        self._counts = counts  # among the screens that stand before customers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        (client, _), (server, _) = scope.get("client") or NOBODY, scope.get("server") or NOBODY
        who = peer(client, server)
        with self._places.place(who) as found:
            self._live.customers += self._counts
            try:
                await (self._send(receive, send, who if self._scans else None) if found else CROWDED.answer(send))
            finally:
                self._live.customers -= self._counts

    async def _send(self, receive: Receive, send: Send, scans_at: str | None) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        writing = asyncio.create_task(self._write(send, scans_at))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((writing, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, leaving):
                task.cancel()
            await asyncio.gather(writing, leaving, return_exceptions=True)

    async def _write(self, send: Send, scans_at: str | None) -> None:
        async with aclosing(self._live.follow(self._pulse, self._view, scans_at, self._still)) as stream:  # type: ignore[type-var]
            async for chunk in stream:
                if not self._still():
                    break
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

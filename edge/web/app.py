"""The web app: API, events, pages, health. It owns no state: the board is read, commands go to the inbox."""

import asyncio
import importlib
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.between.board import Showing
from edge.between.inbox import Inbox, ScanLost
from edge.printing.archive import Archive
from edge.records.photos import PhotoFiles
from edge.records.shelf import Shelf
from edge.web import api, api_codes, api_day, api_people, api_prints, api_screens, desk, pages
from edge.web.approvals import Approvals
from edge.web.caught_up import CaughtUp
from edge.web.door import Door
from edge.web.encryption import Encryption
from edge.web.events import Live, dumps
from edge.web.fence import Fence
from edge.web.guard import Guard
from edge.web.health import health, metrics
from edge.web.look import Look
from edge.web.reading import Reading
from edge.web.reception import Reception
from edge.web.routes import LaterRoutes, Routes, Straight
from edge.web.squeeze import Squeeze
from edge.web.taken import Mistaken


class App:
    """One ASGI application: ``routes``, and ``served`` with all that stands round them.

    ``state`` has what is asked of it by who serves it (``serving.py``) and describes it (``described.py``).
    """

    def __init__(self, routes: Sequence[BaseRoute], served: ASGIApp) -> None:
        self.routes = routes
        self.state = State()
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # a router that has an app raises what it does not find, and does not answer itself
        await self._served(scope, receive, send)


def create_app(
    showing: Showing,
    inbox: Inbox,
    *,
    allow: Iterable[str] = (),
    frames: Iterable[str] = (),
    release: str = "",
    timeout: float = desk.ANSWER_SECONDS,
    live: Live | None = None,
    archive: Archive | None = None,
    shelf: Shelf | None = None,
    token: str = "",
    console: str = "",
    tls: Encryption | None = None,
    look: Look | None = None,
    support: Callable[[Mapping[str, str]], Iterator[bytes]] | None = None,
) -> App:
    """The app over a board and an inbox.

    ``allow`` and ``frames`` are those of ``[web]``; ``release`` is the version shown; ``timeout`` is how long an
    answer is waited for;
    ``archive`` makes papers again, as text and pictures; ``token`` is the process's, shown by ``/health``; ``console``
    is a secret between this process and the command line beside it; ``shelf`` finds records; ``tls`` is
    what connections are encrypted with, None where they are not; ``look`` is what the settings say of the pages;
    ``support`` makes the bundle for who helps from elsewhere.
    """
    live = live or Live(showing, token=token)
    live.no_page = lambda scanner: inbox.put(ScanLost(scanner))
    painter = pages.Painter(showing, release, live.steady, token, look)

    async def show_http_error(request: Request, error: Exception) -> Response:
        """Where a person looks a page, where a program asks a problem."""
        page = pages.missing(painter, request) if getattr(error, "status_code", 0) == 404 else None
        return page or await desk.show_http_error(request, error)

    door = Door()
    at = desk.Desk(inbox, timeout, live.steady, token)
    approvals = Approvals(live.steady)
    files = PhotoFiles(shelf.folder) if shelf else None
    reading = Reading(shelf, archive)
    box = Routes()
    parts = (
        api.router(showing, at, live, door, approvals),
        api_people.router(showing, at, approvals),
        LaterRoutes(("/api/deliveries/",), lambda: _file("api_canteen").router(showing, at, approvals)),
        api_prints.router(showing, archive),
        LaterRoutes(("/api/directory", "/api/orders"), lambda: _file("api_city").router(at)),
        LaterRoutes(("/api/parties",), lambda: _file("api_parties").router(at)),
        LaterRoutes(("/api/entries/last",), lambda: _file("api_gate").router(at)),
        LaterRoutes(("/api/photos",), lambda: _file("api_photos").router(showing, at, approvals, files)),
        LaterRoutes(("/api/plan",), lambda: _file("api_bench").router(at)),
        api_codes.router(),
        LaterRoutes(("/api/records", "/api/books"), lambda: _file("api_records").router(reading)),
        LaterRoutes(("/api/lots/",), lambda: _file("api_held").router(showing, reading)),
        api_day.router(showing),
        api_screens.router(showing, live, door, (look or Look()).screens),
        LaterRoutes(("/api/support",), lambda: _file("api_support").router(showing, live, release, support)),
        box,
    )

    @box.get(
        "/health",
        responses=desk.ALWAYS | {200: {"model": "HealthAnswer"}, 503: {"model": "HealthOrProblem"}},
        tags=["read"],
        summary="Can the station do its job?",
    )
    async def read_health() -> Response:
        """200, or 503 when a port, printer, the disk or the core fails. City and clock are told, and no failure."""
        ok, state = health(showing, live.steady(), token)
        return Response(dumps(state), 200 if ok else 503, media_type="application/json")

    @box.get(
        "/metrics",
        response_class=Response,
        responses=desk.ALWAYS | {200: {"content": {"text/plain": {}}, "description": "The text format of Prometheus."}},
        tags=["read"],
        summary="For Prometheus",
    )
    async def read_metrics() -> Response:
        """Counters and states of devices, delivery, clock and disk; no person's name and no code of a lot."""
        text, kind = metrics(showing, release, live.steady(), tls.failed if tls else 0)
        return Response(text, headers={"Content-Type": kind})

    @box.get("/ca.crt", include_in_schema=False)
    async def read_authority() -> Response:
        """What phones and computers are to trust, where the certificate is the market's own."""
        pem = tls.authority() if tls else b""
        if not pem:
            raise HTTPException(404)
        return Response(pem, media_type="application/x-x509-ca-cert")

    @box.get("/api/openapi.json", include_in_schema=False)
    async def read_openapi() -> Response:
        return Response(await asyncio.to_thread(_openapi, release), media_type="application/json")

    routes: list[BaseRoute] = [
        route for part in (*parts, pages.router(painter, showing, reading)) for route in part.serving()
    ]
    inner: ASGIApp = ExceptionMiddleware(
        Straight(Router(routes), routes),
        {desk.Problems: desk.show_problem, Mistaken: desk.show_invalid, HTTPException: show_http_error},
    )
    opened = api_screens.opened((look or Look()).screens)
    inner = CaughtUp(inner, showing, at)
    inner = Reception(inner, showing=showing, inbox=inbox, steady=live.steady, console=console, opened=opened)
    # The inner fence answers with the guard's headers, the outer one for the guard itself.
    app = App(routes, Fence(Guard(Fence(Squeeze(inner)), allow=tuple(allow), frames=tuple(frames))))
    app.state.live, app.state.door, app.state.tls = live, door, tls
    app.state.parts = parts  # what the OpenAPI describes
    return app


def _file(name: str) -> Any:
    """A file of this room."""
    return importlib.import_module(f"{__package__}.{name}")


def _openapi(release: str) -> bytes:
    """Made by another process: this one would keep what that takes."""
    command = [sys.executable, "-m", "edge.web.described", release]
    return subprocess.run(command, check=True, capture_output=True).stdout

"""The web app: API, events, pages, health. It owns no state: the board is read, commands go to the inbox."""

from collections.abc import Iterable

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from edge.between.board import Showing
from edge.between.inbox import Inbox
from edge.printing.archive import Archive
from edge.web import api, api_prints, desk, pages
from edge.web.door import Door
from edge.web.events import Live, dumps
from edge.web.fence import Fence
from edge.web.guard import Guard
from edge.web.health import health, metrics
from edge.web.models import HealthAnswer, Problem

ABOUT = """
Sell, register goods and reprint from other software on the station, and follow scales, lots and slips live.

* An answer 200 or 201 means *recorded on disk*; it does not wait for the printer or the city.
* Refusals are 409 with a fixed `code`; nothing was recorded. 503 means *not known*: ask again with the same
  `Idempotency-Key`, or look at `papers`.
* Mass is integer grams, money integer fen. Writes are taken from programs on the box and from the station's own pages.
"""


def create_app(
    showing: Showing,
    inbox: Inbox,
    *,
    allow: Iterable[str] = (),
    release: str = "",
    timeout: float = desk.ANSWER_SECONDS,
    live: Live | None = None,
    archive: Archive | None = None,
    token: str = "",
) -> FastAPI:
    """The app over a board and an inbox.

    ``allow`` is ``[web] allow``; ``release`` is the version shown; ``timeout`` is how long an answer is waited for;
    ``archive`` makes papers again, as text and pictures; ``token`` is the process's, shown by ``/health``.
    """
    live = live or Live(showing, token=token)
    app = FastAPI(
        title="marketedge station",
        version=release or "0",
        description=ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            desk.Problems: desk.show_problem,
            RequestValidationError: desk.show_invalid,
            HTTPException: desk.show_http_error,
            Exception: desk.show_failed,
        },
    )
    app.state.live = live
    app.state.door = door = Door()
    at = desk.Desk(inbox, timeout, live.steady, token)
    app.include_router(api.router(showing, at, live, door))
    app.include_router(api_prints.router(showing, archive))
    app.include_router(pages.router(showing, release, live.steady, token))

    @app.get(
        "/health",
        responses=desk.ALWAYS | {200: {"model": HealthAnswer}, 503: {"model": HealthAnswer | Problem}},
        tags=["read"],
        summary="Can the station do its job?",
    )
    async def read_health() -> Response:
        """200, or 503 when a port, printer, the disk or the core fails. City and clock are told, and no failure."""
        ok, state = health(showing, live.steady(), token)
        return Response(dumps(state), 200 if ok else 503, media_type="application/json")

    @app.get(
        "/metrics",
        response_class=Response,
        responses=desk.ALWAYS | {200: {"content": {"text/plain": {}}, "description": "The text format of Prometheus."}},
        tags=["read"],
        summary="For Prometheus",
    )
    async def read_metrics() -> Response:
        text, kind = metrics(showing, release, live.steady())
        return Response(text, headers={"Content-Type": kind})

    app.add_middleware(Fence)
    app.add_middleware(Guard, allow=tuple(allow))
    return app

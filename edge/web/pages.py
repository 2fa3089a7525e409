"""The pages, rendered here; scripts fetch single parts of them again when the board says that they changed."""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Cookie
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request

from edge.between.board import Board, LotView, Showing
from edge.between.fixed_words import LotState
from edge.between.needs import findings
from edge.between.words import LANGUAGES, Words, for_scripts
from edge.web.events import alive
from edge.web.wording import megabytes, ucum, visible
from protocol.city.written import kilograms, minute, tail, yuan

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
PAGES = tuple(sorted(path.stem for path in TEMPLATES.glob("[a-z]*.html") if path.stem != "base"))
PARTS = frozenset(  # what scripts fetch again
    name for path in TEMPLATES.iterdir() for name in re.findall(r'data-part="(\w+)"', path.read_text("utf-8"))
)
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
YEAR = 365 * 24 * 3600
BEGIN_SECONDS = 5.0

Language = Annotated[str | None, Cookie(alias="lang")]


class Painter:
    """Templates with the board in hand."""

    def __init__(self, showing: Showing, release: str, steady: Callable[[], float], token: str) -> None:
        self._showing = showing
        self._release = release
        self._steady = steady
        self._token = token
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters.update(
            yuan=yuan,
            kg=kilograms,
            minute=minute,
            tail=tail,
            megabytes=megabytes,
            visible=visible,
            ucum=ucum,
            repeats=repeats,
        )

    def paint(self, template: str, language: str | None) -> HTMLResponse:
        board = self._showing.board
        lang = language if language in LANGUAGES else board.language if board.language in LANGUAGES else "zh"
        awake = alive(self._showing, self._steady())
        html = self._templates.get_template(template).render(
            board=board,
            lang=lang,
            t=Words(lang),
            page=template.removesuffix(".html"),
            pages=self.pages(),
            alive=awake,
            needs=findings(board, awake),
            release=self._release,
            token=self._token,
            offered=offered(board.lots),
            planned=planned(board),
            ports={view.device: view for view in board.ports},
            swapped={view.device for view in board.ports if view.now is not None},
            unsafe={view.device for view in board.ports if view.by == "unsafe"},
            channelled=channelled(board),
            words=for_scripts(lang),
        )
        return HTMLResponse(html)

    def pages(self) -> list[str]:
        """The pages this station's jobs need."""
        board = self._showing.board
        return [job for job in board.jobs if job in PAGES] + ["status"] + (["papers"] if board.printers else [])


def offered(lots: tuple[LotView, ...]) -> list[LotView]:
    """Lots a stall may choose from, and those it should see as held; the newest first."""
    return sorted(
        (lot for lot in lots if lot.state == LotState.HELD or (lot.state == LotState.RELEASED and lot.source)),
        key=lambda lot: lot.registered,
        reverse=True,
    )


def channelled(board: Board) -> list[str]:
    """Analyzers that report by channel: those that say so, and those somebody planned."""
    said = {view.name for view in board.analyzers if getattr(view, "match", "") == "channel"}
    return sorted(said | {analyzer for analyzer, _, _ in board.plan})


def planned(board: Board) -> list[tuple[str, str, str, LotView | None]]:
    """The channel plan with its lots, channel 2 before channel 10."""
    lots = {lot.test_code: lot for lot in board.lots}
    rows = sorted(board.plan, key=lambda row: (row[0], len(row[1]), row[1]))
    return [(analyzer, channel, code, lots.get(code)) for analyzer, channel, code in rows]


def repeats(lot: LotView) -> tuple[int, int]:
    """How many repeats of a first positive are done, of how many."""
    total = getattr(lot, "repeats", 0) or max(0, lot.measurements - 1) + lot.repeats_due
    return total - lot.repeats_due, total


def router(showing: Showing, release: str, steady: Callable[[], float], token: str = "") -> APIRouter:
    painter = Painter(showing, release, steady, token)
    static = _static()
    routes = APIRouter(include_in_schema=False)

    def page(name: str) -> Callable[..., Any]:
        async def show(request: Request, cookie: Language = None) -> Response:
            wanted = request.query_params.get("lang")
            if wanted in LANGUAGES:
                return _remember(request, wanted)
            await _begun(showing)
            return painter.paint(f"{name}.html", cookie)

        return show

    for name in PAGES:
        routes.add_api_route(f"/{name}", page(name), methods=["GET"])

    @routes.get("/")
    async def first() -> Response:
        return RedirectResponse(f"/{painter.pages()[0]}", 303)

    @routes.get("/parts/{name}")
    async def part(name: str, cookie: Language = None) -> Response:
        if name not in PARTS:
            raise HTTPException(404)
        return painter.paint(f"_{name}.html", cookie)

    @routes.get("/static/{name}")
    async def asset(name: str, request: Request) -> Response:
        if name not in static:
            raise HTTPException(404)
        body, kind, etag = static[name]
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers | {"Content-Type": kind})

    @routes.get("/favicon.ico")
    async def icon() -> Response:
        return RedirectResponse("/static/icon.svg", 308)

    return routes


async def _begun(showing: Showing) -> None:
    """Wait for the core's first word: a page of an empty board would have no scale and no goods to choose for good."""
    with suppress(TimeoutError):
        async with asyncio.timeout(BEGIN_SECONDS):
            while showing.board.version == 0:
                await asyncio.sleep(0.05)


def _remember(request: Request, language: str) -> Response:
    answer = RedirectResponse(request.url.path, 303)
    answer.set_cookie("lang", language, max_age=YEAR, httponly=True, samesite="lax")
    return answer


def _static() -> dict[str, tuple[bytes, str, str]]:
    """All of the few small files, in memory: no path from a request ever reaches the disk."""
    files = {}
    for path in sorted((HERE / "static").iterdir()):
        if path.suffix in KINDS:
            body = path.read_bytes()
            etag = json.dumps(hashlib.sha256(body).hexdigest()[:16])
            files[path.name] = (body, KINDS[path.suffix], etag)
    return files

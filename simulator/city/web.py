"""The city's pages and its small JSON interface.

``/j/{token}`` is what a phone opens from a slip, ``/b/{code}`` from a stall's source card.  No page needs JavaScript;
names come from strangers, so templates escape everything and the browser is told to run nothing.
"""

import base64
import hashlib
import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException

from protocol.city.codes import BadCode, CodeKind, TraceCode
from protocol.city.events import EVENTS
from protocol.city.written import grouped
from simulator.city import pages, words
from simulator.city.store import Reader, summary

EVENTS_AT_ONCE = 1000
_STATIONS_SHOWN = 200


def application(
    path: Path,
    *,
    enrol: bool,
    scanned: Callable[[str, str], None],
    connected: Callable[[], bool],
) -> FastAPI:
    """The web application over the database at ``path``; first scans are handed to ``scanned``."""
    app = FastAPI(title="marketedge city", docs_url=None, redoc_url=None, openapi_url=None)
    templates = Environment(
        loader=PackageLoader("simulator.city"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    templates.filters.update(plain=pages.plain, grouped=grouped, local=pages.local)
    style = templates.get_template("style.css").render()
    policy = (
        f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

    def page(request: Request, name: str, status: int = 200, **shown: Any) -> HTMLResponse:
        language = words.pick(request.headers.get("accept-language", ""), request.query_params.get("lang", ""))
        place = 1 if language == "en" else 0

        def word(key: str) -> str:
            return words.WORDS[key][place]

        def named(table: str, key: str) -> str:
            known: dict[str, tuple[str, str]] = getattr(words, table)
            return known[key][place] if key in known else pages.plain(key)

        html = templates.get_template(name).render(
            w=word, named=named, lang=language, other="zh" if place else "en", style=style, **shown
        )
        headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Vary": "Accept-Language",
        }
        return HTMLResponse(html, status, headers)

    @app.get("/")
    def overview(request: Request) -> Response:
        with Reader(path) as reader:
            stations = reader.stations(_STATIONS_SHOWN)
            totals = reader.totals()
            return page(
                request,
                "overview.html",
                stations=[(one, reader.first_gap(one)) for one in stations],
                trusted=reader.keys(),
                totals=[(kind, totals[kind]) for kind in EVENTS if totals.get(kind)],
                latest=reader.latest(20),
                refusals=reader.refusals(20),
                refused_keys=reader.refused_keys(),
                enrol=enrol,
                connected=connected(),
            )

    @app.get("/j/{text}")
    def slip(request: Request, text: str) -> Response:
        # A warning is a page like any other (200): some scanners put their own text in place of an error's.
        token = pages.read_slip(text)
        if token is None:
            return page(request, "slip.html", slip=pages.SlipView("forged"))
        station = pages.station_of(token.tx)
        with Reader(path) as reader:
            state = pages.check_slip(text, reader.key_of(station))
            if state != "ok":
                return page(request, "slip.html", slip=pages.SlipView(state))
            event = reader.about(station, token.tx, "trade.completed")
            first = reader.first_scan(token.tx) or ""
            lines = event["data"]["slip"]["lines"] if event else ()
            sources = {line["source"] for line in lines} | set(token.sources or ())
            held = any(_is_held(reader, code) for code in sources)
        if not first:
            scanned(token.tx, datetime.now(UTC).isoformat(timespec="seconds"))
        return page(request, "slip.html", slip=pages.slip_view(token, event, held, first, datetime.now(UTC)))

    @app.get("/b/{code}")
    def source(request: Request, code: str) -> Response:
        try:
            trace = TraceCode.parse(code)
        except BadCode:
            return page(request, "source.html", 404, source=pages.SourceView("bad"))
        with Reader(path) as reader:
            view = _source(reader, trace)
        return page(request, "source.html", 404 if view.state == "none" else 200, source=view)

    @app.get("/api/summary")
    def numbers() -> Response:
        return JSONResponse(summary(path))

    @app.get("/api/events/{station}")
    def events(request: Request, station: str, after: int = 0) -> Response:
        # Whole records hold contact data: for programs on this machine only.
        if not _is_local(request):
            raise HTTPException(403)
        with Reader(path) as reader:
            bodies = reader.events_of(station, max(0, min(after, 2**63 - 1)), EVENTS_AT_ONCE)
        return Response(b"".join(body + b"\n" for body in bodies), media_type="application/x-ndjson")

    @app.get("/healthz")
    def health() -> Response:
        return PlainTextResponse("ok\n" if connected() else "broker down\n", 200 if connected() else 503)

    @app.exception_handler(HTTPException)
    def failed(request: Request, error: HTTPException) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": error.detail}, error.status_code)
        return page(request, "missing.html", error.status_code)

    return app


def _source(reader: Reader, trace: TraceCode) -> pages.SourceView:
    """What the station that issued the code recorded about its lot."""
    code, station = str(trace), f"{trace.node}-{trace.terminal}"
    tests = reader.tests_of(station, code)
    lot = code
    if trace.kind is CodeKind.SOURCE:
        lot = next((one["data"]["lot"] for one in reversed(tests) if one["data"]["lot"]), code)
    if lot != code:
        tests = reader.tests_of(station, lot)
    return pages.source_view(code, lot, reader.about(station, lot, "entry.registered"), tests)


def _is_held(reader: Reader, code: str) -> bool:
    try:
        return _source(reader, TraceCode.parse(code)).state == "held"
    except BadCode:
        return False


def _is_local(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False

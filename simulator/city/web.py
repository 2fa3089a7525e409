"""The city's pages and its small JSON interface.

``/j/{token}`` is what a phone opens from a slip or a canteen's acceptance, ``/b/{code}`` or ``/b/{token}`` from a
lot's source card,
``/s/{code}`` from a stall's own.  No page needs JavaScript;
names come from strangers, so templates escape everything and the browser is told to run nothing.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from protocol.city.codes import OPERATOR, BadCode
from protocol.city.commands import COMMANDS
from protocol.city.enrolment import REQUEST_CAP
from protocol.city.events import EVENTS
from protocol.city.source import SourceToken
from simulator.city import accept_pages, lot_pages, pages, photos, words
from simulator.city.engines import Where
from simulator.city.examples import written
from simulator.city.orders import BadOrder, check_target, ordered
from simulator.city.origin import is_local, may_order
from simulator.city.reader import Reader, summary
from simulator.city.story import Event, Hold, Story

DIGITS = 20  # of a source code; anything longer is a card's
EVENTS_AT_ONCE = 1000
_STATIONS_SHOWN = 200
LARGEST_FORM = 262_144  # of a form, where each Chinese character takes nine letters
LONGEST_HOURS = 9000


def application(
    path: Where,
    *,
    enrol: bool,
    scanned: Callable[[str, str], None],
    connected: Callable[[], bool],
    order: Callable[[str, str, Mapping[str, Any], float], str] | None = None,
    enrolled: Callable[[bytes], tuple[int, bytes]] | None = None,
    frames: Iterable[str] = (),
) -> FastAPI:
    """The web application over the database at ``path``; first scans go to ``scanned``, commands to ``order``, boxes
    that want to become stations to ``enrolled``; pages of ``frames``, which are origins, may show these in a frame."""
    app = FastAPI(title="marketedge city", docs_url=None, redoc_url=None, openapi_url=None)
    templates = Environment(
        loader=PackageLoader("simulator.city"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    templates.filters.update(plain=pages.plain, grouped=pages.code, local=pages.local)
    style = templates.get_template("style.css").render()
    painted = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    around = " ".join(frames) or "'none'"

    def policy(forms: str) -> str:
        return (
            f"default-src 'none'; style-src 'sha256-{painted}'; base-uri 'none'; form-action {forms};"
            f" img-src 'self'; frame-ancestors {around}"
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
            "Content-Security-Policy": policy("'self'" if name == "commands.html" else "'none'"),
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
                stations=[(one, reader.first_gap(one), words.torn(one.torn)) for one in stations],
                incidents=[(one, words.torn(one["detail"])) for one in reader.incidents(20)],
                trusted=reader.keys(),
                totals=[(kind, totals[kind]) for kind in EVENTS if totals.get(kind)],
                latest=reader.latest(20),
                refusals=reader.refusals(20),
                refused_keys=reader.refused_keys(),
                enrol=enrol,
                connected=connected(),
                local=is_local(request),
            )

    @app.get("/photos")
    def show_photos(request: Request) -> Response:
        # A photo may show a certificate with somebody's name: it is for who runs the city.
        if not is_local(request):
            raise HTTPException(403)
        with Reader(path) as reader:
            return page(request, "photos.html", photos=photos.named(reader.db.conn))

    @app.get("/photos/{sha256}")
    def photo(request: Request, sha256: str) -> Response:
        if not is_local(request):
            raise HTTPException(403)
        with Reader(path) as reader:
            found = photos.read(reader.db.conn, sha256)
        if found is None:
            raise HTTPException(404)
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=31536000, immutable"}
        return Response(found[1], media_type=found[0], headers=headers)

    @app.get("/j/{text}")
    def slip(request: Request, text: str) -> Response:
        # A warning is a page like any other (200): some scanners put their own text in place of an error's.
        if accept_pages.read_acceptance(text) is not None:
            return page(request, "acceptance.html", accept=_acceptance(path, text))
        token = pages.read_slip(text)
        if token is None:
            return page(request, "slip.html", slip=pages.SlipView("forged"))
        station = pages.station_of(token.tx)
        with Reader(path) as reader:
            state = pages.check_slip(text, reader.key_of(station, token.kid))
            if state != "ok":
                return page(request, "slip.html", slip=pages.SlipView(state))
            event = reader.about(station, token.tx, "trade.completed")
            first = reader.first_scan(token.tx) or ""
            lines = event["data"]["slip"]["lines"] if event else ()
            sources = dict.fromkeys([*(line["source"] for line in lines), *(token.sources or ())])
            stories = [story for code in sources for story in _stories(reader, code, station)]
            about = pages.About(
                reader.about(station, token.tx, "trade.voided"),
                reader.replacement(station, token.tx),
                tuple(event for story in stories for event in story.tests),
            )
        hold = _worst(stories, event, pages.sold_at(token))
        now = datetime.now(UTC)
        if not first:
            scanned(token.tx, now.isoformat(timespec="seconds"))
        return page(request, "slip.html", slip=pages.slip_view(token, event, hold, first, now, about))

    @app.get("/b/{text}")
    def source(request: Request, text: str) -> Response:
        with Reader(path) as reader:
            view = _source(reader, text)
        return page(request, "source.html", 404 if view.state in ("none", "bad") else 200, source=view)

    @app.get("/s/{code}")
    def stall(request: Request, code: str) -> Response:
        if not OPERATOR.fullmatch(code):
            return page(request, "stall.html", 404, stall=lot_pages.StallView("bad"))
        with Reader(path) as reader:
            who, stations = reader.stall(code)
            rows = [(station, row) for station in stations for row in reader.shelf(station)]
            offers = [_offer(reader, station, row) for station, row in rows]
        view = lot_pages.stall_view(code, who, [one for one in offers if one is not None])
        return page(request, "stall.html", 200 if view.state == "known" else 404, stall=view)

    @app.get("/api/summary")
    def numbers() -> Response:
        return JSONResponse(summary(path))

    @app.get("/api/events/{station}")
    def events(request: Request, station: str, after: int = 0) -> Response:
        # Whole records hold contact data: for programs on this machine only.
        if not is_local(request):
            raise HTTPException(403)
        with Reader(path) as reader:
            bodies = reader.events_of(station, max(0, min(after, 2**63 - 1)), EVENTS_AT_ONCE)
        return Response(b"".join(body + b"\n" for body in bodies), media_type="application/x-ndjson")

    @app.get("/healthz")
    def health() -> Response:
        return PlainTextResponse("ok\n" if connected() else "broker down\n", 200 if connected() else 503)

    def show_commands(request: Request, status: int = 200, **said: str) -> Response:
        with Reader(path) as reader:
            stations = [one.station for one in reader.stations(_STATIONS_SHOWN) if one.base]
            shown = ordered(reader.db.conn)
        nodes = sorted({f"{name.partition('-')[0]}-all" for name in stations})
        wrong = {"name": "", "station": "", "fields": "", "error": ""} | said
        forms = [
            (row, wrong["fields"] if wrong["name"] == row.name else written(row.name)) for row in COMMANDS.values()
        ]
        told = {"ordered": shown, "targets": [*stations, *nodes], "forms": forms, "wrong": wrong}
        return page(request, "commands.html", status, in_chinese=words.COMMANDS_ZH, **told)

    @app.get("/commands")
    def commands(request: Request) -> Response:
        # What a city orders of its stations is for who runs it.
        if not is_local(request):
            raise HTTPException(403)
        return show_commands(request)

    @app.post("/commands")
    async def send(request: Request) -> Response:
        if order is None or not may_order(request):
            raise HTTPException(403)
        if int(request.headers.get("content-length") or LARGEST_FORM + 1) > LARGEST_FORM:
            raise HTTPException(413)
        sent = {
            name: values[-1] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()
        }
        name, target, text = sent.get("name", ""), sent.get("station", ""), sent.get("fields", "")
        try:
            fields = json.loads(text)
            if not isinstance(fields, dict):
                raise BadOrder("write one JSON object")
            hours = float(sent.get("hours") or 24)
            if not 0 < hours <= LONGEST_HOURS:
                raise BadOrder(f"hours: 0 to {LONGEST_HOURS}")
            id_ = await run_in_threadpool(order, name, check_target(target), fields, hours * 3600)
        except (ValueError, RecursionError) as error:  # BadOrder is one
            return show_commands(request, 422, name=name, station=target, fields=text, error=str(error))
        return RedirectResponse(f"/commands#c-{id_}", 303)

    @app.post("/enrol")
    async def take_in(request: Request) -> Response:
        # Whoever has a token; what he is asked for and gets, protocol/city/enrolment.py says.
        if enrolled is None:
            raise HTTPException(404)
        if int(request.headers.get("content-length") or REQUEST_CAP + 1) > REQUEST_CAP:
            raise HTTPException(413)
        status, body = await run_in_threadpool(enrolled, await request.body())
        return Response(body, status, media_type="application/json")

    @app.exception_handler(HTTPException)
    def failed(request: Request, error: HTTPException) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": error.detail}, error.status_code)
        return page(request, "missing.html", error.status_code)

    return app


def _acceptance(path: Where, text: str) -> accept_pages.AcceptanceView:
    """What stands behind an acceptance's code."""
    token = accept_pages.read_acceptance(text)
    assert token is not None
    station = pages.station_of(token.tx)
    with Reader(path) as reader:
        state = pages.check_signed(text, reader.key_of(station, token.kid))
        if state != "ok":
            return accept_pages.AcceptanceView(state)
        event = reader.about(station, token.tx, "accept.completed")
        voided = reader.about(station, token.tx, "accept.voided")
        stories = [story for code in accept_pages.sources_of(event, token) for story in _stories(reader, code, station)]
    return accept_pages.acceptance_view(token, event, voided, [hold for story in stories for hold in story.holds])


def _source(reader: Reader, text: str) -> lot_pages.SourceView:
    """What stands behind a source code, or a card that proves itself."""
    card, code = None, text
    if len(text) != DIGITS:
        token = lot_pages.read_card(text)
        if token is None:
            return lot_pages.SourceView("bad")
        card, code = lot_pages.card_view(text, _keys_for(reader, token)), token.source
        if card.state == "forged":
            return lot_pages.SourceView("forged")
    try:
        issuer = pages.station_of(code)
    except BadCode:
        return lot_pages.SourceView("bad")
    story, *others = _stories(reader, code, issuer)
    return lot_pages.source_view(code, story, card, tuple(hold for other in others for hold in other.holds))


def _keys_for(reader: Reader, token: SourceToken) -> dict[str, bytes]:
    """The keys that may have signed a card: of a whole lot the issuer's, of a part any station's."""
    if token.portion:
        return {name: key for name in [*reader.keys()] if (key := reader.key_of(name, token.kid))}
    issuer = pages.station_of(token.source)
    key = reader.key_of(issuer, token.kid)
    return {issuer: key} if key else {}


def _stories(reader: Reader, code: str, station: str) -> list[Story]:
    """What this station says of a lot, then the one that issued its code, then all others: any of them may hold it."""
    try:
        first = dict.fromkeys((station, pages.station_of(code)))
    except BadCode:
        return []
    known = reader.story(pages.station_of(code), code)
    named = (one for name in (code, known.lot) if name for one in reader.stations_naming(name))
    return [reader.story(one, code) for one in (first | dict.fromkeys(named))] if code else []


def _offer(reader: Reader, station: str, row: dict[str, Any]) -> lot_pages.OfferView | None:
    own, *others = _stories(reader, row["source"], station)
    issuer = others[0] if others and pages.station_of(row["source"]) != station else own
    holds = tuple(hold for story in (own, *others) for hold in story.holds)
    return lot_pages.offer_view(row, own, issuer, holds)


def _worst(stories: list[Story], sale: Event | None, sold_at: str) -> Hold | None:
    """The hold a buyer has to hear of first: one that stood when he bought."""
    holds = [hold for story in stories for hold in story.holds]
    return min(holds, key=lambda hold: _ORDER[hold.sold_before(sale, sold_at)], default=None)


_ORDER = {False: 0, None: 1, True: 2}

"""The pages, rendered here; scripts fetch single parts of them again when the board says that they changed."""

import asyncio
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Annotated, Any, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from edge.between.bench_board import AlertView
from edge.between.board import Board, LotView, ProductView, Showing
from edge.between.compiled import Compiled
from edge.between.fixed_words import GoodsGroup, LotState, LotWhy
from edge.between.held_board import HoldView, PublicSampleView
from edge.between.needs import findings
from edge.between.people import SENIORS
from edge.between.words import LANGUAGES, Words, said_with_step
from edge.web.causes import cause
from edge.web.desk import Problems
from edge.web.events import alive
from edge.web.fields import rows
from edge.web.look import Look, Seat
from edge.web.lots_table import Wanted, alarm, table
from edge.web.page_words import words_of
from edge.web.reading import Reading
from edge.web.reception import Caller, caller_of
from edge.web.routes import Routes
from edge.web.squeeze import LEAST, squeezed, takes_gzip
from edge.web.taken import Cookie
from edge.web.wording import megabytes, ucum, visible
from protocol.city.events import EVENTS
from protocol.city.written import grouped, kilograms, minute, moment, tail, yuan

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
SIGN_IN = "sign-in"  # no page of a job: it shows nothing of the board
FRAMES = ("base", "missing", "shell", "screen", SIGN_IN)  # templates that are no job's page
PAGES = tuple(sorted(path.stem for path in TEMPLATES.glob("[a-z]*.html") if path.stem not in FRAMES))
PARTS = frozenset(  # what scripts fetch again
    name for path in TEMPLATES.glob("*.html") for name in re.findall(r'data-part="(\w+)"', path.read_text("utf-8"))
)
RECORD = re.compile(r"records/\d{1,18}", re.ASCII)
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
WORKER = "sw.js"
SHELL_FILES = ("theme.css", "style.css", "sizes.css", "theme.js", "early.js", "shell.js", "icon.svg", "app.webmanifest")
SEAT = "seat"  # the cookie of a handheld that belongs to one of several stalls
YEAR = 365 * 24 * 3600
BEGIN_SECONDS = 5.0

Language = Annotated[str | None, Cookie(alias="lang")]


class Painter:
    """Templates with the board in hand."""

    def __init__(
        self, showing: Showing, release: str, steady: Callable[[], float], token: str = "", look: Look | None = None
    ) -> None:
        self._showing = showing
        self._look = look or Look()
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
            bytecode_cache=Compiled(TEMPLATES, (__file__,)),
        )
        self._templates.policies["json.dumps_kwargs"] = {"sort_keys": True, "ensure_ascii": False}  # half the bytes
        self._templates.filters.update(
            yuan=yuan,
            kg=kilograms,
            minute=minute,
            moment=moment,
            grouped=grouped,
            tail=tail,
            megabytes=megabytes,
            visible=visible,
            ucum=ucum,
            repeats=repeats,
            cause=cause,
            goods=goods,
            tabs=tabs,
            most_used_first=most_used_first,
            waits_do=waits_do,
        )

    def paint(
        self, template: str, language: str | None, caller: Caller, status: int = 200, **more: Any
    ) -> HTMLResponse:
        given = dict(more)
        page, at = given.pop("page", template.removesuffix(".html")), given.pop("at", "")
        seat = self.seat(caller, at) if page == "stall" else None
        board = self._showing.board if seat is None else seat.view(self._showing.board)
        lang = language if language in LANGUAGES else board.language if board.language in LANGUAGES else "zh"
        awake = alive(self._showing, self._steady())
        given = {name: made(lang) if callable(made) else made for name, made in given.items()}
        html = self._templates.get_template(template).render(
            board=board,
            lang=lang,
            t=Words(lang),
            page=page,
            seat=seat,
            kinds=EVENTS,
            look=self._look,
            pages=self.pages(),
            alive=awake,
            needs=findings(board, awake),
            steady=self._steady(),
            release=self._release,
            token=self._token,
            offered=offered(board.lots),
            planned=planned(board),
            ports={view.device: view for view in board.ports},
            swapped={view.device for view in board.ports if view.now is not None},
            unsafe={view.device for view in board.ports if view.by == "unsafe"},
            channelled=channelled(board),
            caller=caller,
            guarded=self._showing.roster.guarded,
            senior=caller.who.may(SENIORS),
            alarm=alarm(board),
            by_code=by_code,
            lots_of=partial(table, board, given.pop("wanted", Wanted())),
            **given,
        )
        return HTMLResponse(html, status, headers={"X-Shell": self._frame(lang)})

    def seat(self, caller: Caller, name: str) -> Seat | None:
        """The stall whose page it is: that of the person who is signed in, or of this name; None for the whole box."""
        seats = self._look.seats
        own = (one for one in seats.values() if caller.who.code in one.people)
        return next(own, seats.get(name))

    def seats(self) -> Collection[str]:
        """The names of the stalls, where the box serves several."""
        return self._look.seats

    def _frame(self, lang: str) -> str:
        """Grows otherwise when the frame of a page would: the service worker then keeps it anew."""
        board = self._showing.board
        said = [lang, self._release, board.station, board.stall, board.seller, *self.pages()]
        return f"{zlib.crc32(json.dumps(said).encode()):08x}"

    def pages(self) -> list[str]:
        """The pages this station's jobs need; the first is shown first."""
        board = self._showing.board
        jobs = [job for job in board.jobs if job in PAGES]
        common = ["records", "status"] if jobs else ["status", "records"]
        held = ["held"] if board.holds or any(lot.why == LotWhy.STOPPED for lot in board.lots) else []
        public = ["samples"] if "gate" in board.jobs else []
        fair = ["reweigh"] if any(scale.fair for scale in board.register) else []
        labels = ["labelscale"] if board.label_scales else []
        return [*jobs, *labels, *held, *public, *fair, *common, *(["papers"] if board.printers else [])]


@pass_context
def waits_do(context: Context, word: str) -> str:
    """What a lot waits for, with the next step."""
    return said_with_step("waits", "waits_do", word, context["lang"])


@pass_context
def goods(context: Context, one: LotView | AlertView | ProductView | HoldView) -> str:
    """The name of a product, or of a lot's, in the page's language; as it is where nobody translated it."""
    product = one
    if isinstance(one, LotView | AlertView | HoldView):
        board: Board = context["board"]
        product = next((view for view in board.products if view.code == one.product), one)
    if isinstance(product, LotView | AlertView | HoldView):
        return product.product_name
    return product.name_en if context["lang"] == "en" and product.name_en else product.name


@pass_context
def most_used_first(context: Context, products: tuple[ProductView, ...]) -> list[ProductView]:
    """The goods of a page, those first that its job has most to do with; the others as in station.toml."""
    board: Board = context["board"]
    place = {code: at for at, code in enumerate(board.goods_used.get(context.get("job", context["page"]), ()))}
    return sorted(products, key=lambda product: place.get(product.code, len(place)))


def tabs(products: tuple[ProductView, ...]) -> list[str]:
    """The groups that there are goods of."""
    there = {product.group for product in products}
    return [group for group in get_args(GoodsGroup) if group in there]


def by_code(lots: tuple[LotView, ...]) -> dict[str, LotView]:
    """The lots by their test codes."""
    return {lot.test_code: lot for lot in lots}


def offered(lots: tuple[LotView, ...]) -> list[LotView]:
    """Lots a stall may choose from, and those it should see as held; the oldest of which something is left first."""
    return sorted(
        (lot for lot in lots if lot.state == LotState.HELD or (lot.state == LotState.RELEASED and lot.source)),
        key=lambda lot: (lot.left_g <= 0, lot.registered),
    )


def channelled(board: Board) -> list[str]:
    """Analyzers that report by channel and have no rack: those that say so, and those somebody planned."""
    said = {view.name for view in board.analyzers if getattr(view, "match", "") == "channel"}
    racks = {rack.analyzer for rack in board.bench.racks if rack.match == "channel" and rack.places}
    return sorted((said | {analyzer for analyzer, _, _ in board.plan}) - racks)


def planned(board: Board) -> list[tuple[str, str, str, LotView | None, PublicSampleView | None]]:
    """The channel plan with its lots and the food that was brought, channel 2 before channel 10."""
    lots = by_code(board.lots)
    brought = {one.code: one for one in board.public_samples}
    rows = sorted(board.plan, key=lambda row: (row[0], len(row[1]), row[1]))
    return [(analyzer, channel, code, lots.get(code), brought.get(code)) for analyzer, channel, code in rows]


def repeats(lot: LotView) -> tuple[int, int]:
    """How many repeats of a first positive are done, of how many."""
    total = getattr(lot, "repeats", 0) or max(0, lot.measurements - 1) + lot.repeats_due
    return total - lot.repeats_due, total


def missing(painter: Painter, request: Request) -> Response | None:
    """The page of an address that is none, for a browser; None for a program."""
    if request.method not in ("GET", "HEAD") or "text/html" not in request.headers.get("accept", ""):
        return None
    return painter.paint("missing.html", request.cookies.get("lang"), caller_of(request), 404)


def router(painter: Painter, showing: Showing, reading: Reading | None = None) -> Routes:
    static = _static()
    routes = Routes()

    def page(name: str) -> Callable[..., Any]:
        async def show(request: Request, cookie: Language = None) -> Response:
            wanted, at = request.query_params.get("lang"), request.query_params.get(SEAT)
            if wanted in LANGUAGES:
                return _remember(request, wanted)
            if at is not None and at in ("", *painter.seats()):
                return _remember(request, at, SEAT)
            await _begun(showing)
            return painter.paint(f"{name}.html", cookie, caller_of(request), at=request.cookies.get(SEAT, ""))

        return show

    @routes.get("/sign-in")
    async def sign_in(request: Request, cookie: Language = None) -> Response:
        """Strangers on the network type their code: the names of the staff are none of theirs."""
        roster, caller = showing.roster, caller_of(request)
        if not roster.guarded:
            return RedirectResponse("/", 303)
        if request.query_params.get("lang") in LANGUAGES:
            return _remember(request, request.query_params["lang"])
        wanted = request.query_params.get("next", "").removeprefix("/")
        at_home = not caller.peer or caller.named or caller.browser in roster.browsers
        return painter.paint(
            "sign-in.html",
            cookie,
            caller,
            people=roster.active() if at_home else [],
            goes_to=f"/{wanted}" if wanted in PAGES or RECORD.fullmatch(wanted) else "/",
        )

    for name in PAGES:
        routes.get(f"/{name}")(page(name))

    @routes.get("/records/{seq}")
    async def record(request: Request, seq: str, cookie: Language = None) -> Response:
        wanted = request.query_params.get("lang")
        if wanted in LANGUAGES:
            return _remember(request, wanted)
        seen, papers, why = None, [], None
        try:
            number = int(seq) if seq.isascii() and seq.isdigit() and len(seq) < 19 else 0
            if reading is not None:
                seen, papers = await reading.record(number), await reading.papers(number)
        except Problems as problem:
            why = problem
        status = why.status if why else 200 if seen else 404
        return painter.paint(
            "_record.html",
            cookie,
            caller_of(request),
            status,
            page="records",
            seq=seq,
            seen=seen,
            papers=papers,
            why=why if why and why.code != "no_record" else None,
            fields=lambda lang: list(rows(seen.event["data"], lang)) if seen else [],
        )

    @routes.get("/")
    async def first() -> Response:
        return RedirectResponse(f"/{painter.pages()[0]}", 303)

    @routes.get("/shell")
    async def shell(cookie: Language = None) -> Response:
        """The frame of a page, kept in the browser for when nothing answers here: nobody's, without a session."""
        return painter.paint("shell.html", cookie, Caller())

    @routes.get("/parts/{name}")
    async def part(name: str, request: Request, cookie: Language = None) -> Response:
        if name not in PARTS:
            raise HTTPException(404)
        wanted = Wanted.of(request.query_params)
        page = request.query_params.get("on", "")
        return painter.paint(
            f"_{name}.html",
            cookie,
            caller_of(request),
            page=page if page in PAGES else name,
            wanted=wanted,
            at=request.cookies.get(SEAT, ""),
        )

    @routes.get("/static/{name}")
    async def asset(name: str, request: Request) -> Response:
        file = static.get(name) or _texts(name)
        if file is None:
            raise HTTPException(404)
        headers = {"ETag": file.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if name == WORKER:
            headers["Service-Worker-Allowed"] = "/"
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers=headers)
        headers["Content-Type"] = file.kind
        if file.small and takes_gzip(request.headers):
            return Response(file.small, headers=headers | {"Content-Encoding": "gzip"})
        return Response(file.body, headers=headers)

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


def _remember(request: Request, value: str, name: str = "lang") -> Response:
    there = request.url.remove_query_params(name)
    answer = RedirectResponse(f"{there.path}?{there.query}" if there.query else there.path, 303)
    answer.set_cookie(name, value, max_age=YEAR, httponly=True, samesite="lax")
    return answer


class _File:
    """A static file, read when somebody first asks for it: a job's page has a third of them."""

    def __init__(self, read: Callable[[], bytes], kind: str) -> None:
        self._read, self.kind = read, kind

    @cached_property
    def body(self) -> bytes:
        return self._read()

    @cached_property
    def etag(self) -> str:
        return json.dumps(hashlib.sha256(self.body).hexdigest()[:16])

    @cached_property
    def small(self) -> bytes:
        """Compressed, when somebody first asks for it; empty where that does not pay."""
        return squeezed(self.body) if len(self.body) >= LEAST else b""


def _static() -> dict[str, _File]:
    """The few small files by their names: no path from a request ever reaches the disk."""
    paths = [path for path in sorted((HERE / "static").iterdir()) if path.suffix in KINDS]
    return {path.name: _File(_worker if path.name == WORKER else path.read_bytes, KINDS[path.suffix]) for path in paths}


@cache
def _texts(name: str) -> _File | None:
    """The texts that a page's scripts use, in one language: a file of its own, which a browser keeps."""
    page, _, language = name.removeprefix("words.").removesuffix(".js").rpartition(".")
    if page not in (*PAGES, SIGN_IN) or language not in LANGUAGES or name != f"words.{page}.{language}.js":
        return None
    said = json.dumps(words_of(page, language), ensure_ascii=False, separators=(",", ":"))
    return _File(f"globalThis.WORDS = {said};\n".encode, KINDS[".js"])


def _worker() -> bytes:
    """The service worker with what it keeps in front of it: it is another one when any of that is."""
    kept = [f"/static/{name}" for name in SHELL_FILES]
    parts = [HERE / "static" / name for name in SHELL_FILES] + [
        TEMPLATES / name for name in ("base.html", "shell.html")
    ]
    version = hashlib.sha256(b"".join(path.read_bytes() for path in parts)).hexdigest()[:16]
    front = f"const VERSION = {json.dumps(version)};\nconst FILES = {json.dumps(kept)};\n"
    return front.encode() + (HERE / "static" / WORKER).read_bytes()

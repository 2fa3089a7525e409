"""The demo's own page: pan, stall, paper, phone and city side by side, the story above them, and levers for all of it.

Stall, phone and city are the real pages in frames; station and city let this page's origin do that, and no other.
"""

import io
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, select_autoescape
from pydantic import BaseModel, Field

from protocol.city.token import CHINA
from simulator.city.origin import same_origin
from simulator.demo.hands import Hands
from simulator.demo.story import Story
from simulator.demo.words import ACTS, PAGE, chosen, said
from simulator.market import CAPACITY, Market, Refusal
from simulator.obstacles import listening, shown_at
from simulator.printer.codes import qr_modules
from simulator.printer.picture import draw
from simulator.serving import PageServer

HERE = Path(__file__).parent
MOST_KG = CAPACITY + 5
LEVERS = (  # each with the words for being as it should, and for not
    ("power", "on", "off"),
    ("network", "on", "off"),
    ("paper", "on", "paper_off"),
    ("scale", "on", "off"),
    ("clock", "on", "clock_off"),
)


class Load(BaseModel):
    kg: Annotated[Decimal, Field(ge=0, le=MOST_KG, decimal_places=3)]


class Measurement(BaseModel):
    sample: Annotated[int, Field(ge=1, le=9999)]
    inhibition: Annotated[Decimal, Field(ge=-100, le=200, decimal_places=2)]


class Stopped(BaseModel):
    """What the city says of a lot."""

    lot: Annotated[str, Field(pattern=r"^[0-9]{20}$")]
    reason: Annotated[str, Field(min_length=1, max_length=120)] = "毒死蜱超标，召回"


class Lever(BaseModel):
    """Whether it is to be as it should."""

    on: bool


class Play(BaseModel):
    """An act to play; all of them without one."""

    act: str = ""


class LotOut(BaseModel):
    """A lot that is on sale, or was. ``stopped`` is the city's reason."""

    source: str
    name: str
    stopped: str


class Now(BaseModel):
    """What lies on the pan, and which levers stand as they should."""

    kg: str
    time: str
    levers: dict[str, bool]


class PaperOut(BaseModel):
    """A paper on the desk. ``city`` is where its QR would lead a phone, on this machine's city."""

    number: int
    text: str
    city: str | None


def application(market: Market, story: Story | None = None, frames: Sequence[str] = ()) -> FastAPI:
    """The page and its few commands. Whoever reaches it may use it: it plays with simulated devices only.

    ``frames`` are the origins by which station and city let it show their pages in frames.
    """
    app = FastAPI(title="marketsim demo", docs_url=None, redoc_url=None)
    hands = story.hands if story else Hands(market)
    told = story or Story(market, hands)

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        """A page of another site moves nothing here, and shows nothing of it."""
        if request.method not in ("GET", "HEAD") and not same_origin(request):
            return Response("another site's page", 403)
        response = await call_next(request)
        response.headers["X-Frame-Options"] = "DENY"
        return response

    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape())

    @cache
    def png(number: int) -> bytes:
        out = io.BytesIO()
        draw(market.papers[number]).save(out, "PNG")
        return out.getvalue()

    def city_port() -> int:
        with suppress(RuntimeError):  # the city is away
            places.append(market.city.address[1])
        return places[-1]

    places = [0]

    @app.get("/", response_class=HTMLResponse)
    def page(request: Request, lang: str = "") -> HTMLResponse:
        language = chosen(lang, request.headers.get("accept-language", ""))
        station, city = _beside(request, market.station.port), _beside(request, city_port())
        told.begin()
        html = templates.get_template("desk.html").render(
            w={key: said(words, language) for key, words in PAGE.items()},
            acts=[(name, said(words[0], language)) for name, words in ACTS.items()],
            lang=language,
            other="zh" if language == "en" else "en",
            station=station,
            city=city,
            framed=f"{request.url.scheme}://{request.url.netloc}" in frames,
            lan=told.lan,
            levers=LEVERS,
        )
        return HTMLResponse(html, headers={"Vary": "Accept-Language", "Cache-Control": "no-store"})

    @app.get("/story")
    def story_now(lang: str = "zh") -> dict[str, Any]:
        """What is told just now."""
        return told.now("en" if lang == "en" else "zh")

    @app.post("/story/play", status_code=204)
    def story_play(body: Play) -> None:
        try:
            told.play(body.act)
        except KeyError:
            raise HTTPException(404, "no such act") from None

    @app.post("/story/{what}", status_code=204)
    def story_led(what: str) -> None:
        deeds = {"pause": told.pause, "resume": told.resume, "skip": told.skip}
        if what not in deeds:
            raise HTTPException(404, "pause, resume, skip or play")
        deeds[what]()

    @app.post("/levers/{name}", status_code=204)
    def lever(name: str, body: Lever) -> None:
        if name not in hands.switches:
            raise HTTPException(404, f"there are {', '.join(hands.switches)}")
        hands.switch(name, body.on)

    @app.get("/phone.svg")
    def phone() -> Response:
        """The newest slip's code, as a phone in this network opens it."""
        slips = market.slips()
        if not slips:
            raise HTTPException(404, "no slip yet")
        where = f"http://{shown_at(market.host)}:{city_port()}/j/{slips[-1].split('/j/', 1)[1]}"
        return Response(_qr_svg(where), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})

    @app.get("/papers")
    def papers(request: Request) -> list[PaperOut]:
        """What came out of the printer, newest first."""
        city = _beside(request, city_port())
        return [
            PaperOut(number=number, text=paper.text, city=_city_page(city, paper.qr))
            for number, paper in reversed(list(enumerate(market.papers)))
        ][:24]

    @app.get("/papers/{number}.png")
    def picture(number: int) -> Response:
        if not 0 <= number < len(market.papers):
            raise HTTPException(404, "no such paper")
        return Response(png(number), media_type="image/png", headers={"Cache-Control": "max-age=86400"})

    @app.post("/scale/load", status_code=204)
    def load(body: Load) -> None:
        market.scale.do(lambda device, now: device.pan.put(body.kg, now))

    @app.post("/test", status_code=204)
    def test(body: Measurement) -> None:
        market.test(str(body.sample), body.inhibition)

    @app.get("/lots")
    def lots() -> list[LotOut]:
        """The lots of the stall; none while the box is off."""
        try:
            on_sale = market.on_sale()
        except (OSError, Refusal):
            return []
        return [LotOut(source=lot["source"], name=lot["product_name"], stopped=lot["stop"]) for lot in on_sale]

    @app.post("/lots/stop", status_code=204)
    def stop(body: Stopped) -> None:
        market.stop_lot(body.lot, body.reason)

    @app.post("/lots/resume", status_code=204)
    def resume(body: Stopped) -> None:
        market.resume_lot(body.lot)

    @app.get("/now")
    def now() -> Now:
        grams = market.scale.do(lambda device, now: device.pan.gross(now))
        return Now(kg=str(grams), time=datetime.now(CHINA).strftime("%H:%M:%S"), levers=hands.standing)

    return app


def _qr_svg(text: str) -> str:
    """A QR code with its quiet zone, black on white."""
    rows = qr_modules(text.encode(), "M")
    side = len(rows) + 8
    dots = "".join(
        f"M{left + 4} {top + 4}h1v1h-1z" for top, row in enumerate(rows) for left, black in enumerate(row) if black
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/><path d="{dots}"/></svg>'
    )


def _beside(request: Request, port: int) -> str:
    """Another port of the machine by the name that the browser knows it by."""
    return f"http://{request.url.hostname}:{port}"


def _city_page(city: str, payloads: list[str]) -> str | None:
    for payload in payloads:
        for kind in ("/j/", "/b/"):
            if kind in payload:
                return city + kind + payload.split(kind, 1)[1]
    return None


class Desk:
    """The page in a thread of its own, between ``with`` and its end."""

    def __init__(
        self, market: Market, port: int = 0, *, story: Story | None = None, frames: Sequence[str] = ()
    ) -> None:
        app = application(market, story, frames)
        self._server = PageServer(uvicorn.Config(app, log_level="warning", lifespan="off"))
        self._socket = listening(market.host, port)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="desk", daemon=True
        )
        logging.getLogger("uvicorn").setLevel(logging.WARNING)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()

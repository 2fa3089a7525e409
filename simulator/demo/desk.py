"""The demo's own page: the papers as pictures, and the things a person would do with their hands.

Put goods on the scale, take them off, pull its plug, measure a sample, and look at what came out of the printer.
"""

import io
import logging
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Self

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, select_autoescape
from pydantic import BaseModel, Field

from protocol.city.token import CHINA
from simulator.city.origin import same_origin
from simulator.market import CAPACITY, Market
from simulator.obstacles import listening
from simulator.printer.picture import draw
from simulator.serving import PageServer

HERE = Path(__file__).parent
MOST_KG = CAPACITY + 5


class Load(BaseModel):
    kg: Annotated[Decimal, Field(ge=0, le=MOST_KG, decimal_places=3)]


class Measurement(BaseModel):
    sample: Annotated[int, Field(ge=1, le=9999)]
    inhibition: Annotated[Decimal, Field(ge=-100, le=200, decimal_places=2)]


class Stopped(BaseModel):
    """What the city says of a lot."""

    lot: Annotated[str, Field(pattern=r"^[0-9]{20}$")]
    reason: Annotated[str, Field(min_length=1, max_length=120)] = "毒死蜱超标，召回"


class LotOut(BaseModel):
    """A lot that is on sale, or was. ``stopped`` is the city's reason."""

    source: str
    name: str
    stopped: str


class PaperOut(BaseModel):
    """A paper on the desk. ``city`` is where its QR would lead a phone, on this machine's city."""

    number: int
    text: str
    city: str | None


def application(market: Market) -> FastAPI:
    """The page and its few commands. Whoever reaches it may use it: it plays with simulated devices only."""
    app = FastAPI(title="marketsim demo", docs_url=None, redoc_url=None)

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        """A page of another site moves nothing here."""
        if request.method not in ("GET", "HEAD") and not same_origin(request):
            return Response("another site's page", 403)
        return await call_next(request)

    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape())

    @cache
    def png(number: int) -> bytes:
        out = io.BytesIO()
        draw(market.papers[number]).save(out, "PNG")
        return out.getvalue()

    @app.get("/", response_class=HTMLResponse)
    def page(request: Request) -> str:
        station, city = (_beside(request, port) for port in (market.station.port, market.city.address[1]))
        return templates.get_template("desk.html").render(station=station, city=city)

    @app.get("/papers")
    def papers(request: Request) -> list[PaperOut]:
        """What came out of the printer, newest first."""
        city = _beside(request, market.city.address[1])
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

    @app.post("/scale/{plug}", status_code=204)
    def plug(plug: str) -> None:
        deeds = {"unplug": market.scale.unplug, "replug": market.scale.replug}
        if plug not in deeds:
            raise HTTPException(404, "unplug or replug")
        deeds[plug]()

    @app.post("/test", status_code=204)
    def test(body: Measurement) -> None:
        market.test(str(body.sample), body.inhibition)

    @app.get("/lots")
    def lots() -> list[LotOut]:
        """The lots of the stall."""
        return [LotOut(source=lot["source"], name=lot["product_name"], stopped=lot["stop"]) for lot in market.on_sale()]

    @app.post("/lots/stop", status_code=204)
    def stop(body: Stopped) -> None:
        market.stop_lot(body.lot, body.reason)

    @app.post("/lots/resume", status_code=204)
    def resume(body: Stopped) -> None:
        market.resume_lot(body.lot)

    @app.get("/now")
    def now() -> dict[str, str]:
        grams = market.scale.do(lambda device, now: device.pan.gross(now))
        return {"kg": str(grams), "time": datetime.now(CHINA).strftime("%H:%M:%S")}

    return app


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

    def __init__(self, market: Market, port: int = 0) -> None:
        self._server = PageServer(uvicorn.Config(application(market), log_level="warning", lifespan="off"))
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

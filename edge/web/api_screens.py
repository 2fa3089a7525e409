"""The streams and pictures of the screens that others look at; each is open to everybody where it is set so."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from edge.between.board import Board, Showing
from edge.web import screens as views
from edge.web.api_codes import svg
from edge.web.desk import ALWAYS, NOT_UNDERSTOOD, UNKNOWN_PATH
from edge.web.door import Door
from edge.web.events import EventStream, Live, View
from edge.web.look import Screens
from edge.web.reception import caller_of, still_in
from edge.web.routes import Routes
from edge.web.taken import Query

STREAM = {**ALWAYS, 200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."}}
PICTURE = {**ALWAYS, **UNKNOWN_PATH, 200: {"content": {"image/svg+xml": {}, "image/png": {}}, "description": "A code."}}
OF = {
    "customer": ("/customer", "/api/screens/customer", "/api/screens/slip", "/api/screens/pay"),
    "hall": ("/hall", "/api/screens/hall"),
}


def opened(screens: Screens) -> frozenset[str]:
    """The addresses that show without a sign-in."""
    return frozenset(address for name in screens.open for address in OF[name])


def router(showing: Showing, live: Live, door: Door, screens: Screens) -> Routes:
    api = Routes("/api/screens", ["read"])

    def stream(request: Request, name: str, view: View) -> Response:
        caller = caller_of(request)
        still: Callable[[], bool] = (lambda: True) if name in screens.open else partial(still_in, showing, caller)
        return EventStream(live, door.streams, still, pulse=True, view=view, counts=name == "customer")

    @api.get("/customer", response_class=Response, responses=STREAM, summary="What the customer's screen shows")
    async def follow_customer(request: Request) -> Response:
        """`screen` is the whole of it, each time it changes; an event `pulse` comes every second. Show a weight only
        while it comes."""
        return stream(request, "customer", views.customer)

    @api.get("/hall", response_class=Response, responses=STREAM, summary="What the hall's screen shows")
    async def follow_hall(request: Request) -> Response:
        """As the customer's."""
        return stream(request, "hall", partial(views.hall, screens=screens))

    @api.get(
        "/slip",
        response_class=Response,
        responses=PICTURE | NOT_UNDERSTOOD,
        summary="QR code of the slip that the customer's screen shows",
    )
    async def draw_slip(tx: Annotated[str, Query(pattern=r"^[0-9]{20}$")]) -> Response:
        """A picture (SVG) of the slip that the screen shows now; 404 for any other slip."""
        board: Board = showing.board
        sold = board.customer.sold
        if sold is None or sold.tx != tx:
            raise HTTPException(404)
        picture = await asyncio.to_thread(svg, sold.url)
        return Response(picture, media_type="image/svg+xml")

    @api.get("/pay", response_class=Response, responses=PICTURE, summary="The market's static pay code")
    async def draw_pay() -> Response:
        """The picture of the settings; 404 where there is none."""
        if screens.pay is None:
            raise HTTPException(404)
        picture, kind = screens.pay
        return Response(picture, media_type=kind)

    return api

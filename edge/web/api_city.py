"""What the city said, for pages and programs: its directory, a canteen's orders."""

from typing import Annotated

from starlette.responses import JSONResponse, Response

from edge.between.city_commands import DirectoryAnswer, ListOrders, OrdersAnswer, SearchDirectory
from edge.web.desk import ALWAYS, NOT_UNDERSTOOD, Desk, written
from edge.web.routes import Routes
from edge.web.taken import Query


def router(desk: Desk) -> Routes:
    api = Routes("/api")

    @api.get(
        "/directory",
        responses={**ALWAYS, **NOT_UNDERSTOOD, 200: {"model": DirectoryAnswer}},
        tags=["read"],
        summary="Search the city's directory",
    )
    async def directory(asked: Annotated[SearchDirectory, Query()]) -> Response:
        """Operators, buyers and suppliers, as the city's command `directory` named them."""
        return JSONResponse(written(await desk.ask(asked)))

    @api.get(
        "/orders",
        responses={**ALWAYS, **NOT_UNDERSTOOD, 200: {"model": OrdersAnswer}},
        tags=["read"],
        summary="The orders of a day",
    )
    async def orders(asked: Annotated[ListOrders, Query()]) -> Response:
        """What the city's command `orders` said is to be delivered here."""
        return JSONResponse(written(await desk.ask(asked)))

    return api

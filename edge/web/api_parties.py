"""Suppliers and buyers, for pages and programs that pick one."""

from typing import Annotated

from starlette.responses import JSONResponse, Response

from edge.between.party_commands import FindParties, PartiesAnswer
from edge.web.desk import ALWAYS, NOT_UNDERSTOOD, Desk, written
from edge.web.routes import Routes
from edge.web.taken import Query


def router(desk: Desk) -> Routes:
    api = Routes("/api")

    @api.get(
        "/parties",
        responses={**ALWAYS, **NOT_UNDERSTOOD, 200: {"model": PartiesAnswer}},
        tags=["read"],
        summary="Find a supplier or buyer",
    )
    async def parties(asked: Annotated[FindParties, Query()]) -> Response:
        """Those of the city's directory, and those that this box had to do with, with their state and licence."""
        return JSONResponse(written(await desk.ask(asked)))

    return api

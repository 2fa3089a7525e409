"""What the gate asks beside the commands: what was said of such goods the last time."""

from typing import Annotated

from starlette.responses import JSONResponse, Response

from edge.between.entry_commands import LastAnswer, LastEntry
from edge.web.desk import ALWAYS, NOT_UNDERSTOOD, Desk, written
from edge.web.routes import Routes
from edge.web.taken import Query


def router(desk: Desk) -> Routes:
    api = Routes("/api")

    @api.get(
        "/entries/last",
        responses={**ALWAYS, **NOT_UNDERSTOOD, 200: {"model": LastAnswer}},
        tags=["read"],
        summary="What was said of such goods the last time",
    )
    async def last(asked: Annotated[LastEntry, Query()]) -> Response:
        """So that nobody types it again: origin, the supplier's address and contact, the vehicle."""
        return JSONResponse(written(await desk.ask(asked)))

    return api

"""The JSON API: the same commands the pages use, for scale software, cash registers and handhelds on the box.

A successful answer means that the record is committed.  Papers have a room of their own: ``api_prints.py``.
"""

from typing import Annotated

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from edge.between.board import Showing
from edge.between.commands import Code, Command
from edge.between.people import Who
from edge.web import orders
from edge.web.api_people import allowed
from edge.web.approvals import Approvals
from edge.web.desk import ALWAYS, NOT_UNDERSTOOD, Desk, answers
from edge.web.door import Door
from edge.web.events import EventStream, Live, alive, dumps
from edge.web.models import OutcomeBody
from edge.web.reception import Caller, caller_of, still_in
from edge.web.routes import Routes
from edge.web.taken import Path, Query


def router(showing: Showing, desk: Desk, live: Live, door: Door, approvals: Approvals) -> Routes:

    def who(caller: Caller, command: type[Command], word: str) -> Who:
        return allowed(showing, approvals, caller, command, word)

    api = Routes("/api")

    @api.get(
        "/board",
        responses=ALWAYS | {200: {"model": "BoardAnswer"}},
        tags=["read"],
        summary="Everything the station shows",
    )
    async def read_board() -> Response:
        """Devices, weights, lots, prints and the city, as the pages show them; `/api/live` says what changes."""
        state = {"alive": alive(showing, live.steady()), "board": showing.board}
        return Response(dumps(state), media_type="application/json")

    @api.get(
        "/live",
        response_class=Response,
        responses={
            **ALWAYS,
            **NOT_UNDERSTOOD,
            200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."},
        },
        tags=["read"],
        summary="What changes, as it changes",
    )
    async def follow(
        request: HttpRequest,
        pulse: Annotated[
            bool, Query(description="Also send an event `pulse` every second: show a weight only while it comes.")
        ] = False,
        scans: Annotated[
            bool,
            Query(description="Also send events `scan`, what a scanner of the box read."),
        ] = False,
    ) -> Response:
        """The first message holds every part of the board, each further one the parts that changed, whole.

        At most ten messages a second. `papers` come without their text. `at` is the station's steady clock in
        milliseconds; `alive` is false when the station's core has stopped.
        """
        caller = caller_of(request)
        return EventStream(live, door.streams, lambda: still_in(showing, caller), pulse=pulse, scans=scans)

    @api.get(
        "/scans",
        response_class=Response,
        responses=ALWAYS | {200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."}},
        tags=["read"],
        summary="What the box's scanners read",
    )
    async def follow_scans(request: HttpRequest) -> Response:
        """Events `scan` alone, of scanners whose codes go to where this is asked from.

        Without a sign-in, for the page of that name: a person is named by a card.
        """
        return EventStream(live, door.streams, lambda: True, pulse=False, view=lambda board: {}, scans=True)

    orders.enter(api, desk, who)

    @api.post(
        "/requests/{key}/outcome",
        responses=answers(200, "OutcomeAnswer"),
        tags=["write"],
        summary="What became of a request whose answer did not come",
    )
    async def outcome(key: Annotated[Code, Path()], body: OutcomeBody) -> Response:
        """By its `Idempotency-Key`. `not_done` is final: should the request still come, it is refused.

        For pages. A program sends the same request with the same key again: it gets the first answer, or it is done.
        """
        state, answer = await desk.outcome(key, body)
        return JSONResponse({"state": state, "answer": answer})

    return api

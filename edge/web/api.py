"""The JSON API: the same commands the pages use, for scale software, cash registers and handhelds on the box.

A successful answer means that the record is committed.  Papers have a room of their own: ``api_prints.py``.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError, create_model

from edge.between.board import Showing
from edge.between.commands import ORDERS, Code, Command, CommandRow
from edge.web.desk import ALWAYS, NOT_UNDERSTOOD, Desk, Key, answers, written
from edge.web.door import Door
from edge.web.events import EventStream, Live, alive, dumps
from edge.web.models import BoardAnswer, OutcomeAnswer, OutcomeBody


def router(showing: Showing, desk: Desk, live: Live, door: Door) -> APIRouter:
    api = APIRouter(prefix="/api")

    @api.get(
        "/board",
        responses=ALWAYS | {200: {"model": BoardAnswer}},
        tags=["read"],
        summary="Everything the station shows",
    )
    async def read_board() -> Response:
        state = {"alive": alive(showing, live.steady()), "board": showing.board.as_json()}
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
        pulse: Annotated[
            bool, Query(description="Also send an event `pulse` every second: show a weight only while it comes.")
        ] = False,
    ) -> Response:
        """The first message holds every part of the board, each further one the parts that changed, whole.

        At most ten messages a second. `papers` come without their text. `at` is the station's steady clock in
        milliseconds; `alive` is false when the station's core has stopped.
        """
        return EventStream(live, door.streams, pulse=pulse)

    for row in ORDERS.values():
        if row.address:
            api.add_api_route(
                row.address,
                _route(row, desk),
                methods=["POST"],
                status_code=row.status,
                responses=answers(row.status, row.answer),
                tags=["write"],
                summary=row.summary,
                description=inspect.getdoc(row.command),
            )

    @api.post(
        "/requests/{key}/outcome",
        responses=answers(200, OutcomeAnswer),
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


def _route(row: CommandRow, desk: Desk) -> Callable[..., Awaitable[Response]]:
    """The function behind a command's address, with the signature that FastAPI reads: the fields that stand in the
    address, and a body of the others."""
    fields = row.command.model_fields
    inside, body = row.in_address, _body(row)

    async def ask(**given: Any) -> Response:
        values = {name: given[name] for name in inside}
        if body is not None:
            values |= {name: getattr(given["body"], name) for name in given["body"].model_fields_set}
        try:
            command = row.command.model_validate(values)
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from None
        return JSONResponse(written(await desk.ask(command, given["key"])), row.status)

    named = {name: Annotated[fields[name].rebuild_annotation(), Path()] for name in inside}
    kinds = named | ({"body": body} if body else {}) | {"key": Key}
    keyword = inspect.Parameter.KEYWORD_ONLY
    ask.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, keyword, annotation=kind, default="" if kind is Key else inspect.Parameter.empty)
            for name, kind in kinds.items()
        ]
    )
    ask.__name__ = row.command.__name__
    return ask


def _body(row: CommandRow) -> type[BaseModel] | None:
    """What has to be sent besides the address: the command itself where nothing of it stands in the address."""
    if not row.in_address:
        return row.command
    rest = {
        name: (field.rebuild_annotation(), field)
        for name, field in row.command.model_fields.items()
        if name not in row.in_address
    }
    made: Any = create_model(f"{row.command.__name__}Body", __base__=Command, __doc__=row.summary, **rest)  # type: ignore[call-overload]
    return made if rest else None

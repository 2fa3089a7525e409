"""The addresses of the commands: served by one function made from a command's row, described where somebody asks.

A row of ``ORDERS`` is all that a route needs.  FastAPI would build for each route, at every start, models that only the
OpenAPI shows: half a second on a Raspberry Pi.  So the routes that serve read the command's model themselves, and the
described ones, from the same row, are made when the OpenAPI is asked for; the contract's test calls each of them.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, ValidationError, create_model
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

import edge.between.sale_commands  # noqa: F401 - its rows are in the table
from edge.between.commands import ORDERS, Command, CommandRow, Person, built
from edge.between.families import LATER, row_of
from edge.between.people import Who
from edge.web.api_people import Approval, roles_of
from edge.web.desk import LONGEST_WORD, Desk, Key, answers
from edge.web.heads import headers_of
from edge.web.reception import Caller, caller_in
from edge.web.routes import Routes
from edge.web.taken import Mistaken, Path, fields_of, mistake

if TYPE_CHECKING:
    from fastapi import APIRouter

PERSON = "person"
NAME = "Who says so, by name. Needed where nobody is signed in; else it is who is signed in, whatever stands here."
Allowed = Callable[[Caller, type[Command], str], Who]


def enter(api: Routes, desk: Desk, allowed: Allowed) -> None:
    """A route for each command that has an address, also for those that are loaded with the first request."""
    known = [row.address for row in tuple(ORDERS.values()) if row.address]
    later = (address for addresses in LATER.values() for address in addresses)
    for address in dict.fromkeys((*known, *later)):
        api.reads_itself(address, _Order(address, desk, allowed), partial(_describe, address))


def _describe(address: str, router: "APIRouter") -> None:
    """The same route for the OpenAPI; nobody calls it."""
    from edge.web.described import signed

    row = row_of(address)
    built(row.answer)
    router.add_api_route(
        row.address,
        signed(row.command.__name__, None, _parameters(row)),
        methods=["POST"],
        status_code=row.status,
        responses=answers(row.status, row.answer),
        tags=["write"],
        summary=row.summary,
        description=inspect.getdoc(row.command),
        openapi_extra=roles_of(row.command),
    )


# --- serving ----------------------------------------------------------------------------------------------------------


class _Order:
    """ASGI: what is ordered at an address, by whom, done. Looks for the command with its first request."""

    def __init__(self, address: str, desk: Desk, allowed: Allowed) -> None:
        self._make: Callable[[], ASGIApp] = lambda: _endpoint(row_of(address), desk, allowed)
        self._ask: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._ask is None:
            self._ask = self._make()
        await self._ask(scope, receive, send)


def _endpoint(row: CommandRow, desk: Desk, allowed: Allowed) -> ASGIApp:
    inside, fields = row.in_address, row.command.model_fields
    bare = set(fields) <= set(inside)  # all stands in the address: a body says nothing

    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        headers, caller = headers_of(scope), caller_in(scope)
        key, approval = headers.get("idempotency-key", ""), headers.get("approval", "")
        wrong = [
            mistake("string_too_long", ("header", name), max_length=LONGEST_WORD)
            for name, word in (("Idempotency-Key", key), ("Approval", approval))
            if len(word) > LONGEST_WORD
        ]
        raw = b"" if bare else (await receive()).get("body", b"")  # whole: the guard has counted it
        person = caller.who.name if PERSON in fields else ""
        command = None if wrong or bare or inside or person else _at_once(row.command, raw)
        if command is None:
            values = dict(scope["path_params"])
            if not bare:
                said = fields_of(raw)
                wrong += [mistake("extra_forbidden", ("body", name)) for name in said if name in inside]
                values = said | values
            if person:
                values[PERSON] = person
            try:
                command = row.command.model_validate(values)
            except ValidationError as error:
                wrong += [{**one, "loc": (_where(one["loc"], inside), *one["loc"])} for one in error.errors()]
            if wrong or command is None:
                raise Mistaken(wrong)
        answer = await desk.ask(command, key, allowed(caller, row.command, approval))
        body = answer.model_dump_json(by_alias=True)
        await Response(body, row.status, media_type="application/json")(scope, receive, send)

    return ask


def _at_once(model: type[Command], raw: bytes) -> Command | None:
    """A command all of which stands in the body, read in one go; None for one that is not as it should be."""
    try:
        return model.model_validate_json(raw)
    except ValidationError:
        return None


def _where(loc: tuple[int | str, ...], inside: tuple[str, ...]) -> str:
    return "path" if loc and loc[0] in inside else "body"


# --- describing -------------------------------------------------------------------------------------------------------


def _parameters(row: CommandRow) -> list[inspect.Parameter]:
    """The fields that stand in the address, a body of the others, and the headers."""
    fields = row.command.model_fields
    body = _body(row)
    named: dict[str, Any] = {name: Annotated[fields[name].rebuild_annotation(), Path()] for name in row.in_address}
    kinds = named | ({"body": body} if body else {}) | {"key": Key, "approval": Approval}
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=kind,
            default="" if kind in (Key, Approval) else inspect.Parameter.empty,
        )
        for name, kind in kinds.items()
    ]


def _body(row: CommandRow) -> type[BaseModel] | None:
    """What has to be sent besides the address: the command itself where nothing of it is said in another way."""
    built(row.command)
    if not row.in_address and PERSON not in row.command.model_fields:
        return row.command
    rest = {
        name: (field.rebuild_annotation(), field) if name != PERSON else (Person | None, Field(None, description=NAME))
        for name, field in row.command.model_fields.items()
        if name not in row.in_address
    }
    made: Any = create_model(f"{row.command.__name__}Body", __base__=Command, __doc__=row.summary, **rest)  # type: ignore[call-overload]
    return built(made) if rest else None

"""The OpenAPI of the local API: FastAPI reads the functions and models of the addresses.

    python -m edge.web.described [RELEASE]      prints it

A station that is asked for it makes it in a process of its own: FastAPI and what it builds would stay in memory.
"""

import inspect
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, get_args, get_type_hints

import fastapi
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from edge.between.board import Showing
from edge.between.commands import built
from edge.between.families import every
from edge.between.inbox import Inbox
from edge.web import answers as models
from edge.web.app import create_app
from edge.web.routes import LaterRoutes, Routes
from edge.web.taken import Word, in_words_of

TITLE = "marketedge station"
ABOUT = """
Sell, register goods and reprint from other software on the station, and follow scales, lots and slips live.

* An answer 200 or 201 means *recorded on disk*; it does not wait for the printer or the city.
* Refusals are 409 with a fixed `code`; nothing was recorded. 503 means *not known*: ask again with the same
  `Idempotency-Key`, or look at `papers`.
* Mass is integer grams, money integer fen.
* Who asks: a program with a token (`Authorization: Bearer …`, made by `marketedge tokens add`), a page with the session
  of its person, or, as long as nobody has a name here, any program on the box. `x-roles` of an operation are those who
  may order it; for others a supervisor's word goes with it in `Approval`.
"""
TAGS = [
    {"name": "read", "description": "What the station shows, records and papers: nothing changes by it."},
    {"name": "write", "description": "What is ordered: sales, entries, prints, and all other deeds."},
    {"name": "people", "description": "Who works here, signs in, gives a word, and which programs have a token."},
]
SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "A program's token."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "session",
        "description": "Of a page; what it orders carries the session's own word in `X-CSRF-Token`.",
    },
}
WORDS = {"path": fastapi.Path, "query": fastapi.Query, "header": fastapi.Header, "cookie": fastapi.Cookie}


def openapi(release: str = "") -> dict[str, Any]:
    """The whole description."""
    every()  # whose rows are in the table then
    app = FastAPI(
        title=TITLE,
        version=release or "0",
        description=ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        contact={"name": "marketedge developers"},
        servers=[{"url": "/", "description": "The station that serves this page."}],
        openapi_tags=TAGS,
    )
    for one in create_app(Showing(), Inbox()).state.parts:
        part: Routes = one.made if isinstance(one, LaterRoutes) else one
        router = APIRouter(prefix=part.prefix, tags=[*part.tags])
        for describe in part.descriptions():
            describe(router)
        app.include_router(router)
    schema: dict[str, Any] = _with_items(app.openapi())
    schema["components"]["securitySchemes"] = SCHEMES
    schema["security"] = [{name: []} for name in SCHEMES] + [{}]
    return schema


def enter(router: APIRouter, method: str, path: str, function: Callable[..., Any], options: dict[str, Any]) -> None:
    """An address that is served by ``function``; nobody calls it here."""
    hints = get_type_hints(function, include_extras=True)
    _build(hints.values())
    responses = {status: _found(answer) for status, answer in options.get("responses", {}).items()}
    _build(answer.get("model") for answer in responses.values())
    parameters = [one.replace(annotation=hints[one.name]) for one in inspect.signature(function).parameters.values()]
    described = signed(function.__name__, function.__doc__, parameters)
    router.add_api_route(path, described, methods=[method], **options | {"responses": responses})


def _found(answer: dict[str, Any]) -> dict[str, Any]:
    """A row of ``responses``, its model found where it is named alone."""
    name = answer.get("model")
    return answer | {"model": getattr(models, name)} if isinstance(name, str) else answer


def signed(name: str, doc: str | None, parameters: Iterable[inspect.Parameter]) -> Callable[..., Any]:
    """A function to be described, its parameters in FastAPI's words."""

    async def described(**given: Any) -> None:
        raise AssertionError("described, and served by another")

    own = [
        one.replace(kind=one.KEYWORD_ONLY, annotation=in_words_of(one.annotation, fastapis_own)) for one in parameters
    ]
    described.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
    described.__name__, described.__doc__ = name, doc
    return described


def fastapis_own(word: Word) -> Any:
    return WORDS[word.where](**word.options)


def _build(kinds: Iterable[Any]) -> None:
    """Those of them that are models, or a choice of models, and not built before somebody wants one."""
    for kind in kinds:
        for one in get_args(kind) or (kind,):
            if isinstance(one, type) and issubclass(one, BaseModel):
                built(one)


def _with_items(value: Any) -> Any:
    """``items`` beside ``prefixItems``: it says nothing that the greatest length does not, and many tools want it."""
    if isinstance(value, list):
        return [_with_items(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {name: _with_items(one) for name, one in value.items()}
    return made | {"items": {}} if "prefixItems" in made else made


def main(words: Sequence[str]) -> None:
    sys.stdout.write(json.dumps(openapi(*words), ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main(sys.argv[1:])

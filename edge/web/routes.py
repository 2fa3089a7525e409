"""Addresses and their functions, written down as FastAPI wants them, and taken in hand by it when that is needed.

FastAPI reads each function's signature and makes models of all that it takes and may answer, once for the route and
once more for the router it is included by: for seventy routes that is a fifth of a start.  So a route that serves is
put together with its first request, without what only the OpenAPI shows.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar, get_args, get_type_hints

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from edge.between.commands import built

F = TypeVar("F", bound=Callable[..., Any])


class Routes:
    """A part of the pages or of the local API, under one ``prefix``."""

    def __init__(self, prefix: str = "", tags: Sequence[str] = ()) -> None:
        self._prefix = prefix
        self._tags = list(tags)
        self._rows: list[tuple[Route, Callable[[APIRouter], None]]] = []

    def get(self, path: str, **options: Any) -> Callable[[F], F]:
        """As FastAPI's."""
        return self._entered("GET", path, options)

    def post(self, path: str, **options: Any) -> Callable[[F], F]:
        """As FastAPI's."""
        return self._entered("POST", path, options)

    def reads_itself(
        self, path: str, function: Callable[[Request], Awaitable[Response]], describe: Callable[[APIRouter], None]
    ) -> None:
        """A POST whose function needs nothing of FastAPI; ``describe`` enters what the OpenAPI shows of it."""
        route = Route(self._prefix + path, function, methods=["POST"], include_in_schema=False)
        self._rows.append((route, describe))

    def _entered(self, method: str, path: str, options: dict[str, Any]) -> Callable[[F], F]:
        def enter(function: F) -> F:
            def describe(router: APIRouter) -> None:
                _build(get_type_hints(function).values())
                _build(answer.get("model") for answer in options.get("responses", {}).values())
                router.add_api_route(path, function, methods=[method], **options)

            self._rows.append((Served(self._prefix + path, function, method), describe))
            return function

        return enter

    def serving(self) -> list[Route]:
        """For an app that serves."""
        return [route for route, _ in self._rows]

    def described(self) -> APIRouter:
        """For an app that the OpenAPI is read from."""
        router = APIRouter(prefix=self._prefix, tags=[*self._tags])
        for _, describe in self._rows:
            describe(router)
        return router


class Served(Route):
    """One address. FastAPI makes of its function what it answers with when that is first asked."""

    def __init__(self, path: str, function: Callable[..., Any], method: str) -> None:
        super().__init__(path, function, methods=[method], include_in_schema=False)
        self.methods = {method}  # a HEAD is refused, as by FastAPI's own
        self.app = self._first

    async def _first(self, scope: Scope, receive: Receive, send: Send) -> None:
        _build(get_type_hints(self.endpoint).values())
        self.app = APIRoute(self.path, self.endpoint, methods=self.methods).app
        await self.app(scope, receive, send)


def _build(kinds: Iterable[Any]) -> None:
    """Those of them that are models, or a choice of models, and not built before somebody wants one."""
    for kind in kinds:
        for one in get_args(kind) or (kind,):
            if isinstance(one, type) and issubclass(one, BaseModel):
                built(one)

"""Addresses and their functions, written down once: served by what ``taken.py`` reads of them, described by FastAPI.

A route that serves reads its function's signature with its first request, and what only the OpenAPI shows never: for
seventy routes that would be a fifth of a start.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.web.taken import Taken

if TYPE_CHECKING:
    from fastapi import APIRouter

F = TypeVar("F", bound=Callable[..., Any])
_CHOSEN = "marketedge.route"  # of a scope: which route of a part
Description = Callable[["APIRouter"], None]


class Routes:
    """A part of the pages or of the local API, under one ``prefix``."""

    def __init__(self, prefix: str = "", tags: Sequence[str] = ()) -> None:
        self.prefix = prefix
        self.tags = tuple(tags)
        self._rows: list[tuple[Route, Description]] = []

    def get(self, path: str, **options: Any) -> Callable[[F], F]:
        """As FastAPI's."""
        return self._entered("GET", path, options)

    def post(self, path: str, **options: Any) -> Callable[[F], F]:
        """As FastAPI's."""
        return self._entered("POST", path, options)

    def reads_itself(self, path: str, app: ASGIApp, describe: Description) -> None:
        """A POST that reads its request; ``describe`` enters what the OpenAPI shows of it."""
        self._rows.append((Ordered(self.prefix + path, app), describe))

    def _entered(self, method: str, path: str, options: dict[str, Any]) -> Callable[[F], F]:
        def enter(function: F) -> F:
            def describe(router: "APIRouter") -> None:
                from edge.web import described

                described.enter(router, method, path, function, options)

            self._rows.append((Served(self.prefix + path, function, method), describe))
            return function

        return enter

    def serving(self) -> list[Route]:
        """For an app that serves."""
        return [route for route, _ in self._rows]

    def descriptions(self) -> list[Description]:
        """For an app that the OpenAPI is read from."""
        return [describe for _, describe in self._rows]


class LaterRoutes:
    """A part of the pages or of the local API that is made, and its file loaded, with the first request ``below`` its
    addresses. Other parts may have addresses there, too."""

    def __init__(self, below: tuple[str, ...], make: Callable[[], Routes]) -> None:
        self._below = below
        self._make = make

    @cached_property
    def made(self) -> Routes:
        """The part."""
        return self._make()

    def serving(self) -> list[BaseRoute]:
        """For an app that serves."""
        return [_Below(self._below, self)]


class _Below(BaseRoute):
    """Stands for the routes of a part among those of the app."""

    def __init__(self, below: tuple[str, ...], part: LaterRoutes) -> None:
        self._below = below
        self._part = part

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        best: tuple[Match, Scope] = (Match.NONE, {})
        if not scope["path"].startswith(self._below):
            return best
        for route in self._part.made.serving():
            match, found = route.matches(scope)
            if match.value > best[0].value:
                best = match, {**found, _CHOSEN: route}
        return best

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope[_CHOSEN].handle(scope, receive, send)


class Ordered(Route):
    """A POST to an app of its own, which is no function: Starlette would call one with a request."""

    def __init__(self, path: str, app: ASGIApp) -> None:
        super().__init__(path, app, methods=["POST"], include_in_schema=False)


class Straight:
    """ASGI middleware: what is ordered at an address without values goes there, without a look at every other one."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._ordered = {one.path: one.app for one in routes if isinstance(one, Ordered) and not one.param_convertors}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._ordered.get(scope["path"]) if scope.get("method") == "POST" else None
        if app is not None:
            scope["path_params"] = {}
        await (app or self._app)(scope, receive, send)


class Served(Route):
    """One address. What its function takes is read when that is first asked."""

    def __init__(self, path: str, function: Callable[..., Awaitable[Response]], method: str) -> None:
        super().__init__(path, self._answer, methods=[method], include_in_schema=False)
        self.methods = {method}  # a HEAD is refused
        self._function = function
        self.taken: Taken | None = None

    async def _answer(self, request: Request) -> Response:
        if self.taken is None:
            self.taken = Taken(self._function)
        return await self._function(**await self.taken.of(request))

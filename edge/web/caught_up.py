"""Who reads finds on the board what was answered before he asked.

A record's answer says itself what was done, so the core answers first and shows it with whatever else comes within
half a second: making the board costs half as much as a sale.  A program that sells and then reads the papers, or a
page that is loaded anew, asks for it here.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from edge.between.board import Showing
from edge.web.desk import Desk
from edge.web.reception import OPEN_BELOW, SAFE


class CaughtUp:
    """ASGI middleware, around all that reads the board."""

    def __init__(self, app: ASGIApp, showing: Showing, desk: Desk) -> None:
        self._app = app
        self._showing = showing
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reads = scope["type"] == "http" and scope["method"] in SAFE and not scope["path"].startswith(OPEN_BELOW)
        if reads and self._showing.behind:
            await self._desk.catch_up()
        await self._app(scope, receive, send)

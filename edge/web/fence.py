"""A page or answer that makes the program fail: a problem in the API's own form, and one line in the log a minute."""

import logging
import time

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.between.failures import cause_of, place_of
from edge.between.sparing import Sparing
from edge.web.desk import FAILED, problem
from protocol.plain import plain

log = logging.getLogger("web")


class Fence:
    """ASGI middleware: whatever an answer fails with, the client gets an answer and the server goes on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._told = Sparing()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def pass_on(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, pass_on)
        except ClientDisconnect:
            return
        except Exception as error:
            if self._told.due(place_of(error), time.monotonic()):
                asked = plain(f"{scope['method']} {scope['path']}", 200)
                log.error("%s failed: %s", asked, cause_of(error), exc_info=error)
            if not started:
                await problem(500, "failed", *FAILED)(scope, receive, send)

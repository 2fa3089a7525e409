"""The steps as a page on the box itself, for a screen with a browser in a kiosk.

It listens on loopback alone, at the address where the station's pages will be, so that one address serves both.  What
takes time is done in a thread of its own; the page asks how far it is.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

import edge.web
from edge.between.compiled import Compiled
from edge.between.tongue import said, speak
from edge.config.sections import BadConfig
from edge.setup.found import Skipped
from edge.setup.steps import Act, Question, Step
from edge.setup.walk import Walk
from edge.web.addresses import is_loopback
from edge.web.binding import bind
from edge.web.door import Door
from edge.web.fence import Fence
from edge.web.guard import Guard
from edge.web.serving import Serving

log = logging.getLogger("setup")
HERE = Path(__file__).parent
WEB = Path(edge.web.__file__).parent / "static"
FILES = {
    **{name: WEB / name for name in ("theme.css", "style.css", "sizes.css", "theme.js", "icon.svg")},
    **{name: HERE / "static" / name for name in ("setup.js", "setup.css")},
}
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
Tried = Iterable[tuple[bool | None, str, str]]
"""Each part of the station that was tried: how it is, what it is about, and the words."""


class NotLoopback(OSError):
    """The page may be asked for on the box itself only."""


class SetupPage:
    """Serves the steps until the station is started, or ``stop``.

    ``tried`` tries a written station; ``runs``: whoever serves the page starts the station then, in its place.
    Each method is called by the web thread, ``_work`` by the thread it starts.
    """

    def __init__(self, walk: Walk, tried: Callable[[Path], Tried], *, runs: bool = True) -> None:
        self._walk = walk
        self._tried = tried
        self._runs = runs
        self._lines: list[tuple[bool | None, str, str]] = []
        self._busy: Act | None = None
        self._progress = ""
        self._trying = False
        self._skip = threading.Event()
        self._wrong: dict[str, str] = {}
        self._typed: dict[str, str] = {}  # what stands in a form that has something wrong in it
        self._worker: threading.Thread | None = None
        self._serving: Serving | None = None
        self.address = ""
        self.started = False  # the person has pressed Start
        self.ended = threading.Event()
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            bytecode_cache=Compiled(HERE / "templates", (__file__,)),
        )

    # --- serving ----------------------------------------------------------------------------------------------------

    def serve(self, listen: str) -> None:
        """Serve at this loopback address in a thread; returns once it is open. Raises NotLoopback, CannotListen."""
        if not is_loopback(listen.rpartition(":")[0].strip("[]")):
            raise NotLoopback(
                said(
                    f"{listen}：安装页面只在本机打开，写 127.0.0.1:端口",
                    f"{listen}: this page is for the box itself; write 127.0.0.1:PORT",
                )
            )
        bound = bind(listen)
        host, port = bound.getsockname()[:2]
        self.address = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
        ready = threading.Event()
        self._serving = Serving(cast(Any, _Served(self._app())), ready.set)
        threading.Thread(target=self._serving.serve_at, args=(bound,), name="web", daemon=True).start()
        ready.wait()

    def stop(self) -> None:
        """Close the page; what is being done in between is left."""
        self._skip.set()
        if self._serving is not None:
            self._serving.stop_soon()
        self.ended.set()

    def _app(self) -> ASGIApp:
        routes = [
            Route("/", self._show),
            Route("/answer", self._answer, methods=["POST"]),
            Route("/back", self._back, methods=["POST"]),
            Route("/skip", self._skipped, methods=["POST"]),
            Route("/start", self._start, methods=["POST"]),
            Route("/static/{name}", self._file),
        ]
        plain = ExceptionMiddleware(Router(routes), {HTTPException: _told})
        return Fence(Guard(Fence(plain)))

    # --- what is shown ----------------------------------------------------------------------------------------------

    async def _show(self, request: Request) -> Response:
        walk = self._walk
        speak(walk.language)
        step = None if self._busy else walk.step()
        names = [one.name for one in walk.steps()]
        html = self._templates.get_template("setup.html").render(
            lang=walk.language,
            step=step,
            number=names.index(step.name) + 1 if step else len(names),
            count=len(names),
            questions=walk.open(step) if step else [],
            given={one.key: self._typed.get(one.key, walk.default(one)) for one in walk.open(step)} if step else {},
            first=not step or not walk.before(step),
            summary=walk.summary() if step and step.name == "end" else [],
            wrong=dict(self._wrong),
            busy=self._busy,
            progress=self._progress,
            written=walk.written,
            trying=self._trying,
            lines=list(self._lines),
            runs=self._runs,
            said=said,
        )
        return HTMLResponse(html)

    async def _file(self, request: Request) -> Response:
        file = FILES.get(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        return Response(file.read_bytes(), media_type=KINDS[file.suffix])

    # --- what is pressed --------------------------------------------------------------------------------------------

    async def _answer(self, request: Request) -> Response:
        """The answers to the open questions of a step, as a JSON object; 409 while something is being done, or when
        the page is of another step."""
        walk = self._walk
        speak(walk.language)
        typed = await _body(request)
        step = walk.step()
        if self._busy or step is None or typed.pop("step", "") != step.name:
            raise HTTPException(409)
        before = {one.key: walk.default(one) for one in walk.open(step)}
        self._wrong, self._typed = {}, {}
        for key in before:
            question = _open(walk, step, key)
            if question is None or key not in typed:
                break
            usual = typed[key] == before[key]  # left as it stood there: it follows what was answered in front of it
            try:
                act = walk.answer(question, "" if usual else typed[key])
            except ValueError as error:
                self._wrong[key], self._typed = str(error), typed
                break
            if act is not None:
                self._begin(act)
                break
        return JSONResponse({})

    async def _back(self, request: Request) -> Response:
        """To the step in front of this one."""
        step = self._walk.step()
        if self._busy or step is None:
            raise HTTPException(409)
        self._wrong, self._typed = {}, {}
        self._walk.back_to(self._walk.before(step))
        return JSONResponse({})

    async def _skipped(self, request: Request) -> Response:
        """Nobody wants to wait for what is being done."""
        self._skip.set()
        return JSONResponse({})

    async def _start(self, request: Request) -> Response:
        """End here; the station comes to this place."""
        if self._walk.written is None or self._trying:
            raise HTTPException(409)
        self.started = True
        threading.Timer(0.2, self.stop).start()  # behind this answer
        return JSONResponse({})

    # --- what is done meanwhile -------------------------------------------------------------------------------------

    def _begin(self, act: Act) -> None:
        self._busy, self._progress = act, ""
        self._skip.clear()
        self._worker = threading.Thread(target=self._work, args=(act,), name="setup", daemon=True)
        self._worker.start()

    def _work(self, act: Act) -> None:
        walk = self._walk
        speak(walk.language)
        try:
            walk.do(act, self._tell)
        except Skipped:
            walk.skipped(act)
        except Exception as error:
            if not isinstance(error, OSError | BadConfig):
                log.critical("%s", type(error).__name__, exc_info=error)
            walk.failed(act)
            self._wrong[_asks(walk)] = str(error) or type(error).__name__
        finally:
            self._busy = None
        if walk.written is not None:
            self._try(walk.written.config)

    def _tell(self, text: str) -> None:
        if self._skip.is_set():
            raise Skipped
        self._progress = text

    def _try(self, config: Path) -> None:
        self._trying = True
        try:
            for line in self._tried(config):
                self._lines.append(line)
        finally:
            self._trying = False


class _Served:
    """The app with what ``Serving`` asks of one."""

    def __init__(self, app: ASGIApp) -> None:
        self.state = State()
        self.state.live = SimpleNamespace(close=lambda: None)
        self.state.door, self.state.tls = Door(), None
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _open(walk: Walk, step: Step, key: str) -> Question | None:
    """This question of the step, as it is asked after the answers in front of it."""
    now = walk.step()
    if now is None or now.name != step.name:
        return None
    return next((one for one in walk.open(now) if one.key == key), None)


def _asks(walk: Walk) -> str:
    question = walk.question()
    return question.key if question else ""


async def _body(request: Request) -> dict[str, str]:
    with suppress(ValueError):
        found = json.loads(await request.body())
        if isinstance(found, Mapping) and all(isinstance(value, str) for value in found.values()):
            return dict(found)
    raise HTTPException(422)


async def _told(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    return JSONResponse({"code": str(status)}, status)

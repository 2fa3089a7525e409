"""Who asks: a person with a session, a program with a token, the box's own command line; or, where nobody has a name,
whoever stands at the box.

Sessions and tokens are looked up in the roster that the core has posted.  Where people have names nobody else gets
further than the sign-in page, health and the files of the pages.  What a page orders carries its session's own word in
``X-CSRF-Token``, which a foreign page cannot know.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.between.board import Showing
from edge.between.inbox import Inbox
from edge.between.inbox import Request as Ordered
from edge.between.people import ALONE, BOX, CONSOLE, Who
from edge.between.people_commands import StillThere
from edge.between.pins import form_word, mark_of
from edge.web.addresses import KEPT, peer
from edge.web.desk import problem
from edge.web.heads import headers_of
from protocol.frozen import frozen

SESSION, BROWSER = "session", "browser"  # the cookies
OPEN = {"/health", "/favicon.ico", "/shell", "/ca.crt", "/sign-in", "/api/sign-in", "/api/scans"}
OPEN_BELOW = ("/static/",)
SAFE = {"GET", "HEAD", "OPTIONS"}
FOR_SCRIPTS = ("/api/", "/parts/", "/metrics")
STILL_SECONDS = 60.0  # the core is told so often that somebody is there
WRONG_TOKENS, WRONG_SECONDS = 10, 60.0  # of one peer, before it is told to wait
MOST_PEERS = 256

SIGN_IN = (401, "sign_in", "请先登录", "sign in first")
BAD_TOKEN = (401, "bad_token", "令牌无效", "no program here has this token")
SLOW_DOWN = (429, "slow_down", "错误的令牌过多，请稍后再试", "too many wrong tokens: try again in a minute")
CSRF = (
    403,
    "csrf",
    "当前登录的人员已变，请刷新页面",
    "this page is of another session: load it again; a program sends a token instead of cookies",
)


@frozen
class Caller:
    """Who asks, and how he comes. ``mark`` is of his session or token, ``browser`` of a browser that was here before.

    ``word`` is what his pages send with what they order.  ``secure``: over TLS.
    """

    who: Who = ALONE
    mark: str = ""
    word: str = ""
    peer: str = ""
    browser: str = ""
    secure: bool = False
    named: bool = False  # whether anybody is known

    def __repr__(self) -> str:
        return f"Caller({self.who.code})"


def caller_of(request: HTTPConnection) -> Caller:
    return caller_in(request.scope)


def caller_in(scope: Scope) -> Caller:
    """Who asks, by what the reception has put there."""
    caller: Caller = scope.get("state", {}).get("caller", NOBODY)
    return caller


@lru_cache(maxsize=KEPT)
def stranger(client: str, server: str, secure: bool) -> Caller:
    """Who shows nothing, from this address to that one."""
    return Caller(peer=peer(client, server) if client else "", secure=secure)


NOBODY = Caller()


class Reception:
    """ASGI middleware. ``console`` is the word of this process's own command line; ``opened`` are open to everybody."""

    def __init__(
        self,
        app: ASGIApp,
        showing: Showing,
        inbox: Inbox,
        steady: Callable[[], float],
        console: str = "",
        opened: frozenset[str] = frozenset(),
    ) -> None:
        self._opened = opened  # screens that show without a sign-in

        self._app = app
        self._showing = showing
        self._inbox = inbox
        self._steady = steady
        self._console = mark_of(console) if console else ""
        self._told: dict[str, float] = {}  # when the core was last told of a session
        self._wrong: dict[str, tuple[int, float]] = {}  # wrong tokens of a peer, since when

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller = self._caller(scope)
        refused = caller if isinstance(caller, Response) else self._refusal(scope, caller)
        if refused is not None:
            await refused(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller | Response:
        headers = headers_of(scope)
        (client, _), (server, _) = scope.get("client") or ("", 0), scope.get("server") or ("", 0)
        came = stranger(client, server, scope.get("scheme") == "https")
        cookies = Request(scope).cookies if "cookie" in headers else {}
        if browser := cookies.get(BROWSER, ""):
            came = replace(came, browser=mark_of(browser))
        if (authorization := headers.get("authorization")) is not None:
            return self._program(came, authorization)
        if word := cookies.get(SESSION, ""):
            mark = mark_of(word)
            if (person := self._showing.roster.in_session(mark)) is not None:
                return replace(came, who=person.who, mark=mark, word=form_word(word), named=True)
        return came

    def _program(self, came: Caller, authorization: str) -> Caller | Response:
        kind, _, word = authorization.partition(" ")
        mark = mark_of(word.strip())
        if kind.lower() == "bearer":
            if self._console and secrets.compare_digest(mark, self._console):
                return replace(came, who=CONSOLE, mark=mark, named=True)
            if (program := self._showing.roster.programs.get(mark)) is not None:
                return replace(came, who=program.who, mark=mark, named=True)
        return problem(*(SLOW_DOWN if self._too_many(came.peer) else BAD_TOKEN))

    def _too_many(self, who: str) -> bool:
        """Count a wrong token. A right one is taken all the same: nobody guesses one."""
        now = self._steady()
        count, since = self._wrong.get(who, (0, now))
        if now - since >= WRONG_SECONDS:
            count, since = 0, now
        if len(self._wrong) >= MOST_PEERS:
            self._wrong.clear()
        self._wrong[who] = count + 1, since
        return count >= WRONG_TOKENS

    def _refusal(self, scope: Scope, caller: Caller) -> Response | None:
        path = scope["path"]
        if not caller.named:
            if not self._showing.roster.guarded or path in OPEN or path.startswith(OPEN_BELOW) or path in self._opened:
                return None
            return _sign_in(scope)
        if caller.word and scope["method"] not in SAFE and path != "/api/sign-in":
            sent = headers_of(scope).get("x-csrf-token", "")
            if not secrets.compare_digest(sent.encode(), caller.word.encode()):
                return problem(*CSRF)
        if caller.word and (scope["method"] == "POST" or not path.startswith((*FOR_SCRIPTS, *OPEN_BELOW))):
            self._still_there(caller.mark)
        return None

    def _still_there(self, mark: str) -> None:
        now = self._steady()
        if now - self._told.get(mark, float("-inf")) >= STILL_SECONDS:
            if len(self._told) >= MOST_PEERS:
                self._told.clear()
            self._told[mark] = now
            self._inbox.put(Ordered(StillThere(session=mark), who=BOX))


def still_in(showing: Showing, caller: Caller) -> bool:
    """Whether he may still see what he follows: his session may have ended, and a box may have got its first person."""
    roster = showing.roster
    if not caller.named:
        return not roster.guarded
    return caller.who is CONSOLE or caller.mark in roster.programs or roster.in_session(caller.mark) is not None


def _sign_in(scope: Scope) -> Response:
    path = scope["path"]
    if scope["method"] not in SAFE or path.startswith(FOR_SCRIPTS):
        return problem(*SIGN_IN)
    return RedirectResponse(f"/sign-in?next={quote(path, safe='/')}", 303)

"""The way from the web's thread to the core and back: a command in, an answer or a problem out, nothing done twice.

Every error has the same form: ``{"code": …, "message_zh": …, "message_en": …}``, where ``code`` is a fixed word for
programs.
"""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from edge.between.commands import Answer, CatchUp, Command, Recall, Recalled
from edge.between.families import row_at
from edge.between.inbox import Inbox, Refused, Request
from edge.between.people import ALONE, Who
from edge.between.words import Bilingual, section
from edge.web.events import DEAD_AFTER
from edge.web.models import OutcomeBody, Problem
from edge.web.taken import Header, Mistaken
from protocol.plain import plain

ANSWER_SECONDS = 8.0
REMEMBERED = 128
SURE_MS = 12 * 3_600_000  # the ledger remembers keys for a day: far longer than a page's clock may be wrong by


log = logging.getLogger(__name__)


class Problems(Exception):
    """An error with its HTTP status."""

    def __init__(self, status: int, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.status, self.code, self.zh, self.en = status, code, zh, en


UNKNOWN = (
    "未收到记录确认：可能已记录，也可能没有。请先查看小票列表，再决定是否重按",
    "no confirmation: it may or may not be recorded. Look at the list of slips before pressing again",
)

WITHDRAWN = (
    "此请求到得太晚，未记录；请再按一次",
    "this request came too late and was not recorded: press again",
)
NOTHING = (None, 0.0)
Outcome = Literal["done", "waiting", "not_done", "unknown"]


FAILED = (
    "程序内部出错，已写入日志；请重试，仍不行请联系技术员",
    "a fault of the program; it is in the log. Try again, and call the technician if it stays",
)


class Desk:
    """Hands commands to the core and waits for what it says. Lives in the web thread's loop.

    ``token`` is the process's, as pages hear it.
    """

    def __init__(
        self,
        inbox: Inbox,
        timeout: float = ANSWER_SECONDS,
        steady: Callable[[], float] = time.monotonic,
        token: str = "",
    ) -> None:
        self._inbox = inbox
        self._bell = _Bell()
        self._timeout = timeout
        self._steady = steady
        self._token = token
        self._known: OrderedDict[str, tuple[Request, float]] = OrderedDict()  # and when it came
        self._withdrawn: OrderedDict[str, None] = OrderedDict()
        self._complete_since = steady()  # every key that came later is still known

    async def ask(self, command: Command, key: str = "", who: Who = ALONE) -> Answer:
        """The core's answer; with a ``key`` seen before, the answer of that time and nothing is done twice."""
        if key in self._withdrawn:
            raise Problems(409, "withdrawn", *WITHDRAWN)
        request, _ = self._known.get(key, NOTHING)
        if request is None or _refused(request):  # nothing was done: the same request may be tried again
            request = Request(command, key, who)
            self._remember(key, request)
            self._inbox.put(request)
        elif request.command != command:
            raise Problems(
                409,
                "key_reused",
                "Idempotency-Key 已用于另一请求",
                "this Idempotency-Key was used for another request",
            )
        await self._told(request.answer, self._timeout)
        return _answer(request)

    async def catch_up(self) -> None:
        """Return when what was answered before stands on the board, or when that counts as dead."""
        request = Request(CatchUp())
        self._inbox.put(request)
        with suppress(Problems):
            await self._told(request.answer, DEAD_AFTER)

    def tell(self, command: Command, who: Who) -> None:
        """Order something whose answer nobody waits for."""
        self._inbox.put(Request(command, who=who))

    async def outcome(self, key: str, sent: OutcomeBody) -> tuple[Outcome, dict[str, Any] | None]:
        """What became of a request, and its answer when it is ``done``.

        ``not_done`` is final: if it comes after all, it is refused. ``unknown``: it may have been done before this
        process began, or before the oldest that is still known, and it is of a kind that the ledger does not tell.
        """
        if (known := self._in_memory(key)) is not None:
            return known
        recall = Request(Recall(key=key))
        self._inbox.put(recall)
        await self._told(recall.answer, self._timeout)
        try:
            recalled = recall.answer.result(0)
        except (Refused, CancelledError):
            return "unknown", None
        assert isinstance(recalled, Recalled)
        if recalled.answer is not None:
            return "done", recalled.answer
        if (known := self._in_memory(key)) is not None:  # it came while the core was asked
            return known
        if not self._surely_not_done(sent):
            return "unknown", None
        self._withdrawn[key] = None
        while len(self._withdrawn) > REMEMBERED:
            self._withdrawn.popitem(last=False)
        return "not_done", None

    def _in_memory(self, key: str) -> tuple[Outcome, dict[str, Any] | None] | None:
        """What this process knows of a request; None when it does not."""
        request, _ = self._known.get(key, NOTHING)
        if request is None:
            return None
        if not request.answer.done():
            return "waiting", None
        if _refused(request):
            return "not_done", None
        failed = request.answer.cancelled() or request.answer.exception() is not None
        return None if failed else ("done", written(request.answer.result()))

    def _surely_not_done(self, sent: OutcomeBody) -> bool:
        """Whether a request that neither this process nor the ledger knows cannot have been done.

        No clock of the page and no time on the way counts: the page says what it had heard of this process before it
        sent the request.  An earlier process has ended when this one holds the ledger, so what makes a record was
        recorded then or never.
        """
        row = row_at(sent.address)
        if row is not None and row.records and sent.age_ms < SURE_MS:
            return True
        return sent.token == self._token and sent.heard_ms / 1000 >= self._complete_since

    def _remember(self, key: str, request: Request) -> None:
        if not key:
            return
        self._known[key] = request, self._steady()
        self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            _, (_, self._complete_since) = self._known.popitem(last=False)

    async def _told(self, answer: "Future[Answer]", seconds: float) -> None:
        """Wait without touching the future: it is the core's, and a page that goes away must not cancel it."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        answer.add_done_callback(lambda _: self._bell.ring(loop, waiter))
        end = loop.call_later(seconds, _woken, waiter, False)
        try:
            if not await waiter:
                raise Problems(503, "no_answer", *UNKNOWN)
        finally:
            end.cancel()


class _Bell:
    """Wakes who was answered: once for all whom the core answers before the web's thread has its turn, for each time is
    a system call on either side."""

    def __init__(self) -> None:
        self._answered: deque[asyncio.Future[bool]] = deque()
        self._rung = False

    def ring(self, loop: asyncio.AbstractEventLoop, waiter: "asyncio.Future[bool]") -> None:
        """From the core's thread."""
        self._answered.append(waiter)
        if not self._rung and not loop.is_closed():
            self._rung = True  # before it is heard: what is appended behind it is seen, or rings itself
            loop.call_soon_threadsafe(self._heard)

    def _heard(self) -> None:
        self._rung = False
        while self._answered:
            _woken(self._answered.popleft(), True)


def _woken(waiter: "asyncio.Future[bool]", answered: bool) -> None:
    if not waiter.done():
        waiter.set_result(answered)


def _refused(request: Request) -> bool:
    answer = request.answer
    return answer.done() and not answer.cancelled() and isinstance(answer.exception(), Refused)


def written(answer: Answer) -> dict[str, Any]:
    """An answer as its JSON has it."""
    return answer.model_dump(mode="json", by_alias=True)


def _answer(request: Request) -> Answer:
    try:
        return request.answer.result(0)
    except Refused as refused:
        raise Problems(409, refused.code, refused.zh, refused.en) from None
    except CancelledError:
        raise Problems(503, "stopping", *UNKNOWN) from None
    except Exception:
        log.exception("the core failed on %s", type(request.command).__name__)
        raise Problems(500, "failed", *UNKNOWN) from None


LONGEST_WORD = 64  # letters of a key, and of a supervisor's word
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=LONGEST_WORD,
        description="Any text of your own for this one request. Sent again with the same text after a timeout, the "
        "request is not done twice: you get the first one's answer. What makes a record (sales, entries, results given "
        "to a lot or dismissed, a confirmed date) is remembered for a day, also over a power cut; anything else until "
        "the station restarts. With another request the same text is refused (`key_reused`).",
    ),
]
Responses = dict[int | str, dict[str, Any]]


def _told(description: str) -> dict[str, Any]:
    """A problem, by name: a model made anew for each status of each route cost the start a tenth of a second."""
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}},
    }


ALWAYS: Responses = {
    400: _told("No valid HTTP, or a header twice that may stand there once."),
    401: _told("`sign_in`: nobody is signed in. `bad_token`: no program has this token."),
    403: _told("Another site, or a host name that is not the box's; `csrf`: a page without its session's own word."),
    408: _told("The request did not come to its end in time."),
    413: _told("The body is larger than 64 KiB."),
    429: _told("`slow_down`: too many wrong tokens from this address."),
    500: _told("A fault of the program; it is in the log."),
    503: _told("`crowded`: too many connections."),
}
UNKNOWN_PATH: Responses = {404: _told("There is no such thing.")}
NOT_UNDERSTOOD: Responses = {422: _told("The request is not understood; the messages name the field.")}
ERRORS: Responses = {
    **ALWAYS,
    **UNKNOWN_PATH,
    409: _told("Refused: nothing was recorded; `code` says why."),
    411: _told("No `Content-Length`, or a `Transfer-Encoding`."),
    415: _told("Not `application/json`."),
    **NOT_UNDERSTOOD,
    503: _told("No confirmation in time: it may or may not be recorded. `crowded`: it is not."),
}


def answers(status: int, model: type[BaseModel] | str) -> Responses:
    """What an address may answer; ``model`` may be one of ``answers.py``, by its name."""
    return {**ERRORS, status: {"model": model}}


# --- errors, all in one form ----------------------------------------------------------------------------------------


def problem(status: int, code: str, zh: str, en: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"code": code, "message_zh": zh, "message_en": en}, status, headers)


async def show_problem(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, Problems)
    return problem(error.status, error.code, error.zh, error.en)


async def show_invalid(_: HttpRequest, error: Exception) -> Response:
    """Each mistake named by its field, never echoing the whole request."""
    assert isinstance(error, Mistaken)
    wrong = [(_place(one["loc"]), one) for one in error.mistakes[:5]]
    zh = "请求有误：" + "；".join(f"{place}：{_mistake(one).zh}" for place, one in wrong)
    en = "not understood: " + "; ".join(f"{place}: {_mistake(one).en}" for place, one in wrong)
    return problem(422, "invalid", zh, en)


def _mistake(mistake: Mapping[str, Any]) -> Bilingual:
    """What is wrong with a field; pydantic's own sentences are for programmers."""
    known = section("mistake").get(mistake["type"])
    if known is None:  # a rule of our own, in its own words
        return Bilingual(section("mistake")["other"].zh, mistake["msg"])
    return known.filled(**mistake.get("ctx", {}))


def _place(loc: tuple[int | str, ...]) -> str:
    """Names of fields may be the sender's own."""
    return plain(".".join(str(part) for part in loc[1:]), 64) or "body"


async def show_http_error(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem(404, "not_found", *section("page")["missing"])
    if error.status_code == 405:
        return problem(405, "method", "不支持此方法", "this address does not take this method", error.headers)
    if error.status_code == 400:  # what json cannot even try: no UTF-8, nested too deep, a number too long
        return problem(422, "invalid", "请求有误：body：不是有效的 JSON", "not understood: body: not valid JSON")
    return problem(error.status_code, "http", f"出错（HTTP {error.status_code}）", str(error.detail), error.headers)

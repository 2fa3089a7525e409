"""The JSON API: the same commands the pages use, for scale software, cash registers and handhelds on the box.

A successful answer means that the record is committed.  Every error has the same form:
``{"code": …, "message_zh": …, "message_en": …}``, where ``code`` is a fixed word for programs.
"""

import asyncio
import logging
from collections import OrderedDict
from concurrent.futures import CancelledError, Future
from dataclasses import asdict
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Header, Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest

from drivers.glyphs import NoFont
from edge.archive import Archive
from edge.board import Board, PaperView, Showing
from edge.inbox import (
    AskScale,
    Command,
    ConfirmPaper,
    Inbox,
    MatchResult,
    PlanChannel,
    PrintPaper,
    Refused,
    RegisterEntry,
    Reprint,
    Request,
    Sell,
    SetPrice,
    WholePlantDone,
)
from edge.web.events import EventStream, Live, alive, dumps

log = logging.getLogger(__name__)

ANSWER_SECONDS = 8.0
REMEMBERED = 128
LARGEST_FEN = 10_000_000
LARGEST_G = 100_000_000

Code = Annotated[str, Field(min_length=1, max_length=64)]
Text = Annotated[str, Field(max_length=120)]
Person = Annotated[
    str,
    Field(min_length=1, max_length=40, description="Who says so, by name; it stands in the record.", examples=["王敏"]),
]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class SaleBody(Body):
    """Sell what lies on the scale now."""

    scale: Code = Field(description="Name of the scale, as on the board.", examples=["scale-1"])
    product: Code = Field(description="Product code.", examples=["01040201"])
    lot: Code = Field(
        description="The lot sold from: its 20-digit source code, or its test code.", examples=["41010800110100010074"]
    )
    seen_g: Annotated[StrictInt, Field(ge=1, le=LARGEST_G)] | None = Field(
        None,
        description="Net grams that the person saw, after `tare_g`. When the scale says something else by now, nothing "
        "is sold (`weight_changed`). Leave it out only where no person looks.",
    )
    price_fen: Annotated[StrictInt, Field(ge=1, le=LARGEST_FEN)] | None = Field(
        None, description="Price for this sale in fen per the product's own basis, instead of the product's price."
    )
    buyer: str = Field("", pattern=r"^([0-9]{13})?$", description="13-digit operator code; empty for a walk-in.")
    buyer_name: Text = Field("", description="The buyer's name as printed.")
    tare_g: Annotated[StrictInt, Field(ge=0, le=LARGEST_G)] = Field(
        0,
        description="Known mass of the container (皮重) in grams, taken off what the scale shows. Refused when it is "
        "not less than that (`tare`), and when the scale took off a tare of its own (`tared`).",
    )
    manual_g: Annotated[StrictInt, Field(ge=1, le=LARGEST_G)] | None = Field(
        None,
        description="Net grams typed by a person because the scale cannot be read. Record and slip say 手工输入; it is "
        "no trade weighing. Needs `reason` and no `tare_g`.",
    )
    reason: Text = Field("", description="Why the weight was typed.", examples=["秤无显示，已报修"])

    @model_validator(mode="after")
    def _typed(self) -> Self:
        if self.manual_g is not None and self.tare_g:
            raise ValueError("a typed weight is net already: no tare_g with manual_g")
        if self.manual_g is None and self.reason:
            raise ValueError("reason goes with manual_g")
        return self


class ProofBody(Body):
    """A certificate that came with the goods."""

    type: Code = Field(description="Kind of certificate: `hgz` is 承诺达标合格证.", examples=["hgz"])
    no: Code = Field(description="Its number.")


class EntryBody(Body):
    """Goods come in."""

    product: Code = Field(description="Product code.", examples=["01040201"])
    net_g: Annotated[StrictInt, Field(ge=1, le=LARGEST_G)] = Field(description="Net grams.", examples=[250000])
    origin: Annotated[str, Field(min_length=1, max_length=120)] = Field(description="产地, in words.")
    supplier: Annotated[str, Field(min_length=1, max_length=120)] = Field(description="供货人, by name.")
    origin_code: str = Field("", pattern=r"^([0-9]{6})?$", description="GB/T 2260 code of the origin.")
    supplier_code: str = Field("", pattern=r"^([0-9]{13})?$", description="13-digit operator code of the supplier.")
    plate: Annotated[str, Field(max_length=20)] = Field("", description="Number plate of the vehicle.")
    proofs: list[ProofBody] = Field(default_factory=list, max_length=10)
    upstream: str = Field(
        "",
        pattern=r"^([0-9]{20})?$",
        description="Source code given by the market upstream. With it the lot is released at once.",
    )


class PriceBody(Body):
    """A new price; it stays until the next change."""

    product: Code = Field(description="Product code.")
    price_fen: Annotated[StrictInt, Field(ge=1, le=LARGEST_FEN)] = Field(
        description="Fen per the product's own basis (`per_g` on the board: 1000 or 500 grams)."
    )


class ChannelBody(Body):
    """Whose sample lies in a channel."""

    analyzer: Code = Field(description="Name of the analyzer, as on the board.", examples=["analyzer-1"])
    channel: Annotated[str, Field(min_length=1, max_length=40)] = Field(
        description="The channel, as the instrument writes it.", examples=["3"]
    )
    lot: Annotated[str, Field(max_length=64)] = Field(
        "", description="Test code or source code of the lot; empty clears the channel."
    )


class MatchBody(Body):
    """Whose result this is."""

    lot: Code = Field(description="Test code or source code of the lot.", examples=["41010800130100000031"])
    person: Person
    verdict: Literal["", "qualified", "unqualified"] = Field(
        "",
        description="What the person reads from a ticket that could not be parsed: `qualified` (合格) or `unqualified` "
        "(阳性). Empty: what the instrument stated is judged.",
    )


class WholePlantBody(Body):
    """Who did it."""

    person: Person


class Problem(BaseModel):
    """Why something was not done, for programs (`code`) and for people."""

    code: str = Field(examples=["weight_changed"])
    message_zh: str
    message_en: str


class SaleAnswer(BaseModel):
    """The recorded sale."""

    tx: str = Field(description="20-digit transaction code (交易码).")
    net_g: int
    amount_fen: int
    url: str = Field(description="What the slip's QR code says.")
    job: int | None = Field(description="Print job; watch it in `papers`. Null when the station has no printer.")


class EntryAnswer(BaseModel):
    """The recorded entry."""

    test_code: str = Field(description="20-digit code of the lot until it has a source code, and of its test report.")
    sample: str = Field(description="Sample number to type into the analyzer.")
    source: str | None = Field(description="Source code, when the lot is already released.")


class PriceAnswer(BaseModel):
    product: str
    price_fen: int


class PaperBody(Body):
    """What to print: `slip`, `ticket`, `report`, `card`, `label`, `acceptance`, `hold`, `day` or `test`."""

    paper: Code
    subject: Text = Field("", description="A trace code; for `day` a date like 2026-11-23; nothing for `test`.")
    printer: Text = Field("", description="A printer's name; the first that prints such papers otherwise.")


class ConfirmAnswer(BaseModel):
    job: int
    state: str


class ReprintAnswer(BaseModel):
    """The new print job, marked COPY."""

    job: int
    copy_number: int = Field(alias="copy", description="The how-manieth copy this is.")


class ChannelAnswer(BaseModel):
    """The channel plan as it is now."""

    planned: str = Field(description="The channel.")
    lot: str = Field(description="The lot, as it was given; empty when the channel was cleared.")


class MatchAnswer(BaseModel):
    """The recorded test."""

    test_code: str = Field(description="The lot.")
    verdict: str = Field(description="What the lot's tests now say: qualified, suspect, unqualified or invalid.")
    source: str | None = Field(description="The new source code, when this result releases the lot.")


class WholePlantAnswer(BaseModel):
    test_code: str = Field(description="The lot.")


class BoardAnswer(BaseModel):
    """Everything the station shows. `alive` is false when the station's core has stopped: then trust none of it."""

    alive: bool
    board: Board


class Problems(Exception):
    """An error with its HTTP status."""

    def __init__(self, status: int, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.status, self.code, self.zh, self.en = status, code, zh, en


UNKNOWN = (
    "未收到记录确认：可能已记录，也可能没有。请先查看小票列表，再决定是否重按",
    "no confirmation: it may or may not be recorded. Look at the list of slips before pressing again",
)


class Desk:
    """Hands commands to the core and waits for what it says. Lives in the web thread's loop."""

    def __init__(self, inbox: Inbox, timeout: float = ANSWER_SECONDS) -> None:
        self._inbox = inbox
        self._timeout = timeout
        self._known: OrderedDict[str, Request] = OrderedDict()

    async def ask(self, command: Command, key: str = "") -> dict[str, Any]:
        """The core's answer; with a ``key`` seen before, the answer of that time and nothing is done twice."""
        request = self._known.get(key) if key else None
        if request is None:
            request = Request(command)
            self._remember(key, request)
            self._inbox.put(request)
        elif request.command != command:
            raise Problems(
                409,
                "key_reused",
                "Idempotency-Key 已用于另一请求",
                "this Idempotency-Key was used for another request",
            )
        await self._settled(request.answer)
        return self._outcome(request, key)

    def _remember(self, key: str, request: Request) -> None:
        if key:
            self._known[key] = request
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    async def _settled(self, answer: "Future[dict[str, Any]]") -> None:
        """Wait without touching the future: it is the core's, and a page that goes away must not cancel it."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def wake(_: object) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

        answer.add_done_callback(wake)
        try:
            async with asyncio.timeout(self._timeout):
                await done.wait()
        except TimeoutError:
            raise Problems(503, "no_answer", *UNKNOWN) from None

    def _outcome(self, request: Request, key: str) -> dict[str, Any]:
        try:
            return request.answer.result(0)
        except Refused as refused:
            self._known.pop(key, None)  # nothing was done: the same request may be tried again
            raise Problems(409, refused.code, refused.zh, refused.en) from None
        except CancelledError:
            raise Problems(503, "stopping", *UNKNOWN) from None
        except Exception:
            log.exception("the core failed on %s", type(request.command).__name__)
            raise Problems(500, "failed", *UNKNOWN) from None


Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=64,
        description="Any text of your own for this one request. Sent again with the same text after a timeout, the "
        "request is not done twice: you get the first one's answer. Remembered until the station restarts.",
    ),
]
ERRORS: dict[int | str, dict[str, Any]] = {
    403: {"model": Problem, "description": "Another site, or a host name that is not the box's."},
    409: {"model": Problem, "description": "Refused: nothing was recorded; `code` says why."},
    415: {"model": Problem, "description": "Not `application/json`."},
    422: {"model": Problem, "description": "The request is not understood; the messages name the field."},
    503: {"model": Problem, "description": "No confirmation in time: it may or may not be recorded."},
}


def answers(status: int, model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": model}, **ERRORS}


def router(showing: Showing, desk: Desk, live: Live, archive: Archive | None = None) -> APIRouter:
    api = APIRouter(prefix="/api")

    @api.get("/board", responses={200: {"model": BoardAnswer}}, tags=["read"], summary="Everything the station shows")
    async def read_board() -> Response:
        state = {"alive": alive(showing, live.steady()), "board": showing.board.as_json()}
        return Response(dumps(state), media_type="application/json")

    @api.get(
        "/live",
        response_class=Response,
        responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."}},
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
        return EventStream(live, pulse=pulse)

    @api.get(
        "/papers/{job}.png",
        response_class=Response,
        responses={200: {"content": {"image/png": {}}}, 404: {"model": Problem}, 503: {"model": Problem}},
        tags=["read"],
        summary="A paper as a picture",
    )
    async def draw_paper(job: Annotated[int, Path(ge=1)]) -> Response:
        """One pixel a dot. 503 `no_font` names the package that draws Chinese."""
        return Response(await _drawn(archive, job), media_type="image/png", headers={"Cache-Control": "max-age=60"})

    @api.get(
        "/papers/{job}",
        responses={200: {"model": PaperView}, 404: {"model": Problem}},
        tags=["read"],
        summary="A paper with its text",
    )
    async def read_paper(job: Annotated[int, Path(ge=1)]) -> Response:
        for paper in showing.board.papers:
            if paper.job == job:
                text = paper.text or await _text(archive, job)
                return Response(dumps({**asdict(paper), "text": text}), media_type="application/json")
        raise Problems(404, "no_paper", f"没有打印任务 {job}", f"no print job {job} on the board")

    @api.post(
        "/papers",
        status_code=201,
        responses=answers(201, ReprintAnswer),
        tags=["write"],
        summary="Print a paper on demand",
    )
    async def print_paper(body: PaperBody, key: Key = "") -> Response:
        """The source card or sample label of a lot, a day's summary, a printer's test page …"""
        return JSONResponse(await desk.ask(PrintPaper(**body.model_dump()), key), 201)

    @api.post(
        "/papers/{job}/confirm",
        responses=answers(200, ConfirmAnswer),
        tags=["write"],
        summary="A person saw that it came out",
    )
    async def confirm_paper(job: Annotated[int, Path(ge=1)], key: Key = "") -> Response:
        """For a paper that is held, unknown or failed. It is then not printed by itself any more."""
        return JSONResponse(await desk.ask(ConfirmPaper(job), key))

    @api.post("/sales", status_code=201, responses=answers(201, SaleAnswer), tags=["write"], summary="Sell and print")
    async def sell(body: SaleBody, key: Key = "") -> Response:
        """Sells what lies on the scale at this moment. 201 means that the sale is recorded; the slip follows."""
        return JSONResponse(await desk.ask(Sell(**body.model_dump()), key), 201)

    @api.post(
        "/entries", status_code=201, responses=answers(201, EntryAnswer), tags=["write"], summary="Register goods"
    )
    async def register(body: EntryBody, key: Key = "") -> Response:
        """Registers goods that come in and gives the sample number for the rapid test (快检)."""
        values = body.model_dump() | {"proofs": tuple((proof.type, proof.no) for proof in body.proofs)}
        return JSONResponse(await desk.ask(RegisterEntry(**values), key), 201)

    @api.post(
        "/channels", responses=answers(200, ChannelAnswer), tags=["write"], summary="Plan a channel of an analyzer"
    )
    async def plan_channel(body: ChannelBody, key: Key = "") -> Response:
        """For analyzers that report by channel: results of this channel belong to this lot from now on."""
        return JSONResponse(await desk.ask(PlanChannel(**body.model_dump()), key))

    @api.post(
        "/results/{seq}/match",
        status_code=201,
        responses=answers(201, MatchAnswer),
        tags=["write"],
        summary="Say whose result this is",
    )
    async def match_result(seq: Annotated[int, Path(ge=1)], body: MatchBody, key: Key = "") -> Response:
        """For a result on the board's `unmatched` list. It is judged and may release or hold the lot."""
        return JSONResponse(await desk.ask(MatchResult(seq, **body.model_dump()), key), 201)

    @api.post(
        "/lots/{code}/whole-plant",
        responses=answers(200, WholePlantAnswer),
        tags=["write"],
        summary="The whole-plant step is done",
    )
    async def whole_plant(code: Annotated[str, Path(max_length=64)], body: WholePlantBody, key: Key = "") -> Response:
        """For foods that disturb the enzyme (整株浸提): without it a positive stays suspect."""
        return JSONResponse(await desk.ask(WholePlantDone(code, body.person), key))

    @api.post("/prices", responses=answers(200, PriceAnswer), tags=["write"], summary="Change a price")
    async def set_price(body: PriceBody, key: Key = "") -> Response:
        return JSONResponse(await desk.ask(SetPrice(**body.model_dump()), key))

    @api.post(
        "/papers/{job}/reprint",
        status_code=201,
        responses=answers(201, ReprintAnswer),
        tags=["write"],
        summary="Print a paper again",
    )
    async def reprint(job: Annotated[int, Path(ge=1)], key: Key = "") -> Response:
        """The new paper is marked COPY (重打) and counted."""
        return JSONResponse(await desk.ask(Reprint(job), key), 201)

    @api.post("/scales/{name}/{wish}", responses=ERRORS, tags=["write"], summary="Tare or zero a scale")
    async def ask_scale(
        name: Annotated[str, Path(max_length=64)], wish: Literal["tare", "clear_tare", "zero"], key: Key = ""
    ) -> Response:
        """Refused unless the configuration allows writing to this scale."""
        return JSONResponse(await desk.ask(AskScale(name, wish), key))

    return api


# --- errors, all in one form ----------------------------------------------------------------------------------------


async def _text(archive: Archive | None, job: int) -> str:
    try:
        return await asyncio.to_thread(archive.text, job) if archive else ""
    except (LookupError, ValueError, FileNotFoundError):
        return ""


async def _drawn(archive: Archive | None, job: int) -> bytes:
    """The picture, drawn in a thread of its own; raises Problems."""
    try:
        if archive is not None:
            return await asyncio.to_thread(archive.png, job)
    except NoFont as error:
        zh = "没有中文字体，请安装 fonts-wqy-microhei 后重启"
        raise Problems(503, "no_font", zh, str(error)) from None
    except (LookupError, ValueError, FileNotFoundError) as error:
        log.info("paper %d cannot be drawn: %s", job, error)
    raise Problems(404, "no_paper", f"没有打印任务 {job}", f"no print job {job}")


def problem(status: int, code: str, zh: str, en: str) -> JSONResponse:
    return JSONResponse({"code": code, "message_zh": zh, "message_en": en}, status)


async def show_problem(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, Problems)
    return problem(error.status, error.code, error.zh, error.en)


async def show_invalid(_: HttpRequest, error: Exception) -> Response:
    """Each mistake named by its field, never echoing the whole request."""
    assert isinstance(error, RequestValidationError)
    wrong = [(_place(one["loc"]), str(one["msg"])) for one in error.errors()[:5]]
    zh = "请求有误：" + "；".join(f"{place}：{text}" for place, text in wrong)
    en = "not understood: " + "; ".join(f"{place}: {text}" for place, text in wrong)
    return problem(422, "invalid", zh, en)


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc[1:]) or "body"


async def show_http_error(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem(404, "not_found", "没有这个页面", "there is no such page")
    if error.status_code == 405:
        return problem(405, "method", "不支持此方法", "this address does not take this method")
    return problem(error.status_code, "http", str(error.detail), str(error.detail))

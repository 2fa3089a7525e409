"""The JSON API: the same commands the pages use, for scale software, cash registers and handhelds on the box.

A successful answer means that the record is committed.  Papers have a room of their own: ``api_papers.py``.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from edge.between.board import Showing
from edge.between.inbox import (
    AskScale,
    ConfirmDate,
    ConfirmPort,
    DismissResult,
    MatchResult,
    PlanChannel,
    RegisterEntry,
    SeeUnread,
    Sell,
    SetPrice,
    WholePlantDone,
)
from edge.web.bodies import (
    AskScaleAnswer,
    BoardAnswer,
    ChannelAnswer,
    ChannelBody,
    ConfirmPortAnswer,
    ConfirmPortBody,
    DateAnswer,
    DateBody,
    DismissAnswer,
    DismissBody,
    EntryAnswer,
    EntryBody,
    MatchAnswer,
    MatchBody,
    Named,
    Number,
    OutcomeAnswer,
    OutcomeBody,
    PriceAnswer,
    PriceBody,
    SaleAnswer,
    SaleBody,
    UnreadAnswer,
    UnreadBody,
    WholePlantAnswer,
    WholePlantBody,
)
from edge.web.desk import ALWAYS, NOT_UNDERSTOOD, Desk, Key, answers
from edge.web.door import Door
from edge.web.events import EventStream, Live, alive, dumps


def router(showing: Showing, desk: Desk, live: Live, door: Door) -> APIRouter:
    api = APIRouter(prefix="/api")

    @api.get(
        "/board",
        responses=ALWAYS | {200: {"model": BoardAnswer}},
        tags=["read"],
        summary="Everything the station shows",
    )
    async def read_board() -> Response:
        state = {"alive": alive(showing, live.steady()), "board": showing.board.as_json()}
        return Response(dumps(state), media_type="application/json")

    @api.get(
        "/live",
        response_class=Response,
        responses={
            **ALWAYS,
            **NOT_UNDERSTOOD,
            200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."},
        },
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
        return EventStream(live, door.streams, pulse=pulse)

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
    async def match_result(seq: Number, body: MatchBody, key: Key = "") -> Response:
        """For a result on the board's `unmatched` list. It is judged and may release or hold the lot."""
        return JSONResponse(await desk.ask(MatchResult(seq, **body.model_dump()), key), 201)

    @api.post(
        "/results/{seq}/dismiss",
        status_code=201,
        responses=answers(201, DismissAnswer),
        tags=["write"],
        summary="Say that a result is of no lot here",
    )
    async def dismiss_result(seq: Number, body: DismissBody, key: Key = "") -> Response:
        """For a result on the board's `unmatched` list: a practice run, one of a day before. It stays in the ledger."""
        return JSONResponse(await desk.ask(DismissResult(seq, **body.model_dump()), key), 201)

    @api.post(
        "/lots/{code}/whole-plant",
        responses=answers(200, WholePlantAnswer),
        tags=["write"],
        summary="The whole-plant step is done",
    )
    async def whole_plant(code: Named, body: WholePlantBody, key: Key = "") -> Response:
        """For foods that disturb the enzyme (整株浸提): without it a positive stays suspect."""
        return JSONResponse(await desk.ask(WholePlantDone(code, body.person), key))

    @api.post("/prices", responses=answers(200, PriceAnswer), tags=["write"], summary="Change a price")
    async def set_price(body: PriceBody, key: Key = "") -> Response:
        return JSONResponse(await desk.ask(SetPrice(**body.model_dump()), key))

    @api.post("/clock/confirm", responses=answers(200, DateAnswer), tags=["write"], summary="The date is right")
    async def confirm_date(body: DateBody, key: Key = "") -> Response:
        """A person answers for the system's date, which the station did not take by itself. It stands in a record."""
        return JSONResponse(await desk.ask(ConfirmDate(**body.model_dump()), key))

    @api.post(
        "/unread/seen",
        responses=answers(200, UnreadAnswer),
        tags=["write"],
        summary="What could not be handled was seen",
    )
    async def see_unread(body: UnreadBody, key: Key = "") -> Response:
        """Takes what is on the board's `unread` off it, up to a number. It stays in the ledger's file for a while."""
        return JSONResponse(await desk.ask(SeeUnread(**body.model_dump()), key))

    @api.post(
        "/scales/{name}/{wish}", responses=answers(200, AskScaleAnswer), tags=["write"], summary="Tare or zero a scale"
    )
    async def ask_scale(name: Named, wish: Literal["tare", "clear_tare", "zero"], key: Key = "") -> Response:
        """Refused unless the configuration allows writing to this scale."""
        return JSONResponse(await desk.ask(AskScale(name, wish), key))

    @api.post(
        "/ports/{device}/confirm",
        responses=answers(200, ConfirmPortAnswer),
        tags=["write"],
        summary="Another device behind a port is the right one",
    )
    async def confirm_port(device: Named, body: ConfirmPortBody, key: Key = "") -> Response:
        """For a device whose `ports` entry on the board has a `now`: it was replaced, or moved to another socket."""
        return JSONResponse(await desk.ask(ConfirmPort(device, **body.model_dump()), key))

    @api.post(
        "/requests/{key}/outcome",
        responses=answers(200, OutcomeAnswer),
        tags=["write"],
        summary="What became of a request whose answer did not come",
    )
    async def outcome(key: Named, body: OutcomeBody) -> Response:
        """By its `Idempotency-Key`. `not_done` is final: should the request still come, it is refused.

        For pages. A program sends the same request with the same key again: it gets the first answer, or it is done.
        """
        state, answer = await desk.outcome(key, body)
        return JSONResponse({"state": state, "answer": answer})

    return api

"""A signature under a delivery: the PIN is verified here, and the core hears only whose it was."""

from typing import Annotated

from pydantic import Field
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from edge.between.board import Showing
from edge.between.canteen_commands import SignDelivery, SignedAnswer
from edge.between.commands import LARGEST_NUMBER, Number
from edge.between.people import BOX
from edge.between.people_commands import AskPin, OperatorCode, PinWasRight
from edge.web.api_people import Approval, Body, Pin, PinDesk, allowed
from edge.web.approvals import Approvals
from edge.web.desk import Desk, Key, answers, written
from edge.web.reception import caller_of
from edge.web.routes import Routes
from edge.web.taken import Path
from protocol.city.events import ONE_LINE


class SignBody(Body):
    """Whose signature it is, and for what."""

    code: OperatorCode
    pin: Pin
    version: int = Field(ge=1, le=LARGEST_NUMBER, description="The delivery's `version` that this person saw.")
    function: Annotated[str, Field(max_length=40), ONE_LINE] = Field("", description="In which function.")


def router(showing: Showing, desk: Desk, approvals: Approvals) -> Routes:
    api = Routes("/api")
    pins = PinDesk(desk)

    @api.post(
        "/deliveries/{delivery}/sign",
        responses=answers(200, SignedAnswer),
        tags=["people"],
        summary="Sign a delivery",
    )
    async def sign(
        delivery: Annotated[Number, Path()],
        body: SignBody,
        request: HttpRequest,
        key: Key = "",
        word: Approval = "",
    ) -> Response:
        """Each person with code and PIN of their own, whoever is signed in. The last signature closes the delivery.

        Wrong PINs are answered `wrong_pin`, and after some `pin_wait`.
        """
        caller = caller_of(request)
        at = {"code": body.code, "peer": caller.peer, "browser": caller.browser, "by": caller.who.code}
        await pins.verify(AskPin(**at), body.pin.get_secret_value())
        await desk.ask(PinWasRight(**at), who=BOX)
        command = SignDelivery(delivery=delivery, version=body.version, function=body.function, code=body.code)
        who = allowed(showing, approvals, caller, SignDelivery, word)
        return JSONResponse(written(await desk.ask(command, key, who)))

    return api

"""The JSON API of people: sign in and out, a supervisor's word, who works here, tokens of programs.

PINs are hashed and verified here, one at a time, in a thread that has nothing else to do (``between/pins.py``).
"""

import asyncio
import re
from dataclasses import replace
from typing import Annotated, Any

from pydantic import ConfigDict, Field, SecretStr
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from edge.between.board import Showing
from edge.between.commands import ORDERS, Command
from edge.between.families import row_at
from edge.between.people import BOX, EVERYBODY, SUPERVISORS, Role, Who
from edge.between.people_commands import (
    AddOperator,
    AddProgram,
    AskPin,
    ChangeOperator,
    KeptPin,
    OperatorCode,
    PersonAnswer,
    PinWasRight,
    ProgramAnswer,
    ProgramName,
    RemoveProgram,
    SignOut,
    StaffName,
)
from edge.between.pins import hashed, mark_of, new_word, right
from edge.web.approvals import SECONDS, Approvals
from edge.web.desk import ALWAYS, LONGEST_WORD, Desk, Problems, answers, written
from edge.web.models import Said
from edge.web.reception import BROWSER, SESSION, Caller, caller_of
from edge.web.routes import Routes
from edge.web.taken import Header, Path

WAITING = 8  # PINs that wait to be verified
YEAR = 365 * 24 * 3600
Pin = Annotated[SecretStr, Field(min_length=4, max_length=12, description="4 to 12 digits.", examples=["482915"])]
WRONG_PIN = (401, "wrong_pin", "编号或密码不对", "wrong code or PIN")
Approval = Annotated[
    str,
    Header(
        alias="Approval",
        max_length=LONGEST_WORD,
        description="A supervisor's word for this one deed, from `/api/approvals`: where the answer was "
        "`needs_supervisor`.",
    ),
]


class Body(Said):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class SignInBody(Body):
    """Who signs in."""

    code: OperatorCode
    pin: Pin


class ApprovalBody(SignInBody):
    """Whose word it is, and for what."""

    address: str = Field(max_length=200, description="Where the deed is sent.", examples=["/api/sales"])


class Nothing(Body):
    """There is nothing to say."""


class NewPerson(Body):
    """A person, new here."""

    code: OperatorCode
    name: StaffName
    role: Role
    pin: Pin | None = None


class ChangedPerson(Body):
    """What is left out stays."""

    name: StaffName | None = None
    role: Role | None = None
    active: bool | None = None
    pin: Pin | None = None


class NewProgram(Body):
    """Other software, new here."""

    name: ProgramName
    role: Role


class PinDesk:
    """Verifies and hashes PINs. Lives in the web thread's loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._one = asyncio.Lock()
        self._waiting = 0

    async def verify(self, at: AskPin, pin: str) -> None:
        """Counted as wrong before it is looked at. Raises Problems."""
        asked = await self._desk.ask(at, who=BOX)
        assert isinstance(asked, KeptPin)
        if not await self._in_turn(lambda: right(asked.kept, pin)):
            raise Problems(*WRONG_PIN)

    async def hash(self, pin: SecretStr | None) -> str:
        """Empty for none. Raises Problems."""
        if pin is None:
            return ""
        try:
            return str(await self._in_turn(lambda: hashed(pin.get_secret_value())))
        except ValueError:
            raise Problems(422, "invalid", "密码应为 4 到 12 位数字", "a PIN has 4 to 12 digits") from None

    async def _in_turn(self, work: Any) -> Any:
        if self._waiting >= WAITING:
            raise Problems(503, "busy", "同时登录的人过多，请稍后再试", "too many sign in at once: try again")
        self._waiting += 1
        try:
            async with self._one:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def roles_of(command: type[Command]) -> dict[str, Any]:
    """For the OpenAPI: who may order it, or whose word it needs."""
    return {"x-roles": sorted(ORDERS[command].roles)}


def allowed(showing: Showing, approvals: Approvals, caller: Caller, command: type[Command], word: str) -> Who:
    """Who orders it, with the supervisor's word where one was given for just this."""
    code = approvals.take(word, caller.mark, command.__name__) if word else ""
    person = showing.roster.people.get(code)
    if person is None or not person.active:
        return caller.who
    return replace(caller.who, approved_by=code, word=frozenset({person.role}))


def router(showing: Showing, desk: Desk, approvals: Approvals) -> Routes:
    api = Routes("/api")
    pins = PinDesk(desk)

    async def order(command: Command, request: HttpRequest, word: str) -> dict[str, Any]:
        caller = caller_of(request)
        if not showing.roster.guarded and caller.peer:
            raise Problems(403, "only_here", "第一位人员只能在本机添加", "the first person is added at the box itself")
        who = allowed(showing, approvals, caller, type(command), word)
        return written(await desk.ask(command, who=who))

    @api.post("/sign-in", responses=answers(200, PersonAnswer), tags=["people"], summary="Sign in")
    async def sign_in(body: SignInBody, request: HttpRequest) -> Response:
        """For pages: the answer sets cookies. A program has a token instead.

        Wrong PINs are answered `wrong_pin`, and after some `pin_wait`.
        """
        caller = caller_of(request)
        word = new_word()
        browser = "" if caller.browser else new_word()
        at = {"code": body.code, "peer": caller.peer, "browser": caller.browser}
        await pins.verify(AskPin(**at), body.pin.get_secret_value())
        at["browser"] = caller.browser or mark_of(browser)
        person = await desk.ask(PinWasRight(**at, session=mark_of(word)), who=BOX)
        if caller.word:
            desk.tell(SignOut(session=caller.mark), caller.who)
        answer = JSONResponse(written(person))
        answer.set_cookie(SESSION, word, httponly=True, samesite="strict", secure=caller.secure)
        if browser:
            answer.set_cookie(BROWSER, browser, max_age=YEAR, httponly=True, samesite="strict", secure=caller.secure)
        return answer

    @api.post("/sign-out", responses=answers(200, "Named"), tags=["people"], summary="Sign out")
    async def sign_out(body: Nothing, request: HttpRequest) -> Response:
        """The session ends, and its cookie goes. Where nobody is signed in nothing happens."""
        caller = caller_of(request)
        if caller.word:
            await desk.ask(SignOut(session=caller.mark), who=caller.who)
        answer = JSONResponse({"code": "", "name": "", "roles": []})
        answer.delete_cookie(SESSION, httponly=True, samesite="strict", secure=caller.secure)
        return answer

    @api.get("/me", responses=ALWAYS | {200: {"model": "Named"}}, tags=["people"], summary="Who am I here?")
    async def me(request: HttpRequest) -> Response:
        """Code, name and roles of the person or program that asks; empty where nobody has a name here."""
        who = caller_of(request).who
        return JSONResponse({"code": who.code, "name": who.name, "roles": sorted(who.roles)})

    @api.post(
        "/approvals",
        status_code=201,
        responses=answers(201, "ApprovalAnswer"),
        tags=["people"],
        summary="A supervisor's word for one deed",
    )
    async def approve(body: ApprovalBody, request: HttpRequest) -> Response:
        """The supervisor enters code and PIN; who asks sends the word with what was refused (`needs_supervisor`)."""
        caller = caller_of(request)
        command = _ordered_at(body.address)
        at = {"code": body.code, "peer": caller.peer, "browser": caller.browser, "by": caller.who.code}
        await pins.verify(AskPin(**at), body.pin.get_secret_value())
        person = await desk.ask(PinWasRight(**at), who=BOX)
        assert isinstance(person, PersonAnswer)
        wanted = ORDERS[command].roles
        if person.role not in (SUPERVISORS if wanted == EVERYBODY else wanted):
            raise Problems(409, "not_a_supervisor", f"{person.name} 不是主管", f"{person.name} is no supervisor")
        word = approvals.give(caller.mark, command.__name__, person.code)
        return JSONResponse({"approval": word, "seconds": int(SECONDS)}, 201)

    @api.get("/operators", responses=ALWAYS | {200: {"model": "People"}}, tags=["people"], summary="Who works here")
    async def people() -> Response:
        """All people of the box with role and state, and whether they have a PIN, never the PIN itself."""
        known = showing.roster.people.values()
        said = [
            {"code": one.code, "name": one.name, "role": one.role, "active": one.active, "pin": one.pin}
            for one in known
        ]
        return JSONResponse({"people": said})

    @api.post(
        "/operators",
        status_code=201,
        responses=answers(201, PersonAnswer),
        tags=["people"],
        summary="Add a person",
        openapi_extra=roles_of(AddOperator),
    )
    async def add(body: NewPerson, request: HttpRequest, word: Approval = "") -> Response:
        """From the first person on everybody signs in. The first one is added at the box itself."""
        kept = await pins.hash(body.pin)
        command = AddOperator(code=body.code, name=body.name, role=body.role, pin=kept)
        return JSONResponse(await order(command, request, word), 201)

    @api.post(
        "/operators/{code}",
        responses=answers(200, PersonAnswer),
        tags=["people"],
        summary="Change a person",
        openapi_extra=roles_of(ChangeOperator),
    )
    async def change(
        code: Annotated[OperatorCode, Path()], body: ChangedPerson, request: HttpRequest, word: Approval = ""
    ) -> Response:
        """Name, role, PIN, active or not: what is left out stays. Another PIN ends the person's sessions."""
        kept = await pins.hash(body.pin)
        command = ChangeOperator(code=code, name=body.name, role=body.role, active=body.active, pin=kept)
        return JSONResponse(await order(command, request, word))

    @api.get("/programs", responses=ALWAYS | {200: {"model": "Programs"}}, tags=["people"], summary="Who has a token")
    async def programs() -> Response:
        """Names and roles of the programs that have a token, never the tokens."""
        said = [{"name": one.name, "role": one.role} for one in showing.roster.programs.values()]
        return JSONResponse({"programs": said})

    @api.post(
        "/programs",
        status_code=201,
        responses=answers(201, "TokenAnswer"),
        tags=["people"],
        summary="Give a program a token",
        openapi_extra=roles_of(AddProgram),
    )
    async def add_program(body: NewProgram, request: HttpRequest, word: Approval = "") -> Response:
        """The token stands in this answer alone: the box keeps only its hash."""
        token = new_word()
        command = AddProgram(name=body.name, role=body.role, mark=mark_of(token))
        return JSONResponse(await order(command, request, word) | {"token": token}, 201)

    @api.post(
        "/programs/{name}/remove",
        responses=answers(200, ProgramAnswer),
        tags=["people"],
        summary="Take a program's token away",
        openapi_extra=roles_of(RemoveProgram),
    )
    async def remove_program(
        name: Annotated[ProgramName, Path()], body: Nothing, request: HttpRequest, word: Approval = ""
    ) -> Response:
        """What asks with that token is refused from now on."""
        return JSONResponse(await order(RemoveProgram(name=name), request, word))

    return api


def _ordered_at(address: str) -> type[Command]:
    """The command that is sent there; raises Problems."""
    for pattern, command in (("/api/operators", AddOperator), ("/api/operators/[^/]+", ChangeOperator)):
        if re.fullmatch(pattern, address):
            return command
    if re.fullmatch("/api/deliveries/[^/]+/sign", address):
        from edge.between.canteen_commands import SignDelivery  # a canteen's alone

        return SignDelivery
    row = row_at(address)
    if row is not None:
        return row.command
    raise Problems(404, "not_found", "没有这个操作", "nothing is ordered at this address")

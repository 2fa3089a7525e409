"""What people order of a lot that is held, from who was told to the end of the goods; and of food that people bring.

Each is a step of ``edge/state/hold_steps.py``: one that does not fit the hold's step is refused with what comes first.
"""

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from edge.between.command_table import LARGEST_G, OF_A_PAPER, Answer, AnyCode, Code, Command, Mass, Person, Words, order
from edge.between.people import SUPERVISORS
from protocol.city.events import ONE_LINE, DecimalText, Name, Short
from protocol.city.hold_events import Photo

Lot = Annotated[AnyCode, Field(description="Test code or source code of the lot.")]
Somebody = Annotated[str, Field(min_length=1, max_length=40), ONE_LINE]
Photos = Annotated[tuple[Photo, ...], Field(max_length=20, description="SHA-256 of photos, in hex.")]
Moment = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2})?$",
        description="A time in the market's zone, to the minute.",
        examples=["2026-11-22T05:10"],
    ),
]
MethodKind = Literal["laboratory", "rapid"]


class StepAnswer(Answer):
    """The recorded step, and where the hold is now."""

    seq: int = Field(description="The record.")
    test_code: str
    step: str = Field(description="As on the board's `holds`.")
    job: int | None = Field(description="Print job of its paper. Null when none is printed by itself.")


class ToldAnswer(StepAnswer):
    told_at: str = Field(description="T0: the four hours run from then.")


@order("/lots/{lot}/told", ToldAnswer, "Say who received the result", status=201, records=True, told=("lot",))
class TellHolder(Command):
    """Whoever holds the goods received the result, now or at the time said. Said again it corrects the time: that is a
    supervisor's, and needs a reason."""

    lot: Lot
    told: Words = Field(description="Who, as a name or role; no telephone number.", examples=["摊主 李秀兰"])
    at: Moment = ""
    store: Name = Field("", description="Where the goods stand apart; left out: as in the settings.")
    signed: StrictBool = Field(False, description="Whether it is signed on paper.")
    person: Person
    reason: Name = Field("", description="Why the time is corrected.", examples=["时间填错"])


class RetestAnswer(StepAnswer):
    late: bool = Field(description="The four hours were over.")
    minutes: int = Field(description="Since the result was received; at least so many when the clock is not sure.")


@order("/lots/{lot}/retest", RetestAnswer, "Ask for a recheck", status=201, records=True, told=("lot",))
class AskRetest(Command):
    """Within four hours of the result anybody may record it; later a supervisor, with a reason."""

    lot: Lot
    asked_by: Words = Field(description="Who asks, as a name or role.", examples=["摊主 李秀兰"])
    person: Person
    reason: Name = Field("", description="Why it is taken although it is late.", examples=["电话申请在时限内"])


@order(
    "/lots/{lot}/waive",
    StepAnswer,
    "The owner waives the recheck",
    status=201,
    records=True,
    told=("lot",),
    roles=SUPERVISORS,
)
class WaiveRetest(Command):
    """In writing, where the market's rule is to destroy at once (`[gate] destroy_at_once`)."""

    lot: Lot
    owner: Words = Field(description="Whose goods they are.", examples=["摊主 李秀兰"])
    witness: Somebody = Field(description="Who was there.")
    photos: Photos = ()
    person: Person


@order(
    "/lots/{lot}/sample", StepAnswer, "Send a sealed sample to a laboratory", status=201, records=True, told=("lot",)
)
class SendSample(Command):
    """A sample for the recheck leaves, sealed. The laboratory does not use a rapid method."""

    lot: Lot
    seal_no: Annotated[Code, OF_A_PAPER] = Field(description="Number of the seal.", examples=["FY-001234"])
    laboratory: Words = Field(examples=["郑州市食品检验所"])
    method: Annotated[Words, OF_A_PAPER] = Field(description="By which method.", examples=["GB 23200.121-2021"])
    item: Name = Field("", description="What is looked for; left out: what was found.")
    mass_g: Mass | None = Field(None, description="Grams of the sample.")
    taken_by: Somebody = Field(description="Who took it.")
    photos: Photos = ()
    person: Person


@order(
    "/lots/{lot}/verdict",
    StepAnswer,
    "Type what a laboratory's report says",
    status=201,
    records=True,
    told=("lot", "conclusion"),
    roles=SUPERVISORS,
)
class TypeVerdict(Command):
    """From the laboratory's paper, where the city has not said it. It releases nothing."""

    lot: Lot
    report_no: Annotated[Code, Field(max_length=40), OF_A_PAPER]
    laboratory: Words
    method: Annotated[Words, OF_A_PAPER] = Field(examples=["GB 23200.121-2021"])
    method_kind: MethodKind = Field("laboratory", description="`rapid` is refused: a recheck must not be one.")
    conclusion: Literal["qualified", "unqualified"]
    item: Words = Field(examples=["毒死蜱"])
    value: DecimalText | None = None
    unit: Short = ""
    limit: Short = ""
    concluded: str = Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="Day of the conclusion.", examples=["2026-11-23"]
    )
    photos: Photos = ()
    person: Person


@order(
    "/lots/{lot}/plan-disposal",
    StepAnswer,
    "Say beforehand when goods go",
    status=201,
    records=True,
    told=("lot", "decision"),
    roles=SUPERVISORS,
)
class PlanDisposal(Command):
    """So that the authority may come."""

    lot: Lot
    decision: Literal["returned", "destroyed"]
    at: Annotated[Moment, Field(min_length=16)]
    how: Words = Field(examples=["深埋 2 米"])
    where: Words = Field(examples=["市场垃圾处理站"])
    authority: Name = Field("", description="Who was told of it; left out: as in the settings.")
    person: Person


class DisposeAnswer(StepAnswer):
    left_g: int = Field(description="Grams that are still held.")
    returned_g: int
    destroyed_g: int


@order(
    "/lots/{lot}/dispose",
    DisposeAnswer,
    "Return or destroy held goods",
    status=201,
    records=True,
    told=("lot", "decision", "mass_g"),
    roles=SUPERVISORS,
)
class DisposeLot(Command):
    """What a named person did with goods that are held, all of them or a part. Before, the laboratory found against
    them, or the four hours passed without a recheck asked for; a person's hold asks for neither."""

    lot: Lot
    decision: Literal["returned", "destroyed"]
    mass_g: Annotated[StrictInt, Field(ge=0, le=LARGEST_G)] = Field(description="Grams, as weighed now.")
    complete: StrictBool = Field(
        True, description="Nothing is left. Then what was held and is missing, or too much, needs `why`."
    )
    why: Name = Field("", description="What explains the difference.", examples=["失水"])
    how: Words = Field(examples=["深埋 2 米"])
    where: Words = Field(examples=["市场垃圾处理站"])
    owner: Words = Field(description="Whose goods they are.", examples=["摊主 李秀兰"])
    witness: Annotated[str, Field(max_length=40), ONE_LINE] = Field("", description="Who was there; needed to destroy.")
    officer: Annotated[str, Field(max_length=40), ONE_LINE] = Field(
        "", description="Who supervised it for the market or authority; needed to destroy."
    )
    photos: Photos = ()
    person: Person


# --- food that people bring -------------------------------------------------------------------------------------------


class SampleAnswer(Answer):
    """The registered sample."""

    code: str = Field(description="20 digits; stands on its result slip.")
    sample: str = Field(description="Number to type into the analyzer, and to collect the result by.")
    job: int | None = Field(description="Print job of its label. Null when none is printed by itself.")


@order("/samples", SampleAnswer, "Register food that somebody brought", status=201, records=True)
class RegisterSample(Command):
    """你送我检: tested like goods of the market, and never a lot."""

    goods: Words = Field(description="What it is, as they call it.", examples=["小区门口买的草莓"])
    asked_by: Name = Field(
        "", description="What they are called on the slip; no telephone number.", examples=["张女士"]
    )
    item: Name = Field("", description="What it is to be tested for.")

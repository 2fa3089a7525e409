"""What is ordered in the test room: what a person has seen, racks, controls, reagents, a second look, the draw."""

from typing import Annotated

from pydantic import Field

from edge.between.command_table import Answer, AnyCode, Code, Command, Number, Person, Words, order
from edge.between.people import SUPERVISORS
from protocol.city.bench_events import ControlKind
from protocol.city.events import ONE_LINE

Place = Annotated[str, Field(min_length=1, max_length=8), ONE_LINE]
Tester = Annotated[
    str, Field(max_length=40, description="Who stands at the bench; the one before, where it is empty."), ONE_LINE
]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]


# --- what needs a person ----------------------------------------------------------------------------------------------


class SeenAnswer(Answer):
    seq: int = Field(description="The record.")
    test_code: str = Field(description="The lot.")


@order("/lots/{lot}/seen", SeenAnswer, "What stands against a lot was seen", status=201, records=True, told=("lot",))
class SeeLot(Command):
    """For a lot of the board's `alerts`: the tone ends, and it is no longer pinned. Nothing is decided by it."""

    lot: AnyCode = Field(description="Test code or source code of the lot.")
    person: Person


# --- racks ------------------------------------------------------------------------------------------------------------


class RackAnswer(Answer):
    """The rack as it is now."""

    rack: int = Field(description="Its number.")
    put: int = Field(description="How many samples were put into it.")
    free: int = Field(description="How many places are free.")
    waiting: int = Field(description="How many lots wait that lie in no rack.")


@order("/racks/{analyzer}/fill", RackAnswer, "Fill an analyzer's rack", status=201, told=("analyzer",))
class FillRack(Command):
    """Puts the lots that wait into the free places, those to repeat first, then in the order in which they came; lots
    that the draw passed over are left out. Where every result of a rack is there, the next one is begun."""

    analyzer: Code = Field(examples=["tester-8"])
    person: Tester = ""


@order("/racks/{analyzer}/next", RackAnswer, "Begin an analyzer's next rack", status=201, told=("analyzer", "leave"))
class NextRack(Command):
    """The next rack begins at the first place, with its controls, and is filled. One whose results are not all there is
    ended only with `leave`: its lots wait again."""

    analyzer: Code
    leave: bool = False
    person: Tester = ""


class PlaceAnswer(Answer):
    rack: int
    place: str


@order(
    "/racks/{analyzer}/places/{place}",
    PlaceAnswer,
    "Say what lies in one place of a rack",
    told=("analyzer", "place", "lot", "control"),
)
class SetPlace(Command):
    """A lot, food that somebody brought (你送我检), a control, or nothing when none is given."""

    analyzer: Code
    place: Place
    lot: Annotated[str, Field(max_length=64)] = Field(
        "", description="Test code or source code of the lot, or the code of food that somebody brought."
    )
    control: ControlKind | None = None
    person: Tester = ""


# --- controls, reagents, a second look --------------------------------------------------------------------------------


class ControlAnswer(Answer):
    """The recorded control."""

    seq: int = Field(description="The record.")
    valid: bool
    released: int = Field(description="How many lots this released.")


@order(
    "/results/{seq}/control",
    ControlAnswer,
    "Say that a result is a control's",
    status=201,
    records=True,
    told=("seq", "control"),
    roles=SUPERVISORS,
)
class MatchControl(Command):
    """For a result on the board's `unmatched` list that is of no lot but of a control."""

    seq: Number
    control: ControlKind
    person: Person


class ReagentAnswer(Answer):
    """The reagent lot."""

    seq: int = Field(description="The record.")
    reagent: str
    item: str
    used: str = Field(description="The lot that the next test of this item is done with: the first that was opened.")
    soon: bool = Field(False, description="It expires within 30 days.")
    released: int = Field(0, description="How many lots this released.")


@order("/reagents", ReagentAnswer, "Open a reagent lot", status=201, records=True, told=("reagent", "item", "expires"))
class OpenReagent(Command):
    """Stands in the record and on the report of each test that is done with it. First in, first out."""

    reagent: Annotated[str, Field(min_length=1, max_length=40), ONE_LINE] = Field(
        description="Lot number, as scanned or typed.", examples=["NC20261103"]
    )
    item: Words = Field(description="What it is for.", examples=["农药残留"])
    expires: Day = Field(description="Its last day.", examples=["2027-05-31"])
    person: Person


@order(
    "/reagents/finish", ReagentAnswer, "A reagent lot is used up", status=201, records=True, told=("reagent", "item")
)
class FinishReagent(Command):
    """The next one that stands open takes its place."""

    reagent: Annotated[str, Field(min_length=1, max_length=40), ONE_LINE]
    item: Words
    person: Person


class ReviewAnswer(Answer):
    """The reviewed result."""

    seq: int = Field(description="The record, in place of the result's.")
    source: str | None = Field(description="The lot's source code, when this released it.")


@order("/results/{seq}/review", ReviewAnswer, "Look at a result a second time", status=201, records=True, told=("seq",))
class ReviewResult(Command):
    """By another person than its tester; their name stands on the report."""

    seq: Number
    person: Person


# --- the plan of the day ----------------------------------------------------------------------------------------------


class DrawAnswer(Answer):
    """What was drawn."""

    drawn: tuple[str, ...] = Field(description="Test codes of the lots that are tested.")
    passed: tuple[str, ...] = Field(description="Of those that are not.")
    released: int = Field(description="How many of these are on sale, untested.")


@order("/plan/draw", DrawAnswer, "Draw which lots are tested", status=201, records=True, told=("group",))
class DrawSamples(Command):
    """Of today's lots of a group that wait and of which nothing is known: so many that its share is tested. By chance,
    which anybody can check, and always those on the city's focus list."""

    group: Annotated[str, Field(max_length=120), ONE_LINE] = Field(
        "", description="Name of the plan's row, or its product code; empty for all of them."
    )
    person: Person


class PlannedGroup(Answer):
    """A group of today's goods."""

    group: str
    product: str = Field(description="What the codes of its goods begin with.")
    items: tuple[str, ...] = Field(description="What they are tested for.")
    share: int = Field(description="Per cent of the lots that are to be tested.")
    lots: int = Field(description="How many came in today.")
    wanted: int
    drawn: int
    tested: int
    missing: int
    suppliers: int
    suppliers_tested: int


class PlanAnswer(Answer):
    """The plan of the day, and how far it is done."""

    day: str
    groups: tuple[PlannedGroup, ...]


@order("", PlanAnswer, "The plan of the day")
class AskPlan(Command):
    """What is tested of today's goods, and how far that is done."""

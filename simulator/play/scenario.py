"""What a scenario file says: the market, its people, goods and devices, and what happens there, step by step.

    name = "…"                     # and about, market, clock, devices, goods, people, verdict
    [[step]]
    do = "entry"                   # one of STEPS; the keys of a step are the fields of its model
    lot = "cabbage"                # the name by which later steps speak of it

Masses are kilograms, money is yuan as in station.toml, times have their zone.  A text between braces in ``with``,
``path`` and ``shows``, such as ``{cabbage.test_code}``, is what the station answered to the deed of that name.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from simulator.market import CAPACITY

NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,39}$"
Name = Annotated[str, Field(pattern=NAME)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Kilograms = Annotated[Decimal, Field(ge=0, le=100_000, decimal_places=3)]
OnThePan = Annotated[Decimal, Field(ge=0, le=CAPACITY + 5, decimal_places=3)]
Seconds = Annotated[float, Field(gt=0, le=600)]
Values = dict[str, Any]
NAMED = re.compile(r"\{([A-Za-z][\w-]*)((?:\.\w+)*)\}")
ALWAYS = ("today", "station", "node")  # what may stand between braces without any deed


class Part(BaseModel):
    """Frozen, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Faults(Part):
    """What the wires of scale and analyzer do to bytes: chances of 0 to 1, by chunk or byte as in ``wires/faults``."""

    split: float = Field(0.0, ge=0, le=1)
    glue: float = Field(0.0, ge=0, le=1)
    cut: float = Field(0.0, ge=0, le=1)
    noise: float = Field(0.0, ge=0, le=1)
    flip: float = Field(0.0, ge=0, le=1)
    lose: float = Field(0.0, ge=0, le=1)
    double: float = Field(0.0, ge=0, le=1)
    delay: float = Field(0.0, ge=0, le=5)
    single: bool = False
    seed: int = 0


class Devices(Part):
    """Models as ``marketedge protocols`` lists them; an empty one is not there.

    ``recording`` is a log that the scale says again, beside the scenario; ``temperature`` is that at the probe.
    """

    scale: str = "mt-sics"
    analyzer: str = "dayuan-lz4000t"
    printer: bool = True
    probe: str = ""
    temperature: Decimal = Decimal("3.9")
    recording: str = ""
    faults: Faults | None = None


class Station(Part):
    """The box. ``owner`` is who trades or eats there: code, name and stall. ``toml`` are further lines of station.toml.

    ``unchecked`` is what a source code from elsewhere allows, ``gate`` what else stands below [gate].
    """

    jobs: tuple[Literal["gate", "stall", "canteen"], ...] = ("stall", "gate")
    owner: tuple[str, str, str] | None = None
    unchecked: Literal["accept", "test", "refuse"] = "test"
    gate: Values = Field(default_factory=dict)
    toml: str = ""


class Goods(Part):
    """Goods of the box, as in station.toml."""

    code: str = Field(pattern=r"^[0-9]{8}$")
    name: Text
    name_en: str = ""
    price: str
    per: str = "kg"
    tests: tuple[str, ...] = ()


class Person(Part):
    """Who works there. The first is entered at the box itself, a supervisor; the others by the first."""

    code: str = Field(pattern=r"^[0-9]{1,13}$")
    name: Text
    role: Literal["operator", "supervisor", "technician"] = "operator"
    pin: str = Field(pattern=r"^[0-9]{4,12}$")


class Verdict(Part):
    """What is not wrong in the end, because the scenario is about it.

    ``waiting`` are results that nobody assigned, ``undelivered`` is true when the city stays away, ``unprinted`` are
    papers that never came out, ``odd`` what came from the broker and was not believed.
    """

    waiting: int = 0
    undelivered: bool = False
    unprinted: int = 0
    odd: int = 0


# --- steps ------------------------------------------------------------------------------------------------------------


class StepBase(Part):
    """``say`` is told to who looks on, ``after`` is the pause before the step at real pace, in seconds."""

    say: str = ""
    after: float | None = Field(None, ge=0, le=600)
    makes: ClassVar[str] = ""  # the field that names what it makes
    of: ClassVar[tuple[str, ...]] = ()  # the fields that name what was made before


class Deed(StepBase):
    """Something that people order of the station. ``refused`` is the code of the refusal that must come instead.

    ``with`` are further fields of the local API.
    """

    refused: str = ""
    with_: Values = Field(default_factory=dict, alias="with")


class Entry(Deed):
    """Goods come in; ``source``: with a source code from another market."""

    do: Literal["entry"]
    lot: Name
    product: str
    kg: Kilograms
    origin: Text = "河南省郑州市中牟县"
    supplier: Text = "中牟县绿源合作社"
    source: bool = False
    makes = "lot"


class Test(StepBase):
    """The analyzer measures the lot's sample, or one of this number; the station fetches the result by itself."""

    do: Literal["test"]
    lot: Name | None = None
    sample: int | None = Field(None, ge=1, le=9999)
    value: Decimal
    of = ("lot",)

    @model_validator(mode="after")
    def _one(self) -> "Test":
        if (self.lot is None) == (self.sample is None):
            raise ValueError("a test has either `lot` or `sample`")
        return self


class Weigh(StepBase):
    """Goods are put on the empty pan, until they may be sold; 0 takes them off."""

    do: Literal["weigh"]
    kg: OnThePan


class Sale(Deed):
    """Goods are weighed and sold; without ``kg`` what lies on the pan is. ``product`` is the lot's, else named."""

    do: Literal["sale"]
    sale: Name | None = None
    lot: Name
    kg: OnThePan | None = None
    product: str = ""
    buyer: str = ""
    buyer_name: str = ""
    makes = "sale"
    of = ("lot",)


class Void(Deed):
    """A sale is taken back."""

    do: Literal["void"]
    sale: Name
    reason: Text
    of = ("sale",)


class Post(Deed):
    """Any deed of the local API. ``name`` is how later steps speak of the answer."""

    do: Literal["post"]
    path: str = Field(pattern=r"^/api/")
    name: Name | None = None
    makes = "name"


class Again(StepBase):
    """The last deed is asked for once more with the same key, as by somebody who never saw the answer."""

    do: Literal["again"]


class SignIn(StepBase):
    """A person signs in; whoever was there before is signed out."""

    do: Literal["sign in"]
    code: str


class Delivery(Deed):
    """A canteen's delivery begins, of an order of the city."""

    do: Literal["delivery"]
    order: str


class Load(Deed):
    """A load of a delivery's line is put on the pan and counted."""

    do: Literal["load"]
    line: int = Field(ge=1)
    kg: OnThePan


class Look(Deed):
    """What was seen of a delivery's line, in ``with``: ``refused``, ``reason``, ``delivered_n``, ``probe`` …"""

    do: Literal["look"]
    line: int = Field(ge=1)


class Sign(Deed):
    """A person signs the delivery with the PIN. The last signature makes the acceptance."""

    do: Literal["sign"]
    code: str
    function: Text
    acceptance: Name | None = None
    makes = "acceptance"


class Order(StepBase):
    """The city orders something, and the station has done it; ``refused`` is the code of its refusal instead."""

    do: Literal["order"]
    name: str
    refused: str = ""
    with_: Values = Field(default_factory=dict, alias="with")


class Device(StepBase):
    """A line of the script of a simulated device: `unplug`, `paper out`, `roll new 60`, `put 2.350` …"""

    do: Literal["device"]
    device: Literal["scale", "analyzer", "probe", "printer"]
    line: Text


class Replay(StepBase):
    """The scale says its recording on, up to second ``to`` of it, where the last it said stands until the next such
    step; without ``to`` to its end."""

    do: Literal["replay"]
    to: float | None = Field(None, ge=0)


class Away(StepBase):
    """The broker or the city stops; ``killed``: at once, with what it had in memory."""

    do: Literal["away"]
    who: Literal["broker", "city"]
    killed: bool = False


class Back(StepBase):
    do: Literal["back"]
    who: Literal["broker", "city"]


class PowerCut(StepBase):
    """The box loses its power and starts again; ``clock`` is what its clock says then."""

    do: Literal["power cut"]
    clock: AwareDatetime | Literal["right"] | None = None


class ClockSet(StepBase):
    """Somebody sets the clock of the running box."""

    do: Literal["clock"]
    at: AwareDatetime | Literal["right"]


class Expect(StepBase):
    """All of it is true within so many seconds.

    ``lot`` ``shows`` fields of the lot on the pages.  ``board`` are other values of ``GET /api/board`` by their path
    (``"scales.0.sellable" = false``), ``city`` how many records of a kind the city has (``"trade.completed" = 3``),
    ``slips`` how many slips came out, copies included, and ``paper`` words on the newest paper.
    """

    do: Literal["expect"]
    lot: Name | None = None
    shows: Values = Field(default_factory=dict)
    board: Values = Field(default_factory=dict)
    city: dict[str, int] = Field(default_factory=dict)
    slips: int | None = Field(None, ge=0)
    paper: tuple[str, ...] = ()
    within: Seconds = 20.0
    of = ("lot",)

    @model_validator(mode="after")
    def _something(self) -> "Expect":
        if bool(self.shows) != (self.lot is not None):
            raise ValueError("`lot` and `shows` go together")
        if not (self.shows or self.board or self.city or self.paper or self.slips is not None):
            raise ValueError("nothing is expected: write `lot` and `shows`, `board`, `city`, `slips` or `paper`")
        return self


Deeds = Entry | Test | Weigh | Sale | Void | Post | Again | SignIn | Delivery | Load | Look | Sign
Step = Annotated[
    Deeds | Order | Device | Replay | Away | Back | PowerCut | ClockSet | Expect, Field(discriminator="do")
]
STEPS: tuple[type[StepBase], ...] = get_args(get_args(Step)[0])


def word_of(kind: type[StepBase]) -> str:
    """What stands behind ``do``."""
    (word,) = kind.model_fields["do"].annotation.__args__  # type: ignore[union-attr]
    return str(word)


class Scenario(Part):
    """A whole file. ``clock`` is what the box's clock says when the power comes for the first time."""

    name: Text
    about: str = ""
    clock: AwareDatetime | None = None
    station: Station = Station()
    devices: Devices = Devices()
    goods: tuple[Goods, ...] = ()
    people: tuple[Person, ...] = ()
    verdict: Verdict = Verdict()
    step: tuple[Step, ...] = ()

    _folder: Path = Path()

    @model_validator(mode="after")
    def _happens(self) -> "Scenario":
        if not self.step:
            raise ValueError("nothing happens: write steps, each below [[step]]")
        return self

    @property
    def tells_time(self) -> bool:
        """Whether it is about the box's clock."""
        steps = (one for one in self.step if isinstance(one, PowerCut | ClockSet))
        return self.clock is not None or any(isinstance(one, ClockSet) or one.clock is not None for one in steps)

    def recording(self) -> Path | None:
        """Where the log lies that the scale says again."""
        return self._folder / self.devices.recording if self.devices.recording else None


def unknown_names(scenario: Scenario) -> Iterator[tuple[int, str, str]]:
    """Steps by their index, with the key, that speak of something no earlier step made."""
    made: set[str] = set()
    people = {one.code for one in scenario.people}
    for index, step in enumerate(scenario.step):
        for key in type(step).of:
            name = getattr(step, key)
            if name is not None and name not in made:
                yield index, key, name
        for key, name in _between_braces(step):
            if name not in made and name not in ALWAYS:
                yield index, key, name
        if isinstance(step, SignIn | Sign) and step.code not in people:
            yield index, "code", step.code
        if kind := type(step).makes:
            made |= {getattr(step, kind)} - {None}


def _between_braces(step: StepBase) -> Iterator[tuple[str, str]]:
    for key in ("with", "path", "shows", "board"):
        value = getattr(step, "with_" if key == "with" else key, None)
        for text in _texts(value):
            yield from ((key, found[1]) for found in NAMED.finditer(text))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for one in value.values():
                yield from _texts(one)
        case list() | tuple():
            for one in value:
                yield from _texts(one)


def moment(at: datetime | Literal["right"] | None) -> datetime | None:
    """The clock's time, None for the right one."""
    return at if isinstance(at, datetime) else None

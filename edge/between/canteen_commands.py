"""What is ordered at a canteen: a delivery begun, weighed, looked at, signed; samples of dishes; kitchen waste.

A signature has no address of its own where people have PINs: ``edge/web/api_canteen.py`` verifies the PIN first.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from edge.between.command_table import (
    LARGEST_FEN,
    LARGEST_G,
    LONGEST_SCAN,
    OF_A_PAPER,
    SCANNED,
    Answer,
    AnyCode,
    Code,
    Command,
    Mass,
    NamedPhotos,
    Number,
    Person,
    PersonCode,
    Warned,
    Words,
    none_said,
    order,
)
from edge.between.commands import ProofGiven
from edge.between.people import SUPERVISORS
from protocol.city.events import ONE_LINE, Name, Short

LineNumber = Annotated[int, Field(ge=1, le=60)]
Pieces = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
Tare = Annotated[StrictInt, Field(ge=0, le=LARGEST_G)]
Unit = Annotated[str, Field(max_length=8), ONE_LINE]
OrderNumber = Annotated[str, Field(max_length=40), ONE_LINE]
SCALE = Field(description="Name of the scale, as on the board.", examples=["scale-1"])
SEEN = Field(None, description="Net grams that the person saw; another weight by now is refused (`weight_changed`).")


class DeliveryAnswer(Answer):
    """The delivery as it is now."""

    delivery: int = Field(description="Its number at this station.")
    version: int = Field(description="What a signature is for; it grows with every change.")
    line: int | None = Field(None, description="The line this was about.")
    warnings: tuple[Warned, ...] = Field((), exclude_if=none_said, description="What is to be seen of the supplier.")


@order("/deliveries", DeliveryAnswer, "Begin a delivery", status=201, told=("order",))
class BeginDelivery(Command):
    """Goods are at the door: of an order of the city, or of none, which is an exception with a reason.

    An order whose delivery is under way already answers that one.
    """

    order: OrderNumber = Field("", description="Number of the order; empty: nobody ordered it here.")
    supplier: Name = Field("", description="Who delivers, where there is no order.")
    supplier_code: PersonCode = Field("", description="13-digit operator code of the supplier, where it is known.")
    reason: Name = Field("", description="Why goods without an order are taken.", examples=["临时加菜"])

    @model_validator(mode="after")
    def _who(self) -> Self:
        if not self.order and not (self.supplier or self.supplier_code):
            raise ValueError("name an order, or a supplier")
        return self


@order("/deliveries/{delivery}/lines", DeliveryAnswer, "Add goods that nobody ordered", told=("delivery", "product"))
class AddDeliveryLine(Command):
    """Goods that came and stand on no order, or of a delivery without one; the record says so."""

    delivery: Number
    product: AnyCode = Field(description="Product code.", examples=["01040201"])
    unit: Unit = Field("", description="What is counted, in words; empty for goods that are weighed.")


@order(
    "/deliveries/{delivery}/lines/{line}/loads",
    DeliveryAnswer,
    "Count the load on the scale",
    told=("delivery", "line", "scale"),
)
class WeighLoad(Command):
    """What lies on the scale and is not counted yet, less its crates: each load once, with no empty pan between."""

    delivery: Number
    line: LineNumber
    scale: Code = SCALE
    seen_g: Mass | None = SEEN
    tare_g: Tare = Field(0, description="Mass of everything that is no goods: all crates of this load together.")
    crate: Annotated[str, Field(max_length=64), SCANNED] = Field(
        "", description="Code of a container of `[stall] containers`; its mass is taken off `crates` times."
    )
    crates: Annotated[StrictInt, Field(ge=0, le=1000)] = Field(0, description="How many of them.")
    kind: Literal["in", "rejected"] = Field(
        "in", description="`rejected`: the part that is refused, of what was weighed before."
    )
    manual_g: Mass | None = Field(
        None, description="Net grams typed because the scale cannot be read; a supervisor's, and marked in the record."
    )
    reason: Name = Field("", description="Why the weight was typed.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.manual_g is not None and (self.tare_g or self.crates):
            raise ValueError("a typed weight is net already: no tare_g and no crates with manual_g")
        if bool(self.crate) != bool(self.crates):
            raise ValueError("crate and crates go together")
        return self


@order(
    "/deliveries/{delivery}/lines/{line}/loads/{load}/remove",
    DeliveryAnswer,
    "Take a load off the list",
    told=("delivery", "line", "load"),
)
class RemoveLoad(Command):
    """It was counted by mistake; while it lies on the scale it can be counted anew."""

    delivery: Number
    line: LineNumber
    load: Number


@order(
    "/deliveries/{delivery}/lines/{line}/describe",
    DeliveryAnswer,
    "Say what was counted and looked at",
    told=("delivery", "line"),
)
class DescribeLine(Command):
    """What is left out stays as it is."""

    delivery: Number
    line: LineNumber
    delivered_n: Pieces | None = Field(None, description="Pieces that came, of goods that are counted.")
    rejected_n: Pieces | None = Field(None, description="Pieces of them that are refused.")
    refused: bool | None = Field(None, description="Nothing of this line is taken.")
    reason: Name | None = Field(None, description="Why something is refused.", examples=["腐烂", "异味"])
    why_difference: Name | None = Field(
        None, description="Why more or less than ordered is taken; a supervisor's where `[canteen] over` blocks."
    )
    sensory: Name | None = Field(None, description="What was seen and smelt.", examples=["新鲜，无异味"])
    probe: Code | None = Field(None, description="Take the temperature of this probe, as it says now.")
    temperature: Annotated[str, Field(pattern=r"^(-?[0-9]{1,3}(\.[0-9]{1,2})?)?$")] | None = Field(
        None, description="Degrees Celsius, typed; the record says so. Empty takes it out."
    )
    best_before: Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")] | None = Field(
        None, description="Last day, YYYY-MM-DD."
    )
    spec: Name | None = Field(None, description="规格 of what is packed, as on the pack.", examples=["10 kg/袋"])
    batch: Annotated[Short | None, OF_A_PAPER] = Field(None, description="Production date or batch, as on the pack.")
    price_fen: Annotated[StrictInt, Field(ge=0, le=LARGEST_FEN)] | None = Field(
        None, description="Fen per kilogram or 500 g as ordered, or of one piece; the record says that it was typed."
    )
    photos: NamedPhotos | None = None


@order("/deliveries/{delivery}/scan", DeliveryAnswer, "A code that came with the goods", told=("delivery",))
class ScanForDelivery(Command):
    """A source card, a source code or a sale's slip, as scanned; checked with the node's keys, with no network.

    A forged one is refused. A card is of the line of its product, unless `line` names another one of these goods.
    """

    delivery: Number
    code: Annotated[str, Field(min_length=1, max_length=LONGEST_SCAN), SCANNED]
    line: LineNumber | None = None


@order(
    "/deliveries/{delivery}/lines/{line}/sources/{source}/remove",
    DeliveryAnswer,
    "This source code is of other goods",
    told=("delivery", "line"),
)
class RemoveSource(Command):
    """It was scanned for the wrong line."""

    delivery: Number
    line: LineNumber
    source: Annotated[str, Field(pattern=r"^[0-9]{20}$")]


@order("/deliveries/{delivery}/describe", DeliveryAnswer, "Say what came with a delivery", told=("delivery",))
class DescribeDelivery(Command):
    """What is left out stays as it is."""

    delivery: Number
    plate: Annotated[str, Field(max_length=20), ONE_LINE] | None = None
    proofs: Annotated[tuple[ProofGiven, ...], Field(max_length=10)] | None = None
    photos: NamedPhotos | None = None


class SignedAnswer(DeliveryAnswer):
    """``code`` is the acceptance's, once enough people have signed."""

    signed: int = Field(description="How many have signed it.")
    code: str = Field("", description="20-digit code of the acceptance; empty while somebody has to sign yet.")
    url: str = Field("", description="What its QR code says.")
    job: int | None = Field(None, description="Print job of its slip.")


class Signing(Command):
    """Who signs, as what, and which version of the delivery this person saw."""

    delivery: Number
    version: Number = Field(
        description="As on the board. Where it is another one by now, nothing is signed (`changed`)."
    )
    function: Annotated[str, Field(max_length=40), ONE_LINE] = Field(
        "", description="In which function; stands on the paper.", examples=["食堂管理员"]
    )


@order("", SignedAnswer, "Sign a delivery")
class SignDelivery(Signing):
    """By a person whose PIN was right. The last signature closes the delivery and makes the record."""

    code: str


@order(
    "/deliveries/{delivery}/sign-by-name",
    SignedAnswer,
    "Sign a delivery where nobody has a PIN",
    records=True,
    told=("delivery",),
)
class SignByName(Signing):
    """On a box without people: a typed name, and the record says so."""

    person: Person


class DropAnswer(Answer):
    delivery: int


@order(
    "/deliveries/{delivery}/drop",
    DropAnswer,
    "Drop a delivery that was begun",
    records=True,
    told=("delivery", "reason"),
)
class DropDelivery(Command):
    """Nothing of it is accepted. Where something was weighed already, it is a supervisor's and stands in a record."""

    delivery: Number
    reason: Words
    person: Person


class VoidAcceptanceAnswer(Answer):
    seq: int = Field(description="The record.")
    code: str = Field(description="The acceptance.")


@order(
    "/acceptances/{code}/void",
    VoidAcceptanceAnswer,
    "Void an acceptance",
    status=201,
    records=True,
    told=("code",),
    roles=SUPERVISORS,
)
class VoidAcceptance(Command):
    """It counts no more, and its order can be delivered anew. The record stays; a new one points at it."""

    code: AnyCode
    reason: Words
    person: Person


# --- samples of dishes, kitchen waste ---------------------------------------------------------------------------------


class KeptAnswer(Answer):
    number: int = Field(description="The sample's number at this station.")
    net_g: int
    job: int | None = Field(None, description="Print job of its label.")


@order("/kept-samples", KeptAnswer, "Keep a sample of a dish", status=201, records=True, told=("dish", "scale"))
class KeepSample(Command):
    """Weighed on the scale: at least 125 g of each dish, or what `[canteen] sample` says."""

    scale: Code = SCALE
    dish: Words = Field(description="What it is.", examples=["红烧肉"])
    meal: Annotated[str, Field(max_length=40), ONE_LINE] = Field(
        "", description="Of which meal.", examples=["学生午餐"]
    )
    tare_g: Tare = 0
    seen_g: Mass | None = SEEN
    place: Annotated[str, Field(max_length=40), ONE_LINE] = Field("", description="Where it is kept.")
    person: Person


class DiscardAnswer(Answer):
    number: int
    early: bool


@order(
    "/kept-samples/{number}/discard",
    DiscardAnswer,
    "Throw a kept sample away",
    status=201,
    records=True,
    told=("number",),
)
class DiscardSample(Command):
    """When its time is over; before that on a supervisor's word alone, with a reason."""

    number: Number
    person: Person
    reason: Name = ""


class WasteAnswer(Answer):
    code: str = Field(description="20-digit code of the handing over.")
    net_g: int
    job: int | None = None


@order("/waste", WasteAnswer, "Hand kitchen waste over", status=201, records=True, told=("kind", "scale"))
class HandWaste(Command):
    """By weight, to who may take it."""

    scale: Code = SCALE
    kind: Literal["food", "oil", "other"]
    receiver: Words = Field(description="Who takes it.")
    licence: Annotated[Name, OF_A_PAPER] = Field("", description="Number of its licence or contract.")
    plate: Annotated[str, Field(max_length=20), ONE_LINE] = ""
    tare_g: Tare = 0
    seen_g: Mass | None = SEEN
    photos: NamedPhotos = ()
    person: Person

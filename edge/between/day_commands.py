"""What is ordered round the sale: a shift is closed, a slip weighed again, the customer shown the goods.

Entered in the table of commands like those of ``commands.py``.
"""

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from edge.between.command_table import (
    LARGEST_AMOUNT,
    LARGEST_FEN,
    LARGEST_G,
    LONGEST_SCAN,
    OF_A_PAPER,
    SCANNED,
    Answer,
    Code,
    Command,
    Day,
    Mass,
    Person,
    order,
)
from edge.between.people import SENIORS
from protocol.city.events import Name, Short

Plate = Annotated[Name | None, OF_A_PAPER]
PlateNumber = Annotated[Short | None, OF_A_PAPER]

Tare = Annotated[StrictInt, Field(ge=0, le=LARGEST_G)]


class ShiftAnswer(Answer):
    """The recorded end of the shift."""

    seq: int = Field(description="The record.")
    number: int = Field(description="The shift that is closed; the next one is open now.")
    slips: int
    net_g: int = Field(description="Grams sold, less what was voided; below zero when more was voided.")
    amount_fen: int
    difference_fen: int | None = Field(description="Counted less expected cash. Null when none was counted.")
    job: int | None = Field(description="Print job of its paper. Null when none is printed by itself.")


@order("/shifts/close", ShiftAnswer, "Close the shift", status=201, records=True, told=("number",))
class CloseShift(Command):
    """A named person closes the open shift; what is sold from now on is the next one's. It cannot be opened again."""

    number: Annotated[StrictInt, Field(ge=1, le=1 << 53)] = Field(
        description="The open shift, as the board's `shift` has it; another one by now is refused (`shift_closed`)."
    )
    seen_slips: Annotated[StrictInt, Field(ge=0, le=1 << 53)] = Field(
        description="Slips of it that the person saw; when there are others by now nothing is closed (`shift_changed`)."
    )
    seen_fen: Annotated[StrictInt, Field(ge=-(1 << 53), le=1 << 53)] = Field(description="Its amount that was seen.")
    counted_fen: Annotated[StrictInt, Field(ge=0, le=LARGEST_AMOUNT)] | None = Field(
        None, description="Cash that was counted, in fen; left out when nobody counted."
    )
    person: Person


class ReweighAnswer(Answer):
    """The recorded weighing."""

    seq: int = Field(description="The record.")
    slip: str = Field(description="20-digit code of the slip.")
    slip_g: int = Field(description="Net grams the slip says.")
    net_g: int = Field(description="Net grams weighed now.")
    difference_g: int = Field(description="Weighed less slip: below zero the buyer got less.")
    tolerance_g: int = Field(description="Largest error of the fair scale in use at this mass.")
    within: bool
    verified: bool = Field(description="By a scale within its verification and a clock that is believed.")
    job: int | None = Field(description="Print job of its paper. Null when none is printed by itself.")


@order(
    "/reweighings",
    ReweighAnswer,
    "Weigh the goods of a slip again at the fair scale",
    status=201,
    records=True,
    told=("scale", "seen_g"),
)
class Reweigh(Command):
    """What lies on a fair scale (`fair = true` in station.toml) is compared with a slip: of this station by its code,
    of another station of the market by what its QR code says, checked with that station's key."""

    slip: Annotated[str, Field(min_length=1, max_length=LONGEST_SCAN), SCANNED] = Field(
        description="As scanned, or the 20 digits.", examples=["41010800120300000424"]
    )
    scale: Code = Field(description="Name of a fair scale.", examples=["scale-1"])
    seen_g: Mass = Field(description="Net grams that the person saw; another weight by now is refused.")
    tare_g: Tare = Field(0, description="Known mass of the bag or container in grams.")
    person: Person
    note: Name = Field("", description="What was said of it.", examples=["顾客要求复称"])


class SlipAnswer(Answer):
    """What is known of a slip."""

    slip: str
    known_by: str = Field(description="`record`: of this station. `token`: its signed code was read.")
    station: str
    sold_at: str | None = Field(description="When. Null where its station's clock was not believed.")
    slip_g: int
    amount_fen: int
    seller: str = Field(description="The seller's name, or the operator code where only that is known.")
    names: tuple[str, ...] = Field(description="Its goods, where they are known.")


@order("/slips/look", SlipAnswer, "What a slip says", told=())
class LookAtSlip(Command):
    """For the service desk: a slip is read and checked before its goods are put on the scale."""

    slip: Annotated[str, Field(min_length=1, max_length=LONGEST_SCAN), SCANNED] = Field(
        description="As scanned, or the 20 digits.", examples=["41010800120300000424"]
    )


class ShowAnswer(Answer):
    """It is shown."""

    product: str


@order("/customer", ShowAnswer, "Show the customer what is weighed", told=())
class ShowCustomer(Command):
    """What the seller chose: the customer's screen shows it with the weight of this scale. Without `product` it is
    cleared. It makes no record."""

    scale: Annotated[str, Field(max_length=64)] = Field(description="Name of the scale, as on the board.")
    product: Annotated[str, Field(max_length=64), SCANNED] = Field("", description="Product code.")
    lot: Annotated[str, Field(max_length=64), SCANNED] = Field("", description="Test code or source code of its lot.")
    price_fen: Annotated[StrictInt, Field(ge=1, le=LARGEST_FEN)] | None = Field(
        None, description="Price of this sale in fen per the product's own basis, where it is another."
    )
    tare_g: Tare = Field(0, description="Known mass of the container in grams.")
    net_g: Tare = Field(0, description="Net grams of a label, or typed, where no scale says them.")
    pieces: Annotated[StrictInt, Field(ge=0, le=100_000)] = Field(0, description="How many, where they are counted.")


class RenewAnswer(Answer):
    """The recorded entry of the register."""

    seq: int = Field(description="The record.")
    scale: str
    changed: tuple[str, ...] = Field(description="What is another one now.")
    verified_until: str = Field(description="Last day of the verification, YYYY-MM-DD. Empty where none is known.")


@order(
    "/register/{scale}",
    RenewAnswer,
    "Enter a scale's certificate, codes and seal",
    status=201,
    records=True,
    told=("scale",),
    roles=SENIORS,
)
class RenewScale(Command):
    """What a person reads off a scale's plates, certificate and seals. It counts from now on, before what station.toml
    says or will say. What is left out stays as it is; an empty text takes out what was wrong."""

    scale: Code = Field(description="Its name, as on the board.", examples=["scale-1"])
    maker: Plate = None
    type: Plate = Field(None, description="Model, as on the type plate.")
    serial: PlateNumber = Field(None, description="The scale's number.")
    accuracy: Literal["II", "III", "IIII"] | None = None
    certificate: PlateNumber = Field(None, description="Number of the verification's certificate (检定证书).")
    cpa: PlateNumber = Field(None, description="Number of the type approval.")
    production_code: PlateNumber = Field(None, description="生产码.")
    repair_code: PlateNumber = Field(None, description="维修码.")
    verification_code: PlateNumber = Field(None, description="检定码.")
    seal: PlateNumber = Field(None, description="Number of the seal (封签).")
    software: PlateNumber = None
    verified_until: Day | None = Field(
        None, description="Last day of the verification, YYYY-MM-DD: from the certificate.", examples=["2027-11-20"]
    )
    person: Person

"""What is ordered when something was wrong: a sale is voided, an entry or a result corrected. Each is a new record.

Entered in the table of commands like those of ``commands.py``.
"""

from typing import Annotated

from pydantic import Field, StrictInt

from edge.between.command_table import (
    OF_A_PAPER,
    SCANNED,
    Answer,
    AnyCode,
    Command,
    Day,
    Mass,
    NamedPhotos,
    Number,
    PersonCode,
    Words,
    order,
)
from edge.between.commands import ProofGiven
from edge.between.people import SUPERVISORS
from protocol.city.events import ONE_LINE, Name


class VoidAnswer(Answer):
    """The recorded void."""

    seq: int = Field(description="The record.")
    tx: str = Field(description="The sale.")
    job: int | None = Field(description="Print job of the void slip. Null when none is printed by itself.")


@order(
    "/sales/{tx}/void",
    VoidAnswer,
    "Void a sale",
    status=201,
    records=True,
    told=("tx",),
    roles=SUPERVISORS,
)
class VoidSale(Command):
    """A sale of this station that counts no more: once, with a reason. Its goods are back in their lots.

    The sale stays in the ledger; a new record points at it. `Sell.replaces` names it in the sale that is right.
    """

    tx: AnyCode = Field(description="20-digit transaction code.", examples=["41010800120300000424"])
    reason: Words = Field(description="Why.", examples=["选错了商品"])


class CorrectEntryAnswer(Answer):
    """The recorded correction."""

    seq: int = Field(description="The record.")
    test_code: str = Field(description="The lot.")
    state: str = Field(description="What may be done with the lot now: pending, released or held.")
    source: str | None = Field(description="The lot's source code, when it has one.")
    left_g: int = Field(description="Grams left of the lot.")


@order(
    "/lots/{lot}/correct",
    CorrectEntryAnswer,
    "Correct what was registered of a lot",
    status=201,
    records=True,
    told=("lot", "product", "net_g"),
    roles=SUPERVISORS,
)
class CorrectEntry(Command):
    """Says what was wrong in an entry; what is left out stays as it is. A new record points at the old one.

    The mass cannot fall below what was sold. The goods can be changed until the lot has its source code.
    """

    lot: AnyCode = Field(description="Test code or source code of the lot.")
    reason: Words = Field(description="Why.", examples=["过磅单抄错"])
    product: Annotated[str, Field(min_length=1, max_length=64), SCANNED] | None = Field(
        None, description="Product code."
    )
    net_g: Mass | None = Field(None, description="Net grams that came in.")
    origin: Words | None = Field(None, description="产地, in words.")
    origin_code: Annotated[str, Field(pattern=r"^([0-9]{6})?$")] | None = Field(None, description="GB/T 2260 code.")
    supplier: Words | None = Field(None, description="供货人, by name.")
    supplier_code: PersonCode | None = Field(None, description="13-digit operator code of the supplier.")
    plate: Annotated[str, Field(max_length=20), ONE_LINE] | None = Field(None, description="Number plate.")
    supplier_address: Name | None = Field(None, description="供货人地址.")
    supplier_contact: Name | None = Field(None, description="供货人联系方式.")
    spec: Name | None = Field(None, description="规格.")
    produced: Day | None = Field(None, description="生产日期, YYYY-MM-DD.")
    batch: Annotated[Annotated[str, Field(max_length=40), ONE_LINE] | None, OF_A_PAPER] = Field(
        None, description="生产批号."
    )
    shelf_days: Annotated[StrictInt, Field(ge=0, le=36_500)] | None = Field(
        None, description="保质期, in days; 0 where the package states none."
    )
    proofs: Annotated[tuple[ProofGiven, ...], Field(max_length=10)] | None = Field(
        None,
        description="The vouchers that came with the goods, all of them; what one does not say is left out of it. A "
        "`code` as the record has it keeps its SHA-256.",
    )
    photos: NamedPhotos = ()


class CorrectResultAnswer(Answer):
    """The recorded correction."""

    seq: int = Field(description="The record.")
    test_code: str = Field(description="The lot, or the brought food, that the result is not of.")
    state: str | None = Field(
        description="What may be done with that lot now: pending, released or held. Null for brought food."
    )
    source: str | None = Field(description="That lot's new source code, when this correction releases it.")
    to: str | None = Field(description="Test code of what it counts for now. Null: it waits for a person.")


@order(
    "/results/{seq}/correct",
    CorrectResultAnswer,
    "Say that a result is of another lot or sample",
    status=201,
    records=True,
    told=("seq", "lot"),
    roles=SUPERVISORS,
)
class CorrectResult(Command):
    """Takes a result off the lot, or the brought food, it was matched to. That is judged anew by what is left.

    Was it released by this result, it is not on sale any more; if some of it was sold, it is held until a person
    decides. Without `lot` the result waits among the unmatched ones again.
    """

    seq: Number
    lot: Annotated[str, Field(max_length=64), SCANNED] = Field(
        "", description="Test code or source code of the lot or the brought food it is of; empty when nobody knows."
    )
    reason: Words = Field(description="Why.", examples=["样品号输错"])

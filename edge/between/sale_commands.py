"""What is ordered about slips of several lines, payments and labels: see ``commands.py``.

A list (清单, in programs: basket) is what was weighed for one customer and is not sold yet.  Nothing of it leaves its
lot before its slip is made.
"""

from typing import Annotated

from pydantic import Field, StrictInt

from edge.between.command_table import (
    LARGEST_AMOUNT,
    OF_A_PAPER,
    Answer,
    Code,
    Command,
    Number,
    PersonCode,
    SaleCode,
    Warned,
    none_said,
    order,
)
from edge.between.commands import Load, PaidBy, Rounding, SaleAnswer
from protocol.city.events import Name

Amount = Annotated[StrictInt, Field(ge=0, le=LARGEST_AMOUNT)]


class BasketAnswer(Answer):
    """The list as it is now."""

    basket: int = Field(description="Its number.")
    state: str = Field(description="`open`, `parked`, `paying`, or `empty`: it is no more.")
    lines: int = Field(description="How many lines it has.")
    amount_fen: int = Field(description="Their sum.")
    due_fen: int = Field(description="What is to be paid: the sum, less what was let off.")


class LineAnswer(BasketAnswer):
    """The line that was added, and the list as it is now."""

    line: int = Field(description="The line's number in the list.")
    net_g: int
    line_fen: int = Field(description="What the line costs, in fen.")
    warnings: tuple[Warned, ...] = Field((), exclude_if=none_said, description="As with a sale.")


@order(
    "/baskets", LineAnswer, "Add a line to the slip", status=201, told=("scale", "product", "lot", "seen_g", "manual_g")
)
class AddLine(Load):
    """Weighs a line for a slip of several: it stands in the scale's open list, which survives a restart.

    The weight is frozen; the pan is to be emptied before the next one. The list becomes a slip by `CloseSlip`, by
    `Sell.basket`, or by a payment.
    """

    seen_fen: Amount | None = Field(None, description="The line's amount in fen that the person saw.")
    mark: Annotated[str, Field(max_length=64)] = Field(
        "", description="A text of the caller's own: a line that was added with the same is not added again."
    )


@order("/baskets/{basket}/lines/{line}/drop", BasketAnswer, "Take a line out again", told=("basket", "line"))
class DropLine(Command):
    """Nothing was sold; a list without lines is no more."""

    basket: Number
    line: Number


class Terms(Command):
    """How a list is closed: who buys, what is let off, how it is paid."""

    basket: Number
    seen_fen: Amount | None = Field(
        None, description="What the person saw that is to be paid; another amount by now is refused (`price_changed`)."
    )
    buyer: PersonCode = Field("", description="13-digit operator code; empty for a walk-in.")
    buyer_name: Name = Field("", description="The buyer's name as printed.")
    replaces: SaleCode = Field("", description="Transaction code of the voided sale that this one is made in place of.")
    rounding: Rounding = None


@order(
    "/baskets/{basket}/close",
    SaleAnswer,
    "Make the slip of a list",
    status=201,
    records=True,
    told=("basket", "seen_fen"),
)
class CloseSlip(Terms):
    """All its lines become one sale with one code. A line that may not be sold any more is named, and none is sold."""

    paid_by: PaidBy = ""
    alone: bool = Field(
        False,
        description="The person saw nothing on the scale that belongs to it: when a load that can be sold lies there "
        "by now, nothing is sold (`load_there`).",
    )


@order("/baskets/{basket}/payment", BasketAnswer, "Wait for the payment of a list", told=("basket", "seen_fen"))
class AskPayment(Terms):
    """Its terms are agreed: the slip is made when a payment of that amount comes (`TakePayment`), or by `CloseSlip`."""


@order("/baskets/{basket}/park", BasketAnswer, "Put a list aside", told=("basket",))
class ParkBasket(Command):
    """The next customer goes first."""

    basket: Number


@order("/baskets/{basket}/resume", BasketAnswer, "Go on with a list", told=("basket",))
class ResumeBasket(Command):
    """One that was put aside, or waits for its payment. The scale's open list is put aside for it."""

    basket: Number


@order("/baskets/{basket}/drop", BasketAnswer, "Empty a list", told=("basket",))
class DropBasket(Command):
    """A person says that nothing of it is sold."""

    basket: Number


@order(
    "/payments",
    SaleAnswer,
    "A payment came: make its slip",
    status=201,
    records=True,
    told=("amount_fen", "kind", "basket"),
)
class TakePayment(Command):
    """For payment programs. Closes the list that waits for this amount, else the open one of this amount.

    Sent again with the same `reference` it is answered as the first time.
    """

    amount_fen: Annotated[StrictInt, Field(ge=1, le=LARGEST_AMOUNT)] = Field(description="Fen.", examples=[2530])
    reference: Annotated[Code, OF_A_PAPER] = Field(
        description="The payment program's own number.", examples=["4200002026112912"]
    )
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,19}$")] = Field(
        description="One of `[stall] payments`.", examples=["wechat"]
    )
    basket: Number | None = Field(None, description="Which list is paid, where the program knows it.")


class LabelAnswer(Answer):
    """What a label says."""

    product: str = Field(description="Product code.")
    product_name: str
    net_g: int = Field(description="Net grams; of a label with a price alone: by the product's price.")
    amount_fen: int
    price_fen: int = Field(description="Fen per the product's own basis.")


@order("/labels", LabelAnswer, "What a label with a weight or a price inside says")
class ReadLabel(Command):
    """Refused with `label_check` where a check digit is wrong, with `label_item` for an item nobody here knows."""

    code: Annotated[Annotated[str, Field(min_length=1, max_length=120)], OF_A_PAPER] = Field(
        description="As scanned.", examples=["2100123012503"]
    )

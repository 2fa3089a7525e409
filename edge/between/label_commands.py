"""What people say of sales that label scales made by themselves.

Entered in the table of commands like those of ``commands.py``.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from edge.between.command_table import SCANNED, Answer, Command, Mass, Number, Person, Words, order
from edge.between.people import SUPERVISORS
from protocol.city.events import ProductCode


class LabelSaleAnswer(Answer):
    """The new record of the sale."""

    seq: int = Field(description="The record.")
    lot: str = Field(description="Test code of the lot that it was taken off; empty: none.")
    others: int = Field(description="How many other sales that waited for the same number are settled now.")


@order(
    "/label-sales/{seq}/match",
    LabelSaleAnswer,
    "Say what a label scale sold",
    status=201,
    records=True,
    told=("seq", "product", "net_g"),
)
class MatchLabelSale(Command):
    """For a sale on the board's `label_sales` that waits (`waits`). A new record points at the old one.

    What is not said stays as the scale said it: a mass is only typed where the scale gave none, and is a supervisor's
    where typed weights are.
    """

    seq: Number
    product: ProductCode = Field(description="What was sold.", examples=["01040201"])
    net_g: Mass | None = Field(None, description="Net grams, as the label says, where the scale gave none.")
    lot: Annotated[str, StringConstraints(max_length=64), SCANNED] = Field(
        "",
        description="Lot it was taken from, by any of its codes, also one that is suspended. Empty: the one on sale.",
    )
    remember: bool = Field(
        False, description="From now on this number of this scale is that product; others that waited for it follow."
    )
    person: Person


class DismissLabelAnswer(Answer):
    seq: int = Field(description="The record that says so.")


@order(
    "/label-sales/{seq}/dismiss",
    DismissLabelAnswer,
    "Say that a label is no sale",
    status=201,
    records=True,
    told=("seq",),
    roles=SUPERVISORS,
)
class DismissLabelSale(Command):
    """A label that was printed to try, or whose goods came back: sums take it off, and its goods are in their lot."""

    seq: Number = Field(description="The newest record of the sale.")
    reason: Words = Field(description="Why.", examples=["试秤"])
    person: Person

"""What helps to register goods: loads on the gate's scale, and what was said of such goods the last time.

The loads stay on the disk until the goods are registered with the scale's name (``RegisterEntry.scale``), or dropped.
"""

from typing import Annotated

from pydantic import Field, StrictInt

from edge.between.command_table import LARGEST_G, Answer, Code, Command, Mass, Number, order

MOST_LOADS = 60


class LoadsAnswer(Answer):
    """What was weighed on the scale so far."""

    scale: str = Field(description="The scale.")
    loads: int = Field(description="How many loads.")
    net_g: int = Field(description="What they add up to, in grams.")


@order("/loads", LoadsAnswer, "Weigh a load", told=("scale", "seen_g"))
class WeighGoods(Command):
    """Takes what lies on the scale at this moment as a load of the goods that are registered next."""

    scale: Code = Field(description="Name of the scale, as on the board.", examples=["scale-1"])
    seen_g: Mass | None = Field(
        None,
        description="Net grams that the person saw, after `tare_g`. When the scale says something else by now, nothing "
        "is taken (`weight_changed`).",
    )
    tare_g: Annotated[StrictInt, Field(ge=0, le=LARGEST_G)] = Field(
        0, description="Known mass of all containers together (皮重) in grams, taken off what the scale shows."
    )
    containers: Annotated[StrictInt, Field(ge=0, le=1000)] = Field(0, description="How many containers that is.")


@order("/loads/drop", LoadsAnswer, "Take loads back", told=("scale",))
class DropLoads(Command):
    """The loads of a scale count for nothing: the newest, or all of them."""

    scale: Code = Field(description="Name of the scale.", examples=["scale-1"])
    number: Number | None = Field(None, description="This load, as on the board. Null: all of them.")


class LastAnswer(Answer):
    """What the newest entry of this supplier, or else of this product, says; all empty when there is none."""

    supplier: str = Field(description="供货人.")
    supplier_code: str
    supplier_address: str
    supplier_contact: str
    origin: str = Field(description="产地, in words.")
    origin_code: str = Field(description="GB/T 2260 code of the origin, where it was known.")
    plate: str


@order("", LastAnswer, "What was said of such goods the last time")
class LastEntry(Command):
    """By supplier and product together, then by supplier, then by product; of a product alone only the origin."""

    supplier: Annotated[str, Field(max_length=120)] = ""
    supplier_code: Annotated[str, Field(pattern=r"^([0-9]{13})?$")] = ""
    product: Annotated[str, Field(pattern=r"^([0-9]{8})?$")] = ""

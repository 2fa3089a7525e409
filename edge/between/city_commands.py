"""What pages ask of what the city said: who is in its directory, what a canteen ordered. Nothing is changed by it."""

from typing import Annotated, Literal

from pydantic import Field

from edge.between.command_table import Answer, Command, order
from protocol.city.commands import Order

Found = Literal["operators", "buyers", "suppliers"]


class Listed(Answer):
    """An entry of the city's directory."""

    kind: Found
    code: str = Field(description="Operator's code, or the 13-digit operator code of a buyer or supplier.")
    name: str
    initials: str = Field(description="First letters of its pinyin.")
    role: str = Field(description="Of an operator: `operator`, `supervisor` or `technician`.")
    licence: str
    licence_until: str = Field(description="Its last day, or empty.")
    state: Literal["active", "suspended", "gone"]
    why: str = Field(description="Why it is suspended.")


class DirectoryAnswer(Answer):
    entries: tuple[Listed, ...] = Field(description="Best first, at most 50.")


@order("", DirectoryAnswer, "Search the city's directory")
class SearchDirectory(Command):
    """Who is in the directory: by the beginning of a code or of pinyin initials, or a part of the name."""

    q: Annotated[str, Field(max_length=40)] = Field("", description="Code, name or pinyin initials, or a part of them.")
    kind: Literal["", "operators", "buyers", "suppliers"] = Field("", description="One list alone.")


class OrdersAnswer(Answer):
    orders: tuple[Order, ...] = Field(description="By day and number; none that was withdrawn.")


@order("", OrdersAnswer, "The orders of a day")
class ListOrders(Command):
    """What the city said is to be delivered here."""

    day: str = Field(
        "", pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", description="YYYY-MM-DD; empty: all that are kept."
    )

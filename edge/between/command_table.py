"""What all commands share: how their values are written, what a command and its answer are, and the table of them.

Masses are whole grams, money is whole fen. Codes may come as they were scanned: see ``plain_code``.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt

from edge.between.people import EVERYBODY, Role
from protocol.city.events import ONE_LINE
from protocol.city.photos import PhotoHash
from protocol.frozen import frozen
from protocol.plain import line

LARGEST_FEN = 10_000_000
LARGEST_G = 100_000_000
LARGEST_AMOUNT = 4_294_967_295  # fen; what the signed code of a slip holds

LARGEST_NUMBER = (1 << 63) - 1  # what a database integer holds

LONGEST_SCAN = 400  # letters of what may be scanned for a lot: a code, or a source card's signed address
SOURCE_ADDRESS = re.compile(r"/b/([0-9]{20})(?![0-9])", re.IGNORECASE)


def plain_code(value: Any) -> Any:
    """A code as scanned, typed or pasted: without blanks and AIM prefix (``]C1``), its digits half-width.

    Of a source card's address (contract part C2) only the 20 digits.
    """
    if not isinstance(value, str):
        return value
    bare = re.sub(r"^\][A-Za-z][0-9]", "", re.sub(r"\s+", "", unicodedata.normalize("NFKC", line(value))))
    found = SOURCE_ADDRESS.search(bare)
    return found[1] if found else bare


SCANNED = BeforeValidator(plain_code)
OF_A_PAPER = "number of a paper"  # marks a text that may have eleven digits: no telephone number is looked for in it
OPAQUE = "masked"  # marks a text that is somebody else's: personal numbers in it are masked, and nobody is refused
LotCode = Annotated[str, Field(max_length=LONGEST_SCAN), SCANNED]
AnyCode = Annotated[str, Field(min_length=1, max_length=64), SCANNED]
PersonCode = Annotated[str, Field(pattern=r"^([0-9]{13})?$"), SCANNED]
SourceCode = Annotated[str, Field(pattern=r"^([0-9]{20})?$"), SCANNED]
SaleCode = Annotated[str, Field(pattern=r"^([0-9]{20})?$"), SCANNED]
Code = Annotated[str, Field(min_length=1, max_length=64), ONE_LINE]
Words = Annotated[str, Field(min_length=1, max_length=120), ONE_LINE]
Number = Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
NamedPhotos = Annotated[
    tuple[PhotoHash, ...],
    Field(
        max_length=6,
        description="Photos, each by the hash that `POST /api/photos` answered. Refused (`no_photo`) when one is not "
        "here.",
    ),
]
Mass = Annotated[StrictInt, Field(ge=1, le=LARGEST_G)]
Person = Annotated[
    str,
    Field(min_length=1, max_length=40, description="Who says so, by name; it stands in the record.", examples=["王敏"]),
    ONE_LINE,
]


class Command(BaseModel):
    """Something that is ordered. Equal when it orders the same. One that nobody orders is not built."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, defer_build=True)


class Answer(BaseModel):
    """What a command is answered, after the commit."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, defer_build=True)


def none_said(values: tuple[Any, ...]) -> bool:
    """Whether there are none: an answer without warnings has no such field, and no byte of it stands in the ledger."""
    return not values


def one_said(value: int) -> bool:
    """Whether an answer need not say so: one line."""
    return value == 1


def nought_said(value: int) -> bool:
    """Whether an answer need not say so: nothing."""
    return value == 0


class Warned(Answer):
    """Something people should know of what was done all the same."""

    code: str = Field(description="A fixed word: `supplier_suspended`, `focus`, `above_limit`, `proof_missing`.")
    message_zh: str
    message_en: str


M = TypeVar("M", bound=type[BaseModel])


def built(model: M) -> M:
    """The model, no longer built late: FastAPI takes no others."""
    model.model_config["defer_build"] = False
    model.model_rebuild()
    return model


@frozen
class CommandRow:
    """A row of the table of commands.

    ``address`` is below ``/api``, with the fields that stand in it; empty when it is not sent over HTTP.  ``status`` is
    201 where something new comes of it.  ``records``: it makes a record, and is remembered by its key for a day.
    ``told`` are the fields that the log tells, none of a person's; what makes a record is told with that.
    ``roles`` are the people who may order it, or whose word somebody else needs for it.
    """

    command: type[Command]
    answer: type[Answer]
    address: str
    summary: str
    status: int = 200
    records: bool = False
    told: tuple[str, ...] = ()
    roles: frozenset[Role] = EVERYBODY

    @property
    def in_address(self) -> tuple[str, ...]:
        """The fields that stand in the address."""
        return tuple(re.findall(r"\{(\w+)\}", self.address))


ORDERS: dict[type[Command], CommandRow] = {}
C = TypeVar("C", bound=type[Command])


def order(
    address: str,
    answer: type[Answer],
    summary: str,
    *,
    status: int = 200,
    records: bool = False,
    told: tuple[str, ...] = (),
    roles: frozenset[Role] = EVERYBODY,
) -> Callable[[C], C]:
    """Enter a command in the table; what the values are, ``CommandRow`` says."""

    def enter(command: C) -> C:
        ORDERS[command] = CommandRow(command, answer, address, summary, status, records, told, roles)
        return command

    return enter


def _day(value: str) -> str:
    """A day that there is."""
    if value:
        date.fromisoformat(value)
    return value


Day = Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"), AfterValidator(_day)]

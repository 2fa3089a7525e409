"""What people, pages and the local API may order of the station: each command once, with its answer and its address.

A command is a frozen model: what does not fit it is no command, whoever sent it.  Its row (``order``) says where it is
sent to over HTTP, what it is answered, and whether it makes a record.  From that row the routes, the OpenAPI, the keys
and the tests take what they need; a function of ``edge/jobs`` does it.

Masses are whole grams, money is whole fen. Codes may come as they were scanned: see ``plain_code``.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, model_validator

from edge.between.print_states import DOCUMENT_NAMES
from protocol.city.events import ONE_LINE, Name
from protocol.plain import line

LARGEST_FEN = 10_000_000
LARGEST_G = 100_000_000
LARGEST_AMOUNT = 4_294_967_295  # fen; what the signed code of a slip holds

LARGEST_NUMBER = (1 << 63) - 1  # what a database integer holds

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
AnyCode = Annotated[str, Field(min_length=1, max_length=64), SCANNED]
PersonCode = Annotated[str, Field(pattern=r"^([0-9]{13})?$"), SCANNED]
SourceCode = Annotated[str, Field(pattern=r"^([0-9]{20})?$"), SCANNED]
Code = Annotated[str, Field(min_length=1, max_length=64), ONE_LINE]
Words = Annotated[str, Field(min_length=1, max_length=120), ONE_LINE]
Number = Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
Mass = Annotated[StrictInt, Field(ge=1, le=LARGEST_G)]
Person = Annotated[
    str,
    Field(min_length=1, max_length=40, description="Who says so, by name; it stands in the record.", examples=["王敏"]),
    ONE_LINE,
]


class Command(BaseModel):
    """Something that is ordered. Equal when it orders the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Answer(BaseModel):
    """What a command is answered, after the commit."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A row of the table of commands.

    ``address`` is below ``/api``, with the fields that stand in it; empty when it is not sent over HTTP.  ``status`` is
    201 where something new comes of it.  ``records``: it makes a record, and is remembered by its key for a day.
    ``told`` are the fields that the log tells, none of a person's; what makes a record is told with that.
    """

    command: type[Command]
    answer: type[Answer]
    address: str
    summary: str
    status: int = 200
    records: bool = False
    told: tuple[str, ...] = ()

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
) -> Callable[[C], C]:
    """Enter a command in the table; what the values are, ``CommandRow`` says."""

    def enter(command: C) -> C:
        ORDERS[command] = CommandRow(command, answer, address, summary, status, records, told)
        return command

    return enter


# --- the gate ---------------------------------------------------------------------------------------------------------


class ProofGiven(Command):
    """A certificate that came with the goods."""

    type: Code = Field(description="Kind of certificate: `hgz` is 承诺达标合格证.", examples=["hgz"])
    no: Code = Field(description="Its number.")


class EntryAnswer(Answer):
    """The recorded entry."""

    test_code: str = Field(description="20-digit code of the lot until it has a source code, and of its test report.")
    sample: str = Field(description="Sample number to type into the analyzer.")
    source: str | None = Field(description="Source code, when the lot is already released.")
    whole_plant: bool = Field(False, description="This food disturbs the enzyme test: extract the whole plant.")
    unchecked: bool = Field(False, description="The goods came with a source code that nobody here can answer for.")
    job: int | None = Field(None, description="Print job of the sample label. Null without a label printer.")


@order("/entries", EntryAnswer, "Register goods", status=201, records=True, told=("product", "net_g", "upstream"))
class RegisterEntry(Command):
    """Registers goods that come in and gives the sample number for the rapid test (快检)."""

    product: AnyCode = Field(description="Product code.", examples=["01040201"])
    net_g: Mass = Field(description="Net grams.", examples=[250000])
    origin: Words = Field(description="产地, in words.")
    supplier: Words = Field(description="供货人, by name.")
    origin_code: str = Field("", pattern=r"^([0-9]{6})?$", description="GB/T 2260 code of the origin.")
    supplier_code: PersonCode = Field("", description="13-digit operator code of the supplier.")
    plate: Annotated[str, Field(max_length=20), ONE_LINE] = Field("", description="Number plate of the vehicle.")
    proofs: tuple[ProofGiven, ...] = Field((), max_length=10)
    upstream: SourceCode = Field(
        "",
        description="Source code the goods came with. One that stands for a lot here already is refused "
        "(`source_known`); what one from elsewhere allows is the station's setting: nobody here can answer for it.",
    )


# --- the test room ----------------------------------------------------------------------------------------------------


class ChannelAnswer(Answer):
    """The channel plan as it is now."""

    planned: str = Field(description="The channel.")
    lot: str = Field(description="The lot, as it was given; empty when the channel was cleared.")


@order("/channels", ChannelAnswer, "Plan a channel of an analyzer", told=("analyzer", "channel", "lot"))
class PlanChannel(Command):
    """For analyzers that report by channel: results of this channel belong to this lot from now on."""

    analyzer: Code = Field(description="Name of the analyzer, as on the board.", examples=["analyzer-1"])
    channel: Annotated[str, Field(min_length=1, max_length=40), ONE_LINE] = Field(
        description="The channel, as the instrument writes it.", examples=["3"]
    )
    lot: Annotated[str, Field(max_length=64), SCANNED] = Field(
        "", description="Test code or source code of the lot; empty clears the channel."
    )


class MatchAnswer(Answer):
    """The recorded test."""

    test_code: str = Field(description="The lot.")
    verdict: str = Field(description="What the lot's tests now say: qualified, suspect, unqualified or invalid.")
    source: str | None = Field(description="The new source code, when this result releases the lot.")


@order(
    "/results/{seq}/match",
    MatchAnswer,
    "Say whose result this is",
    status=201,
    records=True,
    told=("seq", "lot", "verdict"),
)
class MatchResult(Command):
    """For a result on the board's `unmatched` list. It is judged and may release or hold the lot.

    A new record points at the old one.
    """

    seq: Number
    lot: AnyCode = Field(description="Test code or source code of the lot.", examples=["41010800130100000031"])
    person: Person
    verdict: Literal["", "qualified", "unqualified", "invalid"] = Field(
        "",
        description="What the person says of a result that cannot be judged by its method (`asks_verdict` on the "
        "board): `qualified` (合格), `unqualified` (阳性) or `invalid` (无效). Otherwise empty.",
    )
    item: Name = Field(
        "", description="The item a ticket that could not be read is of, where the lot asks for several."
    )


class DismissAnswer(Answer):
    seq: int = Field(description="The result.")


@order(
    "/results/{seq}/dismiss",
    DismissAnswer,
    "Say that a result is of no lot here",
    status=201,
    records=True,
    told=("seq",),
)
class DismissResult(Command):
    """For a result on the board's `unmatched` list: a practice run, one of a day before. It stays in the ledger."""

    seq: Number
    person: Person
    reason: Words = Field(description="Why.", examples=["练习"])


class WholePlantAnswer(Answer):
    test_code: str = Field(description="The lot.")


@order("/lots/{lot}/whole-plant", WholePlantAnswer, "The whole-plant step is done", told=("lot",))
class WholePlantDone(Command):
    """For foods that disturb the enzyme (整株浸提): without it a positive stays suspect."""

    lot: AnyCode
    person: Person


# --- the stall --------------------------------------------------------------------------------------------------------


class SaleAnswer(Answer):
    """The recorded sale."""

    tx: str = Field(description="20-digit transaction code (交易码).")
    net_g: int = Field(description="Net grams sold.")
    amount_fen: int = Field(description="What they cost, in fen.")
    url: str = Field(description="What the slip's QR code says.")
    left_g: int = Field(description="Grams left of the lot; below zero when more was sold than came in.")
    job: int | None = Field(description="Print job; watch it in `prints`. Null when the station has no printer.")


@order(
    "/sales",
    SaleAnswer,
    "Sell and print",
    status=201,
    records=True,
    told=("scale", "product", "lot", "seen_g", "manual_g"),
)
class Sell(Command):
    """Sells what lies on the scale at this moment. 201 means that the sale is recorded; the slip follows."""

    scale: Code = Field(description="Name of the scale, as on the board.", examples=["scale-1"])
    product: AnyCode = Field(description="Product code.", examples=["01040201"])
    lot: AnyCode = Field(
        description="The lot sold from: its 20-digit source code, or its test code.",
        examples=["41010800110100010074"],
    )
    seen_g: Mass | None = Field(
        None,
        description="Net grams that the person saw, after `tare_g`. When the scale says something else by now, nothing "
        "is sold (`weight_changed`). Leave it out only where no person looks.",
    )
    seen_fen: Annotated[StrictInt, Field(ge=0, le=LARGEST_AMOUNT)] | None = Field(
        None,
        description="Amount in fen that the person saw. When it is another one by now (the price was changed), nothing "
        "is sold (`price_changed`).",
    )
    price_fen: Annotated[StrictInt, Field(ge=1, le=LARGEST_FEN)] | None = Field(
        None, description="Price for this sale in fen per the product's own basis, instead of the product's price."
    )
    buyer: PersonCode = Field("", description="13-digit operator code; empty for a walk-in.")
    buyer_name: Name = Field("", description="The buyer's name as printed.")
    tare_g: Annotated[StrictInt, Field(ge=0, le=LARGEST_G)] = Field(
        0,
        description="Known mass of the container (皮重) in grams, taken off what the scale shows. Refused when it is "
        "not less than that (`tare`), when the scale took off a tare of its own (`tared`), and when it "
        "does not say whether it did (`tare_key`; see `tare_key` in station.toml).",
    )
    manual_g: Mass | None = Field(
        None,
        description="Net grams typed by a person because the scale cannot be read. Record and slip say 手工输入; it is "
        "no trade weighing. Needs `reason` and no `tare_g`.",
    )
    reason: Name = Field("", description="Why the weight was typed.", examples=["秤无显示，已报修"])

    @model_validator(mode="after")
    def _typed(self) -> Self:
        if self.manual_g is not None and self.tare_g:
            raise ValueError("a typed weight is net already: no tare_g with manual_g")
        if self.manual_g is None and self.reason:
            raise ValueError("reason goes with manual_g")
        return self


class PriceAnswer(Answer):
    """The price as it is now."""

    product: str = Field(description="Product code.")
    price_fen: int = Field(description="Fen per the product's own basis.")


@order("/prices", PriceAnswer, "Change a price", told=("product", "price_fen"))
class SetPrice(Command):
    """A new price for everybody; it stays until the next change."""

    product: AnyCode = Field(description="Product code.")
    price_fen: Annotated[StrictInt, Field(ge=1, le=LARGEST_FEN)] = Field(
        description="Fen per the product's own basis (`per_g` on the board: 1000 or 500 grams)."
    )


# --- papers -----------------------------------------------------------------------------------------------------------


class PrintAnswer(Answer):
    """The new print job; watch it in `prints`."""

    job: int
    copy_number: int = Field(alias="copy", description="Copy number; 0 is the first print, 1 the first reprint.")


@order("/prints", PrintAnswer, "Print a paper on demand", status=201, told=("paper", "subject", "printer"))
class PrintDocument(Command):
    """The source card or sample label of a lot, a day's summary, a printer's test page …"""

    paper: Code = Field(
        description=f"What to print: {', '.join(f'`{name}`' for name in DOCUMENT_NAMES)}.", examples=["card"]
    )
    subject: Annotated[str, Field(max_length=120), SCANNED] = Field(
        "", description="A trace code; for `day` a date like 2026-11-23, or nothing for today; nothing for `test`."
    )
    printer: Name = Field("", description="A printer's name; the first that prints such papers otherwise.")


@order("/prints/{job}/reprint", PrintAnswer, "Print a paper again", status=201, told=("job",))
class Reprint(Command):
    """The new paper is marked COPY (重打) and counted."""

    job: Number


class ConfirmAnswer(Answer):
    """The print job as it is now."""

    job: int
    state: str = Field(description="`confirmed`.")


@order("/prints/{job}/confirm", ConfirmAnswer, "A person saw that it came out", told=("job",))
class ConfirmPrint(Command):
    """For a paper that is held, unknown or failed. It is then not printed by itself any more."""

    job: Number


# --- the box itself ---------------------------------------------------------------------------------------------------


class AskScaleAnswer(Answer):
    scale: str
    asked: Literal["tare", "clear_tare", "zero"] = Field(description="What the scale was told; its answer is a weight.")


@order("/scales/{scale}/{wish}", AskScaleAnswer, "Tare or zero a scale", told=("scale", "wish"))
class AskScale(Command):
    """Refused unless the configuration allows writing to this scale."""

    scale: Code
    wish: Literal["tare", "clear_tare", "zero"]


class DateAnswer(Answer):
    """The date that was taken, and what the clock is worth now: `synced` or `unsynced`."""

    date: str
    clock: str


@order("/clock/confirm", DateAnswer, "The date is right", records=True, told=("date",))
class ConfirmDate(Command):
    """A person answers for the system's date, which the station did not take by itself. It stands in a record."""

    date: str = Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        description="The system's date, as `clock_asks` on the board begins.",
        examples=["2026-11-29"],
    )
    person: Person


class ConfirmPortAnswer(Answer):
    device: str
    now: str = Field(description="The device that is read from now on.")


@order("/ports/{device}/confirm", ConfirmPortAnswer, "Another device behind a port is the right one", told=("device",))
class ConfirmPort(Command):
    """For a device whose `ports` entry on the board has a `now`: it was replaced, or moved to another socket."""

    device: Code
    person: Person
    seen: Annotated[str, Field(max_length=400), ONE_LINE] = Field(
        "",
        description="The new device in words, as the status page shows it; when it is another one by now, nothing is "
        "confirmed (`device_changed`).",
    )


class UnreadAnswer(Answer):
    seen: int = Field(description="How many entries are off the board now.")


@order("/unread/seen", UnreadAnswer, "What could not be handled was seen", told=("upto",))
class SeeUnread(Command):
    """Takes what is on the board's `unread` off it, up to a number. It stays in the ledger's file for a while."""

    upto: Annotated[StrictInt, Field(ge=1, le=LARGEST_NUMBER)] = Field(
        description="The highest `number` of the board's `unread` that the person saw.", examples=[3]
    )
    person: Person


class Recalled(Answer):
    """``answer`` is what the request was answered; None when it made no record."""

    answer: dict[str, Any] | None


@order("", Recalled, "What became of a request that may have made a record")
class Recall(Command):
    """What became of the request with this key, if it made a record. Asked by the web's desk alone."""

    key: str

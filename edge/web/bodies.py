"""What the JSON API takes and answers, as its OpenAPI says it.

Masses are whole grams, money is whole fen. Codes may come as they were scanned: see ``plain_code``.
"""

import re
import unicodedata
from typing import Annotated, Any, Literal, Self

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, model_validator

from edge.between.board import Board
from protocol.city.events import ONE_LINE, Name
from protocol.plain import line

LARGEST_FEN = 10_000_000
LARGEST_G = 100_000_000
LARGEST_AMOUNT = 4_294_967_295

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
Named = Annotated[Code, Path()]  # in a path
Words = Annotated[str, Field(min_length=1, max_length=120), ONE_LINE]
Number = Annotated[int, Path(ge=1, le=LARGEST_NUMBER)]
Person = Annotated[
    str,
    Field(min_length=1, max_length=40, description="Who says so, by name; it stands in the record.", examples=["王敏"]),
    ONE_LINE,
]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class SaleBody(Body):
    """Sell what lies on the scale now."""

    scale: Code = Field(description="Name of the scale, as on the board.", examples=["scale-1"])
    product: AnyCode = Field(description="Product code.", examples=["01040201"])
    lot: AnyCode = Field(
        description="The lot sold from: its 20-digit source code, or its test code.",
        examples=["41010800110100010074"],
    )
    seen_g: Annotated[StrictInt, Field(ge=1, le=LARGEST_G)] | None = Field(
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
    manual_g: Annotated[StrictInt, Field(ge=1, le=LARGEST_G)] | None = Field(
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


class ProofBody(Body):
    """A certificate that came with the goods."""

    type: Code = Field(description="Kind of certificate: `hgz` is 承诺达标合格证.", examples=["hgz"])
    no: Code = Field(description="Its number.")


class EntryBody(Body):
    """Goods come in."""

    product: AnyCode = Field(description="Product code.", examples=["01040201"])
    net_g: Annotated[StrictInt, Field(ge=1, le=LARGEST_G)] = Field(description="Net grams.", examples=[250000])
    origin: Words = Field(description="产地, in words.")
    supplier: Words = Field(description="供货人, by name.")
    origin_code: str = Field("", pattern=r"^([0-9]{6})?$", description="GB/T 2260 code of the origin.")
    supplier_code: PersonCode = Field("", description="13-digit operator code of the supplier.")
    plate: Annotated[str, Field(max_length=20), ONE_LINE] = Field("", description="Number plate of the vehicle.")
    proofs: list[ProofBody] = Field(default_factory=list, max_length=10)
    upstream: SourceCode = Field(
        "",
        description="Source code the goods came with. One that stands for a lot here already is refused "
        "(`source_known`); what one from elsewhere allows is the station's setting: nobody here can answer for it.",
    )


class PriceBody(Body):
    """A new price; it stays until the next change."""

    product: AnyCode = Field(description="Product code.")
    price_fen: Annotated[StrictInt, Field(ge=1, le=LARGEST_FEN)] = Field(
        description="Fen per the product's own basis (`per_g` on the board: 1000 or 500 grams)."
    )


class ChannelBody(Body):
    """Whose sample lies in a channel."""

    analyzer: Code = Field(description="Name of the analyzer, as on the board.", examples=["analyzer-1"])
    channel: Annotated[str, Field(min_length=1, max_length=40), ONE_LINE] = Field(
        description="The channel, as the instrument writes it.", examples=["3"]
    )
    lot: Annotated[str, Field(max_length=64), SCANNED] = Field(
        "", description="Test code or source code of the lot; empty clears the channel."
    )


class MatchBody(Body):
    """Whose result this is."""

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


class DismissBody(Body):
    """A result that is of no lot here."""

    person: Person
    reason: Words = Field(description="Why.", examples=["练习"])


class WholePlantBody(Body):
    """Who did it."""

    person: Person


class DateBody(Body):
    """The date that the board asks about is right."""

    date: str = Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        description="The system's date, as `clock_asks` on the board begins.",
        examples=["2026-11-29"],
    )
    person: Person


class ConfirmPortBody(Body):
    """Who looked at the device, and which one it was."""

    person: Person
    seen: Annotated[str, Field(max_length=400), ONE_LINE] = Field(
        "",
        description="The new device in words, as the status page shows it; when it is another one by now, nothing is "
        "confirmed (`device_changed`).",
    )


class UnreadBody(Body):
    """Who has seen it."""

    upto: Annotated[StrictInt, Field(ge=1, le=LARGEST_NUMBER)] = Field(
        description="The highest `number` of the board's `unread` that the person saw.", examples=[3]
    )
    person: Person


class Problem(BaseModel):
    """Why something was not done, for programs (`code`) and for people."""

    code: str = Field(examples=["weight_changed"])
    message_zh: str
    message_en: str


class SaleAnswer(BaseModel):
    """The recorded sale."""

    tx: str = Field(description="20-digit transaction code (交易码).")
    net_g: int
    amount_fen: int
    url: str = Field(description="What the slip's QR code says.")
    left_g: int = Field(description="Grams left of the lot; below zero when more was sold than came in.")
    job: int | None = Field(description="Print job; watch it in `papers`. Null when the station has no printer.")


class EntryAnswer(BaseModel):
    """The recorded entry."""

    test_code: str = Field(description="20-digit code of the lot until it has a source code, and of its test report.")
    sample: str = Field(description="Sample number to type into the analyzer.")
    source: str | None = Field(description="Source code, when the lot is already released.")
    whole_plant: bool = Field(False, description="This food disturbs the enzyme test: extract the whole plant.")
    unchecked: bool = Field(False, description="The goods came with a source code that nobody here can answer for.")
    job: int | None = Field(None, description="Print job of the sample label. Null without a label printer.")


class PriceAnswer(BaseModel):
    product: str
    price_fen: int


class PaperBody(Body):
    """What to print: `slip`, `ticket`, `report`, `card`, `label`, `acceptance`, `hold`, `day` or `test`."""

    paper: Code
    subject: Annotated[str, Field(max_length=120), SCANNED] = Field(
        "", description="A trace code; for `day` a date like 2026-11-23, or nothing for today; nothing for `test`."
    )
    printer: Name = Field("", description="A printer's name; the first that prints such papers otherwise.")


class ConfirmAnswer(BaseModel):
    job: int
    state: str


class ReprintAnswer(BaseModel):
    """The new print job, marked COPY."""

    job: int
    copy_number: int = Field(alias="copy", description="Copy number; 1 is the first reprint.")


class ChannelAnswer(BaseModel):
    """The channel plan as it is now."""

    planned: str = Field(description="The channel.")
    lot: str = Field(description="The lot, as it was given; empty when the channel was cleared.")


class MatchAnswer(BaseModel):
    """The recorded test."""

    test_code: str = Field(description="The lot.")
    verdict: str = Field(description="What the lot's tests now say: qualified, suspect, unqualified or invalid.")
    source: str | None = Field(description="The new source code, when this result releases the lot.")


class DismissAnswer(BaseModel):
    seq: int = Field(description="The result.")


class ConfirmPortAnswer(BaseModel):
    device: str
    now: str = Field(description="The device that is read from now on.")


class UnreadAnswer(BaseModel):
    seen: int = Field(description="How many entries are off the board now.")


class WholePlantAnswer(BaseModel):
    test_code: str = Field(description="The lot.")


class AskScaleAnswer(BaseModel):
    scale: str
    asked: Literal["tare", "clear_tare", "zero"] = Field(description="What the scale was told; its answer is a weight.")


class DateAnswer(BaseModel):
    """The date that was taken, and what the clock is worth now: `synced` or `unsynced`."""

    date: str
    clock: str


class OutcomeBody(Body):
    """What a page knows of a request whose answer did not come."""

    age_ms: Annotated[StrictInt, Field(ge=0, le=2**53)] = Field(
        description="Milliseconds since the request was sent, or more."
    )
    address: str = Field("", max_length=200, description="Where it was sent, for example `/api/sales`.")
    token: str = Field("", max_length=64, description="`token` of the stream that was heard before it was sent.")
    heard_ms: Annotated[StrictInt, Field(ge=-1, le=2**53)] = Field(
        -1, description="The newest `at` of that stream that was heard before it was sent; -1 for none."
    )


class OutcomeAnswer(BaseModel):
    """`waiting`: ask again. `not_done` is final. `unknown`: the station was restarted since, or has forgotten it."""

    state: Literal["done", "waiting", "not_done", "unknown"]
    answer: dict[str, Any] | None = Field(description="What the request was answered, when it is `done`.")


class BoardAnswer(BaseModel):
    """Everything the station shows. `alive` is false when the station's core has stopped: then trust none of it."""

    alive: bool
    board: Board


class Part(BaseModel):
    """A port or printer; `why` is for the technician."""

    ok: bool
    why: str


class PrinterPart(Part):
    waiting: int = Field(description="Papers that wait for it.")


class Ok(BaseModel):
    ok: bool


class DiskPart(Ok):
    free_bytes: int


class CityPart(BaseModel):
    up: bool
    why: str
    broker: str
    pending: int
    set_aside: int
    cause: str
    silent_since: str
    last_ack: str


class HealthAnswer(BaseModel):
    """What works. `ok` is false when a port, printer, the disk or the core fails."""

    ok: bool
    token: str = Field(description="The process's own; who started it knows it.")
    station: str
    core: Ok
    ports: dict[str, Part]
    printer: dict[str, PrinterPart]
    city: CityPart
    disk: DiskPart
    clock: str
    clock_why: str
    trouble: str

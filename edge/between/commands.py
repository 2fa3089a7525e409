"""What people, pages and the local API may order of the station: each command once, with its answer and its address.

A command is a frozen model: what does not fit it is no command, whoever sent it.  Its row (``order``) says where it is
sent to over HTTP, what it is answered, and whether it makes a record.  From that row the routes, the OpenAPI, the keys
and the tests take what they need; a function of ``edge/jobs`` does it.

What all of them share is in ``command_table.py``; others import it from here as well.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictInt, model_validator

from edge.between import fixed_words
from edge.between.command_table import *  # noqa: F403
from edge.between.command_table import (
    LARGEST_AMOUNT,
    LARGEST_FEN,
    LARGEST_G,
    LARGEST_NUMBER,
    LONGEST_SCAN,
    OF_A_PAPER,
    OPAQUE,
    SCANNED,
    Answer,
    AnyCode,
    Code,
    Command,
    Day,
    LotCode,
    Mass,
    NamedPhotos,
    Number,
    Person,
    PersonCode,
    SaleCode,
    SourceCode,
    Warned,
    Words,
    none_said,
    nought_said,
    one_said,
    order,
)
from edge.between.people import SENIORS, SUPERVISORS
from edge.between.print_states import DOCUMENT_NAMES
from protocol.city.events import ONE_LINE, Basis, Name, ProofType

# --- the gate ---------------------------------------------------------------------------------------------------------


LONGEST_CODE = 2048  # bytes of what a certificate's own code says


class ProofGiven(Command):
    """A certificate that came with the goods: its number, or what else stands on it, or what its code says."""

    type: ProofType = Field(
        description="Kind of certificate: `hgz` 承诺达标合格证, `jy` 检疫, `rp` 肉品品质, `bg` 报关, `zs` 其他追溯码, "
        "`cd` 产地证明, `jc` 检测报告, `qt` another.",
        examples=["hgz"],
    )
    no: Annotated[Name, OF_A_PAPER] = Field("", description="Its number.")
    issuer: Name = Field("", description="Who gives it; of a 承诺达标合格证 who promises (承诺主体).")
    product: Name = Field("", description="产品名称, as it stands there.")
    quantity: Name = Field("", description="数量（重量）, as it stands there.")
    origin: Name = Field("", description="产地, as it stands there.")
    issued: Day = Field("", description="开具日期, YYYY-MM-DD.")
    contact: Name = Field("", description="联系方式; no person's own telephone number.")
    basis: tuple[Basis, ...] = Field(
        (),
        max_length=4,
        description="承诺依据: `controlled` 质量安全控制符合要求, `own_test` 自行检测合格, "
        "`commissioned_test` 委托检测合格, `own_promise` 自我承诺.",
    )
    code: Annotated[str, Field(max_length=LONGEST_CODE), OPAQUE] = Field(
        "",
        description="What its QR or bar code says, at most 2048 bytes in UTF-8. Kept with its SHA-256 and shown; never "
        "opened or followed. A person's number in it is masked.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.no or self.issuer or self.code):
            raise ValueError("give its number, who gave it, or what its code says")
        if len(self.code.encode("utf-8", "surrogatepass")) > LONGEST_CODE:
            raise ValueError(f"the code has more than {LONGEST_CODE} bytes")
        return self


class EntryAnswer(Answer):
    """The recorded entry."""

    test_code: str = Field(description="20-digit code of the lot until it has a source code, and of its test report.")
    sample: str = Field(description="Sample number to type into the analyzer.")
    source: str | None = Field(description="Source code, when the lot is already released.")
    whole_plant: bool = Field(False, description="This food disturbs the enzyme test: extract the whole plant.")
    unchecked: bool = Field(False, description="The goods came with a source code that nobody here can answer for.")
    job: int | None = Field(None, description="Print job of the sample label. Null without a label printer.")
    warnings: tuple[Warned, ...] = Field(
        (), exclude_if=none_said, description="What the city says of such goods or of who brings them."
    )


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
    supplier_address: Name = Field("", description="供货人地址: the law asks for it in the purchase book.")
    supplier_contact: Name = Field("", description="供货人联系方式; no person's own telephone number.")
    scale: Annotated[str, Field(max_length=64), ONE_LINE] = Field(
        "",
        description="The scale it was weighed on load by load (`/loads`): `net_g` is then what they add up to, and is "
        "refused (`weight_changed`) when it is not. Empty: the mass is declared.",
    )
    proofs: tuple[ProofGiven, ...] = Field((), max_length=10)
    spec: Name = Field("", description="Prepackaged goods: 规格.", examples=["500 g × 20"])
    produced: Day = Field("", description="Prepackaged goods: 生产日期, YYYY-MM-DD.")
    batch: Annotated[str, Field(max_length=40), ONE_LINE, OF_A_PAPER] = Field(
        "", description="Prepackaged goods: 生产批号."
    )
    shelf_days: Annotated[StrictInt, Field(ge=1, le=36_500)] | None = Field(
        None, description="Prepackaged goods: 保质期, in days. Null: they have none."
    )
    photos: NamedPhotos = ()
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
    """For analyzers that report by channel: results of this channel belong to this lot from now on, or the next one to
    this food that somebody brought (你送我检)."""

    analyzer: Code = Field(description="Name of the analyzer, as on the board.", examples=["analyzer-1"])
    channel: Annotated[str, Field(min_length=1, max_length=40), ONE_LINE] = Field(
        description="The channel, as the instrument writes it.", examples=["3"]
    )
    lot: Annotated[str, Field(max_length=64), SCANNED] = Field(
        "", description="Test code or source code of the lot, or the code of brought food; empty clears the channel."
    )


class MatchAnswer(Answer):
    """The recorded test."""

    test_code: str = Field(description="The lot, or the food that somebody brought.")
    verdict: str = Field(description="What its tests now say: qualified, suspect, unqualified or invalid.")
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
    """For a result on the board's `unmatched` list. It is judged and may release or hold the lot; of food that somebody
    brought (你送我检) it is recorded apart, with its slip.

    A new record points at the old one. With a `verdict` it is a supervisor's.
    """

    seq: Number
    lot: AnyCode = Field(
        description="Test code or source code of the lot, or the code of food that somebody brought.",
        examples=["41010800130100000031"],
    )
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
    roles=SUPERVISORS,
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
    amount_fen: int = Field(description="What is paid, in fen.")
    url: str = Field(description="What the slip's QR code says.")
    left_g: int | None = Field(
        description="Grams left of the lot; below zero when more was sold than came in. Null without a lot."
    )
    job: int | None = Field(
        description="Print job; watch it in `prints`. Null when the station has no printer, or prints no slip unasked."
    )
    warnings: tuple[Warned, ...] = Field(
        (),
        exclude_if=none_said,
        description="`above_limit`: the city allows a lower price only. `lot_used_up`: nothing is left of a lot.",
    )
    lines: int = Field(1, exclude_if=one_said, description="How many lines the slip has, where it has several.")
    rounded_fen: int = Field(0, exclude_if=nought_said, description="What was let off (抹零), in fen.")


Rounding = Annotated[
    fixed_words.Rounding | None,
    Field(description="抹零: `jiao` down to 0.1 yuan, `yuan` to a yuan, `none`. Left out: what station.toml says."),
]
PaidBy = Annotated[
    Annotated[str, Field(pattern=r"^([a-z][a-z_]{0,19})?$")],
    Field(description="How it is paid, one of `[stall] payments`: a note.", examples=["wechat"]),
]


class Load(Command):
    """What is weighed, typed, counted or read off a label, and what of."""

    scale: Code = Field(description="Name of the scale, as on the board.", examples=["scale-1"])
    product: AnyCode = Field(description="Product code.", examples=["01040201"])
    lot: LotCode = Field(
        "",
        description="The lot sold from: its 20-digit source code, its test code, or what its source card's QR code "
        "says, which opens it here. Empty where the market lets the product be sold without one (`lot_optional`); the "
        "sale is marked.",
        examples=["41010800110100010074"],
    )
    seen_g: Mass | None = Field(
        None,
        description="Net grams that the person saw, after `tare_g`. When the scale says something else by now, nothing "
        "is sold (`weight_changed`). Leave it out only where no person looks.",
    )
    price_fen: Annotated[StrictInt, Field(ge=1, le=LARGEST_FEN)] | None = Field(
        None, description="Price for this sale in fen per the product's own basis, instead of the product's price."
    )
    tare_g: Annotated[StrictInt, Field(ge=0, le=LARGEST_G)] = Field(
        0,
        description="Known mass of the container (皮重) in grams, taken off what the scale shows. Refused when it is "
        "not less than that (`tare`), when the scale took off a tare of its own (`tared`), and when it "
        "does not say whether it did (`tare_key`; see `tare_key` in station.toml).",
    )
    container: Annotated[str, Field(max_length=64), ONE_LINE] = Field(
        "", description="Code on a container of `[stall] containers`, in place of `tare_g`.", examples=["KUANG-01"]
    )
    manual_g: Mass | None = Field(
        None,
        description="Net grams typed by a person because the scale cannot be read. Record and slip say 手工输入; it is "
        "no trade weighing. Needs `reason` and no `tare_g`, and a supervisor unless `[people] typed_weights` lets "
        "everybody.",
    )
    reason: Name = Field("", description="Why the weight was typed.", examples=["秤无显示，已报修"])
    label: Annotated[Annotated[str, Field(max_length=120)], OF_A_PAPER] = Field(
        "",
        description="Code on a label with a weight or a price inside (`[[barcode]]`), as scanned: nothing is weighed.",
        examples=["2100123012503"],
    )
    pieces: Annotated[StrictInt, Field(ge=1, le=100_000)] | None = Field(
        None, description="How many, of a product that is sold by the piece (`by` on the board): nothing is weighed."
    )

    @model_validator(mode="after")
    def _typed(self) -> Self:
        if self.manual_g is not None and (self.tare_g or self.container):
            raise ValueError("a typed weight is net already: no tare_g with manual_g")
        if self.manual_g is None and self.reason:
            raise ValueError("reason goes with manual_g")
        if self.tare_g and self.container:
            raise ValueError("tare_g or container, not both")
        if sum((self.manual_g is not None, bool(self.label), self.pieces is not None)) > 1:
            raise ValueError("one of manual_g, label and pieces")
        if (self.label or self.pieces is not None) and (self.tare_g or self.container):
            raise ValueError("nothing is weighed: no container with label or pieces")
        return self


@order(
    "/sales",
    SaleAnswer,
    "Sell and print",
    status=201,
    records=True,
    told=("scale", "product", "lot", "seen_g", "manual_g"),
)
class Sell(Load):
    """Sells what lies on the scale at this moment. 201 means that the sale is recorded; the slip follows."""

    seen_fen: Annotated[StrictInt, Field(ge=0, le=LARGEST_AMOUNT)] | None = Field(
        None,
        description="Amount in fen that the person saw, with the lines of `basket` and after `rounding`. When it is "
        "another one by now (the price was changed), nothing is sold (`price_changed`).",
    )
    buyer: PersonCode = Field("", description="13-digit operator code; empty for a walk-in.")
    buyer_name: Name = Field("", description="The buyer's name as printed.")
    replaces: SaleCode = Field(
        "",
        description="Transaction code of the voided sale that this one is made in place of; its slip's code says so.",
    )
    basket: Number | None = Field(
        None, description="An open list (`baskets` on the board): its lines stand on the same slip, before this one."
    )
    rounding: Rounding = None
    paid_by: PaidBy = ""


class PriceAnswer(Answer):
    """The price as it is now."""

    product: str = Field(description="Product code.")
    price_fen: int = Field(description="Fen per the product's own basis.")
    warnings: tuple[Warned, ...] = Field(
        (), exclude_if=none_said, description="`above_limit`: the city allows a lower price only."
    )


@order("/prices", PriceAnswer, "Change a price", records=True, told=("product", "price_fen"))
class SetPrice(Command):
    """A new price for everybody; it stays until the next change. Where `[people] prices` says so a supervisor's."""

    product: AnyCode = Field(description="Product code.")
    price_fen: Annotated[StrictInt, Field(ge=1, le=LARGEST_FEN)] = Field(
        description="Fen per the product's own basis (`per_g` on the board: 1000 or 500 grams)."
    )


# --- lots of other stations -------------------------------------------------------------------------------------------


class OpenAnswer(Answer):
    """The lot as it is here now."""

    test_code: str
    source: str = Field(description="Its source code.")
    product: str = Field(description="Product code.")
    product_name: str
    left_g: int = Field(description="Grams of it at this stall.")
    opened: bool = Field(description="Whether this took goods over. False when it was here already.")
    disputed: bool = Field(
        description="Other stalls took over the same goods: it is not sold before a supervisor says."
    )


@order("/lots/open", OpenAnswer, "Take goods over by their source card", records=True, told=("net_g",))
class OpenLot(Command):
    """Opens a lot of another station of the market at this stall, with no network: by what its source card's QR code
    says, or by the code of one on the board's `offers`."""

    code: Annotated[str, Field(min_length=1, max_length=LONGEST_SCAN), SCANNED] = Field(
        description="As scanned.", examples=["41010800110100010074"]
    )
    net_g: Mass | None = Field(None, description="Grams that were taken over; left out: all that its card says.")


class HandAnswer(Answer):
    """The portion that was handed on."""

    source: str
    portion: int = Field(description="Its number among those of this station.")
    left_g: int = Field(description="Grams left here.")
    url: str = Field(description="What the QR code of its card says.")
    job: int | None = Field(description="Print job of its card. Null when no printer takes cards.")


@order("/lots/{lot}/hand", HandAnswer, "Hand part of a lot to another stall", status=201, records=True, told=("net_g",))
class HandLot(Command):
    """Reduces what is left here, and prints a source card for what goes."""

    lot: AnyCode = Field(description="Its source code or test code.")
    net_g: Mass
    to: Annotated[str, Field(pattern=r"^[0-9]{13}$"), SCANNED] = Field(
        description="13-digit operator code of the stall."
    )


class SettleAnswer(Answer):
    """The lot as it is here now."""

    test_code: str
    left_g: int
    disputed: bool = Field(description="Whether it still may not be sold.")


@order(
    "/lots/{lot}/settle",
    SettleAnswer,
    "Say how much of a disputed lot is really here",
    status=201,
    records=True,
    told=("net_g",),
    roles=SUPERVISORS,
)
class SettleLot(Command):
    """For a lot that several stalls took over: a supervisor says how much of it came to this one."""

    lot: AnyCode
    net_g: Annotated[StrictInt, Field(ge=0, le=LARGEST_G)] = Field(
        description="Grams that came to this stall in all, what was sold since included."
    )
    why: Words = Field(description="Why.", examples=["隔壁摊位扫错卡"])


# --- holds ------------------------------------------------------------------------------------------------------------


class HoldAnswer(Answer):
    """The recorded hold."""

    seq: int = Field(description="The record.")
    test_code: str = Field(description="The lot.")
    job: int | None = Field(description="Print job of the notice. Null when none is printed by itself.")


@order(
    "/lots/{lot}/hold",
    HoldAnswer,
    "Stop the sale of a lot",
    status=201,
    records=True,
    told=("lot",),
    roles=SUPERVISORS,
)
class HoldLot(Command):
    """Nothing of it is sold, here or at the market's other stations, until a supervisor ends the hold."""

    lot: AnyCode = Field(description="Test code or source code of the lot.")
    person: Person
    reason: Words = Field(description="Why.", examples=["顾客投诉有异味"])


class ReleaseAnswer(Answer):
    """The lot as it is now."""

    seq: int = Field(description="The record.")
    test_code: str
    state: str = Field(description="`released`, or `pending` where it still waits for its tests.")
    source: str | None = Field(description="The lot's source code, when it has one.")
    stopped: bool = Field(description="It may not be sold all the same: its sale was stopped from elsewhere.")


@order(
    "/lots/{lot}/release",
    ReleaseAnswer,
    "End the hold of a lot",
    status=201,
    records=True,
    told=("lot",),
    roles=SUPERVISORS,
)
class ReleaseLot(Command):
    """Ends this station's hold. Where a test is against the lot (`asks_recheck` on the board) a laboratory's verdict is
    needed that found it conforming (`/lots/{lot}/verdict`, or the city's); a person's hold ends by a reason alone."""

    lot: AnyCode = Field(description="Test code or source code of the lot.")
    person: Person
    reason: Words = Field(description="Why.", examples=["复检报告合格，恢复销售"])


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
    record: Number | None = Field(
        None, description="A record's number instead of `subject`: of a control, a kept sample, which have no code."
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


class TakeAnswer(Answer):
    """The paper is this handheld's now; its bytes are at `/api/prints/{job}.escpos`."""

    job: int
    copy_number: int = Field(alias="copy", description="Copy number; 0 is the first print, 1 the first reprint.")
    state: str = Field(description="`unknown`: nobody knows whether it comes out before `confirm` says so.")


@order("/prints/{job}/take", TakeAnswer, "A handheld takes a paper to print it itself", told=("job",))
class TakePrint(Command):
    """For a paper that waits at a printer whose port is `handheld:`. It is taken once: who asks again, with another
    `Idempotency-Key`, is refused (`taken`), and a person says that it came out, or prints it again as a copy."""

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


@order("/clock/confirm", DateAnswer, "The date is right", records=True, told=("date",), roles=SENIORS)
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


@order(
    "/ports/{device}/confirm",
    ConfirmPortAnswer,
    "Another device behind a port is the right one",
    told=("device",),
    roles=SENIORS,
)
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


@order("/unread/seen", UnreadAnswer, "What could not be handled was seen", told=("upto",), roles=SENIORS)
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


@order("", Answer, "The board shows what was answered")
class CatchUp(Command):
    """Show what was answered and does not stand on the board yet. Asked by the web's desk alone."""

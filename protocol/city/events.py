"""What an event says: one pydantic model per record kind (contract parts A2, A3, C6).

Masses are integer grams, money integer fen, every other number a decimal string of at most 15 digits.  Unknown fields
are refused: an event is a record, not a bag.  Texts of one line have nothing in them that is not seen or turns the
direction of writing; a ``Page`` is as the instrument said it, and is cleaned where it is shown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from protocol.plain import line

Trace = Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$")]
Operator = Annotated[str, StringConstraints(pattern=r"^[0-9]{13}$")]
ProductCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]


def one_line(value: Any) -> Any:
    """For a pydantic type: a text as one harmless line (``protocol/plain.py``)."""
    return line(value) if isinstance(value, str) else value


ONE_LINE = BeforeValidator(one_line)  # stands last, so that what stands before it bounds a text and not a value
Name = Annotated[str, StringConstraints(max_length=120), ONE_LINE]
Short = Annotated[str, StringConstraints(max_length=40), ONE_LINE]
Page = Annotated[str, StringConstraints(max_length=4000)]
DIGITS, DECIMALS = 15, 20  # of a number: significant digits, as instruments send them, and places after the point
DecimalText = Annotated[str, StringConstraints(pattern=rf"^-?[0-9]{{1,{DIGITS}}}(\.[0-9]{{1,{DECIMALS}}})?$")]
Grams = Annotated[int, Field(ge=0, le=100_000_000)]
Fen = Annotated[int, Field(ge=0, le=4_294_967_295)]
VerdictWord = Literal["qualified", "suspect", "unqualified", "invalid", "not_applicable"]


def decimal_text(value: Decimal) -> str | None:
    """A number as a record holds it: with its digits as sent, of more than 15 rounded half to even. None for one that
    no record holds: 10 to the 15th and more, or no number at all."""
    if not value.is_finite():
        return None
    if len(value.as_tuple().digits) > DIGITS:
        value = _ROUND.plus(value)
    if value.adjusted() < DIGITS and int(value.as_tuple().exponent) < -DECIMALS:
        value = value.quantize(Decimal(1).scaleb(-DECIMALS), context=_WIDE)
    return format(value, "f") if not value or value.adjusted() < DIGITS else None


_ROUND = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN)
_WIDE = Context(prec=DIGITS + DECIMALS + 1, rounding=ROUND_HALF_EVEN)


# What a table of records says of each, and the log of some; a kind that has none of it leaves it empty.
COLUMNS = (
    *("product", "name", "net_g", "amount_fen", "buyer", "origin", "supplier"),
    *("item", "value", "unit", "verdict", "source"),
)


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """``COLUMNS`` of a record's data as JSON has it. Raises TypeError, KeyError or AttributeError when damaged."""
        goods = data.get("goods") or {}
        found = {name: data.get(name) for name in COLUMNS}
        return found | {"product": goods.get("product"), "name": goods.get("name")}


@dataclass(frozen=True, slots=True)
class EventKind:
    """A kind of record that stands in the ledger: its model, its name for people, and what the log tells of it.

    ``told`` are names of columns or of the record's own fields; none of a person's.
    """

    kind: str
    record: type[Record]
    zh: str
    en: str
    told: tuple[str, ...] = ()


EVENTS: dict[str, EventKind] = {}
R = TypeVar("R", bound=type[Record])


def event(kind: str, zh: str, en: str, told: tuple[str, ...] = ()) -> Callable[[R], R]:
    """Enter a record in the table of kinds (contract C1)."""

    def enter(record: R) -> R:
        EVENTS[kind] = EventKind(kind, record, zh, en, told)
        return record

    return enter


class Certificate(Record):
    """A voucher that came with the goods; ``type`` as in contract A4 (``hgz`` is the 承诺达标合格证)."""

    type: Short
    no: Name


class Goods(Record):
    product: ProductCode
    name: Name
    name_en: Name = ""


@event("entry.registered", "进场登记", "Goods in", told=("product", "net_g", "upstream"))
class EntryRegistered(Record):
    """Goods came in. ``upstream`` is the source code they already have, when they have one.

    ``source_check`` is what is known of that code: ``unchecked`` when only its digits were looked at, ``accepted`` when
    the market lets such goods in all the same, and they are sold by it.  ``tests`` are
    the items that the lot is to be tested for; empty asks for one item, whichever it is.
    """

    goods: Goods
    net_g: Grams
    origin: Name
    origin_code: Short = ""
    supplier: Name
    supplier_code: str = ""
    plate: Short = ""
    sample: Short
    proofs: tuple[Certificate, ...] = ()
    upstream: Trace | None = None
    source_check: Literal["unchecked", "accepted"] | None = None
    tests: tuple[Name, ...] = ()


class Analyzer(Record):
    """Which instrument said it, and its own words; ``goods`` is what it calls the sample.

    ``peer`` is the network address it connected from, where it did.
    """

    name: Short
    model: Short
    sample: Short | None
    channel: Short | None
    goods: Name | None = None
    verdict: VerdictWord | None
    measured_at: str | None
    raw: str
    peer: Short | None = None


@event("test.result", "快检结果", "Rapid test", told=("lot", "item", "outcome", "verdict", "source", "doubts"))
class TestRecorded(Record):
    """A result, judged. ``source`` is the lot's source code when this result released the lot.

    ``lot`` is the test code of the lot it was matched to, None when nobody has matched it yet; then ``doubts`` says why
    it waits for a person (words of ``judgement.py``), and ``proposed`` whose it would be.  ``outcome`` is what
    this measurement says by itself, None when no method judges it, ``measurement`` its number among those of this item
    of the lot; ``verdict`` is what the measurements of the item say together, and ``missing`` are the items the lot
    still asks for.  The instrument's own word is in ``analyzer``; ``text`` is what it stated in place of a
    number.  ``control`` is the blank's ΔA₀.  ``whole_plant`` tells, for foods that disturb the enzyme, whether the
    whole-plant step was done, ``whole_plant_by`` by whom.  ``replaces`` is the id of the record that this one matches
    to a lot; ``person`` who did.  ``dismissed`` is why a person says that it is a result of no lot here.
    It is a screening result whatever it says.
    """

    __test__ = False

    lot: Trace | None
    goods: Goods | None
    item: Name
    value: DecimalText | None
    text: Page | None = None
    unit: Short | None
    method: Name
    limit: DecimalText | None
    limit_basis: Literal["instrument", "method"]
    control: DecimalText | None = None
    outcome: Literal["positive", "negative", "invalid"] | None = None
    measurement: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    whole_plant: bool | None = None
    whole_plant_by: Short | None = None
    verdict: VerdictWord
    screening: Literal[True] = True
    analyzer: Analyzer
    replaces: str | None = None
    person: Short | None = None
    source: Trace | None = None
    missing: tuple[Name, ...] = ()
    doubts: tuple[Short, ...] = ()
    proposed: Trace | None = None
    dismissed: Name = ""


class Price(Record):
    fen: Fen
    per_g: Literal[500, 1000]


class Line(Record):
    """One line of a slip, exactly as the QR token's digest covers it."""

    amount_fen: Fen
    net_g: Grams
    price: Price
    product: ProductCode
    source: Trace


class Slip(Record):
    """What the token's digest covers."""

    amount_fen: Fen
    buyer: Operator
    lines: tuple[Line, ...]
    seller: Operator
    time: str
    tx: Trace


class Party(Record):
    code: Operator
    name: Name
    stall: Short = ""
    contact: Name = ""


class LineWeight(Record):
    """How a line's weight came about. ``value`` is the scale's own digits, ``raw`` its frame in hex.

    ``stability`` tells who said the weight was stable: the scale, or we by equal frames; ``manual`` is a weight typed
    by a person, with the ``reason``, and then there is no frame.  ``tare_g`` is a known container's mass that was taken
    off what the scale showed.
    """

    scale: Short
    model: Short
    value: DecimalText
    unit: Short
    stability: Literal["scale", "derived", "manual"]
    raw: str
    verified_until: str | None
    tare_g: Grams = 0
    reason: Name = ""


class TestSummary(Record):
    """The test a lot was released on, as a slip shows it."""

    __test__ = False

    code: Trace | None
    item: Name
    verdict: VerdictWord
    value: DecimalText | None
    unit: Short | None
    time: str


class Sold(Record):
    """What a slip shows of a line beside the digest-covered part.

    ``unchecked``: it is sold by a source code from elsewhere that nobody has answered for.  ``over_g`` is how much of
    the line is more than was left of its lot.
    """

    goods: Goods
    origin: Name
    test: TestSummary | None
    weighed: LineWeight
    unchecked: bool = False
    over_g: Grams = 0


@event("trade.completed", "交易", "Sale", told=("source", "net_g", "amount_fen"))
class TradeCompleted(Record):
    slip: Slip
    seller: Party
    buyer: Party
    sold: tuple[Sold, ...]
    clock_trusted: bool
    scale_verified: bool
    digest: str
    url: str

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        slip, goods = data["slip"], data["sold"][0]["goods"]
        return super().columns(data) | {
            "product": goods.get("product"),
            "name": goods.get("name"),
            "net_g": sum(line["net_g"] for line in slip["lines"]),
            "amount_fen": slip.get("amount_fen"),
            "buyer": slip.get("buyer"),
            "source": " ".join(line["source"] for line in slip["lines"]),
        }


class Delivered(Record):
    """A line of a delivery: ordered, delivered, accepted and rejected mass, why rejected, what was looked at."""

    goods: Goods
    ordered_g: Grams
    delivered_g: Grams
    accepted_g: Grams
    rejected_g: Grams = 0
    reason: Name = ""
    sensory: Name = ""
    temperature: DecimalText | None = None
    source: Trace | None = None
    tests: tuple[Trace, ...] = ()


class Signatory(Record):
    name: Short
    role: Short


@event("accept.completed", "验收", "Delivery accepted", told=("order", "net_g"))
class AcceptCompleted(Record):
    """A canteen took goods in (contract A11): two persons or more sign. ``photos`` are SHA-256 in hex."""

    order: Short
    supplier: Name
    supplier_code: str = ""
    licence: Name = ""
    lines: Annotated[tuple[Delivered, ...], Field(min_length=1)]
    proofs: tuple[Certificate, ...] = ()
    photos: tuple[str, ...] = ()
    signers: Annotated[tuple[Signatory, ...], Field(min_length=2)]

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return super().columns(data) | {"net_g": sum(line["accepted_g"] for line in data["lines"])}


@event("lot.held", "暂停销售", "Lot held", told=("lot", "product", "why"))
class LotHeld(Record):
    """Sale of a lot was suspended, by a test's rule (no ``person``) or by a named person.

    ``told_at`` is when the seller received the result: the four hours for a recheck run from then (contract A1).
    """

    lot: Trace
    goods: Goods
    net_g: Grams
    origin: Name
    supplier: Name
    test: Trace | None = None
    verdict: VerdictWord | None = None
    why: Name
    person: Short | None = None
    told_at: str | None = None


@event("lot.disposed", "处置", "Lot disposed of", told=("lot", "product", "decision", "mass_g"))
class LotDisposed(Record):
    """What a named person decided about a held lot (contract A3); a release needs a recheck that was not rapid."""

    lot: Trace
    goods: Goods
    decision: Literal["released_after_recheck", "returned", "destroyed"]
    mass_g: Grams
    how: Name = ""
    where: Name = ""
    recheck_no: Name = ""
    laboratory: Name = ""
    method: Name = ""
    waiver: bool = False
    person: Short
    witness: Short = ""


@event("clock.step", "校时", "Clock set", told=("before", "after", "why"))
class ClockStepped(Record):
    """The station's time went from ``before`` to ``after`` (contract C7); its own time is ``after``.

    ``offset_ms`` is after less before: added to the times of the records of ``boot_id`` that were made ``unsynced``
    since the step before, it dates them anew; the originals stay.  ``state`` is what the clock is worth now.
    ``source`` is who vouches for it: the kernel's time service, the host of a virtual machine, a person, or nobody.
    ``why``: ``synced`` (first sync after the boot, or after it was lost), ``stepped`` (a believed time was put
    elsewhere), ``set`` (put forward, nobody vouches), ``confirmed`` (``person`` said that the date is right).
    """

    boot_id: Short
    offset_ms: Annotated[int, Field(ge=-4_102_444_800_000, le=4_102_444_800_000)]
    before: Short
    after: Short
    state: Literal["synced", "unsynced"]
    source: Literal["kernel", "host", "person", "none"]
    why: Literal["synced", "stepped", "set", "confirmed"]
    person: Short | None = None

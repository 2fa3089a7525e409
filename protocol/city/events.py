"""What an event says: one pydantic model per record kind (contract parts A2, A3, C6).

Masses are integer grams, money integer fen, every other number a decimal string of at most 15 digits.  Unknown fields
are refused: an event is a record, not a bag.  Texts of one line have nothing in them that is not seen or turns the
direction of writing; a ``Page`` is as the instrument said it, and is cleaned where it is shown.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from protocol.city.photos import PhotoHash
from protocol.frozen import frozen
from protocol.plain import line

Trace = Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$")]
SourceOrNone = Annotated[str, StringConstraints(pattern=r"^([0-9]{20})?$")]
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


def nothing(value: object) -> bool:
    """For a field that says nothing: no byte of it stands in the record."""
    return not value


# What a table of records says of each, and the log of some; a kind that has none of it leaves it empty.
COLUMNS = (
    *("product", "name", "net_g", "amount_fen", "buyer", "origin", "supplier"),
    *("item", "value", "unit", "verdict", "source"),
)


class Record(BaseModel):
    """A kind that is not met is not built: all of them at once cost the start of a station."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """``COLUMNS`` of a record's data as JSON has it. Raises TypeError, KeyError or AttributeError when damaged."""
        goods = data.get("goods") or {}
        found = {name: data.get(name) for name in COLUMNS}
        return found | {"product": goods.get("product"), "name": goods.get("name")}


@frozen
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


def _unsaid(value: object) -> bool:
    """Whether a field says nothing: then no byte of it stands in the record."""
    return not value


ProofType = Literal["hgz", "jy", "rp", "bg", "zs", "cd", "jc", "qt"]
Basis = Literal["controlled", "own_test", "commissioned_test", "own_promise"]
Opaque = Annotated[str, StringConstraints(max_length=2048)]


class Certificate(Record):
    """A voucher that came with the goods, as far as it was typed or scanned (contract part A4).

    ``type`` is a ``ProofType``: hgz 承诺达标合格证, jy 动物检疫合格证明, rp 肉品品质检验合格证, bg 报关单,
    zs 其他追溯码, cd 产地证明, jc 检测报告, qt 其他; records of older versions may have another word.
    ``issuer`` is who gives it, for a hgz who promises (承诺主体), ``basis`` on what ground (承诺依据).
    ``code`` is what its QR or bar code says, a text that nobody here interprets, personal numbers in it masked;
    ``sha256`` is of that text as it was scanned, in UTF-8.
    """

    type: Short
    no: Name
    issuer: Name = Field("", exclude_if=_unsaid)
    product: Name = Field("", exclude_if=_unsaid)
    quantity: Name = Field("", exclude_if=_unsaid)
    origin: Name = Field("", exclude_if=_unsaid)
    issued: Short = Field("", exclude_if=_unsaid)
    contact: Name = Field("", exclude_if=_unsaid)
    basis: tuple[Basis, ...] = Field((), exclude_if=_unsaid)
    code: Opaque = Field("", exclude_if=_unsaid)
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = Field("", exclude_if=_unsaid)


class Goods(Record):
    product: ProductCode
    name: Name
    name_en: Name = ""


class Load(Record):
    """One weighing of goods that come in: ``net_g`` is what the scale showed less ``tare_g``, the known mass of so many
    ``containers``. ``value`` is the scale's own digits, ``raw`` its frame in hex; ``stability`` as in ``LineWeight``.
    """

    scale: Short
    model: Short
    value: DecimalText
    unit: Short
    stability: Literal["scale", "derived"]
    raw: str
    verified_until: str | None
    net_g: Grams
    tare_g: Grams = 0
    containers: Annotated[int, Field(ge=0, le=1000)] = 0


@event("entry.registered", "进场登记", "Goods in", told=("product", "net_g", "upstream"))
class EntryRegistered(Record):
    """Goods came in. ``upstream`` is the source code they already have, when they have one.

    ``source_check`` is what is known of that code: ``unchecked`` when only its digits were looked at, ``accepted`` when
    the market lets such goods in all the same, and they are sold by it.  ``tests`` are
    the items that the lot is to be tested for; empty asks for one item, whichever it is.

    ``mass_by``: the mass was weighed here (``weighings`` add up to it) or declared by who brought the goods; None in
    records of older versions.  ``missing_proofs`` are the vouchers that such goods need and did not have, each of one
    or several types of which one will do (``hgz|cd``).  ``spec`` to ``shelf_days`` are of prepackaged goods: 规格,
    生产日期, 生产批号, 保质期 in days.  ``retention`` is how long the law wants the record kept (contract part A1): six
    months, until six months after the shelf life, or two years.  ``photos`` are SHA-256 in hex (``photos.py``).
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
    mass_by: Literal["scale", "declared"] | None = Field(None, exclude_if=_unsaid)
    weighings: Annotated[tuple[Load, ...], Field(max_length=60, exclude_if=_unsaid)] = ()
    missing_proofs: tuple[Short, ...] = Field((), exclude_if=_unsaid)
    supplier_address: Name = Field("", exclude_if=_unsaid)
    supplier_contact: Name = Field("", exclude_if=_unsaid)
    spec: Name = Field("", exclude_if=_unsaid)
    produced: Short = Field("", exclude_if=_unsaid)
    batch: Short = Field("", exclude_if=_unsaid)
    shelf_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(None, exclude_if=_unsaid)
    retention: Literal["six_months", "shelf_life", "two_years"] | None = Field(None, exclude_if=_unsaid)
    photos: Annotated[tuple[PhotoHash, ...], Field(max_length=6, exclude_if=_unsaid)] = ()


class Analyzer(Record):
    """Which instrument said it, and its own words; ``goods`` is what it calls the sample.

    ``peer`` is the network address it connected from, where it did.  ``serial`` is its serial number, as it said or
    else as station.toml has it, and ``calibrated`` the day of its last calibration, where that is known.
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
    serial: Short = Field("", exclude_if=nothing)
    calibrated: Short = Field("", exclude_if=nothing)


class Sampled(Record):
    """Whose goods a result is of, as the lot's entry says; ``at`` is when the sample was taken, ``by`` the operator
    code of who took it, ``sample`` the number on its bag: an instrument with channels counts by itself."""

    supplier: Name
    origin: Name
    net_g: Grams
    plate: Short = ""
    at: Short
    by: Short = ""
    sample: Short = Field("", exclude_if=nothing)


class Measured(Record):
    """An earlier measurement of the same item of the same lot."""

    value: DecimalText | None
    unit: Short | None
    outcome: Literal["positive", "negative", "invalid"] | None
    at: Short


class Brought(Record):
    """Food that somebody brought to be tested: the code of its registration, what and whose it is as they said."""

    code: Trace
    goods: Name
    asked_by: Name = ""


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
    to a lot; ``person`` who did.  ``sampled`` is whose goods it is of, ``earlier`` the measurements before this one: a
    report says both.  ``dismissed`` is why a person says that it is a result of no lot here.
    ``tester`` stood at the bench, ``reviewer`` looked at it a second time; ``reagent`` is the lot number of the reagent
    and ``reagent_until`` its last day; ``qc`` is what was known of the day's control then, empty where none is asked
    for; ``rack`` is the rack it lay in, 0 for none.
    ``purpose`` ``public``: of food that somebody ``brought``; it holds and releases nothing.
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
    sampled: Sampled | None = Field(None, exclude_if=nothing)
    earlier: tuple[Measured, ...] = Field((), exclude_if=nothing)
    tester: Short = ""
    reviewer: Short = ""
    reagent: Short = ""
    reagent_until: Short = ""
    qc: Literal["", "valid", "failed", "missing"] = ""
    rack: Annotated[int, Field(ge=0)] = 0
    purpose: Literal["", "public"] = ""
    brought: Brought | None = None


class Price(Record):
    fen: Fen
    per_g: Literal[500, 1000]


class Line(Record):
    """One line of a slip, exactly as the QR token's digest covers it. ``source`` is empty for goods without one.

    A line of ``net_g`` 0 is sold by the piece: ``price.fen`` is then the price of one, ``amount_fen`` that of all, and
    ``price.per_g`` says nothing.
    """

    amount_fen: Fen
    net_g: Grams
    price: Price
    product: ProductCode
    source: SourceOrNone


class Slip(Record):
    """What the token's digest covers. ``amount_fen`` is what is paid: the sum of the lines, less what was rounded
    down (抹零), so the digest covers that, too."""

    amount_fen: Fen
    buyer: Operator
    lines: tuple[Line, ...]
    seller: Operator
    time: str
    tx: Trace


class Party(Record):
    """Who sells or buys. ``licence`` is the number of the business licence, ``address`` where the business is."""

    code: Operator
    name: Name
    stall: Short = ""
    contact: Name = ""
    licence: Name = Field("", exclude_if=nothing)
    address: Name = Field("", exclude_if=nothing)


def _empty(text: str) -> bool:
    """A field that came later and says nothing stands in no record: the bytes are those of before."""
    return not text


class LineWeight(Record):
    """How a line's weight came about. ``value`` is the scale's own digits, ``raw`` its frame in hex.

    ``stability`` tells who said the weight was stable: the scale, or we by equal frames; ``manual`` is a weight typed
    by a person, with the ``reason``, and then there is no frame.  ``label``: it, or the price it follows from, was read
    off a label (``raw`` is the label's code in hex); ``count``: pieces that a person counted.  Those three are no trade
    weighing.  ``tare_g`` is a known container's mass that was taken off what the scale showed.  ``serial`` and
    ``certificate`` are the scale's number and that of its verification, where the register has them.
    """

    scale: Short
    model: Short
    value: DecimalText
    unit: Short
    stability: Literal["scale", "derived", "manual", "label", "count"]
    raw: str
    verified_until: str | None
    tare_g: Grams = 0
    reason: Name = ""
    serial: Short = Field("", exclude_if=_empty)
    certificate: Short = Field("", exclude_if=_empty)


class TestSummary(Record):
    """The test a lot was released on, as a slip shows it."""

    __test__ = False

    code: Trace | None
    item: Name
    verdict: VerdictWord
    value: DecimalText | None
    unit: Short | None
    time: str


class ProofNo(Record):
    """A voucher that a lot came with, by its type (contract A4) and number."""

    type: Short
    no: Name


class Sold(Record):
    """What a slip shows of a line beside the digest-covered part; ``proofs`` are those of its lot.

    ``unchecked``: it is sold by a source code from elsewhere that nobody has answered for.  ``no_source``: the market
    lets such goods be sold without a lot.  ``over_g`` is how much of the line is more than was left of its lot.
    ``pieces`` is how many were sold by the piece.  ``approvedby`` is the code of who gave the word for this line, when
    that was before the slip was closed.
    """

    goods: Goods
    origin: Name
    test: TestSummary | None
    weighed: LineWeight
    unchecked: bool = False
    no_source: bool = False
    over_g: Grams = 0
    proofs: tuple[ProofNo, ...] = Field((), exclude_if=nothing)
    pieces: Annotated[int, Field(ge=0, le=100_000)] = 0
    approvedby: Short = ""


def _named(goods: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a table says of the goods of several lines: each once."""
    return {
        "product": " ".join(dict.fromkeys(str(one["product"]) for one in goods)),
        "name": "、".join(dict.fromkeys(str(one["name"]) for one in goods)),
    }


@event("trade.completed", "交易", "Sale", told=("source", "net_g", "amount_fen"))
class TradeCompleted(Record):
    """A sale of one line or several. ``replaces`` is the code of the voided sale that this one is made in place of.

    ``rounded_fen`` is what was let off the sum of the lines (抹零): ``slip.amount_fen`` is paid.  ``paid_by`` is a note
    of how (cash, wechat …), empty where nobody said; ``payment`` is the payment program's own number.  ``approvedby``
    is the code of who gave the word for what was let off, when that was before the slip was closed.
    """

    slip: Slip
    seller: Party
    buyer: Party
    sold: tuple[Sold, ...]
    clock_trusted: bool
    scale_verified: bool
    digest: str
    url: str
    replaces: Trace | None = None
    rounded_fen: Fen = 0
    paid_by: Short = ""
    payment: Name = ""
    approvedby: Short = Field("", exclude_if=_empty)

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        slip = data["slip"]
        return super().columns(data) | {
            **_named([one["goods"] for one in data["sold"]]),
            "net_g": sum(line["net_g"] for line in slip["lines"]),
            "amount_fen": slip.get("amount_fen"),
            "buyer": slip.get("buyer"),
            "source": _sources(slip),
        }


def _sources(slip: Mapping[str, Any]) -> str:
    return " ".join(dict.fromkeys(line["source"] for line in slip["lines"] if line["source"]))


Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
DayOrNone = Annotated[str, StringConstraints(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]


class DeliveredLoad(LineWeight):
    """One load that was put on the scale. ``net_g`` is what it counts for: what the scale said less ``before_g`` (what
    lay there already and is counted in an earlier load) and ``tare_g`` (its empty crates).

    ``part`` ``in``: goods that came; ``rejected``: the part of them that is refused, weighed once more.
    ``approvedby`` is the code of who gave the word for a typed one.
    """

    net_g: Grams
    before_g: Grams = 0
    crates: Annotated[int, Field(ge=0, le=10_000)] = 0
    part: Literal["in", "rejected"] = "in"
    approvedby: Short = Field("", exclude_if=_empty)


class SourceChecked(Record):
    """A source card or code that came with a line, as it was checked here, with no network.

    ``genuine``: signed by a station of this node, or a lot of this station; ``unknown_key``: a card of elsewhere;
    ``unchecked``: a code alone, that nobody here can answer for.
    """

    source: Trace
    result: Literal["genuine", "unknown_key", "unchecked"]
    issuer: Short = ""
    test: Trace | None = None
    verdict: VerdictWord | None = None
    item: Name = ""
    tested_at: Short | None = None
    origin: Name = ""
    supplier: Name = ""


class SlipChecked(Record):
    """A sale's slip that came with the delivery: ``genuine`` when a station of this node signed it."""

    tx: Trace
    result: Literal["genuine", "unknown_key"]
    seller: Operator
    net_g: Grams
    amount_fen: Fen
    sources: tuple[Trace, ...] = ()


class Delivered(Record):
    """A line of a delivery: ordered, delivered, accepted and rejected mass, why rejected, what was looked at.

    Goods that are counted (eggs, bottles) have ``unit`` and the four counts, and masses of 0 where nobody weighed them.
    ``difference`` is delivered less ordered in per cent of the order, None without an order; beyond the tolerance
    ``why_difference`` says why it is taken all the same.  ``refused``: nothing of the line is taken.  ``price`` is of
    the order, or typed (``price_typed``); for counted goods ``piece_fen`` is that of one piece.  ``amount_fen`` is from
    what was accepted.  ``temperature`` is in degrees Celsius by ``probe``, typed where that is empty.  ``spec`` (规格),
    ``batch`` (生产日期或批号) and ``best_before`` are of packed food.  ``price_approvedby`` and
    ``difference_approvedby`` are the codes of who gave the word for the typed price and for the difference.
    """

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
    probe: Short = ""
    unit: Short = ""
    ordered_n: int = 0
    delivered_n: int = 0
    accepted_n: int = 0
    rejected_n: int = 0
    refused: bool = False
    not_ordered: bool = False
    difference: DecimalText | None = None
    why_difference: Name = ""
    price: Price | None = None
    piece_fen: Fen | None = None
    price_typed: bool = False
    amount_fen: Fen | None = None
    spec: Name = Field("", exclude_if=_empty)
    best_before: DayOrNone = ""
    batch: Short = ""
    price_approvedby: Short = Field("", exclude_if=_empty)
    difference_approvedby: Short = Field("", exclude_if=_empty)
    expiry: Literal["", "fine", "near", "past"] = ""
    loads: tuple[DeliveredLoad, ...] = ()
    sources: tuple[SourceChecked, ...] = ()
    photos: tuple[Sha, ...] = ()


class Signatory(Record):
    """Who signed. ``role`` is in which function, in words; ``code`` the operator's whose PIN was entered.

    Without one the name was typed on a box where nobody has a PIN (``typed``).
    """

    name: Short
    role: Short
    code: Short = ""
    typed: bool = False
    at: Short = ""


class AcceptedLine(Record):
    """A line of an acceptance as the QR token's digest covers it; ``sources`` are its source codes."""

    accepted_g: Grams
    accepted_n: int
    amount_fen: Fen
    ordered_g: Grams
    product: ProductCode
    rejected_g: Grams
    sources: tuple[Trace, ...]


class Acceptance(Record):
    """What the token's digest covers. ``seller`` is the supplier's code, thirteen zeros when nobody knows it; ``buyer``
    the canteen's."""

    amount_fen: Fen
    buyer: Operator
    lines: tuple[AcceptedLine, ...]
    order: Short
    seller: Operator
    time: str
    tx: Trace


@event("accept.completed", "验收", "Delivery accepted", told=("order", "net_g", "amount_fen"))
class AcceptCompleted(Record):
    """A canteen took goods in (contract A11): two persons or more sign. ``photos`` are SHA-256 in hex.

    ``order`` is empty for a delivery that nobody ordered; ``unmatched`` then says why it was taken.  ``alias`` is the
    name the supplier had until the delivery was closed (盲采).  ``acceptance``, ``digest`` and ``url`` are what its
    signed code says; ``tolerance`` is the difference in per cent that needs no reason.  ``sum_fen`` is None where a
    line has no price.  ``corrects`` is the code of a voided acceptance that this one is made in place of.
    The supplier's licence, address and contact are those of the directory at that time.
    """

    order: Short
    supplier: Name
    supplier_code: str = ""
    licence: Name = ""
    supplier_address: Name = Field("", exclude_if=nothing)
    supplier_contact: Name = Field("", exclude_if=nothing)
    lines: Annotated[tuple[Delivered, ...], Field(min_length=1)]
    proofs: tuple[Certificate, ...] = ()
    photos: tuple[PhotoHash, ...] = ()
    signers: Annotated[tuple[Signatory, ...], Field(min_length=2)]
    alias: Name = ""
    licence_until: DayOrNone = ""
    supplier_state: Literal["", "active", "suspended", "gone"] = ""
    unmatched: Name = ""
    buyer: Name = ""
    due: DayOrNone = ""
    meal: Short = ""
    plate: Short = ""
    slips: tuple[SlipChecked, ...] = ()
    tolerance: DecimalText | None = None
    sum_fen: Fen | None = None
    clock_trusted: bool = False
    scale_verified: bool = False
    acceptance: Acceptance | None = None
    digest: str = ""
    url: str = ""
    corrects: Trace | None = None

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return super().columns(data) | {
            "net_g": sum(line["accepted_g"] for line in data["lines"]),
            "amount_fen": data.get("sum_fen"),
        }


@event("lot.held", "暂停销售", "Lot held", told=("lot", "product", "why"))
class LotHeld(Record):
    """Sale of a lot was suspended, by a test's rule (no ``person``) or by a named person.

    ``told_at`` is when the seller received the result: the four hours for a recheck run from then (contract A1).
    ``source`` is the code it was sold by, when it had been released.  ``left_g`` is what was left of it and is held,
    ``store`` where it stands apart, ``office`` where may be objected, ``authority`` whom it is reported to, and
    ``seller`` whose stall or gate it is.
    """

    lot: Trace
    source: Trace | None = None
    goods: Goods
    net_g: Grams
    left_g: int | None = None
    origin: Name
    supplier: Name
    supplier_code: str = ""
    seller: Party | None = None
    store: Name = ""
    office: Name = ""
    authority: Name = ""
    test: Trace | None = None
    verdict: VerdictWord | None = None
    why: Name
    person: Short | None = None
    told_at: str | None = None


@event("lot.disposed", "处置", "Lot disposed of", told=("lot", "product", "decision", "mass_g"))
class LotDisposed(Record):
    """What a named person decided about a held lot (contract A3); a release needs a recheck that was not rapid.

    ``hold`` is the id of the record that held it, ``test`` the number of the report.  Of ``held_g`` that were held,
    ``before_g`` went before this.
    ``complete``: nothing is left; then ``difference_g`` is what was held less all that went, and ``why`` explains it.
    ``planned`` is the id of the record that announced it.  ``owner``, ``witness`` and ``officer`` were there.
    """

    lot: Trace
    goods: Goods
    decision: Literal["released_after_recheck", "returned", "destroyed"]
    mass_g: Grams
    hold: Short = ""
    test: Trace | None = None
    held_g: Grams | None = None
    before_g: Grams = 0
    complete: bool = True
    difference_g: int = 0
    why: Name = ""
    how: Name = ""
    where: Name = ""
    recheck_no: Name = ""
    laboratory: Name = ""
    method: Name = ""
    waiver: bool = False
    planned: Short | None = None
    owner: Name = ""
    person: Short
    witness: Short = ""
    officer: Short = ""
    photos: tuple[str, ...] = ()


@event("clock.step", "校时", "Clock set", told=("before", "after", "why"))
class ClockStepped(Record):
    """The station's time went from ``before`` to ``after`` (contract C7); its own time is ``after``.

    ``offset_ms`` is after less before: added to the times of the records of ``boot_id`` that were made ``unsynced``
    since the step before, it dates them anew; the originals stay.  ``state`` is what the clock is worth now.
    ``source`` is who vouches for it: the kernel's time service, the host of a virtual machine, a person, the city's
    platform, or nobody.  ``why``: ``synced`` (first sync after the boot, or after it was lost), ``stepped`` (a believed
    time was put elsewhere), ``set`` (put forward, nobody vouches), ``confirmed`` (``person`` said that the date is
    right), ``estimated`` (from the city's signed answer, right to ``error_ms`` if the city's clock is).
    """

    boot_id: Short
    offset_ms: Annotated[int, Field(ge=-4_102_444_800_000, le=4_102_444_800_000)]
    before: Short
    after: Short
    state: Literal["synced", "holdover", "unsynced"]
    source: Literal["kernel", "host", "person", "platform", "none"]
    why: Literal["synced", "stepped", "set", "confirmed", "estimated"]
    person: Short | None = None
    error_ms: Annotated[int, Field(ge=0, le=60_000)] | None = Field(None, exclude_if=_unsaid)


@event("price.changed", "改价", "Price changed", told=("product", "before_fen", "fen"))
class PriceChanged(Record):
    """A product's price for everybody, in fen per ``per_g`` grams; ``before_fen`` is what it was."""

    goods: Goods
    before_fen: Fen
    fen: Fen
    per_g: Literal[500, 1000]


@event("person.changed", "人员变更", "Person changed", told=("code", "role", "active"))
class PersonChanged(Record):
    """What somebody at the station is and may do now; a program with a token is ``token:NAME``.

    ``changed`` says what of it is new. A PIN or token is never in it, nor a telephone or identity number.
    """

    code: Short
    name: Short
    role: Literal["operator", "supervisor", "technician"]
    active: bool
    changed: Annotated[tuple[Literal["added", "name", "role", "active", "pin"], ...], Field(min_length=1)]


CommandId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._:-]{1,64}$")]


@event("city.obeyed", "执行平台指令", "City obeyed", told=("name", "command", "lot", "what"))
class CityObeyed(Record):
    """A command of the city was done that changes what people rely on. ``command`` is its id, ``kid`` the city's key.

    ``what`` says how much it changed: a count for each kind of thing.
    """

    command: CommandId
    name: Short
    issued: Short
    kid: Short
    lot: Trace | None = None
    reason: Name = ""
    what: Name = ""


@event("lot.verdict", "检验结论", "Laboratory's verdict", told=("lot", "conclusion", "report_no"))
class LotVerdict(Record):
    """What a laboratory concluded of a lot, as the city said it, or a person by its report. It releases nothing: a
    person does.

    ``conclusion`` is no rapid test's: ``unqualified`` is 不合格（检验结论）.  ``command`` is the id of the city's
    command, None when ``person`` typed it from the report.
    """

    command: CommandId | None = None
    lot: Trace
    conclusion: Literal["qualified", "unqualified"]
    report_no: Short
    laboratory: Name
    item: Name
    method: Name
    value: DecimalText | None = None
    unit: Short = ""
    limit: Short = ""
    concluded: Short
    person: Short | None = None
    photos: tuple[str, ...] = ()


class SettingApplied(Record):
    """A setting, before and after, as JSON."""

    name: Short
    before: Page
    after: Page


@event("config.applied", "远程设置", "Settings applied", told=("command",))
class ConfigApplied(Record):
    """The city replaced settings of station.toml. ``command`` is the id of its command."""

    command: CommandId
    settings: tuple[SettingApplied, ...]


# --- corrections: a record is never changed; a new one says what was wrong with it ------------------------------------


@event("trade.voided", "交易作废", "Sale voided", told=("amount_fen", "net_g", "source"))
class TradeVoided(Record):
    """A sale counts no more: its goods are back in their lots. ``voids`` is the id of its record.

    What was sold stands here again, so that a slip of it needs no other record.
    """

    voids: Short
    slip: Slip
    seller: Party
    buyer: Party
    goods: tuple[Goods, ...]
    reason: Name
    rounded_fen: Fen = 0
    paid_by: Short = ""
    pieces: tuple[int, ...] = ()

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        slip = data["slip"]
        return super().columns({}) | {
            **_named(data["goods"]),
            "net_g": sum(line["net_g"] for line in slip["lines"]),
            "amount_fen": slip["amount_fen"],
            "buyer": slip["buyer"],
            "source": _sources(slip),
        }


CorrectedField = Literal[
    "product",
    "net_g",
    "origin",
    "origin_code",
    "supplier",
    "supplier_code",
    "plate",
    "supplier_address",
    "supplier_contact",
    "spec",
    "produced",
    "batch",
    "shelf_days",
    "proofs",
    "photos",
]


class Change(Record):
    """A value that was wrong, and the one that holds; both as text. Of vouchers each that changed, with what of it."""

    field: CorrectedField
    before: Name
    after: Name


@event("entry.corrected", "进场更正", "Entry corrected", told=("lot", "product", "net_g", "source"))
class EntryCorrected(Record):
    """What was registered of a lot was wrong. ``corrects`` is the id of the record that said so last; ``now`` holds.

    ``source`` is the lot's source code, when it has one: its papers are printed anew. ``released``: this correction
    released the lot, because the goods that it is of ask for no other test.
    """

    lot: Trace
    corrects: Short
    changes: Annotated[tuple[Change, ...], Field(min_length=1)]
    now: EntryRegistered
    source: Trace | None = None
    released: bool = False
    reason: Name

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return EntryRegistered.columns(data["now"]) | {"source": data["source"]}


@event("result.corrected", "检测更正", "Result corrected", told=("lot", "to", "item", "state", "source"))
class ResultCorrected(Record):
    """A result was matched to a lot that it is not of. ``corrects`` is the id of the record that matched it.

    ``to`` is the test code of what it is of, None while nobody knows: it waits among the unmatched results again.
    ``verdict`` is what the other measurements of the item say of ``lot``, None when there are none, and ``state`` what
    may be done with that lot now; ``source`` is its source code, when this correction releases it.  Of food that
    somebody brought, ``brought`` stands in the place of lot, goods and state.
    """

    lot: Trace | None
    brought: Brought | None = None
    to: Trace | None
    corrects: Short
    goods: Goods | None
    item: Name
    verdict: VerdictWord | None
    state: Literal["pending", "released", "held"] | None
    source: Trace | None = None
    reason: Name


class LotFacts(Record):
    """What is known of a lot wherever it is: what its card states."""

    lot: Trace
    source: Trace
    goods: Goods
    net_g: Grams
    origin: Name
    origin_code: Short = ""
    supplier: Name
    supplier_code: str = ""
    verdict: VerdictWord
    item: Name
    tested_at: Short | None


@event("lot.released", "放行", "Lot released", told=("lot", "source", "net_g"))
class LotReleased(LotFacts):
    """Every test the lot asks for is qualified: it may be sold. ``url`` is what its source card's code says."""

    url: str


@event("lot.opened", "批次接收", "Lot opened", told=("source", "portion", "net_g", "by"))
class LotOpened(LotFacts):
    """This stall took goods of a lot of another station over.

    ``kid``, ``source`` and ``portion`` name what was taken (``protocol/city/source.py``), ``issuer`` is the station
    that signed it and ``of_g`` what it says that it is.  ``by``: the stall scanned its card, or was told of it by the
    city or by that station.
    """

    kid: Short
    portion: Annotated[int, Field(ge=0, le=65_535)]
    issuer: Short
    of_g: Grams
    by: Literal["card", "city", "sibling"]


@event("lot.handed", "批次移交", "Lot handed on", told=("source", "portion", "net_g"))
class LotHanded(LotFacts):
    """Part of a lot was handed to another stall (``to``, its operator code): ``portion`` of those it signed."""

    kid: Short
    portion: Annotated[int, Field(ge=1, le=65_535)]
    to: Operator
    left_g: int
    url: str


@event("lot.resumed", "恢复销售", "Lot on sale again", told=("lot", "source", "why"))
class LotResumed(Record):
    """What stopped a lot's sale is settled."""

    lot: Trace
    source: Trace | None = None
    goods: Goods
    why: Name = ""
    person: Short | None = None


class Claim(Record):
    """How much of it a station took over."""

    station: Short
    net_g: Grams


@event("lot.disputed", "批次数量有争议", "Lot opened twice", told=("source", "portion"))
class LotDisputed(Record):
    """More was taken over than there is, as far as this station knows: it sells none of it until a supervisor has
    settled it. ``own_g`` is what this station has of it, ``of_g`` what there is, ``settled`` that a supervisor here has
    said so."""

    lot: Trace
    source: Trace
    goods: Goods
    kid: Short
    portion: Annotated[int, Field(ge=0, le=65_535)]
    of_g: Grams
    own_g: Grams
    settled: bool
    claims: tuple[Claim, ...]


@event("lot.settled", "批次数量核定", "Lot settled", told=("source", "portion", "net_g"))
class LotSettled(Record):
    """A supervisor says how much of what was taken over this station really has, instead of ``was_g``."""

    lot: Trace
    source: Trace
    goods: Goods
    kid: Short
    portion: Annotated[int, Field(ge=0, le=65_535)]
    of_g: Grams
    was_g: Grams
    net_g: Grams
    why: Name


# --- kinds that stand in files of their own ---------------------------------------------------------------------------

from protocol.city import bench_events as bench_events  # noqa: E402
from protocol.city import canteen_events as canteen_events  # noqa: E402
from protocol.city import day_events as day_events  # noqa: E402
from protocol.city import hold_events as hold_events  # noqa: E402
from protocol.city import key_events as key_events  # noqa: E402
from protocol.city import ledger_events as ledger_events  # noqa: E402

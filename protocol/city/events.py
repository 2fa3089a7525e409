"""What an event says: one pydantic model per record kind (contract parts A2, A3, A11, C6).

Masses are integer grams, money integer fen, every other number a decimal string.  Unknown fields are refused: an
event is a record, not a bag.  Texts are cut of nothing here; what reaches paper is cleaned by the paper's own code.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Trace = Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$")]
Operator = Annotated[str, StringConstraints(pattern=r"^[0-9]{13}$")]
ProductCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
Name = Annotated[str, StringConstraints(max_length=120)]
Page = Annotated[str, StringConstraints(max_length=4000)]
Short = Annotated[str, StringConstraints(max_length=40)]
Filled = Annotated[str, StringConstraints(max_length=40, pattern=r"\S")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
DecimalText = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,9})?$")]
Grams = Annotated[int, Field(ge=0, le=100_000_000)]
Fen = Annotated[int, Field(ge=0, le=4_294_967_295)]
VerdictWord = Literal["qualified", "suspect", "unqualified", "invalid", "not_applicable"]


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Proof(Record):
    """A voucher that came with the goods; ``type`` as in contract A4 (``hgz`` is the 承诺达标合格证)."""

    type: Short
    no: Name


class Goods(Record):
    product: ProductCode
    name: Name
    name_en: Name = ""


class EntryRegistered(Record):
    """Goods came in. ``upstream`` is the source code they already have, when they have one."""

    goods: Goods
    net_g: Grams
    origin: Name
    origin_code: Short = ""
    supplier: Name
    supplier_code: str = ""
    plate: Short = ""
    sample: Short
    proofs: tuple[Proof, ...] = ()
    upstream: Trace | None = None


class Analyzer(Record):
    """Which instrument said it, and its own words."""

    name: Short
    model: Short
    sample: Short | None
    channel: Short | None
    verdict: VerdictWord | None
    measured_at: str | None
    raw: str


class TestRecorded(Record):
    """A result, judged. ``source`` is the lot's source code when this result released the lot.

    ``lot`` is the test code of the lot it was matched to, None when nobody has matched it yet.  ``outcome`` is what
    this measurement says by itself, ``measurement`` its number within the lot; ``verdict`` is what the lot's
    measurements say together.  The instrument's own word is in ``analyzer``; ``text`` is what it stated in place of a
    number.  ``control`` is the blank's ΔA₀.  ``whole_plant`` tells, for foods that disturb the enzyme, whether the
    whole-plant step was done, ``whole_plant_by`` by whom.  ``replaces`` is the id of the record that this one matches
    to a lot; ``person`` who did.
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
    measurement: Annotated[int, Field(ge=1, le=1000)] = 1
    whole_plant: bool | None = None
    whole_plant_by: Short | None = None
    verdict: VerdictWord
    screening: Literal[True] = True
    analyzer: Analyzer
    replaces: str | None = None
    person: Short | None = None
    source: Trace | None = None


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


class Weighed(Record):
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
    """The test a lot was released on, as a slip shows it.

    ``recheck`` is report number and laboratory when a recheck released the lot: then this is no rapid test.
    """

    __test__ = False

    code: Trace | None
    item: Name
    verdict: VerdictWord
    value: DecimalText | None
    unit: Short | None
    time: str
    recheck: Name = ""


class Sold(Record):
    """What a slip shows of a line beside the digest-covered part."""

    goods: Goods
    origin: Name
    test: TestSummary | None
    weighed: Weighed


class TradeCompleted(Record):
    slip: Slip
    seller: Party
    buyer: Party
    sold: tuple[Sold, ...]
    clock_trusted: bool
    scale_verified: bool
    digest: str
    url: str


class Delivered(Record):
    """A line of a delivery: ordered, delivered, accepted and rejected mass, why rejected, what was looked at.

    ``temperature`` is degrees Celsius.  ``sources`` and ``tests`` are the codes that came with the goods.
    """

    goods: Goods
    ordered_g: Grams
    delivered_g: Grams
    accepted_g: Grams
    rejected_g: Grams = 0
    reason: Name = ""
    sensory: Name = ""
    temperature: DecimalText | None = None
    sources: tuple[Trace, ...] = ()
    tests: tuple[Trace, ...] = ()

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.accepted_g + self.rejected_g != self.delivered_g:
            raise ValueError("accepted_g and rejected_g are not delivered_g together")
        if self.rejected_g and not self.reason.strip():
            raise ValueError("reason: say why goods were rejected")
        return self


class Signer(Record):
    name: Filled
    role: Filled


class AcceptCompleted(Record):
    """A canteen took goods in (contract A11): two persons or more sign. ``photos`` are SHA-256 in hex."""

    order: Short
    supplier: Name
    supplier_code: str = ""
    licence: Name = ""
    lines: Annotated[tuple[Delivered, ...], Field(min_length=1)]
    proofs: tuple[Proof, ...] = ()
    photos: tuple[Sha256, ...] = ()
    signers: Annotated[tuple[Signer, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _by_several(self) -> Self:
        if len({signer.name.strip() for signer in self.signers}) < 2:
            raise ValueError("signers: two different persons have to sign")
        return self


class LotHeld(Record):
    """Sale of a lot was suspended, by a test's rule (no ``person``) or by a named person. The subject is its number.

    ``test`` and ``verdict`` are the screening test that did it, or that gave a person reason to; both None for a hold
    for another reason.  ``told_at`` is when the seller received the result, ``told_by`` who told: the four hours for a
    recheck run from then (contract A1).  Telling is a record of its own under the same number; ``replaces`` is the id
    of the record without it.
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
    told_by: Short | None = None
    replaces: str | None = None

    @model_validator(mode="after")
    def _told_by_somebody(self) -> Self:
        if (self.told_at is None) != (self.told_by is None):
            raise ValueError("told_at and told_by go together")
        return self


class LotDisposed(Record):
    """What a named person decided about a held lot (contract A3). The record's time is when it was done.

    ``held`` is the number of the hold, ``held_id`` the id of its newest record.  A release needs the report of a
    recheck by a method that is not rapid, and gives the lot its source code if it has none; what was returned or
    destroyed needs mass, way, place and a witness.  ``waiver``: the seller gave up the recheck in writing.
    """

    lot: Trace
    goods: Goods
    held: Trace
    held_id: Short
    decision: Literal["released_after_recheck", "returned", "destroyed"]
    mass_g: Annotated[int, Field(ge=1, le=100_000_000)]
    how: Name = ""
    where: Name = ""
    recheck_no: Name = ""
    laboratory: Name = ""
    method: Name = ""
    method_kind: Literal["laboratory"] | None = None
    waiver: bool = False
    person: Filled
    witness: Short = ""
    source: Trace | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        release = self.decision == "released_after_recheck"
        needed = ("recheck_no", "laboratory", "method_kind", "source") if release else ("how", "where", "witness")
        missing = [name for name in needed if not (getattr(self, name) or "").strip()]
        if missing:
            raise ValueError(f"{self.decision} needs {', '.join(missing)}")
        if not release and (self.source or self.method_kind):
            raise ValueError(f"{self.decision} has no source code and no recheck")
        return self


EVENT_TYPES: dict[str, type[Record]] = {
    "entry.registered": EntryRegistered,
    "test.result": TestRecorded,
    "trade.completed": TradeCompleted,
    "accept.completed": AcceptCompleted,
    "lot.held": LotHeld,
    "lot.disposed": LotDisposed,
}

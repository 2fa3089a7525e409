"""What is recorded of a delivery that a canteen accepted."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from protocol.city.photos import PhotoHash
from protocol.city.record import (
    Certificate,
    DecimalText,
    Fen,
    Goods,
    Grams,
    LineWeight,
    Name,
    Operator,
    Price,
    ProductCode,
    Record,
    Sha,
    Short,
    Trace,
    VerdictWord,
    event,
    nothing,
)

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
    approvedby: Short = Field("", exclude_if=nothing)


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
    spec: Name = Field("", exclude_if=nothing)
    best_before: DayOrNone = ""
    batch: Short = ""
    price_approvedby: Short = Field("", exclude_if=nothing)
    difference_approvedby: Short = Field("", exclude_if=nothing)
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

"""What is recorded of sales, their voids, and prices."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from protocol.city.record import (
    ONE_LINE,
    DecimalText,
    Fen,
    Goods,
    Grams,
    LineWeight,
    Name,
    Party,
    Price,
    Record,
    Short,
    Slip,
    SourceOrNone,
    Trace,
    VerdictWord,
    event,
    nothing,
)


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
    approvedby: Short = Field("", exclude_if=nothing)

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


LabelDoubt = Literal["unread", "sum", "empty", "unit", "time", "goods", "lot", "suspended"]


@event("trade.labelled", "标签秤交易", "Sale by label scale", told=("label_scale", "article", "source", "net_g"))
class SaleLabelled(Record):
    """What a label scale weighed, labelled and so sold by itself, before this station knew of it.

    ``scale_no``, ``number``, ``labelled_at``, ``plu``, ``article``, ``label_name``, masses, ``price`` and
    ``amount_fen`` are the scale's own words; what it does not say, or not with certainty, is null or empty.  ``goods``
    is what its number means here, ``lot`` the lot on sale then, of which ``over_g`` is more than was left.
    ``suspended`` are lots of these goods whose sale was suspended when it was sold all the same.

    ``label_doubts`` are what is not known; all but ``time`` wait for a person, who says more of it in a new record
    (``replaces`` is the id of the one before), or why it is no sale (``taken_off``).  ``counts``: sums of sales have
    to add it; with ``taken_off``, to take it off again.
    """

    label_scale: Short
    model: Short
    scale_no: Short
    number: Short = Field("", exclude_if=nothing)
    labelled_at: str | None
    plu: Short
    article: Short
    label_name: Name
    goods: Goods | None
    net_g: Grams | None
    tare_g: Grams | None
    price: Price | None
    amount_fen: Fen | None
    lot: Trace | None
    source: SourceOrNone
    over_g: Grams = 0
    suspended: tuple[Trace, ...] = ()
    label_doubts: tuple[LabelDoubt, ...] = ()
    counts: bool
    seller: Party
    clock_trusted: bool
    raw: str
    text: Annotated[str, StringConstraints(max_length=400), ONE_LINE] = Field("", exclude_if=nothing)
    replaces: Short | None = None
    person: Short | None = None
    weight_typed: bool = Field(False, exclude_if=nothing)
    taken_off: Name = Field("", exclude_if=nothing)


@event("price.changed", "改价", "Price changed", told=("product", "before_fen", "fen"))
class PriceChanged(Record):
    """A product's price for everybody, in fen per ``per_g`` grams; ``before_fen`` is what it was."""

    goods: Goods
    before_fen: Fen
    fen: Fen
    per_g: Literal[500, 1000]


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

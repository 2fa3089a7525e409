"""What follows a positive: who was told and when, the recheck, the sealed sample, the goods' end (contract A1, A3).

And food that people bring to be tested (你送我检), which belongs to no lot.  ``photos`` are SHA-256 in hex.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from protocol.city.events import Goods, Grams, Name, Party, Record, Short, Trace, VerdictWord, event

Photo = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Minutes = Annotated[int, Field(ge=0, le=10_000_000)]


@event("lot.told", "结果告知", "Holder told", told=("lot", "product", "stated"))
class LotTold(Record):
    """Whoever holds the goods received the result: the four hours for a recheck run from ``told_at`` (T0).

    ``told`` is who received it, as a name or role.  ``stated``: the button was pressed as it happened, or a person
    typed the time afterwards; ``clockstate`` of the event says what the clock was worth.  ``signed``: on paper.
    ``corrects`` is the id of the record whose time was wrong, ``reason`` why.  The rest is what the notice says.
    """

    lot: Trace
    goods: Goods
    hold: Short
    told: Name
    told_at: Short
    stated: Literal["pressed", "typed"]
    net_g: Grams
    left_g: Grams
    origin: Name
    supplier: Name
    seller: Party | None = None
    test: Trace | None = None
    verdict: VerdictWord | None = None
    why: Name = ""
    store: Name = ""
    office: Name = ""
    authority: Name = ""
    signed: bool = False
    person: Short
    corrects: Short | None = None
    reason: Name = ""


@event("retest.requested", "申请复检", "Recheck requested", told=("lot", "product", "minutes", "late"))
class RetestRequested(Record):
    """A recheck was asked for, ``minutes`` after the result was received: at least so many where the clock does not
    know (``clock``).  ``late``: the four hours were over, and a person takes it all the same, for a ``reason``."""

    lot: Trace
    goods: Goods
    hold: Short
    asked_by: Name
    minutes: Minutes
    clock: Literal["sure", "unsure"]
    late: bool
    reason: Name = ""
    person: Short


@event("retest.waived", "放弃复检", "Recheck waived", told=("lot", "product"))
class RetestWaived(Record):
    """Whoever owns the goods gave up the recheck in writing, where the market's rule allows that (contract A3)."""

    lot: Trace
    goods: Goods
    hold: Short
    net_g: Grams
    owner: Name
    witness: Short
    person: Short
    photos: tuple[Photo, ...] = ()


@event("sample.sent", "送检", "Sample sent", told=("lot", "product", "seal_no"))
class SampleSent(Record):
    """A sealed sample goes to a laboratory that does not use a rapid method."""

    lot: Trace
    goods: Goods
    hold: Short
    seal_no: Short
    laboratory: Name
    method: Name
    item: Name = ""
    mass_g: Grams | None = None
    taken_by: Short
    supplier: Name = ""
    asked_by: Name = ""
    photos: tuple[Photo, ...] = ()
    person: Short


@event("disposal.planned", "处置预告", "Disposal planned", told=("lot", "product", "decision"))
class DisposalPlanned(Record):
    """When and where goods will be returned or destroyed, so that the authority may come (contract A1, art. 29)."""

    lot: Trace
    goods: Goods
    hold: Short
    decision: Literal["returned", "destroyed"]
    at: Short
    how: Name
    where: Name
    authority: Name = ""
    person: Short


@event("sample.registered", "你送我检登记", "Public sample", told=("sample",))
class SampleRegistered(Record):
    """Food that somebody brought to be tested. It is of no lot; ``goods`` is what they call it, ``asked_by`` what they
    are called on the slip, never a telephone number."""

    purpose: Literal["public"] = "public"
    goods: Name
    asked_by: Name = ""
    sample: Short
    item: Name = ""

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return super().columns({**data, "goods": {"name": data["goods"]}})

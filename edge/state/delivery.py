"""A delivery that a canteen takes in, as it is until two people have signed: values, sums, and what is still missing.

Kept as JSON in the ledger's file; what of it goes into the record is said in ``edge/jobs/acceptance.py``.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from protocol.city.events import Certificate, DeliveredLoad, Goods, Signatory, SlipChecked, SourceChecked
from protocol.frozen import frozen

Expiry = Literal["", "fine", "near", "past"]


class Kept(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class Line(Kept):
    """What is ordered or came of one kind of goods. ``delivered_n`` is None until somebody has counted.

    ``price_fen`` is of one piece where there is a ``unit``.
    """

    line: int
    goods: Goods
    ordered_g: int = 0
    ordered_n: int = 0
    unit: str = ""
    price_fen: int | None = None
    per_g: Literal[500, 1000] = 1000
    price_typed: bool = False
    price_approved_by: str = ""
    not_ordered: bool = False
    delivered_n: int | None = None
    rejected_n: int = 0
    refused: bool = False
    reason: str = ""
    why_difference: str = ""
    difference_approved_by: str = ""
    sensory: str = ""
    temperature: str = ""
    probe: str = ""
    spec: str = ""
    best_before: str = ""
    batch: str = ""
    sources: tuple[SourceChecked, ...] = ()
    photos: tuple[str, ...] = ()


class Draft(Kept):
    """A delivery without its lines. ``version`` grows with every change of it or of them; who has ``signed`` saw it."""

    order: str = ""
    supplier: str
    supplier_code: str = ""
    alias: str = ""
    unmatched: str = ""
    buyer: str = ""
    due: str = ""
    meal: str = ""
    plate: str = ""
    proofs: tuple[Certificate, ...] = ()
    photos: tuple[str, ...] = ()
    slips: tuple[SlipChecked, ...] = ()
    begun: str = ""
    version: int = 1
    signed: tuple[Signatory, ...] = ()
    corrects: str = ""

    @property
    def shown(self) -> str:
        """The supplier's name as pages may say it."""
        return self.alias or self.supplier


@frozen
class Sums:
    """What a line comes to. ``difference`` is delivered less ordered in per cent of the order, to a tenth."""

    delivered_g: int
    rejected_g: int
    accepted_g: int
    delivered_n: int
    rejected_n: int
    accepted_n: int
    difference: Decimal | None
    amount_fen: int | None


def sums(line: Line, loads: Iterable[DeliveredLoad]) -> Sums:
    """What was weighed and counted, and what of it is taken."""
    delivered_g = rejected_g = 0
    for load in loads:
        if load.part == "in":
            delivered_g += load.net_g
        else:
            rejected_g += load.net_g
    delivered_n, rejected_n = line.delivered_n or 0, line.rejected_n
    if line.refused:
        rejected_g, rejected_n = delivered_g, delivered_n
    accepted_g, accepted_n = delivered_g - rejected_g, delivered_n - rejected_n
    if line.unit:
        difference = _difference(delivered_n, line.ordered_n)
        amount = None if line.price_fen is None else line.price_fen * accepted_n
    else:
        difference = _difference(delivered_g, line.ordered_g)
        amount = None if line.price_fen is None else amount_fen(accepted_g, line.price_fen, line.per_g)
    return Sums(delivered_g, rejected_g, accepted_g, delivered_n, rejected_n, accepted_n, difference, amount)


def amount_fen(net_g: int, fen: int, per_g: int) -> int:
    """Rounded half up (contract C6)."""
    return int((Decimal(fen) * net_g / per_g).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _difference(came: int, ordered: int) -> Decimal | None:
    if not ordered:
        return None
    return (Decimal(came - ordered) * 100 / ordered).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)


def over(came: Sums, line: Line, tolerance: Decimal) -> bool:
    """Whether more or less came than the tolerance allows, by the exact masses; counted goods have the same one."""
    ordered, delivered = (line.ordered_n, came.delivered_n) if line.unit else (line.ordered_g, came.delivered_g)
    return bool(ordered) and abs(delivered - ordered) * 100 > tolerance * ordered


def expiry(line: Line, today: date | None, near_days: int) -> Expiry:
    """How the best-before date stands: empty where there is none, or nobody knows the day."""
    if not line.best_before or today is None:
        return ""
    until = date.fromisoformat(line.best_before)
    if until < today:
        return "past"
    return "near" if until - today <= timedelta(days=near_days) else "fine"


def needs(line: Line, came: Sums, tolerance: Decimal, expired: Expiry, *, held: bool) -> tuple[str, ...]:
    """Words for what stands against signing this line, the first thing to do first."""
    found = []
    nothing = not came.delivered_g and not came.delivered_n
    if nothing and (line.not_ordered or not line.why_difference):
        found.append("goods")
    elif over(came, line, tolerance) and not line.why_difference:
        found.append("difference")
    if (line.refused or came.rejected_g or came.rejected_n) and not line.reason:
        found.append("reason")
    taken = bool(came.accepted_g or came.accepted_n)
    if taken and expired == "past":
        found.append("expired")
    if taken and held:
        found.append("held")
    return tuple(found)

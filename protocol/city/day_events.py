"""Records round the sale: a shift closed, a slip weighed again at the fair scale, a scale registered, a day's prices.

Entered in the table of kinds like those of ``events.py``, whose rules hold here.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from protocol.city.events import (
    Fen,
    Goods,
    Grams,
    LineWeight,
    Name,
    Party,
    Record,
    Short,
    Trace,
    event,
)

SignedGrams = Annotated[int, Field(ge=-100_000_000, le=100_000_000)]
SignedFen = Annotated[int, Field(ge=-(1 << 53), le=1 << 53)]
Total = Annotated[int, Field(ge=-(1 << 53), le=1 << 53)]  # grams of a shift, less what was voided in it
Count = Annotated[int, Field(ge=0)]


class Payment(Record):
    """What was paid in one way; ``kind`` is empty where nobody said how. Voided sales are taken off."""

    kind: Short
    slips: int
    amount_fen: SignedFen


@event("shift.closed", "交班", "Shift closed", told=("number", "slips", "amount_fen"))
class ShiftClosed(Record):
    """A named person closed a shift: what was sold in it less what was voided in it, of this station.

    It counts the records after the shift before (``first`` to ``last``), whatever the clock said.  ``counted_fen`` is
    the cash that was counted, if it was; ``expected_fen`` what should have been there: the sales paid in cash, or all
    where no way of paying was recorded; ``difference_fen`` is counted less expected.
    """

    number: Annotated[int, Field(ge=1)]
    first: Count
    last: Count
    since: Short | None
    slips: Count
    voids: Count
    voided_fen: Fen
    typed: Count
    net_g: Total
    amount_fen: SignedFen
    payments: tuple[Payment, ...] = ()
    counted_fen: Fen | None = None
    expected_fen: SignedFen | None = None
    difference_fen: SignedFen | None = None
    seller: Party
    clock_trusted: bool
    person: Short


class ScaleIdentity(Record):
    """A scale as the register has it (contract A10; JJG 1204: three codes and a seal). Masses as on its type plate.

    ``serial`` is the scale's number, ``certificate`` that of its verification (检定证书), ``cpa`` of the type approval,
    ``accuracy`` its class.  ``fair``: it is a fair scale (公平秤), for weighing slips again.
    """

    scale: Short
    maker: Name = ""
    model: Name = ""
    serial: Short = ""
    certificate: Short = ""
    cpa: Short = ""
    accuracy: Literal["II", "III", "IIII"] = "III"
    max: Short
    min: Short
    e: Short
    production_code: Short = ""
    repair_code: Short = ""
    verification_code: Short = ""
    seal: Short = ""
    software: Short = ""
    verified_until: Short | None = None
    fair: bool = False


@event("scale.registered", "衡器登记", "Scale registered", told=("scale", "certificate", "active"))
class ScaleRegistered(ScaleIdentity):
    """What the register says of a scale from now on; ``changed`` names what is new, ``active`` is False once it left.

    ``person`` is who entered it, None where it was changed in the station's settings.
    """

    changed: tuple[Short, ...] = ()
    active: bool = True
    person: Short | None = None


@event("scale.expiring", "检定将到期", "Verification ends", told=("scale", "verified_until"))
class ScaleExpiring(ScaleIdentity):
    """A scale's verification ends within 30 days, or has ended (``expired``): then nothing is sold by it."""

    expired: bool


@event("certificate.expiring", "证书将到期", "Certificate ends", told=("of", "ends", "expired"))
class CertificateExpiring(Record):
    """A certificate that this station needs ends within 30 days, or has ended (``expired``).

    ``of``: ``client`` (what it shows the broker), ``ca`` (of the broker's authority), ``pages`` (its pages over https).
    ``ends`` is RFC 3339 in UTC.
    """

    of: Literal["client", "ca", "pages"]
    ends: Short
    expired: bool


@event("slip.reweighed", "公平秤复称", "Slip weighed again", told=("slip_g", "net_g", "difference_g", "within"))
class SlipReweighed(Record):
    """The goods of a slip were weighed again at a fair scale.

    ``known_by``: the slip is a record of this station, or its signed code was read, which ``station`` signed.
    ``difference_g`` is what was weighed less what the slip says: below zero the buyer got less.  ``tolerance_g`` is the
    largest error of the fair scale in use at this mass (contract A10), ``within`` that the difference is no larger.
    """

    slip: Trace
    known_by: Literal["record", "token"]
    station: Short
    seller: Party
    sold_at: Short | None
    slip_g: Grams
    amount_fen: Fen
    weighed: LineWeight
    net_g: Grams
    difference_g: SignedGrams
    tolerance_g: Grams
    within: bool
    identity: ScaleIdentity
    verified: bool
    clock_trusted: bool
    person: Short
    note: Name = ""


class DailyPrice(Record):
    """A product's prices of a day in fen per kilogram: ``mean_fen`` weighed by mass, rounded half up.

    ``lines`` counts the lines of slips, without those that were voided.
    """

    goods: Goods
    mean_fen: Fen
    min_fen: Fen
    max_fen: Fen
    lines: Annotated[int, Field(ge=1)]
    net_g: Annotated[int, Field(ge=0)]
    amount_fen: Annotated[int, Field(ge=0)]


@event("price.daily", "每日价格", "Prices of the day", told=("date", "until"))
class PriceDaily(Record):
    """What was asked for each product on a day, until this time of it; once a day.

    ``late``: made on a later day, because the station was off.
    """

    date: Short
    until: Short
    prices: Annotated[tuple[DailyPrice, ...], Field(min_length=1)]
    clock_trusted: bool
    late: bool = False

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return super().columns({}) | {
            "net_g": sum(one["net_g"] for one in data["prices"]),
            "amount_fen": sum(one["amount_fen"] for one in data["prices"]),
        }

"""What pages see round the sale: the day, the shift, a day's prices, the customer's screen, the register of scales."""

from typing import Literal

from protocol.frozen import frozen

SoldLine = tuple[str, str, int, int, int]  # goods, their English name, grams, pieces, fen


@frozen
class ProductTotal:
    """Of one product: ``lines`` of slips, grams and fen, less what was voided."""

    product: str
    name: str
    name_en: str
    net_g: int
    amount_fen: int
    lines: int


@frozen
class PaymentTotal:
    """What was paid in one way; ``kind`` is empty where nobody said how."""

    kind: str
    slips: int
    amount_fen: int


@frozen
class DayView:
    """The station's own day, as its ledger has it: sold less what was voided. Grams and fen may fall below zero, when
    a sale of another day is voided.

    ``counted`` is False while records of this day are still read after a start.  ``tested`` counts results,
    ``positive`` those that are unqualified, ``verdicts`` all by their verdict.  ``labels`` and ``label_g`` are what
    label scales sold by themselves, beside the slips.
    """

    date: str
    counted: bool
    slips: int = 0
    voids: int = 0
    voided_fen: int = 0
    net_g: int = 0
    amount_fen: int = 0
    typed: int = 0
    products: tuple[ProductTotal, ...] = ()
    payments: tuple[PaymentTotal, ...] = ()
    entries: int = 0
    tested: int = 0
    positive: int = 0
    verdicts: tuple[tuple[str, int], ...] = ()
    labels: int = 0
    label_g: int = 0


@frozen
class ShiftView:
    """The open shift: ``since`` is its first record's time, empty while it has none."""

    number: int
    counted: bool
    since: str = ""
    slips: int = 0
    voids: int = 0
    voided_fen: int = 0
    net_g: int = 0
    amount_fen: int = 0
    typed: int = 0
    expected_fen: int = 0
    payments: tuple[PaymentTotal, ...] = ()


@frozen
class PriceView:
    """A product's prices of a day, in fen per kilogram."""

    product: str
    name: str
    name_en: str
    mean_fen: int
    min_fen: int
    max_fen: int


@frozen
class PricesView:
    """The newest report of prices; ``trusted``: by a clock that was believed."""

    date: str
    until: str
    trusted: bool
    prices: tuple[PriceView, ...]


@frozen
class SoldView:
    """The last slip, as its buyer may see it."""

    tx: str
    time: str
    amount_fen: int
    url: str
    lines: tuple[SoldLine, ...]


@frozen
class CustomerView:
    """What the seller shows the buyer: the goods that lie on ``scale``, at this price; and the slip when it is sold.

    ``tare_g`` is a known container's mass, ``price_fen`` per ``per_g`` grams, None while it is the product's own.
    ``net_g`` is a mass that no scale shows now (of a label, or typed), ``pieces`` how many where they are counted.
    Without goods ``product`` is empty.
    """

    scale: str = ""
    product: str = ""
    name: str = ""
    name_en: str = ""
    origin: str = ""
    price_fen: int | None = None
    per_g: int = 1000
    tare_g: int = 0
    net_g: int = 0
    pieces: int = 0
    sold: SoldView | None = None


@frozen
class RegisteredScale:
    """A scale of the register; ``verification``: what is to be said of its verification, empty when nothing."""

    name: str
    maker: str
    model: str
    serial: str
    certificate: str
    cpa: str
    accuracy: str
    max: str
    min: str
    e: str
    production_code: str
    repair_code: str
    verification_code: str
    seal: str
    software: str
    verified_until: str
    fair: bool
    verification: Literal["", "soon", "expired"] = ""
    seq: int = 0

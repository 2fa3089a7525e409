"""What pages see of a canteen: today's orders, deliveries that are under way or done, samples that are kept.

The name of a supplier that goes by an alias until the delivery is closed (盲采) stands in none of these.
"""

from edge.between.fixed_words import DeliveryState
from protocol.frozen import frozen


@frozen
class OrderView:
    """An order that the city sent. ``delivery`` is the number of its delivery, 0 before it has begun; ``today``: it is
    due today, or nobody knows the day."""

    code: str
    supplier: str
    blind: bool
    meal: str
    due: str
    lines: int
    ordered_g: int
    delivery: int = 0
    state: DeliveryState | str = ""
    today: bool = True


@frozen
class LoadView:
    load: int
    net_g: int
    tare_g: int
    kind: str
    typed: bool
    before_g: int = 0


@frozen
class SourceView:
    """``result`` as in the record; ``supplier`` is empty while the supplier goes by an alias."""

    source: str
    result: str
    verdict: str
    item: str
    tested_at: str
    supplier: str = ""
    origin: str = ""


@frozen
class DeliveryLineView:
    """``difference`` in per cent of the order as text, empty without one. ``needs`` are words for what is missing
    before anybody can sign: ``goods``, ``difference``, ``reason``, ``expired``, ``held``."""

    line: int
    product: str
    name: str
    name_en: str
    unit: str
    ordered_g: int
    ordered_n: int
    delivered_g: int
    delivered_n: int
    rejected_g: int
    rejected_n: int
    accepted_g: int
    accepted_n: int
    refused: bool
    not_ordered: bool
    difference: str
    over: bool
    why_difference: str
    reason: str
    sensory: str
    temperature: str
    probe: str
    best_before: str
    spec: str
    batch: str
    expiry: str
    price_fen: int | None
    per_g: int
    price_typed: bool
    amount_fen: int | None
    loads: tuple[LoadView, ...] = ()
    sources: tuple[SourceView, ...] = ()
    photos: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@frozen
class SignerView:
    name: str
    role: str


@frozen
class DeliveryView:
    """``version`` is what a person signs: it grows with every change, and a change voids what was signed.

    ``code`` is the acceptance's trace code once it is done, ``job`` its print job.  ``warnings`` are fixed words:
    ``suspended``, ``licence_expired``, ``other_seller``, ``no_licence``.
    """

    number: int
    state: DeliveryState
    order: str
    supplier: str
    supplier_code: str
    blind: bool
    unmatched: str
    licence: str
    licence_until: str
    meal: str
    begun: str
    version: int
    ordered_g: int
    delivered_g: int
    accepted_g: int
    rejected_g: int
    sum_fen: int | None
    lines: tuple[DeliveryLineView, ...] = ()
    signed: tuple[SignerView, ...] = ()
    signers: int = 2
    warnings: tuple[str, ...] = ()
    slips: tuple[tuple[str, str], ...] = ()
    proofs: tuple[tuple[str, str], ...] = ()
    photos: tuple[str, ...] = ()
    plate: str = ""
    code: str = ""
    time: str = ""


@frozen
class KeptView:
    """A sample of a dish. ``left_s`` is for how long it is kept yet, in whole minutes of seconds; 0: it may go.

    ``sure``: both its beginning and now are known by clocks that can be believed.
    """

    number: int
    dish: str
    meal: str
    net_g: int
    time: str
    person: str
    left_s: int
    sure: bool

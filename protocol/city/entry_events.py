"""What is recorded of goods that come in, and how that is corrected."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from protocol.city.photos import PhotoHash
from protocol.city.record import Certificate, DecimalText, Goods, Grams, Name, Record, Short, Trace, event, nothing


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
    mass_by: Literal["scale", "declared"] | None = Field(None, exclude_if=nothing)
    weighings: Annotated[tuple[Load, ...], Field(max_length=60, exclude_if=nothing)] = ()
    missing_proofs: tuple[Short, ...] = Field((), exclude_if=nothing)
    supplier_address: Name = Field("", exclude_if=nothing)
    supplier_contact: Name = Field("", exclude_if=nothing)
    spec: Name = Field("", exclude_if=nothing)
    produced: Short = Field("", exclude_if=nothing)
    batch: Short = Field("", exclude_if=nothing)
    shelf_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(None, exclude_if=nothing)
    retention: Literal["six_months", "shelf_life", "two_years"] | None = Field(None, exclude_if=nothing)
    photos: Annotated[tuple[PhotoHash, ...], Field(max_length=6, exclude_if=nothing)] = ()


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

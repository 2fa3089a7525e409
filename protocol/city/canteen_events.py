"""What a canteen records beside its acceptances: one that counts no more, samples of each dish that are kept, waste.

Order 45 art. 40: of each food of each meal at least 125 g, kept cold for 48 hours or more, with dish, mass, time and
person.  The kinds stand in the table of ``events.py``.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from protocol.city.events import Grams, LineWeight, Name, Record, Sha, Short, Trace, event

SampleNumber = Annotated[int, Field(ge=1, le=9_999_999)]


@event("accept.voided", "验收作废", "Acceptance voided", told=("order", "net_g"))
class AcceptVoided(Record):
    """An acceptance counts no more; its order can be delivered anew. ``voids`` is the id of its record."""

    voids: Short
    order: Short
    supplier: Name
    accepted_g: Grams
    reason: Name
    person: Short

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return super().columns(data) | {"net_g": data["accepted_g"]}


@event("accept.dropped", "验收取消", "Delivery dropped", told=("order", "net_g", "reason"))
class AcceptDropped(Record):
    """A delivery that was begun, with goods weighed, and is not accepted: nothing of it counts."""

    order: Short
    supplier: Name
    weighed_g: Grams
    reason: Name
    person: Short

    @classmethod
    def columns(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return super().columns(data) | {"net_g": data["weighed_g"]}


@event("sample.kept", "留样", "Sample kept", told=("number", "net_g"))
class SampleKept(Record):
    """A sample of a dish is kept for ``hours``. ``number`` counts the samples of this station."""

    number: SampleNumber
    dish: Name
    meal: Short
    net_g: Grams
    weighed: LineWeight
    hours: Annotated[int, Field(ge=48, le=720)]
    place: Short = ""
    person: Short
    clock_trusted: bool = False


@event("sample.discarded", "留样销毁", "Kept sample discarded", told=("number", "early"))
class SampleDiscarded(Record):
    """A kept sample was thrown away. ``kept`` is the id of its record, ``elapsed_s`` how long it was kept as far as
    this station can tell. ``early``: before its time, on a supervisor's word, for ``reason``."""

    number: SampleNumber
    kept: Short
    dish: Name
    elapsed_s: Annotated[int, Field(ge=0, le=4_294_967_295)]
    early: bool = False
    reason: Name = ""
    person: Short


@event("waste.handed", "餐厨垃圾交付", "Kitchen waste handed over", told=("waste", "net_g"))
class WasteHanded(Record):
    """Kitchen waste went to who may take it, by weight. Its code is one of disposal."""

    waste: Literal["food", "oil", "other"]
    net_g: Grams
    weighed: LineWeight
    receiver: Name
    licence: Name = ""
    plate: Short = ""
    photos: tuple[Sha, ...] = ()
    code: Trace
    person: Short
    clock_trusted: bool = False

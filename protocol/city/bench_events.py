"""What the test room records beside results: controls, reagent lots, who has seen what, which lots were drawn."""

from typing import Annotated, Literal

from pydantic import Field

from protocol.city.events import Analyzer, DecimalText, Goods, Name, Number, Page, Record, Short, Trace, event, nothing

ControlKind = Literal["blank", "negative", "positive", "spiked"]


@event("qc.result", "质控", "Control", told=("item", "control_kind", "valid"))
class QcRecorded(Record):
    """A control was measured (contract A7): ``valid`` says whether it came out as such a control must.

    ``value`` is what was measured in ``unit``; of a ``blank`` that the instrument took by itself it is its ΔA₀.  It has
    to lie within ``low`` and ``high`` where these are given; else ``outcome`` has to be that of its kind: negative of a
    ``blank`` and a ``negative``, positive of a ``positive`` and a ``spiked`` one.  ``reagent`` is the lot number of the
    reagent and ``reagent_until`` its last day, ``tester`` who stood at the bench; ``replaces`` is the id of the result
    that ``person`` said is a control.  A valid one counts for its analyzer, item and day, until one that is not.
    """

    control_kind: ControlKind
    item: Name
    method: Name
    value: DecimalText | None
    text: Page | None = None
    unit: Short | None
    low: DecimalText | None = None
    high: DecimalText | None = None
    outcome: Literal["positive", "negative", "invalid"] | None = None
    valid: bool
    reagent: Short = ""
    reagent_until: Short = Field("", exclude_if=nothing)
    rack: Number = 0
    tester: Short = ""
    analyzer: Analyzer
    replaces: str | None = None
    person: Short | None = None


@event("reagent.changed", "试剂", "Reagent lot", told=("reagent", "item", "state"))
class ReagentChanged(Record):
    """A reagent lot was opened for an item, or used up. ``expires`` is its last day."""

    reagent: Short
    item: Name
    expires: Short
    state: Literal["opened", "finished"]
    person: Short


@event("alert.seen", "已知晓", "Seen by a person", told=("lot", "what"))
class AlertSeen(Record):
    """A person has seen what stands against a lot: nothing is decided by it. ``upto`` is the newest record about it."""

    lot: Trace
    goods: Goods
    what: tuple[Short, ...]
    upto: Annotated[int, Field(ge=1)]
    person: Short


@event("sampling.drawn", "抽样", "Sample drawn", told=("group", "share"))
class SamplingDrawn(Record):
    """Which of today's lots of a group are tested. Anybody can draw them again: the lots in the order of
    SHA-256(``seed`` + test code), and those on the city's focus list (``focus``) whatever their order.

    ``seed`` is the hash of the record before, which nobody could choose.  ``passed`` are those that were passed over;
    ``released`` tells that the market sells them untested.
    """

    group: Name
    share: Annotated[int, Field(ge=0, le=100)]
    seed: Name
    drawn: tuple[Trace, ...]
    focus: tuple[Trace, ...] = ()
    passed: tuple[Trace, ...] = ()
    released: bool = False
    person: Short


__all__ = ["AlertSeen", "ControlKind", "QcRecorded", "ReagentChanged", "SamplingDrawn"]

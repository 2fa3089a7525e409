"""Judging a rapid test (contract A3, A7): methods are data, and a positive is a screening result.

A method measures one item in one unit.  A measurement is positive, negative or invalid only by the method of its item;
whatever a method cannot answer for has a name (``Doubt``) and waits for a person.  What the verdict on an item is
depends on its measurements before: a positive counts as failed only after the repeats its method asks for, all of them
positive.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import Enum
from typing import Literal

from edge.config.methods import Method, plain
from protocol.city.events import VerdictWord
from protocol.frozen import frozen
from protocol.readings import TestResult, Verdict


class Doubt(Enum):
    """Why a result waits for a person; the values stand in records."""

    UNREAD = "unread"  # a ticket no layout could read, or a curve
    NO_METHOD = "no_method"  # no method of this analyzer measures this item
    UNIT = "unit"  # the value is in another unit than the method's
    IMPOSSIBLE = "impossible"  # a number this method cannot give
    LIMIT = "limit"  # the instrument judged by a bound that no method here knows
    CONTRADICTION = "contradiction"  # the instrument's conclusion against its own number
    NO_LOT = "no_lot"  # no lot has this sample number, or none was planned in this channel
    BEFORE_ENTRY = "before_entry"  # measured before the lot was registered
    DEVICE_CLOCK = "device_clock"  # the instrument's clock cannot be right
    NO_TIME = "no_time"  # out of a memory, and it does not say when it was measured
    GOODS = "goods"  # the instrument names other goods than the lot's
    DECIDED = "decided"  # the lot has its verdict on this item
    WITHDRAWN = "withdrawn"  # a person took it off the lot that it had been matched to
    UNSURE = "unsure"  # nothing would have caught a damaged byte, and it did not come twice alike


UNJUDGED = frozenset({Doubt.UNREAD, Doubt.NO_METHOD, Doubt.UNIT, Doubt.IMPOSSIBLE, Doubt.LIMIT, Doubt.CONTRADICTION})
"""The number says nothing here: a person who takes such a result also says what it means."""


class Outcome(Enum):
    """What one measurement says by itself."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    INVALID = "invalid"


@frozen
class Measurement:
    """One measurement, judged: ``outcome`` is None where ``doubt`` says why it cannot be.

    ``limit`` is the bound it was judged by, empty when there is none, and ``basis`` whose bound that was.
    """

    outcome: Outcome | None
    limit: str
    basis: Literal["instrument", "method"]
    doubt: Doubt | None = None


def method_of(item: str, result: TestResult, named: Sequence[Method], known: Iterable[Method]) -> Method | None:
    """The method a result is judged by: one ``named`` for this analyzer that measures the item in the result's unit.

    When the instrument says by which limit it judged, a method of the same item with just that limit goes before: the
    same instruments know GB/T 5009.199 (50 %) and NY/T 448 (70 %).  None when no named method measures the item.
    """
    fitting = [method for method in named if method.measures(item)]
    if not fitting:
        return None
    first = next((method for method in fitting if _unit_fits(result, method)), fitting[0])
    if result.limit is not None and first.limit:
        for method in (*fitting, *known):
            if method.item == first.item and method.limit and Decimal(method.limit) == result.limit:
                return method
    return first


def measure(result: TestResult, method: Method) -> Measurement:
    """What one measurement says by the method of its item.

    A control outside the method's range or a missing value is invalid.  A limit the instrument states goes before the
    method's, unless it is laxer: then nobody here knows that limit.  The instrument's own conclusion has to agree with
    its number; its ``suspect`` counts as positive, so that it is repeated.
    """
    limit = method.limit if result.limit is None else format(result.limit, "f")
    basis: Literal["instrument", "method"] = "method" if result.limit is None else "instrument"

    def judged(outcome: Outcome | None, doubt: Doubt | None = None) -> Measurement:
        return Measurement(outcome, limit, basis, doubt)

    if not _unit_fits(result, method):
        return judged(None, Doubt.UNIT)
    if result.value is not None and method.limit and not method.possible(result.value):
        return judged(None, Doubt.IMPOSSIBLE)
    if result.limit is not None and method.limit and result.limit > Decimal(method.limit):
        return judged(None, Doubt.LIMIT)
    if result.control is not None and not _within(result.control, method):
        return judged(Outcome.INVALID)
    said = _SAID[result.verdict] if result.verdict else None
    number = _by_number(result, method, limit)
    if said is Outcome.INVALID:
        return judged(Outcome.INVALID)
    if said and number and said is not number and not (limit and result.value == Decimal(limit)):
        return judged(None, Doubt.CONTRADICTION)
    return judged(said or number or Outcome.INVALID)


_SAID = {
    Verdict.QUALIFIED: Outcome.NEGATIVE,
    Verdict.SUSPECT: Outcome.POSITIVE,
    Verdict.UNQUALIFIED: Outcome.POSITIVE,
    Verdict.INVALID: Outcome.INVALID,
    Verdict.NOT_APPLICABLE: Outcome.INVALID,
}


def conclude(outcomes: Sequence[Outcome], method: Method, *, whole_plant_missing: bool = False) -> VerdictWord:
    """The verdict on one item of a lot after these measurements of it, oldest first.

    A first negative is qualified.  A positive is suspect until the repeats are done: all positive, unqualified; all
    repeats negative, qualified; mixed, suspect, and a person decides.  Of a food that disturbs the enzyme a positive
    stays suspect while the whole-plant step was not done.
    """
    valid = [outcome for outcome in outcomes if outcome is not Outcome.INVALID]
    if not outcomes or outcomes[-1] is Outcome.INVALID:
        return "invalid"
    if Outcome.POSITIVE not in valid:
        return "qualified"
    run = valid[valid.index(Outcome.POSITIVE) :]
    if len(run) <= method.repeats:
        return "suspect"
    if all(outcome is Outcome.POSITIVE for outcome in run):
        return "suspect" if whole_plant_missing else "unqualified"
    if len(run) > 1 and all(outcome is Outcome.NEGATIVE for outcome in run[1:]):
        return "qualified"
    return "suspect"


def repeats_due(outcomes: Sequence[Outcome], method: Method) -> int:
    """How many measurements a positive still asks for."""
    valid = [one for one in outcomes if one is not Outcome.INVALID]
    if Outcome.POSITIVE not in valid:
        return 0
    return max(0, method.repeats + 1 - len(valid[valid.index(Outcome.POSITIVE) :]))


def same_goods(said: str, *names: str) -> bool:
    """Whether the name an instrument gives a sample can be that of the goods: 白菜 and 大白菜 can, 青菜 cannot.

    Digits and signs alone name nothing.
    """
    told = plain(said)
    if not any(letter.isalpha() for letter in told):
        return True
    known = [plain(name) for name in names if name.strip()]
    return any(told in name or name in told for name in known)


def _unit_fits(result: TestResult, method: Method) -> bool:
    """A number is judged in the method's unit only; a method without a limit judges no number."""
    if not method.limit or (result.value is None and not (result.text and _RANGE.fullmatch(result.text))):
        return True
    return result.unit is not None and plain(result.unit) == plain(method.unit)


def _by_number(result: TestResult, method: Method, limit: str) -> Outcome | None:
    """What the number says against the limit; None when there is no number or no limit."""
    if not limit or not method.limit:
        return None
    bound = Decimal(limit)
    if result.value is None:
        return _beyond(result.text, bound)
    positive = result.value > bound or (result.value == bound and method.at_limit == "fail")
    return Outcome.POSITIVE if positive else Outcome.NEGATIVE


_RANGE = re.compile(r"\s*([<>≤≥＜＞])\s*([0-9]+(?:\.[0-9]+)?)\s*")


def _beyond(text: str | None, bound: Decimal) -> Outcome | None:
    """A value outside the measuring range: ``<2`` is negative when 2 is not above the limit, ``>90`` the reverse."""
    found = _RANGE.fullmatch(text or "")
    if not found:
        return None
    edge = Decimal(found[2])
    if found[1] in "<≤＜":
        return Outcome.NEGATIVE if edge <= bound else None
    return Outcome.POSITIVE if edge >= bound else None


def _within(control: Decimal, method: Method) -> bool:
    low, high = method.control_low, method.control_high
    return (not low or control >= Decimal(low)) and (not high or control <= Decimal(high))

"""Judging a rapid test (contract A3, A7): methods are data, and a positive is a screening result.

A single measurement is positive, negative or invalid.  What the lot's verdict is depends on the measurements before:
a positive counts as failed only after the repeats its method asks for, all of them positive.
"""

import re
import tomllib
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from protocol.city.events import VerdictWord
from protocol.readings import TestResult, Verdict

Number = Annotated[str, StringConstraints(pattern=r"^([0-9]+(\.[0-9]+)?)?$")]


class Method(BaseModel):
    """A rapid-test method. ``limit`` is in ``unit``; empty for methods that only say positive or negative."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
    name: str
    number: str = ""
    unit: str = ""
    limit: Number = ""
    at_limit: Literal["fail", "pass"] = "fail"
    repeats: int = Field(0, ge=0, le=5)
    control_low: Number = ""
    control_high: Number = ""
    enzyme: bool = False


class Outcome(Enum):
    """What one measurement says by itself."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    INVALID = "invalid"


def shipped() -> dict[str, Method]:
    """The methods that come with the station, by id."""
    rows = tomllib.loads(Path(__file__).with_name("methods.toml").read_text("utf-8"))["method"]
    return {row["id"]: Method.model_validate(row) for row in rows}


def measure(result: TestResult, method: Method) -> tuple[Outcome, str, Literal["instrument", "method"]]:
    """What one measurement says, with the limit it was judged by and whose limit that was.

    A control outside the method's range or a missing value is invalid.  The instrument's own conclusion stands when it
    sends one; its ``suspect`` counts as positive, so that it is repeated.
    """
    limit = method.limit if result.limit is None else format(result.limit, "f")
    basis: Literal["instrument", "method"] = "method" if result.limit is None else "instrument"
    if result.control is not None and not _within(result.control, method):
        return Outcome.INVALID, limit, basis
    if result.verdict is Verdict.QUALIFIED:
        return Outcome.NEGATIVE, limit, basis
    if result.verdict in (Verdict.UNQUALIFIED, Verdict.SUSPECT):
        return Outcome.POSITIVE, limit, basis
    if result.verdict is not None or not limit:
        return Outcome.INVALID, limit, basis
    bound = Decimal(limit)
    if result.value is None:
        return _beyond(result.text, bound), limit, basis
    positive = result.value > bound or (result.value == bound and method.at_limit == "fail")
    return Outcome.POSITIVE if positive else Outcome.NEGATIVE, limit, basis


def conclude(outcomes: Sequence[Outcome], method: Method, *, whole_plant_missing: bool = False) -> VerdictWord:
    """The verdict of a lot after these measurements, oldest first.

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


def _beyond(text: str | None, bound: Decimal) -> Outcome:
    """A value outside the measuring range: ``<2`` is negative when 2 is not above the limit, ``>90`` the reverse."""
    found = re.fullmatch(r"\s*([<>≤≥＜＞])\s*([0-9]+(?:\.[0-9]+)?)\s*", text or "")
    if not found:
        return Outcome.INVALID
    edge = Decimal(found[2])
    if found[1] in "<≤＜":
        return Outcome.NEGATIVE if edge <= bound else Outcome.INVALID
    return Outcome.POSITIVE if edge >= bound else Outcome.INVALID


def _within(control: Decimal, method: Method) -> bool:
    low, high = method.control_low, method.control_high
    return (not low or control >= Decimal(low)) and (not high or control <= Decimal(high))

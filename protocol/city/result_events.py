"""What is recorded of tests and of what laboratories say, and how that is corrected."""

from typing import Annotated, Literal

from pydantic import Field

from protocol.city.record import (
    Analyzer,
    CommandId,
    DecimalText,
    Goods,
    Grams,
    Name,
    Number,
    Page,
    Record,
    Short,
    Trace,
    VerdictWord,
    event,
    nothing,
)


class Sampled(Record):
    """Whose goods a result is of, as the lot's entry says; ``at`` is when the sample was taken, ``by`` the operator
    code of who took it, ``sample`` the number on its bag: an instrument with channels counts by itself."""

    supplier: Name
    origin: Name
    net_g: Grams
    plate: Short = ""
    at: Short
    by: Short = ""
    sample: Short = Field("", exclude_if=nothing)


class Measured(Record):
    """An earlier measurement of the same item of the same lot."""

    value: DecimalText | None
    unit: Short | None
    outcome: Literal["positive", "negative", "invalid"] | None
    at: Short


class Brought(Record):
    """Food that somebody brought to be tested: the code of its registration, what and whose it is as they said."""

    code: Trace
    goods: Name
    asked_by: Name = ""


@event("test.result", "快检结果", "Rapid test", told=("lot", "item", "outcome", "verdict", "source", "doubts"))
class TestRecorded(Record):
    """A result, judged. ``source`` is the lot's source code when this result released the lot.

    ``lot`` is the test code of the lot it was matched to, None when nobody has matched it yet; then ``doubts`` says why
    it waits for a person (words of ``judgement.py``), and ``proposed`` whose it would be.  ``outcome`` is what
    this measurement says by itself, None when no method judges it, ``measurement`` its number among those of this item
    of the lot; ``verdict`` is what the measurements of the item say together, and ``missing`` are the items the lot
    still asks for.  The instrument's own word is in ``analyzer``; ``text`` is what it stated in place of a
    number.  ``control`` is the blank's ΔA₀.  ``whole_plant`` tells, for foods that disturb the enzyme, whether the
    whole-plant step was done, ``whole_plant_by`` by whom.  ``replaces`` is the id of the record that this one matches
    to a lot; ``person`` who did.  ``sampled`` is whose goods it is of, ``earlier`` the measurements before this one: a
    report says both.  ``dismissed`` is why a person says that it is a result of no lot here.
    ``tester`` stood at the bench, ``reviewer`` looked at it a second time; ``reagent`` is the lot number of the reagent
    and ``reagent_until`` its last day; ``qc`` is what was known of the day's control then, empty where none is asked
    for; ``rack`` is the rack it lay in, 0 for none.
    ``purpose`` ``public``: of food that somebody ``brought``; it holds and releases nothing.
    It is a screening result whatever it says.
    """

    __test__ = False

    lot: Trace | None
    goods: Goods | None
    item: Name
    value: DecimalText | None
    text: Page | None = None
    unit: Short | None
    method: Name
    limit: DecimalText | None
    limit_basis: Literal["instrument", "method"]
    control: DecimalText | None = None
    outcome: Literal["positive", "negative", "invalid"] | None = None
    measurement: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    whole_plant: bool | None = None
    whole_plant_by: Short | None = None
    verdict: VerdictWord
    screening: Literal[True] = True
    analyzer: Analyzer
    replaces: str | None = None
    person: Short | None = None
    source: Trace | None = None
    missing: tuple[Name, ...] = ()
    doubts: tuple[Short, ...] = ()
    proposed: Trace | None = None
    dismissed: Name = ""
    sampled: Sampled | None = Field(None, exclude_if=nothing)
    earlier: tuple[Measured, ...] = Field((), exclude_if=nothing)
    tester: Short = ""
    reviewer: Short = ""
    reagent: Short = ""
    reagent_until: Short = ""
    qc: Literal["", "valid", "failed", "missing"] = ""
    rack: Number = 0
    purpose: Literal["", "public"] = ""
    brought: Brought | None = None


@event("lot.verdict", "检验结论", "Laboratory's verdict", told=("lot", "conclusion", "report_no"))
class LotVerdict(Record):
    """What a laboratory concluded of a lot, as the city said it, or a person by its report. It releases nothing: a
    person does.

    ``conclusion`` is no rapid test's: ``unqualified`` is 不合格（检验结论）.  ``command`` is the id of the city's
    command, None when ``person`` typed it from the report.
    """

    command: CommandId | None = None
    lot: Trace
    conclusion: Literal["qualified", "unqualified"]
    report_no: Short
    laboratory: Name
    item: Name
    method: Name
    value: DecimalText | None = None
    unit: Short = ""
    limit: Short = ""
    concluded: Short
    person: Short | None = None
    photos: tuple[str, ...] = ()


@event("result.corrected", "检测更正", "Result corrected", told=("lot", "to", "item", "state", "source"))
class ResultCorrected(Record):
    """A result was matched to a lot that it is not of. ``corrects`` is the id of the record that matched it.

    ``to`` is the test code of what it is of, None while nobody knows: it waits among the unmatched results again.
    ``verdict`` is what the other measurements of the item say of ``lot``, None when there are none, and ``state`` what
    may be done with that lot now; ``source`` is its source code, when this correction releases it.  Of food that
    somebody brought, ``brought`` stands in the place of lot, goods and state.
    """

    lot: Trace | None
    brought: Brought | None = None
    to: Trace | None
    corrects: Short
    goods: Goods | None
    item: Name
    verdict: VerdictWord | None
    state: Literal["pending", "released", "held"] | None
    source: Trace | None = None
    reason: Name

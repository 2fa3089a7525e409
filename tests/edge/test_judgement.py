"""What a measurement says, and what measurements say together."""

from dataclasses import replace
from decimal import Decimal

import pytest

from edge.judgement import Method, Outcome, conclude, measure, shipped
from protocol.readings import TestResult, Verdict

P, N, V = Outcome.POSITIVE, Outcome.NEGATIVE, Outcome.INVALID
GB = shipped()["gb5009199"]
NY = shipped()["nyt448"]


def result(
    value: str | None = None,
    verdict: Verdict | None = None,
    limit: str | None = None,
    control: str | None = None,
) -> TestResult:
    def number(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    return TestResult(
        sample="1",
        channel=None,
        item="农药残留",
        value=number(value),
        unit="%",
        verdict=verdict,
        measured_at=None,
        identity="x",
        limit=number(limit),
        control=number(control),
    )


@pytest.mark.parametrize(
    ("given", "method", "outcome", "limit", "basis"),
    [
        (result("49.99"), GB, N, "50", "method"),
        (result("50"), GB, P, "50", "method"),
        (result("50.00"), GB.model_copy(update={"at_limit": "pass"}), N, "50", "method"),
        (result("69.9"), NY, N, "70", "method"),
        (result("60", limit="70"), GB, N, "70", "instrument"),  # the instrument says by which limit
        (result("60", limit="50"), NY, P, "50", "instrument"),
        (result("-3"), GB, N, "50", "method"),
        (result("140"), GB, P, "50", "method"),
        (result("60", Verdict.QUALIFIED), GB, N, "50", "method"),  # its own conclusion stands
        (result("10", Verdict.UNQUALIFIED), GB, P, "50", "method"),
        (result(None, Verdict.INVALID), GB, V, "50", "method"),
        (result(None), GB, V, "50", "method"),
        (result("10", control="0.29"), GB, V, "50", "method"),
        (result("10", control="0.81"), GB, V, "50", "method"),
        (result("10", control="0.3"), GB, N, "50", "method"),
        (result("60", Verdict.UNQUALIFIED, control="0.1"), GB, V, "50", "method"),
        (result("10"), shipped()["qualitative"], V, "", "method"),
        (result(None, Verdict.QUALIFIED), shipped()["qualitative"], N, "", "method"),
    ],
)
def test_one_measurement(given: TestResult, method: Method, outcome: Outcome, limit: str, basis: str) -> None:
    assert measure(given, method) == (outcome, limit, basis)


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([N], "qualified"),
        ([P], "suspect"),
        ([P, P], "suspect"),
        ([P, P, P], "unqualified"),
        ([P, N, N], "qualified"),
        ([P, N, P], "suspect"),
        ([P, P, N], "suspect"),
        ([V], "invalid"),
        ([V, N], "qualified"),
        ([P, V], "invalid"),
        ([P, V, P, P], "unqualified"),
        ([N, P], "suspect"),
        ([], "invalid"),
    ],
)
def test_measurements_together(outcomes: list[Outcome], verdict: str) -> None:
    assert conclude(outcomes, GB) == verdict


@pytest.mark.parametrize(
    ("text", "outcome"),
    [("<2", N), ("＜ 50", N), ("<60", V), (">90", P), (">50", P), (">40", V), ("阴性?", V), ("", V), ("<2mg", V)],
)
def test_a_value_outside_the_measuring_range(text: str, outcome: Outcome) -> None:
    assert measure(replace(result(None), text=text), GB)[0] is outcome


def test_a_method_without_repeats_decides_at_once() -> None:
    assert conclude([P], shipped()["qualitative"]) == "unqualified"
    assert conclude([N], shipped()["qualitative"]) == "qualified"


def test_a_disturbing_food_is_not_failed_without_the_whole_plant_step() -> None:
    assert conclude([P, P, P], GB, whole_plant_missing=True) == "suspect"
    assert conclude([N], GB, whole_plant_missing=True) == "qualified"


def test_shipped_methods_state_their_limits() -> None:
    assert {method.id: method.limit for method in shipped().values()} == {
        "gb5009199": "50",
        "nyt448": "70",
        "qualitative": "",
    }

"""What a measurement says, and what measurements say together."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from edge.config.methods import Method, shipped
from edge.state.judgement import Doubt, Measurement, Outcome, conclude, measure, method_of, same_goods
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
        (result("60", limit="50"), NY, P, "50", "instrument"),
        (result("-3"), GB, N, "50", "method"),
        (result("110"), GB, P, "50", "method"),
        (result("49", Verdict.QUALIFIED), GB, N, "50", "method"),
        (result("51", Verdict.SUSPECT), GB, P, "50", "method"),
        (result("50", Verdict.QUALIFIED), GB, N, "50", "method"),  # on the limit its own word stands
        (result(None, Verdict.NOT_APPLICABLE), GB, V, "50", "method"),
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
def test_one_measurement(given: TestResult, method: Method, outcome: Outcome, limit: str, basis: Any) -> None:
    assert measure(given, method) == Measurement(outcome, limit, basis)


CARD = Method(id="card", name="胶体金", item="克百威", unit="ug/kg", limit="20", repeats=1)


@pytest.mark.parametrize(
    ("given", "method", "doubt"),
    [
        (result("60", Verdict.QUALIFIED), GB, Doubt.CONTRADICTION),
        (result("10", Verdict.UNQUALIFIED), GB, Doubt.CONTRADICTION),
        (result("10", Verdict.SUSPECT), GB, Doubt.CONTRADICTION),
        (result("60", limit="70"), GB, Doubt.LIMIT),  # laxer than the method
        (result("140"), GB, Doubt.IMPOSSIBLE),
        (result("-10.01"), GB, Doubt.IMPOSSIBLE),
        (replace(result("12"), unit="mg/kg"), GB, Doubt.UNIT),
        (replace(result("12"), unit=None), GB, Doubt.UNIT),
        (replace(result("12"), unit="mg/kg"), CARD, Doubt.UNIT),
        (replace(result("-1"), unit="μg/kg"), CARD, Doubt.IMPOSSIBLE),
        (replace(result("61"), unit="UG / KG"), CARD.model_copy(update={"most": "60"}), Doubt.IMPOSSIBLE),
        (replace(result("-1"), unit="µg/kg"), CARD.model_copy(update={"least": "-2"}), None),
    ],
)
def test_a_measurement_that_its_method_cannot_answer_for(given: TestResult, method: Method, doubt: Doubt) -> None:
    measured = measure(given, method)
    assert measured.doubt is doubt
    assert (measured.outcome is None) == (doubt is not None)


def test_a_result_is_judged_by_a_method_of_its_item_and_by_the_limit_the_instrument_used() -> None:
    known = shipped().values()
    assert method_of("农残", result("1"), [GB], known) is GB
    assert method_of("甲醛", result("1"), [GB, NY], known) is None
    assert method_of("农药残留", result("1", limit="70.0"), [GB], known) == NY
    assert method_of("农药残留", result("1", limit="60"), [GB], known) is GB
    assert method_of("克百威", replace(result("1"), unit="ug/kg"), [GB, CARD], known) is CARD
    anything = shipped()["qualitative"]
    assert method_of("甲醛", result(None, Verdict.QUALIFIED), [anything], known) is anything
    twin = CARD.model_copy(update={"id": "twin", "unit": "mg/kg", "limit": "0.02"})
    assert method_of("克百威", replace(result("1"), unit="mg/kg"), [CARD, twin], known) is twin


def test_a_limit_needs_to_say_of_what_and_in_which_unit() -> None:
    with pytest.raises(ValueError, match=r"a limit needs `item`|有 limit 就要写 item"):
        Method(id="x", name="x", limit="1", unit="%")
    with pytest.raises(ValueError, match=r"a limit needs `item`|有 limit 就要写 item"):
        Method(id="x", name="x", limit="1", item="农药残留")


@pytest.mark.parametrize(
    ("said", "names", "same"),
    [
        ("白菜", ("大白菜",), True),
        ("大白菜(新)", ("大白菜",), True),
        ("青菜", ("大白菜", "Chinese cabbage"), False),
        ("CABBAGE", ("大白菜", "Chinese cabbage"), True),
        ("黄芽白", ("大白菜", "", "黄芽白"), True),
        ("12-3", ("大白菜",), True),
        ("", ("大白菜",), True),
        ("菜", ("大白菜",), True),
    ],
)
def test_names_of_goods(said: str, names: tuple[str, ...], same: bool) -> None:
    assert same_goods(said, *names) is same


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
    assert measure(replace(result(None), text=text), GB).outcome is outcome


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

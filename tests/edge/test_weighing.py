"""A doubtful weight is never a sale."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from edge.config import ScalePart
from edge.inbox import Refused
from edge.weighing import WORDS, TradeScale
from protocol.readings import Net, State, Weighing

TODAY = date(2026, 11, 22)
Make = Callable[..., TradeScale]


@pytest.fixture
def make() -> Make:
    def scale(**changes: object) -> TradeScale:
        values = {
            "name": "scale-1",
            "port": "/dev/null",
            "model": "mt-sics",
            "max": "30 kg",
            "min": "200 g",
            "e": "10 g",
            "verified_until": date(2027, 6, 30),
        }
        made = TradeScale(ScalePart.model_validate({**values, **changes}))
        made.port(True, "")
        return made

    return scale


def says(
    value: str | None, *, stable: bool | None = True, state: State = State.OK, unit: str | None = "kg"
) -> Weighing:
    return Weighing(value=None if value is None else Decimal(value), unit=unit, stable=stable, state=state)


def feed(scale: TradeScale, *weighings: Weighing, at: float = 100.0) -> None:
    for weighing in weighings:
        scale.feed(weighing, at)


def test_two_agreeing_stable_frames_of_a_load_that_was_put_on_may_be_sold(make: Make) -> None:
    scale = make()
    feed(scale, says("0.000"), says("1.250"), says("1.250"))
    load = scale.load(100.1, TODAY)
    assert (load.net_g, load.value, load.unit, load.stability) == (1250, "1.250", "kg", "scale")


@pytest.mark.parametrize(
    ("weighings", "why"),
    [
        ([says("0.000"), says("1.250")], "motion"),  # one frame could be a flipped digit
        ([says("0.000"), says("1.250"), says("1.260")], "motion"),
        ([says("0.000"), says("1.250", stable=False), says("1.250", stable=False)], "motion"),
        ([says("0.000"), says(None, state=State.OVERLOAD)], "overload"),
        ([says("0.000"), says(None, state=State.UNDERLOAD)], "underload"),
        ([says("0.000"), says(None, state=State.MOTION, stable=False)], "motion"),
        ([says("0.000"), says(None, state=State.ERROR)], "error"),
        ([says("0.000"), says("0.190"), says("0.190")], "below_min"),
        ([says("0.000"), says("-0.500"), says("-0.500")], "underload"),
        ([says("0.000"), says("30.010"), says("30.010")], "overload"),
        ([says("0.000"), says("2.5", unit="lb"), says("2.5", unit="lb")], "unit"),
        ([says("0.000"), says("1250.5", unit="g"), says("1250.5", unit="g")], "unit"),
        ([says("1.250"), says("1.250")], "empty_first"),
        ([], "no_signal"),
    ],
)
def test_what_is_doubtful_is_not_sold(make: Make, weighings: list[Weighing], why: str) -> None:
    scale = make()
    feed(scale, *weighings)
    with pytest.raises(Refused) as refused:
        scale.load(100.1, TODAY)
    assert refused.value.code == why
    assert why in WORDS
    assert not scale.view(100.1, TODAY).sellable


def test_a_load_is_sold_once(make: Make) -> None:
    scale = make()
    feed(scale, says("0.000"), says("1.250"), says("1.250"))
    scale.load(100.1, TODAY)
    scale.sold()
    feed(scale, says("1.250"), says("1.500"), says("1.500"))
    assert scale.why_not(100.1, TODAY) == "sold"
    feed(scale, says("0.010"), says("1.500"), says("1.500"))
    assert scale.why_not(100.1, TODAY) == ""


def test_a_sale_that_was_not_recorded_gives_the_load_back(make: Make) -> None:
    scale = make()
    feed(scale, says("0.000"), says("1.250"), says("1.250"))
    scale.sold()
    scale.unsold()
    assert scale.why_not(100.1, TODAY) == ""


def test_an_old_weight_is_no_weight(make: Make) -> None:
    scale = make()
    feed(scale, says("0.000"), says("1.250"), says("1.250"))
    assert scale.why_not(101.4, TODAY) == ""
    assert scale.why_not(101.6, TODAY) == "stale"
    assert scale.view(101.6, TODAY).net_g is None


def test_a_lost_port_is_no_weight(make: Make) -> None:
    scale = make()
    feed(scale, says("0.000"), says("1.250"), says("1.250"))
    scale.port(False, "unplugged")
    assert scale.why_not(100.1, TODAY) == "no_signal"
    scale.port(True, "")
    assert scale.why_not(100.1, TODAY) == "no_signal"


def test_noise_between_frames_starts_agreement_anew(make: Make) -> None:
    scale = make()
    feed(scale, says("0.000"), says("1.250"))
    scale.disturbed()
    feed(scale, says("1.250"))
    assert scale.why_not(100.1, TODAY) == "motion"
    assert scale.garbage == 1


def test_a_scale_that_never_says_stable_needs_agreeing_frames_and_is_marked(make: Make) -> None:
    scale = make(model="yaohua-a9", agree=5)
    quiet = says("1.250", stable=None, unit=None)
    feed(scale, says("0.000", stable=None, unit=None), quiet, quiet, quiet, quiet)
    assert scale.why_not(100.1, TODAY) == "motion"
    feed(scale, quiet)
    assert scale.load(100.1, TODAY).stability == "derived"
    assert scale.view(100.1, TODAY).derived


def test_an_expired_scale_does_not_trade(make: Make) -> None:
    scale = make(verified_until=date(2026, 11, 21))
    feed(scale, says("0.000"), says("1.250"), says("1.250"))
    assert scale.why_not(100.1, TODAY) == "unverified"
    unknown = make(verified_until=None)
    feed(unknown, says("0.000"), says("1.250"), says("1.250"))
    assert unknown.why_not(100.1, TODAY) == ""
    assert not unknown.verified(TODAY)


def test_a_tare_reply_is_not_a_weight(make: Make) -> None:
    scale = make()
    feed(scale, says("0.000"), says("1.250"), says("1.250"))
    scale.feed(Weighing(value=Decimal("0.300"), unit="kg", net=Net.TARE, stable=True), 100.0)
    assert scale.load(100.1, TODAY).net_g == 1250


def test_a_known_container_is_taken_off(make: Make) -> None:
    scale = make()
    feed(scale, says("0.000"), says("1.250"), says("1.250"))
    load = scale.load(100.1, TODAY, tare_g=450)
    assert (load.net_g, load.tare_g, load.value) == (800, 450, "1.250")


@pytest.mark.parametrize(
    ("tare_g", "net", "why"),
    [(1250, None, "tare"), (-5, None, "tare"), (1100, None, "below_min"), (100, Net.NET, "tared")],
)
def test_a_tare_that_cannot_be_is_refused(make: Make, tare_g: int, net: Net | None, why: str) -> None:
    scale = make()
    shown = Weighing(value=Decimal("1.250"), unit="kg", net=net, stable=True)
    feed(scale, says("0.000"), shown, shown)
    with pytest.raises(Refused) as refused:
        scale.load(100.1, TODAY, tare_g=tare_g)
    assert refused.value.code == why


def test_a_typed_weight_is_a_marked_exception_with_a_reason_for_a_scale_that_cannot_be_read(make: Make) -> None:
    scale = make()
    load = scale.typed(1250, "秤坏了", 100.0, TODAY)
    assert (load.stability, load.value, load.raw, load.reason) == ("manual", "1.250", b"", "秤坏了")
    for grams, reason in ((1250, " "), (0, "x"), (30_001, "x")):
        with pytest.raises(Refused):
            scale.typed(grams, reason, 100.0, TODAY)
    feed(scale, says("0.000"), says("1.250"), says("1.250"))
    with pytest.raises(Refused) as refused:
        scale.typed(1250, "图方便", 100.1, TODAY)
    assert refused.value.code == "scale_works"


def test_a_digit_that_is_not_verified_is_not_traded_by(make: Make) -> None:
    scale = make()
    shown = Weighing(value=Decimal("1.250"), unit="kg", stable=True, auxiliary=True)
    feed(scale, says("0.000"), shown, shown)
    assert scale.why_not(100.1, TODAY) == "unit"


def test_a_scale_that_states_a_load_once_sells_it_once_and_soon(make: Make) -> None:
    scale = make(model="adam-azextra")
    feed(scale, says("1.250"))
    assert scale.load(105.0, TODAY).net_g == 1250
    assert scale.why_not(111.0, TODAY) == "stale"
    feed(scale, says("1.250"), at=120.0)
    scale.sold()
    assert scale.why_not(120.1, TODAY) == "sold"
    feed(scale, says("1.260"), at=130.0)
    assert scale.why_not(130.1, TODAY) == ""
    feed(scale, says("1.263"), at=140.0)  # not a step of 10 g: a digit was damaged
    assert scale.why_not(140.1, TODAY) == "unit"

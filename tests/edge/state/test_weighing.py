"""A doubtful weight is never a sale."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from edge.between.inbox import Refused
from edge.between.words import section
from edge.config.sections import ScaleSection
from edge.state.weighing import Load, TradeScale
from protocol.readings import Net, State, Weighing
from protocol.session import Wish

TODAY = date(2026, 11, 22)
EMPTY = Weighing(value=Decimal("0.000"), unit="kg", stable=True)
Make = Callable[..., "Told"]


class Told:
    """A scale that is told things, a frame each tenth of a second."""

    def __init__(self, scale: TradeScale) -> None:
        self.scale = scale
        self.now = 100.0

    def hears(self, *weighings: Weighing, every: float = 0.1) -> None:
        for weighing in weighings:
            self.now += every
            self.scale.feed(weighing, self.now)

    def why(self, today: date | None = TODAY) -> str:
        return self.scale.why_not(self.now + 0.05, today)

    def load(self, tare_g: int = 0, today: date | None = TODAY) -> Load:
        return self.scale.load(self.now + 0.05, today, tare_g)

    def refusal(self, tare_g: int = 0) -> Refused:
        with pytest.raises(Refused) as refused:
            self.load(tare_g)
        return refused.value

    def sells(self, weighing: Weighing, empty: Weighing = EMPTY) -> None:
        """The pan was empty, this was put on, and it is sold."""
        self.hears(*[empty] * 12, *[weighing] * 12)
        assert self.why() == ""
        self.scale.sold()


@pytest.fixture
def make() -> Make:
    def scale(**changes: object) -> Told:
        values = {
            "name": "scale-1",
            "port": "/dev/null",
            "model": "mt-sics",
            "max": "30 kg",
            "min": "200 g",
            "e": "10 g",
            "verified_until": date(2027, 6, 30),
        }
        made = TradeScale(ScaleSection.model_validate({**values, **changes}))
        made.changed(True, "")
        return Told(made)

    return scale


def says(
    value: str | None,
    *,
    stable: bool | None = True,
    state: State = State.OK,
    unit: str | None = "kg",
    net: Net | None = None,
    auxiliary: bool = False,
) -> Weighing:
    number = None if value is None else Decimal(value)
    return Weighing(number, unit, net, stable, state=state, auxiliary=auxiliary)


def quiet(value: str) -> Weighing:
    """A weight of a scale that never says whether it is stable."""
    return says(value, stable=None, unit=None)


def gross(value: str) -> Weighing:
    return says(value, net=Net.GROSS)


def net(value: str) -> Weighing:
    return says(value, net=Net.NET)


def taken_off(value: str) -> Weighing:
    """The scale says what it took off as a tare."""
    return says(value, net=Net.TARE)


# --- what a weight needs ---------------------------------------------------------------------------------------------
def test_equal_stable_frames_of_a_load_that_was_put_on_may_be_sold(make: Make) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, *[says("1.250")] * 5)
    load = told.load()
    assert (load.net_g, load.value, load.unit, load.stability) == (1250, "1.250", "kg", "scale")


@pytest.mark.parametrize(
    ("weighings", "why"),
    [
        ([says("1.250")], "motion"),  # one frame could be a flipped digit
        ([says("1.250"), says("1.260")] * 3, "motion"),
        ([says("1.250")] * 2, "motion"),  # within a tenth of a second: reports that waited in a USB scale come so
        ([says("1.250", stable=False)] * 9, "motion"),
        ([says(None, state=State.OVERLOAD)], "overload"),
        ([says(None, state=State.UNDERLOAD)], "underload"),
        ([says(None, state=State.MOTION, stable=False)], "motion"),
        ([says(None, state=State.ERROR)], "error"),
        ([says("0.190")] * 5, "below_min"),
        ([says("-0.500")] * 5, "underload"),
        ([says("30.010")] * 5, "overload"),
        ([says("2.5", unit="lb")] * 5, "unit"),
        ([says("2.5", unit=None)] * 5, "unit"),
        ([says("1.253")] * 5, "step"),
        ([says("1250.5", unit="g")] * 5, "step"),
        ([says("0.000000")] * 5, "below_min"),
        ([says("1.250", auxiliary=True)] * 5, "digit"),
    ],
)
def test_what_is_doubtful_is_not_sold(make: Make, weighings: list[Weighing], why: str) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, *weighings)
    assert told.refusal().code == why
    assert why in section("weight")
    view = told.scale.view(told.now, TODAY)
    assert (view.sellable, view.why) == (False, why)


def test_a_scale_that_was_never_heard_gives_no_weight(make: Make) -> None:
    assert make().refusal().code == "no_signal"


def test_what_lies_there_at_the_start_is_not_sold(make: Make) -> None:
    told = make()
    told.hears(*[says("1.250")] * 9)
    assert told.why() == "empty_first"


def test_a_scale_that_never_says_stable_needs_frames_and_time_and_is_marked(make: Make) -> None:
    told = make(model="yaohua-a9")
    told.hears(*[quiet("0.000")] * 12, *[quiet("1.250")] * 8)
    assert told.why() == "motion"  # 0.7 s
    told.hears(quiet("1.250"), quiet("1.250"))
    assert told.load().stability == "derived"
    assert told.scale.view(told.now, TODAY).derived


def test_a_fast_stream_of_a_slow_display_does_not_stand_still(make: Make) -> None:
    """tF=0 with 50 frames a second, a display that changes every 0.2 s, 5 kg put on within 1.7 s."""
    told = make(model="yaohua-a9", min="20 g")
    told.hears(*[quiet("0.00")] * 60, every=0.02)
    for step in range(9):
        for _ in range(10):
            told.hears(quiet(f"{Decimal(5) * step / 9:.2f}"), every=0.02)
            assert told.why() in ("motion", "below_min")
    told.hears(*[quiet("5.00")] * 45, every=0.02)
    assert told.load().net_g == 5000


def test_frames_that_come_all_at_once_are_no_time(make: Make) -> None:
    told = make(model="yaohua-a9")
    told.hears(*[quiet("0.000")] * 12)
    told.hears(*[quiet("1.250")] * 50, every=0)
    assert told.why() == "motion"


def test_time_without_frames_is_no_agreement(make: Make) -> None:
    told = make(model="yaohua-a9")
    told.hears(*[quiet("0.000")] * 12, *[quiet("1.250")] * 3)
    told.hears(quiet("1.250"), every=1.4)
    assert told.why() == "motion"


def test_a_scale_of_one_frame_a_second_is_sold_by(make: Make) -> None:
    told = make(model="yaohua-a9")
    told.hears(*[quiet("0.000")] * 5, *[quiet("1.250")] * 4, every=1.0)
    assert told.why() == "motion"
    told.hears(quiet("1.250"), every=1.0)
    assert told.load().net_g == 1250
    asked_for_less = make(model="yaohua-a9", agree=2)
    asked_for_less.hears(*[quiet("0.000")] * 2, *[quiet("1.250")] * 2, every=1.0)
    assert asked_for_less.load().net_g == 1250


def test_frames_with_silence_between_them_do_not_agree(make: Make) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, says("1.250"))
    told.hears(says("1.250"), every=30.0)
    assert told.why() == "motion"


def test_the_setting_goes_before_the_model_s_row(make: Make) -> None:
    for changes, frames in (({}, 13), ({"still": 2.0}, 21), ({"still": 0.0, "agree": 3}, 3)):
        told = make(model="yaohua-a1p-command", **changes)  # its row says 1.2 s
        told.hears(*[quiet("0.000")] * 25, *[quiet("1.250")] * (frames - 1))
        assert told.why() == "motion", changes
        told.hears(quiet("1.250"), quiet("1.250"))
        assert told.why() == "", changes


def test_the_setting_counts_for_scales_that_say_stable_too(make: Make) -> None:
    told = make(agree=4, still=1.0)
    told.hears(*[EMPTY] * 12, *[says("1.250")] * 10)
    assert told.why() == "motion"
    told.hears(says("1.250"), says("1.250"))
    assert told.why() == ""


def test_noise_between_frames_starts_agreement_anew(make: Make) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, *[says("1.250")] * 3)
    told.scale.disturbed()
    told.hears(*[says("1.250")] * 3)
    assert told.why() == "motion"
    told.hears(*[says("1.250")] * 2)
    assert told.why() == ""
    assert told.scale.garbage == 1


def test_noise_between_frames_with_a_check_is_only_a_frame_less(make: Make) -> None:
    told = make(model="yaohua-a9")
    told.hears(*[quiet("0.000")] * 12)
    for _ in range(10):
        told.hears(quiet("1.250"))
        told.scale.disturbed()
    assert told.why() == ""
    told.hears(quiet("1.260"))
    assert told.why() == "motion"


def test_an_old_weight_is_no_weight(make: Make) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, *[says("1.250")] * 5)
    assert told.scale.why_not(told.now + 1.4, TODAY) == ""
    assert told.scale.why_not(told.now + 1.6, TODAY) == "stale"
    assert told.scale.view(told.now + 1.6, TODAY).net_g is None


def test_a_lost_port_is_no_weight(make: Make) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, *[says("1.250")] * 5)
    told.scale.changed(False, "unplugged")
    assert told.why() == "no_signal"
    told.scale.changed(True, "")
    assert told.why() == "no_signal"
    told.hears(says("1.250"))
    assert told.why() == "motion"


# --- unit, digits, steps ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("unit", ["lb", "oz", "Catty", "tl.T", "hkg", "GN", "斤", "?2", "%", "pcs", "ozt"])
def test_a_unit_that_is_not_legal_for_trade_is_refused_by_name(make: Make, unit: str) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, *[says("1.250", unit=unit)] * 5)
    refused = told.refusal()
    assert refused.code == "unit"
    assert unit in refused.zh and unit in refused.en
    assert told.scale.view(told.now, TODAY).unit == unit


def test_no_unit_at_all_is_refused(make: Make) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, *[says("1.250", unit=None)] * 5)
    assert "?" in told.refusal().zh


@pytest.mark.parametrize(("value", "unit"), [("1.250", "KG"), ("1250", " g "), ("0.001250", "t")])
def test_legal_units_are_known_however_they_are_written(make: Make, value: str, unit: str) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, *[says(value, unit=unit)] * 5)
    assert told.load().net_g == 1250


def test_a_weight_that_is_no_step_is_refused_and_told_with_the_step(make: Make) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, *[gross("1.153")] * 5)
    refused = told.refusal()
    assert refused.code == "step"
    assert "10 g" in refused.zh and "10 g" in refused.en


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("1.252", ""),
        ("1.255", ""),  # a scale with several ranges stays in the coarse one
        ("1.253", "step"),
        ("6.000", ""),
        ("6.005", ""),
        ("6.002", "step"),
        ("6.004", "step"),
        ("15.000", ""),
        ("15.005", "overload"),
    ],
)
def test_of_two_intervals_the_one_of_the_weight_counts(make: Make, value: str, why: str) -> None:
    told = make(max="6/15 kg", e="2/5 g", min="40 g")
    told.hears(*[EMPTY] * 5, *[gross(value)] * 5)
    assert told.why() == why
    view = told.scale.view(told.now, TODAY)
    assert (view.max_g, view.e_g) == (15000, "2/5")


def test_words_are_there_in_both_languages_and_take_the_same_values(make: Make) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, *[says("0.100")] * 5)
    assert (told.refusal().zh, str(told.refusal())) == (
        "scale-1：太轻，低于最小秤量 0.2 kg",
        "scale-1: Too light: below the minimum of 0.2 kg",
    )


# --- sold once -------------------------------------------------------------------------------------------------------
def test_a_load_is_sold_once(make: Make) -> None:
    told = make()
    told.sells(says("1.250"))
    told.hears(*[says("1.250")] * 9, *[says("1.500")] * 9)
    assert told.why() == "sold"
    told.hears(*[says("0.010")] * 5, *[says("1.500")] * 5)
    assert told.why() == ""


ONE_FRAME = [
    pytest.param([says("0.150")], id="a flipped digit"),
    pytest.param([says("0.000")], id="a flipped digit that gives zero"),
    pytest.param([says("-0.150")], id="a flipped sign"),
    pytest.param([says("0.150", stable=False)] * 9, id="a bag lifted a little"),
    pytest.param([says("0.100"), says("0.110"), says("0.090")], id="a bag lifted, frames called stable"),
    pytest.param([says(None, state=State.UNDERLOAD)], id="one underload"),
    pytest.param([says(None, state=State.UNDERLOAD, stable=False)] * 9, id="moving underload"),
    pytest.param([says(None, state=State.OVERLOAD)] * 9, id="overload"),
    pytest.param([says(None, state=State.ERROR)] * 9, id="error"),
    pytest.param([says(None, state=State.MOTION, stable=False)] * 9, id="motion"),
    pytest.param([says("0.000", unit="lb")] * 9, id="another unit"),
    pytest.param([says("0.000"), says("0.010")] * 5, id="an empty pan in the wind"),
]


@pytest.mark.parametrize("between", ONE_FRAME)
def test_nothing_short_of_an_empty_pan_makes_a_sold_load_sellable(make: Make, between: list[Weighing]) -> None:
    told = make(model="st-gs")
    told.sells(says("1.150"))
    told.hears(says("1.150"), *between, *[says("1.150")] * 9)
    assert told.why() == "sold"


@pytest.mark.parametrize("between", ONE_FRAME)
def test_nothing_short_of_an_empty_pan_does_at_the_start_either(make: Make, between: list[Weighing]) -> None:
    told = make(model="st-gs")
    told.hears(says("1.150"), *between, *[says("1.150")] * 9)
    assert told.why() == "empty_first"


@pytest.mark.parametrize("model", ["st-gs", "cas-ap", "usb-hid-scale", "toledo-continuous", "digi-sm"])
def test_one_frame_is_not_enough_with_a_check_byte_either(make: Make, model: str) -> None:
    told = make(model=model)
    told.sells(says("1.150"))
    told.hears(says("0.000"), *[says("1.150")] * 9)
    assert told.why() == "sold"


def test_a_scale_that_never_says_stable_empties_its_pan_for_as_long(make: Make) -> None:
    told = make(model="yaohua-a9")
    told.sells(quiet("1.150"))
    told.hears(*[quiet("0.000")] * 8, *[quiet("1.150")] * 12)
    assert told.why() == "sold"
    told.hears(*[quiet("0.000")] * 10, *[quiet("1.150")] * 12)
    assert told.why() == ""


def test_steady_underload_is_an_empty_pan(make: Make) -> None:
    told = make()
    told.sells(says("1.150"))
    told.hears(*[says(None, stable=None, state=State.UNDERLOAD)] * 10, *[says("1.150")] * 5)
    assert told.why() == ""


@pytest.mark.parametrize("model", ["mt-sics", "usb-hid-scale", "st-gs", "adam-azextra"])
def test_a_sold_load_stays_sold_when_the_scale_is_unplugged_and_plugged_in(make: Make, model: str) -> None:
    told = make(model=model)
    told.sells(says("1.150"))
    told.scale.changed(False, "unplugged")
    told.scale.changed(True, "")
    told.hears(*[says("1.150")] * 9)
    assert told.why() == "sold"


def test_frames_before_and_after_a_replug_are_not_one_empty_pan(make: Make) -> None:
    told = make()
    told.sells(says("1.150"))
    told.hears(*[says("0.000")] * 2)
    told.scale.changed(False, "unplugged")
    told.scale.changed(True, "")
    told.hears(*[says("0.000")] * 2, *[says("1.150")] * 9)
    assert told.why() == "sold"


def test_a_sale_that_was_not_recorded_gives_the_load_back(make: Make) -> None:
    told = make()
    told.sells(says("1.250"))
    told.scale.unsold()
    assert told.why() == ""


def test_what_was_sold_by_a_typed_weight_is_not_sold_again_when_the_scale_is_back(make: Make) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, *[says("1.250")] * 5)
    told.scale.changed(False, "unplugged")
    told.scale.typed(1250, "秤坏了", told.now, TODAY)
    told.scale.sold()
    told.scale.changed(True, "")
    told.hears(*[says("1.250")] * 5)
    assert told.why() == "sold"


def test_a_typed_sale_that_was_not_recorded_leaves_things_as_they_were(make: Make) -> None:
    told = make()
    told.sells(gross("1.250"))
    told.scale.sold()
    told.scale.unsold()
    told.hears(*[gross("1.250")] * 5)
    assert told.why() == "sold"


# --- the tare key ----------------------------------------------------------------------------------------------------
def test_the_tare_key_on_a_sold_load_is_no_empty_pan(make: Make) -> None:
    told = make(model="st-gs")
    told.sells(gross("1.150"), gross("0.000"))
    told.hears(*[net("0.000")] * 9)
    told.hears(*[net("0.300")] * 9)
    assert told.why() == "sold"
    told.hears(*[gross("1.150")] * 9)
    assert told.why() == "sold"
    told.hears(*[net("-1.150")] * 9, *[gross("1.150")] * 9)
    assert told.why() == "sold"
    told.hears(*[gross("0.000")] * 9, *[gross("1.150")] * 9)
    assert told.why() == ""


def test_a_basket_with_a_tare_sells_load_after_load(make: Make) -> None:
    told = make(model="st-gs")
    told.hears(*[gross("0.000")] * 5, *[gross("0.300")] * 5)
    told.sells(net("1.000"), net("0.000"))
    told.hears(*[net("1.000")] * 5)
    assert told.why() == "sold"
    told.sells(net("1.200"), net("0.000"))
    told.sells(net("0.800"), net("-0.300"))


def test_a_net_zero_empties_the_pan_for_net_weights_only(make: Make) -> None:
    told = make(model="st-gs")
    told.hears(*[gross("0.000")] * 5)
    told.sells(net("1.000"), net("0.000"))
    told.hears(*[net("0.000")] * 5)  # goods taken off, or the tare key pressed again
    told.hears(*[gross("1.300")] * 5)
    assert told.why() == "empty_first"
    told.hears(*[net("1.000")] * 5)
    assert told.why() == ""
    told.hears(*[gross("0.000")] * 5, *[gross("1.300")] * 5)
    assert told.why() == ""


def test_a_scale_that_says_nothing_of_its_tare_still_tells_that_it_was_sold(make: Make) -> None:
    told = make(model="mettler-8217")  # N stands behind a net weight, nothing behind another
    told.sells(says("1.150", unit=None), says("0.000", unit=None))
    told.hears(*[says("0.000", unit=None, net=Net.NET)] * 9, *[says("1.150", unit=None)] * 9)
    assert told.why() == "sold"


def test_a_tare_heard_on_the_wire_makes_zero_no_empty_pan(make: Make) -> None:
    told = make()
    told.sells(says("1.150"))
    told.hears(taken_off("1.150"), *[says("0.000")] * 9)
    told.hears(taken_off("0.000"), *[says("1.150")] * 9)
    assert told.why() == "sold"


def test_a_tare_asked_for_by_the_page_makes_zero_no_empty_pan(make: Make) -> None:
    told = make(model="and-stream", writable=True)  # obeys, and answers nothing
    told.sells(says("1.150"))
    told.scale.asked(Wish.TARE)
    told.hears(*[says("0.000")] * 9, *[says("0.400")] * 9)
    assert told.why() == "tared"  # what a person can do about it
    told.scale.asked(Wish.ZERO)
    told.hears(*[says("0.000")] * 2, *[says("1.150")] * 9)  # the zero that was on its way
    assert told.why() == "sold"


def test_a_wish_the_scale_cannot_be_asked_for_changes_nothing(make: Make) -> None:
    told = make(model="yaohua-a9", writable=True)
    told.sells(quiet("1.150"))
    told.scale.asked(Wish.TARE)
    told.hears(*[quiet("0.000")] * 12, *[quiet("1.150")] * 12)
    assert told.why() == ""


# --- a known container -----------------------------------------------------------------------------------------------
def test_a_known_container_is_taken_off_what_is_said_to_be_gross(make: Make) -> None:
    told = make(model="st-gs")
    told.hears(*[EMPTY] * 5, *[gross("1.250")] * 5)
    load = told.load(tare_g=450)
    assert (load.net_g, load.tare_g, load.value) == (800, 450, "1.250")
    assert told.scale.view(told.now, TODAY).tare_why == ""


@pytest.mark.parametrize("model", ["mt-sics", "yaohua-a9", "yaohua-a26-tf1", "usb-hid-scale", "cas-ap", "dibal"])
def test_no_container_is_taken_off_what_may_be_net_already(make: Make, model: str) -> None:
    told = make(model=model, unit="kg")
    told.hears(*[EMPTY] * 5, *[says("5.000")] * 5)
    assert told.refusal(tare_g=1500).code == "tare_key"
    assert told.load().net_g == 5000
    assert told.scale.view(told.now, TODAY).tare_why == "tare_key"


def test_a_container_is_taken_off_where_nobody_uses_the_tare_key(make: Make) -> None:
    told = make(tare_key=False)
    told.hears(*[EMPTY] * 5, *[says("1.250")] * 5)
    assert told.load(tare_g=450).net_g == 800


@pytest.mark.parametrize("tare_key", [True, False])
def test_two_tares_are_one_too_many(make: Make, tare_key: bool) -> None:
    told = make(model="st-gs", tare_key=tare_key)
    told.hears(*[EMPTY] * 5, *[net("1.250")] * 5)
    assert told.refusal(tare_g=100).code == "tared"
    assert told.scale.view(told.now, TODAY).tare_why == "tared"


def test_a_tare_heard_on_the_wire_counts_where_the_key_should_not_be_used(make: Make) -> None:
    told = make(tare_key=False)
    told.hears(*[EMPTY] * 5, taken_off("1.500"), *[says("5.000")] * 5)
    assert told.refusal(tare_g=1500).code == "tared"
    told.hears(taken_off("0.000"), *[says("6.500")] * 5)
    assert told.load(tare_g=1500).net_g == 5000


def test_a_format_that_calls_everything_net_says_nothing_of_a_tare(make: Make) -> None:
    for model in ("yaohua-a9-command", "sartorius-sbi"):
        told = make(model=model, unit="kg")
        told.hears(*[EMPTY] * 5, *[net("1.250")] * 5)
        assert told.refusal(tare_g=100).code == "tare_key"
        told = make(model=model, unit="kg", tare_key=False)
        told.hears(*[EMPTY] * 5, *[net("1.250")] * 5)
        assert told.load(tare_g=100).net_g == 1150


@pytest.mark.parametrize(("tare_g", "why"), [(1250, "tare"), (1260, "tare"), (-5, "tare"), (1100, "below_min")])
def test_a_tare_that_cannot_be_is_refused(make: Make, tare_g: int, why: str) -> None:
    told = make(model="st-gs")
    told.hears(*[EMPTY] * 5, *[gross("1.250")] * 5)
    assert told.refusal(tare_g=tare_g).code == why


def test_a_tare_reply_is_not_a_weight(make: Make) -> None:
    told = make()
    told.hears(*[EMPTY] * 5, *[says("1.250")] * 5, taken_off("0.300"))
    assert told.load().net_g == 1250


# --- verification, typed weights, scales that speak once -------------------------------------------------------------
def test_an_expired_scale_does_not_trade(make: Make) -> None:
    told = make(verified_until=date(2026, 11, 21))
    told.hears(*[EMPTY] * 5, *[says("1.250")] * 5)
    assert told.refusal().code == "unverified"
    unknown = make(verified_until=None)
    unknown.hears(*[EMPTY] * 5, *[says("1.250")] * 5)
    assert unknown.why() == ""
    assert not unknown.scale.verified(TODAY)


@pytest.mark.parametrize("until", [date(2025, 6, 30), date(2099, 12, 31), None])
def test_a_clock_that_cannot_be_believed_stops_no_sale_and_verifies_nothing(make: Make, until: date | None) -> None:
    told = make(verified_until=until)
    told.hears(*[EMPTY] * 5, *[says("1.250")] * 5)
    assert told.load(today=None).net_g == 1250
    assert told.scale.view(told.now, None).sellable
    assert not told.scale.verified(None)


def test_a_scale_in_verification_is_verified_until_the_last_day(make: Make) -> None:
    told = make(verified_until=TODAY)
    assert told.scale.verified(TODAY)
    assert not told.scale.verified(date(2026, 11, 23))


def test_a_typed_weight_is_a_marked_exception_with_a_reason_for_a_scale_that_cannot_be_read(make: Make) -> None:
    told = make()
    load = told.scale.typed(1250, "秤坏了", 100.0, TODAY)
    assert (load.stability, load.value, load.raw, load.reason) == ("manual", "1.250", b"", "秤坏了")
    for grams in (1, 1250, 30_000):
        assert told.scale.typed(grams, " 秤坏了 ", 100.0, None) == Load(
            grams, f"{grams / 1000:.3f}", "kg", b"", "manual", reason="秤坏了"
        )
    for grams, reason, code in (
        (1250, " ", "no_reason"),
        (0, "x", "manual_weight"),
        (-1, "x", "manual_weight"),
        (30_001, "x", "manual_weight"),
    ):
        with pytest.raises(Refused) as refused:
            told.scale.typed(grams, reason, 100.0, TODAY)
        assert refused.value.code == code
    told.hears(*[EMPTY] * 5, *[says("1.250")] * 5)
    with pytest.raises(Refused) as refused:
        told.scale.typed(1250, "图方便", told.now, TODAY)
    assert refused.value.code == "scale_works"


def test_a_scale_that_states_a_load_once_sells_it_once_and_soon(make: Make) -> None:
    told = make(model="adam-azextra")
    told.hears(says("1.250"))
    assert told.scale.load(told.now + 5, TODAY).net_g == 1250
    assert told.scale.why_not(told.now + 11, TODAY) == "stale"
    told.hears(says("1.250"), every=20)
    told.scale.sold()
    assert told.why() == "sold"
    told.hears(says("1.250"), every=10)  # the same label again is the same load
    assert told.why() == "sold"
    told.hears(says("1.260"), every=10)
    assert told.why() == ""
    told.hears(says("1.263"), every=10)
    assert told.why() == "step"


def test_a_label_that_was_damaged_by_its_side_is_not_sold_by(make: Make) -> None:
    told = make(model="adam-azextra")
    told.hears(says("1.250"))
    told.scale.disturbed()
    assert told.why() == "motion"


def test_a_tare_that_is_said_again_begins_nothing_anew_and_one_without_a_load_harms_nothing(make: Make) -> None:
    told = make()
    told.hears(*[EMPTY] * 12, says("0.500", net=Net.TARE), *[says("1.250", net=Net.NET)] * 12)
    assert told.why() == ""
    told.hears(says("0.500", net=Net.TARE))
    assert told.why() == ""
    told.hears(says("0.000", net=Net.TARE))
    assert told.why() == "motion"
    told.hears(says("0.500", net=Net.TARE))
    told.scale.changed(False, "unplugged")
    told.scale.changed(True, "")
    told.hears(says("0.000", net=Net.TARE))
    assert told.why() == "no_signal"


def test_what_was_said_before_a_loss_is_no_weight_after_it(make: Make) -> None:
    told = make()
    assert told.scale.port_why == ""
    told.hears(*[EMPTY] * 12, *[says("1.250")] * 12)
    assert told.why() == ""
    told.scale.changed(True, "")
    assert told.why() == ""
    told.scale.changed(False, "unplugged")
    told.scale.changed(True, "")
    assert told.why() == "no_signal"
    told.hears(*[says("1.250")] * 12)
    assert told.why() == ""

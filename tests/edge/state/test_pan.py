"""What of a load is counted already, by what the scale said since."""

from edge.between.fixed_words import PanWhy
from edge.state.pan import Counted, Pan


def test_a_load_counts_until_it_left_and_what_is_stacked_by_the_difference() -> None:
    pan = Pan(400, 20)
    assert pan.why_not(30_000, net=False) is PanWhy.FINE and pan.before_g() == 0
    pan.count(30_000, net=False, load=1)
    pan.said(30_000, net=False)
    assert pan.why_not(30_380, net=False) is PanWhy.COUNTED
    assert pan.why_not(30_400, net=False) is PanWhy.FINE and pan.before_g() == 30_000
    assert pan.why_not(29_000, net=False) is PanWhy.COUNTED
    pan.said(None, net=False)
    assert pan.why_not(29_000, net=False) is PanWhy.FINE


def test_what_was_not_written_down_is_not_counted() -> None:
    pan = Pan(400, 20)
    pan.count(30_000, net=False, load=1)
    pan.uncounted()
    assert pan.counted is None


def test_another_statement_of_a_scale_that_states_each_load_once_is_another_load() -> None:
    pan = Pan(400, 20)
    pan.count(30_000, net=False, load=1)
    pan.exchanged()
    assert pan.why_not(30_000, net=False) is PanWhy.FINE


def test_a_load_that_is_not_the_last_one_leaves_the_pan_as_it_is() -> None:
    pan = Pan(400, 20)
    pan.count(30_000, net=False, load=1)
    pan.taken_back(7)
    assert pan.counted is not None and pan.counted.load == 1
    pan.taken_back(1)
    assert pan.counted is None


def test_what_was_taken_back_and_not_written_down_counts_on() -> None:
    pan = Pan(400, 20)
    pan.count(10_000, net=False, load=1)
    pan.count(25_000, net=False, load=2)
    before = pan.counted
    pan.taken_back(2)
    assert pan.counted == Counted(10_000, False, 0, 0)
    pan.taken_back(2)
    assert pan.counted == Counted(10_000, False, 0, 0)
    pan.uncounted()
    assert pan.counted == before


def test_a_net_zero_empties_only_what_was_counted_net() -> None:
    pan = Pan(400, 20)
    pan.count(30_000, net=False, load=1)
    pan.said(0, net=True)
    assert pan.why_not(28_000, net=True) is PanWhy.OFF_FIRST
    pan.said(0, net=False)
    pan.count(28_000, net=True, load=2)
    pan.said(0, net=True)
    assert pan.why_not(20_000, net=True) is PanWhy.FINE
    assert pan.why_not(20_000, net=False) is PanWhy.OFF_FIRST
    pan.said(0, net=True)
    pan.said(0, net=False)
    assert pan.why_not(20_000, net=False) is PanWhy.FINE

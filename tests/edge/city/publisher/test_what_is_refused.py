"""What the broker does not take, or breaks off at, holds up nothing else."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.between.inbox import Limits, LinkChanged
from edge.city.publisher import PASSED_AT_ONCE
from edge.records.ledger import Ledger

Make, Fill, Obey = Callable[..., Any], Callable[..., None], Callable[[int], None]
UP = LinkChanged(True)
CUT = LinkChanged(False, "x: ended by the broker", "lost", cut=True)


def test_a_brokers_refusals_by_reason(make: Make, fill: Fill, wire: Any) -> None:
    fill(3)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    publisher.broker(1, 149)
    assert publisher.aside == {}  # perhaps it takes nothing
    publisher.broker(2)
    assert publisher.aside == {1: "broker: refused"}
    publisher.broker(3, 151)
    publisher.pump(5.0)
    assert len(wire.sent) == 3
    publisher.pump(10.0)
    assert wire.sequences()[3:] == [2, 3]
    publisher.broker(3, 135, 10.0)
    assert publisher.cause() == ("broker_refuses", "broker: refused")
    publisher.pump(60.0)
    assert len(wire.sent) == 5


def test_three_refusals_in_a_row_are_the_brokers_trouble_not_the_records(make: Make, fill: Fill, wire: Any) -> None:
    fill(9)
    publisher = make()
    publisher.pump(0.0)
    for seq in (1, 2, 3, 4):
        publisher.broker(seq, 131)
    assert (publisher.aside, publisher.pending, publisher.acked) == ({}, 9, 0)
    assert publisher.word == "broker_refuses"
    publisher.pump(59.0)
    assert len(wire.sent) == 4
    publisher.pump(60.0)
    publisher.broker(1, now=60.0)
    assert (wire.sequences()[4:], publisher.word) == ([1, 2, 3, 4], "")


def test_a_refused_topic_holds_up_nothing_else_and_is_tried_again(make: Make, fill: Fill, wire: Any) -> None:
    fill(3)
    publisher = make()
    publisher.pump(0.0)
    publisher.broker(1, 135)
    publisher.broker(2)
    publisher.broker(3)
    publisher.hear(0, ids=(2, 3))
    assert (publisher.aside, publisher.pending, publisher.word) == ({}, 1, "broker_refuses")
    publisher.pump(59.0)
    assert len(wire.sent) == 3
    publisher.pump(60.0)
    publisher.broker(1, now=60.0)
    assert (wire.sequences()[3:], publisher.word) == ([1], "")


@pytest.mark.parametrize("code", [131, 135])
def test_a_kind_that_the_broker_refuses_waits_alone_and_none_of_it_is_given_up(
    make: Make, fill: Fill, obey: Obey, wire: Any, code: int
) -> None:
    obey(2 * PASSED_AT_ONCE + 6)
    fill(2)
    publisher = make()
    publisher.pump(0.0)
    for seq in (1, 2, 3, 4):
        publisher.broker(seq, code)
    now, entries = 0.0, 2 * PASSED_AT_ONCE + 7
    for _ in range(2):  # so many are passed over at once, and the core does something else
        publisher.pump(now)
        assert wire.sequences()[4:] == []
        now = publisher.deadline() or 0.0
    publisher.pump(now)
    assert now < 1.0 and wire.sequences()[4:] == [entries, entries + 1]
    publisher.broker(entries, now=now)
    fill(1)
    publisher.pump(now)
    assert wire.sequences()[6:] == [entries + 2]  # at once, and nothing is looked through again
    assert (publisher.aside, publisher.word) == ({}, "broker_refuses")
    for seq in (entries + 1, entries + 2):
        publisher.broker(seq, now=now)
    publisher.hear(0, now, ids=(entries, entries + 1, entries + 2))
    publisher.pump(60.0)
    publisher.broker(1, now=60.0)
    assert (wire.sequences()[7:], publisher.word) == ([1, 2, 3, 4], "")


def test_one_refused_record_is_not_given_up_for_one_of_another_kind(make: Make, fill: Fill, obey: Obey) -> None:
    obey(1)
    fill(1)
    publisher = make()
    publisher.pump(0.0)
    publisher.broker(1, 131)
    publisher.broker(2)
    assert publisher.aside == {}
    obey(1)
    publisher.pump(0.0)
    publisher.broker(3)
    assert publisher.aside == {1: "broker: refused"}


def test_what_is_too_large_by_the_dozen_holds_up_nothing_smaller(
    make: Make, fill: Fill, wire: Any, ledger: Ledger
) -> None:
    fill(12, origin="河" * 100)
    fill(2)
    large, small = (len(ledger.body(seq)) for seq in (1, 13))
    publisher = make(up=LinkChanged(True, limits=Limits(packet=(small + large) // 2)))
    publisher.pump(0.0)
    publisher.pump(publisher.deadline() or 60.0)
    assert (wire.sequences(), publisher.aside, publisher.word) == ([13, 14], {}, "broker_refuses")
    publisher.broker(13)
    assert set(publisher.aside) == {1, 2, 3}
    publisher.pump(0.0)
    publisher.broker(14)
    assert set(publisher.aside) == {1, 2, 3, 4, 5}


def test_a_record_larger_than_the_broker_takes_is_set_aside(make: Make, fill: Fill, wire: Any, ledger: Ledger) -> None:
    fill(1)
    fill(1, origin="河" * 100)
    fill(1)
    small, large = (len(ledger.body(seq)) for seq in (1, 2))
    publisher = make(up=LinkChanged(True, limits=Limits(packet=(small + large) // 2)))
    publisher.pump(0.0)
    assert wire.sequences() == [1, 3]
    publisher.broker(1)
    publisher.hear(1)
    assert "the broker takes" in publisher.aside[2]


def test_a_broker_that_takes_no_record_of_ours_sets_none_aside(make: Make, fill: Fill, wire: Any) -> None:
    fill(9)
    publisher = make(up=LinkChanged(True, limits=Limits(packet=100)))
    publisher.pump(0.0)
    assert (wire.sent, publisher.aside, publisher.word) == ([], {}, "broker_refuses")


class Poisoned:
    """A broker that cuts the connection at some records, and a city behind it."""

    def __init__(self, publisher: Any, poison: set[int]) -> None:
        self.publisher, self.poison, self.cuts, self.now = publisher, poison, 0, 0.0

    def turn(self) -> None:
        """Deliver what was sent since the last turn, in order."""
        rig = self.publisher
        done = len(rig.wire.sent)
        self.now += 1.0
        rig.pump(self.now)
        for _, seq in rig.wire.sent[done:]:
            if seq in self.poison:
                self.cuts += 1
                rig.link(CUT, self.now)
                rig.link(UP, self.now)
                return
            rig.broker(seq, 0, self.now)
            if seq > rig.upto:
                rig.hear(now=self.now, ids=(seq,))


def test_two_cuts_at_the_same_record_single_it_out_and_the_rest_goes_on(make: Make, fill: Fill) -> None:
    fill(12)
    publisher = make()
    broker = Poisoned(publisher, {3})
    for _ in range(20):
        broker.turn()
    assert (set(publisher.aside), publisher.pending, publisher.acked) == ({3}, 0, 11)
    assert "cut whenever" in publisher.aside[3]
    assert broker.cuts == 4


def test_a_cut_that_was_noticed_while_sending_counts_too(make: Make, fill: Fill, wire: Any) -> None:
    fill(3)
    publisher = make(window=10)
    for now in (0.0, 1.0):
        publisher.pump(now)
        wire.up = False
        fill(1)
        publisher.pump(now)
        assert not publisher.up
        publisher.link(CUT, now)
        wire.up = True
        publisher.link(UP, now)
    wire.sent.clear()
    publisher.pump(2.0)
    assert wire.sequences() == [1]  # one at a time now


def test_several_poisoned_records_are_all_found(make: Make, fill: Fill) -> None:
    fill(40)
    publisher = make()
    broker = Poisoned(publisher, {3, 4, 17, 39})
    for _ in range(120):
        broker.turn()
    assert (set(publisher.aside), publisher.pending) == ({3, 4, 17, 39}, 0)


def test_a_lone_record_is_kept_until_another_one_speaks_for_the_broker(make: Make, fill: Fill) -> None:
    fill(1)
    publisher = make()
    broker = Poisoned(publisher, {1})
    for _ in range(300):
        broker.turn()
    assert (publisher.aside, publisher.pending) == ({}, 1)
    assert broker.cuts < 12
    fill(1)
    for _ in range(80):
        broker.turn()
    assert (set(publisher.aside), publisher.pending) == ({1}, 0)


def test_a_broker_that_cuts_every_record_sets_none_aside(make: Make, fill: Fill) -> None:
    fill(12)
    publisher = make()
    broker = Poisoned(publisher, set(range(1, 13)))
    for _ in range(300):
        broker.turn()
    assert (publisher.aside, publisher.pending, publisher.word) == ({}, 12, "broker_refuses")

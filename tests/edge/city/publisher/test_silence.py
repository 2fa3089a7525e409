"""A city that is silent or slow, and a broker where it is not heard."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.between.inbox import LinkChanged
from edge.records.ledger import ALARM, Ledger

Make, Fill = Callable[..., Any], Callable[..., None]
UP = LinkChanged(True)


def test_a_silent_city_is_asked_with_one_record_ever_more_rarely(make: Make, fill: Fill, wire: Any) -> None:
    fill(9)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    for seq in (1, 2, 3, 4):
        publisher.broker(seq)
    publisher.pump(9.9)
    assert (len(wire.sent), publisher.deadline(), publisher.word) == (4, 10.0, "")
    publisher.pump(10.0)
    assert (wire.sequences()[4:], publisher.word) == ([1], "silent")
    assert publisher.view("", {}).silent_since
    publisher.broker(1, now=10.0)
    publisher.pump(29.9)
    assert len(wire.sent) == 5
    publisher.pump(30.0)
    assert wire.sequences()[4:] == [1, 2]
    publisher.broker(2, now=30.0)
    fill(1, ALARM)
    publisher.link(LinkChanged(False), 32.0)
    publisher.link(UP, 32.0)
    publisher.pump(32.0)
    assert wire.sequences()[6:] == [10]  # the alarm knocks


def test_alarms_go_although_the_city_is_silent(make: Make, fill: Fill, wire: Any) -> None:
    fill(2)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    publisher.broker(1)
    publisher.broker(2)
    publisher.pump(10.0)
    wire.sent.clear()
    fill(1)
    fill(1, ALARM)
    publisher.pump(11.0)
    assert wire.sequences() == [4]


@pytest.mark.parametrize("silent", [False, True])
def test_an_alarm_does_not_wait_for_the_answer_to_a_full_window(
    make: Make, fill: Fill, wire: Any, silent: bool
) -> None:
    publisher = make(resend_seconds=10)
    fill(10)
    publisher.pump(0.0)
    for seq in range(1, 5):
        publisher.broker(seq)
    now = 11.0 if silent else 1.0
    publisher.pump(now)
    assert bool(publisher.silent_since) is silent
    before = len(wire.sent)
    fill(1, ALARM)
    publisher.pump(now)
    assert wire.sequences()[before:] == [11]


def test_a_city_that_was_away_gets_the_whole_window_at_once(make: Make, fill: Fill, wire: Any) -> None:
    fill(9)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    for seq in (1, 2, 3, 4):
        publisher.broker(seq)
    publisher.pump(10.0)
    publisher.broker(1, now=10.0)
    publisher.hear(0, 12.0)
    assert publisher.word == ""
    wire.sent.clear()
    publisher.pump(12.0)
    assert wire.sequences() == [1, 2, 3, 4]


def test_a_slow_city_is_not_asked_again_before_it_is_due(make: Make, fill: Fill, wire: Any) -> None:
    fill(9)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    for seq in (1, 2, 3, 4):
        publisher.broker(seq)
    publisher.pump(10.0)
    publisher.broker(1, now=10.0)
    publisher.hear(3, 15.0)
    wire.sent.clear()
    publisher.pump(15.0)
    assert wire.sequences() == [5, 6, 7]
    for seq in (5, 6, 7):
        publisher.broker(seq, now=15.0)
    publisher.pump(30.0)
    assert 5 not in wire.sequences()[3:]


def test_one_record_without_an_answer_is_sent_again_alone(make: Make, fill: Fill, wire: Any) -> None:
    fill(4)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    for seq in (1, 2, 3, 4):
        publisher.broker(seq)
    publisher.hear(0, 1.0, ids=(2, 3, 4))
    publisher.pump(10.0)
    assert (wire.sequences()[4:], publisher.word) == ([1], "")


def test_what_the_broker_has_not_answered_is_not_queued_again(make: Make, fill: Fill, wire: Any) -> None:
    fill(20)
    publisher = make(resend_seconds=3)
    publisher.pump(0.0)
    for now in range(1, 10):
        publisher.pump(float(now))
    assert wire.sequences() == [1, 2, 3, 4]
    publisher.pump(10.0)
    assert (wire.left, publisher.up, publisher.word) == (["no_puback"], False, "no_puback")
    publisher.link(LinkChanged(False, "", "no_puback"), 10.1)
    publisher.link(UP, 16.0)
    publisher.pump(16.0)
    publisher.pump(35.9)  # more patience with it now
    assert len(wire.left) == 1
    publisher.pump(46.0)
    assert len(wire.left) == 2


def test_what_the_client_still_holds_is_not_handed_over_again_whoever_else_speaks(
    make: Make, fill: Fill, wire: Any
) -> None:
    fill(4)
    publisher = make(resend_seconds=6)
    publisher.pump(0.0)
    publisher.broker(1)
    publisher.broker(2, 151)  # quota: wait
    publisher.pump(6.0)
    assert wire.sequences()[4:] == [1, 2]
    publisher.broker(1, now=6.0)
    publisher.pump(8.0)
    assert wire.sequences()[6:] == []
    publisher.hear(0, 8.0)
    publisher.pump(8.1)
    assert 3 not in wire.sequences()[4:]


def test_a_broker_where_the_city_is_not_heard_is_left_for_the_next_of_the_list(
    make: Make, fill: Fill, wire: Any
) -> None:
    fill(2)
    publisher = make(brokers=("mqtt://a", "mqtt://b"), resend_seconds=10)
    publisher.pump(0.0)
    for _ in range(6):
        for seq in (1, 2):
            publisher.broker(seq)
        publisher.pump(publisher.deadline() or 0.0)
        if wire.left:
            break
    assert wire.left == ["silent"]
    publisher.link(LinkChanged(False, "", "silent"), 31.0)
    publisher.link(UP, 32.0)
    publisher.pump(32.0)
    publisher.hear(2, 33.0)
    assert (publisher.pending, publisher.word) == (0, "")


def test_a_broker_that_loses_records_is_left_although_the_city_answers_births(
    make: Make, fill: Fill, wire: Any
) -> None:
    fill(2)
    publisher = make(brokers=("mqtt://a", "mqtt://b"), resend_seconds=10)
    now = 0.0
    for stay in (30.0, 60.0, 120.0):  # ever longer, while the record is nowhere taken
        began = now
        publisher.hear(0, now)
        while not wire.left:
            publisher.pump(now)
            for seq in (1, 2):
                publisher.broker(seq, now=now)
            publisher.hear(0, now)  # it speaks, and has none of them
            now += 1.0
        assert (wire.left, stay <= now - began < stay + 3) == (["swallowed"], True)
        wire.left.clear()
        publisher.link(LinkChanged(False, "mqtt://a: x", "swallowed", broker="mqtt://a"), now)
        publisher.link(LinkChanged(True, broker="mqtt://b"), now)
    assert publisher.view("mqtt://b", {}).left == (("mqtt://a", "swallowed", "mqtt://a: x"),)
    publisher.pump(now)
    publisher.hear(2, now)
    publisher.link(LinkChanged(False, "", "lost"), now)
    publisher.link(LinkChanged(True, broker="mqtt://a"), now)
    fill(1)
    publisher.pump(now)
    assert publisher.view("mqtt://a", {}).left == ()
    publisher.hear(3, now)
    publisher.link(LinkChanged(True, broker="mqtt://b"), now)
    assert publisher.view("mqtt://b", {}).left == ()


def test_a_broker_that_loses_one_kind_is_left_and_a_slow_city_is_no_reason(
    make: Make, fill: Fill, wire: Any, ledger: Ledger
) -> None:
    fill(60)
    publisher = make(brokers=("mqtt://a", "mqtt://b"), resend_seconds=10, window=40)
    publisher.pump(0.0)
    for seq in range(1, 41):
        publisher.broker(seq)
    for now in range(40):  # one a second
        publisher.hear(now + 1, float(now))
        publisher.pump(float(now))
        for seq in {seq for _, seq in wire.sent}:
            publisher.broker(seq, now=float(now))
    assert wire.left == []
    for now in range(40, 80):  # the others overtake number 41
        publisher.hear(40, float(now), ids=tuple(range(42, now + 3 if now < 58 else 61)))
        publisher.pump(float(now))
        for seq in {seq for _, seq in wire.sent}:
            publisher.broker(seq, now=float(now))
    assert wire.left and set(wire.left) == {"swallowed"}


def test_the_only_broker_is_not_left_for_a_silent_city(make: Make, fill: Fill, wire: Any) -> None:
    fill(2)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    publisher.broker(1)
    publisher.broker(2)
    for now in range(0, 1000, 5):
        publisher.pump(float(now))
        publisher.broker(1, now=now)
        publisher.broker(2, now=now)
    assert wire.left == []


def test_a_broker_that_refuses_the_subscription_gets_one_record_at_a_time(make: Make, fill: Fill, wire: Any) -> None:
    fill(5)
    publisher = make(up=LinkChanged(True, "not authorized", "subscription"))
    publisher.pump(0.0)
    assert (wire.sequences(), publisher.word) == ([1], "subscription")


def test_nobody_who_listens_is_told_at_once(make: Make, fill: Fill, wire: Any) -> None:
    fill(5)
    publisher = make()
    publisher.pump(0.0)
    publisher.broker(1, 16)
    assert publisher.word == "nobody"
    publisher.hear(4, 1.0)
    assert publisher.word == ""


@pytest.mark.parametrize("confirm", ["city", "city-unsigned", "broker"])
def test_whenever_the_publisher_wants_to_be_called_it_does_something(
    make: Make, fill: Fill, wire: Any, confirm: str
) -> None:
    """Otherwise the core thread would go round and round."""
    fill(30)
    publisher = make(brokers=("mqtt://a", "mqtt://b"), confirm=confirm, resend_seconds=3)
    now = 0.0
    for turn in range(300):
        publisher.pump(now)
        before = publisher.deadline()
        if turn % 3 == 0 and wire.sent:
            publisher.broker(wire.sent[-1][1], (0, 16, 131, 135, 151)[turn % 5], now)
        if not publisher.up:
            publisher.link(LinkChanged(False, "x", "lost", cut=turn % 2 == 0), now)
            publisher.link(UP, now)
        at = publisher.deadline()
        now = max(now + 0.01, at if at is not None else now + 1.0)
        publisher.pump(now)
        after = publisher.deadline()
        assert after is None or after > now, (turn, before, at, after)

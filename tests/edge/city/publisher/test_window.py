"""The window to the city: what is sent, what moves it, and what is sent again; nothing is forgotten."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.between.inbox import Limits, LinkChanged
from edge.city.backlog import PAGE
from edge.records.ledger import ALARM, Ledger
from protocol.city.agreement import MANY

Make, Fill = Callable[..., Any], Callable[..., None]


def test_a_window_is_sent_and_moves_with_the_citys_ack(make: Make, fill: Fill, wire: Any) -> None:
    fill(10)
    publisher = make()
    publisher.pump(0.0)
    assert wire.sequences() == [1, 2, 3, 4]
    publisher.pump(0.0)
    assert len(wire.sent) == 4
    publisher.hear(3)
    publisher.pump(0.0)
    assert wire.sequences() == [1, 2, 3, 4, 5, 6, 7]
    assert (publisher.upto, publisher.acked, publisher.pending) == (3, 3, 7)
    assert wire.sent[0][0] == "mkt/1/410108/410108001/01/evt/entry"


def test_what_was_written_a_moment_ago_is_not_read_again(make: Make, fill: Fill, wire: Any, ledger: Ledger) -> None:
    publisher = make(window=99)
    fill(3)
    publisher.pump(0.0)
    said: list[str] = []
    ledger.conn.set_trace_callback(said.append)
    fill(2, lane=ALARM)
    fill(2)
    publisher.pump(0.0)
    ledger.conn.set_trace_callback(None)
    assert wire.sequences() == [1, 2, 3, 4, 5, 6, 7]
    assert [topic.rpartition("/")[0] for topic, *_ in wire.sent[2:4]] == [
        "mkt/1/410108/410108001/01/evt",
        "mkt/1/410108/410108001/01/alm",
    ]
    assert not [one for one in said if "FROM events" in one]


def test_more_than_a_page_of_news_is_read_in_pages(make: Make, fill: Fill, wire: Any) -> None:
    publisher = make(window=200)
    fill(1)
    publisher.pump(0.0)
    for _ in range(4):
        fill(PAGE // 2)
    publisher.pump(0.0)
    for seq in range(1, 2 * PAGE + 2):
        if seq <= len(wire.sent):
            publisher.broker(seq)
            publisher.pump(0.0)
    assert wire.sequences() == [*range(1, 2 * PAGE + 2)]


def test_the_broker_and_the_city_have_windows_of_their_own(make: Make, fill: Fill, wire: Any) -> None:
    """A city that answers late holds up none of what a broker takes at once, until as many wait as it may."""
    publisher = make(window=8, up=LinkChanged(True, limits=Limits(receive_maximum=3)))
    fill(20)
    publisher.pump(0.0)
    assert wire.sequences() == [1, 2, 3]
    publisher.broker(2)
    publisher.pump(0.0)
    assert wire.sequences() == [1, 2, 3, 4]
    for seq in (1, 3, 4):
        publisher.broker(seq)
    publisher.pump(0.0)
    for seq in (5, 6, 7):
        publisher.broker(seq)
    publisher.pump(0.0)
    assert wire.sequences() == [1, 2, 3, 4, 5, 6, 7, 8]
    publisher.broker(8)
    publisher.pump(0.0)
    assert len(wire.sent) == 8  # the broker has all of them, the city has said nothing of any
    publisher.hear(upto=2)
    publisher.pump(0.0)
    assert wire.sequences()[8:] == [9, 10]


def test_it_is_at_ease_while_no_answer_lets_more_go(make: Make, fill: Fill) -> None:
    publisher = make(window=4)
    assert publisher.at_ease
    fill(5)
    assert not publisher.at_ease
    publisher.pump(0.0)
    assert not publisher.at_ease
    publisher.hear(1)
    publisher.pump(0.0)
    assert publisher.at_ease  # the other four are on their way
    publisher.silent_since = "2026-12-01T08:00:00+08:00"
    assert not publisher.at_ease
    publisher.hear(5)
    assert publisher.at_ease


def test_a_broker_without_limits_gets_a_hundred_at_once(make: Make, fill: Fill, wire: Any) -> None:
    publisher = make(window=500)
    fill(150)
    publisher.pump(0.0)
    assert len(wire.sent) == 100
    for seq in range(1, 101):
        publisher.broker(seq)
    publisher.pump(0.0)
    assert wire.sequences() == list(range(1, 151))


def test_a_backlog_is_read_once_and_in_pages(make: Make, fill: Fill, wire: Any, ledger: Ledger) -> None:
    """Each record once, by statements that bring many: whatever the window, and however small the steps it moves in."""
    publisher = make(window=10)
    fill(200)
    asked: list[str] = []
    ledger.conn.set_trace_callback(lambda statement: asked.append(statement) if "FROM events" in statement else None)
    for seq in range(1, 201):
        publisher.pump(0.0)
        publisher.broker(seq)
        publisher.hear(upto=seq)
    ledger.conn.set_trace_callback(None)
    assert wire.sequences() == list(range(1, 201))
    of_pages = [statement for statement in asked if "lane" in statement]
    assert len(of_pages) <= 200 // PAGE + 4  # the alarms' empty lane among them


def test_what_was_sent_on_a_long_connection_is_forgotten_once_the_city_passed_it(make: Make, fill: Fill) -> None:
    publisher = make(window=1000)
    fill(2 * MANY)
    for upto in range(100, 2 * MANY, 100):
        publisher.pump(0.0)
        for seq in range(upto - 99, upto + 1):
            publisher.broker(seq)
        publisher.hear(upto=upto)
    assert len(publisher.end._sent) < MANY + 200


def test_a_brokers_ack_is_not_the_city(make: Make, fill: Fill) -> None:
    fill(2)
    publisher = make()
    publisher.pump(0.0)
    publisher.broker(1)
    publisher.broker(2)
    assert publisher.pending == 2


def test_a_broker_may_confirm_for_a_city_that_cannot(make: Make, fill: Fill) -> None:
    fill(3)
    publisher = make(confirm="broker")
    publisher.pump(0.0)
    publisher.broker(2)
    publisher.broker(1)
    assert (publisher.upto, publisher.pending) == (2, 1)
    publisher.broker(3, 16)  # nobody listens
    assert (publisher.pending, publisher.word) == (1, "nobody")
    publisher.pump(10.0)
    publisher.broker(3, 0, 10.0)
    assert (publisher.pending, publisher.word) == (0, "")


def test_a_broker_without_qos_1_cannot_confirm(make: Make, fill: Fill, wire: Any) -> None:
    fill(1)
    publisher = make(confirm="broker", up=LinkChanged(True, limits=Limits(qos=0)))
    publisher.pump(0.0)
    assert (wire.sent, publisher.word, publisher.deadline()) == ([], "no_qos", None)


def test_alarms_go_before_the_backlog(make: Make, fill: Fill, wire: Any) -> None:
    fill(6)
    fill(1, ALARM)
    publisher = make(window=3)
    publisher.pump(0.0)
    assert wire.sent[0] == ("mkt/1/410108/410108001/01/alm/entry", 7)
    assert wire.sequences() == [7, 1, 2]
    publisher.hear(ids=(7,))
    publisher.hear(6)
    assert (publisher.upto, publisher.pending) == (7, 0)


def test_a_lost_link_sends_everything_unsettled_again(make: Make, fill: Fill, wire: Any) -> None:
    fill(3)
    publisher = make()
    publisher.pump(0.0)
    publisher.link(LinkChanged(False, "x: lost", "lost"), 0.5)
    assert publisher.word == "lost"
    publisher.pump(1.0)
    assert len(wire.sent) == 3
    publisher.link(LinkChanged(True, limits=Limits(receive_maximum=2)), 2.0)
    publisher.pump(2.0)
    assert wire.sequences() == [1, 2, 3, 1, 2]  # the broker allows two in flight


def test_progress_survives_a_restart_once_saved(make: Make, fill: Fill, wire: Any, ledger: Ledger) -> None:
    fill(4)
    fill(1, ALARM)
    publisher = make()
    publisher.pump(0.0)
    publisher.hear(2)
    publisher.hear(ids=(5,))
    assert publisher.unsaved
    with ledger.batch():
        publisher.save()
    assert not publisher.unsaved
    again = make()
    wire.sent.clear()
    again.pump(0.0)
    assert wire.sequences() == [3, 4]


def test_progress_whose_commit_failed_is_written_again(make: Make, fill: Fill, wire: Any, ledger: Ledger) -> None:
    fill(4)
    fill(1, ALARM)
    publisher = make()
    publisher.pump(0.0)
    publisher.hear(2)
    publisher.hear(ids=(5,))
    with pytest.raises(RuntimeError), ledger.batch():
        publisher.save()
        raise RuntimeError
    assert not publisher.unsaved
    publisher.not_saved()
    with ledger.batch():
        publisher.save()
    again = make()
    wire.sent.clear()
    again.pump(0.0)
    assert wire.sequences() == [3, 4]

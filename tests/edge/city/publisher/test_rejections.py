"""What the city rejects is set aside with its reason and holds up nothing."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from edge.between.inbox import LinkChanged
from edge.records.ledger import Ledger
from protocol.city.topics import ACK_CAP, Ack, Rejected

Make, Fill = Callable[..., Any], Callable[..., None]
UP = LinkChanged(True)


def test_a_rejected_record_is_set_aside_and_holds_up_nothing(make: Make, fill: Fill, wire: Any, ledger: Ledger) -> None:
    fill(5)
    publisher = make()
    publisher.pump(0.0)
    publisher.hear(1)
    publisher.hear(reject=(Rejected(wire.ids[2], "schema", "no such product"),))
    assert publisher.upto == 2
    assert publisher.aside == {2: "schema: no such product"}
    publisher.hear(5)
    assert (publisher.pending, publisher.acked) == (0, 4)
    with ledger.batch():
        publisher.save()
    again = make()
    assert (again.upto, again.acked, again.aside) == (5, 4, {2: "schema: no such product"})


def test_what_the_city_confirmed_is_never_set_aside(make: Make, fill: Fill, wire: Any) -> None:
    fill(4)
    publisher = make()
    publisher.pump(0.0)
    publisher.hear(2)
    publisher.hear(ids=(4,))
    rejected = tuple(Rejected(wire.ids[seq], "bad_data", "x") for seq in (1, 2, 4))
    publisher.hear(2, reject=rejected)
    assert (publisher.aside, publisher.acked) == ({}, 3)


def test_a_rejection_told_after_a_lost_connection_still_finds_its_record(make: Make, fill: Fill, wire: Any) -> None:
    fill(4)
    publisher = make()
    publisher.pump(0.0)
    publisher.link(LinkChanged(False), 1.0)
    publisher.link(UP, 1.0)
    publisher.hear(4, 1.0, reject=(Rejected(wire.ids[3], "bad_data", "x"),))
    assert (publisher.upto, publisher.acked, set(publisher.aside)) == (4, 3, {3})


def test_thousands_of_unknown_ids_cost_one_look_at_the_newest(
    make: Make, fill: Fill, wire: Any, ledger: Ledger
) -> None:
    fill(300)
    publisher = make(confirm="city-unsigned")
    publisher.pump(0.0)
    unknown = tuple(Rejected(f"{number:012d}", "x", "") for number in range(1100))
    payload = Ack(None, tuple(f"{number:012d}" for number in range(1000)), unknown).encode()
    assert len(payload) < ACK_CAP
    read: list[str] = []
    ledger.conn.set_trace_callback(read.append)
    publisher.acknowledged(payload, False, 0.0)
    publisher.acknowledged(Ack(None, tuple(f"{number:012d}" for number in range(4000))).encode(), False, 0.0)
    ledger.conn.set_trace_callback(None)
    assert len(read) == 1
    assert "seq BETWEEN 1 AND 200" in read[0]
    assert publisher.aside == {}


def test_an_open_rejection_keeps_the_record_and_says_again_who_we_are(make: Make, fill: Fill, wire: Any) -> None:
    fill(1)
    publisher = make(resend_seconds=10)
    publisher.pump(0.0)
    publisher.broker(1)
    publisher.hear(0, reject=(Rejected(wire.ids[1], "unknown_key", "who are you"),))
    assert (publisher.pending, publisher.aside, publisher.birth_due) == (1, {}, True)
    assert publisher.cause() == ("city_refuses", "unknown_key: who are you")
    publisher.hear(0)
    assert publisher.word == "city_refuses"  # until something is taken
    publisher.pump(10.0)
    assert wire.sequences() == [1, 1]
    publisher.hear(1, 10.0)
    assert (publisher.pending, publisher.word) == (0, "")


def test_all_that_was_set_aside_is_counted(make: Make, fill: Fill, wire: Any) -> None:
    fill(60)
    publisher = make(window=60)
    publisher.pump(0.0)
    publisher.hear(reject=tuple(Rejected(wire.ids[seq], "bad_data", "x") for seq in range(1, 61)))
    view = publisher.view("", {})
    assert (view.aside, len(view.set_aside), view.set_aside[-1][0]) == (60, 50, 60)
    assert (view.written, view.acked, view.pending) == (60, 0, 0)


def test_a_reason_is_logged_as_one_harmless_line_and_not_for_each_record(
    make: Make, fill: Fill, wire: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fill(4)
    publisher = make()
    publisher.pump(0.0)
    reason = "no\nERROR core: all is lost\x1b[31m\x00\ud800"
    body = {"rejected": [{"id": wire.ids[seq], "code": "bad", "reason": reason} for seq in (1, 2, 3, 4)]}
    loose = json.dumps(body).encode()
    unsigned = make(confirm="city-unsigned")
    unsigned.pump(0.0)
    caplog.clear()
    unsigned.acknowledged(loose, False, 0.0)
    told = [one.getMessage() for one in caplog.records if "set aside" in one.getMessage()]
    assert told == ["record 1 set aside: the city rejects it: bad: no ERROR core: all is lost [31m"]
    assert len(unsigned.aside) == 4
    with publisher._ledger.batch():
        unsigned.save()

"""What the city wants once more is published from a number on, over restarts, each record until a broker has it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from edge.between.inbox import BrokerAnswer, LinkChanged
from edge.jobs.delivery import ORDERED
from protocol.city.agreement import StationEnd
from protocol.city.events import CityObeyed

Start = Callable[..., Any]
BUSY = 151


@pytest.fixture
def start(box: Start, mayor: Any) -> Start:
    return lambda *given: box("", *given, city_keys=mayor.keys)


@pytest.fixture
def station(start: Start, mayor: Any) -> Any:
    """Thirty records that the city has, and a narrow window."""
    station = start()
    station.core._publisher._part = station.core._publisher._part.model_copy(update={"window": 3})
    with station.ledger.batch():
        for _ in range(30):
            record(station)
    station.core._publisher.end.upto = station.core._publisher.end.claimed = 30
    station.turn(LinkChanged(True))
    return station


def record(station: Any) -> None:
    said = CityObeyed(command="x", name="x", issued="", kid="")
    station.ledger.append("city.obeyed", "410108001-01", said, station.clock.now(), station.clock.boot_id)


def sequences(station: Any) -> list[int]:
    return [int(json.loads(body)["sequence"]) for topic, body in station.wire.sent if "/evt/" in topic]


def acknowledge(station: Any, rounds: int = 40) -> None:
    """The broker takes everything."""
    for _ in range(rounds):
        flying = [*station.core._publisher._by_mid, *station.core._downlink._by_mid]
        if not flying:
            return
        station.turn(*(BrokerAnswer(mid) for mid in flying))


def test_all_records_from_there_on_go_through_the_window_in_order(station: Any, mayor: Any) -> None:
    mayor.orders(station, "resend", **{"from": 25})
    assert sequences(station) == [25, 26, 27]
    acknowledge(station)
    assert sequences(station) == [25, 26, 27, 28, 29, 30]
    assert (station.core._publisher.upto, station.core._publisher.pending) == (30, 0)


def test_what_no_broker_took_goes_again_after_a_lost_connection_and_after_a_restart(
    start: Start, station: Any, mayor: Any
) -> None:
    mayor.orders(station, "resend", **{"from": 28})
    station.wire.sent.clear()
    station.turn(LinkChanged(False), LinkChanged(True))
    assert sequences(station) == [28, 29, 30]
    station.clock.go(11)
    station.turn()
    again = start()
    again.turn(LinkChanged(True))
    assert sequences(again)[-3:] == [28, 29, 30]
    acknowledge(again)
    again.clock.go(11)
    again.turn()
    assert start().core._publisher._again.left == 0


def saved(station: Any) -> None:
    """Progress is on the disk."""
    station.clock.go(11)
    station.turn()


def test_an_order_with_an_end_sends_that_stretch_and_nothing_more(station: Any, mayor: Any) -> None:
    mayor.orders(station, "resend", **{"from": 3, "to": 4})
    mayor.orders(station, "resend", **{"from": 20, "to": 21})
    acknowledge(station)
    assert sequences(station) == [3, 4, 20, 21]
    saved(station)
    assert station.ledger.conn.execute("SELECT count(*) FROM stretches").fetchone() == (0,)


def test_orders_that_overlap_are_carried_out_once(station: Any, mayor: Any) -> None:
    mayor.orders(station, "resend", **{"from": 20})
    assert sequences(station) == [20, 21, 22]  # the window is full
    mayor.orders(station, "resend", **{"from": 10, "to": 25})
    acknowledge(station)
    assert sequences(station) == [20, 21, 22, *range(10, 20), *range(23, 31)]
    mayor.orders(station, "resend", **{"from": 30})  # nobody has written down yet that a broker has it
    assert sequences(station).count(30) == 1
    saved(station)
    mayor.orders(station, "resend", **{"from": 30})
    assert sequences(station).count(30) == 2


def test_a_restart_goes_on_where_it_was_and_shows_it(start: Start, station: Any, mayor: Any) -> None:
    mayor.orders(station, "resend", **{"from": 2, "to": 3})
    mayor.orders(station, "resend", **{"from": 11, "to": 16})
    assert station.board.city.again == 8
    acknowledge(station, 1)
    acknowledge(station, 1)
    saved(station)
    again = start()
    again.turn(LinkChanged(True))
    assert again.board.city.again == 2
    acknowledge(again)
    assert sequences(again) == [15, 16]
    again.turn()
    assert again.board.city.again == 0


def test_more_orders_than_anybody_has_are_refused(station: Any, mayor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.jobs.delivery.ORDERS", 2)
    said = [mayor.orders(station, "resend", **{"from": first, "to": first}) for first in (2, 5, 9)]
    assert [one["code"] for one in said] == ["", "", "too_many"]
    assert station.core._publisher._again.left == 2


def test_what_a_city_refuses_here_and_there_is_few_rows_and_none_is_lost(
    start: Start, station: Any, mayor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocol.city.agreement.PIECES", 4)
    end = station.core._publisher.end = StationEnd(30, 30)
    for seq in range(1, 31, 2):
        end.aside.put(seq, seq, f"bad_data: {seq}", settled=end.upto)
    assert end.aside.pieces == 4 and {*range(1, 31, 2)} <= {*end.aside}
    saved(station)
    again = start()
    assert again.ledger.conn.execute("SELECT count(*) FROM stretches").fetchone() == (4,)
    assert again.core._publisher.aside == end.aside and again.core._publisher.aside.first == 1


def test_a_busy_broker_is_given_time_and_gets_them_then(station: Any, mayor: Any) -> None:
    mayor.orders(station, "resend", **{"from": 30})
    (mid,) = station.core._publisher._by_mid
    station.turn(BrokerAnswer(mid, "quota exceeded", BUSY))
    assert station.core._publisher._again.left == 1
    station.clock.go(70)
    station.turn()
    assert sequences(station) == [30, 30]


def test_records_that_are_gone_or_damaged_are_passed_over(station: Any, mayor: Any) -> None:
    with station.ledger.batch():
        station.ledger.conn.execute("DELETE FROM events WHERE seq BETWEEN 26 AND 28")
        station.ledger.conn.execute("UPDATE events SET body = x'78' WHERE seq = 25")
    mayor.orders(station, "resend", **{"from": 25})
    acknowledge(station)
    assert sequences(station) == [29, 30]
    with station.ledger.batch():
        station.ledger.conn.execute("DELETE FROM events WHERE seq = 29")
        station.core._publisher._table.send_again(29, 29, ORDERED)
    station.core._publisher.resend()
    station.turn()
    assert station.core._publisher._again.left == 0


def test_while_the_city_is_silent_nothing_goes_again(station: Any, mayor: Any) -> None:
    station.core._publisher.silent_since = "now"
    mayor.orders(station, "resend", **{"from": 25})
    assert sequences(station) == []


def test_a_link_that_is_gone_meanwhile_takes_none(station: Any, mayor: Any) -> None:
    mayor.orders(station, "resend", **{"from": 5})
    acknowledge(station, 1)
    station.wire.publish = lambda topic, body: None
    station.turn(*(BrokerAnswer(mid) for mid in station.core._publisher._by_mid))
    left = station.core._publisher._again.left
    assert left and not station.core._publisher.up
    station.core._publisher.save()
    assert not station.core._publisher.unsaved
    station.core._publisher.not_saved()
    assert station.core._publisher.unsaved

"""Orders to stop a lot and to take it up again: what counts is when they were given, not when they came."""

import sqlite3
from itertools import permutations

import pytest

from edge.records.ledger import Ledger
from edge.state.stops import CITY, Stops

CODE = "41010800110100010074"
GATE = "410108001-01"


@pytest.fixture
def stops(ledger: Ledger) -> Stops:
    return Stops(ledger.conn)


def test_a_stop_stands_until_a_later_resume(stops: Stops) -> None:
    assert stops.of((CODE,), 0.0) is None
    assert stops.say(CODE, CITY, stops=True, at=100.0, why="监督抽检不合格")
    found = stops.of((None, CODE), 0.0)
    assert found is not None
    assert (found.by, found.why, found.until) == (CITY, "监督抽检不合格", None)
    assert stops.say(CODE, CITY, stops=False, at=99.0)
    assert stops.of((CODE,), 0.0) == found
    assert stops.say(CODE, CITY, stops=False, at=100.0)
    assert stops.of((CODE,), 0.0) == found, "at the same moment the stop wins"
    assert stops.say(CODE, CITY, stops=False, at=101.0)
    assert stops.of((CODE,), 0.0) is None


def test_the_order_of_arrival_is_nothing(ledger: Ledger) -> None:
    words = [
        {"by": CITY, "stops": True, "at": 10.0},
        {"by": CITY, "stops": False, "at": 20.0},
        {"by": GATE, "stops": True, "at": 15.0, "number": 7},
        {"by": GATE, "stops": True, "at": 30.0, "number": 9},
    ]
    found = set()
    for order in permutations(words):
        stops = Stops(ledger.conn)
        for word in (*order, *order):
            stops.say(CODE, **word)  # type: ignore[arg-type]
        stop = stops.of((CODE,), None)
        found.add(stop and (stop.by, stop.why))
        ledger.conn.execute("DELETE FROM lot_words")
    assert found == {(GATE, "")}


def test_only_who_stopped_it_or_the_city_takes_it_up_again(stops: Stops) -> None:
    stops.say(CODE, GATE, stops=True, at=10.0, number=5)
    stops.say(CODE, "410108001-02", stops=False, at=20.0, number=50)
    assert stops.of((CODE,), None) is not None
    stops.say(CODE, CITY, stops=False, at=9.0)
    assert stops.of((CODE,), None) is not None
    stops.say(CODE, CITY, stops=False, at=30.0)
    assert stops.of((CODE,), None) is None
    stops.say(CODE, GATE, stops=True, at=31.0, number=6)
    assert stops.of((CODE,), None) is not None


def test_between_records_of_one_station_their_numbers_decide(stops: Stops) -> None:
    """Its clock was a year ahead, and was then set right."""
    stops.say(CODE, GATE, stops=True, at=1000.0, number=5)
    stops.say(CODE, GATE, stops=False, at=20.0, number=6)
    assert stops.of((CODE,), None) is None
    assert stops.say(CODE, GATE, stops=True, at=10.0, number=5) is False
    assert stops.say(CODE, GATE, stops=True, at=10.0, number=7)
    assert stops.of((CODE,), None) is not None


def test_a_stop_may_end_by_itself(stops: Stops) -> None:
    stops.say(CODE, CITY, stops=True, at=10.0, until=50.0)
    assert stops.next_end(20.0) == 50.0
    assert stops.next_end(50.0) is None
    assert stops.of((CODE,), 49.0) is not None
    assert stops.of((CODE,), 50.0) is None
    assert stops.of((CODE,), None) is not None, "a clock that is not believed ends nothing"


def test_old_news_change_nothing(stops: Stops, ledger: Ledger) -> None:
    assert stops.say(CODE, CITY, stops=True, at=10.0, why="新")
    assert not stops.say(CODE, CITY, stops=True, at=9.0, why="旧")
    assert not stops.say(CODE, CITY, stops=True, at=10.0, why="旧")
    assert isinstance(ledger.conn, sqlite3.Connection)
    found = stops.of((CODE,), None)
    assert found is not None and found.why == "新"

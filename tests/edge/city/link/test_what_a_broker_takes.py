"""Real brokers that take some of what a station says: the rest goes on, and another broker is tried for what is lost.

The station's core runs in the test's thread with a clock of its own; MQTT threads, Mosquitto and the city are real.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.city import City
from simulator.city.reader import Reader

pytestmark = pytest.mark.broker


def kinds(city: City) -> dict[str, int]:
    """How many records of each kind a city has."""
    with Reader(city.db) as reader:
        rows = reader.db.execute("SELECT kind, count(*) FROM events GROUP BY kind").fetchall()
    return {str(kind): int(count) for kind, count in rows}


def test_what_a_broker_refuses_by_topic_holds_up_no_other_kind(
    stall: Any, town: Callable[[Any], City], mosquitto: Any, tmp_path: Path
) -> None:
    rights = tmp_path / "rights.acl"
    rights.write_text("topic readwrite mkt/#\ntopic deny mkt/+/+/+/+/evt/city\n")
    rights.chmod(0o644)
    broker = mosquitto(f"acl_file {rights}")
    city = town(broker)
    one = stall(city, broker)
    one.obeys(40)
    one.prices(3)
    one.obeys(40)
    one.prices(2)
    one.until(lambda: one.publisher.pending == 80, most=50)
    assert (kinds(city), one.publisher.aside) == ({"price.changed": 5}, {})
    assert one.publisher.cause()[0] == "broker_refuses"
    one.prices(1)
    one.until(lambda: kinds(city).get("price.changed") == 6, most=50)
    broker.stop()
    broker.start()
    assert city.wait_connected()
    one.until(lambda: one.publisher.pending == 0)
    assert (kinds(city), one.publisher.aside) == ({"city.obeyed": 80, "price.changed": 6}, {})
    assert one.publisher.cause() == ("", "")


def test_a_broker_that_takes_records_and_loses_them_is_left_and_named_though_the_city_answers_births(
    stall: Any, town: Callable[[Any], City], mosquitto: Any, tmp_path: Path
) -> None:
    """By MQTT 3.1.1 Mosquitto has no word for a right that is missing: it acknowledges, and loses."""
    rights = tmp_path / "rights.acl"
    rights.write_text("topic read mkt/#\n" + "".join(f"topic write mkt/+/+/+/+/{one}\n" for one in ("state", "ack")))
    rights.chmod(0o644)
    first, second = mosquitto(f"acl_file {rights}"), mosquitto()
    swallowed, city = town(first), town(second)
    one = stall(city, first, second, version="3.1.1")
    one.until(lambda: one.box.showing.board.city.last_ack)
    one.prices(4)
    assert one.until(lambda: one.publisher.pending == 0, most=600) >= 25
    assert (kinds(swallowed), kinds(city)) == ({}, {"price.changed": 4})
    ((broker, cause, why),) = one.left
    assert broker == f"mqtt://127.0.0.1:{first.port}" and cause == "swallowed" and "record 1" in why
    assert one.publisher.cause() == ("", "")
    second.stop()  # back to the first, where nothing comes through; and to the second when that is well again
    one.until(lambda: one.box.wire.broker.endswith(str(first.port)) and one.publisher.up)
    one.prices(1)
    second.start()
    assert city.wait_connected()
    one.until(lambda: one.publisher.pending == 0, most=2000)
    assert (kinds(swallowed), kinds(city)) == ({}, {"price.changed": 5})

"""Real brokers that take some of what a station says: the rest goes on, and another broker is tried for what is lost.

The station's core runs in the test's thread with a clock of its own; MQTT threads, Mosquitto and the city are real.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from edge.between.commands import SetPrice
from edge.between.inbox import Inbox
from edge.city.mqtt import Mqtt
from protocol.city.events import CityObeyed
from protocol.city.signed import CityKeys
from protocol.city.state import Reach, encode_state
from protocol.city.token import CHINA
from protocol.city.topics import Topics
from simulator.city import City
from simulator.city.store import Reader

pytestmark = pytest.mark.broker
NAME, TOPICS = "410108001-01", Topics("410108", "410108001", "01")
IDLE = 0.15  # so long nothing comes: then the station's clock goes on
TOML = """
[station]
name = "惠济市场"
jobs = ["gate", "stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
stall = "A-12"
[city]
resend_seconds = 10
window = 6
brokers = [{brokers}]
mqtt = "{version}"
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
"""


class Stall:
    """A station whose core takes what the MQTT thread brings, and whose clock jumps when nothing comes."""

    def __init__(self, box: Any, inbox: Any, clock: Any) -> None:
        self.box, self.inbox, self.clock = box, inbox, clock
        self.publisher = box.core._publisher

    def prices(self, count: int) -> None:
        for fen in range(100, 100 + count):
            self.box.does(SetPrice(product="01040201", price_fen=fen))

    def obeys(self, count: int) -> None:
        """Records of another kind, ahead of nothing."""
        said = CityObeyed(command="x", name="x", issued="", kid="")
        with self.box.ledger.batch():
            for _ in range(count):
                self.box.ledger.append("city.obeyed", NAME, said, self.clock.now(), self.clock.boot_id)

    def until(self, condition: Callable[[], object], most: float = 0.0) -> float:
        """Go on until it is so; answers by how many seconds the station's clock had to go on, at most ``most``."""
        gone = 0.0
        for _ in range(2000):
            if condition():
                return gone
            try:
                message = self.inbox.get(timeout=IDLE)
            except Empty:
                step = min(2.0, most - gone)
                assert step > 0 or most == 0, f"not within {most} s: {self.publisher.cause()}"
                self.clock.go(step)
                gone += step
                self.box.turn()
            else:
                self.box.turn(message)
        raise AssertionError(f"it did not come to that: {self.publisher.cause()}")

    @property
    def left(self) -> tuple[tuple[str, str, str], ...]:
        return self.box.showing.board.city.left


class Unmade:
    """The wire, also before there is one: the MQTT thread wants the settings of the station that wants a wire."""

    def __init__(self) -> None:
        self.mqtt: Mqtt | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.mqtt, name) if self.mqtt else {"broker": "", "odd": Counter()}[name]


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Callable[[Any], City]]:
    """Cities that sign with one key, each at its broker."""
    with ExitStack() as running:

        def make(broker: Any) -> City:
            made = City(
                f"mqtt://127.0.0.1:{broker.port}",
                tmp_path / f"city-{broker.port}.db",
                enrol=True,
                key_file=tmp_path / "city.key",
            )
            running.enter_context(made)
            assert made.wait_connected()
            return made

        yield make


@pytest.fixture
def stall(tmp_path: Path, station_class: Any, clock_class: Any, signer: Any) -> Iterator[Callable[..., Stall]]:
    threads: list[Mqtt] = []
    boxes: list[Any] = []

    def make(city: City, *brokers: Any, version: str = "5") -> Stall:
        folder, clock = tmp_path / "stall", clock_class(datetime.now(CHINA))
        folder.mkdir()
        urls = ", ".join(f'"mqtt://127.0.0.1:{one.port}"' for one in brokers)
        keys, inbox = CityKeys.parse(city.key), Inbox()
        settings = TOML.format(brokers=urls, version=version)
        box = station_class(folder, signer, settings, clock, city_keys=keys, inbox=inbox, wire=Unmade())
        boxes.append(box)

        def birth(reach: Reach) -> bytes:
            return encode_state(
                "online", NAME, signer.key, time=clock.now().text, bootid="b", reach=reach, software="test"
            )

        box.core._birth = birth
        mqtt = Mqtt(box.config.city, "stall", TOPICS.listen, None, inbox)
        box.wire.mqtt = mqtt
        threads.append(mqtt)
        mqtt.start()
        return Stall(box, inbox, clock)

    yield make
    for thread in threads:
        thread.stop()
        thread.join(10)
    for box in boxes:
        box.ledger.close()


def kinds(city: City) -> dict[str, int]:
    """How many records of each kind a city has."""
    with Reader(city.db) as reader:
        rows = reader.db.execute("SELECT kind, count(*) FROM events GROUP BY kind").fetchall()
    return {str(kind): int(count) for kind, count in rows}


def test_what_a_broker_refuses_by_topic_holds_up_no_other_kind(
    stall: Callable[..., Stall], city: Callable[..., City], mosquitto: Any, tmp_path: Path
) -> None:
    rights = tmp_path / "rights.acl"
    rights.write_text("topic readwrite mkt/#\ntopic deny mkt/+/+/+/+/evt/city\n")
    rights.chmod(0o644)
    broker = mosquitto(f"acl_file {rights}")
    town = city(broker)
    one = stall(town, broker)
    one.obeys(40)
    one.prices(3)
    one.obeys(40)
    one.prices(2)
    one.until(lambda: one.publisher.pending == 80, most=50)
    assert (kinds(town), one.publisher.aside) == ({"price.changed": 5}, {})
    assert one.publisher.cause()[0] == "broker_refuses"
    one.prices(1)
    one.until(lambda: kinds(town).get("price.changed") == 6, most=50)
    broker.stop()
    broker.start()
    assert town.wait_connected()
    one.until(lambda: one.publisher.pending == 0)
    assert (kinds(town), one.publisher.aside) == ({"city.obeyed": 80, "price.changed": 6}, {})
    assert one.publisher.cause() == ("", "")


def test_a_broker_that_takes_records_and_loses_them_is_left_and_named_though_the_city_answers_births(
    stall: Callable[..., Stall], city: Callable[..., City], mosquitto: Any, tmp_path: Path
) -> None:
    """By MQTT 3.1.1 Mosquitto has no word for a right that is missing: it acknowledges, and loses."""
    rights = tmp_path / "rights.acl"
    rights.write_text("topic read mkt/#\n" + "".join(f"topic write mkt/+/+/+/+/{one}\n" for one in ("state", "ack")))
    rights.chmod(0o644)
    first, second = mosquitto(f"acl_file {rights}"), mosquitto()
    swallowed, town = city(first), city(second)
    one = stall(town, first, second, version="3.1.1")
    one.until(lambda: one.box.showing.board.city.last_ack)
    one.prices(4)
    assert one.until(lambda: one.publisher.pending == 0, most=600) >= 25
    assert (kinds(swallowed), kinds(town)) == ({}, {"price.changed": 4})
    ((broker, cause, why),) = one.left
    assert broker == f"mqtt://127.0.0.1:{first.port}" and cause == "swallowed" and "record 1" in why
    assert one.publisher.cause() == ("", "")
    second.stop()  # back to the first, where nothing comes through; and to the second when that is well again
    one.until(lambda: one.box.wire.broker.endswith(str(first.port)) and one.publisher.up)
    one.prices(1)
    second.start()
    assert town.wait_connected()
    one.until(lambda: one.publisher.pending == 0, most=2000)
    assert (kinds(swallowed), kinds(town)) == ({}, {"price.changed": 5})

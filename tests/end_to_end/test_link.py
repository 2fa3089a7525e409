"""The way to the city as a real station goes it: forged answers, poisoned records, brokers that forget."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from simulator.broker import Broker
from simulator.city.server import City
from simulator.stage import CABBAGE, STATION, StationProcess, Wiring, wait_for

pytestmark = pytest.mark.broker
ACK = "mkt/1/410108/410108001/01/ack"


def register(running: StationProcess) -> str:
    entry = running.post("/api/entries", product=CABBAGE, net_g=1000, origin="河南", supplier="李四")
    return str(entry["test_code"])


@pytest.fixture
def anybody(broker: Broker) -> Iterator[Callable[[bytes, bool], None]]:
    """Publishes on the station's ack topic, as anybody may at this broker."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()

    def publish(payload: bytes, retain: bool) -> None:
        client.publish(ACK, payload, qos=1, retain=retain).wait_for_publish(5)

    yield publish
    client.disconnect()
    client.loop_stop()


def test_forged_answers_move_nothing_and_the_city_gets_all_of_it(
    tmp_path: Path, broker: Broker, station: Callable[..., StationProcess], anybody: Callable[[bytes, bool], None]
) -> None:
    anybody(b'{"upto":3}', True)  # waits at the broker
    running = station(Wiring(broker=broker.url))
    codes = [register(running) for _ in range(5)]
    anybody(b'{"upto":5}', False)
    anybody(b'{"rejected":[{"id":"x","code":"y","reason":"\\ud800"}]}', False)
    wait_for("the count", lambda: dict(running.board()["city"]["odd"]).get("unsigned") == 2)
    assert (running.board()["city"]["acked"], running.board()["city"]["pending"]) == (0, 5)
    with City(broker.url, tmp_path / "city.db", enrol=True) as city:
        wait_for("delivery", lambda: running.board()["city"]["pending"] == 0, 30)
        assert city.summary()["stations"][STATION]["count"] == 5
    view = running.board()["city"]
    assert (view["cause"], view["silent_since"], bool(view["last_ack"])) == ("", "", True)
    there = sqlite3.connect(tmp_path / "city.db")
    assert [code for (code,) in there.execute("SELECT subject FROM events ORDER BY sequence")] == codes


def test_a_silent_city_is_told_with_since_when(broker: Broker, station: Callable[..., StationProcess]) -> None:
    running = station(Wiring(broker=broker.url))
    register(running)
    view = wait_for("the cause", lambda: running.board()["city"]["cause"] and running.board()["city"])
    assert view["up"]
    assert view["cause"] in ("nobody", "silent")
    assert view["silent_since"].startswith("20")


ACL = ("topic readwrite mkt/#", "topic deny mkt/+/+/+/+/evt/trade")
LARGEST = "max_packet_size 1500"  # a sale is larger, goods that come in are not


class Picky(Broker):
    """Mosquitto that does not take sales."""

    def __init__(self, folder: Path, how: str) -> None:
        super().__init__(data_dir=folder, kind="mosquitto")
        self._acl = folder.with_name("acl")
        self._acl.write_text("\n".join(ACL) + "\n")
        self._acl.chmod(0o644)
        self._line = LARGEST if how == "size" else f"acl_file {self._acl}"

    def _configuration(self, port: int) -> Path:
        path = super()._configuration(port)
        path.write_text(f"{path.read_text('utf-8')}{self._line}\n", encoding="utf-8")
        return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "how", "aside", "cause", "why"),
    [
        ("5", "rights", 0, "broker_refuses", "Not authorized"),
        ("3.1.1", "rights", 0, "skipped", "#2"),  # Mosquitto acknowledges it and throws it away
        ("5", "size", 1, "", "the broker takes 1500"),
        ("3.1.1", "size", 1, "", "cut whenever this record is sent"),
    ],
)
def test_a_sale_that_the_broker_does_not_take_holds_up_nothing_else(
    tmp_path: Path,
    station: Callable[..., StationProcess],
    released_lot: Callable[[StationProcess], str],
    version: str,
    how: str,
    aside: int,
    cause: str,
    why: str,
) -> None:
    with (
        Picky(tmp_path / "picky", how) as broker,
        City(broker.url, tmp_path / "city.db", enrol=True) as city,
    ):
        city.wait_connected()
        running = station(Wiring(broker=broker.url, mqtt=version, scale=str(tmp_path / "unplugged")))
        lot = released_lot(running)
        running.post("/api/sales", scale="scale-1", product=CABBAGE, lot=lot, manual_g=500, reason="秤坏了")
        for _ in range(8):
            register(running)
        wait_for("delivery of the rest", lambda: running.board()["city"]["acked"] == 9, 60)
        assert city.summary()["stations"][STATION]["count"] == 9
        told = wait_for(
            "the cause",
            lambda: (view := running.board()["city"])["cause"] == cause and view["aside"] == aside and view,
            60,
        )
        assert told["pending"] == 1 - aside
        assert why in (told["set_aside"][0][1] if aside else told["why"])

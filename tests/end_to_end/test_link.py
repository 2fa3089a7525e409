"""The way to the city as a real station goes it: forged answers, poisoned records, brokers that forget."""

import contextlib
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

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


class Cut(Exception):
    """The connection ends here; the bytes go to the station first."""


class Relay:
    """A way to a real broker on which each packet is looked at: ``look`` answers what goes on in its place.

    It is given whether the station sent it, its first byte and its body, and may raise Cut.
    """

    def __init__(self, broker: Broker, look: Callable[[bool, int, bytes], bytes | None]) -> None:
        self._to, self._look = broker.port, look
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                station, _ = self._server.accept()
                broker = socket.create_connection(("127.0.0.1", self._to))
                for ends in ((station, broker, True), (broker, station, False)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        with contextlib.suppress(OSError, EOFError), source.makefile("rb") as stream:
            try:
                while first := stream.read(1):
                    size, shift, head = 0, 0, first
                    while True:
                        head += (digit := stream.read(1))
                        size |= (digit[0] & 127) << shift
                        shift += 7
                        if digit[0] < 128:
                            break
                    body = stream.read(size)
                    whole = self._look(up, first[0], body)
                    target.sendall(head + body if whole is None else whole)
            except Cut as cut:
                source.sendall(cut.args[0])
            for end in (source, target):
                end.shutdown(socket.SHUT_RDWR)


@pytest.mark.slow
@pytest.mark.parametrize(("version", "goodbye"), [("5", b"\xe0\x02\x87\x00"), ("3.1.1", b"")])
def test_a_topic_that_a_broker_refuses_by_cutting_holds_up_nothing_else(
    tmp_path: Path,
    broker: Broker,
    city: City,
    station: Callable[..., StationProcess],
    released_lot: Callable[[StationProcess], str],
    version: str,
    goodbye: bytes,
) -> None:
    """As brokers do that answer a right that is missing with the end of the connection (with MQTT 5 by its reason)."""
    cuts: list[bytes] = []

    def look(up: bool, first: int, body: bytes) -> bytes | None:
        if up and first & 0xF0 == 0x30 and b"/evt/trade" in body[:60]:
            cuts.append(body)
            raise Cut(goodbye)
        return None

    with Relay(broker, look) as relay:
        running = station(Wiring(broker=relay.url, mqtt=version, scale=str(tmp_path / "unplugged")))
        lot = released_lot(running)
        running.post("/api/sales", scale="scale-1", product=CABBAGE, lot=lot, manual_g=500, reason="秤坏了")
        for _ in range(8):
            register(running)
        told = wait_for("its being set aside", lambda: (view := running.board()["city"])["aside"] == 1 and view, 90)
        wait_for("delivery of the rest", lambda: running.board()["city"]["acked"] == 9, 60)
    assert told["set_aside"][0][0] == 2
    assert "cut whenever this record is sent" in told["set_aside"][0][1]
    assert ("Not authorized" in told["set_aside"][0][1]) == (version == "5")
    assert city.summary()["stations"][STATION]["count"] == 9
    assert 3 <= len(cuts) <= 6


@pytest.mark.slow
def test_a_broker_that_acknowledges_nothing_or_forgets_is_left_for_the_next_of_the_list(
    tmp_path: Path, station: Callable[..., StationProcess]
) -> None:
    def forgets(folder: str) -> Broker:
        return Broker(data_dir=tmp_path / folder, kind="mosquitto")

    def mute(up: bool, first: int, body: bytes) -> bytes | None:
        return b"" if not up and first & 0xF0 == 0x40 else None

    with (
        forgets("first") as first,
        forgets("second") as second,
        forgets("third") as third,
        Relay(first, mute) as relay,
        City(third.url, tmp_path / "city.db", enrol=True) as city,
    ):
        running = station(Wiring(broker=f"{relay.url} {second.url} {third.url}"))
        for _ in range(3):
            register(running)
        seen = set()

        def arrived() -> bool:
            view = running.board()["city"]
            seen.add(view["cause"])
            return bool(view["acked"] == 3)

        wait_for("delivery", arrived, 90)
        assert running.board()["city"]["broker"] == third.url
        assert city.summary()["stations"][STATION]["count"] == 3
    assert "no_puback" in seen
    assert {"silent", "nobody"} & seen

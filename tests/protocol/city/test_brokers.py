"""What the pages about brokers say, as far as it can be tried: the rules for Mosquitto, and the sizes."""

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from protocol.city.commands import COMMANDS
from protocol.city.envelope import HARD_CAP
from protocol.city.events import EVENTS
from protocol.city.photos import CHUNK
from protocol.city.signed import SIGNED_CAP
from protocol.city.topics import Topics
from simulator.broker import find_mosquitto
from simulator.obstacles import free_port
from simulator.stage import wait_for

PAGES = Path(__file__).parents[3] / "protocol" / "city" / "brokers"
OWN, OTHER = Topics("410108", "410108001", "01"), Topics("410108", "410108001", "02")
STATION = "410108/410108001/01"


class Client:
    """Somebody who signed in."""

    def __init__(self, port: int, user: str, *listen: str) -> None:
        self.heard: list[str] = []
        self.said: dict[int, bool] = {}
        ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.username_pw_set(user, "secret")
        self.client.on_message = lambda _c, _d, message: self.heard.append(message.topic)
        self.client.on_publish = lambda _c, _d, mid, code, _p: self.said.update({mid: not code.is_failure})
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe([(topic, 1) for topic in listen])
        assert ready.wait(10)

    def may(self, topic: str) -> bool:
        mid = self.client.publish(topic, b"x", qos=1).mid
        wait_for(f"the answer to {topic}", lambda: mid in self.said)
        return self.said[mid]

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Mosquitto with the rules of its page."""
    (rules,) = re.findall(r"```acl\n(.*?)```", (PAGES / "mosquitto.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "acl").write_text(rules, "utf-8")
    for user in ("city", STATION):
        made = ["-c"] if user == "city" else []
        subprocess.run(["mosquitto_passwd", *made, "-b", str(tmp_path / "passwords"), user, "secret"], check=True)
    for file in (tmp_path, *tmp_path.iterdir(), *tmp_path.parents[:1]):
        file.chmod(0o755)  # it runs as another user
    port = free_port()
    lines = f"listener {port} 127.0.0.1", "allow_anonymous false", f"user {tmp_path.owner()}"
    files = f"password_file {tmp_path}/passwords", f"acl_file {tmp_path}/acl"
    (tmp_path / "mosquitto.conf").write_text("\n".join((*lines, *files)) + "\n", "utf-8")
    program = find_mosquitto()
    assert program
    with subprocess.Popen([program, "-c", str(tmp_path / "mosquitto.conf")], stderr=subprocess.DEVNULL) as broker:

        def up() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_for("mosquitto", up)
        yield port
        broker.terminate()


@pytest.mark.broker
def test_with_the_rules_for_mosquitto_everybody_says_and_hears_what_is_his(port: int) -> None:
    ends = ("evt/+", "alm/+", "state", "res/+", "pho/+")
    city = Client(port, "city", *(f"mkt/1/+/+/+/{end}" for end in ends), "mkt/1/+/+/+/ack")
    station = Client(port, STATION, *OWN.listen, OTHER.ack, f"{OTHER.base}/evt/+", "#")
    own = [OWN.event("trade.completed"), OWN.alarm("lot.held"), OWN.state, OWN.result("stop_lot"), OWN.photo("0" * 64)]
    orders = [OWN.ack, f"{OWN.base}/cmd/stop_lot", f"{OWN.node_base}/cmd/stop_lot"]
    assert all(map(station.may, own))
    assert not any(map(station.may, [*orders, OTHER.event("trade.completed"), OTHER.state, OTHER.ack]))
    assert all(map(city.may, [*orders, OTHER.ack]))
    assert not any(map(city.may, own))
    wait_for("what the station sends", lambda: sorted(city.heard) == sorted(own))
    wait_for("what the city sends", lambda: {*station.heard} >= {*orders})
    assert {*station.heard} == {*orders}  # and nothing by "#"
    city.leave()
    station.leave()


def test_sizes_are_those_of_the_page() -> None:
    page = " ".join((PAGES / "README.md").read_text("utf-8").split())
    found = re.search(r"Packets up to (\d+) kB, topics up to (\d+) characters \(.*?up to (\d+)\)", page)
    assert found
    packets, photo, other = map(int, found.groups())
    assert packets * 1000 >= max(SIGNED_CAP, HARD_CAP, CHUNK) + 200
    assert len(OWN.photo("0" * 64)) == photo
    topics = [OWN.event(kind) for kind in EVENTS] + [f"{OWN.node_base}/cmd/{name}" for name in COMMANDS] + [OWN.ack]
    assert max(map(len, topics)) <= other

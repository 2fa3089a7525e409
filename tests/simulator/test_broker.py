"""Both brokers start, answer, die and come back on the same port."""

import subprocess
import sys
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from simulator.broker import Broker, BrokerFailed, Kind, answers, find_mosquitto

KINDS = [pytest.param("mosquitto", marks=pytest.mark.broker), "embedded"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    if request.param == "mosquitto" and find_mosquitto() is None:
        pytest.fail("mosquitto is not installed: make test installs it")
    chosen: Kind = request.param
    return chosen


def test_it_answers_from_start_to_end(kind: Kind) -> None:
    with Broker(kind=kind) as broker:
        assert answers(broker.port)
        assert broker.url == f"mqtt://127.0.0.1:{broker.port}"
        assert broker.mqtt_version == ("5" if kind == "mosquitto" else "3.1.1")
        port = broker.port
    assert not answers(port)


def test_it_comes_back_on_its_port_after_restart_and_kill(kind: Kind) -> None:
    with Broker(kind=kind) as broker:
        port = broker.port
        broker.restart()
        assert answers(port)
        broker.kill()
        assert not broker.running
        assert not answers(port)
        broker.start()
        assert broker.port == port
        assert answers(port)


def test_it_ends_while_clients_are_talking(kind: Kind) -> None:
    with Broker(kind=kind) as broker:
        clients = [mqtt.Client(CallbackAPIVersion.VERSION2) for _ in range(5)]
        for client in clients:
            client.reconnect_delay_set(1, 1)
            client.connect("127.0.0.1", broker.port)
            client.subscribe("a/#", 1)
            client.loop_start()
            for _ in range(50):
                client.publish("a/x", b"x", qos=1)
        broker.kill()
        assert not answers(broker.port)
        for client in clients:
            client.disconnect()
            client.loop_stop()


def test_a_taken_port_is_named(kind: Kind) -> None:
    with Broker(kind=kind) as broker, pytest.raises(BrokerFailed, match=str(broker.port)):
        Broker(broker.port, kind=kind).start()


@pytest.mark.broker
def test_mosquitto_keeps_what_is_retained_over_a_restart_when_it_has_a_folder(tmp_path: Path) -> None:
    if find_mosquitto() is None:
        pytest.fail("mosquitto is not installed: make test installs it")
    with Broker(data_dir=tmp_path / "data", kind="mosquitto") as broker:
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        client.publish("kept", b"x", qos=1, retain=True).wait_for_publish(5)
        client.disconnect()
        client.loop_stop()
        broker.restart()
    assert (tmp_path / "data" / "mosquitto.db").stat().st_size > 0
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["mosquitto.conf", "mosquitto.db"]


def test_the_command_runs_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-m", "simulator.cli.broker", "--listen", "127.0.0.1:0", "--embedded"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert "kind=embedded mqtt=3.1.1" in first
        assert answers(int(first.split("127.0.0.1:")[1].split()[0]))
        process.terminate()
        assert process.wait(10) == 0


def test_the_command_stays_on_this_machine() -> None:
    command = [sys.executable, "-m", "simulator.cli.broker", "--listen", "0.0.0.0:1883"]
    assert subprocess.run(command, capture_output=True).returncode == 2


@pytest.mark.broker
def test_mosquitto_writes_down_who_connects_and_goes_on_over_a_restart(tmp_path: Path) -> None:
    with Broker(kind="mosquitto", log=tmp_path / "log") as broker:
        before = broker.connects().total()
        for _ in range(600):  # more words than a pipe holds
            assert answers(broker.port)
        assert broker.connects().total() - before == 600
        broker.kill()
        broker.start()
        assert answers(broker.port)
        assert broker.connects().total() - before > 600

"""The city speaks over a real broker: each command reaches a real station once, over restarts of both."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion

from protocol.city.codes import CodeKind, TraceCode
from protocol.city.commands import COMMANDS
from simulator.broker import Broker
from simulator.city.examples import examples
from simulator.city.server import City
from simulator.stage import CABBAGE, DIRECT, NODE, STATION, Refusal, StationProcess, Wiring, wait_for

Start = Callable[[Wiring], StationProcess]


def answer(city: City, id_: str, seconds: float = 20) -> dict[str, Any]:
    """What the station says of a command, once it does."""
    said: dict[str, Any] = wait_for(f"the answer to {id_}", lambda: city.ordered(id_).answers, seconds)[0]
    return said


def enter(running: StationProcess, serial: int = 1, **more: Any) -> str:
    source = str(TraceCode(NODE, CodeKind.SOURCE, "77", serial))
    goods = {"product": CABBAGE, "net_g": 500_000, "origin": "河南", "supplier": "王建国", "upstream": source}
    running.post("/api/entries", **(goods | more))
    return source


def test_each_command_is_done_answered_and_recorded(station: Start, broker: Broker, city: City) -> None:
    running = station(Wiring(broker.url))
    source = enter(running)
    before = examples()
    asked = {"stop_lot": {"lot": source}, "resume_lot": {"lot": source}, "lab_verdict": {"lot": source}}
    kinds = {"lab_verdict": "lot.verdict", "config": "config.applied", "resend": None}
    for name in COMMANDS:
        id_ = city.order(name, STATION, **(before[name] | asked.get(name, {})))
        said = answer(city, id_)
        assert (said["state"], said["code"]) == ("done", ""), name
        assert (said["seq"] is None) == (kinds.get(name, "city.obeyed") is None)
    wait_for("delivery", lambda: running.board()["city"]["pending"] == 0)
    exported = running.command("ledger", "export", "--as", "jsonl", "-c", str(running.config)).splitlines()
    events = [json.loads(line) for line in exported]
    assert [event["type"].split(".")[3:5] for event in events].count(["city", "obeyed"]) == len(COMMANDS) - 3
    assert {event["operator"] for event in events[1:]} == {"city"}
    running.kill()
    broker.restart()
    running.start()
    (found,) = running.call("GET", "/api/directory?q=zmx")["entries"]
    assert (found["state"], found["why"]) == ("suspended", "证照过期")
    assert [one["order"] for one in running.call("GET", "/api/orders")["orders"]] == ["XS-0001"]
    board = running.board()
    assert [one["lot"] for one in board["lab_verdicts"]] == [source]
    assert board["products"][0]["limit_fen"] == 300
    with pytest.raises(Refusal) as refused:
        enter(running, 2, supplier="中牟县绿源合作社")
    assert refused.value.code == "supplier_suspended"
    assert city.summary()["stations"][STATION]["duplicates"] > 0  # resend


def test_a_stop_waits_for_a_station_that_is_away_and_holds_over_restarts_of_both(
    tmp_path: Path, station: Start, city: City, broker: Broker
) -> None:
    running = station(Wiring(broker.url))
    source = enter(running)
    wait_for("delivery", lambda: running.board()["city"]["pending"] == 0)
    running.stop()
    resume = city.order("resume_lot", STATION, lot=source, reason="y")
    focus = city.order("focus_list", f"{NODE}-all", entries=[])
    stop = city.order("stop_lot", f"{NODE}-all", lot=source, reason="召回")
    broker.stop()
    broker.start()
    running.start()
    assert [answer(city, one)["state"] for one in (stop, resume, focus)] == ["done"] * 3
    (first, *_) = [answer(city, one)["seq"] for one in (stop, resume, focus)]
    assert first == min(answer(city, one)["seq"] for one in (stop, resume, focus))  # stops went first
    for _ in range(2):
        assert [lot["stop"] for lot in running.board()["lots"]] == ["召回"]
        running.kill()
        running.start()
    with pytest.raises(Refusal) as refused:
        running.post("/api/sales", scale="scale-1", product=CABBAGE, lot=source)
    assert refused.value.code in ("lot_stopped", "no_scale")
    assert running.board()["city"]["written"] == 4


def test_forged_and_repeated_ones_over_the_broker_change_nothing(station: Start, broker: Broker, city: City) -> None:
    running = station(Wiring(broker.url))
    source = enter(running)
    heard: list[bytes] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_message = lambda _client, _data, message: heard.append(bytes(message.payload))
    client.connect("127.0.0.1", broker.port)
    client.subscribe("mkt/1/+/+/+/cmd/+", 1)
    client.loop_start()
    try:
        answer(city, city.order("stop_lot", STATION, lot=source, reason="召回"))
        topic = f"mkt/1/410108/{NODE}/01/cmd/stop_lot"
        wait_for("the command on the wire", lambda: heard)
        written = running.board()["city"]["written"]
        for payload in (heard[0], heard[0].replace(b"\\u", b"x"), b"{}", b"\xff" * 100, heard[0] + b" " * 70_000):
            client.publish(topic, payload, qos=1).wait_for_publish(10)
        client.publish(topic, heard[0].replace(source.encode(), b"4" * 20), qos=1).wait_for_publish(10)
        counted = wait_for(
            "all of them counted",
            lambda: (said := dict(running.board()["city"]["odd"])).get("cmd_bad_signature") and said,
        )
        assert counted == {
            "cmd_repeated": 2,
            "cmd_unsigned": 1,
            "cmd_unreadable": 1,
            "too_large": 1,
            "cmd_bad_signature": 1,
        }
        assert running.board()["city"]["written"] == written
    finally:
        client.disconnect()
        client.loop_stop()
    with DIRECT.open(f"{running.url}/metrics") as response:
        assert 'marketedge_messages_not_taken_total{why="cmd_repeated"} 2.0' in response.read().decode()


def test_a_key_of_the_city_is_exchanged(tmp_path: Path, station: Start, broker: Broker, city: City) -> None:
    running = station(Wiring(broker.url))
    source = enter(running)
    fresh = Ed25519PrivateKey.generate()
    answer(city, city.order("keys", STATION, add=[fresh.public_key().public_bytes_raw().hex()]))
    city._platform._key = fresh
    assert answer(city, city.order("keys", STATION, revoke=[city.key]))["state"] == "done"
    running.kill()
    running.start()
    assert answer(city, city.order("stop_lot", STATION, lot=source, reason="x"))["state"] == "done"
    enter(running, 2)
    wait_for("acknowledgement by the new key", lambda: running.board()["city"]["pending"] == 0)


def test_the_command_line_sends_and_waits_for_the_answers(station: Start, broker: Broker, city: City) -> None:
    running = station(Wiring(broker.url))
    source = enter(running)
    wait_for("delivery", lambda: running.board()["city"]["pending"] == 0)

    def send(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "simulator.cli", "city", "--db", str(city.db), "send", *words]
        return subprocess.run(command, capture_output=True, text=True, input=given, check=False)

    done = send("stop_lot", "--station", STATION, "--lot", source, "--reason", "召回", "--wait", "20")
    assert (done.returncode, f"station={STATION} state=done" in done.stdout) == (0, True), done.stderr
    assert [lot["stop"] for lot in running.board()["lots"]] == ["召回"]
    done = send(
        "config", "--station", f"{NODE}-all", "--json", "-", "--wait", "20", given='{"settings":{"web.listen":"x"}}'
    )
    assert done.returncode == 1 and "code=not_settable" in done.stdout
    assert send("config", "--station", STATION, "--json", "-", given="[]").returncode == 2
    assert send("stop_lot", "--station", "x").returncode == 2
    assert json.loads(send("orders", "--example").stdout) == examples()["orders"]
    running.stop()
    done = send("stop_lot", "--station", STATION, "--lot", source, "--reason", "x", "--wait", "0.2")
    assert done.returncode == 1 and "no answer yet" in done.stderr

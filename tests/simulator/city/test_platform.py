"""What the city answers, over a real broker."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from protocol.city.envelope import HARD_CAP, hash_of
from protocol.city.signed import BadSigned, CityKeys, Verifier
from protocol.city.topics import ack_of
from simulator.broker import Broker
from simulator.city import City
from simulator.city.keys import hex_beside

pytestmark = pytest.mark.broker


def counts(city: City, station: str = "410108001-01") -> dict[str, Any]:
    return dict(city.summary()["stations"][station])


def test_events_in_order_are_acknowledged_up_to_the_last(town: Any) -> None:
    city, station, wire = town
    for body in (station.entry(), station.result(), station.trade()):
        wire.event(body)
    wire.until(lambda w: w.upto == 3)
    assert not wire.rejected
    assert {name: city.summary()[name] for name in ("entries", "results", "trades")} == {
        "entries": 1,
        "results": 1,
        "trades": 1,
    }
    assert counts(city) == {
        "upto": 3,
        "count": 3,
        "rejected": 0,
        "duplicates": 0,
        "gaps": 0,
        "chain_ok": True,
        "torn": "",
    }


def test_every_answer_is_signed_for_its_station_and_names_the_hash_of_the_record_it_ends_at(town: Any) -> None:
    city, station, wire = town
    bodies = [station.entry(n) for n in range(1, 4)]
    for body in (*bodies, station.entry(4, net_g=-1)):
        wire.event(body)
    wire.until(lambda w: w.upto == 4)
    told = len(wire.acks)
    wire.state(station.state())
    wire.until(lambda w: len(w.acks) > told)
    verifier = Verifier(CityKeys.parse(city.key), station.name)
    for payload in wire.payloads:
        signed = verifier.read(payload, "ack")
        verifier.taken(signed, "ack")
        said = ack_of(signed.fields)
        if said.upto in (1, 2, 3):
            assert said.hash == hash_of(bodies[said.upto - 1])
    assert any(ack.rejected for ack in wire.acks)
    with pytest.raises(BadSigned):
        Verifier(CityKeys.parse(city.key), "410108001-02").read(wire.payloads[0], "ack")


def test_the_citys_key_is_made_once_private_and_may_be_named(tmp_path: Path) -> None:
    first, again = (City("mqtt://127.0.0.1:1", tmp_path / "city.db") for _ in range(2))
    assert first.key == again.key == hex_beside(tmp_path / "city.db")
    assert (tmp_path / "city.key").stat().st_mode & 0o077 == 0
    other = City("mqtt://127.0.0.1:1", tmp_path / "city.db", key_file=tmp_path / "other.key")
    assert other.key != first.key
    (tmp_path / "bad.key").write_text("no key")
    with pytest.raises(ValueError):
        City("mqtt://127.0.0.1:1", tmp_path / "city.db", key_file=tmp_path / "bad.key")


def test_a_repeat_is_dropped_counted_and_answered_again(town: Any) -> None:
    city, station, wire = town
    body = station.entry()
    wire.event(body)
    wire.until(lambda w: w.upto == 1)
    wire.acks.clear()
    wire.event(body)
    wire.until(lambda w: w.upto == 1)
    assert counts(city)["duplicates"] == 1
    assert counts(city)["count"] == 1


def test_an_alarm_ahead_of_the_backlog_is_acknowledged_by_id(town: Any) -> None:
    city, station, wire = town
    backlog = [station.entry(n) for n in range(1, 6)]
    alarm = station.result(1, "unqualified")
    wire.event(alarm, alarm=True)
    wire.until(lambda w: json.loads(alarm)["id"] in w.ids)
    assert wire.upto == 0
    assert counts(city)["gaps"] == 5
    for body in backlog:
        wire.event(body)
    wire.until(lambda w: w.upto == 6)
    assert counts(city)["gaps"] == 0
    assert counts(city)["chain_ok"]


def test_events_out_of_order_are_all_kept(town: Any) -> None:
    city, station, wire = town
    bodies = [station.entry(n) for n in range(1, 21)]
    for body in reversed(bodies):
        wire.event(body)
    wire.until(lambda w: w.upto == 20)
    assert counts(city) | {"duplicates": 0} == {
        "upto": 20,
        "count": 20,
        "rejected": 0,
        "duplicates": 0,
        "gaps": 0,
        "chain_ok": True,
        "torn": "",
    }


def test_a_refused_record_does_not_hold_up_the_rest(town: Any) -> None:
    city, station, wire = town
    first, bad, unknown, last = (
        station.entry(),
        station.entry(2, net_g="52000"),
        station.event("lot.eaten", {}),
        station.entry(3),
    )
    for body in (first, bad, unknown, last):
        wire.event(body)
    wire.until(lambda w: w.upto == 4)
    assert wire.rejected == {json.loads(bad)["id"]: "bad_data", json.loads(unknown)["id"]: "unknown_type"}
    assert counts(city) | {} == {
        "upto": 4,
        "count": 2,
        "rejected": 2,
        "duplicates": 0,
        "gaps": 0,
        "chain_ok": True,
        "torn": "",
    }
    wire.acks.clear()
    wire.event(bad)
    wire.until(lambda w: w.rejected == {json.loads(bad)["id"]: "bad_data"})


def test_a_refusal_comes_no_later_than_the_count_that_passes_it(town: Any) -> None:
    _, station, wire = town
    bad = station.entry(net_g=-1)
    wire.event(bad)
    wire.until(lambda w: w.upto == 1)
    passing = next(place for place, ack in enumerate(wire.acks) if ack.upto == 1)
    assert any(ack.rejected for ack in wire.acks[: passing + 1])


def test_a_birth_is_answered_with_the_count_and_the_refusals_of_before(town: Any) -> None:
    _, station, wire = town
    bad = station.entry(net_g=-1)
    wire.event(bad)
    wire.until(lambda w: w.upto == 1)
    wire.acks.clear()
    wire.state(station.state())
    wire.until(lambda w: w.upto == 1)
    assert wire.rejected == {json.loads(bad)["id"]: "bad_data"}


def test_altered_bytes_leave_the_gap_open_until_the_true_ones_come(town: Any) -> None:
    city, station, wire = town
    true, after = station.entry(), station.entry(2)
    wire.event(true.replace(b'"net_g":52000', b'"net_g":62000'))
    wire.event(after)
    wire.until(lambda w: json.loads(after)["id"] in w.ids)
    assert wire.rejected == {json.loads(true)["id"]: "bad_signature"}
    assert wire.upto == 0
    wire.event(true)
    wire.until(lambda w: w.upto == 2)
    assert counts(city)["chain_ok"]


def test_another_ledger_under_used_numbers_is_a_fork(town: Any) -> None:
    city, station, wire = town
    first = station.entry()
    wire.event(first)
    wire.until(lambda w: w.upto == 1)
    other = station.seal("entry.registered", json.loads(first)["data"], 1, "0" * 64, id="0197-other")
    wire.event(other)
    wire.until(lambda w: w.rejected == {"0197-other": "fork"})
    assert not counts(city)["chain_ok"]
    assert httpx.get(f"{city.url}/api/events/{station.name}").content == first + b"\n"


def test_a_used_id_under_another_number_is_a_fork_and_takes_its_number(town: Any) -> None:
    city, station, wire = town
    first = station.entry()
    second = station.event("entry.registered", json.loads(first)["data"], id=json.loads(first)["id"])
    third = station.entry(3)
    for body in (first, second, third):
        wire.event(body)
    wire.until(lambda w: w.upto == 3)
    assert not counts(city)["chain_ok"]
    assert counts(city)["count"] == 2


def test_what_does_not_follow_is_refused_and_takes_no_number(town: Any) -> None:
    city, station, wire = town
    wire.event(station.entry())
    wire.until(lambda w: w.upto == 1)
    before, station.prevhash = station.prevhash, hash_of(b"another past")
    loose = station.entry(2)
    wire.event(loose)
    wire.until(lambda w: w.rejected == {json.loads(loose)["id"]: "broken_chain"})
    assert (wire.upto, counts(city)["torn"]) == (1, "record 2 does not follow the record before it")
    station.sequence, station.prevhash = 1, before
    wire.event(station.event("entry.registered", json.loads(loose)["data"], id="0197-true"))
    wire.until(lambda w: w.upto == 2)


def test_what_was_kept_before_the_one_before_it_came_is_not_passed(town: Any) -> None:
    city, station, wire = town
    wire.event(station.entry())
    station.prevhash = hash_of(b"another past")
    loose, last = station.entry(2), station.entry(3)
    wire.event(last)
    wire.event(loose)
    wire.until(lambda w: w.rejected == {json.loads(loose)["id"]: "broken_chain"})
    assert wire.upto == 1
    assert counts(city)["torn"]
    assert city.summary()["entries"] == 2


def test_an_unknown_key_is_told_and_the_record_taken_once_the_key_is_there(
    broker: Broker, tmp_path: Path, signer: Any, wire: Any, eventually: Any
) -> None:
    station = signer()
    body = station.entry()
    with City(broker.url, tmp_path / "city.db") as city:
        assert city.wait_connected()
        line = wire(broker, station.topics)
        line.event(body)
        line.until(lambda w: w.rejected == {json.loads(body)["id"]: "unknown_key"})
        command = [sys.executable, "-m", "simulator.city.commands", "keys", "add", station.name, station.hex]
        subprocess.run([*command, "--db", str(tmp_path / "city.db")], check=True, capture_output=True)
        line.event(body)
        line.until(lambda w: w.upto == 1)


def test_enrolment_trusts_the_first_key_and_shows_the_second(
    broker: Broker, tmp_path: Path, signer: Any, wire: Any, eventually: Any
) -> None:
    station, thief = signer(seed=1), signer(seed=2)
    with City(broker.url, tmp_path / "city.db", enrol=True) as city:
        assert city.wait_connected()
        line = wire(broker, station.topics)
        line.state(station.state())
        body = station.entry()
        line.event(body)
        line.until(lambda w: w.upto == 1)
        line.state(thief.state())
        line.event(thief.entry())
        line.until(lambda w: "unknown_key" in w.rejected.values())
        page = httpx.get(f"{city.url}/?lang=en").text
        assert thief.hex in page
        assert "Enrolment is on" in page


def test_hostile_and_oversized_payloads_are_counted_and_harm_nothing(town: Any) -> None:
    city, station, wire = town
    true = station.entry()
    wrong_source = station.seal("entry.registered", {}, 9, "0" * 64, source="https://x/edge/999999999-01", id="w")
    for payload in (
        b"",
        b"\xff\x00",
        b"[" * 50_000,
        b'{"id":"\\ud800"}',
        b'{"id":"half","sequence":1}',
        b"x" * (HARD_CAP + 1),
        b'{"a":' + b"9" * 5000 + b"}",
        wrong_source,
    ):
        wire.event(payload)
    for state in (b"[]", b"{}", b"x" * 9000, b'{"sig":1}'):
        wire.state(state)
    for topic in ("mkt/1/a/b/c/evt/x", "mkt/1/410108/410108001/01/alm/%23", "mkt/1/../../../evt/x"):
        wire.client.publish(topic, b"{}", qos=1)
    wire.event(true)
    wire.until(lambda w: w.upto == 1)
    assert wire.rejected == {"half": "unreadable", "w": "wrong_source"}
    assert counts(city)["rejected"] == 12
    assert counts(city)["gaps"] == 0


def test_a_station_cannot_speak_for_another(town: Any, signer: Any, broker: Broker, wire: Any) -> None:
    city, station, _ = town
    body = station.entry()
    other = signer(terminal="02", seed=2)
    line = wire(broker, other.topics)
    line.event(body)
    line.until(lambda w: w.rejected == {json.loads(body)["id"]: "unknown_key"})
    assert city.summary()["entries"] == 0


def test_city_and_stations_find_each_other_again_after_the_broker_died(town: Any, broker: Broker) -> None:
    # The one that is back last makes the other speak: the city greets, the station tells its birth.
    _, station, wire = town
    wire.state(station.state())
    wire.event(station.entry())
    wire.until(lambda w: w.upto == 1)
    broker.kill()
    broker.start()
    wire.acks.clear()
    wire.until(lambda w: w.upto == 1, 15)
    wire.event(station.entry(2))
    wire.until(lambda w: w.upto == 2)


def start_city(broker: Broker, db: Path, key: str) -> "subprocess.Popen[bytes]":
    options = ["--broker", broker.url, "--db", str(db), "--listen", "127.0.0.1:0", "--trust", key]
    command = [sys.executable, "-m", "simulator.city.commands", *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_nothing_acknowledged_is_missing_after_the_city_was_killed(
    broker: Broker, tmp_path: Path, signer: Any, wire: Any
) -> None:
    station = signer()
    line = wire(broker, station.topics)
    bodies = [station.entry(n) for n in range(1, 401)]
    db, key = tmp_path / "city.db", f"{station.name}={station.hex}"
    process = start_city(broker, db, key)
    stop = threading.Event()

    def pump() -> None:
        """Twenty records a time, and again after half a second without an answer: a slow city is not buried."""
        while not stop.is_set():
            upto = line.upto
            for body in bodies[max(0, upto) :][:20]:
                line.event(body)
            with suppress(AssertionError):
                line.until(lambda w, upto=upto: w.upto != upto or stop.is_set(), 0.5)

    feeder = threading.Thread(target=pump)
    feeder.start()
    try:
        for goal in (60, 150):
            line.until(lambda w, goal=goal: w.upto >= goal, 20)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            told = line.upto
            process = start_city(broker, db, key)
            line.until(lambda w, told=told: w.acks[-1].upto is not None and w.acks[-1].upto >= told, 20)
        line.until(lambda w: w.upto == 400, 30)
    finally:
        stop.set()
        feeder.join()
        process.send_signal(signal.SIGTERM)
        ended = process.wait(30)
    assert ended == 0
    with City(broker.url, db) as city:
        answer = counts(city)
        assert (answer["upto"], answer["count"], answer["gaps"], answer["chain_ok"]) == (400, 400, 0, True)
        kept = httpx.get(f"{city.url}/api/events/{station.name}?after=0").content
    assert kept == b"".join(body + b"\n" for body in bodies)


def test_the_embedded_broker_carries_it_end_to_end(tmp_path: Path, signer: Any, wire: Any) -> None:
    station = signer()
    with Broker(kind="embedded") as broker:
        assert broker.mqtt_version == "3.1.1"
        with City(broker.url, tmp_path / "city.db", enrol=True, mqtt_version="3.1.1") as city:
            assert city.wait_connected()
            line = wire(broker, station.topics)
            line.state(station.state())
            for serial in range(1, 51):
                line.event(station.entry(serial))
            line.until(lambda w: w.upto == 50, 20)
            broker.restart()
            line.acks.clear()
            line.until(lambda w: w.upto == 50, 20)
            line.event(station.trade())
            line.until(lambda w: w.upto == 51, 20)
            assert city.summary()["trades"] == 1

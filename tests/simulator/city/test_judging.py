"""What the city makes of bytes, without broker and disk; and what its store does with bad ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.city.envelope import hash_of
from protocol.city.topics import ACK_CAP, OPEN_CODES, Ack, Rejected
from simulator.city import store as stores
from simulator.city.platform import Draft, Judged, acks_of, judge
from simulator.city.server import City, check_key, check_station
from simulator.city.store import Store


@given(st.binary(max_size=200) | st.text(max_size=50).map(lambda text: json.dumps({"id": text}).encode()))
def test_whatever_comes_is_an_open_refusal(body: bytes) -> None:
    answer = judge(body, "410108001-01", bytes(32))
    assert isinstance(answer, Rejected)
    assert answer.code in OPEN_CODES
    answer.id.encode()


def test_a_final_code_needs_the_stations_own_signature(signer: Any) -> None:
    station, thief = signer(), signer(seed=2)
    stolen = thief.entry(net_g=-1)
    assert getattr(judge(stolen, station.name, bytes.fromhex(station.hex)), "code", "") == "unknown_key"
    altered = station.entry().replace(b'"net_g":52000', b'"net_g":-5200')
    assert getattr(judge(altered, station.name, bytes.fromhex(station.hex)), "code", "") == "bad_signature"
    own = judge(station.entry(net_g=-1), station.name, bytes.fromhex(station.hex))
    assert isinstance(own, Judged)
    assert own.code == "bad_data"
    assert own.reason.startswith("net_g")


@pytest.mark.parametrize("change", [{"net_g": "52000"}, {"net_g": 5.5}, {"net_g": True}, {"more": 1}, {"goods": None}])
def test_data_is_not_bent_into_shape(signer: Any, change: dict[str, Any]) -> None:
    station = signer()
    assert getattr(judge(station.entry(**change), station.name, bytes.fromhex(station.hex)), "code", "") == "bad_data"


def test_a_step_of_the_clock_is_taken(signer: Any) -> None:
    station = signer()
    step = {
        "boot_id": "4d1c5ef3-0f4b-4c3b-9d83-6e0a3f6a9f10",
        "offset_ms": -1_139_000_000_000,
        "before": "2063-01-01T08:00:00.000000+08:00",
        "after": "2026-11-29T09:00:00.000000+08:00",
        "state": "synced",
        "source": "kernel",
        "why": "synced",
        "person": None,
    }
    judged = judge(station.event("clock.step", step, subject=station.name), station.name, bytes.fromhex(station.hex))
    assert isinstance(judged, Judged)
    assert (judged.kind, judged.code) == ("clock.step", "")


def test_long_answers_are_cut_and_the_count_comes_last() -> None:
    draft = Draft("s")
    draft.kept = {f"{n:064d}": n for n in range(1, 1501)}
    draft.rejected = {f"r{n:063d}": Rejected(f"r{n:063d}", "bad_data", "错" * 200) for n in range(300)}
    acks = acks_of(draft, 700, "ab" * 32)
    assert all(len(ack.encode()) < ACK_CAP for ack in acks)
    assert [ack.upto for ack in acks] == [None] * (len(acks) - 1) + [700]
    assert acks[-1].hash == "ab" * 32
    assert acks_of(Draft("s"), 0, "0" * 64) == [Ack(0)]
    assert sum(len(ack.ids) for ack in acks) == 800
    assert sum(len(ack.rejected) for ack in acks) == 300


def test_refusals_are_counted_but_not_all_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signer: Any) -> None:
    monkeypatch.setattr(stores, "REFUSALS_KEPT", 20)
    monkeypatch.setattr(stores, "STRANGERS_KEPT", 10)
    store, station = Store(tmp_path / "city.db"), signer()
    with store.batch():
        store.trust(station.name, station.hex, "registered")
        for n in range(100):
            store.refuse(station.name, "x", "bad_signature", "", b"%d" % n)
    for n in range(50):
        with store.batch():
            store.refuse(f"99999{n:04d}-01", "x", "unknown_key", "", b"%d" % n)
    assert store.station(station.name).rejected == 100
    assert store.db.table("refusals").count_where("station = ?", [station.name]) == 20
    assert store.db.table("stations").count <= 14
    assert store.station("?").rejected >= 36
    store.close()


def test_a_batch_that_fails_leaves_nothing_behind(tmp_path: Path, signer: Any) -> None:
    store, station = Store(tmp_path / "city.db"), signer()
    body = station.entry()
    with pytest.raises(RuntimeError), store.batch():
        store.add(station.name, "b", json.loads(body), "entry.registered", body, False, "", "")
        store.advance(station.name)
        raise RuntimeError
    assert store.station(station.name).upto == 0
    with store.batch():
        assert not store.add(station.name, "b", json.loads(body), "entry.registered", body, False, "", "").known
        assert not store.advance(station.name)
    assert store.station(station.name).upto == 1
    store.close()


def test_what_does_not_follow_is_refused_in_the_same_batch_too(tmp_path: Path, signer: Any) -> None:
    store, station = Store(tmp_path / "city.db"), signer()
    first = station.entry()
    station.prevhash = hash_of(b"another past")
    loose, last = station.entry(2), station.entry(3)
    with store.batch():
        taken = [
            store.add(station.name, "b", json.loads(body), "entry.registered", body, False, "", "")
            for body in (first, last, loose)
        ]
    assert [one.rejected and one.rejected.code for one in taken] == [None, None, "broken_chain"]
    assert store.station(station.name).upto == 1
    store.close()


def test_a_long_run_is_walked_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signer: Any) -> None:
    monkeypatch.setattr(stores, "ADVANCE_AT_ONCE", 10)
    store, station = Store(tmp_path / "city.db"), signer()
    bodies = [station.entry(n) for n in range(1, 26)]
    with store.batch():
        for body in reversed(bodies):
            store.add(station.name, "b", json.loads(body), "entry.registered", body, False, "", "")
    steps = 0
    more = True
    while more:
        with store.batch():
            more = store.advance(station.name)
        steps += 1
    assert (store.station(station.name).upto, steps) == (25, 3)
    store.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"broker": "http://x"},
        {"broker": "mqtt://"},
        {"listen": "here"},
        {"listen": "127.0.0.1:99999"},
        {"mqtt_version": "4"},
        {"keys": {"x": "00" * 32}},
        {"keys": {"410108001-01": "zz" * 32}},
    ],
)
def test_a_wrong_setting_is_refused_before_anything_starts(tmp_path: Path, wrong: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"broker": "mqtt://127.0.0.1:1", "db": tmp_path / "city.db"} | wrong
    with pytest.raises(ValueError):
        City(**settings)
    assert not list(tmp_path.iterdir())


def test_keys_and_stations_are_written_one_way() -> None:
    assert check_station("410108001-01") == "410108001-01"
    assert check_key(" " + "AB" * 32) == "ab" * 32

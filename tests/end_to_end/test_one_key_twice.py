"""A card was copied: two boxes with one key, ledger and mark sell at once at a real broker, before a real city."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.broker import Broker
from simulator.city.keys import hex_beside
from simulator.city.server import City
from simulator.stage import CABBAGE, STATION, Refusal, StationProcess, Wiring, wait_for

pytestmark = pytest.mark.broker


def register(box: StationProcess) -> str:
    """The code of goods that came in; empty while the ledger is held."""
    try:
        return str(box.post("/api/entries", product=CABBAGE, net_g=1000, origin="河南", supplier="李四")["test_code"])
    except Refusal as no:
        assert no.code == "other_ledger"
        return ""


def held(box: StationProcess) -> bool:
    return bool(box.board()["city"]["cause"] == "disagree")


def goes_on(box: StationProcess) -> None:
    words = ["ledger", "continue", "--person", "王敏", "--why", "卡被复制", "-c", str(box.config)]
    command = [sys.executable, "-m", "edge.cli", *words]
    wait_for("the way on", lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, 30, 0.5)
    wait_for("agreement", lambda: not held(box) and box.board()["city"]["pending"] == 0, 30)


def test_both_are_held_or_the_city_has_all_of_it_and_each_goes_on_by_the_command(
    tmp_path: Path, broker: Broker, city: City, station: Callable[..., StationProcess]
) -> None:
    one = station(Wiring(broker=broker.url))
    codes = [register(one) for _ in range(3)]
    wait_for("delivery", lambda: one.board()["city"]["pending"] == 0)
    one.stop()
    shutil.copytree(one.folder, tmp_path / "copy")
    with StationProcess(
        tmp_path / "copy", Wiring(broker=broker.url, city_key=hex_beside(tmp_path / "city.db"))
    ) as other:
        one.start()
        there = {box: [] for box in (one, other)}

        def business() -> bool:
            for box, answered in there.items():
                answered.append(register(box))
            return any(held(box) for box in there)

        wait_for("one that is held", business, 40, 0.2)
        for goes, stays in ((one, other), (other, one)):
            stays.stop()
            if not goes.running:
                goes.start()
            wait_for("its word", lambda goes=goes: held(goes) or goes.board()["city"]["pending"] == 0, 40)
            if held(goes):
                goes_on(goes)
            there[goes].append(register(goes))
            assert there[goes][-1]
            wait_for("delivery", lambda goes=goes: goes.board()["city"]["pending"] == 0, 40)
    said = city.summary()["stations"][STATION]
    assert said["gaps"] == 0
    events = [
        json.loads(body)
        for (body,) in sqlite3.connect(tmp_path / "city.db").execute("SELECT body FROM events ORDER BY sequence")
    ]
    subjects = {event["subject"] for event in events}
    assert {*codes} <= subjects
    for box, answered in there.items():
        numbers = named(box)
        lost = [code for code in answered if code and code not in subjects and code not in numbers]
        assert not lost, f"{lost} are neither with the city nor named by {box.folder}"


def named(box: StationProcess) -> set[str]:
    """The codes of what stands among its rejected records."""
    with sqlite3.connect(box.folder / "data/ledger.db") as db:
        rows = db.execute("SELECT first, last FROM stretches WHERE what = 'aside'").fetchall()
        aside = {seq for first, last in rows for seq in range(first, last + 1)}
    lines = box.command("ledger", "export", "--as", "jsonl", "-c", str(box.config)).splitlines()
    events = [json.loads(line) for line in lines]
    return {event["subject"] for event in events if int(event["sequence"]) in aside}

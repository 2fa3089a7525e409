"""A station's key is changed between two days: the real city follows, and takes what was not delivered before."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from simulator.broker import Broker
from simulator.city.reader import Reader
from simulator.city.server import City
from simulator.stage import CABBAGE, STATION, StationProcess, Wiring, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def claimed(tmp_path: Path) -> int:
    """How far the station's newest birth that the city believes goes."""
    with Reader(tmp_path / "city.db") as reader:
        return next(one.claimed for one in reader.stations() if one.station == STATION)


def test_what_waited_and_what_comes_after_the_change_is_delivered(
    tmp_path: Path, broker: Broker, city: City, station: Callable[[Wiring], StationProcess]
) -> None:
    box = station(Wiring(broker=broker.url))

    def enter(net_g: int) -> None:
        box.post("/api/entries", product=CABBAGE, net_g=net_g, origin="河南", supplier="李四")

    enter(1000)
    wait_for("delivery", lambda: box.board()["city"]["pending"] == 0, 20)
    broker.stop()
    enter(2000)
    box.stop()
    told = box.command("keys", "rotate", "-c", str(box.config), "--person", "王敏", "--why", "离职")
    assert "it names the new key" in told
    new = re.search(r"[0-9a-f]{64}", told)
    broker.start()
    box.start()
    enter(3000)
    wait_for("delivery", lambda: box.board()["city"]["pending"] == 0, 30)
    assert box.board()["city"]["set_aside"] == []
    with Reader(tmp_path / "city.db") as reader:
        events = [json.loads(body) for body in reader.events_of(STATION, 0, 100)]
        assert reader.key_of(STATION) == bytes.fromhex(new[0] if new else "")
    kinds = [event["type"].split(".market.")[1] for event in events]
    assert kinds.count("entry.registered.v1") == 3 and kinds.count("key.rotated.v1") == 1
    assert len({event["kid"] for event in events}) == 2
    assert city.summary()["stations"][STATION]["upto"] == len(events)
    wait_for("a birth by the new key", lambda: claimed(tmp_path) >= 3, 20)
    assert json.loads(box.command("ledger", "verify", "-c", str(box.config)).splitlines()[-1])["ok"]
    assert httpx.get(f"{box.url}/health").status_code in (200, 503)

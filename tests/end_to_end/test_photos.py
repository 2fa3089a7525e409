"""A photo of a record reaches the city whole, after the record, over a kill and a broker that restarts."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from protocol.city.photos import hash_of
from simulator.broker import Broker
from simulator.city.server import City
from simulator.stage import CABBAGE, StationProcess, Wiring, wait_for

pytestmark = pytest.mark.broker


def test_it_arrives_over_a_kill_and_a_restarted_broker(
    station: Callable[[Wiring], StationProcess], broker: Broker, city: City, a_photo: Any
) -> None:
    running = station(Wiring(broker.url))
    data = a_photo(side=600, kind="PNG")
    assert len(data) > 1_000_000
    sent = httpx.post(f"{running.url}/api/photos", content=data, headers={"Content-Type": "image/png"}, timeout=20)
    assert sent.json() == {"sha256": hash_of(data)}
    running.post(
        "/api/entries", product=CABBAGE, net_g=1000, origin="河南", supplier="李四", photos=[sent.json()["sha256"]]
    )
    running.kill()
    broker.restart()
    running.start()

    def arrived() -> bool:
        return httpx.get(f"{city.url}/photos/{hash_of(data)}").status_code == 200

    wait_for("the photo", arrived, 30)
    assert httpx.get(f"{city.url}/photos/{hash_of(data)}").content == data
    wait_for("the record's acknowledgement", lambda: running.board()["city"]["pending"] == 0, 30)

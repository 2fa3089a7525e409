"""A whole market on loopback: real Mosquitto, real city and station processes, devices on real ptys."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol.city.codes import CodeKind, TraceCode
from simulator.broker import Broker
from simulator.city.keys import hex_beside
from simulator.city.server import City
from simulator.stage import CABBAGE, NODE, STATION, StationProcess, Wiring, wait_for


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(data_dir=tmp_path / "broker", kind="mosquitto") as running:
        yield running


@pytest.fixture
def city(tmp_path: Path, broker: Broker) -> Iterator[City]:
    with City(broker.url, tmp_path / "city.db", enrol=True) as running:
        yield running


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Callable[..., StationProcess]]:
    """Starts a station with this wiring, which knows the city's key; stops it at the end and shows its log when the
    test fails."""
    with ExitStack() as stack:

        def start(wiring: Wiring) -> StationProcess:
            wiring = replace(wiring, city_key=hex_beside(tmp_path / "city.db"))
            process = StationProcess(tmp_path / "station", wiring)
            stack.callback(lambda: sys.stderr.write(process.log.read_text("utf-8")))
            return stack.enter_context(process)

        yield start


@pytest.fixture
def released_lot() -> Callable[[StationProcess], str]:
    """Registers cabbage that already has a source code from upstream; answers its test code."""

    def register(running: StationProcess) -> str:
        source = str(TraceCode(NODE, CodeKind.SOURCE, "77", 1))
        entry = running.post(
            "/api/entries", product=CABBAGE, net_g=500_000, origin="河南", supplier="绿源合作社", upstream=source
        )
        return str(entry["test_code"])

    return register


@pytest.fixture
def delivered() -> Callable[[StationProcess, City], dict[str, Any]]:
    """Waits until the city has everything; answers what the city says of the station."""

    def wait(running: StationProcess, platform: City) -> dict[str, Any]:
        wait_for("delivery", lambda: running.board()["city"]["pending"] == 0, 20)
        said: dict[str, Any] = platform.summary()["stations"][STATION]
        return said

    return wait

"""A whole market on loopback: real Mosquitto, real city and station processes, devices on real ptys.

What stands there comes from ``simulator.pytest_plugin``; a station here is wired by its test.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.city.keys import hex_beside
from simulator.stage import StationProcess, Wiring


@pytest.fixture(scope="session")
def broker_kind() -> str:
    return "mosquitto"


@pytest.fixture
def station(tmp_path: Path, start_station: Callable[[Wiring], StationProcess]) -> Callable[[Wiring], StationProcess]:
    """Starts a station with this wiring, which knows the key of a city in this folder, whoever starts that."""
    return lambda wiring: start_station(replace(wiring, city_key=hex_beside(tmp_path / "city.db")))

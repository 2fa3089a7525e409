"""A box out of its carton: a token, one command, and it delivers; the others of its market know it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.broker import Broker
from simulator.city.server import City
from simulator.stage import CABBAGE, StationProcess, Wiring, wait_for

pytestmark = pytest.mark.broker
SEAT = "321300007-04"


def test_a_box_out_of_its_carton_becomes_a_station(tmp_path: Path, broker: Broker) -> None:
    with City(broker.url, tmp_path / "city.db") as city:  # trusts nobody by itself
        supplier = {"code": "4101080010456", "name": "绿源合作社", "state": "active"}
        city.order("directory", SEAT, mode="update", suppliers=[supplier])
        command = [
            sys.executable,
            "-m",
            "simulator.cli",
            "city",
            "--db",
            str(tmp_path / "city.db"),
            "enrol",
            "new",
            SEAT,
        ]
        given = subprocess.run([*command, "--broker", broker.url], capture_output=True, text=True, check=True)
        station = StationProcess(tmp_path / "station", Wiring("mqtt://127.0.0.1:1"))
        station.command(
            *("enrol", f"{city.url}/enrol", "-c", str(station.config), "--token", given.stdout.strip()),
        )
        with station:
            station.post("/api/entries", product=CABBAGE, net_g=1000, origin="河南", supplier="李四")
            wait_for(
                "delivery", lambda: station.board()["city"]["acked"] > 1 and not station.board()["city"]["pending"]
            )
            assert city.summary()["stations"][SEAT]["upto"] >= 2
            found = station.command("ledger", "export", "-c", str(station.config)).splitlines()
            obeyed = [json.loads(line) for line in found if "city.obeyed" in line]
            assert {one["data"]["name"] for one in obeyed} >= {"directory"}

"""How soon a station is back when its broker is."""

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from simulator.bench.helpers import compiled
from simulator.bench.report import Figure, Report, spread
from simulator.broker import Broker, answers
from simulator.stage import StationProcess, Wiring, wait_for

KILLS = 9
STOOD = 11.0  # seconds before each kill: a connection that ends sooner counts as one more that failed
AWAY = (0.0, 0.4, 0.8)  # seconds the broker is away after its kill, in turn; two quick tries last 1.3
TARGET = {"max": 1500.0}
KNOCKS = 20
LOOK_SECONDS = 0.01


def measure(folder: Path, kills: int = KILLS, *, stood: float = STOOD) -> Report:
    """Kill the broker so often, start it again, and wait each time until the station's link stands."""
    with TemporaryDirectory(dir=folder, prefix="back-") as name, compiled(), Broker() as broker:
        with StationProcess(Path(name) / "station", Wiring(broker.url, broker.mqtt_version)) as station:
            wait_for("the station's way to the broker", lambda: station.board()["city"]["up"])
            times = [_back(broker, station, stood, AWAY[number % len(AWAY)]) for number in range(kills)]
        floor = [_knock(broker.port) for _ in range(KNOCKS)]
    found, bare = spread(times), spread(floor)
    return Report(
        "back",
        "from the moment a killed broker answers again until the station's link to it stands",
        (
            Figure(
                "link",
                "ms",
                {"p50": found["p50"], "max": found["max"]},
                {"p50": bare["p50"], "max": bare["max"]},
                "a bare connection and CONNACK",
                TARGET,
            ),
        ),
        {
            "kills": kills,
            "seconds_away": list(AWAY),
            "each_ms": [round(one) for one in times],
            "load_average": os.getloadavg()[0],
        },
    )


def _back(broker: Broker, station: StationProcess, stood: float, away: float) -> float:
    """Milliseconds of one kill."""
    time.sleep(stood)
    broker.kill()
    wait_for("the station's word that it is gone", lambda: not station.board()["city"]["up"], pause=LOOK_SECONDS)
    time.sleep(away)
    broker.start()
    start = time.monotonic_ns()
    wait_for("the link", lambda: station.board()["city"]["up"], pause=LOOK_SECONDS)
    return (time.monotonic_ns() - start) / 1e6


def _knock(port: int) -> float:
    start = time.monotonic_ns()
    wait_for("the broker's answer", lambda: answers(port), pause=LOOK_SECONDS)
    return (time.monotonic_ns() - start) / 1e6

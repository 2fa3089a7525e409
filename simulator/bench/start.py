"""From starting the process to the first record that the city could have."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from simulator.bench.helpers import CityProcess, Watcher, compiled
from simulator.bench.report import Figure, Report, spread
from simulator.bench.stall import register
from simulator.broker import Broker
from simulator.stage import StageFailed, StationProcess, Wiring, wait_for

TARGET = {"max": 1500.0}
GIVE_UP = 20.0
RECORDS = 200
FLOORS = 3
OURS = frozenset({"edge", "drivers", "protocol", "simulator"})
SLOWEST = 25
IMPORTS = """
import importlib, os, sys
for name in sys.stdin.read().split():
    try:
        importlib.import_module(name)
    except ImportError:
        pass
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One start: milliseconds until its pages' address answers, the first record is committed, and it is at a broker's
    subscriber."""

    listening: float
    recorded: float
    published: float


def measure(
    folder: Path, seconds: float = 30.0, *, records: int = RECORDS, floors: int = FLOORS, verbose: bool = False
) -> Report:
    """Start stations with no ledger and with one of ``records`` records, in turn, until the time is over."""
    with TemporaryDirectory(dir=folder, prefix="start-") as name, compiled():
        place = Path(name)
        with Broker() as broker, Watcher(broker.url, broker.mqtt_version) as watcher:
            wiring = Wiring(broker=broker.url, mqtt=broker.mqtt_version)
            with CityProcess(broker.url, place / "city.db", broker.mqtt_version) as city:
                grown = StationProcess(place / "grown", replace(wiring, city_key=city.key))
                fill(grown, records)
                found = imports(grown)
                end = time.monotonic() + seconds / 2
                existing = [start(grown, watcher)]
                while time.monotonic() < end:
                    existing.append(start(grown, watcher))
            fresh: list[Run] = []  # without a city: it would take a new ledger under an old name for a fork
            end = time.monotonic() + seconds / 2
            while not fresh or time.monotonic() < end:
                fresh.append(start(StationProcess(place / f"fresh-{len(fresh)}", wiring), watcher))
        names = [module for module, _ in found if module.partition(".")[0] not in OURS]
        floor = spread([import_time(names) for _ in range(floors)])
    said = f"python importing the same {len(names)} modules that are not ours"
    facts = {
        "runs_fresh": len(fresh),
        "runs_existing": len(existing),
        "records_in_existing": records,
        "fresh_steps_ms": steps(fresh),
        "existing_steps_ms": steps(existing),
        "load_average": os.getloadavg()[0],
    }
    if verbose:
        slowest = sorted(found, key=lambda one: -one[1])[:SLOWEST]
        facts["slowest_imports"] = [f"{own / 1000:7.1f} ms  {module}" for module, own in slowest]
        facts["imports_by_package_ms"] = by_package(found)
    return Report(
        "start",
        "process start to the first record committed and at an MQTT subscriber",
        (
            Figure("no ledger yet", "ms", spread([run.published for run in fresh]), floor, said, TARGET),
            Figure("existing ledger", "ms", spread([run.published for run in existing]), floor, said, TARGET),
        ),
        facts,
    )


def start(station: StationProcess, watcher: Watcher) -> Run:
    """Start it, register goods at once, stop it."""
    began = time.monotonic_ns()
    station.start(wait=False)
    try:
        wait_for("the station's address", lambda: listens(station), GIVE_UP, pause=0.002)
        listening = time.monotonic_ns()
        code = register(station, "")["test_code"]
        recorded = time.monotonic_ns()
        published = wait_for("the first record", lambda: arrival(watcher, code, began), GIVE_UP)
    finally:
        if station.running:
            station.stop()
    return Run(*((moment - began) / 1e6 for moment in (listening, recorded, published)))


def listens(station: StationProcess) -> bool:
    if not station.running:
        raise StageFailed(f"the station ended; log: {station.log}")
    host, _, port = station.listen.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def arrival(watcher: Watcher, code: str, began: int) -> int:
    """When the event about this code arrived after ``began``, for codes come again with each new ledger; else 0."""
    needle = f'"{code}"'.encode()
    return min((at for at, payload in watcher.seen() if at > began and needle in payload), default=0)


def fill(station: StationProcess, records: int) -> None:
    """Give a station a ledger that the city has whole."""
    with station, ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: register(station, ""), range(records)))
        wait_for("the city's answer", lambda: station.board()["city"]["pending"] == 0, 60)


def steps(runs: list[Run]) -> dict[str, float]:
    """The medians of each step."""
    readers: dict[str, Callable[[Run], float]] = {
        "listening": lambda run: run.listening,
        "recorded": lambda run: run.recorded,
        "published": lambda run: run.published,
    }
    return {name: spread([reader(run) for run in runs])["p50"] for name, reader in readers.items()}


def imports(station: StationProcess) -> list[tuple[str, int]]:
    """Every module a starting station imports, in order, with the microseconds of its own."""
    log = station.folder / "imports.log"
    command = [sys.executable, "-X", "importtime", "-m", "edge.cli", "run", "--config", str(station.config)]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as child:
        try:
            wait_for("the station", lambda: answers(station), GIVE_UP)
        finally:
            child.terminate()
    return imported(log.read_text("utf-8", errors="replace"))


def answers(station: StationProcess) -> bool:
    """Whether the station's address answers; the child is the bench's own, not the one ``station`` would start."""
    try:
        with urlopen(f"{station.url}/api/board", timeout=1) as answer:
            return bool(answer.read())
    except OSError:
        return False


def imported(log: str) -> list[tuple[str, int]]:
    """Modules and their own microseconds, from what ``python -X importtime`` wrote."""
    found = []
    for line in log.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if line.startswith("import time:") and len(parts) == 3 and parts[0].strip().isdigit():
            found.append((parts[2].strip(), int(parts[0])))
    return found


def by_package(found: list[tuple[str, int]]) -> dict[str, float]:
    """Milliseconds by top-level package, the dearest first."""
    sums: dict[str, float] = {}
    for module, own in found:
        package = module.partition(".")[0]
        sums[package] = sums.get(package, 0.0) + own / 1000
    return dict(sorted(sums.items(), key=lambda one: -one[1])[:SLOWEST])


def import_time(names: list[str]) -> float:
    """Milliseconds of a Python process from its start until it has imported these modules."""
    began = time.monotonic_ns()
    subprocess.run([sys.executable, "-c", IMPORTS], input="\n".join(names), text=True, check=True, capture_output=True)
    return (time.monotonic_ns() - began) / 1e6

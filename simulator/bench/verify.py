"""How long a whole ledger takes to be checked, by the command that a technician gives."""

import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.bindings import crypto_sign_open

from simulator.bench.filling import fill
from simulator.bench.helpers import SPAWN, elsewhere
from simulator.bench.report import Figure, Report
from simulator.stage import StageFailed, StationProcess, Wiring

RECORDS = 100_000
MILLION = 1_000_000
TARGET_SECONDS = 60.0  # a million records on two cores
FLOOR_SIGNATURES = 20_000
MESSAGE = 1800  # bytes: a sale


def measure(folder: Path, records: int = RECORDS, *, signatures: int = FLOOR_SIGNATURES) -> Report:
    """Fill a ledger and check it; beside it as many processes that check signatures and do nothing else."""
    cores = len(os.sched_getaffinity(0))
    with TemporaryDirectory(dir=folder, prefix="verify-") as name:
        station = StationProcess(Path(name) / "station", Wiring("mqtt://127.0.0.1"))
        size = elsewhere(fill, station.folder / "data", station.folder / "station.key", records)
        floor = _together(cores, signatures)
        took, cpu, said = _checked(station, cores)
    each = took / records
    facts = {
        "records": records,
        "cores": cores,
        "seconds": round(took, 2),
        "words_of_progress": said,
        "cpu_us_a_record": round(cpu / records * 1e6, 1),
        "file_bytes_a_record": round(size / records, 1),
        "load_average": os.getloadavg()[0],
    }
    return Report(
        "verify",
        f"marketedge ledger verify of {records} sales, and for a million at that pace",
        (
            Figure(
                "a million records",
                "s",
                {"wall": each * MILLION},
                {"wall": floor * MILLION},
                f"{cores} processes that check as many signatures of as long messages, and nothing else",
                {"wall": TARGET_SECONDS},
            ),
        ),
        facts,
    )


def _checked(station: StationProcess, cores: int) -> tuple[float, float, int]:
    """Seconds of wall and of all processors, and how often it said how far it was. Raises StageFailed."""
    command = [sys.executable, "-m", "edge.cli", "ledger", "verify", "-c", str(station.config), "--cores", str(cores)]
    before, start = _used(), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took, cpu = time.monotonic() - start, _used() - before
    if done.returncode or not json.loads(done.stdout)["ok"]:
        raise StageFailed(f"ledger verify: {done.stdout}{done.stderr}")
    return took, cpu, done.stderr.replace("\r", "\n").count("\n")


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _together(cores: int, count: int) -> float:
    """Seconds a signature, with all cores at it."""
    with ProcessPoolExecutor(cores, mp_context=SPAWN) as pool:
        list(pool.map(_signatures, [10] * cores))  # they have started
        start = time.monotonic()
        list(pool.map(_signatures, [count // cores] * cores))
        return (time.monotonic() - start) / (count // cores * cores)


def _signatures(count: int) -> None:
    key, message = Ed25519PrivateKey.generate(), bytes(MESSAGE)
    signed, public = key.sign(message) + message, key.public_key().public_bytes_raw()
    for _ in range(count):
        crypto_sign_open(signed, public)

"""What a sale costs the processor: weighed, recorded, printed, delivered, and seen on two open pages."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from simulator.bench.counter import weights
from simulator.bench.helpers import bare_rows, elsewhere
from simulator.bench.idle import READERS, Reader, cpu_seconds, status
from simulator.bench.latency import RECORD_BYTES
from simulator.bench.report import Figure, Report
from simulator.bench.stall import Stall
from simulator.stage import StageFailed, StationProcess, wait_for

RATE = 943 / 60  # of a stall on the busiest morning
WARM_UP = 30
TARGET = {"mean": 6.0}
FLOOR_ROWS = 200
FLOOR = "two signatures and a row, synchronous=FULL"
PATIENCE = 20.0  # seconds without a slip after which none is waited for


def measure(folder: Path, seconds: float = 30.0, rate: float = RATE, warm_up: int = WARM_UP) -> Report:
    """Sell for ``seconds``, ``rate`` a second, and share the station's time on the processor among the sales.

    What it takes to read the scale's four frames a sale is in it, and all that follows until the city has each.
    """
    count = max(1, int(seconds * rate))
    with selling(folder, rate, warm_up) as (stall, pages):
        counter, station = stall.counter, stall.station
        begun, used = time.monotonic(), cpu_seconds(station.pid)
        sales = weights(count, skip=warm_up)
        counter.serve(sales, rate)
        arrive(stall, warm_up + count)
        each = (cpu_seconds(station.pid) - used) / count * 1000
        took = time.monotonic() - begun
        memory = memory_mib(station)
        trades = stall.trades()
        floor = elsewhere(bare_sales, stall.ledger.parent / "floor.db", size_of(stall), FLOOR_ROWS)
    facts = {
        "sold": count,
        "printed": counter.slips - warm_up,
        "in_the_city": sum(1 for one in sales if one in trades),
        "rate_per_s": count / took,
        "messages_to_a_page": sum(page.messages for page in pages) / READERS,
        "memory_mib": memory,
        "load_average": os.getloadavg()[0],
    }
    return Report(
        "sale",
        f"processor time of a sale with its slip, {READERS} pages open, {rate:.1f} sales a second",
        (Figure("processor", "ms", {"mean": each}, {"mean": floor}, FLOOR, TARGET),),
        facts,
    )


@contextlib.contextmanager
def selling(folder: Path, rate: float, warm_up: int) -> Iterator[tuple[Stall, list[Reader]]]:
    """A stall with its pages open, that has made and printed ``warm_up`` sales, ``rate`` a second."""
    with TemporaryDirectory(dir=folder, prefix="sale-") as name, Stall(Path(name)) as stall:
        pages = [Reader(stall.station.listen) for _ in range(READERS)]
        for page in pages:
            page.start()
        wait_for("both pages", lambda: all(page.messages for page in pages))
        stall.counter.serve(weights(warm_up), rate)
        stall.counter.until_printed(warm_up, PATIENCE)
        yield stall, pages


def arrive(stall: Stall, slips: int) -> None:
    """Wait for so many slips, and for the city; what did not arrive is counted by who asked."""
    stall.counter.until_printed(slips, PATIENCE)
    with contextlib.suppress(StageFailed):
        stall.wait_delivered()


def memory_mib(station: StationProcess) -> float:
    return status(station.pid)["VmRSS"] / 1024


def size_of(stall: Stall) -> int:
    """Bytes of a sale's record."""
    sizes = stall.sizes("trade")
    return sum(sizes) // len(sizes) if sizes else RECORD_BYTES


def bare_sales(path: Path, size: int, count: int) -> float:
    """Milliseconds of the processor for a record that is signed, with its code, and committed by SQLite alone."""
    key = Ed25519PrivateKey.generate()
    before = time.process_time()
    for _ in range(2 * count):
        key.sign(bytes(size))
    bare_rows(path, size, count)
    return (time.process_time() - before) / count * 1000

"""How many bytes a whole sale sends to the disk: SD cards die of writing."""

import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from protocol.city.token import CHINA
from simulator.bench.counter import weights
from simulator.bench.helpers import bare_rows, elsewhere, written_bytes
from simulator.bench.report import Figure, Report
from simulator.bench.stall import Stall, register
from simulator.stage import StageFailed, wait_for

PACE, FAST = 1.0, 8.0  # sales a second
AT_ONCE = 100
WARM_UP = 10
STEP = 8
FLOOR_ROWS = 2000
SAVED_SECONDS = 6.5  # progress that no record carried is on disk this long after the last record


@dataclass(frozen=True, slots=True)
class Written:
    """What ``count`` records sent to the disk: their commits, and the checkpoint that ends them."""

    count: int
    commits: int
    checkpoint: int

    @property
    def each(self) -> float:
        return (self.commits + self.checkpoint) / max(1, self.count)


class Account:
    """Counts what a station writes. Its ledger's log is checkpointed at both ends, so nothing is owed or left over."""

    def __init__(self, pid: int, ledger: Path, settle: float) -> None:
        self._pid = pid
        self._ledger = ledger
        self._settle = settle

    def over(self, work: Callable[[], int], seconds: float) -> Written:
        """Do the work again and again until the time is over; it answers how many records it made."""
        end = time.monotonic() + seconds
        elsewhere(checkpoint, self._ledger)
        before, count = written_bytes(self._pid), 0
        while not count or time.monotonic() < end:
            count += work()
        time.sleep(self._settle)
        return Written(count, written_bytes(self._pid) - before, elsewhere(checkpoint, self._ledger))


def checkpoint(ledger: Path) -> int:
    """Bring everything from the log into the database, as SQLite does by itself each 1000 pages; the bytes written."""
    conn = sqlite3.connect(ledger, timeout=10)
    before = written_bytes()
    busy, _, _ = conn.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
    written = written_bytes() - before
    conn.close()
    if busy:
        raise OSError(f"{ledger}: no checkpoint was possible")
    return written


def measure(
    folder: Path,
    seconds: float = 30.0,
    *,
    at_once: int = AT_ONCE,
    settle: float = SAVED_SECONDS,
    warm_up: int = WARM_UP,
    floor_rows: int = FLOOR_ROWS,
) -> Report:
    """Two thirds of the time sales at one a second, then sales over a long log; then a burst of results.

    ``settle`` seconds after each are added, so that what is written late is counted.
    """
    with TemporaryDirectory(dir=folder, prefix="writes-") as name, Stall(Path(name), analyzer=True) as stall:
        row = iter(weights(20_000))
        account = Account(stall.station.pid, stall.ledger, settle)

        def sell(count: int, rate: float) -> int:
            before = stall.counter.slips
            stall.counter.serve([next(row) for _ in range(count)], rate)
            stall.counter.until_printed(before + count, 10)
            return stall.counter.slips - before

        sell(warm_up, FAST)
        slow = account.over(lambda: sell(1, PACE), seconds * 2 / 3)
        long = account.over(lambda: sell(STEP, FAST), seconds / 3)
        burst = account.over(Burst(stall, at_once, settle), 0)
        sale, result = (round(sum(found) / len(found)) for found in map(stall.sizes, ("trade", "test")))
        _, sale_floor = elsewhere(bare_rows, Path(name) / "floor.db", sale, floor_rows)
        _, result_floor = elsewhere(bare_rows, Path(name) / "floor.db", result, floor_rows)
    bare = "SQLite's bare row of this size in one FULL transaction, its defaults"
    facts = {
        "sale_record_bytes": sale,
        "result_record_bytes": result,
        "sales_at_1_per_s": split(slow),
        f"sales_at_{FAST:.0f}_per_s": split(long),
        "results_in_a_burst": split(burst),
        "times_record_in_a_burst": round(burst.each / result, 2),
        "load_average": os.getloadavg()[0],
    }
    return Report(
        "writes",
        "bytes to the disk for a record with its paper, its printed mark, its delivered mark and their checkpoint",
        (
            Figure("sale, 1 a second", "bytes", {"each": slow.each}, {"each": sale_floor}, bare, {"each": sale_floor}),
            Figure(
                f"sale, {FAST:.0f} a second one after the other (longer log)",
                "bytes",
                {"each": long.each},
                {"each": sale_floor},
                bare,
                {"each": sale_floor},
            ),
            Figure(
                f"test result, {at_once} at once",
                "bytes",
                {"each": burst.each},
                {"each": result_floor},
                bare,
                {"each": 3.0 * result},
            ),
        ),
        facts,
    )


def split(written: Written) -> dict[str, float]:
    """How the bytes of one record came about."""
    return {
        "records": written.count,
        "commits_each": round(written.commits / max(1, written.count), 1),
        "checkpoint_each": round(written.checkpoint / max(1, written.count), 1),
    }


class Burst:
    """Lots wait for their tests, and a morning's work is in the tester when it is plugged in.

    Called, it comes: the station reads all results, records them, releases the lots and prints the reports.
    """

    def __init__(self, stall: Stall, count: int, settle: float) -> None:
        self._stall = stall
        self._samples = [int(register(stall.station, "")["sample"]) for _ in range(count)]
        stall.wait_delivered()
        time.sleep(settle)

    def __call__(self) -> int:
        stall, count = self._stall, len(self._samples)
        before, slips = stall.written(), stall.counter.slips
        at = datetime.now(CHINA).replace(tzinfo=None, microsecond=0)
        stall.measure(self._samples, Decimal("12.5"), at)
        wait_for(f"{count} results", lambda: stall.written() >= before + 2 * count)  # each releases its lot
        stall.counter.until_printed(slips + count, 30)
        stall.wait_delivered()
        if stall.counter.slips < slips + count:
            raise StageFailed(f"only {stall.counter.slips - slips} of {count} reports were printed")
        return count

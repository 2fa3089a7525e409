"""How many bytes a whole sale sends to the disk: SD cards die of writing."""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.records.migrations import minute_of
from protocol.city.token import CHINA
from simulator.bench.counter import weights
from simulator.bench.helpers import bare_rows, elsewhere, written_bytes
from simulator.bench.report import Figure, Report
from simulator.bench.stall import Stall, register
from simulator.stage import StageFailed

PACE, FAST = 1.0, 8.0  # sales a second
LEAST = 20  # sales at least, however short the time: fewer would share a checkpoint that SQLite makes for a hundred
AT_ONCE = 100
STORED = 50_000  # results of a busy year
SALE_TARGET = 8500.0
IN_MEMORY = Path("/dev/shm")  # for the log, which is the system's to keep
FILE_TARGET = 700.0
WARM_UP = 70  # the ledger has learnt its words by then
STEP = 8
FLOOR_ROWS = 2000
SAVED_SECONDS = 11.0  # progress that no record carried is on disk this long after the last record


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

    def over(self, work: Callable[[], int], seconds: float, least: int = 1) -> Written:
        """Do the work, which answers how many records it made, until the time is over and there are ``least``."""
        end = time.monotonic() + seconds
        elsewhere(checkpoint, self._ledger)
        before, count = written_bytes(self._pid), 0
        while count < least or time.monotonic() < end:
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
    stored: int = STORED,
    least: int = LEAST,
    settle: float = SAVED_SECONDS,
    warm_up: int = WARM_UP,
    floor_rows: int = FLOOR_ROWS,
) -> Report:
    """Two thirds of the time sales at one a second, then sales over a long log; then a burst of results, and another
    one beside ``stored`` results of the year before; then nothing, for a sixth of the time.

    ``settle`` seconds after each are added, so that what is written late is counted.
    """
    with (
        TemporaryDirectory(dir=folder, prefix="writes-") as name,
        TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else folder, prefix="writes-") as memory,
        Stall(Path(name), analyzer=True, log=Path(memory) / "station.log") as stall,
    ):
        row = iter(weights(20_000))

        def account() -> Account:
            return Account(stall.station.pid, stall.ledger, settle)

        def sell(count: int, rate: float) -> int:
            before = stall.counter.slips
            stall.counter.serve([next(row) for _ in range(count)], rate)
            stall.counter.until_printed(before + count, 10)
            return stall.counter.slips - before

        sell(warm_up, FAST)
        before = in_use(stall.ledger)
        slow = account().over(lambda: sell(1, PACE), seconds * 2 / 3, least)
        long = account().over(lambda: sell(STEP, FAST), seconds / 3, least)
        grown = (in_use(stall.ledger) - before) / (slow.count + long.count)
        idle = written_over(stall.station.pid, seconds / 6)
        burst = account().over(Burst(stall, at_once, settle), 0)
        stall.station.stop()
        elsewhere(store_results, stall.ledger, stored)
        stall.station.start()
        later = account().over(Burst(stall, at_once, settle), 0)
        sale, result, release = (
            round(sum(found) / len(found)) for found in map(stall.sizes, ("trade", "test", "lot.released"))
        )
        logged = stall.station.log.stat().st_size
        _, sale_floor = elsewhere(bare_rows, Path(name) / "floor.db", sale, floor_rows)
        _, result_floor = elsewhere(bare_rows, Path(name) / "floor.db", result + release, floor_rows)
    bare = "SQLite's bare row of this size in one FULL transaction, its defaults"
    records = result + release
    facts = {
        "sale_record_bytes": sale,
        "result_record_bytes": result,
        "release_record_bytes": release,
        "sales_at_1_per_s": split(slow),
        f"sales_at_{FAST:.0f}_per_s": split(long),
        "results_in_a_burst": split(burst),
        f"results_beside_{stored}": split(later),
        "log_bytes": logged,
        "load_average": os.getloadavg()[0],
    }
    return Report(
        "writes",
        "bytes to the disk for a record with its paper, its printed mark, its delivered mark and their checkpoint",
        (
            Figure("sale, 1 a second", "bytes", {"each": slow.each}, {"each": sale_floor}, bare, {"each": SALE_TARGET}),
            Figure(
                f"sale, {FAST:.0f} a second one after the other (longer log)",
                "bytes",
                {"each": long.each},
                {"each": sale_floor},
                bare,
                {"each": SALE_TARGET},
            ),
            *(
                Figure(
                    f"test result and its release, {at_once} at once{beside}",
                    "bytes",
                    {"each": found.each, "a_record": found.each / 2, "times_the_records": found.each / records},
                    {"each": result_floor},
                    f"{bare[:-1]}s, both records in one",
                    {"times_the_records": 1.0},
                )
                for found, beside in ((burst, ""), (later, f", beside {stored:,} of a year"))
            ),
            Figure("the file, a sale", "bytes", {"each": grown}, {"each": sale}, "the record", {"each": FILE_TARGET}),
            Figure("nothing happens", "bytes", {"sum": idle}, {"sum": 0}, "nothing", {"sum": 0}),
        ),
        facts,
    )


def in_use(ledger: Path) -> int:
    """Bytes of the ledger's pages that hold something, with those that are still in its log."""
    with closing(sqlite3.connect(ledger, timeout=10)) as conn:
        size, count, free = (
            conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
        )
        return int(size * (count - free))


def written_over(pid: int, seconds: float) -> int:
    """Bytes that a process writes in this time."""
    before = written_bytes(pid)
    time.sleep(seconds)
    return written_bytes(pid) - before


def store_results(ledger: Path, count: int) -> None:
    """Rows of results that the instrument handed over in the year before, as the station keeps them to know them again.

    For a process of its own, while no station runs.
    """
    now = datetime.now(CHINA).replace(tzinfo=None)
    moments = (now - timedelta(days=365) * (number + 1) / count for number in range(count))
    rows = [("tester-1", minute_of(moment) + os.urandom(9), 1) for moment in moments]
    with closing(sqlite3.connect(ledger)) as conn, conn:
        conn.executemany("INSERT INTO results VALUES (?, ?, ?)", rows)


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
        stall.until(f"{count} results", lambda: stall.written() >= before + 2 * count)  # each releases its lot
        stall.counter.until_printed(slips + count, 60)
        stall.wait_delivered()
        if stall.counter.slips < slips + count:
            raise StageFailed(f"only {stall.counter.slips - slips} of {count} reports were printed")
        return count

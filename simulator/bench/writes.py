"""How many bytes a whole sale sends to the disk: SD cards die of writing."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from simulator.bench.counter import weights
from simulator.bench.helpers import bare_rows, elsewhere, written_bytes
from simulator.bench.report import Figure, Report
from simulator.bench.stall import Stall, register

PACE = 1.0
FAST = 8.0
AT_ONCE = 100
SLOWLY = 10
WARM_UP = 10
STEP = 8
FLOOR_ROWS = 2000
SETTLE_SECONDS = 6.5  # progress that no record carries is written by itself within this time


@dataclass(frozen=True, slots=True)
class Written:
    """``count`` records and the ``bytes`` they sent to the disk; ``checkpoints`` is how many whole ones are in it."""

    count: int
    bytes: int
    checkpoints: int

    @property
    def each(self) -> float:
        return self.bytes / max(1, self.count)


def measure(folder: Path, seconds: float = 40.0, *, at_once: int = AT_ONCE) -> Report:
    """Sales one by one over whole checkpoints, then bursts of records; half of the time each."""
    with TemporaryDirectory(dir=folder, prefix="writes-") as name, Stall(Path(name)) as stall:
        counter, pid = stall.counter, stall.station.pid
        log = Path(name) / "station" / "data" / "ledger.db-wal"
        row = iter(weights(20_000))

        def sell(count: int, rate: float) -> int:
            before = counter.slips
            counter.serve([next(row) for _ in range(count)], rate)
            counter.until_printed(before + count, 10)
            return counter.slips - before

        def burst() -> int:
            with ThreadPoolExecutor(at_once) as pool:
                answers = list(pool.map(lambda _: register(stall.station), range(at_once)))
            stall.wait_delivered()
            return len(answers)

        sell(WARM_UP, FAST)
        slow = counted(pid, log, lambda: sell(max(2, int(min(SLOWLY, seconds / 4) * PACE)), PACE), 0)
        whole = counted(pid, log, lambda: sell(STEP, FAST), seconds / 2)
        sale_size = round(average_size(stall, "trade.completed"))
        bursts = counted(pid, log, burst, seconds / 2)
        time.sleep(SETTLE_SECONDS)
        entry_size = round(average_size(stall, "entry.registered"))
        recorded = stall.station.board()["city"]["written"]
        _, sale_floor = elsewhere(bare_rows, Path(name) / "floor.db", sale_size, FLOOR_ROWS)
        _, entry_floor = elsewhere(bare_rows, Path(name) / "floor.db", entry_size, FLOOR_ROWS)
    bare = "SQLite's bare row of the same size, one FULL transaction, defaults"
    facts = {
        "sale_bytes": sale_size,
        "entry_bytes": entry_size,
        "records": recorded,
        "sales_over_whole_checkpoints": whole.count,
        "checkpoints": whole.checkpoints,
        "bytes_of_a_sale_at_1_per_s_without_checkpoint": slow.each if not slow.checkpoints else None,
        "burst_records": bursts.count,
        "burst_checkpoints": bursts.checkpoints,
        "burst_share_of_record": bursts.each / entry_size,
        "load_average": os.getloadavg()[0],
    }
    return Report(
        "writes",
        "bytes sent to the disk for one record with all that belongs to it",
        (
            Figure("sale", "bytes", {"each": whole.each}, {"each": sale_floor}, bare, {"each": sale_floor}),
            Figure(
                f"{at_once} entries at once",
                "bytes",
                {"each": bursts.each},
                {"each": entry_floor},
                bare,
                {"each": 3.0 * entry_size},
            ),
        ),
        facts,
    )


def counted(pid: int, log: Path, work: Callable[[], int], seconds: float) -> Written:
    """Do the work again and again, from one checkpoint to another when the time allows; once with ``seconds`` 0.

    SQLite writes the log from its beginning again after a checkpoint, and numbers that in the log's head.
    """
    end = time.monotonic() + seconds
    first = checkpoint(log)
    if seconds:
        while checkpoint(log) == first and time.monotonic() < end - seconds * 0.6:
            work()
    before, start, count = written_bytes(pid), checkpoint(log), 0
    best: Written | None = None
    last = start
    while True:
        count += work()
        if (now := checkpoint(log)) != last:
            last = now
            best = Written(count, written_bytes(pid) - before, now - start)
        if time.monotonic() >= end:
            return best or Written(count, written_bytes(pid) - before, 0)


def checkpoint(log: Path) -> int:
    """The sequence number in the head of SQLite's write-ahead log; 0 when there is no log."""
    try:
        with log.open("rb") as file:
            return int.from_bytes(file.read(16)[12:], "big")
    except FileNotFoundError:
        return 0


def average_size(stall: Stall, kind: str) -> float:
    """Bytes of the events of this kind, as they came over the wire."""
    sizes = [len(payload) for _, payload in stall.watcher.seen() if f"{kind}".encode() in payload]
    return sum(sizes) / len(sizes) if sizes else 0.0

"""A long morning: memory and processor of a station that sells on and on, with slips, two pages and the city."""

import os
import time
from pathlib import Path

from simulator.bench.counter import weights
from simulator.bench.helpers import elsewhere
from simulator.bench.idle import READERS, cpu_seconds, importing
from simulator.bench.report import Figure, Report
from simulator.bench.sale import (
    FLOOR,
    FLOOR_ROWS,
    RATE,
    TARGET,
    WARM_UP,
    arrive,
    bare_sales,
    memory_mib,
    selling,
    size_of,
)
from simulator.bench.start import OURS, imports

SECONDS = 1200.0
EARLY = 0.1  # the part of the sales after which the memory is looked at
MEMORY_TARGET = {"end": 75.0}


def measure(folder: Path, seconds: float = SECONDS, rate: float = RATE, warm_up: int = WARM_UP) -> Report:
    """Sell for ``seconds``, ``rate`` a second; the station's memory before, after a tenth of it and at the end."""
    sales = weights(max(2, int(seconds * rate)), skip=warm_up)
    early = max(1, int(len(sales) * EARLY))
    with selling(folder, rate, warm_up) as (stall, pages):
        counter, station = stall.counter, stall.station
        before = stall.written()
        begun, used = time.monotonic(), cpu_seconds(station.pid)
        memory = {"start": memory_mib(station)}
        counter.serve(sales[:early], rate)
        memory["tenth"] = memory_mib(station)
        counter.serve(sales[early:], rate)
        took, behind = time.monotonic() - begun, warm_up + len(sales) - counter.slips
        arrive(stall, warm_up + len(sales))
        each = (cpu_seconds(station.pid) - used) / len(sales) * 1000
        memory["end"] = memory_mib(station)
        trades, recorded = stall.trades(), stall.written() - before
        floor = elsewhere(bare_sales, stall.ledger.parent / "floor.db", size_of(stall), FLOOR_ROWS)
        station.stop()
        modules = [module for module, _ in imports(station) if module.partition(".")[0] not in OURS]
    bare = f"python with the same {len(modules)} modules that are not ours"
    facts = {
        "sold": len(sales),
        "recorded": recorded,
        "printed": counter.slips - warm_up,
        "in_the_city": sum(one in trades for one in sales),
        "twice_in_the_city": sum(trades.get(one, 0) > 1 for one in sales),
        "not_printed_at_the_last_sale": behind,
        "rate_per_s": len(sales) / took,
        "messages_to_a_page": sum(page.messages for page in pages) / READERS,
        "load_average": os.getloadavg()[0],
    }
    return Report(
        "soak",
        f"{seconds:.0f} s of {rate:.1f} sales a second with their slips, {READERS} pages open",
        (
            Figure("memory", "MiB", memory, {"end": importing(modules)}, bare, MEMORY_TARGET),
            Figure("processor", "ms", {"mean": each}, {"mean": floor}, FLOOR, TARGET),
        ),
        facts,
    )

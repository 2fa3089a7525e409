"""From the scale's last byte to the slip's first byte and to the city's wire, recorded on disk in between."""

import contextlib
import json
import os
import pty
import select
import sys
import time
import tty
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory

from simulator.bench.counter import frame_of, weights
from simulator.bench.helpers import Arrival, bare_rows, elsewhere, publish_times
from simulator.bench.report import Figure, Report, spread
from simulator.bench.stall import Stall, is_kind, net_g
from simulator.stage import StageFailed

RATE = 10.0
FLOOR_SAMPLES = 100
FLOOR_RATE = 50.0
WARM_UP = 10
RECORD_BYTES = 1700  # for the floors, when no record came
PRINTER_TARGET = {"p99": 50.0}
MQTT_TARGET = {"p50": 10.0, "p99": 50.0}
ECHO = "import os,sys\nwhile d:=os.read(0,64):\n if d.endswith(b'\\x03'): os.write(1,b'!')"


def measure(
    folder: Path, seconds: float = 30.0, rate: float = RATE, samples: int = FLOOR_SAMPLES, warm_up: int = WARM_UP
) -> Report:
    """Sell for ``seconds``, one sale each ``1 / rate`` s, and follow every single one to the city."""
    count = max(1, int(seconds * rate))
    sales = weights(count, skip=warm_up)
    with TemporaryDirectory(dir=folder, prefix="latency-") as name, Stall(Path(name)) as stall:
        counter = stall.counter
        counter.serve(weights(warm_up), rate)
        counter.serve(sales, rate)
        counter.until_printed(warm_up + count, 20)
        with contextlib.suppress(StageFailed):  # what did not arrive is counted below
            stall.wait_delivered()
            stall.until("the subscriber", lambda: len(arrivals(stall.watcher.seen())) >= warm_up + count)
        seen = arrivals(stall.watcher.seen())
        trades = stall.trades()
        written = stall.written()
        sizes = stall.sizes("trade")
        size = sum(sizes) // len(sizes) if sizes else RECORD_BYTES
        publishing = publish_times(stall.broker.url, stall.mqtt, size, samples, FLOOR_RATE)
        commits, _ = elsewhere(bare_rows, Path(name) / "floor.db", size, samples)
    printer = [(counter.paper[one] - counter.sent[one]) / 1e6 for one in sales if one in counter.paper]
    wire = [(seen[one] - counter.sent[one]) / 1e6 for one in sales if one in seen]
    commit = spread(commits)
    facts = {
        "sent": count,
        "recorded": written - 1 - warm_up,  # the lot's entry and the warm-up stand before
        "printed": len(printer),
        "seen": len(wire),
        "in_the_city": sum(1 for one in sales if one in trades),
        "lost": [one for one in sales if one not in trades],
        "twice_in_the_city": [one for one in sales if trades.get(one, 0) > 1],
        "rate_per_s": rate,
        "record_bytes": size,
        "slip_bytes": counter.slip_bytes // max(1, counter.slips),
        "commit_floor_ms": {key: round(value, 3) for key, value in commit.items()},
        "load_average": os.getloadavg()[0],
    }
    return Report(
        "latency",
        "last byte of the deciding frame to the slip's first byte, and to an MQTT subscriber",
        (
            Figure("printer", "ms", spread(printer), spread(echo_times(samples)), "a pty echo", PRINTER_TARGET),
            Figure("mqtt", "ms", spread(wire), spread(publishing), "paho publish to subscriber", MQTT_TARGET),
        ),
        facts,
    )


def arrivals(messages: list[Arrival]) -> dict[int, int]:
    """Net grams of the trades to the moment of their first arrival."""
    found: dict[int, int] = {}
    for at, payload in messages:
        if is_kind(payload, "trade"):
            found.setdefault(net_g(json.loads(payload)), at)
    return found


def echo_times(samples: int) -> list[float]:
    """A process that reads a frame from one pty and writes a byte to another: milliseconds of each."""
    (scale, there), (printer, back) = pty.openpty(), pty.openpty()
    for slave in (there, back):
        tty.setraw(slave)
    times = []
    with Popen([sys.executable, "-c", ECHO], stdin=there, stdout=back) as child:
        for number in range(-1, samples):  # the first one waits for the process to come up
            start = time.monotonic_ns()
            os.write(scale, frame_of(1000))
            ready, _, _ = select.select([printer], [], [], 5)
            if ready:
                os.read(printer, 64)
                if number >= 0:
                    times.append((time.monotonic_ns() - start) / 1e6)
            time.sleep(1 / FLOOR_RATE)
        child.terminate()
    for file in (scale, there, printer, back):
        os.close(file)
    return times

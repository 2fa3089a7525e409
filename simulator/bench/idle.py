"""What the station costs while nobody buys: six scales that talk all the time, and two pages that are looked at."""

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import Any

from simulator.bench.helpers import CityProcess, compiled, written_bytes
from simulator.bench.report import Figure, Report
from simulator.bench.stall import register
from simulator.bench.start import OURS, imports
from simulator.broker import Broker
from simulator.printer.printer import Printer
from simulator.scales import _pan as scale
from simulator.scales._pan import Pan, Scale
from simulator.stage import StageFailed, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

SCALES, RATE = 6, 10.0
READERS = 2
WARM_UP = 15.0  # progress of the last record is written within ten seconds
FLOOR_SHARE = 1 / 3
LOADS = tuple(Decimal(grams).scaleb(-3) for grams in (0, 2350, 0, 785, 12460, 0))
CPU_TARGET, MEMORY_TARGET, DISK_TARGET = 5.0, 64.0, 0.0
BARE_READERS = """
import select, serial, sys, threading
def read(address):
    port = serial.Serial(address, timeout=0, exclusive=True)
    while True:
        ready, _, _ = select.select([port.fileno()], [], [], 0.2)
        if ready:
            port.read(4096)
for address in sys.argv[1:]:
    threading.Thread(target=read, args=(address,), daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""
IMPORTING = """
import importlib, sys
for name in sys.stdin.read().split():
    try:
        importlib.import_module(name)
    except ImportError:
        pass
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS:")))
"""


class Reader(threading.Thread):
    """A page that is open: takes the station's events, and counts them, until the station goes."""

    def __init__(self, listen: str) -> None:
        super().__init__(name="page", daemon=True)
        self._listen = listen
        self.messages = 0
        self.bytes = 0

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._listen)
        try:
            connection.request("GET", "/api/live?pulse=1")
            answer = connection.getresponse()
            while line := answer.readline():
                self.bytes += len(line)
                self.messages += line.startswith(b"data:")
        except (OSError, http.client.HTTPException):
            pass  # the station ended
        finally:
            connection.close()


def measure(folder: Path, seconds: float = 60.0, *, warm_up: float = WARM_UP) -> Report:
    """Watch the station for ``seconds`` with loads lying still, then a third as long with every weight moving."""
    with TemporaryDirectory(dir=folder, prefix="idle-") as name, ExitStack() as stack:
        stack.enter_context(compiled())
        place = Path(name)
        (place / "dev").mkdir()
        lines = [stack.enter_context(line) for line in spaced(scales(place / "dev"))]
        printer = stack.enter_context(Line(Printer(lambda paper: None), Pty(place / "dev" / "printer")))
        broker = stack.enter_context(Broker())
        city = stack.enter_context(CityProcess(broker.url, place / "city.db", broker.mqtt_version))
        wiring = Wiring(
            broker.url, broker.mqtt_version, printer=printer.address, extra=tables(lines), city_key=city.key
        )
        station = StationProcess(place / "station", wiring)
        with station:
            readers = [Reader(station.listen) for _ in range(READERS)]
            register(station)
            for reader in readers:
                reader.start()
            wait_for("all scales, the city and both pages", lambda: ready(station, readers))
            time.sleep(warm_up)
            before = sum(reader.messages for reader in readers)
            still, written = over(station.pid, seconds)
            messages = (sum(reader.messages for reader in readers) - before) / READERS / seconds
            memory = status(station.pid)
            with moving(lines):
                busy, _ = over(station.pid, seconds * FLOOR_SHARE)
            if not ready(station, readers):
                raise StageFailed(f"a scale or the city went meanwhile; log: {station.log}")
            busy_memory = status(station.pid)
        bare = bare_readers([line.address for line in lines], seconds * FLOOR_SHARE)
        modules = [module for module, _ in imports(station) if module.partition(".")[0] not in OURS]
    facts = {
        "seconds": seconds,
        "frames_per_s": SCALES * RATE,
        "messages_per_page_and_s": messages,
        "cpu_with_every_weight_moving": round(busy, 2),
        "memory_kib": {key: memory[key] for key in ("VmRSS", "RssAnon", "RssFile", "Threads") if key in memory},
        "memory_after_moving_mib": round(busy_memory["VmRSS"] / 1024, 1),
        "load_average": os.getloadavg()[0],
    }
    said = f"python with the same {len(modules)} modules that are not ours"
    return Report(
        "idle",
        f"{SCALES} continuous scales, {RATE:.0f} frames/s each, loads lying still; printer, city, {READERS} pages open",
        (
            Figure("processor", "% of one core", {"mean": still}, {"mean": bare}, "bare readers", {"mean": CPU_TARGET}),
            Figure(
                "memory",
                "MiB",
                {"end": memory["VmRSS"] / 1024},
                {"end": importing(modules)},
                said,
                {"end": MEMORY_TARGET},
            ),
            Figure("disk", "bytes", {"sum": written}, {"sum": 0}, "nothing happened", {"sum": DISK_TARGET}),
        ),
        facts,
    )


def scales(folder: Path) -> list[Line[Scale]]:
    """Continuous scales, each with its load."""
    lines = []
    for number, load in enumerate(LOADS, 1):
        pan = Pan(Decimal(30), Decimal("0.005"))
        pan.put(load, 0.0)
        lines.append(Line(scale.find("yaohua_tf0")(pan), Pty(folder / f"scale-{number}")))
    return lines


def spaced(lines: Sequence[Line[Scale]]) -> Iterator[Line[Scale]]:
    """One after the other, so that their frames do not come in the same moment: no scale waits for another."""
    for line in lines:
        yield line
        time.sleep(1 / RATE / len(lines))


def tables(lines: Sequence[Line[Scale]]) -> str:
    return "".join(
        f"""
[[scale]]
name = "scale-{number}"
model = "yaohua-a9"
port = "{line.address}"
max = "30 kg"
min = "200 g"
e = "10 g"
verified_until = 2099-12-31
"""
        for number, line in enumerate(lines, 1)
    )


def ready(station: StationProcess, readers: Sequence[Reader]) -> bool:
    board = station.board()
    return (
        all(one["up"] and one["net_g"] is not None for one in board["scales"])
        and board["city"]["up"]
        and board["city"]["pending"] == 0
        and all(reader.messages and reader.is_alive() for reader in readers)
    )


@contextmanager
def moving(lines: Sequence[Line[Scale]]) -> Iterator[None]:
    """On every pan something slowly gets heavier, so that each frame says another weight."""

    def pour(device: Scale, now: float) -> None:
        device.pan.settle = 1000.0
        device.pan.put(Decimal(29) if device.pan.load < 15 else Decimal(0), now)

    def rest(device: Scale, now: float) -> None:
        device.pan.settle = 0.4
        device.pan.put(device.pan.load, now)

    for line in lines:
        line.do(pour)
    try:
        yield
    finally:
        for line in lines:
            line.do(rest)


def over(pid: int, seconds: float) -> tuple[float, int]:
    """Per cent of one core that a process uses in this time, and the bytes it writes to the disk."""
    written, used, start = written_bytes(pid), cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - start
    return (cpu_seconds(pid) - used) / passed * 100, written_bytes(pid) - written


def cpu_seconds(pid: int) -> float:
    """Time on the processor, in user and system mode, of all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status(pid: int) -> dict[str, int]:
    """The numbers in ``/proc/PID/status``; sizes in KiB."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0])
    return found


def bare_readers(addresses: Sequence[str], seconds: float) -> float:
    """Per cent of one core of a process that reads the same ports, a thread each, and does nothing with the bytes."""
    command: list[Any] = [sys.executable, "-c", BARE_READERS, *addresses]
    with Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        if child.stdout is None or child.stdout.readline().strip() != b"ready":
            raise StageFailed("the bare readers did not start")
        used, _ = over(child.pid, seconds)
        child.terminate()
    return used


def importing(names: Sequence[str]) -> float:
    """MiB resident of a Python process that has imported these modules."""
    command = [sys.executable, "-c", IMPORTING]
    done = subprocess.run(command, input="\n".join(names), text=True, check=True, capture_output=True)
    return int(done.stdout.split()[-1]) / 1024

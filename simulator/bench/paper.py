"""What a paper costs: its bytes, how long it takes to come out, and how soon it begins.

How long is simulated, by a printer with a 4 KiB buffer and a head of 90 mm/s, in a time of its own.  How soon is
measured at a real station: from the moment its commit can be read by others to the first byte at the printer.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from drivers.glyphs import FontGlyphs
from drivers.printers import profile
from edge.documents import DOCUMENTS, Documents, Place, examples, prints
from protocol.link import Link
from protocol.printers import languages
from protocol.printers.layout import layout
from protocol.printers.profile import DOTS_PER_MM, Profile
from protocol.printers.status import GS_R_PAPER, TSPL_ASK
from simulator.bench.counter import weights
from simulator.bench.helpers import Helper
from simulator.bench.latency import PRINTER_TARGET, echo_times
from simulator.bench.report import Figure, Report, spread
from simulator.bench.stall import Stall
from simulator.printer.printer import Printer
from simulator.printer.read import read_papers
from simulator.stage import StageFailed

MM_PER_S = 90.0
BUFFER = 4096
CHUNK = 32
STEP = 0.01
READY = b"\0"  # a label printer's answer when nothing is left to print
USB_BYTES = 1_000_000  # a second, full speed, bulk
LINES = {"9600": Link(9600).byte_seconds, "115200": Link(115200).byte_seconds, "usb": 1 / USB_BYTES}
RATE = 2.0  # slips a second, so that none waits for the one before
WARM_UP = 4
LOOK_SECONDS = 0.0002
BELONGS_NS = 200_000_000  # a slip's commit was no longer ago than that
ECHOES = 100
PLACE = Place("惠济农贸市场", "sy.example.cn")


@dataclass(frozen=True, slots=True)
class Form:
    """A way to print: what is drawn, on which printer."""

    name: str
    printer: Profile


FORMS = (
    Form("58 mm, codes drawn", profile("generic-58")),
    Form("58 mm, codes native", replace(profile("generic-58"), codes="native")),
    Form("58 mm, all drawn", replace(profile("generic-58"), encoding="raster")),
    Form("80 mm, codes drawn", profile("generic-80")),
    Form("40 x 30 mm label", profile("label-40x30")),
)


def measure(folder: Path, seconds: float = 30.0, rate: float = RATE) -> Report:
    """Every paper in every form, then slips of a real stall for ``seconds``."""
    rows = list(table())
    count = max(1, int(seconds * rate))
    sales = weights(count, skip=WARM_UP)
    with TemporaryDirectory(dir=folder, prefix="paper-") as name, Stall(Path(name)) as stall:
        with Helper(_watch_commits, stall.ledger) as commits:
            stall.counter.serve(weights(WARM_UP), rate)
            stall.counter.serve(sales, rate)
            stall.counter.until_printed(WARM_UP + count, 20)
            seen: list[int] = commits.ask("seen")
        with contextlib.suppress(StageFailed):
            stall.wait_delivered()
        begun = stall.counter.paper
    times = [after / 1e6 for one in sales if one in begun and (after := since_commit(begun[one], seen)) is not None]
    floor = spread(echo_times(ECHOES))
    facts = {
        "sales": count,
        "printed": sum(one in begun for one in sales),
        "with_their_commit_seen": len(times),
        "load_average": os.getloadavg()[0],
        "papers": rows,
    }
    return Report(
        "paper",
        f"bytes and seconds of each paper under a head of {MM_PER_S:.0f} mm/s; from a sale's commit to its first byte",
        (Figure("commit to first byte", "ms", spread(times), floor, "a pty echo", PRINTER_TARGET),),
        facts,
    )


def since_commit(begun: int, commits: list[int]) -> int | None:
    """Nanoseconds from the last commit before a paper began; None when that was too long ago to be its own."""
    before = max((at for at in commits if at <= begun), default=begun - 2 * BELONGS_NS)
    return begun - before if begun - before <= BELONGS_NS else None


def _watch_commits(pipe: Connection, ledger: Path) -> None:
    """Notes when a change of the ledger can be read by others."""
    conn = sqlite3.connect(f"{ledger.resolve().as_uri()}?mode=ro", uri=True)
    seen: list[int] = []
    version = conn.execute("PRAGMA data_version").fetchone()
    pipe.send("ready")
    while True:
        while not pipe.poll():
            if version != (version := conn.execute("PRAGMA data_version").fetchone()):
                seen.append(time.monotonic_ns())
            time.sleep(LOOK_SECONDS)
        if pipe.recv() == "stop":
            break
        pipe.send(list(seen))
    conn.close()


# --- a printer in a time of its own ---------------------------------------------------------------------------------


def table() -> Iterator[dict[str, Any]]:
    """A row for each paper and form."""
    papers, glyphs = Documents(), FontGlyphs()
    for form in FORMS:
        for name in DOCUMENTS:
            if prints(form.printer, name) and (name != "test" or form.printer.label is None):
                yield row(name, form, papers, glyphs)


def row(paper: str, form: Form, papers: Documents, glyphs: FontGlyphs) -> dict[str, Any]:
    """Bytes, millimetres of paper, and seconds until it is out on each line."""
    printer = form.printer
    place = replace(PLACE, label=printer.label)
    page = layout(papers.document(paper, examples(paper)[0], place), printer.columns, printer.encoding)
    drawn = glyphs if printer.encoding == "raster" else None
    job = b"".join(languages.emit(page, printer, drawn))
    high = sum(one.height for one in read_papers(job, printer.dots))
    times = {f"s_{line}": round(come_out(job, byte_seconds, printer), 2) for line, byte_seconds in LINES.items()}
    return {"form": form.name, "paper": paper, "bytes": len(job), "mm": high // DOTS_PER_MM, **times}


def come_out(job: bytes, byte_seconds: float, printer: Profile) -> float:
    """Seconds until the head has printed the whole of it and says so."""
    device = Printer(
        lambda paper: None,
        dots=printer.dots,
        cutter=printer.cutter,
        buffer=BUFFER,
        mm_per_s=MM_PER_S,
        language=printer.language,
    )
    label = printer.language == "tspl"
    now, left = 0.0, job + (b"" if label else GS_R_PAPER)
    while left:
        room = device.room(now)
        if not room:
            now = max(now + byte_seconds, device.deadline(now) or now)
            continue
        part, left = left[: min(CHUNK, room)], left[min(CHUNK, room) :]
        now += len(part) * byte_seconds
        device.receive(part, now)
    while label or not device.pending(now):
        if label:
            device.receive(TSPL_ASK, now)
            if device.pending(now) == READY:
                break
        now = max(now + STEP, device.deadline(now) or now)
    return now

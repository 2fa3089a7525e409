"""kill -9 while slips wait for a slow printer: those that were not begun come out as they are."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.broker import Broker
from simulator.printer.printer import Printer
from simulator.printer.read import Paper
from simulator.stage import CABBAGE, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

SLIPS = 12


def code_on(paper: Paper) -> str:
    """The transaction code that is printed on it; empty on a torn piece."""
    lines = [line.replace(" ", "") for line in paper.text.splitlines()]
    return next((line for line in lines if len(line) == 20 and line.isdigit() and line[9] == "2"), "")


@pytest.mark.broker
def test_only_the_slip_that_was_on_its_way_is_marked_after_a_kill(
    tmp_path: Path, broker: Broker, station: Callable[..., StationProcess], released_lot: Callable[..., str]
) -> None:
    papers: list[Paper] = []
    with Line(Printer(on_paper=papers.append, mm_per_s=150.0), Pty(tmp_path / "printer")) as printer:
        running = station(Wiring(broker=broker.url, scale=str(tmp_path / "unplugged"), printer=printer.address))
        lot = released_lot(running)
        sold = [
            running.post("/api/sales", scale="scale-1", product=CABBAGE, lot=lot, manual_g=500, reason="停电")["tx"]
            for _ in range(SLIPS)
        ]
        wait_for("two slips", lambda: len({code_on(paper) for paper in papers} & set(sold)) >= 2, pause=0.01)
        running.kill()
        before = set(map(code_on, papers)) & set(sold)
        assert len(before) < SLIPS - 4, "the printer was too quick: nothing waited"
        printer.do(lambda device, now: device.trouble(now, mm_per_s=None))
        running.start()
        wait_for("every slip", lambda: set(sold) <= {code_on(paper) for paper in papers}, 40)
        wait_for("rest", lambda: not running.board()["printers"][0]["waiting"], 40)
        running.stop()

    copies = [paper for paper in papers if "COPY" in paper.text]
    originals = Counter(code_on(paper) for paper in papers if "COPY" not in paper.text)
    assert len(copies) == 1
    assert code_on(copies[0]) in sold
    assert all(originals[tx] == 1 for tx in sold if tx != code_on(copies[0]))
    assert originals[code_on(copies[0])] <= 1

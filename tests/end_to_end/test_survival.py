"""kill -9 at any moment, of the station, the broker and the city: nothing answered is lost, nothing is twice."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator.broker import Broker
from simulator.obstacles import free_port
from simulator.printer.printer import Printer
from simulator.printer.read import Paper
from simulator.scales._pan import Pan
from simulator.scales.mt_sics import MtSics
from simulator.stage import CABBAGE, Refusal, StageFailed, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

KILLS = 20
OTHER_KILLS = 3


class CityProcess:
    """The city as a process that can be killed."""

    def __init__(self, broker: str, folder: Path) -> None:
        self.db = folder / "city.db"
        self._log = folder / "city.log"
        self._command = [sys.executable, "-m", "simulator.cli", "city", "--broker", broker, "--db", str(self.db)]
        self._command += ["--listen", f"127.0.0.1:{free_port()}", "--enrol"]

    def start(self) -> None:
        with self._log.open("ab") as out:
            self.child = subprocess.Popen(self._command, stdout=out, stderr=out)

    def kill(self) -> None:
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.wait()


class Crowd(threading.Thread):
    """People at the stall and the gate: they sell and register as fast as the station lets them.

    ``answered`` are the codes of records the station said it had.
    """

    def __init__(self, station: StationProcess, line: Line[MtSics], pan: Pan, seed: int) -> None:
        super().__init__(name="crowd")
        self._station, self._line, self._pan = station, line, pan
        self._dice = random.Random(seed)
        self._over = threading.Event()
        self.answered: list[str] = []
        self.lot = ""

    def stop(self) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._sell() if self._dice.random() < 0.5 else self._register()
            except (OSError, Refusal, StageFailed, ValueError):
                time.sleep(0.02)  # the station is down, or restarts: people try again

    def _register(self) -> None:
        entry = self._station.post("/api/entries", product=CABBAGE, net_g=1000, origin="河南", supplier="李四")
        self.answered.append(entry["test_code"])

    def _sell(self) -> None:
        self._line.do(lambda _, now: self._pan.take_off(now))
        wait_for("an empty pan", lambda: self._scale()["why"] == "below_min", 2, 0.02)
        grams = self._dice.randrange(300, 20_000, 10)
        self._line.do(lambda _, now: self._pan.put(Decimal(grams) / 1000, now))
        wait_for("a load", lambda: self._scale()["sellable"], 2, 0.02)
        sale = self._station.post("/api/sales", scale="scale-1", product=CABBAGE, lot=self.lot, seen_g=grams)
        assert sale["net_g"] == grams
        self.answered.append(sale["tx"])

    def _scale(self) -> dict[str, Any]:
        view: dict[str, Any] = self._station.board()["scales"][0]
        return view


@pytest.mark.broker
@pytest.mark.slow
def test_nothing_answered_or_printed_is_lost_when_everything_is_killed(
    tmp_path: Path, broker: Broker, station: Callable[..., StationProcess], released_lot: Callable[..., str]
) -> None:
    papers: list[Paper] = []
    pan = Pan(Decimal(30), Decimal("0.010"), settle=0.03)
    city = CityProcess(broker.url, tmp_path)
    city.start()
    with (
        Line(MtSics(pan), Pty(tmp_path / "scale")) as line,
        Line(Printer(on_paper=papers.append), Pty(tmp_path / "printer")) as printer,
    ):
        running = station(Wiring(broker=broker.url, scale=line.address, printer=printer.address))
        crowd = Crowd(running, line, pan, seed=3)
        crowd.lot = released_lot(running)
        crowd.start()
        dice = random.Random(5)
        try:
            for turn in range(KILLS):
                time.sleep(dice.uniform(0.3, 2.0))
                running.kill()
                if turn % (KILLS // OTHER_KILLS) == 3:
                    city.kill()
                    city.start()
                if turn % (KILLS // OTHER_KILLS) == 5:
                    broker.kill()
                    broker.start()
                running.start(wait=False)
                time.sleep(dice.uniform(0.0, 1.0))  # some kills hit the start itself
                if turn % 2:
                    running.wait_ready()
            running.wait_ready()
            time.sleep(1.0)
            assert crowd.is_alive()  # people were there to the end
        finally:
            crowd.stop()
        wait_for("delivery", lambda: running.board()["city"]["pending"] == 0, 40)
        verified = json.loads(running.command("ledger", "verify", "-c", str(running.config)))
        running.stop()
    city.kill()

    assert verified["ok"]
    there = sqlite3.connect(city.db)
    bodies = [json.loads(body) for (body,) in there.execute("SELECT body FROM events ORDER BY sequence")]
    assert [int(event["sequence"]) for event in bodies] == list(range(1, verified["records"] + 1))
    subjects = [event["subject"] for event in bodies]
    assert len(set(subjects)) == len(subjects)
    assert len(crowd.answered) > KILLS
    assert set(crowd.answered) <= set(subjects)
    printed = {line.replace(" ", "") for paper in papers for line in paper.text.splitlines()}
    sales = {event["subject"] for event in bodies if ".trade." in event["type"]}
    on_paper = {text for text in printed if len(text) == 20 and text.isdigit() and text[9] == "2"}
    assert on_paper
    assert on_paper <= sales

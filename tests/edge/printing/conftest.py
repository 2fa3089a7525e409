"""A printer's thread, driven on a clock that jumps."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from edge.between.inbox import Inbox, PrintAgain, Printed, PrinterChanged
from edge.between.print_states import PrintJob
from edge.config.sections import load
from edge.documents import Documents, examples
from edge.printing.open_printer import Opener, OpenPrinter
from edge.printing.typesetting import Typesetter
from edge.printing.worker import Printer
from simulator.wires.in_step import JumpingClock

CONFIG = """
[station]
name = "惠济市场"
jobs = ["stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "王秀英"
[city]
brokers = ["mqtt://127.0.0.1"]
[[printer]]
name = "printer-1"
port = "{port}"
flow = "{flow}"
profile = "{profile}"
keep_minutes = {keep}
change = {change}
"""
SETTINGS = {"port": "/dev/printer", "flow": "none", "profile": "generic-58", "keep": 30, "change": "{}"}


class Station:
    """A printer's thread, a turn at a time, with the core's part played here."""

    def __init__(self, folder: Path, clock: JumpingClock, opener: Opener, **settings: Any) -> None:
        config = folder / "station.toml"
        config.write_text(CONFIG.format(**(SETTINGS | settings)), "utf-8")
        loaded = load(config)
        self.clock = clock
        self.inbox: Inbox = Inbox()
        self.news: list[Printed] = []
        self.states: list[str] = []
        self.jobs: dict[int, PrintJob] = {}
        self.copies = 0
        self.refuses_words = False
        self.asked_for_word: list[PrintAgain] = []
        part = loaded.printer[0]
        link = OpenPrinter(part, clock, opener)
        self.thread = Printer(part, Typesetter(loaded, Documents()), self.inbox, clock, link)

    def put(
        self, number: int = 1, copy: int = 0, *, waits: bool = False, paper: str = "slip", content: Any = None
    ) -> None:
        body = json.dumps(content or examples(paper)[0]).encode()
        self.jobs[number] = PrintJob(number, number, paper, "", "printer-1", body, copy, self.clock.now(), waits)
        self.thread.put(self.jobs[number])

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Turns of the printer's thread for so long, or until this is so."""
        end = self.clock.now() + seconds
        while self.clock.now() < end and not until():
            self.thread.take_orders(self.thread.patience())
            self.thread.turn()
            self._read()

    def until(self, *states: str, job: int = 1, seconds: float = 300.0) -> str:
        """Run until this paper has one of these states; answers its word."""
        self.run(seconds, lambda: self._state(job) in states)
        assert self._state(job) in states, self.news
        return [news.why for news in self.news if news.job == job][-1]

    def states_of(self, job: int) -> list[str]:
        return [news.state for news in self.news if news.job == job]

    def _state(self, job: int) -> str:
        return self.states_of(job)[-1] if self.states_of(job) else ""

    def _read(self) -> None:
        with suppress(Empty):
            while True:
                message = self.inbox.get(timeout=0)
                if isinstance(message, PrintAgain):
                    self.asked_for_word.append(message)
                    if not self.refuses_words:
                        self._give_word(message)
                elif isinstance(message, Printed):
                    self.news.append(message)
                elif isinstance(message, PrinterChanged):
                    self.states.append(message.state)

    def _give_word(self, message: PrintAgain) -> None:
        job = self.jobs[message.job]
        if message.begun:
            self.copies += 1
            job = self.jobs[message.job] = PrintJob(
                job.job, job.seq, job.paper, job.detail, job.printer, job.body, self.copies, job.since
            )
        self.thread.put(job)


@pytest.fixture
def new_station(tmp_path: Path) -> Callable[..., Station]:
    """A station whose printer is opened by ``opener``; ``settings`` are those of its [[printer]]."""
    return lambda clock, opener, **settings: Station(tmp_path, clock, opener, **settings)

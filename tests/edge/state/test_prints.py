"""Papers after a power cut: what only waited comes out as it is, what may have come out comes as a copy."""

from pathlib import Path
from typing import Any

import pytest

from edge.between.commands import RegisterEntry
from edge.between.inbox import Printed
from edge.between.print_states import PrintJob, PrintState, PrintWhy
from edge.config.sections import load
from edge.jobs import gate
from edge.records.clock import Clock
from edge.records.ledger import Ledger
from edge.state.prints import Prints
from edge.state.station import Station

CONFIG = """
[station]
name = "惠济市场"
jobs = ["gate"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "检测室"
[city]
brokers = ["mqtt://127.0.0.1"]
[[product]]
code = "01040201"
name = "大白菜"
[[printer]]
name = "labels"
port = "/dev/null"
profile = "label-40x30"
"""


class Deaf:
    """A printer's thread that takes papers."""

    def __init__(self) -> None:
        self.taken: list[PrintJob] = []
        self.withdrawn: list[int] = []

    def put(self, job: PrintJob) -> None:
        self.taken.append(job)

    def withdraw(self, job: int) -> None:
        self.withdrawn.append(job)


class Run:
    """One run of the station on a ledger: from a start to a power cut."""

    def __init__(self, folder: Path, ledger: Ledger, clock: Clock) -> None:
        (folder / "station.toml").write_text(CONFIG, "utf-8")
        config = load(folder / "station.toml")
        self.printer = Deaf()
        self.station = Station(config, ledger, clock, {"labels": self.printer}, {})
        self.prints = self.station.prints
        assert self.prints.recover() is None

    def enter(self) -> int:
        """Goods come in: their label is wanted. Answers its job."""
        with self.station.ledger.batch():
            gate.register(self.station, RegisterEntry(product="01040201", net_g=1000, origin="河南", supplier="李四"))
            self.prints.save()
        self._effects()
        return self.printer.taken[-1].job

    def hears(self, *news: Printed) -> None:
        for one in news:
            self.prints.news(one)

    def saves(self) -> None:
        with self.station.ledger.batch():
            self.prints.save()

    def is_asked(self, job: int, begun: bool) -> PrintJob:
        with self.station.ledger.batch():
            self.prints.again(job, begun)
            self.prints.save()
        self._effects()
        return self.printer.taken[-1]

    def _effects(self) -> None:
        for effect in self.station.after:
            effect()
        self.station.after.clear()

    @property
    def copies(self) -> list[tuple[int, int, bool]]:
        return [(job.job, job.copy, job.waits) for job in self.printer.taken]


@pytest.fixture
def start(tmp_path: Path, ledger: Ledger, clock: Clock) -> Any:
    return lambda: Run(tmp_path, ledger, clock)


def test_what_was_held_and_not_begun_comes_out_unmarked_after_a_power_cut(start: Any) -> None:
    first = start()
    one, two = first.enter(), first.enter()
    first.hears(
        Printed(one, PrintState.PRINTING, PrintWhy.NOTHING),
        Printed(one, PrintState.HELD, PrintWhy.PAPER, begun=True),
        Printed(two, PrintState.HELD, PrintWhy.PAPER),
    )
    first.saves()
    second = start()
    assert second.copies == [(one, 1, False), (two, 0, True)]


def test_what_had_the_core_s_word_may_have_come_out(start: Any) -> None:
    first = start()
    one = first.enter()
    first.hears(Printed(one, PrintState.HELD, PrintWhy.PAPER))
    first.saves()
    assert not first.is_asked(one, begun=False).waits
    second = start()
    assert second.copies == [(one, 1, False)]


def test_the_word_wins_over_news_that_was_not_saved_yet(start: Any) -> None:
    first = start()
    one = first.enter()
    first.hears(Printed(one, PrintState.HELD, PrintWhy.PAPER))
    first.is_asked(one, begun=False)
    first.saves()
    assert start().copies == [(one, 1, False)]


def test_papers_behind_a_slow_printer_are_written_down_as_waiting_from_the_start(start: Any) -> None:
    """The first may be out; those behind it had no turn."""
    first = start()
    jobs = [first.enter() for _ in range(4)]
    assert [waits for _, _, waits in first.copies] == [False, True, True, True]
    second = start()
    assert second.copies == [(job, copy, copy == 0) for job, copy in zip(jobs, (1, 0, 0, 0), strict=True)]
    third = start()  # and again before any of them had its turn
    assert [copy for _, copy, _ in third.copies] == [2, 0, 0, 0]


def test_what_never_began_and_waited_too_long_has_failed(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = start()
    one, two = first.enter(), first.enter()
    first.hears(
        Printed(one, PrintState.PRINTING, PrintWhy.NOTHING),
        Printed(one, PrintState.HELD, PrintWhy.PAPER, begun=True),
        Printed(two, PrintState.HELD, PrintWhy.PAPER),
    )
    first.saves()
    monkeypatch.setattr(Prints, "_fresh", lambda self, job: False)
    second = start()
    assert [(view.job, view.state, view.why) for view in second.prints.views()] == [
        (two, "failed", "late"),
        (one, "unknown", "restart"),
    ]


def test_of_many_that_wait_only_the_one_in_turn_may_have_come_out(start: Any) -> None:
    """Those before it are known, for their proof goes to the disk with its turn; those behind it come out unmarked."""
    first = start()
    jobs = [first.enter() for _ in range(12)]
    first.hears(Printed(jobs[0], PrintState.PRINTED, PrintWhy.GS_R))
    first.is_asked(jobs[1], begun=False)
    first.hears(Printed(jobs[1], PrintState.PRINTED, PrintWhy.GS_R))
    first.is_asked(jobs[2], begun=False)
    assert first.copies[12:] == [(jobs[1], 0, False), (jobs[2], 0, False)]
    assert start().copies == [(jobs[2], 1, False), *((job, 0, True) for job in jobs[3:])]


def test_a_turn_that_is_not_recorded_keeps_what_it_carried(start: Any) -> None:
    first = start()
    one, two = first.enter(), first.enter()
    first.hears(Printed(one, PrintState.PRINTED, PrintWhy.GS_R))
    with pytest.raises(RuntimeError), first.station.ledger.batch():
        first.prints.again(two, False)
        raise RuntimeError
    for take_back in first.station.undo:
        take_back()
    assert first.prints.unsaved
    first.saves()
    assert start().copies == [(two, 0, True)]

"""Papers after a power cut: what only waited comes out as it is, what may have come out comes as a copy."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.between.commands import RegisterEntry
from edge.between.inbox import Printed
from edge.between.print_states import PrintJob, PrintState, PrintWhy
from edge.config.sections import load
from edge.jobs import gate
from edge.records.clock import Clock
from edge.records.ledger import Ledger, LedgerFull
from edge.records.turns import MAYBE, Turns
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
        self.full = self.prints.recover()

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

    def has_its_turn(self, job: int) -> None:
        """In a round that records nothing."""
        with self.station.ledger.batch():
            self.prints.again(job, False)
        self._effects()

    def _effects(self) -> None:
        for effect in self.station.after:
            effect()
        self.station.after.clear()

    @property
    def copies(self) -> list[tuple[int, int, bool]]:
        return [(job.job, job.copy, job.waits) for job in self.printer.taken]


@pytest.fixture(params=["beside the ledger", "in the ledger"])
def start(request: pytest.FixtureRequest, tmp_path: Path, ledger: Ledger, clock: Clock) -> Any:
    """The next run, on a disk that takes a turn as a sector, and on one that does not."""
    if request.param == "in the ledger":
        ledger.turns = Turns(tmp_path)
        ledger.turns._sectors.clear()

    def begin() -> Run:
        run = Run(tmp_path, ledger, clock)
        assert run.full is None
        return run

    return begin


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
    third = start()  # what the second run took over is not counted twice
    assert third.copies == [(one, 2, False)]


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


# --- beside the ledger ------------------------------------------------------------------------------------------------


PRINTED = PrintState.PRINTED, PrintWhy.GS_R


@pytest.fixture
def beside(tmp_path: Path, ledger: Ledger, clock: Clock) -> Callable[[], Run]:
    if not ledger.turns.write({}):
        pytest.skip("this disk is only written to through its cache")
    return lambda: Run(tmp_path, ledger, clock)


def rows(run: Run) -> list[tuple[int, str, str]]:
    return [(row.job, row.state, row.why) for row in run.prints.table.newest(9)][::-1]


def test_a_turn_costs_no_commit_and_goes_to_the_ledger_with_the_next(beside: Callable[[], Run], ledger: Ledger) -> None:
    run = beside()
    one, two, three = (run.enter() for _ in range(3))
    run.hears(Printed(one, *PRINTED))
    before = rows(run)
    with ledger.batch():
        run.prints.again(two, False)
    assert run.printer.taken[3:] == []  # not before the commit of its round
    run._effects()
    assert [job.job for job in run.printer.taken[3:]] == [two]
    assert rows(run) == before
    assert ledger.turns.read() == {one: PRINTED, two: MAYBE}
    run.saves()
    assert rows(run) == [(one, *PRINTED), (two, *MAYBE), (three, "waiting", "queued")]
    run.hears(Printed(two, *PRINTED))
    run.has_its_turn(three)
    assert ledger.turns.read() == {two: PRINTED, three: MAYBE}
    assert rows(run)[1] == (two, *MAYBE)
    assert beside().copies == [(three, 1, False)]


def test_a_turn_that_is_not_on_the_disk_prints_nothing_and_then_goes_to_the_ledger(
    beside: Callable[[], Run], ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = beside()
    one, two = run.enter(), run.enter()
    run.hears(Printed(one, *PRINTED))
    monkeypatch.setattr(os, "pwrite", lambda *_: 0)
    run.has_its_turn(two)
    assert run.copies[2:] == []
    assert run.is_asked(two, begun=False).job == two
    assert rows(run) == [(one, *PRINTED), (two, *MAYBE)]


def test_more_than_a_sector_takes_goes_to_the_ledger(beside: Callable[[], Run], ledger: Ledger) -> None:
    run = beside()
    jobs = [run.enter() for _ in range(30)]
    for job in jobs[:-1]:
        run.hears(Printed(job, PrintState.UNKNOWN, PrintWhy.SILENT) if job % 2 else Printed(job, *PRINTED))
    assert run.is_asked(jobs[-1], begun=False).job == jobs[-1]
    assert ledger.turns.read() == {}
    assert not run.prints.unsaved
    assert beside().copies == [(jobs[-1], 1, False)]


def test_what_the_ledger_knows_by_now_counts_before_what_stands_beside_it(
    beside: Callable[[], Run], ledger: Ledger
) -> None:
    run = beside()
    one, two = run.enter(), run.enter()
    run.hears(Printed(one, *PRINTED))
    run.has_its_turn(two)
    run.hears(Printed(two, *PRINTED))
    run.saves()
    assert ledger.turns.read() == {one: PRINTED, two: MAYBE}
    assert beside().copies == []


def test_what_another_ledger_left_beside_says_nothing_of_this_one(beside: Callable[[], Run], ledger: Ledger) -> None:
    """A ledger that was begun anew counts its papers from one."""
    ledger.turns.write({1: PRINTED, 2: MAYBE})
    run = beside()
    assert (run.enter(), run.enter()) == (1, 2)
    assert beside().copies == [(1, 1, False), (2, 0, True)]


def test_what_stands_beside_a_ledger_that_takes_nothing_is_not_lost(
    beside: Callable[[], Run], ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = beside()
    jobs = [first.enter() for _ in range(4)]
    for job in jobs[:2]:
        first.hears(Printed(job, *PRINTED))
        first.has_its_turn(job + 1)
    monkeypatch.setattr(ledger, "batch", full(ledger.batch))
    second = beside()
    assert second.full is not None
    monkeypatch.undo()
    four, five = second.enter(), second.enter()  # this commit has it all
    second.hears(Printed(four, *PRINTED))
    second.is_asked(five, begun=False)
    states = {row.job: row.state for row in second.prints.table.newest(9)}
    assert [states[job] for job in jobs[:3]] == ["printed", "printed", "unknown"]


def full(batch: Callable[[], Any]) -> Callable[[], Any]:
    """A batch that the disk has no room for at its end."""

    @contextmanager
    def begun() -> Iterator[None]:
        with batch():
            yield
            raise LedgerFull("no room")

    return begun

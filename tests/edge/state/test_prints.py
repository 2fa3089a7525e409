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


def test_where_many_wait_their_turns_are_written_down_at_once(start: Any) -> None:
    """After a power cut none of them comes out twice without a mark, and each says that there may be no first."""
    first = start()
    jobs = [first.enter() for _ in range(72)]
    asked = first.is_asked(jobs[1], begun=False)
    words = first.printer.taken[72:]
    assert asked.job == jobs[64]
    assert [(job.job, job.waits) for job in words] == [(job, False) for job in jobs[1:65]]
    second = start()
    again = {job.job: (job.copy, job.waits, job.perhaps) for job in second.printer.taken}
    assert again[jobs[0]] == again[jobs[1]] == (1, False, False)
    assert {again[job] for job in jobs[2:65]} == {(1, False, True)}
    assert {again[job] for job in jobs[65:]} == {(0, True, False)}


def test_few_that_wait_have_their_turns_written_down_one_by_one(start: Any) -> None:
    first = start()
    jobs = [first.enter() for _ in range(4)]
    first.is_asked(jobs[1], begun=False)
    assert first.copies[4:] == [(jobs[1], 0, False)]
    assert [(job.job, job.copy) for job in start().printer.taken] == [
        (jobs[0], 1),
        (jobs[1], 1),
        (jobs[2], 0),
        (jobs[3], 0),
    ]


def test_a_paper_that_was_held_asks_for_its_turn_itself(start: Any) -> None:
    first = start()
    jobs = [first.enter() for _ in range(6)]
    first.hears(Printed(jobs[3], PrintState.HELD, PrintWhy.PAPER))
    first.is_asked(jobs[1], begun=False)
    assert [job for job, *_ in first.copies[6:]] == [jobs[1], jobs[2], jobs[4], jobs[5]]


def test_of_a_paper_that_is_out_or_withdrawn_no_turn_is_written(start: Any) -> None:
    first = start()
    jobs = [first.enter() for _ in range(8)]
    first.hears(Printed(jobs[2], PrintState.FAILED, PrintWhy.TEMPLATE))
    with first.station.ledger.batch():
        first.prints.confirm(jobs[3])
    first._effects()
    assert first.printer.withdrawn == [jobs[3]]
    first.is_asked(jobs[1], begun=False)
    assert [job for job, *_ in first.copies[8:]] == [jobs[1], *jobs[4:]]

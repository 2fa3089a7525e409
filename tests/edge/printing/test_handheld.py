"""Papers that wait for a handheld, on a clock that jumps."""

from queue import Empty

import pytest

from edge.between.inbox import Inbox, Printed
from edge.between.print_states import PrintJob, PrintState, PrintWhy
from edge.config.sections import PrinterSection
from edge.printing.handheld import HandheldPrinter
from simulator.wires.in_step import JumpingClock

PART = PrinterSection(name="head-1", port="handheld:", keep_minutes=2)


def a_paper(job: int, since: float) -> PrintJob:
    return PrintJob(job, job, "slip", "", "head-1", b"{}", 0, since, waits=True)


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


def test_a_paper_that_nobody_fetches_is_given_up_and_no_other(clock: JumpingClock) -> None:
    inbox: Inbox = Inbox()
    printer = HandheldPrinter(PART, inbox, clock)
    begun = clock.now()
    for job in (1, 2, 3):
        printer.put(a_paper(job, begun + 60 * (job == 3)))
    printer.withdraw(2)  # it was fetched
    for _ in range(4):
        assert printer.turn()
    with pytest.raises(Empty):
        inbox.get(timeout=0)
    assert printer.turn()  # until the first one is too old
    assert clock.now() >= begun + 120
    assert inbox.get(timeout=0) == Printed(1, PrintState.FAILED, PrintWhy.LATE)
    with pytest.raises(Empty):
        inbox.get(timeout=0)
    assert printer.turn()
    assert inbox.get(timeout=0) == Printed(3, PrintState.FAILED, PrintWhy.LATE)
    printer.stop()
    assert not printer.turn()

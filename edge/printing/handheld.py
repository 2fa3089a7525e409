"""A printer whose head is in a handheld: its papers wait until it fetches them, or too long.

What is fetched is the core's business (``TakePrint``); from then on nobody here knows what became of it.
"""

import logging
import threading
from queue import Empty, SimpleQueue

from drivers.ticking import SteadyClock, Ticking
from edge.between.inbox import Inbox, Printed, PrinterChanged
from edge.between.print_states import PrinterState, PrintJob, PrintState, PrintWhy
from edge.config.sections import PrinterSection

LONGEST_SECONDS = 3600.0
log = logging.getLogger("printer")


class HandheldPrinter(threading.Thread):
    """Keeps the papers of one handheld, and gives up those for which nobody came in ``keep_minutes``."""

    def __init__(self, part: PrinterSection, inbox: Inbox, ticking: Ticking | None = None) -> None:
        super().__init__(name=f"printer {part.name}", daemon=True)
        self._part = part
        self._inbox = inbox
        self._ticking = ticking or SteadyClock()
        self._orders: SimpleQueue[PrintJob | int | None] = SimpleQueue()
        self._papers: dict[int, float] = {}  # when each is given up

    def put(self, job: PrintJob) -> None:
        """A paper waits for its handheld."""
        self._orders.put(job)

    def withdraw(self, job: int) -> None:
        """It was fetched, or a person decided about it."""
        self._orders.put(job)

    def stop(self) -> None:
        self._orders.put(None)

    def run(self) -> None:
        self._inbox.put(PrinterChanged(self._part.name, PrinterState.FETCHES, "", False))
        while self.turn():
            pass

    def turn(self) -> bool:
        """Wait for an order, or until a paper is too old; False when told to stop."""
        try:
            match self._ticking.get(self._orders, self.patience()):
                case None:
                    return False
                case PrintJob() as paper:
                    self._papers.setdefault(paper.job, paper.since + self._part.keep_minutes * 60)
                case job:
                    self._papers.pop(job, None)
        except Empty:
            self._give_up()
        return True

    def patience(self) -> float:
        """Seconds until the first paper is too old."""
        first = min(self._papers.values(), default=float("inf"))
        return min(max(0.0, first - self._ticking.now()), LONGEST_SECONDS)

    def _give_up(self) -> None:
        now = self._ticking.now()
        for job in [one for one, end in self._papers.items() if end <= now]:
            del self._papers[job]
            log.warning("job=%d nobody fetched it", job)
            self._inbox.put(Printed(job, PrintState.FAILED, PrintWhy.LATE))

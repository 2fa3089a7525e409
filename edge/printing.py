"""One thread a printer: prints papers in their order, holds them while the printer cannot, and sees what came out.

A slow or dead printer delays nothing but its own papers.  What becomes of a paper is told through the inbox; the words
are in ``edge/papers.py``.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from edge.config import PrinterPart
from edge.inbox import Inbox, PrintAgain, Printed, PrinterChanged
from edge.papers import COPIES_BY_ITSELF, FAILED, HELD, PRINTED, PRINTING, READY, REPEATED, SILENT, UNKNOWN, PaperJob
from edge.printer_link import PrinterLink
from edge.proof import Stopped
from edge.typesetting import Typesetter
from protocol.printers import bitmap, languages
from protocol.printers.layout import Page
from protocol.printers.plain import plain

LOOK_SECONDS = 2.0  # between looks at an idle printer
SHARED_LOOK_SECONDS = 10.0  # the same at one on the network, which serves others too
HELD_SECONDS = 0.5  # between looks at one that papers wait for
FRESH_SECONDS = 3.0  # what the printer said so long ago is good enough to begin a paper
COPY_SECONDS = 5.0  # the core is asked for a copy's number again, as when the disk was full
log = logging.getLogger("printer")


@dataclass(frozen=True, slots=True)
class Settle:
    """A person has decided about this job: it is not printed any more."""

    job: int


class Printer(threading.Thread):
    """Owns one printer."""

    def __init__(self, part: PrinterPart, typesetter: Typesetter, inbox: Inbox) -> None:
        super().__init__(name=f"printer {part.name}", daemon=True)
        self._part = part
        self._typesetter = typesetter
        self._inbox = inbox
        self._link = PrinterLink(part)
        self._orders: SimpleQueue[PaperJob | Settle | None] = SimpleQueue()
        self._papers: deque[PaperJob] = deque()
        self._begun: int | None = None  # the first paper, when bytes of it were sent and it waits for its copy's number
        self._asked_copy = float("-inf")
        self._again = 0  # how often the first paper was begun anew
        self._held = ""
        self._told: tuple[str, str, bool] | None = None

    def put(self, job: PaperJob) -> None:
        """Queue a paper, or give the paper that waits for it its number as a copy."""
        self._orders.put(job)

    def settle(self, job: int) -> None:
        """Do not print this one any more."""
        self._orders.put(Settle(job))

    def stop(self) -> None:
        self._orders.put(None)

    def run(self) -> None:
        self._look()
        with contextlib.suppress(ValueError, LookupError, OSError):  # told when such a paper is to be printed
            self._typesetter.warm(self._part.name)
        while self._take_orders(self._patience()):
            if self._papers:
                self._serve(self._papers[0])
            else:
                self._look()
        self._link.close()

    # --- orders -----------------------------------------------------------------------------------------------------

    def _patience(self) -> float:
        """Seconds to wait for an order before the next round."""
        if not self._papers:
            return SHARED_LOOK_SECONDS if self._link.shared else LOOK_SECONDS
        return HELD_SECONDS if self._held or self._begun is not None else 0.0

    def _take_orders(self, wait: float) -> bool:
        """Do what was ordered; False when told to stop."""
        try:
            order = self._orders.get(timeout=wait) if wait else self._orders.get_nowait()
            while order is not None:
                self._obey(order)
                order = self._orders.get_nowait()
        except Empty:
            return True
        return False

    def _obey(self, order: PaperJob | Settle) -> None:
        match order:
            case Settle(job):
                if self._papers and self._papers[0].job == job:
                    self._first_done()
                else:
                    self._papers = deque(paper for paper in self._papers if paper.job != job)
            case PaperJob():
                if self._begun == order.job:
                    self._papers[0], self._begun, self._held = order, None, ""
                    self._again += 1
                else:
                    self._papers.append(order)

    # --- papers -----------------------------------------------------------------------------------------------------

    def _serve(self, job: PaperJob) -> None:
        """Bring the first paper a step further."""
        if time.monotonic() - job.since >= self._part.keep_minutes * 60:
            self._finish(job, FAILED, self._held or "late")
            return
        state = self._look(FRESH_SECONDS)
        if state not in (READY, SILENT):
            self._hold(job, state)
        elif self._begun == job.job and state == SILENT:
            self._finish(job, UNKNOWN, SILENT)  # it spoke before and never came back: nobody can tell
        elif self._begun == job.job:
            self._want_copy(job)
        else:
            self._print(job)
        self._link.rest()

    def _print(self, job: PaperJob) -> None:
        self._held = ""
        try:
            page = self._typesetter.page(job)
            pieces = languages.emit(page, self._link.profile, self._typesetter.glyphs_for(page, self._link.profile))
        except (ValueError, LookupError, OSError, sqlite3.Error) as error:
            self._impossible(job, error)
            return
        self._inbox.put(Printed(job.job, PRINTING, "", plain(page)))
        if page.replaced:
            log.warning("job=%d characters this printer does not have: %s", job.job, _named(page))
        try:
            self._link.send(pieces)
            state, why = self._link.prove(job.job, bitmap.height(page, self._link.profile))
        except Stopped as stopped:
            if self._link.written:
                self._begun, self._asked_copy = job.job, float("-inf")
            self._hold(job, stopped.cause)
            return
        except ValueError as error:  # a code that does not fit, found when its turn came
            self._link.clear()
            self._impossible(job, error)
            return
        self._finish(job, state, why)

    def _impossible(self, job: PaperJob, error: Exception) -> None:
        """This printer cannot print this paper, however often it is tried."""
        log.error("job=%d %s cannot be laid out: %s", job.job, job.paper, error)
        self._finish(job, FAILED, "template")

    def _hold(self, job: PaperJob, cause: str) -> None:
        """The paper waits; told once for each cause."""
        if self._held != cause:
            self._held = cause
            begun = "begun" if self._begun == job.job else "not begun"
            log.warning("job=%d %s held (%s): %s %s", job.job, job.paper, begun, cause, self._link.why)
            self._inbox.put(Printed(job.job, HELD, cause))
        self._report()

    def _want_copy(self, job: PaperJob) -> None:
        """The printer is ready again: the number of the copy has to be on the disk before it is printed.

        One that takes papers and never proves any, as when its line loses bytes, is not fed for ever.
        """
        if self._again >= COPIES_BY_ITSELF:
            self._finish(job, UNKNOWN, REPEATED)
            return
        if time.monotonic() - self._asked_copy >= COPY_SECONDS:
            if self._asked_copy == float("-inf"):
                self._link.clear()
            self._asked_copy = time.monotonic()
            self._inbox.put(PrintAgain(job.job))

    def _finish(self, job: PaperJob, state: str, why: str) -> None:
        log.log(
            logging.INFO if state == PRINTED else logging.WARNING, "job=%d %s %s: %s", job.job, job.paper, state, why
        )
        self._inbox.put(Printed(job.job, state, why))
        self._first_done()
        self._report()

    def _first_done(self) -> None:
        self._papers.popleft()
        self._begun, self._held, self._again = None, "", 0

    # --- the printer ------------------------------------------------------------------------------------------------

    def _look(self, older_than: float = 0.0) -> str:
        state = self._link.look(older_than=older_than)
        if not self._papers:
            self._link.rest()
        self._report()
        return state

    def _report(self) -> None:
        """Tell what changed at the printer, and log when it goes and when it returns."""
        link = self._link
        now = (link.state, link.why, link.near_end)
        if now != self._told:
            if self._told is None or self._told[0] != link.state:
                bad = link.state not in (READY, SILENT)
                log.log(logging.WARNING if bad else logging.INFO, "%s %s %s", self._part.name, link.state, link.why)
            self._told = now
            self._inbox.put(PrinterChanged(self._part.name, *now))


def _named(page: Page) -> str:
    return " ".join(f"U+{ord(letter):04X}" for letter in page.replaced)

"""One thread a printer: prints papers in their order, holds them while the printer cannot, and sees what came out.

A slow or dead printer delays nothing but its own papers.  What becomes of a paper is told through the inbox; the words
are in ``print_states.py``.  A paper that makes the program fail is set aside, and the next one has its turn.
"""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Generator, Iterable
from queue import Empty, SimpleQueue

from drivers.ticking import SteadyClock, Ticking
from edge.between.inbox import Inbox, PrintAgain, Printed, PrinterChanged, Stumbled
from edge.between.print_states import COPIES_BY_ITSELF, TAKES_PAPERS, PrinterState, PrintJob, PrintState, PrintWhy
from edge.config.sections import PrinterSection
from edge.printing.open_printer import OpenPrinter
from edge.printing.proof import Stopped
from edge.printing.typesetting import Typesetter
from protocol.frozen import frozen
from protocol.printers import bitmap, languages
from protocol.printers.layout import Page
from protocol.printers.plain import plain

LOOK_SECONDS = 2.0  # between looks at an idle printer
SHARED_LOOK_SECONDS = 10.0  # the same at one on the network, which serves others too
HELD_SECONDS = 0.5  # between looks at one that papers wait for
FRESH_SECONDS = 3.0  # what the printer said so long ago is good enough to begin a paper
COPY_SECONDS = 5.0  # the core is asked for its word again, as when the disk was full
LATE_SECONDS = 60.0  # a paper that comes out later than this says when it was recorded
DONE = 100  # finished papers that are remembered
PRINTS = 64  # process ids of a job: each of its prints has its own
log = logging.getLogger("printer")


@frozen
class Withdraw:
    """A person has decided about this job: it is not printed any more."""

    job: int


class Printer(threading.Thread):
    """Owns one printer."""

    def __init__(
        self,
        part: PrinterSection,
        typesetter: Typesetter,
        inbox: Inbox,
        ticking: Ticking | None = None,
        link: OpenPrinter | None = None,
    ) -> None:
        super().__init__(name=f"printer {part.name}", daemon=True)
        self._part = part
        self._typesetter = typesetter
        self._inbox = inbox
        self._ticking = ticking or SteadyClock()
        self._link = link or OpenPrinter(part, self._ticking)
        self._orders: SimpleQueue[PrintJob | Withdraw | None] = SimpleQueue()
        self._papers: deque[PrintJob] = deque()
        self._waits: dict[int, PrintWhy] = {}  # papers that are not begun before the core's word, and why they wait
        self._begun: int | None = None  # the first paper, when bytes of it were sent and it waits for its copy's number
        self._asked = float("-inf")  # when the core was asked for its word about the first paper
        self._done: deque[int] = deque(maxlen=DONE)
        self._again = 0  # how often the first paper was begun anew
        self._held = PrintWhy.NOTHING
        self._template = ""  # why the market's template was not used for the last paper
        self._told: tuple[PrinterState, str, bool] | None = None

    def put(self, job: PrintJob) -> None:
        """Queue a paper, or give a paper that waits for it the core's word."""
        self._orders.put(job)

    def withdraw(self, job: int) -> None:
        """Do not print this one any more."""
        self._orders.put(Withdraw(job))

    def stop(self) -> None:
        self._orders.put(None)

    def run(self) -> None:
        self._look()
        with contextlib.suppress(Exception):  # told when such a paper is to be printed
            self._typesetter.warm(self._part.name)
        while self.take_orders(self.patience()):
            self.turn()
        self._link.close()

    def turn(self) -> None:
        """Bring the first paper a step further, or see how the printer is. Raises nothing."""
        job = self._papers[0] if self._papers else None
        try:
            if job:
                self._link.begun = self._link.begun and self._begun == job.job
                self._serve(job)
            else:
                self._look()
        except Exception as error:
            self._link.stumbled(error)
            self._stumbled(error, job)

    def _stumbled(self, error: Exception, job: PrintJob | None) -> None:
        """The program was not made for this: it is told, and the paper in hand is set aside."""
        name = f"{self._part.name} job {job.job}" if job else self._part.name
        self._inbox.put(Stumbled(name, "paper" if job else "device", error, job.body if job else b""))
        if job and self._papers and self._papers[0] is job:
            begun = self._link.begun or self._begun == job.job
            self._finish(job, PrintState.UNKNOWN if begun else PrintState.FAILED, PrintWhy.ERROR)

    # --- orders -----------------------------------------------------------------------------------------------------

    def patience(self) -> float:
        """Seconds to wait for an order before the next turn."""
        if self._link.state is PrinterState.BUSY:
            return HELD_SECONDS
        if not self._papers:
            return SHARED_LOOK_SECONDS if self._link.shared else LOOK_SECONDS
        asked = self._asked > float("-inf")  # the core's word about the first paper is on its way
        return HELD_SECONDS if self._held or self._begun is not None or asked else 0.0

    def take_orders(self, wait: float) -> bool:
        """Do what was ordered; False when told to stop."""
        try:
            order = self._ticking.get(self._orders, wait)
            while order is not None:
                try:
                    self._obey(order)
                except Exception as error:
                    self._stumbled(error, None)
                order = self._orders.get_nowait()
        except Empty:
            return True
        return False

    def _obey(self, order: PrintJob | Withdraw) -> None:
        match order:
            case Withdraw(job):
                if self._papers and self._papers[0].job == job:
                    self._first_done()
                else:
                    self._papers = deque(paper for paper in self._papers if paper.job != job)
                    self._waits.pop(job, None)
            case PrintJob():
                self._take(order)

    def _take(self, order: PrintJob) -> None:
        """A new paper, or the core's word about the first one; a word that was asked for twice counts once."""
        first = bool(self._papers) and self._papers[0].job == order.job
        if first and self._begun == order.job:
            self._papers[0], self._begun, self._held = order, None, PrintWhy.NOTHING
            self._again += 1
            self._asked = float("-inf")
        elif first and order.job in self._waits:
            self._papers[0] = order
            del self._waits[order.job]
            self._asked = float("-inf")
        elif self._waits.get(order.job) is PrintWhy.QUEUED and not order.waits:
            place = next(place for place, paper in enumerate(self._papers) if paper.job == order.job)
            self._papers[place] = order
            del self._waits[order.job]  # its turn stands on the disk already; one that was held meanwhile asks itself
        elif order.job not in self._done and all(paper.job != order.job for paper in self._papers):
            self._papers.append(order)
            if order.waits:
                self._waits[order.job] = PrintWhy.QUEUED

    # --- papers -----------------------------------------------------------------------------------------------------

    def _serve(self, job: PrintJob) -> None:
        """Bring the first paper a step further."""
        if self._ticking.now() - job.since >= self._part.keep_minutes * 60:
            self._finish(job, PrintState.FAILED, self._held or PrintWhy.LATE)
            return
        state = self._look(FRESH_SECONDS)
        if state not in TAKES_PAPERS:
            self._hold(job, state)
        elif self._begun == job.job:
            self._go_on(job, state)
        elif job.job in self._waits:
            self._want_word(job)
        else:
            self._print(job)
        if self._begun is None:  # what was sent and not proven keeps the connection: others would print into it
            self._link.rest()

    def _go_on(self, job: PrintJob, state: PrinterState) -> None:
        """The printer is there again, and the paper was begun."""
        if how := self._link.came_late():
            self._finish(job, PrintState.PRINTED, how)
        elif state is PrinterState.SILENT:
            self._finish(
                job, PrintState.UNKNOWN, PrintWhy.SILENT
            )  # it spoke before and never came back: nobody can tell
        elif self._again >= COPIES_BY_ITSELF:  # one that takes papers and never proves any is not fed for ever
            self._finish(job, PrintState.UNKNOWN, PrintWhy.REPEATED)
        else:
            self._want_word(job)

    def _print(self, job: PrintJob) -> None:
        self._held = PrintWhy.NOTHING
        late = self._ticking.now() - job.since >= LATE_SECONDS
        try:
            page = self._typesetter.page(job, late=late)
            pieces = languages.emit(page, self._link.profile, self._typesetter.glyphs_for(page, self._link.profile))
            dots = bitmap.height(page, self._link.profile)
            self._template = self._typesetter.failed(job.paper)
        except Exception as error:
            self._impossible(job, error)
            return
        if page.replaced:
            log.warning("job=%d characters this printer does not have: %s", job.job, _named(page))
        try:
            with contextlib.closing(self._telling(job, page, pieces)) as told:
                self._link.send(told)
            state, why = self._link.prove(job.job * PRINTS + job.copy % PRINTS, dots)
        except Stopped as stopped:
            if self._link.begun:
                self._begun, self._asked = job.job, float("-inf")
            self._hold(job, stopped.cause)
            return
        except ValueError as error:  # a code that does not fit, found when its turn came
            self._link.clear()
            self._impossible(job, error)
            return
        self._finish(job, state, why)

    def _telling(self, job: PrintJob, page: Page, pieces: Iterable[bytes]) -> Generator[bytes]:
        """The pieces; the news, which wakes the core, once the first one is with the printer."""
        told = False
        try:
            for piece in pieces:
                yield piece
                if not told:
                    told = True
                    self._inbox.put(Printed(job.job, PrintState.PRINTING, PrintWhy.NOTHING, plain(page)))
        finally:
            if not told:
                self._inbox.put(Printed(job.job, PrintState.PRINTING, PrintWhy.NOTHING, plain(page)))

    def _impossible(self, job: PrintJob, error: Exception) -> None:
        """This printer cannot print this paper, however often it is tried."""
        log.error("job=%d %s cannot be laid out: %s", job.job, job.paper, error)
        self._inbox.put(Stumbled(f"{self._part.name} job {job.job}", "paper", error, job.body))
        self._finish(job, PrintState.FAILED, PrintWhy.TEMPLATE)

    def _hold(self, job: PrintJob, state: PrinterState) -> None:
        """The paper waits, and those behind it; told once for each cause."""
        cause = PrintWhy(state)
        if self._held is not cause:
            self._held = cause
            begun = self._begun == job.job
            said = "begun" if begun else "not begun"
            log.warning("job=%d %s held (%s): %s %s", job.job, job.paper, said, cause, self._link.why)
            self._inbox.put(Printed(job.job, PrintState.HELD, cause, begun=begun))
        for paper in self._papers:
            if paper.job != self._begun and self._waits.get(paper.job) is not cause:
                self._waits[paper.job] = cause
                if paper is not job:
                    self._inbox.put(Printed(paper.job, PrintState.HELD, cause))
        self._report()

    def _want_word(self, job: PrintJob) -> None:
        """The printer is ready: what the disk has to know of this paper has to be there before it is printed."""
        now = self._ticking.now()
        if now - self._asked >= COPY_SECONDS:
            begun = self._begun == job.job
            if begun and self._asked == float("-inf"):
                self._link.clear()
            self._asked = now
            self._inbox.put(PrintAgain(job.job, begun))

    def _finish(self, job: PrintJob, state: PrintState, why: PrintWhy) -> None:
        log.log(
            logging.INFO if state is PrintState.PRINTED else logging.WARNING,
            "job=%d %s %s: %s",
            job.job,
            job.paper,
            state,
            why,
        )
        self._inbox.put(Printed(job.job, state, why))
        self._first_done()
        self._report()

    def _first_done(self) -> None:
        job = self._papers.popleft().job
        self._waits.pop(job, None)
        self._done.append(job)
        self._begun, self._held, self._again = None, PrintWhy.NOTHING, 0
        self._asked = float("-inf")

    # --- the printer ------------------------------------------------------------------------------------------------

    def _look(self, older_than: float = 0.0) -> PrinterState:
        try:
            state = self._link.look(older_than=older_than, paper=bool(self._papers))
        except Exception as error:  # the printer's, not the paper's: it waits
            state = self._link.stumbled(error)
            self._inbox.put(Stumbled(self._part.name, "device", error))
        if not self._papers:
            self._link.rest()
        self._report()
        return state

    def _report(self) -> None:
        """Tell what changed at the printer, and log when it goes and when it returns."""
        link = self._link
        now = (link.state, link.why or self._template, link.near_end)
        if now != self._told:
            if self._told is None or self._told[0] is not link.state:
                bad = link.state not in TAKES_PAPERS
                log.log(logging.WARNING if bad else logging.INFO, "%s %s %s", self._part.name, link.state, link.why)
            self._told = now
            self._inbox.put(PrinterChanged(self._part.name, *now))


def _named(page: Page) -> str:
    return " ".join(f"U+{ord(letter):04X}" for letter in page.replaced)

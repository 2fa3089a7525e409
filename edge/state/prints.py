"""Print jobs: what stands in the ledger, what is at the printers, and what pages show of both.

Part of the core: only the core thread calls this.  A job is written in the transaction of its record and handed to its
printer after the commit.  What became of it is written with the next record, or some seconds after the last one
(``core.py``); a paper that was not proven when the power went is recovered at the start.
"""

import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from edge.between.board import PrintView
from edge.between.inbox import Printed
from edge.between.print_states import (
    COPIES_BY_ITSELF,
    DOCUMENT_NAMES,
    UNDONE,
    PrintJob,
    PrintState,
    PrintWhy,
    mark_of,
)
from edge.config.sections import Config, PrinterSection
from edge.documents import documents_of, prints
from edge.documents.marks import EITHER
from edge.records.clock import Clock, parse_time
from edge.records.corrections import Corrections
from edge.records.ledger import Ledger, LedgerFull, Recorded
from edge.records.print_jobs import NOT_OF_SALES, PrintJobs, PrintRow
from edge.records.turns import MAYBE
from edge.state.unread import Unread
from protocol.frozen import changed

RECENT = 30  # papers that pages list
RECOVERED = 5000  # print jobs looked through at a start for those without proof
log = logging.getLogger("papers")


ELSEWHERE = {("test.result", "card"), ("entry.corrected", "card")}  # the record of the release, which follows, has it


class PrinterThread(Protocol):
    """What a printer is to the core."""

    def put(self, job: PrintJob) -> None:
        """Queue a paper, or give a paper that waits for it the core's word."""

    def withdraw(self, job: int) -> None:
        """Do not print this one any more."""


class Prints:
    """All print jobs of the station. ``after`` and ``undo`` are the station's: see ``station.py``."""

    def __init__(
        self,
        config: Config,
        ledger: Ledger,
        clock: Clock,
        printers: Mapping[str, PrinterThread],
        unread: Unread,
        after: list[Callable[[], None]],
        undo: list[Callable[[], None]],
    ) -> None:
        self._parts = {part.name: part for part in config.printer}
        self._rows = {part.name: part.row() for part in config.printer}
        self._automatic = frozenset(config.paper.automatic)
        self._rules = config.gate
        self._ledger = ledger
        self._clock = clock
        self._printers = printers
        self._unread = unread
        self._after, self._undo = after, undo
        self.table = PrintJobs(ledger.conn)
        self._corrections = Corrections(ledger.conn)
        self._views: dict[int, PrintView] = {}
        self._queued: dict[int, PrintJob] = {}
        self._unsaved: dict[int, tuple[PrintState, PrintWhy]] = {}
        self._saving: dict[int, tuple[PrintState, PrintWhy]] = {}

    # --- which printer ----------------------------------------------------------------------------------------------

    def documents_of(self, printer: str) -> tuple[str, ...]:
        """The papers that go to this printer."""
        return tuple(paper for paper in DOCUMENT_NAMES if self._goes_to(self._parts[printer], paper))

    def printer_for(self, paper: str, name: str = "") -> PrinterSection | None:
        """The printer of this name, if such papers go to it; the first that they go to when none is named.

        What may be a label or a slip is a label where one can be printed.
        """
        fitting = [part for part in self._parts.values() if name in ("", part.name) and self._goes_to(part, paper)]
        labels = (part for part in fitting if paper in EITHER and self._rows[part.name].label is not None)
        return next(labels, fitting[0] if fitting else None)

    def _goes_to(self, part: PrinterSection, paper: str) -> bool:
        return paper in part.papers if part.papers else prints(self._rows[part.name], paper)

    # --- wanted, in the current transaction -------------------------------------------------------------------------

    def of_record(self, recorded: Recorded, printer: str = "") -> int | None:
        """The papers that this record prints by itself, at this printer those that go to it. Answers the first one's
        job."""
        about = recorded.subject, recorded.time
        wanted = [
            name
            for name in documents_of(recorded.kind, recorded.data)
            if name in self._automatic
            and (recorded.kind, name) not in ELSEWHERE
            and (name != "report" or self._rules.report_now(recorded.data))
        ]
        named = {name: printer if printer and self.printer_for(name, printer) else "" for name in wanted}
        jobs = [self.add(name, recorded.seq, recorded.body, about=about, printer=named[name]) for name in wanted]
        return next((job for job in jobs if job is not None), None)

    def add(
        self,
        paper: str,
        seq: int,
        body: bytes,
        *,
        detail: str = "",
        copy: int = 0,
        printer: str = "",
        about: tuple[str, str] | None = None,
    ) -> int | None:
        """A paper, printed after the commit; ``printer`` empty is the first one for such papers, None if there is none.

        ``about`` is the code and the time of its record, read out of ``body`` when they are not given.
        One that has others before it is written down as waiting: no byte of it is sent before the disk says otherwise.
        """
        part = self.printer_for(paper) if not printer else self._parts[printer]
        if part is None:
            return None
        waits = part.fetched or any(view.printer == part.name and view.state in UNDONE for view in self._views.values())
        number = self.table.add(
            seq, paper, detail, part.name, copy, PrintState.WAITING, PrintWhy.QUEUED if waits else PrintWhy.UNPROVEN
        )
        by = self._corrections.of(seq) if about is None and paper not in NOT_OF_SALES else None
        job = PrintJob(
            number, seq, paper, detail, part.name, body, copy, self._clock.steady(), waits, mark=mark_of(paper, by)
        )
        self._views[number] = _view_of(job, about)
        self._undo.append(lambda: self._forget(number))
        self._after.append(lambda: self._print(job))
        while len(self._views) > RECENT:
            del self._views[min(self._views)]
        return number

    def drop(self, seq: int) -> None:
        """The record is voided: papers of it that have not begun to come out do not come out any more."""
        for job, view in list(self._views.items()):
            queued = self._queued.get(job)
            if queued and queued.seq == seq and view.state in (PrintState.WAITING, PrintState.HELD):
                self._settle(job, PrintState.FAILED, PrintWhy.VOIDED)

    def confirm(self, job: int) -> None:
        """A person said that this paper came out: it stays so, and is not printed by itself any more."""
        self._settle(job, PrintState.CONFIRMED, PrintWhy.NOTHING)

    def fetched(self, job: int) -> None:
        """Its handheld takes it: whether it comes out there, nobody knows before somebody says so."""
        self._settle(job, PrintState.UNKNOWN, PrintWhy.FETCHED)

    def _settle(self, job: int, state: PrintState, why: PrintWhy) -> None:
        """It was decided what this paper is."""
        self.table.mark([(job, state, why)])
        if (before := self._views.get(job)) is not None:
            self._undo.append(lambda: self._show(job, state=before.state, why=before.why))
            self._show(job, state=state, why=why)
        self._after.append(lambda: self._withdraw(job))

    def state_of(self, row: PrintRow) -> str:
        """What has become of a job, as far as is known now."""
        return self._views[row.job].state if row.job in self._views else row.state

    # --- what pages see ---------------------------------------------------------------------------------------------

    def views(self) -> tuple[PrintView, ...]:
        """The newest papers, newest first."""
        return tuple(self._views[job] for job in sorted(self._views, reverse=True))

    def waiting(self, printer: str) -> int:
        """How many papers are at this printer."""
        return sum(job.printer == printer for job in self._queued.values())

    def _show(self, job: int, **changes: Any) -> None:
        if job in self._views:
            self._views[job] = changed(self._views[job], **changes)

    def _forget(self, job: int) -> None:
        self._views.pop(job, None)

    # --- orders, after the commit -----------------------------------------------------------------------------------

    def _print(self, job: PrintJob) -> None:
        """Hand the paper to its printer's own thread; one that waits gets its record when its turn comes, so that a
        thousand papers before a printer without paper do not fill the memory."""
        if job.waits and _of_one_record(job):
            job = changed(job, body=b"")
        self._printers[job.printer].put(job)
        self._queued[job.job] = job

    def _leaves(self, job: int) -> PrintJob | None:
        """It is not at its printer any more."""
        return self._queued.pop(job, None)

    def _withdraw(self, job: int) -> None:
        """A person has spoken: nobody prints it by itself any more."""
        self._unsaved.pop(job, None)
        if (queued := self._leaves(job)) is not None:
            self._printers[queued.printer].withdraw(job)

    # --- news from the printers -------------------------------------------------------------------------------------

    def news(self, news: Printed) -> None:
        """What a printer says of a paper."""
        if news.job not in self._queued:
            return  # a person has decided meanwhile
        why = PrintWhy.NOTHING if news.why is PrintWhy.QUEUED else news.why
        self._show(news.job, state=news.state, why=why, **({"text": news.text} if news.text else {}))
        if news.state is PrintState.HELD and news.begun:
            self._unsaved[news.job] = (PrintState.PRINTING, news.why)
        elif news.state is not PrintState.PRINTING:
            self._unsaved[news.job] = (news.state, news.why)
        if news.state not in UNDONE:
            self._leaves(news.job)

    def again(self, job: int, begun: bool) -> None:
        """A paper's turn has come: what the disk has to know is there before its first byte is sent.

        That is its number as a copy when it was begun before, and that it is begun now when it only waited.  What
        became of those before it goes with it, so that one paper of a printer is in doubt after a power cut.  A turn
        alone goes to the sector beside the ledger, as long as that takes it.
        """
        queued = self._queued.get(job)
        if queued is None:
            return
        if _of_one_record(queued) and not queued.body:
            queued = changed(queued, body=self._ledger.body(queued.seq))
        if not begun and self._ledger.turns.takes(self._unsaved | {job: MAYBE}):
            self._after.append(partial(self._begin, changed(queued, waits=False)))
            return
        self._unsaved.pop(job, None)
        became, self._unsaved = self._unsaved, {}
        self._undo.append(partial(self._unsave, became))
        self.table.mark((one, state, why) for one, (state, why) in became.items())
        if not begun:
            self.table.mark([(job, *MAYBE)])
            self._after.append(partial(self._print, changed(queued, waits=False)))
            return
        numbered = self._numbered(queued)
        self._after.append(lambda: self._print(numbered))
        self._after.append(lambda: self._show(job, copy=numbered.copy))

    def _begin(self, job: PrintJob) -> None:
        """Its turn is on the disk, so it is printed; else its printer asks again, and the ledger has the word."""
        became = self._unsaved | {job.job: MAYBE}
        if self._ledger.turns.write(became):
            self._unsaved = became
            self._print(job)

    def _numbered(self, job: PrintJob) -> PrintJob:
        """The paper as its next copy, in the current transaction."""
        copy = self.table.next_copy(job.seq, job.paper, job.detail)
        self.table.number(job.job, copy)
        return changed(job, copy=copy)

    # --- after a restart --------------------------------------------------------------------------------------------

    def recover(self) -> LedgerFull | None:
        """Papers of the last run; answers why nothing could be done about them.

        One that only waited is printed as it is.  Of others without proof nobody knows whether they came out: a fresh
        one is printed whole again, as a copy whose number is on the disk first; an old one, or one that was begun again
        after several starts, is left to a person.
        """
        again: list[PrintJob] = []
        became = {job: what for job, what in self._ledger.turns.read().items() if self._undone(job)}
        try:
            with self._ledger.batch():
                self.table.mark((job, state, why) for job, (state, why) in became.items())
                self._look_through(again)
        except LedgerFull as full:
            log.error("no paper of the last run is printed again: %s", full)
            self._unsaved |= became
            for kept in again:
                self._show(kept.job, state=PrintState.UNKNOWN, why=PrintWhy.RESTART)
                self._unsaved[kept.job] = (PrintState.UNKNOWN, PrintWhy.RESTART)
            return full
        self._ledger.turns.forget()
        for kept in reversed(again):
            if not kept.waits:
                what = "job=%d %s was not proven before the restart: printed again as copy %d"
                log.warning(what, kept.job, kept.paper, kept.copy)
            else:
                log.info("job=%d %s had only waited before the restart: printed now", kept.job, kept.paper)
            self._print(kept)
        return None

    def _undone(self, job: int) -> bool:
        """Whether the ledger does not know yet what became of it."""
        row = self.table.row(job)
        return row is not None and row.state in UNDONE

    def _look_through(self, again: list[PrintJob]) -> None:
        """Show the newest papers; collect in ``again`` those to be printed, newest first."""
        for place, row in enumerate(self.table.newest(RECOVERED)):
            shown = place < RECENT
            if not shown and row.state not in UNDONE:
                continue
            try:
                with self._ledger.step():
                    self._look_at(again, row, shown=shown)
            except Exception as error:
                if (about := self._ledger.explained(error)) is not None:
                    raise about from error
                self._set_aside(row, error)

    def _set_aside(self, row: PrintRow, error: Exception) -> None:
        """A paper whose record cannot be read is nothing that a printer could be given."""
        self._unread.keep("record", f"paper {row.job}, record {row.seq}", error)
        if row.state in UNDONE:
            self.table.mark([(row.job, PrintState.FAILED, PrintWhy.TEMPLATE)])

    def _look_at(self, again: list[PrintJob], row: PrintRow, *, shown: bool) -> None:
        """One paper of the last run."""
        body = self._ledger.body(row.seq) if row.seq and not row.detail else b""
        since = self._clock.steady() - self._age(body)
        by = self._corrections.of_print(row.seq, row.job) if body else None
        mark = mark_of(row.paper, by)
        kept = PrintJob(row.job, row.seq, row.paper, row.detail, row.printer, body, row.copy, since, mark=mark)
        view = _view_of(kept)  # a record that cannot be read fails here, before anything is done
        state, why = PrintState(row.state), PrintWhy(row.why)
        waited = state is PrintState.HELD or why is PrintWhy.QUEUED
        if state in UNDONE and self._fresh(kept):
            if waited:
                kept = changed(kept, waits=True)
                self.table.mark([(row.job, PrintState.WAITING, PrintWhy.QUEUED)])
            else:
                kept = self._numbered(kept)
            again.append(kept)
            state, why = PrintState.WAITING, PrintWhy.NOTHING
        elif state in UNDONE:
            state, why = (PrintState.FAILED, PrintWhy.LATE) if waited else (PrintState.UNKNOWN, PrintWhy.RESTART)
            self.table.mark([(row.job, state, why)])
        if shown:
            why = PrintWhy.NOTHING if why in (PrintWhy.UNPROVEN, PrintWhy.QUEUED) else why
            self._views[row.job] = changed(view, state=state, why=why, copy=kept.copy)

    def _age(self, body: bytes) -> float:
        """Seconds since a record was made, as far as our clock can tell; 0 for a paper without one."""
        return max(0.0, self._clock.now().seconds - _seconds(body)) if body else 0.0

    def _fresh(self, job: PrintJob) -> bool:
        """Whether a paper of the last run is still waited for, and a start has not begun it too often."""
        part = self._parts.get(job.printer)  # none when it is gone from station.toml
        waited = self._clock.steady() - job.since
        return bool(job.body) and part is not None and waited < part.keep_minutes * 60 and job.copy < COPIES_BY_ITSELF

    # --- progress that may wait -------------------------------------------------------------------------------------

    @property
    def unsaved(self) -> bool:
        """Whether the disk does not know yet what became of a paper."""
        return bool(self._unsaved)

    def save(self) -> None:
        """Write what became of papers, inside the current transaction."""
        self._saving, self._unsaved = self._unsaved, {}
        self.table.mark((job, state, why) for job, (state, why) in self._saving.items())

    def not_saved(self) -> None:
        """The commit failed: what it carried is to be written with the next one."""
        self._unsave(self._saving)

    def _unsave(self, became: dict[int, tuple[PrintState, PrintWhy]]) -> None:
        self._unsaved = {**became, **self._unsaved}


def _seconds(body: bytes) -> float:
    """When a record was made, in seconds since 1970."""
    return parse_time(json.loads(body)["time"]).timestamp()


def _of_one_record(job: PrintJob) -> bool:
    """Whether it is printed from a record's own bytes."""
    return bool(job.seq and not job.detail)


def _view_of(job: PrintJob, about: tuple[str, str] | None = None) -> PrintView:
    """The paper as pages list it, before anything is known of its printing."""
    if about is None and job.body:
        event = json.loads(job.body)
        about = event["subject"], event["time"]
    code, time = about or (job.detail, "")
    return PrintView(job.job, job.paper, code, PrintState.WAITING, PrintWhy.NOTHING, job.copy, job.printer, time, "")

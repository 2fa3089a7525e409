"""Papers at their printers: handed over after the commit, followed until somebody knows what became of them.

Part of the core: only the core thread calls this.  What became of a paper is written with the next record, or some
seconds after the last one (``core.py``); a paper that was not proven when the power went is recovered at the start.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edge.clock import Clock, parse_time
from edge.config import Config
from edge.inbox import Printed
from edge.jobs.papers import next_copy
from edge.ledger import Ledger, LedgerFull
from edge.papers import (
    COPIES_BY_ITSELF,
    FAILED,
    HELD,
    LATE,
    PRINTING,
    QUEUED,
    TEMPLATE,
    UNDONE,
    UNKNOWN,
    UNPROVEN,
    WAITING,
    PaperJob,
)
from edge.printing import Printer
from edge.station import RECENT_PAPERS, Station, view_of

RECOVERED = 5000  # print jobs looked through at a start for those without proof
RESTART = "restart"
log = logging.getLogger("papers")


class PaperQueue:
    """The papers that somebody still has to hear about."""

    def __init__(self, config: Config, ledger: Ledger, clock: Clock, printers: Mapping[str, Printer]) -> None:
        self._keep = {part.name: part.keep_minutes * 60 for part in config.printer}
        self._ledger = ledger
        self._clock = clock
        self._printers = printers
        self._queued: dict[int, PaperJob] = {}
        self._unsaved: dict[int, tuple[str, str]] = {}
        self._saving: dict[int, tuple[str, str]] = {}

    def waiting(self, printer: str) -> int:
        """How many papers are at this printer."""
        return sum(job.printer == printer for job in self._queued.values())

    # --- orders, after the commit -----------------------------------------------------------------------------------

    def print(self, job: PaperJob) -> None:
        """Hand the paper to its printer's own thread."""
        self._printers[job.printer].put(job)
        self._queued[job.job] = job

    def settle(self, job: int) -> None:
        """A person has spoken: nobody prints it by itself any more."""
        self._unsaved.pop(job, None)
        if (queued := self._queued.pop(job, None)) is not None:
            self._printers[queued.printer].settle(job)

    # --- news from the printers -------------------------------------------------------------------------------------

    def news(self, station: Station, news: Printed) -> None:
        """What a printer says of a paper."""
        if news.job not in self._queued:
            return  # a person has decided meanwhile
        why = "" if news.why == QUEUED else news.why
        station.paper_news(news.job, state=news.state, why=why, **({"text": news.text} if news.text else {}))
        if news.state == HELD and news.begun:
            self._unsaved[news.job] = (PRINTING, news.why)
        elif news.state != PRINTING:
            self._unsaved[news.job] = (news.state, news.why)
        if news.state not in UNDONE:
            self._queued.pop(news.job, None)

    def again(self, station: Station, job: int, begun: bool) -> None:
        """A paper's turn has come: what the disk has to know is there before its first byte is sent.

        That is its number as a copy when it was begun before, and that it is begun now when it only waited.
        """
        queued = self._queued.get(job)
        if queued is None:
            return
        self._unsaved.pop(job, None)
        if not begun:
            self._mark(job, UNPROVEN)
            station.after.append(lambda: self.print(replace(queued, waits=False)))
            return
        numbered = self._numbered(queued)
        station.after.append(lambda: self.print(numbered))
        station.after.append(lambda: station.paper_news(job, copy=numbered.copy))

    def _mark(self, job: int, why: str) -> None:
        """Whether this paper only waits (``queued``), or may be begun, in the current transaction."""
        self._ledger.conn.execute("UPDATE print_jobs SET state = ?, why = ? WHERE job = ?", (WAITING, why, job))

    def _numbered(self, job: PaperJob) -> PaperJob:
        """The paper as its next copy, in the current transaction."""
        copy = next_copy(self._ledger, job.seq, job.paper, job.detail)
        self._ledger.conn.execute("UPDATE print_jobs SET copy = ? WHERE job = ?", (copy, job.job))
        return replace(job, copy=copy)

    # --- after a restart --------------------------------------------------------------------------------------------

    def recover(self, station: Station) -> str:
        """Papers of the last run; answers why nothing could be done about them, or nothing.

        One that only waited is printed as it is.  Of others without proof nobody knows whether they came out: a fresh
        one is printed whole again, as a copy whose number is on the disk first; an old one, or one that was begun again
        after several starts, is left to a person.
        """
        again: list[PaperJob] = []
        try:
            with self._ledger.batch():
                self._look_through(station, again)
        except LedgerFull as full:
            log.error("no paper of the last run is printed again: %s", full)
            for kept in again:
                station.paper_news(kept.job, state=UNKNOWN, why=RESTART)
                self._unsaved[kept.job] = (UNKNOWN, RESTART)
            return str(full)
        for kept in reversed(again):
            if not kept.waits:
                what = "job=%d %s was not proven before the restart: printed again as copy %d"
                log.warning(what, kept.job, kept.paper, kept.copy)
            else:
                log.info("job=%d %s had only waited before the restart: printed now", kept.job, kept.paper)
            self.print(kept)
        return ""

    def _look_through(self, station: Station, again: list[PaperJob]) -> None:
        """Show the newest papers; collect in ``again`` those to be printed, newest first."""
        conn = self._ledger.conn
        rows = conn.execute(
            "SELECT job, seq, paper, detail, printer, copy, state, why FROM print_jobs ORDER BY job DESC LIMIT ?",
            (RECOVERED,),
        ).fetchall()
        for place, row in enumerate(rows):
            shown, state = place < RECENT_PAPERS, row[6]
            if not shown and state not in UNDONE:
                continue
            try:
                with self._ledger.step():
                    self._look_at(station, again, row, shown=shown)
            except Exception as error:
                if (about := self._ledger.explained(error)) is not None:
                    raise about from error
                self._set_aside(station, row, error)

    def _set_aside(self, station: Station, row: tuple[Any, ...], error: Exception) -> None:
        """A paper whose record cannot be read is nothing that a printer could be given."""
        job, state = row[0], row[6]
        station.unread.keep("record", f"paper {job}, record {row[1]}", error)
        if state in UNDONE:
            self._ledger.conn.execute("UPDATE print_jobs SET state = ?, why = ? WHERE job = ?", (FAILED, TEMPLATE, job))

    def _look_at(self, station: Station, again: list[PaperJob], row: tuple[Any, ...], *, shown: bool) -> None:
        """One paper of the last run."""
        conn = self._ledger.conn
        job, seq, paper, detail, printer, copy, state, why = row
        body = self._ledger.body(seq) if seq and not detail else b""
        kept = PaperJob(job, seq, paper, detail, printer, body, copy, self._clock.steady() - self._age(body))
        view = view_of(kept)  # a record that cannot be read fails here, before anything is done
        if state in UNDONE and self._fresh(kept):
            if state == HELD or why == QUEUED:
                kept = replace(kept, waits=True)
                self._mark(job, QUEUED)
            else:
                kept = self._numbered(kept)
            again.append(kept)
            state, why = WAITING, ""
        elif state in UNDONE:
            state, why = (FAILED, LATE) if state == HELD or why == QUEUED else (UNKNOWN, RESTART)
            conn.execute("UPDATE print_jobs SET state = ?, why = ? WHERE job = ?", (state, why, job))
        if shown:
            station.papers[job] = replace(view, state=state, why="" if why in (UNPROVEN, QUEUED) else why)

    def _age(self, body: bytes) -> float:
        """Seconds since a record was made, as far as our clock can tell; 0 for a paper without one."""
        return max(0.0, self._clock.now().seconds - _seconds(body)) if body else 0.0

    def _fresh(self, job: PaperJob) -> bool:
        """Whether a paper of the last run is still waited for, and a start has not begun it too often."""
        waited = self._clock.steady() - job.since
        return bool(job.body) and waited < self._keep.get(job.printer, 0.0) and job.copy < COPIES_BY_ITSELF

    # --- progress that may wait -------------------------------------------------------------------------------------

    @property
    def unsaved(self) -> bool:
        """Whether the disk does not know yet what became of a paper."""
        return bool(self._unsaved)

    def save(self) -> None:
        """Write what became of papers, inside the current transaction."""
        self._saving, self._unsaved = self._unsaved, {}
        if self._saving:
            rows: list[Any] = [(state, why, job) for job, (state, why) in self._saving.items()]
            self._ledger.conn.executemany("UPDATE print_jobs SET state = ?, why = ? WHERE job = ?", rows)

    def not_saved(self) -> None:
        """The commit failed: what it carried is to be written with the next one."""
        self._unsaved = {**self._saving, **self._unsaved}


def _seconds(body: bytes) -> float:
    """When a record was made, in seconds since 1970."""
    return parse_time(json.loads(body)["time"]).timestamp()

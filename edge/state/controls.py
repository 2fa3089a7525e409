"""The day's controls and the reagent lots that stand open (contract A7): what a result of today is vouched for by.

Part of the core: only the core thread calls this, inside a batch.

    missing ──valid control──> valid ──failed control──> failed ──valid control──> valid        each day from the start

A valid control vouches for the results of its day, analyzer and item, those before it included: the control of a run
may be read last.  A failed one takes that from all results before it; they are measured again.
"""

import sqlite3
from datetime import date, timedelta
from typing import Literal

from edge.between.bench_board import ControlView, ReagentView
from edge.config.methods import plain
from protocol.frozen import frozen

SOON = timedelta(days=30)
SHOWN = 50
ControlState = Literal["valid", "failed", "missing"]


@frozen
class Control:
    """The newest control of an analyzer and an item, on which day; ``valid`` and ``failed`` are records, or 0."""

    day: str
    valid: int
    failed: int

    def state(self, day: str) -> ControlState:
        if self.day != day or not (self.valid or self.failed):
            return "missing"
        return "valid" if self.valid > self.failed else "failed"


NONE = Control("", 0, 0)


@frozen
class Reagent:
    """A reagent lot that stands open since the record ``seq``."""

    seq: int
    reagent: str
    item: str
    expires: str


class Controls:
    """Owned by the core thread."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self.changed = True

    # --- controls ---------------------------------------------------------------------------------------------------

    def of(self, analyzer: str, item: str) -> Control:
        row = self._conn.execute(
            "SELECT day, valid, failed FROM controls WHERE analyzer = ? AND item = ?", (analyzer, plain(item))
        ).fetchone()
        return Control(*row) if row else NONE

    def measured(
        self, analyzer: str, item: str, day: str, seq: int, *, valid: bool, kind: str, value: str, time: str
    ) -> None:
        """A control was recorded."""
        before = self.of(analyzer, item)
        same = before if before.day == day else Control(day, 0, 0)
        self._conn.execute(
            "INSERT OR REPLACE INTO controls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                analyzer,
                plain(item),
                day,
                seq if valid else same.valid,
                same.failed if valid else seq,
                item,
                kind,
                value,
                time,
            ),
        )
        self.changed = True

    def view(self, analyzer: str, item: str, day: str) -> ControlView:
        state = self.of(analyzer, item).state(day)
        row = self._conn.execute(
            "SELECT kind, value, time, max(valid, failed) FROM controls WHERE analyzer = ? AND item = ? AND day = ?",
            (analyzer, plain(item), day),
        ).fetchone()
        return ControlView(analyzer, item, state, *(row or ()))

    # --- reagents ---------------------------------------------------------------------------------------------------

    def reagent(self, item: str, day: str) -> Reagent | None:
        """The lot that a test of this item is done with on this day: of those that stand open and are in date the first
        that was opened."""
        row = self._conn.execute(
            "SELECT seq, reagent, name, expires FROM reagents WHERE item = ? AND finished = 0 AND expires >= ?"
            " ORDER BY seq LIMIT 1",
            (plain(item), day),
        ).fetchone()
        return Reagent(*row) if row else None

    def open_one(self, reagent: str, item: str) -> Reagent | None:
        """The open lot with this number."""
        row = self._conn.execute(
            "SELECT seq, reagent, name, expires FROM reagents WHERE item = ? AND reagent = ? AND finished = 0",
            (plain(item), reagent),
        ).fetchone()
        return Reagent(*row) if row else None

    def opened(self, one: Reagent) -> None:
        self._conn.execute(
            "INSERT INTO reagents VALUES (?, ?, ?, ?, ?, 0)",
            (one.seq, one.reagent, plain(one.item), one.item, one.expires),
        )
        self.changed = True

    def finished(self, one: Reagent, seq: int) -> None:
        """By this record it is used up."""
        self._conn.execute("UPDATE reagents SET finished = ? WHERE seq = ?", (seq, one.seq))
        self.changed = True

    def reagent_views(self, day: date) -> tuple[ReagentView, ...]:
        """Those that stand open, the one in use first."""
        rows = self._conn.execute(
            "SELECT seq, reagent, name, expires FROM reagents WHERE finished = 0 ORDER BY item, seq LIMIT ?", (SHOWN,)
        ).fetchall()
        views = []
        for one in (Reagent(*row) for row in rows):
            used = self.reagent(one.item, day.isoformat())
            last = date.fromisoformat(one.expires)
            state: Literal["", "soon", "expired"] = "expired" if last < day else "soon" if last <= day + SOON else ""
            views.append(ReagentView(one.seq, one.reagent, one.item, one.expires, used == one, state))
        return tuple(views)

"""Samples of dishes that a canteen keeps, and for how long each was kept: by the clocks of every boot since.

Within one boot the time since it began tells, whatever is done to the date.  Over a restart of the box the date tells,
where it was believed before and after; else only the time that the box was on since is sure (``on_time.py``), so that
no sample goes too early.

Part of the core: only the core thread calls this.  All SQL on the table stands here.
"""

import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

from edge.between.canteen_board import KeptView
from edge.between.inbox import Refused
from edge.records.clock import Clock, Step
from edge.records.ledger import Ledger
from edge.state.on_time import OnTime

MINUTE = 60
_COLUMNS = "number, seq, due_s, known_s, boot, steady, wall, trusted, sure"


class Row(NamedTuple):
    number: int
    seq: int
    due_s: int
    known_s: float
    boot: str
    steady: float
    wall: float
    trusted: int
    sure: int


class KeptSamples:
    """Owned by the core thread."""

    def __init__(self, ledger: Ledger, clock: Clock, undo: list[Callable[[], None]], on: OnTime) -> None:
        self._ledger = ledger
        self._conn: sqlite3.Connection = ledger.conn
        self._clock = clock
        self._undo = undo
        self._on = on
        self._here = self._count()
        self._shown: dict[int, Any] = {}
        self.look_at = float("-inf")

    # --- kept and gone ----------------------------------------------------------------------------------------------

    def next_number(self) -> int:
        return int(self._conn.execute("SELECT coalesce(max(number), 0) + 1 FROM kept_samples").fetchone()[0])

    def keep(self, number: int, seq: int, due_s: int) -> None:
        now = self._clock.now()
        self._on.mark()
        self._conn.execute(
            "INSERT INTO kept_samples VALUES (?, ?, ?, 0, ?, ?, ?, ?, 1, 0)",
            (number, seq, due_s, self._clock.boot_id, self._clock.up(), now.seconds, int(now.trusted)),
        )
        self._changed(+1)

    def find(self, number: int) -> Row:
        """One that is kept; raises Refused."""
        row = self._conn.execute(
            f"SELECT {_COLUMNS} FROM kept_samples WHERE number = ? AND gone = 0", (number,)
        ).fetchone()
        if row is None:
            raise Refused("no_kept_sample", f"没有第 {number} 号留样", f"no sample {number} is kept")
        return Row(*row)

    def discard(self, number: int) -> None:
        self._conn.execute("UPDATE kept_samples SET gone = 1 WHERE number = ?", (number,))
        self._changed(-1)

    def _changed(self, by: int) -> None:
        self._here += by
        self.look_at = float("-inf")

        def take_back() -> None:
            self._here -= by

        self._undo.append(take_back)

    def _count(self) -> int:
        return int(self._conn.execute("SELECT count(*) FROM kept_samples WHERE gone = 0").fetchone()[0])

    # --- how long ---------------------------------------------------------------------------------------------------

    def elapsed(self, row: Row) -> tuple[float, bool]:
        """For how many seconds it has surely been kept, and whether that is all."""
        now = self._clock.now()
        proven = row.known_s + self._on.since(row.boot, row.steady)
        if row.boot == self._clock.boot_id:
            return proven, bool(row.sure)
        if row.trusted and now.trusted:
            return max(proven, row.known_s + now.seconds - row.wall), bool(row.sure)
        return proven, False

    def redate(self, step: Step) -> None:
        """The clock was set: what was kept in this boot is dated by it."""
        self._conn.execute(
            "UPDATE kept_samples SET wall = ? - (? - steady), trusted = ? WHERE boot = ? AND gone = 0",
            (step.after, step.at, int(step.state != "unsynced" or step.person is not None), self._clock.boot_id),
        )
        self.look_at = float("-inf")

    @property
    def some(self) -> bool:
        """Whether samples are kept."""
        return self._here > 0

    def _rows(self) -> list[Row]:
        rows = self._conn.execute(f"SELECT {_COLUMNS} FROM kept_samples WHERE gone = 0 ORDER BY number")
        return [Row(*row) for row in rows.fetchall()]

    # --- what pages see ---------------------------------------------------------------------------------------------

    def due(self, now: float) -> bool:
        """Whether pages may see something new: once a minute."""
        return now >= self.look_at

    def views(self) -> tuple[KeptView, ...]:
        self.look_at = self._clock.steady() + MINUTE
        rows = self._rows()
        self._shown = {row.number: self._shown.get(row.number) or self._ledger.event(row.seq) for row in rows}
        return tuple(self._view(row) for row in rows)

    def _view(self, row: Row) -> KeptView:
        event, (elapsed, sure) = self._shown[row.number], self.elapsed(row)
        data = event["data"]
        left = max(0.0, row.due_s - elapsed)
        return KeptView(
            number=row.number,
            dish=data["dish"],
            meal=data["meal"],
            net_g=data["net_g"],
            time=event["time"],
            person=data["person"],
            left_s=int(-(-left // MINUTE) * MINUTE),
            sure=sure,
        )

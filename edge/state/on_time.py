"""How long the box was on since a moment, over any number of restarts: what is proven where no date can be believed.

Each boot's length is written down every ``SAVE_SECONDS`` while somebody waits for a time to pass, and at the moments it
is counted from.  So what is counted is never more than what has passed, and less by so much for each power cut.

Part of the core: only the core thread calls this, inside a batch.  All SQL on ``boots`` stands here.
"""

import sqlite3
from collections.abc import Callable

from edge.records.clock import Clock

SAVE_SECONDS = 900.0


class OnTime:
    """Owned by the core thread. A saver of the core.

    ``counts`` answers whether somebody waits; ``needed`` whether somebody may still ask of an earlier boot.
    """

    def __init__(self, conn: sqlite3.Connection, clock: Clock) -> None:
        self._conn = conn
        self._clock = clock
        self._saved_at = float("-inf")
        self.counts: Callable[[], bool] = lambda: False
        self.needed: Callable[[], bool] = lambda: True

    def since(self, boot: str, up: float) -> float:
        """Seconds it was on since ``up`` seconds after this boot began, as far as they are proven."""
        ours, now = self._clock.boot_id, self._clock.up()
        if boot == ours:
            return max(0.0, now - up)
        row = self._conn.execute("SELECT number, up FROM boots WHERE boot = ?", (boot,)).fetchone()
        if row is None:
            return now
        query = "SELECT coalesce(sum(up), 0) FROM boots WHERE number > ? AND boot != ?"
        (between,) = self._conn.execute(query, (row[0], ours)).fetchone()
        return float(max(0.0, row[1] - up) + between + now)

    def mark(self) -> None:
        """Write down how long this boot is by now, in the caller's transaction."""
        if not self.needed():
            self._conn.execute("DELETE FROM boots WHERE boot != ?", (self._clock.boot_id,))
        self._saved_at = self._clock.up()
        self._conn.execute(
            "INSERT INTO boots (boot, up) VALUES (?, ?) ON CONFLICT (boot) DO UPDATE SET up = excluded.up",
            (self._clock.boot_id, self._saved_at),
        )

    @property
    def unsaved(self) -> bool:
        return self._clock.up() - self._saved_at >= SAVE_SECONDS and self.counts()

    def save(self) -> None:
        self.mark()

    def not_saved(self) -> None:
        self._saved_at = float("-inf")

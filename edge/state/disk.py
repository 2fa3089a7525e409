"""How much of the ledger's disk is free, and what the city was told of it.

Part of the core: only the core thread calls this.
"""

import shutil
from pathlib import Path
from typing import NamedTuple

from edge.between.needs import DiskState, disk_state
from edge.records.clock import Clock
from edge.records.ledger import Ledger

LOOK_SECONDS = 10.0
AGAIN = 5  # it is enough again when it would be with a fifth less


class Space(NamedTuple):
    """In bytes."""

    free: int
    total: int


def _usage(folder: Path) -> Space:
    found = shutil.disk_usage(folder)
    return Space(found.free, found.total)


class Disk:
    """Owned by the core thread."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._folder = ledger.path.parent
        self._conn = ledger.conn
        self._clock = clock
        self._space = Space(0, 0)
        self.usage = _usage
        self._looked = float("-inf")

    def look(self) -> Space:
        """As it was some seconds ago at most. Raises OSError."""
        now = self._clock.steady()
        if now - self._looked >= LOOK_SECONDS:
            self._looked, self._space = now, self.usage(self._folder)
        return self._space

    def news(self) -> DiskState | None:
        """What it has become and nobody was told; None while that is nothing. Raises OSError."""
        space, told = self.look(), self._told()
        state = disk_state(space.free, space.total)
        if state == told:
            return None
        if state == "enough" or (state, told) == ("short", "full"):
            easier = disk_state(space.free - space.free // AGAIN, space.total)
            return None if easier == told else state
        return state

    def _told(self) -> str:
        row = self._conn.execute("SELECT state FROM disk_told WHERE one = 1").fetchone()
        return str(row[0]) if row else "enough"

    def told(self, state: DiskState) -> None:
        """In the current transaction."""
        self._conn.execute("INSERT OR REPLACE INTO disk_told VALUES (1, ?)", (state,))

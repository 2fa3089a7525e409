"""When records go that were kept their time: looked at once a day, while nobody works.

Part of the core: only the core thread calls this.
"""

import logging
from datetime import date
from typing import Literal

from edge.records.checkpoints import first_of
from edge.records.clock import Clock
from edge.records.ledger import Ledger
from edge.records.retention import Gone, Retention

QUIET_SECONDS = 10.0  # nothing was recorded for so long
log = logging.getLogger("ledger")


class Forgetting:
    """Owned by the core thread. ``settled`` is always the record up to which the city has everything."""

    def __init__(self, ledger: Ledger, months: int) -> None:
        self.table = Retention(ledger.conn)
        self._ledger = ledger
        self._months = months
        self._seq, self._since = 0, 0.0
        self._nothing_on: date | None = None  # nothing is left to do on this day

    def due(self, clock: Clock, settled: int) -> bool:
        """Whether there is something to do now."""
        now = clock.steady()
        if self._ledger.head.seq != self._seq:
            self._seq, self._since = self._ledger.head.seq, now
        if now - self._since < QUIET_SECONDS or not settled or self._ledger.held or not clock.trusted:
            return False
        today = clock.today()
        if today == self._nothing_on:
            return False
        if self.step(today, settled):
            return True
        self._nothing_on = today
        return False

    def step(self, today: date, settled: int) -> Literal["note", "point", "remove", ""]:
        """What is to be done next."""
        if today.isoformat()[:7] > self.table.noted()[:7]:
            return "note"
        if self.to_point(today, settled):
            return "point"
        return "remove" if self.to_remove(today, settled) else ""

    def to_point(self, today: date, settled: int) -> int:
        """Up to which record a new checkpoint may reach; 0 when there is none to be made."""
        upto = min(self.table.may_go(today, self._months), settled)
        point = self.table.checkpoint()
        return upto if upto > (point.upto if point else 0) and 0 < first_of(self._ledger.conn) <= upto else 0

    def to_remove(self, today: date, settled: int) -> int:
        """Up to which record some may go now; 0 when none may."""
        if (point := self.table.checkpoint()) is None:
            return 0
        upto, first = min(point.upto, settled), first_of(self._ledger.conn)
        stays, _ = self.table.waits(upto, today)
        return upto if 0 < first <= upto and stays != first else 0

    def look(self) -> None:
        """What was done may not have been committed: look again."""
        self._nothing_on = None

    def took(self, gone: Gone) -> None:
        """These are gone from the disk."""
        self._ledger.look_for_gone()
        counts = gone.records, len(gone.lots), len(gone.photos)
        log.info("kept their time and gone: records=%d lots=%d photos=%d", *counts)

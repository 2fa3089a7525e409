"""The records that are still to be sent: each lane in its order, read in pages of rows.

Where both lanes were read to their end, what is new is taken from who wrote it a moment ago.

Whoever takes one has it: after a ``rewind`` the lanes begin anew.  Owned by the core thread.
"""

from collections import deque
from collections.abc import Callable

from edge.records.delivery import Delivery
from edge.records.ledger import ALARM, ORDINARY, Written

Row = tuple[int, int, bytes]  # number, lane, bytes
PAGE = 50


class Backlog:
    """``last`` is the number of the newest record, ``upto`` one behind which nothing is wanted."""

    def __init__(self, table: Delivery, written: Callable[[int], Written | None]) -> None:
        self._table = table
        self._written = written
        self._pages: dict[int, deque[Row]] = {}
        self._after: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self.rewind()

    def rewind(self) -> None:
        """Look at the lanes from their beginning again."""
        self._pages = {lane: deque() for lane in (ORDINARY, ALARM)}
        self._after = dict.fromkeys(self._pages, 0)
        self._ends = dict.fromkeys(self._pages, -1)  # the newest record when a lane was read to its end

    def next(self, lane: int, upto: int, last: int) -> Row | None:
        """The next record of a lane behind ``upto``; None when there is none now."""
        page = self._pages[lane]
        while True:
            while page:
                row = page.popleft()
                if row[0] > upto:
                    return row
            if self._ends[lane] >= last:
                return None
            if self._remembered(last):
                continue
            page += self._table.of_lane(lane, max(upto, self._after[lane]), PAGE)
            if page:
                self._after[lane] = page[-1][0]
            if len(page) < PAGE:
                self._ends[lane] = last

    def _remembered(self, last: int) -> bool:
        """Take what is new from who wrote it; False where that is not all."""
        first = self._ends[ORDINARY] + 1
        if not 0 < first == self._ends[ALARM] + 1 or last - first >= PAGE:
            return False
        new = [(seq, self._written(seq)) for seq in range(first, last + 1)]
        rows = [(seq, one.lane, one.body) for seq, one in new if one is not None]
        if len(rows) < len(new):
            return False
        for row in rows:
            self._pages[row[1]].append(row)
        for lane in self._pages:
            self._after[lane] = self._ends[lane] = last
        return True

"""The records that are still to be sent: each lane in its order, read in pages of rows.

Whoever takes one has it: after a ``rewind`` the lanes begin anew.  Owned by the core thread.
"""

from collections import deque

from edge.records.delivery import Delivery
from edge.records.ledger import ALARM, ORDINARY

Row = tuple[int, int, bytes]  # number, lane, bytes
PAGE = 50


class Backlog:
    """``last`` is the number of the newest record, ``upto`` one behind which nothing is wanted."""

    def __init__(self, table: Delivery) -> None:
        self._table = table
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
            page += self._table.of_lane(lane, max(upto, self._after[lane]), PAGE)
            if page:
                self._after[lane] = page[-1][0]
            if len(page) < PAGE:
                self._ends[lane] = last

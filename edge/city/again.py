"""Records that the city wants once more: published in order, beside what it never had, until a broker has each.

They are settled already, so nothing waits for them: the broker's acknowledgement will do.  What is still to be
published is a few stretches of numbers: an order ends where it says, and those that overlap are carried out once.
Owned by the core thread.
"""

from itertools import pairwise

from edge.records.delivery import Delivery
from protocol.city.agreement import PIECES
from protocol.city.stretches import Stretches

Row = tuple[int, int, bytes]  # number, lane, bytes


class Again:
    """How far that is. Progress may wait; after a restart some go once more."""

    def __init__(self, table: Delivery) -> None:
        self._table = table
        self._flying: dict[int, int] = {}
        self._next = 0  # what is below is on its way
        self._wanted = self._bounded(table.again())  # what no broker has yet
        self._saved = self._wanted.copy()
        self._saved_version: int | None = self._wanted.version

    @staticmethod
    def _bounded(stretches: Stretches) -> Stretches:
        return Stretches(stretches.stretches(), most=2 * PIECES, join=lambda one, _: one)

    def look(self) -> None:
        """The table was written: take it up. What a broker has since it was written last is not sent once more."""
        done, table = self._saved.without(self._wanted), self._table.again()
        self._wanted = self._bounded(table.without(done))
        self._saved, self._saved_version = table, None
        self._next = 0

    def want(self, first: int, last: int, why: str) -> None:
        """These, too."""
        self._wanted.put(first, last, why)
        self._next = 0

    @property
    def left(self) -> int:
        """How many no broker has yet."""
        return len(self._wanted)

    @property
    def waiting(self) -> int:
        """How many of those are not on their way."""
        return len(self._wanted) - len(self._flying)

    @property
    def flying(self) -> int:
        """How many are on their way to the broker."""
        return len(self._flying)

    def due(self, most: int) -> list[Row]:
        """The next ones. What is not in the ledger any more is passed over."""
        found: list[Row] = []
        if most <= 0 or self.waiting <= 0:
            return found
        flying = {*self._flying.values()}
        for first, last, _ in self._wanted.stretches(self._next - 1):
            if len(found) >= most:
                break
            rows = self._table.rows(first, last, most - len(found) + len(flying))
            looked = last if len(rows) < most - len(found) + len(flying) else rows[-1][0]
            there = [first - 1, *(row[0] for row in rows), looked + 1]
            for one, other in pairwise(there):
                self._wanted.take(one + 1, other - 1)
            found += [row for row in rows if row[0] not in flying]
        return found[:most]

    def passed(self, seq: int, mid: int | None = None) -> None:
        """This one was published under ``mid``, or cannot be."""
        self._next = seq + 1
        if mid is None:
            self._wanted.take(seq, seq)
        else:
            self._flying[mid] = seq

    def answered(self, mid: int, *, busy: bool) -> bool:
        """The broker has it, or is too busy now: then True when this was one of these."""
        seq = self._flying.pop(mid, None)
        if seq is None:
            return False
        if busy:
            self._next = min(self._next, seq)
        else:
            self._wanted.take(seq, seq)
        return busy

    def link(self) -> None:
        """Another connection: what the last one did not take goes again."""
        self._next = 0
        self._flying.clear()

    @property
    def unsaved(self) -> bool:
        return self._saved_version != self._wanted.version

    def save(self) -> None:
        self._table.write_again(self._wanted)
        self._saved, self._saved_version = self._wanted.copy(), self._wanted.version

    def not_saved(self) -> None:
        self._saved_version = None

"""Records that the city wants once more: published in order, beside what it never had, until a broker has each.

They are settled already, so nothing waits for them: the broker's acknowledgement will do.  Owned by the core thread.
"""

from edge.records.delivery import Delivery


class Again:
    """How far that is. Progress may wait; after a restart some go once more."""

    def __init__(self, table: Delivery) -> None:
        self._table = table
        self._flying: dict[int, int] = {}
        self._next, self._last = self._saved = table.again()

    def look(self) -> None:
        """The table was written: take it up."""
        self._next, self._last = self._saved = self._table.again()

    def want(self, first: int, last: int) -> None:
        """These, too."""
        if self.left:
            first, last = min(first, self._next), max(last, self._last)
        self._next, self._last = first, last

    @property
    def left(self) -> int:
        """How many are still to be sent."""
        return max(0, self._last - self._next + 1)

    @property
    def flying(self) -> int:
        """How many are on their way to the broker."""
        return len(self._flying)

    def due(self, most: int) -> list[tuple[int, int, bytes]]:
        """The next ones: number, lane, bytes. What is not in the ledger any more is passed over."""
        if most <= 0 or not self.left:
            return []
        rows = self._table.rows(self._next, self._last, most)
        if not rows:
            self._next = self._last + 1
        return rows

    def passed(self, seq: int, mid: int | None = None) -> None:
        """This one was published under ``mid``, or cannot be."""
        self._next = seq + 1
        if mid is not None:
            self._flying[mid] = seq

    def answered(self, mid: int, *, busy: bool) -> bool:
        """The broker has it, or is too busy now: then True when this was one of these."""
        seq = self._flying.pop(mid, None)
        if seq is None or not busy:
            return False
        self._next = min(self._next, seq)
        return True

    def link(self) -> None:
        """Another connection: what the last one did not take goes again."""
        self._next = self._behind()
        self._flying.clear()

    def _behind(self) -> int:
        return min([self._next, *self._flying.values()])

    @property
    def unsaved(self) -> bool:
        return self._saved != (self._behind(), self._last)

    def save(self) -> None:
        self._table.again_from(self._behind(), self._last)
        self._saved = (self._behind(), self._last)

    def not_saved(self) -> None:
        self._saved = (0, -1)

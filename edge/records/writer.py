"""The core's connection to the ledger: records wait in it, and those of a batch are packed and inserted together.

One after the other, each by itself, takes nearly twice the processor: what deflates and SQLite's pages leave its caches
in between.  Nobody sees that they wait: they are in their table before any statement that names it, and before the
commit.  What a step that fails had added is gone with it.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

from edge.records import packing

TABLE = "events"
TOGETHER = 256  # records that wait at most


@dataclass(slots=True)
class Row:
    """A record as its table has it, but for ``body``, its bytes, which are packed when it is inserted."""

    seq: int
    lane: int
    serials: str
    body: bytes
    asked: bytes | None


class Writer(sqlite3.Connection):
    """Between ``begin`` and ``end`` records wait; ``back`` ends such a part, which was rolled back."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.pack = packing.pack
        self._rows: list[Row] = []  # of this transaction
        self._inserted = 0  # so many of them
        self._parts: list[tuple[int, int]] = []  # both numbers at the beginning of each part that is open

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        if TABLE in sql:
            self.insert()
        return super().execute(sql, values)

    def add(self, row: Row) -> None:
        """A record more."""
        self._rows.append(row)
        if not self._parts or len(self._rows) - self._inserted >= TOGETHER:
            self.insert()

    def insert(self) -> None:
        """What waits is in the table from now on."""
        if rows := self._rows[self._inserted :]:
            super().executemany(
                f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?, ?)",
                ((row.seq, row.lane, row.serials, self.pack(row.body), row.asked) for row in rows),
            )
            self._inserted = len(self._rows)
        if not self._parts:
            self._forget()

    def waiting(self, seq: int) -> Row | None:
        """The record of this number, when it was added in the part that is open and waits."""
        first = max(self._inserted, self._parts[-1][0]) if self._parts else len(self._rows)
        return next((row for row in self._rows[first:] if row.seq == seq), None)

    def begin(self) -> None:
        self._parts.append((len(self._rows), self._inserted))

    def end(self) -> None:
        self._parts.pop()
        if not self._parts:
            self._forget()

    def back(self) -> None:
        """What the part inserted is not in the table any more, also what had waited since before it."""
        count, self._inserted = self._parts.pop()
        del self._rows[count:]

    def _forget(self) -> None:
        self._rows.clear()
        self._inserted = 0

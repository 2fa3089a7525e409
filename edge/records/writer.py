"""The core's connection to the ledger: records wait in it, and those of a batch are packed and inserted together.

One after the other, each by itself, takes nearly twice the processor: what deflates and SQLite's pages leave its caches
in between.  Nobody sees that they wait: they are in their table before any statement that names it, and before the
commit.  What a step that fails had added is gone with it.

What was read of a table is known until something may have changed it (``Known``): a statement that names the table, or
anything that undoes.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any, TypeVar

from edge.records import packing

TABLE = "events"
TOGETHER = 256  # records that wait at most
STATEMENTS = 500  # of which it is remembered what they concern


K = TypeVar("K")
V = TypeVar("V")


class Known(dict[K, V]):
    """What somebody has read of some tables, or made of that. It is empty again when one of them may have changed."""


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
        self._known: list[tuple[Known[Any, Any], tuple[str, ...]]] = []
        self._concerns: dict[str, tuple[Known[Any, Any], ...]] = {}  # by the statements that were met

    def execute(self, sql: str, values: Any = (), /, *, keeps: Known[Any, Any] | None = None) -> sqlite3.Cursor:
        """``keeps`` stays known: who changes one row of a table takes out of it what is true no more."""
        if TABLE in sql:
            self.insert()
        if not sql.startswith("SELECT"):
            self._changes(sql, keeps)
        return super().execute(sql, values)

    def executemany(self, sql: str, values: Any, /) -> sqlite3.Cursor:
        self._changes(sql)
        return super().executemany(sql, values)

    def executescript(self, script: str, /) -> sqlite3.Cursor:
        self._changes(script)
        return super().executescript(script)

    def rollback(self) -> None:
        self._forget_known()
        super().rollback()

    def known(self, *tables: str) -> Known[Any, Any]:
        """For what is read of these tables."""
        known: Known[Any, Any] = Known()
        self._known.append((known, tables))
        self._concerns.clear()
        return known

    def _changes(self, sql: str, keeps: Known[Any, Any] | None = None) -> None:
        """What is known of the tables that this statement names is known no more; what undoes names none."""
        concerns = self._concerns.get(sql)
        if concerns is None:
            if len(self._concerns) >= STATEMENTS:
                self._concerns.clear()
            concerns = self._concerns[sql] = self._named_in(sql)
        for known in concerns:
            if known is not keeps:
                known.clear()

    def _named_in(self, sql: str) -> tuple[Known[Any, Any], ...]:
        undoes = sql.startswith("ROLLBACK")
        return tuple(known for known, tables in self._known if undoes or any(table in sql for table in tables))

    def _forget_known(self) -> None:
        for known, _ in self._known:
            known.clear()

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

    @property
    def waits(self) -> bool:
        """Whether records were added in this transaction."""
        return bool(self._rows)

    def unpacked(self) -> list[bytes]:
        """The records that wait to be packed, newest first."""
        return [row.body for row in reversed(self._rows[self._inserted :])]

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
        self._forget_known()

    def _forget(self) -> None:
        self._rows.clear()
        self._inserted = 0

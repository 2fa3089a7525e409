"""What the city ordered and what it was answered: each command once, over restarts.

An id is kept until ``MOST`` later commands have come; what was issued before the last forgotten one is no news any more
(``floor``), so that nothing is done twice although not everything is remembered.
"""

import sqlite3
from collections.abc import Iterable

from protocol.frozen import frozen

MOST = 2000


@frozen
class Told:
    """What a command was answered: its name, the digest of the message, the answer's signed bytes."""

    id: str
    name: str
    digest: bytes
    answer: bytes


class Obeyed:
    """The tables behind one connection. Writers are in the core's transaction."""

    def __init__(self, conn: sqlite3.Connection, most: int = MOST) -> None:
        self._conn = conn
        self._most = most

    def find(self, id_: str) -> Told | None:
        row = self._conn.execute("SELECT id, name, digest, answer FROM city_done WHERE id = ?", (id_,)).fetchone()
        return Told(*row) if row else None

    def keep(self, told: Told, issued: float) -> None:
        """This command was answered so; the ones issued first are forgotten when there are too many."""
        self._conn.execute(
            "INSERT INTO city_done VALUES (?, ?, ?, ?, ?, 0)", (told.id, issued, told.digest, told.name, told.answer)
        )
        (count,) = self._conn.execute("SELECT count(*) FROM city_done").fetchone()
        if count <= self._most:
            return
        (floor,) = self._conn.execute(
            "SELECT issued FROM city_done ORDER BY issued LIMIT 1 OFFSET ?", (count - self._most - 1,)
        ).fetchone()
        self._conn.execute("DELETE FROM city_done WHERE issued <= ?", (floor,))
        self.raise_floor("done", floor)

    def waiting(self, most: int) -> list[Told]:
        """Answers that no broker has taken, oldest first."""
        rows = self._conn.execute(
            "SELECT id, name, digest, answer FROM city_done WHERE told = 0 ORDER BY issued LIMIT ?", (most,)
        )
        return [Told(*row) for row in rows]

    def taken(self, ids: Iterable[str]) -> None:
        """A broker has these answers."""
        self._conn.executemany("UPDATE city_done SET told = 1 WHERE id = ?", [(one,) for one in ids])

    def floor(self, kind: str) -> float:
        """What was issued up to here is no news of this kind."""
        row = self._conn.execute("SELECT issued FROM city_floors WHERE kind = ?", (kind,)).fetchone()
        return float(row[0]) if row else float("-inf")

    def raise_floor(self, kind: str, issued: float) -> None:
        self._conn.execute(
            "INSERT INTO city_floors VALUES (?, ?) ON CONFLICT (kind)"
            " DO UPDATE SET issued = max(issued, excluded.issued)",
            (kind, issued),
        )

"""How far the city has the ledger: what is on the disk of that, and the records that are still to be sent."""

import sqlite3
from collections.abc import Iterable, Mapping


class Delivery:
    """The tables behind one connection. Writers are in the core's transaction."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def upto(self) -> int:
        """The city has every record up to here, or it was set aside."""
        return int(self._conn.execute("SELECT upto FROM delivery").fetchone()[0])

    def ahead(self) -> dict[int, str | None]:
        """Records that are settled one by one: None when the city has it, else why it was set aside."""
        return dict(self._conn.execute("SELECT seq, reason FROM settled_ahead ORDER BY seq"))

    def move(self, upto: int) -> None:
        """The city has every record up to here; what was set aside stays known."""
        self._conn.execute("UPDATE delivery SET upto = ?", (upto,))
        self._conn.execute("DELETE FROM settled_ahead WHERE seq <= ? AND reason IS NULL", (upto,))

    def settle(self, records: Iterable[tuple[int, str | None]]) -> None:
        """These records are settled, as ``ahead`` has them."""
        self._conn.executemany("INSERT OR REPLACE INTO settled_ahead VALUES (?, ?)", list(records))

    def of_lane(self, lane: int, after: int, most: int) -> list[tuple[int, int, bytes]]:
        """The next records of a lane: number, lane, bytes."""
        return self._conn.execute(
            "SELECT seq, lane, body FROM events WHERE lane = ? AND seq > ? ORDER BY seq LIMIT ?", (lane, after, most)
        ).fetchall()

    def there(self, after: int) -> set[int]:
        """Numbers of the records that the ledger holds behind this one."""
        return {seq for (seq,) in self._conn.execute("SELECT seq FROM events WHERE seq > ?", (after,))}

    def bodies(self, first: int, last: int) -> list[tuple[int, bytes]]:
        """Number and bytes of these records."""
        return self._conn.execute("SELECT seq, body FROM events WHERE seq BETWEEN ? AND ?", (first, last)).fetchall()


def pending(last: int, upto: int, ahead: Mapping[int, str | None]) -> int:
    """How many records the city has not settled."""
    return last - upto - sum(seq > upto for seq in ahead)

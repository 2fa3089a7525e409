"""Orders to stop a lot's sale, and to take it up again, from the city and from other stations.

Part of the core: only the core thread calls this, inside a batch.  All SQL on ``lot_words`` stands here.

What counts is when an order was given, not when it came.  Of each authority the newest stop and the newest resume are
kept, also about codes that are not known here yet.  A stop gives way to a later resume of the authority that gave it,
or of the city; at the same moment the stop wins.  Between two records of one station their numbers decide, for its
clock may have been set meanwhile.
"""

import sqlite3

from protocol.frozen import frozen

CITY = "city"


@frozen
class Stop:
    """A stop that stands: who ordered it, why, and when it ends by itself (seconds since 1970, None: never)."""

    by: str
    why: str
    until: float | None


@frozen
class _Word:
    at: float
    number: int
    by: str

    def after(self, other: "_Word") -> bool:
        """Whether it was given later than that one."""
        if self.by == other.by and self.number and other.number:
            return self.number > other.number
        return self.at > other.at


class Stops:
    """Owned by the core thread."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def say(
        self, code: str, by: str, *, stops: bool, at: float, number: int = 0, why: str = "", until: float | None = None
    ) -> bool:
        """An order about a source or test code; False when a later one of its kind is known already."""
        before = self._conn.execute(
            "SELECT at, number FROM lot_words WHERE code = ? AND by = ? AND stops = ?", (code, by, stops)
        ).fetchone()
        if before and not _Word(at, number, by).after(_Word(before[0], before[1], by)):
            return False
        self._conn.execute(
            "INSERT OR REPLACE INTO lot_words VALUES (?, ?, ?, ?, ?, ?, ?)", (code, by, stops, at, number, why, until)
        )
        return True

    def of(self, codes: tuple[str | None, ...], now: float | None) -> Stop | None:
        """The stop that stands for any of these codes, the newest; ``now`` is None while the clock is not believed."""
        marks = ", ".join("?" for _ in codes)
        rows = self._conn.execute(
            f"SELECT by, stops, at, number, why, until FROM lot_words WHERE code IN ({marks})", codes
        ).fetchall()
        if not rows:
            return None
        resumed = [_Word(at, number, by) for by, stops, at, number, *_ in rows if not stops]
        standing = [
            (at, Stop(by, why, until))
            for by, stops, at, number, why, until in rows
            if stops
            and (until is None or now is None or now < until)
            and not any(word.by in (by, CITY) and word.after(_Word(at, number, by)) for word in resumed)
        ]
        return max(standing, key=lambda pair: pair[0])[1] if standing else None

    def silent(self, codes: tuple[str | None, ...]) -> bool:
        """Whether nobody has said anything of these codes, whatever time it is."""
        marks = ", ".join("?" for _ in codes)
        return not self._conn.execute(f"SELECT 1 FROM lot_words WHERE code IN ({marks}) LIMIT 1", codes).fetchone()

    def next_end(self, now: float) -> float | None:
        """When the next stop ends by itself."""
        row = self._conn.execute("SELECT min(until) FROM lot_words WHERE stops = 1 AND until > ?", (now,)).fetchone()
        return None if row[0] is None else float(row[0])

"""Who is signed in where. It outlasts a restart; it ends with the person's word, with the person, or with idleness.

When a session was last used is written with the next record, or some seconds after the last one.
"""

from edge.records.clock import Clock
from edge.records.ledger import Ledger

MOST = 200


class Sessions:
    """Owned by the core thread. ``idle`` is how many seconds a session lasts unused.

    Opened and ended in the current transaction; what only grew old is ended at once, and on the disk by ``save``.
    """

    def __init__(self, ledger: Ledger, clock: Clock, idle: float) -> None:
        self._conn = ledger.conn
        self._clock = clock
        self._idle = idle
        self.changed = True
        self.unsaved = False
        now = clock.now().seconds
        self._seen = {  # on the steady clock
            mark: clock.steady() - max(0.0, now - seen)
            for mark, seen in self._conn.execute("SELECT mark, seen FROM sessions")
        }
        self._used: set[str] = set()  # or grown old, since it was written last
        self._saving: set[str] = set()
        self.look()

    def people(self) -> dict[str, str]:
        """Whose each session is, by its mark."""
        rows = self._conn.execute("SELECT mark, code FROM sessions").fetchall()
        return {mark: code for mark, code in rows if mark in self._seen}

    def open(self, mark: str, code: str) -> None:
        now = int(self._clock.now().seconds)
        self._conn.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)", (mark, code, now))
        self._seen[mark] = self._clock.steady()
        for old in sorted(self._seen, key=lambda one: self._seen[one])[:-MOST]:
            self.end(old)
        self.changed = True

    def end(self, mark: str) -> None:
        """It counts no more."""
        self._conn.execute("DELETE FROM sessions WHERE mark = ?", (mark,))
        self.changed = True

    def end_all(self, code: str) -> None:
        """Of this person."""
        self._conn.execute("DELETE FROM sessions WHERE code = ?", (code,))
        self.changed = True

    def used(self, mark: str) -> None:
        """Somebody is still there."""
        if mark in self._seen:
            self._seen[mark] = self._clock.steady()
            self._used.add(mark)
            self.unsaved = True

    def look(self) -> None:
        """End what was not used for too long."""
        old = [mark for mark, seen in self._seen.items() if self._clock.steady() - seen > self._idle]
        for mark in old:
            self._forget(mark)
            self._used.add(mark)
        if old:
            self.changed = self.unsaved = True

    def save(self) -> None:
        """Write which were used and which grew old, in the current transaction."""
        now = self._clock.now().seconds
        self._saving, self._used = self._used, set()
        for mark in self._saving:
            if mark in self._seen:
                seen = int(now - (self._clock.steady() - self._seen[mark]))
                self._conn.execute("UPDATE sessions SET seen = ? WHERE mark = ?", (seen, mark))
            else:
                self._conn.execute("DELETE FROM sessions WHERE mark = ?", (mark,))
        self.unsaved = False

    def not_saved(self) -> None:
        self._used |= self._saving
        self.unsaved = bool(self._used)

    def _forget(self, mark: str) -> None:
        self._seen.pop(mark, None)

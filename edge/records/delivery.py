"""How far the city has the ledger: what is on the disk of that, and the records that are still to be sent."""

import json
import sqlite3

from edge.records.packing import unpack
from protocol.city.agreement import Claim, Joint, StationEnd
from protocol.city.stretches import Stretch, Stretches

AGAIN, ASIDE, AHEAD = "again", "aside", "ahead"


class Delivery:
    """The tables behind one connection. Writers are in the core's transaction."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def upto(self) -> int:
        """The city has every record up to here, or it was set aside."""
        return int(self._conn.execute("SELECT upto FROM delivery").fetchone()[0])

    def end(self) -> StationEnd:
        """What counts as delivered, as it was written down."""
        upto, claimed, held = self._conn.execute("SELECT upto, claimed, held FROM delivery").fetchone()
        joints = [Joint(*row) for row in self._conn.execute("SELECT seq, own, city, hash FROM joints ORDER BY seq")]
        held = Claim(**json.loads(held)) if held else None
        return StationEnd(upto, claimed, self._stretches(ASIDE), self._stretches(AHEAD), joints, held)

    def write(self, end: StationEnd) -> None:
        """Write down what counts as delivered."""
        held = json.dumps({"upto": end.held.upto, "hash": end.held.hash}) if end.held else ""
        self._conn.execute("UPDATE delivery SET upto = ?, claimed = ?, held = ?", (end.upto, end.claimed, held))
        self._write(ASIDE, end.aside)
        self._write(AHEAD, end.ahead)
        self._conn.executemany(
            "INSERT OR IGNORE INTO joints VALUES (?, ?, ?, ?)",
            [(one.sequence, one.own, one.city, one.hash) for one in end.joints],
        )

    def aside(self) -> Stretches:
        """Records that were refused, with why."""
        return Stretches(self._stretches(ASIDE))

    def ahead(self) -> Stretches:
        """Records beyond ``upto`` that are settled: the city has them, or they were set aside."""
        return Stretches(self._stretches(AHEAD))

    def is_settled(self, seq: int) -> bool:
        """Whether the city has this record, or it was set aside."""
        return seq <= self.upto() or seq in self.ahead()

    def pending(self, last: int) -> int:
        """How many records of a ledger that ends here the city has not settled."""
        upto = self.upto()
        return last - upto - self.ahead().count_behind(upto)

    def of_lane(self, lane: int, after: int, most: int) -> list[tuple[int, int, bytes]]:
        """The next records of a lane: number, lane, bytes."""
        rows = self._conn.execute(
            "SELECT seq, lane, body FROM events WHERE lane = ? AND seq > ? ORDER BY seq LIMIT ?", (lane, after, most)
        )
        return [(seq, lane, unpack(stored)) for seq, lane, stored in rows]

    def there(self, after: int) -> set[int]:
        """Numbers of the records that the ledger holds behind this one."""
        return {seq for (seq,) in self._conn.execute("SELECT seq FROM events WHERE seq > ?", (after,))}

    def bodies(self, first: int, last: int) -> list[tuple[int, bytes]]:
        """Number and bytes of these records."""
        rows = self._conn.execute("SELECT seq, body FROM events WHERE seq BETWEEN ? AND ?", (first, last))
        return [(seq, unpack(stored)) for seq, stored in rows]

    def rows(self, first: int, last: int, most: int) -> list[tuple[int, int, bytes]]:
        """Records of a stretch in order: number, lane, bytes."""
        rows = self._conn.execute(
            "SELECT seq, lane, body FROM events WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?", (first, last, most)
        )
        return [(seq, lane, unpack(stored)) for seq, lane, stored in rows]

    def again(self) -> Stretches:
        """Records that are to be published once more, and who wants that."""
        return Stretches(self._stretches(AGAIN))

    def send_again(self, first: int, last: int, why: str) -> None:
        """These records are to be published once more, beside those that are to be already."""
        wanted = self.again()
        wanted.put(first, last, why)
        self.write_again(wanted)

    def write_again(self, wanted: Stretches) -> None:
        """These, and no others, are to be published once more."""
        self._write(AGAIN, wanted)

    def _stretches(self, what: str) -> list[Stretch]:
        return self._conn.execute(
            "SELECT first, last, why FROM stretches WHERE what = ? ORDER BY first", (what,)
        ).fetchall()

    def _write(self, what: str, now: Stretches) -> None:
        """Of the rows those that changed."""
        there, rows = {*self._stretches(what)}, {*now.stretches()}
        self._conn.executemany(
            "DELETE FROM stretches WHERE what = ? AND first = ?", [(what, first) for first, _, _ in there - rows]
        )
        self._conn.executemany("INSERT INTO stretches VALUES (?, ?, ?, ?)", [(what, *row) for row in rows - there])

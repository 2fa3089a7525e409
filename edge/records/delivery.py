"""How far the city has the ledger: what is on the disk of that, and the records that are still to be sent."""

import json
import sqlite3
from collections.abc import Iterable, Mapping

from edge.records.packing import unpack
from protocol.city.agreement import Claim, Joint, StationEnd


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
        return StationEnd(upto, claimed, self.ahead(), joints, Claim(**json.loads(held)) if held else None)

    def write(self, end: StationEnd, touched: Iterable[int]) -> None:
        """Write down what counts as delivered, of single records those that were touched."""
        held = json.dumps({"upto": end.held.upto, "hash": end.held.hash}) if end.held else ""
        self._conn.execute("UPDATE delivery SET upto = ?, claimed = ?, held = ?", (end.upto, end.claimed, held))
        for seq in sorted(touched):
            if seq in end.aside or seq in end.ahead:
                row = (seq, end.aside.get(seq))
                self._conn.execute("INSERT OR REPLACE INTO settled_ahead VALUES (?, ?)", row)
            else:
                self._conn.execute("DELETE FROM settled_ahead WHERE seq = ?", (seq,))
        self._conn.execute("DELETE FROM settled_ahead WHERE seq <= ? AND reason IS NULL", (end.upto,))
        self._conn.executemany(
            "INSERT OR IGNORE INTO joints VALUES (?, ?, ?, ?)",
            [(one.sequence, one.own, one.city, one.hash) for one in end.joints],
        )

    def ahead(self) -> dict[int, str | None]:
        """Records that are settled one by one: None when the city has it, else why it was set aside."""
        return dict(self._conn.execute("SELECT seq, reason FROM settled_ahead ORDER BY seq"))

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

    def again(self) -> tuple[int, int]:
        """The next and the last record to be published once more; none when the first is behind the last."""
        row = self._conn.execute("SELECT next, last FROM resending").fetchone()
        return (int(row[0]), int(row[1])) if row else (1, 0)

    def send_again(self, first: int, last: int) -> None:
        """These records are to be published once more, beside those that are to be already."""
        following, end = self.again()
        if following <= end:
            first, last = min(first, following), max(last, end)
        self.again_from(first, last)

    def again_from(self, following: int, last: int) -> None:
        self._conn.execute(
            "INSERT INTO resending VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET next = excluded.next,"
            " last = excluded.last",
            (following, last),
        )


def pending(last: int, upto: int, ahead: Mapping[int, str | None]) -> int:
    """How many records the city has not settled."""
    return last - upto - sum(seq > upto for seq in ahead)

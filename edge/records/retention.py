"""What the ledger forgets, and how the rest still proves itself.

Once a month it is noted how far the city has everything (``city_had``).  When such a note is as old as records have to
be kept, a ``ledger.checkpoint`` is recorded: number, hash and serials of the last record that may go.  Then records go
from the oldest on, a few at a time, with what was kept of them beside: papers, lots, photos.  The first record that is
left continues the one the checkpoint names, or leads up to it, so whoever checks begins there (``verify.py``).

Kept longer, with all that came after: a lot that is held and not disposed of, and what the law wants longer than the
station keeps (``protocol/city/events.py``, ``retention``).

Times are the market's dates; notes are made only while the clock is believed.
"""

import json
import sqlite3
from datetime import date, timedelta
from typing import Any

from edge.records.checkpoints import Checkpoint, checkpoint_of, first_of
from edge.records.packing import unpack
from edge.records.print_jobs import PrintJobs
from protocol.frozen import frozen

LEAST_MONTHS, PACKED_MONTHS = 6, 24  # 食品安全法 art. 65 and 50; canteens as the second
AT_ONCE = 200  # records that go together: some milliseconds of the core


@frozen
class Gone:
    """What a step took away: how many records, and the lots and photos (SHA-256) that went with them."""

    records: int
    lots: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()


def months_before(day: date, months: int) -> date:
    """So many months earlier; the 28th for later days, which not every month has."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, min(day.day, 28))


def kept(conn: sqlite3.Connection, months: int, today: date) -> dict[str, Any]:
    """For ``ledger status``: from which record on the ledger is here, and which one keeps older ones from going."""
    point, oldest = checkpoint_of(conn), first_of(conn)
    found: dict[str, Any] = {"months": months, "from_record": oldest, "may_be_gone_upto": point.upto if point else 0}
    if point and 0 < oldest <= point.upto:
        stays, why = Retention(conn).waits(point.upto, today)
        if stays:
            found["waits_for"] = {"record": stays, "why": why}
    return found


class Retention:
    """The tables behind one connection. Writers are in the core's transaction."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    # --- how far the city had it, and when ---------------------------------------------------------------------------

    def noted(self) -> str:
        """The day of the newest note; empty when there is none."""
        return str(self._conn.execute("SELECT max(day) FROM city_had").fetchone()[0] or "")

    def note(self, day: date, upto: int) -> None:
        """On this day the city has every record up to this one."""
        self._conn.execute("INSERT OR REPLACE INTO city_had VALUES (?, ?)", (day.isoformat(), upto))

    def may_go(self, today: date, months: int) -> int:
        """Records up to this one were with the city so many months ago; 0 when none were."""
        before = months_before(today, months).isoformat()
        row = self._conn.execute("SELECT max(upto) FROM city_had WHERE day <= ?", (before,)).fetchone()
        return int(row[0] or 0)

    # --- what goes ----------------------------------------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint | None:
        return checkpoint_of(self._conn)

    def pointed(self, point: Checkpoint) -> None:
        """The record of a checkpoint was appended; notes that are no longer asked for go."""
        self._conn.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", (point.seq, point.upto, point.hash))
        self._conn.execute("DELETE FROM checkpoints WHERE seq < ?", (point.seq,))
        self._conn.execute("DELETE FROM city_had WHERE upto <= ?", (point.upto,))

    def left(self) -> int:
        """How many records a checkpoint names are still here."""
        point = self.checkpoint()
        if point is None:
            return 0
        (count,) = self._conn.execute("SELECT count(*) FROM events WHERE seq <= ?", (point.upto,)).fetchone()
        return int(count)

    def waits(self, upto: int, today: date) -> tuple[int, str]:
        """The oldest record up to this one, among those that would go next, that has to stay, and why: a lot that is
        held, ``law`` for a record that the law wants longer; (0, "") when none has to."""
        first = first_of(self._conn)
        last = min(upto, first + AT_ONCE - 1)
        row = self._conn.execute(
            "SELECT seq, test_code FROM lots WHERE seq BETWEEN ? AND ? AND state = 'held' AND disposed_seq IS NULL"
            " ORDER BY seq LIMIT 1",
            (first, last),
        ).fetchone()
        held = (int(row[0]), str(row[1])) if row else (0, "")
        for seq, stored in self._conn.execute(
            "SELECT seq, body FROM events WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last)
        ):
            if held[0] and seq >= held[0]:
                break
            if _wanted_until(unpack(stored)) > today.isoformat():
                return int(seq), "law"
        return held

    def remove(self, upto: int, today: date) -> Gone:
        """The oldest records go, at most ``AT_ONCE``, up to this one, and to the first that has to stay."""
        first = first_of(self._conn)
        stays, _ = self.waits(upto, today)
        last = min(upto, first + AT_ONCE - 1, stays - 1 if stays else upto)
        if not 0 < first <= last:
            return Gone(0)
        conn, span = self._conn, (first, last)
        lots = [code for (code,) in conn.execute("SELECT test_code FROM lots WHERE seq <= ?", (last,))]
        photos = [
            sha256 for (sha256,) in conn.execute("SELECT sha256 FROM photos WHERE last <= ? AND sent = 1", (last,))
        ]
        conn.executemany("DELETE FROM photos WHERE sha256 = ?", [(one,) for one in photos])
        for table, column in _OF_A_LOT.items():
            conn.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(code,) for code in lots])
        PrintJobs(conn).forget(last)
        for table in _OF_A_RECORD:
            conn.execute(f"DELETE FROM {table} WHERE seq <= ?", (last,))
        conn.execute("UPDATE label_sales SET waits = 0 WHERE waits = 1 AND seq <= ?", (last,))
        conn.execute("DELETE FROM rack_places WHERE seq BETWEEN 1 AND ?", (last,))
        conn.execute("DELETE FROM deliveries WHERE state <> 'open' AND seq <= ?", (last,))
        records = conn.execute("DELETE FROM events WHERE seq BETWEEN ? AND ?", span).rowcount
        return Gone(records, tuple(lots), tuple(photos))


_OF_A_LOT = {
    **dict.fromkeys(("lots", "lots_seen", "channel_plan"), "test_code"),
    **dict.fromkeys(("last_entries", "holds"), "lot"),
}
_OF_A_RECORD = (*("corrections", "unmatched", "public_samples", "lab_verdicts", "price_reports", "kept_samples"),)


def _wanted_until(body: bytes) -> str:
    """Until which day (2026-11-23) the law wants a record; empty where the station's own time is enough."""
    if b'"retention":"' not in body or b'"retention":"six_months"' in body:
        return ""
    try:
        event = json.loads(body)
        data = event["data"].get("now") or event["data"]
        made = date.fromisoformat(str(event["time"])[:10])
        until = months_before(made, -PACKED_MONTHS)
        if data.get("retention") == "shelf_life":
            begins = _day(str(data.get("produced", ""))) or made
            until = months_before(begins + timedelta(days=int(data["shelf_days"])), -LEAST_MONTHS)
        return until.isoformat()
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None

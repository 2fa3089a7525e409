"""Of which days the prices were reported, and which are due.

Part of the core: only the core thread calls this.  A day is due from the set time on; one that was missed while the
station was off is due at once, a week back at most.
"""

from datetime import date, timedelta

from edge.between.day_views import PricesView, PriceView
from edge.records.days import Prices, prices_of_day
from edge.records.ledger import Ledger

MISSED_DAYS = 7


class PriceReports:
    """``until`` is the set time (18:00), empty where prices are not reported. Owned by the core thread."""

    def __init__(self, ledger: Ledger, until: str) -> None:
        self.until = until
        self._ledger = ledger
        self._conn = ledger.conn
        self._nothing: set[str] = set()  # days on which nothing was sold
        self.changed = True

    def due(self, now: str) -> str:
        """The oldest day that is to be reported, by the station's own time; empty when none is."""
        if not self.until:
            return ""
        today = date.fromisoformat(now[:10])
        first = today - timedelta(days=MISSED_DAYS)
        done = self._days(first.isoformat()) | self._nothing
        last = 0 if now[11:16] >= self.until else 1
        days = ((today - timedelta(days=back)).isoformat() for back in range(MISSED_DAYS, last - 1, -1))
        return next((day for day in days if day not in done), "")

    def prices(self, day: str) -> list[Prices]:
        """What was asked on this day; a day without is not looked at again before the next start."""
        found = prices_of_day(self._conn, day, self.until, self._ledger.head.seq)
        if not found:
            self._nothing.add(day)
        return found

    def reported(self, day: str, seq: int) -> None:
        """In the current transaction."""
        self._conn.execute("INSERT INTO price_reports VALUES (?, ?)", (day, seq))
        self.changed = True

    def _days(self, first: str) -> set[str]:
        return {day for (day,) in self._conn.execute("SELECT day FROM price_reports WHERE day >= ?", (first,))}

    def view(self) -> PricesView | None:
        """The newest report."""
        row = self._conn.execute("SELECT seq FROM price_reports ORDER BY day DESC LIMIT 1").fetchone()
        if row is None:
            return None
        data = self._ledger.event(row[0])["data"]
        prices = tuple(
            PriceView(
                one["goods"]["product"],
                one["goods"]["name"],
                one["goods"].get("name_en", ""),
                one["mean_fen"],
                one["min_fen"],
                one["max_fen"],
            )
            for one in data["prices"]
        )
        return PricesView(data["date"], data["until"], data["clock_trusted"], prices)

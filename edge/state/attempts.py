"""How often a wrong PIN was entered, which way, and how long that way is closed: on the disk before it is verified.

    way                                      free    longest wait
    at the box itself                           3    a minute
    a browser where this person signed in       5    a quarter of an hour
    another person's session, for a word        5    a quarter of an hour
    strangers on the network, together         10    an hour
    and each of their addresses, for all       10    an hour

Behind the free ones the wait doubles from a second.  Each way has a count of its own: whoever guesses from the network
closes the network's strangers out, and neither the box itself nor a browser that is known.  A right PIN clears its way,
but not a stranger's address: somebody with a PIN of his own cannot clear what he guesses of others.
"""

from edge.between.inbox import Refused
from edge.between.people_commands import At
from edge.records.clock import Clock
from edge.records.ledger import Ledger
from protocol.frozen import frozen

DAY = 86_400  # a count is forgotten when nobody has tried for so long
MOST = 2000  # ways that are remembered
KNOWN_BROWSERS = 50  # of a person


@frozen
class Way:
    code: str
    place: str
    free: int
    longest: int
    cleared: bool = True


class Attempts:
    """Owned by the core thread; in the current transaction."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._conn = ledger.conn
        self._clock = clock

    def count(self, at: At, *, known: bool) -> None:
        """One more that may be wrong. ``known``: there is a person with this code. Raises Refused: not now."""
        now = int(self._clock.now().seconds)
        ways = self._ways(at, known)
        if wait := max(self._wait(way, now) for way in ways):
            raise Refused(
                "pin_wait",
                f"密码输错次数过多，请等 {wait} 秒再试",
                f"too many wrong PINs: try again in {wait} seconds",
            )
        self._conn.execute("DELETE FROM pin_failures WHERE last < ?", (now - DAY,))
        for way in ways:
            self._conn.execute(
                "INSERT INTO pin_failures VALUES (?, ?, 1, ?) ON CONFLICT (code, place) "
                "DO UPDATE SET count = count + 1, last = excluded.last",
                (way.code, way.place, now),
            )
        self._conn.execute(
            "DELETE FROM pin_failures WHERE (code, place) IN "
            "(SELECT code, place FROM pin_failures ORDER BY last DESC LIMIT -1 OFFSET ?)",
            (MOST,),
        )

    def right(self, at: At) -> None:
        """It was the right one."""
        for way in self._ways(at, known=True):
            if way.cleared:
                self._conn.execute("DELETE FROM pin_failures WHERE code = ? AND place = ?", (way.code, way.place))
        if at.browser and not at.by:
            now = int(self._clock.now().seconds)
            self._conn.execute("INSERT OR REPLACE INTO browsers VALUES (?, ?, ?)", (at.code, at.browser, now))
            self._conn.execute(
                "DELETE FROM browsers WHERE code = ?1 AND mark IN "
                "(SELECT mark FROM browsers WHERE code = ?1 ORDER BY seen DESC LIMIT -1 OFFSET ?2)",
                (at.code, KNOWN_BROWSERS),
            )

    def browsers(self) -> frozenset[str]:
        """The marks of those where somebody has signed in."""
        return frozenset(mark for (mark,) in self._conn.execute("SELECT DISTINCT mark FROM browsers"))

    def _ways(self, at: At, known: bool) -> tuple[Way, ...]:
        code = at.code if known else ""
        if at.by:
            return (Way(code, f"by {at.by}", 5, 900),)
        if not at.peer:
            return (Way(code, "box", 3, 60),)
        if self._browser_known(at):
            return (Way(code, f"browser {at.browser[:32]}", 5, 900),)
        return Way(code, "strangers", 10, 3600), Way("", f"peer {at.peer}", 10, 3600, cleared=False)

    def _browser_known(self, at: At) -> bool:
        row = self._conn.execute("SELECT 1 FROM browsers WHERE code = ? AND mark = ?", (at.code, at.browser))
        return row.fetchone() is not None

    def _wait(self, way: Way, now: int) -> int:
        """Seconds until this way is open; 0 when it is."""
        row = self._conn.execute(
            "SELECT count, last FROM pin_failures WHERE code = ? AND place = ?", (way.code, way.place)
        ).fetchone()
        if row is None or row[0] < way.free:
            return 0
        wait = min(way.longest, 2 ** min(row[0] - way.free, 20))
        return int(max(0, wait - max(0, now - row[1])))

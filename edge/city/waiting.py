"""Since when the oldest record waits for the city, on the steady clock: what an alarm about a silent uplink needs.

Of a record of this boot the kernel's own count of milliseconds tells it, whatever the calendar said meanwhile.  Of an
older one the dates do, where both can be believed; else it has waited at least since the box was started.
Of the core thread alone.
"""

from edge.records.clock import Clock, parse_time
from edge.records.ledger import Ledger

LOOK_SECONDS = 1.0  # while a backlog is on its way the oldest changes with every answer


class Waiting:
    """Looks a record up once, and not more often than once a second."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._of: tuple[int, bool] | None = None  # the record that ``_since`` is of, and whether the date was believed
        self._since: float | None = None
        self._look_at = float("-inf")

    def since(self, oldest: int | None) -> float | None:
        """When this record was written down, in seconds of the steady clock; None when none waits."""
        if oldest is None:
            self._of = self._since = None
            self._look_at = float("-inf")
            return None
        now, of = self._clock.steady(), (oldest, self._clock.trusted)
        if of != self._of and now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._of, self._since = of, now - self._age(oldest)
        return self._since

    def _age(self, seq: int) -> float:
        up = self._clock.up()
        try:
            event = self._ledger.event(seq)
            if event["bootid"] == self._clock.boot_id and "bootms" in event:
                return max(0.0, up - int(event["bootms"]) / 1000)
            if self._clock.trusted and event["clockstate"] != "unsynced":
                return max(up, self._clock.now().seconds - parse_time(event["recordedtime"]).timestamp())
        except (ValueError, LookupError):  # it is damaged or gone: it waits all the same
            pass
        return up

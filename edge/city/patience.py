"""How long a station waits before it knocks at a broker again: a whole city's stations must not come all at once.

Two quick tries a broker, for one that was away a moment.  One that stays away does so for everybody, and so does one
that says that it is busy or shuts down.  So the first pause after these is of any length up to ``spread`` seconds, the
second as long as that, and no later window overlaps the one before it: stations that lost their broker together come
back one by one whenever it returns, in its busiest second about their number divided by ``spread``.
"""

import random

QUICK_SECONDS = (0.3, 1.0)  # back within 1.5 s of a broker's restart
WINDOWS = ((0, 1), (1, 1), (1, 2), (2, 3))  # of the pauses after these, in ``spread``: at the default 45 s at most
STEADY_SECONDS = 10.0  # a connection that stood so long was a good one
FOR_ALL = frozenset({"busy", "shut_down"})  # words of ``link_causes``: it is not about us alone


class Patience:
    """The pauses of one station that knows so many brokers and tries them in turn."""

    def __init__(self, brokers: int, spread: float) -> None:
        self._brokers = brokers
        self._spread = spread
        self._failures = 0

    def pause(self, cause: str, stood: float) -> float:
        """Seconds before the next try, after a connection that ended for this cause; it had stood for so many."""
        good = stood >= STEADY_SECONDS and cause != "taken_over"
        self._failures = 1 if good else self._failures + 1
        if cause in FOR_ALL:
            self._failures = max(self._failures, len(QUICK_SECONDS) * self._brokers + 1)
        rounds = (self._failures - 1) // self._brokers
        if rounds < len(QUICK_SECONDS):
            return QUICK_SECONDS[rounds]
        least, most = WINDOWS[min(rounds - len(QUICK_SECONDS), len(WINDOWS) - 1)]
        return random.uniform(least * self._spread, most * self._spread)

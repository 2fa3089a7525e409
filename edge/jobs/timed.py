"""What is done when its time has come, without anybody ordering it: prices of a day, the scales' register.

``timed(name, due, do)`` at the end of a file enters it.  ``due`` is asked each second, and has to be quick; ``do`` is
done by the core as any other work: in a transaction, with a fence of its own.  One that was done and is still due, or
that failed, is done again after a while.
"""

from collections.abc import Callable

from edge.state.station import Station
from protocol.frozen import frozen

LOOK_SECONDS = 1.0
AGAIN_SECONDS = 30.0


@frozen
class Timed:
    due: Callable[[Station], bool]
    do: Callable[[Station], None]


TIMED: dict[str, Timed] = {}


def timed(name: str, due: Callable[[Station], bool], do: Callable[[Station], None]) -> None:
    TIMED[name] = Timed(due, do)


class Timetable:
    """When what was looked at last. Times are the core's steady clock."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._look_at = float("-inf")
        self._not_before: dict[str, float] = {}

    def due(self, now: float) -> list[str]:
        """The names of what is to be done now."""
        if now < self._look_at:
            return []
        self._look_at = now + LOOK_SECONDS
        names = [
            name for name, one in TIMED.items() if now >= self._not_before.get(name, now) and one.due(self._station)
        ]
        self._not_before.update(dict.fromkeys(names, now + AGAIN_SECONDS))
        return names

    def do(self, name: str) -> None:
        TIMED[name].do(self._station)

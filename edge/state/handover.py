"""Results that instruments hand over: in slices, and of each no more in a day than it may.

Part of the core: only the core thread calls this.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import date

from edge.between.inbox import Message, Tested
from edge.config.sections import AnalyzerSection
from edge.records.clock import Clock
from edge.state.devices import AnalyzerDevice
from protocol.readings import Curve, TestResult, Ticket

SLICE = 50  # results of one instrument in one round: who asks meanwhile waits for no more
log = logging.getLogger("core")


class Handover:
    """What instruments hand over, by the instrument's name.

    ``keep`` tells an instrument's port that all it handed over is on the disk; ``again`` that it is not: the instrument
    begins anew.
    """

    def __init__(
        self,
        analyzers: Mapping[str, AnalyzerDevice],
        parts: Mapping[str, AnalyzerSection],
        clock: Clock,
        keep: Callable[[str], None],
        again: Callable[[str], None],
    ) -> None:
        self._analyzers = analyzers
        self._most = {name: part.most_a_day for name, part in parts.items()}
        self._clock = clock
        self._keep = keep
        self._again = again
        self._waiting: dict[str, deque[TestResult | Ticket | Curve]] = {}  # for a later round
        self._tally: Counter[tuple[str, str]] = Counter()  # of what an instrument hands over: all, and the new ones
        self._over: dict[str, date] = {}  # instruments with too many results, and on which day
        self.in_round: set[str] = set()  # the instruments of whose results this round has some

    @property
    def waiting(self) -> bool:
        """Whether there is more for the next round."""
        return bool(self._waiting)

    # --- slices -----------------------------------------------------------------------------------------------------

    def sliced(self, messages: list[Message]) -> list[Message]:
        """The messages of this round: of each instrument's results so many, in order, the rest in later rounds."""
        if not self._waiting and not any(isinstance(message, Tested) for message in messages):
            return messages
        sliced: list[Message] = []
        room: Counter[str] = Counter(dict.fromkeys(self._waiting, SLICE))
        for message in messages:
            if not isinstance(message, Tested):
                sliced.append(message)
                continue
            device = message.device
            if device not in room:
                room[device] = SLICE
            if device not in self._waiting and len(message.results) <= room[device]:
                room[device] -= len(message.results)
                self.in_round.add(device)
                sliced.append(message)
                continue
            self._waiting.setdefault(device, deque()).extend(message.results)
            sliced += self._slice(device, room)
        for device in list(self._waiting):
            sliced += self._slice(device, room)
        return sliced

    def _slice(self, device: str, room: Counter[str]) -> list[Message]:
        """What of the results that an instrument handed over has room in this round."""
        waiting = self._waiting.get(device)
        if not waiting or not room[device]:
            return []
        taken = tuple(waiting.popleft() for _ in range(min(room[device], len(waiting))))
        room[device] -= len(taken)
        self.in_round.add(device)
        if not waiting:
            del self._waiting[device]
        return [Tested(device, taken, bool(waiting))]

    # --- what became of them ----------------------------------------------------------------------------------------

    def taken(self, message: Tested, new: int) -> None:
        """A slice was handled, and so many of its results were new."""
        device = message.device
        self._analyzers[device].handed_over(new)
        self._tally += Counter({(device, "all"): len(message.results), (device, "new"): new})
        if not message.more:
            handed, fresh = self._tally.pop((device, "all"), 0), self._tally.pop((device, "new"), 0)
            if device not in self._over:
                log.info("%s handed over %d results, %d of them new", device, handed, fresh)

    def committed(self, message: Tested) -> None:
        """This slice is on the disk: as records, or as unread. What is held back must not be committed with it."""
        if not message.more and message.device not in self._over:
            self._keep(message.device)

    def again(self, device: str) -> None:
        """What this instrument handed over was not recorded: it begins anew, with all of it."""
        self._waiting.pop(device, None)
        self._again(device)

    # --- no more than it may ----------------------------------------------------------------------------------------

    def full(self, device: str) -> None:
        """It hands over more than it may in a day: no more is committed, so that it keeps it, and nobody is asked."""
        if device in self._over:
            return
        most = self._most[device]
        self._over[device] = self._clock.today()
        self._analyzers[device].full(most)
        log.error(
            "%s: %d new results today, no more are recorded before tomorrow: look what it sends; if all are right, "
            "raise most_a_day in its section of station.toml and restart",
            device,
            most,
        )

    def another_day(self) -> None:
        """Whatever handed over too much yesterday may do so again."""
        if not self._over:
            return
        today = self._clock.today()
        for device in [device for device, day in self._over.items() if day != today]:
            del self._over[device]
            self._analyzers[device].full(0)
            self.again(device)

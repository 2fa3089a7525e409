from collections.abc import Callable
from typing import Any

import pytest

from protocol.readings import Garbage, Reply


class Booth:
    """A session and a simulated instrument on one wire, and the time, which jumps from one deadline to the next.

    ``mangle`` is what the wire does to the instrument's bytes.  What is handed over is committed at once unless
    ``autocommit`` is off.
    """

    def __init__(self, session: Any, device: Any) -> None:
        self.session = session
        self.device = device
        self.now = 0.0
        self.plugged = True
        self.autocommit = True
        self.mangle: Callable[[bytes], bytes] = lambda data: data
        self.results: list[Any] = []
        self.events: list[Any] = []
        self.sent: list[tuple[float, bytes]] = []

    def run(self, seconds: float) -> list[Any]:
        """Let time pass; what was handed over since the start."""
        end = self.now + seconds
        for _ in range(100_000):
            times = [self.session.deadline, self.device.deadline(self.now) if self.plugged else None]
            at = min((at for at in times if at is not None), default=end + 1)
            if at > end:
                break
            self.now = max(self.now, at)
            if self.plugged and (data := self.mangle(self.device.pending(self.now))):
                self._take(self.session.receive(data, self.now))
            if self.session.deadline is not None and self.session.deadline <= self.now:
                self._take(self.session.expired(self.now))
            while out := self.session.pending():
                self.sent.append((self.now, out))
                if self.plugged:
                    self.device.receive(out, self.now)
        else:
            raise AssertionError("the session never rests")
        self.now = end
        return self.results

    def commit(self) -> None:
        self.session.committed(self.now)

    def _take(self, events: list[Any]) -> None:
        self.events += events
        found = [event for event in events if not isinstance(event, Garbage | Reply)]
        self.results += found
        if found and self.autocommit:
            self.session.committed(self.now)


@pytest.fixture(scope="session")
def booth() -> type[Booth]:
    return Booth

"""The steady clock of whoever waits for a device; tests hand in one of their own."""

import time
from typing import Protocol


class Ticking(Protocol):
    """Seconds that never go back."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SteadyClock:
    """The machine's own."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

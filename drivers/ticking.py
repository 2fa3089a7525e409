"""The steady clock of whoever waits for a device; tests hand in one of their own."""

import threading
import time
from queue import SimpleQueue
from typing import Protocol, TypeVar

T = TypeVar("T")


class Ticking(Protocol):
    """Seconds that never go back, and the ways to let them pass."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    def wait(self, woken: threading.Event, seconds: float) -> bool:
        """Sleep so long, or until woken; whether that was it."""
        ...

    def get(self, orders: "SimpleQueue[T]", seconds: float) -> T:
        """The next order, as soon as there is one. Raises Empty after so many seconds."""
        ...


class SteadyClock:
    """The machine's own."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def wait(self, woken: threading.Event, seconds: float) -> bool:
        return woken.wait(seconds)

    def get(self, orders: "SimpleQueue[T]", seconds: float) -> T:
        return orders.get(timeout=seconds)

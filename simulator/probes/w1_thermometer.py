"""A DS18B20 and its ``w1_slave`` file."""

from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from protocol.probes import w1_thermometer
from protocol.readings import Measured
from simulator.probes._probe import Air

STEP = Decimal("0.0625")
SHORTED = bytes(9)


class W1Thermometer:
    """Says 85 degrees once after power-up, then the air's temperature in steps of a sixteenth, every ``every`` seconds.

    ``fails`` makes the next reading's check wrong.  ``write`` keeps a real file as the kernel would show it.
    """

    def __init__(self, air: Air, *, every: float = 1.0) -> None:
        self.air = air
        self.fails = False
        self._every = every
        self._next: float | None = None
        self._measured = False

    def power_up(self) -> None:
        self._measured = False

    def text(self) -> bytes:
        """What reading the file gives: the measurement is made now."""
        steps = (self.air.temperature / STEP).to_integral_value(ROUND_HALF_EVEN)
        milli = int(steps * STEP * 1000) if self._measured else 85000
        ok, self.fails, self._measured = not self.fails, False, True
        return w1_thermometer.encode(Measured("temperature", Decimal(milli).scaleb(-3), "°C"), ok=ok)

    def write(self, path: Path) -> None:
        """Put one reading into the file, at once, so that no half is ever read."""
        draft = path.with_suffix(".new")
        draft.write_bytes(self.text())
        draft.replace(path)

    def receive(self, data: bytes, now: float) -> None:
        return None

    def pending(self, now: float) -> bytes:
        if self._next is not None and now < self._next:
            return b""
        self._next = now + self._every
        return self.text()

    def deadline(self, now: float) -> float | None:
        return now if self._next is None else self._next


def simulate(air: Air) -> W1Thermometer:
    return W1Thermometer(air)

"""Time on a box whose clock may be wrong (contract part C7).

Every record carries the wall time, how far it is to be trusted, the boot it was made in, and stands in an order that
does not depend on it.  The wall clock never runs behind the last record: after a reboot without a battery the station
goes on from there, marked ``unsynced``.
"""

import ctypes
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from protocol.city.token import CHINA

ClockState = Literal["synced", "holdover", "unsynced"]
_HOLDOVER_SECONDS = 24 * 3600
_STA_UNSYNC = 0x40
_CHECK_SECONDS = 5.0


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def kernel_synced() -> bool:
    """What adjtimex(2) says: True while a time service disciplines the clock."""
    timex = _Timex()
    return bool(ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) >= 0 and not timex.status & _STA_UNSYNC)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment: RFC 3339 text in the market's zone, seconds since 1970, and what the clock was worth."""

    text: str
    seconds: float
    state: ClockState

    @property
    def to_the_second(self) -> str:
        """The moment without its fraction, as slips and their digests carry it."""
        return datetime.fromisoformat(self.text).isoformat(timespec="seconds")

    @property
    def trusted(self) -> bool:
        return self.state != "unsynced"


class Clock:
    """The station's clock. ``trust`` is ``kernel`` (ask the kernel) or ``host`` (a virtual machine's host keeps it)."""

    def __init__(self, trust: Literal["kernel", "host"] = "kernel", floor: float = 0.0) -> None:
        self.boot_id = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        self._trust = trust
        self._floor = floor
        self._started = time.monotonic()
        self._checked = -_CHECK_SECONDS
        self._synced_at: float | None = None

    def steady(self) -> float:
        """Seconds that never jump, for intervals and deadlines."""
        return time.monotonic()

    def now(self) -> Stamp:
        seconds = time.time()
        if seconds < self._floor:
            seconds = self._floor + (time.monotonic() - self._started)
        text = datetime.fromtimestamp(seconds, CHINA).isoformat(timespec="microseconds")
        return Stamp(text, seconds, self.state())

    def today(self) -> date:
        """The market's date."""
        return datetime.fromtimestamp(self.now().seconds, CHINA).date()

    def state(self) -> ClockState:
        """Asks the kernel at most every few seconds; loss of sync is ``holdover`` for a day, then ``unsynced``."""
        if self._trust == "host":
            return "synced"
        now = time.monotonic()
        if now - self._checked >= _CHECK_SECONDS:
            self._checked = now
            if kernel_synced() and time.time() >= self._floor:
                self._synced_at = now
        if self._synced_at is None:
            return "unsynced"
        if now - self._synced_at < 2 * _CHECK_SECONDS:
            return "synced"
        return "holdover" if now - self._synced_at < _HOLDOVER_SECONDS else "unsynced"


def parse_time(text: str) -> datetime:
    """An RFC 3339 text as an aware datetime in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)

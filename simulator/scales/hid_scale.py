"""A USB scale: sends a report of its display all the time, and a status report before each, as the PS60 does."""

from collections import deque

from protocol.readings import State, Weighing
from protocol.scales import hid_scale
from simulator.scales._pan import Pan

MAX_RAW = 0xFFFF


class HidScale:
    """``pending`` hands out one report a call, as USB does. Raises ValueError for a pan with too fine a division.

    A zero order (report 2) outside the zero range is answered as needing to be zeroed, once.
    """

    GAP = 0.1

    def __init__(self, pan: Pan, *, status_reports: bool = True) -> None:
        if pan.capacity / pan.e > MAX_RAW:
            raise ValueError(f"{pan.capacity} {pan.unit} in steps of {pan.e} do not fit 16 bits")
        self.pan = pan
        self._status_reports = status_reports
        self._next: float | None = None
        self._reports: deque[bytes] = deque()
        self._refused = False

    def receive(self, data: bytes, now: float) -> None:
        if data == hid_scale.ZERO_REPORT:
            self._refused = self.pan.zero(now) is not State.OK

    def pending(self, now: float) -> bytes:
        if self._next is None or now - self._next > 1.0:
            self._next = now
        if not self._reports and now >= self._next:
            report = self._report(now)
            if self._status_reports:
                self._reports.append(bytes((hid_scale.STATUS_ONLY, report[1])))
            self._reports.append(report)
            self._next += self.GAP
        return self._reports.popleft() if self._reports else b""

    def deadline(self, now: float) -> float | None:
        return now if self._reports or self._next is None else self._next

    def _report(self, now: float) -> bytes:
        reading = self.pan.reading(now)
        if self._refused:
            self._refused = False
            code = hid_scale.CODES[self.pan.unit]
            return bytes((hid_scale.DATA, hid_scale.NEEDS_ZERO, code, 0, 0, 0))
        if reading.state is State.UNDERLOAD:  # the class knows no underload: it goes on counting below zero
            reading = Weighing(self.pan.gross(now), unit=self.pan.unit)
        return hid_scale.encode(reading)


def simulate(pan: Pan) -> HidScale:
    return HidScale(pan)

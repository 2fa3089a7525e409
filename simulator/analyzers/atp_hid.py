"""An ATP luminometer: a memory of records, three in a report."""

from datetime import datetime
from decimal import Decimal

from protocol.analyzers import atp_hid
from protocol.readings import TestResult


class Luminometer:
    """``busy`` says how often a count comes in place of records."""

    LIMIT = Decimal(30)

    def __init__(self, *, busy: int = 0) -> None:
        self.records: list[bytes] = []
        self.busy = busy
        self.asked: list[bytes] = []
        self._heard = b""
        self._out = bytearray()

    def measure(
        self, sample: int, value: Decimal | None, at: datetime, *, name: str = "", channel: int = 1
    ) -> TestResult:
        """Neither sample nor name: it has no place for them. Raises ValueError without a whole number."""
        meant = TestResult(None, None, atp_hid.ITEM, value, atp_hid.UNIT, None, at, "", limit=self.LIMIT)
        if value is not None:
            meant = TestResult(
                None, None, atp_hid.ITEM, value.to_integral_value(), atp_hid.UNIT, None, at, "", limit=self.LIMIT
            )
        kept = atp_hid.record(meant, lower=10)
        self.records.append(kept)
        return atp_hid.result(kept)

    def receive(self, data: bytes, now: float) -> None:
        self._heard += data
        while len(self._heard) >= atp_hid.REPORT:
            report, self._heard = self._heard[: atp_hid.REPORT], self._heard[atp_hid.REPORT :]
            self.asked.append(report)
            number = int.from_bytes(report[4:6], "big")
            if report == atp_hid.command(atp_hid.RECORDS, number) and not self.busy:
                self._out += atp_hid.encode(self.records[number : number + atp_hid.PAGE])
            elif report[:4] == atp_hid.command(atp_hid.COUNT)[:4] or self.busy:
                self.busy = max(0, self.busy - (report[2:4] == atp_hid.RECORDS))
                self._out += atp_hid.encode_count(len(self.records))

    def pending(self, now: float) -> bytes:
        """A report at a time."""
        out = bytes(self._out[: atp_hid.REPORT])
        del self._out[: atp_hid.REPORT]
        return out

    def deadline(self, now: float) -> float | None:
        return now if self._out else None


def simulate(model: str | None) -> Luminometer:
    if model is not None:
        raise ValueError("there is but one model")
    return Luminometer()

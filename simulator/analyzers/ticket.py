"""A tester with a printer line: each measurement is a ticket."""

from datetime import datetime
from decimal import Decimal

from protocol.analyzers import ticket
from protocol.readings import TestResult, Verdict


class Printing:
    """Prints each measurement as the maker's program of ``model`` does (``protocol.analyzers.ticket.STYLES``).

    It asks its printer before each ticket and prints nothing while it gets no answer, asking again every second; the
    SPOTCHEM EL, which has no printer there, just sends.
    """

    LIMIT = Decimal(50)
    ITEM = "农药残留"
    CONTROL = Decimal("0.612")
    AGAIN = 1.0

    def __init__(self, model: str = "2015") -> None:
        if model not in ticket.STYLES:
            raise ValueError(f"no model {model!r}; there are: {', '.join(ticket.STYLES)}")
        self.style = model
        self.unprinted: list[bytes] = []
        self._ask_at: float | None = None
        self._out = bytearray()

    def measure(
        self, sample: int, value: Decimal | None, at: datetime, *, name: str = "", channel: int = 1
    ) -> TestResult:
        if self.style == "spotchem-el":
            return self._sent(sample, value, at)
        taiyang = self.style == "taiyang"
        verdict = Verdict.QUALIFIED if value is not None and value < self.LIMIT else Verdict.UNQUALIFIED
        result = TestResult(
            sample=None if taiyang else str(sample),
            channel=str(channel) if taiyang else None,
            item=self.ITEM,
            value=value.quantize(Decimal("0.001")) if taiyang and value is not None else value,
            unit="mg/kg" if taiyang else "%",
            verdict=None if taiyang else Verdict.INVALID if value is None else verdict,
            measured_at=at,
            identity="",
            name=None if taiyang else name or None,
            text=None if value is not None or taiyang else "NA",
            control=None if taiyang else self.CONTROL,
        )
        return self._kept(result)

    def _sent(self, sample: int, value: Decimal | None, at: datetime) -> TestResult:
        """Potassium, to a minute."""
        at = at.replace(second=0, microsecond=0)
        return self._kept(TestResult(str(sample), None, "K", value, "mmol/L", None, at, identity=""))

    def _kept(self, result: TestResult) -> TestResult:
        printed = ticket.encode([result], self.style)
        kept = ticket.decode(printed)[0]
        if not isinstance(kept, TestResult):
            raise ValueError(f"the tester cannot print {result}")
        self.unprinted.append(printed)
        return kept

    def press_print(self, lines: list[str]) -> None:
        """Something else comes out of the printer: a heading, a list of settings."""
        self.unprinted.append(ticket.RESET + "\r\n".join(lines).encode("gb18030") + b"\r\n" * 4)

    def receive(self, data: bytes, now: float) -> None:
        if self._ask_at is not None and b"\x12" in data and self.unprinted:
            self._out += self.unprinted.pop(0)
            self._ask_at = None

    def pending(self, now: float) -> bytes:
        if self.style == "spotchem-el":
            self._out += b"".join(self.unprinted)
            self.unprinted.clear()
        elif self.unprinted and (self._ask_at is None or now >= self._ask_at):
            self._out += b"\x10\x04\x01"
            self._ask_at = now + self.AGAIN
        out = bytes(self._out)
        self._out.clear()
        return out

    def deadline(self, now: float) -> float | None:
        if self._out:
            return now
        if not self.unprinted:
            return None
        return now if self._ask_at is None else self._ask_at


def simulate(model: str | None) -> Printing:
    return Printing(model or "2015")

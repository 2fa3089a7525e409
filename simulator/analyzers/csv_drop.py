"""A PC program that writes its results into files, as the folder hands them over."""

from datetime import datetime
from decimal import Decimal

from protocol import files
from protocol.analyzers import csv_drop
from protocol.readings import TestResult, Verdict

MODELS = ("growing", "single")


class Exporter:
    """``growing`` writes one file again with each result, ``single`` a file a result.

    The next file comes after the receipt of the one before, as from a folder; ``taken`` has the receipts.
    """

    LIMIT = Decimal(50)
    ITEM = "农药残留"

    def __init__(self, model: str = "growing") -> None:
        if model not in MODELS:
            raise ValueError(f"no model {model!r}; there are: {', '.join(MODELS)}")
        self.model = model
        self.results: list[TestResult] = []
        self.unsent: list[bytes] = []
        self.taken: list[tuple[str, bool]] = []
        self._waiting = ""

    def measure(
        self, sample: int, value: Decimal | None, at: datetime, *, name: str = "", channel: int = 1
    ) -> TestResult:
        verdict = Verdict.QUALIFIED if value is not None and value < self.LIMIT else Verdict.UNQUALIFIED
        result = TestResult(
            sample=str(sample),
            channel=str(channel),
            item=self.ITEM,
            value=value,
            unit="%",
            verdict=Verdict.INVALID if value is None else verdict,
            measured_at=at,
            identity="",
            name=name or None,
            limit=self.LIMIT,
        )
        self.results.append(result)
        content = csv_drop.encode(self.results if self.model == "growing" else [result])
        self.unsent.append(content)
        kept = csv_drop.decode(content)[-1]
        if not isinstance(kept, TestResult):
            raise ValueError(f"the program cannot write {result}")
        return kept

    def receive(self, data: bytes, now: float) -> None:
        for digest, taken, _ in files.receipts(data):
            self.taken.append((digest, taken))
            if digest == self._waiting:
                self._waiting = ""

    def pending(self, now: float) -> bytes:
        if self._waiting or not self.unsent:
            return b""
        content = self.unsent.pop(0)
        self._waiting = files.digest(content)
        return files.wrap(content)

    def deadline(self, now: float) -> float | None:
        return now if self.unsent and not self._waiting else None


def simulate(model: str | None) -> Exporter:
    return Exporter(model or "growing")

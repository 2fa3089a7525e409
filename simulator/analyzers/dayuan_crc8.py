"""An LZ4000T or a TL310 with its memory."""

from datetime import date, datetime
from decimal import Decimal

from protocol.analyzers import dayuan_crc8
from protocol.readings import Event, Reply, TestResult, Verdict


class Dayuan:
    """An LZ4000T or a TL310. Its memory is only ever added to: nothing the host can send erases it.

    ``limit`` is the inhibition (50 or 70 %) from which the TL310 calls a sample unqualified.
    """

    def __init__(self, model: str = "lz4000t", *, limit: Decimal = Decimal(50)) -> None:
        if model not in dayuan_crc8.MODELS:
            raise ValueError(f"no model {model!r}; there are: {', '.join(dayuan_crc8.MODELS)}")
        self.model = model
        self.limit = limit
        self.records: list[TestResult] = []
        self.asked: list[Reply] = []
        self._frames = dayuan_crc8.decoder()
        self._out = bytearray()

    def measure(
        self, sample: int, value: Decimal | None, at: datetime, *, name: str = "", channel: int = 1
    ) -> TestResult:
        tl310 = self.model == "tl310"
        verdict = Verdict.QUALIFIED if value is not None and value < self.limit else Verdict.UNQUALIFIED
        result = TestResult(
            sample=str(sample),
            channel=str(channel) if tl310 else None,
            item=dayuan_crc8.ITEM,
            value=value,
            unit="%",
            verdict=Verdict.INVALID if value is None else verdict if tl310 else None,
            measured_at=at,
            identity="",
            name=name or None,
            limit=self.limit if tl310 else None,
        )
        kept = dayuan_crc8.decode(dayuan_crc8.encode(result))
        if not isinstance(kept, TestResult):
            raise ValueError(f"the instrument cannot keep {result}")
        self.records.append(kept)
        return kept

    def receive(self, data: bytes, now: float) -> None:
        for event in self._frames.feed(data):
            self._answer(event)

    def pending(self, now: float) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def deadline(self, now: float) -> float | None:
        return now if self._out else None

    def _answer(self, event: Event) -> None:
        if not isinstance(event, Reply) or event.get("model") != self.model:
            return
        self.asked.append(event)
        day = event.get("day")
        found = [r for r in self.records if day and r.measured_at and r.measured_at.date().isoformat() == day]
        if event.what == "ask-test":
            self._out += dayuan_crc8.answer_test(self.model)
        elif event.what == "ask-count" and day:
            self._out += dayuan_crc8.answer_count(date.fromisoformat(day), len(found))
        elif event.what == "ask-day":
            self._send(found)
        elif event.what == "ask-last":
            self._send(self.records[-1:])
        elif event.what == "ask-all":
            self._send(self.records)

    def _send(self, results: list[TestResult]) -> None:
        for index, result in enumerate(results, 1):
            self._out += dayuan_crc8.encode(result, records=len(results), index=index)


def simulate(model: str | None) -> Dayuan:
    return Dayuan(model or "lz4000t")

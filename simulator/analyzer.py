"""Simulated analyzers: a memory of records, and the dialogue that reads it.

The bytes come from the same ``encode`` functions the station's decoders are tested against.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from protocol.analyzers import dayuan_crc8
from protocol.readings import Event, Reply, TestResult, Verdict
from simulator.device import Device
from simulator.line import Line, Plug
from simulator.script import Command, Say, lead, number


class Analyzer(Device, Protocol):
    def measure(
        self, sample: int, value: Decimal | None, at: datetime, *, name: str = "", channel: int = 1
    ) -> TestResult:
        """A person measures: the record is kept, and what the station should read is returned.

        ``at`` is the instrument's local clock.  Raises ValueError when the instrument could not hold this.
        """
        ...


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


def _dayuan(model: str | None) -> Dayuan:
    return Dayuan(model or "lz4000t")


ANALYZERS: dict[str, Callable[[str | None], Analyzer]] = {"dayuan_crc8": _dayuan}
"""By protocol id; each takes the name of the model, None for the usual one."""


def run_analyzer(
    protocol: str,
    plug: Plug,
    *,
    model: str | None = None,
    script: Iterable[str] | None = None,
    say: Say = lambda text: None,
    clock: Callable[[], datetime] = datetime.now,
) -> None:
    """Be an analyzer until the script says ``quit``. Raises ScriptError, or OSError when there is no such place to be.

    ``clock`` is the instrument's own: local time, without a zone.
    """
    with Line(ANALYZERS[protocol](model), plug) as line:
        say(f"analyzer {protocol} at {line.address}")
        lead(line, script, _commands(line, clock))


def _commands(line: Line[Analyzer], clock: Callable[[], datetime]) -> dict[str, Command]:
    def measure(words: list[str]) -> None:
        if not 2 <= len(words) <= 3:
            raise ValueError("write measure SAMPLE VALUE [NAME]")
        sample, value, name = int(words[0]), None if words[1] == "NA" else number(words[1]), "".join(words[2:])
        at = clock().replace(microsecond=0)
        line.do(lambda device, now: device.measure(sample, value, at, name=name))

    return {"measure": measure}

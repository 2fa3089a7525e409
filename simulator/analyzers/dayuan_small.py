"""The smaller Dayuan instruments with their memories, each on its own wire."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from protocol.analyzers.dayuan import dy6a as _dy6a
from protocol.analyzers.dayuan import dy723pc as _dy723pc
from protocol.analyzers.dayuan import dy2620 as _dy2620
from protocol.analyzers.dayuan import dy5800 as _dy5800
from protocol.analyzers.dayuan import dy6260 as _dy6260
from protocol.analyzers.dayuan import dyrs2 as _dyrs2
from protocol.analyzers.dayuan_small import VARIANTS
from protocol.readings import TestResult, Verdict

ITEMS = {"dy6200": "亚硝酸盐", "dy6400": _dy6a.WATER, "dyrs2": _dy6a.WATER}
ERASE = bytes.fromhex("6A5DA269")
DAYS = {
    "dyrs2": re.compile(rb"\x01R(\d{6})(\d{6})..\x04"),
    "dy723pc": re.compile(rb"%?D(\d{4}-\d\d-\d\d)D(\d{4}-\d\d-\d\d)~?"),
}
REQUESTS = {
    "dy6200": re.compile(rb"\x6a(\x5a\xa5|\x5b\xa4|\x5d\xa2)\x69"),
    "dy6400": re.compile(rb"\x6a(\x5b\xa4|\x5d\xa2)\x69"),
    "dyrs2": re.compile(rb"\x01[VRS][^\x04]*\x04"),
    "dy2620": re.compile(rb"\x01\x65(..)\x00\x01..", re.DOTALL),
    "dy723pc": DAYS["dy723pc"],
    "dy6260": re.compile(rb"READ"),
}


class SmallDayuan:
    """Its memory is only emptied by the command that erases, which nobody here sends; a DY-5800 has none to ask for."""

    def __init__(self, model: str = "dy6200") -> None:
        if model not in VARIANTS:
            raise ValueError(f"no model {model!r}; there are: {', '.join(VARIANTS)}")
        self.model = model
        self.records: list[tuple[datetime, TestResult]] = []
        self.erased = False
        self.heard: list[bytes] = []
        self._buffer = b""
        self._out = bytearray()

    def measure(
        self,
        sample: int,
        value: Decimal | None,
        at: datetime,
        *,
        name: str = "",
        channel: int = 1,
        item: str = "",
        verdict: Verdict | None = None,
    ) -> TestResult:
        """``name`` is the meat for the testers of meat, else the sample's name."""
        made = TestResult(
            sample=str(sample),
            channel=str(channel),
            item=item or ITEMS.get(self.model, "农药残留"),
            value=value,
            unit={"dy6200": "mg/kg"}.get(self.model, "%"),
            verdict=verdict,
            measured_at=at,
            identity="",
            name=name or None,
        )
        frame = self._frame([made])
        kept = [each for each in VARIANTS[self.model].decoder().feed(frame) if isinstance(each, TestResult)]
        if not kept:
            raise ValueError(f"the instrument cannot keep {made}")
        self.records.append((at, made))
        if self.model == "dy5800":
            self._out += frame
        return replace(kept[0], sure=self.model != "dy5800")  # a memory that stays is read twice

    def receive(self, data: bytes, now: float) -> None:
        if self.model == "dy5800":
            return
        self._buffer = (self._buffer + data)[-256:]
        while found := REQUESTS[self.model].search(self._buffer):
            self._buffer = self._buffer[found.end() :]
            self.heard.append(found[0])
            self._answer(found[0])

    def pending(self, now: float) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def deadline(self, now: float) -> float | None:
        return now if self._out else None

    def _answer(self, request: bytes) -> None:
        everything = [made for _, made in self.records]
        match self.model:
            case "dy6200" | "dy6400" if request == ERASE:
                self.erased = True
                self.records.clear()
            case "dy6200" | "dy6400" if request == _dy6a.HELLO:
                self._out += _dy6a.HELLO + _dy6a.END
            case "dy6200" | "dy6400":
                self._out += self._frame(everything) + _dy6a.END
            case "dyrs2" if request[1:2] == b"V":
                self._out += _dyrs2.answer("V1.02")
            case "dyrs2" | "dy723pc":
                found = DAYS[self.model].fullmatch(request)
                first, last = (_day(group.decode()) for group in found.groups()) if found else (date.max, date.min)
                self._out += self._frame([made for at, made in self.records if first <= at.date() <= last])
                self._out += _dyrs2.answer("E") if self.model == "dyrs2" else b""
            case "dy2620":
                index = int.from_bytes(request[2:4], "big")
                self._out += self._frame(everything[index : index + 1])
            case "dy6260":
                self._out += self._frame(everything)

    def _frame(self, results: Sequence[TestResult]) -> bytes:
        """What it sends for these results, without an end mark that stands apart."""
        whole: dict[str, Callable[[Sequence[TestResult]], bytes]] = {
            "dy2620": _dy2620.encode,
            "dy723pc": _dy723pc.encode,
            "dy6260": _dy6260.encode,
        }
        if self.model in whole:
            return whole[self.model](results)
        each = {"dyrs2": _dyrs2.encode, "dy5800": _dy5800.encode}.get(self.model, _dy6a.encode)
        return b"".join(each(result) for result in results)


def _day(written: str) -> date:
    digits = written.replace("-", "")[-6:]
    return date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]))


def simulate(model: str | None) -> SmallDayuan:
    return SmallDayuan(model or "dy6200")

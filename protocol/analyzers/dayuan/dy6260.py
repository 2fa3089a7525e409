"""Dayuan DY-6260 (Android strip reader): JSON over a TCP port that ``adb`` forwards.

    adb forward tcp:12580 tcp:10086                       before: on the station, by hand or by a unit of its own
    adb shell am broadcast -a NotifyServiceStart          (NotifyServiceStop ends it)
    host    READ
    answer  {"detail": [{"检测结果": …, "检测项目": …, "样品编号": …, "样品名称": …, "检测时间": …}, …]}    UTF-8

The answer has no length and no end mark: it is whole when its braces are.  What may stand in 检测结果 is not in the
maker's paper: words of judgement and numbers with a unit, also both, are read, everything else is kept as text without
a verdict.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from protocol.analyzers.shared import fields
from protocol.analyzers.shared.dialogue import Expanding
from protocol.readings import Event, Garbage, Reply, TestResult, Verdict

READ = b"READ"
CAP = 1 << 18
KEYS = ("样品编号", "样品名称", "检测项目", "检测结果", "检测时间")
WORDS = "|".join(sorted(fields.VERDICTS, key=len, reverse=True))
AMOUNT = re.compile(rf"(-?[0-9]{{1,15}}(?:\.[0-9]{{1,9}})?)\s*((?!{WORDS})[^0-9\s]\S*?)??\s*({WORDS})?")


class Objects:
    """JSON objects in a stream: from a brace to the one that closes it."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0  # looked at so far
        self._depth = 0
        self._quoted = False
        self._escaped = False

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        self._buffer += data
        while self._at < len(self._buffer):
            byte = self._buffer[self._at]
            self._at += 1
            if not self._depth:
                self._outside(byte, events)
            elif self._inside(byte):
                events.append(decode(bytes(self._buffer[: self._at])))
                self._drop()
            elif self._at >= CAP:
                events.append(Garbage(bytes(self._buffer[: self._at]), f"no closing brace within {CAP} bytes"))
                self._drop()
        if not self._depth:
            self._flush(events)
        return events

    def finish(self) -> list[Event]:
        """The stream is over: an object that is not closed is Garbage."""
        events: list[Event] = []
        self._at = len(self._buffer)
        self._depth, self._quoted, self._escaped = 0, False, False
        self._flush(events, "cut: the stream ended inside an object")
        return events

    def _outside(self, byte: int, events: list[Event]) -> None:
        if byte == ord("{"):
            self._at -= 1
            self._flush(events)
            self._at, self._depth = 1, 1

    def _inside(self, byte: int) -> bool:
        """True when this byte closes the object."""
        if self._escaped:
            self._escaped = False
        elif self._quoted:
            self._escaped = byte == ord("\\")
            self._quoted = byte != ord('"')
        elif byte == ord('"'):
            self._quoted = True
        elif byte in b"{}":
            self._depth += 1 if byte == ord("{") else -1
        return not self._depth

    def _flush(self, events: list[Event], why: str = "no JSON object starts here") -> None:
        noise = bytes(self._buffer[: self._at])
        self._drop()
        if noise.strip():
            events.append(Garbage(noise, why))

    def _drop(self) -> None:
        del self._buffer[: self._at]
        self._at, self._depth, self._quoted, self._escaped = 0, 0, False, False


def decode(frame: bytes) -> Event:
    try:
        said = json.loads(frame.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        return Garbage(frame, f"no JSON: {error}")
    if not isinstance(said, dict) or not isinstance(said.get("detail"), list):
        return Garbage(frame, 'JSON without a list "detail"')
    return Reply("end", raw=frame)


def results(reply: Reply) -> list[Event]:
    """The results of an answer, then its end."""
    return [*(_result(each) for each in json.loads(reply.raw)["detail"]), Reply("end")]


def _result(said: Any) -> Event:
    raw = json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")
    if not isinstance(said, dict) or not said.get("检测项目"):
        return Garbage(raw, "no result: 检测项目 is missing")
    sample, name, item, stated, time = ("" if said.get(key) is None else str(said[key]).strip() for key in KEYS)
    found = AMOUNT.fullmatch(stated)
    word = (found[3] or "") if found else stated
    verdict = fields.VERDICTS.get(word) or (None if stated else Verdict.INVALID)
    return TestResult(
        sample=sample or None,
        channel=None,
        item=item,
        value=fields.number(found[1]) if found else None,
        unit=found[2] if found else None,
        verdict=verdict,
        measured_at=fields.moment(time),
        identity=f"dy6260/{sample}/{item}/{time}/{stated}",
        name=name or None,
        text=None if found else stated or None,
        sure=False,
        raw=raw,
    )


def decoder() -> Expanding:
    return Expanding(Objects(), results)


def encode(results: Sequence[TestResult]) -> bytes:
    """The answer with these results."""
    words = {verdict: word for word, verdict in reversed(fields.VERDICTS.items())}
    detail = []
    for result in results:
        stated = f"{result.value:f}{result.unit or ''}" if result.value is not None else result.text
        stated = stated or (words[result.verdict] if result.verdict else "")
        told = (result.sample, result.name, result.item, stated, str(result.measured_at or ""))
        detail.append({key: value or "" for key, value in zip(KEYS, told, strict=True)})
    return json.dumps({"detail": detail}, ensure_ascii=False).encode("utf-8")

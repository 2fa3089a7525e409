"""Dayuan DY-723PC (spectrophotometer with Windows CE): text in GB2312.

    host    D2025-03-01D2025-03-14        the records of these days; the maker's other program on the instrument wants
            %D2025-03-01D2025-03-14~      this (option ``marked``)
    answer  R,number,hole,item,absorbance,value,unit,conclusion,time,    once a record, then FINISH

A comma behind R and a check code behind the time may be there or not.  How the check code is made is not known.
The instrument's XML file with the same fields is not read here.
"""

import re
from collections.abc import Sequence
from datetime import date

from protocol.analyzers.shared import fields
from protocol.analyzers.shared.dialogue import Expanding
from protocol.framing import Lines
from protocol.readings import Event, Garbage, Reply, TestResult, Verdict

FINISH = b"FINISH"
CAP = 1 << 16
RECORD = re.compile(
    r"R,?([^,]*),([^,]*),([^,]*),([^,]*),([^,]*),([^,]*),([^,]*),(\d{4}[-/][^,]*),(?:[0-9A-Fa-f]{1,8},)?"
)
NO_NUMBER = ("NA", "NaN", "---")


def ask_days(first: date, last: date, *, marked: bool = False) -> bytes:
    request = f"D{first.isoformat()}D{last.isoformat()}"
    return (f"%{request}~" if marked else request).encode("ascii")


def decode(frame: bytes) -> Event:
    """All that stands in front of FINISH, and its F."""
    if not frame.endswith(FINISH[:1]):
        return Garbage(frame, "the end is not FINISH")
    return Reply("end", raw=frame)


def results(reply: Reply) -> list[Event]:
    """The records of an answer, then its end; what is none of them is Garbage."""
    written = reply.raw[:-1].decode("gb18030", "replace")
    found: list[Event] = []
    at = 0
    for each in RECORD.finditer(written):
        if written[at : each.start()].strip():
            found.append(Garbage(written[at : each.start()].encode("gb18030", "replace"), "no record of nine fields"))
        found.append(_result(each))
        at = each.end()
    if written[at:].strip():
        found.append(Garbage(written[at:].encode("gb18030", "replace"), "no record of nine fields"))
    return [*found, Reply("end")]


def _result(record: re.Match[str]) -> TestResult:
    number, hole, item, absorbance, value, unit, conclusion, time = (group.strip() for group in record.groups())
    amount = None if value in NO_NUMBER else fields.number(value)
    verdict = fields.concluded(conclusion)
    return TestResult(
        sample=number or None,
        channel=hole or None,
        item=item,
        value=amount,
        unit=unit or None,
        verdict=Verdict.INVALID if amount is None and verdict is None else verdict,
        measured_at=fields.moment(time),
        identity=f"dy723pc/{number}/{hole}/{item}/{absorbance}/{value}/{time}",
        text=value or None if amount is None else None,
        sure=False,
        raw=record[0].encode("gb18030", "replace"),
    )


def decoder() -> Expanding:
    # An answer without records is FINISH alone: its F is kept as part of the line, so that it is one.
    return Expanding(Lines(decode, terminator=FINISH[1:], cap=CAP), results)


def encode(results: Sequence[TestResult], *, absorbance: str = "0.812") -> bytes:
    """The answer with these results."""
    words = {verdict: word for word, verdict in reversed(fields.VERDICTS.items())}
    records = (
        [
            result.sample or "",
            result.channel or "",
            result.item,
            absorbance,
            result.text or "NA" if result.value is None else format(result.value, "f"),
            result.unit or "",
            words.get(result.verdict, "") if result.verdict else "",
            str(result.measured_at),
        ]
        for result in results
    )
    return "".join("R," + ",".join(record) + "," for record in records).encode("gb18030") + FINISH

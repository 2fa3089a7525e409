"""Dayuan DY-RS2, third generation (water in meat): text between 01 and 04.

    01  text  check check  04        host: check = two's complement of the sum of the text, as two hex digits
    host    V                        version
            RyymmddYYMMDD            the records between two days
            Syymmddhhmmss            sets its clock; never sent by us
    answer  V …                      its version
            D iiii vvv s yymmdd ……   a record, without the blanks: number, water x 10 in %, meat 1..5, day, six digits
            E …                      the end

The six digits behind the day are read as hhmmss, as an older program did, where they make a time.  How the instrument
makes its own two check characters is not known to us, so they are not compared.
"""

import re
from contextlib import suppress
from datetime import date
from decimal import Decimal

from protocol.analyzers.dayuan.dy6a import MEATS, WATER
from protocol.analyzers.shared.fields import packed_moment
from protocol.framing import Lines
from protocol.readings import Event, Garbage, Reply, TestResult

RECORD = re.compile(rb"\x01D([0-9]{4})([0-9]{3})([1-5])([0-9]{6})([0-9]{6})[ -~]{2}")
REPLIES = {b"V": "version", b"E": "end"}


def command(text: str) -> bytes:
    """A frame of the host."""
    body = text.encode("ascii")
    return b"\x01" + body + f"{-sum(body) & 0xFF:02X}".encode() + b"\x04"


def ask_version() -> bytes:
    return command("V")


def ask_days(first: date, last: date) -> bytes:
    return command(f"R{first:%y%m%d}{last:%y%m%d}")


def decode(frame: bytes) -> Event:
    """What stands in front of a 04."""
    if found := RECORD.fullmatch(frame):
        try:
            return _record(found, frame)
        except ValueError:
            return Garbage(frame, "a record of a day that does not exist")
    if frame[:1] == b"\x01" and frame[1:2] in REPLIES:
        return Reply(REPLIES[frame[1:2]], (("text", frame[2:].decode("latin-1")),), raw=frame)
    return Garbage(frame, "not 01 with a record, a version or the end")


def _record(found: re.Match[bytes], frame: bytes) -> TestResult:
    number, water, meat, day, time = (group.decode() for group in found.groups())
    at = packed_moment(day)
    with suppress(ValueError):  # the six digits may be something else
        at = packed_moment(day + time)
    return TestResult(
        sample=str(int(number)),
        channel=None,
        item=WATER,
        value=Decimal(int(water)).scaleb(-1),
        unit="%",
        verdict=None,
        measured_at=at,
        identity=f"dyrs2/{number}/{water}/{meat}/{day}{time}",
        name=MEATS[int(meat)],
        sure=False,
        raw=frame,
    )


def decoder() -> Lines:
    return Lines(decode, terminator=b"\x04", cap=64)


def answer(text: str) -> bytes:
    """A frame of the instrument; its check is made as the host's."""
    return command(text)


def encode(result: TestResult) -> bytes:
    """The record of this result. Raises ValueError when it does not fit."""
    water = (result.value or Decimal(0)).scaleb(1)
    number = int(result.sample or 0)
    if (
        result.measured_at is None
        or water != water.to_integral_value()
        or not (0 <= water < 1000 and 0 <= number < 10000)
    ):
        raise ValueError(f"{result.value} % of sample {number} at {result.measured_at} does not fit")
    meat = {name: code for code, name in MEATS.items()}[result.name or MEATS[5]]
    return answer(f"D{number:04}{int(water):03}{meat}{result.measured_at:%y%m%d%H%M%S}")

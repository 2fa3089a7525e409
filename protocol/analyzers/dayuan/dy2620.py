"""Dayuan DY-2620 (polar compounds in frying oil): frames like Modbus RTU with function 65.

    host    01 65  record record  00 01  crc crc        record number high byte first, one record at a time
    answer  01 65  n  n/10 records  crc crc             n = 2 (two bytes of any kind): there is no such record

    a record: YY MM DD hh mm, unit, temperature x 10 in °C, polar compounds x 10 in % (both high byte first)

The crc is that of Modbus, low byte first.  What the unit byte says is not known to us; the temperature stays in the raw
bytes.  27 % is the limit the maker's program judges by.
"""

import struct
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal

from protocol.analyzers.shared.dialogue import Expanding
from protocol.checks import crc16_modbus
from protocol.framing import Scanner
from protocol.readings import Event, Garbage, Reply, TestResult

HEAD = b"\x01\x65"
RECORD = struct.Struct(">BBBBBBHH")
ITEM, LIMIT = "极性组分", Decimal(27)
NOTHING = 2
FIRST_YEAR = 2000


def ask_record(index: int) -> bytes:
    return _sealed(HEAD + struct.pack(">HH", index, 1))


def measure(buffer: bytes) -> int | None:
    if len(buffer) < 3:
        return None if HEAD.startswith(buffer[:2]) else 0
    size = buffer[2]
    return size + 5 if size == NOTHING or (size and size % RECORD.size == 0) else 0


def decode(frame: bytes) -> Event:
    if len(frame) < 5 or measure(frame) != len(frame) or frame[:2] != HEAD:
        return Garbage(frame, "not 01 65 with records")
    if frame[-2:] != crc16_modbus(frame[:-2]).to_bytes(2, "little"):
        return Garbage(frame, f"crc is {frame[-2:].hex()}, the bytes give {_sealed(frame[:-2])[-2:].hex()}")
    return Reply("end" if frame[2] == NOTHING else "records", raw=frame)


def results(reply: Reply) -> list[Event]:
    """The records in an answer."""
    if reply.what != "records":
        return [reply]
    data = reply.raw[3:-2]
    return [_result(data[at : at + RECORD.size]) for at in range(0, len(data), RECORD.size)]


def _result(data: bytes) -> Event:
    year, month, day, hour, minute, _, _, value = RECORD.unpack(data)
    at = None  # the crc was right, so an impossible time is the instrument's own
    with suppress(ValueError):
        at = datetime(FIRST_YEAR + year, month, day, hour, minute)  # noqa: DTZ001  (the instrument's own local clock)
    return TestResult(
        sample=None,
        channel=None,
        item=ITEM,
        value=Decimal(value).scaleb(-1),
        unit="%",
        verdict=None,
        measured_at=at,
        identity=f"dy2620/{data.hex()}",
        limit=LIMIT,
        raw=data,
    )


def decoder() -> Expanding:
    return Expanding(Scanner(measure, decode, head=HEAD, cap=260, look=3), results)


def encode(results: Sequence[TestResult], *, temperature: Decimal = Decimal(180)) -> bytes:
    """The answer with these results; with none the one that says that there is no such record."""
    if not results:
        return _sealed(HEAD + bytes((NOTHING, 0, 0)))
    data = b"".join(_pack(result, temperature) for result in results)
    return _sealed(HEAD + bytes((len(data),)) + data)


def _pack(result: TestResult, temperature: Decimal) -> bytes:
    at = result.measured_at
    scaled = [(number or Decimal(0)).scaleb(1) for number in (temperature, result.value)]
    if at is None or any(number != number.to_integral_value() or not 0 <= number <= 0xFFFF for number in scaled):
        raise ValueError(f"{result.value} % at {at} does not fit")
    if not FIRST_YEAR <= at.year <= FIRST_YEAR + 255:
        raise ValueError(f"{at}: a byte holds the years from {FIRST_YEAR}")
    time = (at.year - FIRST_YEAR, at.month, at.day, at.hour, at.minute)
    return RECORD.pack(*time, 0, *(int(number) for number in scaled))


def _sealed(data: bytes) -> bytes:
    return data + crc16_modbus(data).to_bytes(2, "little")

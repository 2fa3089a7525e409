"""Fields that several instruments share: text in GBK, written times, words of judgement, big-endian floats."""

import re
import struct
from datetime import datetime
from decimal import Decimal
from math import isfinite

from protocol.readings import Verdict

VERDICTS = {
    "合格": Verdict.QUALIFIED,
    "阴性": Verdict.QUALIFIED,
    "不携带": Verdict.QUALIFIED,
    "未检出": Verdict.QUALIFIED,
    "不合格": Verdict.UNQUALIFIED,
    "超标": Verdict.UNQUALIFIED,
    "阳性": Verdict.UNQUALIFIED,
    "携带": Verdict.UNQUALIFIED,
    "检出": Verdict.UNQUALIFIED,
    "弱阳性": Verdict.UNQUALIFIED,
    "可疑": Verdict.SUSPECT,
    "无效": Verdict.INVALID,
}
PLAIN = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,9})?")
MOMENT = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})日?(?:[ T]*(\d{1,2})[:：](\d{1,2})(?:[:：](\d{1,2}))?)?"
)


def text(data: bytes) -> str:
    """A name field: NUL padded GB2312, read as its superset GB18030; a character cut in two ends in U+FFFD."""
    return data.replace(b"\0", b"").decode("gb18030", "replace").strip()


def cut(name: str, size: int) -> bytes:
    """A name as the instruments keep it: cut to ``size`` bytes and padded with NUL."""
    return name.encode("gb18030", "replace")[:size].ljust(size, b"\0")


def concluded(word: str) -> Verdict | None:
    """The instrument's conclusion; one in words we do not know is for a person, so ``suspect``. None when empty."""
    return VERDICTS.get(word, Verdict.SUSPECT) if word else None


def moment(written: str) -> datetime | None:
    """A time as instruments write it: ``2025-03-14 09:14:32``, also with slashes, without seconds, or the date only."""
    found = MOMENT.fullmatch(written.strip())
    if not found:
        return None
    try:
        return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None


def packed_moment(digits: str) -> datetime:
    """The time of ``YYMMDD``, ``YYMMDDhhmm`` or ``YYMMDDhhmmss``; years are 2000 and later. Raises ValueError."""
    year, *rest = (int(digits[at : at + 2]) for at in range(0, len(digits), 2))
    month, day, hour, minute, second = (*rest, 0, 0, 0)[:5]
    return datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001  (the instrument's own local clock)


def number(written: str) -> Decimal | None:
    """A plain number with the digits as written; None when it is none."""
    return Decimal(written.strip()) if PLAIN.fullmatch(written.strip()) else None


def single(data: bytes) -> Decimal | None:
    """An IEEE 754 single, high byte first, as the shortest decimal that gives the same four bytes; None if infinite."""
    value: float = struct.unpack(">f", data)[0]
    if not isfinite(value):
        return None
    for digits in range(1, 10):
        written = f"{value:.{digits}g}"
        try:
            if struct.pack(">f", float(written)) == data:
                break
        except OverflowError:  # the rounded value is beyond the largest single
            continue
    return Decimal(written) if value else Decimal(0)


def pack_single(value: Decimal) -> bytes:
    """The single nearest to this number. Raises ValueError when there is none."""
    try:
        return struct.pack(">f", float(value))
    except OverflowError as error:
        raise ValueError(f"{value} is too large for four bytes") from error

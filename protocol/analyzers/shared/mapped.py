"""Results as named texts: what a mapping makes of the columns of a file, or of the fields of an upload."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Literal

from pydantic import Field

from protocol.analyzers.shared import fields, stating
from protocol.options import FormatOptions
from protocol.readings import TestResult, Verdict

NAMES: Mapping[str, tuple[str, ...]] = {
    "sample": ("样品编号", "编号", "样本编号", "sample", "sampleno", "sampleid", "sample id", "sample no", "no"),
    "item": ("检测项目", "项目", "项目名称", "item", "test", "analyte"),
    "value": ("检测结果", "结果", "检测值", "浓度", "抑制率", "result", "value", "concentration"),
    "unit": ("单位", "检测值单位", "unit", "units"),
    "verdict": ("结论", "判定结果", "判定", "检测结论", "conclusion", "verdict", "judgement"),
    "time": ("检测时间", "检测日期", "时间", "日期", "time", "date", "datetime", "test time", "measured at"),
    "name": ("样品名称", "名称", "name", "sample name"),
    "channel": ("通道号", "通道", "channel"),
    "limit": ("标准值", "限量", "限值", "limit"),
    "serial": ("仪器编号", "设备编号", "仪器序列号", "出厂编号", "instrument no", "serial", "serial no", "sn"),
}
"""What a result is made of, and the names that are usual for it, in small letters."""

CHINA = timezone(timedelta(hours=8))  # what the clocks of these instruments show
UNIX = "unix"
LATEST = 1 << 33  # seconds; what is more are milliseconds


class Unreadable(ValueError):
    """Named texts that are no result; the message is for the person."""


class Stated(FormatOptions):
    """What the texts themselves leave open."""

    item: Annotated[str, Field(description="what was tested, where nothing says it")] = ""
    unit: Annotated[str, Field(description="what values are in, where nothing says it")] = ""
    time: Annotated[
        str,
        Field(
            description="how a time is written, as in strptime; unix: seconds since 1970",
            examples=['"%d.%m.%Y %H:%M"'],
        ),
    ] = ""
    verdicts: dict[str, Literal["qualified", "suspect", "unqualified", "invalid"]] = Field(
        default_factory=dict, description="conclusions beside the usual ones"
    )

    def moment(self, text: str) -> datetime | None:
        """The instrument's own local time; None for what is no time."""
        if not self.time:
            return fields.moment(text) or stating.time(text)
        try:
            if self.time == UNIX:
                seconds = int(text)
                at = datetime.fromtimestamp(seconds / 1000 if seconds >= LATEST else seconds, UTC)
                return at.astimezone(CHINA).replace(tzinfo=None, microsecond=0)
            return datetime.strptime(text, self.time)  # noqa: DTZ007  (the instrument's own local clock)
        except (ValueError, OverflowError, OSError):
            return None

    def result(self, get: Callable[[str], str], at: datetime | None, identity: str, raw: bytes) -> TestResult:
        """The result that ``get`` has the texts of, empty for what is not said. Raises Unreadable."""
        item = get("item") or self.item
        if not item:
            raise Unreadable("no item")
        stated, conclusion = get("value"), get("verdict")
        value, limit = stating.number(stated), stating.number(get("limit"))
        verdict = self._verdict(conclusion) if conclusion else self._word(stated)
        if not stated and verdict is None:
            raise Unreadable("neither a value nor a verdict")
        return TestResult(
            sample=get("sample") or None,
            channel=get("channel") or None,
            item=item,
            value=value,
            unit=get("unit") or self.unit or None,
            verdict=verdict,
            measured_at=at,
            identity=identity,
            name=get("name") or None,
            limit=stating.limit(get("limit")) if limit is None else limit,
            text=(stated or None) if value is None else None,
            raw=raw,
            serial=get("serial"),
        )

    def _verdict(self, conclusion: str) -> Verdict:
        found = self._word(conclusion)
        if found is None:
            raise Unreadable(f"the conclusion {conclusion!r} is no word we know; add it to `verdicts`")
        return found

    def _word(self, text: str) -> Verdict | None:
        return Verdict(self.verdicts[text]) if text in self.verdicts else stating.verdict(text)

"""What is on the report of a rapid test, and that it never says more than a screening can."""

from typing import Any

import pytest

from edge.documents import Documents, NoDocument, Place, documents_of
from protocol.city.events import TestRecorded
from protocol.printers.document import QR, Document
from protocol.printers.layout import layout
from protocol.printers.plain import plain

OPTIONS: dict[str, Any] = {
    "code": "41010800130100000071",
    "time": "2026-11-22T04:12:50+08:00",
    "clock_trusted": True,
    "market": "惠民市场",
    "host": "sy.example.cn",
}


def report(result: TestRecorded, *, market: str, host: str, **head: Any) -> Document:
    state = "synced" if head.pop("clock_trusted") else "unsynced"
    content = {"type": "test.result", "subject": head["code"], "time": head["time"], "clockstate": state}
    return Documents().document("report", {**content, "data": result.model_dump(mode="json")}, Place(market, host))


def shown(result: TestRecorded, **options: Any) -> str:
    return plain(layout(report(result, **{**OPTIONS, **options})))


def changed(data: dict[str, Any], **fields: Any) -> TestRecorded:
    return TestRecorded.model_validate({**data, **fields})


def test_a_report_says_what_was_tested_and_how(result: TestRecorded) -> None:
    text = shown(result)
    for words in (
        "上海青",
        "有机磷和氨基甲酸酯类农药",
        "12.50 %",
        "50 % (仪器设定)",
        "GB/T 5009.199-2003",
        "合格（快检）",
        "快检结果为筛查结果",
        "tester-1 lz4000t",
        "2026-11-22 04:12:44",
        "2026-11-22 04:12:50",
        "41010 80013 01000 00071",
        "41010 80011 01000 10074",
    ):
        assert words in text


def test_a_released_lot_gets_its_source_code(result: TestRecorded) -> None:
    (code,) = [part for part in report(result, **OPTIONS).parts if isinstance(part, QR)]
    assert code.payload == "https://sy.example.cn/b/41010800110100010074"


@pytest.mark.parametrize("verdict", ["suspect", "unqualified", "invalid", "not_applicable"])
def test_nothing_else_gets_one(result_data: dict[str, Any], verdict: str) -> None:
    parts = report(changed(result_data, verdict=verdict, source=None), **OPTIONS).parts
    assert not any(isinstance(part, QR) for part in parts)


def test_a_positive_is_a_screening_result(result_data: dict[str, Any]) -> None:
    text = shown(changed(result_data, verdict="unqualified", value="68.00", source=None))
    assert "快检阳性（筛查）" in text
    assert "暂停销售" in text
    assert "不合格" not in text


def test_what_is_not_known_is_said_or_left_out(result_data: dict[str, Any]) -> None:
    analyzer = {**result_data["analyzer"], "sample": None, "channel": None, "measured_at": None}
    result = changed(result_data, lot=None, goods=None, value=None, unit=None, limit=None, analyzer=analyzer)
    text = shown(result, clock_trusted=False)
    assert "未登记" in text
    assert "时间未校准" in text
    for words in ("样品号", "通道", "检测时间", "限值", "None"):
        assert words not in text


def test_papers_are_only_made_of_their_own_records(trade_data: dict[str, Any], result_data: dict[str, Any]) -> None:
    assert documents_of("trade.completed", trade_data) == ("slip", "ticket")
    assert documents_of("test.result", result_data) == ("report", "card")
    assert documents_of("test.result", {**result_data, "source": None}) == ("report",)
    assert documents_of("device.birth", {}) == ()
    corrected = {"source": "41010800110100010074", "now": {"upstream": None}}
    assert documents_of("entry.corrected", corrected) == ("label",), "its release has the card"
    came_with = {**corrected, "now": {"upstream": corrected["source"]}}
    assert set(documents_of("entry.corrected", came_with)) == {"label", "card"}
    content = {"type": "trade.completed", "subject": "", "data": trade_data}
    with pytest.raises(NoDocument, match="available: slip, ticket"):
        Documents().document("report", content, Place("", "sy.example.cn"))

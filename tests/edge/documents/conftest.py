"""Recorded events as a slip and a report are made from them."""

from typing import Any

import pytest

from protocol.city.events import TestRecorded, TradeCompleted

TOKEN = (
    "EVZHWqcM9iybAjkjoWzFB1SoA7rbas2LA7rbas7YAAAwNAAAEN8NC-RRt05NB-gBAjkjoWplD9RarAUOD4cJFaLc3hO7NzAIEfdcvQJrwAF"
    "-7-ycVtWIpQzDaosuteovsyY4AUAAescWt-CoWLiStqtw5CuQDTWvCA"
)


@pytest.fixture
def trade_data() -> dict[str, Any]:
    """The sale of the contract's test vector."""
    return {
        "slip": {
            "amount_fen": 4319,
            "buyer": "4101080010456",
            "lines": [
                {
                    "amount_fen": 4319,
                    "net_g": 12340,
                    "price": {"fen": 175, "per_g": 500},
                    "product": "01040201",
                    "source": "41010800110100010074",
                }
            ],
            "seller": "4101080010123",
            "time": "2026-11-22T05:31:07+08:00",
            "tx": "41010800120300000424",
        },
        "seller": {"code": "4101080010123", "name": "刘记蔬菜", "stall": "A区012", "contact": "0371-0000 0000"},
        "buyer": {"code": "4101080010456", "name": "东风路第二小学食堂"},
        "sold": [
            {
                "goods": {"product": "01040201", "name": "上海青", "name_en": "Bok choy"},
                "origin": "河南省新郑市",
                "test": {
                    "code": "41010800130100000071",
                    "item": "有机磷和氨基甲酸酯类农药",
                    "verdict": "qualified",
                    "value": "12.50",
                    "unit": "%",
                    "time": "2026-11-22T04:12:44.123456+08:00",
                },
                "weighed": {
                    "scale": "scale-1",
                    "model": "yaohua-a9",
                    "value": "12.340",
                    "unit": "kg",
                    "stability": "derived",
                    "raw": "3d30342e333231",
                    "verified_until": "2027-03-01",
                },
            }
        ],
        "clock_trusted": True,
        "scale_verified": True,
        "digest": "0be451b74e4d07e8",
        "url": f"https://sy.example.cn/j/{TOKEN}",
    }


@pytest.fixture
def trade(trade_data: dict[str, Any]) -> TradeCompleted:
    return TradeCompleted.model_validate(trade_data)


@pytest.fixture
def result_data() -> dict[str, Any]:
    """A result that released its lot."""
    return {
        "lot": "41010800130100000071",
        "goods": {"product": "01040201", "name": "上海青", "name_en": "Bok choy"},
        "item": "有机磷和氨基甲酸酯类农药",
        "value": "12.50",
        "unit": "%",
        "method": "GB/T 5009.199-2003",
        "limit": "50",
        "limit_basis": "instrument",
        "verdict": "qualified",
        "screening": True,
        "analyzer": {
            "name": "tester-1",
            "model": "lz4000t",
            "sample": "7",
            "channel": "3",
            "verdict": "qualified",
            "measured_at": "2026-11-22T04:12:44",
            "raw": "00",
        },
        "source": "41010800110100010074",
    }


@pytest.fixture
def result(result_data: dict[str, Any]) -> TestRecorded:
    return TestRecorded.model_validate(result_data)

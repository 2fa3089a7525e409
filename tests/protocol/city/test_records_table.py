"""What a table of records says of each kind, and numbers as records hold them."""

from decimal import Decimal
from typing import Any

import pytest

from protocol.city.events import COLUMNS, EVENTS, decimal_text

GOODS = {"product": "01040201", "name": "大白菜", "name_en": ""}
LINE = {"amount_fen": 350, "net_g": 1000, "source": "1" * 20}
SALE = {
    "slip": {"amount_fen": 950, "buyer": "4101080010456", "lines": [LINE, {**LINE, "net_g": 250, "source": "2" * 20}]},
    "sold": [{"goods": GOODS}, {"goods": {"product": "9", "name": "x"}}],
}
ENTRY = {"goods": GOODS, "net_g": 250_000, "origin": "河南", "supplier": "李四"}
TEST = {"goods": None, "item": "农药残留", "value": "12.5", "unit": "%", "verdict": "qualified", "source": None}
DELIVERY = {"lines": [{"accepted_g": 1000}, {"accepted_g": 500}], "supplier": "李四"}


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (
            "trade.completed",
            SALE,
            {
                "product": "01040201 9",
                "name": "大白菜、x",
                "net_g": 1250,
                "amount_fen": 950,
                "buyer": "4101080010456",
                "source": f"{'1' * 20} {'2' * 20}",
            },
        ),
        (
            "entry.registered",
            ENTRY,
            {"product": "01040201", "name": "大白菜", "net_g": 250_000, "origin": "河南", "supplier": "李四"},
        ),
        ("test.result", TEST, {"item": "农药残留", "value": "12.5", "unit": "%", "verdict": "qualified"}),
        ("accept.completed", DELIVERY, {"net_g": 1500, "supplier": "李四"}),
        (
            "trade.voided",
            {"slip": SALE["slip"], "goods": [GOODS, {"product": "9", "name": "x"}], "product": "no column of it"},
            {
                "product": "01040201 9",
                "name": "大白菜、x",
                "net_g": 1250,
                "amount_fen": 950,
                "buyer": "4101080010456",
                "source": f"{'1' * 20} {'2' * 20}",
            },
        ),
        (
            "entry.corrected",
            {"now": ENTRY, "source": "3" * 20},
            {
                "product": "01040201",
                "name": "大白菜",
                "net_g": 250_000,
                "origin": "河南",
                "supplier": "李四",
                "source": "3" * 20,
            },
        ),
        ("accept.completed", DELIVERY | {"sum_fen": 525}, {"net_g": 1500, "amount_fen": 525, "supplier": "李四"}),
        ("accept.voided", {"accepted_g": 1500, "supplier": "李四"}, {"net_g": 1500, "supplier": "李四"}),
        (
            "price.daily",
            {"prices": [{"net_g": 1500, "amount_fen": 525}, {"net_g": 250, "amount_fen": 88}], "supplier": "none"},
            {"net_g": 1750, "amount_fen": 613},
        ),
        ("clock.step", {"before": "x"}, {}),
    ],
)
def test_each_kind_fills_its_columns(kind: str, data: dict[str, Any], said: dict[str, Any]) -> None:
    found = EVENTS[kind].record.columns(data)
    assert tuple(found) == COLUMNS
    assert {name: value for name, value in found.items() if value is not None} == said


def test_each_kind_is_in_the_table_once_with_a_name_in_both_languages() -> None:
    for kind, row in EVENTS.items():
        assert row.kind == kind and row.zh and row.en and row.zh != row.en
        known = {*row.record.model_fields, *COLUMNS}
        assert set(row.told) <= known, kind
    assert EVENTS["accept.voided"].told == ("order", "net_g")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("12.50", "12.50"),
        ("0", "0"),
        ("-0.0034799786", "-0.0034799786"),
        ("1E+3", "1000"),
        ("1.23456789012345678", "1.23456789012346"),
        ("1E-21", "0.00000000000000000000"),
        ("3E-20", "0.00000000000000000003"),
        ("1.4E-20", "0.00000000000000000001"),
        ("999999999999999", "999999999999999"),
        ("1E+15", None),
    ],
)
def test_a_number_is_held_with_so_many_digits(number: str, text: str | None) -> None:
    assert decimal_text(Decimal(number)) == text

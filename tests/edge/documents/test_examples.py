"""Examples are what a technician judges a template by: their sums, codes and signatures are right."""

import json
import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from edge.documents import EXAMPLES, Documents, Place, example, example_names
from protocol.city.codes import TraceCode
from protocol.city.token import digest_of, parse_url
from protocol.printers.layout import layout
from protocol.printers.plain import plain

NAMES = list(example_names())


@pytest.mark.parametrize("name", NAMES)
def test_every_example_has_its_paper_and_codes_that_can_be(name: str) -> None:
    text = (EXAMPLES / f"{name}.json").read_text("utf-8")
    for code in re.findall(r'"([0-9]{20})"', text):
        assert str(TraceCode.parse(code)) == code
    assert Documents().document(example_names()[name], json.loads(text), Place("市场", "sy.example.cn")).parts


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(("slip", "ticket"))])
def test_the_sums_of_a_sale_are_right_and_its_code_is_of_it(name: str) -> None:
    data = example(name)["data"]
    slip = data["slip"]
    assert sum(line["amount_fen"] for line in slip["lines"]) - data.get("rounded_fen", 0) == slip["amount_fen"]
    for line, sold in zip(slip["lines"], data["sold"], strict=True):
        assert amount(line["price"], line["net_g"]) == line["amount_fen"]
        assert sold["goods"]["product"] == line["product"]
    english = [one["goods"]["name_en"] for one in data["sold"]]
    assert len(set(english)) == len(english)
    assert_signed(slip, data)


def test_the_sums_of_an_acceptance_are_right_and_its_code_is_of_it() -> None:
    data = example("acceptance")["data"]
    for line in data["lines"]:
        assert line["delivered_g"] - line.get("rejected_g", 0) == line["accepted_g"]
        assert sum(load["net_g"] for load in line["loads"] if load.get("part", "in") == "in") == line["delivered_g"]
        assert amount(line["price"], line["accepted_g"]) == line["amount_fen"]
    assert sum(line["amount_fen"] for line in data["lines"]) == data["sum_fen"] == data["acceptance"]["amount_fen"]
    assert_signed(data["acceptance"], data)


def amount(price: dict[str, int], grams: int) -> int:
    return int((Decimal(price["fen"]) * grams / price["per_g"]).quantize(Decimal(1), ROUND_HALF_UP))


def assert_signed(said: dict[str, Any], data: dict[str, Any]) -> None:
    token = parse_url(data["url"])[0]
    assert (token.tx, token.amount_fen, token.digest.hex()) == (said["tx"], said["amount_fen"], data["digest"])
    assert token.digest == digest_of(said)


def test_what_is_counted_without_a_unit_has_a_price_by_the_piece() -> None:
    acceptance = example("acceptance")
    line = acceptance["data"]["lines"][0]
    del line["price"]
    line |= {"unit": "", "piece_fen": 250}
    document = Documents().document("acceptance", acceptance, Place("市场", "sy.example.cn"))
    assert "2.50 元/件" in plain(layout(document, 48))

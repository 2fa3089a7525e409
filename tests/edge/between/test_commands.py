"""What is a command, and what is none, whoever sends it; and that each has all that a command needs."""

import re
from typing import Any, get_type_hints

import pytest
from pydantic import ValidationError

import edge.core  # noqa: F401 - whoever does a command has entered it
from edge.between import families
from edge.between.commands import (
    ORDERS,
    Command,
    CommandRow,
    ConfirmDate,
    DismissResult,
    MatchResult,
    PlanChannel,
    RegisterEntry,
    Sell,
    SetPrice,
)
from edge.jobs import doing

families.every()

LOT = "41010800110100010074"
ENTRY: dict[str, Any] = {"product": "01040201", "net_g": 1000, "origin": "河南", "supplier": "李四"}
SALE: dict[str, Any] = {"scale": "scale-1", "product": "01040201", "lot": LOT}


@pytest.mark.parametrize(
    ("command", "values", "field"),
    [
        (RegisterEntry, ENTRY | {"net_g": 0}, "net_g"),
        (RegisterEntry, ENTRY | {"net_g": -1}, "net_g"),
        (RegisterEntry, ENTRY | {"net_g": 100_000_001}, "net_g"),
        (RegisterEntry, ENTRY | {"net_g": 1000.5}, "net_g"),
        (RegisterEntry, ENTRY | {"net_g": "1000"}, "net_g"),
        (RegisterEntry, ENTRY | {"origin": " "}, "origin"),
        (RegisterEntry, ENTRY | {"origin": "河" * 121}, "origin"),
        (RegisterEntry, ENTRY | {"supplier": "\t"}, "supplier"),
        (RegisterEntry, ENTRY | {"supplier_code": "123"}, "supplier_code"),
        (RegisterEntry, ENTRY | {"origin_code": "41018"}, "origin_code"),
        (RegisterEntry, ENTRY | {"upstream": LOT[:19]}, "upstream"),
        (RegisterEntry, ENTRY | {"plate": "豫" * 21}, "plate"),
        (RegisterEntry, ENTRY | {"proofs": [{"type": "hgz", "no": "1"}] * 11}, "proofs"),
        (RegisterEntry, ENTRY | {"price": 1}, "price"),
        (Sell, SALE | {"price_fen": 0}, "price_fen"),
        (Sell, SALE | {"price_fen": -1}, "price_fen"),
        (Sell, SALE | {"price_fen": 10_000_001}, "price_fen"),
        (Sell, SALE | {"tare_g": -1}, "tare_g"),
        (Sell, SALE | {"seen_g": 0}, "seen_g"),
        (Sell, SALE | {"manual_g": 0, "reason": "x"}, "manual_g"),
        (Sell, SALE | {"buyer": "123"}, "buyer"),
        (Sell, SALE | {"buyer_name": "张" * 121}, "buyer_name"),
        (Sell, SALE | {"manual_g": 900, "reason": "x", "tare_g": 10}, ""),
        (Sell, SALE | {"reason": "x"}, ""),
        (SetPrice, {"product": "01040201", "price_fen": 0}, "price_fen"),
        (SetPrice, {"product": "01040201", "price_fen": 10_000_001}, "price_fen"),
        (PlanChannel, {"analyzer": "tester-8", "channel": " ", "lot": LOT}, "channel"),
        (MatchResult, {"seq": 1, "lot": LOT, "person": " "}, "person"),
        (MatchResult, {"seq": 0, "lot": LOT, "person": "王敏"}, "seq"),
        (MatchResult, {"seq": 1 << 63, "lot": LOT, "person": "王敏"}, "seq"),
        (MatchResult, {"seq": 1, "lot": LOT, "person": "王敏", "verdict": "suspect"}, "verdict"),
        (DismissResult, {"seq": 1, "person": "", "reason": "练习"}, "person"),
        (DismissResult, {"seq": 1, "person": "王敏", "reason": "\u200b"}, "reason"),
        (ConfirmDate, {"date": "1.3.2031", "person": "王敏"}, "date"),
    ],
)
def test_what_does_not_fit_is_no_command(command: type[Command], values: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        command.model_validate(values)
    assert {str(one["loc"][0]) if one["loc"] else "" for one in wrong.value.errors()} == {field}


def test_texts_come_without_blanks_around_and_codes_as_they_were_scanned() -> None:
    said = ENTRY | {"origin": " 河南 ", "supplier_code": "４１０１０８００１０４５６", "upstream": f"]C1{LOT} "}
    entry = RegisterEntry.model_validate(said)
    assert (entry.origin, entry.supplier_code, entry.upstream) == ("河南", "4101080010456", LOT)
    assert Sell.model_validate(SALE | {"lot": f"https://sy.example.cn/b/{LOT}?x"}) == Sell.model_validate(SALE)


def test_a_command_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Sell.model_validate(SALE).lot = "1"  # type: ignore[misc]


@pytest.mark.parametrize("row", ORDERS.values(), ids=[command.__name__ for command in ORDERS])
def test_each_command_has_an_answer_an_address_of_its_own_fields_and_who_does_it(row: CommandRow) -> None:
    assert row.command.__doc__ and row.summary
    assert set(row.in_address) <= set(row.command.model_fields)
    hints = get_type_hints(doing.function_of(row.command))
    assert hints["command"] is row.command
    assert hints["return"] is row.answer


@pytest.mark.parametrize("file", families.LATER)
def test_what_is_loaded_later_is_found_by_each_of_its_addresses(file: str) -> None:
    rows = [row for row in ORDERS.values() if row.command.__module__ == f"edge.between.{file}" and row.address]
    assert families.LATER[file] == tuple(row.address for row in rows)
    for row in rows:
        assert families.row_of(row.address) is row
        assert families.row_at("/api" + re.sub(r"\{\w+\}", "7", row.address)) is row
    assert families.row_at("/api/nothing") is None


def test_what_does_a_command_later_is_found_by_each_of_its_commands() -> None:
    done: dict[str, set[str]] = {}
    for command in ORDERS:
        done.setdefault(doing.function_of(command).__module__, set()).add(command.__name__)
    assert {f"edge.jobs.{file}": set(commands) for file, commands in doing.LATER.items()}.items() <= done.items()


def test_no_address_is_twice_there() -> None:
    addresses = [re.sub(r"\{\w+\}", "{}", row.address) for row in ORDERS.values() if row.address]
    assert len(addresses) == len(set(addresses))

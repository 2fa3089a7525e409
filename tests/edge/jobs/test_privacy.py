"""No telephone or identity number of a person enters a record by what is ordered."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.between.commands import DismissResult, ProofGiven, RegisterEntry, Sell
from edge.between.inbox import Refused
from edge.between.people import CITY

MOBILE, IDENTITY = "138 1234 5678", "11010519491231002X"
ENTRY = {"product": "01040201", "net_g": 1000, "origin": "河南郑州", "supplier": "张三"}


@pytest.mark.parametrize(
    "more",
    [
        {"supplier": f"张三 {MOBILE}"},
        {"supplier": f"张三（{IDENTITY}）"},
        {"origin": f"中牟，{MOBILE}"},
        {"plate": "13812345678"},
        {"proofs": (ProofGiven(type="hgz", no=IDENTITY),)},
        {"proofs": (ProofGiven(type="hgz", no="1", contact=MOBILE),)},
        {"supplier_contact": MOBILE},
        {"supplier_address": f"中牟县 {MOBILE}"},
    ],
)
def test_an_entry_with_one_is_refused_and_nothing_is_recorded(box: Callable[..., Any], more: dict[str, Any]) -> None:
    station = box()
    head = station.ledger.head.seq
    with pytest.raises(Refused) as refused:
        station.does(RegisterEntry(**(ENTRY | more)))
    assert (refused.value.code, station.ledger.head.seq) == ("personal_number", head)
    for said in (refused.value.zh, refused.value.en):
        assert "…" in said
        assert MOBILE not in said and IDENTITY not in said


def test_so_are_a_buyers_name_and_reasons(box: Callable[..., Any]) -> None:
    station = box()
    sale = Sell(scale="scale-1", product="01040201", lot="1", buyer_name=f"王五{MOBILE}")
    typed = Sell(scale="scale-1", product="01040201", lot="1", manual_g=500, reason=f"秤坏，打{MOBILE}")
    dismissed = DismissResult(seq=1, person="王敏", reason=f"问 {IDENTITY}")
    for command in (sale, typed, dismissed):
        with pytest.raises(Refused) as refused:
            station.does(command)
        assert refused.value.code == "personal_number"


def test_codes_numbers_of_papers_and_licences_pass(box: Callable[..., Any]) -> None:
    station = box()
    proof = ProofGiven(type="hgz", no="13812345678")
    supplier = "中牟合作社 91110000802100433B"
    station.does(
        RegisterEntry(**(ENTRY | {"supplier": supplier, "supplier_code": "1381234567890", "proofs": (proof,)}))
    )
    assert station.last["data"]["supplier"] == supplier
    assert station.last["data"]["proofs"] == [{"type": "hgz", "no": "13812345678"}]


def test_what_the_city_orders_is_not_refused_for_it(box: Callable[..., Any]) -> None:
    station = box()
    station.does(RegisterEntry(**(ENTRY | {"supplier": f"张三 {MOBILE}"})), CITY)
    assert station.last["operator"] == "city"

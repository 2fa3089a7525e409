"""On whose order a record was made stands in its envelope, and who may order what in the command's row."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from edge.between.commands import ORDERS, RegisterEntry
from edge.between.inbox import Refused
from edge.between.people import ALONE, EVERYBODY, SUPERVISORS, TECHNICIANS, Role, Who

ENTRY = RegisterEntry(product="01040201", net_g=1000, origin="河南郑州", supplier="张三")
WANG = Who("0007", frozenset({Role.OPERATOR}), "王敏")


@pytest.fixture
def for_supervisors() -> Iterator[None]:
    row = ORDERS[RegisterEntry]
    ORDERS[RegisterEntry] = replace(row, roles=SUPERVISORS)
    yield
    ORDERS[RegisterEntry] = row


def test_a_record_names_who_ordered_it_by_code_alone(box: Callable[..., Any]) -> None:
    station = box()
    station.does(ENTRY, WANG)
    assert station.last["operator"] == "0007"
    assert "approvedby" not in station.last
    assert "王敏" not in str(station.last)


def test_a_stall_without_operators_says_so_in_its_records(box: Callable[..., Any]) -> None:
    station = box()
    station.does(ENTRY)
    assert station.last["operator"] == "unnamed"


def test_what_a_supervisor_may_order_needs_one_or_the_word_of_one(
    box: Callable[..., Any], for_supervisors: None
) -> None:
    station = box()
    head = station.ledger.head.seq
    with pytest.raises(Refused) as refused:
        station.does(ENTRY, WANG)
    assert (refused.value.code, station.ledger.head.seq) == ("needs_supervisor", head)
    station.does(ENTRY, replace(WANG, approved_by="0001", word=SUPERVISORS))
    assert (station.last["operator"], station.last["approvedby"]) == ("0007", "0001")


@pytest.mark.parametrize(("roles", "code"), [(SUPERVISORS, "needs_supervisor"), (TECHNICIANS, "needs_technician")])
def test_the_refusal_names_whose_word_is_needed(box: Callable[..., Any], roles: frozenset[Role], code: str) -> None:
    station = box().core._station
    station.who = WANG
    with pytest.raises(Refused) as refused:
        station.demand(roles)
    assert refused.value.code == code
    station.demand(EVERYBODY)
    station.who = ALONE
    station.demand(roles)

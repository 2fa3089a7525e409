"""Who supplies and buys is known after one record, found with a few keys, and seen suspended before goods are taken."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.between.commands import RegisterEntry
from edge.between.inbox import Refused
from edge.between.party_commands import FindParties, KeepParty
from edge.state.parties import MOST, RECENT
from protocol.city.commands import Directory

GREEN, RED = "4101080010501", "4101080010502"


def named(box: Any, *parties: dict[str, Any], kind: str = "suppliers", issued: float = 1.0) -> None:
    """The city's directory says this from now on."""
    said = Directory.model_validate({"mode": "update", kind: parties})
    with box.ledger.batch():
        box.core._station.directory.take(said, issued)


def enters(box: Any, supplier: str, code: str = "") -> None:
    box.does(RegisterEntry(product="01040201", net_g=1000, origin="河南中牟", supplier=supplier, supplier_code=code))


def asked(box: Any, q: str = "", kind: Any = "suppliers", job: Any = "gate", **more: Any) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = box.does(FindParties(kind=kind, q=q, job=job, **more))["entries"]
    return entries


def names(found: list[dict[str, Any]]) -> list[str]:
    return [one["name"] for one in found]


def test_the_last_five_come_first_and_outlast_a_restart(box: Callable[..., Any]) -> None:
    station = box()
    for one in ("甲", "乙", "丙", "丁", "戊", "己", "乙", "乙"):
        enters(station, one)
    said = ["乙", "己", "戊", "丁", "丙"]
    assert names(asked(station)) == said
    assert all(one["recent"] for one in asked(station))
    assert asked(station, job="canteen") == [] and asked(station, kind="buyers") == []
    station.ledger.close()
    assert names(asked(box())) == said


def test_a_long_list_of_buyers_hides_no_supplier(box: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.state.directory.FOUND", 1)
    station = box()
    named(station, {"code": GREEN, "name": "张三饭店"}, kind="buyers")
    named(station, {"code": RED, "name": "绿源合作社"})
    assert names(asked(station)) == ["绿源合作社"]
    assert names(asked(station, kind="buyers")) == ["张三饭店"]


def test_buyers_are_known_by_sales_and_walk_ins_are_not(box: Callable[..., Any]) -> None:
    station = box()
    lot = station.releases()
    for buyer in ({"buyer": GREEN, "buyer_name": "张三饭店"}, {}, {"buyer_name": "隔壁老王"}, {"buyer": GREEN}):
        station.puts("1.000")
        station.sells(lot, **buyer)
    found = asked(station, kind="buyers", job="stall")
    assert [(one["code"], one["name"], one["initials"]) for one in found] == [
        (GREEN, "张三饭店", "zsfd"),
        ("", "隔壁老王", "gblw"),
    ]


def test_one_is_found_by_initials_code_or_a_part_of_the_name(box: Callable[..., Any]) -> None:
    station = box()
    named(
        station,
        {"code": GREEN, "name": "绿源合作社", "licence": "JY1", "licence_until": "2026-12-01", "address": "中牟县"},
        {"code": RED, "name": "鲁源商行", "state": "suspended", "why": "证照过期", "licence_until": "2026-11-01"},
    )
    enters(station, "吕源")
    assert names(asked(station, "ly")) == ["吕源", "绿源合作社", "鲁源商行"]
    assert (
        names(asked(station, "LYHZS"))
        == names(asked(station, "绿源"))
        == names(asked(station, GREEN))
        == ["绿源合作社"]
    )
    assert names(asked(station, "源")) == ["吕源", "绿源合作社", "鲁源商行"]
    assert asked(station, "没有") == []
    (stranger,) = asked(station, "吕源")
    assert (stranger["listed"], stranger["licence"], stranger["licence_until"]) == (False, "", "")
    green, red = asked(station, "绿源")[0], asked(station, RED, exact=True)[0]
    assert (green["initials"], green["licence"], green["licence_state"], green["address"], green["listed"]) == (
        *("lyhzs", "JY1", "ending", "中牟县", True),
    )
    assert (red["state"], red["why"], red["licence_state"]) == ("suspended", "证照过期", "expired")
    assert names(asked(station, "鲁源商行", exact=True)) == ["鲁源商行"]
    assert asked(station, "鲁源", exact=True) == asked(station, "", exact=True) == []


def test_what_the_directory_says_goes_before_what_was_recorded(box: Callable[..., Any]) -> None:
    station = box()
    enters(station, "绿源", GREEN)
    enters(station, "甲商行")
    named(station, {"code": GREEN, "name": "绿源合作社"}, {"code": RED, "name": "甲商行", "state": "suspended"})
    assert [(one["code"], one["name"], one["state"]) for one in asked(station)] == [
        (RED, "甲商行", "suspended"),
        (GREEN, "绿源合作社", "active"),
    ]
    named(station, {"code": GREEN, "name": "绿源合作社", "state": "gone"}, issued=2.0)
    assert names(asked(station)) == ["甲商行"]
    assert asked(station, "lyhzs") == [] == asked(station, GREEN)
    assert asked(station, GREEN, exact=True)[0]["state"] == "gone"
    assert asked(station, GREEN, exact=True)[0]["licence_state"] == ""


def test_address_and_contact_are_kept_here_and_stand_in_no_record(box: Callable[..., Any]) -> None:
    station = box()
    before = station.ledger.head.seq
    kept = station.does(KeepParty(kind="suppliers", name="王建国", address="中牟县官渡镇", contact="13812345678"))
    assert (kept["contact"], kept["personal"]) == ("13812345678", True)
    station.does(KeepParty(kind="suppliers", name="王建国", contact="0371-62110000"))
    named(station, {"code": GREEN, "name": "绿源合作社", "contact": "0371-1"})
    station.does(KeepParty(kind="suppliers", code=GREEN, address="郑州"))
    assert station.ledger.head.seq == before
    (one,) = asked(station, "王建国", exact=True)
    assert (one["address"], one["contact"], one["personal"]) == ("中牟县官渡镇", "0371-62110000", False)
    (green,) = asked(station, GREEN, exact=True)
    assert (green["name"], green["address"], green["contact"]) == ("绿源合作社", "郑州", "0371-1")
    with pytest.raises(Refused) as refused:
        station.does(KeepParty(kind="suppliers", code=RED, address="郑州"))
    assert refused.value.code == "party_name"


def test_nothing_is_said_of_a_licence_while_the_date_is_not_known(box: Callable[..., Any]) -> None:
    station = box()
    named(station, {"code": GREEN, "name": "绿源合作社", "licence_until": "2020-01-01"})
    assert asked(station, GREEN, exact=True)[0]["licence_state"] == "expired"
    named(station, {"code": GREEN, "name": "绿源合作社", "licence_until": "2030-01-01"}, issued=2.0)
    assert asked(station, GREEN, exact=True)[0]["licence_state"] == "valid"
    station.clock.worth = "unsynced"
    assert asked(station, GREEN, exact=True)[0]["licence_state"] == ""


def test_who_was_here_long_ago_is_forgotten_but_for_what_was_typed(box: Callable[..., Any]) -> None:
    station = box()
    parties = station.core._station.parties
    with station.ledger.batch():
        parties.keep("suppliers", "", "第 1 户", "郑州", "")
        for at in range(1, MOST + 3):
            parties.of_record("entry.registered", {"supplier": f"第 {at} 户", "supplier_code": ""}, at)
        parties.of_record("accept.completed", {"supplier": "", "supplier_code": ""}, MOST + 3)
    assert station.count("SELECT count(*) FROM party_uses") == MOST
    assert station.count("SELECT count(*) FROM parties") == MOST + 1
    assert len(asked(station)) == RECENT
    assert asked(station, "第 1 户", exact=True)[0]["address"] == "郑州"
    assert asked(station, "第 2 户", exact=True) == []


def test_a_refused_entry_makes_nobody_known(box: Callable[..., Any]) -> None:
    station = box()
    with pytest.raises(Refused):
        station.does(RegisterEntry(product="09999999", net_g=1000, origin="河南", supplier="甲"))
    assert asked(station) == []

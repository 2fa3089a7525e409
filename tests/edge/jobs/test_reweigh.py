"""The fair scale (公平秤): a slip is weighed again, whoever made it, and the difference stands in a record."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.between.correction_commands import VoidSale
from edge.between.day_commands import LookAtSlip, Reweigh
from edge.between.inbox import Refused
from edge.config.sections import ScaleSection
from edge.jobs.reweigh import error_in_use
from protocol.city import token as qr
from protocol.city.node_keys import NodeKeys


@pytest.fixture
def fair(devices: str) -> str:
    return devices.replace('name = "scale-1"', 'name = "scale-1"\nfair = true\nserial = "08817"\ncertificate = "J-1"')


def sold(station: Any, kilograms: str = "1.250") -> dict[str, Any]:
    lot = station.lot(station.releases()).source
    station.puts(kilograms)
    answer: dict[str, Any] = station.sells(lot)
    return answer


def again(slip: str, **more: Any) -> Reweigh:
    return Reweigh(**{"slip": slip, "scale": "scale-1", "seen_g": 1205, "person": "王敏", **more})


def refused(station: Any, command: Any) -> str:
    with pytest.raises(Refused) as why:
        station.does(command)
    return why.value.code


def test_a_slip_of_this_station_is_weighed_again_by_its_code(box: Callable[..., Any], fair: str) -> None:
    station = box(fair)
    slip = sold(station)
    seen = station.does(LookAtSlip(slip=slip["tx"]))
    assert seen == {
        "slip": slip["tx"],
        "known_by": "record",
        "station": "410108001-01",
        "sold_at": station.last["data"]["slip"]["time"],
        "slip_g": 1250,
        "amount_fen": 438,
        "seller": "李秀兰蔬菜",
        "names": ["大白菜"],
    }
    station.all_out()
    station.puts("1.205")
    answer = station.does(again(slip["tx"], note="顾客要求复称"))
    assert (answer["slip_g"], answer["net_g"], answer["difference_g"]) == (1250, 1205, -45)
    assert (answer["tolerance_g"], answer["within"], answer["verified"]) == (5, False, True)
    assert station.papers()[-1] == ("reweigh", 0)
    record = station.last
    assert record["type"].endswith("slip.reweighed.v1") and record["subject"] == slip["tx"]
    sale = station.ledger.event(station.ledger.head.seq - 1)["data"]
    identity = record["data"].pop("identity")
    assert (identity["scale"], identity["serial"], identity["certificate"]) == ("scale-1", "08817", "J-1")
    assert (identity["fair"], identity["verified_until"]) == (True, "2027-06-30")
    assert record["data"] == {
        "slip": slip["tx"],
        "known_by": "record",
        "station": "410108001-01",
        "seller": sale["seller"],
        "sold_at": sale["slip"]["time"],
        "slip_g": 1250,
        "amount_fen": 438,
        "weighed": {
            "scale": "scale-1",
            "model": "st-gs",
            "value": "1.205",
            "unit": "kg",
            "stability": "scale",
            "raw": "02",
            "verified_until": "2027-06-30",
            "tare_g": 0,
            "reason": "",
            "serial": "08817",
            "certificate": "J-1",
        },
        "net_g": 1205,
        "difference_g": -45,
        "tolerance_g": 5,
        "within": False,
        "verified": True,
        "clock_trusted": True,
        "person": "王敏",
        "note": "顾客要求复称",
    }
    assert answer == {
        "seq": int(record["sequence"]),
        "slip": slip["tx"],
        "slip_g": 1250,
        "net_g": 1205,
        "difference_g": -45,
        "tolerance_g": 5,
        "within": False,
        "verified": True,
        "job": answer["job"],
    }
    assert station.scale.sellable  # it belongs to nobody else now
    answer = station.does(again(slip["tx"], seen_g=1200, tare_g=5))
    assert (answer["net_g"], answer["difference_g"]) == (1200, -50)


def test_a_slip_of_another_station_is_known_by_its_signed_code(market: Any, fair: str) -> None:
    stall, desk = market.start("02"), market.start("01", fair)
    slip = sold(stall)
    desk.puts("1.250")
    answer = desk.does(again(slip["url"], seen_g=1250))
    assert (answer["slip"], answer["slip_g"], answer["within"]) == (slip["tx"], 1250, True)
    said = desk.last["data"]
    assert (said["known_by"], said["station"], said["seller"]["code"]) == ("token", "410108001-02", "4101080010102")
    assert said["sold_at"].startswith("2026-11-22T05:")
    assert refused(desk, again(slip["tx"], seen_g=1250)) == "slip_elsewhere"
    stall.clock.worth = "unsynced"
    slip = sold(stall)
    assert desk.does(LookAtSlip(slip=slip["url"]))["sold_at"] is None


def test_a_code_that_proves_nothing_is_no_slip(market: Any, fair: str) -> None:
    stall, desk = market.start("02"), market.start("01", fair, strangers=("03",))
    stranger = market.start("03")
    desk.puts("1.250")
    token, _, _ = qr.parse_url(sold(stall)["url"])
    forged = qr.url_of(token, market.key("03"), "sy.example.cn")  # says that the stall signed it
    assert refused(desk, again(forged, seen_g=1250)) == "slip_forged"
    assert refused(desk, again(sold(stranger)["url"], seen_g=1250)) == "slip_unknown"
    assert refused(desk, again(forged[:-9], seen_g=1250)) == "slip_unread"
    assert refused(desk, again("https://sy.example.cn/j/x", seen_g=1250)) == "slip_unread"
    entry = qr.Token(**{**{name: getattr(token, name) for name in token.__slots__}, "kind": qr.TokenKind.TEST})
    assert refused(desk, again(qr.url_of(entry, market.key("02"), "sy.example.cn"), seen_g=1250)) == "not_a_sale"
    assert refused(desk, again("41010800110100010074", seen_g=1250)) == "not_a_sale"
    assert refused(desk, again("123", seen_g=1250)) == "bad_code"


def test_of_two_stations_whose_keys_share_an_id_the_one_that_signed_is_found(
    market: Any, fair: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stall, desk = market.start("02"), market.start("01", fair)
    slip = sold(stall)
    token, _, _ = qr.parse_url(slip["url"])
    both = tuple((f"410108001-{one}", market.key(one).public_key()) for one in ("03", "02"))
    monkeypatch.setattr(type(desk.core._station), "node_keys", NodeKeys({token.kid.hex(): both}))
    assert desk.does(LookAtSlip(slip=slip["url"]))["station"] == "410108001-02"


def test_what_our_own_code_says_is_looked_up(box: Callable[..., Any], fair: str) -> None:
    station = box(fair)
    slip = sold(station)
    assert station.does(LookAtSlip(slip=slip["url"]))["known_by"] == "record"
    station.does(VoidSale(tx=slip["tx"], reason="错"))
    assert refused(station, LookAtSlip(slip=slip["url"])) == "slip_voided"
    assert refused(station, LookAtSlip(slip=slip["tx"])) == "slip_voided"


def test_only_a_fair_scale_weighs_again_and_only_what_lies_still(
    box: Callable[..., Any], fair: str, devices: str
) -> None:
    station = box(fair)
    slip = sold(station)["tx"]
    assert refused(station, again(slip, scale="scale-2")) == "not_fair"
    assert refused(station, again(slip, scale="scale-9")) == "no_scale"
    assert refused(station, again(slip)) == "sold"  # what was sold has not left the pan
    station.puts("1.250")
    assert refused(station, again(slip)) == "weight_changed"
    station.weighs("1.205", stable=False)
    assert refused(station, again(slip)) == "motion"
    station = box(fair.replace("2027-06-30", "2026-11-01"))
    station.puts("1.205")
    assert refused(station, again(slip)) == "unverified"
    station = box(fair.replace("verified_until = 2027-06-30\n", ""))
    station.puts("1.205")
    assert station.does(again(slip))["verified"] is False


@pytest.mark.parametrize(
    ("most", "e", "accuracy", "mass", "error"),
    [
        ("30 kg", "5 g", "III", 2_500, 5),
        ("30 kg", "5 g", "III", 2_505, 10),
        ("30 kg", "5 g", "III", 10_000, 10),
        ("30 kg", "5 g", "III", 10_005, 15),
        ("6/15 kg", "2/5 g", "III", 900, 2),
        ("6/15 kg", "2/5 g", "III", 5_000, 6),
        ("6/15 kg", "2/5 g", "III", 6_002, 10),
        ("30 kg", "10 g", "IIII", 500, 10),
        ("30 kg", "10 g", "IIII", 2_001, 30),
        ("3 kg", "1 g", "II", 3_000, 1),
        ("30 kg", "5 g", "III", 31_000, 15),
    ],
)
def test_the_error_of_a_scale_in_use_is_twice_that_of_its_verification(
    most: str, e: str, accuracy: str, mass: int, error: int
) -> None:
    part = ScaleSection(
        name="s",
        model="st-gs",
        port="/dev/null",
        max=most,
        min="100 g",
        e=e,
        accuracy=accuracy,  # type: ignore[arg-type]
    )
    assert error_in_use(part, mass) == error

"""Cards and slips that come with a delivery: checked with the node's keys, kept with the line, refused when forged."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.between.canteen_commands import (
    BeginDelivery,
    DescribeDelivery,
    DescribeLine,
    RemoveSource,
    ScanForDelivery,
    SignByName,
    WeighLoad,
)
from edge.between.commands import HoldLot, OpenLot
from edge.between.inbox import Refused
from edge.between.photo_commands import KeepPhoto
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.events import DeliveredLoad
from protocol.city.source import SourceToken, card_url
from protocol.city.token import Flags, Token, TokenKind, TokenVerdict, kid_of, url_of, verify_url

NODE = "410108001"
GATE, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32)) for seed in (41, 42))
STATION = """
[station]
name = "第一小学食堂"
jobs = ["canteen"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010999"
name = "第一小学食堂"
[city]
brokers = ["mqtt://127.0.0.1"]
"""
SCALE = """
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "60 kg"
min = "400 g"
e = "20 g"
[[product]]
code = "01040201"
name = "大白菜"
"""
LINES = [
    {"product": "01040201", "name": "大白菜", "net_g": 30_000},
    {"product": "01040301", "name": "西红柿", "net_g": 30_000},
]


def source(serial: int = 7, terminal: str = "02", kind: CodeKind = CodeKind.SOURCE) -> str:
    return str(TraceCode(NODE, kind, terminal, serial))


def card(key: Ed25519PrivateKey = GATE, code: str = "", product: str = "01040201") -> str:
    code = code or source()
    token = SourceToken(
        kid=kid_of(key.public_key()),
        t=1,
        source=code,
        test=str(TraceCode(NODE, CodeKind.TEST, code[10:12], 9)),
        product=product,
        name="大白菜",
        net_g=90_000,
        origin="河南中牟",
        origin_code="410122",
        supplier="绿源合作社",
        supplier_code="4101080010789",
        verdict=TokenVerdict.QUALIFIED,
        item="农药残留",
    )
    return card_url(token, key, "sy.example.cn")


def slip(key: Ed25519PrivateKey = GATE, tx: str = "", seller: str = "4101080010789", **more: Any) -> str:
    given: dict[str, Any] = {
        "kind": TokenKind.SALE,
        "kid": kid_of(key.public_key()),
        "t": 1,
        "tx": tx or source(3, kind=CodeKind.SALE),
        "seller": seller,
        "buyer": "4101080010999",
        "net_g": 30_000,
        "amount_fen": 9_000,
        "verdict": TokenVerdict.QUALIFIED,
        "flags": Flags.CLOCK_TRUSTED,
        "digest": b"\x01" * 8,
        "sources": (source(),),
    }
    return url_of(Token(**(given | more)), key, "sy.example.cn")


@pytest.fixture
def canteen(box: Callable[..., Any], mayor: Any, tmp_path: Any) -> tuple[Any, int]:
    """A canteen that knows the gate's key, with a delivery under way."""
    public = GATE.public_key().public_bytes_raw().hex()
    (tmp_path / "node.keys").write_text(f"{public} {NODE}-02\n", "utf-8")
    station = box(SCALE, station=STATION, city_keys=mayor.keys)
    order = {"order": "XX-01", "supplier": "绿源合作社", "supplier_code": "4101080010789", "buyer": "一小"}
    mayor.orders(station, "orders", orders=[{**order, "due": "2026-11-22", "lines": LINES}])
    return station, station.does(BeginDelivery(order="XX-01"))["delivery"]


def lines(station: Any) -> Any:
    return station.board.deliveries[0].lines


def refused(station: Any, command: Any) -> str:
    before = station.board.deliveries
    with pytest.raises(Refused) as why:
        station.does(command)
    assert station.board.deliveries == before and not why.value.zh.endswith("：")
    return why.value.code


def test_a_card_of_the_market_is_kept_with_the_line_of_its_product(canteen: tuple[Any, int]) -> None:
    station, number = canteen
    assert station.does(ScanForDelivery(delivery=number, code=card()))["line"] == 1
    station.does(ScanForDelivery(delivery=number, code=card()))
    (found,) = lines(station)[0].sources
    assert (found.source, found.result, found.verdict, found.origin) == (source(), "genuine", "qualified", "河南中牟")
    station.does(ScanForDelivery(delivery=number, code=card(STRANGER, source(8)), line=1))
    assert [one.result for one in lines(station)[0].sources] == ["genuine", "unknown_key"]
    station.does(ScanForDelivery(delivery=number, code=source(9), line=2))
    assert [one.result for one in lines(station)[1].sources] == ["unchecked"]
    station.does(RemoveSource(delivery=number, line=1, source=source(8)))
    assert refused(station, RemoveSource(delivery=number, line=1, source=source(8))) == "no_source"
    station.weighs("30.00")
    station.does(WeighLoad(delivery=number, line=1, scale="scale-1"))
    station.does(DescribeLine(delivery=number, line=2, why_difference="没有到货"))
    for name in ("赵敏", "钱伟"):
        station.does(SignByName(delivery=number, version=station.board.deliveries[0].version, person=name))
    line = station.last["data"]["lines"][0]
    assert line["source"] == source() and line["tests"] == [str(TraceCode(NODE, CodeKind.TEST, "02", 9))]
    assert line["sources"][0]["issuer"] == f"{NODE}-02" and line["sources"][0]["supplier"] == "绿源合作社"


@pytest.mark.parametrize(
    ("code", "line", "why"),
    [
        (card()[:-6] + "AAAAAA", None, "altered"),
        (slip()[:-6] + "AAAAAA", None, "altered"),
        (slip(tx=source(3, kind=CodeKind.ACCEPTANCE)), None, "not_a_sale"),
        (slip(tx=source(3, kind=CodeKind.TRAINING)), None, "training"),
        (card(code=source(5, kind=CodeKind.TRAINING)), None, "training"),
        (source(5, kind=CodeKind.TRAINING), 1, "training"),
        (source(5, kind=CodeKind.SALE), 1, "not_a_source"),
        ("12345", 1, "bad_code"),
        (source(9), None, "which_line"),
        (card(), 2, "lot_product"),
        (card(product="01049999"), None, "which_line"),
    ],
)
def test_what_proves_nothing_is_refused(canteen: tuple[Any, int], code: str, line: int | None, why: str) -> None:
    station, number = canteen
    assert refused(station, ScanForDelivery(delivery=number, code=code, line=line)) == why


def test_a_slip_is_kept_and_another_sellers_is_said(canteen: tuple[Any, int]) -> None:
    station, number = canteen
    station.does(ScanForDelivery(delivery=number, code=slip()))
    station.does(ScanForDelivery(delivery=number, code=slip(STRANGER, source(4, kind=CodeKind.SALE), sources=None)))
    seen = station.board.deliveries[0]
    assert [result for _, result in seen.slips] == ["genuine", "unknown_key"] and "other_seller" not in seen.warnings
    other = slip(tx=source(5, kind=CodeKind.SALE), seller="4101080010111")
    said = station.does(ScanForDelivery(delivery=number, code=other))
    assert [one["code"] for one in said["warnings"]] == ["no_licence", "other_seller"]


def test_a_lot_that_was_stopped_is_not_taken(canteen: tuple[Any, int], mayor: Any) -> None:
    station, number = canteen
    station.does(ScanForDelivery(delivery=number, code=card()))
    station.weighs("30.00")
    station.does(WeighLoad(delivery=number, line=1, scale="scale-1"))
    mayor.orders(station, "stop_lot", lot=source(), reason="农残超标")
    assert refused(station, ScanForDelivery(delivery=number, code=card())) == "lot_held"
    assert refused(station, ScanForDelivery(delivery=number, code=slip())) == "lot_held"
    station.does(DescribeLine(delivery=number, line=2, why_difference="没有到货"))
    assert lines(station)[0].needs == ("held",)
    version = station.board.deliveries[0].version
    assert refused(station, SignByName(delivery=number, version=version, person="赵敏")) == "line_held"
    station.does(DescribeLine(delivery=number, line=1, refused=True, reason="批次暂停"))
    assert lines(station)[0].needs == ()


def test_a_lot_of_this_station_is_known(box: Callable[..., Any], mayor: Any, devices: str) -> None:
    station = box(devices, station=STATION.replace('["canteen"]', '["gate", "canteen"]'), city_keys=mayor.keys)
    lot = station.releases()
    order = {"order": "XX-01", "supplier": "甲", "buyer": "一小", "due": "2026-11-22", "lines": LINES}
    mayor.orders(station, "orders", orders=[order])
    number = station.does(BeginDelivery(order="XX-01"))["delivery"]
    code = station.lot(lot).source
    assert station.does(ScanForDelivery(delivery=number, code=code))["line"] == 1
    (found,) = lines(station)[0].sources
    assert (found.result, found.verdict, found.origin) == ("genuine", "qualified", "河南中牟")
    (kept,) = station.core._station.deliveries.line(number, 1).sources
    assert (kept.test, kept.item, kept.supplier) == (lot, "农药残留", "王建国")
    assert kept.tested_at == station.core._station.lots.find(lot).test["time"]
    second = station.releases()
    held = station.lot(second).source
    station.does(HoldLot(lot=held, person="王敏", reason="投诉"))
    with pytest.raises(Refused) as why:
        station.does(ScanForDelivery(delivery=number, code=held))
    assert why.value.code == "lot_held" and why.value.zh.endswith("：投诉")


def test_a_lot_that_was_opened_here_by_its_card_is_known_by_its_short_code(
    box: Callable[..., Any], mayor: Any, devices: str, tmp_path: Any
) -> None:
    public = GATE.public_key().public_bytes_raw().hex()
    (tmp_path / "node.keys").write_text(f"{public} {NODE}-02\n", "utf-8")
    both = STATION.replace('["canteen"]', '["stall", "canteen"]').replace("4101080010999", "4101080010123")
    station = box(devices, station=both, city_keys=mayor.keys)
    order = {"order": "XX-01", "supplier": "甲", "buyer": "一小", "due": "2026-11-22", "lines": LINES}
    mayor.orders(station, "orders", orders=[order])
    number = station.does(BeginDelivery(order="XX-01"))["delivery"]
    station.does(OpenLot(code=card()))
    station.does(ScanForDelivery(delivery=number, code=source()))
    (kept,) = station.core._station.deliveries.line(number, 1).sources
    assert (kept.result, kept.verdict, kept.item, kept.supplier) == ("genuine", "qualified", "农药残留", "绿源合作社")
    assert kept.tested_at == "2020-01-01T08:00:01+08:00"


def test_a_lot_that_was_stopped_by_its_test_code_is_not_taken_by_its_card(canteen: tuple[Any, int], mayor: Any) -> None:
    station, number = canteen
    mayor.orders(station, "stop_lot", lot=str(TraceCode(NODE, CodeKind.TEST, "02", 9)), reason="召回")
    assert refused(station, ScanForDelivery(delivery=number, code=card())) == "lot_held"


def test_all_that_was_looked_at_is_in_the_record_and_on_the_closed_delivery(
    canteen: tuple[Any, int], mayor: Any
) -> None:
    station, number = canteen
    known = {"code": "4101080010789", "name": "绿源合作社", "licence": "JY1", "licence_until": "2027-01-01"}
    mayor.orders(station, "directory", mode="update", suppliers=[known])
    photos = []
    for at in range(2):
        data = b"\xff\xd8\xff photo %d" % at
        photos.append(sha256(data).hexdigest())
        station.core._station.photos.files.keep(photos[-1], data)
        station.does(KeepPhoto(sha256=photos[-1], size=len(data)))
    station.does(ScanForDelivery(delivery=number, code=card()))
    station.weighs("30.00")
    station.does(WeighLoad(delivery=number, line=1, scale="scale-1"))
    looked = {
        "best_before": "2026-11-25",
        "batch": "B7",
        "sensory": "新鲜",
        "temperature": "4.5",
        "photos": [photos[0]],
    }
    said = DescribeLine.model_validate({"delivery": number, "line": 1, "price_fen": 350, **looked})
    assert station.does(said)["line"] == 1
    station.does(DescribeLine(delivery=number, line=2, why_difference="没有到货", price_fen=0))
    station.does(DescribeDelivery(delivery=number, photos=(photos[1],)))
    for name in ("赵敏", "钱伟"):
        station.does(SignByName(delivery=number, version=station.board.deliveries[0].version, person=name))
    data = station.last["data"]
    assert {name: data["lines"][0][name] for name in looked} == looked
    assert (data["photos"], data["licence"], data["supplier_state"]) == ([photos[1]], "JY1", "active")
    token = verify_url(data["url"], station.ledger.signer.key.public_key())
    assert (token.sources, token.verdict) == ((source(),), TokenVerdict.QUALIFIED)
    closed = station.board.deliveries[0]
    assert (closed.licence, closed.licence_until, closed.sum_fen) == ("JY1", "2027-01-01", 10_500)
    assert (closed.accepted_g, closed.ordered_g, closed.code) == (30_000, 60_000, station.last["subject"])


def test_a_line_has_so_many_sources_and_a_delivery_so_many_slips(
    canteen: tuple[Any, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.jobs import canteen_codes

    station, number = canteen
    monkeypatch.setattr(canteen_codes, "MOST_SOURCES", 1)
    monkeypatch.setattr(canteen_codes, "MOST_SLIPS", 1)
    station.does(ScanForDelivery(delivery=number, code=card()))
    assert refused(station, ScanForDelivery(delivery=number, code=source(9), line=1)) == "many_sources"
    station.does(ScanForDelivery(delivery=number, code=slip()))
    other = slip(tx=source(4, kind=CodeKind.SALE))
    assert refused(station, ScanForDelivery(delivery=number, code=other)) == "many_slips"


def test_the_fullest_delivery_fits_a_record(canteen: tuple[Any, int]) -> None:
    from edge.state.deliveries import MOST_LOADS

    load = DeliveredLoad(
        scale="scale-12",
        model="toledo-continuous",
        value="1234.50",
        unit="kg",
        stability="derived",
        raw="0" * 80,
        verified_until="2027-06-30",
        net_g=1_234_500,
    )
    assert MOST_LOADS * len(load.model_dump_json()) < 50_000

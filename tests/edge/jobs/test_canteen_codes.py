"""Cards and slips that come with a delivery: checked with the node's keys, kept with the line, refused when forged."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.between.canteen_commands import (
    AddDeliveryLine,
    BeginDelivery,
    DescribeDelivery,
    DescribeLine,
    DropDelivery,
    RemoveSource,
    ScanForDelivery,
    SignByName,
    VoidAcceptance,
    WeighLoad,
)
from edge.between.commands import HoldLot, OpenLot, ProofGiven
from edge.between.inbox import Refused, Sensed
from edge.between.people import Role, Who
from edge.between.photo_commands import KeepPhoto
from edge.state.claims import Claim, Portion
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.events import DeliveredLoad
from protocol.city.source import SourceToken, card_url
from protocol.city.token import EPOCH, Flags, Token, TokenKind, TokenVerdict, digest_of, kid_of, url_of, verify_url
from protocol.readings import Measured

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
    assert [line.name_en for line in lines(station)] == ["Chinese cabbage", ""]
    assert found.tested_at == station.core._station.lots.find(lot).test["time"]
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
    lots = station.core._station.lots
    with station.ledger.batch():
        lots.claimed(
            Portion(source(), lots.claims.of_own(source())[0][0].kid, 0), Claim(f"{NODE}-03", 90_000, 90_000, 5)
        )
    with pytest.raises(Refused) as why:  # two took over the same goods, and nobody has said anything of it
        station.does(ScanForDelivery(delivery=number, code=source()))
    assert (why.value.code, why.value.zh, why.value.en) == (
        "lot_held",
        "该批次已暂停销售，不能收货",
        "this lot is held and may not be taken",
    )


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
    (seen,) = station.board.deliveries
    assert (seen.photos, seen.lines[0].photos) == ((photos[1],), (photos[0],))
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


# --- records to their last field --------------------------------------------------------------------------------------


WHOLE = (
    SCALE.replace("[[product]]", 'verified_until = 2027-06-30\nserial = "08817"\ncertificate = "J-1"\n[[product]]')
    + """
[[probe]]
name = "probe-1"
model = "xy-md02"
port = "/dev/null"
[[printer]]
name = "printer-1"
port = "usb:"
[[product]]
code = "03010101"
name = "鸡蛋"
by = "piece"
[stall]
containers = { "KUANG-01" = "1.5 kg" }
[people]
prices = "supervisor"
"""
)
CHEF = Who("0001", frozenset({Role.SUPERVISOR}), "陈主管")
COOK = Who("0007", frozenset({Role.OPERATOR}), "王敏", "0001", frozenset({Role.SUPERVISOR}))
WEIGHED = {
    "scale": "scale-1",
    "model": "st-gs",
    "unit": "kg",
    "stability": "scale",
    "raw": "02",
    "verified_until": "2027-06-30",
    "reason": "",
    "serial": "08817",
    "certificate": "J-1",
}
EGGS = {"product": "03010101", "name": "鸡蛋", "net_g": 0, "count": 10, "unit": "箱", "price_fen": 12_000}
NO_LINE = {  # of a record: what nobody has said
    "reason": "",
    "sensory": "",
    "temperature": None,
    "source": None,
    "tests": [],
    "probe": "",
    "unit": "",
    "ordered_n": 0,
    "delivered_n": 0,
    "accepted_n": 0,
    "rejected_n": 0,
    "refused": False,
    "not_ordered": False,
    "why_difference": "",
    "price": None,
    "piece_fen": None,
    "price_typed": False,
    "best_before": "",
    "batch": "",
    "expiry": "",
    "loads": [],
    "sources": [],
    "photos": [],
}


@pytest.fixture
def kitchen(box: Callable[..., Any], mayor: Any, tmp_path: Any) -> tuple[Any, int]:
    """A canteen that knows the gate's key and its supplier, with an order of cabbage and eggs at the door."""
    public = GATE.public_key().public_bytes_raw().hex()
    (tmp_path / "node.keys").write_text(f"{public} {NODE}-02\n", "utf-8")
    station = box(WHOLE, station=STATION, city_keys=mayor.keys)
    known = {"code": "4101080010789", "name": "绿源合作社", "licence": "JY1", "licence_until": "2027-01-01"}
    mayor.orders(station, "directory", mode="update", suppliers=[{**known, "address": "江山路 118 号"}])
    order = {"order": "XX-01", "supplier": "绿源合作社", "supplier_code": "4101080010789", "buyer": "一小"}
    cabbage = {**LINES[0], "price_fen": 350}
    said = mayor.orders(
        station, "orders", orders=[{**order, "due": "2026-11-22", "meal": "午餐", "lines": [cabbage, EGGS]}]
    )
    assert said["state"] == "done"
    return station, station.does(BeginDelivery(order="XX-01"))["delivery"]


def stacks(station: Any, number: int, kilograms: str, **more: Any) -> None:
    """One more load on what lies there already."""
    station.weighs(kilograms)
    station.does(WeighLoad(delivery=number, line=1, scale="scale-1", **more))


def signed(station: Any, number: int, *names: str) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for name in names:
        version = station.board.deliveries[0].version
        answer = station.does(SignByName(delivery=number, version=version, person=name, function="食堂管理员"))
    return answer


def test_an_acceptance_to_its_last_field(kitchen: tuple[Any, int]) -> None:
    station, number = kitchen
    stacks(station, number, "21.50", crate="KUANG-01", crates=1, seen_g=20_000)
    stacks(station, number, "30.00", seen_g=8_500)
    station.weighs("0.00")
    stacks(station, number, "2.00", kind="rejected", tare_g=500)
    station.does(ScanForDelivery(delivery=number, code=card()))
    station.does(ScanForDelivery(delivery=number, code=slip()))
    station.turn(Sensed("probe-1", Measured("temperature", Decimal("4.1"), "Cel")))
    looked = {"reason": "腐烂", "why_difference": "少送", "sensory": "新鲜", "probe": "probe-1"}
    packed = {"spec": "10 kg/筐", "batch": "B7", "best_before": "2026-12-30"}
    station.does(DescribeLine.model_validate({"delivery": number, "line": 1, "price_fen": 400} | looked | packed), COOK)
    station.does(DescribeLine(delivery=number, line=2, delivered_n=10, rejected_n=2, reason="破损"))
    station.does(DescribeDelivery(delivery=number, plate="豫A12345", proofs=(ProofGiven(type="hgz", no="HG1"),)))
    answer = signed(station, number, "赵敏", "钱伟")

    checked = {
        "source": source(),
        "result": "genuine",
        "issuer": f"{NODE}-02",
        "test": str(TraceCode(NODE, CodeKind.TEST, "02", 9)),
        "verdict": "qualified",
        "item": "农药残留",
        "tested_at": "2020-01-01T08:00:01+08:00",
        "origin": "河南中牟",
        "supplier": "绿源合作社",
    }
    loads = [
        {"value": "21.50", "tare_g": 1_500, "net_g": 20_000, "before_g": 0, "crates": 1, "part": "in"},
        {"value": "30.00", "tare_g": 0, "net_g": 8_500, "before_g": 21_500, "crates": 0, "part": "in"},
        {"value": "2.00", "tare_g": 500, "net_g": 1_500, "before_g": 0, "crates": 0, "part": "rejected"},
    ]
    cabbage = NO_LINE | {
        "goods": {"product": "01040201", "name": "大白菜", "name_en": ""},
        "ordered_g": 30_000,
        "delivered_g": 28_500,
        "accepted_g": 27_000,
        "rejected_g": 1_500,
        "temperature": "4.1",
        "source": source(),
        "tests": [checked["test"]],
        "difference": "-5.0",
        "price": {"fen": 400, "per_g": 1000},
        "price_typed": True,
        "price_approvedby": "0001",
        "difference_approvedby": "0001",
        "amount_fen": 10_800,
        "expiry": "fine",
        "loads": [WEIGHED | load for load in loads],
        "sources": [checked],
    }
    eggs = NO_LINE | {
        "goods": {"product": "03010101", "name": "鸡蛋", "name_en": ""},
        "ordered_g": 0,
        "delivered_g": 0,
        "accepted_g": 0,
        "rejected_g": 0,
        "reason": "破损",
        "unit": "箱",
        "ordered_n": 10,
        "delivered_n": 10,
        "accepted_n": 8,
        "rejected_n": 2,
        "difference": "0.0",
        "piece_fen": 12_000,
        "amount_fen": 96_000,
    }
    code, wall = station.last["subject"], station.clock.wall
    acceptance = {
        "amount_fen": 106_800,
        "buyer": "4101080010999",
        "lines": [
            {
                "accepted_g": 27_000,
                "accepted_n": 0,
                "amount_fen": 10_800,
                "ordered_g": 30_000,
                "product": "01040201",
                "rejected_g": 1_500,
                "sources": [source()],
            },
            {
                "accepted_g": 0,
                "accepted_n": 8,
                "amount_fen": 96_000,
                "ordered_g": 0,
                "product": "03010101",
                "rejected_g": 0,
                "sources": [],
            },
        ],
        "order": "XX-01",
        "seller": "4101080010789",
        "time": wall.isoformat(timespec="seconds"),
        "tx": code,
    }
    who = {"role": "食堂管理员", "code": "", "typed": True, "at": wall.isoformat(timespec="seconds")}
    data = dict(station.last["data"])
    assert data["lines"] == [cabbage | looked | packed, eggs]
    assert {name: data[name] for name in data.keys() - {"lines"}} == {
        "order": "XX-01",
        "supplier": "绿源合作社",
        "supplier_code": "4101080010789",
        "licence": "JY1",
        "licence_until": "2027-01-01",
        "supplier_address": "江山路 118 号",
        "supplier_state": "active",
        "alias": "",
        "unmatched": "",
        "buyer": "一小",
        "due": "2026-11-22",
        "meal": "午餐",
        "plate": "豫A12345",
        "proofs": [{"type": "hgz", "no": "HG1"}],
        "photos": [],
        "slips": [
            {
                "tx": source(3, kind=CodeKind.SALE),
                "result": "genuine",
                "seller": "4101080010789",
                "net_g": 30_000,
                "amount_fen": 9_000,
                "sources": [source()],
            }
        ],
        "signers": [{"name": "赵敏"} | who, {"name": "钱伟"} | who],
        "tolerance": "5",
        "sum_fen": 106_800,
        "clock_trusted": True,
        "scale_verified": True,
        "acceptance": acceptance,
        "digest": digest_of(acceptance).hex(),
        "url": answer["url"],
        "corrects": None,
    }
    key = station.ledger.signer.key.public_key()
    assert verify_url(answer["url"], key) == Token(
        kind=TokenKind.ACCEPTANCE,
        kid=kid_of(key),
        t=int(wall.timestamp()) - EPOCH,
        tx=code,
        seller="4101080010789",
        buyer="4101080010999",
        net_g=27_000,
        amount_fen=106_800,
        verdict=TokenVerdict.QUALIFIED,
        flags=Flags.CLOCK_TRUSTED | Flags.SCALE_VERIFIED,
        digest=digest_of(acceptance),
        sources=(source(),),
    )
    done = station.board.deliveries[0]
    assert answer == {
        "delivery": number,
        "version": done.version,
        "line": None,
        "signed": 2,
        "code": code,
        "url": answer["url"],
        "job": 1,
    }
    accepted = station.last
    voided = station.does(VoidAcceptance(code=code, reason="签错单", person="王敏"), CHEF)
    assert voided == {"seq": int(station.last["sequence"]), "code": code}
    assert (station.last["subject"], station.last["data"]) == (
        code,
        {
            "voids": accepted["id"],
            "order": "XX-01",
            "supplier": "绿源合作社",
            "accepted_g": 27_000,
            "reason": "签错单",
            "person": "陈主管",
        },
    )


def test_a_delivery_that_is_dropped_says_what_was_weighed_of_it(kitchen: tuple[Any, int]) -> None:
    station, number = kitchen
    stacks(station, number, "20.00")
    station.weighs("0.00")
    stacks(station, number, "2.00", kind="rejected")
    with pytest.raises(Refused) as why:
        station.does(DropDelivery(delivery=number, reason="点错了", person="王敏"), replace(COOK, word=frozenset()))
    assert why.value.code == "needs_supervisor"
    assert station.does(DropDelivery(delivery=number, reason="点错了", person="王敏"), COOK) == {"delivery": number}
    assert station.last["subject"] == f"{NODE}-01"
    assert station.last["data"] == {
        "order": "XX-01",
        "supplier": "绿源合作社",
        "weighed_g": 20_000,
        "reason": "点错了",
        "person": "王敏",
    }
    assert station.board.orders[0].state == ""


def test_goods_of_no_order_and_of_no_known_supplier_are_accepted_as_such(kitchen: tuple[Any, int]) -> None:
    station, _ = kitchen
    number = station.does(BeginDelivery(supplier="老王", reason="加菜"))["delivery"]
    station.does(AddDeliveryLine(delivery=number, product="01040201"))
    stacks(station, number, "30.00")
    for line, unit in ((2, ""), (3, "板")):
        assert station.does(AddDeliveryLine(delivery=number, product="03010101", unit=unit))["line"] == line
        station.does(DescribeLine(delivery=number, line=line, delivered_n=3))
    station.does(DescribeLine(delivery=number, line=3, refused=True, reason="发霉"))
    for name in ("赵敏", "钱伟"):
        version = next(one.version for one in station.board.deliveries if one.number == number)
        station.does(SignByName(delivery=number, version=version, person=name))
    data = station.last["data"]
    assert (data["order"], data["supplier"], data["supplier_code"], data["unmatched"]) == ("", "老王", "", "加菜")
    assert (data["buyer"], data["supplier_state"], data["licence"], data["sum_fen"]) == ("第一小学食堂", "", "", None)
    assert (data["acceptance"]["seller"], data["acceptance"]["amount_fen"]) == ("0" * 13, 0)
    assert [(one["name"], one["role"]) for one in data["signers"]] == [("赵敏", "食堂管理员"), ("钱伟", "食堂管理员")]
    line, by_piece, by_tray = data["lines"]
    assert (line["not_ordered"], line["ordered_g"], line["difference"], line["price"]) == (True, 0, None, None)
    told = [(one["unit"], one["accepted_n"], one["rejected_n"], one["refused"]) for one in (by_piece, by_tray)]
    assert told == [("件", 3, 0, False), ("板", 0, 3, True)]
    token = verify_url(data["url"], station.ledger.signer.key.public_key())
    assert (token.verdict, token.sources) == (TokenVerdict.NONE, ())

"""Records to their last field, and what pages see of them: what people sign, sell and are asked by."""

from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import pytest

from edge.between.commands import DismissResult, MatchResult, ProofGiven, RegisterEntry, WholePlantDone
from protocol.city import token as qr
from protocol.city.events import decimal_text
from protocol.readings import Curve, Ticket, Verdict

Box = Any  # the station of tests/edge/conftest.py
LEEK = "01040801"
GOODS = {"product": LEEK, "name": "韭菜", "name_en": ""}
LOT, SOURCE, SALE = "41010800130100000018", "41010800110100000010", "41010800120100000016"
CAME, MEASURED = "2026-11-22T05:00:00.000000+08:00", "2026-11-22T05:01:00.000000+08:00"
ENTRY = RegisterEntry(
    product=LEEK,
    net_g=250_000,
    origin=" 河南中牟 ",
    supplier=" 王建国 ",
    origin_code="410122",
    supplier_code="4101080010999",
    plate=" 豫A12345 ",
    proofs=(ProofGiven(type="hgz", no="HG1"), ProofGiven(type="jc", no="BG2")),
)
LEEKS = """
[[analyzer]]
name = "tester-1"
model = "dayuan-lz4000t"
port = "/dev/null"
[[product]]
code = "01040801"
name = "韭菜"
disturbs_enzyme = true
"""
NO_RESULT = {  # of a record: what nobody has said
    "tester": "",
    "reviewer": "",
    "reagent": "",
    "reagent_until": "",
    "qc": "missing",
    "rack": 0,
    "dismissed": "",
    "purpose": "",
    "brought": None,
    "person": None,
    "replaces": None,
    "screening": True,
    "source": None,
    "text": None,
    "control": None,
    "whole_plant": None,
    "whole_plant_by": None,
    "proposed": None,
    "missing": [],
    "doubts": [],
    "measurement": 1,
    "lot": None,
    "goods": None,
}
PESTICIDE = {"item": "农药残留", "unit": "%", "limit": "50", "limit_basis": "method", "method": "GB/T 5009.199-2003"}


SAMPLED = {
    "supplier": "王建国",
    "origin": "河南中牟",
    "net_g": 250_000,
    "plate": "豫A12345",
    "at": "2026-11-22T05:00:00.000000+08:00",
    "by": "",
    "sample": "1",
}


def said(**more: Any) -> dict[str, Any]:
    """The instrument's own words, as they are recorded."""
    silent = dict.fromkeys(("sample", "channel", "goods", "verdict", "measured_at", "peer"))
    return {"name": "tester-1", "model": "dayuan-lz4000t", "raw": "", **silent, **more}


@pytest.fixture
def station(box: Callable[..., Box]) -> Box:
    """A station at which leek came in, which asks for the whole-plant step."""
    station = box()
    station.does(ENTRY)
    return station


def test_goods_that_came_in(station: Box) -> None:
    assert (station.last["type"], station.last["subject"]) == ("cn.marketedge.market.entry.registered.v1", LOT)
    assert station.last["data"] == {
        "goods": GOODS,
        "net_g": 250_000,
        "origin": "河南中牟",
        "origin_code": "410122",
        "supplier": "王建国",
        "supplier_code": "4101080010999",
        "plate": "豫A12345",
        "sample": "1",
        "proofs": [{"type": "hgz", "no": "HG1"}, {"type": "jc", "no": "BG2"}],
        "upstream": None,
        "source_check": None,
        "tests": ["农药残留"],
        "mass_by": "declared",
        "retention": "six_months",
    }
    assert asdict(station.lot(LOT)) == {
        "test_code": LOT,
        "seq": 1,
        "source": None,
        "upstream": None,
        "unchecked": False,
        "state": "pending",
        "product": LEEK,
        "product_name": "韭菜",
        "origin": "河南中牟",
        "supplier": "王建国",
        "sample": "1",
        "net_g": 250_000,
        "left_g": 250_000,
        "registered": CAME,
        "verdict": None,
        "item": None,
        "value": None,
        "unit": None,
        "measurements": 0,
        "repeats_due": 0,
        "repeats": 0,
        "whole_plant": "due",
        "missing": (),
        "in_doubt": False,
        "foreign": False,
        "why": "",
        "stop": "",
        "own_hold": False,
        "asks_recheck": False,
        "rechecked": False,
        "waits": (),
        "sampling": "",
        "upto": 1,
    }


@pytest.mark.parametrize(
    ("unchecked", "check", "state", "whole_plant", "sold_by"),
    [("accept", "accepted", "released", "", True), ("test", "unchecked", "pending", "due", False)],
)
def test_goods_that_came_in_with_a_source_code_from_elsewhere(
    box: Callable[..., Box], elsewhere: str, unchecked: str, check: str, state: str, whole_plant: str, sold_by: bool
) -> None:
    station = box(f'[gate]\nunchecked = "{unchecked}"\n' + LEEKS)
    answer = station.does(RegisterEntry(**ENTRY.model_dump(exclude={"upstream"}), upstream=elsewhere))
    data, lot = station.last["data"], station.lot(LOT)
    assert {name: answer[name] for name in ("test_code", "sample", "source", "whole_plant", "unchecked")} == {
        "test_code": LOT,
        "sample": "1",
        "source": elsewhere if sold_by else None,
        "whole_plant": whole_plant == "due",
        "unchecked": True,
    }
    assert (data["upstream"], data["source_check"]) == (elsewhere, check)
    assert (lot.state, lot.whole_plant, lot.upstream, lot.unchecked) == (state, whole_plant, elsewhere, sold_by)
    assert lot.source == (elsewhere if sold_by else None)


def test_a_result_that_releases(station: Box) -> None:
    station.does(WholePlantDone(lot=LOT, person=" 赵检 "))
    told = station.result(
        " 1 ", "12.50", name="韭菜", channel="3", peer="10.0.0.8:5000", raw=b"\x02", control=Decimal("0.80")
    )
    (record,) = station.tests(told)
    assert (record["type"], record["subject"]) == ("cn.marketedge.market.test.result.v1", LOT)
    assert record["data"] == NO_RESULT | PESTICIDE | {
        "lot": LOT,
        "goods": GOODS,
        "value": "12.50",
        "control": "0.80",
        "outcome": "negative",
        "verdict": "qualified",
        "source": SOURCE,
        "whole_plant": True,
        "whole_plant_by": "赵检",
        "sampled": SAMPLED,
        "analyzer": said(
            sample="1", channel="3", goods="韭菜", measured_at="2026-11-22T05:01:00", peer="10.0.0.8:5000", raw="02"
        ),
    }
    lot = station.lot(LOT)
    assert (lot.state, lot.source, lot.whole_plant, lot.left_g) == ("released", SOURCE, "done", 250_000)
    assert (lot.verdict, lot.item, lot.value, lot.unit) == ("qualified", "农药残留", "12.50", "%")
    assert (lot.measurements, lot.repeats, lot.repeats_due) == (1, 2, 0)


def test_a_positive_that_asks_for_repeats(station: Box) -> None:
    for count in (1, 2):
        (record,) = station.tests(station.result("1", "68.7", verdict=Verdict.UNQUALIFIED))
        data, lot = record["data"], station.lot(LOT)
        assert (data["outcome"], data["verdict"], data["measurement"]) == ("positive", "suspect", count)
        assert (data["missing"], data["whole_plant"], data["source"]) == (["农药残留"], False, None)
        assert data["analyzer"]["verdict"] == "unqualified"
        assert (lot.state, lot.verdict, lot.measurements, lot.repeats_due) == ("pending", "suspect", count, 3 - count)


def test_a_result_that_waits_and_whose_it_is(station: Box) -> None:
    told = station.result("77", "68.7", name="韭菜", channel="4", raw=b"\x03", verdict=Verdict.UNQUALIFIED)
    (waits,) = station.tests(told)
    own = said(
        sample="77", channel="4", goods="韭菜", verdict="unqualified", measured_at="2026-11-22T05:01:00", raw="03"
    )
    positive = NO_RESULT | PESTICIDE | {"value": "68.7", "outcome": "positive", "verdict": "suspect", "analyzer": own}
    assert waits["data"] == positive | {"doubts": ["no_lot"]}
    assert waits["subject"] != LOT
    (view,) = station.waiting
    assert asdict(view) == {
        "seq": 2,
        "analyzer": "tester-1",
        "sample": "77",
        "channel": "4",
        "item": "农药残留",
        "value": "68.7",
        "unit": "%",
        "text": None,
        "time": MEASURED,
        "verdict": "unqualified",
        "why": ("no_lot",),
        "lot": "",
        "measured_at": "2026-11-22T05:01:00",
        "goods": "韭菜",
        "asks_verdict": False,
    }
    station.does(MatchResult(seq=2, lot=LOT, person=" 赵检 "))
    assert station.last["data"] == positive | {
        "lot": LOT,
        "goods": GOODS,
        "person": "赵检",
        "replaces": waits["id"],
        "missing": ["农药残留"],
        "whole_plant": False,
        "sampled": SAMPLED,
    }
    assert (station.last["subject"], station.waiting) == (LOT, ())


def test_a_result_that_is_of_no_lot(station: Box) -> None:
    (waits,) = station.tests(station.result("77", "68.7"))
    station.does(DismissResult(seq=2, person=" 赵检 ", reason=" 质控样 "))
    assert station.last["data"] == waits["data"] | {
        "person": "赵检",
        "dismissed": "质控样",
        "verdict": "not_applicable",
        "replaces": waits["id"],
    }
    assert (station.last["subject"], station.waiting) == (waits["subject"], ())
    assert station.lot(LOT).state == "pending"


@pytest.mark.parametrize(
    ("seen", "item", "text"),
    [
        (Ticket(b"\x04", "抑制率 12.5%", "no layout", "t1", peer="10.0.0.9"), "未识别小票", "抑制率 12.5%"),
        (Curve((3, 10, 4), "c1", raw=b"\x04", peer="10.0.0.9"), "胶体金曲线", "3 10 4"),
    ],
    ids=["ticket", "curve"],
)
def test_what_a_person_has_to_read(station: Box, seen: Any, item: str, text: str) -> None:
    (waits,) = station.tests(seen)
    assert waits["data"] == NO_RESULT | {
        "item": item,
        "value": None,
        "text": text,
        "unit": None,
        "method": "",
        "limit": None,
        "limit_basis": "instrument",
        "outcome": None,
        "verdict": "suspect",
        "doubts": ["unread"],
        "qc": "",
        "analyzer": said(raw="04", peer="10.0.0.9"),
    }
    (view,) = station.waiting
    assert (view.item, view.text, view.why, view.asks_verdict) == (item, text, ("unread",), True)
    station.does(MatchResult(seq=2, lot=LOT, person="赵检", verdict="qualified"))
    data = station.last["data"]
    assert (data["lot"], data["item"], data["text"], data["outcome"], data["verdict"]) == (
        LOT,
        "农药残留",
        text,
        "negative",
        "qualified",
    )
    assert (data["analyzer"], data["replaces"], data["person"]) == (waits["data"]["analyzer"], waits["id"], "赵检")
    assert station.lot(LOT).state == "released"


def test_a_limit_that_only_the_instrument_knows_is_kept(station: Box) -> None:
    (record,) = station.tests(station.result("1", "12.5", limit=Decimal("40.0")))
    data = record["data"]
    assert (data["limit"], data["limit_basis"], data["method"]) == (
        decimal_text(Decimal("40.0")),
        "instrument",
        "GB/T 5009.199-2003",
    )


def test_a_sale(station: Box) -> None:
    station.tests(station.result("1", "12.5"))
    station.puts("1.250", raw=b"ST")
    station.sells(LOT, LEEK, price_fen=500, buyer="4101080010777", buyer_name=" 张三 ", tare_g=50)
    data = station.last["data"]
    url, digest = data.pop("url"), data.pop("digest")
    assert data.pop("replaces") is None
    assert (station.last["type"], station.last["subject"]) == ("cn.marketedge.market.trade.completed.v1", SALE)
    line = {"amount_fen": 600, "net_g": 1200, "price": {"fen": 500, "per_g": 1000}, "product": LEEK, "source": SOURCE}
    slip = {
        "amount_fen": 600,
        "buyer": "4101080010777",
        "lines": [line],
        "seller": "4101080010123",
        "time": "2026-11-22T05:01:04+08:00",
        "tx": SALE,
    }
    assert data == {
        "slip": slip,
        "seller": {"code": "4101080010123", "name": "李秀兰蔬菜", "stall": "A-12", "contact": ""},
        "buyer": {"code": "4101080010777", "name": "张三", "stall": "", "contact": ""},
        "sold": [
            {
                "goods": GOODS,
                "origin": "河南中牟",
                "test": {
                    "code": LOT,
                    "item": "农药残留",
                    "verdict": "qualified",
                    "value": "12.5",
                    "unit": "%",
                    "time": MEASURED,
                },
                "weighed": {
                    "scale": "scale-1",
                    "model": "st-gs",
                    "value": "1.250",
                    "unit": "kg",
                    "stability": "scale",
                    "tare_g": 50,
                    "reason": "",
                    "raw": "5354",
                    "verified_until": "2027-06-30",
                },
                "unchecked": False,
                "no_source": False,
                "over_g": 0,
                "proofs": [{"type": "hgz", "no": "HG1"}, {"type": "jc", "no": "BG2"}],
                "pieces": 0,
                "approvedby": "",
            }
        ],
        "clock_trusted": True,
        "scale_verified": True,
        "rounded_fen": 0,
        "paid_by": "",
        "payment": "",
    }
    key = station.ledger.signer.key.public_key()
    assert qr.verify_url(url, key) == qr.Token(
        kind=qr.TokenKind.SALE,
        kid=qr.kid_of(key),
        t=int(station.clock.wall.timestamp()) - qr.EPOCH,
        tx=SALE,
        seller="4101080010123",
        buyer="4101080010777",
        net_g=1200,
        amount_fen=600,
        verdict=qr.TokenVerdict.QUALIFIED,
        flags=qr.Flags.CLOCK_TRUSTED | qr.Flags.SCALE_VERIFIED,
        digest=qr.digest_of(slip),
        sources=(SOURCE,),
    )
    assert digest == qr.digest_of(slip).hex()
    assert station.lot(LOT).left_g == 248_800
    slip_view, report_view = station.board.prints
    assert asdict(slip_view) == {
        "job": 2,
        "paper": "slip",
        "code": SALE,
        "state": "waiting",
        "why": "",
        "copy": 0,
        "printer": "printer-1",
        "time": "2026-11-22T05:01:04.000000+08:00",
        "text": "",
    }
    assert (report_view.paper, report_view.code, report_view.time) == ("report", LOT, MEASURED)

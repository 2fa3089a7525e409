"""What a paper has to say stands in its record: whose goods, what was measured before, what came with them."""

from collections.abc import Callable
from typing import Any

from edge.between.commands import ProofGiven

Box = Any  # the station of tests/edge/conftest.py


def test_a_result_says_whose_goods_it_is_of_and_every_measurement_before(box: Callable[..., Box]) -> None:
    station = box()
    code = station.enters(plate="豫A12345")
    entered = station.last["time"]
    sample = station.lot(code).sample
    said = [station.tests(station.result(sample, value))[0]["data"] for value in ("72.5", "70.1", "68.1")]
    assert [one["sampled"] for one in said] == [
        {
            "supplier": "王建国",
            "origin": "河南中牟",
            "net_g": 250_000,
            "plate": "豫A12345",
            "at": entered,
            "by": "",
            "sample": sample,
        }
    ] * 3
    assert [[(one["value"], one["unit"], one["outcome"]) for one in data.get("earlier", ())] for data in said] == [
        [],
        [("72.5", "%", "positive")],
        [("72.5", "%", "positive"), ("70.1", "%", "positive")],
    ]
    assert said[2]["verdict"] == "unqualified"
    assert said[2]["earlier"][0]["at"] == said[0]["analyzer"]["measured_at"]


def test_a_result_of_nobody_says_nothing_of_goods(box: Callable[..., Box]) -> None:
    station = box()
    (record,) = station.tests(station.result("99", "12.5"))
    assert not {"sampled", "earlier"} & set(record["data"])


def test_a_sale_says_the_vouchers_of_its_lot_and_where_the_seller_is(box: Callable[..., Box], devices: str) -> None:
    station = box(devices.replace("[[scale]]", '[market]\ncomplaint = "0371-12315"\n[[scale]]', 1))
    code = station.enters(proofs=[ProofGiven(type="hgz", no="4101840001")])
    station.hands_over(station.result(station.lot(code).sample, "12.5"))
    station.puts("12.340")
    station.sells(code)
    data = station.last["data"]
    assert data["sold"][0]["proofs"] == [{"type": "hgz", "no": "4101840001"}]
    assert not {"licence", "address"} & set(data["seller"])

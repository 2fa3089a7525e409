"""Who has goods of a lot: sales that stand, and what was handed on; as a list and as a file."""

from collections.abc import Callable
from typing import Any

from edge.between.commands import HandLot, HoldLot
from edge.between.correction_commands import VoidSale
from edge.records.recall import Bought, as_csv, buyers

BUYER = {"buyer": "4101080010102", "buyer_name": "=绿源合作社"}


def test_sales_that_stand_and_what_was_handed_on(box: Callable[..., Any]) -> None:
    station = box()
    other = station.releases()
    lot = station.releases()
    source = station.lot(lot).source
    for code, more in ((lot, BUYER), (lot, {}), (other, {}), (lot, {})):
        station.puts("1.500")
        said = station.sells(code, **more)
    station.does(VoidSale(tx=said["tx"], reason="选错了"))
    station.does(HandLot(lot=lot, net_g=20_000, to="4101080010103"))
    station.does(HoldLot(lot=lot, reason="投诉", person="王敏"))
    rows = buyers(station.ledger.conn, source, station.lot(lot).seq)
    assert [(row.code, row.net_g) for row in rows] == [
        ("4101080010102", 1500),
        ("0000000000000", 1500),
        ("4101080010103", 20_000),
    ]
    assert rows[0].buyer == "=绿源合作社"
    text = as_csv(rows).decode("utf-8-sig")
    assert text.splitlines()[0] == "seq,tx,time,code,buyer,net_g"
    assert ",'=绿源合作社," in text and len(text.splitlines()) == 4


def test_a_file_of_nobody() -> None:
    assert as_csv([]).decode("utf-8-sig").splitlines() == ["seq,tx,time,code,buyer,net_g"]
    assert as_csv([Bought(1, "", "t", "", "", 0)]).endswith(b"1,,t,,,0\r\n")

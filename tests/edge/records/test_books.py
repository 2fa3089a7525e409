"""The law's books: every line, void and correction; what adds up; nothing that a spreadsheet runs."""

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.between.commands import ProofGiven
from edge.between.correction_commands import CorrectEntry, CorrectResult, VoidSale
from edge.between.held_commands import RegisterSample
from edge.cli.main import main
from edge.records import books
from edge.records.books import BOOKS, Cancelled, Progress, rows, write
from edge.records.ledger import open_reader
from edge.records.shelf import Shelf
from protocol.city.written import grouped

Box = Any  # the station of tests/edge/conftest.py
DAY = date(2026, 11, 22)


def book(station: Box, name: str, **days: Any) -> list[dict[str, str]]:
    """A book as a spreadsheet reads its CSV."""
    path = station.ledger.path.parent / "book.csv"
    key = station.ledger.signer.key.public_key()
    Shelf(station.ledger.path.parent, key).book(path, name, "csv", days.get("first"), days.get("last"), Progress())  # type: ignore[arg-type]
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))


def total(lines: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(line[column]) for line in lines), Decimal(0))


def test_a_sale_stands_in_the_book_with_what_the_law_asks_for(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("2.500")
    sold = station.sells(lot, buyer="4101080010456", buyer_name="张三饭店")
    (line,) = book(station, "sales")
    assert line == {
        "记录号": str(station.ledger.head.seq),
        "时间": "2026-11-22 05:01:04",
        "类别": "销售",
        "交易码": grouped(sold["tx"]),
        "食用农产品名称": "大白菜",
        "商品编码": "01040201",
        "数量(kg)": "2.500",
        "单价(元/kg)": "3.50",
        "金额(元)": "8.75",
        "产地": "河南中牟",
        "来源码": grouped(station.lot(lot).source),
        "检测信息": "农药残留 合格（快检） 2026-11-22",
        "购货者名称": "张三饭店",
        "购货者编码": "4101080010456",
        "购货者地址": "",
        "购货者联系方式": "",
        "销售者名称": "李秀兰蔬菜",
        "销售者编码": "4101080010123",
        "摊位": "A-12",
        "销售者联系方式": "",
        "称重": "scale-1 st-gs",
        "状态": "有效",
        "相关记录号": "",
        "说明": "",
        "经办人编码": "unnamed",
        "同意者编码": "",
        "时钟": "",
    }


def test_a_void_is_a_row_of_its_own_and_the_state_of_the_sale(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("2.500")
    sold = station.sells(lot)
    seq = station.ledger.head.seq
    station.does(VoidSale(tx=sold["tx"], reason="选错了"))
    sale, void = book(station, "sales")
    assert (sale["状态"], sale["相关记录号"], sale["购货者名称"]) == ("已作废", str(seq + 1), "散客")
    assert (void["类别"], void["数量(kg)"], void["金额(元)"]) == ("作废", "-2.500", "-8.75")
    assert (void["状态"], void["相关记录号"], void["说明"]) == ("有效", str(seq), "选错了")
    assert total([sale, void], "金额(元)") == 0


def test_a_corrected_entry_adds_up(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.enters(net_g=250_000, plate="豫A1", proofs=(ProofGiven(type="hgz", no="HG1"),))
    station.does(CorrectEntry(lot=lot, net_g=240_000, supplier="李四", reason="抄错"))
    station.does(CorrectEntry(lot=lot, net_g=245_000, reason="又错"))
    lines = book(station, "purchases")
    assert total(lines, "数量(kg)") == 245
    entry, first, second = lines
    assert (entry["状态"], entry["供货者名称"], entry["进货凭证及编号"], entry["车牌"]) == (
        "已更正",
        "王建国",
        "承诺达标合格证 HG1",
        "豫A1",
    )
    assert (first["类别"], first["数量(kg)"], first["供货者名称"]) == ("更正", "-10.000", "李四")
    assert first["说明"] == "抄错；净重：250000 → 240000；供货者：王建国 → 李四"
    assert (second["数量(kg)"], second["状态"], second["相关记录号"]) == ("5.000", "有效", "1")


def test_results_and_their_corrections_stand_in_the_book_of_tests(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    result = int(station.last["sequence"])
    station.tests(station.result("999", "12.5"))
    station.does(CorrectResult(seq=result, reason="样品号输错"))
    found, stray, corrected = book(station, "tests")
    assert (found["检测值"], found["结论(快检筛查)"], found["状态"]) == ("12.5", "合格（快检）", "已更正")
    assert (stray["类别"], stray["食用农产品名称"], stray["状态"]) == ("未归属", "", "有效")
    assert (corrected["类别"], corrected["检测码"], corrected["说明"]) == ("更正", grouped(lot), "样品号输错")


def test_a_result_taken_off_brought_food_stands_in_the_book_of_tests(box: Callable[..., Box]) -> None:
    station = box()
    said = station.does(RegisterSample(goods="草莓"))
    station.tests(station.result(said["sample"], "12.5"))
    station.does(CorrectResult(seq=int(station.last["sequence"]), reason="样品号输错"))
    found, corrected = book(station, "tests")
    assert (found["状态"], corrected["类别"], corrected["食用农产品名称"]) == ("已更正", "更正", "草莓")


def test_days_are_those_of_the_market(box: Callable[..., Box]) -> None:
    station = box()
    station.enters()
    station.clock.go(86400)
    station.enters()
    station.clock.worth = "unsynced"
    station.clock.go(86400)
    station.enters()
    assert len(book(station, "purchases")) == 3
    assert [
        line["记录号"] for line in book(station, "purchases", first=date(2026, 11, 23), last=date(2026, 11, 23))
    ] == ["2"]
    assert [line["时钟"] for line in book(station, "purchases", first=date(2026, 11, 23))] == ["", "时间未校准"]


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1+2", "@SUM(A1)", "＝1", "\t=1", "\r=1"])
def test_no_cell_runs_as_a_formula(box: Callable[..., Box], tmp_path: Path, evil: str) -> None:
    assert books.harmless(evil) == f"'{evil}"
    station = box()
    station.enters(plate=evil.strip()[:20])
    (line,) = book(station, "purchases")
    assert line["车牌"] == f"'{evil.strip()}"
    reader = open_reader(station.ledger.path.parent)
    path = tmp_path / "book.xlsx"
    write(path, "xlsx", BOOKS["purchases"], rows(reader.conn, BOOKS["purchases"], None, None, Progress()))
    reader.close()
    with zipfile.ZipFile(path) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        everything = "".join(parts.read(name).decode("utf-8", "replace") for name in parts.namelist())
    assert "<f>" not in sheet and "<v>250</v>" in sheet
    assert evil.strip() in everything


def test_damaged_records_are_counted_and_a_book_can_be_cancelled(box: Callable[..., Box]) -> None:
    station = box()
    for _ in range(3):
        station.enters()
    station.ledger.conn.execute("UPDATE events SET body = CAST('{}' AS BLOB) WHERE seq = 2")
    station.ledger.conn.commit()
    reader = open_reader(station.ledger.path.parent)
    progress = Progress()
    assert len(list(rows(reader.conn, BOOKS["purchases"], None, None, progress))) == 2
    assert (progress.damaged, progress.rows, progress.done, progress.total) == (1, 2, 3, 3)
    with pytest.raises(Cancelled):
        list(rows(reader.conn, BOOKS["purchases"], DAY, DAY, Progress(cancel=True)))
    reader.close()


def test_the_command_writes_a_book(box: Callable[..., Box], tmp_path: Path) -> None:
    station = box()
    station.enters()
    config = str(tmp_path / "station.toml")

    def run(*given: str) -> Any:
        return CliRunner().invoke(main, ["ledger", "export", "-c", config, *given])

    out = tmp_path / "purchases.csv"
    assert run("--book", "purchases", "--as", "csv", "--since", "2026-11-22", "-o", str(out)).exit_code == 0
    (line,) = csv.DictReader(io.StringIO(out.read_bytes().decode("utf-8-sig")))
    assert line["食用农产品名称"] == "大白菜"
    sheet = tmp_path / "tests.xlsx"
    assert run("--book", "tests", "--as", "xlsx", "-o", str(sheet)).exit_code == 0
    assert zipfile.is_zipfile(sheet)
    for wrong in (("--as", "xlsx"), ("--book", "tests"), ("--book", "tests", "--as", "csv"), ("--since", "2026-11-22")):
        answer = run(*wrong)
        assert answer.exit_code == 1 and "台账" in answer.output, wrong
    station.ledger.conn.execute("UPDATE events SET body = CAST('{}' AS BLOB)")
    station.ledger.conn.commit()
    damaged = run("--book", "tests", "--as", "csv", "-o", str(out))
    assert damaged.exit_code == 1 and "1 条损坏的记录" in damaged.output


def test_a_record_is_seen_with_what_speaks_for_it(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    station.puts("2.500")
    sold = station.sells(lot)
    seq = station.ledger.head.seq
    station.does(VoidSale(tx=sold["tx"], reason="选错了"))
    shelf = Shelf(station.ledger.path.parent, station.ledger.signer.key.public_key())
    sale, void = shelf.record(seq), shelf.record(seq + 1)
    assert (sale.proof.signature, sale.proof.chain, sale.proof.delivered) == ("", "", "waiting")
    assert (sale.by, sale.about, void.about, void.by) == (void.found, None, sale.found, None)
    assert sale.proof.hash == void.proof.prevhash
    assert shelf.record(1).proof.chain == ""
    with pytest.raises(LookupError):
        shelf.record(99)
    body = station.ledger.body(seq).replace("李秀兰".encode(), "王秀兰".encode())
    station.ledger.conn.execute("UPDATE events SET body = ? WHERE seq = ?", (body, seq))
    station.ledger.conn.execute("UPDATE delivery SET upto = ?", (seq - 1,))
    station.ledger.conn.execute("INSERT INTO stretches VALUES ('aside', ?, ?, 'bad_data')", (seq, seq))
    station.ledger.conn.commit()
    forged = shelf.record(seq).proof
    assert "altered" in forged.signature and (forged.delivered, forged.reason) == ("set_aside", "bad_data")
    assert shelf.record(seq + 1).proof.chain == "broken"
    assert shelf.record(seq - 1).proof.delivered == "yes"


def test_the_register_of_scales_is_a_book(box: Callable[..., Box], devices: str) -> None:
    entered = devices.replace('name = "scale-1"', 'name = "scale-1"\nmaker = "某衡器厂"\nserial = "08817"\nfair = true')
    station = box(entered)
    station.turn()
    station = box(entered.replace('serial = "08817"', 'serial = "08817"\nseal = "Q1"\ncertificate = "J-1"'))
    station.turn()
    first, second = book(station, "scales")
    assert (first["类别"], first["秤号"], first["制造商"], first["出厂编号"]) == (
        "登记",
        "scale-1",
        "某衡器厂",
        "08817",
    )
    assert (second["类别"], second["封签号"], second["检定证书编号"]) == ("变更", "Q1", "J-1")
    assert (second["检定有效期至"], second["公平秤"], second["最大秤量"]) == ("2027-06-30", "是", "30 kg")

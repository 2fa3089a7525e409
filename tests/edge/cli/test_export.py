"""`marketedge ledger export` beside a station that goes on working."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.between.correction_commands import CorrectEntry, VoidSale
from edge.cli.main import main
from edge.records.ledger import SLICE, bodies_after, open_reader

Box = Any  # the station of tests/edge/conftest.py


def wal(station: Box) -> int:
    return int(station.ledger.path.with_name("ledger.db-wal").stat().st_size)


def busy(station: Box, entries: int = 400) -> None:
    for _ in range(entries):
        station.enters()


def test_an_export_that_is_paused_does_not_make_the_log_grow(box: Callable[..., Box], tmp_path: Path) -> None:
    """Into a pager that nobody leafs through: the pipe is full, the process waits, the station goes on."""
    station = box()
    busy(station, 200)
    usual = wal(station)
    command = [sys.executable, "-c", "from edge.cli.main import main; main()", "ledger", "export"]
    with subprocess.Popen(
        [*command, "-c", str(tmp_path / "station.toml")],
        stdout=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    ) as export:
        assert export.stdout is not None
        lines = [export.stdout.readline()]  # it has begun; the rest fills the pipe
        busy(station)
        assert wal(station) <= max(usual, 1000 * station.count("PRAGMA page_size")) * 1.25
        lines += export.stdout.readlines()
    assert export.returncode == 0
    assert [int(json.loads(line)["sequence"]) for line in lines] == list(range(1, 201))


def test_an_export_reads_in_slices_and_ends_where_it_began_to(box: Callable[..., Box]) -> None:
    station = box()
    busy(station, 2 * SLICE + 1)
    reader = open_reader(station.ledger.path.parent)
    rows = bodies_after(reader.conn, 0)
    seen = [next(rows)[0]]
    busy(station, 3)
    seen += [seq for seq, _ in rows]
    assert seen == list(range(1, 2 * SLICE + 2))
    assert [seq for seq, _ in bodies_after(reader.conn, 2 * SLICE)] == [2 * SLICE + more for more in range(1, 5)]
    reader.close()


def as_epcis(tmp_path: Path, code: int = 0, *more: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(main, ["ledger", "export", "--as", "epcis", "-c", str(tmp_path / "station.toml"), *more])
    assert done.exit_code == code, done.output
    document = json.loads(done.stdout)
    assert (document["type"], document["schemaVersion"]) == ("EPCISDocument", "2.0")
    events: list[dict[str, Any]] = document["epcisBody"]["eventList"]
    return events


def test_a_sale_that_was_voided_is_declared_wrong_in_epcis(box: Callable[..., Box], tmp_path: Path) -> None:
    station = box()
    lot = station.releases()
    station.puts("2.500")
    sold = station.sells(lot)
    station.does(VoidSale(tx=sold["tx"], reason="选错了"))
    entry, _, released, sale, declared = as_epcis(tmp_path)
    assert entry["quantityList"] == released["inputQuantityList"]
    assert released["inputQuantityList"][0]["epcClass"] == f"urn:marketedge:lot:{lot}"
    assert (sale["type"], sale["bizStep"], sale["disposition"]) == ("TransactionEvent", "retail_selling", "retail_sold")
    (weighed,) = sale["quantityList"]
    assert weighed == released["outputQuantityList"][0] | {"quantity": 2500}
    assert sale["eventTimeZoneOffset"] == "+08:00"
    error = declared.pop("errorDeclaration")
    assert declared == sale
    assert (error["reason"], error["medge:why"]) == ("did_not_occur", "选错了")
    (alone,) = as_epcis(tmp_path, 0, "--after", str(station.ledger.head.seq - 1))  # the sale is told from before that
    assert alone == declared | {"errorDeclaration": error}


def test_an_entry_that_was_corrected_is_declared_wrong_and_told_anew(box: Callable[..., Box], tmp_path: Path) -> None:
    station = box()
    lot = station.enters()
    station.does(CorrectEntry(lot=lot, reason="抄错", net_g=300_000))
    station.does(CorrectEntry(lot=lot, reason="又抄错", net_g=310_000))
    first, wrong, second, wrong_again, third = as_epcis(tmp_path)
    assert wrong.pop("errorDeclaration")["correctiveEventIDs"] == [second["eventID"]]
    assert wrong == first
    assert wrong_again.pop("errorDeclaration")["correctiveEventIDs"] == [third["eventID"]]
    assert wrong_again == second
    assert [one["quantityList"][0]["quantity"] for one in (second, third)] == [300_000, 310_000]
    assert first["quantityList"][0]["epcClass"] == third["quantityList"][0]["epcClass"]


def test_a_damaged_record_is_left_out_of_epcis_and_named(box: Callable[..., Box], tmp_path: Path) -> None:
    station = box()
    busy(station, 3)
    station.ledger.conn.execute("UPDATE events SET body = CAST('[[[' AS BLOB) WHERE seq = 2")
    station.ledger.conn.commit()
    assert [int(event["medge:sequence"]) for event in as_epcis(tmp_path, 1)] == [1, 3]


@pytest.mark.parametrize(
    "words",
    [("--as", "jsonl"), ("--as", "csv"), ("--as", "epcis"), ("--book", "sales"), ("--book", "sales", "--as", "csv")],
)
def test_a_file_that_cannot_be_finished_leaves_what_was_there_before(
    box: Callable[..., Box], tmp_path: Path, words: tuple[str, ...]
) -> None:
    """The disk takes some of it and no more: the limit on files of the process, as at a quota's end."""
    station = box()
    lot = station.releases()
    for number in range(60):
        station.puts(f"{1 + number / 100:.3f}")
        station.sells(lot)
    if words[0] == "--book" and "--as" not in words:
        words = (*words, "--as", "xlsx")
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / "file"
    target.write_text("of yesterday")
    command = ["ledger", "export", "-c", str(tmp_path / "station.toml"), *words, "-o", str(target)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        done = CliRunner().invoke(main, command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.exit_code == 1, done.output
    assert str(target) in done.output
    assert "没有留下半个文件" in done.output
    assert target.read_text() == "of yesterday"
    assert [file.name for file in folder.iterdir()] == ["file"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert target.stat().st_size > 2000
    assert [file.name for file in folder.iterdir()] == ["file"]

"""A ledger that is held by another program, damaged in a record, or no ledger at all."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.between.inbox import LinkChanged, PortChanged, PrintAgain, Refused, Tested
from edge.cli.main import main
from edge.ports.port import Committed, NotCommitted
from edge.records.ledger import Ledger, LedgerBroken, LedgerUnusable, Signer

Box = Any  # the station of tests/edge/conftest.py
CABBAGE = "01040201"


@contextmanager
def held(path: Path, how: str = "IMMEDIATE") -> Iterator[None]:
    """Another program writes in the file, and does not end."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute(f"BEGIN {how}")
    yield
    other.execute("ROLLBACK")
    other.close()


def damage(station: Box, seq: int, body: bytes = b'{"not":"ours"') -> None:
    with station.ledger.batch():
        station.ledger.conn.execute("UPDATE events SET body = ? WHERE seq = ?", (body, seq))


def told(station: Box) -> set[tuple[str, str]]:
    return {(one.kind, one.device) for one in station.board.unread}


# --- held by another program ----------------------------------------------------------------------------------------


def test_a_ledger_that_another_program_holds_is_told_and_nothing_is_half_done(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    made = station.result("7", "1.0")
    station.puts("1.000")
    before, papers = station.ledger.head, station.papers()
    with held(station.ledger.path):
        with pytest.raises(Refused) as refused:
            station.sells(lot)
        assert refused.value.code == "ledger_held"
        assert "another program holds the ledger" in str(refused.value)
        station.turn(Tested("tester-1", (made,)), PortChanged("tester-8", False, "unplugged"), LinkChanged(True))
        assert "另一程序占用了账本" in station.board.trouble
        assert [view.up for view in station.board.analyzers] == [True, False]
        assert station.board.city.up
    assert (station.ledger.head, station.papers()) == (before, papers)
    assert station.ports["tester-1"].orders[-1] == NotCommitted()
    assert station.sells(lot)["amount_fen"] == 350
    assert station.board.trouble == ""
    station.turn(Tested("tester-1", (made,)))
    assert station.ports["tester-1"].orders[-1] == Committed()
    assert station.board.unread == ()


def test_news_of_a_printer_while_the_ledger_is_held_costs_nothing(box: Callable[..., Box]) -> None:
    station = box()
    station.releases()
    job = station.printers["printer-1"].papers[-1].job if station.printers["printer-1"].papers else 1
    with held(station.ledger.path):
        station.turn(PrintAgain(job, False))
        station.clock.go(30)
        station.turn()
    assert station.enters()


def test_a_station_starts_while_another_program_holds_its_ledger(box: Callable[..., Box]) -> None:
    station = box()
    station.releases()
    with held(station.ledger.path):
        station = box()
        assert station.board.lots
    assert station.enters()


def test_a_new_ledger_that_is_held_is_told_in_one_line(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "data").mkdir()
    with (
        held(tmp_path / "data" / "ledger.db", "EXCLUSIVE"),
        pytest.raises(LedgerUnusable, match=r"被别的程序占用|another program"),
    ):
        Ledger(tmp_path / "data", signer)


# --- damaged records ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b'{"not":"ours"', b"\xff\xfe", b"[]", b'{"type":7,"id":1}', b"", b"null"])
def test_a_damaged_record_among_those_that_wait_is_set_aside_by_number(box: Callable[..., Box], body: bytes) -> None:
    station = box()
    for _ in range(5):
        station.enters()
    damage(station, 3, body)
    station = box()
    station.turn(LinkChanged(True))
    sent = [json.loads(body)["sequence"] for _, body in station.wire.sent]
    assert [int(number) for number in sent] == [1, 2, 4, 5]
    ((seq, reason),) = station.board.city.set_aside
    assert (seq, reason.startswith("damaged in this ledger")) == (3, True)
    assert station.enters()
    assert {kind for kind, _ in told(station)} == {"record"}


def test_records_that_are_not_there_any_more_do_not_keep_delivery_waiting_for_ever(box: Callable[..., Box]) -> None:
    station = box()
    for _ in range(5):
        station.enters()
    with station.ledger.batch():
        station.ledger.conn.execute("DELETE FROM events WHERE seq IN (2, 4)")
    station = box()
    station.turn(LinkChanged(True))
    publisher = station.core._publisher
    for seq in (1, 3, 5):
        publisher._settle(publisher.end.arrived(seq))
    station.clock.go(1)
    station.turn()
    assert [(seq, reason.split(";")[0]) for seq, reason in station.board.city.set_aside] == [
        (2, "damaged in this ledger: no record 2"),
        (4, "damaged in this ledger: no record 4"),
    ]
    assert station.board.city.pending == 0


@pytest.mark.parametrize("body", [b'{"not":"ours"', b""])
def test_a_damaged_record_of_a_lot_hides_this_lot_alone(box: Callable[..., Box], body: bytes) -> None:
    station = box()
    codes = [station.enters() for _ in range(3)]
    damage(station, 2, body)
    station = box()
    assert {lot.test_code for lot in station.board.lots} == {codes[0], codes[2]}
    assert told(station) == {("record", f"lot {codes[1]}")}
    with pytest.raises(Refused) as refused:
        station.sells(codes[1])
    assert refused.value.code == "unexpected"
    assert station.lot(station.releases()).state == "released"


def test_a_missing_record_of_a_lot_hides_this_lot_alone(box: Callable[..., Box]) -> None:
    station = box()
    codes = [station.enters() for _ in range(3)]
    with station.ledger.batch():
        station.ledger.conn.execute("DELETE FROM events WHERE seq = 2")
    station = box()
    assert {lot.test_code for lot in station.board.lots} == {codes[0], codes[2]}
    assert "no record 2" in station.board.unread[0].cause


def test_a_damaged_result_that_waits_hides_itself_alone(box: Callable[..., Box]) -> None:
    station = box()
    station.tests(station.result("7", "1.0", "a"), station.result("8", "1.0", "b"))
    damage(station, 1)
    with station.ledger.batch():
        station.ledger.conn.execute("INSERT INTO unmatched VALUES (99, 'tester-1', 'no_such_word', '')")
    station = box()
    assert [one.sample for one in station.waiting] == ["8"]
    assert told(station) == {("record", "record 1")}


def test_a_damaged_paper_is_set_aside_and_the_others_are_printed(box: Callable[..., Box]) -> None:
    station = box()
    lot = station.releases()
    for _ in range(3):
        station.puts("1.000")
        station.sells(lot)
    (job,) = station.ledger.conn.execute("SELECT job FROM print_jobs WHERE seq = 4").fetchone()
    damage(station, 4)
    station = box()
    assert job not in [one.job for one in station.printers["printer-1"].papers]
    assert len(station.printers["printer-1"].papers) >= 2
    assert ("record", f"paper {job}, record 4") in told(station)
    state = station.ledger.conn.execute("SELECT state, why FROM print_jobs WHERE job = ?", (job,)).fetchone()
    assert state == ("failed", "template")


def test_what_a_person_has_seen_of_a_damaged_record_is_no_news_at_the_next_start(box: Callable[..., Box]) -> None:
    from edge.between.commands import SeeUnread

    station = box()
    station.enters()
    station.enters()
    damage(station, 1)
    station = box()
    station.does(SeeUnread(upto=station.board.unread[0].number, person="王敏"))
    assert station.board.unread == ()
    assert box().board.unread == ()


def test_nothing_continues_a_last_record_that_is_damaged(box: Callable[..., Box]) -> None:
    """The city has other bytes under its number: what is written behind it would be a fork."""
    station = box()
    station.enters()
    station.enters()
    damage(station, 2)
    with pytest.raises(LedgerBroken, match=r"账本文件已损坏（第 2 条.*ledger salvage"):
        box()


def test_a_ledger_that_does_not_know_which_codes_it_gave_out_is_not_trusted(box: Callable[..., Box]) -> None:
    station = box()
    station.enters()
    with station.ledger.batch():
        station.ledger.conn.execute("UPDATE events SET serials = 'x:y'")
    with pytest.raises(LedgerBroken, match=r"账本文件已损坏|the ledger is damaged"):
        box()


# --- no ledger at all -----------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert CliRunner().invoke(main, ["init", str(tmp_path / "stall"), "--job", "stall"]).exit_code == 0
    return tmp_path / "stall"


def spoil(home: Path, how: str, signer: Signer) -> None:
    if how == "no database":
        (home / "data").mkdir()
        (home / "data" / "ledger.db").write_bytes(b"PK\x03\x04 this is something else entirely " * 40)
        return
    Ledger(home / "data", signer).close()
    path = home / "data" / "ledger.db"
    data = bytearray(path.read_bytes())
    data[512:] = b"\xa5" * (len(data) - 512)
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["no database", "malformed"])
@pytest.mark.parametrize("command", [("run",), ("ledger", "status"), ("ledger", "export"), ("ledger", "unread")])
def test_a_damaged_file_ends_with_one_plain_line_and_the_next_step(
    home: Path, signer: Signer, how: str, command: tuple[str, ...]
) -> None:
    spoil(home, how, signer)
    done = CliRunner().invoke(main, [*command, "-c", str(home / "station.toml")])
    assert done.exit_code == 1
    lines = [line for line in done.output.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert "账本文件已损坏" in lines[0] and "不要删除" in lines[0]
    assert "Traceback" not in done.output


@pytest.mark.parametrize("how", ["no database", "malformed"])
def test_verify_says_of_a_damaged_file_that_it_is_damaged(home: Path, signer: Signer, how: str) -> None:
    spoil(home, how, signer)
    done = CliRunner().invoke(main, ["ledger", "verify", "-c", str(home / "station.toml")])
    assert done.exit_code == 1
    said = json.loads(done.output)
    assert (said["ok"], "账本文件已损坏" in said["why"]) == (False, True)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"\xff\xfe", b"", b'{"data":{"slip":{"lines":7}}}', b"[" * 100_000])
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_leaves_damaged_records_out_and_names_them(
    home: Path, box: Callable[..., Box], form: str, body: bytes
) -> None:
    station = box()
    for _ in range(3):
        station.enters()
    damage(station, 2, body)
    station.ledger.path.parent.rename(home / "data")
    done = CliRunner().invoke(main, ["ledger", "export", "--as", form, "-c", str(home / "station.toml")])
    assert done.exit_code == 1
    lines = [line for line in done.output.splitlines() if line.startswith(("{", "1,", "2,", "3,"))]
    assert len(lines) == 2
    assert "已损坏而未导出的记录：2。" in done.output and "marketedge ledger verify" in done.output


def test_a_fault_of_the_program_is_not_told_as_a_mistake_of_the_user(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("type")

    monkeypatch.setattr("edge.service.run", fail)
    done = CliRunner().invoke(main, ["run", "-c", str(home / "station.toml")])
    assert done.exit_code == 70
    assert "a fault of the program (KeyError)" in done.output
    assert any(record.exc_info for record in caplog.records)


def test_unread_lists_what_was_kept(box: Callable[..., Box], home: Path, tmp_path: Path) -> None:
    from edge.between.inbox import Stumbled

    station = box()
    station.turn(Stumbled("scale-1", "device", KeyError("x"), b"\x02abc"))
    station.ledger.close()
    (tmp_path / "data").rename(home / "data")
    done = CliRunner().invoke(main, ["ledger", "unread", "-c", str(home / "station.toml")])
    assert done.exit_code == 0, done.output
    row = json.loads(done.output)
    assert (row["device"], row["raw"], row["count"]) == ("scale-1", "02616263", 1)

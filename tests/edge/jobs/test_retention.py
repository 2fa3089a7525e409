"""Records that were kept their time go while nobody works, and the rest still proves itself."""

import asyncio
import json
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.between.commands import HoldLot, PrintDocument, RegisterEntry, Reprint, Sell
from edge.between.correction_commands import VoidSale
from edge.between.inbox import Refused
from edge.between.ledger_commands import SendAgain
from edge.between.photo_commands import KeepPhoto
from edge.cli.ledger import ledger as ledger_command
from edge.config.sections import BadConfig, load
from edge.records import books, search
from edge.records.checkpoints import checkpoint_of, first_of, removed_of
from edge.records.ledger import RecordGone
from edge.records.retention import kept
from edge.records.shelf import Shelf
from edge.records.verify import verify
from edge.state.unread import rows as unread_rows
from edge.web.desk import Problems
from edge.web.reading import Reading
from protocol.city.codes import TraceCode
from protocol.city.envelope import hash_of, kind_of
from protocol.city.photos import hash_of as hash_of_photo

CABBAGE = "01040201"
DAY = 86_400


STATION = """
[station]
name = "惠济市场"
jobs = ["gate", "stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
[city]
brokers = ["mqtt://127.0.0.1"]
"""


def delivered(station: Any) -> None:
    """The city has everything."""
    station.core._publisher.end.upto = station.ledger.head.seq


def idles(station: Any, days: float = 0.0, rounds: int = 4) -> None:
    """Nobody works for so long, and then for some rounds of retention."""
    station.clock.go(days * DAY)
    station.turn()
    for _ in range(rounds):
        station.clock.go(31)
        station.turn()


def sells(station: Any, times: int) -> tuple[str, list[str]]:
    """A lot, and the codes of sales of it."""
    lot = station.releases()
    slips = []
    for number in range(times):
        station.puts(f"{1 + number / 100:.3f}")
        slips.append(str(station.does(Sell(scale="scale-1", product=CABBAGE, lot=lot))["tx"]))
    station.all_out()
    return lot, slips


def whole(station: Any) -> bool:
    return bool(verify(station.ledger.db, station.ledger.signer.key.public_key()))


def kinds(station: Any, first: int) -> list[str]:
    return [kind_of(station.ledger.event(seq)["type"]) for seq in range(first, station.ledger.head.seq + 1)]


@pytest.fixture
def made(box: Callable[..., Any], devices: str) -> Callable[[], Any]:
    """A stall whose scale is verified for long."""
    return lambda: box(devices.replace("2027-06-30", "2099-12-31"))


@pytest.fixture
def old(made: Callable[[], Any]) -> Any:
    """A stall whose records the city has had for a month less than they are kept; then it sold once more."""
    station = made()
    station.lot_then, station.slips = sells(station, 3)
    delivered(station)
    idles(station)
    idles(station, 23 * 30.5)
    assert first_of(station.ledger.conn) == 1
    station.before = station.ledger.head.seq
    station.today_then = "2026-11-22"
    station.lot_now, slips = sells(station, 1)
    station.slips += slips
    delivered(station)
    return station


def test_when_nothing_is_left_to_do_it_is_not_looked_for_again_that_day(old: Any) -> None:
    forgetting = old.core._station.forgetting
    idles(old, 400, rounds=20)
    delivered(old)
    idles(old, rounds=20)
    assert first_of(old.ledger.conn) > 1
    forgetting.look()
    assert not forgetting.due(old.clock, old.ledger.head.seq)


def test_what_was_kept_its_time_goes_and_the_rest_proves_itself(old: Any) -> None:
    last = hash_of(old.ledger.body(old.before))
    idles(old, 31)
    assert kinds(old, old.ledger.head.seq) == ["ledger.checkpoint"]
    said = old.ledger.event(old.ledger.head.seq)["data"]
    assert (said["upto"], said["hash"], said["months"]) == (old.before, last, 24)
    assert said["serials"]["1"] == 1 and said["serials"]["2"] == 3
    assert first_of(old.ledger.conn) == old.before + 1
    assert whole(old)
    assert not list(unread_rows(old.ledger.conn))
    assert old.count(f"SELECT count(*) FROM print_jobs WHERE seq <= {old.before}") == 0
    assert [lot.test_code for lot in old.board.lots] == [old.lot_now]


def test_nothing_goes_a_day_too_early(made: Callable[[], Any]) -> None:
    station = made()
    sells(station, 1)
    delivered(station)
    idles(station)
    noted = station.clock.wall
    idles(station, 728)  # from 22 November to 19 November, two years later
    assert (station.clock.wall - noted).days == 728
    assert first_of(station.ledger.conn) == 1 and checkpoint_of(station.ledger.conn) is None
    idles(station, 4)
    assert checkpoint_of(station.ledger.conn) is not None


def test_what_the_city_has_not_or_refused_stays(made: Callable[[], Any]) -> None:
    station = made()
    sells(station, 3)
    end = station.core._publisher.end
    end.upto = 4
    idles(station)
    end.upto = station.ledger.head.seq
    end.aside.put(3, 3, "schema: goods")
    idles(station, 760)
    assert first_of(station.ledger.conn) == 3
    assert station.ledger.conn.execute("SELECT min(upto) FROM city_had").fetchone()[0] <= station.ledger.head.seq
    assert whole(station)


def test_nothing_goes_while_people_work(old: Any) -> None:
    old.clock.go(31 * DAY)
    for number in range(8):
        old.puts(f"2.{number}00")
        old.does(Sell(scale="scale-1", product=CABBAGE, lot=old.lot_now))
        delivered(old)
    assert first_of(old.ledger.conn) == 1 and checkpoint_of(old.ledger.conn) is None
    idles(old, 0, rounds=5)
    assert first_of(old.ledger.conn) == old.before + 1


def test_a_clock_that_is_not_believed_forgets_nothing(old: Any) -> None:
    old.clock.worth = "unsynced"
    idles(old, 3650)
    assert first_of(old.ledger.conn) == 1
    assert checkpoint_of(old.ledger.conn) is None


def test_a_few_go_in_a_round(old: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each round stops at its bound, in between all can be checked, and a restart goes on."""
    monkeypatch.setattr("edge.records.retention.AT_ONCE", 2)
    idles(old, 31, rounds=2)
    seen = []
    for _ in range(8):
        idles(old, rounds=1)
        seen.append(first_of(old.ledger.conn))
        assert whole(old)
    assert seen[-1] == old.before + 1
    assert {later - before for before, later in pairwise(seen)} <= {0, 1, 2}


def test_a_held_lot_keeps_its_records(old: Any) -> None:
    old.does(HoldLot(lot=old.lot_then, person="王敏", reason="投诉"))
    delivered(old)
    idles(old, 31)
    assert checkpoint_of(old.ledger.conn) is not None
    assert first_of(old.ledger.conn) == 1
    about = kept(old.ledger.conn, 24, old.clock.today())
    assert about["waits_for"] == {"record": 1, "why": old.lot_then}
    assert whole(old)


def test_photos_go_with_the_last_record_that_names_them(
    made: Callable[[], Any], tmp_path: Path, a_photo: Callable[..., bytes]
) -> None:
    """One that a newer record names stays, and one that the city has not got."""
    station = made()
    photos = station.core._station.photos
    shas = []
    for number in range(3):
        data = a_photo(number + 1)
        shas.append(hash_of_photo(data))
        photos.files.keep(shas[-1], data)
        station.does(KeepPhoto(sha256=shas[-1], size=len(data)))
    entry = RegisterEntry(product=CABBAGE, net_g=1000, origin="河南", supplier="李四")
    for one in shas:
        station.does(entry.model_copy(update={"photos": (one,)}))
    delivered(station)
    idles(station)
    for one in shas[:2]:
        photos.table.sent(one)
    idles(station, 24 * 30)
    station.does(entry.model_copy(update={"photos": (shas[1],)}))
    delivered(station)
    idles(station, 31)
    idles(station)
    assert first_of(station.ledger.conn) > 3
    assert [(tmp_path / "data/photos" / one).exists() for one in shas] == [False, True, True]
    assert photos.table.all() == set(shas[1:])
    assert not list(unread_rows(station.ledger.conn))


@pytest.mark.parametrize(("jobs", "months", "said"), [('["stall"]', 5, 6), ('["canteen"]', 23, 24)])
def test_fewer_months_than_the_law_wants_are_refused_in_words(
    tmp_path: Path, jobs: str, months: int, said: int
) -> None:
    text = STATION.replace('["gate", "stall"]', jobs).replace("[seller]", f"keep_months = {months}\n[seller]")
    (tmp_path / "station.toml").write_text(text, "utf-8")
    with pytest.raises(BadConfig, match=f"keep_months = {months}：依法至少保存 {said} 个月"):
        load(tmp_path / "station.toml")
    (tmp_path / "station.toml").write_text(text.replace(f"= {months}\n", f"= {months + 1}\n"), "utf-8")
    assert load(tmp_path / "station.toml").station.keep_months == months + 1


def test_what_is_gone_is_told_in_words(old: Any) -> None:
    idles(old, 31)
    with pytest.raises(RecordGone, match="record 1 was kept its time"):
        old.ledger.event(1)
    with pytest.raises(Refused, match=f"Here are records from {old.before + 1} on") as refused:
        old.does(SendAgain(first=1))
    assert refused.value.code == "record_gone"
    assert old.ledger.seq_of(TraceCode.parse(old.slips[0])) is None
    assert old.ledger.seq_of(TraceCode.parse(old.slips[-1])) is not None
    with pytest.raises(Refused):
        old.does(Sell(scale="scale-1", product=CABBAGE, lot=old.lot_then))
    assert not list(unread_rows(old.ledger.conn))


def test_a_paper_or_deed_about_what_is_gone_is_refused_with_its_reason(old: Any) -> None:
    asked: list[Any] = [
        PrintDocument(paper="slip", subject=old.slips[0]),
        PrintDocument(paper="report", subject=old.lot_then),
        PrintDocument(paper="day", subject=old.today_then),
        VoidSale(tx=old.slips[0], reason="退货"),
        HoldLot(lot=old.lot_then, person="王敏", reason="投诉"),
        Sell(scale="scale-1", product=CABBAGE, lot=old.lot_then),
    ]
    reprint = Reprint(job=1)
    for command in (*asked[:3], reprint):
        assert old.does(command)["job"]
    delivered(old)
    idles(old, 31)
    old.puts("1.000")
    for command in asked:
        with pytest.raises(Refused) as refused:
            old.does(command)
        assert refused.value.code == "record_gone", command
        assert "24 个月" in refused.value.zh and "平台" in refused.value.zh
        assert "24 months" in refused.value.en and "city" in refused.value.en
    with pytest.raises(Refused) as refused:
        old.does(reprint)
    assert refused.value.code in ("no_paper", "record_gone")
    assert old.does(PrintDocument(paper="slip", subject=old.slips[-1]))["job"]
    assert old.does(PrintDocument(paper="day"))["job"]


def test_books_and_searches_that_reach_what_is_gone_say_so(old: Any, tmp_path: Path) -> None:
    """What is left adds up to what is left; the first row, or the answer's ``removed``, says what is not in it."""
    conn, sales = old.ledger.conn, books.BOOKS["sales"]

    def book(first: date | None) -> list[list[Any]]:
        return list(books.rows(conn, sales, first, None, books.Progress()))

    whole_book = book(None)
    assert len(whole_book) == 4 and removed_of(conn) is None
    assert search.step(conn, search.Wanted()).removed is None
    idles(old, 31)
    removed = removed_of(conn)
    assert removed is not None and (removed.upto, removed.months) == (old.before, 24)
    note, *left = book(None)
    assert left == whole_book[-1:]
    assert note[0] == f"1–{old.before}" and removed.zh in note
    assert sum(cell for cell in note if not isinstance(cell, str)) == 0
    later = date.fromisoformat(removed.day) + timedelta(days=1)
    assert book(date.fromisoformat(removed.day)) == [note, *left]
    assert book(later) == []
    for form in ("csv", "xlsx"):
        books.write(tmp_path / f"book.{form}", form, sales, iter([note, *left]))
    assert removed.zh in (tmp_path / "book.csv").read_text("utf-8-sig")
    shelf = Shelf(tmp_path / "data", old.ledger.signer.key.public_key())
    assert shelf.step(search.Wanted()).removed == removed
    assert shelf.step(search.Wanted(code=old.slips[0])).removed == removed
    assert shelf.step(search.Wanted(code=old.slips[-1])).removed is None
    assert shelf.step(search.Wanted(first_day=later)).removed is None
    with pytest.raises(Problems) as problem:
        asyncio.run(Reading(shelf, None).record(1))
    assert (problem.value.status, problem.value.code) == (404, "record_gone")


def test_the_command_line_says_what_is_gone(old: Any, tmp_path: Path) -> None:
    idles(old, 31)
    removed = removed_of(old.ledger.conn)
    assert removed is not None
    key = tmp_path / "key.pem"
    key.write_bytes(old.ledger.signer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for words in (("verify", "--key", str(key)), ("export",)):
        done = CliRunner().invoke(ledger_command, [*words, "-c", str(tmp_path / "station.toml")])
        assert done.exit_code == 0, done.output
        if words[0] == "verify":
            assert json.loads(done.stdout)["removed"] == {"upto": old.before, "day": removed.day, "months": 24}
        else:
            assert removed.zh in done.stderr
            assert len(done.stdout.splitlines()) == old.ledger.head.seq - old.before

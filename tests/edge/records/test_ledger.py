"""Recorded means on disk, chained, signed, and never half."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.records.clock import Clock
from edge.records.ledger import (
    ALARM,
    Ledger,
    LedgerBroken,
    LedgerFull,
    Recorded,
    Signer,
    open_reader,
    uuid7,
)
from edge.records.serials import serials_of, serials_text
from edge.records.verify import verify
from protocol.city import envelope
from protocol.city.codes import CodeKind
from protocol.city.events import EntryRegistered, Goods, TradeCompleted

Append = Callable[..., Recorded]


@pytest.fixture
def entry() -> EntryRegistered:
    return EntryRegistered(
        goods=Goods(product="01040201", name="大白菜"), net_g=12340, origin="河南", supplier="李四", sample="1"
    )


@pytest.fixture
def append(ledger: Ledger, clock: Clock, entry: EntryRegistered) -> Append:
    def one(lane: int = 0) -> Recorded:
        code = ledger.next_code(CodeKind.TEST)
        return ledger.append("entry.registered", str(code), entry, clock.now(), clock.boot_id, lane=lane)

    return one


def test_records_are_numbered_without_gaps_and_chained(ledger: Ledger, append: Append, key: Ed25519PrivateKey) -> None:
    with ledger.batch():
        recorded = [append() for _ in range(5)]
    assert [one.seq for one in recorded] == [1, 2, 3, 4, 5]
    events = [envelope.read(one.body) for one in recorded]
    assert events[0]["prevhash"] == envelope.FIRST_PREVHASH
    for before, event in zip(recorded, events[1:], strict=False):
        assert event["prevhash"] == envelope.hash_of(before.body)
    assert verify(ledger.db, key.public_key()) == (5, envelope.hash_of(recorded[-1].body))


def test_codes_go_on_after_a_restart(ledger: Ledger, append: Append, tmp_path: Path, signer: Signer) -> None:
    with ledger.batch():
        append(), append()
        used = ledger.next_code(CodeKind.SALE)
        last = append()
    ledger.close()
    again = Ledger(tmp_path / "data", signer)
    assert again.head.seq == 3
    assert again.head.prevhash == envelope.hash_of(last.body)
    assert again.next_code(CodeKind.TEST).serial == 4
    assert again.next_code(CodeKind.SALE).serial == used.serial + 1
    again.close()


def test_a_failed_batch_leaves_nothing(ledger: Ledger, append: Append) -> None:
    with pytest.raises(RuntimeError), ledger.batch():
        append()
        raise RuntimeError
    assert ledger.head.seq == 0
    assert ledger.head.serials == {}
    with ledger.batch():
        assert append().seq == 1


def test_a_refused_step_leaves_the_rest_of_its_batch(ledger: Ledger, append: Append, key: Ed25519PrivateKey) -> None:
    with ledger.batch():
        append()
        with pytest.raises(RuntimeError), ledger.step():
            append()
            raise RuntimeError
        append()
    assert ledger.head.seq == 2
    assert verify(ledger.db, key.public_key())[0] == 2


def test_a_full_disk_is_told_and_leaves_nothing(ledger: Ledger, append: Append) -> None:
    pages = ledger.db.execute("PRAGMA page_count").fetchone()[0]
    ledger.db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(LedgerFull, match="free some space"), ledger.batch():
        for _ in range(20):
            append()
    assert ledger.head.seq == 0
    ledger.db.execute("PRAGMA max_page_count = 1000000")
    with ledger.batch():
        assert append().seq == 1


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("UPDATE events SET body = CAST(replace(unpacked(body), '12340', '12341') AS BLOB) WHERE seq = 2", "record 2"),
        ("UPDATE events SET body = substr(body, 1, length(body) - 1) WHERE seq = 2", "record 2"),
        ("UPDATE events SET body = CAST(x'ff' || substr(body, 2) AS BLOB) WHERE seq = 2", "record 2"),
        ("DELETE FROM events WHERE seq = 2", "record 2 is missing"),
        ("UPDATE events SET body = (SELECT body FROM events WHERE seq = 1) WHERE seq = 2", "record 2 calls itself 1"),
    ],
)
def test_tampering_is_found(
    ledger: Ledger, append: Append, key: Ed25519PrivateKey, damage: str, complaint: str
) -> None:
    with ledger.batch():
        append(), append(), append()
    ledger.db.execute(damage)
    with pytest.raises(LedgerBroken, match=complaint):
        verify(ledger.db, key.public_key())


def test_every_commit_is_synchronous_and_pages_are_small(ledger: Ledger) -> None:
    assert ledger.db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert ledger.db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert ledger.db.execute("PRAGMA page_size").fetchone()[0] == 512


def test_another_thread_cannot_write(ledger: Ledger) -> None:
    caught: list[Exception] = []

    def write() -> None:
        try:
            ledger.conn.execute("DELETE FROM events")
        except sqlite3.ProgrammingError as error:
            caught.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    assert caught


def test_a_reader_cannot_write(ledger: Ledger, append: Append, tmp_path: Path) -> None:
    with ledger.batch():
        append(lane=ALARM)
    reader = open_reader(tmp_path / "data")
    assert reader.execute("SELECT lane FROM events").fetchone()[0] == ALARM
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM events")


def test_a_record_of_another_kind_is_our_mistake(ledger: Ledger, entry: EntryRegistered, clock: Clock) -> None:
    with pytest.raises(TypeError, match=TradeCompleted.__name__), ledger.batch():
        ledger.append("trade.completed", "x", entry, clock.now(), clock.boot_id)


def test_ids_are_uuid7_in_order_of_time() -> None:
    first, second = uuid7(1_795_296_667.0), uuid7(1_795_296_667.002)
    assert first < second
    assert first[14] == "7"
    assert first[19] in "89ab"
    assert len(first) == 36


@pytest.mark.parametrize(
    ("text", "serials"),
    [
        ("", {}),
        ("1b2iG", {1: 1, 2: 448}),
        ("3btglJ", {3: 9_999_999}),
        ("1a", {1: 0}),
        ("1:74 2:424", {1: 74, 2: 424}),
        ("3:9", {3: 9}),
    ],
)
def test_the_serials_beside_a_record_are_read_in_both_ways(text: str, serials: dict[int, int]) -> None:
    assert serials_of(text) == serials
    assert serials_of(serials_text(serials)) == serials
    assert ":" in text or serials_text(serials) == text


@pytest.mark.parametrize("text", ["x", "3", "3:", "3:y", "b3", "3b ", "3b\n", "3é", "3b4"])
def test_what_is_no_serial_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        serials_of(text)

"""What a sale and a morning's results cost is counted: statements, signatures, serialisations, pages. Never a time."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.between.commands import Sell, SetPrice
from edge.records.ledger import PAGE_SIZE
from edge.state import alerts, views
from protocol.city import canonical
from protocol.city.events import Record

CABBAGE = "01040201"
STATEMENTS = 20  # of one sale with its slip and what pages see of it: 18 when this was written
FRAME = PAGE_SIZE + 24
BURST = 100


class CountingKey:
    """A key that notes what it signs."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.signed: list[bytes] = []

    def public_key(self) -> Ed25519PublicKey:
        return self._key.public_key()

    def sign(self, data: bytes) -> bytes:
        self.signed.append(data)
        return self._key.sign(data)


def ready(box: Callable[..., Any]) -> tuple[Any, Sell]:
    """A station after its first sales, with a load on the scale, and the sale of it."""
    station = box()
    sale = Sell(scale="scale-1", product=CABBAGE, lot=station.releases())
    for kilograms in ("1.000", "1.500"):
        station.puts(kilograms)
        station.does(sale)
    station.all_out()
    station.puts("2.000")
    return station, sale


def test_a_sale_takes_few_statements(box: Callable[..., Any]) -> None:
    station, sale = ready(box)
    said: Counter[str] = Counter()
    station.ledger.conn.set_trace_callback(lambda statement: said.update([statement.split(" WHERE ")[0][:80]]))
    station.does(sale)
    station.ledger.conn.set_trace_callback(None)
    assert sum(said.values()) <= STATEMENTS, said
    assert sum(count for what, count in said.items() if what.startswith("SELECT test_code, seq")) <= 1, said
    assert said["COMMIT"] == 1


def test_the_same_statements_are_compiled_once(box: Callable[..., Any]) -> None:
    """A statement with a text of its own each time, as a savepoint with a random name, is compiled each time."""
    station, sale = ready(box)
    rounds = []
    for kilograms, fen in (("2.500", 190), ("3.000", 180)):
        said: set[str] = set()
        station.ledger.conn.set_trace_callback(said.add)
        station.ask(SetPrice(product=CABBAGE, price_fen=fen), sale)  # what comes first in a batch needs no savepoint
        station.ledger.conn.set_trace_callback(None)
        rounds.append({statement for statement in said if statement.startswith(("SAVEPOINT", "RELEASE"))})
        station.puts(kilograms)
    assert rounds[0] == rounds[1] != set()


def test_a_sale_is_signed_and_serialised_once_for_its_record_and_once_for_its_code(
    box: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    station, sale = ready(box)
    key = CountingKey(station.ledger.signer.key)
    station.ledger.signer = replace(station.ledger.signer, key=key)
    written: list[str] = []
    by_itself, alone = Record.written, Record.canonical
    monkeypatch.setattr(canonical, "write", lambda value: pytest.fail(f"{value} is written in another way"))
    monkeypatch.setattr(Record, "canonical", lambda self: (written.append(type(self).__name__), alone(self))[1])
    monkeypatch.setattr(Record, "written", lambda self: (written.append(type(self).__name__), by_itself(self))[1])
    station.does(sale)
    assert [data[:10] for data in key.signed] == [b"MEDGE-QR1\0", b'{"bootid":']
    assert written == ["Slip", "TradeCompleted"]


def test_a_new_entry_looks_at_no_other_lot_for_what_a_person_has_to_see(
    box: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = box()
    for _ in range(20):
        station.enters()
    looked: list[str] = []
    words_of = alerts.words_of
    monkeypatch.setattr(alerts, "words_of", lambda lot: (looked.append(lot.test_code), words_of(lot))[1])
    code = station.enters()
    assert looked == [code]


def test_a_sale_does_not_make_the_test_rooms_view_anew(
    box: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    station, sale = ready(box)
    made: list[Any] = []
    bench_view = views.bench_view
    monkeypatch.setattr(views, "bench_view", lambda station: made.append(bench_view(station)) or made[-1])
    before = station.board.bench
    station.does(sale)
    assert station.board.lots[0].left_g == 250_000 - 4_500
    assert not made
    station.enters()
    assert made == [station.board.bench] != [before]
    assert station.board.bench.today["all"] == 2


def test_a_weight_takes_no_transaction_where_each_load_is_sold_by_itself(
    box: Callable[..., Any], counter_devices: str
) -> None:
    station = box(f'[stall]\ncontinuous = "{CABBAGE}"\n{counter_devices}')
    station.releases()
    said: list[str] = []
    station.ledger.conn.set_trace_callback(said.append)
    station.weighs("0.000")
    assert not {"BEGIN", "COMMIT"} & set(said)
    before = station.ledger.head.seq
    station.weighs("2.000")
    station.ledger.conn.set_trace_callback(None)
    assert station.ledger.head.seq == before + 1
    assert said.count("COMMIT") == 1


def test_a_mornings_results_write_little_more_than_their_records(box: Callable[..., Any]) -> None:
    """A result and its lot's release are two records; the lots, the prints and the rest are a third of the pages."""
    station = box()
    codes = [station.enters() for _ in range(BURST)]
    samples = [station.lot(code).sample for code in codes]
    results = tuple(station.result(sample, "12.5") for sample in samples)
    station.clock.go(60)
    station.turn()
    before = station.ledger.head.seq
    frames = frames_of(station, lambda: station.hands_over(*results))
    assert station.ledger.head.seq == before + 2 * BURST
    assert frames <= 3.15 * BURST, frames


def frames_of(station: Any, work: Callable[[], None]) -> int:
    """Pages that this writes to the log; it is written from its beginning."""
    with sqlite3.connect(station.ledger.path) as other:
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    other.close()
    work()
    log = station.ledger.path.with_name(f"{station.ledger.path.name}-wal")
    return log.stat().st_size // FRAME


def test_nothing_is_written_while_nothing_happens(box: Callable[..., Any]) -> None:
    """Weights come and go, pages are looked at, days pass: not a page of the log, not a row; once a month one row."""
    station, _ = ready(box)
    station.core._publisher.end.upto = station.ledger.head.seq
    frames_of(station, lambda: rests(station, 1.0))  # what was left of the day is saved
    changes = station.ledger.conn.total_changes
    for days in (0.1, 3.0):
        assert frames_of(station, lambda days=days: rests(station, days)) == 0
    assert station.ledger.conn.total_changes == changes
    assert frames_of(station, lambda: rests(station, 31.0)) > 0
    assert station.ledger.conn.total_changes == changes + 1


def rests(station: Any, days: float) -> None:
    """Nobody buys for so long: the scale says the same, or moves, and the core looks at its clock."""
    for number in range(100):
        station.clock.go(days * 864)
        station.turn()
        station.weighs("0.500" if number % 2 else "0.000", seconds=0.3)

"""A city's database of before becomes what this program writes: steps, once, whoever starts; a newer one is refused."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from simulator.city import tables
from simulator.city.engines import Postgres as Server
from simulator.city.engines import insert
from simulator.city.reader import Reader, summary
from simulator.city.store import Store
from simulator.postgres import Postgres

STATION = "410108001-01"
KEPT = {"station": STATION, "base": "mkt/1/410108/410108001/01", "upto": 2, "head": "ab" * 32, "top": 2, "stored": 2}
TEXTS = ("state", "software", "seen", "torn", "born", "serials", "issued", "gap_since")
NUMBERS = ("count", "rejected", "duplicates", "breaks", "claimed", "given_up", "joint")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres(["fsync = off"]) as running:
        yield running


@pytest.fixture
def url(server: Postgres) -> Iterator[str]:
    """An empty database."""
    db = Server(server.url)
    db.execute("CREATE DATABASE another")
    yield server.url.replace("/postgres?", "/another?")
    db.execute("DROP DATABASE another WITH (FORCE)")
    db.close()


@pytest.fixture
def old(url: str) -> str:
    """As the version before steps left it: the first tables, a station and its two records, and no number."""
    db = Server(url)
    with db.atomic():
        for statement in tables.steps()[1]:
            db.execute(statement)
        insert(db, "stations", KEPT | dict.fromkeys(TEXTS, "") | dict.fromkeys(NUMBERS, 0))
        for sequence in (1, 2):
            row = {"station": STATION, "sequence": sequence, "id": f"id-{sequence}", "kind": "price.changed"}
            texts = dict.fromkeys(("subject", "code", "reason", "received"), "")
            insert(db, "events", row | texts | {"alarm": 0, "body": b"{}"})
    db.close()
    return url


def version(url: str) -> int:
    db = Server(url)
    try:
        return int(db.execute("SELECT version FROM city_schema").fetchone()[0])
    finally:
        db.close()


def as_new(url: str) -> list[Any]:
    """The columns of all tables, without their order."""
    db = Server(url)
    try:
        sql = (
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
            " WHERE table_schema = current_schema() ORDER BY table_name, column_name"
        )
        return list(db.execute(sql).fetchall())
    finally:
        db.close()


def test_a_new_city_has_every_step(url: str) -> None:
    Store(url).close()
    assert version(url) == max(tables.steps()) == len(tables.steps())
    Store(url).close()
    assert version(url) == max(tables.steps())


def test_a_database_of_before_keeps_its_rows_and_takes_new_ones(
    old: str, server: Postgres, signer_type: Callable[..., Any]
) -> None:
    store = Store(old)
    with Reader(old) as reader:
        (one,) = reader.stations()
        assert (one.upto, one.head, one.gone, one.point) == (2, KEPT["head"], 0, 0)
        assert len(reader.events_of(STATION, 0, 10)) == 2
    with store.batch([STATION, "410108001-02"]):
        store.trust(STATION, "cd" * 32, "test")
        store.station(STATION).gone = 1
        store.speak(STATION)
    store.close()
    with Reader(old) as reader:
        assert reader.stations()[0].gone == 1
    assert summary(old)["stations"][STATION]["upto"] == 2
    before = as_new(old)
    db = Server(server.url)
    db.execute("CREATE DATABASE fresh")
    fresh = server.url.replace("/postgres?", "/fresh?")
    Store(fresh).close()
    assert before == as_new(fresh)
    db.execute("DROP DATABASE fresh WITH (FORCE)")
    db.close()


def test_columns_that_somebody_added_by_hand_are_left(old: str) -> None:
    db = Server(old)
    db.execute("ALTER TABLE stations ADD COLUMN gone bigint NOT NULL DEFAULT 7")
    db.close()
    Store(old).close()
    assert version(old) == max(tables.steps())
    with Reader(old) as reader:
        assert [(one.gone, one.point) for one in reader.stations()] == [(7, 0)]


@pytest.mark.parametrize("begun", ["url", "old"])
def test_workers_that_start_at_once_are_no_race(request: pytest.FixtureRequest, begun: str) -> None:
    where, failed = request.getfixturevalue(begun), []
    gate = threading.Barrier(6)

    def start() -> None:
        gate.wait()
        try:
            Store(where).close()
        except Exception as error:
            failed.append(error)

    workers = [threading.Thread(target=start) for _ in range(6)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert failed == [] and version(where) == max(tables.steps())


def test_a_step_that_fails_leaves_nothing_of_itself(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = max(tables.steps())
    broken = {**tables.steps(), newest + 1: ("CREATE TABLE half (a bigint)", "CREATE NONSENSE")}
    monkeypatch.setattr(tables, "steps", lambda: broken)
    with pytest.raises(psycopg.Error):
        Store(old)
    assert version(old) == newest and not [row for row in as_new(old) if row[0] == "half"]


def test_a_newer_database_is_refused_in_words(old: str, tmp_path: Path) -> None:
    Store(old).close()
    db = Server(old)
    db.execute("UPDATE city_schema SET version = version + 1")
    db.close()
    with pytest.raises(tables.NewerDatabase, match="newer program"):
        Store(old)
    assert version(old) == max(tables.steps()) + 1
    file = tmp_path / "city.db"
    Store(file).close()
    Store(file).close()
    with sqlite3.connect(file) as conn:
        conn.execute("UPDATE _sqlite_migrations SET name = 'of_tomorrow' WHERE name = 'records_gone'")
    with pytest.raises(tables.NewerDatabase, match="of_tomorrow"):
        Store(file)


def test_a_database_that_takes_an_empty_text_for_none_is_not_opened(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As openGauss does unless it is told otherwise: PostgreSQL is asked what it answers alike."""
    with closing(Server(url)) as db:
        with monkeypatch.context() as patched:
            asks = db.execute
            patched.setattr(db, "execute", lambda sql, *more: asks(sql.replace("'' IS", "NULL IS"), *more))
            with pytest.raises(tables.OtherMode, match="mode of PostgreSQL"):
                tables.make(db)
        tables.make(db)
    assert version(url) == max(tables.steps())

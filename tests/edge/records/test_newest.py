"""A new ledger is made in one go, and is what all steps of the schema would have made of it."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlite_utils import Database

from edge.records.database import Steps
from edge.records.ledger import Ledger, LedgerUnusable, Signer
from edge.records.migrations import NEWEST, ledger


def contents(conn: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Everything in a file but when its steps were taken."""
    found = {"schema": sorted(conn.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))}
    for kind, name, *_ in found["schema"]:
        if kind == "table":
            columns = "migration_set, name" if name == "_sqlite_migrations" else "*"
            found[str(name)] = sorted(conn.execute(f"SELECT {columns} FROM {name}"))
    return found


def test_what_a_new_ledger_is_made_of_is_written_down() -> None:
    assert NEWEST.read_text("utf-8") == ledger.script(), "run `make schema`"


def test_a_new_ledger_is_what_all_steps_make() -> None:
    by_steps, at_once = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    ledger.apply(Database(by_steps))
    ledger.take(at_once)
    assert contents(at_once) == contents(by_steps)
    assert ledger.taken(at_once)


def test_a_new_ledger_is_made_without_sqlite_utils() -> None:
    code = "import sqlite3, sys; from edge.records.migrations import ledger; ledger.take(sqlite3.connect(':memory:'))"
    done = subprocess.run([sys.executable, "-c", f"{code}; print('sqlite_utils' in sys.modules)"], capture_output=True)
    assert done.stdout.strip() == b"False", done.stderr


def test_a_step_that_is_not_written_down_yet_is_taken_behind_it(tmp_path: Path) -> None:
    newest = tmp_path / "newest.sql"
    short, long = Steps("ledger", newest), Steps("ledger", newest)

    def m001_first(db: Database) -> None:
        db.executescript("CREATE TABLE first (a)")

    def m002_second(db: Database) -> None:
        db.executescript("CREATE TABLE second (b)")

    for steps in (short, long):
        steps()(m001_first)
    long()(m002_second)
    newest.write_text(short.script(), "utf-8")
    conn = sqlite3.connect(":memory:")
    long.take(conn)
    assert long.taken(conn)
    assert {"first", "second"} <= set(contents(conn))


def test_a_ledger_that_a_newer_program_wrote_is_refused_in_words_and_left_as_it_is(
    tmp_path: Path, signer: Signer
) -> None:
    Ledger(tmp_path, signer).close()
    with sqlite3.connect(tmp_path / "ledger.db") as conn:
        conn.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('ledger', 'm999_x', '')")
        before = contents(conn)
    with pytest.raises(LedgerUnusable, match=r"m999_x.*本版本不能使用"):
        Ledger(tmp_path, signer)
    assert contents(conn) == before
    conn.execute("DELETE FROM _sqlite_migrations WHERE name = 'm999_x'")
    conn.commit()
    conn.close()
    Ledger(tmp_path, signer).close()


def test_single_refused_records_become_stretches() -> None:
    conn = sqlite3.connect(":memory:")
    ledger.apply(Database(conn), stop_before="m039_stretches")
    conn.execute("UPDATE delivery SET upto = 6")
    conn.execute("INSERT INTO resending VALUES (1, 3, 9)")
    rows = [(2, "no"), (3, "no"), (4, "other"), (6, "no"), (9, None), (10, "no"), (12, None)]
    conn.executemany("INSERT INTO settled_ahead VALUES (?, ?)", rows)
    conn.commit()
    ledger.apply(Database(conn))
    found = conn.execute("SELECT what, first, last, why FROM stretches ORDER BY what, first").fetchall()
    assert found == [
        ("again", 3, 9, ""),
        *(("ahead", 9, 10, ""), ("ahead", 12, 12, "")),
        *(("aside", 2, 3, "no"), ("aside", 4, 4, "other"), ("aside", 6, 6, "no"), ("aside", 10, 10, "no")),
    ]

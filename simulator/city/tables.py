"""The city's tables, and the steps by which an older database becomes what this program writes.

SQLite's steps are ``sqlite_utils.Migrations``.  A server's are the files ``postgresql/NNN_*.sql`` in their order; the
first makes all tables of a new city, and the table ``city_schema`` has the number of the last one taken.  Whoever opens
a store takes what is missing, each step in a transaction with its number, and locks that row first: of two workers that
start at once one waits, and finds it done.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

from sqlite_utils import Database, Migrations

from simulator.city import photos, shelf
from simulator.city.engines import Db, Postgres, Sqlite, insert

ADDS = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (\w+) ")
UNNUMBERED = 1  # the step that a database without a number has taken


class NewerDatabase(ValueError):
    """The database was written by a newer program than this one; the message says so to people."""


class OtherMode(ValueError):
    """The database was made like Oracle's: it takes an empty text for none, and each record has empty texts."""


def make(db: Db) -> None:
    """Make what is missing. Raises NewerDatabase, OtherMode, and what the database raises."""
    if isinstance(db, Postgres):
        _refuse_other_mode(db)
        _take_steps(db)
    elif isinstance(db, Sqlite):
        _refuse_newer(db)
        migrations.apply(db)


# --- a server ---------------------------------------------------------------------------------------------------------


@cache
def steps() -> dict[int, tuple[str, ...]]:
    """The statements of each step, by its number: 1, 2, 3 …"""
    files = resources.files("simulator.city").joinpath("postgresql").iterdir()
    named = {int(file.name[:3]): file.read_text("utf-8") for file in files if file.name.endswith(".sql")}
    return {number: tuple(one for one in text.split(";\n") if _said(one)) for number, text in sorted(named.items())}


def _said(statement: str) -> str:
    return "".join(line for line in statement.splitlines() if not line.startswith("--")).strip()


def _refuse_other_mode(db: Postgres) -> None:
    if db.execute("SELECT CASE WHEN '' IS NULL THEN 1 ELSE 0 END").fetchone()[0]:
        raise OtherMode(
            "this database takes an empty text for NULL, as Oracle does: make it in the mode of PostgreSQL "
            "(README.md of simulator/city says how)"
        )


def _take_steps(db: Postgres) -> None:
    if not _is_table(db, "city_schema"):
        _begin_numbers(db)
    while _one_step(db):
        pass


def _begin_numbers(db: Postgres) -> None:
    """Write down which step a database is at that has no number yet."""
    try:
        with db.atomic():
            db.execute("CREATE TABLE city_schema (one smallint NOT NULL PRIMARY KEY, version bigint NOT NULL)")
            insert(db, "city_schema", {"one": 1, "version": UNNUMBERED if _is_table(db, "stations") else 0})
    except db.failures:
        if not _is_table(db, "city_schema"):  # else another one began at the same moment
            raise


def _one_step(db: Postgres) -> bool:
    """Take the next step; False when all are taken."""
    with db.atomic():
        version = int(db.execute("SELECT version FROM city_schema WHERE one = 1 FOR UPDATE").fetchone()[0])
        newest = max(steps())
        if version > newest:
            raise NewerDatabase(
                f"this database is at step {version} of its tables, and this program knows {newest}: a newer program "
                "wrote it. Install that one, or name another database"
            )
        if version == newest:
            return False
        for statement in _missing(db, steps()[version + 1]):
            db.execute(statement)
        db.execute("UPDATE city_schema SET version = ? WHERE one = 1", [version + 1])
    return True


def _missing(db: Postgres, statements: tuple[str, ...]) -> Iterator[str]:
    """Without the columns that somebody added by hand."""
    for statement in statements:
        adds = ADDS.match(_said(statement))
        sql = "SELECT count(*) FROM information_schema.columns WHERE table_name = ? AND column_name = ?"
        if not (adds and db.execute(sql, [*adds.groups()]).fetchone()[0]):
            yield statement


def _is_table(db: Postgres, name: str) -> bool:
    sql = "SELECT count(*) FROM information_schema.tables WHERE table_name = ?"
    return bool(db.execute(sql, [name]).fetchone()[0])


# --- SQLite -----------------------------------------------------------------------------------------------------------


def _refuse_newer(db: Sqlite) -> None:
    if "_sqlite_migrations" not in db.table_names():
        return
    taken = {
        name for (name,) in db.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = 'city'").fetchall()
    }
    if unknown := taken - {one.name for one in migrations.pending(Database(memory=True))}:
        raise NewerDatabase(
            f"this database has tables that this program does not know ({', '.join(sorted(unknown))}): a newer program "
            "wrote it. Install that one, or name another file"
        )


migrations = Migrations("city")


@migrations()
def first_tables(db: Database) -> None:
    db.table("events").create(
        {
            "station": str,
            "sequence": int,
            "id": str,
            "kind": str,
            "subject": str,
            "code": str,
            "reason": str,
            "received": str,
            "alarm": int,
            "body": bytes,
        },
        pk=("station", "sequence"),
    )
    db.table("events").create_index(["station", "id"])
    db.table("events").create_index(["subject"])
    db.table("events").create_index(["received"])
    db.table("lots").create({"code": str, "station": str, "sequence": int}, pk=("code", "station", "sequence"))
    db.table("stations").create(
        {
            "station": str,
            "base": str,
            "upto": int,
            "head": str,
            "top": int,
            "stored": int,
            "count": int,
            "rejected": int,
            "duplicates": int,
            "breaks": int,
            "state": str,
            "software": str,
            "claimed": int,
            "seen": str,
        },
        pk="station",
    )
    db.table("keys").create({"station": str, "public_key": str, "how": str, "time": str}, pk="station")
    db.table("refused_keys").create(
        {"station": str, "public_key": str, "time": str, "times": int}, pk=("station", "public_key")
    )
    db.table("refusals").create(
        {
            "station": str,
            "hash": str,
            "code": str,
            "id": str,
            "reason": str,
            "time": str,
            "times": int,
            "number": int,
            "body": bytes,
        },
        pk=("station", "hash", "code"),
    )
    db.table("refusals").create_index(["time"])
    db.table("scans").create({"code": str, "first": str}, pk="code")
    db.table("counts").create({"kind": str, "part": str, "n": int}, pk=("kind", "part"))
    db.table("incidents").create(
        {"station": str, "kind": str, "sequence": int, "detail": str, "since": str, "latest": str, "times": int},
        pk=("station", "kind", "sequence"),
    )


@migrations()
def commands(db: Database) -> None:
    """What was ordered (orders.py): sealed once; when it was sent last; what each station said."""
    db.table("commands").create(
        {
            "id": str,
            "name": str,
            "target": str,
            "fields": str,
            "asked": str,
            "seconds": float,
            "issued": str,
            "expires": float,
            "payload": bytes,
        },
        pk="id",
    )
    db.table("commands").create_index(["issued"])
    db.table("sent").create({"id": str, "station": str, "at": float, "times": int}, pk=("id", "station"))
    db.table("answers").create(
        {
            "id": str,
            "station": str,
            "state": str,
            "code": str,
            "message_zh": str,
            "message_en": str,
            "seq": int,
            "time": str,
            "final": int,
        },
        pk=("id", "station"),
    )


@migrations()
def shelves(db: Database) -> None:
    shelf.make_tables(db)


@migrations()
def photographs(db: Database) -> None:
    photos.make_tables(db)


@migrations()
def agreements(db: Database) -> None:
    """Why two ledgers seem to use a station's name, the numbers its ledger gave up, and the serials of its codes."""
    db.table("stations").add_column("torn", str, not_null_default="")
    db.table("stations").add_column("given_up", int, not_null_default=0)
    db.table("stations").add_column("born", str, not_null_default="")
    db.table("stations").add_column("serials", str, not_null_default="{}")
    db.table("stations").add_column("issued", str, not_null_default="")
    db.table("stations").add_column("gap_since", str, not_null_default="")
    db.table("stations").add_column("joint", int, not_null_default=0)


@migrations()
def keys_before(db: Database) -> None:
    """Keys that stations had."""
    db.table("old_keys").create(
        {"station": str, "public_key": str, "until": int, "time": str}, pk=("station", "public_key")
    )


@migrations()
def records_gone(db: Database) -> None:
    """Up to which number a station's records have left it, and up to which its newest ``ledger.checkpoint`` names."""
    db.table("stations").add_column("gone", int, not_null_default=0)
    db.table("stations").add_column("point", int, not_null_default=0)


@migrations()
def enrolments(db: Database) -> None:
    """Tokens that were given out, what a box gets for one, and what was answered to whom."""
    db.table("enrolments").create(
        {
            "id": str,
            "secret": str,
            "station": str,
            "gets": str,
            "until": str,
            "request": str,
            "public_key": str,
            "time": str,
            "answer": bytes,
        },
        pk="id",
    )

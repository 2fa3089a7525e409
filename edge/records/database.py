"""An SQLite file, and the steps of its schema. sqlite-utils takes those; a start that has none to take goes without it:
it is a tenth of all that a station loads."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sqlite_utils import Database as Changed

Step = TypeVar("Step", bound=Callable[[Any], None])
CONCERNS = re.compile(r'(?:CREATE TABLE|INSERT INTO|CREATE (?:UNIQUE )?INDEX \w+ ON) "?(\w+)')
NOW = "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'));"  # as sqlite-utils writes it


class Database:
    """A connection, with transactions one within the other."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn
        conn.execute("PRAGMA recursive_triggers = on")

    def execute(self, sql: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        return self.conn.execute(sql, tuple(values))

    def close(self) -> None:
        self.conn.close()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """A transaction; within one a part of it, which is undone alone when it raises."""
        if not self.conn.in_transaction:
            self.conn.execute("BEGIN")
            try:
                yield
                self.conn.execute("COMMIT")
            except BaseException:
                self.conn.rollback()  # nothing, where the error did it already
                raise
            return
        self.conn.execute("SAVEPOINT part")  # one of this name goes before those around it
        try:
            yield
        except BaseException:
            if self.conn.in_transaction:
                self.conn.execute("ROLLBACK TO part")
                self.conn.execute("RELEASE part")
            raise
        self.conn.execute("RELEASE part")


class Steps:
    """The steps of a schema in their order, entered by ``@steps()``; those that a file took are written down in it.

    ``newest`` has what a new file is after all of them (``make schema`` writes it): a new file takes that in one
    transaction.  A step that is not in it yet is taken behind it.

    ``busy`` are tables that many commits write to: a new file has their first pages next to each other, so that a
    checkpoint writes few of the system's blocks for them.
    """

    def __init__(self, name: str, newest: Path | None = None, busy: Sequence[str] = ()) -> None:
        self._name = name
        self._newest = newest
        self._busy = busy
        self._steps: list[Callable[[Any], None]] = []

    def __call__(self) -> Callable[[Step], Step]:
        def enter(step: Step) -> Step:
            self._steps.append(step)
            return step

        return enter

    @property
    def names(self) -> list[str]:
        """In their order."""
        return [step.__name__ for step in self._steps]

    def taken(self, conn: sqlite3.Connection) -> bool:
        """Whether nothing is left to do."""
        if not conn.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone():
            return False
        done = conn.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = ?", [self._name])
        return set(self.names) <= {name for (name,) in done}

    def beyond(self, conn: sqlite3.Connection) -> list[str]:
        """Steps of a newer program that this file has taken: names after the last one known here."""
        if not conn.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone():
            return []
        done = conn.execute(
            "SELECT name FROM _sqlite_migrations WHERE migration_set = ? AND name > ? ORDER BY name",
            (self._name, max(self.names)),
        )
        return [name for (name,) in done]

    def take(self, conn: sqlite3.Connection) -> None:
        """What is left to do, each step in a transaction of its own; all of a new file in one."""
        if self._newest is not None and not conn.execute("SELECT 1 FROM sqlite_master").fetchone():
            conn.executescript(self._newest.read_text("utf-8"))
        if not self.taken(conn):
            from sqlite_utils import Database as Changed

            self.apply(Changed(conn))

    def apply(self, db: "Changed", *, stop_before: str | None = None) -> None:
        """All of them, or those before one."""
        from sqlite_utils import Migrations

        migrations = Migrations(self._name)
        for step in self._steps:
            migrations()(step)
        migrations.apply(db, stop_before=stop_before)

    def script(self) -> str:
        """What ``newest`` is to have: SQL that makes of a new file what all steps make of it."""
        from sqlite_utils import Database as Changed

        db = Changed(memory=True)
        self.apply(db)
        db.execute("UPDATE _sqlite_migrations SET applied_at = 'now'")
        begin, *said = (statement.replace("'now');", NOW) for statement in db.conn.iterdump())
        said.sort(key=self._place)
        return "\n".join(["-- Written by `make schema` from the steps of migrations.py.", begin, *said]) + "\n"

    def _place(self, statement: str) -> int:
        """Busy tables, with their rows and indexes, in their order; then all else."""
        about = CONCERNS.match(statement)
        return self._busy.index(about[1]) if about and about[1] in self._busy else len(self._busy)

"""Where the city keeps things: SQLite, in a file, or PostgreSQL and what speaks like it.

One set of statements serves both, so they are the plain ones (``simulator/city/README.md`` lists what is used): written
with ``?``, without upserts (``put``), and without anything that differs between makers but the making of the tables.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import quote

from sqlite_utils import Database

if TYPE_CHECKING:
    import psycopg

Where = Path | str
"""A database file, or ``postgresql://…``."""

Trouble = Literal["crossed", "unfit", "down"]
"""Two batches stood in each other's way; something in this one cannot be kept; nothing can be kept now."""

_SCHEMES = ("postgresql://", "postgres://")
# A server that does not answer is left soon: another one of the address may have taken over.
_PATIENCE = {"connect_timeout": "3", "tcp_user_timeout": "10000", "keepalives_idle": "5"}


class Rows(Protocol):
    """What a statement found; ``rowcount`` is how many rows it changed."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Executes(Protocol):
    """Whatever takes a statement."""

    def execute(self, sql: str, parameters: Any = (), /) -> Rows: ...


class Db(Protocol):
    """An open database. ``failures`` is what it raises when it cannot; ``shared`` whether others write to it, too."""

    @property
    def failures(self) -> tuple[type[Exception], ...]: ...

    @property
    def shared(self) -> bool: ...

    def execute(self, sql: str, parameters: Any = (), /) -> Rows: ...

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None: ...

    def query(self, sql: str, params: Any = (), /) -> Iterable[dict[str, Any]]: ...

    @property
    def conn(self) -> Executes: ...

    def atomic(self) -> AbstractContextManager[Any]: ...

    def trouble(self, error: Exception) -> Trouble: ...

    def close(self) -> None: ...


def failures_of(where: Where) -> tuple[type[Exception], ...]:
    """What opening it may raise, beside what a wrong address does (ValueError)."""
    if not is_server(where):
        return (sqlite3.Error,)
    try:
        import psycopg
    except ImportError:
        return ()
    return (psycopg.Error,)


def is_server(where: Where) -> bool:
    """Whether this names a database server, and not a file."""
    return str(where).startswith(_SCHEMES)


def shown(where: Where) -> str:
    """An address without a password, for people and logs."""
    return str(where) if not is_server(where) else str(where).partition("://")[2].rpartition("@")[2]


def put(db: Executes, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Write a row, or what is new of it. Whoever calls it is alone with this key until its transaction ends."""
    sets = ", ".join(f"{name} = ?" for name in values)
    where = " AND ".join(f"{name} = ?" for name in key)
    if not db.execute(f"UPDATE {table} SET {sets} WHERE {where}", [*values.values(), *key.values()]).rowcount:
        insert(db, table, {**key, **values})


def put_new(db: Executes, table: str, key: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
    """Write a row when there is none with this key."""
    where = " AND ".join(f"{name} = ?" for name in key)
    if db.execute(f"SELECT 1 FROM {table} WHERE {where}", [*key.values()]).fetchone() is None:
        insert(db, table, {**key, **(values or {})})


def insert(db: Executes, table: str, row: Mapping[str, Any]) -> None:
    places = ", ".join("?" for _ in row)
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", [*row.values()])


def places(rows: Sequence[Any], of: int = 1) -> str:
    """So many places for an ``IN (…)``, each of so many values."""
    one = "?" if of == 1 else f"({', '.join('?' * of)})"
    return ", ".join([one] * len(rows))


class Sqlite(Database):  # type: ignore[misc, unused-ignore]
    """A database file that one process writes."""

    failures = (sqlite3.Error,)
    shared = False

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        if read_only:
            address = f"file:{quote(str(Path(path).absolute()))}?mode=ro"
            super().__init__(sqlite3.connect(address, uri=True, timeout=5), execute_plugins=False)
            return
        super().__init__(sqlite3.connect(path, timeout=30), execute_plugins=False)
        self.enable_wal()
        self.execute("PRAGMA synchronous=FULL")

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            self.conn.executemany(sql, rows)

    def trouble(self, error: Exception) -> Trouble:
        return "down"


class NotCopied(Exception):
    """Nobody knows whether it is on the disk of the standby."""


class Postgres:
    """A connection to a server that several processes write to; opened anew when it broke.

    A commit returns when the server's synchronous standby has it (``synchronous_commit = on``; which one that is says
    the server's own ``synchronous_standby_names``).  Needs psycopg 3, the extra ``[city]``.
    """

    shared = True

    def __init__(self, url: str) -> None:
        try:
            import psycopg
        except ImportError:
            raise ValueError("a city on PostgreSQL needs psycopg: pip install 'marketedge[city]'") from None
        self._url = url
        self._warned = ""
        self._inside = False  # a transaction
        self._conn: psycopg.Connection[tuple[Any, ...]] | None = None
        self.failures: tuple[type[Exception], ...] = (psycopg.Error, NotCopied)
        self._connect()

    @property
    def conn(self) -> "Postgres":
        """Itself: what takes statements."""
        return self

    def _connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        given = _PATIENCE | {name: str(value) for name, value in conninfo_to_dict(self._url).items()}
        conn = psycopg.connect(**given, autocommit=True)  # type: ignore[arg-type]
        conn.add_notice_handler(self._noticed)
        conn.execute("SET synchronous_commit TO on")
        conn.execute("SET client_min_messages TO warning")
        self._conn = conn
        return conn

    def _noticed(self, said: Any) -> None:
        self._warned = str(said.message_primary)

    def _open(self) -> "psycopg.Connection[tuple[Any, ...]]":
        if self._conn is None or self._conn.closed:
            if self._inside:  # the rest of it would be done without its beginning
                raise NotCopied("the connection was lost within a transaction")
            return self._connect()
        return self._conn

    def execute(self, sql: str, parameters: Any = (), /) -> Rows:
        return self._open().execute(_translated(sql), _clean(parameters))

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            with self._open().cursor() as cursor:
                cursor.executemany(_translated(sql), [_clean(row) for row in rows])

    def query(self, sql: str, params: Any = (), /) -> Iterator[dict[str, Any]]:
        from psycopg.rows import dict_row

        with self._open().cursor(row_factory=dict_row) as cursor:
            yield from cursor.execute(_translated(sql), _clean(params)).fetchall()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """A transaction. Raises one of ``failures`` when it is not surely on the disk of the standby, too."""
        try:
            with self._open().transaction():
                self._inside = True
                yield
                self._warned = ""
        finally:
            self._inside = False
        if self._warned:  # the wait for the standby was broken off
            raise NotCopied(self._warned)

    def trouble(self, error: Exception) -> Trouble:
        """A connection that is of no use is given up: the next statement opens another."""
        from psycopg import errors

        crossed = (errors.DeadlockDetected, errors.SerializationFailure, errors.UniqueViolation)
        if isinstance(error, crossed):
            return "crossed"
        if isinstance(error, (errors.DataError, errors.IntegrityError, errors.ProgrammingError)):
            return "unfit"
        self.close()
        return "down"

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()


def _clean(values: Sequence[Any]) -> list[Any]:
    """PostgreSQL keeps no character 0 in a text."""
    return [one.replace("\0", "\ufffd") if isinstance(one, str) and "\0" in one else one for one in values]


def _translated(sql: str) -> Any:
    return sql.replace("?", "%s")


def reading(where: Where) -> Db:
    """Open it beside those who write."""
    return Postgres(str(where)) if is_server(where) else Sqlite(where, read_only=True)


def many(db: Db, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """New rows, at once."""
    db.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places(columns)})", [*rows])

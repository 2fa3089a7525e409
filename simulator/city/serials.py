"""The last serial of each kind of code that a station has given, as far as its records say.

They are read out of the bytes of everything that verifies under its key, also of what was refused: a code that stood on
a paper once must not be given again.
"""

import re
from collections.abc import Iterator
from contextlib import suppress

from sqlite_utils import Database

from protocol.city.codes import BadCode, TraceCode

_CODE = re.compile(rb"(?<![0-9])[0-9]{20}(?![0-9])")


def make_tables(db: Database) -> None:
    """The table, filled from what is there already."""
    db.table("serials").create({"station": str, "kind": int, "serial": int}, pk=("station", "kind"))
    for station, body in db.execute("SELECT station, body FROM events").fetchall():
        note(db, station, body)


def note(db: Database, station: str, body: bytes) -> None:
    """A record of this station: its own codes in it were given."""
    last: dict[int, int] = {}
    for code in _own(station, body):
        last[code.kind.value] = max(code.serial, last.get(code.kind.value, 0))
    for kind, serial in last.items():
        db.execute(
            "INSERT INTO serials VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET serial = max(serial, excluded.serial)",
            [station, kind, serial],
        )


def of(db: Database, station: str) -> dict[int, int]:
    """By the kind of code, its tenth digit."""
    return dict(db.execute("SELECT kind, serial FROM serials WHERE station = ? ORDER BY kind", [station]).fetchall())


def _own(station: str, body: bytes) -> Iterator[TraceCode]:
    node, _, terminal = station.partition("-")
    for found in _CODE.finditer(body):
        text = found[0].decode("ascii")
        if text.startswith(node) and text[10:12] == terminal:
            with suppress(BadCode):
                yield TraceCode.parse(text)

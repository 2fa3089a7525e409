"""Who works, buys and supplies at the market, as the city's directory says.

Each entry is as the newest command says that names it; what a complete list leaves out is gone.  So the order in which
commands arrive changes nothing.  Part of the core: only the core thread calls this, inside a batch.
"""

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge.between.inbox import Refused
from edge.between.initials import initials
from edge.records.obeyed import Obeyed
from protocol.frozen import frozen

if TYPE_CHECKING:
    from protocol.city.commands import Directory, OperatorEntry, PartyEntry

KINDS = ("operators", "buyers", "suppliers")
MOST = 20_000  # entries of one kind
FOUND = 50
COLUMNS = "kind, code, name, initials, role, licence, licence_until, state, why, address, contact"


@frozen
class Entry:
    """One entry. ``kind`` is one of ``KINDS``, ``state`` active, suspended or gone; ``why`` it is suspended."""

    kind: str
    code: str
    name: str
    initials: str
    role: str
    licence: str
    licence_until: str
    state: str
    why: str
    address: str = ""
    contact: str = ""


class People:
    """Owned by the core thread."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._floors = Obeyed(conn)

    def take(self, said: "Directory", issued: float) -> int:
        """What the city says now; answers how many entries it changed. Raises Refused when it is older than a complete
        list that was taken, or too long."""
        changed = 0
        for kind in KINDS:
            entries: Sequence[OperatorEntry | PartyEntry] | None = getattr(said, kind)
            if entries is None:
                continue
            if issued <= self._floors.floor(kind):
                raise older(kind)
            if said.mode == "replace":
                changed += self._conn.execute(
                    "DELETE FROM directory WHERE kind = ? AND issued < ?", (kind, issued)
                ).rowcount
                self._floors.raise_floor(kind, issued)
            for entry in entries:
                changed += self._conn.execute(
                    f"INSERT INTO directory ({COLUMNS}, issued) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (kind, code) DO UPDATE SET name = excluded.name, initials = excluded.initials,"
                    " role = excluded.role, licence = excluded.licence, licence_until = excluded.licence_until,"
                    " state = excluded.state, why = excluded.why, address = excluded.address,"
                    " contact = excluded.contact, issued = excluded.issued"
                    " WHERE excluded.issued > issued",
                    (*_row(kind, entry), issued),
                ).rowcount
            (count,) = self._conn.execute("SELECT count(*) FROM directory WHERE kind = ?", (kind,)).fetchone()
            if count > MOST:
                raise too_many(MOST)
        return changed

    def find(self, text: str, kind: str = "") -> list[Entry]:
        """Those whose code, name or initials begin with this text, or whose name has it in it, best first; not who is
        gone. Without a text the first ones by name."""
        part = text.strip().lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = self._conn.execute(
            f"SELECT {COLUMNS} FROM directory WHERE state <> 'gone' AND (?1 = '' OR kind = ?1) AND (code LIKE ?2 || '%'"
            " ESCAPE '\\' OR initials LIKE ?2 || '%' ESCAPE '\\' OR name LIKE '%' || ?2 || '%' ESCAPE '\\')"
            " ORDER BY code LIKE ?2 || '%' ESCAPE '\\' DESC, initials = ?2 DESC, name LIKE ?2 || '%' ESCAPE '\\' DESC,"
            " name, kind, code LIMIT ?3",
            (kind, part, FOUND),
        )
        return [Entry(*row) for row in rows]

    def of_code(self, kind: str, code: str) -> Entry | None:
        """The entry with this code; also one that is suspended or gone."""
        return self._one("code = ?", kind, code)

    def supplier(self, code: str, name: str) -> Entry | None:
        """A supplier by code, or by exactly this name where no code was given."""
        if code:
            return self.of_code("suppliers", code)
        return self.of_name("suppliers", name)

    def of_name(self, kind: str, name: str) -> Entry | None:
        """The entry with exactly this name; one that is suspended goes before others."""
        return self._one("name = ? ORDER BY state = 'suspended' DESC LIMIT 1", kind, name)

    def operators(self) -> list[Entry]:
        """All operators, also those who may do nothing any more."""
        rows = self._conn.execute(f"SELECT {COLUMNS} FROM directory WHERE kind = 'operators' ORDER BY code")
        return [Entry(*row) for row in rows]

    def _one(self, where: str, kind: str, value: str) -> Entry | None:
        row = self._conn.execute(
            f"SELECT {COLUMNS} FROM directory WHERE kind = ? AND {where}", (kind, value)
        ).fetchone()
        return Entry(*row) if row else None


def _row(kind: str, entry: "OperatorEntry | PartyEntry") -> tuple[str, ...]:
    from protocol.city.commands import OperatorEntry

    if isinstance(entry, OperatorEntry):
        return (kind, entry.code, entry.name, initials(entry.name), entry.role, "", "", entry.state, "", "", "")
    letters = entry.initials or initials(entry.name)
    licence = (entry.licence, entry.licence_until)
    return (kind, entry.code, entry.name, letters, "", *licence, entry.state, entry.why, entry.address, entry.contact)


def older(what: str) -> Refused:
    """A newer one was taken already."""
    return Refused(
        "older", f"{what}：已有更新的版本，未改动", f"{what}: a newer one was taken already; nothing changed"
    )


def too_many(most: int) -> Refused:
    return Refused("too_many", f"超过 {most} 条，未执行", f"more than {most} entries: nothing was changed")

"""Who supplies and buys here: known from the station's own records, or typed once, beside the city's directory.

A telephone that a person typed stands here and nowhere else: in no record, no code, nothing that leaves the box.
Part of the core: only the core thread calls this, inside a batch.
"""

from collections.abc import Mapping
from typing import Any, Literal

from edge.between.initials import initials
from edge.records.writer import Known, Writer
from edge.state.directory import Entry, People
from protocol.city.codes import WALK_IN
from protocol.frozen import frozen

PartyKind = Literal["buyers", "suppliers"]
RECENT = 5
FOUND = 50
MOST = 500  # uses of a job that are kept


@frozen
class Party:
    """``entry`` is what the city's directory says, None when it has none such; ``recent``: one of the last used."""

    kind: PartyKind
    code: str
    name: str
    initials: str
    address: str
    contact: str
    entry: Entry | None
    recent: bool = False


class Parties:
    """Owned by the core thread."""

    def __init__(self, conn: Writer, directory: People) -> None:
        self._conn = conn
        self._kept: Known[tuple[str, str], tuple[str, ...]] = conn.known("parties")  # what was said of whom last
        self._last: Known[tuple[str, str], str | None] = conn.known("party_uses")
        self._directory = directory

    def of_record(self, kind: str, data: Mapping[str, Any], seq: int) -> None:
        """A record names who it is with: known from now on, and used now."""
        if kind == "entry.registered":
            address, contact = data.get("supplier_address", ""), data.get("supplier_contact", "")
            self._used("gate", "suppliers", data.get("supplier_code", ""), data["supplier"], seq, address, contact)
        elif kind == "trade.completed":
            code = data["buyer"]["code"]
            self._used("stall", "buyers", "" if code == WALK_IN else code, data["buyer"]["name"], seq)
        elif kind == "accept.completed":
            self._used("canteen", "suppliers", data.get("supplier_code", ""), data["supplier"], seq)

    def _used(
        self, job: str, kind: PartyKind, code: str, name: str, seq: int, address: str = "", contact: str = ""
    ) -> None:
        who = code or name
        if not who:
            return
        self.keep(kind, code, name, address, contact)
        if (job, kind) not in self._last:
            row = self._conn.execute(
                "SELECT who FROM party_uses WHERE job = ? AND kind = ? ORDER BY seq DESC LIMIT 1", (job, kind)
            ).fetchone()
            self._last[job, kind] = row[0] if row else None
        if self._last[job, kind] == who:
            return  # a row less to write for each sale to the same buyer
        self._conn.execute(
            "INSERT INTO party_uses VALUES (?, ?, ?, ?) ON CONFLICT (job, kind, who) DO UPDATE SET seq = excluded.seq",
            (job, kind, who, seq),
        )
        self._last[job, kind] = who
        self._forget(job)

    def _forget(self, job: str) -> None:
        """The ones used longest ago, when there are too many; an address that was typed stays."""
        (count,) = self._conn.execute("SELECT count(*) FROM party_uses WHERE job = ?", (job,)).fetchone()
        if count <= MOST:
            return
        self._conn.execute(
            "DELETE FROM party_uses WHERE job = ?1 AND seq <= (SELECT seq FROM party_uses WHERE job = ?1"
            " ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
            (job, MOST),
        )
        self._conn.execute(
            "DELETE FROM parties WHERE address = '' AND contact = ''"
            " AND (kind, who) NOT IN (SELECT kind, who FROM party_uses)"
        )

    def keep(self, kind: PartyKind, code: str, name: str, address: str, contact: str) -> None:
        """Who this is, and where; what is empty stays as it was known."""
        who, said = (kind, code or name), (code, name, address, contact)
        if self._kept.get(who) == said:
            return
        self._conn.execute(
            "INSERT INTO parties VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, who) DO UPDATE SET"
            " name = iif(excluded.name = '', name, excluded.name),"
            " initials = iif(excluded.name = '', initials, excluded.initials),"
            " address = iif(excluded.address = '', address, excluded.address),"
            " contact = iif(excluded.contact = '', contact, excluded.contact)"
            " WHERE excluded.name NOT IN ('', name) OR excluded.address NOT IN ('', address)"
            " OR excluded.contact NOT IN ('', contact)",
            (*who, code, name, initials(name), address, contact),
            keeps=self._kept,
        )
        self._kept[who] = said

    # --- found ------------------------------------------------------------------------------------------------------

    def of(self, kind: PartyKind, code: str, name: str) -> Party | None:
        """The one with this code, or with exactly this name where no code is given; also who is suspended or gone."""
        entry = self._directory.of_code(kind, code) if code else self._directory.of_name(kind, name)
        row = self._conn.execute(
            "SELECT code, name, initials, address, contact FROM parties WHERE kind = ? AND who = ?",
            (kind, entry.code if entry else code or name),
        ).fetchone()
        return _party(kind, row, entry) if row or entry else None

    def recent(self, kind: PartyKind, job: str) -> list[Party]:
        """The last ones used in this job, the newest first; nobody who is gone."""
        rows = self._conn.execute(
            "SELECT code, name, initials, address, contact FROM party_uses JOIN parties USING (kind, who)"
            " WHERE job = ? AND kind = ? ORDER BY seq DESC LIMIT ?",
            (job, kind, 4 * RECENT),
        ).fetchall()
        found = [_party(kind, row, self._entry(kind, row), recent=True) for row in rows]
        here = [one for one in found if one.entry is None or one.entry.state != "gone"]
        return list({one.code or one.name: one for one in here}.values())[:RECENT]

    def find(self, kind: PartyKind, text: str, job: str = "") -> list[Party]:
        """Who is meant, best first: by the beginning of a code or of initials, or a part of the name. Without a text
        the last ones used in this job, then the directory."""
        part = text.strip().lower()
        rows = self._conn.execute(
            "SELECT code, name, initials, address, contact FROM parties LEFT JOIN party_uses"
            " ON party_uses.kind = parties.kind AND party_uses.who = parties.who AND job = ?1"
            " WHERE parties.kind = ?2 AND (substr(code, 1, length(?3)) = ?3 AND code <> ''"
            " OR substr(initials, 1, length(?3)) = ?3 OR instr(lower(name), ?3))"
            " ORDER BY code = ?3 DESC, initials = ?3 DESC, seq IS NULL, seq DESC, name LIMIT ?4",
            (job, kind, part, FOUND),
        ).fetchall()
        known = self.recent(kind, job) if not part else []
        known += [_party(kind, row, self._entry(kind, row)) for row in rows if part]
        known = [one for one in known if one.entry is None or one.entry.state != "gone"]
        listed = [self.of(kind, entry.code, entry.name) for entry in self._directory.find(text, kind)]
        every = [*known, *(one for one in listed if one)]
        unique: dict[str, Party] = {}
        for one in every:
            unique.setdefault(one.code or one.name, one)
        return list(unique.values())[:FOUND]

    def _entry(self, kind: PartyKind, row: tuple[str, ...]) -> Entry | None:
        code, name = row[:2]
        return self._directory.of_code(kind, code) if code else self._directory.of_name(kind, name)


def _party(kind: PartyKind, row: tuple[str, ...] | None, entry: Entry | None, *, recent: bool = False) -> Party:
    """What is known here goes before what the directory has of address and contact; its name and code count."""
    code, name, letters, address, contact = row or ("", "", "", "", "")
    if entry is not None:
        code, name, letters = entry.code, entry.name, entry.initials
        address, contact = address or entry.address, contact or entry.contact
    return Party(kind, code, name, letters, address, contact, entry, recent)

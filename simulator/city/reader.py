"""What pages and commands ask of the store, through connections of their own beside those who write."""

import json
from typing import Any

from protocol.city.signed import public_key
from protocol.city.token import kid_of
from protocol.ed25519 import PublicKey, public_key_of
from simulator.city import shelf
from simulator.city.engines import Db, Where, reading
from simulator.city.stations import COLUMNS, Station, old_keys_of
from simulator.city.story import Story, told


class Reader:
    """Reads beside the writer. One per request and thread."""

    def __init__(self, where: Where) -> None:
        self.db: Db = reading(where)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def stations(self, limit: int = -1) -> list[Station]:
        sql = f"SELECT {', '.join(COLUMNS)} FROM stations ORDER BY station"
        rows = self.db.execute(f"{sql} LIMIT ?", [limit]) if limit >= 0 else self.db.execute(sql)
        return [Station(*row) for row in rows.fetchall()]

    def incidents(self, limit: int) -> list[dict[str, Any]]:
        """What was noticed, the newest first."""
        return list(self.db.query("SELECT * FROM incidents ORDER BY latest DESC LIMIT ?", [limit]))

    def totals(self) -> dict[str, int]:
        sql = "SELECT kind, sum(n) FROM counts GROUP BY kind"
        return {str(kind): int(n) for kind, n in self.db.execute(sql).fetchall()}

    def keys(self) -> dict[str, dict[str, Any]]:
        return {row["station"]: row for row in self.db.query("SELECT * FROM keys")}

    def refused_keys(self) -> list[dict[str, Any]]:
        return list(self.db.query("SELECT * FROM refused_keys ORDER BY time DESC LIMIT 50"))

    def refusals(self, limit: int) -> list[dict[str, Any]]:
        return list(
            self.db.query(
                "SELECT station, id, code, reason, time, times FROM refusals ORDER BY time DESC LIMIT ?", [limit]
            )
        )

    def latest(self, limit: int) -> list[dict[str, Any]]:
        return list(self.db.query("SELECT * FROM events ORDER BY received DESC LIMIT ?", [limit]))

    def first_gap(self, one: Station) -> tuple[int, int] | None:
        """The first stretch of sequence numbers that is missing."""
        row = self.db.execute(
            "SELECT min(sequence) FROM events WHERE station = ? AND sequence > ?", [one.station, one.upto]
        ).fetchone()
        return (one.upto + 1, int(row[0]) - 1) if row[0] is not None and row[0] > one.upto + 1 else None

    def key_of(self, station: str, kid: bytes = b"") -> bytes | None:
        """The key of a station; the one of this id, where it had that once."""
        row = self.db.execute("SELECT public_key FROM keys WHERE station = ?", [station]).fetchone()
        earlier = [one.key for one in old_keys_of(self.db, station)] if kid else []
        return next(
            (key for key in earlier if kid_of(public_key_of(key)) == kid), bytes.fromhex(row[0]) if row else None
        )

    def events_of(self, station: str, after: int, limit: int) -> list[bytes]:
        rows = self.db.execute(
            "SELECT body FROM events WHERE station = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            [station, after, limit],
        )
        return [bytes(row[0]) for row in rows.fetchall()]

    def about(self, station: str, subject: str, kind: str) -> dict[str, Any] | None:
        """The newest well-formed event of this station about a code, as its JSON fields."""
        row = self.db.execute(
            "SELECT body FROM events WHERE subject = ? AND station = ? AND kind = ?"
            " AND code IN ('', 'broken_chain') ORDER BY sequence DESC LIMIT 1",
            [subject, station, kind],
        ).fetchone()
        return dict(json.loads(row[0])) if row else None

    def story(self, station: str, code: str) -> Story:
        """What this station's records say of a lot, by its source code or its own."""
        rows = self.db.execute(
            "SELECT DISTINCT events.sequence, kind, body FROM events JOIN lots USING (station, sequence)"
            " WHERE station = ? AND events.code IN ('', 'broken_chain') AND lots.code IN"
            " (SELECT code FROM lots WHERE station = ? AND sequence IN"
            " (SELECT sequence FROM lots WHERE station = ? AND code = ?)) ORDER BY events.sequence",
            [station, station, station, code],
        )
        return told((kind, json.loads(body)) for _, kind, body in rows.fetchall())

    def stations_naming(self, code: str) -> list[str]:
        """The stations whose records name a lot, by its source code or its own."""
        return [
            str(row[0])
            for row in self.db.execute("SELECT DISTINCT station FROM lots WHERE code = ?", [code]).fetchall()
        ]

    def replacement(self, station: str, tx: str) -> str:
        """The code of the sale that was made in place of a voided one; empty when there is none."""
        return shelf.replacement(self.db, station, tx)

    def stall(self, code: str) -> tuple[dict[str, str], list[str]]:
        """Who has this operator code, and the stations that sell for him."""
        return shelf.stall(self.db, code)

    def shelf(self, station: str) -> list[dict[str, Any]]:
        """What a station has had and not sold out."""
        return shelf.shelf(self.db, station)

    def held(self, code: str) -> bool:
        """Whether a station holds the lot of this source or test code, and has not taken it up again."""
        rows = self.db.execute(
            "SELECT station, kind FROM events JOIN lots USING (station, sequence) WHERE lots.code = ?"
            " AND kind IN ('lot.held', 'lot.resumed') AND events.code IN ('', 'broken_chain') ORDER BY sequence",
            [code],
        )
        return "lot.held" in dict(rows.fetchall()).values()

    def keys_of(self, kid: str) -> list[PublicKey]:
        """The trusted keys with this id."""
        sql = "SELECT public_key FROM keys UNION SELECT public_key FROM old_keys"
        known = (public_key(row["public_key"]) for row in self.db.query(sql))
        return [key for key in known if kid_of(key).hex() == kid]

    def first_scan(self, code: str) -> str | None:
        row = self.db.execute("SELECT first FROM scans WHERE code = ?", [code]).fetchone()
        return str(row[0]) if row else None


def summary(where: Where) -> dict[str, Any]:
    """Counts of accepted records, and how each station stands."""
    with Reader(where) as reader:
        totals = reader.totals()
        return {
            "entries": totals.get("entry.registered", 0),
            "results": totals.get("test.result", 0),
            "trades": totals.get("trade.completed", 0),
            "labels": totals.get("trade.labelled", 0),
            "held": totals.get("lot.held", 0),
            "stations": {
                one.station: {
                    "upto": one.upto,
                    "count": one.count,
                    "rejected": one.rejected,
                    "duplicates": one.duplicates,
                    "gaps": one.gaps,
                    "chain_ok": one.chain_ok,
                    "torn": one.torn,
                }
                for one in reader.stations()
            },
        }

"""What stands on each stall's shelf: a row for each source a station has had, kept as its records come, in any order.

``in_g`` is what came in (NULL while that is not known), ``out_g`` what was sold, handed on and disposed of.  ``stalls``
says which stations a merchant sells at; one of another node is not believed.  ``merchants`` is the city's own register.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from sqlite_utils import Database

from simulator.city.engines import Db, Executes, many, places, put, put_new
from simulator.city.story import Event, codes_of

SHOWN = 100
_SAID = ("sequence", "name", "stall", "licence")
AT_ONCE = 500
LOOKS_BACK = frozenset({"test.result", "trade.voided"})  # kinds for which older records are read again


def make_tables(db: Database) -> None:
    """The tables, filled from what is there already."""
    shelf = {"station": str, "source": str, "lot": str, "sequence": int, "facts": str, "in_g": int, "out_g": int}
    db.table("shelf").create(shelf, pk=("station", "source"), defaults={"lot": "", "facts": "", "out_g": 0})
    db.table("shelf").create_index(["station", "lot"])
    stall = {"code": str, "station": str, "sequence": int, "name": str, "stall": str, "licence": str}
    db.table("stalls").create(stall, pk=("code", "station"))
    db.table("replaced").create({"station": str, "tx": str, "made": str}, pk=("station", "tx"))
    db.table("merchants").create({"code": str, "name": str, "stall": str, "licence": str}, pk="code")
    sql = (
        "SELECT station, sequence, kind, body FROM events WHERE code IN ('', 'broken_chain') ORDER BY station, sequence"
    )
    for station, sequence, kind, body in db.execute(sql).fetchall():
        note(cast("Db", db), station, sequence, kind, json.loads(body))


def note(db: Db, station: str, sequence: int, kind: str, event: Event) -> None:
    """Take a new record of a station in."""
    shelves = Shelves(db)
    shelves.note(station, sequence, kind, event)
    shelves.flush()


class Shelves:
    """All shelves, for whoever writes a batch of records: what is only added up waits for ``flush``, and so does who
    sells where. Anything else sees to it that nothing waits."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self._lots: dict[tuple[str, str, int], None] = {}
        self._moves: dict[tuple[str, str], int] = {}
        self._sellers: dict[tuple[str, str], tuple[int, str, str, str]] = {}

    def note(self, station: str, sequence: int, kind: str, event: Event) -> None:
        """Take a new record of a station in."""
        self._lots |= dict.fromkeys((code, station, sequence) for code in codes_of(kind, event))
        with suppress(KeyError, TypeError, AttributeError):  # a record that lacks what is asked for changes no shelf
            _Noting(self, station, sequence).take(kind, event)

    def move(self, station: str, source: str, out_g: int) -> None:
        self._moves[station, source] = self._moves.get((station, source), 0) + out_g

    def sells(self, code: str, station: str, sequence: int, name: str, stall: str, licence: str) -> None:
        if sequence > self._sellers.get((code, station), (0,))[0]:
            self._sellers[code, station] = (sequence, name, stall, licence)

    def clear(self) -> None:
        self._lots.clear()
        self._moves.clear()
        self._sellers.clear()

    def flush(self) -> None:
        """Write what waits, each row after those before it in one order for all."""
        self._add("lots", ("code", "station", "sequence"), dict.fromkeys(sorted(self._lots), ()), ())
        old = self._add(
            "shelf",
            ("station", "source"),
            {key: ("", 0, "", None, out_g) for key, out_g in sorted(self._moves.items())},
            ("lot", "sequence", "facts", "in_g", "out_g"),
        )
        sql = "UPDATE shelf SET out_g = out_g + ? WHERE station = ? AND source = ?"
        self.db.executemany(sql, [(self._moves[key[0], key[1]], *key) for key in old])
        old = self._add("stalls", ("code", "station"), dict(sorted(self._sellers.items())), _SAID)
        sql = (
            "UPDATE stalls SET sequence = ?, name = ?, stall = ?, licence = ?"
            " WHERE code = ? AND station = ? AND sequence < ?"
        )
        said = [(key, self._sellers[key[0], key[1]]) for key in old]
        self.db.executemany(sql, [(*values, *key, values[0]) for key, values in said])
        self.clear()

    def _add(
        self, table: str, key: tuple[str, ...], rows: Mapping[Any, tuple[Any, ...]], more: tuple[str, ...]
    ) -> list[tuple[Any, ...]]:
        """Insert those rows that are new; answers the keys of the others."""
        old: set[tuple[Any, ...]] = set()
        wanted = [*rows]
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            names = ", ".join(key)
            sql = f"SELECT {names} FROM {table} WHERE ({names}) IN ({places(part, len(key))})"
            old |= {tuple(row) for row in self.db.execute(sql, [value for one in part for value in one]).fetchall()}
        many(self.db, table, (*key, *more), [(*one, *rows[one]) for one in wanted if tuple(one) not in old])
        return [one for one in wanted if one in old]


class _Noting:
    def __init__(self, shelves: Shelves, station: str, sequence: int) -> None:
        self._shelves, self._station, self._sequence = shelves, station, sequence

    @property
    def _db(self) -> Executes:
        """For what cannot wait, and must not overtake what does."""
        self._shelves.flush()
        return self._shelves.db

    def take(self, kind: str, event: Event) -> None:
        data = event["data"]
        match kind:
            case "entry.registered" if data.get("source_check") == "accepted":
                self._come(data["upstream"], event["subject"], data, data["net_g"])
            case "entry.registered":
                self._db.execute(
                    "UPDATE shelf SET in_g = ? WHERE station = ? AND lot = ? AND in_g IS NULL",
                    [data["net_g"], self._station, event["subject"]],
                )
            case "entry.corrected":
                self._corrected(data)
            case "test.result" if data.get("source") and data.get("lot"):
                self._come(data["source"], data["lot"], data, self._entered(data["lot"]))
            case "lot.released":
                self._come(data["source"], data["lot"], data, data["net_g"])
            case "lot.opened":
                self._come(data["source"], data["lot"], data, None, more=data["net_g"])
            case "lot.settled":
                self._move(data["source"], data["was_g"] - data["net_g"])
            case "lot.handed":
                self._move(data["source"], data["net_g"])
            case "lot.disposed" if data["decision"] != "released_after_recheck":
                self._db.execute(
                    "UPDATE shelf SET out_g = out_g + ? WHERE station = ? AND lot = ?",
                    [data["mass_g"] + data.get("difference_g", 0), self._station, data["lot"]],
                )
            case "trade.completed":
                self._sold(data["slip"], 1)
                self._seller(data["seller"])
                if data.get("replaces"):
                    old = {"station": self._station, "tx": data["replaces"]}
                    put(self._db, "replaced", old, {"made": event["subject"]})
            case "trade.labelled" if data["source"] and data["net_g"]:
                self._move(data["source"], -data["net_g"] if data.get("taken_off") else data["net_g"])
                self._seller(data["seller"])
            case "trade.voided":
                self._sold(data.get("slip") or self._slip(event["subject"]), -1)

    def _come(self, source: str, lot: str, data: dict[str, Any], in_g: int | None, more: int = 0) -> None:
        """Goods that may be sold by this source; ``more`` is added to what was there."""
        known = ("goods", "origin", "supplier", "verdict", "item", "tested_at")
        facts = json.dumps({name: data[name] for name in known if name in data}, ensure_ascii=False)
        key = {"station": self._station, "source": source}
        put_new(self._db, "shelf", key, {"lot": "", "sequence": 0, "facts": "", "in_g": None, "out_g": 0})
        self._db.execute(
            "UPDATE shelf SET lot = ?, sequence = ?, facts = ?, in_g = coalesce(?, in_g)"
            " WHERE station = ? AND source = ?",
            [lot, self._sequence, facts, in_g, *key.values()],
        )
        if more:
            self._db.execute(
                "UPDATE shelf SET in_g = coalesce(in_g, 0) + ? WHERE station = ? AND source = ?",
                [more, self._station, source],
            )

    def _move(self, source: str, out_g: int) -> None:
        self._shelves.move(self._station, source, out_g)

    def _sold(self, slip: dict[str, Any], sign: int) -> None:
        for line in slip.get("lines", ()):
            if line["source"]:
                self._move(line["source"], sign * line["net_g"])

    def _corrected(self, data: dict[str, Any]) -> None:
        facts = {name: data["now"][name] for name in ("goods", "origin", "supplier")}
        for source, old in self._db.execute(
            "SELECT source, facts FROM shelf WHERE station = ? AND lot = ?", [self._station, data["lot"]]
        ).fetchall():
            self._db.execute(
                "UPDATE shelf SET in_g = ?, facts = ? WHERE station = ? AND source = ?",
                [
                    data["now"]["net_g"],
                    json.dumps(json.loads(old or "{}") | facts, ensure_ascii=False),
                    self._station,
                    source,
                ],
            )

    def _entered(self, lot: str) -> int | None:
        entry = self._about(lot, "entry.registered")
        return int(entry["data"]["net_g"]) if entry else None

    def _slip(self, tx: str) -> dict[str, Any]:
        sale = self._about(tx, "trade.completed")
        return dict(sale["data"]["slip"]) if sale else {}

    def _about(self, subject: str, kind: str) -> Event | None:
        row = self._db.execute(
            "SELECT body FROM events WHERE subject = ? AND station = ? AND kind = ? AND code IN ('', 'broken_chain')"
            " ORDER BY sequence DESC LIMIT 1",
            [subject, self._station, kind],
        ).fetchone()
        return dict(json.loads(row[0])) if row else None

    def _seller(self, seller: dict[str, Any]) -> None:
        if seller["code"][:9] != self._station[:9]:
            return
        names = (seller["name"], seller.get("stall", ""), seller.get("licence", ""))
        self._shelves.sells(seller["code"], self._station, self._sequence, *names)


def stall(db: Db, code: str) -> tuple[dict[str, str], list[str]]:
    """Who has this operator code (name, stall, licence), and the stations that sell for him."""
    rows = list(db.query("SELECT * FROM stalls WHERE code = ? ORDER BY sequence DESC", [code]))
    register = next(iter(db.query("SELECT name, stall, licence FROM merchants WHERE code = ?", [code])), {})
    said = {name: rows[0][name] for name in ("name", "stall", "licence")} if rows else {}
    return said | {name: value for name, value in register.items() if value}, [row["station"] for row in rows]


def register(db: Executes, code: str, name: str, stall: str, licence: str) -> None:
    """Write a merchant into the city's register, or what is new of him."""
    new = {"name": name, "stall": stall, "licence": licence}
    put_new(db, "merchants", {"code": code}, {"name": "", "stall": "", "licence": ""})
    if known := {key: value for key, value in new.items() if value}:
        put(db, "merchants", {"code": code}, known)


def replacement(db: Executes, station: str, tx: str) -> str:
    """The code of the sale made in place of a voided one; empty when there is none."""
    row = db.execute("SELECT made FROM replaced WHERE station = ? AND tx = ?", [station, tx]).fetchone()
    return str(row[0]) if row else ""


def shelf(db: Db, station: str) -> list[dict[str, Any]]:
    """What is not sold out, the newest first, with its facts."""
    rows = db.query(
        "SELECT * FROM shelf WHERE station = ? AND lot != '' AND (in_g IS NULL OR in_g > out_g)"
        " ORDER BY sequence DESC LIMIT ?",
        [station, SHOWN],
    )
    return [row | {"facts": json.loads(row["facts"] or "{}")} for row in rows]

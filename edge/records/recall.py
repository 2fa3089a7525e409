"""Who has goods of a lot: every sale of it that was not voided, and what was handed to another stall, for a recall.

Through a connection of one's own, from any thread.
"""

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import astuple, fields
from typing import Any

from edge.records.checkpoints import first_of
from edge.records.corrections import Corrections
from edge.records.ledger import body_of, last_of
from protocol.city.codes import WALK_IN
from protocol.frozen import frozen

SLICE = 2000  # records that are looked at together
UNTOUCHABLE = "=+-@\t\r"  # what a spreadsheet would take for a formula


@frozen
class Bought:
    """A slip, or a card that was handed on: ``tx`` is its code, ``net_g`` grams of this lot."""

    seq: int
    tx: str
    time: str
    code: str
    buyer: str
    net_g: int


def buyers(conn: sqlite3.Connection, source: str, since: int) -> list[Bought]:
    """Oldest first; ``since`` is the record of the lot. Raises sqlite3.Error."""
    return list(_buyers(conn, source, since))


def _buyers(conn: sqlite3.Connection, source: str, since: int) -> Iterator[Bought]:
    corrections, end, low = Corrections(conn), last_of(conn), max(since, first_of(conn))
    while low <= end:
        rows = conn.execute(
            "SELECT seq FROM events WHERE seq BETWEEN ? AND ? AND instr(unpacked(body), ?) > 0 ORDER BY seq",
            (low, low + SLICE - 1, source.encode()),
        ).fetchall()
        for (seq,) in rows:
            event = json.loads(body_of(conn, seq))
            found = _bought(seq, event, source)
            if found is not None and corrections.of(seq) is None:
                yield found
        low += SLICE


def _bought(seq: int, event: dict[str, Any], source: str) -> Bought | None:
    data = event["data"]
    if "slip" in data and "sold" in data:
        mass = sum(line["net_g"] for line in data["slip"]["lines"] if line["source"] == source)
        buyer = data["buyer"]
        return Bought(seq, event["subject"], event["time"], buyer["code"], buyer["name"], mass) if mass else None
    if "label_scale" in data and data["source"] == source and data["net_g"] and not data.get("taken_off"):
        return Bought(seq, event["subject"], event["time"], WALK_IN, "", data["net_g"])
    if "to" in data and data.get("source") == source and "portion" in data:
        return Bought(seq, event["subject"], event["time"], data["to"], "", data["net_g"])
    return None


def as_csv(rows: list[Bought]) -> bytes:
    """For a spreadsheet: with a mark that says UTF-8, and no cell that it would calculate."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow([field.name for field in fields(Bought)])
    for row in rows:
        table.writerow([f"'{cell}" if str(cell)[:1] in UNTOUCHABLE and cell else cell for cell in astuple(row)])
    return ("\ufeff" + out.getvalue()).encode()

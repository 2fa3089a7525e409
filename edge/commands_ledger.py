"""`marketedge ledger`: look at the ledger without changing it."""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from sqlite_utils import Database

from edge.cli import config_option, plain_errors
from edge.config import load
from edge.identity import load_key, load_public_key
from edge.ledger import LedgerBroken, reading, verify
from edge.print_jobs import PrintJobs
from edge.unread import rows as unread_rows

SLICE = 100  # records that are read together


@click.group()
def ledger() -> None:
    """Look at the ledger: status, verification, export. Works while the station runs."""


@ledger.command()
@config_option
def status(config_path: Path) -> None:
    """Records written, delivered, waiting and set aside; papers without proof."""
    with plain_errors(), reading(load(config_path).station.data) as db:
        last = db.execute("SELECT max(seq) FROM events").fetchone()[0] or 0
        upto = db.execute("SELECT upto FROM delivery").fetchone()[0]
        ahead = db.execute("SELECT count(*) FROM settled_ahead WHERE seq > ?", (upto,)).fetchone()[0]
        answer = {
            "records": last,
            "delivered_upto": upto,
            "pending": last - upto - ahead,
            "set_aside": [
                {"seq": row["seq"], "reason": row["reason"]}
                for row in db["settled_ahead"].rows_where("reason IS NOT NULL", order_by="seq")
            ],
            "papers": PrintJobs(db.conn).states(),
            "lots": {row["state"]: row["n"] for row in db.query("SELECT state, count(*) n FROM lots GROUP BY state")},
        }
    click.echo(json.dumps(answer, ensure_ascii=False, indent=2))


@ledger.command("verify")
@config_option
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="Public key; default: the station's own.")
def verify_command(config_path: Path, key_file: Path | None) -> None:
    """Check every record's signature, chain and number. Exit code 1 names the first record that fails."""
    with plain_errors():
        config = load(config_path)
        key = load_public_key(key_file) if key_file else load_key(config.station.key).public_key()
        try:
            with reading(config.station.data) as db:
                count, last = verify(db, key)
        except LedgerBroken as broken:
            click.echo(json.dumps({"ok": False, "why": str(broken)}, ensure_ascii=False))
            sys.exit(1)
    click.echo(json.dumps({"ok": True, "records": count, "last_hash": last}))


@ledger.command()
@config_option
def unread(config_path: Path) -> None:
    """What the station could not handle, newest last: one JSON object a line, its bytes as hex."""
    with plain_errors(), reading(load(config_path).station.data) as db:
        for row in list(unread_rows(db.conn)):
            click.echo(json.dumps(row, ensure_ascii=False))


@ledger.command()
@config_option
@click.option("--as", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("-o", "--out", type=click.File("w", "utf-8", lazy=True), default="-")
@click.option("--after", default=0, help="Only records after this sequence number.")
def export(config_path: Path, form: str, out: Any, after: int) -> None:
    """Write records: the signed events as JSON lines, or the main columns as CSV for a spreadsheet."""
    with plain_errors(), reading(load(config_path).station.data) as db:
        rows = _records(db, after)
        if form == "jsonl":
            for _, body in rows:
                out.write(body.decode("utf-8") + "\n")
            return
        table = csv.DictWriter(out, fieldnames=list(_columns(0, {}, {})))
        table.writeheader()
        for seq, body in rows:
            event = json.loads(body)
            table.writerow({name: _cell(value) for name, value in _columns(seq, event, event["data"]).items()})


def _records(db: Database, after: int) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of the records that there are now, read in slices.

    Between two slices no read is open: whoever takes his time with what is written (a pager) would keep the station's
    write-ahead log growing, for it is emptied only behind the oldest reader.
    """
    last = db.execute("SELECT max(seq) FROM events").fetchone()[0] or 0
    while rows := db.execute(
        "SELECT seq, body FROM events WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?", (after, last, SLICE)
    ).fetchall():
        yield from rows
        after = rows[-1][0]


def _columns(seq: int, event: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    slip = data.get("slip", {})
    goods = data.get("goods") or (data.get("sold") or [{}])[0].get("goods") or {}
    net_g = sum(line["net_g"] for line in slip["lines"]) if slip else data.get("net_g")
    return {
        "seq": seq,
        "type": event.get("type"),
        "code": event.get("subject"),
        "time": event.get("time"),
        "clock": event.get("clockstate"),
        "product": goods.get("product"),
        "name": goods.get("name"),
        "net_g": net_g,
        "amount_fen": slip.get("amount_fen"),
        "buyer": slip.get("buyer"),
        "origin": data.get("origin"),
        "supplier": data.get("supplier"),
        "item": data.get("item"),
        "value": data.get("value"),
        "unit": data.get("unit"),
        "verdict": data.get("verdict"),
        "source": data.get("source"),
    }


def _cell(value: Any) -> Any:
    """A spreadsheet runs a text that starts with = + - @ as a formula; an apostrophe keeps it text."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value

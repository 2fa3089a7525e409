"""`marketedge ledger`: look at the ledger without changing it."""

import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import click

from edge.between.tongue import said
from edge.cli.main import config_option, plain_errors
from edge.config.sections import load
from edge.records.delivery import Delivery, pending
from edge.records.identity import load_key, load_public_key
from edge.records.ledger import LedgerBroken, bodies_after, last_of, reading, verify
from edge.records.print_jobs import PrintJobs
from edge.state.lots import by_state as lots_by_state
from edge.state.unread import rows as unread_rows
from protocol.city.envelope import kind_of
from protocol.city.events import COLUMNS, EVENTS, Record

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
HEAD = ("seq", "type", "code", "time", "clock")  # columns before those of a record
NAMED = 20  # damaged records, at most


@click.group()
def ledger() -> None:
    """Look at the ledger: status, verification, export. Works while the station runs."""


@ledger.command()
@config_option
def status(config_path: Path) -> None:
    """Records written, delivered, waiting and set aside; papers without proof."""
    with plain_errors(), reading(load(config_path).station.data) as db:
        delivery = Delivery(db.conn)
        last, upto, ahead = last_of(db.conn), delivery.upto(), delivery.ahead()
        answer = {
            "records": last,
            "delivered_upto": upto,
            "pending": pending(last, upto, ahead),
            "set_aside": [{"seq": seq, "reason": reason} for seq, reason in ahead.items() if reason is not None],
            "papers": PrintJobs(db.conn).states(),
            "lots": lots_by_state(db.conn),
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
    """What the station could not handle, newest last: one JSON object per line, bytes in hex."""
    with plain_errors(), reading(load(config_path).station.data) as db:
        for row in list(unread_rows(db.conn)):
            click.echo(json.dumps(row, ensure_ascii=False))


@ledger.command()
@config_option
@click.option("--as", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("-o", "--out", type=click.File("w", "utf-8", lazy=True), default="-")
@click.option("--after", default=0, help="Only records after this sequence number.")
def export(config_path: Path, form: str, out: Any, after: int) -> None:
    """Write records: the signed events as JSON lines, or the main columns as CSV for a spreadsheet.

    Damaged records are left out and named at the end, with exit code 1.
    """
    with plain_errors():
        with reading(load(config_path).station.data) as db:
            rows = bodies_after(db.conn, after)
            damaged = _as_lines(rows, out) if form == "jsonl" else _as_table(rows, out)
        if damaged:
            raise LedgerBroken(_left_out(damaged))


Rows = Iterable[tuple[int, bytes]]


def _as_lines(rows: Rows, out: TextIO) -> list[int]:
    """The events as they are signed; answers the numbers of those that cannot be read."""
    damaged = []
    for seq, body in rows:
        try:
            _columns(seq, json.loads(body))
            out.write(body.decode("utf-8") + "\n")
        except UNREADABLE:
            damaged.append(seq)
    return damaged


def _as_table(rows: Rows, out: TextIO) -> list[int]:
    """The main columns; answers the numbers of the records that cannot be read."""
    table = csv.DictWriter(out, fieldnames=[*HEAD, *COLUMNS])
    table.writeheader()
    damaged = []
    for seq, body in rows:
        try:
            columns = _columns(seq, json.loads(body))
        except UNREADABLE:
            damaged.append(seq)
        else:
            table.writerow({name: _cell(value) for name, value in columns.items()})
    return damaged


def _left_out(damaged: list[int]) -> str:
    numbers = ", ".join(map(str, damaged[:NAMED])) + (" …" if len(damaged) > NAMED else "")
    return said(
        f"已损坏而未导出的记录：{numbers}。运行 marketedge ledger verify，并请技术员从备份恢复",
        f"damaged records left out: {numbers}. Run marketedge ledger verify and restore them from a backup",
    )


def _columns(seq: int, event: dict[str, Any]) -> dict[str, Any]:
    """Raises one of ``UNREADABLE`` when the event is damaged."""
    kind = EVENTS.get(kind_of(event["type"]))
    head = (seq, event["type"], event.get("subject"), event.get("time"), event.get("clockstate"))
    return dict(zip(HEAD, head, strict=True)) | (kind.record if kind else Record).columns(event["data"])


def _cell(value: Any) -> Any:
    """A spreadsheet runs a text that starts with = + - @ as a formula; an apostrophe keeps it text."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value

"""`marketedge ledger`: look at the ledger; its file saved, restored and salvaged is `ledger_files.py`."""

import csv
import json
import os
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click

from edge.between.tongue import said
from edge.cli.ledger_delivery import deliver, go_on, resend
from edge.cli.ledger_files import backup, restore, salvage
from edge.cli.main import BadInput, config_option, plain_errors
from edge.cli.told import Told
from edge.config.sections import load
from edge.records import mark
from edge.records.backup import beside
from edge.records.books import harmless
from edge.records.checkpoints import removed_of
from edge.records.identity import load_key, load_public_key
from edge.records.ledger import FILE, LedgerBroken, behind, bodies_after, body_of, reading
from edge.records.own_keys import earlier_of
from edge.state.ledger_status import ledger_status
from edge.state.unread import rows as unread_rows
from protocol.city.envelope import kind_of
from protocol.city.events import COLUMNS, EVENTS, Record

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
HEAD = ("seq", "type", "code", "time", "clock")  # columns before those of a record
ID = re.compile(r',"id":"([0-9a-f-]{36})","kid":')  # where RFC 8785 puts it in an envelope
NAMED = 20  # damaged records, at most


@click.group()
def ledger() -> None:
    """Look at the ledger (status, verification, export), send from it again, and keep its file.

    Which command when: edge/ledger.md.
    """


for command in (resend, deliver, go_on, backup, restore, salvage):
    ledger.add_command(command)


@ledger.command()
@config_option
def status(config_path: Path) -> None:
    """Records written, delivered, waiting and set aside; papers without proof."""
    with plain_errors(), reading(load(config_path).station.data) as db:
        months = load(config_path).station.keep_months
        answer = ledger_status(db.conn, months, date.today())  # noqa: DTZ011 - the box's own day
    click.echo(json.dumps(answer, ensure_ascii=False, indent=2))


@ledger.command("verify")
@config_option
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="Public key; default: the station's own.")
@click.option("--cores", default=0, metavar="N", help="How many processes check at once; default: one a core.")
def verify_command(config_path: Path, key_file: Path | None, cores: int) -> None:
    """Check every record's signature, chain, number and serials, and that none is missing at the end.

    Exit code 1 names the first record that fails.
    """
    from edge.records.verify import verify_folder

    with plain_errors():
        config = load(config_path)
        key = load_public_key(key_file) if key_file else load_key(config.station.key).public_key()
        earlier = earlier_of(config.station.key)
        before = mark.read(mark.beside(config.station.key)) or mark.Mark()
        try:
            with Told() as told:
                count, last = verify_folder(
                    config.station.data, key, partial(told, said("检查记录", "checking")), cores, earlier
                )
            with reading(config.station.data) as db:
                removed = removed_of(db.conn)
                if why := behind(db.conn, config.station.data / FILE, before):
                    raise LedgerBroken(why)
        except LedgerBroken as broken:
            click.echo(json.dumps({"ok": False, "why": str(broken)}, ensure_ascii=False))
            sys.exit(1)
    answer = {"ok": True, "records": count, "last_hash": last}
    click.echo(json.dumps(answer | ({"removed": asdict(removed)} if removed else {})))


@ledger.command()
@config_option
def unread(config_path: Path) -> None:
    """What the station could not handle, newest last: one JSON object per line, bytes in hex."""
    with plain_errors(), reading(load(config_path).station.data) as db:
        for row in list(unread_rows(db.conn)):
            click.echo(json.dumps(row, ensure_ascii=False))


@ledger.command()
@config_option
@click.option("--as", "form", type=click.Choice(["jsonl", "csv", "xlsx", "epcis"]), default="jsonl", show_default=True)
@click.option(
    "--book", type=click.Choice(["purchases", "sales", "tests"]), help="A book by law: 进货台账, 销售台账 or 检测台账."
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First day of the book.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day of the book.")
@click.option("-o", "--out", default="-", help="A file, which gets its name when it is whole; default: the terminal.")
@click.option("--after", default=0, help="Only records after this sequence number.")
def export(
    config_path: Path,
    form: str,
    book: str | None,
    since: datetime | None,
    until: datetime | None,
    out: str,
    after: int,
) -> None:
    """Write records: the signed events as JSON lines, the main columns as CSV, or all as an EPCIS 2.0 document.

    With --book a book that the law asks for, as CSV or spreadsheet, into the file of -o. Damaged records are left out
    and named or counted at the end, with exit code 1. What was kept its time and left the ledger is named first.
    """
    with plain_errors():
        data = load(config_path).station.data
        if book is not None:
            _write_book(data, book, form, since and since.date(), until and until.date(), out)
            return
        if form == "xlsx" or since or until:
            raise BadInput(said("请用 --book 指明台账", "say which book with --book"))
        with reading(data) as db:
            removed = removed_of(db.conn)
            if removed is not None and after < removed.upto:
                click.echo(said(removed.zh, removed.en), err=True)
            with whole(out) as path, path.open("w", encoding="utf-8") if path else nullcontext(sys.stdout) as file:
                if form == "epcis":
                    damaged = _as_epcis(db.conn, after, file)
                else:
                    rows = bodies_after(db.conn, after)
                    damaged = _as_lines(rows, file) if form == "jsonl" else _as_table(rows, file)
        if damaged:
            raise LedgerBroken(_left_out(damaged))


@contextmanager
def whole(out: str) -> Iterator[Path | None]:
    """Where to write what takes the name ``out`` when it is done; None is what the command prints, and a device is
    written to as it is.  Raises BadInput when it cannot be written: then nothing of it is left."""
    target = Path(out)
    if out == "-" or (target.exists() and not target.is_file()):
        yield None if out == "-" else target
        return
    try:
        with beside(target, replace=True) as part:
            draft = part / target.name
            yield draft
            with draft.open("rb") as made:
                os.fsync(made.fileno())
            draft.replace(target)
    except OSError as error:
        why = error.strerror or str(error)
        raise BadInput(
            said(
                f"{out}：没有写成（{why}），没有留下半个文件。请腾出空间或换一个磁盘",
                f"{out}: not written ({why}), and no half of it is left; make room, or write to another disk",
            )
        ) from None


def _write_book(data: Path, name: str, form: str, since: date | None, until: date | None, out: str) -> None:
    """A book in a file, with its progress. Raises BadInput, LedgerBroken and OSError."""
    from edge.records import books

    if form in ("jsonl", "epcis") or out == "-":
        raise BadInput(
            said("台账请用 --as xlsx 或 csv，并用 -o 指明文件", "a book needs --as xlsx or csv, and -o FILE")
        )
    progress = books.Progress()
    with reading(data) as db, click.progressbar(length=1, file=sys.stderr, label=name) as bar:

        def told() -> Iterator[list[books.Cell]]:
            for row in books.rows(db.conn, books.BOOKS[name], since, until, progress):
                bar.length = progress.total
                bar.update(progress.done - bar.pos)
                yield row

        with whole(out) as path:
            books.write(path or Path(out), "csv" if form == "csv" else "xlsx", books.BOOKS[name], told())
    if progress.damaged:
        raise LedgerBroken(
            said(
                f"{progress.damaged} 条损坏的记录未写入。运行 marketedge ledger verify，并请技术员从备份恢复",
                f"{progress.damaged} damaged records left out. Run marketedge ledger verify and restore a backup",
            )
        )


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
            table.writerow({name: harmless(value) for name, value in columns.items()})
    return damaged


def _as_epcis(conn: sqlite3.Connection, after: int, out: TextIO) -> list[int]:
    """One EPCIS document; answers the numbers of the records that cannot be read."""
    from protocol.city import epcis

    told = _told_again(conn, after)
    damaged: list[int] = []

    def earlier(id_: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = json.loads(body_of(conn, told[id_])) if id_ in told else None
        return found

    around = epcis.head(datetime.now().astimezone().isoformat(timespec="seconds"))
    out.write(json.dumps(around, ensure_ascii=False)[:-1] + ', "epcisBody": {"eventList": [')
    between = "\n"
    for seq, body in bodies_after(conn, after):
        try:
            events = epcis.events_of(json.loads(body), earlier)
        except UNREADABLE:
            damaged.append(seq)
            continue
        for event in events:
            out.write(between + json.dumps(event, ensure_ascii=False))
            between = ",\n"
    out.write("\n]}}\n")
    return damaged


def _told_again(conn: sqlite3.Connection, after: int) -> dict[str, int]:
    """Ids and numbers of the records that later ones void or correct: EPCIS tells those again, as they were."""
    from protocol.city.epcis import pointer

    wanted: set[str] = set()
    for _, body in bodies_after(conn, after):
        with suppress(*UNREADABLE):
            wanted.add(pointer(json.loads(body)))
    wanted.discard("")
    found: dict[str, int] = {}
    for seq, body in bodies_after(conn, 0) if wanted else ():
        found |= dict.fromkeys(wanted.intersection(ID.findall(body.decode("utf-8", "replace"))), seq)
    return found


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

"""``marketsim city send``: order something of a station, through the database of the city that runs beside it."""

import json
import time
from pathlib import Path
from typing import Any, TextIO

import click

from protocol.city.commands import COMMANDS
from simulator.city.engines import Where, failures_of
from simulator.city.examples import written
from simulator.city.keys import FILE, city_key
from simulator.city.orders import BadOrder, Ordered, check_target, ordered
from simulator.city.reader import Reader
from simulator.city.store import Store
from simulator.obstacles import plain_errors


@click.command()
@click.argument("name", type=click.Choice(list(COMMANDS)))
@click.option("--station", metavar="STATION", help="NNNNNNNNN-TT, or NNNNNNNNN-all for every station of a node.")
@click.option("--lot", help="Field `lot`: source code or test code.")
@click.option("--reason", help="Field `reason`.")
@click.option("--from", "first", type=int, help="Field `from` of resend.")
@click.option(
    "--json", "file", type=click.File("r", encoding="utf-8"), help="The fields as one JSON object; - is stdin."
)
@click.option(
    "--hours", type=click.FloatRange(0, 9000, min_open=True), default=24.0, show_default=True, help="Until it expires."
)
@click.option(
    "--wait", type=float, default=10.0, show_default=True, help="Seconds to wait for the answers; 0 does not."
)
@click.option("--example", is_flag=True, help="Print the fields of an example, and send nothing.")
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="The city's database.")
@click.option("--key", "key_file", type=click.Path(dir_okay=False, path_type=Path), help="The key the city signs with.")
@click.pass_context
def send(
    context: click.Context,
    name: str,
    station: str | None,
    lot: str | None,
    reason: str | None,
    first: int | None,
    file: TextIO | None,
    hours: float,
    wait: float,
    example: bool,
    db: Path | None,
    key_file: Path | None,
) -> None:
    """Order something of a station; prints a line for each answer. Exit code 1 when one is no `done` or does not come.

    \b
      marketsim city send stop_lot --station 410108001-01 --lot 41010800110100010074 --reason 召回
      marketsim city send directory --station 410108001-all --json directory.json
    """
    if example:
        click.echo(written(name))
        return
    path: Where = db or context.obj
    if isinstance(path, Path) and not path.exists():
        raise click.ClickException(f"{path}: no such file; start the city first, or name its database with --db")
    given = {"lot": lot, "reason": reason, "from": first}
    try:
        target = check_target(station or "")
        fields = {**_read(file), **{one: value for one, value in given.items() if value is not None}}
        with plain_errors(*failures_of(path)):
            id_ = _order(path, key_file, name, target, fields, hours * 3600)
    except (BadOrder, ValueError) as error:
        raise click.UsageError(str(error)) from None
    click.echo(f"id={id_} command={name} station={target} kept")
    if wait > 0 and not _await(path, id_, wait):
        context.exit(1)


def _order(where: Where, key_file: Path | None, name: str, target: str, fields: dict[str, Any], seconds: float) -> str:
    """Keep the command. In a file it is signed here; a server's is signed by the city that runs there."""
    store = Store(where)
    try:
        with store.batch():
            if isinstance(where, Path):
                return store.orders.add(name, target, fields, seconds, city_key(key_file or where.with_name(FILE)))
            return store.orders.want(name, target, fields, seconds)
    finally:
        store.close()


def _read(file: TextIO | None) -> dict[str, Any]:
    if file is None:
        return {}
    fields = json.load(file)
    if not isinstance(fields, dict):
        raise BadOrder("the file holds no JSON object")
    return fields


def _await(path: Where, id_: str, seconds: float) -> bool:
    """Tell each answer as it comes; whether all stations did it."""
    told: set[str] = set()
    end = time.monotonic() + seconds
    while True:
        one = _look(path, id_)
        for said in one.answers:
            line = (
                f"station={said['station']} state={said['state']} code={said['code'] or '-'} seq={said['seq'] or '-'}"
            )
            if line not in told:
                click.echo(f"{line} {said['message_en']}".rstrip())
                told.add(line)
        if one.answers and not one.waits:
            return all(said["state"] == "done" for said in one.answers)
        if time.monotonic() >= end:
            click.echo(f"no answer yet: {', '.join(one.waits) or one.target}; it stays until {one.expires}", err=True)
            return False
        time.sleep(0.1)


def _look(path: Where, id_: str) -> Ordered:
    with Reader(path) as reader:
        return ordered(reader.db.conn, 1, id_)[0]

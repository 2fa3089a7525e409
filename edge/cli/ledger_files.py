"""`marketedge ledger backup` and `salvage`: the ledger's file saved, and what is left of a damaged one.

Which command when, step by step: `edge/ledger.md`.
"""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import click

from edge.between.tongue import said
from edge.cli.main import config_option, plain_errors
from edge.cli.told import Told
from edge.config.sections import Config, load
from edge.records import lock, mark
from edge.records.identity import load_key, load_public_key
from edge.records.ledger import FILE
from edge.records.own_keys import earlier_of

NAMED = 20  # spans, at most, in words


@click.command()
@config_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--replace", is_flag=True, help="Replace FILE where it is there.")
@click.option(
    "--with-key",
    is_flag=True,
    help="Also the station's private key: whoever has the file can then sign records as this station. Keep it locked "
    "away. Without it a new card needs the key from your own copy.",
)
@click.pass_context
def backup(ctx: click.Context, config_path: Path, file: Path, replace: bool, with_key: bool) -> None:
    """Save the whole ledger with its photos into FILE, while the station runs.

    Every record is checked meanwhile. A ledger that does not hold is saved as it is; exit code 1 says what is wrong.
    """
    from edge.records import backup as backups

    with plain_errors():
        config = load(config_path)
        key = load_key(config.station.key)
        with Told() as told:
            about = backups.make(
                config.station.data,
                key.public_key(),
                name_of(config),
                file,
                phases(told),
                private_key=config.station.key if with_key else None,
                replace=replace,
                earlier=earlier_of(config.station.key),
            )
    if with_key:
        click.echo(
            said(
                f"{file} 内含本站私钥：拿到它的人可以冒充本站签名，请锁好，不要用网络发送",
                f"{file} holds the station's private key: whoever has it can sign as this station. Lock it away, and "
                "send it over no network",
            ),
            err=True,
        )
    click.echo(json.dumps({"file": str(file), **asdict(about)}, ensure_ascii=False, indent=2))
    ctx.exit(1 if about.broken else 0)


@click.command()
@config_option
@click.argument("damaged", type=click.Path(path_type=Path, exists=True))
@click.option(
    "-o", "--out", "new", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The backup to make."
)
@click.option("--replace", is_flag=True, help="Replace the backup where it is there.")
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="Public key; default: the station's own.")
@click.pass_context
def salvage(
    ctx: click.Context, config_path: Path, damaged: Path, new: Path, replace: bool, key_file: Path | None
) -> None:
    """Make a backup of what is left of a DAMAGED ledger.db (with its -wal beside it), for `ledger restore`.

    Kept are all records up to the first that is lost; signed ones behind it go into a file of their own,
    FILE.aside.jsonl. DAMAGED is only read. Exit code 1 when anything was lost: which numbers, which bytes, which
    tables.
    """
    from edge.records import backup as backups
    from edge.records.salvage import salvage as salvaged

    file = damaged / FILE if damaged.is_dir() else damaged
    aside = new.with_name(f"{new.name}.aside.jsonl")
    with plain_errors(), ExitStack() as held:
        config = load(config_path)
        key = load_public_key(key_file) if key_file else load_key(config.station.key).public_key()
        earlier = earlier_of(config.station.key)
        if (file.parent / lock.FILE).exists():  # a station has worked here
            held.callback(lock.Lock(file.parent).close)
        upto = (mark.read(mark.beside(config.station.key)) or mark.Mark()).records
        with Told() as told, backups.beside(new, replace) as part:
            show = phases(told)
            found = salvaged(file, part / FILE, part / aside.name, key, lambda *at: show("check", *at), upto, earlier)
            if (part / aside.name).exists():
                (part / aside.name).replace(aside)
            about = backups.write(part, file.parent, key, name_of(config), new, show, earlier=earlier)
    answer = {"file": str(new), "aside_file": str(aside) if found.aside else "", **asdict(found)}
    click.echo(json.dumps({**answer, "photos": about.photos, "photos_missing": about.photos_missing}, indent=2))
    click.echo(
        said(
            f"保住 {found.kept} 条记录。下一步：marketedge ledger restore {new} -c {config_path}",
            f"{found.kept} records are kept. Next: marketedge ledger restore {new} -c {config_path}",
        ),
        err=True,
    )
    ctx.exit(0 if found.whole else 1)


@click.command()
@config_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--person", required=True, metavar="NAME", help="Who decides it; it stands in the record.")
@click.option("--without-city", is_flag=True, help="Go on although the city cannot be asked what it has.")
def restore(config_path: Path, file: Path, person: str, without_city: bool) -> None:
    """Put the backup FILE in the place of the ledger, while no station runs.

    All of it is checked, and the city asked how far it is; then a record says that the ledger goes on behind both ends,
    and no number and no code is given twice. What lay there is kept in a folder beside.
    """
    from edge.city import asked_once
    from edge.records import restore as restores
    from edge.records.clock import Clock
    from edge.records.identity import load_city_keys
    from edge.records.ledger import Signer, past, reading
    from edge.service import software
    from protocol.city.state import encode_state

    with plain_errors(), ExitStack() as stack:
        config = load(config_path)
        station = config.station
        with Told() as told:
            place = restores.Place(station.data, station.key)
            ready = stack.enter_context(restores.prepared(file, place, phases(told)))
        signer = Signer(ready.key, station.host, station.node, station.terminal, place.earlier())
        with reading(ready.part) as db:
            clock = Clock(config.clock.trust, past(db.conn), config.certificates())
        city = None
        if not without_city:
            birth = encode_state(
                "online",
                name_of(config),
                signer.key,
                time=clock.now().text,
                bootid=clock.boot_id,
                reach=ready.reach,
                software=software(),
            )
            city = asked_once.ask(config, load_city_keys(config.city.keys_file), clock, birth)
        why = (
            said("从备份恢复，未问平台", "a backup was restored without asking the city")
            if without_city
            else said("从备份恢复", "a backup was restored")
        )
        recorded = restores.finish(ready, signer, city, why, person, clock.now(), clock.boot_id)
    answer = {
        "records": ready.reach.last,
        "city": None if city is None else city.upto,
        "record": recorded.seq,
        "left_out": [ready.reach.last + 1, recorded.seq - 1],
        "serials": recorded.data["serials"],
        "photos": ready.found.about.photos,
    }
    click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    click.echo(
        said(
            f"已恢复 {ready.reach.last} 条记录，从第 {recorded.seq} 条继续。下一步：marketedge check -c {config_path}",
            f"{ready.reach.last} records are back; it goes on with record {recorded.seq}. "
            f"Next: marketedge check -c {config_path}",
        ),
        err=True,
    )


def name_of(config: Config) -> str:
    """As the city calls the station."""
    return f"{config.station.node}-{config.station.terminal}"


def phases(told: Told) -> Callable[[str, int, int], None]:
    """Progress by the words of ``backup.PHASES``."""
    from edge.records.backup import PHASES

    return lambda phase, done, total: told(said(*PHASES[phase]), done, total)

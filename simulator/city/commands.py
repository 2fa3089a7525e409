"""``marketsim city``: the city platform as a process."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

import click

from protocol.city.codes import OPERATOR
from simulator.city import shelf
from simulator.city.engines import Where, failures_of
from simulator.city.enrol_commands import enrol as enrol_group
from simulator.city.keys import city_key
from simulator.city.platform import Part, Platform, check_broker
from simulator.city.reader import Reader
from simulator.city.registering import check_key, check_station, register
from simulator.city.sending import send
from simulator.city.store import Store
from simulator.city.workers import READY
from simulator.obstacles import in_words, plain_errors

_DB = click.option(
    "--db",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("city.db"),
    show_default=True,
    help="The city's database.",
)

_BROKER = click.option(
    "--broker", default="mqtt://127.0.0.1:1883", show_default=True, help="mqtt://… or mqtts://HOST:PORT"
)
_ENROL = click.option("--enrol", is_flag=True, help="Trust the first key a station shows. For demonstration and tests.")
_MQTT = click.option(
    "--mqtt",
    "version",
    type=click.Choice(["5", "3.1.1"]),
    default="5",
    show_default=True,
    help="What the broker speaks.",
)


@click.group("city", invoke_without_command=True)
@_BROKER
@_DB
@click.option("--store", help="postgresql://… in place of a database file.")
@click.option("--workers", type=click.IntRange(0, 64), default=0, help="Processes that take records; with --store.")
@click.option("--listen", default="127.0.0.1:8600", show_default=True, help="Address of the pages; port 0 takes one.")
@_ENROL
@_MQTT
@click.option("--trust", "keys", multiple=True, metavar="STATION=HEX", help="Trust a station's public key.")
@click.option(
    "--key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The key the city signs with; made when there is none. Default: city.key beside the database.",
)
@click.pass_context
def city(
    context: click.Context,
    broker: str,
    db: Path,
    store: str | None,
    workers: int,
    listen: str,
    enrol: bool,
    version: str,
    keys: tuple[str, ...],
    key_file: Path | None,
) -> None:
    """Run a small working city platform: takes events over MQTT, keeps them, answers, shows slips to phones."""
    if context.invoked_subcommand is not None:
        context.obj = store or db
        return
    from simulator.city.server import City  # the pages: what else is here starts sooner without them

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        pairs = dict(one.partition("=")[::2] for one in keys)
        where: Where = store or db
        running = City(
            broker,
            where,
            listen,
            enrol=enrol,
            mqtt_version=version,
            keys=pairs,
            key_file=key_file,
            workers=workers,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.ClickException(in_words(error)) from None
    click.echo(f"public key for the stations: {running.key}")
    ending = _ending()
    with plain_errors(*failures_of(where)):
        running.start()
    ending.wait()
    running.stop()


def _ending() -> threading.Event:
    """Set when somebody wants this process to end in order."""
    ending = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: ending.set())
    threading.excepthook = _end_process
    return ending


city.add_command(send)
city.add_command(enrol_group)


@city.command()
@_BROKER
@click.option("--store", required=True, help="postgresql://…")
@click.option("--part", "place", default="1/1", show_default=True, help="Which of how many workers, as 2/4.")
@_ENROL
@_MQTT
@click.option(
    "--key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The key the city signs with.",
)
@click.option("--tied", is_flag=True, help="End when standard input ends.")
def worker(broker: str, store: str, place: str, enrol: bool, version: str, key_file: Path, tied: bool) -> None:
    """Take what stations send: one of the city's workers, on this machine or another."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    number, _, count = place.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise click.UsageError(f"--part {place[:20]!r}: write which of how many, as 2/4")
    part = Part(int(number) - 1, int(count), desk=False)
    with plain_errors(*failures_of(store)):
        check_broker(broker, version)
        Store(store).close()  # a wrong address is told at once
        running = Platform(broker, store, city_key(key_file), enrol=enrol, mqtt_version=version, part=part)
    ending = _ending()
    if tied:
        threading.Thread(target=_until_input_ends, args=(ending,), daemon=True).start()
    running.start()
    while not (running.connected.wait(0.2) or ending.is_set()):
        pass
    click.echo(READY)
    ending.wait()
    running.stop()


@city.group()
def keys() -> None:
    """Which public keys are trusted."""


@keys.command()
@click.argument("station")
@click.argument("key", metavar="HEX")
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="The city's database.")
@click.pass_context
def add(context: click.Context, station: str, key: str, db: Path | None) -> None:
    """Trust a station's public key (64 hex digits); a running city takes it at once."""
    try:
        name, public = check_station(station), check_key(key)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    where: Where = db or context.obj
    with plain_errors(*failures_of(where)):
        others = register(where, {name: public})
    if others:
        raise click.ClickException(f"{name} already has another key; it was not changed")
    click.echo(f"station={name} key={public} trusted")


@keys.command("list")
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="The city's database.")
@click.pass_context
def list_keys(context: click.Context, db: Path | None) -> None:
    """Print the trusted keys."""
    where: Where = db or context.obj
    if isinstance(where, Path) and not where.exists():
        raise click.ClickException(f"{where}: no such file")
    with plain_errors(*failures_of(where)), Reader(where) as reader:
        for row in reader.keys().values():
            click.echo(f"station={row['station']} key={row['public_key']} how={row['how']} time={row['time']}")


@city.command()
@click.argument("code", metavar="OPERATOR-CODE")
@click.option("--name", default="", help="As on the licence.")
@click.option("--stall", default="", help="Where the stall is.")
@click.option("--licence", default="", help="Its number.")
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="The city's database.")
@click.pass_context
def merchant(context: click.Context, code: str, name: str, stall: str, licence: str, db: Path | None) -> None:
    """Register who has an operator code (13 digits): what the page behind the stall's own QR code says of him."""
    if not OPERATOR.fullmatch(code):
        raise click.UsageError(f"operator code {code[:40]!r}: write 13 digits")
    store = Store(db or context.obj)
    try:
        with store.batch():
            shelf.register(store.db, code, name, stall, licence)
    finally:
        store.close()
    click.echo(f"merchant={code} registered")


def _until_input_ends(ending: threading.Event) -> None:
    sys.stdin.read()
    ending.set()


def _end_process(failed: threading.ExceptHookArgs) -> None:
    """A thread that fails in a way nobody foresaw ends the process; whoever started it starts it again."""
    logging.getLogger("city").critical(
        "thread=%s ended", failed.thread.name if failed.thread else "?", exc_info=failed.exc_value
    )
    logging.shutdown()
    os._exit(70)


if __name__ == "__main__":
    city()

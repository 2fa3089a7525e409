"""``marketsim city enrol``: tokens for boxes, the list of them, and answers to requests that came on a stick."""

from pathlib import Path

import click

from protocol.city import enrolment
from protocol.city.enrolment import spoken
from simulator.city.engines import Where, failures_of, is_server
from simulator.city.enrolling import enrol as answered
from simulator.city.enrolling import give_out, given
from simulator.city.keys import FILE, city_key, public_hex
from simulator.city.registering import check_station
from simulator.obstacles import plain_errors

_DB = click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="The city's database.")
_KEY = click.option(
    "--key", "key_file", type=click.Path(dir_okay=False, path_type=Path), help="The key the city signs with."
)


@click.group()
def enrol() -> None:
    """Boxes become stations: give out a token, see who used one, answer a request from a stick."""


@enrol.command()
@click.argument("station")
@click.option("--region", default="", metavar="NNNNNN", help="GB/T 2260; default: the first digits of the station.")
@click.option("--host", default="sy.example.cn", show_default=True, help="The city's host in QR codes.")
@click.option(
    "--broker",
    "brokers",
    multiple=True,
    default=("mqtt://127.0.0.1:1883",),
    show_default=True,
    help="Where the box finds the broker; several: the next is tried when one is gone.",
)
@click.option("--mqtt", default="5", type=click.Choice(["5", "3.1.1"]), show_default=True, help="What it speaks.")
@click.option(
    "--ca",
    "ca_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Authorities (PEM) that the brokers' certificates are by; left out: the box's own list.",
)
@click.option("--days", default=7.0, type=click.FloatRange(0, 365), show_default=True, help="How long it may be used.")
@_DB
@click.pass_context
def new(
    context: click.Context,
    station: str,
    region: str,
    host: str,
    brokers: tuple[str, ...],
    mqtt: str,
    ca_file: Path | None,
    days: float,
    db: Path | None,
) -> None:
    """Give out a token for a seat, NNNNNNNNN-TT. It is used once; a running city takes it at once."""
    where: Where = db or context.obj
    try:
        name = check_station(station)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    ca = ca_file.read_text("ascii") if ca_file else ""
    with plain_errors(*failures_of(where)):
        token = give_out(
            where,
            name,
            region=region or name[:6],
            host=host,
            brokers=brokers,
            mqtt=mqtt,
            ca=ca,
            days=days,
        )
    click.echo(token.text)


@enrol.command("list")
@_DB
@click.pass_context
def list_tokens(context: click.Context, db: Path | None) -> None:
    """Print each token's id with its station and who used it, with the words to compare."""
    where: Where = db or context.obj
    with plain_errors(*failures_of(where)):
        rows = given(where)
    for one in rows:
        used = f"key={one.public_key} time={one.time} words={spoken(one.public_key)}" if one.public_key else "open"
        click.echo(f"token={one.id} station={one.station} until={one.until} {used}")


@enrol.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_DB
@_KEY
@click.pass_context
def answer(context: click.Context, file: Path, db: Path | None, key_file: Path | None) -> None:
    """Answer the request in FILE: the answer takes its place, and goes back to the box."""
    where: Where = db or context.obj
    beside = Path(FILE) if is_server(where) else Path(where).with_name(FILE)
    key_path = key_file or beside
    payload = file.read_bytes()
    if not enrolment.is_request(payload):
        raise click.ClickException(f"{file}: no request of a box")
    with plain_errors(*failures_of(where)):
        key = city_key(key_path)
        status, made = answered(where, key, key_path.parent, payload)
    file.write_bytes(made)
    if status != 200:
        raise click.ClickException(f"refused: {made.decode()}")
    click.echo(f"{file}: the answer; the city's key in words: {spoken(public_hex(key))}")

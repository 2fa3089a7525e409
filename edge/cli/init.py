"""`marketedge init`: a new station's folder, from options or by asking."""

import re
import sys
from pathlib import Path
from typing import Any, get_args

import click

from edge.between.fixed_words import GoodsGroup, JobName
from edge.cli.main import plain_errors
from edge.cli.owner import to_its_owner

USUAL = Path("station")


def _to_its_owner(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    to_its_owner(ctx, param, value or USUAL)
    return value


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False, callback=_to_its_owner)
@click.option(
    "--job",
    "jobs",
    type=click.Choice(get_args(JobName)),
    multiple=True,
    help="What the station does; repeat for a second job. With it nothing is asked.",
)
@click.option("--ask", is_flag=True, help="Ask, also where this is no terminal.")
@click.option("--name", default="", help="The station's name, shown on pages and slips.")
@click.option(
    "--goods",
    "groups",
    type=click.Choice([*get_args(GoodsGroup)[:-1], "all"]),
    multiple=True,
    help="Groups of common goods that are sold or come in here; repeat for more. Left out: all at a gate or canteen, "
    "and at a stall those that you write into station.toml. `marketedge goods` lists them.",
)
@click.option(
    "--terminal",
    default="01",
    metavar="NN",
    show_default=True,
    help="Its number in the market, as the city gave it: no two boxes have the same.",
)
@click.option("--city-key", default="", metavar="HEX|FILE", help="The city's public key, or a file with one per line.")
@click.option("--tls", is_flag=True, help="Encrypt the pages, with an authority of the market's own.")
@click.option(
    "--ca",
    "ca_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --tls: ca.pem of the market's authority, from the box where it was made.",
)
@click.option("--node", default="", metavar="NNNNNNNNN", help="The market's number, 9 digits, as the city gave it.")
@click.option(
    "--csr",
    is_flag=True,
    help="Also make a key and a certificate request for a broker that asks for a certificate; needs --node.",
)
def init(
    folder: Path | None,
    jobs: tuple[str, ...],
    ask: bool,
    name: str,
    groups: tuple[str, ...],
    terminal: str,
    city_key: str,
    tls: bool,
    ca_file: Path | None,
    node: str,
    csr: bool,
) -> None:
    """Write FOLDER/station.toml with comments, the station's key, and the city's public key where it is known.

    On a terminal, without --job, it asks in Chinese or English: what the box does, who the operator is, what the city
    gave you. It looks at each port, finds scales, analyzers and printers, prints a test page, and ends with what
    `marketedge check` says. Enter takes the usual answer, `<` goes back, Ctrl-C leaves nothing behind. FOLDER is
    `station` where it is left out.

    With --job it asks nothing, for scripts.
    """
    if ask or (not jobs and sys.stdin.isatty()):
        if jobs or name or groups or city_key or tls or csr:
            raise click.UsageError("asking takes no other options; leave out --ask, and name a --job, for scripts")
        _asked(folder or USUAL)
        return
    if not jobs:
        raise click.UsageError("Missing option '--job'; on a terminal, or with --ask, it is asked for.")
    if folder is None:
        raise click.UsageError("Missing argument 'FOLDER'.")
    if ca_file and not tls:
        raise click.UsageError("--ca goes with --tls")
    if node and not re.fullmatch("[0-9]{9}", node):
        raise click.UsageError(f"--node {node}: write nine digits")
    if csr and not node:
        raise click.UsageError("--csr needs --node: the certificate is of this station by its number")
    if not re.fullmatch("[0-9]{2}", terminal):
        raise click.UsageError(f"--terminal {terminal}: write two digits")
    _by_options(folder, jobs, name, groups, terminal, city_key, tls, ca_file, node, csr)


def _by_options(
    folder: Path,
    jobs: tuple[str, ...],
    name: str,
    groups: tuple[str, ...],
    terminal: str,
    city_key: str,
    tls: bool,
    ca_file: Path | None,
    node: str,
    csr: bool,
) -> None:
    from edge.records.identity import city_keys_text, public_hex
    from edge.setup import station
    from edge.setup.composed import by_job

    values: dict[tuple[str, str], Any] = {
        ("station", "name"): name or folder.resolve().name,
        ("station", "jobs"): list(jobs),
        ("station", "terminal"): terminal,
        ("goods", "groups"): list(groups or (() if jobs == ("stall",) else ("all",))),
        **by_job(list(jobs)),
    }
    if node:
        values["station", "node"] = node
    if tls:
        values["web", "tls"] = "own"
    if (folder / station.CONFIG).exists() or (folder / station.KEY).exists():
        raise click.ClickException(f"{folder} already holds a station; nothing was changed")
    with plain_errors():
        keys = city_keys_text(city_key) if city_key else station.NO_CITY_KEY
        key = station.write(folder, station.text_of(values), {station.CITY_KEYS: keys.encode()})
        more = _encrypt(folder, name, ca_file) if tls else []
        more += _ask(folder, f"{node}-{terminal}") if csr else []
    click.echo(f"{folder / station.CONFIG}: fill in who you are and what is plugged in")
    click.echo(f"{folder / station.KEY}: the station's key, readable by you alone; keep a copy in a safe place")
    if not city_key:
        click.echo(f"{folder / 'city.keys'}: put the city's public key here; without it no record can be confirmed")
    for line in more:
        click.echo(line)
    click.echo(f"public key for the city: {public_hex(key)}")


def _asked(folder: Path) -> None:
    """By asking, and then by trying what was written."""
    from edge.between.tongue import said
    from edge.cli.check import MARKS, tried
    from edge.setup import station
    from edge.setup.dialogue import ask
    from edge.setup.walk import Walk

    with plain_errors():
        station.refuse_second(folder)
        written = ask(Walk(folder))
        click.echo(said(f"已写入 {written.config}。逐项检查：", f"{written.config} is written. Trying each part:"))
        for good, name, text in tried(written.config):
            click.echo(f"{MARKS[good]} {name}: {text}")
    click.echo()
    click.echo(
        said(
            f"本站的公钥，交给平台方登记：{written.public}",
            f"public key for the city: {written.public}",
        )
    )
    click.echo(
        said(
            f"{folder / station.KEY} 是本站的密钥，请另存一份到安全的地方",
            f"{folder / station.KEY} is the station's key: keep a copy in a safe place",
        )
    )
    click.echo(said(f"启动：marketedge run -c {written.config}", f"start it: marketedge run -c {written.config}"))


def _encrypt(folder: Path, name: str, ca_file: Path | None) -> list[str]:
    from edge.cli.tls import prepare
    from edge.config.sections import WebSection
    from edge.records.certificates import FOLDER

    return prepare(folder / FOLDER, name or folder.resolve().name, ca_file, WebSection().listen)


def _ask(folder: Path, station: str) -> list[str]:
    from edge.cli.keys import CERTIFICATE, KEY, ask

    return ask(folder / KEY, folder / CERTIFICATE, station)

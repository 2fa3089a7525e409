"""`marketedge tls`: the market's own authority and this box's certificate, for pages over https."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli.main import config_option, plain_errors
from protocol.city.token import CHINA

if TYPE_CHECKING:
    from edge.config.sections import Config
    from edge.records.certificates import Served

CA = click.option(
    "--ca",
    "ca_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file ca.pem of the market's authority, from the box where it was made. Left out, a new one is made here.",
)


def prepare(folder: Path, market: str, ca_file: Path | None, listen: str, allow: tuple[str, ...] = ()) -> list[str]:
    """The authority and a certificate in this folder; what to tell of it. Raises BadCertificate."""
    from edge.records.box_names import box_names
    from edge.records.certificates import AUTHORITY, SHOWN, Served, make_authority, take_authority

    names = box_names(listen, allow)
    try:
        authority = take_authority(folder, ca_file) if ca_file else make_authority(folder, market, names)
    except FileExistsError as error:
        raise click.ClickException(
            f"{error.filename} is there already; nothing was changed. A new authority has to be installed on every "
            "phone again: if that is meant, move the folder away first"
        ) from None
    Served.own(folder, lambda: names).renew(today())
    told = [] if ca_file else [f"{folder / AUTHORITY}: the market's authority; its other boxes take it with --ca"]
    return [
        *told,
        f"{folder / SHOWN}: for phones and computers that open the pages; SHA-256 {spelled(authority.fingerprint)}",
    ]


def today() -> date:
    """The market's date, as the system has it."""
    return datetime.now(CHINA).date()


def spelled(fingerprint: str) -> str:
    """A fingerprint as phones show it."""
    digits = fingerprint.upper()
    return ":".join(digits[start : start + 2] for start in range(0, len(digits), 2))


@click.group()
def tls() -> None:
    """The certificate of the pages: make the market's own authority, show it, renew."""


@tls.command()
@config_option
@CA
def make(config_path: Path, ca_file: Path | None) -> None:
    """Make the market's authority, or take it from another box, and a certificate for this box."""
    with plain_errors():
        from edge.config.sections import load
        from edge.records.certificates import FOLDER

        config = load(config_path)
        folder = config.station.key.parent / FOLDER
        for line in prepare(folder, config.station.name, ca_file, config.web.listen, config.web.allow):
            click.echo(line)
    if config.web.tls != "own":
        click.echo(f'write tls = "own" under [web] in {config_path}')
    click.echo("restart the station if it runs")


@tls.command()
@config_option
def show(config_path: Path) -> None:
    """Print names, issuer, days left, and what phones are to compare."""
    with plain_errors():
        from edge.config.sections import is_loopback
        from edge.records.certificates import AUTHORITY, SHOWN, load_authority, read

        config, served = _encrypted(config_path)
        one = read(served.certificate)
        click.echo(f"certificate: {served.certificate}")
        click.echo(f"names: {', '.join(one.names)}")
        click.echo(f"issuer: {one.issuer}")
        click.echo(f"valid: {one.begins.date()} to {one.ends.date()}, {one.days_left(today())} days left")
        click.echo(f"SHA-256: {spelled(one.fingerprint)}")
        if served.folder is None:
            return
        authority = load_authority(served.folder / AUTHORITY)
        click.echo(f"authority, for phones: {served.folder / SHOWN}")
        click.echo(f"SHA-256 of the authority: {spelled(authority.fingerprint)}")
        if unnamed := [name for name in box_names_of(config) if not authority.may_name(name)]:
            click.echo(f"not named, since this authority may not: {', '.join(unnamed)}")
        if names := [name for name in one.names if ":" not in name and not is_loopback(name)]:
            port = config.web.listen.rpartition(":")[2]
            click.echo(f"a phone gets it from http://{names[-1]}:{port}/ca.crt")


@tls.command()
@config_option
def renew(config_path: Path) -> None:
    """Make a new certificate at once; a running station takes it within a minute."""
    with plain_errors():
        from edge.records.certificates import read

        _, served = _encrypted(config_path)
        served.renew(today())
        one = read(served.certificate)
        click.echo(f"{served.certificate}: {', '.join(one.names)}; ends on {one.ends.date()}")


def box_names_of(config: "Config") -> tuple[str, ...]:
    from edge.records.box_names import box_names

    return box_names(config.web.listen, config.web.allow)


def _encrypted(path: Path) -> "tuple[Config, Served]":
    from edge.config.certificate import served_of
    from edge.config.sections import load

    config = load(path)
    if config.web.tls == "off":
        raise click.ClickException(f'{path}: the pages are not encrypted; write tls = "own" under [web]')
    return config, served_of(config)

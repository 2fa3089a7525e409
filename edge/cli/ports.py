"""`marketedge ports`: what is plugged in, and how far the names in station.toml lead to one device only."""

import os
from dataclasses import replace
from pathlib import Path

import click

from drivers import proposed
from drivers.discover import FoundPort, keyboards, naming, serial_ports, usb_ports
from drivers.printers import PROFILES
from drivers.transports.adapters import Naming, System
from edge.cli.main import config_option
from edge.config.sections import BadConfig, Config, PortSection, PrinterSection, load
from edge.setup.pieces import toml_of

ANY_PORT = "…"
PAGES = 6  # that are named


@click.command()
@config_option
@click.option(
    "--printer",
    "printer_name",
    default="",
    metavar="NAME",
    help="Propose a row for a printer by its name, such as TM-T88V; what is plugged in is not looked at.",
)
def ports(config_path: Path, printer_name: str) -> None:
    """List serial ports, USB scales, USB printers, keyboards and scanners by the names to put into station.toml.

    An adapter without a serial number of its own is named by the socket it is plugged into. Of a USB printer the
    [[printer]] to paste stands below: by our row where there is one, else as the database of python-escpos has it,
    which is proposed and not tried. Where there is a station.toml, each name in it is judged too.
    """
    if printer_name:
        _propose(printer_name)
        return
    system = System.of(os.environ)
    found = [*serial_ports(system), *usb_ports(), *keyboards(system)]
    for port in found:
        click.echo(f'port = "{port.stable}"    # {port.device}  {port.what}')
    for number, port in enumerate((port for port in found if port.kind == "printer"), 1):
        for line in row_for(port, number):
            click.echo(line)
    if not found:
        click.echo("no port found; plug the device in and look again", err=True)
    if not config_path.exists():
        return
    try:
        config = load(config_path)
    except BadConfig as error:
        click.echo(str(error), err=True)
        return
    for name, port_name, said in judged(config, system):
        click.echo(f"{config_path}: {name} at {port_name}: {said}")


def row_for(port: FoundPort, number: int = 1) -> list[str]:
    """A [[printer]] for this USB printer, with where its settings come from."""
    name = f"printer-{number}"
    if own := proposed.own_row(port.stated):
        return [
            "",
            f"# {port.stated}: our row for it",
            *toml_of("printer", name=name, port=port.stable, profile=own.id),
        ]
    likely = proposed.likely(port.stated, port.vendor)
    if len(likely) == 1:
        return ["", *_proposal(likely[0], name, port.stable)]
    known = f"it may be {', '.join(one.id for one in likely)}" if likely else "nothing is known of it"
    return [
        "",
        f"# {port.stated or port.stable}: no row of ours; {known}. `marketedge ports --printer NAME` proposes one",
        "# by the name on its plate; or take generic-58 or generic-80 by its paper. Not tried: print a test page.",
        *toml_of("printer", name=name, port=port.stable, profile="generic-58"),
    ]


def _proposal(one: proposed.Proposal, name: str, port: str) -> list[str]:
    row = replace(PROFILES[one.profile], **one.change)
    pages = f"{', '.join(one.pages[:PAGES])}{f' and {len(one.pages) - PAGES} more' if len(one.pages) > PAGES else ''}"
    cuts = "with a cutter" if row.cutter else "no cutter"
    chinese = 'change = { encoding = "raster" }'
    return [
        f"# {one.vendor} {one.name}: no row of ours; proposed by python-escpos' database, not tried.",
        f"# {row.dots} dots, {row.columns} columns, {cuts}; code pages {pages}. Print a test page:",
        f"# of Chinese nothing is said there. Where it comes out garbled: {chinese}",
        *toml_of("printer", name=name, port=port, profile=one.profile, change=dict(one.change)),
    ]


def _propose(name: str) -> None:
    """By the name that somebody read on the printer's plate. Raises UsageError."""
    if own := proposed.own_row(name):
        lines = [
            f"# {own.vendor} {own.name}: our row for it",
            *toml_of("printer", name="printer-1", port=ANY_PORT, profile=own.id),
        ]
    elif one := proposed.named(name):
        lines = _proposal(one, "printer-1", ANY_PORT)
    else:
        raise click.UsageError(
            f"no printer {name!r} is known: take generic-58 or generic-80 by its paper. There are: "
            + ", ".join(proposed.names())
        )
    for line in lines:
        click.echo(line)


def judged(config: Config, system: System) -> list[tuple[str, str, Naming]]:
    """Device, the name it is looked for at, and how far that leads to one device; those that cannot be mixed up not."""
    devices = config.devices
    parts: list[PortSection | PrinterSection] = [*devices, *config.printer]
    found = [(part.name, part.port, naming(part.port, system)) for part in parts]
    return [each for each in found if each[2].by]

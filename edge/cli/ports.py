"""`marketedge ports`: what is plugged in, and how far the names in station.toml lead to one device only."""

import os
from pathlib import Path

import click

from drivers.discover import keyboards, naming, serial_ports, usb_ports
from drivers.transports.adapters import Naming, System
from edge.cli.main import config_option
from edge.config.sections import BadConfig, Config, PortSection, PrinterSection, load


@click.command()
@config_option
def ports(config_path: Path) -> None:
    """List serial ports, USB scales, USB printers, keyboards and scanners by the names to put into station.toml.

    An adapter without a serial number of its own is named by the socket it is plugged into. Where there is a
    station.toml, each name in it is judged too.
    """
    system = System.of(os.environ)
    found = [*serial_ports(system), *usb_ports(), *keyboards(system)]
    for port in found:
        click.echo(f'port = "{port.stable}"    # {port.device}  {port.what}')
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


def judged(config: Config, system: System) -> list[tuple[str, str, Naming]]:
    """Device, the name it is looked for at, and how far that leads to one device; those that cannot be mixed up not."""
    devices = (*config.scale, *config.analyzer, *config.probe, *config.scanner)
    parts: list[PortSection | PrinterSection] = [*devices, *config.printer]
    found = [(part.name, part.port, naming(part.port, system)) for part in parts]
    return [each for each in found if each[2].by]

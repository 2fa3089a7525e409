"""The command `marketsim`: devices, printer, broker and city without hardware, and the whole story at once."""

from importlib import import_module

import click

_COMMANDS = {
    "demo": "simulator.demo.command:demo",
    "play": "simulator.play.command:command",
    "scale": "simulator.cli.devices:scale",
    "analyzer": "simulator.cli.devices:analyzer",
    "labelscale": "simulator.cli.devices:labelscale",
    "scanner": "simulator.cli.devices:scanner",
    "printer": "simulator.cli.paper:printer",
    "paper": "simulator.cli.paper:paper",
    "usbip": "simulator.cli.usbip:usbip",
    "broker": "simulator.cli.broker:broker",
    "city": "simulator.city.commands:city",
    "bench": "simulator.bench.command:bench",
    "fleet": "simulator.bench.fleet:fleet",
}


class Lazy(click.Group):
    """Commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name].split(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found


@click.group(cls=Lazy)
@click.version_option(package_name="marketedge")
def main() -> None:
    """marketsim: everything around a station, simulated.

    \b
      marketsim demo           a market on one page that tells itself; then its levers are yours
      marketsim demo --once    the same unattended; ends with one JSON line
      marketsim play --list    market days as data, each judged in the end
    """

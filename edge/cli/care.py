"""`marketedge care`: what a monitoring server is given, as this version of the program has it."""

from importlib.resources import files
from typing import BinaryIO

import click

FILES = {"alerts": "alerts.yml", "dashboard": "dashboard.json", "prometheus": "prometheus.yml"}


@click.command()
@click.argument("what", type=click.Choice([*FILES]))
@click.argument("file", type=click.File("wb", atomic=True), default="-")
def care(what: str, file: BinaryIO) -> None:
    """Print what a monitoring server needs to watch stations, or write it to FILE.

    \b
    alerts      alarms for Prometheus, each with what is to be done, in Chinese and English
    dashboard   a dashboard for Grafana: Dashboards, New, Import
    prometheus  which stations Prometheus asks, and how: an example to fill in

    Take alerts and dashboard again after an upgrade: they ask for what this version tells.
    """
    file.write(files("edge.care").joinpath(FILES[what]).read_bytes())

"""`marketedge keys`: the station's key and its certificate request."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli.main import config_option, plain_errors

if TYPE_CHECKING:
    from edge.config.sections import Config

KEY, CSR, CERTIFICATE = "client.key", "client.csr", "client.crt"


@click.group()
def keys() -> None:
    """The station's signing key, and the certificate it shows the city's broker."""


@keys.command()
@config_option
def csr(config_path: Path) -> None:
    """Write a certificate request with the station's id, for the city's people; its key is made here and stays here.

    Run it again before the certificate ends: the key stays the same.
    """
    with plain_errors():
        from edge.config.sections import load

        config = load(config_path)
        for line in ask(*files(config), f"{config.station.node}-{config.station.terminal}"):
            click.echo(line)


def files(config: "Config") -> tuple[Path, Path]:
    """The key's file and the certificate's, as station.toml names them, else beside the station's key."""
    folder = config.station.key.parent
    return config.city.key_file or folder / KEY, config.city.cert_file or folder / CERTIFICATE


def ask(key_file: Path, certificate: Path, station: str) -> list[str]:
    """Write the request; what to tell of it. Raises BadKey."""
    from edge.records.csr import request

    request(key_file, key_file.with_name(CSR), station)
    return [
        f"{key_file.with_name(CSR)}: the request of station {station}; send it to the platform's people",
        f"{key_file}: its key, readable by you alone; it stays on this box",
        f"put the certificate they send back at {certificate}, and write under [city], with brokers of mqtts://:",
        f'  cert_file = "{certificate.name}"',
        f'  key_file = "{key_file.name}"',
        "a running station takes a new certificate at the same place by itself",
    ]

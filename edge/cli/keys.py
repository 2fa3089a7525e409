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


@keys.command()
@config_option
@click.option("--person", required=True, metavar="NAME", help="Who decides it; it stands in the record.")
@click.option("--why", required=True, metavar="TEXT", help="Why; it stands in the record.")
def rotate(config_path: Path, person: str, why: str) -> None:
    """Give the station a new signing key, while it does not run.

    A record signed by the old key names the new one; from then on records are signed by that. Cut off at any moment,
    the next start goes on with the old key or with the new one, whichever the ledger says.
    """
    with plain_errors():
        from edge.config.sections import load
        from edge.records import mark
        from edge.records.clock import Clock
        from edge.records.identity import public_hex
        from edge.records.ledger import Ledger, Signer, past
        from edge.records.own_keys import earlier_keys, opened
        from edge.records.own_keys import rotate as rotated
        from protocol.city.token import kid_of

        config = load(config_path)
        me = config.station
        old = opened(me.key, me.data)
        signer = Signer(old, me.host, me.node, me.terminal, earlier_keys(me.key, old.public_key()))
        ledger = Ledger(me.data, signer, mark.beside(me.key))
        try:
            clock = Clock(config.clock.trust, past(ledger.conn), config.certificates())
            recorded = rotated(me.key, ledger, clock.now(), clock.boot_id, why=why, person=person)
        finally:
            ledger.close()
        new = opened(me.key, me.data)
    click.echo(f"record {recorded.seq} says so: signed by {kid_of(old.public_key()).hex()}, it names the new key")
    click.echo(f"public key for the city, which learns it from that record: {public_hex(new)}")
    click.echo(f"keep a copy of {me.key} in a safe place; one of the old key opens nothing any more")
    click.echo("start the station again")


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

"""The command `marketedge`. Each command loads what it needs when it runs, so the service starts fast."""

import gc
import json
import logging
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import click

from edge.cli.owner import to_its_owner

SOFTWARE_FAULT = 70  # sysexits.h
SORRY = "a fault of the program ({}); try again; if it happens again, send the lines above to the makers"
log = logging.getLogger("marketedge")


class BadInput(ValueError):
    """What was typed on the command line, or stands in a file named there, cannot be used; the message says why."""


@contextmanager
def as_typed() -> Iterator[None]:
    """Around what reads a person's input: what it cannot read is a ``BadInput``."""
    try:
        yield
    except (ValueError, LookupError, TypeError) as error:
        raise BadInput(str(error.args[0] if error.args else error)) from error


@contextmanager
def plain_errors() -> Iterator[None]:
    """Mistakes of the world end the command with one clear line and exit code 1, not with a traceback.

    Which they are is known by their class.  Anything else is a mistake of ours: it is told with its traceback, one line
    says what to do, and the exit code is 70.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        told = _plain(error)
        if told is None:
            log.critical("%s", type(error).__name__, exc_info=error)
            click.echo(f"Error: {SORRY.format(type(error).__name__)}", err=True)
            sys.exit(SOFTWARE_FAULT)
        raise click.ClickException(told) from None


def _plain(error: Exception) -> str | None:
    """What to say of a mistake of the world; None for one of ours."""
    from drivers.catalogue import UnknownModel
    from drivers.printers import UnknownPrinter
    from edge.between.inbox import Refused
    from edge.between.tongue import said
    from edge.config.sections import BadConfig
    from edge.documents.market_files import BadTemplate
    from edge.records.backup import BadBackup
    from edge.records.certificates import BadCertificate
    from edge.records.identity import BadKey
    from edge.records.ledger import FILE, LedgerBroken, explained
    from protocol.formats import UnknownFormat

    if isinstance(error, UnknownModel | UnknownFormat | UnknownPrinter):
        return str(error.args[0])
    if isinstance(error, BadBackup | BadInput | BadCertificate | BadConfig | BadKey | BadTemplate | LedgerBroken):
        return str(error)
    if isinstance(error, Refused):
        return said(error.zh, error.en)
    if isinstance(error, sqlite3.Error):
        about = explained(error, Path(FILE))  # an export may have read for a while before it met the damage
        return None if about is None else str(about)
    if isinstance(error, OSError):
        return str(error) if error.filename is None else f"{error.filename}: {error.strerror}"
    return None


class Lazy(click.Group):
    """Commands that live in modules of their own: name → module and attribute."""

    elsewhere: ClassVar[dict[str, str]] = {
        "init": "edge.cli.init:init",
        "setup": "edge.cli.setup:setup",
        "render": "edge.cli.render:render",
        "papers": "edge.cli.papers:papers",
        "ledger": "edge.cli.ledger:ledger",
        "check": "edge.cli.check:check",
        "ports": "edge.cli.ports:ports",
        "identify": "edge.cli.identify:identify",
        "record": "edge.cli.record:record",
        "decode": "edge.cli.decode:decode",
        "replay": "edge.cli.decode:replay",
        "operators": "edge.cli.people:operators",
        "tokens": "edge.cli.people:tokens",
        "tls": "edge.cli.tls:tls",
        "keys": "edge.cli.keys:keys",
        "goods": "edge.cli.goods:goods",
        "contract": "edge.cli.contract:contract",
        "support": "edge.cli.support:support",
        "care": "edge.cli.care:care",
        "enrol": "edge.cli.enrol:enrol",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self.elsewhere})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.elsewhere:
            from importlib import import_module

            module, attribute = self.elsewhere[cmd_name].split(":")
            found: click.Command = getattr(import_module(module), attribute)
            return found
        return super().get_command(ctx, cmd_name)


config_option: Callable[[Any], Any] = click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=Path("station.toml"),
    show_default=True,
    callback=to_its_owner,
    help="The station's configuration.",
)


@click.group(cls=Lazy)
@click.version_option(package_name="marketedge")
def main() -> None:
    """marketedge: the station of a food market, test room or school canteen.

    \b
    First steps:
      marketedge init mystall                 asks what it has to know, and writes mystall/station.toml and a key
      marketedge setup mystall                the same as a page, for a box with a screen
      marketedge ports                        what is plugged in
      marketedge check -c mystall/station.toml
      marketedge run -c mystall/station.toml
    """


@contextmanager
def nothing_collected() -> Iterator[None]:
    """What is loaded meanwhile stays for good: looking for garbage in it while it grows takes a tenth of a start.

    Once it has grown, what was loaded last is looked through: see ``edge/decisions.md``, 45.
    """
    gc.disable()
    try:
        yield
        gc.collect()
        gc.freeze()
    finally:
        gc.enable()


@main.command()
@config_option
@click.option("-v", "--verbose", is_flag=True, help="Also log every unreadable frame, in hex.")
@click.option(
    "--new-ledger",
    "allowed_by",
    default="",
    metavar="NAME",
    help="Use once, when the ledger is lost for good or is an old copy: the person who decides to continue without the "
    "missing records.",
)
def run(config_path: Path, verbose: bool, allowed_by: str) -> None:
    """Run the station until it is stopped."""
    with nothing_collected():
        from edge.between import logs
        from edge.config.sections import load
        from edge.web.binding import bound_early

        logs.set_up(verbose)
        with plain_errors():
            config = load(config_path)
        bound = bound_early(config.web.listen)
        gc.freeze()  # libraries above all, which leave little behind: half of the work of looking through all of it
        from edge.service import run as serve
    with plain_errors():
        serve(config, config_path, allowed_by, bound)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def protocols(as_json: bool) -> None:
    """List the wire formats: default link settings, models, options, and which models a log of the device proves."""
    from drivers.catalogue import models
    from protocol import formats
    from protocol.options import listed, schema

    rows = [formats.find(name) for name in formats.ids()]
    known = list(models().values())
    if as_json:
        table = [
            {
                "id": row.id,
                "kind": row.kind,
                "title": row.title,
                "link": str(row.link),
                "polled": row.polled,
                "checked": row.checked,
                "confidence": row.confidence,
                "models": [model.id for model in known if model.format == row.id],
                "proven": [model.id for model in known if model.format == row.id and model.proven],
                "options": schema(row.options),
            }
            for row in rows
        ]
        click.echo(json.dumps(table, ensure_ascii=False, indent=2))
        return
    for row in rows:
        names = ", ".join(model.id for model in known if model.format == row.id)
        doubt = "" if row.confidence == "high" else f"  [{row.confidence} confidence]"
        click.echo(f"{row.id:17} {row.kind:11} {row.link!s:13} {row.title}{doubt}")
        click.echo(f"{'':43} models: {names or 'none'}")
        proven = ", ".join(model.id for model in known if model.format == row.id and model.proven)
        click.echo(f"{'':43} proven by a log of the device: {proven or 'none yet'}")
        for option, kind, meaning in listed(row.options):
            click.echo(f"{'':43} option {option}: {meaning}; {kind}")


@main.command("verify-qr")
@click.argument("url")
@click.option("--key", "key_file", type=click.Path(path_type=Path), required=True, help="The station's public key.")
def verify_qr(url: str, key_file: Path) -> None:
    """Check a slip's or source card's QR address offline with the station's public key; prints what it states."""
    from edge.records.identity import load_public_key
    from protocol.city.source import verify_card
    from protocol.city.token import BadToken, verify_url

    with plain_errors():
        key = load_public_key(key_file)
        try:
            token = verify_card(url, key) if "/b/" in url else verify_url(url, key)
        except BadToken as error:
            click.echo(json.dumps({"ok": False, "why": str(error)}, ensure_ascii=False))
            sys.exit(1)
        click.echo(json.dumps({"ok": True, **token.as_json()}, ensure_ascii=False))

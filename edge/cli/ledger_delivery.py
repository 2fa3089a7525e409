"""`marketedge ledger resend` and `continue`: the ledger on its way to the city."""

import json
from pathlib import Path

import click

from edge.between.tongue import said
from edge.cli.main import config_option, plain_errors
from edge.cli.people import Here, station
from edge.config.sections import load
from protocol.city.envelope import BadEvent


@click.command()
@config_option
@click.option("--from", "first", type=click.IntRange(1), required=True, help="The first record.")
@click.option("--to", "last", type=click.IntRange(1), help="The last record; default: the newest.")
def resend(config_path: Path, first: int, last: int | None) -> None:
    """Publish records once more, also those that were refused.

    Works while the station runs; otherwise it does it when it is started.
    """
    with plain_errors(), station(config_path) as at:
        answer = at.post("/api/ledger/resend", {"first": first, "last": last})
    click.echo(
        said(
            f"第 {answer['first']} 至 {answer['last']} 条重新上报",
            f"records {answer['first']} to {answer['last']} are sent again",
        )
    )


@click.command()
@config_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_context
def deliver(ctx: click.Context, config_path: Path, file: Path) -> None:
    """Give the city signed records that are in no ledger any more: FILE.aside.jsonl of `ledger salvage`.

    The station may run. What the city has already it has once. Exit code 1 when one was refused, or not answered: give
    the file again later.
    """
    from edge.city.handed_in import CONFIRMED_BY, hand_in, loose
    from edge.records.clock import Clock
    from edge.records.identity import load_city_keys, load_key
    from edge.records.ledger import Signer

    with plain_errors():
        config = load(config_path)
        station = config.station
        signer = Signer(load_key(station.key), station.host, station.node, station.terminal)
        try:
            records = loose(file, signer.key.public_key(), signer.source)
        except BadEvent as bad:
            raise click.ClickException(str(bad)) from None
        keys = load_city_keys(config.city.keys_file)
        found = hand_in(config, keys, Clock(config.clock.trust), records)
    answer = {
        "records": len(records),
        "delivered": len(found.delivered),
        "confirmed_by": CONFIRMED_BY[config.city.confirm],
        "refused": [{"record": seq, "why": why} for seq, why in sorted(found.refused.items())],
        "not_answered": [{"record": seq, "why": why} for seq, why in sorted(found.waiting.items())],
    }
    click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    ctx.exit(0 if len(found.delivered) == len(records) else 1)


@click.command("continue")
@config_option
@click.option("--person", required=True, metavar="NAME", help="Who decides it; it stands in the record.")
@click.option("--why", required=True, help="What happened; it stands in the record.")
def go_on(config_path: Path, person: str, why: str) -> None:
    """Go on although the city has records of another ledger under this station's name.

    Find the other ledger first: another box with a copy of this one's key, or the card that was in here before. It must
    not be used again. The station has to run and to hear the city; onto an empty card: ledger restore.
    """
    with plain_errors(), station(config_path) as at:
        if isinstance(at, Here):
            raise click.ClickException(
                said(
                    "站点没有运行：请先启动，等它连上平台",
                    "the station does not run: start it, so that it hears the city",
                )
            )
        answer = at.post("/api/ledger/continue", {"person": person, "why": why})
    if answer["seq"] is None:
        click.echo(said("平台与本机一致，照常继续", "the city speaks of this ledger again: it goes on as before"))
        return
    resent = said(f"；{answer['resent']} 条重新上报", f"; {answer['resent']} records are sent again")
    click.echo(
        said(f"已从第 {answer['seq']} 条继续记账", f"the ledger goes on from record {answer['seq']}")
        + (resent if answer["resent"] else "")
    )

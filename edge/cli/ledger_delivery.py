"""`marketedge ledger resend` and `continue`: the ledger on its way to the city."""

from pathlib import Path

import click

from edge.between.tongue import said
from edge.cli.main import config_option, plain_errors
from edge.cli.people import Here, station


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

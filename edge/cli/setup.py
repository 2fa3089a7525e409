"""`marketedge setup`: the first start of a box with a screen, as a page."""

import os
import sys
from functools import partial
from pathlib import Path

import click

from edge.cli.init import USUAL
from edge.cli.main import plain_errors
from edge.cli.owner import to_its_owner
from edge.config.ways import WebSection


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=USUAL, callback=to_its_owner)
@click.option(
    "--listen",
    default=WebSection().listen,
    show_default=True,
    metavar="ADDRESS",
    help="Where the page is, on loopback; the station's own pages come to the same address.",
)
@click.option("--no-run", is_flag=True, help="End when the station is written and tried; do not start it.")
def setup(folder: Path, listen: str, no_run: bool) -> None:
    """Ask what `marketedge init` asks on a page of this box, then run the station.

    Nothing is opened to the network. A browser in a kiosk shows http://127.0.0.1:8080/ from the first start on: this
    page, and when Start is pressed there, the station in its place. FOLDER is `station` where it is left out; one that
    holds a station is left as it is.
    """
    from edge.between.tongue import said
    from edge.cli.check import tried
    from edge.setup import station
    from edge.setup.page import SetupPage
    from edge.setup.walk import Walk

    with plain_errors():
        if (folder / station.CONFIG).exists():
            run = f"marketedge run -c {folder / station.CONFIG}"
            raise click.ClickException(
                said(
                    f"{folder} 里已经有站点，没有改动；启动它：{run}",
                    f"{folder} holds a station already; start it: {run}",
                )
            )
        station.refuse_second(folder)
        walk = Walk(folder)
        page = SetupPage(walk, partial(tried, held=listen), runs=not no_run)
        page.serve(listen)
        click.echo(said(f"在本机的浏览器打开 {page.address}", f"open {page.address} in a browser on this box"))
        try:
            page.ended.wait()
        except KeyboardInterrupt:
            page.stop()
    if walk.written is None:
        click.echo(said("已停止，什么都没有写", "stopped; nothing was written"), err=True)
        raise click.Abort
    config = str(walk.written.config)
    if no_run or not page.started:
        click.echo(said(f"启动：marketedge run -c {config}", f"start it: marketedge run -c {config}"))
        return
    click.get_current_context().close()  # what it leaves to be done at the end: nothing comes after this
    os.execv(sys.executable, [sys.executable, "-P", "-m", "edge.cli", "run", "-c", config])

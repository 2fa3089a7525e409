"""``marketsim printer`` and ``marketsim paper``: a printer without a printer, and reading what one was sent."""

import json
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import click

from simulator.line import Pty, TcpPort
from simulator.paper import read_papers
from simulator.picture import draw
from simulator.printer_script import run_printer

DOTS = {"58": 384, "80": 576}


@click.command()
@click.option("--pty", type=click.Path(path_type=Path), help="Make a pseudo terminal and a link to it here.")
@click.option("--tcp", type=click.IntRange(0, 65535), help="Listen on this port of this machine; 0 takes a free one.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Keep the papers here.")
@click.option("--paper", type=click.Choice(list(DOTS)), default="58", show_default=True, help="Paper width in mm.")
@click.option("--cutter", is_flag=True, help="Say that there is a cutter when asked.")
@click.option("--script", type=click.File("r"), help="Commands, one a line; - reads them from stdin.")
def printer(pty: Path | None, tcp: int | None, out: Path, paper: str, cutter: bool, script: TextIO | None) -> None:
    """Be an ESC/POS printer: every paper becomes DIR/0001.bin, .txt, .json and .png.

    Script lines: paper out|in, roll low|full, cover open|closed, cutter jammed|free, answers off|on,
    speed BYTES_PER_SECOND, unplug, replug, wait SECONDS, quit. After the last line of a file the printer stays; when
    stdin ends, it ends.
    """
    if (pty is None) == (tcp is None):
        raise click.UsageError("say where: either --pty LINK or --tcp PORT")
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            plug = Pty(pty) if pty is not None else TcpPort(tcp or 0)
            run_printer(plug, out, dots=DOTS[paper], cutter=cutter, script=script, say=click.echo)
    except (OSError, ValueError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        signal.signal(signal.SIGTERM, before)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@click.option("--png", type=click.Path(path_type=Path), help="Draw it; further papers get -2, -3 … in the name.")
@click.option("--paper", "width", type=click.Choice(["auto", *DOTS]), default="auto", show_default=True, help="In mm.")
def paper(file: Path, png: Path | None, width: str) -> None:
    """Read ESC/POS bytes: JSON {text, qr, barcodes, cut, unknown} to stdout, an object for each paper in FILE."""
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    papers = read_papers(data, DOTS.get(width))
    if not papers:
        raise click.ClickException(f"{file}: {len(data)} bytes, but nothing that would be on paper")
    try:
        for count, one in enumerate(papers, 1):
            click.echo(json.dumps(one.as_json(), ensure_ascii=False, indent=2))
            if png is not None:
                draw(one).save(png if count == 1 else png.with_stem(f"{png.stem}-{count}"))
    except (OSError, ValueError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error

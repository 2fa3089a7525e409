"""``marketsim printer`` and ``marketsim paper``: a printer without a printer, and reading what one was sent."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import click

from simulator.obstacles import plain_errors
from simulator.printer.picture import draw
from simulator.printer.printer import BUFFER, READERS
from simulator.printer.read import NARROW, WIDE, read_papers
from simulator.printer.script import run_printer
from simulator.printer.state import ANSWERS
from simulator.wires.line import Plug, Pty, TcpPort

DOTS = {"58": NARROW, "80": WIDE}


@click.command()
@click.option("--pty", type=click.Path(path_type=Path), help="Make a pseudo terminal and a link to it here.")
@click.option("--tcp", type=click.IntRange(0, 65535), help="Listen on this port of this machine; 0 takes a free one.")
@click.option("--usb", type=click.Path(path_type=Path), help="Be a USB printer on a simulated bus at this socket.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Keep the papers here.")
@click.option(
    "--language",
    type=click.Choice(list(READERS)),
    default="escpos",
    show_default=True,
    help="tspl is a label printer; the labels' size comes with their bytes.",
)
@click.option("--paper", type=click.Choice(list(DOTS)), default="58", show_default=True, help="Paper width in mm.")
@click.option("--cutter", is_flag=True, help="Say that there is a cutter when asked.")
@click.option("--roll", type=click.FloatRange(min=0, min_open=True), help="Millimetres of paper; endless without.")
@click.option(
    "--buffer",
    type=click.IntRange(16, 1 << 20),
    default=BUFFER,
    show_default=True,
    help="Bytes that wait for the head.",
)
@click.option("--no-flow", is_flag=True, help="No flow control: what does not fit the buffer is lost.")
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), help="Millimetres a second; at once without.")
@click.option(
    "--answers",
    type=click.Choice(ANSWERS),
    default=ANSWERS[-1],
    show_default=True,
    help="What it can answer, each with those before it; gs_r is GS a and GS I too.",
)
@click.option("--late", type=click.FloatRange(min=0), default=0.0, help="Seconds its answers come late.")
@click.option("--echo", is_flag=True, help="The line sends back what it hears, and the printer says nothing.")
@click.option("--one-client", is_flag=True, help="With --tcp: one connection at a time, others wait for its end.")
@click.option("--one-way", is_flag=True, help="With --usb: no IN endpoint, as on many cheap printers.")
@click.option("--script", type=click.File("r"), help="Commands, one a line; - reads them from stdin.")
def printer(
    pty: Path | None,
    tcp: int | None,
    usb: Path | None,
    out: Path,
    language: str,
    paper: str,
    cutter: bool,
    roll: float | None,
    buffer: int,
    no_flow: bool,
    speed: float | None,
    answers: str,
    late: float,
    echo: bool,
    one_client: bool,
    one_way: bool,
    script: TextIO | None,
) -> None:
    """Be a receipt or label printer: every paper becomes DIR/0001.bin, .txt, .json and .png.

    It says the address to write into station.toml, each paper it gave, and each change.

    \b
    Script lines:
      paper out|in             the sensor says so; the head stands still
      roll low|full|new [MM]   near its end, or a new one of so many mm
      cover open|closed
      cutter jammed|free
      head hot|cool            too hot; cools by itself after 10 s
      answers on|off|idle      silent; idle: at once only with nothing to print
      answers none|dle_eot|gs_r|process_id
      late SECONDS             its answers come so late
      echo on|off              the line sends back what it hears
      speed MM_PER_SECOND      0 is at once
      rest kept|dropped        of the buffer, when the paper ends
      power on|off|cycle       off, it forgets buffer and modes
      half [BYTES]             inside a picture that wants so many bytes more
      unplug, replug, wait SECONDS, quit

    After the last line of a file the printer stays; when stdin ends, it ends.

    With --usb SOCKET a station finds the printer when its environment says
    MARKETEDGE_USB_BACKEND=simulator.usb_host:backend and MARKETSIM_USB=SOCKET.
    """
    if [pty, tcp, usb].count(None) != 2:
        raise click.UsageError("say where: one of --pty LINK, --tcp PORT or --usb SOCKET")
    if one_way and usb is None:
        raise click.UsageError("--one-way is for --usb")
    if one_client and tcp is None:
        raise click.UsageError("--one-client is for --tcp")
    device: dict[str, Any] = {
        "language": language,
        "dots": DOTS[paper],
        "cutter": cutter,
        "roll_mm": roll,
        "buffer": buffer,
        "flow": not no_flow,
        "mm_per_s": speed,
        "answers": answers,
        "late_s": late,
        "echoes": echo,
    }
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with (
            plain_errors(RuntimeError),
            suppress(KeyboardInterrupt),
            _plug(pty, tcp, usb, language, one_way, one_client) as plug,
        ):
            run_printer(plug, out, script=script, say=click.echo, **device)
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _plug(
    pty: Path | None, tcp: int | None, usb: Path | None, language: str, one_way: bool, one_client: bool
) -> Iterator[Plug]:
    if usb is None:
        yield Pty(pty) if pty is not None else TcpPort(tcp or 0, scheme="tcp", one_client=one_client)
        return
    from simulator.wires.usb import Bus, PrinterGadget, UsbPlug
    from simulator.wires.usb_host import BusServer

    bus = Bus()
    gadget = PrinterGadget(bidirectional=not one_way, language={"escpos": "ESC/POS", "tspl": "TSPL"}[language])
    about = gadget.description
    with BusServer(bus, usb):
        yield UsbPlug(bus, gadget, f"usb:{about.vendor:04x}:{about.product:04x}:{about.serial}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@click.option("--png", type=click.Path(path_type=Path), help="Draw it; further papers get -2, -3 … in the name.")
@click.option("--paper", "width", type=click.Choice(["auto", *DOTS]), default="auto", show_default=True, help="In mm.")
@click.option(
    "--encoding",
    type=click.Choice(["gbk", "gb18030"]),
    default="gbk",
    show_default=True,
    help="The Chinese code of its letters; UTF-8 is told by the bytes themselves.",
)
def paper(file: Path, png: Path | None, width: str, encoding: str) -> None:
    """Read what a printer was sent, ESC/POS or TSPL: what would be on paper.

    JSON {text, qr, barcodes, cut, unknown} to stdout, an object for each paper in FILE; to stderr a line for each thing
    that should not be there, with its offset. Exit 1 when nothing would be on paper.
    """
    with plain_errors():
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    papers = read_papers(data, DOTS.get(width), encoding)
    for strange in (strange for one in papers for strange in one.unknown):
        click.echo(str(strange), err=True)
    if not papers:
        raise click.ClickException(f"{file}: {len(data)} bytes, but nothing that would be on paper")
    with plain_errors(RuntimeError):
        for count, one in enumerate(papers, 1):
            click.echo(json.dumps(one.as_json(), ensure_ascii=False, indent=2))
            if png is not None:
                draw(one).save(png if count == 1 else png.with_stem(f"{png.stem}-{count}"))

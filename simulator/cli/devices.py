"""``marketsim scale``, ``labelscale``, ``analyzer``, ``scanner``: a simulated device on its line, led by a script."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import click

from simulator.analyzers import _instrument as analyzers
from simulator.analyzers._instrument import run_analyzer
from simulator.label_scales import _counter as label_scales
from simulator.label_scales._counter import run_label_scale
from simulator.obstacles import plain_errors
from simulator.scales import _pan as scales
from simulator.scales._pan import run_scale
from simulator.scanners import _reader as scanners
from simulator.scanners._reader import run_scanner
from simulator.wires.keys import Keys
from simulator.wires.line import Plug, Pty, TcpPort
from simulator.wires.script import number
from simulator.wires.upload import Uploads


def _kg(text: str) -> Decimal:
    try:
        return number(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _plug(pty: Path | None, tcp: int | None) -> Plug:
    if (pty is None) == (tcp is None):
        raise click.UsageError("say where: either --pty LINK or --tcp PORT")
    return Pty(pty) if pty is not None else TcpPort(tcp or 0)


def _wired(protocol: str, pty: Path | None, tcp: int | None, to: str | None) -> Plug:
    return _plug(pty, tcp) if to is None else _uploads(protocol, to, pty, tcp)


def _uploads(protocol: str, url: str, pty: Path | None, tcp: int | None) -> Plug:
    if protocol != "http_push" or pty is not None or tcp is not None:
        raise click.UsageError("--to is for http_push, and instead of --pty and --tcp")
    try:
        return Uploads(url)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--to") from error


def _serves(port: int) -> Plug:
    from simulator.wires.ws import WebSockets

    return WebSockets(port)


@contextmanager
def _usb(socket: Path, *, tester: bool = False) -> Iterator[Plug]:
    """A USB bus at this socket, with a scale or a tester on it."""
    from simulator.wires.usb import Bus, HidScaleGadget, HidTesterGadget, UsbPlug
    from simulator.wires.usb_host import BusServer

    bus = Bus()
    with BusServer(bus, socket):
        yield UsbPlug(bus, HidTesterGadget(), "usb-hid:0483:5750") if tester else UsbPlug(bus, HidScaleGadget())


def _run(run: Callable[[Iterable[str] | None], None], script: TextIO | None) -> None:
    """Run until the script says ``quit``, stdin ends, the person presses Ctrl-C, or somebody sends SIGTERM."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with plain_errors(), suppress(KeyboardInterrupt):
            run(script)
    finally:
        signal.signal(signal.SIGTERM, before)


@click.command()
@click.argument("protocol", type=click.Choice(scales.ids()))
@click.option("--pty", type=click.Path(path_type=Path), help="Make a pseudo terminal and a link to it here.")
@click.option("--tcp", type=click.IntRange(0, 65535), help="Listen on this port of this machine; 0 takes a free one.")
@click.option("--usb", type=click.Path(path_type=Path), help="Be a USB scale on a simulated bus at this socket.")
@click.option("--ws", type=click.IntRange(0, 65535), help="Serve a WebSocket on this port (pc_scale only).")
@click.option("--load", type=_kg, default="0", show_default=True, help="What lies on the pan, in kg.")
@click.option("--capacity", type=_kg, default="15", show_default=True, help="Max, in kg.")
@click.option("--division", type=_kg, default="0.005", show_default=True, help="Division e, in kg.")
@click.option("--script", type=click.File("r"), help="Commands, one a line; - reads them from stdin.")
def scale(
    protocol: str,
    pty: Path | None,
    tcp: int | None,
    usb: Path | None,
    ws: int | None,
    load: Decimal,
    capacity: Decimal,
    division: Decimal,
    script: TextIO | None,
) -> None:
    """Be a scale that speaks PROTOCOL.

    Script lines: put KG [SECONDS], off, tare, zero, unplug, replug, wait SECONDS, quit. After the last line of a file
    the scale stays; when stdin ends, it ends.

    With --usb SOCKET (hid_scale only) a station finds the scale at usb-hid: when its environment says
    MARKETEDGE_USB_BACKEND=simulator.usb_host:backend and MARKETSIM_USB=SOCKET.
    """
    if usb is not None and (protocol != "hid_scale" or pty is not None or tcp is not None):
        raise click.UsageError("--usb is for hid_scale, and instead of --pty and --tcp")

    if ws is not None and (protocol != "pc_scale" or pty is not None or tcp is not None):
        raise click.UsageError("--ws is for pc_scale, and instead of --pty and --tcp")

    def be(lines: Iterable[str] | None) -> None:
        with _usb(usb) if usb is not None else nullcontext(_serves(ws) if ws is not None else _plug(pty, tcp)) as plug:
            run_scale(protocol, plug, load=load, capacity=capacity, division=division, script=lines, say=click.echo)

    _run(be, script)


@click.command()
@click.argument("protocol", type=click.Choice(label_scales.ids()))
@click.option("--to", required=True, metavar="HOST:PORT", help="The station's port listen:… that it calls.")
@click.option("--number", type=click.IntRange(1, 99), default=1, show_default=True, help="The scale's own number.")
@click.option("--script", type=click.File("r"), help="Commands, one a line; - reads them from stdin.")
def labelscale(protocol: str, to: str, number: int, script: TextIO | None) -> None:
    """Be a label scale that speaks PROTOCOL and tells a station what it sold.

    Script lines: sell PLU GRAMS [NAME], again (its whole store once more), unplug, replug, wait SECONDS, quit. After
    the last line of a file the scale stays; when stdin ends, it ends.
    """
    host, _, port = to.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter("write HOST:PORT, such as 127.0.0.1:8899", param_hint="--to")
    _run(lambda lines: run_label_scale(protocol, host, int(port), number=number, script=lines, say=click.echo), script)


@click.command()
@click.argument("protocol", type=click.Choice(analyzers.ids()))
@click.option("--pty", type=click.Path(path_type=Path), help="Make a pseudo terminal and a link to it here.")
@click.option("--tcp", type=click.IntRange(0, 65535), help="Listen on this port of this machine; 0 takes a free one.")
@click.option("--usb", type=click.Path(path_type=Path), help="Be on a simulated USB bus at this socket (atp_hid only).")
@click.option("--to", help="Upload to a station's port http:… at this URL (http_push only).")
@click.option("--model", help="Which instrument, where a protocol has several (dayuan_crc8: lz4000t or tl310).")
@click.option("--script", type=click.File("r"), help="Commands, one a line; - reads them from stdin.")
def analyzer(
    protocol: str,
    pty: Path | None,
    tcp: int | None,
    usb: Path | None,
    to: str | None,
    model: str | None,
    script: TextIO | None,
) -> None:
    """Be a rapid tester that speaks PROTOCOL.

    Script lines: measure SAMPLE VALUE [NAME] (VALUE is a number or NA), unplug, replug, wait SECONDS, quit. After the
    last line of a file the tester stays; when stdin ends, it ends.
    """
    if usb is not None and (protocol != "atp_hid" or pty is not None or tcp is not None):
        raise click.UsageError("--usb is for atp_hid, and instead of --pty and --tcp")

    def be(lines: Iterable[str] | None) -> None:
        with _usb(usb, tester=True) if usb is not None else nullcontext(_wired(protocol, pty, tcp, to)) as plug:
            run_analyzer(protocol, plug, model=model, script=lines, say=click.echo)

    _run(be, script)


@click.command()
@click.argument("protocol", type=click.Choice(scanners.ids()))
@click.option("--pty", type=click.Path(path_type=Path), help="Make a pseudo terminal and a link to it here.")
@click.option("--tcp", type=click.IntRange(0, 65535), help="Listen on this port of this machine; 0 takes a free one.")
@click.option(
    "--keys", type=click.Path(path_type=Path), help="Be a keyboard: a pipe for evdev:PATH (scanner_hid only)."
)
@click.option("--script", type=click.File("r"), help="Commands, one a line; - reads them from stdin.")
def scanner(protocol: str, pty: Path | None, tcp: int | None, keys: Path | None, script: TextIO | None) -> None:
    """Be a barcode scanner or card reader that speaks PROTOCOL.

    Script lines: scan CODE, unplug, replug, wait SECONDS, quit. After the last line of a file the scanner stays; when
    stdin ends, it ends.
    """
    if (keys is not None) != (protocol == "scanner_hid") or (keys is not None and (pty or tcp is not None)):
        raise click.UsageError("scanner_hid has --keys PATH, the other --pty LINK or --tcp PORT")
    plug = Keys(keys) if keys is not None else _plug(pty, tcp)
    _run(lambda lines: run_scanner(protocol, plug, script=lines, say=click.echo), script)

"""``marketsim usbip``: a simulated USB scale or printer for the kernel of whoever attaches it."""

import signal
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import click

from simulator.obstacles import plain_errors
from simulator.printer.script import run_printer
from simulator.scales._pan import run_scale
from simulator.wires.script import number
from simulator.wires.usb import HidScaleGadget, PrinterGadget, UsbPlug
from simulator.wires.usbip import PORT, UsbipServer


@click.command()
@click.argument("device", type=click.Choice(["scale", "printer"]))
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one.")
@click.option("--load", default="0", show_default=True, help="What lies on the scale, in kg.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where a printer keeps its papers.")
@click.option("--one-way", is_flag=True, help="A printer without an IN endpoint, as many cheap ones.")
@click.option("--script", type=click.File("r"), help="Commands, one a line; - reads them from stdin.")
def usbip(device: str, port: int, load: str, out: Path | None, one_way: bool, script: TextIO | None) -> None:
    """Be a USB scale (HID) or a USB printer, for unchanged drivers, by USB/IP on the loopback address.

    \b
    As root, on a Linux with the module vhci-hcd (cloud kernels and containers have none):
      modprobe vhci-hcd
      usbip attach -r 127.0.0.1 -b 1-1

    From then on it is a device of this machine: /dev/hidraw… or /dev/usb/lp…, and `marketedge ports` lists it. Script
    lines are those of `marketsim scale` and `marketsim printer`; after an unplug and a replug it is attached anew.
    Where the kernel has no such module, take `marketsim scale hid_scale --usb` or `marketsim printer --usb`.
    """
    if (device == "printer") != (out is not None):
        raise click.UsageError("a printer needs --out DIR, and a scale has none")
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with plain_errors(RuntimeError), suppress(KeyboardInterrupt), UsbipServer(port) as server:
            attach = f"usbip attach --tcp-port {server.port} -r 127.0.0.1 -b 1-1"
            if out is not None:
                gadget = PrinterGadget(bidirectional=not one_way)
                run_printer(UsbPlug(server, gadget, attach), out, script=script, say=click.echo)
            else:
                kg: Decimal = number(load)
                plug = UsbPlug(server, HidScaleGadget(), attach)
                run_scale("hid_scale", plug, load=kg, script=script, say=click.echo)
    finally:
        signal.signal(signal.SIGTERM, before)

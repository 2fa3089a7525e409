"""Printers as transports, carried by python-escpos: its serial, network and file classes, with our own time limits.

python-escpos moves bytes here and nothing else; texts and pictures are encoded in ``protocol/printers``.
"""

import os
import select
import tempfile
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from drivers.transports.base import READ_SECONDS, LinkLost, Transport
from protocol.link import Link

WRITE_SECONDS = 5.0
CONNECT_SECONDS = 3.0
CHUNK = 16


@cache
def _escpos() -> ModuleType:
    """python-escpos makes a scratch directory when it is imported and forgets it; give it one that goes away."""
    with tempfile.TemporaryDirectory(prefix="marketedge-") as folder:
        before, tempfile.tempdir = tempfile.tempdir, folder
        os.environ["ESCPOS_CAPABILITIES_PICKLE_DIR"] = folder
        try:
            return import_module("escpos.printer")
        finally:
            tempfile.tempdir = before


class PrinterPort:
    """A printer opened through python-escpos. A write that does not get through in time is LinkLost."""

    def __init__(self, address: str, printer: Any, prepare: Any) -> None:
        self.address = address
        self._printer = printer
        try:
            printer.open()
            prepare(printer.device)
        except Exception as error:  # python-escpos has exceptions of its own beside OSError
            raise LinkLost(f"{address}: cannot open the printer: {error}; is it on and plugged in?") from error

    def write(self, data: bytes) -> None:
        try:
            self._printer._raw(data)
        except (OSError, ValueError, AssertionError) as error:
            raise LinkLost(f"{self.address}: the printer takes no data: {error}") from error

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        try:
            ready, _, _ = select.select([self._printer.device.fileno()], [], [], max(0.0, timeout))
            data: bytes = self._printer._read() if ready else b""
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise LinkLost(f"{self.address}: the printer is gone: {error}") from error
        if ready and not data:
            raise LinkLost(f"{self.address}: the printer closed the connection")
        return data

    def close(self) -> None:
        device = self._printer._device
        self._printer._device = False  # its own close() waits for the device to drain, which may be never
        if device:
            try:
                device.close()
            except OSError:
                return


class FilePrinter(PrinterPort):
    """A file or character device that is only written to (``/dev/usb/lp0``)."""

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        return b""


def open_printer(address: str, link: Link) -> Transport:
    """Open ``/dev/…`` (serial), ``file:PATH`` or ``tcp://host:9100``. Raises LinkLost."""
    escpos = _escpos()
    if address.startswith("file:"):
        return FilePrinter(address, escpos.File(devfile=address.removeprefix("file:")), lambda device: None)
    if address.startswith("tcp://"):
        parts = urlsplit(address)
        network = escpos.Network(host=parts.hostname or "", port=parts.port or 9100, timeout=CONNECT_SECONDS)
        return PrinterPort(address, network, lambda device: device.settimeout(WRITE_SECONDS))
    serial = escpos.Serial(
        devfile=address,
        baudrate=link.baud,
        bytesize=link.bits,
        parity=link.parity.upper(),
        stopbits=link.stop,
        timeout=0,
        dsrdtr=False,
    )
    return PrinterPort(address, serial, _prepare_serial)


def _prepare_serial(device: Any) -> None:
    device.exclusive = True
    device.write_timeout = WRITE_SECONDS

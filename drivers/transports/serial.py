"""Serial lines and serial servers (``socket://``), by pyserial."""

import contextlib
import os
import select
import termios
from pathlib import Path

import serial

from drivers.transports.adapters import Admit, Identity, System, anyone
from drivers.transports.base import READ_SECONDS, LinkLost
from drivers.transports.rights import next_step
from protocol.link import Link

WRITE_SECONDS = 2.0
CHUNK = 4096
_BITS = {7: serial.SEVENBITS, 8: serial.EIGHTBITS}
_PARITY = {"n": serial.PARITY_NONE, "o": serial.PARITY_ODD, "e": serial.PARITY_EVEN}
_STOP = {1: serial.STOPBITS_ONE, 2: serial.STOPBITS_TWO}


class SerialPort:
    """A serial device, opened for us alone, or a TCP serial server. An unplug shows as LinkLost on either call.

    After LinkLost close the port before opening it again: a process that keeps the old file open gets the adapter
    back under another name.  ``admit`` is asked before the device is touched; what was opened has to be that device.
    """

    def __init__(self, address: str, link: Link, admit: Admit = anyone, system: System | None = None) -> None:
        self.address = address
        system = system or System()
        self._local = local = address.startswith("/")
        if local and not Path(address).exists():
            raise LinkLost(f"{address}: no such device; is it plugged in? `marketedge ports` lists what is")
        named = system.named(address) if local else Identity(address=address)
        admit(named)
        self._open(address, link)
        if local and system.identity(os.fstat(self._port.fileno()).st_rdev) != named:
            self.close()
            raise LinkLost(f"{address}: the name went to another device while it was opened; opening it again")

    def _open(self, address: str, link: Link) -> None:
        try:
            self._port = serial.serial_for_url(
                address,
                baudrate=link.baud,
                bytesize=_BITS[link.bits],
                parity=_PARITY[link.parity],
                stopbits=_STOP[link.stop],
                timeout=0,
                write_timeout=WRITE_SECONDS,
                exclusive=True if address.startswith("/") else None,
            )
        except termios.error as error:
            raise LinkLost(f"{address}: this adapter cannot be set to {link}: {error}") from error
        except (OSError, ValueError) as error:
            raise LinkLost(f"{address}: cannot open: {_reason(address, error)}") from error

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        try:
            ready, _, _ = select.select([self._port.fileno()], [], [], max(0.0, timeout))
            if not ready:
                return b""
            data: bytes = self._port.read(CHUNK) if not self._local else self._read()
        except (OSError, ValueError, TypeError) as error:
            raise LinkLost(f"{self.address}: disconnected while reading: {_reason(self.address, error)}") from error
        return data

    def _read(self) -> bytes:
        """What is there. pyserial asks once more whether anything is, and whether more is to come."""
        with contextlib.suppress(BlockingIOError):
            if data := os.read(self._port.fileno(), CHUNK):
                return data
            raise serial.SerialException("ready to read, but it returned no data")
        return b""

    def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except (OSError, ValueError, TypeError) as error:
            raise LinkLost(f"{self.address}: disconnected while writing: {_reason(self.address, error)}") from error

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._port.close()


def _reason(address: str, error: Exception) -> str:
    text = str(error)
    if "returned no data" in text or "Errno 5]" in text:
        return "it was unplugged, or its other end has gone"
    if "Permission" in text:
        return f"{text}; {next_step(address, 'dialout')}"
    if "exclusively lock" in text or "Resource temporarily unavailable" in text:
        return f"{text}; another program uses it"
    return text

"""Printers as transports: serial ports, sockets and files, with our own limits; USB is in ``usb_printer.py``.

Texts and pictures are encoded in ``protocol/printers``; here bytes are moved.  A write that waits until all is taken
waits for ever on a printer without paper, so we write what the device takes, and count.  python-escpos, which brings
Pillow and makes a station a fifth larger, is loaded for USB printers alone: of the others it would only hold the file.
"""

import io
import os
import select
import socket
import stat
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

import serial

from drivers.transports.base import READ_SECONDS, LinkLost
from drivers.transports.rights import next_step
from protocol.link import Link

WRITE_SECONDS = 5.0
CONNECT_SECONDS = 3.0
READ_BYTES = 256
Flow = Literal["none", "rtscts", "xonxoff"]
Device = TypeVar("Device")


class PrinterTransport(Protocol):
    """The face of an open printer.

    ``shared``: it serves one connection at a time, so let go of it after each paper.  ``tells``: it can be read from.
    ``blind``: nothing says when its buffer is full, so it has to be given time.  ``keeps``: what is written is kept,
    as in a file, and needs no other proof.
    """

    address: str
    shared: bool
    tells: bool
    blind: bool
    keeps: bool

    def write(self, data: bytes, seconds: float = WRITE_SECONDS) -> int:
        """Write what the printer takes within this time; answers how many bytes it took.

        Fewer than all is no error: a printer without paper takes no more.  Raises LinkLost when the link is gone; how
        much of ``data`` the printer has is then not known.
        """
        ...

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        """What it said, as soon as it said anything; empty after ``timeout`` seconds. Raises LinkLost."""
        ...

    def out_of_paper(self) -> bool:
        """Whether the port itself says that there is no paper; False where it says nothing. Raises LinkLost."""
        ...

    def close(self) -> None:
        """Let go of it, without waiting for what it has not taken. Never raises; may be called twice."""
        ...


def escpos() -> ModuleType:
    """python-escpos' printer classes; loaded with the first USB printer. Raises LinkLost when they cannot be."""
    try:
        from drivers.transports import python_escpos
    except OSError as error:  # it writes a table of 70 kB to a file when it is loaded
        raise LinkLost(f"python-escpos cannot be loaded: {error}; make room in /dev/shm or /tmp") from error

    printers: ModuleType = python_escpos.printer
    return printers


def opened(address: str, device: Callable[[], Device]) -> Device:
    """What ``device`` opens; raises LinkLost."""
    try:
        return device()
    except Exception as error:  # python-escpos has exceptions of its own beside OSError
        why = _last_line(error)
        raise LinkLost(f"{address}: cannot open the printer: {why}; {_check(address, why)}") from error


def _check(address: str, why: str) -> str:
    """What to look at next."""
    if "lock" in why:
        return "does another program print?"
    if "Permission denied" not in why:
        return "is it on and plugged in?"
    path = address.removeprefix("file:")
    if address.startswith("file:") and not path.startswith("/dev/"):
        return f"give the service's user the right to write {path}"
    return next_step(path, "lp" if address.startswith("file:") else "dialout")


def _last_line(error: Exception) -> str:
    """Its messages have a line of their own words before the system's."""
    text = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
    return text.removesuffix(")") if text.count(")") > text.count("(") else text


class _FilePort:
    """What serial ports and sockets share: a file that the system can wait on."""

    shared = False
    tells = True
    blind = False
    keeps = False

    def __init__(self, address: str, device: Any, send: Callable[[bytes], int], receive: Callable[[], bytes]) -> None:
        self.address = address
        self._device = device
        self._send = send
        self._receive = receive

    def write(self, data: bytes, seconds: float = WRITE_SECONDS) -> int:
        end, taken = time.monotonic() + seconds, 0
        try:
            while taken < len(data):
                try:
                    taken += self._send(data[taken:] if taken else data)  # none of them waits: it takes what fits
                except BlockingIOError:  # waited for only then: most of a slip is taken at once
                    _, ready, _ = select.select([], [self._device.fileno()], [], max(0.0, end - time.monotonic()))
                    if not ready:
                        break
        except (OSError, ValueError, TypeError) as error:
            raise LinkLost(f"{self.address}: printer disconnected while writing: {error}") from error
        return taken

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        try:
            ready, _, _ = select.select([self._device.fileno()], [], [], max(0.0, timeout))
            data = self._receive() if ready else b""
        except (OSError, ValueError, TypeError) as error:
            raise LinkLost(f"{self.address}: printer disconnected: {error}") from error
        if ready and not data:
            raise LinkLost(f"{self.address}: printer disconnected: it says nothing more")
        return data

    def out_of_paper(self) -> bool:
        return False

    def close(self) -> None:
        try:
            self._device.close()
        except OSError:
            return


class SerialPrinter(_FilePort):
    """A printer on a serial line, opened for us alone."""

    def __init__(self, address: str, link: Link, flow: Flow = "none") -> None:
        device = opened(
            address,
            lambda: serial.Serial(
                address,
                link.baud,
                link.bits,
                link.parity.upper(),
                link.stop,
                timeout=0,
                write_timeout=0,
                xonxoff=flow == "xonxoff",
                rtscts=flow == "rtscts",
                exclusive=True,
            ),
        )
        self.blind = flow == "none"
        super().__init__(
            address,
            device,
            lambda data: os.write(device.fileno(), data),
            lambda: os.read(device.fileno(), READ_BYTES),
        )

    def close(self) -> None:
        """What the line has not taken is dropped: closing would wait for it."""
        with suppress(OSError, ValueError, TypeError, termios.error):  # it is gone, or closed already
            self._device.reset_output_buffer()
        super().close()


class NetworkPrinter(_FilePort):
    """A printer at ``tcp://host:9100``."""

    shared = True

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or 9100
        device = opened(address, lambda: socket.create_connection((host, port), CONNECT_SECONDS))
        device.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        device.setblocking(False)
        super().__init__(address, device, device.send, lambda: bytes(device.recv(READ_BYTES)))


class FilePrinter(_FilePort):
    """A file that keeps the papers, one behind the other, or a character device that is only written to
    (``/dev/usb/lp0``)."""

    tells = False

    def __init__(self, address: str) -> None:
        device = opened(address, lambda: _appending(address.removeprefix("file:")))
        number = device.fileno()
        self.keeps = stat.S_ISREG(os.fstat(number).st_mode)
        super().__init__(address, device, lambda part: os.write(number, part), bytes)

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        return b""


def _appending(path: str) -> io.FileIO:
    return open(path, "ab", buffering=0, opener=_at_once)  # closed by close()


def _at_once(path: str, flags: int) -> int:
    """Opened without waiting, as for somebody who reads a pipe."""
    return os.open(path, flags | os.O_NONBLOCK, 0o666)

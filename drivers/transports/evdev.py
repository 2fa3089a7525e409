"""The kernel's input devices: scanners and card readers that are keyboards.

    evdev:/dev/input/by-id/usb-Some_Scanner_1234-event-kbd

The device is grabbed: its keys reach nobody else, no page, no desktop and no PIN that somebody is typing.  Who may open
it says the group ``input``.  A pipe is taken too, for simulated scanners; it cannot be grabbed and need not be.
"""

import contextlib
import errno
import fcntl
import os
import select
import stat
import struct
from pathlib import Path

from drivers.transports.adapters import Admit, Identity, anyone
from drivers.transports.base import READ_SECONDS, LinkLost
from drivers.transports.rights import next_step
from protocol.scanners.scanner_hid import EVENT

SCHEME = "evdev:"
KERNEL = struct.Struct("@LLHHi")  # struct input_event: the time in two words of the machine, type, code, value
EVIOCGRAB = 0x40044590  # _IOW('E', 0x90, int)
CHUNK = 64


class InputPort:
    """Reads ``evdev:PATH``; what is handed over are events without their time (``scanner_hid``)."""

    def __init__(self, address: str, admit: Admit = anyone) -> None:
        self.address = address
        path = address.removeprefix(SCHEME)
        admit(Identity(address=address))
        try:
            way = os.O_RDWR if Path(path).is_fifo() else os.O_RDONLY  # a pipe without writers ends
            self._file = os.open(path, way | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            raise LinkLost(f"{address}: cannot open: {error.strerror}; {_next_step(path, error)}") from error
        self._left = b""
        try:
            self._grab()
        except LinkLost:
            self.close()
            raise

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        try:
            ready, _, _ = select.select([self._file], [], [], max(0.0, timeout))
            data = os.read(self._file, CHUNK * KERNEL.size) if ready else None
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise LinkLost(f"{self.address}: disconnected while reading: {error}; is it plugged in?") from error
        if data is None:
            return b""
        if not data:
            raise LinkLost(f"{self.address}: disconnected: it has ended")
        data = self._left + data
        whole = len(data) - len(data) % KERNEL.size
        self._left = data[whole:]
        return b"".join(EVENT.pack(*event[2:]) for event in KERNEL.iter_unpack(data[:whole]))

    def write(self, data: bytes) -> None:
        """Nothing is said to a scanner."""

    def close(self) -> None:
        """The kernel lets the grab go with the file."""
        file, self._file = self._file, -1
        if file >= 0:
            with contextlib.suppress(OSError):
                os.close(file)

    def _grab(self) -> None:
        """Raises LinkLost for what is no input device, and for one that another program holds."""
        mode = os.fstat(self._file).st_mode
        if stat.S_ISFIFO(mode):
            return
        if not stat.S_ISCHR(mode):
            raise LinkLost(f"{self.address}: it is no input device; name one of /dev/input/by-id/…-event-kbd")
        try:
            fcntl.ioctl(self._file, EVIOCGRAB, 1)
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise LinkLost(f"{self.address}: another program has grabbed it; end that one") from error
            why = "it is no input device; name one of /dev/input/by-id/…-event-kbd"
            raise LinkLost(f"{self.address}: {why}") from error


def _next_step(path: str, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return next_step(path, "input")
    return "is it plugged in? `marketedge ports` lists what is there"

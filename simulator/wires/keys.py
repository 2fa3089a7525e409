"""A pipe for the kernel's input device: what a simulated keyboard says comes out of it as ``struct input_event``."""

import contextlib
import os
import stat
from pathlib import Path

from drivers.transports.evdev import KERNEL, SCHEME
from protocol.scanners.scanner_hid import EVENT
from simulator.obstacles import InTheWay


class Keys:
    """The way into ``evdev:PATH``: the pipe is made when it is plugged in, and goes when it is pulled out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    @property
    def address(self) -> str:
        return f"{SCHEME}{self._path.absolute()}"

    def plug_in(self) -> None:
        if self._path.exists() and not stat.S_ISFIFO(self._path.stat().st_mode):
            raise InTheWay(f"{self._path} exists and is no pipe; name a path that is free")
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self._path, 0o600)
        self._file = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)

    def pull_out(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._path.unlink(missing_ok=True)

    def files(self) -> list[int]:
        return []

    def read(self, file: int, size: int = 4096) -> bytes:
        return b""

    def write(self, data: bytes) -> int:
        events = b"".join(KERNEL.pack(0, 0, *event) for event in EVENT.iter_unpack(data))
        with contextlib.suppress(BlockingIOError):  # nobody reads
            os.write(self._file, events)
        return len(data)

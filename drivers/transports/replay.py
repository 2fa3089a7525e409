"""A recorded log as a port: the device's side is read from the file, what we write is only kept."""

import time
from collections.abc import Callable
from pathlib import Path

from drivers.transports.base import READ_SECONDS, LinkLost
from drivers.transports.recorder import read_log


class Replay:
    """Plays the device's chunks at the recorded pace (``pace=0``: at once), then reports the port as gone."""

    def __init__(
        self,
        path: str | Path,
        *,
        pace: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = Path(path)
        try:
            self._chunks = [chunk for chunk in read_log(self._path) if chunk.from_device]
        except (OSError, ValueError) as error:
            raise LinkLost(f"replay {path}: {error}") from error
        self._pace = pace
        self._clock = clock
        self._sleep = sleep
        self._start = clock()
        self.written = bytearray()

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        if not self._chunks:
            raise LinkLost(f"replay {self._path}: end of log")
        wait = self._start + self._chunks[0].seconds * self._pace - self._clock()
        if wait > timeout:
            self._sleep(timeout)
            return b""
        self._sleep(max(0.0, wait))
        return self._chunks.pop(0).data

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self._chunks.clear()

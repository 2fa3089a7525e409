"""A 1-Wire thermometer's ``w1_slave`` file as a port: each reading of the file makes the kernel measure."""

import time
from collections.abc import Callable
from pathlib import Path

from drivers.transports.base import READ_SECONDS, LinkLost

EVERY_SECONDS = 5.0
LARGEST = 512


class W1File:
    """``/sys/bus/w1/devices/28-…/w1_slave``, read at once and then every ``every`` seconds.

    A measurement takes the kernel up to 0.75 s, and so ``read`` as well.  A probe that was pulled off loses its file,
    or fails to be read; both are LinkLost.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        every: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = Path(path)
        self._every = every
        self._clock = clock
        self._sleep = sleep
        self._next = clock()
        if not self._path.exists():
            raise LinkLost(f"w1:{path}: no such probe; is the 1-Wire overlay on (dtoverlay=w1-gpio), is it wired?")

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        wait = self._next - self._clock()
        if wait > timeout:
            self._sleep(max(0.0, timeout))
            return b""
        self._sleep(max(0.0, wait))
        self._next = self._clock() + self._every
        try:
            with self._path.open("rb") as file:
                return file.read(LARGEST)
        except OSError as error:
            raise LinkLost(f"w1:{self._path}: the probe does not answer: {error}") from error

    def write(self, data: bytes) -> None:
        return None

    def close(self) -> None:
        return None

"""The worker processes of a city that outgrew one, each started again when it ends.

A worker keeps nothing: it can be killed at any moment, and run on any machine that reaches the broker and the store
(``marketsim city worker``).
"""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

READY = "worker ready"  # what it prints once it hears the stations
AGAIN_SECONDS = 1.0
log = logging.getLogger("city")


class Workers:
    """So many workers between ``start`` and ``stop``; ``options`` are those of ``marketsim city worker``."""

    def __init__(self, count: int, options: Sequence[str]) -> None:
        self._slots = [_Slot(f"{number}/{count}", options) for number in range(1, count + 1)]

    def start(self) -> None:
        for slot in self._slots:
            slot.start()

    def wait_ready(self, seconds: float) -> bool:
        """Whether all of them hear the stations."""
        end = time.monotonic() + seconds
        return all(slot.ready.wait(max(0.0, end - time.monotonic())) for slot in self._slots)

    @property
    def pids(self) -> list[int]:
        return [slot.child.pid for slot in self._slots if slot.child is not None]

    def stop(self) -> None:
        """Let them keep what came, and end."""
        for slot in self._slots:
            slot.end()
        for slot in self._slots:
            slot.join()


class _Slot(threading.Thread):
    """One worker. It ends when its standard input does, so it never outlives this process."""

    def __init__(self, part: str, options: Sequence[str]) -> None:
        super().__init__(name=f"city worker {part}", daemon=True)
        self.ready = threading.Event()
        self.child: subprocess.Popen[str] | None = None
        self._part = part
        self._command = [sys.executable, "-m", "simulator.cli", "city", "worker", "--part", part, "--tied", *options]
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            with subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            ) as self.child:
                if self._stopping.is_set():
                    self.child.terminate()
                assert self.child.stdout is not None
                for line in self.child.stdout:
                    if line.strip() == READY:
                        self.ready.set()
            self.ready.clear()
            if not self._stopping.is_set():
                log.error("worker=%s ended code=%s; started again", self._part, self.child.returncode)
                self._stopping.wait(AGAIN_SECONDS)

    def end(self) -> None:
        self._stopping.set()
        if self.child is not None:
            self.child.terminate()

"""What wires do to bytes: split, glue, flip, lose, double, delay, cut, and noise in front.

``Faults`` says how often, ``Mangler`` does it (the same every time for one seed); ``FaultyDevice`` and
``FaultyTransport`` put it around a simulated device or an open port.
"""

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from drivers.transports.base import READ_SECONDS, Transport
from simulator.wires.device import Device


@dataclass(frozen=True, slots=True)
class Faults:
    """Chances between 0 and 1: per chunk for ``split``, ``glue``, ``cut`` and ``noise``, per byte for the others.

    ``single`` hands over one byte at a time; ``delay`` is the longest time in seconds a chunk is held back.
    """

    single: bool = False
    split: float = 0.0
    glue: float = 0.0
    cut: float = 0.0
    noise: float = 0.0
    flip: float = 0.0
    lose: float = 0.0
    double: float = 0.0
    delay: float = 0.0
    seed: int = 0


class Mangler:
    """Takes chunks and gives back what is left of them, each with the time it arrives. Order is kept."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._random = random.Random(faults.seed)
        self._queue: deque[tuple[float, bytes]] = deque()
        self._glued = b""

    @property
    def next_at(self) -> float | None:
        """When the next chunk arrives; None when nothing is on the way."""
        return self._queue[0][0] if self._queue else None

    def put(self, data: bytes, now: float) -> None:
        """Send a chunk. One that is to be glued stays back until the next one, or until ``flush``."""
        if not data:
            return
        data = self._glued + self._damaged(data)
        self._glued = b""
        if self._happens(self._faults.glue):
            self._glued = data
            return
        self._enqueue(data, now)

    def flush(self, now: float) -> None:
        """Let go of a chunk that was held back to be glued."""
        self._enqueue(self._glued, now)
        self._glued = b""

    def take(self, now: float) -> bytes:
        """One chunk that has arrived, or nothing."""
        if self._queue and self._queue[0][0] <= now:
            return self._queue.popleft()[1]
        return b""

    def _enqueue(self, data: bytes, now: float) -> None:
        at = now + self._random.uniform(0, self._faults.delay) if self._faults.delay else now
        if self._queue:
            at = max(at, self._queue[-1][0])
        self._queue.extend((at, piece) for piece in self._pieces(data))

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self._random.random() < chance

    def _damaged(self, data: bytes) -> bytes:
        out = bytearray()
        if self._happens(self._faults.noise):
            out += self._random.randbytes(self._random.randint(1, 8))
        if self._happens(self._faults.cut):
            data = data[: self._random.randrange(len(data))]
        for byte in data:
            if self._happens(self._faults.lose):
                continue
            if self._happens(self._faults.flip):
                byte ^= 1 << self._random.randrange(8)
            out.append(byte)
            if self._happens(self._faults.double):
                out.append(byte)
        return bytes(out)

    def _pieces(self, data: bytes) -> list[bytes]:
        if self._faults.single:
            return [data[at : at + 1] for at in range(len(data))]
        if len(data) > 1 and self._happens(self._faults.split):
            at = self._random.randrange(1, len(data))
            return [data[:at], data[at:]]
        return [data] if data else []


class FaultyDevice:
    """A simulated device on a bad wire. What the host sends arrives whole."""

    GLUE_SECONDS = 0.2  # a chunk waits no longer than this for the one it is to be glued to

    def __init__(self, inner: Device, faults: Faults) -> None:
        self.inner = inner
        self._mangler = Mangler(faults)
        self._flush_at: float | None = None

    def receive(self, data: bytes, now: float) -> None:
        self.inner.receive(data, now)

    def pending(self, now: float) -> bytes:
        """One chunk at most: a split one comes with the next call."""
        if out := self.inner.pending(now):
            self._mangler.put(out, now)
            self._flush_at = now + self.GLUE_SECONDS
        elif self._flush_at is not None and now >= self._flush_at:
            self._mangler.flush(now)
            self._flush_at = None
        return self._mangler.take(now)

    def deadline(self, now: float) -> float | None:
        times = (self.inner.deadline(now), self._mangler.next_at, self._flush_at)
        return min((at for at in times if at is not None), default=None)


class FaultyTransport:
    """An open port with a bad wire behind it; what is written passes untouched."""

    def __init__(self, inner: Transport, faults: Faults, clock: Callable[[], float] = time.monotonic) -> None:
        self._inner = inner
        self._mangler = Mangler(faults)
        self._clock = clock

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        if out := self._mangler.take(self._clock()):
            return out
        next_at = self._mangler.next_at
        wait = timeout if next_at is None else min(timeout, max(0.0, next_at - self._clock()))
        if data := self._inner.read(wait):
            self._mangler.put(data, self._clock())
        else:
            self._mangler.flush(self._clock())
        return self._mangler.take(self._clock())

    def write(self, data: bytes) -> None:
        self._inner.write(data)

    def close(self) -> None:
        self._inner.close()

"""A device that says again what another one said: the chunks of a recorded log, with the pauses between them."""

from collections import deque
from collections.abc import Iterable

from drivers.transports.recorder import Chunk


class Recorded:
    """Silent until ``play``; what the host sends is heard by nobody, as with a scale that only sends."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = tuple(chunk for chunk in chunks if chunk.from_device)
        self._due: deque[tuple[float, bytes]] = deque()

    def play(self, now: float) -> float:
        """From its beginning, whatever was left of the last time; answers when it ends."""
        first = self._chunks[0].seconds if self._chunks else 0.0
        self._due = deque((now + chunk.seconds - first, chunk.data) for chunk in self._chunks)
        return self._due[-1][0] if self._due else now

    def receive(self, data: bytes, now: float) -> None:
        return None

    def pending(self, now: float) -> bytes:
        out = b""
        while self._due and self._due[0][0] <= now:
            out += self._due.popleft()[1]
        return out

    def deadline(self, now: float) -> float | None:
        return self._due[0][0] if self._due else None

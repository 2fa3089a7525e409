"""A device that says again what another one said: the chunks of a recorded log, with the pauses between them."""

from collections.abc import Iterable

from drivers.transports.recorder import Chunk

USUAL_GAP = 0.1


class Recorded:
    """Silent until ``play``; what the host sends is heard by nobody, as with a scale that only sends."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = tuple(chunk for chunk in chunks if chunk.from_device)
        self._next = 0
        self._at: float | None = None  # when the next one is due
        self._to: float | None = None

    def play(self, now: float, to: float | None = None) -> None:
        """Say the log on, up to second ``to`` of it, and then its last chunk again and again, as a scale does whose
        load lies still; None is to its end, and then nothing.  What was said to its end begins anew."""
        if self._next == len(self._chunks):
            self._next = 0
        self._to, self._at = to, now if self._chunks else None

    def receive(self, data: bytes, now: float) -> None:
        return None

    def pending(self, now: float) -> bytes:
        """The chunks due by now. After a pause of more than a second the missed repetitions are not made up for."""
        out = b""
        while self._at is not None and self._at <= now:
            data, gap = self._take()
            out += data
            self._at = None if gap is None else max(self._at + gap, now - 1)
        return out

    def deadline(self, now: float) -> float | None:
        return self._at

    def _take(self) -> tuple[bytes, float | None]:
        """The chunk that is due, and the seconds to the one behind it; None when there is none."""
        here = self._next
        if self._to is not None and here and (here == len(self._chunks) or self._chunks[here].seconds > self._to):
            return self._chunks[here - 1].data, USUAL_GAP
        self._next += 1
        if self._next < len(self._chunks):
            return self._chunks[here].data, self._chunks[self._next].seconds - self._chunks[here].seconds
        return self._chunks[here].data, None if self._to is None else USUAL_GAP

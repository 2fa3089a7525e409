"""How fast a printer may be written to that cannot say when its buffer is full: a serial one without flow control.

What does not fit its buffer is lost, and the rest of the paper is garbage.  So we reckon what it still has, from the
speed of the line and of the head, and send no more than fits.
"""

from collections import deque


class Pace:
    """Times are seconds of any steady clock, handed in."""

    def __init__(self, buffer: int, byte_seconds: float, row_seconds: float) -> None:
        """``buffer`` is how many bytes the printer holds; the line needs ``byte_seconds`` for each, the head
        ``row_seconds`` for a row of dots."""
        self._buffer = buffer
        self._byte_seconds = byte_seconds
        self._row_seconds = row_seconds
        self._there = 0.0  # the line has brought all that was sent
        self._done = 0.0  # the head has printed it
        self._held: deque[tuple[float, int]] = deque()  # when the head is through with so many bytes

    @property
    def portion(self) -> int:
        """Bytes to send at a time."""
        return max(1, self._buffer // 4)

    def wait(self, size: int, now: float) -> float:
        """Seconds until so many bytes more fit."""
        held = [(until, count) for until, count in self._held if until > now]
        over, ready = sum(count for _, count in held) + size - self._buffer, now
        for until, count in held:
            if over <= 0:
                break
            over, ready = over - count, until
        return ready - now

    def sent(self, size: int, rows: float, now: float) -> None:
        """So many bytes went out, which print so many dot rows."""
        self._there = max(self._there, now) + size * self._byte_seconds
        self._done = max(self._done, self._there) + rows * self._row_seconds
        while self._held and self._held[0][0] <= now:
            self._held.popleft()
        self._held.append((self._done, size))

"""Saying a thing once, not a thousand times: whoever sends nonsense must not fill the log."""

from collections import deque


class Sparing:
    """Lets the same thing through once in ``seconds``; of others' words it remembers no more than ``cap``."""

    def __init__(self, seconds: float = 60.0, cap: int = 256) -> None:
        self._seconds = seconds
        self._cap = cap
        self._said: dict[str, float] = {}

    def due(self, thing: str, now: float) -> bool:
        """Whether to say it now; ``now`` is the steady clock."""
        if now - self._said.get(thing, float("-inf")) < self._seconds:
            return False
        if len(self._said) >= self._cap:
            self._said = {one: at for one, at in self._said.items() if now - at < self._seconds}
            if len(self._said) >= self._cap:
                return False
        self._said[thing] = now
        return True


class Allowance:
    """Lets ``many`` things through in ``seconds``, whatever they are; the rest is only counted."""

    def __init__(self, many: int = 10, seconds: float = 60.0) -> None:
        self._many = many
        self._seconds = seconds
        self._at: deque[float] = deque(maxlen=many)
        self._kept_back = 0

    def due(self, now: float) -> int | None:
        """None for not now; else how many were kept back since the last one. ``now`` is the steady clock."""
        if len(self._at) == self._many and now - self._at[0] < self._seconds:
            self._kept_back += 1
            return None
        self._at.append(now)
        kept_back, self._kept_back = self._kept_back, 0
        return kept_back

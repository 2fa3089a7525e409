"""Saying a thing once, not a thousand times: whoever sends nonsense must not fill the log."""


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

"""The supervisor's word for one deed: given with code and PIN, good for a minute, once, for whoever asked for it."""

from collections.abc import Callable

from edge.between.pins import mark_of, new_word
from protocol.frozen import frozen

SECONDS = 60.0
MOST = 64


@frozen
class Word:
    """``mark`` is of the session or token it was given to; ``code`` is whose word it is."""

    mark: str
    command: str
    code: str
    until: float


class Approvals:
    """Lives in the web thread's loop, and nowhere else: none outlasts a restart."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._given: dict[str, Word] = {}

    def give(self, mark: str, command: str, code: str) -> str:
        """The word to send with the deed."""
        word = new_word()
        now = self._steady()
        self._given = {key: one for key, one in self._given.items() if one.until > now}
        while len(self._given) >= MOST:
            self._given.pop(next(iter(self._given)))
        self._given[mark_of(word)] = Word(mark, command, code, now + SECONDS)
        return word

    def take(self, word: str, mark: str, command: str) -> str:
        """Whose word it is; empty when it is none for this deed of this session. It is used up, if it was."""
        given = self._given.get(mark_of(word))
        if given is None or (given.mark, given.command) != (mark, command) or given.until <= self._steady():
            return ""
        del self._given[mark_of(word)]
        return given.code

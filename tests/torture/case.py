"""What a case is, and the list of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scene import Row

Play = Callable[..., Row]


class NotHere(Exception):
    """This machine cannot do it; the message says why."""


@dataclass(frozen=True)
class Case:
    """``runs`` is how often it is done at full length; ``models`` stands in the table."""

    name: str
    models: str
    runs: int
    how: Play
    given: dict[str, Any]

    def play(self, runs: int) -> Row:
        return self.how(runs, **self.given)


CASES: list[Case] = []


def case(name: str, models: str, runs: int = 1, **given: Any) -> Callable[[Play], Play]:
    """A row of the table; ``given`` goes to the function, which may play several cases."""

    def keep(play: Play) -> Play:
        place = next((number for number, one in enumerate(CASES) if one.how is play), len(CASES))
        CASES.insert(place, Case(name, models, runs, play, given))  # so they stand in the order they are written in
        return play

    return keep

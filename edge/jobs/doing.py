"""Which function does a command: each says so itself (``does``), and the core calls it by ``do``."""

from collections.abc import Callable
from typing import Any, TypeVar

from edge.between.commands import Answer, Command
from edge.state.station import Station

DOES: dict[type[Command], Callable[[Station, Any], Answer]] = {}
C = TypeVar("C", bound=Command)
A = TypeVar("A", bound=Answer)


def does(command: type[C]) -> Callable[[Callable[[Station, C], A]], Callable[[Station, C], A]]:
    """This function does that command: it answers, or raises Refused with nothing changed."""

    def enter(function: Callable[[Station, C], A]) -> Callable[[Station, C], A]:
        DOES[command] = function
        return function

    return enter


def do(station: Station, command: Command) -> Answer:
    """Do a command. Raises Refused."""
    return DOES[type(command)](station, command)

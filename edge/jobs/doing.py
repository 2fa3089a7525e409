"""Which function does a command: each file says so at its end (``does``), and the core calls it by ``do``."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, TypeVar

from edge import jobs
from edge.between.commands import ORDERS, Answer, Command
from edge.between.people import CITY
from edge.jobs.privacy import look_through
from edge.state.station import Station

DOES: dict[type[Command], Callable[[Station, Any], Answer]] = {}
C = TypeVar("C", bound=Command)


def does(command: type[C], function: Callable[[Station, C], Answer]) -> None:
    """This function does that command: it answers, or raises Refused with nothing changed."""
    DOES[command] = function


def do(station: Station, command: Command) -> Answer:
    """Do a command of somebody who may order it. Raises Refused.

    Where somebody is signed in, ``person`` is who that is, whatever the command says.
    """
    row = ORDERS[type(command)]
    station.demand(row.roles)
    if station.who.name and "person" in type(command).model_fields:
        command = command.model_copy(update={"person": station.who.name})
    if row.records and station.who != CITY:
        look_through(command)
    return DOES[type(command)](station, command)


def everything() -> None:
    """Load every file of this room, so that each enters what it does."""
    for file in pkgutil.iter_modules(jobs.__path__):
        importlib.import_module(f"{jobs.__name__}.{file.name}")

"""Which function does a command: each file says so at its end (``does``), and the core calls it by ``do``."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from edge import jobs
from edge.between.commands import ORDERS, Answer, Command
from edge.between.people import CITY
from edge.jobs.privacy import look_through
from edge.state.station import Station

DOES: dict[type[Command], Callable[[Station, Any], Answer]] = {}
LATER: Mapping[str, tuple[str, ...]] = {  # files that are loaded with the first of these commands
    "acceptance": ("SignDelivery", "SignByName", "DropDelivery", "VoidAcceptance"),
    "bench": ("SeeLot", "FillRack", "NextRack", "SetPlace"),
    "canteen": (
        "BeginDelivery",
        "AddDeliveryLine",
        "WeighLoad",
        "RemoveLoad",
        "DescribeLine",
        "DescribeDelivery",
    ),
    "canteen_codes": ("ScanForDelivery", "RemoveSource"),
    "city_asked": ("SearchDirectory", "ListOrders"),
    "corrections": ("VoidSale", "CorrectEntry", "CorrectResult"),
    "customer": ("ShowCustomer",),
    "delivery": ("SendAgain", "ContinueLedger"),
    "disposals": ("PlanDisposal", "DisposeLot"),
    "holds": ("HoldLot", "ReleaseLot"),
    "kept": ("KeepSample", "DiscardSample", "HandWaste"),
    "label_sales": ("MatchLabelSale", "DismissLabelSale"),
    "parties": ("FindParties", "KeepParty"),
    "photos": ("KeepPhoto",),
    "public_samples": ("RegisterSample",),
    "reagents": ("OpenReagent", "FinishReagent"),
    "rechecks": ("TellHolder", "AskRetest", "WaiveRetest", "SendSample", "TypeVerdict"),
    "renewals": ("RenewScale",),
    "reweigh": ("LookAtSlip", "Reweigh"),
    "sampling": ("AskPlan", "DrawSamples"),
    "second_look": ("MatchControl", "ReviewResult"),
    "shifts": ("CloseShift",),
}
WITH_THE_CITY = ("city",)  # what the core loads with the first command of the city
_FILES = {command: file for file, commands in LATER.items() for command in commands}
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
    return function_of(type(command))(station, command)


def function_of(command: type[Command]) -> Callable[[Station, Any], Answer]:
    """What does such commands; its file is loaded if it has to be."""
    if command not in DOES:
        importlib.import_module(f"{jobs.__name__}.{_FILES[command.__name__]}")
    return DOES[command]


def everything() -> None:
    """Load every file of this room that does not wait for its first command, so that each enters what it does."""
    for file in pkgutil.iter_modules(jobs.__path__):
        if file.name not in (*LATER, *WITH_THE_CITY):
            importlib.import_module(f"{jobs.__name__}.{file.name}")

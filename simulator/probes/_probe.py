"""Simulated probes: the air around them, and how each wire format tells of it.

How a probe of a format behaves is in ``simulator/probes``, a file a format, named like the format: ``simulate(air)``
gives the device.  Its bytes come from the same ``encode`` the station's decoder is tested against.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from typing import Protocol

from protocol.formats import module_names
from simulator import probes
from simulator.wires.device import Device


@dataclass(slots=True)
class Air:
    """A cold store, or a room: degrees Celsius and per cent."""

    temperature: Decimal = Decimal("4.5")
    humidity: Decimal = Decimal("60.0")


class Probe(Device, Protocol):
    """A simulated probe: a device in some air."""

    air: Air


def ids() -> list[str]:
    """The formats that can be simulated."""
    return module_names(probes)


def find(format_id: str) -> Callable[[Air], Probe]:
    """What makes a probe of this format; raises LookupError."""
    if format_id not in ids():
        raise LookupError(f"no simulated probe speaks {format_id!r}; there are: {', '.join(ids())}")
    simulate: Callable[[Air], Probe] = import_module(f"{probes.__name__}.{format_id}").simulate
    return simulate

"""Simulated label scales: what is sold over their counter, and how each wire format tells of it.

How a label scale of a format behaves is in ``simulator/label_scales``, a file a format, named like the format:
``simulate(NUMBER)`` gives the device.  Its bytes come from the same ``encode`` the station's decoder is tested against.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from importlib import import_module
from typing import Protocol, TypeVar

from protocol.city.token import CHINA
from protocol.formats import module_names
from protocol.readings import LabelSale
from simulator import label_scales
from simulator.wires.caller import Calling
from simulator.wires.device import Device
from simulator.wires.line import Line
from simulator.wires.script import Command, Say, lead


class LabelScale(Device, Protocol):
    def sell(
        self, plu: str, net_g: int, at: datetime, *, name: str = "", article: str = "", tare_g: int = 0
    ) -> LabelSale:
        """A label is printed; answers what is to be read. Raises ValueError for what does not fit it."""
        ...

    def send_again(self) -> None:
        """It sends its whole store once more."""
        ...

    def hung_up(self) -> None:
        """Its connection ended: the next one begins anew, with what was not answered."""
        ...


D = TypeVar("D", bound=LabelScale)


def ids() -> list[str]:
    """The formats that can be simulated."""
    return module_names(label_scales)


def find(format_id: str) -> Callable[..., LabelScale]:
    """What makes a label scale of this format; raises LookupError."""
    if format_id not in ids():
        raise LookupError(f"no simulated label scale speaks {format_id!r}; there are: {', '.join(ids())}")
    simulate: Callable[..., LabelScale] = import_module(f"{label_scales.__name__}.{format_id}").simulate
    return simulate


def calling(scale: D, host: str, port: int) -> Line[D]:
    """The scale on its line to a station that listens there."""
    return Line(scale, Calling(host, port, scale.hung_up))


def run_label_scale(
    protocol: str,
    host: str,
    port: int,
    *,
    number: int = 1,
    script: Iterable[str] | None = None,
    say: Say = lambda text: None,
) -> None:
    """Be a label scale that calls the station there, until the script says ``quit``. Raises ScriptError."""
    with calling(find(protocol)(number), host, port) as line:
        say(f"label scale {protocol} at {line.address}")
        lead(line, script, _commands(line))


def _commands(line: Line[LabelScale]) -> dict[str, Command]:
    def sell(words: list[str]) -> None:
        if len(words) not in (2, 3) or not words[1].isdigit():
            raise ValueError("write sell PLU GRAMS [NAME]")
        plu, grams, name = (*words, "")[:3]
        at = datetime.now(CHINA).replace(tzinfo=None, microsecond=0)
        line.do(lambda device, now: device.sell(plu, int(grams), at, name=name))

    def again(words: list[str]) -> None:
        if words:
            raise ValueError("write again")
        line.do(lambda device, now: device.send_again())

    return {"sell": sell, "again": again}

"""Simulated analyzers: a memory of records, and the dialogue that reads it.

How an instrument of a format behaves is in ``simulator/analyzers``, a file a format, named like the format:
``simulate(model)`` gives the device.  Its bytes come from the same ``encode`` the station's decoder is tested against.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from typing import Protocol

from protocol.city.token import CHINA
from protocol.formats import module_names
from protocol.readings import TestResult
from simulator import analyzers
from simulator.wires.device import Device
from simulator.wires.line import Line, Plug
from simulator.wires.script import Command, Say, lead, number


class Analyzer(Device, Protocol):
    def measure(
        self, sample: int, value: Decimal | None, at: datetime, *, name: str = "", channel: int = 1
    ) -> TestResult:
        """A person measures: the record is kept, and what the station should read is returned.

        ``at`` is the instrument's local clock.  Raises ValueError when the instrument could not hold this.
        """
        ...


def ids() -> list[str]:
    """The formats that can be simulated."""
    return module_names(analyzers)


def find(format_id: str) -> Callable[[str | None], Analyzer]:
    """What makes an analyzer of this format; takes the model's name, None for the usual one. Raises LookupError."""
    if format_id not in ids():
        raise LookupError(f"no simulated analyzer speaks {format_id!r}; there are: {', '.join(ids())}")
    simulate: Callable[[str | None], Analyzer] = import_module(f"{analyzers.__name__}.{format_id}").simulate
    return simulate


def run_analyzer(
    protocol: str,
    plug: Plug,
    *,
    model: str | None = None,
    script: Iterable[str] | None = None,
    say: Say = lambda text: None,
    clock: Callable[[], datetime] = lambda: datetime.now(CHINA).replace(tzinfo=None),
) -> None:
    """Be an analyzer until the script says ``quit``. Raises ScriptError, or OSError when there is no such place to be.

    ``clock`` is the instrument's own: the market's local time, without a zone.
    """
    with Line(find(protocol)(model), plug) as line:
        say(f"analyzer {protocol} at {line.address}")
        lead(line, script, commands(line, clock))


def commands(line: Line[Analyzer], clock: Callable[[], datetime]) -> dict[str, Command]:
    def measure(words: list[str]) -> None:
        if not 2 <= len(words) <= 3:
            raise ValueError("write measure SAMPLE VALUE [NAME]")
        sample, value, name = int(words[0]), None if words[1] == "NA" else number(words[1]), "".join(words[2:])
        at = clock().replace(microsecond=0)
        line.do(lambda device, now: device.measure(sample, value, at, name=name))

    return {"measure": measure}

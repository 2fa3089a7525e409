"""Simulated scanners: what is held before them, and how each wire format tells of it.

How a scanner of a format behaves is in ``simulator/scanners``, a file a format, named like the format: ``simulate()``
gives the device.  Its bytes come from the same ``encode`` the station's decoder is tested against.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Protocol

from protocol.formats import module_names
from protocol.readings import Scan
from simulator import scanners
from simulator.wires.device import Device
from simulator.wires.line import Line, Plug
from simulator.wires.script import Command, Say, lead


class Scanner(Device, Protocol):
    def scan(self, text: str) -> None:
        """A person scans a code. Raises ValueError for one that this scanner cannot say."""
        ...


class Speaking:
    """Says what it is shown, hears nothing."""

    def __init__(self, encode: Callable[[Scan], bytes]) -> None:
        self._encode = encode
        self._out = bytearray()

    def scan(self, text: str) -> None:
        self._out += self._encode(Scan(text))

    def receive(self, data: bytes, now: float) -> None:
        return None

    def pending(self, now: float) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def deadline(self, now: float) -> float | None:
        return now if self._out else None


def ids() -> list[str]:
    """The formats that can be simulated."""
    return module_names(scanners)


def find(format_id: str) -> Callable[[], Scanner]:
    """What makes a scanner of this format; raises LookupError."""
    if format_id not in ids():
        raise LookupError(f"no simulated scanner speaks {format_id!r}; there are: {', '.join(ids())}")
    simulate: Callable[[], Scanner] = import_module(f"{scanners.__name__}.{format_id}").simulate
    return simulate


def run_scanner(
    protocol: str, plug: Plug, *, script: Iterable[str] | None = None, say: Say = lambda text: None
) -> None:
    """Be a scanner until the script says ``quit``. Raises ScriptError, or OSError when there is no such place to be."""
    with Line(find(protocol)(), plug) as line:
        say(f"scanner {protocol} at {line.address}")
        lead(line, script, _commands(line))


def _commands(line: Line[Scanner]) -> dict[str, Command]:
    def scan(words: list[str]) -> None:
        if not words:
            raise ValueError("write scan CODE")
        line.do(lambda device, now: device.scan(" ".join(words)))

    return {"scan": scan}

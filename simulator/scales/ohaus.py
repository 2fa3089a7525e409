"""An Ohaus scale that prints when asked, or all the time."""

import re

from protocol.scales import ohaus
from simulator.scales._commands import Commanded, tare, when_shown, zero
from simulator.scales._pan import Pan


def simulate(pan: Pan, *, continuous: bool = False) -> Commanded:
    """``P`` and ``IP`` print; with ``continuous`` it sends by itself, as after ``CP``. It is silent in overload."""
    line = when_shown(ohaus.encode)

    def print_it(now: float) -> bytes:
        return line(pan.reading(now))

    commands = {b"P": print_it, b"IP": print_it, b"T": tare(pan), b"Z": zero(pan)}
    return Commanded(pan, re.compile(rb"[^\r\n]+\r?\n"), commands, stream=line if continuous else None)

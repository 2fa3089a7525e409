"""An AZextra that is asked for labels."""

import re

from protocol.readings import State
from protocol.scales import adam_azextra
from simulator.scales._commands import Commanded, tare, zero
from simulator.scales._pan import Pan


class AzExtra(Commanded):
    """Says a new weight above zero once, when it is stable; otherwise it beeps. ``beeps`` counts."""

    def __init__(self, pan: Pan) -> None:
        commands = {b"P": self._print, b"T": tare(pan), b"Z": zero(pan)}
        super().__init__(pan, re.compile(rb"[PTZ]\r\n"), commands)
        self.beeps = 0
        self._said: float | None = None  # since when the load lay there that was said last

    def press_print(self, now: float) -> None:
        self._out += self._print(now)

    def _print(self, now: float) -> bytes:
        reading, load = self.pan.reading(now), self.pan.settles_at()
        new = load != self._said and reading.stable and reading.state is State.OK
        if not new or reading.value is None or reading.value <= 0:
            self.beeps += 1
            return b""
        self._said = load
        return adam_azextra.encode(reading)


def simulate(pan: Pan) -> AzExtra:
    return AzExtra(pan)

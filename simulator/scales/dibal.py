"""A Dibal scale with the EPOS (TISA) protocol."""

import re

from protocol.checks import xor8
from protocol.framing import Lines
from protocol.readings import Reply, State, Weighing
from protocol.scales import dibal
from simulator.scales._pan import Pan

QUESTION = re.compile(rb"(98[0-9]{5})(.)", re.DOTALL)


class Dibal:
    """Answers every price whose check is right with the weight; below zero and in overload there is none."""

    def __init__(self, pan: Pan) -> None:
        self.pan = pan
        self._lines = Lines(lambda line: Reply("question", raw=line), cap=32)
        self._out = bytearray()

    def receive(self, data: bytes, now: float) -> None:
        for event in self._lines.feed(data):
            found = QUESTION.fullmatch(event.raw) if isinstance(event, Reply) else None
            if found and xor8(found[1]) == found[2][0]:
                self._out += dibal.encode(self._weight(now))

    def pending(self, now: float) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def deadline(self, now: float) -> float | None:
        return now if self._out else None

    def _weight(self, now: float) -> Weighing:
        reading = self.pan.reading(now)
        if reading.value is None or reading.value < 0:
            return Weighing(None, state=State.ERROR)
        return reading


def simulate(pan: Pan) -> Dibal:
    return Dibal(pan)

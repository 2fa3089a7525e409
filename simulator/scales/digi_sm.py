"""A DIGI scale with the Siemens Nixdorf protocol."""

import re

from protocol.readings import State
from protocol.scales import digi_sm
from simulator.scales._commands import Commanded
from simulator.scales._pan import Pan


def simulate(pan: Pan, point: bytes = b".") -> Commanded:
    """Byte 6 is a point here, which nobody wrote down; without a weight it is silent."""

    def weight(now: float) -> bytes:
        reading = pan.reading(now)
        if reading.state is not State.OK or reading.value is None or reading.value < 0:
            return b""
        return digi_sm.encode(reading, point)

    return Commanded(pan, re.compile(re.escape(digi_sm.QUESTION)), {digi_sm.QUESTION: weight})

"""A scale of Toledo do Brasil."""

import re

from protocol.scales import toledo_brazil
from simulator.scales._commands import Commanded
from simulator.scales._pan import Pan


def simulate(pan: Pan, protocol: str = "B") -> Commanded:
    def frame(now: float) -> bytes:
        reading = pan.reading(now)
        return toledo_brazil.encode_a(reading) if protocol == "A" else toledo_brazil.encode(reading, protocol)

    return Commanded(pan, re.compile(re.escape(toledo_brazil.ENQ)), {toledo_brazil.ENQ: frame})

"""A scale that answers SMA commands."""

import re
from collections.abc import Callable

from protocol.readings import Net, State, Weighing
from protocol.scales import sma
from simulator.scales._commands import Commanded
from simulator.scales._pan import Pan


def simulate(pan: Pan) -> Commanded:
    """Zero and tare answer with the weight, or with E and T when they could not be done; M tells the tare."""

    def weight(now: float) -> bytes:
        return sma.encode(pan.reading(now))

    def done(do: Callable[[float], State], error: str) -> Callable[[float], bytes]:
        return lambda now: weight(now) if do(now) is State.OK else sma.encode_error(error)

    def clear(now: float) -> bytes:
        pan.clear_tare()
        return weight(now)

    def tare(now: float) -> bytes:
        return sma.encode(Weighing(pan.tare.quantize(pan.e), pan.unit, Net.TARE, pan.stable(now), zero=False))

    return Commanded(
        pan,
        re.compile(rb"\n[^\n\r]+\r"),
        {
            b"\nW": weight,
            b"\nZ": done(pan.zero, "E"),
            b"\nT": done(pan.tare_now, "T"),
            b"\nC": clear,
            b"\nM": tare,
        },
        other=sma.UNKNOWN + b"\r",
    )

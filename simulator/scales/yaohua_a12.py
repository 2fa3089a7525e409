"""An indicator that sends its display as lines."""

from functools import partial

from protocol.readings import State, Weighing
from protocol.scales import yaohua_a12
from simulator.scale import Continuous, Pan


def simulate(pan: Pan, variant: str = "a12e") -> Continuous:
    """In overload the "a12" is silent here: what it really sends then is not documented."""
    return Continuous(pan, partial(_encode, variant=variant))


def _encode(reading: Weighing, variant: str) -> bytes:
    if variant == "a12" and reading.state is not State.OK:
        return b""
    return yaohua_a12.encode(reading, variant)

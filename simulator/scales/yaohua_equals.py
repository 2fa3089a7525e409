"""An indicator that sends its display as ``=`` frames."""

from functools import partial

from protocol.readings import State, Weighing
from protocol.scales import yaohua_equals
from simulator.scale import Continuous, Pan


def simulate(pan: Pan, *, reversed: bool = True, width: int = 8) -> Continuous:
    """Without a weight to show it is silent: what a real one sends then is not documented."""
    return Continuous(pan, partial(_encode, reversed=reversed, width=width))


def _encode(reading: Weighing, *, reversed: bool, width: int) -> bytes:
    return b"" if reading.state is not State.OK else yaohua_equals.encode(reading, reversed=reversed, width=width)

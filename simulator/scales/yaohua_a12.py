"""An indicator that sends its display as lines."""

from functools import partial

from protocol.scales import yaohua_a12
from simulator.scales._commands import when_shown
from simulator.scales._pan import Continuous, Pan


def simulate(pan: Pan, variant: str = "a12e") -> Continuous:
    encode = partial(yaohua_a12.encode, variant=variant)
    return Continuous(pan, when_shown(encode) if variant == "a12" else encode)

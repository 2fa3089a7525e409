"""An indicator that sends its display as ``=`` frames."""

from functools import partial

from protocol.scales import yaohua_equals
from simulator.scales._commands import when_shown
from simulator.scales._pan import Continuous, Pan


def simulate(pan: Pan, *, reversed: bool = True, width: int = 8) -> Continuous:
    return Continuous(pan, when_shown(partial(yaohua_equals.encode, reversed=reversed, width=width)))

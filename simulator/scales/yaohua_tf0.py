"""An indicator that sends its display continuously."""

from protocol.scales import yaohua_tf0
from simulator.scales._pan import Continuous, Pan


def simulate(pan: Pan, *, rate: float = 10.0) -> Continuous:
    return Continuous(pan, yaohua_tf0.encode, rate)

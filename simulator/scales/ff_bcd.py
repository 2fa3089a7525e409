"""A price scale that sends FF and packed digits."""

from functools import partial
from typing import Literal

from protocol.scales import ff_bcd
from simulator.scales._pan import Continuous, Pan


def simulate(pan: Pan, *, length: Literal[5, 6] = 6, decimals_from: Literal[0, 1] = 0) -> Continuous:
    options = ff_bcd.Options(length=length, decimals_from=decimals_from)
    return Continuous(pan, partial(ff_bcd.encode, options=options))

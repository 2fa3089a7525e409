"""What hands can do to a market that runs: pull the plug, cut the network, end the roll, put the clock elsewhere.

The story does it, and whoever looks on by the levers of the page.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from simulator.market import Market

BAD_ROLL_MM = 20.0  # the roll ends in the middle of the next slip
NEVER_SET = datetime(1970, 1, 1, tzinfo=UTC)


class Hands:
    """One lever at a time, in whichever thread. ``switches`` are the levers by name, each told whether it is to be on.

    A lever that stands as it should already stays.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._moving = threading.RLock()
        self._on = {"power": True, "network": True, "paper": True, "scale": True, "clock": True}
        self.switches: Mapping[str, Callable[[bool], None]] = MappingProxyType(
            {
                "power": self._power,
                "network": self._network,
                "paper": self._paper,
                "scale": self._scale,
                "clock": self._clock,
            }
        )

    @property
    def standing(self) -> dict[str, bool]:
        """What is as it should be: the box has power, there is a network, paper, a scale, the right time."""
        return dict(self._on)

    @property
    def powered(self) -> bool:
        """Whether the box runs, or is off because somebody pulled its plug."""
        with self._moving:
            return self._market.station.running or not self._on["power"]

    def switch(self, name: str, on: bool) -> None:
        """Raises KeyError for a lever that is not there, StageFailed when the box does not come up."""
        with self._moving:
            move = self.switches[name]
            if self._on[name] != on:
                move(on)
                self._on[name] = on

    def set_right(self) -> None:
        """Everything as it should be. Raises StageFailed."""
        for name in ("network", "paper", "scale", "clock", "power"):
            self.switch(name, True)

    def clock_of_1970(self) -> None:
        """The power goes, and comes again in 1970."""
        with self._moving:
            self.switch("power", False)
            self.switch("clock", False)
            self.switch("power", True)

    def _power(self, on: bool) -> None:
        station = self._market.station
        if on:
            station.start()
        else:
            station.kill()

    def _network(self, on: bool) -> None:
        market = self._market
        if market.broker is None:  # it is somebody else's
            if on:
                market.city_comes_back()
            else:
                market.city_goes()
        elif on:
            market.broker.start()
        else:
            market.broker.stop()

    def _paper(self, on: bool) -> None:
        self._market.printer.do(lambda printer, now: printer.new_roll(now, None if on else BAD_ROLL_MM))

    def _scale(self, on: bool) -> None:
        if on:
            self._market.scale.replug()
        else:
            self._market.scale.unplug()

    def _clock(self, on: bool) -> None:
        self._market.set_clock(None if on else NEVER_SET)

"""A module for PT100 thermometers: a channel in the air, the others without a sensor."""

from decimal import ROUND_HALF_EVEN, Decimal

from protocol.probes import pt100
from simulator.probes._probe import Air
from simulator.wires.modbus import Slave

HUNDREDTH = Decimal("0.01")
OPEN = Decimal(0x7FFF).scaleb(-2)


class Pt100(Slave):
    """``channels`` of them there are; the thermometer is on ``channel``."""

    def __init__(self, air: Air, *, address: int = 1, channels: int = 8, channel: int = 1) -> None:
        self.air = air
        self._channels = channels
        self._channel = channel
        super().__init__(self._cells, address=address, universal=True)

    def _cells(self, now: float) -> dict[tuple[int, int], int]:
        shown = self.air.temperature.quantize(HUNDREDTH, ROUND_HALF_EVEN)
        found: dict[tuple[int, int], int] = {}
        for channel in range(1, self._channels + 1):
            found |= pt100.encode(shown if channel == self._channel else OPEN, channel)
        return found


def simulate(air: Air) -> Pt100:
    return Pt100(air)

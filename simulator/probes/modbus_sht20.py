"""An XY-MD02: two input registers, and two holding registers for its address and baud rate."""

from decimal import ROUND_HALF_EVEN, Decimal

from protocol.probes import modbus_sht20
from simulator.probes._probe import Air
from simulator.wires.modbus import Slave

TENTH = Decimal("0.1")
BAUD = 9600


class ModbusSht20(Slave):
    def __init__(self, air: Air, *, address: int = 1) -> None:
        self.air = air
        super().__init__(self._cells, address=address)

    def _cells(self, now: float) -> dict[tuple[int, int], int]:
        values = modbus_sht20.encode(
            self.air.temperature.quantize(TENTH, ROUND_HALF_EVEN), self.air.humidity.quantize(TENTH, ROUND_HALF_EVEN)
        )
        return {**values, (3, 0x0101): self.address, (3, 0x0102): BAUD}


def simulate(air: Air) -> ModbusSht20:
    return ModbusSht20(air)

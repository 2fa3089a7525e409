"""An indicator with Modbus registers: the weight in two, the status in the next."""

from collections.abc import Mapping
from typing import Any

from protocol.scales import modbus_scale
from protocol.scales.modbus_scale import ScaleProfile
from simulator.scales._pan import Pan
from simulator.wires.modbus import Slave


class ModbusScale(Slave):
    """``options`` are what a station must be told to read this scale."""

    def __init__(self, pan: Pan, *, address: int = 1, framing: str = "rtu") -> None:
        self.pan = pan
        self.options: dict[str, Any] = {"profile": profile_of(pan, address), "framing": framing}
        known = ScaleProfile.model_validate(self.options["profile"])
        super().__init__(lambda now: modbus_scale.encode(known, pan.reading(now)), address=address)


def profile_of(pan: Pan, address: int = 1) -> Mapping[str, Any]:
    exponent = pan.e.as_tuple().exponent
    return {
        "address": address,
        "function": 3,
        "weight": {"register": 0, "type": "int32", "decimals": -exponent if isinstance(exponent, int) else 0},
        "unit": pan.unit,
        "status": {"register": 2, "stable": 1, "zero": 2, "net": 4, "overload": 8, "underload": 16},
    }


def simulate(pan: Pan) -> ModbusScale:
    return ModbusScale(pan)

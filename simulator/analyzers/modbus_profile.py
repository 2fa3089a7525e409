"""An analyzer with its last result in Modbus registers, and a counter of results in front of it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from protocol.analyzers import modbus_profile
from protocol.analyzers.modbus_profile import AnalyzerProfile
from protocol.readings import TestResult, Verdict
from simulator.wires.modbus import Slave

PROFILE: dict[str, Any] = {
    "address": 1,
    "function": 3,
    "item": "农药残留",
    "unit": "%",
    "new": {"register": 0, "when": "changes", "none": 0},
    "value": {"register": 1, "type": "uint16", "decimals": 1, "none": 0x7FFE},
    "sample": {"register": 2, "type": "uint16"},
    "channel": {"register": 3, "type": "uint16"},
    "name": {"register": 4, "type": "text", "count": 3},
    "time": {"register": 7, "form": "words"},
    "verdict": {"register": 13, "qualified": 2, "unqualified": 1},
    "limit": {"register": 14, "type": "uint16", "decimals": 1},
}
LIMIT = Decimal("50.0")


class ModbusAnalyzer(Slave):
    """Keeps one result. ``options`` are what a station must be told to read it; another ``profile`` may be given."""

    def __init__(self, profile: dict[str, Any] | None = None, *, framing: str = "rtu") -> None:
        self.options: dict[str, Any] = {"profile": profile or PROFILE, "framing": framing}
        self._profile = AnalyzerProfile.model_validate(self.options["profile"])
        self._count = 0
        cells = [cell for block in self._profile.plan() for cell in block.cells()]
        self._cells = dict.fromkeys(cells, 0)
        super().__init__(lambda now: self._cells, address=self._profile.address)

    def measure(
        self, sample: int, value: Decimal | None, at: datetime, *, name: str = "", channel: int = 1
    ) -> TestResult:
        known = self._profile
        verdict = Verdict.INVALID if value is None else Verdict.UNQUALIFIED if value >= LIMIT else Verdict.QUALIFIED
        room = 2 * known.name.size if known.name else 0
        kept = name.encode("gb18030")[:room].decode("gb18030", "ignore")
        result = TestResult(
            sample=str(sample),
            channel=str(channel),
            item=known.item,
            value=value,
            unit=known.unit,
            verdict=verdict,
            measured_at=at,
            identity="",
            name=kept or None,
            limit=LIMIT,
        )
        count = self._count % 0xFFFF + 1
        cells = modbus_profile.encode(known, result, count if known.new.when == modbus_profile.CHANGES else 1)
        self._cells = {**self._cells, **cells}
        self._count = count
        return modbus_profile.read(known, self._cells, at.date())

    def remove_card(self) -> None:
        """The result's flag goes out; a counter stays."""
        if self._profile.new.when == modbus_profile.SET:
            self._cells = {**self._cells, **dict.fromkeys(self._profile.new.cells(), 0)}


def simulate(model: str | None) -> ModbusAnalyzer:
    return ModbusAnalyzer()

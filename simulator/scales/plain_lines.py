"""A scale that sends lines with a number and little else."""

from typing import Any

from protocol.readings import State, Weighing
from protocol.scales import plain_lines
from protocol.scales.plain_lines import Form
from simulator.scales._pan import Continuous, Pan


class PlainLines(Continuous):
    """``options`` are what a station must be told to read it. Where nobody knows what it sends, it is silent."""

    def __init__(self, pan: Pan, form: Form = "gg") -> None:
        exponent = pan.e.as_tuple().exponent
        self.options: dict[str, Any] = {"form": form}
        if form == "dollar" and isinstance(exponent, int):
            self.options["decimals"] = -exponent
        self._form = form
        super().__init__(pan, self._text)

    def _text(self, reading: Weighing) -> bytes:
        form = self._form
        unknown = reading.state is not State.OK or (form == "dollar" and (reading.value or 0) < 0)
        return (
            b""
            if unknown and form != "kern-plj"
            else plain_lines.encode(reading, form, tare=self.pan.tare.quantize(self.pan.e))
        )


def simulate(pan: Pan, *, form: Form = "gg") -> PlainLines:
    return PlainLines(pan, form)

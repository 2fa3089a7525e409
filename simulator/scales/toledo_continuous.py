"""An indicator with Toledo continuous output, obeying single letters."""

import re

from protocol.readings import Weighing
from protocol.scales import toledo_continuous
from simulator.scales._commands import Commanded, clear_tare, tare, zero
from simulator.scales._pan import Pan


def simulate(pan: Pan, *, checksum: bool = True, extended: bool = False) -> Commanded:
    """``P`` sends one frame more, as the key does."""

    def frame(reading: Weighing) -> bytes:
        encode = toledo_continuous.encode_extended if extended else toledo_continuous.encode
        return encode(reading, tare=pan.tare.quantize(pan.e), checksum=checksum)

    letters = {b"T": tare(pan), b"C": clear_tare(pan), b"Z": zero(pan), b"P": lambda now: frame(pan.reading(now))}
    return Commanded(pan, re.compile(rb"[TCZP]"), letters, stream=frame)

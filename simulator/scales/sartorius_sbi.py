"""A Sartorius scale that prints when asked, or by itself."""

import re

from protocol.readings import Weighing
from protocol.scales import sartorius_sbi
from simulator.scales._commands import Commanded, silently
from simulator.scales._pan import Pan


def simulate(pan: Pan, *, header: bool = True, by_itself: bool = False) -> Commanded:
    """``ESC T`` zeroes what is near zero and tares the rest, ``ESC V`` zeroes; CR LF behind them may be missing."""

    def line(reading: Weighing) -> bytes:
        return sartorius_sbi.encode(reading, header=header)

    def zero_or_tare(now: float) -> None:
        pan.clear_tare()
        if abs(pan.gross(now)) < pan.e:
            pan.zero(now)
        else:
            pan.tare_now(now)

    commands = {
        b"\x1bP": lambda now: line(pan.reading(now)),
        b"\x1bT": silently(zero_or_tare),
        b"\x1bV": silently(pan.zero),
    }
    return Commanded(pan, re.compile(rb"\x1b[A-Z](?:\r\n)?"), commands, stream=line if by_itself else None, rate=4.0)

"""A checkout scale of the OS2 kind: streaming, or asked with ENQ and DC1."""

import re

from protocol.readings import Weighing
from protocol.scales import os2
from protocol.scales.cas_handshake import ACK, DC1, ENQ
from simulator.scales._commands import Commanded, tare, zero
from simulator.scales._pan import Pan


def simulate(pan: Pan, *, active: bool = True) -> Commanded:
    """In active mode it leaves questions unanswered; tare and zero are obeyed in both."""

    def frame(reading: Weighing) -> bytes:
        return os2.encode(reading, active=active)

    commands = {b"<TK>\t": tare(pan), b"<ZK>\t": zero(pan)}
    if not active:
        commands |= {ENQ: lambda now: ACK, DC1: lambda now: frame(pan.reading(now))}
    return Commanded(pan, re.compile(rb"<[TZ]K>\t|[\x05\x11]"), commands, stream=frame if active else None)

"""A scale that sends lines with ST, US and OL; as an A&D it also obeys commands."""

import re

from protocol.readings import Weighing
from protocol.scales import st_gs
from simulator.scales._commands import Commanded, tare, zero
from simulator.scales._pan import Pan


def simulate(pan: Pan, *, form: str = "general", asked: bool = False) -> Commanded:
    """``form`` is one of ``st_gs.FORMS``; with ``asked`` it speaks only when it is asked."""

    def line(reading: Weighing) -> bytes:
        return st_gs.encode(reading, form)

    commands = {b"Q": lambda now: line(pan.reading(now)), b"T": tare(pan), b"Z": zero(pan)} if form == "and" else {}
    return Commanded(pan, re.compile(rb"[^\r\n]+\r?\n"), commands, stream=None if asked else line)

"""A scale that answers SCP-01 commands."""

import re
from dataclasses import replace

from protocol.readings import Weighing
from protocol.scales import nci_scp01
from simulator.scales._commands import Commanded
from simulator.scales._pan import Pan


def simulate(pan: Pan, *, three: bool = False) -> Commanded:
    """With ``three`` status bytes gross and net are told apart. Commands may be written small.

    It knows one unit, so ``U`` tells that one.
    """

    def reading(now: float) -> Weighing:
        shown = pan.reading(now)
        return shown if three else replace(shown, net=None)

    def zero(now: float) -> bytes:
        pan.zero(now)
        return nci_scp01.encode_status(reading(now))

    answers = {
        "W": lambda now: nci_scp01.encode(reading(now)),
        "S": lambda now: nci_scp01.encode_status(reading(now)),
        "Z": zero,
        "U": lambda now: nci_scp01.encode_unit(reading(now)),
    }
    commands = {letter.encode(): answer for key, answer in answers.items() for letter in (key, key.lower())}
    return Commanded(pan, re.compile(rb"[^\r]*\r"), commands, other=nci_scp01.UNKNOWN)

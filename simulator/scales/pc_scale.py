"""A PC scale: its messages, a line each, as the station's port hands them over."""

from protocol.readings import Weighing
from protocol.scales import pc_scale
from simulator.scales._pan import Continuous, Pan

RATE = 1 / 0.15


def simulate(pan: Pan) -> Continuous:
    def message(reading: Weighing) -> bytes:
        return pc_scale.encode(reading, pan.tare)

    return Continuous(pan, message, RATE)

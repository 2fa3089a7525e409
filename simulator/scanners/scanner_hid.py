"""A scanner that is a keyboard: its events, as the station's port hands them over."""

from protocol.scanners.scanner_hid import encode
from simulator.scanners._reader import Speaking


def simulate() -> Speaking:
    return Speaking(encode)

"""A scanner with a serial line."""

from protocol.scanners.scanner_serial import encode
from simulator.scanners._reader import Speaking


def simulate() -> Speaking:
    return Speaking(encode)

"""A pseudo terminal with line settings: who opens it at another rate reads and sends garbage, as on a real line.

A pty carries bytes, whatever its rate.  But it remembers the rate that the host has set, so the bytes can be made into
the levels of a wire, and read off that wire at the other rate.  It does not remember data bits and parity (the kernel
sets it back to 8 bits without parity), so the host is always taken for 8n1: a device with 7 bits and parity is then
seen with the parity in bit 7.
"""

import termios
from pathlib import Path

from protocol.link import Link
from simulator.wires.line import CHUNK, Pty

RATES = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdigit()}
STEP = 1 << 12  # of one bit, in which a wire is read; whole numbers, so that nothing drifts


class BaudPty(Pty):
    """A pty behind which the device is set to ``device``."""

    def __init__(self, link: str | Path, device: Link) -> None:
        super().__init__(link)
        self._device = device

    def read(self, file: int, size: int = CHUNK) -> bytes:
        data = super().read(file, size)
        return heard(data, self.host(), self._device, strict=True) if data else data

    def write(self, data: bytes) -> int:
        return super().write(heard(data, self._device, self.host()) if data else data)

    def host(self) -> Link:
        """The settings of whoever opened us last."""
        if self._files is None:
            return self._device
        return Link(RATES.get(termios.tcgetattr(self._files[1])[5], 9600))


def heard(data: bytes, sent: Link, read: Link, *, strict: bool = False) -> bytes:
    """What a receiver set to ``read`` makes of bytes sent back to back at ``sent``.

    A byte that a receiver finds with wrong parity, or without a stop bit, is handed over all the same, as a serial
    port does; with ``strict`` it is dropped, as scales do.
    """
    if sent == read:
        return data
    levels = [1, *(bit for byte in data for bit in _levels(byte, sent))]
    levels += [1] * (len(_levels(0, sent)) * (1 + sent.baud // read.baud) + 2)
    out = bytearray()
    at, end = 0, len(levels) * STEP
    bit = STEP * sent.baud // read.baud  # the receiver's bit, in our steps
    size = read.bits + (read.parity != "n") + 1
    while True:
        at = _falling(levels, at)
        if at < 0 or at + (size + 1) * bit > end:
            return bytes(out)
        seen = [levels[(at + bit // 2 + (place + 1) * bit) // STEP] for place in range(size)]
        byte = sum(level << place for place, level in enumerate(seen[: read.bits]))
        whole = bool(seen[-1]) and _parity_fits(seen[: read.bits + 1], read.parity)
        if whole or not strict:
            out.append(byte)
        at += size * bit + bit // 2  # the middle of the stop bit


def _levels(byte: int, link: Link) -> list[int]:
    """Start bit, data (lowest first), parity, stop bits."""
    data = [byte >> place & 1 for place in range(link.bits)]
    parity = [] if link.parity == "n" else [sum(data) + (link.parity == "o") & 1]
    return [0, *data, *parity, *[1] * link.stop]


def _parity_fits(data: list[int], parity: str) -> bool:
    return parity == "n" or sum(data) & 1 == (parity == "o")


def _falling(levels: list[int], at: int) -> int:
    """Where a start bit begins, not before ``at``; -1 when there is none."""
    place = at // STEP
    if place < len(levels) and levels[place] == 0:
        # Still low, as after a missing stop bit: the next start bit needs a rise first.
        while place < len(levels) and levels[place] == 0:
            place += 1
    while place < len(levels) and levels[place] == 1:
        place += 1
    return place * STEP if place < len(levels) else -1

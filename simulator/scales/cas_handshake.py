"""A CAS scale that is asked with ENQ and DC1."""

from protocol.scales import cas_handshake
from simulator.scales._pan import Pan


class CasHandshake:
    """Answers ENQ with ACK (NAK for ``busy`` seconds after the pan changed), and DC1 after an ACK with its frame."""

    def __init__(self, pan: Pan, *, eot: bool = False, busy: float = 0.0) -> None:
        self.pan = pan
        self._eot = eot
        self._busy = busy
        self._ready = False
        self._out = bytearray()

    def receive(self, data: bytes, now: float) -> None:
        for at in range(len(data)):
            byte = data[at : at + 1]
            if byte == cas_handshake.ENQ:
                self._ready = now - self.pan.changed_at() >= self._busy
                self._out += cas_handshake.ACK if self._ready else cas_handshake.NAK
            elif byte == cas_handshake.DC1 and self._ready:
                self._ready = False
                self._out += cas_handshake.encode(self.pan.reading(now), eot=self._eot)

    def pending(self, now: float) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def deadline(self, now: float) -> float | None:
        return now if self._out else None


def simulate(pan: Pan, *, eot: bool = False, busy: float = 0.0) -> CasHandshake:
    return CasHandshake(pan, eot=eot, busy=busy)

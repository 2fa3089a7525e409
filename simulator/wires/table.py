"""A simulated device on the table beside its host: a transport without a wire, on a clock that is handed forward."""

from simulator.wires.device import Device


class Table:
    """Hands over at once what either says.  A read without an answer lets time pass: ``step`` seconds, or less."""

    def __init__(self, device: Device, step: float = 0.01, now: float = 0.0) -> None:
        self.device = device
        self.now = now
        self._step = step

    def clock(self) -> float:
        return self.now

    def read(self, timeout: float = 0.2) -> bytes:
        if data := self.device.pending(self.now):
            return data
        self.now += min(self._step, timeout)
        return self.device.pending(self.now)

    def write(self, data: bytes) -> None:
        self.device.receive(data, self.now)

    def close(self) -> None:
        """There is nothing to let go of."""

"""The face of a simulated device: bytes in, bytes out, and the time handed in with each call."""

from typing import Protocol, runtime_checkable


class Device(Protocol):
    """Seconds are those of any steady clock; a device never reads one."""

    def receive(self, data: bytes, now: float) -> None:
        """What the host sent."""
        ...

    def pending(self, now: float) -> bytes:
        """Bytes the device sends by now; each is handed out once."""
        ...

    def deadline(self, now: float) -> float | None:
        """When ``pending`` will have more without being asked, or None."""
        ...


@runtime_checkable
class Choosy(Protocol):
    """A device that does not take everything at once: its wire makes the host wait."""

    def room(self, now: float) -> int:
        """How many bytes it would take now; 0 stops the host."""
        ...

"""The face of a transport."""

from typing import Protocol, runtime_checkable

READ_SECONDS = 0.2


class LinkLost(OSError):
    """The device or the connection is gone, or was never there; the message says what to check next."""


class Transport(Protocol):
    def read(self, timeout: float = READ_SECONDS) -> bytes:
        """What has arrived, as soon as anything has; empty after ``timeout`` seconds. Raises LinkLost."""
        ...

    def write(self, data: bytes) -> None:
        """Hand over all bytes, within a bounded time. Raises LinkLost."""
        ...

    def close(self) -> None:
        """Let go of the device. Never raises; may be called twice."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A transport that many may reach, and not all of them are served."""

    peer: str
    """The network address of who said what was read last; empty when there is none."""

    def news(self) -> str | None:
        """For the technician: what was not served, and the next step; empty when that is over, None without news."""
        ...

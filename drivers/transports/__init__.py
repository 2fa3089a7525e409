"""How bytes move. Every transport has the three methods of ``Transport``; ``open_port`` picks one by address."""

from drivers.transports.base import LinkLost, Telling, Transport
from drivers.transports.opening import open_port

__all__ = ["LinkLost", "Telling", "Transport", "open_port"]

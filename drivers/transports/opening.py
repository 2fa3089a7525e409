"""From the address in a configuration to an open transport."""

from drivers.transports.base import Transport
from drivers.transports.replay import Replay
from drivers.transports.serial import SerialPort
from protocol.link import Link


def open_port(address: str, link: Link) -> Transport:
    """Open ``/dev/…`` or ``socket://host:port`` with these line settings, or ``replay:FILE``. Raises LinkLost."""
    if address.startswith("replay:"):
        return Replay(address.removeprefix("replay:"))
    return SerialPort(address, link)

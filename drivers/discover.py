"""What is plugged in: serial ports by a name that survives replugging."""

from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

BY_ID = Path("/dev/serial/by-id")
BY_PATH = Path("/dev/serial/by-path")


@dataclass(frozen=True, slots=True)
class FoundPort:
    """``stable`` is the name for a configuration: by serial number, else by socket, else the device itself."""

    stable: str
    device: str
    what: str


def serial_ports() -> list[FoundPort]:
    """All serial ports. Two equal adapters without serial numbers can only be told apart by their socket."""
    ids, paths = _links(BY_ID), _links(BY_PATH)
    return [
        FoundPort(ids.get(port.device) or paths.get(port.device) or port.device, port.device, port.description)
        for port in sorted(list_ports.comports(), key=lambda port: port.device)
    ]


def _links(folder: Path) -> dict[str, str]:
    """Device → link, for links that name only one device."""
    if not folder.is_dir():
        return {}
    return {str(link.resolve()): str(link) for link in sorted(folder.iterdir())}

"""What is plugged in: serial ports, USB scales and USB printers, by names that survive replugging."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serial.tools import list_ports

from drivers.transports.base import LinkLost

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


def usb_ports() -> list[FoundPort]:
    """USB scales of the HID class, and USB printers. Empty when USB cannot be used here.

    Two equal devices without serial numbers have one name; a scale under such a name cannot be opened.
    """
    from drivers.transports import hid, usb  # pyusb takes its time to load

    try:
        scales, printers = list(hid.scales()), usb.devices()
    except LinkLost:
        return []
    found = [_usb_port("usb-hid:", device) for device in scales]
    found += [_usb_port("usb:", device) for device in printers if any(usb.interfaces(device, usb.PRINTER))]
    return found


def _usb_port(scheme: str, device: Any) -> FoundPort:
    from drivers.transports import hid, usb

    name = " ".join(filter(None, (usb.text(device, "manufacturer"), usb.text(device, "product"))))
    if not name:
        name = f"{hid.KNOWN.get((device.idVendor, device.idProduct), 'no name')} (if it cannot be opened: {usb.RULES})"
    stable = scheme + usb.identity(device)
    usb.forget(device)
    return FoundPort(stable, f"USB bus {device.bus} device {device.address}", name)


def _links(folder: Path) -> dict[str, str]:
    """Device → link, for links that name only one device."""
    if not folder.is_dir():
        return {}
    return {str(link.resolve()): str(link) for link in sorted(folder.iterdir())}

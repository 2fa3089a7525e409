"""What is plugged in: serial ports, USB scales and USB printers, by names that survive replugging."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from serial.tools import list_ports

from drivers.transports.base import LinkLost

BY_ID = Path("/dev/serial/by-id")
BY_PATH = Path("/dev/serial/by-path")
USB_ALIKE = "there are two alike without numbers of their own: they cannot be told apart, use one"


@dataclass(frozen=True, slots=True)
class FoundPort:
    """``stable`` is the name for a configuration: by serial number, else by socket, else the device itself."""

    stable: str
    device: str
    what: str


def serial_ports() -> list[FoundPort]:
    """All serial ports, each by a name that is its alone.

    The name with the serial number only holds where there is a number: of two equal adapters without one, the system
    gives the name to whichever came last.  They are named by the socket they are plugged into, and marked.
    """
    ids, paths = _links(BY_ID), _links(BY_PATH)
    ports = sorted(list_ports.comports(), key=lambda port: port.device)
    kinds = Counter((port.vid, port.pid, port.serial_number) for port in ports if port.vid is not None)
    found = []
    for port in ports:
        alike = kinds[(port.vid, port.pid, port.serial_number)] > 1
        stable = (None if alike else ids.get(port.device)) or paths.get(port.device) or port.device
        found.append(FoundPort(stable, port.device, port.description + (f" ({_alike(stable)})" if alike else "")))
    return found


def _alike(stable: str) -> str:
    if stable.startswith(str(BY_PATH)):
        return "there are two alike without numbers of their own: this name is the socket; do not swap the plugs"
    return "there are two alike without numbers of their own, and no name that stays: plug them in one after the other"


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
    names = Counter(port.stable for port in found)
    return [replace(port, what=f"{port.what} ({USB_ALIKE})") if names[port.stable] > 1 else port for port in found]


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

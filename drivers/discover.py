"""What is plugged in: serial ports, USB scales and USB printers, by names that stay with one device."""

from collections import Counter
from dataclasses import replace
from typing import Any

from drivers.transports.adapters import Identity, Naming, System, placeholder
from drivers.transports.base import LinkLost
from protocol.frozen import frozen

NO_NUMBER = "no number of its own: this name is the socket, keep the plug in it"
NO_NAME = "no serial number and no persistent name: two such adapters cannot be told apart"
OWN_PORT = "a port of this box"
ANY = "it means any device of this kind"


@frozen
class FoundPort:
    """``stable`` is the name for a configuration: by its own serial number, else by socket, else the device itself.

    ``kind`` is ``serial``, or of a USB device ``scale`` or ``printer``; ``stated`` is how that calls itself, ``vendor``
    the number of its maker.
    """

    stable: str
    device: str
    what: str
    kind: str = "serial"
    stated: str = ""
    vendor: int = 0


def serial_ports(system: System | None = None) -> list[FoundPort]:
    """All serial ports, adapters first, each by a name that is its alone.

    The system makes a name of kind and number also where there is no number, or one that many have; it gives that name
    to whichever came last.  Such adapters are named by the socket they are plugged into, also while only one is there.
    """
    system = system or System()
    return [_serial_port(system, str(node), rdev) for node, rdev in system.serial_nodes()]


def _serial_port(system: System, node: str, rdev: int) -> FoundPort:
    identity = system.identity(rdev)
    if not identity:
        return FoundPort(node, node, OWN_PORT)
    stable = system.stable(rdev, identity)
    return FoundPort(stable or node, node, f"{identity.what or identity.usb} ({_told(identity, bool(stable))})")


def _told(identity: Identity, named: bool) -> str:
    if identity.number:
        return f"number {identity.number}"
    if identity.shared:
        return f"number {identity.serial}, which another one has too: {NO_NUMBER.partition(': ')[2]}"
    return NO_NUMBER if named else NO_NAME


def keyboards(system: System | None = None) -> list[FoundPort]:
    """Keyboards, among which scanners and card readers are, by the names that the system made for them."""
    folder = (system or System()).dev / "input" / "by-id"
    named = sorted(folder.glob("*-event-kbd")) if folder.is_dir() else []
    what = "a keyboard, or a scanner that is one: it is read alone while the station runs"
    return [FoundPort(f"evdev:{each}", str(each.resolve()), what) for each in named]


def usb_ports() -> list[FoundPort]:
    """USB scales of the HID class, and USB printers, by number or socket. Empty when USB cannot be used here."""
    from drivers.transports import hid, usb  # pyusb takes its time to load

    try:
        scales, printers = list(hid.scales()), usb.devices()
    except LinkLost:
        return []
    found = [(hid.SCHEME, device) for device in scales]
    found += [("usb:", device) for device in printers if any(usb.interfaces(device, usb.PRINTER))]
    found += [(hid.SCHEME, device) for device in printers if (device.idVendor, device.idProduct) in hid.TESTERS]
    numbers = Counter(_numbered(device) for _, device in found)
    kinds = Counter((device.idVendor, device.idProduct) for _, device in found)
    return [
        _usb_port(scheme, device, numbers[_numbered(device)] > 1, kinds[device.idVendor, device.idProduct] == 1)
        for scheme, device in found
    ]


def _numbered(device: Any) -> tuple[int, int, str]:
    from drivers.transports import usb

    return device.idVendor, device.idProduct, usb.text(device, "serial_number")


def _usb_port(scheme: str, device: Any, shared: bool, only: bool) -> FoundPort:
    """A printer without a number is named by its socket only where another one like it is there: a slip on the wrong
    paper is seen at once, a weight of the wrong scale is not."""
    from drivers.transports import hid, usb

    stated = name = " ".join(filter(None, (usb.text(device, "manufacturer"), usb.text(device, "product"))))
    if not name:
        known = hid.KNOWN | hid.TESTERS
        name = f"{known.get((device.idVendor, device.idProduct), 'no name')} (if it cannot be opened: {usb.RULES})"
    stable = scheme + usb.identity(device, shared=shared)
    usb.forget(device)
    if "@" in stable and only and scheme == "usb:":
        stable = stable.partition("@")[0]
    told = f"{name} ({NO_NUMBER})" if "@" in stable else name
    where, kind = f"USB bus {device.bus} device {device.address}", "scale" if scheme == hid.SCHEME else "printer"
    return FoundPort(stable, where, told, kind, stated, device.idVendor)


def naming(address: str, system: System | None = None) -> Naming:
    """How far an address of a configuration leads to one device only; empty for what cannot be mixed up."""
    if address.startswith("/"):
        return (system or System()).naming(address)
    if address.startswith("file:"):
        return _file_naming(address.removeprefix("file:"), system or System())
    return _hid_naming(address) if address.startswith("usb-hid:") else Naming()


def _file_naming(path: str, system: System) -> Naming:
    """Of a printer that is only written to: its number changes with what else is plugged in, a USB scale included."""
    said, device = system.naming(path), system.named(path)
    if said.by != "unsafe" or not device:
        return said
    alike = [
        port.stable for port in usb_ports() if port.kind == "printer" and port.stable.startswith(f"usb:{device.usb}")
    ]
    return replace(said, write=alike[0]) if len(alike) == 1 else said


def _hid_naming(address: str) -> Naming:
    from drivers.transports import hid, usb

    try:
        wanted = usb.parse(address, hid.SCHEME)
        alike = [each for each in usb.devices(wanted.vendor, wanted.product) if wanted.fits(each)]
    except LinkLost as lost:
        return Naming("unsafe", why=str(lost))
    if wanted.socket:
        return Naming("socket")
    if wanted.serial and not placeholder(wanted.serial) and len(alike) < 2:
        return Naming("number")
    found = [port.stable for port in usb_ports() if port.stable.startswith(address.partition("@")[0])]
    why = f"others have the number {wanted.serial} as well" if wanted.serial else ANY
    return Naming("unsafe", found[0] if len(found) == 1 and found[0] != address else "", why)

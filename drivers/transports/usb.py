"""What all USB transports share: the backend, finding devices, taking an interface and giving it back.

pyusb finds libusb by itself.  For simulated devices the environment names another backend:
``MARKETEDGE_USB_BACKEND=module:function``, a function without arguments that returns a pyusb ``IBackend``.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

import usb.core
import usb.util

from drivers.transports.adapters import Identity, System, placeholder, plain
from drivers.transports.base import LinkLost
from protocol.frozen import frozen

ENVIRONMENT = "MARKETEDGE_USB_BACKEND"
HID, PRINTER = 3, 7
RULES = "allow it with the udev rules in drivers/60-marketedge.rules"


def backend() -> Any:
    """The backend named by the environment, or None for pyusb's own choice. Raises LinkLost."""
    name = os.environ.get(ENVIRONMENT, "")
    if not name:
        return None
    module, _, function = name.partition(":")
    try:
        return getattr(import_module(module), function)()
    except (ImportError, AttributeError, ValueError, OSError) as error:
        raise LinkLost(f"{ENVIRONMENT}={name}: {error}; write module:function") from error


def devices(vendor: int | None = None, product: int | None = None) -> list[Any]:
    """All USB devices, or those with these numbers. Raises LinkLost."""
    wanted = {"idVendor": vendor, "idProduct": product}
    match = {name: number for name, number in wanted.items() if number is not None}
    try:
        return list(usb.core.find(find_all=True, backend=backend(), **match))
    except usb.core.NoBackendError as error:
        raise LinkLost("USB needs libusb: apt install libusb-1.0-0") from error
    except usb.core.USBError as error:
        raise LinkLost(f"USB: cannot list the devices: {reason(error)}") from error


def interfaces(device: Any, kind: int) -> Iterator[Any]:
    """The device's interfaces of this class, in their first setting."""
    for configuration in device:
        for interface in configuration:
            if interface.bInterfaceClass == kind and interface.bAlternateSetting == 0:
                yield interface


def endpoint(interface: Any, direction: int, kind: int) -> Any:
    """The interface's first endpoint of this direction and type (as in usb.util), or None."""
    for each in interface:
        address, attributes = each.bEndpointAddress, each.bmAttributes
        if usb.util.endpoint_direction(address) == direction and usb.util.endpoint_type(attributes) == kind:
            return each
    return None


@frozen
class Address:
    """Which device a configuration means: ``VID:PID``, ``VID:PID:SERIAL``, ``VID:PID@BUS-PORT``, or any (empty)."""

    vendor: int | None = None
    product: int | None = None
    serial: str = ""
    socket: str = ""

    def fits(self, device: Any) -> bool:
        """Whether it can be this device; vendor and product are looked at by ``devices``."""
        if self.socket:
            return self.socket == socket_of(device)
        return self.serial in ("", text(device, "serial_number"))


def parse(address: str, scheme: str) -> Address:
    """The address behind ``scheme`` (``usb-hid:``). Raises LinkLost that says how to write it."""
    rest = address.removeprefix(scheme)
    if not rest:
        return Address()
    vendor, _, rest = rest.partition(":")
    product, _, serial = rest.partition(":")
    product, _, socket = product.partition("@")
    try:
        return Address(int(vendor, 16), int(product, 16), serial, socket)
    except ValueError:
        form = f"{scheme}VID:PID or {scheme}VID:PID:SERIAL, or {scheme}VID:PID@BUS-PORT for the socket"
        raise LinkLost(f"{address}: write {form}, as `marketedge ports` does") from None


def socket_of(device: Any) -> str:
    """Where it is plugged in, as the kernel writes it: bus and chain of hub ports, ``1-1.3``. Empty for none."""
    ports = ".".join(str(port) for port in device.port_numbers or ())
    return f"{device.bus}-{ports}" if ports else ""


def identity(device: Any, *, shared: bool = False) -> str:
    """Its name in addresses: with its serial number, if that is its alone, else with its socket.

    ``shared``: another device alike states the same number.
    """
    numbers = f"{device.idVendor:04x}:{device.idProduct:04x}"
    serial, socket = text(device, "serial_number"), socket_of(device)
    if serial and not shared and not placeholder(serial):
        return f"{numbers}:{serial}"
    return f"{numbers}@{socket}" if socket else numbers


def seen(device: Any, number: int, system: System, *, shared: bool = False) -> Identity:
    """What this device is, for whoever has to know it again; ``number`` is the interface's."""
    usb, serial, socket = (
        f"{device.idVendor:04x}:{device.idProduct:04x}",
        text(device, "serial_number"),
        socket_of(device),
    )
    shared = shared or system.twins(usb, serial)
    return Identity(usb, f"{number:02x}", serial, system.socket(socket), shared=shared, what=text(device, "product"))


def text(device: Any, name: str) -> str:
    """A string the device tells about itself; empty when it has none or we may not ask."""
    with suppress(usb.core.USBError, ValueError, NotImplementedError):
        return plain(str(getattr(device, name) or ""))
    return ""


def forget(device: Any) -> None:
    """Close what asking a device has opened."""
    with suppress(usb.core.USBError):
        usb.util.dispose_resources(device)


class Hold:
    """An interface taken away from the kernel's driver, if it had it, and claimed; ``release`` gives it back."""

    def __init__(self, device: Any, number: int) -> None:
        self._device = device
        self._number = number
        self._detached = False
        try:
            with suppress(NotImplementedError):
                self._detached = bool(device.is_kernel_driver_active(number))
            if self._detached:
                device.detach_kernel_driver(number)
            usb.util.claim_interface(device, number)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Never raises; may be called twice."""
        with suppress(usb.core.USBError, ValueError):
            usb.util.release_interface(self._device, self._number)
        if self._detached:
            self._detached = False
            with suppress(usb.core.USBError, NotImplementedError):
                self._device.attach_kernel_driver(self._number)
        forget(self._device)


def reason(error: OSError) -> str:
    """What went wrong, and what to do about it where we know."""
    if error.errno == errno.EACCES:
        return f"no permission; {RULES}"
    if error.errno == errno.EBUSY:
        return "another program uses it"
    if error.errno == errno.ENODEV:
        return "unplugged, or it has switched itself off"
    return str(error)

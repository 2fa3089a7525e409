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

from drivers.transports.base import LinkLost

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


def identity(device: Any) -> str:
    """``VID:PID`` or ``VID:PID:SERIAL``, as it stands in addresses."""
    numbers = f"{device.idVendor:04x}:{device.idProduct:04x}"
    serial = text(device, "serial_number")
    return f"{numbers}:{serial}" if serial else numbers


def text(device: Any, name: str) -> str:
    """A string the device tells about itself; empty when it has none or we may not ask."""
    with suppress(usb.core.USBError, ValueError, NotImplementedError):
        return str(getattr(device, name) or "").strip().rstrip("\0")
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

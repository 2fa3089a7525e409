"""USB HID scales, and testers by their numbers, by pyusb.

A scale is known by its report descriptor (usage page 8D, usage 20), whoever made it.  The kernel keeps a copy of that
descriptor for every HID device, readable by all; where there is none, the device is asked.  Keyboards and mice are
left alone.  A tester has no usage of its own: one of ``TESTERS`` is opened where its numbers are named, and only then.
"""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import usb.core
import usb.util

from drivers.transports import usb as shared
from drivers.transports.adapters import Admit, System, anyone
from drivers.transports.base import READ_SECONDS, LinkLost
from protocol.scales.hid_scale import is_scale

SCHEME = "usb-hid:"
SYSFS = Path("/sys/bus/usb/devices")

# Scales seen in public drivers. A scale is found without being here; the udev rules list these by number.
KNOWN = {
    (0x0922, 0x8003): "Dymo",
    (0x0922, 0x8004): "Dymo",
    (0x0922, 0x8009): "Dymo",
    (0x0B67, 0x555E): "Fairbanks",
    (0x0D8F, 0x0200): "Pitney Bowes",
    (0x0EB8, 0xF000): "Mettler Toledo",
    (0x1018, 0x1006): "USB scale",
    (0x1446, 0x6A73): "Stamps.com",
    (0x2474, 0x0550): "Stamps.com",
    (0x2474, 0x3550): "Stamps.com",
    (0x6096, 0x0158): "Sanford",
    (0x7B7C, 0x0100): "USPS / Elane",
}

TESTERS = {(0x0483, 0x5750): "ATP luminometer"}  # reports of theirs have no number

CONTROL_MS = 1000
WRITE_MS = 2000
HID_DESCRIPTOR, REPORT_DESCRIPTOR = 0x21, 0x22
LONGEST_DESCRIPTOR = 4096
BOOT = 1  # interface subclass of keyboards and mice
MAX_STALLS = 10


class HidPort:
    """A USB scale at ``usb-hid:``, the only one; or a scale or tester at ``usb-hid:VID:PID[:SERIAL]``, or at
    ``usb-hid:VID:PID@BUS-PORT``.

    Each read is one whole report.  The kernel's driver is detached while the port is open, and gets the scale back at
    ``close``.  ``admit`` is asked before the scale is touched.
    """

    def __init__(self, address: str, admit: Admit = anyone, system: System | None = None) -> None:
        self.address = address
        self._stalls = 0
        device, interface = find(address)
        self._device = device
        self._numbered = (device.idVendor, device.idProduct) not in TESTERS
        self._number = interface.bInterfaceNumber
        self._look(admit, system or System())
        self._in = shared.endpoint(interface, usb.util.ENDPOINT_IN, usb.util.ENDPOINT_TYPE_INTR)
        self._out = shared.endpoint(interface, usb.util.ENDPOINT_OUT, usb.util.ENDPOINT_TYPE_INTR)
        if self._in is None:
            raise LinkLost(f"{address}: this device has no interrupt endpoint to read from; it is not a scale")
        try:
            self._hold = shared.Hold(device, self._number)
        except usb.core.USBError as error:
            raise LinkLost(f"{address}: cannot open: {shared.reason(error)}") from error

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        try:
            data = bytes(self._in.read(self._in.wMaxPacketSize, max(1, round(timeout * 1000))))
        except usb.core.USBTimeoutError:
            return b""
        except usb.core.USBError as error:
            self._stalled(error)
            return b""
        self._stalls = 0
        return data

    def write(self, data: bytes) -> None:
        """One report; a scale without an OUT endpoint gets it as a control request. Its refusal is not a lost link."""
        try:
            if self._out is not None:
                self._out.write(data, WRITE_MS)
            else:
                report = data[0] if self._numbered else 0
                self._device.ctrl_transfer(0x21, 0x09, 0x0200 | report, self._number, data, WRITE_MS)
        except usb.core.USBError as error:
            if error.errno != errno.EPIPE:
                raise LinkLost(f"{self.address}: disconnected while writing: {shared.reason(error)}") from error
            if self._out is not None:
                with contextlib.suppress(usb.core.USBError):
                    self._out.clear_halt()

    def close(self) -> None:
        self._hold.release()

    def _look(self, admit: Admit, system: System) -> None:
        """Ask whether this very device may be read; raises LinkLost."""
        device = self._device
        try:
            with contextlib.suppress(NotImplementedError):
                device.is_kernel_driver_active(self._number)  # opens it: without leave it has no number to be told by
            admit(shared.seen(device, self._number, system, shared=_shared(device)))
        except usb.core.USBError as error:
            raise LinkLost(f"{self.address}: cannot open: {shared.reason(error)}") from error
        except LinkLost:
            shared.forget(device)
            raise

    def _stalled(self, error: usb.core.USBError) -> None:
        """Clear a stall and go on; anything else, or stalls without end, is a lost link."""
        self._stalls += 1
        if error.errno != errno.EPIPE or self._stalls > MAX_STALLS:
            raise LinkLost(f"{self.address}: disconnected while reading: {shared.reason(error)}") from error
        try:
            self._in.clear_halt()
        except usb.core.USBError as second:
            raise LinkLost(f"{self.address}: disconnected while reading: {shared.reason(second)}") from second


def find(address: str) -> tuple[Any, Any]:
    """Device and interface of the scale at this address. Raises LinkLost when there is none, or more than one."""
    wanted = shared.parse(address, SCHEME)
    refused = ""
    found: list[tuple[Any, Any]] = []
    for device in shared.devices(wanted.vendor, wanted.product):
        try:
            interface = scale_interface(device) or (tester_interface(device) if wanted.vendor is not None else None)
            if interface is not None and wanted.fits(device):
                found.append((device, interface))
        except usb.core.USBError as error:
            if wanted.vendor is not None or (device.idVendor, device.idProduct) in KNOWN:
                refused = f"{shared.identity(device)}: {shared.reason(error)}"
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(SCHEME + shared.identity(device, shared=_shared(device)) for device, _ in found)
        raise LinkLost(f"{address}: {len(found)} scales fit; name one: {names}")
    raise LinkLost(f"{address}: {refused or 'no such USB scale; is it on? `marketedge ports` lists what is there'}")


def _shared(device: Any) -> bool:
    """Whether another device alike states the same serial number."""
    serial = shared.text(device, "serial_number")
    alike = shared.devices(device.idVendor, device.idProduct) if serial else []
    same = [shared.text(each, "serial_number") == serial for each in alike]
    return sum(same) > 1


def scales() -> Iterator[Any]:
    """All USB scales plugged in, those we may not ask included. Raises LinkLost when USB itself does not work."""
    for device in shared.devices():
        try:
            if scale_interface(device) is not None:
                yield device
        except usb.core.USBError:
            if (device.idVendor, device.idProduct) in KNOWN:
                yield device


def scale_interface(device: Any) -> Any:
    """The interface of a device that is a scale, or None. Raises USBError when it cannot be asked."""
    for interface in shared.interfaces(device, shared.HID):
        if interface.bInterfaceSubClass != BOOT and is_scale(_report_descriptor(device, interface)):
            return interface
    return None


def tester_interface(device: Any) -> Any:
    """The interface of a device of ``TESTERS``, or None."""
    known = (device.idVendor, device.idProduct) in TESTERS
    return (
        next((one for one in shared.interfaces(device, shared.HID) if one.bInterfaceSubClass != BOOT), None)
        if known
        else None
    )


def _report_descriptor(device: Any, interface: Any) -> bytes:
    kept = _kept_by_kernel(device, interface)
    return kept if kept is not None else _asked(device, interface)


def _kept_by_kernel(device: Any, interface: Any) -> bytes | None:
    socket = shared.socket_of(device)
    configuration = device[interface.configuration].bConfigurationValue
    folder = f"{socket}:{configuration}.{interface.bInterfaceNumber}"
    for file in sorted((SYSFS / folder).glob("*/report_descriptor")) if socket else ():
        with contextlib.suppress(OSError):
            return file.read_bytes()
    return None


def _asked(device: Any, interface: Any) -> bytes:
    hold = shared.Hold(device, interface.bInterfaceNumber)
    try:
        length = _length(bytes(interface.extra_descriptors or b""))
        number = interface.bInterfaceNumber
        return bytes(device.ctrl_transfer(0x81, 0x06, REPORT_DESCRIPTOR << 8, number, length, CONTROL_MS))
    finally:
        hold.release()


def _length(extra: bytes) -> int:
    """The length of the report descriptor, as the interface's HID descriptor says."""
    while len(extra) >= 2 and extra[0] >= 2:
        if extra[1] == HID_DESCRIPTOR and extra[6:7] == bytes((REPORT_DESCRIPTOR,)):
            return min(int.from_bytes(extra[7:9], "little"), LONGEST_DESCRIPTOR)
        extra = extra[extra[0] :]
    return LONGEST_DESCRIPTOR

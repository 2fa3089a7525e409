"""USB printers of the printer class, by python-escpos and pyusb.

python-escpos assumes endpoints 01 and 82 and resets the device at every opening; here the endpoints are read from the
descriptors, and the printer is not reset, because what it has in its buffer may be a paper.
"""

import contextlib
import errno
import time
from typing import Any

import usb.core
import usb.util

from drivers.transports import usb as common
from drivers.transports.base import READ_SECONDS, LinkLost
from drivers.transports.printer import WRITE_SECONDS, escpos, opened
from drivers.transports.rights import next_step

SCHEME = "usb:"
TRANSFER = 512  # bytes
ATTEMPT_MS = 250  # one transfer; a printer that takes nothing is asked again until the time is over
BULK = usb.util.ENDPOINT_TYPE_BULK
MAX_STALLS = 5
PORT_STATUS = (0xA1, 1)  # GET_PORT_STATUS of the printer class: bit 5 no paper, bit 4 selected, bit 3 no error
NO_PAPER = 0x20
CONTROL_MS = 500


class UsbPrinter:
    """A printer at ``usb:``, the only one, ``usb:VID:PID[:SERIAL]`` or ``usb:VID:PID@BUS-PORT``.

    The kernel's driver is detached while it is open, and gets the printer back at ``close``.
    """

    shared = False
    blind = False
    keeps = False

    def __init__(self, address: str) -> None:
        self.address = address
        device, interface = find(address)
        sends = common.endpoint(interface, usb.util.ENDPOINT_OUT, BULK)
        answers = common.endpoint(interface, usb.util.ENDPOINT_IN, BULK)
        if sends is None:
            raise LinkLost(f"{address}: this device has no endpoint to write to; it is not a printer")
        self.tells = answers is not None
        self._packet = answers.wMaxPacketSize if answers is not None else 0
        self._stalls = 0
        self._printer = _printer(device, sends, answers)
        opened(address, self._printer.open)
        common.forget(device)  # python-escpos has found it for itself
        try:
            self._hold = common.Hold(self._printer.device, interface.bInterfaceNumber)
        except usb.core.USBError as error:
            raise LinkLost(f"{address}: cannot open the printer: {_reason(error)}") from error
        self._interface = interface.bInterfaceNumber
        self._has_port_status = True

    def write(self, data: bytes, seconds: float = WRITE_SECONDS) -> int:
        printer, taken = self._printer, 0
        end = time.monotonic() + seconds
        while taken < len(data):
            wait = max(1, min(ATTEMPT_MS, round((end - time.monotonic()) * 1000)))
            try:
                taken += printer.device.write(printer.out_ep, data[taken : taken + TRANSFER], wait)
                self._stalls = 0
            except usb.core.USBTimeoutError:
                if time.monotonic() >= end:
                    break
            except usb.core.USBError as error:
                self._stalled(error, printer.out_ep, "writing")
                why = "stalled in a transfer: nobody knows how much it took"
                raise LinkLost(f"{self.address}: the printer {why}") from error
        return taken

    def out_of_paper(self) -> bool:
        """What the printer's port says, also of one that cannot be read from. Raises LinkLost when it is gone."""
        if not self._has_port_status:
            return False
        try:
            said = bytes(self._printer.device.ctrl_transfer(*PORT_STATUS, 0, self._interface, 1, CONTROL_MS))
        except (usb.core.USBTimeoutError, NotImplementedError):
            return False
        except usb.core.USBError as error:
            if error.errno != errno.EPIPE:
                raise LinkLost(f"{self.address}: printer disconnected: {_reason(error)}") from error
            self._has_port_status = False  # it does not know the question
            return False
        return len(said) == 1 and bool(said[0] & NO_PAPER) and said != b"\xff"

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        if not self.tells:
            return b""
        end, printer = time.monotonic() + timeout, self._printer
        while True:
            wait = max(1, round((end - time.monotonic()) * 1000))
            try:
                data = bytes(printer.device.read(printer.in_ep, self._packet, wait))
            except usb.core.USBTimeoutError:
                return b""
            except usb.core.USBError as error:
                self._stalled(error, printer.in_ep, "reading")
                return b""
            self._stalls = 0
            if data or time.monotonic() >= end:  # some send empty packets for ever
                return data
            time.sleep(0.005)

    def close(self) -> None:
        self._hold.release()

    def _stalled(self, error: usb.core.USBError, endpoint: int, doing: str) -> None:
        """Clear a stall; anything else, or stalls without end, is a lost link."""
        self._stalls += 1
        if error.errno != errno.EPIPE or self._stalls > MAX_STALLS:
            raise LinkLost(f"{self.address}: printer disconnected while {doing}: {_reason(error)}") from error
        with contextlib.suppress(usb.core.USBError):
            self._printer.device.clear_halt(endpoint)


def _reason(error: OSError) -> str:
    return f"no permission; {next_step('', 'lp')}" if error.errno == errno.EACCES else common.reason(error)


def find(address: str) -> tuple[Any, Any]:
    """Device and interface of the printer at this address. Raises LinkLost when there is none, or more than one."""
    wanted = common.parse(address, SCHEME)
    found, nameless = [], []
    for device in common.devices(wanted.vendor, wanted.product):
        with contextlib.suppress(usb.core.USBError):
            interface = next(common.interfaces(device, common.PRINTER), None)
            if interface is not None and wanted.fits(device):
                found.append((device, interface))
            elif interface is not None and wanted.serial and not common.text(device, "serial_number"):
                nameless.append(device)
    if not found and nameless:
        raise LinkLost(
            f"{address}: it reports no serial number: write the address without one, or {next_step('', 'lp')}"
        )
    if not found:
        raise LinkLost(f"{address}: no such USB printer; is it on and plugged in? `marketedge ports` lists what is")
    if len(found) > 1:
        names = ", ".join(SCHEME + common.identity(device) for device, _ in found)
        for device, _ in found:
            common.forget(device)
        raise LinkLost(f"{address}: {len(found)} USB printers fit: {names}; name one")
    return found[0]


def _printer(device: Any, sends: Any, answers: Any) -> Any:
    """python-escpos' USB printer for exactly this device."""

    class ThisOne(escpos().Usb):  # type: ignore[misc]  # python-escpos is loaded late
        def _check_driver(self) -> None:
            """`Hold` does it, for the interface that is the printer's."""

        def _configure_usb(self) -> None:
            """It is configured already; a reset would forget what is in its buffer."""

    where = {"backend": common.backend(), "custom_match": lambda one: _place(one) == _place(device)}
    return ThisOne(
        usb_args=where,
        timeout=ATTEMPT_MS,
        out_ep=sends.bEndpointAddress,
        in_ep=answers.bEndpointAddress if answers is not None else 0,
    )


def _place(device: Any) -> tuple[Any, Any]:
    return device.bus, device.address

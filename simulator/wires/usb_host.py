"""The host's side of the simulated USB bus: what pyusb asks, in this process or from another one.

A station is a process of its own.  It reaches the bus of another process through a socket:

    with BusServer(bus, "/tmp/usb.sock"): ...                                        # here
    MARKETEDGE_USB_BACKEND=simulator.usb_host:backend MARKETSIM_USB=/tmp/usb.sock    # in the station's environment
"""

import contextlib
import errno
import json
import os
import socket
import threading
from array import array
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import usb.backend
import usb.core

from simulator.obstacles import InTheWay
from simulator.wires.usb import IN, Bus, BusFace, Description, Endpoint, Interface, UsbFault

SOCKET = "MARKETSIM_USB"
BUS_NUMBER = 200  # no real bus: nothing in /sys is about our devices


class Backend(usb.backend.IBackend):  # type: ignore[misc]  # pyusb has no types
    """What pyusb asks, put to a bus. The method names are pyusb's."""

    def __init__(self, bus: BusFace) -> None:
        self._bus = bus

    def enumerate_devices(self) -> list[int]:
        return self._bus.addresses()

    def get_parent(self, dev: int) -> None:
        return None

    def get_device_descriptor(self, dev: int) -> SimpleNamespace:
        with _as_pyusb():
            about = self._bus.describe(dev)
        maker, name, serial = (number if text else 0 for number, text in enumerate(about.strings(), 1))
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=0x0200,
            bDeviceClass=0,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=about.vendor,
            idProduct=about.product,
            bcdDevice=0x0100,
            iManufacturer=maker,
            iProduct=name,
            iSerialNumber=serial,
            bNumConfigurations=1,
            address=dev,
            bus=BUS_NUMBER,
            port_number=dev,
            port_numbers=(dev,),
            speed=2,
        )

    def get_configuration_descriptor(self, dev: int, config: int) -> SimpleNamespace:
        with _as_pyusb():
            about = self._bus.describe(dev)
        if config:
            raise IndexError(config)
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=2,
            wTotalLength=9,
            bNumInterfaces=len(about.interfaces),
            bConfigurationValue=1,
            iConfiguration=0,
            bmAttributes=0x80,
            bMaxPower=50,
            extra_descriptors=[],
        )

    def get_interface_descriptor(self, dev: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        with _as_pyusb():
            about = self._bus.describe(dev)
        if alt or config:
            raise IndexError(alt or config)
        interface = about.interfaces[intf]
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=4,
            bInterfaceNumber=interface.number,
            bAlternateSetting=0,
            bNumEndpoints=len(interface.endpoints),
            bInterfaceClass=interface.kind,
            bInterfaceSubClass=interface.subclass,
            bInterfaceProtocol=interface.protocol,
            iInterface=0,
            extra_descriptors=list(interface.extra),
        )

    def get_endpoint_descriptor(self, dev: int, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        with _as_pyusb():
            endpoint = self._bus.describe(dev).interfaces[intf].endpoints[ep]
        return SimpleNamespace(
            bLength=7,
            bDescriptorType=5,
            bEndpointAddress=endpoint.address,
            bmAttributes=endpoint.kind,
            wMaxPacketSize=endpoint.max_packet,
            bInterval=10,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=[],
        )

    def open_device(self, dev: int) -> int:
        with _as_pyusb():
            return self._bus.open(dev)

    def close_device(self, dev_handle: int) -> None:
        with contextlib.suppress(UsbFault):
            self._bus.close(dev_handle)

    def set_configuration(self, dev_handle: int, config_value: int) -> None:
        return None

    def get_configuration(self, dev_handle: int) -> int:
        return 1

    def set_interface_altsetting(self, dev_handle: int, intf: int, altsetting: int) -> None:
        return None

    def claim_interface(self, dev_handle: int, intf: int) -> None:
        with _as_pyusb():
            self._bus.claim(dev_handle, intf)

    def release_interface(self, dev_handle: int, intf: int) -> None:
        with _as_pyusb():
            self._bus.release(dev_handle, intf)

    def bulk_write(self, dev_handle: int, ep: int, intf: int, data: "array[int]", timeout: int) -> int:
        with _as_pyusb():
            return self._bus.write(dev_handle, ep, data.tobytes(), timeout)

    def bulk_read(self, dev_handle: int, ep: int, intf: int, buff: "array[int]", timeout: int) -> int:
        with _as_pyusb():
            data = self._bus.read(dev_handle, ep, len(buff), timeout)
        buff[: len(data)] = array("B", data)
        return len(data)

    intr_write = bulk_write
    intr_read = bulk_read

    def ctrl_transfer(
        self,
        dev_handle: int,
        bmRequestType: int,  # noqa: N803  (pyusb calls them so)
        bRequest: int,  # noqa: N803
        wValue: int,  # noqa: N803
        wIndex: int,  # noqa: N803
        data: "array[int]",
        timeout: int,
    ) -> int:
        is_in = bool(bmRequestType & IN)
        out = b"" if is_in else data.tobytes()
        with _as_pyusb():
            answer = self._bus.control(dev_handle, bmRequestType, bRequest, wValue, wIndex, out, len(data))
        if not is_in:
            return len(out)
        data[: len(answer)] = array("B", answer)
        return len(answer)

    def clear_halt(self, dev_handle: int, ep: int) -> None:
        with _as_pyusb():
            self._bus.clear_halt(dev_handle, ep)

    def reset_device(self, dev_handle: int) -> None:
        return None

    def is_kernel_driver_active(self, dev_handle: int, intf: int) -> bool:
        with _as_pyusb():
            return self._bus.kernel_has(dev_handle, intf)

    def detach_kernel_driver(self, dev_handle: int, intf: int) -> None:
        with _as_pyusb():
            self._bus.detach(dev_handle, intf)

    def attach_kernel_driver(self, dev_handle: int, intf: int) -> None:
        with _as_pyusb():
            self._bus.attach(dev_handle, intf)


@contextlib.contextmanager
def _as_pyusb() -> Iterator[None]:
    try:
        yield
    except UsbFault as fault:
        kind = usb.core.USBTimeoutError if fault.errno == errno.ETIMEDOUT else usb.core.USBError
        raise kind(fault.strerror, None, fault.errno) from None


def backend() -> Backend:
    """For MARKETEDGE_USB_BACKEND: the bus of the process that listens at the socket MARKETSIM_USB names."""
    path = os.environ.get(SOCKET, "")
    if not path:
        raise ValueError(f"set {SOCKET} to the socket of the simulated bus")
    return Backend(RemoteBus(path))


# --- from one process to another: a line of JSON each way ------------------------------------------------------------


def _pack(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, Description):
        return {"description": asdict(value), "extra": [each.extra.hex() for each in value.interfaces]}
    return value


def _unpack(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "hex" in value:
        return bytes.fromhex(value["hex"])
    about = value["description"]
    interfaces = tuple(
        Interface(
            **{**each, "extra": bytes.fromhex(extra), "endpoints": tuple(Endpoint(**e) for e in each["endpoints"])}
        )
        for each, extra in zip(about["interfaces"], value["extra"], strict=True)
    )
    return Description(**{**about, "interfaces": interfaces})


def _line(value: Any) -> bytes:
    return json.dumps(value, default=lambda each: each.hex()).encode() + b"\n"


class RemoteBus:
    """The bus at the other end of a socket, with a connection for each thread. Nobody there is an empty bus."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._mine = threading.local()

    def addresses(self) -> list[int]:
        try:
            return list(self._call("addresses"))
        except UsbFault:
            return []

    def describe(self, address: int) -> Description:
        found: Description = self._call("describe", address)
        return found

    def open(self, address: int) -> int:
        return int(self._call("open", address))

    def close(self, handle: int) -> None:
        self._call("close", handle)

    def claim(self, handle: int, interface: int) -> None:
        self._call("claim", handle, interface)

    def release(self, handle: int, interface: int) -> None:
        self._call("release", handle, interface)

    def kernel_has(self, handle: int, interface: int) -> bool:
        return bool(self._call("kernel_has", handle, interface))

    def detach(self, handle: int, interface: int) -> None:
        self._call("detach", handle, interface)

    def attach(self, handle: int, interface: int) -> None:
        self._call("attach", handle, interface)

    def clear_halt(self, handle: int, endpoint: int) -> None:
        self._call("clear_halt", handle, endpoint)

    def read(self, handle: int, endpoint: int, size: int, timeout: int) -> bytes:
        return bytes(self._call("read", handle, endpoint, size, timeout))

    def write(self, handle: int, endpoint: int, data: bytes, timeout: int) -> int:
        return int(self._call("write", handle, endpoint, data, timeout))

    def control(
        self, handle: int, request_type: int, request: int, value: int, index: int, data: bytes, size: int
    ) -> bytes:
        return bytes(self._call("control", handle, request_type, request, value, index, data, size))

    def _call(self, method: str, *args: Any) -> Any:
        try:
            if not hasattr(self._mine, "file"):
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(self._path)
                self._mine.file = connection.makefile("rwb")
                connection.close()  # the file keeps it
            self._mine.file.write(_line([method, [_pack(each) for each in args]]))
            self._mine.file.flush()
            answer = self._mine.file.readline()
        except OSError:
            answer = b""
        if not answer:
            with contextlib.suppress(AttributeError, OSError):
                self._mine.file.close()
            self._mine.__dict__.clear()
            raise UsbFault(errno.ENODEV)
        said = json.loads(answer)
        if "errno" in said:
            raise UsbFault(said["errno"])
        return _unpack(said["value"])


METHODS = frozenset(name for name in vars(BusFace) if not name.startswith("_"))


class BusServer:
    """Lets other processes use a bus, through a socket. What a process that dies had open is closed."""

    def __init__(self, bus: Bus, path: str | Path) -> None:
        self._bus = bus
        self._path = Path(path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, name=f"usb {path}", daemon=True)

    def __enter__(self) -> Self:
        self._free()
        self._listener.bind(str(self._path))
        self._listener.listen()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *list(self._connections)):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._thread.join()
        self._path.unlink(missing_ok=True)

    def _free(self) -> None:
        """Clear away a socket that nobody listens at any more; raises InTheWay."""
        if not self._path.parent.is_dir():
            raise InTheWay(f"{self._path}: there is no folder {self._path.parent}; make it first")
        if not self._path.is_socket():
            if self._path.exists():
                raise InTheWay(f"{self._path} exists and is no socket; name a path that is free")
            return
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._path))
            except OSError:
                self._path.unlink(missing_ok=True)
                return
        raise InTheWay(f"{self._path} is used by another program; name another socket")

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name="usb host", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        opened: list[int] = []
        try:
            with contextlib.suppress(OSError, ValueError), connection.makefile("rwb") as file:
                while line := file.readline():
                    file.write(_line(self._answer(json.loads(line), opened)))
                    file.flush()
        finally:
            for handle in opened:
                self._bus.close(handle)
            self._connections.discard(connection)
            connection.close()

    def _answer(self, request: Any, opened: list[int]) -> dict[str, Any]:
        method, args = request
        if method not in METHODS:
            return {"errno": errno.ENOSYS}
        try:
            value = getattr(self._bus, method)(*(_unpack(each) for each in args))
        except UsbFault as fault:
            return {"errno": fault.errno}
        if method == "open":
            opened.append(value)
        elif method == "close" and args[0] in opened:
            opened.remove(args[0])
        return {"value": _pack(value)}

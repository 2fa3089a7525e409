"""Simulated USB devices for unchanged driver code: a pyusb backend that needs no kernel and no root.

    bus = Bus()
    bus.plug(HidScaleGadget())            # devices come and go
    usb.core.find(backend=Backend(bus))

A station is a process of its own.  It reaches the bus of another process through a socket:

    with BusServer(bus, "/tmp/usb.sock"): ...                                   # here
    MARKETEDGE_USB_BACKEND=simulator.usb:backend MARKETSIM_USB=/tmp/usb.sock    # in the station's environment

``Gadget`` is a device with queues behind its endpoints; ``UsbPlug`` puts a simulated device (a scale, a printer)
behind one, so that ``Line`` runs it as it does on a pty.  Errors are those Linux gives: 110 nothing came in time,
32 stall, 19 unplugged, 16 another driver has it, 13 no permission.
"""

import contextlib
import errno
import itertools
import json
import os
import socket
import struct
import threading
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol, Self

import usb.backend
import usb.core

SOCKET = "MARKETSIM_USB"
BUS_NUMBER = 200  # no real bus: nothing in /sys is about our devices
DRIVERS = {3: "usbhid", 7: "usblp"}  # interface classes that the kernel takes by itself

INTERRUPT, BULK = 3, 2
IN = 0x80
STANDARD_GET_DESCRIPTOR = 0x06
STRING_DESCRIPTOR = 0x03
ENGLISH = 0x0409


# --- what a device is -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Bit 7 of ``address`` is set for IN; ``kind`` is INTERRUPT or BULK."""

    address: int
    kind: int = INTERRUPT
    max_packet: int = 8


@dataclass(frozen=True, slots=True)
class Interface:
    """``extra`` are class descriptors that stand behind the interface's own."""

    number: int
    kind: int
    subclass: int = 0
    protocol: int = 0
    endpoints: tuple[Endpoint, ...] = ()
    extra: bytes = b""


@dataclass(frozen=True, slots=True)
class Description:
    """A device's descriptors, as far as drivers look at them."""

    vendor: int
    product: int
    interfaces: tuple[Interface, ...]
    maker: str = ""
    name: str = ""
    serial: str = ""

    def strings(self) -> tuple[str, ...]:
        return (self.maker, self.name, self.serial)


class UsbDevice(Protocol):
    """What a bus needs of a device. All calls come with the bus's lock held, so nothing here may wait."""

    description: Description

    def control(self, request_type: int, request: int, value: int, index: int, data: bytes) -> bytes | None:
        """Answer a class or vendor request (``data`` is what an OUT request brings); None stalls it."""
        ...

    def take(self, endpoint: int) -> bytes | None:
        """The next packet for the host on this IN endpoint, or None when there is none now."""
        ...

    def give(self, endpoint: int, data: bytes) -> bool:
        """A packet from the host; False when the device cannot take it now."""
        ...


class Gadget:
    """A device with a short queue behind each endpoint.

    An IN queue that is full keeps what it has and loses what comes: the host reads the old report first, as it does
    from a real scale.
    """

    def __init__(self, description: Description, *, depth: int = 1) -> None:
        self.description = description
        self._depth = depth
        self._in: dict[int, deque[bytes]] = {}
        self._out: deque[bytes] = deque()
        self.on_out: Callable[[], None] = lambda: None

    def offer(self, data: bytes, endpoint: int = 0x81) -> None:
        queue = self._in.setdefault(endpoint, deque())
        if len(queue) < self._depth:
            queue.append(data)

    def received(self) -> bytes:
        """The oldest packet the host sent that nobody has looked at, or nothing."""
        return self._out.popleft() if self._out else b""

    def control(self, request_type: int, request: int, value: int, index: int, data: bytes) -> bytes | None:
        return None

    def take(self, endpoint: int) -> bytes | None:
        queue = self._in.get(endpoint)
        return queue.popleft() if queue else None

    def give(self, endpoint: int, data: bytes) -> bool:
        self._out.append(data)
        self.on_out()
        return True


SCALE_REPORTS = bytes.fromhex(
    "05 8D 09 20 A1 01"  # usage page: weighing devices; usage: scale device; collection: application
    "85 03 75 08 95 05 09 40 81 02"  # report 3 in: 5 bytes, the weight
    "85 04 75 08 95 01 09 70 81 02"  # report 4 in: the status
    "85 02 75 08 95 01 09 60 91 02"  # report 2 out: zero
    "C0"
)


class HidScaleGadget(Gadget):
    """The USB side of a scale. Without ``out_endpoint`` reports come to it as control requests."""

    def __init__(
        self,
        *,
        vendor: int = 0x0EB8,
        product: int = 0xF000,
        serial: str = "SIM0001",
        out_endpoint: bool = False,
        reports: bytes = SCALE_REPORTS,
    ) -> None:
        hid = struct.pack("<BBHBBBH", 9, 0x21, 0x0111, 0, 1, 0x22, len(reports))
        ends = (Endpoint(0x81), *((Endpoint(0x02),) if out_endpoint else ()))
        interface = Interface(0, 3, endpoints=ends, extra=hid)
        about = Description(vendor, product, (interface,), "marketsim", "Simulated scale", serial)
        super().__init__(about, depth=2)  # a status report and the weight behind it
        self._reports = reports

    def control(self, request_type: int, request: int, value: int, index: int, data: bytes) -> bytes | None:
        match request_type, request:
            case 0x81, 0x06 if value == 0x2200:  # GET_DESCRIPTOR, the report descriptor
                return self._reports
            case 0x21, 0x09:  # SET_REPORT
                self.give(0, data)
                return b""
            case 0x21, 0x0A | 0x0B:  # SET_IDLE, SET_PROTOCOL
                return b""
        return None


# --- the bus --------------------------------------------------------------------------------------------------------


class UsbFault(OSError):
    """A request that failed, with the errno Linux gives."""

    def __init__(self, number: int) -> None:
        super().__init__(number, os.strerror(number))


@dataclass(slots=True)
class _Seat:
    """A device on the bus."""

    device: UsbDevice
    drivers: set[int]  # interfaces that the kernel's own driver holds
    claims: dict[int, int] = field(default_factory=dict)  # interface → handle
    halted: set[int] = field(default_factory=set)
    locked: bool = False


class BusFace(Protocol):
    """What a backend asks of a bus, in this process or another. Times are milliseconds, 0 is for ever."""

    def addresses(self) -> list[int]: ...
    def describe(self, address: int) -> Description: ...
    def open(self, address: int) -> int: ...
    def close(self, handle: int) -> None: ...
    def claim(self, handle: int, interface: int) -> None: ...
    def release(self, handle: int, interface: int) -> None: ...
    def kernel_has(self, handle: int, interface: int) -> bool: ...
    def detach(self, handle: int, interface: int) -> None: ...
    def attach(self, handle: int, interface: int) -> None: ...
    def clear_halt(self, handle: int, endpoint: int) -> None: ...
    def read(self, handle: int, endpoint: int, size: int, timeout: int) -> bytes: ...
    def write(self, handle: int, endpoint: int, data: bytes, timeout: int) -> None: ...
    def control(
        self, handle: int, request_type: int, request: int, value: int, index: int, data: bytes, size: int
    ) -> bytes: ...


class Bus:
    """Devices plugged in, and what hosts do with them. Any thread may call anything."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._seats: dict[int, _Seat] = {}
        self._handles: dict[int, int] = {}
        self._addresses = itertools.count(1)
        self._numbers = itertools.count(1)

    # from the devices' side

    def plug(self, device: UsbDevice, *, locked: bool = False) -> int:
        """Plug in; returns the address, a new one each time. A ``locked`` device cannot be opened: no udev rule."""
        with self._changed:
            address = next(self._addresses)
            taken = {each.number for each in device.description.interfaces if each.kind in DRIVERS}
            self._seats[address] = _Seat(device, taken, locked=locked)
            return address

    def unplug(self, device: UsbDevice) -> None:
        with self._changed:
            self._seats = {address: seat for address, seat in self._seats.items() if seat.device is not device}
            self._changed.notify_all()

    def wake(self, action: Callable[[], None]) -> None:
        """Do this to a device, and let waiting hosts look again."""
        with self._changed:
            action()
            self._changed.notify_all()

    def stall(self, device: UsbDevice, endpoint: int) -> None:
        """Halt an endpoint until the host clears it."""
        with self._changed:
            for seat in self._seats.values():
                if seat.device is device:
                    seat.halted.add(endpoint)
            self._changed.notify_all()

    def driven_by_kernel(self, device: UsbDevice) -> set[int]:
        """The interfaces the kernel's own driver has now."""
        with self._changed:
            return {number for seat in self._seats.values() if seat.device is device for number in seat.drivers}

    # from the hosts' side: BusFace

    def addresses(self) -> list[int]:
        with self._changed:
            return list(self._seats)

    def describe(self, address: int) -> Description:
        with self._changed:
            return self._seat(address).device.description

    def open(self, address: int) -> int:
        with self._changed:
            if self._seat(address).locked:
                raise UsbFault(errno.EACCES)
            handle = next(self._numbers)
            self._handles[handle] = address
            return handle

    def close(self, handle: int) -> None:
        with self._changed:
            address = self._handles.pop(handle, None)
            if address in self._seats:
                claims = self._seats[address].claims
                for number in [number for number, holder in claims.items() if holder == handle]:
                    del claims[number]
            self._changed.notify_all()

    def claim(self, handle: int, interface: int) -> None:
        with self._changed:
            seat = self._opened(handle)
            if interface in seat.drivers or seat.claims.get(interface, handle) != handle:
                raise UsbFault(errno.EBUSY)
            seat.claims[interface] = handle

    def release(self, handle: int, interface: int) -> None:
        with self._changed:
            seat = self._opened(handle)
            if seat.claims.get(interface) != handle:
                raise UsbFault(errno.ENOENT)
            del seat.claims[interface]

    def kernel_has(self, handle: int, interface: int) -> bool:
        with self._changed:
            return interface in self._opened(handle).drivers

    def detach(self, handle: int, interface: int) -> None:
        with self._changed:
            seat = self._opened(handle)
            if interface not in seat.drivers:
                raise UsbFault(errno.ENOENT)
            seat.drivers.remove(interface)

    def attach(self, handle: int, interface: int) -> None:
        with self._changed:
            seat = self._opened(handle)
            if interface in seat.claims:
                raise UsbFault(errno.EBUSY)
            seat.drivers.add(interface)

    def clear_halt(self, handle: int, endpoint: int) -> None:
        with self._changed:
            self._opened(handle).halted.discard(endpoint)

    def read(self, handle: int, endpoint: int, size: int, timeout: int) -> bytes:
        with self._changed:
            for seat in self._until(handle, endpoint, timeout):
                data = seat.device.take(endpoint)
                if data is not None:
                    if len(data) > size:
                        raise UsbFault(errno.EOVERFLOW)
                    return data
        raise UsbFault(errno.ETIMEDOUT)

    def write(self, handle: int, endpoint: int, data: bytes, timeout: int) -> None:
        with self._changed:
            for seat in self._until(handle, endpoint, timeout):
                if seat.device.give(endpoint, data):
                    return
        raise UsbFault(errno.ETIMEDOUT)

    def control(
        self, handle: int, request_type: int, request: int, value: int, index: int, data: bytes, size: int
    ) -> bytes:
        with self._changed:
            seat = self._opened(handle)
            to_interface = request_type & 0x1F == 1
            if to_interface and index & 0xFF in seat.drivers:
                raise UsbFault(errno.EBUSY)
            if request_type == IN and request == STANDARD_GET_DESCRIPTOR and value >> 8 == STRING_DESCRIPTOR:
                answer = _string(seat.device.description, value & 0xFF)
            else:
                answer = seat.device.control(request_type, request, value, index, data)
            if answer is None:
                raise UsbFault(errno.EPIPE)
            return answer[:size]

    def _seat(self, address: int) -> _Seat:
        if address not in self._seats:
            raise UsbFault(errno.ENODEV)
        return self._seats[address]

    def _opened(self, handle: int) -> _Seat:
        return self._seat(self._handles.get(handle, 0))

    def _until(self, handle: int, endpoint: int, timeout: int) -> Iterator[_Seat]:
        """The device, again and again, as long as the time lasts; each time something may have changed."""
        end = time.monotonic() + timeout / 1000 if timeout else None
        while True:
            seat = self._opened(handle)
            if endpoint in seat.halted:
                raise UsbFault(errno.EPIPE)
            yield seat
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return
            self._changed.wait(left)


def _string(description: Description, index: int) -> bytes | None:
    if index == 0:
        return struct.pack("<BBH", 4, STRING_DESCRIPTOR, ENGLISH)
    texts = dict(enumerate(description.strings(), 1))
    if not texts.get(index):
        return None
    data = texts[index].encode("utf-16-le")
    return bytes((2 + len(data), STRING_DESCRIPTOR)) + data


# --- pyusb's side ---------------------------------------------------------------------------------------------------


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
            self._bus.write(dev_handle, ep, data.tobytes(), timeout)
        return len(data)

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

    def write(self, handle: int, endpoint: int, data: bytes, timeout: int) -> None:
        self._call("write", handle, endpoint, data, timeout)

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
        with contextlib.suppress(FileNotFoundError):
            if self._path.is_socket():
                self._path.unlink()
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


# --- a simulated device behind a gadget -------------------------------------------------------------------------------


class UsbPlug:
    """A plug for ``Line``: what the device sends goes to the gadget's IN endpoint, what the host sends comes back."""

    def __init__(self, bus: Bus, gadget: Gadget, address: str = "usb-hid:") -> None:
        self._bus = bus
        self._gadget = gadget
        self._address = address
        self._pipe: tuple[int, int] | None = None
        gadget.on_out = self._ring

    @property
    def address(self) -> str:
        return self._address

    def plug_in(self) -> None:
        self._pipe = os.pipe()
        self._bus.plug(self._gadget)

    def pull_out(self) -> None:
        self._bus.unplug(self._gadget)
        pipe, self._pipe = self._pipe, None
        for file in pipe or ():
            os.close(file)

    def files(self) -> list[int]:
        return [self._pipe[0]] if self._pipe else []

    def read(self, file: int) -> bytes:
        os.read(file, 1)
        return self._gadget.received()

    def write(self, data: bytes) -> None:
        self._bus.wake(lambda: self._gadget.offer(data))

    def _ring(self) -> None:
        if self._pipe:
            os.write(self._pipe[1], b"!")

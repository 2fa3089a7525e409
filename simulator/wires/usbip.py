"""Simulated USB devices over USB/IP: the kernel of a machine that attaches them takes them for real.

    marketsim usbip scale                                # here, a process of its own
    modprobe vhci-hcd; usbip attach -r 127.0.0.1 -b 1-1   # on a Linux whose kernel has that module, as root

Drivers, `/dev/hidraw…`, `/dev/usb/lp…` and libusb are then those of any machine, unchanged.  The wire is that of
Documentation/usb/usbip_protocol.rst of the Linux kernel, version 1.1.1, for control, interrupt and bulk transfers.

A kernel waits without end for a server that stands still.  So all of it is one thread that waits for nothing but its
sockets; a transfer for which a device has nothing yet stays with us until it has, or until the host takes it back.
There is no authentication in this protocol: it listens on the loopback address only.
"""

import contextlib
import errno
import itertools
import os
import selectors
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from simulator.obstacles import listening
from simulator.wires.usb import (
    IN,
    INTERRUPT,
    STRING_DESCRIPTOR,
    Description,
    Interface,
    UsbDevice,
    packet_size,
    string_of,
)

PORT = 3240  # IANA's for usbip
VERSION = 0x0111
REQ_DEVLIST, REP_DEVLIST, REQ_IMPORT, REP_IMPORT = 0x8005, 0x0005, 0x8003, 0x0003
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
OPENING = struct.Struct(">HHI")  # version, code, status
ABOUT = struct.Struct(">256s32sIIIHHHBBBBBB")
HEAD = struct.Struct(">IIIII")  # command, sequence number, device, direction, endpoint
SUBMIT = struct.Struct(">IiiiI8s")  # flags, length, start frame, packets, interval, setup
SETUP = struct.Struct("<BBHHH")  # request type, request, value, index, length
MESSAGE = 48
LARGEST = 1 << 20  # bytes of one transfer: a host that asks for more is no host
FULL_SPEED = 2
BUS = 1
DEVICE, CONFIGURATION = 1, 2  # descriptors
POLL_MS = 10


@dataclass(slots=True)
class _Transfer:
    """One that waits: ``data`` is what an OUT brings, of which the device has ``taken`` so much."""

    number: int
    length: int
    data: bytes = b""
    taken: int = 0


@dataclass(slots=True)
class _Seat:
    """A device with its place on the bus; ``host`` is who has attached it."""

    device: UsbDevice
    number: int
    host: "_Host | None" = None

    @property
    def bus_id(self) -> str:
        return f"{BUS}-{self.number}"

    def about(self) -> bytes:
        has = self.device.description
        place = (f"/sys/devices/marketsim/{self.bus_id}".encode(), self.bus_id.encode(), BUS, self.number)
        identity = (FULL_SPEED, has.vendor, has.product, 0x0100)
        return ABOUT.pack(*place, *identity, 0, 0, 0, 1, 1, len(has.interfaces))


@dataclass(slots=True)
class _Host:
    """A connection: what came and is no whole message yet, what is to go, what waits for the device."""

    socket: socket.socket
    came: bytearray = field(default_factory=bytearray)
    goes: bytearray = field(default_factory=bytearray)
    seat: _Seat | None = None
    waiting: dict[int, deque[_Transfer]] = field(default_factory=dict)


class UsbipServer:
    """Devices that a host may attach, between ``with`` and its end; port 0 takes a free one.

    ``plug``, ``unplug`` and ``wake`` are those of a ``Bus``, so a ``UsbPlug`` hangs a device on it.  A device that is
    plugged in again has its old bus id, and is attached again by whoever wants it.
    """

    def __init__(self, port: int = PORT) -> None:
        self._listener = listening("127.0.0.1", port)
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.RLock()
        self._seats: list[_Seat] = []
        self._numbers = itertools.count(1)
        self._known: dict[int, int] = {}
        self._hosts: dict[int, _Host] = {}
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="usbip", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._ring()
        self._thread.join()
        for file in (self._wake_read, self._wake_write):
            os.close(file)

    # --- the devices' side ------------------------------------------------------------------------------------------

    def plug(self, device: UsbDevice) -> int:
        """A host may attach it from now on; answers the number behind ``1-`` of its bus id."""
        with self._lock:
            number = self._known.setdefault(id(device), 0) or next(self._numbers)
            self._known[id(device)] = number
            self._seats.append(_Seat(device, number))
        return number

    def unplug(self, device: UsbDevice) -> None:
        """It goes, and for its host the cable is out."""
        with self._lock:
            gone = [seat for seat in self._seats if seat.device is device]
            self._seats = [seat for seat in self._seats if seat.device is not device]
            for seat in gone:
                if seat.host is not None:
                    with contextlib.suppress(OSError):
                        seat.host.socket.shutdown(socket.SHUT_RDWR)  # the thread sees its end
        self._ring()

    def wake(self, action: Callable[[], None]) -> None:
        """Do this to a device, and look whether a transfer that waits can be done now."""
        with self._lock:
            action()
        self._ring()

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # full: it will look anyhow
            os.write(self._wake_write, b"!")

    # --- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping:
                with selectors.DefaultSelector() as selector:
                    selector.register(self._listener, selectors.EVENT_READ)
                    selector.register(self._wake_read, selectors.EVENT_READ)
                    for host in self._hosts.values():
                        selector.register(
                            host.socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if host.goes else 0)
                        )
                    ready = {key.fd for key, _ in selector.select()}
                if self._wake_read in ready:
                    os.read(self._wake_read, 4096)
                if self._listener.fileno() in ready:
                    self._greet()
                for host in list(self._hosts.values()):
                    self._attend(host, host.socket.fileno() in ready)
        finally:
            for host in list(self._hosts.values()):
                self._leave(host)
            self._listener.close()

    def _greet(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._hosts[client.fileno()] = _Host(client)

    def _attend(self, host: _Host, ready: bool) -> None:
        """Read when there is something, do what can be done, send what goes. A host that is none is left."""
        try:
            if ready:
                self._read(host)
            with self._lock:
                while self._one(host):
                    pass
                self._serve(host)
            if host.goes:
                with contextlib.suppress(BlockingIOError):
                    del host.goes[: host.socket.send(host.goes)]
        except (OSError, ValueError):
            self._leave(host)

    def _read(self, host: _Host) -> None:
        with contextlib.suppress(BlockingIOError):
            if not (data := host.socket.recv(65536)):
                raise ConnectionError("its end")
            host.came += data

    def _leave(self, host: _Host) -> None:
        self._hosts.pop(host.socket.fileno(), None)
        host.socket.close()
        with self._lock:
            if host.seat is not None:
                host.seat.host = None

    # --- what a host says: with the lock held -------------------------------------------------------------------------

    def _one(self, host: _Host) -> bool:
        """Take one whole message off what came; whether there was one. Raises ValueError for what is no host's."""
        return self._opening(host) if host.seat is None else self._command(host, host.seat)

    def _opening(self, host: _Host) -> bool:
        if len(host.came) < OPENING.size:
            return False
        _, code, _ = OPENING.unpack_from(host.came)
        if code == REQ_DEVLIST:
            del host.came[: OPENING.size]
            free = [seat for seat in self._seats if seat.host is None]
            host.goes += OPENING.pack(VERSION, REP_DEVLIST, 0) + struct.pack(">I", len(free))
            for seat in free:
                host.goes += seat.about()
                for has in seat.device.description.interfaces:
                    host.goes += bytes((has.kind, has.subclass, has.protocol, 0))
            return True
        if code != REQ_IMPORT:
            raise ValueError(f"no such request: {code:#x}")
        if len(host.came) < OPENING.size + 32:
            return False
        wanted = bytes(host.came[OPENING.size : OPENING.size + 32]).rstrip(b"\0").decode("ascii", "replace")
        del host.came[: OPENING.size + 32]
        found = next((one for one in self._seats if one.bus_id == wanted and one.host is None), None)
        host.goes += OPENING.pack(VERSION, REP_IMPORT, 0 if found else 1)
        if found:
            host.goes += found.about()
            host.seat, found.host = found, host
        return True

    def _command(self, host: _Host, seat: _Seat) -> bool:
        if len(host.came) < MESSAGE:
            return False
        command, number, _, direction, endpoint = HEAD.unpack_from(host.came)
        if command == CMD_UNLINK:
            (wanted,) = struct.unpack_from(">I", host.came, HEAD.size)
            del host.came[:MESSAGE]
            self._unlink(host, number, wanted)
            return True
        if command != CMD_SUBMIT:
            raise ValueError(f"no such command: {command}")
        _, length, _, _, _, setup = SUBMIT.unpack_from(host.came, HEAD.size)
        if not 0 <= length <= LARGEST or endpoint > 15:
            raise ValueError(f"no such transfer: {length} bytes to endpoint {endpoint}")
        size = MESSAGE + (0 if direction else length)
        if len(host.came) < size:
            return False
        data = bytes(host.came[MESSAGE:size])
        del host.came[:size]
        if endpoint == 0:
            self._control(host, seat.device, number, setup, data)
        else:
            address = endpoint | (IN if direction else 0)
            host.waiting.setdefault(address, deque()).append(_Transfer(number, length, data))
        return True

    def _unlink(self, host: _Host, number: int, wanted: int) -> None:
        """The host takes a transfer back: it is no longer answered, unless it was before."""
        status = 0
        for queue in host.waiting.values():
            for one in [one for one in queue if one.number == wanted]:
                queue.remove(one)
                status = -errno.ECONNRESET
        host.goes += HEAD.pack(RET_UNLINK, number, 0, 0, 0) + struct.pack(">i24x", status)

    def _serve(self, host: _Host) -> None:
        """Whatever waits and can be done now, in the order in which it came to its endpoint."""
        if host.seat is None:
            return
        device = host.seat.device
        for address, queue in host.waiting.items():
            while queue and (_sent if address & IN else self._brought)(host, device, address, queue[0]):
                queue.popleft()

    @staticmethod
    def _brought(host: _Host, device: UsbDevice, address: int, one: _Transfer) -> bool:
        """Give it to the device, packet by packet; whether it took the whole of it."""
        size = packet_size(device.description, address)
        while one.taken < len(one.data):
            packet = one.data[one.taken : one.taken + size]
            if not device.give(address, packet):
                return False
            one.taken += len(packet)
        _answer(host, one.number, 0, one.taken)
        return True

    @staticmethod
    def _control(host: _Host, device: UsbDevice, number: int, setup: bytes, data: bytes) -> None:
        request_type, request, value, index, length = SETUP.unpack(setup)
        answer = standard(device.description, request_type, request, value)
        if answer is None:
            answer = device.control(request_type, request, value, index, data)
        if answer is None:
            _answer(host, number, -errno.EPIPE)
        elif request_type & IN:
            _answer(host, number, 0, data=answer[:length])
        else:
            _answer(host, number, 0, len(data))


def _sent(host: _Host, device: UsbDevice, address: int, one: _Transfer) -> bool:
    """Hand over what the device has for this endpoint; whether it had something."""
    data = device.take(address)
    if data is None:
        return False
    if len(data) > one.length:
        _answer(host, one.number, -errno.EOVERFLOW)
    else:
        _answer(host, one.number, 0, data=data)
    return True


def _answer(host: _Host, number: int, status: int, length: int = 0, data: bytes = b"") -> None:
    host.goes += HEAD.pack(RET_SUBMIT, number, 0, 0, 0)
    host.goes += struct.pack(">iiiii8x", status, len(data) or length, 0, 0, 0) + data


# --- what every device answers ----------------------------------------------------------------------------------------


def standard(about: Description, request_type: int, request: int, value: int) -> bytes | None:
    """The answer to a standard request of chapter 9 of USB 2.0; None for all that is the device's own."""
    match request_type, request:
        case 0x80, 0x06 if value >> 8 == DEVICE:  # GET_DESCRIPTOR
            return device_descriptor(about)
        case 0x80, 0x06 if value >> 8 == CONFIGURATION:
            return configuration_descriptor(about)
        case 0x80, 0x06 if value >> 8 == STRING_DESCRIPTOR:
            return string_of(about, value & 0xFF)
        case ((0x80 | 0x81 | 0x82), 0x00):  # GET_STATUS
            return b"\0\0"
        case (
            (0x00 | 0x01 | 0x02),
            (0x01 | 0x03 | 0x09 | 0x0B),
        ):  # CLEAR_, SET_FEATURE, SET_CONFIGURATION, SET_INTERFACE
            return b""
        case 0x80, 0x08:  # GET_CONFIGURATION
            return b"\1"
        case 0x81, 0x0A:  # GET_INTERFACE
            return b"\0"
    return None


def device_descriptor(about: Description) -> bytes:
    """18 bytes."""
    texts = (number if text else 0 for number, text in enumerate(about.strings(), 1))
    return struct.pack(
        "<BBHBBBBHHHBBBB", 18, DEVICE, 0x0200, 0, 0, 0, 64, about.vendor, about.product, 0x0100, *texts, 1
    )


def configuration_descriptor(about: Description) -> bytes:
    """The one configuration, with its interfaces and their endpoints."""
    inside = b"".join(_interface(one) for one in about.interfaces)
    head = struct.pack("<BBHBBBBB", 9, CONFIGURATION, 9 + len(inside), len(about.interfaces), 1, 0, 0x80, 50)
    return head + inside


def _interface(has: Interface) -> bytes:
    own = bytes((9, 4, has.number, 0, len(has.endpoints), has.kind, has.subclass, has.protocol, 0))
    ends = b"".join(
        struct.pack("<BBBBHB", 7, 5, one.address, one.kind, one.max_packet, POLL_MS if one.kind == INTERRUPT else 0)
        for one in has.endpoints
    )
    return own + has.extra + ends

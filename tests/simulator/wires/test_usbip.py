"""Devices over USB/IP, before a host that says what a kernel says: attached, read, printed on, taken back."""

import socket
import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from protocol.formats import find as wire_format
from protocol.readings import Weighing
from simulator.printer.printer import Printer
from simulator.printer.read import Paper
from simulator.scales._pan import Pan, find
from simulator.stage import wait_for
from simulator.wires.line import Line
from simulator.wires.usb import HidScaleGadget, PrinterGadget, UsbPlug
from simulator.wires.usbip import UsbipServer

ABOUT = ">256s32sIIIHHHBBBBBB"
IN, OUT = 1, 0


class Host:
    """The other end, written from the kernel's page on the protocol alone."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.number = 0

    def close(self) -> None:
        self.socket.close()

    def exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if not (more := self.socket.recv(size - len(data))):
                raise EOFError
            data += more
        return data

    def devices(self) -> list[tuple[str, int, int, list[tuple[int, ...]]]]:
        """Bus id, vendor, product, and class, subclass and protocol of each interface."""
        self.socket.sendall(struct.pack(">HHI", 0x0111, 0x8005, 0))
        assert struct.unpack(">HHI", self.exactly(8)) == (0x0111, 0x0005, 0)
        (count,) = struct.unpack(">I", self.exactly(4))
        found = []
        for _ in range(count):
            about = struct.unpack(ABOUT, self.exactly(312))
            kinds = [tuple(self.exactly(4)[:3]) for _ in range(about[-1])]
            found.append((about[1].rstrip(b"\0").decode(), about[5], about[6], kinds))
        return found

    def attach(self, bus_id: str) -> int:
        """0 is done."""
        self.socket.sendall(struct.pack(">HHI32s", 0x0111, 0x8003, 0, bus_id.encode()))
        version, code, status = struct.unpack(">HHI", self.exactly(8))
        assert (version, code) == (0x0111, 0x0003)
        if not status:
            assert struct.unpack(ABOUT, self.exactly(312))[1].rstrip(b"\0").decode() == bus_id
        return int(status)

    def submit(self, endpoint: int, direction: int, length: int, data: bytes = b"", setup: bytes = bytes(8)) -> int:
        self.number += 1
        head = struct.pack(">IIIII", 1, self.number, 0x10001, direction, endpoint)
        self.socket.sendall(head + struct.pack(">IiiiI8s", 0, length, 0, -1, 10, setup) + data)
        return self.number

    def answer(self, brings: Callable[[int], bool] = lambda number: True) -> tuple[int, int, int, int, bytes]:
        """Command, number, status, actual length, and the data of one that ``brings`` some."""
        command, number, *_ = struct.unpack(">IIIII", self.exactly(20))
        status, length = (
            struct.unpack(">ii20x", self.exactly(28))
            if command == 3
            else (*struct.unpack(">i24x", self.exactly(28)), 0)
        )
        return command, number, status, length, self.exactly(length) if brings(number) and length else b""

    def ask(self, request_type: int, request: int, value: int, index: int, length: int) -> tuple[int, bytes]:
        """A control transfer that brings data: status and data."""
        number = self.submit(0, IN, length, setup=struct.pack("<BBHHH", request_type, request, value, index, length))
        command, answered, status, _, data = self.answer()
        assert (command, answered) == (3, number)
        return status, data


@pytest.fixture
def server() -> Iterator[UsbipServer]:
    with UsbipServer(0) as running:
        yield running


@pytest.fixture
def host(server: UsbipServer) -> Iterator[Callable[[], Host]]:
    made: list[Host] = []

    def make() -> Host:
        made.append(Host(server.port))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def scale(server: UsbipServer) -> Iterator[Line[Any]]:
    with Line(find("hid_scale")(Pan(settle=0.0)), UsbPlug(server, HidScaleGadget())) as line:
        yield line


def test_a_scale_is_listed_described_and_weighs(scale: Line[Any], host: Callable[[], Host]) -> None:
    scale.do(lambda device, now: device.pan.put(Decimal("2.350"), now))
    assert host().devices() == [("1-1", 0x0EB8, 0xF000, [(3, 0, 0)])]
    one = host()
    assert one.attach("1-7") == 1
    assert one.attach("1-1") == 0
    status, device = one.ask(0x80, 6, 0x0100, 0, 64)
    assert (status, len(device), struct.unpack_from("<HH", device, 8)) == (0, 18, (0x0EB8, 0xF000))
    status, short = one.ask(0x80, 6, 0x0200, 0, 9)
    total = struct.unpack_from("<H", short, 2)[0]
    status, whole = one.ask(0x80, 6, 0x0200, 0, 255)
    assert (status, len(whole), whole[:9]) == (0, total, short)
    assert [whole[9 : 9 + 3], whole[18:20], whole[27:30]] == [b"\x09\x04\x00", b"\x09\x21", b"\x07\x05\x81"]
    assert one.ask(0x80, 6, 0x0302, 0x0409, 255)[1][2:].decode("utf-16-le") == "Simulated scale"
    assert one.ask(0x80, 6, 0x03EE, 0, 255)[0] == -32  # no such text: a stall, as a real device's
    assert one.ask(0x81, 6, 0x2200, 0, 255)[1].startswith(b"\x05\x8d")
    assert (host().devices(), host().attach("1-1")) == ([], 1)  # who is attached is offered to nobody else
    read = wire_format("hid_scale").reads({})
    weights = set()
    for _ in range(20):
        one.submit(1, IN, 8)
        _, _, status, _, data = one.answer()
        assert status == 0
        weights |= {event.value for event in read.feed(data) if isinstance(event, Weighing)}
        if Decimal("2.350") in weights:
            return
    raise AssertionError(weights)


def test_a_transfer_waits_is_taken_back_and_ends_with_the_plug(server: UsbipServer, host: Callable[[], Host]) -> None:
    gadget = HidScaleGadget()
    server.plug(gadget)
    one = host()
    assert one.attach("1-1") == 0
    first, second = one.submit(1, IN, 8), one.submit(1, IN, 8)
    head = struct.pack(">IIIII", 2, 90, 0x10001, IN, 1)
    one.socket.sendall(head + struct.pack(">I24x", first))
    assert one.answer()[:3] == (4, 90, -104)
    server.wake(lambda: gadget.offer(b"\x03\x04\x0c\xfd\x00\x00"))
    assert one.answer() == (3, second, 0, 6, b"\x03\x04\x0c\xfd\x00\x00")
    one.socket.sendall(head + struct.pack(">I24x", second))
    assert one.answer()[:3] == (4, 90, 0)  # it was answered before
    server.wake(lambda: gadget.offer(b"123456789"))
    one.submit(1, IN, 8)
    assert one.answer()[2] == -75  # more than the host has room for
    one.submit(1, IN, 8)
    server.unplug(gadget)
    with pytest.raises(EOFError):
        one.answer()
    assert host().devices() == []
    server.plug(gadget)
    assert [bus_id for bus_id, *_ in host().devices()] == ["1-1"]
    assert host().attach("1-1") == 0


def test_a_printer_prints_what_it_is_sent_and_says_how_it_is(server: UsbipServer, host: Callable[[], Host]) -> None:
    papers: list[Paper] = []
    with Line(Printer(on_paper=papers.append), UsbPlug(server, PrinterGadget())):
        one = host()
        assert one.devices() == [("1-1", 0x0416, 0x5011, [(7, 1, 2)])]
        assert one.attach("1-1") == 0
        assert b"ESC/POS" in one.ask(0xA1, 0, 0, 0, 255)[1]
        assert one.ask(0xA1, 1, 0, 0, 1) == (0, b"\x18")
        data = b"\x1b@" + b"a long line of it\n" * 40 + b"\x1dV\x00"
        sent = one.submit(3, OUT, len(data), data)
        assert one.answer(lambda number: False)[:4] == (3, sent, 0, len(data))
        wait_for("the paper", lambda: papers)
        assert papers[0].text.count("a long line of it") == 40
        asked = one.submit(1, IN, 64)
        one.submit(3, OUT, 3, b"\x10\x04\x01")
        answers = {number: data for _, number, _, _, data in (one.answer(asked.__eq__), one.answer(asked.__eq__))}
        assert answers[asked] == b"\x12"  # DLE EOT 1: online


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">HHI32s", 0x0111, 0x8003, 0, b"1-1") + struct.pack(">IIIII28x", 9, 1, 0, 0, 0),
        struct.pack(">HHI32s", 0x0111, 0x8003, 0, b"1-1") + struct.pack(">IIIIIIi20x", 1, 1, 0, 0, 3, 0, 1 << 24),
        struct.pack(">HHI32s", 0x0111, 0x8003, 0, b"1-1") + struct.pack(">IIIIIIi20x", 1, 1, 0, 1, 200, 0, 8),
    ],
    ids=["no host", "no command", "too long", "no endpoint"],
)
def test_who_is_no_host_is_left_and_others_are_served(
    server: UsbipServer, host: Callable[[], Host], said: bytes
) -> None:
    server.plug(HidScaleGadget())
    stranger = host()
    stranger.socket.sendall(said)
    while stranger.socket.recv(4096):
        pass
    assert [bus_id for bus_id, *_ in host().devices()] == ["1-1"]
    assert host().attach("1-1") == 0

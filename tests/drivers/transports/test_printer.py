"""Printers as transports: real terminals, sockets and files, and the simulated USB bus. What is written is counted."""

import grp
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from drivers.transports import LinkLost
from drivers.transports import printer as transports
from drivers.transports.opening import open_printer
from drivers.transports.printer import PrinterTransport
from drivers.transports.rights import next_step
from protocol.link import Link
from simulator.wires.usb import BULK, Bus, Description, Endpoint, Gadget, Interface, PrinterGadget

LINK = Link(115200)
MORE_THAN_FITS = bytes(8 << 20)  # no terminal, socket or simulated printer holds as much


@dataclass
class Peer:
    """The other end: what the printer would do."""

    address: str
    send: Callable[[bytes], object]
    receive: Callable[[int], bytes]
    vanish: Callable[[], object]


@pytest.fixture
def serial() -> Iterator[Peer]:
    master, slave = os.openpty()
    tty.setraw(slave)
    left = {master, slave}

    def vanish() -> None:
        for file in list(left):
            left.discard(file)
            os.close(file)

    yield Peer(os.ttyname(slave), lambda data: os.write(master, data), lambda size: os.read(master, size), vanish)
    vanish()


@pytest.fixture
def network() -> Iterator[Peer]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        peers: list[socket.socket] = []

        def peer() -> socket.socket:
            if not peers:
                peers.append(server.accept()[0])
                peers[0].settimeout(10)
            return peers[0]

        yield Peer(
            f"tcp://127.0.0.1:{server.getsockname()[1]}",
            lambda data: peer().sendall(data),
            lambda size: peer().recv(size),
            lambda: peer().close(),
        )
        for each in peers:
            each.close()


@pytest.fixture
def usb(bus: Bus) -> Iterator[Peer]:
    gadget = PrinterGadget()
    bus.plug(gadget)

    def receive(size: int) -> bytes:
        found = b""

        def take() -> None:
            nonlocal found
            found = gadget.received()

        end = time.monotonic() + 5
        while not found and time.monotonic() < end:
            bus.wake(take)
        return found

    yield Peer(
        "usb:0416:5011:SIM58",
        lambda data: bus.wake(lambda: gadget.offer(data)),
        receive,
        lambda: bus.unplug(gadget),
    )


@pytest.fixture(params=["serial", "network", "usb"])
def peer(request: pytest.FixtureRequest) -> Peer:
    found: Peer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def opened() -> Iterator[Callable[[str], PrinterTransport]]:
    """Opens printers and closes them at the end."""
    made: list[PrinterTransport] = []

    def one(address: str) -> PrinterTransport:
        made.append(open_printer(address, LINK))
        return made[-1]

    yield one
    for each in made:
        each.close()


Open = Callable[[str], PrinterTransport]


def test_bytes_go_both_ways_and_are_counted(peer: Peer, opened: Open, whole: Callable[..., bytes]) -> None:
    printer = opened(peer.address)
    assert printer.write(b"\x1b@paper\n") == 8
    assert whole(lambda: peer.receive(64), 8) == b"\x1b@paper\n"
    peer.send(b"\x12\x16")
    assert whole(lambda: printer.read(5.0), 2) == b"\x12\x16"


def test_a_printer_that_takes_no_more_ends_the_write_in_time(peer: Peer, opened: Open) -> None:
    """As without paper: the count says what it took, and nothing waits for ever."""
    printer = opened(peer.address)
    before = time.monotonic()
    taken = printer.write(MORE_THAN_FITS, 0.5)
    assert time.monotonic() - before < 5
    assert taken < len(MORE_THAN_FITS)
    assert printer.write(b"more", 0.1) <= 4
    before = time.monotonic()
    printer.close()
    assert time.monotonic() - before < 5


def test_a_read_comes_back_empty_after_its_time(peer: Peer, opened: Open) -> None:
    printer = opened(peer.address)
    assert printer.read(0.05) == b""
    assert printer.read(0.0) == b""


def test_a_read_comes_back_as_soon_as_something_was_said(peer: Peer, opened: Open) -> None:
    printer = opened(peer.address)
    printer.write(b"?")
    threading.Timer(0.05, lambda: peer.send(b"\x12")).start()
    before = time.monotonic()
    assert printer.read(10.0) == b"\x12"
    assert time.monotonic() - before < 5


def test_a_printer_that_goes_is_a_lost_link_that_names_it(peer: Peer, opened: Open) -> None:
    printer = opened(peer.address)
    printer.write(b"\x1b@")
    peer.receive(64)
    peer.vanish()
    with pytest.raises(LinkLost, match=peer.address.replace(".", r"\.")):
        for _ in range(100):
            printer.read(0.05)
            printer.write(b"x" * 4096, 0.05)


def test_a_printer_may_be_closed_twice_and_opened_again(peer: Peer, opened: Open) -> None:
    printer = opened(peer.address)
    printer.close()
    printer.close()
    if not peer.address.startswith("tcp"):
        assert opened(peer.address).write(b"x") == 1


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/dev/ttyNOTHERE", "/dev/ttyNOTHERE: cannot open the printer"),
        ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1: cannot open the printer.*is it on and plugged in"),
        ("file:/nowhere/at/all", "file:/nowhere/at/all: cannot open the printer"),
        ("usb:1234:5678", "usb:1234:5678: no such USB printer; is it on and plugged in"),
        ("usb:12x4:5678", "write usb:VID:PID or usb:VID:PID:SERIAL"),
    ],
)
def test_a_printer_that_is_not_there_says_what_to_check(bus: Bus, address: str, says: str) -> None:
    with pytest.raises(LinkLost, match=says):
        open_printer(address, LINK)


def test_a_serial_printer_is_ours_alone(serial: Peer, opened: Open) -> None:
    opened(serial.address)
    with pytest.raises(LinkLost, match=serial.address):
        open_printer(serial.address, LINK)


def test_a_serial_printer_is_blind_unless_it_has_flow_control(serial: Peer) -> None:
    for flow, blind in (("none", True), ("rtscts", False), ("xonxoff", False)):
        printer = open_printer(serial.address, LINK, flow)  # type: ignore[arg-type]
        assert printer.blind == blind
        printer.close()


def test_a_file_is_written_to_at_its_end_and_a_device_keeps_nothing(tmp_path: Path, opened: Open, serial: Peer) -> None:
    path = tmp_path / "papers"
    for part in (b"one", b"two"):
        printer = open_printer(f"file:{path}", LINK)
        assert (printer.write(part), printer.keeps, printer.tells) == (3, True, False)
        printer.close()
    assert path.read_bytes() == b"onetwo"
    device = opened(f"file:{serial.address}")
    assert stat.S_ISCHR(Path(serial.address).stat().st_mode)
    assert not device.keeps
    assert device.read(0.0) == b""
    assert device.write(MORE_THAN_FITS, 0.3) < len(MORE_THAN_FITS)


def test_of_two_printers_alike_one_is_named_by_its_serial_number(bus: Bus, opened: Open) -> None:
    first, second = PrinterGadget(serial="A1"), PrinterGadget(serial="A2")
    bus.plug(first)
    bus.plug(second)
    with pytest.raises(LinkLost, match=r"2 USB printers fit: usb:0416:5011:A1, usb:0416:5011:A2; name one"):
        open_printer("usb:0416:5011", LINK)
    opened("usb:0416:5011:A2").write(b"x")
    assert (first.received(), second.received()) == (b"", b"x")


@pytest.mark.parametrize("address", ["usb:", "usb:0416:5011"])
def test_a_printer_without_permission_is_told_with_the_reason(bus: Bus, address: str) -> None:
    bus.plug(PrinterGadget(), locked=True)
    with pytest.raises(LinkLost, match=f"^{address}: .*no permission; add the service's user to the group lp"):
        open_printer(address, LINK)


@pytest.mark.parametrize("after", [1, 64, 100])
def test_after_a_stall_nobody_knows_what_was_taken_and_nothing_is_sent_twice(
    bus: Bus, opened: Open, after: int
) -> None:
    gadget = PrinterGadget()
    bus.plug(gadget)
    printer = opened("usb:")
    bus.break_off(gadget, 0x03, after)
    with pytest.raises(LinkLost, match="stalled in a transfer: nobody knows how much it took"):
        printer.write(bytes(512), 5.0)
    taken = gadget.received() + gadget.received()
    assert len(taken) == after
    assert printer.write(b"x", 1.0) == 1  # it is cleared


def test_a_one_way_printer_s_port_says_that_there_is_no_paper_or_that_it_is_gone(bus: Bus, opened: Open) -> None:
    gadget = PrinterGadget(bidirectional=False)
    bus.plug(gadget)
    printer = opened("usb:")
    assert not printer.out_of_paper()
    gadget.paper_out = True
    assert printer.out_of_paper()
    bus.unplug(gadget)
    with pytest.raises(LinkLost, match="printer disconnected: unplugged"):
        printer.out_of_paper()


def test_a_one_way_printer_says_nothing_and_takes_paper(bus: Bus, opened: Open) -> None:
    bus.plug(PrinterGadget(bidirectional=False))
    printer = opened("usb:")
    assert not printer.tells
    assert printer.read(0.05) == b""
    assert printer.write(b"paper") == 5


def test_the_kernel_gets_its_printer_back(bus: Bus) -> None:
    gadget = PrinterGadget()
    bus.plug(gadget)
    printer = open_printer("usb:", LINK)
    assert bus.driven_by_kernel(gadget) == set()
    printer.close()
    assert bus.driven_by_kernel(gadget) == {0}


def test_a_device_of_the_printer_class_that_takes_nothing_is_no_printer(bus: Bus) -> None:
    about = Description(0x0416, 0x5011, (Interface(0, 7, 1, 2, (Endpoint(0x81, BULK, 64),)),))
    bus.plug(Gadget(about))
    with pytest.raises(LinkLost, match="no endpoint to write to; it is not a printer"):
        open_printer("usb:", LINK)


def test_a_printer_that_is_not_on_usb_loads_neither_python_escpos_nor_pillow(tmp_path: Path) -> None:
    """Together a fifth of what a station holds while nothing happens."""
    code = f"""
import sys
from drivers.transports.opening import open_printer
from protocol.link import Link
open_printer("file:{tmp_path}/papers", Link(9600)).close()
print([name for name in ("escpos", "PIL") if name in sys.modules])
"""
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout == b"[]\n"


def test_python_escpos_leaves_no_folder_behind(tmp_path: Path) -> None:
    """It makes a scratch folder when it is imported."""
    code = "from drivers.transports.printer import escpos; escpos()"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_without_room_does_not_keep_papers_from_being_printed() -> None:
    """python-escpos writes a table when it is loaded; where even memory is full, the printer is told as gone."""
    code = """
import sys, tempfile
from pathlib import Path
import drivers.transports.printer as printers
from drivers.transports import LinkLost
tempfile.tempdir = "/dev/full"
if sys.argv[1] == "full":
    def no_room(*args, **kwargs):
        raise OSError(28, "No space left on device")
    tempfile.mkdtemp = no_room
try:
    printers.escpos()
except LinkLost as lost:
    sys.exit(str(lost))
"""
    for full, said in (("", ""), ("full", "make room in /dev/shm or /tmp")):
        command = [sys.executable, "-c", code, full]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert said in done.stderr
        assert done.returncode == bool(said)


def test_several_printers_may_be_opened_at_once(tmp_path: Path) -> None:
    """In a fresh process, where python-escpos was not loaded before."""
    code = """
import sys, threading
from drivers.transports.opening import open_printer
from protocol.link import Link
sys.setswitchinterval(1e-5)
failed = []
def open_it(number):
    try:
        open_printer(f"file:{sys.argv[1]}/{number}", Link(9600)).close()
    except Exception as error:
        failed.append(repr(error))
threads = [threading.Thread(target=open_it, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit("; ".join(failed) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(tmp_path.iterdir())) == 8


@pytest.mark.parametrize("doing", ["write", "read"])
def test_a_printer_that_goes_in_the_middle_is_noticed_at_once(peer: Peer, opened: Open, doing: str) -> None:
    """Not after the time that the write or read had."""
    printer = opened(peer.address)
    printer.write(b"\x1b@")
    peer.receive(64)
    later = threading.Timer(0.1, peer.vanish)
    later.start()
    before = time.monotonic()
    with pytest.raises(LinkLost, match=rf"^{re.escape(peer.address)}: (the )?printer (disconnected|closed)"):
        if doing == "write":
            printer.write(MORE_THAN_FITS, 60.0)
        else:
            printer.read(60.0)
    assert time.monotonic() - before < 10
    later.join()
    printer.close()
    printer.close()


def test_what_was_taken_goes_on_where_it_stopped(peer: Peer, opened: Open) -> None:
    """A printer that was out of paper gets the rest when it takes again: every byte once, in order."""
    data = bytes(number % 251 for number in range(4_000 if peer.address.startswith("usb") else 100_000))
    printer, got, sent = opened(peer.address), bytearray(), 0
    while len(got) < len(data):
        sent += printer.write(data[sent:], 0.01)
        while len(got) < sent:
            got += peer.receive(65536)
    assert sent == len(data)
    assert bytes(got) == data


def test_a_serial_printer_in_use_says_so(serial: Peer, opened: Open) -> None:
    opened(serial.address)
    with pytest.raises(LinkLost, match=rf"{serial.address}: cannot .*(lock|busy|does another program print)"):
        open_printer(serial.address, LINK)


def test_a_usb_printer_in_use_says_so(bus: Bus) -> None:
    gadget = PrinterGadget()
    other = bus.open(bus.plug(gadget))
    bus.detach(other, 0)
    bus.claim(other, 0)
    with pytest.raises(LinkLost, match=r"usb:0416:5011:SIM58: cannot open the printer: another program uses it"):
        open_printer("usb:0416:5011:SIM58", LINK)
    bus.close(other)
    open_printer("usb:0416:5011:SIM58", LINK).close()


def test_a_network_printer_that_serves_somebody_else_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It lets one connection in and leaves the others unanswered."""
    monkeypatch.setattr(transports, "CONNECT_SECONDS", 0.2)
    with socket.socket() as server, ExitStack() as others:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(3):
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(server.getsockname())
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        before = time.monotonic()
        with pytest.raises(LinkLost, match=rf"{address}: cannot open the printer: .*timed out.*; is it on"):
            open_printer(address, LINK)
        assert time.monotonic() - before < 5


def test_a_printer_that_stalls_its_answers_without_end_is_a_lost_link(bus: Bus, opened: Open) -> None:
    gadget = PrinterGadget()
    bus.plug(gadget)
    printer = opened("usb:")
    with pytest.raises(LinkLost, match="usb:: printer disconnected while reading"):
        for _ in range(100):
            bus.stall(gadget, 0x81)
            printer.read(0.05)


def test_a_stall_of_an_answer_is_cleared(bus: Bus, opened: Open) -> None:
    gadget = PrinterGadget()
    bus.plug(gadget)
    printer = opened("usb:")
    bus.stall(gadget, 0x81)
    assert printer.read(0.05) == b""
    bus.wake(lambda: gadget.offer(b"\x12"))
    assert printer.read(5.0) == b"\x12"


def test_a_full_disk_is_a_lost_link(opened: Open) -> None:
    with pytest.raises(LinkLost, match=r"file:/dev/full: printer disconnected while writing: .*No space left"):
        opened("file:/dev/full").write(b"paper")


def test_who_comes_second_does_not_change_the_line(serial: Peer, opened: Open) -> None:
    first = opened(serial.address)
    serial.send(b"\x12")
    with pytest.raises(LinkLost, match=f"{serial.address}: .*does another program print"):
        open_printer(serial.address, Link(9600))
    assert first.read(1.0) == b"\x12"


def test_a_pipe_that_nobody_reads_is_told_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LinkLost, match="cannot open the printer"):
        open_printer(f"file:{tmp_path / 'pipe'}", LINK)


def test_a_printer_that_may_not_be_asked_for_its_number_is_told_with_the_cure(bus: Bus) -> None:
    bus.plug(PrinterGadget(), locked=True)
    with pytest.raises(LinkLost, match=r"reports no serial number: write the address without one, or .*group lp"):
        open_printer("usb:0416:5011:SIM58", LINK)


@pytest.mark.parametrize(
    ("address", "step"),
    [
        ("file:/dev/usb/lp0", "to the group lp (usermod -aG lp USER)"),
        ("file:/srv/papers.bin", "the right to write /srv/papers.bin"),
        ("/dev/ttyUSB0", "to the group dialout (usermod -aG dialout USER)"),
    ],
)
def test_a_printer_without_rights_names_the_group(monkeypatch: pytest.MonkeyPatch, address: str, step: str) -> None:
    def refused(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied", address.removeprefix("file:"))

    monkeypatch.setattr("os.open", refused)
    with pytest.raises(LinkLost) as lost:
        open_printer(address, LINK)
    assert step in str(lost.value)
    assert "plugged in" not in str(lost.value)


def test_the_group_is_the_devices_own_if_it_has_one_that_may_write(monkeypatch: pytest.MonkeyPatch) -> None:
    def device(mode: int, gid: int) -> str:
        made = os.stat_result((stat.S_IFCHR | mode, 0, 0, 1, 0, gid, 0, 0, 0, 0))
        monkeypatch.setattr("drivers.transports.rights.Path.stat", lambda path: made)
        return next_step("/dev/ttyUSB0", "dialout")

    own = grp.getgrnam("tty").gr_gid
    assert "group tty " in device(0o660, own)
    assert "group dialout " in device(0o600, own)
    assert "group dialout " in device(0o660, 0)
    assert "group dialout " in device(0o660, 4_000_000)

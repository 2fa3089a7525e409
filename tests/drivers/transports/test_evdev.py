"""The kernel's input devices. There is no uinput in a container: a pipe takes what a kernel would write, byte for byte,
and a terminal stands for a device that is none."""

import errno
import os
import struct
from queue import Empty

import pytest

from drivers.discover import keyboards
from drivers.transports import LinkLost, evdev, open_port
from drivers.transports.adapters import System
from drivers.transports.evdev import EVIOCGRAB, KERNEL
from edge.between.inbox import Inbox, PortChanged, PortGarbage, Scanned
from edge.ports.port import Port
from protocol.link import Link
from protocol.readings import Scan
from protocol.scanners.scanner_hid import EV_SYN, EVENT, SYN_DROPPED, Options, encode, session
from simulator.scanners._reader import find
from simulator.wires.keys import Keys
from simulator.wires.line import Line

LINK = Link(9600)


@pytest.fixture
def plug(tmp_path):
    made = Keys(tmp_path / "event0")
    made.plug_in()
    yield made
    made.pull_out()


@pytest.fixture
def port(plug):
    opened = open_port(plug.address, LINK)
    yield opened
    opened.close()


def test_an_event_is_as_large_as_the_kernels():
    words = struct.calcsize("@LL")
    assert KERNEL.size == words + 8
    assert KERNEL.pack(1, 2, 1, 30, 1)[words:] == bytes.fromhex("0100 1e00 01000000")


def test_events_come_without_their_time(port, plug):
    keys = encode(Scan("6901"))
    plug.write(keys)
    assert port.read(1.0) == keys
    assert port.read(0) == b""


def test_an_event_that_comes_in_two_pieces_is_one(port, plug, tmp_path):
    event = KERNEL.pack(1764558243, 99, 1, 30, 1)
    with (tmp_path / "event0").open("wb", buffering=0) as writer:
        writer.write(event[:10])
        assert port.read(0.2) == b""
        writer.write(event[10:])
        assert port.read(1.0) == EVENT.pack(1, 30, 1)


def test_nothing_is_said_to_a_scanner_and_closing_twice_does_no_harm(port):
    port.write(b"anything")
    port.close()
    port.close()
    with pytest.raises(LinkLost, match="is it plugged in"):
        port.read(0)


@pytest.mark.parametrize(
    ("number", "why"), [(errno.EBUSY, "another program has grabbed it"), (errno.ENOTTY, "no input")]
)
def test_a_device_is_grabbed_or_not_read_at_all(monkeypatch, number, why):
    asked = []

    def ioctl(file, request, value):
        asked.append((request, value))
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(evdev.fcntl, "ioctl", ioctl)
    with pytest.raises(LinkLost, match=why):
        open_port("evdev:/dev/null", LINK)
    assert asked == [(EVIOCGRAB, 1)] == [(0x40044590, 1)]


def test_what_is_no_input_device_is_told_by_the_kernel_itself(tmp_path):
    with pytest.raises(LinkLost, match="no input device; name one of /dev/input/by-id"):
        open_port("evdev:/dev/null", LINK)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LinkLost, match="no input device"):
        open_port(f"evdev:{tmp_path}/file", LINK)
    with pytest.raises(LinkLost, match="is it plugged in"):
        open_port(f"evdev:{tmp_path}/none", LINK)


def test_keyboards_are_listed_by_the_names_that_stay(tmp_path):
    folder = tmp_path / "input" / "by-id"
    folder.mkdir(parents=True)
    (tmp_path / "input" / "event3").touch()
    (folder / "usb-Some_Scanner_12-event-kbd").symlink_to("../event3")
    (folder / "usb-Some_Mouse-event-mouse").symlink_to("../event4")
    (found,) = keyboards(System(dev=tmp_path))
    assert found.stable == f"evdev:{folder}/usb-Some_Scanner_12-event-kbd"
    assert found.device == str(tmp_path / "input" / "event3")
    assert keyboards(System(dev=tmp_path / "none")) == []


def test_a_station_reads_a_scanner_that_is_a_keyboard(tmp_path):
    inbox = Inbox()
    with Line(find("scanner_hid")(), Keys(tmp_path / "event0")) as line:
        thread = Port("scanner-1", inbox, lambda: open_port(line.address, LINK), lambda: session(Options()))
        thread.start()
        try:
            assert isinstance(inbox.get(timeout=5), PortChanged)
            line.do(lambda scanner, now: scanner.scan("https://sy.example.cn/b/上海青"))
            assert inbox.get(timeout=5) == Scanned("scanner-1", Scan("https://sy.example.cn/b/上海青"))
            lost = encode(Scan("12"), ending=None) + EVENT.pack(EV_SYN, SYN_DROPPED, 0) + encode(Scan("34"))
            line.do(lambda scanner, now: scanner._out.extend(lost))
            told = inbox.get(timeout=5)
            assert isinstance(told, PortGarbage) and "keys were lost" in told.why
            with pytest.raises(Empty):
                inbox.get(timeout=0.5)
        finally:
            thread.stop()
            thread.join(5)

import os
import socket
import tty

import pytest

from drivers.transports import LinkLost, open_port
from drivers.transports.serial import SerialPort
from protocol.link import Link

LINK = Link(9600)


@pytest.fixture
def pty():
    """A pseudo terminal: our end, and the name of the other."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        yield server


def url(listener):
    return f"socket://127.0.0.1:{listener.getsockname()[1]}"


def test_bytes_go_both_ways_on_a_serial_port(pty, whole):
    master, name = pty
    port = SerialPort(name, LINK)
    os.write(master, b"S S 1.0 kg\r\n")
    assert whole(lambda: port.read(5.0), 12) == b"S S 1.0 kg\r\n"
    port.write(b"SI\r\n")
    assert whole(lambda: os.read(master, 100), 4) == b"SI\r\n"
    port.close()


def test_every_byte_passes_unchanged(pty, whole):
    master, name = pty
    port = SerialPort(name, LINK)
    every = bytes(range(256))
    os.write(master, every)
    assert whole(lambda: port.read(5.0), len(every)) == every
    port.close()


def test_a_read_of_a_silent_port_is_empty(pty):
    port = SerialPort(pty[1], LINK)
    assert port.read(0.01) == b""
    assert port.read(0) == b""
    port.close()


def test_a_port_is_ours_alone(pty):
    port = SerialPort(pty[1], LINK)
    with pytest.raises(LinkLost, match="another program"):
        SerialPort(pty[1], LINK)
    port.close()
    SerialPort(pty[1], LINK).close()


def test_a_port_may_be_closed_twice_and_is_gone_then(pty):
    port = SerialPort(pty[1], LINK)
    port.close()
    port.close()
    with pytest.raises(LinkLost):
        port.read(0.01)
    with pytest.raises(LinkLost):
        port.write(b"x")


def test_a_port_that_is_not_there_says_what_to_do():
    with pytest.raises(LinkLost, match="plugged in"):
        open_port("/dev/no-such-port", LINK)


@pytest.mark.parametrize("address", ["nonsense", "ftp://x"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(LinkLost, match=address):
        open_port(address, LINK)


@pytest.mark.parametrize("link", ["1200/8n1", "9600/7e1", "9600/7o1", "115200/8n2"])
def test_line_settings_are_taken(pty, link):
    port = SerialPort(pty[1], Link.parse(link))
    assert (port._port.baudrate, port._port.parity) == (Link.parse(link).baud, Link.parse(link).parity.upper())
    port.close()


def test_a_port_whose_other_end_has_gone_is_lost():
    master, slave = os.openpty()
    tty.setraw(slave)
    port = SerialPort(os.ttyname(slave), LINK)
    os.close(slave)
    os.close(master)
    with pytest.raises(LinkLost, match="reading"):
        port.read(5.0)
    port.close()


def test_bytes_go_both_ways_on_a_serial_server(listener, whole):
    port = open_port(url(listener), LINK)
    peer, _ = listener.accept()
    with peer:
        peer.sendall(b"hello")
        assert whole(lambda: port.read(5.0), 5) == b"hello"
        port.write(b"SI\r\n")
        assert whole(lambda: peer.recv(100), 4) == b"SI\r\n"
    with pytest.raises(LinkLost):
        port.read(5.0)
    port.close()


def test_a_server_that_is_not_there_is_lost(listener):
    address = url(listener)
    listener.close()
    with pytest.raises(LinkLost, match="cannot open"):
        open_port(address, LINK)

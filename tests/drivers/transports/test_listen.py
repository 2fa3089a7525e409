import contextlib
import socket
import struct
import time

import pytest

from drivers.transports import LinkLost, open_port
from drivers.transports.listen import SILENT_SECONDS, ListenPort
from edge.inbox import Inbox, PortChanged, Tested
from edge.ports import Committed, Port
from protocol.analyzers import hl7_mllp
from protocol.analyzers._astm_link import ACK, ENQ, NAK, frame
from protocol.analyzers.astm import Session
from protocol.link import Link

LINK = Link(9600)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def port(clock):
    opened = ListenPort("listen:127.0.0.1:0", clock)
    yield opened
    opened.close()


@contextlib.contextmanager
def client(port):
    with socket.create_connection(("127.0.0.1", port.port), timeout=5) as peer:
        peer.settimeout(5)
        yield peer


def read(port, wanted, seconds=5.0):
    """Read until this much has come."""
    data, end = b"", time.monotonic() + seconds
    while len(data) < wanted and time.monotonic() < end:
        data += port.read(0.1)
    return data


def test_bytes_go_both_ways(port):
    with client(port) as peer:
        peer.sendall(b"hello")
        assert read(port, 5) == b"hello"
        port.write(b"answer")
        assert peer.recv(100) == b"answer"


def test_the_next_client_is_served_when_one_has_gone(port):
    for count in range(3):
        with client(port) as peer:
            peer.sendall(b"%d" % count)
            assert read(port, 1) == b"%d" % count
        assert port.read(0.1) == b""


def test_without_a_client_reading_is_empty_and_writing_is_dropped(port):
    assert port.read(0) == b""
    port.write(b"nobody hears this")


def test_an_answer_to_the_client_before_is_not_given_to_the_next(port):
    with client(port) as peer:
        peer.sendall(b"question")
        read(port, 8)
    port.read(0.1)
    with client(port) as peer:
        port.read(1)
        port.write(b"late answer")
        peer.sendall(b"x")
        assert read(port, 1) == b"x"
        port.write(b"own answer")
        assert peer.recv(100) == b"own answer"


def test_a_second_client_waits_while_the_first_one_speaks(port, clock):
    with client(port) as first, client(port) as second:
        first.sendall(b"1")
        assert read(port, 1) == b"1"
        second.sendall(b"2")
        clock.now += SILENT_SECONDS / 2
        assert port.read(0.05) == b""
        first.sendall(b"1")
        assert read(port, 1) == b"1"
        first.close()
        assert read(port, 1) == b"2"


def test_a_second_client_takes_over_from_one_that_is_silent(port, clock):
    with client(port) as first, client(port) as second:
        first.sendall(b"1")
        assert read(port, 1) == b"1"
        second.sendall(b"2")
        clock.now += SILENT_SECONDS
        assert read(port, 1) == b"2"
        assert first.recv(100) == b""
        port.write(b"answer")
        assert second.recv(100) == b"answer"


def test_a_waiting_client_does_not_make_reading_busy(port):
    with client(port) as first, client(port):
        first.sendall(b"1")
        read(port, 1)
        start = time.monotonic()
        assert port.read(0.2) == b""
        assert time.monotonic() - start >= 0.19


def test_a_client_that_is_cut_off_is_no_lost_link(port):
    with client(port) as peer:
        peer.sendall(b"x")
        assert read(port, 1) == b"x"
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for _ in range(3):
        port.write(b"into the void")
        assert port.read(0.05) == b""
    with client(port) as peer:
        peer.sendall(b"y")
        assert read(port, 1) == b"y"


def test_a_port_may_be_closed_twice_and_is_gone_then(port):
    port.close()
    port.close()
    with pytest.raises(LinkLost):
        port.read(0.01)
    with pytest.raises(LinkLost):
        port.write(b"x")


@pytest.mark.parametrize("address", ["listen:", "listen:127.0.0.1", "listen:127.0.0.1:x", "listen:127.0.0.1:70000"])
def test_an_address_that_is_none_is_refused_with_an_example(address):
    with pytest.raises(LinkLost, match=r"listen:0\.0\.0\.0:4001"):
        open_port(address, LINK)


def test_a_port_that_is_taken_says_so(port):
    with pytest.raises(LinkLost, match="taken"):
        open_port(f"listen:127.0.0.1:{port.port}", LINK)
    with pytest.raises(LinkLost, match="host ours"):
        open_port("listen:192.0.2.1:4001", LINK)


def test_every_interface_and_ipv6_can_be_named():
    for address in ("listen::0", "listen:0.0.0.0:0", "listen:[::1]:0"):
        try:
            open_port(address, LINK).close()
        except LinkLost as lost:
            assert "[::1]" in address and "cannot listen" in str(lost)  # a machine without IPv6


def test_an_astm_answer_held_for_a_client_that_left_confuses_nobody(port):
    session = Session()
    with client(port) as peer:
        peer.sendall(ENQ)
        session.receive(read(port, 1), 0.0)
        port.write(session.pending())
        assert peer.recv(1) == ACK
        session.receive(frame(1, b"H|\\^&\rR|1|^^^A|1|%\rL|1|N\r"), 0.0)
    port.read(0.1)
    with client(port) as peer:
        port.read(1)
        peer.sendall(ENQ)
        session.receive(read(port, 1), 1.0)
        session.committed(1.0)
        port.write(session.pending())
        assert peer.recv(10) == NAK


def test_the_station_reads_an_instrument_that_connects_by_itself():
    inbox, opened = Inbox(), []

    def open_it():
        opened.append(open_port("listen:127.0.0.1:0", LINK))
        return opened[-1]

    thread = Port("hl7", inbox, open_it, hl7_mllp.Session)
    thread.start()
    try:
        assert isinstance(inbox.get(timeout=5), PortChanged)
        message = hl7_mllp.block(b"MSH|^~\\&|A|B|C|D|||ORU^R01|1|P|2.4\rOBX|1|NM|INH||12.5|%\r")
        for _ in range(2):
            with client(opened[0]) as peer:
                peer.sendall(message)
                tested = inbox.get(timeout=5)
                assert isinstance(tested, Tested) and tested.results[0].item == "INH"
                thread.order(Committed())
                assert b"MSA|AA|1" in peer.recv(1000)
        assert len(opened) == 1
    finally:
        thread.stop()
        thread.join(5)

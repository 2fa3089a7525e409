import contextlib
import socket
import struct
import time
from queue import Empty

import pytest

from drivers.transports import LinkLost, open_port
from drivers.transports.listen import SILENT_SECONDS, ListenPort
from edge.between.inbox import Inbox, PortChanged, Tested
from edge.ports.port import Committed, Port
from protocol.analyzers import hl7_mllp
from protocol.analyzers.astm import Session
from protocol.analyzers.shared.astm_link import ACK, ENQ, NAK, frame
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


@pytest.fixture
def picky(clock):
    """Only two addresses and a network may connect."""
    opened = ListenPort("listen:0.0.0.0:0?from=127.0.0.2,127.0.0.3,127.0.7.0/24", clock)
    yield opened
    opened.close()


@contextlib.contextmanager
def client(port, host="127.0.0.1"):
    with socket.create_connection(("127.0.0.1", port.port), timeout=5, source_address=(host, 0)) as peer:
        peer.settimeout(5)
        yield peer


def read(port, wanted, seconds=5.0):
    """Read until this much has come."""
    data, end = b"", time.monotonic() + seconds
    while len(data) < wanted and time.monotonic() < end:
        data += port.read(0.1)
    return data


def test_bytes_go_both_ways(port, whole):
    with client(port) as peer:
        peer.sendall(b"hello")
        assert read(port, 5) == b"hello"
        port.write(b"answer")
        assert whole(lambda: peer.recv(100), 6) == b"answer"


def test_the_next_client_is_served_when_one_has_gone(port):
    for count in range(3):
        with client(port) as peer:
            peer.sendall(b"%d" % count)
            assert read(port, 1) == b"%d" % count
        assert port.read(0.1) == b""


def test_without_a_client_reading_is_empty_and_writing_is_dropped(port):
    assert port.read(0) == b""
    port.write(b"nobody hears this")


def test_an_answer_to_the_client_before_is_not_given_to_the_next(port, whole):
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
        assert whole(lambda: peer.recv(100), 10) == b"own answer"


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


def test_a_second_client_takes_over_from_one_that_is_silent(port, clock, whole):
    with client(port) as first, client(port) as second:
        first.sendall(b"1")
        assert read(port, 1) == b"1"
        second.sendall(b"2")
        clock.now += SILENT_SECONDS
        assert read(port, 1) == b"2"
        assert first.recv(100) == b""
        port.write(b"answer")
        assert whole(lambda: second.recv(100), 6) == b"answer"


def test_clients_that_each_bring_one_message_and_go_are_all_heard(port):
    with client(port) as first:
        first.sendall(b"1")
        assert read(port, 1) == b"1"
        for count in range(20):
            with client(port) as brief:
                brief.sendall(b"%d" % (count % 10))
        first.sendall(b"1")
        assert read(port, 1) == b"1"
    assert read(port, 20) == b"01234567890123456789"


def test_who_went_while_it_waited_takes_the_line_from_nobody(port, clock):
    with client(port) as first:
        first.sendall(b"1")
        assert read(port, 1) == b"1"
        with client(port):
            port.read(0.05)
        clock.now += SILENT_SECONDS
        port.read(0.05)
        first.sendall(b"still here")
        assert read(port, 10) == b"still here"


# --- who may connect ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.2", "127.0.0.3", "127.0.7.200"])
def test_a_named_peer_is_served_and_its_address_is_known(picky, host):
    with client(picky, host) as peer:
        peer.sendall(b"1")
        assert read(picky, 1) == b"1"
        assert picky.peer == host
        picky.write(b"2")
        assert peer.recv(10) == b"2"
    assert picky.news() is None


def test_anybody_else_is_sent_away_at_once_counted_and_told(picky, clock):
    with client(picky, "127.0.0.2") as named:
        named.sendall(b"1")
        assert read(picky, 1) == b"1"
        for host in ("127.0.0.9", "127.0.8.1", "127.0.8.1"):
            with client(picky, host) as stranger:
                assert picky.read(0.05) == b""
                assert stranger.recv(10) == b""
        named.sendall(b"3")
        assert read(picky, 1) == b"3"
        assert picky.peer == "127.0.0.2"
    news = picky.news()
    assert news.startswith("3 connections refused, the last from 127.0.8.1 and 1 more addresses; ")
    assert "?from=127.0.0.2,127.0.0.3,127.0.7.0/24,127.0.8.1 at the end of its port in station.toml" in news
    assert picky.news() is None
    clock.now += 600
    assert picky.news() == ""
    assert picky.news() is None


def test_nothing_that_a_stranger_sends_is_read(picky):
    with client(picky, "127.0.0.9") as stranger, contextlib.suppress(ConnectionError):
        stranger.sendall(b"sample 7: 3 %, qualified")
        assert read(picky, 1, 0.3) == b""


def test_strangers_in_hundreds_keep_no_named_peer_from_speaking(picky):
    with contextlib.ExitStack() as many:
        for count in range(100):
            many.enter_context(client(picky, f"127.0.9.{count + 1}"))
        with client(picky, "127.0.0.2") as named:
            named.sendall(b"1")
            assert read(picky, 1) == b"1"
    assert "100 connections refused" in picky.news()
    assert len(picky._peers._strangers) <= 256


def test_a_named_peer_that_begins_anew_takes_over_and_another_waits_its_turn(picky, clock):
    with client(picky, "127.0.0.2") as first, client(picky, "127.0.0.3") as second:
        first.sendall(b"1")
        assert read(picky, 1) == b"1"
        second.sendall(b"2")
        for _ in range(5):
            clock.now += SILENT_SECONDS - 1
            first.sendall(b"1")
            assert read(picky, 1) == b"1"
            assert picky.peer == "127.0.0.2"
        first.close()
        assert read(picky, 1) == b"2"
        assert picky.peer == "127.0.0.3"
        with client(picky, "127.0.0.2") as again:
            again.sendall(b"1")
            assert picky.read(0.05) == b""
            clock.now += SILENT_SECONDS
            assert read(picky, 1) == b"1"
            assert picky.peer == "127.0.0.2"


@pytest.mark.parametrize("query", ["", "from=", "from=me", "from=10.0.0.1/8", "to=10.0.0.1", "from=::1&x=1"])
def test_peers_that_are_none_are_refused_with_an_example(query):
    with pytest.raises(LinkLost, match=r"from=192\.168\.1\.20"):
        open_port(f"listen:127.0.0.1:0?{query}", LINK)


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

    thread = Port("hl7", inbox, open_it, lambda: hl7_mllp.Session(hl7_mllp.Options()))
    thread.start()
    try:
        assert isinstance(inbox.get(timeout=5), PortChanged)
        message = hl7_mllp.block(b"MSH|^~\\&|A|B|C|D|||ORU^R01|1|P|2.4\rOBX|1|NM|INH||12.5|%\r")
        for _ in range(2):
            with client(opened[0]) as peer:
                peer.sendall(message)
                tested = inbox.get(timeout=5)
                assert isinstance(tested, Tested) and tested.results[0].item == "INH"
                assert tested.results[0].peer == "127.0.0.1"
                thread.order(Committed())
                assert b"MSA|AA|1" in peer.recv(1000)
        assert len(opened) == 1
    finally:
        thread.stop()
        thread.join(5)


def test_the_station_tells_once_a_minute_who_was_sent_away(caplog):
    inbox, opened = Inbox(), []

    def open_it():
        opened.append(open_port("listen:0.0.0.0:0?from=127.0.0.2", LINK))
        return opened[-1]

    thread = Port("hl7", inbox, open_it, lambda: hl7_mllp.Session(hl7_mllp.Options()))
    thread.start()
    try:
        assert isinstance(inbox.get(timeout=5), PortChanged)
        for _ in range(20):
            with client(opened[0], "127.0.0.9") as stranger, contextlib.suppress(ConnectionError):
                assert stranger.recv(1) == b""
        told = inbox.get(timeout=5)
        assert isinstance(told, PortChanged) and told.up
        assert "from 127.0.0.9" in told.why and "?from=127.0.0.2,127.0.0.9" in told.why
        with pytest.raises(Empty):
            inbox.get(timeout=0.5)
        assert len([one for one in caplog.records if "refused" in one.getMessage()]) == 1
    finally:
        thread.stop()
        thread.join(5)

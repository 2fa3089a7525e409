"""PC scales' WebSockets: against the server of another library, and against the simulated scale."""

import socket
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest
from websockets.sync.server import Server, serve

from drivers.transports import LinkLost, open_port
from drivers.transports.ws import MESSAGE_BYTES, SILENT_SECONDS, WebSocketPort
from edge.between.inbox import Inbox, PortChanged, Weighed
from edge.ports.port import Port
from protocol.link import Link
from protocol.scales import pc_scale
from simulator.scales._pan import Pan, find
from simulator.wires.line import Line
from simulator.wires.ws import WebSockets

LINK = Link(9600)
MESSAGE = '{\n "net_weight": "1.2500"\n}'


class Scale:
    """A server of the library ``websockets``, which says what a test wants it to."""

    def __init__(self) -> None:
        self.says: list[object] = [MESSAGE]
        self.done = threading.Event()
        self.ponged = threading.Event()

    def handle(self, peer) -> None:
        for one in self.says:
            if one == "ping":
                self.ponged = peer.ping()
            elif one == "cut":
                peer.socket.shutdown(socket.SHUT_RDWR)
                return
            else:
                peer.send(one)
        self.done.wait(10)


@pytest.fixture
def scale() -> Iterator[tuple[Scale, str]]:
    made = Scale()
    server: Server = serve(made.handle, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made, f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
    made.done.set()
    server.shutdown()
    thread.join(5)


def heard(port, wanted, rounds=100):
    data = b""
    for _ in range(rounds):
        data += port.read(0.05)
        if len(data.splitlines()) >= wanted:
            break
    return data


def test_each_message_is_a_line(scale):
    made, address = scale
    made.says = [MESSAGE, "┗━┛", ["half of ", "it"], b"bytes are passed over", MESSAGE]
    port = open_port(f"{address}/any", LINK)
    one = b'{  "net_weight": "1.2500" }\n'
    assert heard(port, 4) == one + "┗━┛\nhalf of it\n".encode() + one
    port.write(b"nothing")
    port.close()
    port.close()


def test_a_ping_is_answered_while_it_is_read(scale):
    made, address = scale
    made.says = ["ping", MESSAGE]
    port = open_port(address, LINK)
    heard(port, 1)
    assert made.ponged.wait(5)
    port.close()


@pytest.mark.parametrize("end", ["close", "cut"])
def test_an_end_is_a_lost_link(scale, end):
    made, address = scale
    made.says = [MESSAGE] if end == "close" else [MESSAGE, "cut"]
    if end == "close":
        made.done.set()
    with pytest.raises(LinkLost, match=r"the scale ended the connection$|disconnected while"):
        heard(open_port(address, LINK), 99)


def test_a_message_without_end_is_a_lost_link(scale):
    made, address = scale
    made.says = ["x" * (MESSAGE_BYTES + 1)]
    with pytest.raises(LinkLost, match="no scale"):
        heard(open_port(address, LINK), 1)


def test_a_computer_that_was_switched_off_is_a_lost_link(scale):
    _, address = scale
    now = [100.0]
    port = WebSocketPort(address, lambda: now[0])
    assert heard(port, 1)
    now[0] += SILENT_SECONDS
    with pytest.raises(LinkLost, match="connecting again"):
        port.read(0)
    port.close()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", b"220 ftp\r\n", b""])
def test_what_is_no_websocket_is_told(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once():
            peer, _ = server.accept()
            peer.recv(1000)
            peer.sendall(answer)
            peer.close()

        thread = threading.Thread(target=once)
        thread.start()
        with pytest.raises(LinkLost, match=r"no WebSocket|refuses the connection"):
            open_port(f"ws://127.0.0.1:{server.getsockname()[1]}", LINK)
        thread.join(5)
    with pytest.raises(LinkLost, match="is the scale on"):
        open_port(f"ws://127.0.0.1:{server.getsockname()[1] if server.fileno() > 0 else 1}", LINK)


def test_a_station_reads_a_simulated_pc_scale_and_connects_again():
    inbox = Inbox()

    def weight(wanted: str) -> None:
        while not (isinstance(said := inbox.get(timeout=5), Weighed) and said.weighing.value == Decimal(wanted)):
            pass
        assert said.weighing.unit == "kg"

    with Line(find("pc_scale")(Pan(settle=0.0)), WebSockets()) as line:
        thread = Port("scale-1", inbox, lambda: open_port(line.address, LINK), pc_scale.session)
        thread.start()
        try:
            assert isinstance(inbox.get(timeout=5), PortChanged)
            line.do(lambda scale, now: scale.pan.put(Decimal("1.250"), now))
            weight("1.250")
            line.unplug()
            while not isinstance(inbox.get(timeout=5), PortChanged):
                pass
            line.do(lambda scale, now: scale.pan.put(Decimal("2.500"), now))
            line.replug()
            weight("2.500")
        finally:
            thread.stop()
            thread.join(5)
    with Line(find("pc_scale")(Pan()), WebSockets()) as line, pytest.raises(LinkLost, match="refuses"):
        open_port(f"{line.address}/elsewhere", LINK)

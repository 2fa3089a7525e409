"""The page port is crowded from the network while a stall sells on the box itself.

A connection that leaves this machine's own network address for 127.0.0.1 comes to the station as one of the network.
"""

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator.broker import Broker
from simulator.city.server import City
from simulator.printer.printer import Printer
from simulator.printer.read import Paper
from simulator.scales._pan import Pan
from simulator.scales.mt_sics import MtSics
from simulator.stage import CABBAGE, StationProcess, Wiring, wait_for
from simulator.wires.line import Line, Pty

CROWD = 400
SOMEWHERE = ("192.0.2.1", 9)  # nothing is sent there
LENT = "198.51.100.7"  # kept for documentation (RFC 5737)


def own_address() -> str:
    """An address of this machine that is not loopback; empty when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(SOMEWHERE)
        address = str(probe.getsockname()[0])
        return "" if address.startswith(("127.", "0.")) else address
    return ""


@pytest.fixture
def network() -> Iterator[str]:
    """An address that the station takes for one of the network: the machine's own, or one lent to the loopback.

    127.0.0.2 is none: whoever comes from there is on the box.  Fails where there is none and none can be lent.
    """
    if address := own_address():
        yield address
        return
    change = ("dev", "lo")
    lent = subprocess.run(["ip", "address", "add", f"{LENT}/32", *change], capture_output=True, text=True, check=False)
    if lent.returncode:
        pytest.fail(f"this machine has no network address, and {LENT} could not be lent to it: {lent.stderr}")
    yield LENT
    subprocess.run(["ip", "address", "del", f"{LENT}/32", *change], check=False)


class Neighbour:
    """A program at the network address; it opens connections and says nothing on them."""

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port
        self._open = ExitStack()

    def connect(self) -> socket.socket:
        end = socket.create_connection(("127.0.0.1", self._port), 10, (self._address, 0))
        return self._open.enter_context(end)

    def crowd(self, count: int) -> None:
        for _ in range(count):
            with suppress(ConnectionError):
                self.connect()

    def asks(self, path: str) -> tuple[int, dict[str, Any]]:
        end = self.connect()
        said = b""
        with suppress(ConnectionError):
            end.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        with suppress(ConnectionError):
            while piece := end.recv(65536):
                said += piece
        head, _, body = said.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)

    def close(self) -> None:
        self._open.close()


@pytest.fixture
def neighbour(network: str) -> Iterator[Callable[[int], Neighbour]]:
    with ExitStack() as stack:

        def move_in(port: int) -> Neighbour:
            return stack.enter_context(closing(Neighbour(network, port)))

        yield move_in


@pytest.mark.broker
def test_a_sale_is_made_while_the_network_crowds_the_pages(
    tmp_path: Path,
    broker: Broker,
    city: City,
    station: Callable[..., StationProcess],
    released_lot: Callable[..., str],
    delivered: Callable[..., dict[str, Any]],
    neighbour: Callable[[int], Neighbour],
) -> None:
    papers: list[Paper] = []
    pan = Pan(Decimal(30), Decimal("0.010"), settle=0.03)
    with (
        Line(MtSics(pan), Pty(tmp_path / "scale")) as line,
        Line(Printer(on_paper=papers.append), Pty(tmp_path / "printer")) as printer,
    ):
        running = station(Wiring(broker=broker.url, scale=line.address, printer=printer.address))
        lot = released_lot(running)
        other = neighbour(running.port)
        assert other.asks("/api/board")[0] == 200
        wait_for("an empty pan", lambda: running.board()["scales"][0]["why"] == "below_min")

        other.crowd(CROWD)
        assert other.asks("/api/board")[0] == 200  # the connection that has rested longest gave way
        descriptors = len(list(Path(f"/proc/{running.pid}/fd").iterdir()))
        assert descriptors < 150

        line.do(lambda _, now: pan.put(Decimal("1.250"), now))
        wait_for("a load", lambda: running.board()["scales"][0]["sellable"], 20)
        sale = running.post("/api/sales", scale="scale-1", product=CABBAGE, lot=lot, seen_g=1250)
        assert sale["net_g"] == 1250
        wait_for("the slip", lambda: papers, 20)
        assert delivered(running, city)

        other.close()
        wait_for("the network's own places", lambda: other.asks("/api/board")[0] == 200, 20)
        running.stop()
    log = running.log.read_text("utf-8")
    assert "Too many open files" not in log
    assert len(log.splitlines()) < 100

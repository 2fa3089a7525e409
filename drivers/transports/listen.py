"""A TCP port on which we wait for the device: instruments that connect to their host by themselves (ASTM, HL7)."""

import contextlib
import re
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import parse_qsl

from drivers.transports.base import READ_SECONDS, LinkLost

WRITE_SECONDS = 2.0
CHUNK = 4096
SILENT_SECONDS = 10.0
AT_ONCE = 64  # that are let in or sent away in one call of ``read``
QUEUE = 8  # that wait for their turn
STRANGERS = 256  # addresses that are counted
FORGET_SECONDS = 600.0
KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
ADDRESS = re.compile(r"listen:(?:\[([0-9A-Fa-f:.]*)\]|([^:?]*)):([0-9]{1,5})(?:\?(.*))?")

Network = IPv4Network | IPv6Network


def named_peers(address: str) -> tuple[Network, ...]:
    """Who may connect to ``listen:HOST:PORT?from=192.168.1.20,192.168.2.0/24``; empty for everybody.

    Raises ValueError for what is no address, and for a network with bits of a host (192.168.1.20/24).
    """
    found = ADDRESS.fullmatch(address)
    query = found[4] if found else None
    if query is None:
        return ()
    asked = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    if [name for name, _ in asked] != ["from"]:
        raise ValueError("no peers")
    return tuple(ip_network(one.strip()) for one in asked[0][1].split(","))


def server(address: str, host: str, port: int) -> socket.socket:
    """Listens there, without waiting for anybody. Raises LinkLost, which names ``address`` and what to look at."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        found = socket.create_server((host, port), family=family)
    except OSError as error:
        raise LinkLost(f"{address}: cannot listen: {error}; is the port taken, is the host ours?") from error
    found.setblocking(False)
    return found


class Peers:
    """Who may connect to an address, and who was sent away."""

    def __init__(self, address: str, clock: Callable[[], float]) -> None:
        """Raises LinkLost for a `?from=` that names nobody."""
        self._clock = clock
        self._refused = self._told = 0
        self._strangers: dict[str, None] = {}  # their addresses, the last one last
        self._refused_at = 0.0
        try:
            self._named = named_peers(address)
        except ValueError:
            raise LinkLost(
                f"{address}: write who may connect as listen:0.0.0.0:4001?from=192.168.1.20,192.168.2.0/24"
            ) from None

    def may(self, host: str) -> bool:
        """Whether this address (``bare``) may connect; one that may not is counted."""
        if not self._named or any(ip_address(host) in network for network in self._named):
            return True
        self._refused += 1
        self._refused_at = self._clock()
        self._strangers.pop(host, None)
        if len(self._strangers) < STRANGERS:
            self._strangers[host] = None
        return False

    def news(self) -> str | None:
        """Who was sent away, for the technician: a text, empty when that is over, None when nothing is new."""
        if self._refused and self._clock() - self._refused_at >= FORGET_SECONDS:
            self._refused = self._told = 0
            self._strangers.clear()
            return ""
        if self._refused == self._told:
            return None
        self._told = self._refused
        *others, last = self._strangers
        also = f" and {len(others)} more addresses" if others else ""
        allowed = ",".join((*map(_written, self._named), last))
        return (
            f"{self._refused} connections refused, the last from {last}{also}; if that is the instrument, write"
            f" ?from={allowed} at the end of its port in station.toml and restart the station"
        )


class ListenPort:
    """Waits at ``listen:HOST:PORT`` and speaks with one client at a time; an empty host means every interface.

    ``?from=`` names the addresses that may connect, or networks; anybody else is sent away at once, counted and told
    (``news``).  Without it everybody who reaches the port is the instrument.

    A client that goes is no lost link: the next one may come.  One that comes while another is connected waits until
    that one has gone or was silent for ``SILENT_SECONDS``; then it takes over, so an instrument that was switched off
    and on again does not stand before a connection only we believe in.

    What is written while nobody is connected is dropped, and so is what is written to a client that has not spoken
    yet: it would be an answer to the one before.  Formats for this port are those in which the device speaks first.
    """

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.address = address
        self.peer = ""  # the address of who said what was read last
        self._clock = clock
        self._client: socket.socket | None = None
        self._who = ""
        self._queue: deque[tuple[str, socket.socket]] = deque()  # who waits for his turn, with his address
        self._spoke = False
        self._heard_at = 0.0
        self._peers = Peers(address, clock)
        found = ADDRESS.fullmatch(address)
        if not found or int(found[3]) > 0xFFFF:
            raise LinkLost(f"{address}: write listen:HOST:PORT, for example listen:0.0.0.0:4001?from=192.168.1.20")
        host, port = found[1] or found[2] or "", int(found[3])
        self._server = server(address, host, port)

    @property
    def port(self) -> int:
        """The port's number, also when the address said 0."""
        number: int = self._server.getsockname()[1]
        return number

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        if self._client is None or self._clock() - self._heard_at >= SILENT_SECONDS:
            self._take_over()
        try:
            ready, _, _ = select.select(self._watched(), [], [], max(0.0, timeout))
        except (OSError, ValueError) as error:
            raise LinkLost(f"{self.address}: disconnected while reading: {error}") from error
        if self._server in ready:
            self._answer()
        return self._receive(self._client) if self._client in ready and self._client else b""

    def write(self, data: bytes) -> None:
        if self._server.fileno() < 0:
            raise LinkLost(f"{self.address}: the port is closed")
        if self._client is None or not self._spoke:
            return
        self._client.settimeout(WRITE_SECONDS)
        try:
            self._client.sendall(data)
        except OSError:
            self._drop()  # it may come back; to the session this is an answer that got lost

    def news(self) -> str | None:
        """Who was sent away: as ``Peers``."""
        return self._peers.news()

    def close(self) -> None:
        self._drop()
        while self._queue:
            _shut(self._queue.popleft()[1])
        with contextlib.suppress(OSError):
            self._server.close()

    def _watched(self) -> list[socket.socket]:
        """When so many wait, the next ones wait in the kernel."""
        watched = [self._client] if self._client else []
        return [*watched, self._server] if len(self._queue) < QUEUE else watched

    def _answer(self) -> None:
        """Whoever may connect waits for his turn; anybody else is sent away."""
        for _ in range(AT_ONCE):
            if len(self._queue) >= QUEUE:
                return
            try:
                client, (host, *_) = self._server.accept()
            except OSError:  # nobody, or he is gone again
                return
            host = bare(host)
            if self._peers.may(host):
                self._queue.append((host, client))
            else:
                _shut(client)

    def _take_over(self) -> None:
        """The first one that waits and is still there, or left something to read, gets the line."""
        while self._queue:
            host, client = self._queue.popleft()
            if not _gone(client):
                self._take(client, host)
                return
            _shut(client)

    def _take(self, client: socket.socket, host: str) -> None:
        self._drop()
        self._client, self._who = client, host
        self._heard_at = self._clock()
        with contextlib.suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in KEEPALIVE:
                if hasattr(socket, name):
                    client.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def _receive(self, client: socket.socket) -> bytes:
        try:
            data = client.recv(CHUNK)
        except OSError:
            data = b""
        if data:
            self.peer = self._who
        else:
            self._drop()
        self._spoke = self._spoke or bool(data)
        self._heard_at = self._clock()
        return data

    def _drop(self) -> None:
        client, self._client = self._client, None
        self._spoke = False
        _shut(client)


def bare(host: str) -> str:
    """One spelling for one address: without its interface, an IPv4 one as such. Raises ValueError for another text."""
    address = ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _gone(client: socket.socket) -> bool:
    """Whether it went without a word."""
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _written(network: Network) -> str:
    return str(network.network_address if network.num_addresses == 1 else network)


def _shut(client: socket.socket | None) -> None:
    if client:
        with contextlib.suppress(OSError):
            client.close()

"""A TCP port on which we wait for the device: instruments that connect to their host by themselves (ASTM, HL7)."""

import contextlib
import re
import select
import socket
import time
from collections.abc import Callable

from drivers.transports.base import READ_SECONDS, LinkLost

WRITE_SECONDS = 2.0
CHUNK = 4096
SILENT_SECONDS = 10.0
KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
ADDRESS = re.compile(r"listen:(?:\[([0-9A-Fa-f:.]*)\]|([^:]*)):([0-9]{1,5})")


class ListenPort:
    """Waits at ``listen:HOST:PORT`` and speaks with one client at a time; an empty host means every interface.

    A client that goes is no lost link: the next one may come.  One that comes while another is connected waits until
    that one has gone or was silent for ``SILENT_SECONDS``; then it takes over, so an instrument that was switched off
    and on again does not stand before a connection only we believe in.

    What is written while nobody is connected is dropped, and so is what is written to a client that has not spoken
    yet: it would be an answer to the one before.  Formats for this port are those in which the device speaks first.
    """

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.address = address
        self._clock = clock
        self._client: socket.socket | None = None
        self._spoke = False
        self._heard_at = 0.0
        found = ADDRESS.fullmatch(address)
        if not found or int(found[3]) > 0xFFFF:
            raise LinkLost(f"{address}: write listen:HOST:PORT, for example listen:0.0.0.0:4001")
        host, port = found[1] or found[2] or "", int(found[3])
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._server = socket.create_server((host, port), family=family)
        except OSError as error:
            raise LinkLost(f"{address}: cannot listen: {error}; is the port taken, is the host ours?") from error
        self._server.setblocking(False)

    @property
    def port(self) -> int:
        """The port's number, also when the address said 0."""
        number: int = self._server.getsockname()[1]
        return number

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        try:
            ready, _, _ = select.select(self._watched(), [], [], max(0.0, timeout))
        except (OSError, ValueError) as error:
            raise LinkLost(f"{self.address}: gone while reading: {error}") from error
        if self._server in ready:
            self._accept()
            return b""
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

    def close(self) -> None:
        self._drop()
        with contextlib.suppress(OSError):
            self._server.close()

    def _watched(self) -> list[socket.socket]:
        if self._client is None:
            return [self._server]
        silent = self._clock() - self._heard_at >= SILENT_SECONDS
        return [self._client, self._server] if silent else [self._client]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the client may be gone again
            client, _ = self._server.accept()
            self._drop()
            self._client = client
            self._heard_at = self._clock()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in KEEPALIVE:
                if hasattr(socket, name):
                    client.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def _receive(self, client: socket.socket) -> bytes:
        try:
            data = client.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            self._drop()
        self._spoke = self._spoke or bool(data)
        self._heard_at = self._clock()
        return data

    def _drop(self) -> None:
        client, self._client = self._client, None
        self._spoke = False
        if client:
            with contextlib.suppress(OSError):
                client.close()

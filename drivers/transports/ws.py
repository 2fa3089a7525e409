"""A WebSocket that a device's own computer serves: ``ws://HOST:PORT[/PATH]``. Each message of text is a line."""

import contextlib
import select
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from drivers.transports.base import READ_SECONDS, LinkLost

CONNECT_SECONDS = 3.0
SILENT_SECONDS = 15.0  # a computer that was switched off says no goodbye
MESSAGE_BYTES = 64 << 10
CHUNK = 16 << 10


class WebSocketPort:
    """Hears the messages; says nothing but what keeps the connection. LinkLost when it ends or is silent for long."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            from wsproto import ConnectionType, WSConnection
            from wsproto.events import Request
        except ImportError as error:
            raise LinkLost(f"{address}: WebSocket needs wsproto: pip install 'marketedge[websocket]'") from error
        self.address = address
        self._clock = clock
        self._left = bytearray()  # of a message that is not whole
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or 80
        try:
            self._socket = socket.create_connection((host, port), timeout=CONNECT_SECONDS)
        except OSError as error:
            raise LinkLost(f"{address}: cannot connect: {error}; is the scale on, is its address right?") from error
        self._talk = WSConnection(ConnectionType.CLIENT)
        self._heard_at = clock()
        try:
            self._send(self._talk.send(Request(host=parts.netloc, target=parts.path or "/")))
            self._first = self._shake_hands()
            self._socket.setblocking(False)
        except LinkLost:
            self.close()
            raise

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        try:
            ready, _, _ = select.select([self._socket], [], [], max(0.0, timeout))
            data = self._socket.recv(CHUNK) if ready else None
        except BlockingIOError:
            data = None
        except (OSError, ValueError) as error:
            raise LinkLost(f"{self.address}: disconnected while reading: {error}") from error
        if data is None:
            if self._clock() - self._heard_at >= SILENT_SECONDS:
                raise LinkLost(f"{self.address}: nothing came for {SILENT_SECONDS:g} s; connecting again")
            return b""
        if not data:
            raise LinkLost(f"{self.address}: the scale ended the connection")
        self._heard_at = self._clock()
        return self._understood(data)

    def write(self, data: bytes) -> None:
        """These devices are told nothing."""

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def _shake_hands(self) -> bytes:
        """Until it has accepted; what it said right behind that. Raises LinkLost."""
        from wsproto.events import AcceptConnection, RejectConnection
        from wsproto.utilities import RemoteProtocolError

        end = self._clock() + CONNECT_SECONDS
        while self._clock() < end:
            try:
                data = self._socket.recv(CHUNK)
                self._talk.receive_data(data or None)
                for event in self._talk.events():
                    if isinstance(event, AcceptConnection):
                        return self._understood(b"")
                    if isinstance(event, RejectConnection):
                        raise LinkLost(f"{self.address}: it refuses the connection ({event.status_code}); right path?")
            except LinkLost:
                raise
            except (OSError, RemoteProtocolError) as error:
                raise LinkLost(f"{self.address}: no WebSocket there: {error}") from error
            if not data:
                break
        raise LinkLost(f"{self.address}: no WebSocket there: it did not accept")

    def _understood(self, data: bytes) -> bytes:
        """The messages that are whole now, a line each. Raises LinkLost."""
        from wsproto.events import CloseConnection, Ping, TextMessage
        from wsproto.utilities import RemoteProtocolError

        lines = bytearray()
        try:
            if data:
                self._talk.receive_data(data)
            for event in self._talk.events():
                if isinstance(event, Ping):
                    self._send(self._talk.send(event.response()))
                elif isinstance(event, CloseConnection):
                    raise LinkLost(f"{self.address}: the scale ended the connection")
                elif isinstance(event, TextMessage):
                    self._left += event.data.encode("utf-8", "replace")
                    if len(self._left) > MESSAGE_BYTES:
                        raise LinkLost(f"{self.address}: a message of more than {MESSAGE_BYTES} bytes: no scale")
                    if event.message_finished:
                        lines += self._left.replace(b"\n", b" ") + b"\n"
                        self._left.clear()
        except RemoteProtocolError as error:
            raise LinkLost(f"{self.address}: no WebSocket any more: {error}") from error
        return bytes(lines)

    def _send(self, data: bytes) -> None:
        try:
            self._socket.settimeout(CONNECT_SECONDS)
            self._socket.sendall(data)
        except OSError as error:
            raise LinkLost(f"{self.address}: disconnected while writing: {error}") from error

"""A plug that calls: the device is a TCP client of the station (``listen:``), and calls again when the line is cut."""

import contextlib
import socket
from collections.abc import Callable

SECONDS = 2.0


class Calling:
    """The way to ``HOST:PORT``. ``hung_up`` is called when a connection ended, or could not be made."""

    def __init__(self, host: str, port: int, hung_up: Callable[[], None] = lambda: None) -> None:
        self._to = host, port
        self._hung_up = hung_up
        self._plugged = False
        self._socket: socket.socket | None = None

    @property
    def address(self) -> str:
        return f"{self._to[0]}:{self._to[1]}"

    def plug_in(self) -> None:
        self._plugged = True
        self._call()

    def pull_out(self) -> None:
        self._plugged = False
        self._end()

    def files(self) -> list[int]:
        return [self._socket.fileno()] if self._socket is not None else []

    def read(self, file: int, size: int = 4096) -> bytes:
        try:
            data = self._socket.recv(size) if self._socket is not None else b""
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._end()
            self._hung_up()
        return data

    def write(self, data: bytes) -> int:
        if self._socket is None and self._plugged:
            self._call()
        try:
            if self._socket is not None:
                return self._socket.send(data)
        except OSError:
            self._end()
        self._hung_up()
        return 0

    def _call(self) -> None:
        with contextlib.suppress(OSError):
            self._socket = socket.create_connection(self._to, timeout=SECONDS)
            self._socket.setblocking(False)

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

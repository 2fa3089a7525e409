"""A plug that serves WebSockets: each line that the device says is a message of text to every client."""

import contextlib
import socket

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, RejectConnection, Request, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from simulator.obstacles import listening

PATH = "/"


class WebSockets:
    """``ws://HOST:PORT``; port 0 takes a free one. Another path than ``PATH`` is refused."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self._host, self._port = host, port
        self._listener: socket.socket | None = None
        self._clients: dict[int, tuple[socket.socket, WSConnection]] = {}
        self._open: set[int] = set()  # those that have shaken hands
        self._left = b""

    @property
    def address(self) -> str:
        return f"ws://{self._host}:{self._port}"

    def plug_in(self) -> None:
        self._listener = listening(self._host, self._port)
        self._listener.setblocking(False)
        self._port = self._listener.getsockname()[1]

    def pull_out(self) -> None:
        for client, _ in self._clients.values():
            client.close()
        self._clients.clear()
        self._open.clear()
        if self._listener:
            self._listener.close()
        self._listener = None

    def files(self) -> list[int]:
        return [self._listener.fileno(), *self._clients] if self._listener else []

    def read(self, file: int, size: int = 4096) -> bytes:
        """What clients say is about the connection: the device hears nothing of it."""
        if self._listener and file == self._listener.fileno():
            with contextlib.suppress(OSError):
                client, _ = self._listener.accept()
                client.setblocking(False)
                self._clients[client.fileno()] = client, WSConnection(ConnectionType.SERVER)
            return b""
        client, talk = self._clients[file]
        try:
            data = client.recv(size)
            talk.receive_data(data or None)
            for event in talk.events():
                self._answer(file, event)
        except BlockingIOError:
            return b""
        except (OSError, RemoteProtocolError):
            data = b""
        if not data:
            self._drop(file)
        return b""

    def write(self, data: bytes) -> int:
        *lines, self._left = (self._left + data).split(b"\n")
        for line in lines:
            for file in [*self._open]:
                self._send(file, TextMessage(data=line.decode("utf-8", "replace")))
        return len(data)

    def say(self, event: Event) -> None:
        """To every client, whatever it is: for tests."""
        for file in [*self._open]:
            self._send(file, event)

    def _answer(self, file: int, event: Event) -> None:
        match event:
            case Request() if event.target == PATH:
                self._send(file, AcceptConnection())
                self._open.add(file)
            case Request():
                self._send(file, RejectConnection(status_code=404))
            case Ping() | CloseConnection():
                self._send(file, event.response())

    def _send(self, file: int, event: Event) -> None:
        client, talk = self._clients[file]
        with contextlib.suppress(OSError, LocalProtocolError):  # one that has gone shows when it is read
            client.send(talk.send(event))

    def _drop(self, file: int) -> None:
        self._open.discard(file)
        self._clients.pop(file)[0].close()

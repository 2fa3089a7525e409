"""What lies between a station and its broker: a wire that is slow, loses, is cut or silent; and brokers that lie."""

import random
import socket
import threading
import time
from contextlib import suppress
from typing import Any

CHUNK = 4096


class Way:
    """A TCP proxy. ``silent`` holds both ways back and cuts nothing; ``delay`` seconds each way; of each piece ``lose``
    of a hundred vanish in part, and ``cut`` of a hundred end the connection.  Where a byte vanished the connection ends
    soon after: to MQTT the stream makes no sense any more.  ``gone``: who comes is cut off at once."""

    def __init__(self, target: int, delay: float = 0.0, lose: float = 0.0, cut: float = 0.0) -> None:
        self.target, self.delay, self.lose, self.cut = target, delay, lose, cut
        self.silent = self.gone = False
        self._open: list[socket.socket] = []
        self.cuts = self.losses = self.connections = 0
        self._dice = random.Random(target)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._run, daemon=True).start()

    def goes(self) -> None:
        """Nobody is there any more, and who was connected is cut."""
        self.gone = True
        for link in self._open:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def comes(self) -> None:
        self.gone = False

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                self.connections += 1
                if self.gone:
                    near.close()
                    continue
                self._open.append(near)
                with suppress(OSError):
                    far = socket.create_connection(("127.0.0.1", self.target), 5)
                    far.settimeout(None)
                    for one, other in ((near, far), (far, near)):
                        self._pump(one, other)
                    continue
                near.close()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        """Reading and writing are two threads, so that a delay is no bound of the rate."""
        waiting: list[tuple[float, bytes]] = []
        ready = threading.Condition()

        def read() -> None:
            data = b"x"
            while data:
                data = b""
                with suppress(OSError):
                    data = one.recv(CHUNK)
                with ready:
                    waiting.append((time.monotonic() + self.delay, data))
                    ready.notify()

        def write() -> None:
            while True:
                with ready:
                    while not waiting:
                        ready.wait()
                    at, data = waiting.pop(0)
                time.sleep(max(0.0, at - time.monotonic()))
                while self.silent and data:
                    time.sleep(0.05)  # it is delivered when the wire is back, as TCP does
                if not data or self._dice.random() * 100 < self.cut:
                    self.cuts += bool(data)
                    break
                if self._dice.random() * 100 < self.lose:
                    self.losses += 1
                    data = data[: len(data) // 2]
                try:
                    other.sendall(data)
                except OSError:
                    break
            for end in (one, other):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                    end.close()

        for work in (read, write):
            threading.Thread(target=work, daemon=True).start()


class Liar:
    """In front of a broker: acknowledges each record itself with ``puback`` (None: not at all) and forgets it; with
    ``connack`` false it says nothing to anybody, with ``births`` true the city hears who is there."""

    def __init__(self, target: int, puback: int | None = 0, connack: bool = True, births: bool = False) -> None:
        self.target, self.puback, self.connack, self.lies = target, puback, connack, True
        self.births = births
        self.forgotten = 0
        self._open: set[Any] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._run, daemon=True).start()

    def mend(self) -> None:
        """From now on it is an honest broker; who is connected has to come again."""
        self.lies = False
        for link in list(self._open):
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.mend()
        self._server.close()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                self._open.add(near)
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", self.target), 5) as far:
            far.settimeout(None)
            if not self.lies or self.connack:
                threading.Thread(target=self._back, args=(far, near), daemon=True).start()
            while True:
                first, whole, body = _packet(near)
                if self.lies and not self.connack:
                    continue
                at = 2 + int.from_bytes(body[:2], "big")
                birth = self.births and body[2:at].endswith(b"/state")
                if self.lies and first >> 4 == 3 and not birth:
                    self.forgotten += 1
                    if self.puback is not None:
                        code = bytes([self.puback]) if self.puback else b""
                        near.sendall(bytes([0x40, 2 + len(code)]) + body[at : at + 2] + code)
                    continue
                far.sendall(whole)

    @staticmethod
    def _back(far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(CHUNK):
                near.sendall(data)
        with suppress(OSError):
            near.shutdown(socket.SHUT_RDWR)


def _packet(link: socket.socket) -> tuple[int, bytes, bytes]:
    """The next MQTT packet: first byte, all of it, and what follows the length. Raises OSError at the end."""
    head = _take(link, 1)
    size = shift = 0
    while True:
        digit = _take(link, 1)
        head += digit
        size |= (digit[0] & 127) << shift
        shift += 7
        if not digit[0] & 128:
            body = _take(link, size)
            return head[0], head + body, body


def _take(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        if not (piece := link.recv(count - len(data))):
            raise ConnectionError
        data += piece
    return data

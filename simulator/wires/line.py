"""Runs a simulated device behind a pseudo terminal or a TCP port, in a thread of its own.

    with Line(MtSics(pan), Pty("/tmp/scale")) as line:
        line.do(lambda scale, now: scale.pan.put(Decimal("2.350"), now))

The thread owns the device and the plug.  ``do`` hands it something to run and waits for the result, so a device is
never touched from two threads and needs no lock.
"""

import contextlib
import os
import select
import selectors
import socket
import threading
import time
import tty
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, Self, TypeVar

from simulator.obstacles import InTheWay, listening
from simulator.wires.device import Choosy, Device
from simulator.wires.faults import Faults, FaultyDevice

CHUNK = 4096
LONGEST_WAIT = 60.0
HOST_SECONDS = 0.2

D = TypeVar("D", bound=Device)
R = TypeVar("R")


class Plug(Protocol):
    """Where a host can open the device. Only the line's thread calls these."""

    @property
    def address(self) -> str:
        """What ``drivers.transports.open_port`` opens."""
        ...

    def plug_in(self) -> None: ...

    def pull_out(self) -> None:
        """Vanish; may be called twice."""
        ...

    def files(self) -> list[int]:
        """File descriptors to wait on."""
        ...

    def read(self, file: int, size: int = CHUNK) -> bytes:
        """What the host sent on this file, if anything, up to ``size`` bytes."""
        ...

    def write(self, data: bytes) -> int:
        """Send without waiting: what nobody takes is lost, as on a wire. Answers how many bytes went out."""
        ...


class Pty:
    """A pseudo terminal with a link to it at a path of our choice.

    Our side keeps the slave open too, so that the host may open and close it as often as it likes.
    """

    def __init__(self, link: str | Path) -> None:
        self._link = Path(link)
        self._files: tuple[int, int] | None = None

    @property
    def address(self) -> str:
        return str(self._link.absolute())

    def plug_in(self) -> None:
        if self._link.exists() and not self._link.is_symlink():
            raise InTheWay(f"{self._link} exists and is not a link; name a path that is free")
        if not self._link.parent.is_dir():
            raise InTheWay(f"{self._link}: there is no folder {self._link.parent}; make it first")
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._files = (master, slave)
        with contextlib.suppress(FileNotFoundError):
            self._link.unlink()
        self._link.symlink_to(os.ttyname(slave))

    def pull_out(self) -> None:
        if self._files is None:
            return
        with contextlib.suppress(FileNotFoundError):
            if self._link.readlink() == Path(os.ttyname(self._files[1])):
                self._link.unlink()
        for file in self._files:
            os.close(file)
        self._files = None

    def files(self) -> list[int]:
        return [self._files[0]] if self._files else []

    def read(self, file: int, size: int = CHUNK) -> bytes:
        with contextlib.suppress(BlockingIOError):
            return os.read(file, size)
        return b""

    def write(self, data: bytes) -> int:
        sent = 0
        with contextlib.suppress(BlockingIOError):
            # A host that reads gets all of a long answer, piece by piece; one that does not, only what fits.
            while self._files and sent < len(data):
                if sent:
                    select.select([], [self._files[0]], [], HOST_SECONDS)
                sent += os.write(self._files[0], data[sent:])
        return sent


class TcpPort:
    """A serial server: every client that connects hears the device; port 0 takes a free one.

    ``scheme`` is how the address begins that a station is told: ``socket`` for a serial line, ``tcp`` for a printer.
    With ``one_client`` a connection waits until the one before it has ended, as at most network printers.
    """

    def __init__(
        self, port: int = 0, host: str = "127.0.0.1", scheme: str = "socket", *, one_client: bool = False
    ) -> None:
        self._scheme = scheme
        self._one_client = one_client
        self._host = host
        self._port = port
        self._listener: socket.socket | None = None
        self._clients: dict[int, socket.socket] = {}

    @property
    def address(self) -> str:
        return f"{self._scheme}://{self._host}:{self._port}"

    def plug_in(self) -> None:
        self._listener = listening(self._host, self._port)
        self._listener.setblocking(False)
        self._port = self._listener.getsockname()[1]

    def pull_out(self) -> None:
        for each in (*self._clients.values(), self._listener):
            if each:
                each.close()
        self._clients.clear()
        self._listener = None

    def files(self) -> list[int]:
        if self._listener is None:
            return []
        return [*self._clients] if self._one_client and self._clients else [self._listener.fileno(), *self._clients]

    def read(self, file: int, size: int = CHUNK) -> bytes:
        if self._listener and file == self._listener.fileno():
            with contextlib.suppress(OSError):
                client, _ = self._listener.accept()
                client.setblocking(False)
                self._clients[client.fileno()] = client
            return b""
        try:
            data = self._clients[file].recv(size)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._clients.pop(file).close()
        return data

    def write(self, data: bytes) -> int:
        sent = 0
        for client in self._clients.values():
            # A client that has gone shows when it is read.
            with contextlib.suppress(OSError):
                sent = max(sent, client.send(data))
        return sent


class Line(Generic[D]):
    """A device, a plug, and the thread that moves bytes between them."""

    def __init__(
        self,
        device: D,
        plug: Plug,
        *,
        faults: Faults | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device = device
        self._wire: Device = FaultyDevice(device, faults) if faults else device
        self._plug = plug
        self._clock = clock
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._wake_read, self._wake_write = os.pipe()
        self._pipe: tuple[int, ...] = (self._wake_read, self._wake_write)
        os.set_blocking(self._wake_read, False)
        self._plugged = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"line {plug.address}", daemon=True)

    @property
    def address(self) -> str:
        return self._plug.address

    def start(self) -> Self:
        """Plug in and run; the address can be opened when this returns."""
        self._plug.plug_in()
        self._plugged = True
        self._thread.start()
        return self

    def stop(self) -> None:
        """Pull out and end the thread; may be called twice."""
        if self._thread.is_alive():
            self._post(self._stop)
            self._thread.join()
        for file in self._pipe:
            os.close(file)
        self._pipe = ()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def do(self, action: Callable[[D, float], R]) -> R:
        """Run this in the line's thread, with the device and the time, and return what it returns."""
        return self._call(lambda: action(self._device, self._clock()))

    def unplug(self) -> None:
        """The port vanishes for the host; the device keeps running."""
        self._call(self._pull_out)

    def replug(self) -> None:
        self._call(self._plug_in)

    def _call(self, action: Callable[[], R]) -> R:
        if not self._thread.is_alive():
            raise RuntimeError(f"{self.address}: the line is not running")
        answer: Future[R] = Future()

        def job() -> None:
            try:
                answer.set_result(action())
            except Exception as error:  # belongs to the caller, who waits for it
                answer.set_exception(error)

        self._post(job)
        return answer.result(timeout=10)

    def _post(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)
        os.write(self._wake_write, b"!")

    def _stop(self) -> None:
        self._stopping = True

    def _plug_in(self) -> None:
        if not self._plugged:
            self._plug.plug_in()
            self._plugged = True

    def _pull_out(self) -> None:
        self._plug.pull_out()
        self._plugged = False

    def _run(self) -> None:
        try:
            while not self._stopping:
                for file in self._wait():
                    size = _room(self._device, self._clock())
                    if size and file in self._plug.files() and (data := self._plug.read(file, size)):
                        self._wire.receive(data, self._clock())
                self._run_jobs()
                while out := self._wire.pending(self._clock()):
                    self._plug.write(out)
        finally:
            self._plug.pull_out()

    def _wait(self) -> list[int]:
        """The plug's files that have something, by the time the device has something to say."""
        now = self._clock()
        deadline = self._wire.deadline(now)
        timeout = LONGEST_WAIT if deadline is None else min(max(0.0, deadline - now), LONGEST_WAIT)
        with selectors.DefaultSelector() as selector:
            for file in (self._wake_read, *(self._plug.files() if _room(self._device, now) else ())):
                selector.register(file, selectors.EVENT_READ)
            ready = [key.fd for key, _ in selector.select(timeout)]
        if self._wake_read in ready:
            os.read(self._wake_read, CHUNK)
            ready.remove(self._wake_read)
        return ready

    def _run_jobs(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._jobs.get_nowait()()


def _room(device: object, now: float) -> int:
    """How many bytes the device would take now."""
    return min(CHUNK, device.room(now)) if isinstance(device, Choosy) else CHUNK

"""An MQTT broker for a laptop and for tests: the real Mosquitto when it is installed, else one inside Python.

Both listen on the loopback address only and let everybody in.  The one inside Python (amqtt) speaks MQTT 3.1.1 and
keeps nothing over a restart; Mosquitto speaks 5 and keeps sessions and retained messages when it is given a folder.
Nothing of ours depends on that: what counts is the city's own answer.
"""

import asyncio
import contextlib
import logging
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Literal, Self

from simulator.obstacles import InTheWay, free_port, listening
from simulator.serving import accept_no_more

Kind = Literal["auto", "mosquitto", "embedded"]

# CONNECT of MQTT 3.1.1, clean session, keep alive 60 s, empty client id; and the CONNACK that accepts it.
_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"
_CONNACK = b"\x20\x02\x00\x00"
_START_WITHIN = 10.0
_HOST = "127.0.0.1"


class BrokerFailed(RuntimeError):
    """The broker did not come up; the message says what it said."""


def find_mosquitto() -> str | None:
    """Path of the installed Mosquitto; ``sbin`` is looked at even when a user's PATH leaves it out."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def answers(port: int) -> bool:
    """Whether something that accepts MQTT clients listens there."""
    try:
        with socket.create_connection((_HOST, port), timeout=0.5) as link:
            link.settimeout(1)
            link.sendall(_CONNECT)
            return link.recv(4) == _CONNACK
    except OSError:
        return False


class Broker:
    """A running broker, between ``with`` and its end. ``port`` 0 takes a free one, kept over restarts.

    ``log`` is where Mosquitto writes down who connects.
    """

    def __init__(
        self, port: int = 0, data_dir: Path | None = None, kind: Kind = "auto", log: Path | None = None
    ) -> None:
        program = find_mosquitto() if kind != "embedded" else None
        if kind == "mosquitto" and program is None:
            raise BrokerFailed("mosquitto is not installed; on Debian: apt install mosquitto")
        self.port = port
        self.kind: Kind = "mosquitto" if program else "embedded"
        self._program, self._data_dir, self._log = program, data_dir, log
        self._own_dir: tempfile.TemporaryDirectory[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._embedded: _Embedded | None = None

    @property
    def url(self) -> str:
        return f"mqtt://{_HOST}:{self.port}"

    @property
    def mqtt_version(self) -> Literal["5", "3.1.1"]:
        """The newest version it speaks."""
        return "5" if self.kind == "mosquitto" else "3.1.1"

    @property
    def running(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return self._embedded is not None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._own_dir is not None:
            self._own_dir.cleanup()
            self._own_dir = None

    def start(self) -> None:
        """Start and wait until it really answers; raises BrokerFailed."""
        if self.running:
            return
        for attempt in range(5):
            chosen = self.port or free_port()
            try:
                self._start(chosen)
            except BrokerFailed:
                # A free port can be taken by somebody else before the broker has it.
                if self.port or attempt == 4:
                    raise
                continue
            self.port = chosen
            return

    def stop(self) -> None:
        """End it in order."""
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(5)
            except subprocess.TimeoutExpired:
                self._child.kill()
            self._reap()
        if self._embedded is not None:
            self._embedded.stop()
            self._embedded = None

    def kill(self) -> None:
        """End it as a power cut does: SIGKILL for Mosquitto; the one inside Python drops all it knows."""
        if self._child is not None:
            self._child.kill()
            self._reap()
        else:
            self.stop()

    def restart(self) -> None:
        """Stop, when it still runs, and start again on the same port."""
        self.stop()
        self.start()

    def connects(self) -> Counter[int]:
        """How many clients Mosquitto took in each second that had any, by its log."""
        lines = self._log.read_text("utf-8").splitlines() if self._log else []
        return Counter(int(line.partition(":")[0]) for line in lines if ": New client connected " in line)

    def _start(self, port: int) -> None:
        _check_free(port)
        if self._program:
            with self._log.open("ab") if self._log else contextlib.nullcontext(subprocess.PIPE) as says:
                self._child = subprocess.Popen(
                    [self._program, "-c", str(self._configuration(port))],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=says,
                )
        else:
            self._embedded = _Embedded(port)
        until = time.monotonic() + _START_WITHIN
        while time.monotonic() < until:
            if not self.running:
                said = self._child.stderr.read().decode(errors="replace") if self._child and self._child.stderr else ""
                self._reap()
                raise BrokerFailed(f"broker on port {port} ended at once: {said.strip()[-300:]}")
            if answers(port) and self.running:
                return
            time.sleep(0.02)
        self.stop()
        raise BrokerFailed(f"broker on port {port} does not answer")

    def _reap(self) -> None:
        if self._child is not None:
            self._child.wait()
            if self._child.stderr:
                self._child.stderr.close()
            self._child = None

    def _configuration(self, port: int) -> Path:
        if self._data_dir is None and self._own_dir is None:
            self._own_dir = tempfile.TemporaryDirectory(prefix="marketsim-broker-")
        folder = self._data_dir or Path(self._own_dir.name if self._own_dir else "")
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {port} {_HOST}",
            "allow_anonymous true",
            f"user {pwd.getpwuid(os.geteuid()).pw_name}",  # started as root it would otherwise change user
            "log_dest stderr",
            "log_type error",
            "max_inflight_messages 1000",
            "max_queued_messages 100000",  # one subscriber, the city, takes the records of a whole fleet
            f"persistence {'true' if self._data_dir else 'false'}",
        ]
        if self._log:
            lines.append("log_type notice")
        if self._data_dir:
            lines += [f"persistence_location {self._data_dir.absolute()}/", "autosave_interval 5"]
        path = folder / "mosquitto.conf"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


class _Embedded:
    """amqtt in a thread with its own event loop.

    The listener is ours: amqtt 0.12 may wait for ever for a client's reader when it closes in order, so we cut the
    connections ourselves and then clear away what is left.
    """

    def __init__(self, port: int) -> None:
        try:
            from amqtt.broker import Broker as Amqtt
        except ImportError:
            raise BrokerFailed("no broker: install mosquitto, or marketedge[sim] for the one inside Python") from None
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._made = Amqtt
        self._port = port
        self._error = ""
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="embedded broker", daemon=True)
        self._thread.start()
        self._up.wait(_START_WITHIN)
        if self._error:
            self._thread.join()
            raise BrokerFailed(f"embedded broker on port {port}: {self._error}")

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(lambda *_: None)  # clients that go away in the middle of something
        try:
            self._loop.run_until_complete(self._serve())
            # A cancellation that meets an arriving packet can be lost, so ask more than once.
            for _ in range(20):
                left = asyncio.all_tasks(self._loop)
                if not left:
                    break
                for task in left:
                    task.cancel()
                self._loop.run_until_complete(asyncio.wait(left, timeout=0.2))
            self._loop.run_until_complete(asyncio.sleep(0))  # what was cut is closed in the round behind
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        broker = self._made(
            {
                "listeners": {"default": {"type": "external", "bind": f"{_HOST}:{self._port}"}},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            },
            loop=self._loop,
        )

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.add(writer)
            try:
                with contextlib.suppress(Exception):  # whatever a client sends ends its own connection only
                    await broker.stream_connected(reader, writer, "default")
            finally:
                self._writers.discard(writer)
                writer.transport.abort()

        try:
            await broker.start()
            listener = await asyncio.start_server(serve, _HOST, self._port)
        except Exception as error:  # amqtt wraps what went wrong in classes of its own
            self._error = str(error)
            self._up.set()
            return
        self._up.set()
        await self._end.wait()
        await accept_no_more([listener])
        listener.close()
        for writer in list(self._writers):
            writer.transport.abort()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(broker.shutdown(), 1)


def _check_free(port: int) -> None:
    # Otherwise another broker on that port would answer in the name of ours.
    try:
        listening(_HOST, port).close()
    except InTheWay as error:
        raise BrokerFailed(str(error)) from None

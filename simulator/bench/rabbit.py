"""Three RabbitMQ nodes on loopback with their MQTT plugin (3.1.1), as one cluster; gone afterwards.

They come from the distribution (Debian: ``rabbitmq-server``) and run as a user without rights, with ports, folders and
an Erlang port mapper of their own.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from simulator.broker import answers
from simulator.obstacles import free_port
from simulator.postgres import lent_user

NODES = 3
START_SECONDS = 120.0
MIRROR = '{"ha-mode":"all","ha-promote-on-failure":"always","ha-sync-mode":"automatic"}'
HOST = "localhost"


class RabbitFailed(RuntimeError):
    """The cluster did not come up; the message says what it said."""


class Rabbit:
    """A cluster between ``with`` and its end. ``mirrored``: what a station's queue holds is on every node."""

    def __init__(self, *, mirrored: bool) -> None:
        if shutil.which("rabbitmq-server", path="/usr/sbin:/usr/lib/rabbitmq/bin") is None:
            raise RabbitFailed("RabbitMQ is not installed; on Debian: apt install rabbitmq-server")
        self.mirrored = mirrored
        self._user = lent_user()
        self._folder = Path(tempfile.mkdtemp(prefix="rabbit-"))
        self._epmd = free_port()
        self._ports = [(free_port(), free_port(), free_port()) for _ in range(NODES)]
        self._children: list[subprocess.Popen[bytes]] = []
        self._mapper: subprocess.Popen[bytes] | None = None

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(f"mqtt://127.0.0.1:{mqtt}" for mqtt, _, _ in self._ports)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for child in [*self._children, *([self._mapper] if self._mapper else [])]:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self, number: int) -> None:
        """A node dies as in a power cut."""
        child = self._children[number]
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def _start(self) -> None:
        cookie = self._folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16), "ascii")
        cookie.chmod(0o400)
        for number in range(NODES):
            self._write(number)
        if self._user:
            for path in (self._folder, *self._folder.rglob("*")):
                os.chown(path, self._user["user"], self._user["group"])
        mapper = [shutil.which("epmd") or "epmd", "-port", str(self._epmd), "-address", "127.0.0.1"]
        self._mapper = subprocess.Popen(mapper, start_new_session=True, **self._user)
        for number in range(NODES):
            self._launch(number)
        for number in range(NODES):
            self._await(number)
        for number in range(1, NODES):
            for words in (("stop_app",), ("join_cluster", f"one0@{HOST}"), ("start_app",)):
                self._control(number, *words)
        if self.mirrored:
            self._control(0, "set_policy", "stations", "^mqtt-subscription", MIRROR, "--apply-to", "queues")
        end = time.monotonic() + START_SECONDS
        while not all(answers(mqtt) for mqtt, _, _ in self._ports):
            if time.monotonic() > end:
                raise RabbitFailed("a node does not take MQTT clients")
            time.sleep(0.3)

    def _write(self, number: int) -> None:
        mqtt, amqp, _ = self._ports[number]
        home = self._folder / f"n{number}"
        home.mkdir()
        (home / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{amqp}\nmqtt.listeners.tcp.1 = 127.0.0.1:{mqtt}\n"
            "mqtt.allow_anonymous = true\nmqtt.default_user = guest\nmqtt.default_pass = guest\n"
            "loopback_users = none\nlog.console = false\nvm_memory_high_watermark.absolute = 512MB\n"
            "disk_free_limit.absolute = 50MB\ncluster_partition_handling = ignore\n",
            "ascii",
        )
        (home / "enabled_plugins").write_text("[rabbitmq_mqtt].", "ascii")

    def _settings(self, number: int) -> dict[str, str]:
        home = self._folder / f"n{number}"
        return {
            "PATH": "/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/bin",
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"one{number}@{HOST}",
            "RABBITMQ_DIST_PORT": str(self._ports[number][2]),
            "RABBITMQ_MNESIA_BASE": str(home / "db"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
        }

    def _launch(self, number: int) -> None:
        with (self._folder / f"n{number}/out").open("ab") as out:
            child = subprocess.Popen(
                [self._script("rabbitmq-server")],
                cwd=self._folder,
                env=self._settings(number),
                stdout=out,
                stderr=out,
                start_new_session=True,
                **self._user,
            )
        self._children.append(child)

    def _await(self, number: int) -> None:
        end = time.monotonic() + START_SECONDS
        while not answers(self._ports[number][0]):
            if self._children[number].poll() is not None or time.monotonic() > end:
                said = (self._folder / f"n{number}/out").read_text("utf-8", "replace")
                raise RabbitFailed(f"node {number}: {said[-2000:]}")
            time.sleep(0.3)

    def _control(self, number: int, *words: str) -> None:
        done = subprocess.run(
            [self._script("rabbitmqctl"), *words],
            cwd=self._folder,
            env=self._settings(number),
            capture_output=True,
            check=False,
            timeout=START_SECONDS,
            **self._user,
        )
        if done.returncode:
            raise RabbitFailed(
                f"rabbitmqctl {words[0]}: {(done.stdout + done.stderr).decode(errors='replace')[-1500:]}"
            )

    @staticmethod
    def _script(name: str) -> str:
        """The program itself: Debian's wrapper of the same name changes to a user of its own."""
        return f"/usr/lib/rabbitmq/bin/{name}"

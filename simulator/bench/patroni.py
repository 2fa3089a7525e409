"""Three PostgreSQL servers on loopback that Patroni and etcd keep as one: a primary, a synchronous standby, a spare.

They come from the distribution (Debian: ``postgresql patroni etcd-server``), run as a user without rights in a
temporary folder, and are gone afterwards.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from simulator.obstacles import free_port
from simulator.postgres import find_postgres, lent_user
from simulator.stage import DIRECT

NODES = 3
START_SECONDS = 120.0
TTL, LOOP, RETRY = 10, 2, 3  # seconds: how long a leader that says nothing is believed, and how often all look
SCOPE = "city"


class PatroniFailed(RuntimeError):
    """The servers did not come up; the message says what they said."""


class Patroni:
    """The three servers between ``with`` and its end."""

    def __init__(self) -> None:
        programs = find_postgres()
        missing = [name for name in ("patroni", "etcd") if shutil.which(name) is None]
        if programs is None or missing:
            raise PatroniFailed("on Debian: apt install postgresql patroni etcd-server")
        self._programs = programs
        self._user = lent_user()
        self._folder = Path(tempfile.mkdtemp(prefix="patroni-"))
        self._etcd, self._peer = free_port(), free_port()
        self._ports = [(free_port(), free_port()) for _ in range(NODES)]
        self._children: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """All three; who asks is led to the one that may be written."""
        hosts, ports = ",".join(["127.0.0.1"] * NODES), ",".join(str(port) for port, _ in self._ports)
        return f"postgresql:///postgres?host={hosts}&port={ports}&user=city&target_session_attrs=read-write"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        for number in range(NODES):
            self._kill_server(number)
        shutil.rmtree(self._folder, ignore_errors=True)

    def roles(self) -> dict[int, str]:
        """What each server is: ``leader``, ``sync_standby``, ``replica``; those that answer."""
        for _, rest in self._ports:
            with suppress(OSError, ValueError), DIRECT.open(f"http://127.0.0.1:{rest}/cluster", timeout=2) as answer:
                members = json.loads(answer.read())["members"]
                return {
                    int(one["name"][1:]): one["role"] for one in members if one["state"] in ("running", "streaming")
                }
        return {}

    def wait_for(self, what: str, leader_is_not: int = -1) -> int:
        """Wait for a leader that has a synchronous standby; answers its number."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            roles = self.roles()
            leaders = [number for number, role in roles.items() if role == "leader" and number != leader_is_not]
            if leaders and "sync_standby" in roles.values():
                return leaders[0]
            time.sleep(0.2)
        said = "".join(path.read_text("utf-8", "replace")[-1500:] for path in self._folder.glob("*.out"))
        raise PatroniFailed(f"{what}: {said}")

    def kill(self, number: int) -> None:
        """A machine dies: the server, and what looks after it."""
        os.killpg(self._children[number + 1].pid, signal.SIGKILL)
        self._kill_server(number)
        self._children[number + 1].wait()

    def _kill_server(self, number: int) -> None:
        with suppress(OSError, ValueError, IndexError):
            pid = int((self._folder / f"n{number}/postmaster.pid").read_text("ascii").split()[0])
            os.kill(pid, signal.SIGKILL)  # its processes notice, and end

    def _start(self) -> None:
        if self._user:
            os.chown(self._folder, self._user["user"], self._user["group"])
        client, peer = (f"http://127.0.0.1:{port}" for port in (self._etcd, self._peer))
        urls = ["--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer]
        more = ["--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}", "--log-level", "error"]
        self._launch("etcd", ["etcd", "--data-dir", str(self._folder / "etcd"), *urls, *more])
        end = time.monotonic() + START_SECONDS
        while not self._healthy(client):
            if time.monotonic() > end:
                raise PatroniFailed((self._folder / "etcd.out").read_text("utf-8", "replace")[-1500:])
            time.sleep(0.1)
        for number in range(NODES):
            path = self._folder / f"n{number}.yml"
            path.write_text(json.dumps(self._config(number)), "utf-8")  # JSON is YAML
            self._launch(f"n{number}", ["patroni", str(path)])
        self.wait_for("the servers do not come up")

    @staticmethod
    def _healthy(client: str) -> bool:
        with suppress(OSError), urllib.request.build_opener().open(f"{client}/health", timeout=1) as answer:
            return b'"true"' in answer.read()
        return False

    def _launch(self, name: str, command: list[str]) -> None:
        with (self._folder / f"{name}.out").open("ab") as out:
            child = subprocess.Popen(
                command,
                cwd=self._folder,
                env={"PATH": "/usr/bin:/bin", "HOME": str(self._folder), "LANG": "C.UTF-8"},
                stdout=out,
                stderr=out,
                start_new_session=True,
                **self._user,
            )
        self._children.append(child)

    def _config(self, number: int) -> dict[str, Any]:
        port, rest = self._ports[number]
        trusted = ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
        return {
            "scope": SCOPE,
            "name": f"n{number}",
            "restapi": {"listen": f"127.0.0.1:{rest}", "connect_address": f"127.0.0.1:{rest}"},
            "etcd3": {"host": f"127.0.0.1:{self._etcd}"},
            "bootstrap": {
                "dcs": {
                    "ttl": TTL,
                    "loop_wait": LOOP,
                    "retry_timeout": RETRY,
                    "synchronous_mode": True,
                    "synchronous_mode_strict": True,
                    "postgresql": {"use_pg_rewind": False, "use_slots": True},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{port}",
                "connect_address": f"127.0.0.1:{port}",
                "data_dir": str(self._folder / f"n{number}"),
                "bin_dir": str(self._programs),
                "authentication": {"superuser": {"username": "city"}, "replication": {"username": "copier"}},
                "parameters": {"unix_socket_directories": str(self._folder), "shared_buffers": "64MB"},
                "pg_hba": trusted,
            },
            "watchdog": {"mode": "off"},
        }

"""A whole market on one machine: broker, city, simulated devices, and a real station as a process of its own.

The demo, the benchmarks and the end-to-end tests play on this stage.  The station is started as ``marketedge run``
with a configuration file, as on a box; what stands around it is simulated.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Self

START_SECONDS = 20.0
STOP_SECONDS = 10.0
NODE, TERMINAL, REGION = "410108001", "01", "410108"
STATION = f"{NODE}-{TERMINAL}"
CABBAGE, SPINACH = "01040201", "01040901"


class StageFailed(RuntimeError):
    """Something on the stage did not do its part; the message says what, and where its log is."""


class Refusal(RuntimeError):
    """The station refused a command: ``code`` and message as its API sent them."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.code = str(body.get("code", ""))


def free_port() -> int:
    """A TCP port of this machine that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, ready: Callable[[], Any], seconds: float = START_SECONDS, pause: float = 0.05) -> Any:
    """Poll until ``ready`` gives something true; raises StageFailed naming what did not come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := ready():
            return value
        time.sleep(pause)
    raise StageFailed(f"{what} did not come within {seconds:.0f} s")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the station's configuration says of its surroundings. Addresses as in station.toml; empty leaves out.

    A weight stands still after ``agree`` equal frames over ``still`` seconds; 0 and None leave them as they are.
    ``unchecked`` is what a source code from elsewhere allows: with ``accept`` goods are on sale when they came in.
    ``city_key`` is the city's public key; it is handed over when the station is made.
    """

    broker: str
    mqtt: str = "5"
    scale: str = ""
    scale_model: str = "mt-sics"
    e: str = "10 g"
    agree: int = 0
    still: float | None = None
    analyzer: str = ""
    analyzer_model: str = "dayuan-lz4000t"
    printer: str = ""
    continuous: str = ""
    unchecked: str = "accept"
    extra: str = ""
    city_key: str = ""

    def toml(self, listen: str) -> str:
        """A complete station.toml of the demo's stall."""
        parts = [
            f"""
[station]
name = "惠济农贸市场"
jobs = ["stall", "gate"]
node = "{NODE}"
terminal = "{TERMINAL}"
region = "{REGION}"
host = "sy.example.cn"

[seller]
code = "4101080010123"
name = "王秀英蔬菜摊"
stall = "A-012"
contact = "0371-00000000"

[city]
brokers = ["{self.broker}"]
mqtt = "{self.mqtt}"
resend_seconds = 3

[web]
listen = "{listen}"

[clock]
trust = "host"

[gate]
unchecked = "{self.unchecked}"

[stall]
continuous = "{self.continuous}"

[[product]]
code = "{CABBAGE}"
name = "大白菜"
name_en = "Chinese cabbage"
price = "3.50"

[[product]]
code = "{SPINACH}"
name = "菠菜"
name_en = "Spinach"
price = "4.80"
per = "500g"

[[product]]
code = "01040101"
name = "白萝卜"
name_en = "White radish"
price = "2.60"

[[product]]
code = "01040501"
name = "西红柿"
name_en = "Tomato"
price = "7.20"
"""
        ]
        if self.scale:
            parts.append(
                f"""
[[scale]]
name = "scale-1"
model = "{self.scale_model}"
port = "{self.scale}"
max = "30 kg"
min = "200 g"
e = "{self.e}"
verified_until = 2099-12-31
"""
            )
            if self.agree:
                parts.append(f"agree = {self.agree}\n")
            if self.still is not None:
                parts.append(f"still = {self.still}\n")
        if self.analyzer:
            parts.append(
                f"""
[[analyzer]]
name = "tester-1"
model = "{self.analyzer_model}"
port = "{self.analyzer}"
options = {{ poll = 0.5 }}
"""
            )
        if self.printer:
            parts.append(
                f"""
[[printer]]
name = "printer-1"
port = "{self.printer}"
flow = "rtscts"
profile = "generic-58"
"""
            )
        return "".join(parts) + self.extra


def private_folder(folder: Path) -> None:
    """Make a folder that only this user may look into; one that is there stays as it is."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o700)


class StationProcess:
    """A real ``marketedge run``. ``folder`` keeps its configuration, key, ledger and log over restarts."""

    def __init__(self, folder: Path, wiring: Wiring, *, port: int = 0) -> None:
        self.folder = folder
        self.listen = f"127.0.0.1:{port or free_port()}"
        self.config = folder / "station.toml"
        self.log = folder / "station.log"
        self._child: subprocess.Popen[bytes] | None = None
        private_folder(folder)
        if not (folder / "station.key").exists():
            known = ("--city-key", wiring.city_key) if wiring.city_key else ()
            self.command("init", str(folder), "--job", "stall", *known)
        self.config.write_text(wiring.toml(self.listen), "utf-8")

    @property
    def url(self) -> str:
        return f"http://{self.listen}"

    @property
    def pid(self) -> int:
        return self._child.pid if self._child else 0

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def command(self, *words: str) -> str:
        """Run another ``marketedge`` command and answer what it printed; raises StageFailed."""
        done = subprocess.run([sys.executable, "-m", "edge.cli", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise StageFailed(f"marketedge {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def start(self, *, wait: bool = True, file_limit: int = 0) -> Self:
        """Start it; with ``wait``, until its pages answer.

        ``file_limit`` is the largest file in bytes the system lets it write, as on a disk that is full.
        """
        with self.log.open("ab") as out:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "edge.cli", "run", "-c", str(self.config)],
                stdout=out,
                stderr=out,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        if file_limit:
            resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE, (file_limit, file_limit))
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self._child.kill()
                self._child.wait()
                raise
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.stop()

    def wait_ready(self) -> None:
        wait_for(f"the station (log: {self.log})", self._ready, pause=0.02)

    def stop(self) -> int:
        """End it as systemd does; answers its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self._child is None:
            return 0
        self._child.send_signal(number)
        try:
            code = self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            raise StageFailed(f"the station did not stop within {STOP_SECONDS:.0f} s; log: {self.log}") from None
        self._child = None
        return code

    def _ready(self) -> bool:
        if self._child is not None and self._child.poll() is not None:
            raise StageFailed(f"the station ended with code {self._child.returncode}; log: {self.log}")
        try:
            return bool(self.board()["version"])
        except (OSError, ValueError):
            return False

    # --- its local API ----------------------------------------------------------------------------------------------

    def board(self) -> dict[str, Any]:
        """What the station's pages show now."""
        board: dict[str, Any] = self.call("GET", "/api/board")["board"]
        return board

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """POST to the local API; raises Refusal when the station refuses, OSError when it is not there."""
        return self.call("POST", path, body)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                answer: dict[str, Any] = json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            try:
                refused = json.loads(text)
            except ValueError:
                refused = {"message": text.decode(errors="replace")}
            raise Refusal(error.code, refused) from None
        except HTTPException as error:
            raise ConnectionError(f"{self.url}{path}: cut off in the middle of the answer: {error}") from None
        return answer

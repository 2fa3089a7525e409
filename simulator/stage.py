"""A whole market on one machine: broker, city, simulated devices, and a real station as a process of its own.

The demo, the benchmarks and the end-to-end tests play on this stage.  The station is started as ``marketedge run``
with a configuration file, as on a box; what stands around it is simulated.
"""

import json
import os
import re
import resource
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from simulator.obstacles import answers_as, free_port, reached_at
from simulator.power import PowerSupply

START_SECONDS = 20.0
READY_SECONDS = 60.0  # until a station answers on a machine that has much else to do
STOP_SECONDS = 10.0
NODE, TERMINAL, REGION = "410108001", "01", "410108"
STATION = f"{NODE}-{TERMINAL}"
SELLER = "4101080010123", "王秀英蔬菜摊", "A-012"
CABBAGE, SPINACH = "01040201", "01040901"
GOODS: tuple[Mapping[str, Any], ...] = (
    {"code": CABBAGE, "name": "大白菜", "name_en": "Chinese cabbage", "price": "3.50"},
    {"code": SPINACH, "name": "菠菜", "name_en": "Spinach", "price": "4.80", "per": "500g"},
    {"code": "01040101", "name": "白萝卜", "name_en": "White radish", "price": "2.60"},
    {"code": "01040501", "name": "西红柿", "name_en": "Tomato", "price": "7.20"},
)
TOKEN = "MARKETEDGE_TOKEN"
MARK = "# Written by marketsim, anew at each start.\n"
PAGE_WORD = re.compile(r'name="csrf-token" content="([^"]*)"')
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy is not asked for this machine


class StageFailed(RuntimeError):
    """Something on the stage did not do its part; the message says what, and where its log is."""


class Refusal(RuntimeError):
    """The station refused a command: ``code`` and message as its API sent them; ``words`` in Chinese and English."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.code = str(body.get("code", ""))
        self.words = str(body.get("message_zh", "")), str(body.get("message_en", ""))


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
    ``frames`` are the origins whose pages may show it in frames.
    ``clock`` is whose word on the time is taken: the host's, or that of its ``kernel``.
    ``unchecked`` is what a source code from elsewhere allows: with ``accept`` goods are on sale when they came in.
    ``gate_extra``, ``scale_extra``, ``analyzer_extra`` and ``extra`` are further lines of ``[gate]``, of the scale, of
    the analyzer, and behind everything.
    ``broker`` may be several, with spaces between.  ``city_key`` is the city's public key; it is handed over when the
    station is made.  ``terminal``, ``jobs`` and ``seller`` (code, name, stall) are its own among the boxes of the
    market; with ``siblings`` it listens to them.
    """

    broker: str
    mqtt: str = "5"
    terminal: str = TERMINAL
    jobs: tuple[str, ...] = ("stall", "gate")
    seller: tuple[str, str, str] = SELLER
    siblings: bool = False
    scale: str = ""
    scale_model: str = "mt-sics"
    e: str = "10 g"
    agree: int = 0
    still: float | None = None
    analyzer: str = ""
    analyzer_model: str = "dayuan-lz4000t"
    printer: str = ""
    probe: str = ""
    probe_model: str = "xy-md02"
    goods: tuple[Mapping[str, Any], ...] = GOODS
    continuous: str = ""
    clock: str = "host"
    frames: tuple[str, ...] = ()
    unchecked: str = "accept"
    gate_extra: str = ""
    scale_extra: str = ""
    analyzer_extra: str = ""
    extra: str = ""
    city_key: str = ""

    def toml(self, listen: str) -> str:
        """A complete station.toml of the demo's stall."""
        host = listen.rpartition(":")[0]
        allow = [] if host == "127.0.0.1" else ["localhost", "127.0.0.1"]  # behind a forwarded port
        code, name, stall = self.seller
        parts = [
            f"""{MARK}
[station]
name = "惠济农贸市场"
jobs = {json.dumps(self.jobs)}
node = "{NODE}"
terminal = "{self.terminal}"
region = "{REGION}"
host = "sy.example.cn"

[seller]
code = "{code}"
name = "{name}"
stall = "{stall}"
contact = "0371-00000000"

[city]
brokers = {json.dumps(self.broker.split())}
mqtt = "{self.mqtt}"
resend_seconds = 3
spread_seconds = 1

[web]
listen = "{listen}"
allow = {json.dumps(allow)}
frames = {json.dumps(self.frames)}
insecure = {json.dumps(bool(allow))}

[clock]
trust = "{self.clock}"

[gate]
unchecked = "{self.unchecked}"
{self.gate_extra}

[stall]
continuous = "{self.continuous}"

[market]
siblings = {json.dumps(self.siblings)}
"""
        ]
        parts += [f"\n[[product]]\n{toml_of(one)}" for one in self.goods]
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
{self.scale_extra}
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
{self.analyzer_extra}
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
        if self.probe:
            parts.append(f'\n[[probe]]\nname = "probe-1"\nmodel = "{self.probe_model}"\nport = "{self.probe}"\n')
        return "".join(parts) + self.extra


def toml_of(table: Mapping[str, Any]) -> str:
    """Texts, numbers, and lists of them as the lines of a TOML table: JSON's and TOML's are written alike."""
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items())


def private_folder(folder: Path) -> None:
    """Make a folder that only this user may look into; one that is there stays as it is."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o700)


class StationProcess:
    """A real ``marketedge run``. ``folder`` keeps its configuration, key, ledger and log over restarts.

    It talks to its own child only: who answers at the address has to show the token that the child was started with.
    Another station or program there is never asked for anything but who it is.  Where people have PINs, it asks as the
    one who signed in last.  With ``power`` each start is the first after a power-up of a machine of its own.
    """

    def __init__(
        self,
        folder: Path,
        wiring: Wiring,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        power: PowerSupply | None = None,
    ) -> None:
        self.folder = folder
        self._power = power
        self.terminal = wiring.terminal
        self.host, self.port = host, port or free_port()
        self.listen = f"{host}:{self.port}"
        self.config = folder / "station.toml"
        self.log = folder / "station.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._token = ""
        self._met = False  # the child has shown its token
        self.session: dict[str, str] = {}  # headers of who signed in
        private_folder(folder)
        if self.config.exists() and not self.config.read_text("utf-8").startswith(MARK):
            raise StageFailed(f"{folder} holds a station that marketsim did not make: give another folder")
        if not (folder / "station.key").exists():
            known = ("--city-key", wiring.city_key) if wiring.city_key else ()
            self.command("init", str(folder), "--job", "stall", *known)
        self.config.write_text(wiring.toml(self.listen), "utf-8")

    @property
    def url(self) -> str:
        """Where this machine reaches it."""
        return f"http://{reached_at(self.host)}:{self.port}"

    @property
    def public_key(self) -> str:
        """The station's public key as 64 hex digits."""
        key = load_pem_public_key((self.folder / "station.pub").read_bytes())
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    @property
    def pid(self) -> int:
        return self._child.pid if self._child else 0

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def command(self, *words: str, given: str = "") -> str:
        """Run another ``marketedge`` command and answer what it printed; ``given`` is typed in. Raises StageFailed."""
        command = [sys.executable, "-m", "edge.cli", *words]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StageFailed(f"marketedge {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def start(self, *, wait: bool = True, file_limit: int = 0) -> Self:
        """Start it; with ``wait``, until its pages answer. Raises StageFailed when somebody else has its port.

        ``file_limit`` is the largest file in bytes the system lets it write, as on a disk that is full.
        """
        if stranger := answers_as(self.host, self.port):
            raise StageFailed(
                f"port {self.port} is used by another program (it answers as {stranger}): give another with --port"
            )
        self._token, self._met = secrets.token_hex(16), False
        with self.log.open("ab") as out:
            self._child = subprocess.Popen(
                [
                    *(self._power.up() if self._power else (sys.executable, "-m")),
                    "edge.cli",
                    "run",
                    "--config",
                    str(self.config),
                ],
                stdout=out,
                stderr=out,
                env={**os.environ, "PYTHONUNBUFFERED": "1", TOKEN: self._token},
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
        wait_for(f"the station (log: {self.log})", self._ready, READY_SECONDS, pause=0.02)

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
            raise StageFailed(f"the station ended with code {self._child.returncode}: {self._last_words()}")
        try:
            self._meet()
            _, said = self._ask("GET", "/health")  # which asks nobody for a name
            return bool(said.get("station"))
        except OSError:
            return False

    def _last_words(self) -> str:
        lines = self.log.read_text("utf-8", errors="replace").splitlines()
        return f"{lines[-1] if lines else 'it said nothing'}; log: {self.log}"

    # --- its local API ----------------------------------------------------------------------------------------------

    def board(self) -> dict[str, Any]:
        """What the station's pages show now."""
        board: dict[str, Any] = self.call("GET", "/api/board")["board"]
        return board

    def until(
        self, what: str, ready: Callable[[dict[str, Any]], Any], seconds: float = START_SECONDS
    ) -> dict[str, Any]:
        """Wait until ``ready`` is true of what the pages show, and answer that; raises StageFailed naming ``what``."""
        boards: list[dict[str, Any]] = []

        def now() -> bool:
            boards[:] = [self.board()]
            return bool(ready(boards[0]))

        wait_for(what, now, seconds)
        return boards[0]

    def post(self, path: str, *, key: str = "", **body: Any) -> dict[str, Any]:
        """POST to the local API; raises Refusal when the station refuses, OSError when it is not there.

        ``key`` is an Idempotency-Key: asked with it again, what made a record is answered as the first time.
        """
        return self.call("POST", path, body, {"Idempotency-Key": key} if key else None)

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        self._meet()
        status, answer = self._ask(method, path, body, headers)
        if status >= 400:
            raise Refusal(status, answer)
        return answer

    def sign_in(self, code: str, pin: str) -> None:
        """Ask everything as this person from now on, over restarts, too. Raises HTTPError for a wrong PIN."""
        self._meet()
        said = json.dumps({"code": code, "pin": pin}).encode()
        cookies = SimpleCookie()
        request = urllib.request.Request(f"{self.url}/api/sign-in", said, {"Content-Type": "application/json"})
        with DIRECT.open(request, timeout=10) as response:
            for cookie in response.headers.get_all("Set-Cookie"):
                cookies.load(cookie)
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
        with DIRECT.open(urllib.request.Request(f"{self.url}/", headers={"Cookie": cookie}), timeout=10) as page:
            found = PAGE_WORD.search(page.read().decode())
        self.session = {"Cookie": cookie, "X-CSRF-Token": found[1] if found else ""}

    def _meet(self) -> None:
        """Raises ConnectionError unless the child runs and it is the child who answers."""
        if not self.running:
            raise ConnectionError(f"{self.url}: the station does not run")
        if not self._met:
            _, said = self._ask("GET", "/health")
            self._met = said.get("token") == self._token
        if not self._met:
            raise ConnectionError(f"{self.url}: another program answers there")

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and answer, whoever gives it."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(self.session if self._met else {}), **(headers or {})}
        request = urllib.request.Request(self.url + path, data, sent, method=method)
        try:
            with DIRECT.open(request, timeout=10) as response:
                status, text = response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read()
        except HTTPException as error:
            raise ConnectionError(f"{self.url}{path}: cut off in the middle of the answer: {error}") from None
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        return status, said if isinstance(said, dict) else {"message": text.decode(errors="replace")}

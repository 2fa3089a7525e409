"""Brokers for the link's tests: the real Mosquitto with settings of its own, and brokers made by hand.

The hand-made ones are for what Mosquitto would never do.
"""

import contextlib
import getpass
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from edge.between.commands import SetPrice
from edge.between.inbox import Inbox, LinkChanged
from edge.city.mqtt import Mqtt
from edge.config.sections import CitySection
from protocol.city.events import CityObeyed
from protocol.city.signed import CityKeys
from protocol.city.state import Reach, encode_state
from protocol.city.token import CHINA
from protocol.city.topics import Topics
from simulator.broker import find_mosquitto
from simulator.city import City
from simulator.obstacles import free_port

WAIT = 20.0


class Authority:
    """A CA of the test, and the certificates it signs."""

    def __init__(self, folder: Path, name: str = "test ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=10))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / "ca.pem"
        self.file.write_bytes(made.public_bytes(Encoding.PEM))

    def serve(self, host: str = "localhost", days: tuple[float, float] = (-1, 5)) -> list[str]:
        """Write a server's certificate, valid from and to so many days from now; answers Mosquitto's settings."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            names.append(x509.IPAddress(ip_address("127.0.0.1")))
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        cert, private = self._folder / "server.pem", self._folder / "server.key"
        cert.write_bytes(made.public_bytes(Encoding.PEM))
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return [f"cafile {self.file}", f"certfile {cert}", f"keyfile {private}"]

    def sign(self, request: bytes, days: tuple[float, float] = (-1, 5)) -> bytes:
        """A client's certificate for this request."""
        asked, now = x509.load_pem_x509_csr(request), datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(asked.subject)
            .issuer_name(self._name)
            .public_key(asked.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        return x509.load_pem_x509_certificate(self.file.read_bytes()).fingerprint(hashes.SHA256()).hex(":").upper()


class Mosquitto:
    """The real broker on a loopback port of its own, with these lines after its ``listener``."""

    def __init__(self, folder: Path, *lines: str, anonymous: bool = True) -> None:
        self.port = free_port()
        self._folder = folder
        self._anonymous = anonymous
        self._child: subprocess.Popen[bytes] | None = None
        self.start(*lines)

    def start(self, *lines: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / "mosquitto.conf"
        base = [
            f"user {getpass.getuser()}",
            f"allow_anonymous {str(self._anonymous).lower()}",
            f"listener {self.port} 127.0.0.1",
        ]
        file.write_text("\n".join([*base, *lines]) + "\n")
        with (self._folder / "broker.log").open("ab") as out:
            self._child = subprocess.Popen(
                [find_mosquitto() or "mosquitto", "-v", "-c", str(file)], stderr=out, stdout=out
            )
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5):
                return
            assert self._child.poll() is None, (self._folder / "broker.log").read_text()
            time.sleep(0.02)
        raise AssertionError("mosquitto does not come up")

    def stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None


def size_bytes(size: int) -> bytes:
    """MQTT's variable byte integer."""
    out = bytearray()
    while True:
        size, low = divmod(size, 128)
        out.append(low | (128 if size else 0))
        if not size:
            return bytes(out)


class Caller:
    """One client of a hand-made broker."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link

    def read(self) -> tuple[int, bytes]:
        """The next packet: its first byte and its body. Raises OSError when the client is gone."""
        first = self._take(1)[0]
        size = shift = 0
        while True:
            digit = self._take(1)[0]
            size |= (digit & 127) << shift
            shift += 7
            if not digit & 128:
                return first, self._take(size)

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            if not (piece := self.link.recv(count - len(data))):
                raise ConnectionError
            data += piece
        return data

    def send(self, first: int, body: bytes) -> None:
        self.link.sendall(bytes([first]) + size_bytes(len(body)) + body)

    def connack(self, code: int = 0, properties: bytes = b"") -> None:
        self.send(0x20, bytes([0, code]) + size_bytes(len(properties)) + properties)

    def publish(self, topic: bytes, payload: bytes, *, retain: bool = False) -> None:
        self.send(0x30 | retain, struct.pack(">H", len(topic)) + topic + b"\x00" + payload)

    def serve(self, *, properties: bytes = b"", suback: int = 1, puback: int | None = 0) -> Iterator[tuple[int, bytes]]:
        """Behave, and yield each packet after it was answered."""
        while True:
            first, body = self.read()
            if first & 0xF0 == 0x10:
                self.connack(0, properties)
            elif first & 0xF0 == 0x80:
                self.send(0x90, body[:2] + b"\x00" + bytes([suback]))
            elif first & 0xF0 == 0x30 and first & 6 and puback is not None:
                at = 2 + int.from_bytes(body[:2], "big")
                self.send(0x40, body[at : at + 2] + (bytes([puback]) if puback else b""))
            elif first & 0xF0 == 0xC0:
                self.send(0xD0, b"")
            yield first, body


class HandMade:
    """A broker on loopback; ``play`` gets each client in turn, and its number."""

    def __init__(self, play: Callable[[Caller, int], None]) -> None:
        self._play = play
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.calls = 0
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._server.accept()
                self.calls += 1
                threading.Thread(target=self._one, args=(link, self.calls), daemon=True).start()

    def _one(self, link: socket.socket, number: int) -> None:
        with link, contextlib.suppress(OSError):
            self._play(Caller(link), number)

    def close(self) -> None:
        self._server.close()


class Link:
    """An MQTT thread under test and what it tells."""

    def __init__(
        self, *brokers: str, listen: tuple[str, ...] = ("ack",), also: tuple[str, ...] = (), **more: Any
    ) -> None:
        self.inbox: Inbox = Inbox()
        self.seen: list[Any] = []
        part = CitySection.model_validate({"brokers": brokers, "spread_seconds": 0.2, **more})
        self.mqtt = Mqtt(part, "station", listen, ("state", b"offline"), self.inbox, also)
        self.mqtt.start()

    def until(self, wanted: Callable[[Any], bool]) -> Any:
        """The next message that is wanted; what comes before it stays in ``seen``."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            with contextlib.suppress(Empty):
                message = self.inbox.get(timeout=0.1)
                self.seen.append(message)
                if wanted(message):
                    return message
        raise AssertionError(f"it did not come; seen: {self.seen}")

    def up(self) -> LinkChanged:
        changed: LinkChanged = self.until(lambda message: isinstance(message, LinkChanged) and message.up)
        return changed

    def down(self, cause: str = "") -> LinkChanged:
        """The next news of no link; with this cause."""
        changed: LinkChanged = self.until(
            lambda message: isinstance(message, LinkChanged) and not message.up and cause in ("", message.cause)
        )
        return changed


@pytest.fixture
def link() -> Iterator[Callable[..., Link]]:
    made: list[Link] = []

    def make(*brokers: str, **more: Any) -> Link:
        made.append(Link(*brokers, **more))
        return made[-1]

    yield make
    for one in made:
        one.mqtt.stop()
        one.mqtt.join(10)
        assert not one.mqtt.is_alive()


@pytest.fixture
def handmade() -> Iterator[Callable[..., HandMade]]:
    made: list[HandMade] = []

    def make(play: Callable[[Caller, int], None]) -> HandMade:
        made.append(HandMade(play))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    made: list[Mosquitto] = []

    def make(*lines: str, **more: Any) -> Mosquitto:
        made.append(Mosquitto(tmp_path / f"broker-{len(made)}", *lines, **more))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Callable[..., Authority]:
    def make(name: str = "ca") -> Authority:
        return Authority(tmp_path / name, name)

    return make


# --- a station at real brokers, with a real city behind them --------------------------------------------------------

IDLE, IDLES = 0.15, 300  # so long nothing comes, then the station's clock goes on; so often for one wait
STALL = """
[station]
name = "惠济市场"
jobs = ["gate", "stall"]
node = "410108001"
terminal = "{terminal}"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
stall = "A-12"
[city]
resend_seconds = 10
window = 6
brokers = [{brokers}]
mqtt = "{version}"
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
"""


class Stall:
    """A station whose core runs in the test's thread: it takes what its MQTT thread brings, and its clock jumps when
    nothing comes."""

    def __init__(self, box: Any, inbox: Any, clock: Any) -> None:
        self.box, self.inbox, self.clock = box, inbox, clock
        self.publisher = box.core._publisher

    def prices(self, count: int) -> None:
        for fen in range(100, 100 + count):
            self.box.does(SetPrice(product="01040201", price_fen=fen))

    def obeys(self, count: int) -> None:
        """Records of another kind, ahead of nothing."""
        said = CityObeyed(command="x", name="x", issued="", kid="")
        with self.box.ledger.batch():
            for _ in range(count):
                self.box.ledger.append("city.obeyed", "410108001-01", said, self.clock.now(), self.clock.boot_id)

    def until(self, condition: Callable[[], object], most: float = 0.0) -> float:
        """Go on until it is so; answers by how many seconds the station's clock had to go on, at most ``most``."""
        gone, idle = 0.0, 0
        while idle < IDLES:
            if condition():
                return gone
            try:
                message = self.inbox.get(timeout=IDLE)
            except Empty:
                idle += 1
                step = min(2.0, most - gone) if most else 2.0
                assert step > 0, f"not within {most} s: {self.publisher.cause()}"
                self.clock.go(step)
                gone += step
                self.box.turn()
            else:
                self.box.turn(message)
        raise AssertionError(f"it did not come to that: {self.publisher.cause()}")

    @property
    def left(self) -> tuple[tuple[str, str, str], ...]:
        return self.box.showing.board.city.left


class Unmade:
    """The wire, also before there is one: the MQTT thread wants the settings of the station that wants a wire."""

    def __init__(self) -> None:
        self.mqtt: Mqtt | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.mqtt, name) if self.mqtt else {"broker": "", "odd": Counter()}[name]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Callable[[Any], City]]:
    """Cities that sign with one key, each at its broker."""
    with contextlib.ExitStack() as running:

        def make(broker: Any) -> City:
            made = City(
                f"mqtt://127.0.0.1:{broker.port}",
                tmp_path / f"city-{broker.port}.db",
                enrol=True,
                key_file=tmp_path / "city.key",
            )
            running.enter_context(made)
            assert made.wait_connected()
            return made

        yield make


@pytest.fixture
def stall(tmp_path: Path, station_class: Any, clock_class: Any, signer: Any) -> Iterator[Callable[..., Stall]]:
    threads: list[Mqtt] = []
    boxes: list[Any] = []

    def make(city: City, *brokers: Any, version: str = "5", terminal: str = "01") -> Stall:
        topics = Topics("410108", "410108001", terminal)
        folder, clock = tmp_path / f"stall-{terminal}", clock_class(datetime.now(CHINA))
        folder.mkdir()
        urls = ", ".join(f'"mqtt://127.0.0.1:{one.port}"' for one in brokers)
        keys, inbox = CityKeys.parse(city.key), Inbox()
        settings = STALL.format(brokers=urls, version=version, terminal=terminal)
        own = replace(signer, terminal=terminal)
        box = station_class(folder, own, settings, clock, city_keys=keys, inbox=inbox, wire=Unmade())
        boxes.append(box)

        def birth(reach: Reach) -> bytes:
            return encode_state(
                "online", topics.station, signer.key, time=clock.now().text, bootid="b", reach=reach, software="test"
            )

        box.core._birth = birth
        mqtt = Mqtt(box.config.city, f"stall-{terminal}", topics.listen, None, inbox)
        box.wire.mqtt = mqtt
        threads.append(mqtt)
        mqtt.start()
        return Stall(box, inbox, clock)

    yield make
    for thread in threads:
        thread.stop()
        thread.join(10)
    for box in boxes:
        box.ledger.close()

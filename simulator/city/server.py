"""The city in one object: platform and pages, started and stopped together."""

import logging
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

import uvicorn

from simulator.city.engines import Where, is_server, shown
from simulator.city.enrolling import enrol
from simulator.city.keys import FILE, city_key, public_hex
from simulator.city.orders import Ordered, check_target, ordered
from simulator.city.platform import Part, Platform, check_broker
from simulator.city.reader import Reader, summary
from simulator.city.registering import check_key, check_station, register
from simulator.city.web import application
from simulator.city.workers import Workers
from simulator.obstacles import listening
from simulator.serving import PageServer

log = logging.getLogger("city")


class City:
    """A running city between ``with`` and its end, or ``start`` and ``stop``.

    ``keys`` are trusted from the beginning: station ``NNNNNNNNN-TT`` to 64 hex digits.  ``enrol`` trusts the first
    key each other station shows.  ``listen`` with port 0 takes a free one; ``url`` says which.  ``key_file`` holds the
    key the city signs with, made at the first start; by default beside the database, or in this folder.  ``key`` is its
    public half.  ``db`` may be ``postgresql://…``: then ``workers`` processes take what stations send, and this one has
    the pages, signs and sends commands.  Pages of the origins ``frames`` may show the city's in a frame.
    """

    def __init__(
        self,
        broker: str,
        db: Where,
        listen: str = "127.0.0.1:0",
        *,
        enrol: bool = False,
        mqtt_version: str = "5",
        keys: Mapping[str, str] | None = None,
        key_file: Path | None = None,
        workers: int = 0,
        frames: Iterable[str] = (),
    ) -> None:
        host, _, port = listen.rpartition(":")
        if not port.isdigit() or int(port) > 65535:
            raise ValueError(f"listen {listen!r}: write HOST:PORT")
        if workers and not is_server(db):
            raise ValueError("workers share a database server: name it with --store postgresql://…")
        self.db: Where = str(db) if is_server(db) else Path(db)
        self._listen = (host.strip("[]") or "127.0.0.1", int(port))
        self._keys = {check_station(name): check_key(key) for name, key in (keys or {}).items()}
        check_broker(broker, mqtt_version)
        key_path = key_file or key_beside(self.db)
        signing = city_key(key_path)
        self.key = public_hex(signing)
        self._signing, self._folder = signing, key_path.absolute().parent
        part = Part(worker=None) if workers else Part()
        self._platform = Platform(broker, self.db, signing, enrol=enrol, mqtt_version=mqtt_version, part=part)
        options = ["--broker", broker, "--store", str(self.db), "--mqtt", mqtt_version, "--key", str(key_path)]
        self.workers = Workers(workers, options + ["--enrol"] * enrol)
        self._enrol = enrol
        self._frames = tuple(frames)
        self._socket: socket.socket | None = None
        self._server: PageServer | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> tuple[str, int]:
        """Where the pages are, once started."""
        if self._socket is None:
            raise RuntimeError("the city is not started")
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    @property
    def url(self) -> str:
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def connected(self) -> bool:
        """Whether the subscription at the broker stands."""
        return self._platform.connected.is_set()

    def wait_connected(self, seconds: float = 10) -> bool:
        """Whether stations are heard, by every worker."""
        return self._platform.connected.wait(seconds) and self.workers.wait_ready(seconds)

    def order(self, name: str, target: str = "", *, hours: float = 24.0, **fields: Any) -> str:
        """Order something of a station, or of ``NNNNNNNNN-all``; answers the command's id. Raises BadOrder."""
        return self._platform.order(name, check_target(target), fields, hours * 3600)

    def ordered(self, id_: str) -> Ordered:
        """What became of a command so far."""
        with Reader(self.db) as reader:
            return ordered(reader.db.conn, 1, id_)[0]

    def summary(self) -> dict[str, Any]:
        """The same as ``/api/summary``."""
        return summary(self.db)

    def start(self) -> None:
        """Open the database, then the pages, then the way to the broker; raises InTheWay when the address is taken."""
        register(self.db, self._keys)
        self._socket = listening(*self._listen)
        app = application(
            self.db,
            enrol=self._enrol,
            scanned=self._platform.scanned,
            connected=self._platform.connected.is_set,
            order=self._platform.order,
            enrolled=partial(enrol, self.db, self._signing, self._folder),
            frames=self._frames,
        )
        self._server = PageServer(
            uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", proxy_headers=False, ws="none")
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="city web")
        self._platform.start()
        self.workers.start()
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)
        log.info(
            "city url=%s db=%s enrol=%s key=%s", self.url, shown(self.db), "on" if self._enrol else "off", self.key
        )

    def stop(self) -> None:
        """Take no more, keep what came, close."""
        if self._server is None or self._thread is None or self._socket is None:
            return
        self.workers.stop()
        self._platform.stop()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self._server = self._thread = self._socket = None
        log.info("city state=stopped")


def key_beside(where: Where) -> Path:
    """Where the city's key is unless somebody names another file."""
    return Path(FILE) if is_server(where) else Path(where).with_name(FILE)

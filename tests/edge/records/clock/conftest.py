"""A station on a box whose time the test holds in its hand."""

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edge.between.commands import RegisterEntry, Sell
from edge.config.sections import load
from edge.jobs import clock as clock_jobs
from edge.jobs import gate, stall
from edge.records.clock import CHECK_SECONDS, Clock
from edge.records.ledger import Ledger, Signer, bodies_after, past
from edge.state.station import Station
from protocol.city.codes import CodeKind, TraceCode
from protocol.readings import State, Weighing

CONFIG = """
[station]
name = "惠济市场"
jobs = ["stall", "gate"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "李秀兰"
[city]
brokers = ["mqtt://127.0.0.1"]
[gate]
unchecked = "accept"
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
[[scale]]
name = "scale-1"
model = "mt-sics"
port = "/dev/null"
max = "30 kg"
min = "200 g"
e = "10 g"
"""


def at(text: str) -> float:
    """Seconds since 1970 of a time in the market, like 2026-11-27 08:00."""
    return datetime.fromisoformat(f"{text}+08:00").timestamp()


class Box:
    """Wall clock, time since boot and the kernel's word are attributes; ``start`` is a restart of the service."""

    def __init__(self, folder: Path, signer: Signer, trust: str = "kernel", verified_until: str = "") -> None:
        self.folder, self.signer, self.trust = folder, signer, trust
        until = f"verified_until = {verified_until}\n" if verified_until else ""
        (folder / "station.toml").write_text(CONFIG + until, "utf-8")
        self.wall, self.boot, self.kernel, self.boots = at("2026-11-27 08:00"), 30.0, False, 1
        self.kernel_may_be_asked = True
        self.vouched_at = float("-inf")
        self.entries = 0
        self.ledger: Ledger | None = None
        self.start()

    def start(self) -> None:
        self.stop()
        config = load(self.folder / "station.toml")
        self.ledger = Ledger(self.folder / "data", self.signer)
        self.clock = Clock(
            self.trust,  # type: ignore[arg-type]
            past(self.ledger.conn),
            config.certificates(),
            wall=lambda: self.wall,
            since_boot=lambda: self.boot,
            steady=lambda: self.boot,
            kernel=self.ask_kernel,
            boot_id=f"boot-{self.boots}",
        )
        self.station = Station(config, self.ledger, self.clock, {}, {})

    def ask_kernel(self) -> bool | None:
        if not self.kernel_may_be_asked:
            return None
        if self.kernel:
            self.vouched_at = self.boot
        return self.kernel

    def reboot(self, wall: str) -> None:
        """Power off, and on again with what the box takes for the time; nothing is synchronised yet."""
        self.boots += 1
        self.wall, self.boot, self.kernel = at(wall), 20.0, False
        self.start()

    def stop(self) -> None:
        if self.ledger is not None:
            self.ledger.close()
            self.ledger = None

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.boot += seconds

    def look(self) -> None:
        """One round of the core thread, a check later."""
        self.advance(CHECK_SECONDS)
        self.round()

    def round(self) -> None:
        assert self.ledger is not None
        step = self.clock.look(self.ledger.head.unsynced_in == self.clock.boot_id)
        if step is not None:
            self.does(lambda: clock_jobs.step(self.station, step))

    def does(self, work: Callable[[], Any]) -> Any:
        assert self.ledger is not None
        self.station.undo.clear()
        with self.ledger.batch():
            return work()

    def enter(self) -> dict[str, Any]:
        """Goods come in; the record."""
        self.entries += 1
        upstream = str(TraceCode("410108002", CodeKind.SOURCE, "01", self.entries))
        entry = RegisterEntry(product="01040201", net_g=1000, origin="河南", supplier="李四", upstream=upstream)
        self.lot = str(self.does(lambda: gate.register(self.station, entry)).test_code)
        return self.events()[-1]

    def sell(self) -> dict[str, Any]:
        """A load is put on and sold; the record."""
        scale = self.station.scales["scale-1"]
        scale.changed(True, "")
        for place in range(20):
            value = Decimal("0.000" if place < 10 else "1.250")
            scale.feed(Weighing(value=value, unit="kg", stable=True, state=State.OK), self.boot + (place - 20) / 10)
        self.does(lambda: stall.sell(self.station, Sell(scale="scale-1", product="01040201", lot=self.lot)))
        return self.events()[-1]

    def events(self) -> list[dict[str, Any]]:
        assert self.ledger is not None
        return [json.loads(body) for _, body in bodies_after(self.ledger.conn, 0)]

    def steps(self) -> list[dict[str, Any]]:
        return [event["data"] for event in self.events() if event["type"].endswith(".clock.step.v1")]


@pytest.fixture(scope="session")
def boxes() -> type[Box]:
    return Box


@pytest.fixture
def box(tmp_path: Path, signer: Signer) -> Any:
    """Makes boxes: ``box(trust="host", verified_until="2027-06-30")``."""
    made: list[Box] = []

    def make(**options: Any) -> Box:
        folder = tmp_path / f"box-{len(made)}"
        folder.mkdir()
        made.append(Box(folder, signer, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()

"""A station made by ``init``, with records of a morning, and the command line on it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edge.city import asked_once
from edge.cli.main import main
from edge.records import mark
from edge.records.clock import Clock
from edge.records.identity import load_key
from edge.records.ledger import Ledger, Signer, bodies_after, reading
from protocol.city import envelope
from protocol.city.codes import CodeKind, TraceCode
from protocol.city.events import EntryRegistered, Goods
from protocol.city.state import read_state
from protocol.city.topics import Ack


@dataclass
class Home:
    """A station's folder."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "station.toml"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def key_file(self) -> Path:
        return self.folder / "station.key"

    @property
    def signer(self) -> Signer:
        return Signer(load_key(self.key_file), "sy.example.cn", "410108001", "01")

    def open(self, allowed_by: str = "") -> Ledger:
        return Ledger(self.data, self.signer, mark.beside(self.key_file), allowed_by)

    def write(self, ledger: Ledger, count: int, photos: list[str] | None = None) -> list[str]:
        """Register so many lots, a transaction each; answers their codes."""
        clock, codes = Clock("host"), []
        for number in range(count):
            with ledger.batch():
                codes.append(self.enter(ledger, clock, number))
        return codes

    def enter(self, ledger: Ledger, clock: Clock, number: int) -> str:
        """Register a lot in the batch at hand; answers its code."""
        code = str(ledger.next_code(CodeKind.TEST))
        entry = EntryRegistered(
            goods=Goods(product="01040201", name="大白菜"),
            net_g=1000 + number,
            origin="河南",
            supplier="李四",
            sample=str(number),
        )
        ledger.append("entry.registered", code, entry, clock.now(), clock.boot_id)
        return code

    def works(self, count: int) -> list[str]:
        """A station runs, registers so many lots and is stopped."""
        ledger = self.open()
        codes = self.write(ledger, count)
        ledger.close()
        return codes

    def does(self, *command: str) -> Result:
        """`marketedge ledger …` with this station's configuration."""
        name, *rest = command
        return CliRunner().invoke(main, ["ledger", name, "-c", str(self.config), *rest])

    def answers(self, *command: str, code: int = 0) -> Any:
        done = self.does(*command)
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    folder = tmp_path / "stall"
    assert CliRunner().invoke(main, ["init", str(folder), "--job", "gate"]).exit_code == 0
    return Home(folder)


@pytest.fixture
def another_home(tmp_path: Path) -> Callable[[str], Home]:
    """A new card: `init` again, in another folder."""

    def make(name: str) -> Home:
        folder = tmp_path / name
        assert CliRunner().invoke(main, ["init", str(folder), "--job", "gate"]).exit_code == 0
        return Home(folder)

    return make


class FakeCity:
    """What the city has, and its answer to a birth; none while ``away``."""

    def __init__(self) -> None:
        self.bodies: dict[int, bytes] = {}
        self.serials: dict[int, int] = {}
        self.away = False
        self.asked: list[int] = []

    def takes(self, home: Home, upto: int) -> None:
        with reading(home.data) as db:
            self.bodies = {seq: body for seq, body in bodies_after(db.conn, 0) if seq <= upto}
        codes = [TraceCode.parse(envelope.read(body)["subject"]) for body in self.bodies.values()]
        for code in codes:
            self.serials[code.kind.value] = max(self.serials.get(code.kind.value, 0), code.serial)

    def ask(self, config: Any, keys: Any, clock: Any, birth: bytes) -> Ack:
        if self.away:
            raise asked_once.Silent("the city does not answer")
        state = read_state(birth)
        self.asked.append(state.last)
        upto = max(self.bodies, default=0)
        there = self.bodies.get(state.acked)
        return Ack(
            upto,
            hash=envelope.hash_of(self.bodies[upto]) if upto else "",
            birth="ab" * 32,
            holds=envelope.hash_of(there) if there else "",
            serials=self.serials,
        )


@pytest.fixture
def city(monkeypatch: pytest.MonkeyPatch) -> FakeCity:
    made = FakeCity()
    monkeypatch.setattr(asked_once, "ask", made.ask)
    return made

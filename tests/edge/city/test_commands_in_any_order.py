"""Forged, late, doubled, in any order, over restarts: each valid command is done exactly once."""

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from edge.between.inbox import LinkChanged
from protocol.city.token import CHINA

LOTS = [f"4101080011010001007{n}" for n in range(4)]


@pytest.fixture
def machine(station_class: type[Any], mayor_class: type[Any], clock_class: type[Any], signer: Any) -> type[Any]:
    class Commands(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            self.folder = tempfile.TemporaryDirectory()
            self.clock = clock_class(datetime(2026, 11, 22, 5, 0, tzinfo=CHINA))
            self.mayor, self.stranger = mayor_class(self.clock), mayor_class(self.clock, seed=50)
            self.station: Any = None
            self.sent: list[tuple[bytes, float, str, int]] = []  # message, last moment, lot, whether it stops
            self.done: set[int] = set()
            self.start()

        def start(self) -> None:
            if self.station is not None:
                self.station.ledger.close()
            self.station = station_class(
                Path(self.folder.name), signer, STATION_TOML, self.clock, city_keys=self.mayor.keys
            )
            self.station.turn(LinkChanged(True))

        @rule(lot=st.sampled_from(LOTS), stops=st.booleans(), seconds=st.sampled_from([5, 60, 3600]))
        def order(self, lot: str, stops: bool, seconds: int) -> None:
            name = "stop_lot" if stops else "resume_lot"
            payload = self.mayor.sealed(name, expires=seconds, lot=lot, reason="x")
            self.sent.append((payload, self.clock.wall.timestamp() + seconds, lot, int(stops)))

        @rule(at=st.lists(st.integers(0, 40), max_size=4))
        def deliver(self, at: list[int]) -> None:
            known = [one for one in at if one < len(self.sent)]
            self.station.turn(*(self.mayor.message(self.sent[one][0]) for one in known))
            now = self.clock.wall.timestamp()
            self.done |= {one for one in known if now < self.sent[one][1]}

        @rule(seconds=st.sampled_from([1, 30, 7200]))
        def time_goes_on(self, seconds: int) -> None:
            self.clock.go(seconds)

        @rule(at=st.integers(0, 40))
        def forge(self, at: int) -> None:
            if at < len(self.sent):
                payload = self.sent[at][0]
                self.station.turn(
                    self.mayor.message(payload.replace(b'"reason":"x"', b'"reason":"y"')),
                    self.mayor.message(self.stranger.sealed("stop_lot", lot=LOTS[0], reason="z")),
                )

        @rule()
        def restart(self) -> None:
            self.start()

        @invariant()
        def each_once(self) -> None:
            if getattr(self, "station", None) is None:
                return
            records = [self.station.ledger.event(seq)["data"] for seq in range(1, self.station.ledger.head.seq + 1)]
            ids = [data["command"] for data in records]
            assert len(ids) == len(set(ids))
            assert set(ids) == {f"c-{one + 1}" for one in self.done}
            newest = {self.sent[one][2]: self.sent[one][3] for one in sorted(self.done)}
            lots = self.station.core._station.lots
            assert {lot: int(lots.stopped(lot) is not None) for lot in newest} == newest

        def teardown(self) -> None:
            if getattr(self, "station", None) is not None:
                self.station.ledger.close()
                self.folder.cleanup()

    return Commands


STATION_TOML = """
[station]
name = "惠济市场"
jobs = ["stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
stall = "A-12"
[city]
brokers = ["mqtt://127.0.0.1"]
"""


def test_each_valid_command_is_done_exactly_once(machine: Callable[[], Any]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=30, stateful_step_count=25, deadline=None))

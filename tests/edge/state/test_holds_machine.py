"""The way after a positive, in any order: people, the city, wrong clocks, restarts of the program and of the box.

The model keeps the true time and what people were answered, and says what may be: nothing held is sold, nothing goes
without a hold, nothing before its time, nothing is released without a laboratory, and masses add up to the gram.
``MARKETEDGE_DEEP=50`` makes fifty times as many tries.
"""

import os
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge.between.commands import HoldLot, ReleaseLot, Sell
from edge.between.correction_commands import VoidSale
from edge.between.held_commands import (
    AskRetest,
    DisposeLot,
    PlanDisposal,
    SendSample,
    TellHolder,
    TypeVerdict,
    WaiveRetest,
)
from edge.between.inbox import Refused
from edge.records.ledger import Signer
from edge.state.hold_steps import FOUR_HOURS
from protocol.city.envelope import kind_of
from protocol.city.token import CHINA

DEEP = int(os.environ.get("MARKETEDGE_DEEP", "1"))
NET = 250_000
BOSS = {"person": "王敏"}
LAB = {"laboratory": "市检验所", "method": "GB 23200.121-2021"}
STATION = """
[station]
name = "惠济市场"
jobs = ["gate", "stall"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010123"
name = "李秀兰蔬菜"
[city]
brokers = ["mqtt://127.0.0.1"]
[gate]
destroy_at_once = {policy}
"""


class Way(RuleBasedStateMachine):
    """``true`` is how long it truly is since the beginning, whatever the station's clock says."""

    station_class: type
    clock_class: type
    mayor_class: type
    devices: str

    @initialize(policy=st.booleans(), by_test=st.sampled_from([True, True, False]), told=st.booleans())
    def begins(self, policy: bool, by_test: bool, told: bool) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = self.clock_class(datetime(2026, 11, 22, 5, 0, tzinfo=CHINA))
        self.mayor = self.mayor_class(self.clock)
        self.begun = self.clock.wall
        self.true, self.boots, self.policy = 0.0, 0, policy
        self.station: Any = None
        self.starts()
        self.lot = self.station.releases(net_g=NET)
        self.true = (self.clock.wall - self.begun).total_seconds()
        self.t0: float | None = None
        self.slips: list[tuple[str, int]] = []
        if by_test:
            self.a_test_is_positive()
            if told:
                self.the_holder_is_told(typed=False, again=False)

    def teardown(self) -> None:
        if getattr(self, "station", None) is not None:
            self.station.ledger.close()
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def starts(self) -> None:
        if self.station is not None:
            self.station.ledger.close()
        signer = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))), "sy.example.cn", "410108001", "01")
        text = STATION.format(policy=str(self.policy).lower()) + self.devices
        self.station = self.station_class(Path(self.folder.name), signer, text, self.clock, city_keys=self.mayor.keys)

    def does(self, command: Any) -> str:
        """What it is refused with, or nothing."""
        try:
            self.station.does(command)
        except Refused as refused:
            return refused.code
        return ""

    def records(self, kind: str) -> list[dict[str, Any]]:
        made = [self.station.ledger.event(seq) for seq in range(1, self.station.ledger.head.seq + 1)]
        return [one["data"] for one in made if kind_of(one["type"]) == kind]

    @property
    def state(self) -> str:
        return str(self.station.core._station.lots.find(self.lot).state)

    @property
    def view(self) -> Any:
        return next((one for one in self.station.board.holds if one.lot == self.lot), None)

    def goes(self, seconds: float) -> None:
        self.clock.go(seconds)
        self.true += seconds

    def over(self) -> bool:
        return self.t0 is not None and self.true - self.t0 >= FOUR_HOURS

    # --- time and restarts ------------------------------------------------------------------------------------------

    @rule(minutes=st.sampled_from([1, 25, 100, 245]))
    def time_passes(self, minutes: int) -> None:
        self.goes(minutes * 60)
        self.station.turn()

    @rule(days=st.sampled_from([-20_000, -1, 1, 365]))
    def the_clock_goes_wrong(self, days: int) -> None:
        self.clock.wall += timedelta(days=days)
        self.clock.worth = "unsynced"
        self.station.turn()

    @rule()
    def the_clock_is_set(self) -> None:
        """By the time service, or by the supervisor's word: what was told in this boot is dated anew."""
        self.clock.is_set(self.begun + timedelta(seconds=self.true))
        self.station.turn()

    @rule()
    def the_program_starts_again(self) -> None:
        before = self.view
        self.starts()
        assert self.view == before

    @rule(minutes=st.integers(1, 400), believed=st.booleans(), days=st.sampled_from([-20_000, -1, 0, 365]))
    def the_box_starts_again(self, minutes: int, believed: bool, days: int) -> None:
        self.boots += 1
        self.true += minutes * 60
        self.clock.boot_id = f"0b5e0000-0000-4000-8000-{self.boots + 1:012d}"
        self.clock._steady = 20.0
        wall = self.begun + timedelta(seconds=self.true)
        self.clock.wall = wall if believed else wall + timedelta(days=days)
        self.clock.worth = "synced" if believed else "unsynced"
        step = self.view and (self.view.step, self.view.left_g, self.view.told)
        self.starts()
        assert (self.view and (self.view.step, self.view.left_g, self.view.told)) == step

    # --- tests, sales, people ---------------------------------------------------------------------------------------

    @rule()
    def a_test_is_positive(self) -> None:
        before, holds = self.clock.steady(), len(self.records("lot.held"))
        self.clock.wall, self.clock.worth = self.begun + timedelta(seconds=self.true), "synced"
        for _ in range(3):
            if self.state == "released":
                sample = self.station.core._station.lots.find(self.lot).sample
                self.station.hands_over(self.station.result(sample, "68.7"))
        self.true += self.clock.steady() - before
        if len(self.records("lot.held")) > holds:
            self.t0 = None

    @rule()
    def a_person_holds_it(self) -> None:
        due = {"held": "already_held", "disposed": "lot_disposed"}.get(self.state, "")
        assert self.does(HoldLot(lot=self.lot, reason="投诉", **BOSS)) == due
        if not due:
            self.t0 = None

    @rule()
    def somebody_buys(self) -> None:
        before = self.clock.steady()
        self.station.puts("1.500")
        self.true += self.clock.steady() - before
        state = self.state
        told = self.does(Sell(scale="scale-1", product="01040201", lot=self.lot))
        assert (told == "") <= (state == "released"), told
        if not told:
            self.slips.append((self.records("trade.completed")[-1]["slip"]["tx"], 1500))

    @rule()
    @precondition(lambda self: self.slips)
    def a_sale_is_voided(self) -> None:
        tx, _ = self.slips.pop()
        assert self.does(VoidSale(tx=tx, reason="退货")) == ""

    @rule(typed=st.booleans(), again=st.booleans())
    def the_holder_is_told(self, typed: bool, again: bool) -> None:
        now = self.clock.wall.replace(second=0, microsecond=0)
        at = now.isoformat()[:16] if typed else ""
        told = self.does(TellHolder(lot=self.lot, told="货主", at=at, reason="填错" if again else "", **BOSS))
        assert told or self.state == "held"
        if not told:
            self.t0 = self.true - ((self.clock.wall - now).total_seconds() if typed else 0)
            assert not typed or self.clock.worth == "synced"

    @rule(late=st.booleans())
    def a_recheck_is_asked_for(self, late: bool) -> None:
        told = self.does(AskRetest(lot=self.lot, asked_by="货主", reason="电话" if late else "", **BOSS))
        if not told:
            assert late or not self.records("retest.requested")[-1]["late"]
        if told == "retest_late":
            assert self.over()

    @rule()
    def it_is_waived(self) -> None:
        told = self.does(WaiveRetest(lot=self.lot, owner="货主", witness="刘洋", **BOSS))
        assert told or self.policy

    @rule(rapid=st.booleans())
    def a_sample_leaves(self, rapid: bool) -> None:
        method = "胶体金" if rapid else LAB["method"]
        said = SendSample(lot=self.lot, seal_no="FY-1", taken_by="张", **{**LAB, "method": method}, **BOSS)
        assert self.does(said) or not rapid

    @rule(conclusion=st.sampled_from(["qualified", "unqualified"]), rapid=st.booleans())
    def a_report_is_typed(self, conclusion: Any, rapid: bool) -> None:
        said = {**LAB, "report_no": "JC-8", "item": "毒死蜱", "concluded": "2026-11-22", "conclusion": conclusion}
        told = self.does(TypeVerdict(lot=self.lot, method_kind="rapid" if rapid else "laboratory", **said, **BOSS))
        assert told or (self.state == "held" and not rapid)

    @rule(conclusion=st.sampled_from(["qualified", "unqualified"]), ago=st.integers(0, 3000))
    def the_city_says_a_verdict(self, conclusion: str, ago: int) -> None:
        if self.clock.worth != "synced":
            return
        said = {**LAB, "report_no": "SJ-1", "item": "毒死蜱", "concluded": "2026-11-22", "conclusion": conclusion}
        state, holds = self.state, len(self.records("lot.held"))
        self.mayor.orders(self.station, "lab_verdict", issued=-ago, lot=self.lot, **said)
        if len(self.records("lot.held")) > holds:
            assert conclusion == "unqualified" and state == "released"
            self.t0 = None

    @rule()
    def it_is_released(self) -> None:
        state, view = self.state, self.view
        told = self.does(ReleaseLot(lot=self.lot, reason="核实", **BOSS))
        if not told:
            assert state == "held"
            assert view.verdict == "qualified" or (view.kind == "person" and view.verdict == "")
            self.t0 = None

    @rule(decision=st.sampled_from(["returned", "destroyed"]), part=st.booleans(), lost=st.sampled_from([0, 0, 700]))
    def goods_go(self, decision: Any, part: bool, lost: int) -> None:
        state, view = self.state, self.view
        left = view.left_g if view else 0
        mass = left // 2 if part else max(0, left - lost)
        said = {"how": "深埋", "where": "处理站", "owner": "货主", "witness": "刘洋", "officer": "赵监督"}
        told = self.does(
            DisposeLot(lot=self.lot, decision=decision, mass_g=mass, complete=not part, why="失水", **said, **BOSS)
        )
        if told:
            return
        assert state == "held"
        assert (
            view.verdict == "unqualified"
            or view.kind == "person"
            or (
                (view.step == "told" and self.over())
                or (view.step == "waived" and (decision == "destroyed" or self.over()))
            )
        ), (view, self.true, self.t0)

    @rule()
    def it_is_announced(self) -> None:
        said = {"decision": "destroyed", "at": "2026-11-23T09:00", "how": "深埋", "where": "处理站"}
        assert self.does(PlanDisposal(lot=self.lot, **said, **BOSS)) or self.state == "held"

    @rule(place=st.integers(0, 20), part=st.booleans())
    @precondition(lambda self: getattr(self, "station", None) and self.view)
    def what_may_be_done_is_done(self, place: int, part: bool) -> None:
        """The board says what may be done: it may."""
        deed = self.view.deeds[place % len(self.view.deeds)]
        acts: dict[str, Callable[[], None]] = {
            "tell": lambda: self.the_holder_is_told(typed=False, again=False),
            "ask": lambda: self.a_recheck_is_asked_for(late=True),
            "waive": self.it_is_waived,
            "send": lambda: self.a_sample_leaves(rapid=False),
            "verdict": lambda: self.a_report_is_typed(conclusion="unqualified" if part else "qualified", rapid=False),
            "release": self.it_is_released,
            "plan": self.it_is_announced,
            "return": lambda: self.goods_go(decision="returned", part=part, lost=0),
            "destroy": lambda: self.goods_go(decision="destroyed", part=part, lost=700),
        }
        before = self.station.ledger.head.seq
        acts[deed]()
        city_said = deed == "verdict" and self.view and self.view.report_no == "SJ-1"
        assert self.station.ledger.head.seq > before or city_said, deed

    # --- always -----------------------------------------------------------------------------------------------------

    @invariant()
    def masses_add_up(self) -> None:
        if not hasattr(self, "slips"):
            return
        left = self.station.core._station.lots.find(self.lot).left_g
        gone = [one for one in self.records("lot.disposed") if one["decision"] != "released_after_recheck"]
        assert left == NET - sum(mass for _, mass in self.slips) - sum(
            one["mass_g"] + one["difference_g"] for one in gone
        )
        for one in gone:
            assert one["complete"] or one["difference_g"] == 0
            assert one["before_g"] + one["mass_g"] <= one["held_g"] + max(0, -one["difference_g"])

    @invariant()
    def the_four_hours_never_end_too_early(self) -> None:
        if hasattr(self, "slips") and self.view is not None and self.view.phase == "over":
            assert self.over()
        if hasattr(self, "slips"):
            assert (self.view is not None) == (self.state == "held")
        if hasattr(self, "slips") and self.view and self.view.kind == "test":
            goes = {"return", "destroy"} & set(self.view.deeds)
            if self.view.step == "waived" and self.policy:
                goes.discard("destroy")
            assert not goes or self.view.verdict == "unqualified" or self.over()
            assert ("release" in self.view.deeds) == (self.view.verdict == "qualified")


def test_the_way_after_a_positive(
    station_class: type, clock_class: type, mayor_class: type, counter_devices: str
) -> None:
    given = {
        "station_class": station_class,
        "clock_class": clock_class,
        "mayor_class": mayor_class,
        "devices": counter_devices,
    }
    run_state_machine_as_test(
        type("Holds", (Way,), given),
        settings=settings(
            max_examples=15 * DEEP,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )

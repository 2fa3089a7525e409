"""A canteen's deliveries, whatever people do and whenever the box starts anew: sums add up, no load counts twice, two
different people sign, and nothing changes after they have."""

import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

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

from edge.between.canteen_commands import (
    AddDeliveryLine,
    BeginDelivery,
    DescribeLine,
    RemoveLoad,
    SignByName,
    VoidAcceptance,
    WeighLoad,
)
from edge.between.inbox import Refused
from edge.records.ledger import Signer
from protocol.city.token import CHINA

SETTINGS = """
[station]
name = "第一小学食堂"
jobs = ["canteen"]
node = "410108001"
terminal = "01"
region = "410108"
host = "sy.example.cn"
[seller]
code = "4101080010999"
name = "第一小学食堂"
[city]
brokers = ["mqtt://127.0.0.1"]
[[scale]]
name = "scale-1"
model = "st-gs"
port = "/dev/null"
max = "60 kg"
min = "400 g"
e = "20 g"
[[product]]
code = "01040201"
name = "大白菜"
price = "3.50"
"""
PEOPLE = st.sampled_from(["赵敏", "钱伟", "孙丽", " 赵敏 "])


def machine(station_class: Any, clock_class: Any, folder: Path, signer: Signer) -> type[RuleBasedStateMachine]:
    class Canteen(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.folder = Path(tempfile.mkdtemp(dir=folder))
            self.clock = clock_class(datetime(2026, 11, 22, 5, 0, tzinfo=CHINA))
            self.box: Any = None
            self.start()
            self.pile: list[int] = []  # crates of 10 kg on the scale, by their numbers
            self.next = 1
            self.counted: set[int] = set()  # of all crates those that were counted
            self.last: tuple[int, set[int]] | None = None  # the load that was counted last, while it lies there
            self.truth = 0  # grams that were counted and not taken back
            self.loads: dict[int, int] = {}
            self.closed: dict[str, Any] = {}
            self.signed: list[str] = []

        def start(self) -> None:
            if self.box is not None:
                self.box.ledger.close()
            self.box = station_class(self.folder, signer, SETTINGS, self.clock)

        def teardown(self) -> None:
            self.box.ledger.close()
            shutil.rmtree(self.folder)

        @property
        def open(self) -> Any:
            return next((one for one in self.box.board.deliveries if one.state == "open"), None)

        def shows(self) -> None:
            self.box.weighs(f"{10 * len(self.pile)}.00", 0.5)

        @initialize()
        def begins(self) -> None:
            number = self.box.does(BeginDelivery(supplier="老王", reason="加菜"))["delivery"]
            self.box.does(AddDeliveryLine(delivery=number, product="01040201"))
            self.signed = []

        @precondition(lambda self: self.open is None)
        @rule()
        def begins_again(self) -> None:
            self.begins()
            self.truth, self.loads = 0, {}

        @precondition(lambda self: len(self.pile) < 4)
        @rule()
        def puts_a_crate_on(self) -> None:
            self.pile.append(self.next)
            self.next += 1
            self.shows()

        @rule()
        def clears_the_pan(self) -> None:
            self.pile, self.last = [], None
            self.shows()

        @precondition(lambda self: self.open is not None)
        @rule()
        def presses(self) -> None:
            self.shows()
            try:
                self.box.does(WeighLoad(delivery=self.open.number, line=1, scale="scale-1"))
            except Refused as why:
                assert why.code in ("load_counted", "off_first", "below_min")
                return
            fresh = [crate for crate in self.pile if crate not in self.counted]
            load = self.open.lines[0].loads[-1]
            assert load.net_g == 10_000 * len(fresh), "what was counted already was counted again"
            self.counted |= set(self.pile)
            self.last = load.load, set(fresh)
            self.loads[load.load] = load.net_g
            self.truth += load.net_g
            self.signed = []

        @precondition(lambda self: self.open is not None and self.open.lines[0].loads)
        @rule(data=st.data())
        def takes_a_load_back(self, data: Any) -> None:
            load = data.draw(st.sampled_from(self.open.lines[0].loads))
            self.box.does(RemoveLoad(delivery=self.open.number, line=1, load=load.load))
            self.truth -= self.loads.pop(load.load)
            if self.last is not None and self.last[0] == load.load:
                self.counted -= self.last[1]
                self.last = None
            self.signed = []

        @precondition(lambda self: self.open is not None)
        @rule(words=st.sampled_from(["新鲜", "一般"]))
        def looks(self, words: str) -> None:
            self.box.does(DescribeLine(delivery=self.open.number, line=1, sensory=words, price_fen=350))
            self.signed = []

        @precondition(lambda self: self.open is not None)
        @rule(person=PEOPLE, late=st.booleans())
        def signs(self, person: str, late: bool) -> None:
            one = self.open
            version = one.version - 1 if late else one.version
            try:
                answer = self.box.does(SignByName(delivery=one.number, version=max(1, version), person=person))
            except Refused as why:
                assert why.code in ("changed", "line_goods", "signed_already")
                return
            self.signed.append(person.strip())
            if answer["code"]:
                assert len(set(self.signed)) == 2 and len(self.signed) == 2
                record = self.box.last
                (line,) = record["data"]["lines"]
                assert line["accepted_g"] == self.truth == sum(load["net_g"] for load in line["loads"])
                assert {one["name"].strip() for one in record["data"]["signers"]} == set(self.signed)
                self.closed[answer["code"]] = record
                self.signed, self.truth, self.loads = [], 0, {}

        @precondition(lambda self: self.closed)
        @rule()
        def voids(self) -> None:
            code = next(iter(self.closed))
            try:
                self.box.does(VoidAcceptance(code=code, reason="签错", person="王敏"))
            except Refused as why:
                assert why.code == "already_voided"

        @rule()
        def starts_anew(self) -> None:
            self.start()

        @invariant()
        def what_is_shown_is_what_was_counted(self) -> None:
            if self.open is not None and self.open.lines:
                line = self.open.lines[0]
                assert line.delivered_g == self.truth == sum(load.net_g for load in line.loads)
                assert [one.name.strip() for one in self.open.signed] == self.signed

        @invariant()
        def what_was_signed_stands(self) -> None:
            for code, record in self.closed.items():
                assert self.box.ledger.event(int(record["sequence"])) == record and record["subject"] == code

    return Canteen


def test_whatever_is_done_sums_add_up_and_nothing_counts_twice(
    station_class: Any, clock_class: Any, tmp_path: Path, signer: Signer
) -> None:
    run_state_machine_as_test(
        machine(station_class, clock_class, tmp_path, signer),
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

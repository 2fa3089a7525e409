"""The bench in any order, with kill -9 between and in the middle of transfers: a result is of what lay in its channel
when it was measured, and counts once; nothing is on sale that its measurements and the day's control do not vouch for.

The model keeps what people put where and what the reader said. Each value is said once: records are found by it.
``MARKETEDGE_DEEP=50`` makes fifty times as many tries.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
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

from edge.between.bench_commands import FillRack, NextRack, OpenReagent, SetPlace
from edge.between.inbox import Refused, Tested
from edge.records.ledger import Signer
from protocol.city.envelope import kind_of
from protocol.city.token import CHINA
from protocol.readings import TestResult

DEEP = int(os.environ.get("MARKETEDGE_DEEP", "1"))
READER, REPEATS = "tester-8", 2
PLACES = [str(number) for number in range(1, 5)]
DEVICES = """
[gate]
control = "{rule}"
[[analyzer]]
name = "tester-8"
model = "dayuan-tl310"
port = "/dev/null"
match = "channel"
channels = 4
controls = {{ "1" = "blank" }}
[[product]]
code = "01040201"
name = "大白菜"
"""
CONTROLS = {"blank": False, "spiked": True}  # which of them has to be positive
CHANNELS = st.sampled_from(PLACES)


def due(outcomes: list[bool]) -> int:
    """How many measurements a lot with these (True: positive) asks for yet."""
    if True not in outcomes:
        return 0 if outcomes else 1
    return max(0, REPEATS + 1 - len(outcomes[outcomes.index(True) :]))


def passed(outcomes: list[bool]) -> bool:
    """Negative, or positive once and never again."""
    return bool(outcomes) and not due(outcomes) and outcomes.count(True) <= 1


class Bench(RuleBasedStateMachine):
    a_box: Callable[..., Any]
    signer: Signer
    hand_clock_at: Callable[[datetime], Any]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = self.hand_clock_at(datetime(2026, 11, 22, 5, 0, tzinfo=CHINA))
        self.begun = self.clock.wall
        self.station: Any = None
        self.starts = self.values = 0
        self.lies: dict[str, str] = {}  # place: a test code or a control
        self.came: set[str] = set()  # places whose result is there
        self.memory: list[TestResult] = []  # what the reader keeps
        self.late: dict[str, tuple[TestResult, str]] = {}  # by channel: measured of this, and not sent yet
        self.outcomes: dict[str, list[bool]] = {}  # of each lot, True: positive

    @initialize(required=st.booleans())
    def begins(self, required: bool) -> None:
        self.required = required
        self.start()

    def start(self) -> None:
        place = self.folder / str(self.starts)
        place.mkdir(exist_ok=True)
        rule = "required" if self.required else "off"
        self.station = type(self).a_box(place, type(self).signer, self.clock, DEVICES.format(rule=rule))

    def teardown(self) -> None:
        if self.station is not None:
            self.station.ledger.close()
        shutil.rmtree(self.folder)

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        ledger = self.station.ledger
        made = (ledger.event(seq) for seq in range(1, ledger.head.seq + 1))
        return [one for one in made if kind_of(one["type"]) in kinds]

    def of_value(self, result: TestResult) -> dict[str, Any]:
        """The one record of what the reader said."""
        (one,) = [one for one in self.events("test.result", "qc.result") if one["data"]["value"] == str(result.value)]
        return one

    def shown(self) -> tuple[dict[str, str], set[str]]:
        """What the page says lies where, and where a result is there."""
        (rack,) = self.station.board.bench.racks
        lies = {one.place: one.test_code or one.kind for one in rack.places if one.state != "empty"}
        return lies, {one.place for one in rack.places if one.state == "came"}

    # --- people -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.station and len(self.outcomes) < 9)
    @rule()
    def goods_come_in(self) -> None:
        self.outcomes[self.station.enters()] = []

    @rule(following=st.booleans(), leave=st.booleans())
    def rack_is_filled(self, following: bool, leave: bool) -> None:
        """A lot that waits is put in as often as it asks for, less where it lies already; a full rack is followed."""
        waits = {place: what for place, what in self.lies.items() if place not in self.came}
        lots = set(waits.values()) - CONTROLS.keys()
        first = not self.station.board.bench.racks[0].number
        command = NextRack(analyzer=READER, leave=leave) if following else FillRack(analyzer=READER)
        try:
            said = self.station.does(command)
        except Refused as refused:
            assert refused.code == "rack_unfinished" and following and lots and not leave
            return
        assert not (following and lots and not leave)
        if following or first or (self.lies and not waits):
            self.lies, self.came, waits = {"1": "blank"}, set(), {}
        free = [place for place in PLACES if place not in self.lies]
        asked = []
        for again in (True, False):
            for lot, outcomes in self.outcomes.items():
                if bool(outcomes) is again and self.station.lot(lot).state == "pending":
                    asked += [lot] * max(0, due(outcomes) - list(waits.values()).count(lot))
        self.lies |= dict(zip(free, asked, strict=False))
        put = min(len(free), len(asked))
        assert (said["put"], said["free"], said["waiting"]) == (put, len(free) - put, len(asked) - put)

    @rule(place=CHANNELS, what=st.sampled_from(["lot", "lot", "blank", "spiked", ""]), number=st.integers(0, 8))
    def something_is_put_by_hand(self, place: str, what: Any, number: int) -> None:
        lots = list(self.outcomes)
        if what == "lot" and not lots:
            return
        lot = lots[number % len(lots)] if what == "lot" else ""
        control = what if what in CONTROLS else None
        if not self.lies and not self.station.board.bench.racks[0].number:
            self.lies = {"1": "blank"}
        self.station.does(SetPlace(analyzer=READER, place=place, lot=lot, control=control))
        self.came.discard(place)
        self.lies.pop(place, None)
        if not what:
            self.late.pop(place, None)  # the person says that it lies there no more: it is of nobody here
        if what:
            self.lies[place] = lot or what

    @rule(expired=st.booleans())
    def reagent_is_opened(self, expired: bool) -> None:
        """In date for today, or for some days."""
        until = (self.clock.wall + timedelta(days=0 if expired else 3)).date().isoformat()
        number = f"NC{len(self.events('reagent.changed'))}"
        try:
            self.station.does(OpenReagent(reagent=number, item="农药残留", expires=until, person="王敏"))
        except Refused as refused:
            assert refused.code == "reagent_open"

    @rule()
    def another_day_comes(self) -> None:
        self.clock.go(24 * 3600)
        self.station.turn()

    # --- the reader -------------------------------------------------------------------------------------------------

    def measured(self, channel: str, positive: bool) -> TestResult:
        self.values += 1
        made: TestResult = self.station.result(None, f"{70 if positive else 5}.{self.values:03d}", channel=channel)
        self.memory.append(made)
        return made

    def is_right(self, result: TestResult, positive: bool) -> None:
        """The record is of what lay in that channel, and of nothing else."""
        channel = str(result.channel)
        what, waits = self.lies.get(channel, ""), channel not in self.came
        event = self.of_value(result)
        if kind_of(event["type"]) == "qc.result":
            assert (event["data"]["control_kind"], waits) == (what, True)
            assert event["data"]["valid"] is (positive is CONTROLS[what])
        else:
            assert what not in CONTROLS or not waits
            assert event["data"]["lot"] in (None, what)
            if what in self.outcomes and event["data"]["lot"]:
                self.outcomes[what].append(positive)
            elif what in self.outcomes:  # nobody asks for a further one, or it came already and was decided by it
                assert not due(self.outcomes[what]) or not waits
        if what:
            self.came.add(channel)

    @rule(channel=CHANNELS, positive=st.sampled_from([False, False, False, True]))
    def channel_is_read(self, channel: str, positive: bool) -> None:
        result = self.measured(channel, positive)
        self.station.hands_over(result, device=READER)
        self.is_right(result, positive)

    @precondition(lambda self: any(place not in self.came for place in self.lies))
    @rule(positive=st.sampled_from([False, False, False, True]))
    def rack_is_read(self, positive: bool) -> None:
        """Everything that waits, the last of it perhaps positive."""
        for place in [place for place in PLACES if place in self.lies and place not in self.came]:
            self.channel_is_read(channel=place, positive=positive and place == max(self.lies))

    @rule(channel=CHANNELS)
    def channel_is_measured_and_the_cable_is_off(self, channel: str) -> None:
        """Now, in a minute in which people may go on."""
        what = self.lies.get(channel, "")
        if channel not in self.came and channel not in self.late and what in self.outcomes:
            self.late[channel] = self.measured(channel, False), what
            self.memory.pop()

    @precondition(lambda self: self.late)
    @rule()
    def the_cable_is_on_again(self) -> None:
        """What was measured is of what lay there then, or waits for a person."""
        for channel, (result, what) in self.late.items():
            self.station.hands_over(result, device=READER)
            self.memory.append(result)
            event = self.of_value(result)
            assert (kind_of(event["type"]), event["data"].get("lot")) in (("test.result", None), ("test.result", what))
            if event["data"]["lot"]:
                self.outcomes[what].append(False)
            if self.lies.get(channel) == what and channel in self.shown()[1]:
                self.came.add(channel)
        self.late.clear()

    @rule(channel=CHANNELS)
    def something_old_is_read(self, channel: str) -> None:
        """It was measured before anything lay there: of no lot, and no control of today."""
        result = replace(
            self.measured(channel, False),
            measured_at=(self.begun - timedelta(days=1)).replace(tzinfo=None, second=0, microsecond=0),
        )
        self.memory[-1] = result
        self.station.hands_over(result, device=READER)
        event = self.of_value(result)
        assert (kind_of(event["type"]), event["data"]["lot"]) == ("test.result", None)

    @rule()
    def everything_is_sent_again(self) -> None:
        before = self.station.ledger.head.seq
        self.station.hands_over(*self.memory, device=READER)
        assert self.station.ledger.head.seq == before

    # --- kill -9 ----------------------------------------------------------------------------------------------------

    def is_killed(self, *messages: Any, committed: bool = False) -> None:
        self.starts += 1
        self.station.killed(self.folder / str(self.starts), *messages, committed=committed)
        self.start()
        shutil.rmtree(self.folder / str(self.starts - 1))

    @rule()
    def power_goes(self) -> None:
        board = self.station.board
        before = board.bench.racks, board.plan, board.lots
        self.is_killed()
        board = self.station.board
        assert (board.bench.racks, board.plan, board.lots) == before

    @rule(channel=CHANNELS, positive=st.booleans(), committed=st.booleans())
    def power_goes_in_a_transfer(self, channel: str, positive: bool, committed: bool) -> None:
        """The reader was not told that we have it: it sends its whole memory again."""
        result = self.measured(channel, positive)
        self.is_killed(Tested(READER, (result,)), committed=committed)
        before = self.station.ledger.head.seq
        self.station.hands_over(*self.memory, device=READER)
        assert (self.station.ledger.head.seq == before) is committed
        self.is_right(result, positive)

    # --- always -----------------------------------------------------------------------------------------------------

    @invariant()
    def a_place_has_what_was_put_there_and_nothing_twice(self) -> None:
        if self.station is None:
            return
        assert self.shown() == (self.lies, self.came)
        for _, channel, lot in self.station.board.plan:
            assert self.lies[channel] == lot

    @invariant()
    def what_is_on_sale_is_vouched_for(self) -> None:
        if self.station is None:
            return
        made = self.events("test.result", "qc.result", "reagent.changed")
        for code, outcomes in self.outcomes.items():
            lot = self.station.lot(code)
            counted = [one for one in made if one["data"].get("lot") == code]
            if lot.state == "released":
                assert passed(outcomes)
            elif not self.required:
                assert not passed(outcomes) or lot.state == "held"
            if self.required and passed(outcomes) and lot.state in ("released", "pending"):
                word = self.vouched(counted[-1], made, None if lot.state == "pending" else self.released_at(code))
                same_day = counted[-1]["time"][:10] == self.clock.wall.date().isoformat()
                assert word if lot.state == "released" else not (word and same_day)

    def released_at(self, code: str) -> int:
        """The record by which it came on sale."""
        released = [one for one in self.events("lot.released") if one["data"]["lot"] == code]
        return int(released[-1]["sequence"])

    def vouched(self, result: dict[str, Any], made: list[dict[str, Any]], upto: int | None) -> bool:
        """Whether a valid control of its day, none failed after it, and a reagent in date stand for this result."""
        known = [one for one in made if upto is None or int(one["sequence"]) < upto]
        day, seq = result["time"][:10], int(result["sequence"])
        controls = [one for one in known if kind_of(one["type"]) == "qc.result" and one["time"][:10] == day]
        failed = any(int(one["sequence"]) > seq and not one["data"]["valid"] for one in controls)
        reagents = [one for one in known if kind_of(one["type"]) == "reagent.changed"]
        return (
            bool(controls)
            and controls[-1]["data"]["valid"]
            and not failed
            and any(one["data"]["expires"] >= day for one in reagents)
        )


def test_what_the_bench_says_of_a_lot_is_its_own(a_box: Any, signer: Signer, hand_clock_at: Any) -> None:
    given = {"a_box": staticmethod(a_box), "signer": signer, "hand_clock_at": staticmethod(hand_clock_at)}
    run_state_machine_as_test(
        type("Racks", (Bench,), given),
        settings=settings(
            max_examples=20 * DEEP, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

"""Three stations and their lots: messages late, doubled, out of order or lost, boxes that crash.

The model reads what each station has heard, and says what it may sell: nothing that it knows to be held, nothing that
it knows others to have, no more than it took over.  ``MARKETEDGE_DEEP=50`` makes fifty times as many tries.
"""

import json
import os
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
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

from edge.between.commands import HandLot, HoldLot, OpenLot, ReleaseLot, Sell, SettleLot
from edge.between.held_commands import TypeVerdict
from edge.between.inbox import CityMessage, Refused
from edge.state.stops import CITY
from protocol.city.envelope import kind_of
from protocol.city.topics import Topics

GATE, NAMES = "01", ("01", "02", "03")
STALLS = st.sampled_from(NAMES[1:])
ANY = st.sampled_from(NAMES)
NET = 10_000
DEEP = int(os.environ.get("MARKETEDGE_DEEP", "1"))


def name_of(station: str) -> str:
    return f"410108001-{station}"


class Model(RuleBasedStateMachine):
    """``heard`` are the records each station knows, by station and number; ``post`` is what is on its way."""

    open_market: Callable[[Path], Any]
    devices: str

    @initialize()
    def begins(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.market = self.open_market(Path(self.folder.name))
        for name in NAMES:
            self.market.start(name, self.devices)
        self.noted = dict.fromkeys(NAMES, 0)
        self.heard: dict[str, dict[tuple[str, int], dict[str, Any]]] = {name: {} for name in NAMES}
        self.post: list[tuple[str, CityMessage]] = []
        self.everything: list[tuple[str, CityMessage]] = []
        self.sold = dict.fromkeys(NAMES, 0)
        self.handed = dict.fromkeys(NAMES, 0)
        self.words: dict[str, dict[bool, float]] = {name: {} for name in NAMES}
        self.cards: list[str] = []
        gate = self.market.stations[GATE]
        self.lot = gate.enters(net_g=NET)
        gate.hands_over(gate.result(gate.lot(self.lot).sample, "12.5"))
        self.source = str(gate.lot(self.lot).source)
        self.note()

    def teardown(self) -> None:
        if hasattr(self, "market"):
            for station in self.market.stations.values():
                station.ledger.close()
            self.folder.cleanup()

    # --- what is on its way -----------------------------------------------------------------------------------------

    def note(self) -> None:
        """Take up what the stations have said since: it is on its way to the others."""
        for name in NAMES:
            for message in self.market.says(name, self.noted[name]):
                event = json.loads(message.payload)
                self.heard[name][name, int(event["sequence"])] = event
                if "url" in event["data"]:
                    self.cards.append(event["data"]["url"])
                for other in NAMES:
                    if other != name:
                        self.post.append((other, message))
                        self.everything.append((other, message))
            self.noted[name] = self.market.stations[name].ledger.head.seq

    def deliver(self, to: str, message: CityMessage) -> None:
        event = json.loads(message.payload)
        self.heard[to][event["source"][-2:], int(event["sequence"])] = event
        self.market.stations[to].turn(message)
        self.note()

    @rule(place=st.integers(0), twice=st.booleans())
    @precondition(lambda self: self.post)
    def a_message_comes(self, place: int, twice: bool) -> None:
        place %= len(self.post)
        to, message = self.post[place] if twice else self.post.pop(place)
        self.deliver(to, message)

    @rule(place=st.integers(0))
    @precondition(lambda self: self.post)
    def a_message_is_lost(self, place: int) -> None:
        del self.post[place % len(self.post)]

    @rule(back=ANY)
    def a_station_shows_itself_and_is_told_what_stands(self, back: str) -> None:
        self.market.clock.go(11)
        for name in NAMES:
            if name != back:
                station = self.market.stations[name]
                station.wire.announced.clear()
                station.turn(CityMessage(Topics("410108", "410108001", back).state, b'{"state":"online"}'))
                self.post += [
                    (other, CityMessage(topic, body))
                    for topic, body in station.wire.announced
                    for other in NAMES
                    if other != name
                ]

    @rule()
    def all_that_was_ever_said_comes(self) -> None:
        for to, message in list(self.everything):
            self.deliver(to, message)
        self.post.clear()

    @rule(name=ANY)
    def a_box_crashes_and_starts_again(self, name: str) -> None:
        self.market.start(name, self.devices)

    # --- what people do ---------------------------------------------------------------------------------------------

    def does(self, name: str, command: Any) -> str:
        self.market.clock.go(1)
        try:
            self.market.stations[name].does(command)
        except Refused as refused:
            return refused.code
        finally:
            self.note()
        return ""

    @rule(name=STALLS, place=st.integers(0), net_g=st.none() | st.integers(1, NET))
    def a_card_is_scanned(self, name: str, place: int, net_g: int | None) -> None:
        told = self.does(name, OpenLot(code=self.cards[place % len(self.cards)], net_g=net_g))
        assert told in ("", "too_much", "lot_stopped")
        if self.stopped(name) and not self.own(name):
            assert told in ("lot_stopped", "too_much")

    @rule(name=ANY, net_g=st.integers(1, 3000))
    def goods_are_sold(self, name: str, net_g: int) -> None:
        if not self.has(name):
            return
        due = self.why_not(name, net_g)
        sale = Sell(scale="scale-1", product="01040201", lot=self.source, manual_g=net_g, reason="秤坏")
        told = self.does(name, sale)
        assert told == due
        self.sold[name] += 0 if told else net_g

    @rule(name=ANY, net_g=st.integers(1, 5000))
    def goods_are_handed_on(self, name: str, net_g: int) -> None:
        if not self.has(name):
            return
        due = self.why_not(name, net_g)
        told = self.does(name, HandLot(lot=self.source, net_g=net_g, to="4101080010102"))
        assert told == due
        self.handed[name] += 0 if told else net_g

    @rule(name=STALLS, net_g=st.integers(0, NET))
    def a_supervisor_settles(self, name: str, net_g: int) -> None:
        told = self.does(name, SettleLot(lot=self.source, net_g=net_g, why="核定"))
        assert told in ("", "not_disputed", "settled_elsewhere", "no_lot")

    @rule()
    def a_test_is_positive(self) -> None:
        gate = self.market.stations[GATE]
        gate.hands_over(gate.result(gate.lot(self.lot).sample, "68.7"))
        self.note()

    @rule(name=ANY)
    def a_supervisor_holds_it(self, name: str) -> None:
        if self.has(name):
            due = "already_held" if self.held(name, name) else ""
            assert self.does(name, HoldLot(lot=self.source, person="王敏", reason="投诉")) == due

    @rule(name=ANY)
    def a_supervisor_ends_a_hold_after_a_recheck(self, name: str) -> None:
        if not self.has(name):
            return
        found = {"report_no": "JC-8", "laboratory": "检验所", "method": "GB 23200.121-2021", "item": "农药残留"}
        found |= {"lot": self.source, "conclusion": "qualified", "concluded": "2026-11-22", "person": "王敏"}
        self.does(name, TypeVerdict(**found))
        due = "" if self.held(name, name) else "lot_stopped" if self.stopped(name) else "not_held"
        told = self.does(name, ReleaseLot(lot=self.source, person="王敏", reason="复检合格"))
        assert told == due

    @rule(name=ANY, stops=st.booleans(), before=st.integers(0, 30))
    def the_city_speaks(self, name: str, stops: bool, before: int) -> None:
        """It stops the lot, or takes it up again; the order may be an older one that comes late."""
        self.market.clock.go(1)
        station, at = self.market.stations[name], self.market.clock.now().seconds - before
        lots = station.core._station.lots
        with station.ledger.batch():
            if stops:
                lots.stop(self.source, "监督抽检", CITY, at=at)
            else:
                lots.resume(self.source, CITY, at=at)
        station.turn()
        self.words[name][stops] = max(at, self.words[name].get(stops, at))

    # --- what is to be expected -------------------------------------------------------------------------------------

    def of_kind(self, name: str, *kinds: str) -> list[tuple[str, int, dict[str, Any]]]:
        return [
            (by, seq, event) for (by, seq), event in sorted(self.heard[name].items()) if kind_of(event["type"]) in kinds
        ]

    def claims(self, name: str) -> dict[tuple[str, int], dict[str, dict[str, Any]]]:
        """What each station has of each portion, by the newest that this station has heard of it."""
        found: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
        for by, _, event in self.of_kind(name, "lot.opened", "lot.settled", "lot.disputed"):
            data = event["data"]
            if kind_of(event["type"]) == "lot.disputed":
                if by == name:
                    continue  # what it says of itself it knew before
                data = data | {"net_g": data["own_g"]}
            settled = bool(data.get("settled", kind_of(event["type"]) == "lot.settled"))
            claim = {"net_g": data["net_g"], "of_g": data["of_g"], "settled": settled}
            found.setdefault((data["kid"], data["portion"]), {})[by] = claim
        return found

    def own(self, name: str) -> int:
        return sum(one[name]["net_g"] for one in self.claims(name).values() if name in one)

    def left(self, name: str) -> int:
        if name != GATE:
            return self.own(name) - self.sold[name] - self.handed[name]
        kid = self.market.stations[GATE].core._station.lots.claims.kid
        given = sum(one["net_g"] for by, one in self.claims(GATE).get((kid, 0), {}).items() if by != GATE)
        return NET - self.sold[GATE] - self.handed[GATE] - given

    def stopped(self, name: str) -> bool:
        words = self.words[name]
        resumed = words.get(False, float("-inf"))
        if True in words and words[True] >= resumed:
            return True
        holds = [self.held(name, by) for by in NAMES if by != name]
        return any(event and self.moment(event) >= resumed for event in holds)

    def held(self, name: str, by: str) -> dict[str, Any] | None:
        """The hold of that station that stands, as far as this one has heard."""
        words = [event for one, _, event in self.of_kind(name, "lot.held", "lot.resumed") if one == by]
        return words[-1] if words and kind_of(words[-1]["type"]) == "lot.held" else None

    def moment(self, event: dict[str, Any]) -> float:
        return datetime.fromisoformat(event["time"]).timestamp()

    def disputed(self, name: str) -> bool:
        if name == GATE:
            return self.left(GATE) < 0
        return any(
            name in claims
            and not claims[name]["settled"]
            and sum(one["net_g"] for one in claims.values()) > max(one["of_g"] for one in claims.values())
            for claims in self.claims(name).values()
        )

    def why_not(self, name: str, net_g: int) -> str:
        """What refuses goods of this lot now; empty when they may go."""
        if self.stopped(name):
            return "lot_stopped"
        if self.held(name, name):
            return "lot_held"
        if self.disputed(name):
            return "lot_disputed"
        return "" if net_g <= self.left(name) else "lot_empty"

    def has(self, name: str) -> bool:
        return name == GATE or any(name in one for one in self.claims(name).values())

    @invariant()
    def what_is_left_adds_up(self) -> None:
        for name in NAMES:
            station = self.market.stations[name]
            row = station.ledger.conn.execute("SELECT left_g FROM lots WHERE source = ?", (self.source,)).fetchone()
            if row is not None:
                assert row[0] == self.left(name), name

    @invariant()
    def nothing_is_sold_twice(self) -> None:
        """When everybody has heard everything and nothing is in dispute, no more is sold than came in."""
        told = {key for heard in self.heard.values() for key in heard}
        if all(set(heard) == told for heard in self.heard.values()) and not any(map(self.contested, NAMES)):
            assert sum(self.sold.values()) <= NET

    def contested(self, name: str) -> bool:
        return self.left(name) < 0 or any(
            sum(one["net_g"] for one in claims.values()) > max(one["of_g"] for one in claims.values())
            for claims in self.claims(name).values()
        )


def test_nothing_is_sold_twice_and_nothing_held_is_sold_once_known(
    open_market: Callable[[Path], Any], counter_devices: str
) -> None:
    devices = f'[stall]\noversell = "refuse"\n{counter_devices}'
    machine = type("Market", (Model,), {"open_market": staticmethod(open_market), "devices": devices})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8 * DEEP,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


@pytest.mark.parametrize("stops", [True, False])
def test_the_newest_word_of_the_city_counts(stops: bool) -> None:
    model = Model()
    model.words = {"02": {True: 5.0, False: 4.0 if stops else 6.0}}
    model.heard = {"02": {}}
    assert model.stopped("02") is stops

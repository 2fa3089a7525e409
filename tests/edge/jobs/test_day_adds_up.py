"""Today's figures, the shift's and the day's prices are what the records say, whatever is sold, voided, cut off, and
whatever the clock does."""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
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

from edge.between.correction_commands import VoidSale
from edge.between.day_commands import CloseShift
from edge.between.inbox import Refused
from edge.documents.day import summary
from protocol.city.envelope import kind_of
from protocol.city.token import CHINA

UNTIL = "18:00"


class Day(RuleBasedStateMachine):
    """One station with two products on sale."""

    make: Any  # makes the station in a folder: given by the test

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.station: Any = None
        self.lots: list[str] = []
        self.sales: list[str] = []
        self.went_back: set[int] = set()

    @initialize()
    def begins(self) -> None:
        self.station = type(self).make(self.folder)
        for product in ("01040201", "01040301"):
            self.lots.append(self.station.releases(product))

    def teardown(self) -> None:
        if self.station is not None:
            self.station.ledger.close()
        shutil.rmtree(self.folder)

    @rule(number=st.integers(0, 1), grams=st.integers(20, 800), fen=st.integers(100, 900))
    def is_sold(self, number: int, grams: int, fen: int) -> None:
        self.station.puts(f"{grams * 5 / 1000:.3f}")
        product = ("01040201", "01040301")[number]
        self.sales.append(self.station.sells(self.lots[number], product, price_fen=fen)["tx"])

    @precondition(lambda self: self.sales)
    @rule(number=st.integers(0, 30))
    def is_voided(self, number: int) -> None:
        try:
            self.station.does(VoidSale(tx=self.sales[number % len(self.sales)], reason="错"))
        except Refused as refused:
            assert refused.code == "already_voided"

    @rule()
    def shift_ends(self) -> None:
        shift = self.station.board.shift
        seen = {"number": shift.number, "seen_slips": shift.slips, "seen_fen": shift.amount_fen}
        try:
            self.station.does(CloseShift(**seen, person="王敏"))
        except Refused as refused:
            assert refused.code == "shift_empty"

    @rule(hours=st.integers(1, 30))
    def time_goes_on(self, hours: int) -> None:
        self.station.clock.go(hours * 3600)
        self.station.turn()

    @rule(hours=st.integers(-30, 30))
    def clock_is_put_elsewhere(self, hours: int) -> None:
        """And the ledger is told when it went back, as the core does."""
        self.station.clock.wall += timedelta(hours=hours)
        if hours < 0 and self.station.ledger.head.seq + 1 not in self.went_back:
            self.went_back.add(self.station.ledger.head.seq + 1)
            with self.station.ledger.batch():
                self.station.ledger.time_went_back(self.station.ledger.head.seq + 1)
        self.station.turn()

    @rule()
    def power_goes(self) -> None:
        clock = self.station.clock
        self.station.ledger.close()
        self.station = type(self).make(self.folder, clock)

    # --- what the records say -----------------------------------------------------------------------------------------

    def events(self) -> list[tuple[int, dict[str, Any]]]:
        ledger = self.station.ledger
        return [(seq, ledger.event(seq)) for seq in range(1, ledger.head.seq + 1)]

    @invariant()
    def the_day_is_what_its_records_say(self) -> None:
        if self.station is None:
            return
        today = self.station.clock.today().isoformat()
        slips = voids = net_g = fen = 0
        for _, event in self.events():
            kind = kind_of(event["type"])
            if event["time"][:10] != today or kind not in ("trade.completed", "trade.voided"):
                continue
            sign = 1 if kind == "trade.completed" else -1
            slips, voids = slips + (sign > 0), voids + (sign < 0)
            net_g += sign * sum(line["net_g"] for line in event["data"]["slip"]["lines"])
            fen += sign * event["data"]["slip"]["amount_fen"]
        view = self.station.board.day
        assert view.counted
        assert (view.date, view.slips, view.voids, view.net_g, view.amount_fen) == (today, slips, voids, net_g, fen)
        assert (sum(row.net_g for row in view.products), sum(row.amount_fen for row in view.products)) == (net_g, fen)
        paper = summary(self.station.ledger.conn, today, self.station.ledger.head.seq)["data"]
        assert (paper["sales"], paper["voids"], paper["net_g"], paper["amount_fen"]) == (slips, voids, net_g, fen)

    @invariant()
    def the_shifts_are_all_that_was_sold_each_once(self) -> None:
        if self.station is None:
            return
        sums: dict[int, int] = defaultdict(int)
        shifts, number = [], 1
        for _, event in self.events():
            kind = kind_of(event["type"])
            if kind in ("trade.completed", "trade.voided"):
                sums[number] += event["data"]["slip"]["amount_fen"] * (1 if kind == "trade.completed" else -1)
            if kind == "shift.closed":
                shifts.append((event["data"]["number"], event["data"]["amount_fen"]))
                number += 1
        assert shifts == [(one, sums[one]) for one in range(1, number)]
        assert (self.station.board.shift.number, self.station.board.shift.amount_fen) == (number, sums[number])

    @invariant()
    def prices_are_those_of_the_days_sales_once_a_day(self) -> None:
        if self.station is None:
            return
        events = self.events()
        reports = [(seq, event["data"]) for seq, event in events if kind_of(event["type"]) == "price.daily"]
        assert len({data["date"] for _, data in reports}) == len(reports)
        for seq, data in reports:
            before = [event for number, event in events if number < seq]
            voided = {event["data"]["voids"] for event in before if kind_of(event["type"]) == "trade.voided"}
            lines = [
                event["data"]["slip"]["lines"][0]
                for event in before
                if kind_of(event["type"]) == "trade.completed"
                and event["id"] not in voided
                and event["time"][:10] == data["date"]
                and event["time"][11:16] < UNTIL
            ]
            for one in data["prices"]:
                mine = [line for line in lines if line["product"] == one["goods"]["product"]]
                asked = [line["price"]["fen"] * 1000 // line["price"]["per_g"] for line in mine]
                mass = sum(line["net_g"] for line in mine)
                exact = sum(Fraction(fen * line["net_g"], mass) for fen, line in zip(asked, mine, strict=True))
                assert abs(one["mean_fen"] - exact) <= Fraction(1, 2)
                assert (one["min_fen"], one["max_fen"]) == (min(asked), max(asked))
                assert (one["lines"], one["net_g"]) == (len(mine), mass)
            assert {line["product"] for line in lines} == {one["goods"]["product"] for one in data["prices"]}


def test_day_shift_and_prices_are_what_the_records_say(
    a_box: Any, signer: Any, hand_clock_at: Any, devices: str
) -> None:
    def make(folder: Path, clock: Any = None) -> Any:
        begun = clock or hand_clock_at(datetime(2026, 11, 22, 5, 0, tzinfo=CHINA))
        return a_box(folder, signer, begun, settings=f'[stall]\nprice_report = "{UNTIL}"\n{devices}')

    machine = type("Machine", (Day,), {"make": staticmethod(make)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.parametrize("hour", [23])
def test_a_sale_before_midnight_is_of_that_day(box: Callable[..., Any], hour: int) -> None:
    station = box()
    lot = station.releases()
    midnight = datetime(2026, 11, 22, hour, 59, 58, tzinfo=CHINA)
    station.clock.go((midnight - station.clock.wall).total_seconds())
    station.puts("1.000")  # takes four seconds
    station.sells(lot)
    station.turn()
    assert (station.board.day.date, station.board.day.slips) == ("2026-11-23", 1)

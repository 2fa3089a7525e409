"""What is left of a lot is what the records say, whatever is sold, voided, corrected and cut off; and so are the books
that the law asks for."""

import shutil
import tempfile
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
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

from edge.between.commands import MatchResult
from edge.between.correction_commands import CorrectEntry, CorrectResult, VoidSale
from edge.between.inbox import Refused
from edge.records.books import BOOKS, Progress, rows
from protocol.city.envelope import kind_of
from protocol.city.token import CHINA

REFUSED = {
    "disk_full",
    "already_voided",
    "sold_more",
    "nothing_changed",
    "has_source",
    "lot_held",
    "lot_pending",
    "not_counted",
    "lot_product",
}


class Adding(RuleBasedStateMachine):
    """One station; each of its lots came in with ten kilograms."""

    make: Any  # makes the station in a folder: given by the test

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.station: Any = None
        self.sales: list[str] = []
        self.lots: list[str] = []
        self.voided = 0

    @initialize()
    def begins(self) -> None:
        self.station = type(self).make(self.folder)
        self.comes_in()

    def teardown(self) -> None:
        if self.station is not None:
            self.station.ledger.close()
        shutil.rmtree(self.folder)

    def tries(self, command: Any) -> bool:
        """Whether it was done; it is refused for one of the known reasons, or not at all."""
        try:
            self.station.does(command)
        except Refused as refused:
            assert refused.code in REFUSED
            return False
        return True

    @rule()
    def comes_in(self) -> None:
        self.lots.append(self.station.releases(net_g=10_000))

    @rule(number=st.integers(0, 9), grams=st.integers(20, 800))
    def is_sold(self, number: int, grams: int) -> None:
        lot = self.lots[number % len(self.lots)]
        self.station.puts(f"{grams * 5 / 1000:.3f}")
        try:
            self.sales.append(self.station.sells(lot)["tx"])
        except Refused as refused:
            assert refused.code in REFUSED

    @precondition(lambda self: self.sales)
    @rule(number=st.integers(0, 30))
    def is_voided(self, number: int) -> None:
        self.voided += self.tries(VoidSale(tx=self.sales[number % len(self.sales)], reason="错"))

    @rule(number=st.integers(0, 9), grams=st.integers(1, 15_000))
    def mass_is_corrected(self, number: int, grams: int) -> None:
        self.tries(CorrectEntry(lot=self.lots[number % len(self.lots)], net_g=grams, reason="抄错"))

    @rule(number=st.integers(0, 9), product=st.sampled_from(["01040201", "01040301"]))
    def goods_are_corrected(self, number: int, product: str) -> None:
        self.tries(CorrectEntry(lot=self.lots[number % len(self.lots)], product=product, reason="选错"))

    @rule(number=st.integers(0, 60))
    def match_is_corrected(self, number: int) -> None:
        results = [seq for seq, event in self.events() if kind_of(event["type"]) == "test.result"]
        self.tries(CorrectResult(seq=results[number % len(results)], reason="输错"))

    @precondition(lambda self: self.station and self.station.waiting)
    @rule(number=st.integers(0, 9))
    def is_matched_again(self, number: int) -> None:
        waiting = self.station.waiting[0]
        self.tries(MatchResult(seq=waiting.seq, lot=self.lots[number % len(self.lots)], person="王敏"))

    @rule()
    def disk_is_full(self) -> None:
        """What is asked meanwhile is done, where a page that is there has room for it, or not; and never by half."""
        self.station.fill_the_disk()
        self.tries(CorrectEntry(lot=self.lots[0], net_g=14_999, reason="满"))
        self.voided += sum(self.tries(VoidSale(tx=tx, reason="满")) for tx in self.sales[:1])
        self.station.free_the_disk()

    @rule()
    def power_goes(self) -> None:
        self.station.ledger.close()
        self.station = type(self).make(self.folder)

    def events(self) -> list[tuple[int, dict[str, Any]]]:
        ledger = self.station.ledger
        return [(seq, ledger.event(seq)) for seq in range(1, ledger.head.seq + 1)]

    @invariant()
    def what_is_left_is_what_the_records_say(self) -> None:
        if self.station is None:
            return
        left: dict[str, int] = defaultdict(int)
        came: dict[str, int] = {}
        source_of: dict[str, str] = {}
        for _, event in self.events():
            data, kind = event["data"], kind_of(event["type"])
            if kind == "entry.registered":
                came[event["subject"]] = left[event["subject"]] = data["net_g"]
            elif kind == "entry.corrected":
                left[data["lot"]] += data["now"]["net_g"] - came[data["lot"]]
                came[data["lot"]] = data["now"]["net_g"]
            elif kind in ("trade.completed", "trade.voided"):
                for line in data["slip"]["lines"]:
                    lot = source_of[line["source"]]
                    left[lot] += line["net_g"] * (1 if kind == "trade.voided" else -1)
            if data.get("source"):
                source_of[data["source"]] = data.get("lot") or event["subject"]
        stored = dict(self.station.ledger.conn.execute("SELECT test_code, left_g FROM lots").fetchall())
        assert stored == dict(left)
        self.books_add_up(sum(came.values()), sum(left.values()))

    def books_add_up(self, came: int, left: int) -> None:
        conn = self.station.ledger.conn
        totals = {
            name: sum((row[column] for row in rows(conn, BOOKS[name], None, None, Progress())), Decimal(0))
            for name, column in (("purchases", 6), ("sales", 6))
        }
        assert totals["purchases"] * 1000 == came
        assert (totals["purchases"] - totals["sales"]) * 1000 == left

    @invariant()
    def a_sale_is_voided_once(self) -> None:
        if self.station is not None:
            voids = [event for _, event in self.events() if kind_of(event["type"]) == "trade.voided"]
            assert len(voids) == len({event["subject"] for event in voids}) == self.voided


def test_left_is_entries_less_sales_and_voids(a_box: Any, signer: Any, hand_clock_at: Any) -> None:
    def make(folder: Path) -> Any:
        return a_box(folder, signer, hand_clock_at(datetime(2026, 11, 22, 5, 0, tzinfo=CHINA)))

    machine = type("Machine", (Adding,), {"make": staticmethod(make)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=18, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

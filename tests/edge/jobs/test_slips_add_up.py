"""Lists and slips in any order, with kill -9 between and in the middle of deeds: what was answered is there, once;
amounts add up, nothing is sold twice or by itself, a void gives all back, and what a code says of a slip is what its
record says."""

import os
import shutil
import tempfile
from collections import Counter
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

from edge.between.commands import HoldLot, ReleaseLot, Sell
from edge.between.correction_commands import VoidSale
from edge.between.inbox import Refused, Request
from edge.between.sale_commands import (
    AddLine,
    AskPayment,
    CloseSlip,
    DropBasket,
    DropLine,
    ParkBasket,
    ResumeBasket,
    TakePayment,
)
from protocol.city.envelope import kind_of
from protocol.city.token import CHINA, digest_of, verify_url

DEEP = int(os.environ.get("MARKETEDGE_DEEP", "1"))
CABBAGE, TOMATO = "01040201", "01040301"
REFUSED = {
    *("lot_held", "already_voided", "waits_for_payment", "no_line", "no_basket", "price_changed", "own_hold"),
    *("payment_amount", "payment_unclear", "no_payment_due", "payment_reused", "not_held", "already_held", "no_hold"),
}
ROUNDINGS = st.sampled_from([None, "none", "jiao", "yuan"])


class Selling(RuleBasedStateMachine):
    """One stall with two lots of ten kilograms each."""

    make: Any  # makes the station in a folder: given by the test

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.starts = 0
        self.station: Any = None
        self.lots: dict[str, str] = {}
        self.slips: dict[str, int] = {}  # what each sale was answered
        self.payments = 0

    @initialize()
    def begins(self) -> None:
        self.station = type(self).make(self.place())
        self.lots = {code: self.station.releases(code, net_g=10_000) for code in (CABBAGE, TOMATO)}

    def teardown(self) -> None:
        if self.station is not None:
            self.station.ledger.close()
        shutil.rmtree(self.folder)

    def place(self) -> Path:
        """The folder of this start; a station that is killed leaves its files to the next one."""
        folder = self.folder / str(self.starts)
        folder.mkdir(exist_ok=True)
        return folder

    def is_killed(self, *deed: Any, **how: Any) -> None:
        self.starts += 1
        self.station.killed(self.folder / str(self.starts), *deed, **how)
        self.station = type(self).make(self.place())
        shutil.rmtree(self.folder / str(self.starts - 1))

    def lists(self) -> list[Any]:
        return [(one.number, one.state, one.due_fen, one.lines) for one in self.baskets]

    def tries(self, command: Any, key: str = "") -> dict[str, Any] | None:
        try:
            return dict(self.station.does(command, key=key))
        except Refused as refused:
            assert refused.code in REFUSED, refused.code
            return None

    @property
    def baskets(self) -> Any:
        return self.station.board.baskets

    def basket(self, number: int) -> Any:
        return self.baskets[number % len(self.baskets)]

    @rule(product=st.sampled_from([CABBAGE, TOMATO]), steps=st.integers(20, 400), price=st.integers(1, 999))
    def is_weighed(self, product: str, steps: int, price: int) -> None:
        self.station.puts(f"{steps * 5 / 1000:.3f}")
        line = AddLine(scale="scale-1", product=product, lot=self.lots[product], price_fen=price)
        if (said := self.tries(line)) is not None:
            assert said["net_g"] == steps * 5
            with pytest.raises(Refused) as again:
                self.station.does(line)
            assert again.value.code == "sold"

    @precondition(lambda self: self.station and self.baskets)
    @rule(number=st.integers(0, 9), steps=st.integers(20, 400), rounding=ROUNDINGS)
    def is_sold_with_a_list(self, number: int, steps: int, rounding: str | None) -> None:
        self.station.puts(f"{steps * 5 / 1000:.3f}")
        basket = self.basket(number)
        try:
            said = self.station.sells(self.lots[CABBAGE], basket=basket.number, rounding=rounding)
        except Refused as refused:
            assert refused.code in REFUSED
            return
        assert said.get("lines", 1) == len(basket.lines) + 1
        self.slips[said["tx"]] = said["amount_fen"]

    @precondition(lambda self: self.station and self.baskets)
    @rule(number=st.integers(0, 9), line=st.integers(1, 6))
    def line_is_taken_out(self, number: int, line: int) -> None:
        self.tries(DropLine(basket=self.basket(number).number, line=line))

    @precondition(lambda self: self.station and self.baskets)
    @rule(number=st.integers(0, 9), what=st.sampled_from([ParkBasket, ResumeBasket, DropBasket]))
    def list_is_moved(self, number: int, what: Any) -> None:
        self.tries(what(basket=self.basket(number).number))

    @precondition(lambda self: self.station and self.baskets)
    @rule(number=st.integers(0, 9), rounding=ROUNDINGS)
    def is_closed(self, number: int, rounding: str | None) -> None:
        if (said := self.tries(CloseSlip(basket=self.basket(number).number, rounding=rounding))) is not None:
            self.slips[said["tx"]] = said["amount_fen"]

    @precondition(lambda self: self.station and self.baskets)
    @rule(number=st.integers(0, 9), rounding=ROUNDINGS)
    def waits_for_its_payment(self, number: int, rounding: str | None) -> None:
        self.tries(AskPayment(basket=self.basket(number).number, rounding=rounding))

    @precondition(lambda self: self.station and self.baskets)
    @rule(number=st.integers(0, 9), off=st.sampled_from([0, 0, 0, 1]), new=st.booleans())
    def payment_comes(self, number: int, off: int, new: bool) -> None:
        self.payments += new
        due = max(1, self.basket(number).due_fen + off)  # a hundred grams of what costs a fen cost nothing
        command = TakePayment(amount_fen=due, reference=f"p{self.payments}", kind="cash")
        if (said := self.tries(command)) is not None:
            assert said["amount_fen"] == due
            self.slips[said["tx"]] = due
            assert self.station.does(command) == said

    @precondition(lambda self: self.slips)
    @rule(number=st.integers(0, 30))
    def is_voided(self, number: int) -> None:
        self.tries(VoidSale(tx=sorted(self.slips)[number % len(self.slips)], reason="错"))

    @rule(product=st.sampled_from([CABBAGE, TOMATO]), ends=st.booleans())
    def is_held(self, product: str, ends: bool) -> None:
        if ends:
            self.tries(ReleaseLot(lot=self.lots[product], person="王敏", reason="没事"))
        else:
            self.tries(HoldLot(lot=self.lots[product], person="王敏", reason="异味"))

    @precondition(lambda self: self.station and self.baskets)
    @rule()
    def disk_is_full(self) -> None:
        before = self.baskets
        self.station.fill_the_disk()
        with pytest.raises(Refused):
            self.station.does(CloseSlip(basket=before[0].number))
        self.station.free_the_disk()
        assert self.baskets == before

    @rule()
    def power_goes(self) -> None:
        before = self.lists()
        self.is_killed()
        assert self.lists() == before

    @precondition(lambda self: self.station and self.baskets)
    @rule(
        what=st.sampled_from(["line", "sale", "close", "payment"]),
        number=st.integers(0, 9),
        steps=st.integers(20, 400),
        rounding=ROUNDINGS,
        committed=st.booleans(),
    )
    def power_goes_in_the_middle(
        self, what: str, number: int, steps: int, rounding: str | None, committed: bool
    ) -> None:
        """Whoever heard no answer asks again, with the same mark, key or reference: it is done once."""
        basket, key = self.basket(number), f"asked {self.starts}"
        goods: dict[str, Any] = {"scale": "scale-1", "product": CABBAGE, "lot": self.lots[CABBAGE]}
        deeds = {
            "line": AddLine(**goods, mark=key),
            "sale": Sell(**goods, basket=basket.number, rounding=rounding),
            "close": CloseSlip(basket=basket.number, rounding=rounding),
            "payment": TakePayment(amount_fen=max(1, basket.due_fen), reference=key, kind="cash"),
        }
        self.station.puts(f"{steps * 5 / 1000:.3f}")
        lists, records = self.lists(), self.station.ledger.head.seq
        self.is_killed(Request(deeds[what], key=key), committed=committed)
        after = self.lists(), self.station.ledger.head.seq
        if not committed:
            assert after == (lists, records)
        self.station.puts(f"{steps * 5 / 1000:.3f}")
        said = self.tries(deeds[what], key)
        if committed or said is None:
            assert (self.lists(), self.station.ledger.head.seq) == after
        if said is None:
            assert after == (lists, records)
        elif what != "line":
            self.slips[said["tx"]] = said["amount_fen"]
        else:
            assert sum(len(lines) for *_, lines in self.lists()) == 1 + sum(len(lines) for *_, lines in lists)

    def events(self) -> list[dict[str, Any]]:
        ledger = self.station.ledger
        return [ledger.event(seq) for seq in range(1, ledger.head.seq + 1)]

    @invariant()
    def all_adds_up(self) -> None:
        if self.station is None:
            return
        left = Counter(dict.fromkeys(self.lots, 10000))
        told: dict[str, int] = {}
        key = self.station.ledger.signer.key.public_key()
        for event in self.events():
            kind, data = kind_of(event["type"]), event["data"]
            if kind not in ("trade.completed", "trade.voided"):
                continue
            slip = data["slip"]
            assert sum(line["amount_fen"] for line in slip["lines"]) == slip["amount_fen"] + data["rounded_fen"]
            for line in slip["lines"]:
                left[line["product"]] += line["net_g"] * (1 if kind == "trade.voided" else -1)
            if kind == "trade.completed":
                token = verify_url(data["url"], key)
                assert (token.digest, token.amount_fen) == (digest_of(slip), slip["amount_fen"])
                assert token.net_g == sum(line["net_g"] for line in slip["lines"])
                assert slip["tx"] not in told
                told[slip["tx"]] = slip["amount_fen"]
        assert told == self.slips  # what nobody was answered was not sold
        stored = self.station.ledger.conn.execute("SELECT product, left_g FROM lots").fetchall()
        assert dict(stored) == dict(left)
        assert all(one.lines and one.amount_fen == sum(line.amount_fen for line in one.lines) for one in self.baskets)


def test_lists_and_slips_add_up(a_box: Any, signer: Any, hand_clock_at: Any) -> None:
    def make(folder: Path) -> Any:
        return a_box(folder, signer, hand_clock_at(datetime(2026, 11, 22, 5, 0, tzinfo=CHINA)))

    machine = type("Machine", (Selling,), {"make": staticmethod(make)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20 * DEEP, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

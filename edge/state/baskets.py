"""Slips that are not closed yet: what was weighed for them, one line after the other, and what waits for its payment.

Part of the core: only the core thread calls this, inside a batch.  All SQL on ``baskets``, ``basket_lines`` and
``payments`` stands here.  A scale has one open basket at most.

    open <──> parked        the next customer goes first
      │  └──> paying        its terms are agreed; its payment makes the slip
      └─────> (closed, or emptied by a person: no row is left)
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from edge.between.inbox import Refused
from edge.records.clock import Clock
from edge.records.ledger import Ledger
from protocol.city.events import LineWeight, Price
from protocol.frozen import frozen

State = Literal["open", "parked", "paying"]
MOST_LINES = 40  # their masses together are what a slip's signed code holds
MOST_BASKETS = 50


class FrozenLine(BaseModel):
    """What was weighed, counted or read off a label, as it will stand on the slip. ``lot`` is its test code, or empty.

    ``approved_by`` is the code of who gave the word for its typed weight or other price.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    product: str
    lot: str
    net_g: int
    pieces: int
    price: Price
    amount_fen: int
    weighed: LineWeight
    verified: bool
    approved_by: str = ""


@frozen
class Basket:
    """``lines`` by their numbers, which are never used twice. ``old``: it was not touched since the station started."""

    number: int
    scale: str
    state: State
    begun: str
    old: bool
    lines: Mapping[int, FrozenLine] = field(default_factory=dict)
    terms: Mapping[str, Any] = field(default_factory=dict)

    @property
    def amount_fen(self) -> int:
        """The sum of its lines."""
        return sum(line.amount_fen for line in self.lines.values())

    @property
    def due_fen(self) -> int:
        """What is asked for it: what was agreed, or the sum."""
        return int(self.terms.get("due_fen", self.amount_fen))

    def of_lots_g(self) -> dict[str, int]:
        """Grams of each lot in it, by test code."""
        grams: dict[str, int] = {}
        for line in self.lines.values():
            grams[line.lot] = grams.get(line.lot, 0) + line.net_g
        return grams


class Baskets:
    """Owned by the core thread."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._conn: sqlite3.Connection = ledger.conn
        self._clock = clock
        self._old = {int(number) for (number,) in self._conn.execute("SELECT number FROM baskets").fetchall()}
        self.changed = True

    # --- finding ----------------------------------------------------------------------------------------------------

    def all(self) -> list[Basket]:
        """Every basket, the oldest first."""
        rows = self._conn.execute("SELECT number, scale, state, begun, terms FROM baskets ORDER BY number")
        return [self._basket(row) for row in rows.fetchall()]

    def find(self, number: int) -> Basket:
        """Raises Refused for one that is closed or emptied."""
        row = self._conn.execute(
            "SELECT number, scale, state, begun, terms FROM baskets WHERE number = ?", (number,)
        ).fetchone()
        if row is None:
            raise Refused(
                "no_basket",
                "这张清单已结单或已清空，请看今日交易",
                "this list was closed or emptied: look at the sales of today",
            )
        return self._basket(row)

    def open_of(self, scale: str) -> Basket | None:
        """The basket that the next line of this scale goes into."""
        row = self._conn.execute(
            "SELECT number, scale, state, begun, terms FROM baskets WHERE scale = ? AND state = 'open'", (scale,)
        ).fetchone()
        return self._basket(row) if row else None

    def line_of(self, mark: str) -> tuple[Basket, int] | None:
        """The line that was sent with this mark, if it is still there."""
        row = self._conn.execute("SELECT basket, line FROM basket_lines WHERE mark = ?", (mark,)).fetchone()
        return (self.find(row[0]), int(row[1])) if mark and row else None

    def _basket(self, row: tuple[Any, ...]) -> Basket:
        number, scale, state, begun, terms = row
        lines = self._conn.execute(
            "SELECT line, body FROM basket_lines WHERE basket = ? ORDER BY line", (number,)
        ).fetchall()
        return Basket(
            number,
            scale,
            state,
            begun,
            number in self._old,
            {line: FrozenLine.model_validate_json(body) for line, body in lines},
            json.loads(terms),
        )

    # --- changing ---------------------------------------------------------------------------------------------------

    def add(self, scale: str, line: FrozenLine, mark: str) -> tuple[Basket, int]:
        """A line more in the scale's open basket, which begins with it; answers the basket and the line's number."""
        basket = self.open_of(scale)
        if basket is None:
            if self._conn.execute("SELECT count(*) FROM baskets").fetchone()[0] >= MOST_BASKETS:
                raise Refused(
                    "too_many_baskets",
                    f"未结的清单已有 {MOST_BASKETS} 张，请先结单或清空",
                    f"there are {MOST_BASKETS} open lists: close or empty some first",
                )
            made = self._conn.execute(
                "INSERT INTO baskets (scale, state, begun, terms) VALUES (?, 'open', ?, '{}')",
                (scale, self._clock.now().to_the_second),
            )
            number = int(made.lastrowid or 0)
        elif len(basket.lines) >= MOST_LINES:
            raise Refused(
                "too_many_lines",
                f"一张小票最多 {MOST_LINES} 行，请先结单",
                f"a slip has {MOST_LINES} lines at most: close it first",
            )
        else:
            number = basket.number
        (place,) = self._conn.execute(
            "SELECT coalesce(max(line), 0) + 1 FROM basket_lines WHERE basket = ?", (number,)
        ).fetchone()
        self._conn.execute(
            "INSERT INTO basket_lines VALUES (?, ?, ?, ?)", (number, place, mark, line.model_dump_json())
        )
        self._touch(number)
        return self.find(number), int(place)

    def take_out(self, basket: Basket, line: int) -> None:
        """A line less; a basket without lines is none."""
        self._conn.execute("DELETE FROM basket_lines WHERE basket = ? AND line = ?", (basket.number, line))
        if set(basket.lines) <= {line}:
            self.end(basket)
        else:
            self._touch(basket.number)

    def end(self, basket: Basket) -> None:
        """It was closed, or emptied by a person."""
        self._conn.execute("DELETE FROM basket_lines WHERE basket = ?", (basket.number,))
        self._conn.execute("DELETE FROM baskets WHERE number = ?", (basket.number,))
        self.changed = True

    def become(self, basket: Basket, state: State, terms: Mapping[str, Any] | None = None) -> None:
        """It is put aside, waits for its payment, or is served again: then the scale's open one is put aside."""
        if state == "open" and (other := self.open_of(basket.scale)) is not None and other.number != basket.number:
            self.become(other, "parked")
        self._conn.execute(
            "UPDATE baskets SET state = ?, terms = ? WHERE number = ?",
            (state, json.dumps(dict(terms or {}), ensure_ascii=False), basket.number),
        )
        self._touch(basket.number)

    def _touch(self, number: int) -> None:
        self._old.discard(number)
        self.changed = True

    # --- payments ---------------------------------------------------------------------------------------------------

    def payment(self, reference: str) -> tuple[int, str, str] | None:
        """Amount, kind and answer of a payment that made a slip."""
        row = self._conn.execute(
            "SELECT amount_fen, kind, answer FROM payments WHERE reference = ?", (reference,)
        ).fetchone()
        return (int(row[0]), str(row[1]), str(row[2])) if row else None

    def paid(self, reference: str, amount_fen: int, kind: str, seq: int, answer: str) -> None:
        """This payment made this sale."""
        self._conn.execute("INSERT INTO payments VALUES (?, ?, ?, ?, ?)", (reference, amount_fen, kind, seq, answer))

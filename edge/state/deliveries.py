"""Deliveries of a canteen: those under way, with their lines and loads, and what became of the others.

Part of the core: only the core thread calls this, inside a batch.  All SQL on these tables stands here.  Nothing of a
delivery that is not open changes: what two people signed stands in its record.
"""

import sqlite3
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from edge.between.fixed_words import DeliveryState
from edge.between.inbox import Refused
from edge.state.delivery import Draft, Line
from edge.state.pan import Counted
from edge.state.weighing import TradeScale
from protocol.city.events import DeliveredLoad

MOST_OPEN = 20
MOST_LINES = 60
MOST_LOADS = 150  # of one delivery: its record has all of them, and a record has a largest size
SHOWN_DONE = 12


class Row(NamedTuple):
    """A delivery as it is in the table."""

    number: int
    order: str
    state: DeliveryState
    draft: Draft
    seq: int | None


class Numbered(NamedTuple):
    load: int
    said: DeliveredLoad


class Deliveries:
    """Owned by the core thread. ``undo`` is the station's: see ``station.py``."""

    def __init__(self, conn: sqlite3.Connection, scales: Iterable[TradeScale], undo: list[Callable[[], None]]) -> None:
        self._conn = conn
        self._undo = undo
        self.changed = True
        for scale in scales:
            row = conn.execute(
                "SELECT g, net, before_g, load FROM delivery_pans WHERE scale = ?", (scale.part.name,)
            ).fetchone()
            if row is not None:
                scale.pan.counted = Counted(row[0], bool(row[1]), row[2], row[3])
                scale.pan.blind = True

    # --- finding ----------------------------------------------------------------------------------------------------

    def find(self, number: int) -> Row:
        """Any delivery; raises Refused."""
        rows = self._rows("number = ?", number)
        if not rows:
            raise Refused("no_delivery", f"没有第 {number} 号收货", f"no delivery {number}")
        return rows[0]

    def open(self, number: int) -> Row:
        """One that may still change; raises Refused."""
        row = self.find(number)
        if row.state != "open":
            raise Refused(
                "delivery_closed",
                "这次收货已结束，不能再改；有误请主管作废后重新验收",
                "this delivery is closed and changes no more: a supervisor voids it, then it is accepted anew",
            )
        return row

    def of_order(self, order: str) -> Row | None:
        """The delivery of an order that is open or done, the newest."""
        rows = self._rows("order_code = ? AND state IN ('open', 'done') ORDER BY number DESC LIMIT 1", order)
        return rows[0] if rows else None

    def all_open(self) -> list[Row]:
        return self._rows("state = 'open' ORDER BY number")

    def newest_closed(self) -> list[Row]:
        """Those done or voided last, newest first."""
        return self._rows("state IN ('done', 'voided') ORDER BY number DESC LIMIT ?", SHOWN_DONE)

    def of_record(self, seq: int) -> Row | None:
        rows = self._rows("seq = ?", seq)
        return rows[0] if rows else None

    def _rows(self, where: str, *values: object) -> list[Row]:
        found = self._conn.execute(
            f"SELECT number, order_code, state, body, seq FROM deliveries WHERE {where}", values
        ).fetchall()
        return [
            Row(number, order, state, Draft.model_validate_json(body), seq) for number, order, state, body, seq in found
        ]

    def lines(self, number: int) -> list[Line]:
        rows = self._conn.execute("SELECT body FROM delivery_lines WHERE delivery = ? ORDER BY line", (number,))
        return [Line.model_validate_json(body) for (body,) in rows.fetchall()]

    def line(self, number: int, line: int) -> Line:
        """Raises Refused."""
        row = self._conn.execute(
            "SELECT body FROM delivery_lines WHERE delivery = ? AND line = ?", (number, line)
        ).fetchone()
        if row is None:
            raise Refused("no_line", f"收货单没有第 {line} 行", f"the delivery has no line {line}")
        return Line.model_validate_json(row[0])

    def loads(self, number: int, line: int) -> list[Numbered]:
        """What was weighed of a line, in its order."""
        rows = self._conn.execute(
            "SELECT load, body FROM delivery_loads WHERE delivery = ? AND line = ? ORDER BY load", (number, line)
        )
        return [Numbered(load, DeliveredLoad.model_validate_json(body)) for load, body in rows.fetchall()]

    # --- changing ---------------------------------------------------------------------------------------------------

    def begin(self, draft: Draft, lines: Iterable[Line]) -> int:
        """A delivery is under way; answers its number. Raises Refused."""
        (count,) = self._conn.execute("SELECT count(*) FROM deliveries WHERE state = 'open'").fetchone()
        if count >= MOST_OPEN:
            raise Refused(
                "many_deliveries",
                f"已有 {MOST_OPEN} 个收货未结束；请先签字或取消",
                f"{MOST_OPEN} deliveries are under way: sign or drop some first",
            )
        cursor = self._conn.execute(
            "INSERT INTO deliveries (order_code, state, body) VALUES (?, 'open', ?)",
            (draft.order, draft.model_dump_json()),
        )
        number = int(cursor.lastrowid or 0)
        for line in lines:
            self._put(number, line)
        self.changed = True
        return number

    def change(self, row: Row, *lines: Line, **fields: Any) -> Draft:
        """Other lines or other fields of an open delivery: what was signed of it is signed no more."""
        draft = row.draft.model_copy(update={**fields, "version": row.draft.version + 1, "signed": ()})
        self._write(row.number, draft)
        for line in lines:
            self._put(row.number, line)
        return draft

    def add_line(self, row: Row, line: Line) -> Line:
        """Goods that nobody ordered. Raises Refused."""
        last = max((one.line for one in self.lines(row.number)), default=0)
        if last >= MOST_LINES:
            raise Refused("many_lines", f"最多 {MOST_LINES} 行", f"a delivery has at most {MOST_LINES} lines")
        added = line.model_copy(update={"line": last + 1})
        self.change(row, added)
        return added

    def add_load(self, row: Row, line: int, said: DeliveredLoad) -> int:
        """A load of a line; answers its number. Raises Refused."""
        (count,) = self._conn.execute(
            "SELECT count(*) FROM delivery_loads WHERE delivery = ?", (row.number,)
        ).fetchone()
        if count >= MOST_LOADS:
            raise Refused(
                "many_loads",
                f"一次收货最多称 {MOST_LOADS} 次；请签字，其余另行收货",
                f"a delivery has at most {MOST_LOADS} loads: sign it, and take the rest as another one",
            )
        cursor = self._conn.execute(
            "INSERT INTO delivery_loads (delivery, line, body) VALUES (?, ?, ?)",
            (row.number, line, said.model_dump_json()),
        )
        self.change(row)
        return int(cursor.lastrowid or 0)

    def remove_load(self, row: Row, line: int, load: int) -> None:
        """Raises Refused."""
        gone = self._conn.execute(
            "DELETE FROM delivery_loads WHERE load = ? AND delivery = ? AND line = ?", (load, row.number, line)
        ).rowcount
        if not gone:
            raise Refused("no_load", "这次称重已不在单上", "this load is not on the list any more")
        self.change(row)

    def sign(self, row: Row, signed: tuple[Any, ...]) -> None:
        """Somebody signed what it is now."""
        self._write(row.number, row.draft.model_copy(update={"signed": signed}))

    def close(self, row: Row, state: DeliveryState, seq: int | None) -> None:
        """It changes no more: what counts stands in its record."""
        self._conn.execute(
            "UPDATE deliveries SET state = ?, seq = ? WHERE number = ?", (state, seq or row.seq, row.number)
        )
        for table in ("delivery_lines", "delivery_loads"):
            self._conn.execute(f"DELETE FROM {table} WHERE delivery = ?", (row.number,))
        self.changed = True

    def _put(self, number: int, line: Line) -> None:
        self._conn.execute(
            "INSERT OR REPLACE INTO delivery_lines VALUES (?, ?, ?)", (number, line.line, line.model_dump_json())
        )

    def _write(self, number: int, draft: Draft) -> None:
        self._conn.execute("UPDATE deliveries SET body = ? WHERE number = ?", (draft.model_dump_json(), number))
        self.changed = True

    # --- what lies on the scales ------------------------------------------------------------------------------------

    def counted(self, scale: TradeScale, g: int, *, net: bool, load: int) -> None:
        """What lies on this scale now is that load."""
        scale.pan.count(g, net=net, load=load)
        self._undo.append(scale.pan.uncounted)
        self._keep_pan(scale)

    def taken_back(self, scales: Iterable[TradeScale], load: int) -> None:
        """That load counts no more; what lies there may be counted anew."""
        for scale in scales:
            if scale.pan.counted is not None and scale.pan.counted.load == load:
                scale.pan.taken_back(load)
                self._undo.append(scale.pan.uncounted)
                self._keep_pan(scale)

    def _keep_pan(self, scale: TradeScale) -> None:
        counted = scale.pan.counted
        if counted is None:
            self._conn.execute("DELETE FROM delivery_pans WHERE scale = ?", (scale.part.name,))
        else:
            self._conn.execute(
                "INSERT OR REPLACE INTO delivery_pans VALUES (?, ?, ?, ?, ?)", (scale.part.name, *_row(counted))
            )


def _row(counted: Counted) -> tuple[int, int, int, int]:
    return counted.g, int(counted.net), counted.before_g, counted.load


def per_cent(value: Decimal | None) -> str:
    """With its sign; empty for none."""
    return "" if value is None else f"{value:+f}" if value else "0"

"""What the city says of goods: orders, the focus list, price limits, laboratories' verdicts.

Part of the core: only the core thread calls this, inside a batch.
"""

import json
import sqlite3
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from edge.between.board import LabVerdictView
from edge.records.ledger import Ledger
from edge.records.obeyed import Obeyed
from edge.records.writer import Known
from edge.state.directory import older, too_many
from edge.state.unread import Unread
from protocol.frozen import frozen

if TYPE_CHECKING:
    from protocol.city.commands import FocusList, Order, PriceLimit, PriceLimits

MOST_ORDERS = 2000
KEPT_DAYS = 7  # of an order after its day
SHOWN = 50


@frozen
class Limit:
    """The highest price of a product in fen per ``per_g``, and by which announcement."""

    max_fen: int
    per_g: int
    reason: str

    def exceeded(self, fen: int, per_g: int) -> bool:
        return fen * self.per_g > self.max_fen * per_g

    def per(self, per_g: int) -> int:
        """The highest whole price per so many grams."""
        return int(Decimal(self.max_fen) * per_g / self.per_g)


class CityLists:
    """Owned by the core thread."""

    def __init__(self, ledger: Ledger, unread: Unread) -> None:
        self._ledger = ledger
        self._unread = unread
        self._conn: sqlite3.Connection = ledger.conn
        self._limits: Known[str, Limit | None] = ledger.conn.known("price_limits")
        self._floors = Obeyed(ledger.conn)
        self.verdicts_changed = self.orders_changed = True

    # --- orders -----------------------------------------------------------------------------------------------------

    def take_orders(self, orders: Iterable["Order"], issued: float, today: date | None) -> int:
        """Keep these orders; answers how many are news. Those whose day is long past leave."""
        if today is not None:
            self._conn.execute("DELETE FROM orders WHERE due < ?", ((today - timedelta(days=KEPT_DAYS)).isoformat(),))
        changed = 0
        for order in orders:
            changed += self._conn.execute(
                "INSERT INTO orders VALUES (?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET due = excluded.due,"
                " body = excluded.body, issued = excluded.issued WHERE excluded.issued > issued",
                (order.order, order.due, order.model_dump_json(), issued),
            ).rowcount
        self.orders_changed = True
        (count,) = self._conn.execute("SELECT count(*) FROM orders").fetchone()
        if count > MOST_ORDERS:
            raise too_many(MOST_ORDERS)
        return changed

    def orders(self, day: str = "") -> list[dict[str, Any]]:
        """The orders of a day, or all that are kept, by day; none that was withdrawn."""
        rows = self._conn.execute(
            "SELECT body FROM orders WHERE ?1 = '' OR due = ?1 ORDER BY due, number", (day,)
        ).fetchall()
        found = [json.loads(body) for (body,) in rows]
        return [order for order in found if not order["withdrawn"]]

    def order(self, number: str) -> "Order | None":
        """The order with this number, if the city has sent one and not withdrawn it."""
        row = self._conn.execute("SELECT body FROM orders WHERE number = ?", (number,)).fetchone()
        if row is None:
            return None
        from protocol.city.commands import Order

        found = Order.model_validate_json(row[0])
        return None if found.withdrawn else found

    # --- lists that are replaced whole ------------------------------------------------------------------------------

    def take_focus(self, said: "FocusList", issued: float) -> None:
        self._replace("focus_list", issued)
        self._conn.execute("DELETE FROM focus")
        self._conn.executemany(
            "INSERT INTO focus VALUES (?, ?, ?, ?)",
            [(one.product, one.origin_code, one.supplier_code, one.reason) for one in said.entries],
        )

    def focus(self, product: str, origin_code: str, supplier_code: str) -> list[str]:
        """Why these goods are looked at: the reason of each entry that they fit."""
        rows = self._conn.execute(
            "SELECT reason FROM focus"
            " WHERE substr(?1, 1, length(product)) = product"
            " AND substr(?2, 1, length(origin_code)) = origin_code AND supplier_code IN ('', ?3)",
            (product, origin_code, supplier_code),
        ).fetchall()
        return [reason for (reason,) in rows]

    def take_limits(self, said: "PriceLimits", issued: float) -> None:
        self._replace("price_limits", issued)
        self._conn.execute("DELETE FROM price_limits")
        newest: dict[str, PriceLimit] = {limit.product: limit for limit in said.limits}
        self._conn.executemany(
            "INSERT INTO price_limits VALUES (?, ?, ?, ?)",
            [(one.product, one.max_fen, one.per_g, one.reason) for one in newest.values()],
        )

    def limit(self, product: str) -> Limit | None:
        if product not in self._limits:
            row = self._conn.execute(
                "SELECT max_fen, per_g, reason FROM price_limits WHERE product = ?", (product,)
            ).fetchone()
            self._limits[product] = Limit(*row) if row else None
        return self._limits[product]

    def _replace(self, name: str, issued: float) -> None:
        if issued <= self._floors.floor(name):
            raise older(name)
        self._floors.raise_floor(name, issued)

    # --- laboratories -----------------------------------------------------------------------------------------------

    def knows_later(self, lot: str, issued: float) -> bool:
        """Whether a verdict of this lot is known that was given later."""
        row = self._conn.execute("SELECT issued FROM lab_verdicts WHERE lot = ?", (lot,)).fetchone()
        return row is not None and row[0] > issued

    def concluded(self, lot: str, seq: int, issued: float) -> None:
        """A laboratory's verdict of this lot was recorded."""
        self._conn.execute(
            "INSERT INTO lab_verdicts VALUES (?, ?, ?) ON CONFLICT (lot) DO UPDATE SET seq = excluded.seq,"
            " issued = excluded.issued WHERE excluded.issued > issued",
            (lot, seq, issued),
        )
        self.verdicts_changed = True

    def verdict_views(self) -> tuple[LabVerdictView, ...]:
        """The newest laboratories' verdicts, each lot's newest. One whose record is damaged is left out, and told."""
        rows = self._conn.execute("SELECT lot, seq FROM lab_verdicts ORDER BY seq DESC LIMIT ?", (SHOWN,)).fetchall()
        views = []
        for lot, seq in rows:
            try:
                event = self._ledger.event(seq)
                data = event["data"]
                views.append(
                    LabVerdictView(
                        lot=lot,
                        conclusion=data["conclusion"],
                        item=data["item"],
                        report_no=data["report_no"],
                        laboratory=data["laboratory"],
                        concluded=data["concluded"],
                        time=event["time"],
                    )
                )
            except Exception as error:
                if self._ledger.explained(error) is not None:
                    raise
                self._unread.keep("record", f"record {seq}", error)
        return tuple(views)

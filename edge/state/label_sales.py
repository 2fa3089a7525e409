"""What label scales sold by themselves: which of it is known, what waits for a person, and what their numbers mean.

Part of the core: only the core thread calls this, inside a batch.  All SQL on ``label_sales`` and ``label_goods``
stands here.
"""

from datetime import datetime, timedelta
from typing import Any

from edge.between.label_board import LabelSaleView
from edge.records.ledger import Ledger
from edge.records.search import UNREADABLE
from edge.state.unread import Unread
from protocol.frozen import frozen
from protocol.readings import LabelSale

SHOWN = 200  # of those that wait, and of those that came today
MOST_TOGETHER = 500  # that a person's word for one number settles at once


@frozen
class Kept:
    """A sale by its newest record."""

    seq: int
    scale: str
    article: str
    waits: bool


class LabelSales:
    """Owned by the core thread."""

    def __init__(self, ledger: Ledger, unread: Unread) -> None:
        self._ledger = ledger
        self._conn = ledger.conn
        self._unread = unread
        self.changed = True

    # --- each once ----------------------------------------------------------------------------------------------------

    def known(self, scale: str, sale: LabelSale) -> bool:
        """Whether it was recorded before: sent again, or the second of the two that a scale sends of a label."""
        row = self._conn.execute(
            "SELECT 1 FROM label_sales WHERE scale = ? AND identity = ?", (scale, sale.identity)
        ).fetchone()
        if row is not None:
            return True
        if not sale.alike or sale.sold_at is None:
            return False
        rows = self._conn.execute(
            "SELECT identity, sold_at, twin FROM label_sales WHERE scale = ? AND alike = ?", (scale, sale.alike)
        ).fetchall()
        if any(twin == sale.identity for _, _, twin in rows):
            return True
        apart = timedelta(seconds=sale.twice_s)
        for identity, sold_at, twin in rows:
            if not twin and abs(datetime.fromisoformat(sold_at) - sale.sold_at) <= apart:
                self._conn.execute(
                    "UPDATE label_sales SET twin = ? WHERE scale = ? AND identity = ?", (sale.identity, scale, identity)
                )
                return True
        return False

    def remember(self, scale: str, sale: LabelSale, article: str, seq: int, *, waits: bool) -> None:
        """It was recorded."""
        at = sale.sold_at.isoformat() if sale.sold_at else ""
        self._conn.execute(
            "INSERT INTO label_sales VALUES (?, ?, ?, ?, '', ?, ?, ?)",
            (scale, sale.identity, sale.alike if at else "", at, article, seq, waits),
        )
        self.changed = True

    # --- what a person says -------------------------------------------------------------------------------------------

    def find(self, seq: int) -> Kept | None:
        """The sale whose newest record this is."""
        row = self._conn.execute("SELECT seq, scale, article, waits FROM label_sales WHERE seq = ?", (seq,)).fetchone()
        return Kept(row[0], row[1], row[2], bool(row[3])) if row else None

    def recorded_anew(self, before: int, seq: int, *, waits: bool) -> None:
        """Another record says what is known of it now."""
        self._conn.execute("UPDATE label_sales SET seq = ?, waits = ? WHERE seq = ?", (seq, waits, before))
        self.changed = True

    def waiting_of(self, scale: str, article: str) -> list[int]:
        """The records of this number that wait, the oldest first."""
        rows = self._conn.execute(
            "SELECT seq FROM label_sales WHERE waits = 1 AND scale = ? AND article = ? ORDER BY seq LIMIT ?",
            (scale, article, MOST_TOGETHER),
        )
        return [seq for (seq,) in rows.fetchall()]

    def product_of(self, scale: str, article: str) -> str:
        """What a person said that this number is; empty when nobody has."""
        row = self._conn.execute(
            "SELECT product FROM label_goods WHERE scale = ? AND article = ?", (scale, article)
        ).fetchone()
        return str(row[0]) if row else ""

    def means(self, scale: str, article: str, product: str, seq: int) -> None:
        """A person said so, in this record."""
        self._conn.execute("INSERT OR REPLACE INTO label_goods VALUES (?, ?, ?, ?)", (scale, article, product, seq))

    def waiting(self) -> dict[str, int]:
        """How many sales of each scale wait for a person."""
        rows = self._conn.execute("SELECT scale, count(*) FROM label_sales WHERE waits = 1 GROUP BY scale")
        return dict(rows.fetchall())

    # --- what pages see -----------------------------------------------------------------------------------------------

    def views(self, day: str) -> tuple[LabelSaleView, ...]:
        """What waits, whenever it was sold, and the newest others that came on this day; each the newest first."""
        waiting = self._views("WHERE waits = 1 ORDER BY seq DESC LIMIT ?")
        others = self._views("WHERE waits = 0 ORDER BY seq DESC LIMIT ?")
        return (*waiting, *(one for one in others if one.came[:10] == day))

    def _views(self, which: str) -> list[LabelSaleView]:
        rows = self._conn.execute(f"SELECT seq, scale, waits FROM label_sales {which}", (SHOWN,)).fetchall()
        return [view for row in rows if (view := self._view(*row)) is not None]

    def _view(self, seq: int, scale: str, waits: int) -> LabelSaleView | None:
        """One that cannot be shown hides no other."""
        try:
            return _view(self._ledger.event(seq), seq, scale, bool(waits))
        except UNREADABLE as error:
            if self._ledger.explained(error) is not None:
                raise
            self._unread.keep("record", f"record {seq}", error)
            return None


def _view(event: dict[str, Any], seq: int, scale: str, waits: bool) -> LabelSaleView:
    data = event["data"]
    goods = data["goods"] or {}
    return LabelSaleView(
        seq=seq,
        scale=scale,
        labelled_at=data["labelled_at"] or "",
        came=event["time"],
        plu=data["plu"],
        article=data["article"],
        label_name=data["label_name"],
        product=goods.get("product", ""),
        product_name=goods.get("name", ""),
        product_name_en=goods.get("name_en", ""),
        net_g=data["net_g"],
        amount_fen=data["amount_fen"],
        lot=data["lot"] or "",
        source=data["source"],
        suspended=tuple(data["suspended"]),
        doubts=tuple(data["label_doubts"]),
        waits=waits,
        counts=data["counts"] and not data.get("taken_off"),
        taken_off=data.get("taken_off", ""),
        text=data.get("text", ""),
    )

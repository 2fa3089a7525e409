"""What the customer sees: what the seller chose, and the last slip until the next goods are shown.

Part of the core: only the core thread calls this.  Nothing of it is recorded, and a restart begins with nothing.
"""

from edge.between.day_views import CustomerView, SoldView
from edge.records.ledger import Recorded
from protocol.frozen import changed

SOLD_SECONDS = 120.0  # a slip stays no longer, whoever passes by


class Customer:
    """Owned by the core thread. Times are its steady clock."""

    def __init__(self) -> None:
        self.view = CustomerView()
        self._sold_at = float("-inf")

    def show(self, view: CustomerView) -> None:
        """The seller chose something. What was sold stays until other goods are chosen, or lie on the scale."""
        same = (view.scale, view.product) == (self.view.scale, self.view.product)
        self.view = changed(view, sold=self.view.sold if same or not view.product else None)

    def take(self, recorded: Recorded, now: float) -> None:
        """A record that was committed: a sale's slip is shown; one that was voided is not."""
        data = recorded.data
        if recorded.kind == "trade.completed":
            lines = tuple(
                (
                    sold["goods"]["name"],
                    sold["goods"].get("name_en", ""),
                    line["net_g"],
                    sold.get("pieces", 0),
                    line["amount_fen"],
                )
                for line, sold in zip(data["slip"]["lines"], data["sold"], strict=True)
            )
            sold = SoldView(recorded.subject, recorded.time, data["slip"]["amount_fen"], data["url"], lines)
            self.view = changed(self.view, sold=sold)
            self._sold_at = now
        elif recorded.kind == "trade.voided" and self.view.sold and self.view.sold.tx == recorded.subject:
            self.view = changed(self.view, sold=None)

    def look(self, now: float, *, next_load: bool) -> None:
        """The slip goes when the next load lies there, or after two minutes."""
        if self.view.sold and (next_load or now - self._sold_at >= SOLD_SECONDS):
            self.view = changed(self.view, sold=None)

"""The station's state, as the core thread holds it: what the jobs (gate, stall) work on.

Jobs change it inside a batch.  What must wait for the commit goes to ``after``; what must be taken back when the
commit fails goes to ``undo``.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from edge.between.board import ProductView
from edge.between.inbox import Refused
from edge.between.logs import fields
from edge.config.sections import Config, ProductSection, fen
from edge.records.clock import Clock, Stamp
from edge.records.ledger import ORDINARY, Ledger, Recorded
from edge.state.asked import Asked
from edge.state.devices import AnalyzerDevice, Device, PortThread, PrinterDevice, ProbeDevice
from edge.state.known_devices import KnownDevices
from edge.state.lots import Lots
from edge.state.prints import PrinterThread, Prints
from edge.state.unread import Unread
from edge.state.weighing import TradeScale
from protocol.city.events import EVENTS, EventKind, Goods, Record

log = logging.getLogger("station")


class Station:
    """Owned by the core thread."""

    def __init__(
        self,
        config: Config,
        ledger: Ledger,
        clock: Clock,
        printers: Mapping[str, PrinterThread],
        ports: Mapping[str, PortThread],
    ) -> None:
        self.config = config
        self.ledger = ledger
        self.clock = clock
        self.ports = ports
        self.scales = {part.name: TradeScale(part) for part in config.scale}
        self.analyzers = {part.name: AnalyzerDevice(part) for part in config.analyzer}
        self.probes = {part.name: ProbeDevice(part) for part in config.probe}
        self.devices: Mapping[str, Device] = {**self.scales, **self.analyzers, **self.probes}
        self.products = {part.code: part for part in config.product}
        self.after: list[Callable[[], None]] = []
        self.undo: list[Callable[[], None]] = []
        self._committed: list[Recorded] = []
        self.methods = config.methods()
        self.unread = Unread(ledger, clock)
        self.prints = Prints(config, ledger, clock, printers, self.unread, self.after, self.undo)
        self.printers = {part.name: PrinterDevice(part, self.prints.documents_of(part.name)) for part in config.printer}
        self.lots = Lots(config, ledger, self.unread)
        self.known = KnownDevices(
            (*config.scale, *config.analyzer, *config.probe), ledger, clock, self.after, self.undo
        )
        self.asked = Asked(ledger, clock, self.undo)
        self.prices_changed = True

    # --- records ----------------------------------------------------------------------------------------------------

    def record(
        self, kind: str, subject: str, record: Record, stamp: Stamp | None = None, lane: int = ORDINARY
    ) -> Recorded:
        """Append an event to the ledger, at ``stamp`` or now."""
        recorded = self.ledger.append(kind, subject, record, stamp or self.clock.now(), self.clock.boot_id, lane=lane)
        self.after.append(lambda: self._committed.append(recorded))
        return recorded

    def tell_log(self) -> None:
        """A line for each record that was committed; last of all, since a log takes its time."""
        committed, self._committed = self._committed, []
        for one in committed:
            log.info("%s %s seq=%d %s", one.kind, one.subject, one.seq, _facts(EVENTS[one.kind], one.data))

    def today(self) -> date | None:
        """The market's date; None while the clock cannot be believed."""
        return self.clock.today() if self.clock.now().trusted else None

    # --- products ---------------------------------------------------------------------------------------------------

    def product(self, code: str) -> ProductSection:
        """The product with its current price; raises Refused."""
        if code not in self.products:
            raise Refused("no_product", f"没有商品 {code[:8]}", f"no product {code[:8]}: add it to station.toml")
        return self.products[code]

    def goods(self, code: str) -> Goods:
        part = self.product(code)
        return Goods(product=part.code, name=part.name, name_en=part.name_en)

    def price(self, code: str) -> int:
        """Fen per the product's own basis: the last price set at the stall, else the configured one."""
        row = self.ledger.conn.execute("SELECT fen FROM prices WHERE product = ?", (code,)).fetchone()
        return int(row[0]) if row else fen(self.product(code).price)

    def set_price(self, code: str, price: int) -> None:
        """Fen per the product's own basis, from now on."""
        self.ledger.conn.execute(
            "INSERT INTO prices VALUES (?, ?) ON CONFLICT (product) DO UPDATE SET fen = excluded.fen", (code, price)
        )
        self.prices_changed = True

    def product_views(self) -> tuple[ProductView, ...]:
        return tuple(
            ProductView(part.code, part.name, part.name_en, self.price(part.code), part.per_g)
            for part in self.products.values()
        )


def _facts(row: EventKind, data: Mapping[str, Any]) -> str:
    """What the log says of a record."""
    columns = row.record.columns(data)
    said = {name: data[name] if name in data else columns.get(name) for name in row.told}
    return fields(**{name: ",".join(value) if isinstance(value, list) else value for name, value in said.items()})

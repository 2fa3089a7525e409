"""The station's state, as the core thread holds it: what the jobs (gate, stall) work on.

Jobs change it inside a batch.  What must wait for the commit goes to ``after``; what must be taken back when the
commit fails goes to ``undo``.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache

from edge.between.board import BasketLineView, BasketView, CertificateView, ProductView
from edge.between.inbox import Refused
from edge.between.logs import fields
from edge.between.people import BOX, UNNAMED, Role, Who
from edge.between.roster import Roster
from edge.config.proofs import needed
from edge.config.sections import Config, ProductSection, ScaleSection, fen
from edge.records.clock import Clock, Stamp
from edge.records.corrections import Corrections
from edge.records.delivery import Delivery
from edge.records.identity import load_node_keys
from edge.records.ledger import ORDINARY, Ledger, Recorded
from edge.records.own_keys import history
from edge.records.writer import Known
from edge.state.alerts import Alerts
from edge.state.asked import Asked
from edge.state.attempts import Attempts
from edge.state.baskets import Baskets
from edge.state.checks import Checks
from edge.state.city_keys import TrustedKeys
from edge.state.city_lists import CityLists
from edge.state.controls import Controls
from edge.state.customer import Customer
from edge.state.deliveries import Deliveries
from edge.state.delivering import Delivering
from edge.state.devices import (
    AnalyzerDevice,
    Device,
    LabelScaleDevice,
    PortThread,
    PrinterDevice,
    ProbeDevice,
    ScannerDevice,
)
from edge.state.directory import People
from edge.state.disk import Disk
from edge.state.expiries import Expiries
from edge.state.goods_use import GoodsUse
from edge.state.holds import Holds
from edge.state.kept_samples import KeptSamples
from edge.state.known_devices import KnownDevices
from edge.state.label_sales import LabelSales
from edge.state.last_entries import LastEntries
from edge.state.loads import Loads
from edge.state.lots import Lots
from edge.state.on_time import OnTime
from edge.state.operators import Operators
from edge.state.parties import Parties
from edge.state.photos import Photos
from edge.state.price_reports import PriceReports
from edge.state.prints import PrinterThread, Prints
from edge.state.public_samples import PublicSamples
from edge.state.racks import Racks
from edge.state.retention import Forgetting
from edge.state.scale_register import ScaleRegister, as_entered
from edge.state.sessions import Sessions
from edge.state.settings import CitySettings
from edge.state.siblings import Siblings
from edge.state.tally import Tally
from edge.state.unread import Unread
from edge.state.weighing import TradeScale
from protocol.city.events import EVENTS, EventKind, Goods, PersonChanged, Record
from protocol.city.node_keys import NodeKeys
from protocol.city.photos import named_in
from protocol.city.signed import CityKeys
from protocol.city.topics import Topics

log = logging.getLogger("station")


class Station:
    """Owned by the core thread. ``trust`` and ``resend`` are the core's: keys, or what is sent again, have changed."""

    def __init__(
        self,
        config: Config,
        ledger: Ledger,
        clock: Clock,
        printers: Mapping[str, PrinterThread],
        ports: Mapping[str, PortThread],
        city_keys: CityKeys | None = None,
    ) -> None:
        config = as_entered(config, ledger.conn)
        self.settings = CitySettings(ledger.conn, config)
        self.config = self.settings.config()
        self.ledger = ledger
        self.clock = clock
        self.ports = ports
        self.scales = {part.name: TradeScale(part) for part in config.scale}
        self.label_scales = {part.name: LabelScaleDevice(part) for part in config.label_scale}
        self.analyzers = {part.name: AnalyzerDevice(part) for part in config.analyzer}
        self.probes = {part.name: ProbeDevice(part) for part in config.probe}
        self.scanners = {part.name: ScannerDevice(part) for part in config.scanner}
        self.devices: Mapping[str, Device] = {
            **self.scales,
            **self.label_scales,
            **self.analyzers,
            **self.probes,
            **self.scanners,
        }
        self.products = {part.code: part for part in config.product}
        self._prices: Known[str, int] = ledger.conn.known("prices")
        self.who: Who = BOX  # on whose order the message is that is handled now
        self.after: list[Callable[[], None]] = []
        self.undo: list[Callable[[], None]] = []
        self._committed: list[Recorded] = []
        self.methods = config.methods()
        self.unread = Unread(ledger, clock)
        self.prints = Prints(config, ledger, clock, printers, self.unread, self.after, self.undo)
        self.printers = {part.name: PrinterDevice(part, self.prints.documents_of(part.name)) for part in config.printer}
        own_history = history(ledger)
        ledger.signer = replace(ledger.signer, earlier=own_history[:-1])
        self.corrections = Corrections(ledger.conn)
        self.label_sales = LabelSales(ledger, self.unread)
        self.lots = Lots(config, ledger, self.unread, clock)
        self.alerts = Alerts(ledger.conn)
        self.racks = Racks(ledger.conn)
        self.controls = Controls(ledger.conn)
        self.checks = Checks(lambda: self.config, self.methods, ledger, self.controls, clock.today)
        self.lots.waits_for = self.checks.waits_for
        self.public_samples = PublicSamples(ledger)
        self.on_time = on = OnTime(ledger.conn, clock)
        self.holds = Holds(ledger, clock, self.lots, lambda: self.config.gate.destroy_at_once, on)
        own = NodeKeys()
        for key in own_history:  # the oldest first: by it lots are named on all stations
            own = own.plus(self.subject, key)
        own = own.more(load_node_keys(config.market.keys_file))
        self.siblings = Siblings(Topics(config.station.region, ledger.signer.node, ledger.signer.terminal), clock)
        self.known = KnownDevices(config.devices, ledger, clock, self.after, self.undo)
        self.baskets = Baskets(ledger, clock)
        self.asked = Asked(ledger, clock, self.undo)
        self.sessions = Sessions(ledger, clock, config.people.idle_minutes * 60)
        self.attempts = Attempts(ledger, clock)
        self.operators = Operators(ledger, self._tell_person, self.sessions.end_all)
        self.directory = People(ledger.conn)
        self.parties = Parties(ledger.conn, self.directory)
        self.goods_use = GoodsUse(ledger)
        self.city_lists = CityLists(ledger, self.unread)
        self.deliveries = Deliveries(ledger.conn, self.scales.values(), self.undo)
        self.kept_samples = KeptSamples(ledger, clock, self.undo, on)
        on.counts = lambda: self.holds.counting or self.kept_samples.some
        on.needed = lambda: self.holds.told_any or self.kept_samples.some
        for scale in self.scales.values():
            scale.counts_loads = "canteen" in config.station.jobs
        self.keys = TrustedKeys(ledger.conn, city_keys or CityKeys(), own)
        self.tally = Tally(ledger)
        self.customer = Customer()
        self.price_reports = PriceReports(ledger, config.stall.price_report)
        self.register = ScaleRegister(ledger, config.scale, self.undo)
        self.delivery = Delivery(ledger.conn)
        self.expiries = Expiries(ledger.conn, config.city, lambda: self.certificate)
        self.photos = Photos(ledger, clock)
        self.disk = Disk(ledger, clock)
        self.forgetting = Forgetting(ledger, config.station.keep_months)
        self.loads = Loads(ledger, self.undo)
        self.last_entries = LastEntries(ledger.conn)
        self.trust: Callable[[], None] = lambda: None
        self.resend: Callable[[], None] = lambda: None
        self.delivering: Delivering | None = None  # the way to the city, when there is one
        self.prices_changed = True
        self.certificate: CertificateView | None = None  # of the pages, once the web's thread has said

    # --- records ----------------------------------------------------------------------------------------------------

    def record(
        self, kind: str, subject: str, record: Record, stamp: Stamp | None = None, lane: int = ORDINARY
    ) -> Recorded:
        """Append an event to the ledger, at ``stamp`` or now, in the name of who ordered it.

        Raises Refused when it names a photo that is not here.
        """
        recorded = self.ledger.append(
            kind,
            subject,
            record,
            stamp or self.clock.now(),
            self.clock.boot_id,
            lane=lane,
            operator=self.who.code,
            approved_by=self.who.approved_by,
        )
        self.recorded(recorded)
        return recorded

    def recorded(self, recorded: Recorded) -> None:
        """A record was appended: whoever goes by records hears of it.

        Raises Refused when it names a photo that is not here.
        """
        self.parties.of_record(recorded.kind, recorded.data, recorded.seq)
        self.photos.refer(named_in(recorded.data), recorded.seq)
        self.after.append(lambda: self._told(recorded))

    def _told(self, recorded: Recorded) -> None:
        """It is on the disk."""
        self._committed.append(recorded)
        self.goods_use.count(recorded)
        self.tally.take(recorded)
        self.customer.take(recorded, self.clock.steady())

    def roster(self) -> Roster:
        """Who may come in, for the web."""
        self.operators.changed = self.sessions.changed = False
        browsers = self.attempts.browsers()
        return Roster(self.operators.people(), self.sessions.people(), self.operators.programs(), browsers)

    def _tell_person(self, record: PersonChanged) -> None:
        self.record("person.changed", self.subject, record)

    @property
    def node_keys(self) -> NodeKeys:
        """Who of the node may sign source cards, and is heard about lots."""
        return self.keys.stations

    @property
    def subject(self) -> str:
        """What a record is about that is about the station itself."""
        return f"{self.ledger.signer.node}-{self.ledger.signer.terminal}"

    def tell_log(self) -> None:
        """A line for each record that was committed; last of all, since a log takes its time."""
        committed, self._committed = self._committed, []
        for one in committed:
            log.info("%s %s seq=%d %s", one.kind, one.subject, one.seq, _facts(EVENTS[one.kind], one))

    def today(self) -> date | None:
        """The market's date; None while the clock cannot be believed."""
        return self.clock.today() if self.clock.trusted else None

    def demand(self, roles: frozenset[Role]) -> str:
        """Who ordered this must be one of these people, or have the word of one; raises Refused.

        Answers the code of the one whose word it is; empty where nobody has a name.
        """
        if not self.who.may(roles):
            raise needs_word(roles)
        return self.who.approved_by or ("" if self.who.code == UNNAMED else self.who.code)

    def renewed(self, part: ScaleSection) -> None:
        """This is what counts of a scale from now on: for what is weighed, on pages, and for the clock's doubts."""
        before = self.scales[part.name].part

        def take(part: ScaleSection) -> None:
            self.scales[part.name].part = part
            self.settings.scale(part)
            self.configure()
            self.register.counts(part)
            self.clock.certificates = self.config.certificates()

        take(part)
        self.undo.append(lambda: take(before))

    def configure(self) -> None:
        """What the city set changed: station.toml with that counts from now on."""
        self.config = self.settings.config()
        self.lots.of_day_changed = True  # the plan of the day is another

    # --- products ---------------------------------------------------------------------------------------------------

    def product(self, code: str) -> ProductSection:
        """The product with its current price; raises Refused."""
        if code not in self.products:
            raise Refused("no_product", f"没有商品 {code[:8]}", f"no product {code[:8]}: add it to station.toml")
        return self.products[code]

    def scale(self, name: str) -> TradeScale:
        """The scale of this name; raises Refused."""
        if name not in self.scales:
            raise Refused("no_scale", f"没有秤 {name[:32]}", f"no scale {name[:32]}")
        return self.scales[name]

    def goods(self, code: str) -> Goods:
        part = self.product(code)
        return _goods(part.code, part.name, part.name_en)

    def price(self, code: str) -> int:
        """Fen per the product's own basis: the last price set at the stall, else the configured one."""
        if (known := self._prices.get(code)) is None:
            row = self.ledger.conn.execute("SELECT fen FROM prices WHERE product = ?", (code,)).fetchone()
            known = self._prices[code] = int(row[0]) if row else fen(self.product(code).price)
        return known

    def set_price(self, code: str, price: int) -> None:
        """Fen per the product's own basis, from now on."""
        self.ledger.conn.execute(
            "INSERT INTO prices VALUES (?, ?) ON CONFLICT (product) DO UPDATE SET fen = excluded.fen", (code, price)
        )
        self.prices_changed = True

    def product_views(self) -> tuple[ProductView, ...]:
        return tuple(
            ProductView(
                part.code,
                part.name,
                part.name_en,
                self.price(part.code),
                part.per_g,
                self._limit_fen(part),
                self.config.lot_optional(part),
                part.by,
                part.group,
                part.found_by,
                packed=part.packed,
                proofs=needed(part.code, self.config.gate.proofs),
            )
            for part in self.products.values()
        )

    def basket_views(self) -> tuple[BasketView, ...]:
        """The slips that are not closed yet; a product that is known no more is called by its code."""
        return tuple(
            BasketView(
                number=basket.number,
                scale=basket.scale,
                state=basket.state,
                begun=basket.begun,
                old=basket.old,
                amount_fen=basket.amount_fen,
                due_fen=basket.due_fen,
                lines=tuple(
                    BasketLineView(
                        number=number,
                        product=line.product,
                        product_name=self.products[line.product].name
                        if line.product in self.products
                        else line.product,
                        lot=line.lot,
                        net_g=line.net_g,
                        pieces=line.pieces,
                        price_fen=line.price.fen,
                        per_g=line.price.per_g,
                        amount_fen=line.amount_fen,
                        stability=line.weighed.stability,
                    )
                    for number, line in basket.lines.items()
                ),
                buyer_name=str(basket.terms.get("buyer_name", "")),
            )
            for basket in self.baskets.all()
        )

    def _limit_fen(self, part: ProductSection) -> int | None:
        limit = self.city_lists.limit(part.code)
        return limit.per(part.per_g) if limit else None


@lru_cache(maxsize=128)
def _goods(product: str, name: str, name_en: str) -> Goods:
    """As records have them: the same value again and again."""
    return Goods(product=product, name=name, name_en=name_en)


def needs_word(roles: frozenset[Role]) -> Refused:
    """Somebody else's word is needed."""
    if Role.SUPERVISOR in roles:
        return Refused(
            "needs_supervisor", "需要主管输入密码同意", "this needs a supervisor's word: let one enter the PIN"
        )
    return Refused("needs_technician", "只有技术员可以操作", "only a technician may do this")


def _facts(row: EventKind, one: Recorded) -> str:
    """What the log says of a record beside what it is about."""
    columns = row.record.columns(one.data)
    said = {name: one.data[name] if name in one.data else columns.get(name) for name in row.told}
    said = {name: ",".join(value) if isinstance(value, list) else value for name, value in said.items()}
    return fields(**{name: value for name, value in said.items() if value != one.subject})

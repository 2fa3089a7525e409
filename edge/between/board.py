"""What the station shows: the latest view of everything, posted by the core thread and read by pages and health.

Views are frozen and replaced whole, so readers in other threads always see a complete one.
"""

from collections.abc import Callable, Set
from dataclasses import asdict, field
from typing import Any

from drivers.transports.adapters import Identity
from edge.between.bench_board import AlertView, BenchView, Sampling, WaitsFor
from edge.between.canteen_board import DeliveryView, KeptView, OrderView
from edge.between.day_views import CustomerView, DayView, PricesView, RegisteredScale, ShiftView
from edge.between.fixed_words import (
    CertificateState,
    ClockSource,
    ClockWhy,
    ClockWord,
    LotState,
    LotWhy,
    PanWhy,
    WeightWhy,
    WholePlant,
    clock_word,
)
from edge.between.held_board import HoldView, PublicSampleView
from edge.between.label_board import LabelSaleView, LabelScaleView
from edge.between.print_states import PrinterState, PrintState, PrintWhy
from edge.between.roster import Roster
from protocol.city.events import VerdictWord
from protocol.frozen import changed, frozen


@frozen
class ScaleView:
    """A scale as a person should see it.

    ``net_g`` is grams or None when there is no weight; ``text`` is the weight with the scale's own digits.
    ``sellable`` is True when pressing the button now would sell; otherwise ``why`` says why not.
    ``writable``: the page may offer tare and zero. ``tare_why``: why no container of known mass can be taken off:
    ``TARED`` (the scale took a tare off by itself) or ``TARE_KEY`` (it does not say whether it did).  At a canteen
    ``new_g`` is what lies there and is not counted yet, its crates included; None when nothing can be counted now, by
    ``new_why``.
    """

    name: str
    up: bool
    net_g: int | None
    text: str
    unit: str
    stable: bool | None
    derived: bool
    sellable: bool
    why: WeightWhy
    max_g: int | None
    min_g: int | None
    e_g: str
    port_why: str = ""
    garbage: int = 0
    writable: bool = False
    tare_why: WeightWhy = WeightWhy.FINE
    new_g: int | None = None
    new_why: WeightWhy | PanWhy = WeightWhy.FINE


@frozen
class LoadView:
    """A load that was weighed for goods that are not registered yet; ``containers`` weigh ``tare_g`` together."""

    number: int
    scale: str
    net_g: int
    tare_g: int
    containers: int


@frozen
class ProductView:
    """``price_fen`` per ``per_g`` grams (1000 or 500); ``limit_fen`` is the highest that the city allows, or None.

    ``lot_optional``: it may be sold without a source code. ``by``: sold by ``weight`` or by the ``piece``. ``group`` is
    what kind of goods it is, ``found_by`` what people type to find it: initials, other names and theirs.
    ``packed``: prepackaged.  ``proofs`` are the vouchers it needs at the gate, each of one type or of several of which
    one will do (``hgz|cd``).
    """

    code: str
    name: str
    name_en: str
    price_fen: int
    per_g: int
    limit_fen: int | None = None
    lot_optional: bool = False
    by: str = "weight"
    group: str = "other"
    found_by: tuple[str, ...] = ()
    packed: bool = False
    proofs: tuple[str, ...] = ()


@frozen
class BasketLineView:
    """A line of a list that is not sold yet: ``number`` names it; ``stability`` as in the record's ``weighed``."""

    number: int
    product: str
    product_name: str
    lot: str
    net_g: int
    pieces: int
    price_fen: int
    per_g: int
    amount_fen: int
    stability: str


@frozen
class BasketView:
    """What was weighed on ``scale`` for one customer and is not sold yet.

    ``state``: ``open``, ``parked`` or ``paying``.  ``due_fen`` is what is asked for it, ``amount_fen`` the sum of its
    lines.  ``old``: it stands from before the station was started.
    """

    number: int
    scale: str
    state: str
    begun: str
    old: bool
    amount_fen: int
    due_fen: int
    lines: tuple[BasketLineView, ...]
    buyer_name: str = ""


@frozen
class LotView:
    """``source`` is the 20-digit source code once released.

    ``verdict``, ``item``, ``value`` and ``unit`` are those of its newest test, ``measurements`` is how many of that
    item were done, ``repeats_due`` how many of the method's ``repeats`` a positive still asks for.  ``missing`` are the
    items it still asks for, when it asks for several.  ``whole_plant``: empty, ``due`` (this food disturbs the enzyme:
    extract the whole plant) or ``done``.  ``left_g`` is what came in less what was sold.  ``upstream`` is the code it
    came with, ``unchecked``: it is sold by that code, and nobody has answered for it.  ``in_doubt``: a result of it
    waits for a person.  ``foreign``: another station released it, and this stall took ``net_g`` of it over.  ``why``
    says why it may not be sold, ``stop`` in the words of who stopped it; one that is stopped from elsewhere is shown as
    held.  ``own_hold``: this station holds it, so a supervisor here can end that; ``asks_recheck``: by a recheck alone.
    ``rechecked``: a recheck released it, after the newest test.  ``waits`` says what keeps one that passed;
    ``sampling`` whether it was drawn to be tested; ``upto`` is the newest record of its tests and holds.
    """

    test_code: str
    source: str | None
    state: LotState
    product: str
    product_name: str
    origin: str
    supplier: str
    sample: str
    net_g: int
    registered: str
    verdict: VerdictWord | None
    value: str | None
    unit: str | None
    measurements: int = 0
    repeats_due: int = 0
    repeats: int = 0
    whole_plant: WholePlant = ""
    seq: int = 0
    left_g: int = 0
    upstream: str | None = None
    unchecked: bool = False
    item: str | None = None
    missing: tuple[str, ...] = ()
    in_doubt: bool = False
    foreign: bool = False
    why: LotWhy = LotWhy.FINE
    stop: str = ""
    own_hold: bool = False
    asks_recheck: bool = False
    rechecked: bool = False
    waits: tuple[WaitsFor, ...] = ()
    sampling: Sampling = ""
    upto: int = 0


@frozen
class OfferView:
    """A lot of another ``station`` that may be opened here without its card: ``portion`` of those signed by ``kid``."""

    source: str
    kid: str
    portion: int
    station: str
    product: str
    product_name: str
    origin: str
    supplier: str
    net_g: int


@frozen
class UnmatchedView:
    """A result that waits for a person, who says whose it is and, where no method can judge it, what it means.

    ``why`` are the reasons (words of ``judgement.py``), ``lot`` the test code of the lot it would be of, if any.
    ``text`` is a ticket's text or a word; ``verdict`` the instrument's own.  ``goods`` is what the instrument calls the
    sample, ``measured_at`` when it says that it measured.  ``asks_verdict``: the person also says what it means.
    """

    seq: int
    analyzer: str
    sample: str | None
    channel: str | None
    item: str
    value: str | None
    unit: str | None
    text: str | None
    time: str
    verdict: str | None = None
    why: tuple[str, ...] = ()
    lot: str = ""
    measured_at: str | None = None
    goods: str | None = None
    asks_verdict: bool = False


@frozen
class ProbeView:
    """The newest measurements of a probe, as ``(what, value, unit)`` texts."""

    name: str
    up: bool
    why: str
    measured: tuple[tuple[str, str, str], ...]


@frozen
class ScannerView:
    """A scanner, how many codes it read, and when the last one found no page (``HH:MM``; empty when it found one)."""

    name: str
    up: bool
    why: str
    garbage: int = 0
    scans: int = 0
    lost: str = ""


@frozen
class HandedScan:
    """What was scanned, for the page at ``pages_at`` (empty: on this box); ``text`` is empty for what was no code."""

    scanner: str
    text: str
    pages_at: str


@frozen
class LabVerdictView:
    """What a laboratory concluded of a lot, as the city said at ``time``: ``qualified`` or ``unqualified``."""

    lot: str
    conclusion: str
    item: str
    report_no: str
    laboratory: str
    concluded: str
    time: str


@frozen
class PrintView:
    """A print job. ``paper`` names what it is (slip, report, …), what became of it and why.

    ``code`` is the trace code it is about, a date for the day's summary, empty for a test page.  ``copy`` counts
    reprints, 0 is the first print.  ``text`` is the paper as plain text, once it was laid out.
    """

    job: int
    paper: str
    code: str
    state: PrintState
    why: PrintWhy
    copy: int
    printer: str
    time: str
    text: str


@frozen
class PrinterView:
    """``up`` is False when papers cannot come out now.

    ``why`` is detail for the technician.  ``near_end``: the roll is nearly used up.  ``documents`` are those that go to
    this printer.
    """

    name: str
    up: bool
    why: str
    waiting: int
    state: PrinterState = PrinterState.READY
    near_end: bool = False
    documents: tuple[str, ...] = ()


@frozen
class CityView:
    """The way to the city: records written, confirmed, waiting, and set aside: written is the sum of the others.

    ``set_aside`` are the newest with their reasons, ``aside`` counts all; ``again`` counts what is still to be sent
    once more.  ``cause`` is a word of ``link_causes`` for why records do not get through or are not confirmed, ``why``
    its detail for the technician; ``silent_since`` and ``last_ack`` are times.  ``odd`` counts what came and was not
    believed, ``confirm`` is as configured.  ``left`` are brokers that were left for the next of the list and have
    delivered nothing since: address, cause, detail.  ``waits_since`` is when the oldest pending record was written
    down, in seconds of the steady clock; None when none is.
    """

    up: bool
    why: str
    written: int
    acked: int
    pending: int
    set_aside: tuple[tuple[int, str], ...]
    broker: str
    cause: str = ""
    silent_since: str = ""
    last_ack: str = ""
    aside: int = 0
    again: int = 0
    odd: tuple[tuple[str, int], ...] = ()
    confirm: str = "city"
    left: tuple[tuple[str, str, str], ...] = ()
    waits_since: float | None = None


@frozen
class AnalyzerView:
    name: str
    up: bool
    why: str
    results: int
    unmatched: int
    garbage: int
    match: str = "sample"
    most: int = 0  # its ``most_a_day``, once that is reached: more is not recorded today


WHOLE = ("http", "folder", "ws", "usb-hid")  # ways on which nothing is garbled: what cannot be read was said so


@frozen
class PortView:
    """Where a device is looked for: ``port`` as in station.toml.

    ``by`` and ``write`` say how far that name leads to one device only, as in ``Naming``; empty while nobody knows.
    ``now`` is another device that stands where ``was`` stood: nothing is read from it until a person confirms it.
    """

    device: str
    port: str
    by: str = ""
    write: str = ""
    was: Identity | None = None
    now: Identity | None = None

    @property
    def garbled(self) -> str:
        """The words for what to do when nothing is made of what comes."""
        scheme = self.port.partition(":")[0]
        return "do_contents" if scheme in WHOLE else "do_keys" if scheme == "evdev" else "do_garbage"


@frozen
class Caution:
    """Something that works, but should not stay so. ``word`` is fixed; ``about`` names the setting.

    ``severity``: ``bad`` makes ``marketedge check`` fail, ``warn`` does not.
    """

    word: str
    severity: str
    about: str
    zh: str
    en: str
    do_zh: str
    do_en: str

    def said(self, language: str) -> str:
        """One sentence with the next step."""
        return f"{self.zh}。{self.do_zh}" if language == "zh" else f"{self.en}. {self.do_en}"


@frozen
class CertificateView:
    """What the pages are served with over TLS. ``ends`` is RFC 3339; ``names`` are those it holds for.

    ``state``: empty, ``soon`` (it ends within 30 days), ``expired``, or ``failed`` (no newer one could be
    had, ``why``).
    """

    names: tuple[str, ...]
    issuer: str
    ends: str
    state: CertificateState = ""
    why: str = ""


@frozen
class UnreadView:
    """Something that could not be handled, ``count`` times from ``first`` to ``last``.

    ``kind`` is a code of ``failed`` in ``words.toml``; ``device`` is a device, a topic, a record's or lot's number, or
    a part of the program.
    """

    number: int
    kind: str
    device: str
    cause: str
    first: str
    last: str
    count: int


@frozen
class Expiry:
    """When a certificate ends, in seconds since 1970. ``of``: ``client``, ``ca``; of the pages ``pages``."""

    of: str
    ends: float


@frozen
class Board:
    """The whole view. ``version`` grows with every change; ``plan`` is analyzer, channel, test code.

    ``lots`` has every lot that is pending or held, and the released ones that may still be sold; ``lot_counts`` is how
    many are ``pending`` and ``held``.  ``holds`` are those that this station holds, what presses first;
    ``public_samples`` what people brought to be tested.  ``offers`` are lots of other stations that may be opened
    without their card.
    ``clock_why`` is a code of ``words.toml``, empty while the clock is synced; ``clock_source`` who vouched for it
    last, ``clock_synced`` when (2026-11-27T08:00), empty when nobody did since the start.
    ``clock_asks`` is the system's time (2031-03-01T09:30) while a person may confirm its date, else empty.
    ``expiries`` are those on the way to the city; ``certificate`` is None while the pages are served without TLS.
    ``alerts`` are the lots at which a person has to look, and those that a person has seen and that are not settled;
    ``bench`` is the test room.  ``day`` and ``shift`` are what was sold and tested today and since the last shift was
    closed; ``reference_prices`` the newest report of a day's prices; ``customer`` what the customer's screen shows;
    ``register`` the scales with their certificates.
    """

    station: str = ""
    seller: str = ""
    stall: str = ""
    language: str = "zh"
    jobs: tuple[str, ...] = ()
    clock_state: str = "unsynced"
    clock_why: ClockWhy = ClockWhy.SYNCED
    clock_asks: str = ""
    clock_source: ClockSource = ClockSource.NONE
    clock_synced: str = ""
    expiries: tuple[Expiry, ...] = ()
    disk_free: int = 0
    disk_total: int = 0
    trouble: str = ""
    ledger_why: str = ""  # the code that a record is refused with, whatever it is
    cautions: tuple[Caution, ...] = ()
    scales: tuple[ScaleView, ...] = ()
    loads: tuple[LoadView, ...] = ()
    analyzers: tuple[AnalyzerView, ...] = ()
    products: tuple[ProductView, ...] = ()
    goods_used: dict[str, tuple[str, ...]] = field(default_factory=dict)
    baskets: tuple[BasketView, ...] = ()
    lots: tuple[LotView, ...] = ()
    lot_counts: dict[str, int] = field(default_factory=dict)
    offers: tuple[OfferView, ...] = ()
    holds: tuple[HoldView, ...] = ()
    public_samples: tuple[PublicSampleView, ...] = ()
    unmatched: tuple[UnmatchedView, ...] = ()
    lab_verdicts: tuple[LabVerdictView, ...] = ()
    plan: tuple[tuple[str, str, str], ...] = ()
    probes: tuple[ProbeView, ...] = ()
    scanners: tuple[ScannerView, ...] = ()
    label_scales: tuple[LabelScaleView, ...] = ()
    label_sales: tuple[LabelSaleView, ...] = ()
    ports: tuple[PortView, ...] = ()
    prints: tuple[PrintView, ...] = ()
    unread: tuple[UnreadView, ...] = ()
    printers: tuple[PrinterView, ...] = ()
    certificate: CertificateView | None = None
    alerts: tuple[AlertView, ...] = ()
    bench: BenchView = field(default_factory=BenchView)
    day: DayView | None = None
    shift: ShiftView | None = None
    reference_prices: PricesView | None = None
    customer: CustomerView = field(default_factory=CustomerView)
    register: tuple[RegisteredScale, ...] = ()
    orders: tuple[OrderView, ...] = ()
    deliveries: tuple[DeliveryView, ...] = ()
    kept: tuple[KeptView, ...] = ()
    city: CityView = field(default_factory=lambda: CityView(False, "", 0, 0, 0, (), ""))
    version: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def clock_word(self) -> ClockWord:
        """What is said of the clock, a word of ``clock`` in the catalogue."""
        return clock_word(self.clock_state, self.clock_source)


class Showing:
    """Holds the current board. Written by the core thread alone; ``watch`` callbacks run there and only signal.

    ``beat`` is the steady clock (``time.monotonic``) when the core thread last went round, at least once a second.
    Pages take the board for dead, and show no weight, when it is two seconds old; None means that nobody keeps it.
    ``behind``: somebody was answered whose deed is not on the board yet; ``CatchUp`` puts it there.
    """

    def __init__(self, board: Board | None = None) -> None:
        self.board = board or Board()
        self.roster = Roster()  # beside the board: it is nobody's to read
        self.beat: float | None = None
        self.behind = False
        self.takes: Callable[[HandedScan], None] | None = None  # of the web thread, while a page is open
        self._watchers: tuple[Callable[[], None], ...] = ()

    def post(self, **changes: Any) -> Set[str]:
        """Replace parts of the board, and answer which of them changed; nothing is signalled when none did."""
        new = {name: value for name, value in changes.items() if getattr(self.board, name) != value}
        if new:
            self.board = changed(self.board, **new, version=self.board.version + 1)
            for signal in self._watchers:
                signal()
        return new.keys()

    def hand(self, scan: HandedScan) -> bool:
        """Hand a scan to whoever shows pages, who only signals; False when no page is open at all."""
        takes = self.takes
        if takes is not None:
            takes(scan)
        return takes is not None

    def watch(self, signal: Callable[[], None]) -> Callable[[], None]:
        """Call ``signal`` after each change; returns the function that ends it."""
        self._watchers = (*self._watchers, signal)

        def end() -> None:
            self._watchers = tuple(one for one in self._watchers if one is not signal)

        return end

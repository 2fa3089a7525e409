"""What the station shows: the latest view of everything, posted by the core thread and read by pages and health.

Views are frozen and replaced whole, so readers in other threads always see a complete one.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from drivers.transports.adapters import Identity
from edge.between.fixed_words import ClockWhy, LotState, WeightWhy, WholePlant
from edge.between.print_states import PrinterState, PrintState, PrintWhy
from protocol.city.events import VerdictWord


@dataclass(frozen=True, slots=True)
class ScaleView:
    """A scale as a person should see it.

    ``net_g`` is grams or None when there is no weight; ``text`` is the weight with the scale's own digits.
    ``sellable`` is True when pressing the button now would sell; otherwise ``why`` says why not.
    ``writable``: the page may offer tare and zero. ``tare_why``: why no container of known mass can be taken off:
    ``TARED`` (the scale took a tare off by itself) or ``TARE_KEY`` (it does not say whether it did).
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


@dataclass(frozen=True, slots=True)
class ProductView:
    """``price_fen`` per ``per_g`` grams (1000 or 500)."""

    code: str
    name: str
    name_en: str
    price_fen: int
    per_g: int


@dataclass(frozen=True, slots=True)
class LotView:
    """``source`` is the 20-digit source code once released.

    ``verdict``, ``item``, ``value`` and ``unit`` are those of its newest test, ``measurements`` is how many of that
    item were done, ``repeats_due`` how many of the method's ``repeats`` a positive still asks for.  ``missing`` are the
    items it still asks for, when it asks for several.  ``whole_plant``: empty, ``due`` (this food disturbs the enzyme:
    extract the whole plant) or ``done``.  ``left_g`` is what came in less what was sold.  ``upstream`` is the code it
    came with, ``unchecked``: it is sold by that code, and nobody has answered for it.  ``in_doubt``: a result of it
    waits for a person.
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class ProbeView:
    """The newest measurements of a probe, as ``(what, value, unit)`` texts."""

    name: str
    up: bool
    why: str
    measured: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class CityView:
    """The way to the city: records written, confirmed, waiting, and set aside: written is the sum of the others.

    ``set_aside`` are the newest with their reasons, ``aside`` counts all.  ``cause`` is a word of ``link_causes`` for
    why records do not get through or are not confirmed, ``why`` its detail for the technician; ``silent_since`` and
    ``last_ack`` are times.  ``odd`` counts what came and was not believed, ``confirm`` is as configured.
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
    odd: tuple[tuple[str, int], ...] = ()
    confirm: str = "city"


@dataclass(frozen=True, slots=True)
class AnalyzerView:
    name: str
    up: bool
    why: str
    results: int
    unmatched: int
    garbage: int
    match: str = "sample"
    most: int = 0  # its ``most_a_day``, once that is reached: more is not recorded today


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Board:
    """The whole view. ``version`` grows with every change; ``plan`` is analyzer, channel, test code.

    ``lots`` has every lot that is pending or held, and the released ones that may still be sold; ``lot_counts`` is how
    many are ``pending`` and ``held``.  ``clock_why`` is a code of ``words.toml``, empty while the clock is synced.
    ``clock_asks`` is the system's time (2031-03-01T09:30) while a person may confirm its date, else empty.
    """

    station: str = ""
    seller: str = ""
    stall: str = ""
    language: str = "zh"
    jobs: tuple[str, ...] = ()
    clock_state: str = "unsynced"
    clock_why: ClockWhy = ClockWhy.SYNCED
    clock_asks: str = ""
    disk_free: int = 0
    trouble: str = ""
    cautions: tuple[Caution, ...] = ()
    scales: tuple[ScaleView, ...] = ()
    analyzers: tuple[AnalyzerView, ...] = ()
    products: tuple[ProductView, ...] = ()
    lots: tuple[LotView, ...] = ()
    lot_counts: dict[str, int] = field(default_factory=dict)
    unmatched: tuple[UnmatchedView, ...] = ()
    plan: tuple[tuple[str, str, str], ...] = ()
    probes: tuple[ProbeView, ...] = ()
    ports: tuple[PortView, ...] = ()
    prints: tuple[PrintView, ...] = ()
    unread: tuple[UnreadView, ...] = ()
    printers: tuple[PrinterView, ...] = ()
    city: CityView = field(default_factory=lambda: CityView(False, "", 0, 0, 0, (), ""))
    version: int = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Showing:
    """Holds the current board. Written by the core thread alone; ``watch`` callbacks run there and only signal.

    ``beat`` is the steady clock (``time.monotonic``) when the core thread last went round, at least once a second.
    Pages take the board for dead, and show no weight, when it is two seconds old; None means that nobody keeps it.
    """

    def __init__(self, board: Board | None = None) -> None:
        self.board = board or Board()
        self.beat: float | None = None
        self._watchers: tuple[Callable[[], None], ...] = ()

    def post(self, **changes: Any) -> None:
        """Replace parts of the board; nothing is signalled when nothing changed."""
        changed = {name: value for name, value in changes.items() if getattr(self.board, name) != value}
        if changed:
            self.board = replace(self.board, **changed, version=self.board.version + 1)
            for signal in self._watchers:
                signal()

    def watch(self, signal: Callable[[], None]) -> Callable[[], None]:
        """Call ``signal`` after each change; returns the function that ends it."""
        self._watchers = (*self._watchers, signal)

        def end() -> None:
            self._watchers = tuple(one for one in self._watchers if one is not signal)

        return end

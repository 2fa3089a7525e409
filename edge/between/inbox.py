"""The core thread's inbox: every message that can change the station's state.

Messages are frozen.  Whoever wants an answer wraps a command in a ``Request`` and waits on its future; the answer
comes after the commit, so an answer means *recorded*.
"""

from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Literal

from drivers.transports.adapters import Identity, Naming
from edge.between.print_states import PrinterState, PrintState, PrintWhy
from protocol.readings import Curve, Measured, TestResult, Ticket, Weighing


class Refused(Exception):
    """The station will not do this, and says why and what to do next.

    ``code`` is a fixed word for programs (``weight_changed``); the message is for the person, in ``zh`` and ``en``.
    """

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.zh = zh
        self.en = en


# --- from the ports -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Weighed:
    """A scale spoke; ``at`` is the steady clock when its last byte was read."""

    device: str
    weighing: Weighing
    at: float


@dataclass(frozen=True, slots=True)
class Tested:
    """An analyzer handed over results; and tickets and curves that a person has to read.

    ``more``: others that it handed over are still to come, in later rounds of the core.
    """

    __test__ = False  # not a pytest class

    device: str
    results: tuple[TestResult | Ticket | Curve, ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Sensed:
    """A probe measured something."""

    device: str
    measured: Measured


@dataclass(frozen=True, slots=True)
class PortChanged:
    """A port was opened or lost; ``why`` is for the technician: the newest reason.

    ``stranger`` is the device that stands where another was known: it is not read until a person confirms it.
    """

    device: str
    up: bool
    why: str = ""
    stranger: Identity | None = None


@dataclass(frozen=True, slots=True)
class PortFound:
    """Which device was opened behind a port's name, and how far the name leads to this one only."""

    device: str
    identity: Identity
    naming: Naming


@dataclass(frozen=True, slots=True)
class PortGarbage:
    """A port read bytes that are no frame; counted, and shown with the reason."""

    device: str
    why: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Stumbled:
    """A thread met what it was not made for. ``raw`` is what it had in hand, ``kind`` one of ``failed``."""

    device: str
    kind: Literal["device", "paper", "program"]
    error: BaseException
    raw: bytes = b""


# --- from pages, the local API and scenarios ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """Goods come in. ``net_g`` is grams. ``upstream`` is the 20-digit source code they came with.

    A code that this station knows stands for its lot already: refused.  What another code allows is a setting.
    Answer: ``{"test_code": …, "sample": …, "source": … or None, "whole_plant": …, "unchecked": …, "job": …}``.
    """

    product: str
    net_g: int
    origin: str
    supplier: str
    origin_code: str = ""
    supplier_code: str = ""
    plate: str = ""
    proofs: tuple[tuple[str, str], ...] = ()
    upstream: str = ""


@dataclass(frozen=True, slots=True)
class PlanChannel:
    """Say whose sample lies in a channel of an analyzer; an empty ``lot`` clears it. Answer: ``{"planned": …}``."""

    analyzer: str
    channel: str
    lot: str


@dataclass(frozen=True, slots=True)
class MatchResult:
    """A person says whose result this is: a new record that points at the old one.

    ``verdict`` (``qualified``, ``unqualified`` or ``invalid``) is what the person says of a result that no method can
    judge; ``item`` which item a ticket is of that could not be read, where the lot asks for several.
    Answer: ``{"test_code": …, "verdict": …, "source": … or None}``.
    """

    seq: int
    lot: str
    person: str
    verdict: str = ""
    item: str = ""


@dataclass(frozen=True, slots=True)
class DismissResult:
    """A person says that a waiting result is of no lot here, and why: a new record. Answer: ``{"seq": …}``."""

    seq: int
    person: str
    reason: str


@dataclass(frozen=True, slots=True)
class WholePlantDone:
    """The whole-plant extraction was done for this lot. Answer: ``{"test_code": …}``."""

    lot: str
    person: str


@dataclass(frozen=True, slots=True)
class Sell:
    """Sell what lies on the scale. ``seen_g`` is the net weight the person saw; another weight is refused.

    ``price_fen`` replaces the product's price for this sale. ``buyer`` is a 13-digit code or empty for a walk-in.
    ``tare_g`` is the container's known mass, taken off what the scale shows; ``seen_g`` is then what is left.
    ``manual_g`` is a marked exception for a scale that cannot be read: the net weight as typed, with a ``reason``.
    ``seen_fen`` is the amount the person saw; another one (the price was changed meanwhile) is refused.
    Answer: ``{"tx": …, "net_g": …, "amount_fen": …, "url": …, "left_g": …, "job": …}``; ``left_g`` is what is now left
    of the lot, below zero when more was sold than came in.
    """

    scale: str
    product: str
    lot: str
    seen_g: int | None = None
    price_fen: int | None = None
    buyer: str = ""
    buyer_name: str = ""
    tare_g: int = 0
    manual_g: int | None = None
    reason: str = ""
    seen_fen: int | None = None


@dataclass(frozen=True, slots=True)
class SetPrice:
    """Change a product's price; fen per the product's own basis. Answer: ``{"product": …, "price_fen": …}``."""

    product: str
    price_fen: int


@dataclass(frozen=True, slots=True)
class Reprint:
    """Print a paper again, marked COPY. Answer: ``{"job": …, "copy": n}``."""

    job: int


@dataclass(frozen=True, slots=True)
class ConfirmPaper:
    """A person looked: this paper did come out. Answer: ``{"job": …, "state": "confirmed"}``."""

    job: int


@dataclass(frozen=True, slots=True)
class PrintPaper:
    """Print one paper on demand. Answer: ``{"job": …, "copy": n}``.

    ``subject`` is what it is about: a trace code for the paper of a record (the lot's for ``report``, ``card``,
    ``label`` and ``hold``), a date like 2026-11-23 for ``day`` (empty is today), nothing for ``test``.  ``printer``
    names one; empty takes the first that prints such papers.
    """

    paper: str
    subject: str = ""
    printer: str = ""


@dataclass(frozen=True, slots=True)
class AskScale:
    """Tare or zero; refused unless the configuration allows writing to this scale. ``wish`` is a ``Wish`` value."""

    scale: str
    wish: str


@dataclass(frozen=True, slots=True)
class ConfirmDate:
    """A person says that the system's ``date`` (2026-11-23), as the board asks, is right.

    Answer: ``{"date": …, "clock": …}``.
    """

    date: str
    person: str


@dataclass(frozen=True, slots=True)
class ConfirmPort:
    """A person looked: the other device that stands behind this port's name is the right one.

    ``seen`` is the new device as the person saw it (``str`` of the board's ``now``); another one by now is refused.
    Answer: ``{"device": …, "now": …}``.
    """

    device: str
    person: str
    seen: str = ""


@dataclass(frozen=True, slots=True)
class SeeUnread:
    """A person has seen what could not be handled, up to this number. Answer: ``{"seen": how many}``."""

    upto: int
    person: str


@dataclass(frozen=True, slots=True)
class Recall:
    """What became of the request with this key, if it made a record.

    Answer: ``{"recorded": …, "answer": what it was answered, or None}``.
    """

    key: str


Command = (
    RegisterEntry
    | PlanChannel
    | MatchResult
    | DismissResult
    | WholePlantDone
    | Sell
    | SetPrice
    | Reprint
    | ConfirmPaper
    | PrintPaper
    | AskScale
    | ConfirmDate
    | ConfirmPort
    | SeeUnread
    | Recall
)


@dataclass(frozen=True, slots=True)
class Request:
    """A command whose answer is waited for. With a ``key`` that was seen in the last day it is not done again."""

    command: Command
    key: str = ""
    answer: "Future[dict[str, Any]]" = field(default_factory=Future)


# --- from the printers ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Printed:
    """News of a job.

    ``text`` is the paper as plain text, told once.  ``begun``: bytes of a held paper were sent; one that waits or is
    held without is not begun before the core says so (``PrintAgain``).
    """

    job: int
    state: PrintState
    why: PrintWhy
    text: str = ""
    begun: bool = False


@dataclass(frozen=True, slots=True)
class PrintAgain:
    """The printer is ready again: a paper that was ``begun`` before wants its number as a copy, one that only waited
    wants the disk to know that it does no longer."""

    job: int
    begun: bool


@dataclass(frozen=True, slots=True)
class PrinterChanged:
    """What is known of a printer now, ``why`` for the technician."""

    printer: str
    state: PrinterState
    why: str = ""
    near_end: bool = False


# --- from MQTT ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """What a broker allows: publishes without an answer, the largest packet in bytes, and QoS 0 or 1."""

    receive_maximum: int = 65_535
    packet: int = 268_435_460
    qos: int = 1


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The broker took us, or we have none. ``cause`` is a word of ``link_causes``, ``why`` is for the technician.

    ``cut``: the connection stood, and the broker ended it.
    """

    up: bool
    why: str = ""
    cause: str = ""
    limits: Limits = Limits()
    cut: bool = False


@dataclass(frozen=True, slots=True)
class BrokerAnswer:
    """The broker acknowledged publish ``mid``; ``refused`` is its reason when it did not accept it."""

    mid: int
    refused: str = ""
    code: int = 0


@dataclass(frozen=True, slots=True)
class CityMessage:
    """A message on a topic of the platform, not yet looked into. ``retained``: the broker kept it from before."""

    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """End the core thread."""


Message = (
    Weighed
    | Tested
    | Sensed
    | PortChanged
    | PortFound
    | PortGarbage
    | Stumbled
    | Request
    | Printed
    | PrintAgain
    | PrinterChanged
    | LinkChanged
    | BrokerAnswer
    | CityMessage
    | Stop
)
Inbox = SimpleQueue[Message]

"""The core thread's inbox: every message that can change the station's state.

Messages are frozen.  Whoever wants an answer wraps a command in a ``Request`` and waits on its future; the answer
comes after the commit, so an answer means *recorded*.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import field
from queue import Empty
from typing import Literal

from drivers.transports.adapters import Identity, Naming
from edge.between.board import CertificateView
from edge.between.command_table import Answer, Command
from edge.between.people import ALONE, Who
from edge.between.print_states import PrinterState, PrintState, PrintWhy
from protocol.frozen import frozen
from protocol.readings import Curve, LabelSale, Measured, Scan, TestResult, Ticket, Weighing


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


@frozen
class Weighed:
    """A scale spoke; ``at`` is the steady clock when its last byte was read."""

    device: str
    weighing: Weighing
    at: float


@frozen
class NewLoad:
    """By this weight, which was heard, lies there what continuous weighing sells; the core's word to itself."""

    weighed: Weighed


@frozen
class Tested:
    """An analyzer handed over results; and tickets and curves that a person has to read.

    ``more``: others that it handed over are still to come, in later rounds of the core.
    """

    __test__ = False  # not a pytest class

    device: str
    results: tuple[TestResult | Ticket | Curve, ...]
    more: bool = False


@frozen
class LabelSold:
    """A label scale sold something by itself; its port waits to hear that this is on the disk."""

    device: str
    sale: LabelSale


@frozen
class Sensed:
    """A probe measured something."""

    device: str
    measured: Measured


@frozen
class Scanned:
    """A code was scanned."""

    device: str
    scan: Scan


@frozen
class ScanLost:
    """No page was open that this scanner's codes go to."""

    device: str


@frozen
class PortChanged:
    """A port was opened or lost; ``why`` is for the technician: the newest reason.

    ``stranger`` is the device that stands where another was known: it is not read until a person confirms it.
    """

    device: str
    up: bool
    why: str = ""
    stranger: Identity | None = None


@frozen
class PortFound:
    """Which device was opened behind a port's name, and how far the name leads to this one only."""

    device: str
    identity: Identity
    naming: Naming


@frozen
class PortGarbage:
    """A port read bytes that are no frame; counted, and shown with the reason."""

    device: str
    why: str
    raw: bytes


@frozen
class Stumbled:
    """A thread met what it was not made for. ``raw`` is what it had in hand, ``kind`` one of ``failed``."""

    device: str
    kind: Literal["device", "paper", "program"]
    error: BaseException
    raw: bytes = b""


@frozen
class CertificateSeen:
    """What the pages are served with now, from the web's thread."""

    view: CertificateView


@frozen
class Due:
    """The time of something has come that nobody orders (``edge/jobs/timed.py``), by its name."""

    name: str


# --- from pages, the local API and scenarios ------------------------------------------------------------------------


@frozen
class Request:
    """A command whose answer is waited for, and ``who`` ordered it.

    With a ``key`` that was seen in the last day it is not done again.
    """

    command: Command
    key: str = ""
    who: Who = ALONE
    answer: "Future[Answer]" = field(default_factory=Future)


# --- from the printers ----------------------------------------------------------------------------------------------


@frozen
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


@frozen
class PrintAgain:
    """The printer is ready again: a paper that was ``begun`` before wants its number as a copy, one that only waited
    wants the disk to know that it does no longer."""

    job: int
    begun: bool


@frozen
class PrinterChanged:
    """What is known of a printer now, ``why`` for the technician."""

    printer: str
    state: PrinterState
    why: str = ""
    near_end: bool = False


# --- from MQTT ------------------------------------------------------------------------------------------------------


@frozen
class Limits:
    """What a broker allows: publishes without an answer, the largest packet in bytes, and QoS 0 or 1."""

    receive_maximum: int = 65_535
    packet: int = 268_435_460
    qos: int = 1


@frozen
class LinkChanged:
    """The broker took us, or we have none. ``cause`` is a word of ``link_causes``, ``why`` is for the technician.

    ``cut``: the connection stood, and the broker ended it.  ``broker`` is its address.
    """

    up: bool
    why: str = ""
    cause: str = ""
    limits: Limits = Limits()
    cut: bool = False
    broker: str = ""


@frozen
class BrokerAnswer:
    """The broker acknowledged publish ``mid``; ``refused`` is its reason when it did not accept it."""

    mid: int
    refused: str = ""
    code: int = 0


@frozen
class BrokerAnswers:
    """What the broker acknowledged since the last ones: one message for many, for the core thread wakes for each."""

    answers: tuple[BrokerAnswer, ...]


@frozen
class CityMessage:
    """A message on a topic of the platform, not yet looked into. ``retained``: the broker kept it from before."""

    topic: str
    payload: bytes
    retained: bool = False


@frozen
class Stop:
    """End the core thread."""


Message = (
    Weighed
    | NewLoad
    | Tested
    | LabelSold
    | Sensed
    | Scanned
    | ScanLost
    | PortChanged
    | PortFound
    | PortGarbage
    | Stumbled
    | CertificateSeen
    | Due
    | Request
    | Printed
    | PrintAgain
    | PrinterChanged
    | LinkChanged
    | BrokerAnswer
    | BrokerAnswers
    | CityMessage
    | Stop
)


class Inbox:
    """Messages in the order in which they were put; any thread may put, one gets.

    While who gets has ``patience`` with a message it is put without waking him: he looks for it when the time is up
    for which he waits. It is asked in the thread that puts, and only reads.
    """

    def __init__(self) -> None:
        self.patience: Callable[[Message], bool] | None = None
        self._messages: deque[Message] = deque()
        self._bell = threading.Lock()
        self._bell.acquire()
        self._rung = False

    def put(self, message: Message) -> None:
        self._messages.append(message)  # first: who looks has it, or is still to be asked or rung for
        patience = self.patience
        if self._rung or (patience is not None and patience(message)):
            return
        self._rung = True
        with contextlib.suppress(RuntimeError):  # another thread rang at the same moment
            self._bell.release()

    def get(self, timeout: float | None = None) -> Message:
        """The oldest message, waited for so long; raises Empty."""
        begun, left = time.monotonic(), -1.0 if timeout is None else timeout
        while not self._messages and self._bell.acquire(timeout=left):
            self._rung = False  # before the next look: what is put from now on rings again
            if timeout is not None:
                left = max(0.0, begun + timeout - time.monotonic())
        return self.get_nowait()

    def get_nowait(self) -> Message:
        try:
            return self._messages.popleft()
        except IndexError:
            raise Empty from None

    def empty(self) -> bool:
        return not self._messages

    def qsize(self) -> int:
        return len(self._messages)

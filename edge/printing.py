"""One thread a printer: renders the paper of a record and sees whether it came out.

What is printed is made from the signed record itself, so a copy says what was recorded.  A write that returned says
nothing about paper: the thread asks the printer behind its last byte, and silence is ``unknown``.
"""

import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue

from drivers.printers import PROFILES
from drivers.transports import LinkLost, Transport
from drivers.transports.printer import open_printer
from edge.board import PaperView
from edge.config import PrinterPart, StationPart
from edge.documents import document_of
from edge.inbox import Inbox, Printed, PrinterChanged
from protocol.city.envelope import kind_of
from protocol.link import Link
from protocol.printers.escpos import emit
from protocol.printers.layout import lay_out
from protocol.printers.plain import plain
from protocol.printers.status import GS_R_PAPER, read_paper

ANSWER_SECONDS = 6.0
TITLES = {"trade.completed": "交易小票", "test.result": "快检报告"}
log = logging.getLogger("printer")


@dataclass(frozen=True, slots=True)
class PaperJob:
    """A paper to print: the record's own bytes, and the number of the copy (0 for the first print)."""

    job: int
    printer: str
    body: bytes
    copy: int


def view_of(job: PaperJob) -> PaperView:
    """The paper as pages list it."""
    event = json.loads(job.body)
    title = TITLES[kind_of(event["type"])]
    return PaperView(job.job, title, event["subject"], "waiting", "", job.copy, job.printer, event["time"], "")


class Printer(threading.Thread):
    """Owns one printer. A slow or dead one delays nothing but its own papers."""

    def __init__(self, part: PrinterPart, station: StationPart, inbox: Inbox) -> None:
        super().__init__(name=f"printer {part.name}", daemon=True)
        self._part = part
        self._station = station
        self._inbox = inbox
        self._profile = PROFILES[part.profile]
        self._jobs: SimpleQueue[PaperJob | None] = SimpleQueue()
        self._transport: Transport | None = None
        self._up: bool | None = None

"""One thread a printer: renders the paper of a record and sees whether it came out.

What is printed is made from the signed record itself, so a copy says what was recorded.  A write that returned says
nothing about paper: the thread asks the printer behind its last byte, and silence is ``unknown``.
"""

import json
import logging
import threading
import time
from dataclasses import dataclass
from queue import SimpleQueue

from drivers.printers import profile
from drivers.transports import LinkLost, Transport
from drivers.transports.printer import open_printer
from edge.board import PaperView
from edge.config import PrinterPart, StationPart
from edge.documents import document_of
from edge.inbox import Inbox, Printed, PrinterChanged
from protocol.city.envelope import kind_of
from protocol.link import Link
from protocol.printers.escpos import emit
from protocol.printers.layout import Page, layout
from protocol.printers.plain import plain
from protocol.printers.status import GS_R_PAPER, PaperState, StatusReader

ANSWER_SECONDS = 5.0
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
    """The paper as pages list it, before anything is known of its printing."""
    event = json.loads(job.body)
    title = TITLES[kind_of(event["type"])]
    return PaperView(job.job, title, event["subject"], "waiting", "", job.copy, job.printer, event["time"], "")


def paper_text(job: PaperJob, station: StationPart) -> str:
    """The paper as plain text, without printing it."""
    return plain(layout(document_of(job.body, station, copy=job.copy)))


class Printer(threading.Thread):
    """Owns one printer. A slow or dead one delays nothing but its own papers."""

    def __init__(self, part: PrinterPart, station: StationPart, inbox: Inbox) -> None:
        super().__init__(name=f"printer {part.name}", daemon=True)
        self._part = part
        self._station = station
        self._inbox = inbox
        self._profile = profile(part.profile)
        self._link = Link.parse(part.link)
        self._jobs: SimpleQueue[PaperJob | None] = SimpleQueue()
        self._transport: Transport | None = None
        self._up: bool | None = None
        self._written = 0

    def put(self, job: PaperJob) -> None:
        """Queue a paper; news of it comes through the inbox as ``Printed``."""
        self._jobs.put(job)

    def stop(self) -> None:
        self._jobs.put(None)

    def run(self) -> None:
        while (job := self._jobs.get()) is not None:
            page = layout(document_of(job.body, self._station, copy=job.copy), self._profile.columns)
            self._inbox.put(Printed(job.job, "printing", "", plain(page)))
            if page.replaced:
                log.warning("job=%d characters this printer does not have: %s", job.job, "".join(page.replaced))
            try:
                state, why = self._print(page)
                self._report(True, "")
            except LinkLost as lost:
                self._let_go()
                self._report(False, str(lost))
                state, why = ("unknown", f"lost while printing: {lost}") if self._written else ("failed", str(lost))
            log.log(logging.INFO if state == "printed" else logging.WARNING, "job=%d %s: %s", job.job, state, why)
            self._inbox.put(Printed(job.job, state, why))
        self._let_go()

    def _print(self, page: Page) -> tuple[str, str]:
        """Send one paper and ask whether it came out: its state and the proof. Raises LinkLost."""
        self._written = 0
        if self._transport is None:
            self._transport = open_printer(self._part.port, self._link)
        transport = self._transport
        while transport.read(0.0):
            pass  # answers to the questions of an earlier job
        for piece in emit(page, self._profile):
            transport.write(piece)
            self._written += len(piece)
            if self._profile.delay:
                time.sleep(self._profile.delay)
        if self._part.port.startswith("file:"):
            return "printed", "written to the file"
        if self._profile.status == "none":
            return "unknown", "this printer cannot tell; look at the paper"
        answer = self._ask(transport)
        if self._part.port.startswith("tcp:"):
            self._let_go()  # many network printers serve one connection at a time
        return answer

    def _ask(self, transport: Transport) -> tuple[str, str]:
        """GS r is answered in the order of the data: an answer means that all before it was taken and acted on."""
        transport.write(GS_R_PAPER)
        until = time.monotonic() + ANSWER_SECONDS + self._written * self._link.byte_seconds
        answers = StatusReader()
        while (left := until - time.monotonic()) > 0:
            status = answers.receive(transport.read(min(left, 0.2)))
            if status.passed and status.paper is PaperState.END:
                return "failed", "paper out: put in a new roll and print the slip again"
            if status.passed:
                return "printed", f"GS r: paper {status.paper.value if status.paper else 'unknown'}"
        return "unknown", "the printer did not answer: check paper, cover and cable, then look at the slip"

    def _report(self, up: bool, why: str) -> None:
        if up != self._up:
            self._up = up
            self._inbox.put(PrinterChanged(self._part.name, up, why))

    def _let_go(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None

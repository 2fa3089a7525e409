"""Print jobs: what may become of a paper, in words that are the same in the ledger, on pages and in the API.

A job is a row, written in the same transaction as its record::

    waiting ──> printing ──> printed     how proven: process_id, gs_r, status, file
       ^           │  │
       │           │  └────> unknown     nobody can tell: silent, restart, gone, repeated, fetched, error
       │           v
       └───────── held ────> failed      why: paper, cover, cutter, hot, busy, offline, gone, error, template; late
                                │
       unknown, failed, held ───┴─────> confirmed   a person looked: it came out

A held paper is tried again by itself when the printer is ready: as it is when no byte of it had been sent, otherwise
whole, with the number of a copy that was committed before.  What only waits is written down as such, so that it comes
out unmarked after a power cut too: on the disk ``held``, or ``waiting`` with the word ``queued``, mean that no byte was
sent, and that none will be before the row, or the sector beside the ledger (``turns.py``), says otherwise.  A paper
that has waited longer than the printer's ``keep_minutes`` has failed: the buyer is gone, and a burst of old slips helps
nobody.  What a handheld prints itself waits until it is fetched, and is ``unknown`` from that moment on.
"""

from enum import StrEnum
from typing import Literal

from edge.between.words import section
from protocol.frozen import frozen


class PrintState(StrEnum):
    """What has become of a print job."""

    WAITING = "waiting"
    PRINTING = "printing"
    HELD = "held"
    PRINTED = "printed"
    UNKNOWN = "unknown"
    FAILED = "failed"
    CONFIRMED = "confirmed"


UNDONE = (PrintState.WAITING, PrintState.PRINTING, PrintState.HELD)
ASKS_A_PERSON = (PrintState.HELD, PrintState.UNKNOWN, PrintState.FAILED)


class PrinterState(StrEnum):
    """How a printer is."""

    UNKNOWN = "unknown"
    READY = "ready"
    SILENT = "silent"
    PAPER = "paper"
    COVER = "cover"
    CUTTER = "cutter"
    HOT = "hot"
    BUSY = "busy"
    OFFLINE = "offline"
    GONE = "gone"
    ERROR = "error"
    FETCHES = "fetches"  # a handheld that comes for its papers: nothing is known of its head


TAKES_PAPERS = (PrinterState.READY, PrinterState.SILENT, PrinterState.FETCHES)


class PrintWhy(StrEnum):
    """Why a print job is in its state: how it is proven, what holds it or made it fail, why nobody can tell."""

    NOTHING = ""
    UNPROVEN = "unproven"  # of a fresh row, as long as a proof: a row that grows splits its page on the disk
    QUEUED = "queued"  # of a row that only waits behind others
    PROCESS_ID = "process_id"
    GS_R = "gs_r"
    STATUS = "status"
    FILE = "file"
    PAPER = "paper"
    COVER = "cover"
    CUTTER = "cutter"
    HOT = "hot"
    BUSY = "busy"
    OFFLINE = "offline"
    GONE = "gone"
    ERROR = "error"
    LATE = "late"
    TEMPLATE = "template"
    SILENT = "silent"
    RESTART = "restart"
    REPEATED = "repeated"
    VOIDED = "voided"
    FETCHED = "fetched"


DAY, TEST_PAGE, STALL_CARD = "day", "test", "stall_card"
UNRECORDED = (DAY, TEST_PAGE, STALL_CARD)  # papers that are of no single record
DOCUMENT_NAMES = tuple(section("document"))
COPIES_BY_ITSELF = 3  # so often a paper is begun again without success; then a person decides


@frozen
class PrintJob:
    """A paper to print. ``body`` is the record's own bytes, empty for papers that are of no single record.

    ``seq`` is the record's number; for the day's summary the last record it counts.  ``detail`` is the date of a
    summary.  ``copy`` is 0 for the first print.  ``since`` is the steady clock when it was wanted.  ``waits``: the disk
    says that no byte of it was sent, so it is not begun before the core says so and gives it its ``body``.  ``mark`` is
    what was known to be wrong with its record when it was wanted.
    """

    job: int
    seq: int
    paper: str
    detail: str
    printer: str
    body: bytes
    copy: int
    since: float
    waits: bool = False
    mark: Literal["", "voided", "corrected"] = ""


def mark_of(paper: str, by: int | None) -> Literal["", "voided", "corrected"]:
    """What a paper says when a newer record (``by``) is about what is wrong with its own."""
    if by is None or paper == "void":
        return ""
    return "voided" if paper in ("slip", "ticket", "acceptance") else "corrected"

"""Print jobs: what may become of a paper, in words that are the same in the ledger, on pages and in the API.

A job is a row, written in the same transaction as its record::

    waiting ──> printing ──> printed     how proven: process_id, gs_r, status, file
       ^           │  │
       │           │  └────> unknown     nobody can tell: silent, restart, gone, repeated, error
       │           v
       └───────── held ────> failed      why: paper, cover, cutter, hot, busy, offline, gone, error, template; late
                                │
       unknown, failed, held ───┴─────> confirmed   a person looked: it came out

A held paper is tried again by itself when the printer is ready: as it is when no byte of it had been sent, otherwise
whole, with the number of a copy that was committed before.  What only waits is written down as such, so that it comes
out unmarked after a power cut too: on the disk ``held``, or ``waiting`` with the word ``queued``, mean that no byte was
sent, and that none will be before the row says otherwise.  A paper that has waited longer than the printer's
``keep_minutes`` has failed: the buyer is gone, and a burst of old slips helps nobody.
"""

from dataclasses import dataclass

WAITING, PRINTING, HELD = "waiting", "printing", "held"
PRINTED, UNKNOWN, FAILED, CONFIRMED = "printed", "unknown", "failed", "confirmed"
UNDONE = (WAITING, PRINTING, HELD)
ASKS_A_PERSON = (HELD, UNKNOWN, FAILED)
STATES = (WAITING, PRINTING, HELD, PRINTED, UNKNOWN, FAILED, CONFIRMED)

UNPROVEN = "unproven"  # the ``why`` of a fresh row, as long as a proof: a row that grows splits its page on the disk

QUEUED = "queued"  # the ``why`` of a row that only waits behind others

PROOFS = ("process_id", "gs_r", "status", "file")
CAUSES = ("paper", "cover", "cutter", "hot", "busy", "offline", "gone", "error", "late", "template")
DOUBTS = ("silent", "restart", "gone", "repeated", "error")
PRINTER_STATES = ("unknown", "ready", "silent", "paper", "cover", "cutter", "hot", "busy", "offline", "gone", "error")

READY, SILENT, GONE, PAPER, HOT, BUSY, OFFLINE = "ready", "silent", "gone", "paper", "hot", "busy", "offline"
REPEATED, LATE, TEMPLATE, ERROR = "repeated", "late", "template", "error"
DAY, TEST_PAGE = "day", "test"
PAPER_NAMES = ("slip", "ticket", "report", "card", "label", "acceptance", "hold", DAY, TEST_PAGE)
COPIES_BY_ITSELF = 3  # so often a paper is begun again without success; then a person decides


@dataclass(frozen=True, slots=True)
class PaperJob:
    """A paper to print. ``body`` is the record's own bytes, empty for papers that are of no single record.

    ``seq`` is the record's number; for the day's summary the last record it counts.  ``detail`` is the date of a
    summary.  ``copy`` is 0 for the first print.  ``since`` is the steady clock when it was wanted.  ``waits``: the disk
    says that no byte of it was sent, so it is not begun before the core says so.
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

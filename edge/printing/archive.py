"""Papers for the pages: any print job of the ledger, as text and as a picture, through a read-only connection.

Every method may be called from any thread, and none disturbs the core thread.
"""

import json
from pathlib import Path

from edge.between.print_states import PrintJob, PrintState, PrintWhy, mark_of
from edge.documents import documents_of
from edge.printing.typesetting import Typesetter
from edge.records.corrections import Corrections
from edge.records.ledger import body_of, reading
from edge.records.print_jobs import PrintJobs
from protocol.city.envelope import kind_of
from protocol.frozen import frozen
from protocol.printers.plain import plain


@frozen
class PaperOfRecord:
    """A paper of a record: printed by ``job``, or None when it never was. ``replaced``: what stands on it was voided or
    corrected since."""

    paper: str
    job: int | None
    copy: int
    state: str
    replaced: bool


class NotTaken(Exception):
    """The paper is no handheld's, or none has taken it; or it was said since what became of it."""


class Archive:
    def __init__(self, folder: Path, typesetter: Typesetter) -> None:
        self._folder = folder
        self._typesetter = typesetter

    def text(self, number: int) -> str:
        """The paper of a job as plain text; raises LookupError."""
        return plain(self._typesetter.page(self._job(number)))

    def png(self, number: int) -> bytes:
        """The paper of a job as a picture, one pixel a dot; raises LookupError, and NoFont."""
        return self._typesetter.png(self._job(number))

    def escpos(self, number: int) -> bytes:
        """The paper of a job that a handheld has taken, as its head reads it.

        Raises LookupError, NotTaken, ValueError for what cannot be laid out, and NoFont.
        """
        job, state = self._found(number)
        if state != (PrintState.UNKNOWN, PrintWhy.FETCHED):
            raise NotTaken(number)
        return b"".join(self._typesetter.pieces(self._typesetter.page(job), job.printer))

    def papers_of(self, seq: int) -> list[PaperOfRecord]:
        """The papers of a record, printed ones first; raises LookupError."""
        with reading(self._folder) as db:
            event = json.loads(body_of(db.conn, seq))
            corrections = Corrections(db.conn)
            corrected = corrections.of(seq) is not None and kind_of(event["type"]) != "trade.voided"
            printed = [
                PaperOfRecord(
                    row.paper,
                    row.job,
                    row.copy,
                    row.state,
                    corrected and corrections.of_print(seq, row.job) is None,
                )
                for row in PrintJobs(db.conn).of_record(seq)
            ]
        never = set(documents_of(kind_of(event["type"]), event["data"])) - {one.paper for one in printed}
        return printed + [PaperOfRecord(paper, None, 0, "", False) for paper in sorted(never)]

    def _job(self, number: int) -> PrintJob:
        return self._found(number)[0]

    def _found(self, number: int) -> tuple[PrintJob, tuple[str, str]]:
        """The job, its state and the word for that."""
        with reading(self._folder) as db:
            row = PrintJobs(db.conn).row(number)
            body = b"" if row is None or not row.seq or row.detail else body_of(db.conn, row.seq)
            by = Corrections(db.conn).of_print(row.seq, number) if row and body else None
        if row is None:
            raise LookupError(f"no print job {number}")
        mark = mark_of(row.paper, by)
        job = PrintJob(number, row.seq, row.paper, row.detail, row.printer, body, row.copy, 0.0, mark=mark)
        return job, (row.state, row.why)

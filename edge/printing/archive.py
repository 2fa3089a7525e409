"""Papers for the pages: any print job of the ledger, as text and as a picture, through a read-only connection.

Every method may be called from any thread, and none disturbs the core thread.
"""

from pathlib import Path

from edge.between.print_states import PrintJob
from edge.printing.typesetting import Typesetter
from edge.records.ledger import body_of, reading
from edge.records.print_jobs import PrintJobs
from protocol.printers.plain import plain


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

    def _job(self, number: int) -> PrintJob:
        with reading(self._folder) as db:
            row = PrintJobs(db.conn).row(number)
            body = b"" if row is None or not row.seq or row.detail else body_of(db.conn, row.seq)
        if row is None:
            raise LookupError(f"no print job {number}")
        return PrintJob(number, row.seq, row.paper, row.detail, row.printer, body, row.copy, 0.0)

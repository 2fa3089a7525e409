"""Papers for the pages: any print job of the ledger, as text and as a picture, through a read-only connection.

Every method may be called from any thread, and none disturbs the core thread.
"""

from pathlib import Path

from edge.ledger import open_reader
from edge.papers import PaperJob
from edge.typesetting import Typesetter
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

    def _job(self, number: int) -> PaperJob:
        db = open_reader(self._folder)
        try:
            row = db.conn.execute(
                "SELECT print_jobs.seq, paper, detail, printer, copy, body FROM print_jobs"
                " LEFT JOIN events USING (seq) WHERE job = ?",
                (number,),
            ).fetchone()
        finally:
            db.close()
        if row is None:
            raise LookupError(f"no print job {number}")
        seq, paper, detail, printer, copy, body = row
        return PaperJob(number, seq, paper, detail, printer, bytes(body or b""), copy, 0.0)

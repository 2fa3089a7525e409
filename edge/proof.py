"""Whether a paper that was sent came out, judged from what its printer says; times are handed in.

Proof is, from best to worst: the answer to a process id, which comes when the printing is complete; the answer to GS r,
which comes in the order of the data; a status without trouble, asked for when the head must be through.  A printer that
answers GS r otherwise, is well, and leaves it unanswered behind a paper has forgotten it: it was switched off, or its
line lost bytes.
"""

from edge.papers import HOT, OFFLINE, PAPER
from protocol.printers import status
from protocol.printers.profile import Status
from protocol.printers.status import PaperState, StatusReader

ASK_AGAIN_SECONDS = 1.0
FIRST_ASKED_SECONDS = 0.5
ID_SECONDS = 1.0  # a process id is waited for so long after GS r was answered: some printers do not know it
COOL_SECONDS = 120.0  # so long a paper waits under a head that is too hot


class Stopped(Exception):
    """The printer takes no more, or says that it cannot print; ``cause`` is a word of ``edge/papers.py``."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Proof:
    """One paper on its way, sent at ``now``.

    ``ability`` is what the profile says of the printer, ``orderly`` whether it did answer GS r.  The head needs
    ``head`` seconds, and answers are waited for ``patience`` seconds longer.
    """

    def __init__(self, job: int, ability: Status, *, orderly: bool, head: float, patience: float, now: float) -> None:
        self.orderly = orderly
        self.until = now + head + patience
        self._job = job
        self._with_id = ability == "process_id"
        self._by_status = ability == "dle_eot" or not orderly
        self._patience = patience
        self._start = now
        self._ask_at = now + (head if self._by_status else FIRST_ASKED_SECONDS)
        self._passed_at: float | None = None

    def due(self, now: float) -> bool:
        """Whether the printer is to be asked how it is now; answers True once in a while."""
        if now < self._ask_at:
            return False
        self._ask_at = now + ASK_AGAIN_SECONDS
        return True

    def judge(self, answers: StatusReader, now: float) -> str:
        """How the paper is proven, empty as yet. Raises Stopped when the printer says that it did not come out."""
        said = answers.status
        if status.same_process(self._job, said.processed):
            return "process_id"
        if said.passed and said.paper is PaperState.END:
            raise Stopped(PAPER)
        if said.passed and self._passed_at is None:
            self._passed_at, self.orderly = now, True
        if self._passed_at is not None and (not self._with_id or now - self._passed_at > ID_SECONDS):
            return "gs_r"
        if not answers.due and (cause := status.cause(said)):
            if cause != HOT or now >= self._start + COOL_SECONDS:
                raise Stopped(cause)
            self.until = now + self._patience  # it goes on by itself
        elif self._by_status and answers.complete:
            return "status"
        return ""

    def over(self, answers: StatusReader) -> None:
        """The time is over without a proof. Raises Stopped when it is known that the paper did not come out whole."""
        if self.orderly and answers.complete:
            raise Stopped(OFFLINE)

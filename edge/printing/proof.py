"""Whether a paper that was sent came out, judged from what its printer says; times are handed in.

Proof is, from best to worst: the answer to a process id, which comes when the printing is complete; the answer to the
GS r behind the paper, which comes in the order of the data; a status without trouble, asked for when the head must be
through, where the profile has nothing better and nobody else can be printing.  Answers are counted against questions,
so one to an older question proves nothing.  A printer that answers GS r otherwise, is well, and leaves it unanswered
behind a paper for longer than the slowest head needs has forgotten it: it was switched off, or its line lost bytes.
"""

from edge.between.print_states import PrinterState, PrintWhy
from protocol.frozen import frozen
from protocol.printers import status
from protocol.printers.profile import DOTS_PER_MM, Status
from protocol.printers.status import PaperState, StatusReader

ASK_AGAIN_SECONDS = 1.0
FIRST_ASKED_SECONDS = 0.5
ID_SECONDS = 1.0  # a process id is waited for so long after GS r was answered: some printers do not know it
COOL_SECONDS = 120.0  # so long a paper waits under a head that is too hot
SLOWEST = 10 * DOTS_PER_MM  # dot rows a second of a head that is nearly worn out


class Stopped(Exception):
    """The printer takes no more, or says that it cannot print; ``cause`` is how it is then.

    ``late``: nothing is known to be in the way, so the paper may still come out by itself.
    """

    def __init__(self, cause: PrinterState, *, late: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.late = late


@frozen
class Sent:
    """A paper, or a part of one, as it was sent.

    ``behind`` is the number of the GS r behind it, 0 when none was sent; ``process`` its process id, or None.  The head
    needs ``head`` seconds for its ``dots`` rows, as the profile reckons.
    """

    dots: int
    head: float
    behind: int = 0
    process: int | None = None


class Proof:
    """One paper on its way, sent at ``now``.

    ``ability`` is what the profile says of the printer, ``orderly`` whether it did answer GS r, ``alone`` that nobody
    else prints there.  Answers are waited for ``patience`` seconds beyond the head; as long as an orderly printer says
    that it is well, for the slowest head and ``more`` seconds.
    """

    def __init__(
        self,
        sent: Sent,
        ability: Status,
        *,
        orderly: bool,
        alone: bool,
        patience: float,
        now: float,
        more: float = 0.0,
    ) -> None:
        self.orderly = orderly
        self.until = now + sent.head + patience
        self._sent = sent
        self._by_status = ability == "dle_eot" and alone
        self._patience = patience
        self._start = now
        self._longest = now + max(sent.head, sent.dots / SLOWEST) + patience + more
        self._ask_at = now + (sent.head if self._by_status else FIRST_ASKED_SECONDS)
        self._passed_at: float | None = None

    def due(self, now: float) -> bool:
        """Whether the printer is to be asked how it is now; answers True once in a while."""
        if now < self._ask_at:
            return False
        self._ask_at = now + ASK_AGAIN_SECONDS
        return True

    def judge(self, answers: StatusReader, now: float) -> PrintWhy:
        """How the paper is proven, empty as yet. Raises Stopped when the printer says that it did not come out."""
        sent, said = self._sent, answers.status
        if sent.process is not None and status.same_process(sent.process, answers.processed):
            return PrintWhy.PROCESS_ID
        if sent.behind and answers.passed >= sent.behind:
            if said.paper is PaperState.END:
                raise Stopped(PrinterState.PAPER)
            if self._passed_at is None:
                self._passed_at, self.orderly = now, True
            if sent.process is None or now - self._passed_at > ID_SECONDS:
                return PrintWhy.GS_R
        if not answers.due and (cause := status.cause(said)):
            if cause != PrinterState.HOT or now >= self._start + COOL_SECONDS:
                raise Stopped(PrinterState(cause))
            self.until = self._longest = now + self._patience  # it goes on by itself
        elif not answers.due and answers.complete:
            if self._by_status:
                return PrintWhy.STATUS
            if self.orderly:  # slow, and well
                self.until = max(self.until, min(now + self._patience, self._longest))
        return PrintWhy.NOTHING

    def over(self, answers: StatusReader) -> None:
        """The time is over without a proof. Raises Stopped when it is known that the paper did not come out whole."""
        if self.orderly and answers.complete:
            raise Stopped(PrinterState.OFFLINE, late=True)

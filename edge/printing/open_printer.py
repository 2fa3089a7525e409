"""One printer as its thread sees it: opened, asked, written to, and asked again whether the paper came out.

A write that returned says nothing about paper: what proves one is in ``proof.py``.
"""

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from drivers.ticking import SteadyClock, Ticking
from drivers.transports import LinkLost
from drivers.transports.opening import open_printer
from drivers.transports.printer import PrinterTransport
from edge.between.failures import cause_of
from edge.between.print_states import TAKES_PAPERS, PrinterState, PrintState, PrintWhy
from edge.config.sections import PrinterSection
from edge.printing.pacing import Pace
from edge.printing.proof import Proof, Sent, Stopped
from protocol.link import Link
from protocol.printers import languages, status
from protocol.printers.profile import Profile
from protocol.printers.status import PaperState, StatusReader

REOPEN_SECONDS = 2.0
ASK_SECONDS = 0.4  # real-time questions are answered at once, or not at all
QUIET_SECONDS = 0.05  # an answer with nothing behind it for so long was the last one
PINGS = 2  # GS r answered at once so often, and once each: nothing stands between us and the head
STUCK_SECONDS = 5.0  # a printer that takes no byte for so long has stopped
ANSWER_SECONDS = 5.0
DEAF_SECONDS = 1.0  # one that never said anything on this opening is not waited for as long
MUTE_SECONDS = 20.0  # one that did speak and is silent now is off; after so long it is printed to all the same
OTHERS_SECONDS = 60.0  # what a printer on the network may still have to print for others
QUESTION_BYTES = 192  # of a buffer, for questions that are put while the head prints
STRANGER_SECONDS = 5.0  # a printer of which nobody knows whether it answers GS r is waited for before the first paper
log = logging.getLogger("printer")
Opener = Callable[[PrinterSection, Link], PrinterTransport]


def _open(part: PrinterSection, link: Link) -> PrinterTransport:
    return open_printer(part.port, link, part.flow)


class OpenPrinter:
    """Used by the printer's own thread only. No call blocks longer than its limits above.

    ``shared``: others print there too, over the network.  ``begun``: bytes of the paper sent last may have been taken.
    """

    def __init__(self, part: PrinterSection, ticking: Ticking | None = None, opener: Opener = _open) -> None:
        self._part = part
        self._ticking = ticking or SteadyClock()
        self._opener = opener
        self.profile = part.row()
        self._link = Link.parse(part.link)
        self._transport: PrinterTransport | None = None
        self._answers = StatusReader()
        self._echoes = False  # the line sends back what is sent
        self._spoke = False  # it has answered something since it was opened
        self._at_once: bool | None = None  # whether it answers in real time; None while nobody knows
        self._unheard = False  # it was asked in real time since it was opened, and never answered
        self._mute_since: float | None = None
        self._try_at = float("-inf")
        self._asked_at = float("-inf")
        self._rest = b""  # of a piece the printer did not take: it waits inside a command for it
        self._torn = True  # it may be inside a picture that an earlier paper left unfinished
        self._orderly: bool | None = None  # whether it answers GS r; None when that was not tried
        self._in_step = False  # nothing that was sent or asked before stands between us and the head
        self._out_of_step_since: float | None = None
        self._sent: Sent | None = None  # a paper without a proof that may still come out by itself
        self._pace: Pace | None = None
        self._window: deque[tuple[int, int, int]] = deque()  # pieces on the way: GS r behind them, bytes, dot rows
        self.state = PrinterState.UNKNOWN
        self.why = ""
        self.near_end = False
        self.shared = False
        self.begun = False
        self._written = 0

    # --- looking ----------------------------------------------------------------------------------------------------

    def look(self, *, older_than: float = 0.0, paper: bool = False) -> PrinterState:
        """Open the printer if need be and ask how it is; what was asked ``older_than`` seconds ago is not asked again.

        Answers its state, ``ready`` or ``silent`` when a paper may be sent.  Before a ``paper``, and after opening a
        printer that is ours alone, it is made sure that it is inside no command, and that no answer to an older
        question is still on its way.
        """
        now = self._ticking.now()
        fresh = self._transport is not None and self.state is PrinterState.READY and now - self._asked_at < older_than
        if fresh and (self._in_step or not paper):
            return self.state
        try:
            if self._transport is None:
                if self.state is PrinterState.GONE and now < self._try_at:
                    return self.state
                self._try_at = now + REOPEN_SECONDS
                self._transport = self._opener(self._part, self._link)
                self._opened()
            self.state = self._ask()
            if (paper or not self.shared) and self.state in TAKES_PAPERS:
                self.state = self._get_in_step()
            self.why = ""
        except LinkLost as lost:
            self._gone(lost)
        return self.state

    def rest(self) -> None:
        """A network printer serves one connection at a time: let others have it."""
        if self._transport is not None and self._transport.shared:
            self.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _opened(self) -> None:
        """What is known of a printer just opened: nothing, unless it is the one on the network that we let go."""
        transport = self._transport
        assert transport is not None
        self.shared = transport.shared
        self._answers, self._in_step, self._out_of_step_since = StatusReader(), False, None
        self._sent = None
        self._window.clear()
        if self.shared and self.state is not PrinterState.GONE:
            return
        self._spoke, self._mute_since, self._torn, self._orderly = False, None, True, None
        self._at_once, self._unheard = None, False
        self._echoes, self._pace = False, None
        self.profile = self._part.row()
        if transport.blind:
            self._pace = self._new_pace()
            self.profile = _in_small_bands(self.profile)
        self.state = PrinterState.UNKNOWN

    def _new_pace(self) -> Pace:
        return Pace(self.profile.buffer, self._link.byte_seconds, 1 / self.profile.dots_a_second)

    def _gone(self, lost: LinkLost) -> None:
        self._rest, self._torn = b"", True
        self.close()
        self.state, self.why = PrinterState.GONE, str(lost)

    def stumbled(self, error: Exception) -> PrinterState:
        """The program failed with this printer in hand: what is known of it is forgotten, and it is opened anew."""
        self._rest, self._torn = b"", True
        with contextlib.suppress(Exception):
            self.close()
        self._transport = None
        self._try_at = self._ticking.now() + REOPEN_SECONDS
        self.state, self.why = PrinterState.GONE, f"a fault of the program: {cause_of(error)}"
        return self.state

    def _ask(self) -> PrinterState:
        """How the printer is, in one word. Raises LinkLost."""
        transport = self._transport
        assert transport is not None
        self._asked_at = self._ticking.now()
        if stuck := self._push():
            return stuck
        self._answers.receive(transport.read(0.0))  # an unplugged one shows here
        if transport.out_of_paper():
            return PrinterState.PAPER
        if not self._tells or (self.state is PrinterState.SILENT and not self._spoke):
            return PrinterState.SILENT
        if self._at_once is False:
            return PrinterState.READY
        self._answers.forget()
        question = status.questions(self._answers, self.profile.language)
        if transport.write(question, ASK_SECONDS) < len(question):
            return PrinterState.OFFLINE
        said = self._listen(ASK_SECONDS)
        if not self._spoke:
            said = self._answers.receive(transport.read(QUIET_SECONDS))
        if self._answers.echoes:
            self._hear_echo()
            return PrinterState.SILENT
        if not self._answers.heard:
            self._unheard = True
            return self._silent()
        self._spoke, self._at_once, self._mute_since = True, True, None
        self.near_end = said.paper is PaperState.NEAR_END
        return PrinterState(status.cause(said) or PrinterState.READY)

    def _hear_echo(self) -> None:
        log.warning("%s: the line sends back what is sent: no answer counts; check cable and port", self._part.name)
        self._echoes, self._spoke = True, False

    @property
    def _tells(self) -> bool:
        """Whether anything it says is to be believed."""
        assert self._transport is not None
        return self._transport.tells and self.profile.status != "none" and not self._echoes

    def _listen(self, seconds: float) -> status.PrinterStatus:
        """Real-time answers until all that was asked is answered, or the time is over."""
        assert self._transport is not None
        until = self._ticking.now() + seconds
        said = self._answers.status
        while self._answers.due and (left := until - self._ticking.now()) > 0:
            said = self._answers.receive(self._transport.read(left))
        return said

    def _silent(self) -> PrinterState:
        """One that did answer before is off; one that never did cannot tell."""
        if not self._spoke:
            return PrinterState.SILENT
        now = self._ticking.now()
        self._mute_since = self._mute_since or now
        if now - self._mute_since < MUTE_SECONDS:
            return PrinterState.OFFLINE
        self._spoke = False
        return PrinterState.SILENT

    # --- before a paper ---------------------------------------------------------------------------------------------

    def _get_in_step(self) -> PrinterState:
        """Make sure that the next answer is one to the next question, and the next byte no dot. Raises LinkLost."""
        if self._in_step:
            return self.state
        if self.state is PrinterState.SILENT or self.profile.status not in ("gs_r", "process_id"):
            return self._flush() or self._in_step_as(self.state)
        if not self._pinged():
            return self._unanswered()
        if self._answers.owed:
            self._sent = None  # some of its questions were lost, and maybe the paper with them
        self._answers.write_off()
        self._orderly, self._torn = True, False
        return self._in_step_as(PrinterState.READY)

    def _in_step_as(self, state: PrinterState) -> PrinterState:
        self._in_step, self._out_of_step_since = True, None
        return state

    def _pinged(self) -> bool:
        """Whether GS r is answered at once, and with nothing behind it: older answers would come in front.

        One that is not answered is not asked again before something was heard, so that questions do not pile up.
        """
        if self._out_of_step_since is not None and self._answers.owed and not self._heard_in_order(ASK_SECONDS):
            return False
        return all(self._ping() for _ in range(PINGS))

    def _ping(self) -> bool:
        """Ask once; True when exactly one answer came, at once."""
        assert self._transport is not None
        before = self._answers.passed + self._answers.strays
        self._transport.write(self._answers.ask_in_order(), ASK_SECONDS)
        return self._heard_in_order(ASK_SECONDS) and self._answers.passed + self._answers.strays == before + 1

    def _heard_in_order(self, seconds: float) -> bool:
        """Whether an answer in order came in this time; those right behind it are taken too."""
        assert self._transport is not None
        answers, until = self._answers, self._ticking.now() + seconds
        before = answers.passed
        while answers.passed == before and (left := until - self._ticking.now()) > 0:
            answers.receive(self._transport.read(left))
        if answers.passed == before:
            return False
        while data := self._transport.read(QUIET_SECONDS):
            answers.receive(data)
        return True

    def _unanswered(self) -> PrinterState:
        """It is well and has not come to GS r: it prints something else, is inside a picture, or does not know it."""
        now = self._ticking.now()
        if self._out_of_step_since is None:
            self._out_of_step_since = now
        late = OTHERS_SECONDS if self.shared or self._sent else STRANGER_SECONDS
        limit = {True: late, None: STRANGER_SECONDS, False: 0.0}[self._orderly]
        if now - self._out_of_step_since < limit:
            return PrinterState.BUSY
        if self._torn:
            stuck, self._torn = self._flush(), False
            return stuck or (PrinterState.BUSY if self._ping() or self._answers.owed == 0 else self._in_step_without())
        return self._in_step_without()

    def _in_step_without(self) -> PrinterState:
        """Print all the same, to a printer that answers no GS r."""
        if self._orderly is not False:
            log.warning(
                "%s never answers GS r, so its papers stay unproven; if its status is proof enough: %s",
                self._part.name,
                'change = { status = "dle_eot" }',
            )
        self._orderly, self._sent = False, None
        self._answers.write_off()
        return self._in_step_as(PrinterState.READY)

    def _flush(self) -> PrinterState | None:
        """Fill up whatever picture the head may still wait for with white dots. Raises LinkLost."""
        assert self._transport is not None
        if not self._torn or not self._transport.tells:  # a file would keep it
            return None
        self._torn = False
        self._rest = bytes(self.profile.band * self.profile.dots // 8 + 8)
        return self._push()

    def _push(self) -> PrinterState | None:
        """Give the printer what it did not take, so that it is inside no command. Raises LinkLost."""
        if self._rest:
            assert self._transport is not None
            self._rest = self._rest[self._transport.write(self._rest, 1.0) :]
        return PrinterState.OFFLINE if self._rest else None

    # --- printing ---------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Bring out what an interrupted paper left, so that the whole one begins on paper of its own."""
        try:
            self._write(languages.clearing(self.profile))
        except (LinkLost, Stopped) as error:
            log.info("%s not cleared: %s", self._part.name, error)

    def send(self, pieces: Iterable[bytes]) -> None:
        """Write a paper. Raises Stopped; ``begun`` then says whether anything of it may be on paper."""
        self.begun, self._sent, self._written = False, None, 0
        try:
            for piece in pieces:
                self._send(piece)
                if self.profile.delay:
                    self._ticking.sleep(self.profile.delay)
        except LinkLost as lost:
            self._gone(lost)
            raise Stopped(PrinterState.GONE) from None
        except Stopped as stopped:
            self._stopped(stopped)
            raise

    def _send(self, piece: bytes) -> None:
        """A piece; to a printer that cannot say when its buffer is full no more than fits is on its way."""
        if not (self._pace and self._orderly):
            self._write(piece, self._pace)
            return
        size = len(piece)
        while self._window and sum(count for _, count, _ in self._window) + size > self._room:
            behind = self._window[0][0]
            if behind > self._answers.passed:
                self._await(behind)
            self._window.popleft()
        self._write(piece, self._new_pace() if size > self._room else None)
        question = self._answers.ask_in_order()
        self._write(question)
        self._window.append((self._answers.asked, size + len(question), languages.fed(piece, self.profile)))

    @property
    def _room(self) -> int:
        """Bytes of a paper that may be on their way to a printer that cannot say when its buffer is full."""
        return max(self.profile.buffer // 2, self.profile.buffer - QUESTION_BYTES)

    def _await(self, behind: int) -> None:
        """Wait until the head came to this question. Raises Stopped, LinkLost."""
        sent = Sent(sum(rows for _, _, rows in self._window), 0.0, behind)
        if not self._follow(self._proof(sent)):
            raise Stopped(PrinterState.OFFLINE)

    def _write(self, piece: bytes, pace: Pace | None = None) -> None:
        """A piece as the printer takes it; raises Stopped when it takes nothing for a while, LinkLost."""
        transport, ticking = self._transport, self._ticking
        if transport is None:
            raise LinkLost(f"{self._part.port}: not open")
        portion = pace.portion if pace else len(piece)
        rows = languages.fed(piece, self.profile) / max(1, len(piece)) if pace else 0.0
        left = piece
        while left:
            part = left[:portion]
            if pace:
                ticking.sleep(pace.wait(len(part), ticking.now()))
            try:
                taken = transport.write(part, STUCK_SECONDS)
            except LinkLost:
                self.begun = True  # nobody knows how much of this part went out
                raise
            if not taken:
                break
            left = left[taken:]
            self.begun = True
            self._written += taken
            if pace:
                pace.sent(taken, rows * taken, ticking.now())
        if left:
            self._rest = left if len(left) < len(piece) else b""
            self.state = PrinterState.OFFLINE
            raise Stopped(PrinterState.OFFLINE)

    # --- whether it came out ----------------------------------------------------------------------------------------

    def prove(self, process: int, dots: int) -> tuple[PrintState, PrintWhy]:
        """Whether the paper of ``dots`` rows that was sent last came out: its state and the word for it.

        ``process`` is a number that no other paper has.  Raises Stopped when the paper did not come out.
        """
        try:
            return self._prove(process, dots)
        except LinkLost as lost:
            self._gone(lost)
            raise Stopped(PrinterState.GONE) from None
        except Stopped as stopped:
            self._stopped(stopped)
            raise

    def came_late(self) -> PrintWhy:
        """How the paper that was given up in ``prove`` is proven after all: every question was answered since."""
        sent = self._sent
        if sent is None:
            return PrintWhy.NOTHING
        if sent.process is not None and status.same_process(sent.process, self._answers.processed):
            return PrintWhy.PROCESS_ID
        answered = self._in_step and sent.behind and self._answers.passed >= sent.behind and not self._answers.owed
        return PrintWhy.GS_R if answered else PrintWhy.NOTHING

    def _prove(self, process: int, dots: int) -> tuple[PrintState, PrintWhy]:
        transport = self._transport
        assert transport is not None
        if transport.keeps:
            return PrintState.PRINTED, PrintWhy.FILE
        if not self._tells:
            if transport.out_of_paper():
                raise Stopped(PrinterState.PAPER)
            return PrintState.UNKNOWN, PrintWhy.SILENT
        ability = self.profile.status
        self._answers.forget()
        with_id = ability == "process_id"
        if with_id:
            self._write(status.process_id(process))
        if with_id or ability == "gs_r":
            self._write(self._answers.ask_in_order())
        behind = self._answers.asked if with_id or ability == "gs_r" else 0
        sent = Sent(dots, dots / self.profile.dots_a_second, behind, process if with_id else None)
        self._sent = sent
        how = self._follow(self._proof(sent))
        if how in (PrintWhy.GS_R, PrintWhy.PROCESS_ID) and self._pace and not self._window:
            how = PrintWhy.NOTHING  # the head came to the question, and nobody knows what got lost on the way
        if how:
            return self._proven(how)
        if self._spoke and not self._answers.complete:  # it stopped, and what it has not taken stands between us and it
            self._mute_since = self._mute_since or self._ticking.now()
            raise Stopped(PrinterState.OFFLINE)
        self._sent = None
        if not self._spoke:
            self.state = PrinterState.SILENT
        return PrintState.UNKNOWN, PrintWhy.SILENT

    def _proof(self, sent: Sent) -> Proof:
        patience = ANSWER_SECONDS if self._spoke else DEAF_SECONDS
        return Proof(
            sent,
            self.profile.status,
            orderly=bool(self._orderly),
            alone=not self.shared,
            patience=patience + self._written * self._link.byte_seconds,
            now=self._ticking.now(),
            more=OTHERS_SECONDS if self.shared else 0.0,
        )

    def _follow(self, proof: Proof) -> PrintWhy:
        """Ask and listen until the paper is proven; empty when it cannot be. Raises Stopped, LinkLost."""
        transport, ticking = self._transport, self._ticking
        assert transport is not None
        while (now := ticking.now()) < proof.until:
            self._answers.receive(transport.read(min(proof.until - now, 0.1)))
            if self._answers.echoes:
                self._hear_echo()
                return PrintWhy.NOTHING
            if how := proof.judge(self._answers, ticking.now()):
                self._orderly = proof.orderly
                return how
            if proof.due(ticking.now()):
                self._write(status.questions(self._answers, self.profile.language))
        proof.over(self._answers)
        return PrintWhy.NOTHING

    def _stopped(self, stopped: Stopped) -> None:
        """The paper has stopped: what it asked may be answered late, or never."""
        self._spoke = self._spoke or self._answers.heard
        self.state = stopped.cause
        self._in_step, self._out_of_step_since = False, None
        self._window.clear()
        if not stopped.late:
            self._sent = None

    def _proven(self, how: PrintWhy) -> tuple[PrintState, PrintWhy]:
        self._spoke, self._mute_since = True, None
        if self._at_once is None and self._unheard:
            self._at_once = False  # it answers in order, so its silence in real time says nothing
        self._window.clear()
        self._sent = None
        self.near_end = self._answers.status.paper is PaperState.NEAR_END
        self.state, self._asked_at = PrinterState.READY, self._ticking.now()
        return PrintState.PRINTED, how


def _in_small_bands(profile: Profile) -> Profile:
    """With pictures in pieces of which two fit the buffer."""
    rows = (profile.buffer - QUESTION_BYTES) // 2 // -(-profile.dots // 8)
    return replace(profile, band=max(1, min(profile.band, rows)))

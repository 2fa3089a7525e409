"""One printer as its thread sees it: opened, asked, written to, and asked again whether the paper came out.

A write that returned says nothing about paper: what proves one is in ``proof.py``.
"""

import logging
import time
from collections.abc import Iterable

from drivers.transports import LinkLost
from drivers.transports.opening import open_printer
from drivers.transports.printer import PrinterTransport
from edge.config import PrinterPart
from edge.pacing import Pace
from edge.papers import GONE, OFFLINE, PRINTED, READY, SILENT, UNKNOWN
from edge.proof import Proof, Stopped
from protocol.link import Link
from protocol.printers import languages, status
from protocol.printers.status import GS_R_PAPER, PaperState, StatusReader

REOPEN_SECONDS = 2.0
ASK_SECONDS = 0.4  # real-time questions are answered at once, or not at all
STUCK_SECONDS = 5.0  # a printer that takes no byte for so long has stopped
ANSWER_SECONDS = 5.0
DEAF_SECONDS = 1.0  # one that never said anything on this opening is not waited for as long
MUTE_SECONDS = 20.0  # one that did speak and is silent now is off; after so long it is printed to all the same
log = logging.getLogger("printer")


class PrinterLink:
    """Used by the printer's own thread only. No call blocks longer than its limits above."""

    def __init__(self, part: PrinterPart) -> None:
        self._part = part
        self.profile = part.row()
        self._link = Link.parse(part.link)
        self._transport: PrinterTransport | None = None
        self._answers = StatusReader()
        self._spoke = False  # it has answered something since it was opened
        self._mute_since: float | None = None
        self._try_at = float("-inf")
        self._asked_at = float("-inf")
        self._rest = b""  # of a piece the printer did not take: it waits inside a command for it
        self._in_order = False  # it is inside no command of an earlier paper
        self._orderly = False  # it answers GS r
        self._pace: Pace | None = None
        self.state = UNKNOWN
        self.why = ""
        self.near_end = False
        self.shared = False  # with other stations, on the network
        self.written = 0

    # --- looking ----------------------------------------------------------------------------------------------------

    def look(self, *, older_than: float = 0.0) -> str:
        """Open the printer if need be and ask how it is; what was asked ``older_than`` seconds ago is not asked again.

        Answers its state, ``ready`` or ``silent`` when a paper may be sent.
        """
        now = time.monotonic()
        if self._transport is not None and self.state == READY and now - self._asked_at < older_than:
            return self.state
        try:
            if self._transport is None:
                if self.state == GONE and now < self._try_at:
                    return self.state
                self._try_at = now + REOPEN_SECONDS
                self._transport = open_printer(self._part.port, self._link, self._part.flow)
                self._opened()
            self.state = self._ask()
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
        """A printer just opened may be inside a picture that an earlier paper left unfinished."""
        assert self._transport is not None
        self.shared = self._transport.shared
        if self._transport.shared and self.state == SILENT:
            return  # the same deaf printer as at the last paper
        self._spoke, self._mute_since, self._in_order = False, None, False
        self._pace = None
        if self._transport.blind:
            self._pace = Pace(self.profile.buffer, self._link.byte_seconds, 1 / self.profile.dots_a_second)
        self.state = UNKNOWN

    def _gone(self, lost: LinkLost) -> None:
        self._rest = b""
        self.close()
        self.state, self.why = GONE, str(lost)

    def _ask(self) -> str:
        """How the printer is, in one word. Raises LinkLost."""
        transport = self._transport
        assert transport is not None
        self._asked_at = time.monotonic()
        if stuck := self._push():
            return stuck
        if not transport.tells or self.profile.status == "none" or (self.state == SILENT and not self._spoke):
            transport.read(0.0)  # an unplugged one shows here
            return SILENT
        self._answers.forget()
        question = status.questions(self._answers, self.profile.language)
        if transport.write(question, ASK_SECONDS) < len(question):
            return OFFLINE
        said = self._listen(ASK_SECONDS)
        if not self._answers.heard:
            return self._silent()
        self._spoke, self._mute_since = True, None
        self.near_end = said.paper is PaperState.NEAR_END
        return status.cause(said) or self._begin()

    def _begin(self) -> str:
        """Once after opening: a head that answers in order is inside no command; another one is brought out of it."""
        if not self._in_order and self.profile.status in ("gs_r", "process_id"):
            self._orderly = self._passes()
            if not self._orderly:
                if stuck := self._flush():
                    return stuck
                self._orderly = self._passes()
            self._in_order = True
        return READY

    def _passes(self) -> bool:
        """Whether GS r is answered. Raises LinkLost."""
        assert self._transport is not None
        self._answers.forget()
        self._transport.write(GS_R_PAPER, ASK_SECONDS)
        until = time.monotonic() + ASK_SECONDS
        while (left := until - time.monotonic()) > 0:
            if self._answers.receive(self._transport.read(left)).passed:
                return True
        return False

    def _flush(self) -> str | None:
        """Fill up whatever picture the head still waits for with white dots. Raises LinkLost."""
        self._rest = bytes(self.profile.band * self.profile.dots // 8 + 8)
        return self._push()

    def _listen(self, seconds: float) -> status.PrinterStatus:
        """Answers until all that was asked is answered, or the time is over."""
        assert self._transport is not None
        until = time.monotonic() + seconds
        said = self._answers.status
        while self._answers.due and (left := until - time.monotonic()) > 0:
            said = self._answers.receive(self._transport.read(left))
        return said

    def _silent(self) -> str:
        """One that did answer before is off; one that never did cannot tell. Raises LinkLost."""
        if not self._spoke:
            return self._flush() or SILENT
        now = time.monotonic()
        self._mute_since = self._mute_since or now
        if now - self._mute_since < MUTE_SECONDS:
            return OFFLINE
        self._spoke = False
        return SILENT

    def _push(self) -> str | None:
        """Give the printer what it did not take, so that it is inside no command. Raises LinkLost."""
        if self._rest:
            assert self._transport is not None
            self._rest = self._rest[self._transport.write(self._rest, 1.0) :]
        return OFFLINE if self._rest else None

    # --- printing ---------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Bring out what an interrupted paper left, so that the whole one begins on paper of its own."""
        try:
            self._write(languages.clearing(self.profile))
        except (LinkLost, Stopped) as error:
            log.info("%s not cleared: %s", self._part.name, error)

    def send(self, pieces: Iterable[bytes]) -> None:
        """Write a paper. ``written`` counts its bytes that the printer took. Raises Stopped."""
        self.written = 0
        try:
            for piece in pieces:
                self._write(piece)
                if self.profile.delay:
                    time.sleep(self.profile.delay)
        except LinkLost as lost:
            self._gone(lost)
            raise Stopped(GONE) from None

    def _write(self, piece: bytes) -> None:
        """A piece as the printer takes it; raises Stopped when it takes nothing for a while."""
        transport, pace = self._transport, self._pace
        if transport is None:
            raise LinkLost(f"{self._part.port}: not open")
        portion = pace.portion if pace else len(piece)
        rows = languages.fed(piece, self.profile) / max(1, len(piece))
        left = piece
        while left:
            part = left[:portion]
            if pace:
                time.sleep(pace.wait(len(part), time.monotonic()))
            taken = transport.write(part, STUCK_SECONDS)
            if not taken:
                break
            left = left[taken:]
            self.written += taken
            if pace:
                pace.sent(taken, rows * taken, time.monotonic())
        if left:
            self._rest = left if len(left) < len(piece) else b""
            self.state = OFFLINE
            raise Stopped(OFFLINE)

    def prove(self, job: int, dots: int) -> tuple[str, str]:
        """Whether the paper of ``dots`` rows that was sent last came out: its state and the word for it.

        Raises Stopped when the printer says that it did not.
        """
        try:
            return self._prove(job, dots)
        except LinkLost as lost:
            self._gone(lost)
            raise Stopped(GONE) from None

    def _prove(self, job: int, dots: int) -> tuple[str, str]:
        transport = self._transport
        assert transport is not None
        if transport.keeps:
            return PRINTED, "file"
        ability = self.profile.status
        if ability == "none" or not transport.tells:
            return UNKNOWN, SILENT
        self._answers.forget()
        if ability == "process_id":
            self._write(status.process_id(job))
        if ability in ("process_id", "gs_r"):
            self._write(GS_R_PAPER)
        start = time.monotonic()
        patience = ANSWER_SECONDS if self._spoke else DEAF_SECONDS
        proof = Proof(
            job,
            ability,
            orderly=self._orderly,
            head=dots / self.profile.dots_a_second,
            patience=patience + self.written * self._link.byte_seconds,
            now=start,
        )
        try:
            how = self._follow(proof, transport)
        except Stopped as stopped:
            self._spoke, self.state = self._spoke or self._answers.heard, stopped.cause
            raise
        self._orderly = proof.orderly
        if how:
            return self._proven(how)
        if self._spoke:  # it stopped, and what it has not taken stands between us and it
            self._mute_since = self._mute_since or start
            self.state = OFFLINE
            raise Stopped(OFFLINE)
        self.state = SILENT
        return UNKNOWN, SILENT

    def _follow(self, proof: Proof, transport: PrinterTransport) -> str:
        """Ask and listen until the paper is proven; empty when it cannot be. Raises Stopped, LinkLost."""
        while (now := time.monotonic()) < proof.until:
            self._answers.receive(transport.read(min(proof.until - now, 0.1)))
            if how := proof.judge(self._answers, now):
                return how
            if not self._answers.due and proof.due(now):
                self._write(status.questions(self._answers, self.profile.language))
        proof.over(self._answers)
        return ""

    def _proven(self, how: str) -> tuple[str, str]:
        self._spoke, self._mute_since = True, None
        self.near_end = self._answers.status.paper is PaperState.NEAR_END
        self.state, self._asked_at = READY, time.monotonic()
        return PRINTED, how

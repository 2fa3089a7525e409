"""A receipt or label printer as a device: takes ESC/POS or TSPL, answers questions, gives papers.

    printer = Printer(on_paper=papers.append)
    printer.receive(data, now); answer = printer.pending(now)

Real-time questions (DLE EOT, ``<ESC>!?``) are answered when they arrive; GS r, GS I, GS a and GS ( H when the head
comes to them.  Without paper, with the cover open, or too hot, the head stands still: what is in the buffer stays
there, and GS r is not answered.  At ``mm_per_s`` the head takes its time for the paper it feeds, and bytes wait
meanwhile.  With flow control the wire makes the host wait for room in the buffer; without it, what does not fit is
lost.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Protocol

from simulator.printer import escpos
from simulator.printer import tspl as label
from simulator.printer.printed import Paper
from simulator.printer.state import Troubles, automatic, changed, dle_eot, gs_i, gs_r, process_id, tspl_status

TEAR_SECONDS = 1.0  # a paper without a cut is torn off when nothing has come for so long
TEAR_AFTER_ANSWER = 0.1  # and sooner when the host has asked whether it came out
COOL_SECONDS = 10.0  # until a hot head has cooled
BUFFER = 64 * 1024
ENDLESS = 1 << 20
DOTS_PER_MM = 8
NEAR_END_MM = 500
LEFT_WANTING = 1000
READERS: dict[str, Callable[[int], "PaperReader"]] = {"escpos": escpos.Reader, "tspl": label.Reader}
_AT_ONCE = {
    "escpos": re.compile(rb"\x10\x04([\x01-\x04])", re.DOTALL),
    "tspl": re.compile(rb"\x1b!(\?)"),
}


class PaperReader(Protocol):
    """What a head does with the bytes of one language, a step at a time."""

    asked: list[bytes]

    @property
    def waiting(self) -> int: ...
    @property
    def fed(self) -> int: ...
    @property
    def busy(self) -> bool: ...
    def put(self, data: bytes) -> None: ...
    def step(self) -> bool: ...
    def papers(self) -> list[Paper]: ...
    def tear(self) -> list[Paper]: ...


class Printer:
    """See the module. ``on_paper`` gets each paper when it is cut or torn off; ``lost`` counts bytes without room."""

    def __init__(
        self,
        on_paper: Callable[[Paper], None],
        *,
        dots: int = 384,
        cutter: bool = False,
        buffer: int = BUFFER,
        flow: bool = True,
        roll_mm: float | None = None,
        mm_per_s: float | None = None,
        answers: str = "process_id",
        keeps: bool = True,
        language: str = "escpos",
        late_s: float = 0.0,
        echoes: bool = False,
    ) -> None:
        """``buffer`` bytes wait for the head at most; the roll has ``roll_mm`` of paper, None is without end.

        The other words are those of ``Troubles``.
        """
        self.lost = 0
        self._on_paper = on_paper
        self._dots = dots
        self._cutter = cutter
        self._size = buffer
        self._flow = flow
        self._roll = None if roll_mm is None else roll_mm * DOTS_PER_MM
        self._left = self._roll
        self._language = language
        self._troubles = Troubles(mm_per_s=mm_per_s, answers=answers, keeps=keeps, late_s=late_s, echoes=echoes)
        self._on = True
        self._now = float("-inf")
        self._free_at = float("-inf")  # the head is busy until then
        self._cool_at: float | None = None
        self._forget()

    def _forget(self) -> None:
        """As at power-up: an empty buffer, no modes, no questions."""
        self._reader = READERS[self._language](self._dots)
        self._starved = True  # the head waits for more bytes
        self._last = b""  # of the bytes received, for questions split between two reads
        self._out: deque[tuple[float, bytes]] = deque()  # when it is said, and what
        self._automatic = 0
        self._tear_at: float | None = None

    # --- what people do to it -----------------------------------------------------------------------------------------

    @property
    def troubles(self) -> Troubles:
        return self._troubles

    def trouble(self, now: float, **changes: Any) -> None:
        """Change what is wrong: ``printer.trouble(now, paper_out=True)``. With new paper the head goes on.

        An overheated head recovers by itself after COOL_SECONDS; paper after a roll has ended is another such roll.
        Raises TypeError or ValueError for what cannot be.
        """
        self._work(now)
        if changes.get("paper_out") is False and self._left is not None and self._left <= 0:
            self._left = self._roll
            changes.setdefault("near_end", False)
        was_offline = self._troubles.offline
        self._change(**changes)
        if "overheated" in changes:
            self._cool_at = now + COOL_SECONDS if changes["overheated"] else None
        if was_offline:
            self._free_at = max(self._free_at, now)
        self._work(now)

    def new_roll(self, now: float, mm: float | None = None) -> None:
        """Paper again, ``mm`` of it: the head goes on with what is in its buffer."""
        self._work(now)
        self._roll = self._left = None if mm is None else mm * DOTS_PER_MM
        self.trouble(now, paper_out=False, near_end=False)

    def power(self, now: float, on: bool) -> None:
        """Off, it forgets buffer, modes and questions, and hears nothing; the paper that hangs out is torn off."""
        self._work(now)
        if on == self._on:
            return
        if not on:
            self._give(self._reader.tear())
            self._forget()
        self._on, self._free_at = on, now

    def leave_half(self, now: float, wanting: int = LEFT_WANTING) -> None:
        """As after a job that broke off: the head is inside a picture that still wants so many bytes."""
        row = self._dots // 8
        rows = min(0xFFFF, -(-wanting // row))
        head = b"\x1dv0\x00%c\x00" % row + rows.to_bytes(2, "little")
        if self._language == "tspl":
            head = b"BITMAP 0,0,%d,%d,0," % (row, rows)
        if self._on:
            self._take(head + bytes(max(0, row * rows - wanting)), now)

    # --- what the wire does -------------------------------------------------------------------------------------------

    def room(self, now: float) -> int:
        """How many bytes it takes now; with flow control the wire makes the host wait for room."""
        self._work(now)
        return max(0, self._size - self._held) if self._on and self._flow else ENDLESS

    def receive(self, data: bytes, now: float) -> None:
        if not self._on:
            return
        self._work(now)
        if self._troubles.echoes:
            self._out.append((now, data))
        start, before = 0, self._last
        for found in _AT_ONCE[self._language].finditer(before + data):
            question = max(0, found.start() - len(before))
            self._take(data[start:question], now)
            self._answer_at_once(found[1][0], now)
            start = found.end() - len(before)
            self._take(data[question:start], now)
        self._take(data[start:], now)
        self._last = (before + data)[-2:]

    def pending(self, now: float) -> bytes:
        self._work(now)
        if self._tear_at is not None and now >= self._tear_at:
            self._tear_at = None
            self._give(self._reader.tear())
        out = bytearray()
        while self._out and self._out[0][0] <= now:
            out += self._out.popleft()[1]
        return bytes(out)

    def deadline(self, now: float) -> float | None:
        """When the head is free again, has cooled, a paper is torn off, or an answer is said."""
        times = [time for time in (self._cool_at, self._tear_at) if time is not None]
        times += [at for at, _ in self._out]
        if not self._starved and self._on and not self._troubles.offline:
            times.append(self._free_at)
        return min(times, default=None)

    # --- the head -----------------------------------------------------------------------------------------------------

    @property
    def _held(self) -> int:
        """Bytes in the buffer. Half a command is not: the head has taken it."""
        return 0 if self._starved else self._reader.waiting

    def _take(self, data: bytes, now: float) -> None:
        """Bytes come into the buffer, as far as there is room, while the head works."""
        while data:
            space = len(data) if self._flow else self._size - self._held
            if space <= 0:
                self.lost += len(data)
                return
            if self._starved:
                self._free_at = max(self._free_at, now)
            self._reader.put(data[:space])
            self._starved = False
            self._tear_at = None
            data = data[space:]
            self._work(now)

    def _work(self, now: float) -> None:
        """Let the head do what it has had time for."""
        self._now = now
        if self._cool_at is not None and now >= self._cool_at:
            self._free_at = max(self._free_at, self._cool_at)
            self._cool_at = None
            self._change(overheated=False)
        asked, moved = False, False
        while self._on and not self._starved and not self._troubles.offline and self._free_at <= now:
            before = self._reader.fed
            if not self._reader.step():
                self._starved = True
                break
            moved = True
            self._give(self._reader.papers())
            asked = self._answer_in_order() or asked
            self._feed(self._reader.fed - before)
        if moved or self._tear_at is None:
            hangs = self._starved and self._reader.busy and not self._troubles.offline
            wait = TEAR_AFTER_ANSWER if asked else TEAR_SECONDS
            self._tear_at = max(now, self._free_at) + wait if hangs else None

    def _feed(self, dots: int) -> None:
        """So many dot rows of paper go by: that takes time, and the roll may end."""
        if not dots:
            return
        if self._troubles.mm_per_s:
            self._free_at += dots / DOTS_PER_MM / self._troubles.mm_per_s
        if self._left is None:
            return
        self._left -= dots
        if self._left <= 0:
            self._give(self._reader.tear())  # what hangs out of the printer
            self._change(paper_out=True)
        elif self._left < NEAR_END_MM * DOTS_PER_MM:
            self._change(near_end=True)

    def _change(self, **changes: Any) -> None:
        """Something is different: said by automatic status, if that is wanted."""
        before = self._troubles
        self._troubles = replace(before, **changes)
        if changed(before, self._troubles) & self._automatic:
            self._say("gs_r", automatic(self._troubles))
        if self._troubles.paper_out and not before.paper_out and not self._troubles.keeps:
            self._give(self._reader.tear())
            self._reader = READERS[self._language](self._dots)
            self._starved = True

    def _give(self, papers: Iterable[Paper]) -> None:
        for paper in papers:
            self._on_paper(paper)

    # --- answers ------------------------------------------------------------------------------------------------------

    def _say(self, kind: str, answer: bytes) -> None:
        if self._on and self._troubles.can(kind) and answer:
            self._out.append((self._now + self._troubles.late_s, answer))

    def _answer_at_once(self, number: int, now: float) -> None:
        self._work(now)
        busy = self._held > 0 or self._free_at > now
        if busy and self._troubles.idle_only:
            return
        if self._language == "tspl":
            self._say("dle_eot", tspl_status(self._troubles, busy))
        else:
            self._say("dle_eot", dle_eot(self._troubles, number))

    def _answer_in_order(self) -> bool:
        """The questions the head came to; whether there were any."""
        asked, self._reader.asked = self._reader.asked, []
        for question in asked:
            kind, n = question[1:2], question[2]
            if kind == b"(":
                self._say("process_id", process_id(question[3:]))
            elif kind == b"r":
                self._say("gs_r", gs_r(self._troubles, n))
            elif kind == b"I":
                self._say("gs_r", gs_i(n, self._cutter))
            else:
                self._automatic = n
                self._say("gs_r", automatic(self._troubles) if n else b"")
        return bool(asked)

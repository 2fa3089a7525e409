"""A receipt printer as a device: takes ESC/POS, answers questions, gives papers.

    printer = Printer(on_paper=papers.append)
    printer.receive(data, now); answer = printer.pending(now)

DLE EOT is answered when it arrives, GS r and GS I when the head comes to them. Without paper or with the cover open
the head stands still: what is in the buffer stays there, and GS r is not answered.  ``seconds_per_byte`` makes the head
slow; ``silent`` makes the printer one of those that never answer.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Self

from drivers.glyphs import find_font
from simulator.line import Line, Plug
from simulator.paper import Paper, Reader
from simulator.picture import draw
from simulator.script import Command, Say, lead, number, only

TEAR_SECONDS = 1.0  # a paper without a cut is torn off when nothing has come for so long
TEAR_AFTER_ANSWER = 0.1  # and sooner when the host has asked whether it came out
PORTION = 64  # bytes a slow head takes at a time
BUFFER = 64 * 1024
DOTS_PER_MM = 8
NEAR_END_MM = 500
MODEL = "marketsim"
FIRMWARE = "1.0"
_AT_ONCE = re.compile(rb"\x10\x04([\x01-\x04])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Troubles:
    """What is wrong with the printer, and how much it can say: dle_eot, gs_r (with it), process_id (with both)."""

    paper_out: bool = False
    near_end: bool = False
    cover_open: bool = False
    cutter_jam: bool = False
    silent: bool = False
    seconds_per_byte: float = 0.0
    answers: str = "process_id"

    @property
    def offline(self) -> bool:
        return self.paper_out or self.cover_open or self.cutter_jam


class Printer:
    """See the module. ``on_paper`` gets each paper when it is cut or torn off."""

    def __init__(
        self,
        on_paper: Callable[[Paper], None],
        *,
        dots: int = 384,
        cutter: bool = False,
        buffer: int = BUFFER,
        roll_mm: float | None = None,
    ) -> None:
        """``buffer`` bytes wait for the head at most; the roll has ``roll_mm`` of paper, None is without end."""
        self._on_paper = on_paper
        self._room = buffer
        self._left = None if roll_mm is None else roll_mm * DOTS_PER_MM
        self._automatic = 0
        self._reader = Reader(dots)
        self._cutter = cutter
        self._troubles = Troubles()
        self._buffer = bytearray()
        self._last = b""  # of the bytes received, for commands split between two reads
        self._out = bytearray()
        self._busy_since = 0.0  # the head has spent the time before this on bytes that are no longer in the buffer
        self._tear_at: float | None = None

    @property
    def troubles(self) -> Troubles:
        return self._troubles

    def trouble(self, now: float, **changes: bool | float) -> None:
        """Change what is wrong: ``printer.trouble(now, paper_out=True)``. With new paper the head goes on."""
        self._work(now)
        was_offline, before = self._troubles.offline, self._troubles
        self._troubles = replace(self._troubles, **changes)  # type: ignore[arg-type]  # replace checks the names
        if self._troubles != before:
            self._tell()
        if was_offline:
            self._busy_since = now
        self._work(now)

    def new_roll(self, now: float, mm: float | None = None) -> None:
        """Paper again: the head goes on with what is in its buffer."""
        self._left = None if mm is None else mm * DOTS_PER_MM + self._reader.fed
        self.trouble(now, paper_out=False, near_end=False)

    def room(self, now: float) -> int:
        """How many bytes fit the buffer; without room the wire makes the host wait."""
        self._work(now)
        return max(0, self._room - len(self._buffer))

    def receive(self, data: bytes, now: float) -> None:
        seen = self._last + data
        for found in _AT_ONCE.finditer(seen):
            self._answer(bytes((self._status(found[1][0]),)))
        self._last = seen[-2:]
        if not self._buffer:
            self._busy_since = now
        self._buffer += data
        self._work(now)

    def pending(self, now: float) -> bytes:
        self._work(now)
        if self._tear_at is not None and now >= self._tear_at:
            self._tear_at = None
            self._give(self._reader.finish())
        out = bytes(self._out)
        self._out.clear()
        return out

    def deadline(self, now: float) -> float | None:
        if self._buffer and not self._troubles.offline:
            return self._busy_since + self._troubles.seconds_per_byte * min(len(self._buffer), PORTION)
        return self._tear_at

    def _work(self, now: float) -> None:
        """Let the head do what it has had time for."""
        if self._troubles.offline or not self._buffer:
            return
        slow = self._troubles.seconds_per_byte
        count = min(len(self._buffer), int((now - self._busy_since) / slow + 1e-6) if slow else len(self._buffer))
        if count == 0:
            return
        self._busy_since += count * slow
        self._print(count)
        asked, self._reader.asked = self._reader.asked, []
        for question in asked:
            self._answer(self._reply(question))
        if self._buffer or not self._reader.busy:
            self._tear_at = None
        else:
            self._tear_at = now + (TEAR_AFTER_ANSWER if asked else TEAR_SECONDS)

    def _print(self, count: int) -> None:
        """So many bytes go to the head, a few at a time where the roll may end under it."""
        step = count if self._left is None else 32
        for _ in range(0, count, step):
            part = bytes(self._buffer[:step])
            del self._buffer[:step]
            self._give(self._reader.feed(part))
            if self._left is not None and self._reader.fed >= self._left:
                self._give(self._reader.finish())  # what hangs out of the printer; the rest comes on the new roll
                self._troubles = replace(self._troubles, paper_out=True)
                self._tell()
                return
        if self._left is not None and self._left - self._reader.fed < NEAR_END_MM * DOTS_PER_MM:
            self._troubles = replace(self._troubles, near_end=True)

    def _tell(self) -> None:
        """Automatic status (GS a): four bytes at each change."""
        now = self._troubles
        if self._automatic:
            first = 0x10 | 0x08 * now.offline | 0x20 * now.cover_open
            self._answer(bytes((first, 0x08 * now.cutter_jam, 0x03 * now.near_end | 0x0C * now.paper_out, 0)))

    def _give(self, papers: Iterable[Paper]) -> None:
        for paper in papers:
            self._on_paper(paper)

    def _answer(self, data: bytes) -> None:
        if not self._troubles.silent:
            self._out += data

    def _status(self, number: int) -> int:
        """One byte 0xx1xx10."""
        now = self._troubles
        bits = {
            1: 0x08 * now.offline,
            2: 0x04 * now.cover_open | 0x20 * now.paper_out | 0x40 * now.cutter_jam,
            3: 0x08 * now.cutter_jam,
            4: 0x0C * now.near_end | 0x60 * now.paper_out,
        }
        return 0x12 | bits[number]

    def _reply(self, question: bytes) -> bytes:
        """To GS r n, GS I n, GS a n and GS ( H."""
        kind, n = question[1:2], question[2]
        if kind == b"(":
            return b"\x37\x22" + question[3:] + b"\x00" if self._troubles.answers == "process_id" else b""
        if kind == b"a":
            self._automatic = n
            self._tell()
            return b""
        if self._troubles.answers == "dle_eot":
            return b""
        if kind == b"r":
            return bytes((0x03 * self._troubles.near_end,)) if n in (1, 49) else b"\x00"
        if n in (1, 2, 3):
            return bytes((0x01 | 0x02 * self._cutter,)) if n == 2 else b"\x20"
        names = {65: FIRMWARE, 66: "marketedge", 67: MODEL, 68: "0", 69: "CHINA GB18030"}
        return b"\x5f" + names[n].encode() + b"\x00" if n in names else b""


class Tray:
    """Keeps each paper as files: ``0001.bin``, ``.txt``, ``.json``, ``.png``. Drawing takes its own thread's time."""

    def __init__(self, folder: Path, say: Say = lambda text: None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._say = say
        self._count = max((int(path.stem) for path in folder.glob("*.bin") if path.stem.isdecimal()), default=0)
        self._papers: SimpleQueue[Paper | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="tray", daemon=True)

    def put(self, paper: Paper) -> None:
        self._papers.put(paper)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends when all papers are kept."""
        self._papers.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (paper := self._papers.get()) is not None:
            self._count += 1
            self._say(f"paper {self._keep(paper, self._folder / f'{self._count:04d}')}")

    def _keep(self, paper: Paper, path: Path) -> Path:
        path.with_suffix(".bin").write_bytes(paper.raw)
        path.with_suffix(".txt").write_text(paper.text, encoding="utf-8")
        shown = json.dumps(paper.as_json(), ensure_ascii=False, indent=2)
        path.with_suffix(".json").write_text(shown + "\n", encoding="utf-8")
        picture = path.with_suffix(".png")
        draw(paper).save(picture)
        return picture


def run_printer(
    plug: Plug,
    out: Path,
    *,
    dots: int = 384,
    cutter: bool = False,
    script: Iterable[str] | None = None,
    say: Say = lambda text: None,
) -> None:
    """Be a printer until the script says ``quit``. Raises ScriptError, or OSError when there is no such place to be."""
    find_font()  # says at once when there is none
    with Tray(out, say) as tray, Line(Printer(tray.put, dots=dots, cutter=cutter), plug) as line:
        say(f"printer at {line.address}, papers in {out}")
        lead(line, script, _commands(line))


def _commands(line: Line[Printer]) -> dict[str, Command]:
    def switch(trouble: str, on: str, off: str) -> Command:
        def command(words: list[str]) -> None:
            word = only(words, f"{on} or {off}")
            if word not in (on, off):
                raise ValueError(f"write {on} or {off}")
            line.do(lambda printer, now: printer.trouble(now, **{trouble: word == on}))

        return command

    def speed(words: list[str]) -> None:
        rate = number(only(words, "speed BYTES_PER_SECOND, 0 for at once"))
        line.do(lambda printer, now: printer.trouble(now, seconds_per_byte=float(1 / rate) if rate > 0 else 0.0))

    return {
        "paper": switch("paper_out", "out", "in"),
        "roll": switch("near_end", "low", "full"),
        "cover": switch("cover_open", "open", "closed"),
        "cutter": switch("cutter_jam", "jammed", "free"),
        "answers": switch("silent", "off", "on"),
        "speed": speed,
    }

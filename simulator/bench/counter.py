"""A stall's counter, seen from its two cables: a scale that talks by itself, and a printer that takes at once.

Both hang on one loop in one thread, so that a moment at the scale and a moment at the printer are taken by the same
clock in the same place.  Weights are whole grams and none comes twice: a weight names its sale everywhere.
"""

import re
import select
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Self

from protocol.printers.status import GS_R_PAPER
from protocol.readings import Weighing
from protocol.scales import yaohua_tf0
from simulator.wires.line import Pty

MODEL = "yaohua-a9"
AGREE = 2
LIGHTEST, HEAVIEST, STRIDE = 300, 29_900, 7_919  # grams; the stride is prime, so weights look shuffled
PAPER_OK = b"\x00"
START, FED = b"\x1b@", b"\n" * 4  # how a slip begins, and how its paper ends
PROVEN = FED + GS_R_PAPER  # the question behind it is its end: no picture of a QR code holds these bytes
WEIGHT_ON_PAPER = re.compile(rb"([0-9]+)\.([0-9]{3}) ?kg")
EMPTY = yaohua_tf0.encode(Weighing(Decimal("0.000")))


def weights(count: int, skip: int = 0) -> list[int]:
    """``count`` different weights in grams, after the first ``skip`` of the same row."""
    span = HEAVIEST - LIGHTEST
    if skip + count > span:
        raise ValueError(f"there are only {span} different weights")
    return [LIGHTEST + (number * STRIDE) % span for number in range(skip, skip + count)]


def frame_of(grams: int) -> bytes:
    return yaohua_tf0.encode(Weighing(Decimal(grams).scaleb(-3)))


def frames(grams: int) -> tuple[bytes, ...]:
    """What the scale says during one sale: an empty pan and then the load, each until it counts as stable."""
    return (*(EMPTY,) * AGREE, *(frame_of(grams),) * AGREE)


@dataclass(slots=True)
class Counter:
    """Scale and printer between ``with`` and its end. The moments are ``time.monotonic_ns``, by weight in grams.

    ``sent``: just before the last byte of the frame that completes agreement went to the kernel.  ``paper``: when the
    first byte of that sale's slip had been read at the printer.
    """

    folder: Path
    sent: dict[int, int] = field(default_factory=dict)
    paper: dict[int, int] = field(default_factory=dict)
    slips: int = 0
    slip_bytes: int = 0
    _scale: Pty = field(init=False)
    _printer: Pty = field(init=False)
    _job: bytearray = field(default_factory=bytearray)
    _job_at: int = 0

    def __post_init__(self) -> None:
        self._scale, self._printer = Pty(self.folder / "scale"), Pty(self.folder / "printer")

    def __enter__(self) -> Self:
        self._scale.plug_in()
        self._printer.plug_in()
        return self

    def __exit__(self, *_: object) -> None:
        self._scale.pull_out()
        self._printer.pull_out()

    @property
    def scale(self) -> str:
        return self._scale.address

    @property
    def printer(self) -> str:
        return self._printer.address

    def serve(self, sales: Sequence[int], rate: float) -> None:
        """One sale after the other, ``rate`` a second, by an even beat; printing goes on meanwhile."""
        beat = 1 / rate / (2 * AGREE)
        due = time.monotonic()
        for grams in sales:
            for number, frame in enumerate(frames(grams)):
                self.rest(due)
                if number == 2 * AGREE - 1:
                    self.sent[grams] = time.monotonic_ns()
                self._scale.write(frame)
                due += beat
        self.rest(due)

    def until_printed(self, count: int, seconds: float) -> None:
        """Take paper until ``count`` slips came out, or until none came for so long; ``slips`` says.

        A machine that has other work to do prints late, and what is late is not lost.
        """
        seen, end = self.slips, time.monotonic() + seconds
        while self.slips < count and time.monotonic() < end:
            self.rest(time.monotonic() + 0.05)
            if self.slips > seen:
                seen, end = self.slips, time.monotonic() + seconds

    def rest(self, until: float) -> None:
        """Wait, and take what comes to the printer the moment it comes."""
        (file,) = self._printer.files()
        while True:
            ready, _, _ = select.select([file], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return
            self._take(self._printer.read(file))

    def _take(self, data: bytes) -> None:
        """Answer what is asked, and cut off the slips, however many came in one piece: no host waits for ever."""
        now = time.monotonic_ns()
        if START not in self._job:
            self._job_at = now
        asked = self._job.count(GS_R_PAPER)
        self._job += data
        self._printer.write(PAPER_OK * (self._job.count(GS_R_PAPER) - asked))
        while PROVEN in self._job:
            paper, _, rest = self._job.partition(PROVEN)
            self._tear(bytes(paper.rpartition(START)[2]), self._job_at)
            self._job, self._job_at = bytearray(rest), now
        if START not in self._job:
            del self._job[: None if self._job.endswith(GS_R_PAPER) else 1 - len(GS_R_PAPER)]

    def _tear(self, slip: bytes, at: int) -> None:
        """What was printed since the last start, if anything was."""
        if not slip:
            return
        self.slips += 1
        self.slip_bytes += len(START) + len(slip) + len(PROVEN)
        for grams in weights_on(slip):
            self.paper.setdefault(grams, at)


def weights_on(paper: bytes) -> Iterator[int]:
    """Grams of the weights printed on a slip."""
    for kilograms, grams in WEIGHT_ON_PAPER.findall(paper):
        yield int(kilograms) * 1000 + int(grams)

"""What a printer says about itself, and how to ask.

    10 04 n    DLE EOT n   answered at once, one byte 0xx1xx10: n = 1 printer, 2 why offline, 3 error, 4 paper
    1D 72 01   GS r 1      answered in order, behind the data sent before: one byte 0xx0xxxx, 03 near end, 0C end

    DLE EOT   bit 2           bit 3          bit 5          bit 6
       1      drawer          offline        -              -
       2      cover open      feed button    stopped: end   error
       3      -               cutter         unrecoverable  recovers by itself
       4      near end        near end       end            end

Among the answers may stand flow control (11, 13), automatic status (four bytes, the first 0xx1xx00) and blocks that
begin with 35, 37, 3B, 3D or 5F and end with NUL.  Automatic status is read too:

    ASB byte 1   bit 3 offline, bit 5 cover open
             2   bit 2 mechanical error, bit 3 cutter, bit 5 unrecoverable, bit 6 recovers by itself
             3   bits 0, 1 near end; bits 2, 3 end

Many cheap printers never answer: what nobody said is None, never "fine".  A printer without paper is offline and does
not come to GS r at all, so its silence is a hint of paper end.
Sources: DLE EOT, GS r, GS a in Bixolon SRP-350, Epson TM-T88III and TM-L60II manuals; the one byte of GS r in the
ZJ-58 and BT-532C manuals.
"""

from dataclasses import dataclass, replace
from enum import Enum

PRINTER, OFFLINE_CAUSE, ERROR_CAUSE, PAPER = 1, 2, 3, 4
GS_R_PAPER = b"\x1dr\x01"
_BLOCKS = b"\x35\x37\x3b\x3d\x5f"
_FLOW = b"\x11\x13"
_BLOCK_CAP = 256


class PaperState(Enum):
    OK = "ok"
    NEAR_END = "near_end"
    END = "end"


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """What has been said so far; None where nothing was said.

    ``cover`` is True when it is open. ``cutter`` and ``error`` are True when they failed; ``recovers`` when the
    printer goes on by itself, as after an overheated head. ``passed`` counts answers to GS r: data sent before each of
    them was taken from the buffer.
    """

    online: bool | None = None
    paper: PaperState | None = None
    cover: bool | None = None
    cutter: bool | None = None
    error: bool | None = None
    recovers: bool | None = None
    passed: int = 0

    @property
    def ready(self) -> bool | None:
        """False when something is known to be in the way, None when nothing is known."""
        bad = (
            self.online is False,
            self.paper is PaperState.END,
            self.cover is True,
            self.cutter is True,
            self.error is True,
        )
        if any(bad):
            return False
        return None if self.online is None and self.paper is None else True


def ask(number: int) -> bytes:
    """DLE EOT ``number`` (1 to 4). Never to be sent in the middle of another command."""
    if not 1 <= number <= 4:
        raise ValueError(f"DLE EOT {number}: 1 to 4 exist")
    return bytes((0x10, 0x04, number))


class StatusReader:
    """Collects answers, whatever the chunking. DLE EOT answers look alike, so they are told apart by what was asked."""

    def __init__(self) -> None:
        self.status = PrinterStatus()
        self._asked: list[int] = []
        self._partial = bytearray()

    def ask(self, number: int) -> bytes:
        """The bytes that ask; remembered, because the answer does not say which question it answers."""
        self._asked.append(number)
        return ask(number)

    def forget(self) -> None:
        """Time has passed: answers that were due will not come, and nothing said before counts any more."""
        self.status = PrinterStatus()
        self._asked.clear()
        self._partial.clear()

    def receive(self, data: bytes) -> PrinterStatus:
        for byte in data:
            self._take(byte)
        return self.status

    def _take(self, byte: int) -> None:
        if self._partial:
            self._more(byte)
        elif byte in _FLOW:
            return
        elif byte & 0x93 == 0x12:
            if self._asked:
                self.status = _dle_eot(self.status, self._asked.pop(0), byte)
        elif byte & 0x93 == 0x10 or byte in _BLOCKS:
            self._partial.append(byte)
        elif byte & 0x90 == 0x00:
            self.status = replace(self.status, paper=_gs_r(byte), passed=self.status.passed + 1)

    def _more(self, byte: int) -> None:
        block = self._partial[0] in _BLOCKS
        self._partial.append(byte)
        if block:
            if byte == 0 or len(self._partial) >= _BLOCK_CAP:
                self._partial.clear()
        elif byte & 0x90:  # not a continuation: the beginning was noise
            self._partial.clear()
            self._take(byte)
        elif len(self._partial) == 4:
            self.status = _asb(self.status, bytes(self._partial))
            self._partial.clear()


def read_paper(answer: bytes) -> PaperState | None:
    """The paper in an answer to GS r 1; None when no such answer is in these bytes."""
    return StatusReader().receive(answer).paper


def _dle_eot(status: PrinterStatus, asked: int, byte: int) -> PrinterStatus:
    match asked:
        case 1:
            return replace(status, online=not byte & 0x08)
        case 2:
            paper = PaperState.END if byte & 0x20 else status.paper
            return replace(status, cover=bool(byte & 0x04), paper=paper, error=bool(byte & 0x40))
        case 3:
            return replace(
                status,
                cutter=bool(byte & 0x08),
                error=bool(byte & 0x28) or bool(status.error),
                recovers=bool(byte & 0x40),
            )
        case _:
            end, near = byte & 0x60, byte & 0x0C
            return replace(status, paper=PaperState.END if end else PaperState.NEAR_END if near else PaperState.OK)


def _gs_r(byte: int) -> PaperState:
    return PaperState.END if byte & 0x0C else PaperState.NEAR_END if byte & 0x03 else PaperState.OK


def _asb(status: PrinterStatus, four: bytes) -> PrinterStatus:
    first, second, third, _ = four
    return replace(
        status,
        online=not first & 0x08,
        cover=bool(first & 0x20),
        cutter=bool(second & 0x08),
        error=bool(second & 0x2C),
        recovers=bool(second & 0x40),
        paper=_gs_r(third),
    )

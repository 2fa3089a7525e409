"""What a printer says about itself, and how to ask.

    10 04 n    DLE EOT n   answered at once, one byte 0xx1xx10: n = 1 printer, 2 why offline, 3 error, 4 paper
    1D 72 01   GS r 1      answered in order, behind the data sent before: one byte 0xx0xxxx, 03 near end, 0C end

    DLE EOT   bit 2           bit 3          bit 5          bit 6
       1      drawer          offline        -              -
       2      cover open      feed button    stopped: end   error
       3      -               cutter         unrecoverable  recovers by itself
       4      near end        near end       end            end

    1D 28 48 06 00 30 30 d1 d2 d3 d4   GS ( H   answered by 37 22 d1 d2 d3 d4 00 when all before it is printed
    1B 21 3F   ESC ! ?   label printers (TSPL): one byte, 00 ready, bits 0 head open, 1 jam, 2 paper out, 3 ribbon,
                         4 pause, 5 printing, 7 another error

Among the answers may stand flow control (11, 13), automatic status (four bytes, the first 0xx1xx00) and blocks that
begin with 35, 37, 3B, 3D or 5F and end with NUL.  Automatic status is read too:

    ASB byte 1   bit 3 offline, bit 5 cover open
             2   bit 2 mechanical error, bit 3 cutter, bit 5 unrecoverable, bit 6 recovers by itself
             3   bits 0, 1 near end; bits 2, 3 end

Answers say nothing of their question, so they are counted: one that nobody asked for, or that was asked for before,
proves nothing.  A line that only sends back what it hears is told by the questions among its answers.

Many cheap printers never answer: what nobody said is None, never "fine".  A printer without paper is offline and does
not come to GS r at all, so its silence is a hint of paper end.
Sources: DLE EOT, GS r, GS a in Bixolon SRP-350, Epson TM-T88III and TM-L60II manuals; the one byte of GS r in the
ZJ-58 and BT-532C manuals.
"""

from dataclasses import replace
from enum import Enum

from protocol.frozen import frozen

PRINTER, OFFLINE_CAUSE, ERROR_CAUSE, PAPER = 1, 2, 3, 4
GS_R_PAPER = b"\x1dr\x01"
TSPL_ASK = b"\x1b!?"
TSPL = 0  # in the list of what was asked
_ID_DIGITS = 94  # each of the four bytes of a process id is 20 to 7D
_BLOCKS = b"\x35\x37\x3b\x3d\x5f"
_FLOW = b"\x11\x13"
_BLOCK_CAP = 256


class PaperState(Enum):
    OK = "ok"
    NEAR_END = "near_end"
    END = "end"


@frozen
class PrinterStatus:
    """What has been said so far; None where nothing was said.

    ``cover`` is True when it is open. ``cutter`` and ``error`` are True when they failed; ``recovers`` when the
    printer goes on by itself, as after an overheated head.
    """

    online: bool | None = None
    paper: PaperState | None = None
    cover: bool | None = None
    cutter: bool | None = None
    error: bool | None = None
    recovers: bool | None = None

    @property
    def ready(self) -> bool | None:
        """False when something is known to be in the way, None when nothing is known."""
        bad = (
            self.online is False,
            self.paper is PaperState.END,
            self.cover is True,
            self.cutter is True,
            self.error is True,
            self.recovers is True,
        )
        if any(bad):
            return False
        return None if self.online is None and self.paper is None else True


def ask(number: int) -> bytes:
    """DLE EOT ``number`` (1 to 4). Never to be sent in the middle of another command."""
    if not 1 <= number <= 4:
        raise ValueError(f"DLE EOT {number}: 1 to 4 exist")
    return bytes((0x10, 0x04, number))


def cause(status: PrinterStatus) -> str | None:
    """Why nothing can be printed, in one word: paper, cover, cutter, hot, error, offline; None when nothing is known
    to be in the way. ``hot`` is any trouble that ends by itself."""
    if status.paper is PaperState.END:
        return "paper"
    if status.cover:
        return "cover"
    if status.cutter:
        return "cutter"
    if status.recovers:
        return "hot"
    if status.error:
        return "error"
    return "offline" if status.online is False else None


def process_id(number: int) -> bytes:
    """GS ( H function 48: the printer answers with this number (modulo 94 to the fourth) when it is printed."""
    return b"\x1d(H\x06\x0000" + _id_bytes(number)


def same_process(number: int, answered: int | None) -> bool:
    """Whether the answer is the one to this number's question."""
    return answered == number % _ID_DIGITS**4


def _id_bytes(number: int) -> bytes:
    return bytes(0x20 + number // _ID_DIGITS**place % _ID_DIGITS for place in (3, 2, 1, 0))


_QUESTIONS = (GS_R_PAPER, TSPL_ASK, ask(PRINTER) + ask(OFFLINE_CAUSE))  # no answer has such bytes in it


def questions(reader: "StatusReader", language: str) -> bytes:
    """What is asked in real time, in the printer's language; the reader then knows what is due.

    Answered at once or never: those asked before are given up.
    """
    reader.give_up()
    if language == "tspl":
        return reader.ask(TSPL)
    return b"".join(reader.ask(number) for number in (PRINTER, OFFLINE_CAUSE, ERROR_CAUSE, PAPER))


class StatusReader:
    """Collects answers, whatever the chunking. DLE EOT answers look alike, so they are told apart by what was asked.

    ``heard``: something was answered since ``forget``.  ``due``: how many real-time questions are not answered.

    ``asked`` counts the questions that are answered in the order of the data (GS r), ``passed`` their answers: what was
    sent before the question with number ``passed`` was taken from the buffer.  ``strays`` counts answers in order that
    nobody had asked for.  ``processed`` is the last process id whose paper is printed.  ``echoes``: the line sends back
    what was sent, so nothing it says counts.
    """

    def __init__(self) -> None:
        self.status = PrinterStatus()
        self.heard = False
        self.asked = 0
        self.passed = 0
        self.strays = 0
        self.processed: int | None = None
        self.echoes = False
        self._questions: list[int] = []
        self._partial = bytearray()
        self._tail = b""

    def ask(self, number: int) -> bytes:
        """The bytes that ask in real time; remembered, because the answer does not say which question it answers."""
        self._questions.append(number)
        return TSPL_ASK if number == TSPL else ask(number)

    def ask_in_order(self) -> bytes:
        """The bytes of GS r 1; counted."""
        self.asked += 1
        return GS_R_PAPER

    @property
    def due(self) -> int:
        return len(self._questions)

    @property
    def owed(self) -> int:
        """How many questions in order are not answered yet."""
        return self.asked - self.passed

    @property
    def complete(self) -> bool:
        """Everything that can be asked in real time was answered."""
        known = self.status
        return None not in (known.online, known.cover, known.cutter, known.paper)

    def forget(self) -> None:
        """Time has passed: nothing said before counts any more, and real-time answers that were due will not come.

        Answers in order are still owed.
        """
        self.status = PrinterStatus()
        self.heard = False
        self.give_up()
        self._partial.clear()

    def give_up(self) -> None:
        """Real-time answers that are due will not come."""
        self._questions.clear()

    def write_off(self) -> None:
        """Answers in order that are owed will never come."""
        self.asked = self.passed

    def receive(self, data: bytes) -> PrinterStatus:
        self._tail += data
        self.echoes = self.echoes or any(question in self._tail for question in _QUESTIONS)
        self._tail = self._tail[-max(map(len, _QUESTIONS)) :]
        for byte in data:
            self._take(byte)
        return self.status

    def _take(self, byte: int) -> None:
        if self._questions and self._questions[0] == TSPL:
            self._questions.pop(0)
            self.heard = True
            self.status = _tspl(self.status, byte)
        elif self._partial:
            self._more(byte)
        elif byte in _FLOW:
            return
        elif byte & 0x93 == 0x12:
            if self._questions:
                self.heard = True
                self.status = _dle_eot(self.status, self._questions.pop(0), byte)
        elif byte & 0x93 == 0x10 or byte in _BLOCKS:
            self._partial.append(byte)
        elif byte & 0x90 == 0x00:
            self._in_order(byte)

    def _in_order(self, byte: int) -> None:
        """An answer to GS r, when one is owed."""
        if not self.owed:
            self.strays += 1
            return
        self.heard = True
        self.passed += 1
        self.status = replace(self.status, paper=_gs_r(byte))

    def _more(self, byte: int) -> None:
        block = self._partial[0] in _BLOCKS
        self._partial.append(byte)
        if block:
            if byte == 0 or len(self._partial) >= _BLOCK_CAP:
                self._block(bytes(self._partial))
                self._partial.clear()
        elif byte & 0x90:  # not a continuation: the beginning was noise
            self._partial.clear()
            self._take(byte)
        elif len(self._partial) == 4:
            self.heard = True
            self.status = _asb(self.status, bytes(self._partial))
            self._partial.clear()

    def _block(self, block: bytes) -> None:
        """A process id: 37 22, four bytes, NUL. Other blocks say nothing of paper."""
        if len(block) == 7 and block.startswith(b"\x37\x22") and block.endswith(b"\0"):
            self.heard = True
            number = 0
            for digit in block[2:6]:
                number = number * _ID_DIGITS + digit - 0x20
            self.processed = number


def read_paper(answer: bytes) -> PaperState | None:
    """The paper in an answer to GS r 1; None when no such answer is in these bytes."""
    reader = StatusReader()
    reader.ask_in_order()
    return reader.receive(answer).paper


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


def _tspl(status: PrinterStatus, byte: int) -> PrinterStatus:
    return replace(
        status,
        online=not byte & 0x10,
        paper=PaperState.END if byte & 0x04 else PaperState.OK,
        cover=bool(byte & 0x01),
        cutter=False,
        error=bool(byte & 0x8A),
    )


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

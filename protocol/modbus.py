"""Modbus, as far as a station needs it: ask for registers, understand the answer, keep the turns. Nothing is written.

    RTU  question   addr  03|04  register  count  crc              numbers high byte first,
         answer     addr  03|04  bytes  words...  crc              the CRC low byte first
         exception  addr  83|84  code  crc
    TCP  the same without crc, behind   id id  00 00  length length

    01 04  00 01  00 02  20 0B           device 1: 2 input registers from 1
    01 04  04  00 2D  02 58  6B 17       45 and 600
    01 84  02  C2 C1                     no such register

Function 03 reads holding registers, 04 input registers.  pymodbus builds and checks the frames; its client is not used.

An answer does not say which registers it brings, only how many bytes.  So there is one question at a time; what comes
unasked is not looked at; and after a question that nobody answered the line is left in peace as long as the patience
lasted, so that an answer that comes late is not taken for the answer to the next question.
Sources: Modbus Application Protocol V1.1b3; Modbus over Serial Line V1.02.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from itertools import pairwise

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.framer.base import FramerBase
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from protocol.framing import Scanner
from protocol.frozen import frozen
from protocol.readings import Event, Garbage, Reply, TestResult
from protocol.session import Speaking
from protocol.table import passed_over, step

REQUESTS = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}
MAX_COUNT = 125
QUESTION_LENGTH = 5  # function, register, count
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal register",
    3: "illegal value",
    4: "device failure",
    5: "acknowledged, not ready",
    6: "busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not answer",
}
EXCEPTION = 0x80
UNIVERSAL = 0xFE
"""The address to which some makers' modules answer whatever their own is, so that one whose address nobody knows can be
read: there must be no other device on its line."""
UNASKED = "not asked for, or an answer that came too late"
TURN_SECONDS = 0.04  # silence between an answer and the next question: 3.5 characters at 1200 baud and more

Registers = Mapping[tuple[int, int], int]
"""What was read: (function, register) → 16-bit word."""


class Framing(Enum):
    RTU = "rtu"
    TCP = "tcp"


@frozen
class Block:
    """Registers that are asked for at once."""

    function: int
    register: int
    count: int

    def cells(self) -> list[tuple[int, int]]:
        return [(self.function, self.register + offset) for offset in range(self.count)]


def blocks(cells: Iterable[tuple[int, int]]) -> tuple[Block, ...]:
    """The fewest questions that ask for these (function, register) and for no others."""
    wanted = sorted(set(cells))
    starts = [0, *(at for at, (a, b) in enumerate(pairwise(wanted), 1) if b != (a[0], a[1] + 1))]
    runs = [wanted[a:b] for a, b in pairwise([*starts, len(wanted)])]
    pieces = [run[at : at + MAX_COUNT] for run in runs for at in range(0, len(run), MAX_COUNT)]
    return tuple(Block(*piece[0], len(piece)) for piece in pieces if piece)


def plan(cells: Iterable[tuple[int, int]], guard: Iterable[tuple[int, int]] = ()) -> tuple[Block, ...]:
    """Blocks for all these cells, the one with the guard's cells first."""
    watched = set(guard)
    found = blocks([*cells, *watched])
    first = next((block for block in found if watched <= set(block.cells())), None)
    if first is None:
        return (*blocks(watched), *found)
    return (first, *(block for block in found if block != first))


# --- frames ---------------------------------------------------------------------------------------------------------


_ANSWERS, _QUESTIONS = DecodePDU(is_server=False), DecodePDU(is_server=True)
_FRAMERS: Mapping[Framing, FramerBase] = {Framing.RTU: FramerRTU(_ANSWERS), Framing.TCP: FramerSocket(_ANSWERS)}


def _opened(framing: Framing, frame: bytes) -> tuple[int, int, bytes] | None:
    """Device, transaction and what is inside one whole frame; None when its check or its length does not fit."""
    if framing is Framing.RTU:
        fits = len(frame) > 4 and FramerRTU.compute_CRC(frame[:-2]).to_bytes(2, "big") == frame[-2:]
        return (frame[0], 0, frame[1:-2]) if fits else None
    fits = len(frame) > 8 and frame[2:4] == b"\0\0" and int.from_bytes(frame[4:6], "big") == len(frame) - 6
    return (frame[6], int.from_bytes(frame[:2], "big"), frame[7:]) if fits else None


def question(framing: Framing, address: int, block: Block, number: int = 0) -> bytes:
    """The bytes that ask for a block; ``number`` is the transaction's on TCP."""
    request = REQUESTS[block.function](dev_id=address, transaction_id=number, address=block.register, count=block.count)
    frame: bytes = _FRAMERS[framing].buildFrame(request)
    return frame


STRANGER = question(Framing.RTU, 1, Block(3, 0, 1))
"""Is there a device 1? Reads one register; a device without it answers with an exception, which tells as much."""


def decode(framing: Framing, frame: bytes) -> Event:
    """A whole answer: ``registers`` with its words, or ``exception``."""
    opened = _opened(framing, frame)
    said = opened and _ANSWERS.decode(opened[2])
    if opened is None or said is None:
        return Garbage(frame, "the check does not fit")
    address, number, _ = opened
    where = [("address", str(address)), ("function", str(said.function_code & ~EXCEPTION))]
    if framing is Framing.TCP:
        where.append(("number", str(number)))
    if isinstance(said, ExceptionResponse):
        meaning = EXCEPTIONS.get(said.exception_code, "unknown")
        return Reply("exception", (*where, ("code", str(said.exception_code)), ("meaning", meaning)), raw=frame)
    words = " ".join(f"{word:04x}" for word in said.registers)
    return Reply("registers", (*where, ("words", words)), raw=frame)


def words_of(reply: Reply) -> tuple[int, ...]:
    return tuple(int(word, 16) for word in (reply.get("words") or "").split())


def decoder(
    framing: Framing = Framing.RTU, expected: Callable[[int, int], bool] = lambda function, second: True
) -> Scanner:
    """Answers in a stream, of whatever device and to whatever question; ``expected`` narrows it down."""

    def length(start: bytes) -> int:
        return _body_length(start) if expected(*start) else 0

    def measure_rtu(buffer: bytes) -> int | None:
        if len(buffer) < 3:
            return 0 if len(buffer) == 2 and buffer[1] & ~EXCEPTION not in REQUESTS else None
        body = length(buffer[1:3])
        return 3 + body if body else 0

    def measure_tcp(buffer: bytes) -> int | None:
        if len(buffer) < 9:
            return 0 if len(buffer) >= 4 and buffer[2:4] != b"\0\0" else None
        body = length(buffer[7:9])
        fits = buffer[2:4] == b"\0\0" and int.from_bytes(buffer[4:6], "big") == 1 + body
        return 7 + body if body and fits else 0

    measure, look = (measure_tcp, 9) if framing is Framing.TCP else (measure_rtu, 3)
    return Scanner(measure, lambda frame: decode(framing, frame), head=b"", cap=264, look=look)


class BlockDecoder:
    """Answers of one block's size are taken for it: which registers they are does not stand in them.

    ``read`` makes events of the registers and the answer's bytes; other answers stay what they are.
    """

    def __init__(self, framing: Framing, block: Block, read: Callable[[Registers, bytes], list[Event]]) -> None:
        self._block, self._read = block, read
        self._answers = decoder(
            framing, expected=lambda function, second: function != block.function or second == 2 * block.count
        )

    def feed(self, data: bytes) -> list[Event]:
        return [event for answer in self._answers.feed(data) for event in self._events(answer)]

    def finish(self) -> list[Event]:
        return self._answers.finish()

    def _events(self, answer: Event) -> list[Event]:
        if not isinstance(answer, Reply) or answer.what != "registers":
            return [answer]
        if answer.get("function") != str(self._block.function):
            return [answer]
        return self._read(dict(zip(self._block.cells(), words_of(answer), strict=True)), answer.raw)


def _body_length(start: bytes) -> int:
    """Length of an answer from its function on, told by its first two bytes; 0 when it cannot be one."""
    function, second = start
    if function in REQUESTS and 2 <= second <= 2 * MAX_COUNT and second % 2 == 0:
        return 2 + second
    if function & EXCEPTION and function & ~EXCEPTION in REQUESTS and second in EXCEPTIONS:
        return 2
    return 0


# --- the dialogue ---------------------------------------------------------------------------------------------------


class Doing(Enum):
    """What the master waits for."""

    RESTING = "the next question's time"
    ASKING = "an answer"
    COMMIT = "what was handed over to be on disk"


class Heard(Enum):
    TIME = "time"
    SILENCE = "silence"
    EXCEPTION = "exception"
    ANSWER = "answer, more blocks to read"
    LAST = "last answer"
    RESULTS = "last answer, with results"
    COMMITTED = "committed"


class Do(Enum):
    IGNORE = "pass over"
    ASK = "question"
    NEXT = "on to the next block"
    REST = "rest, then a new round"
    GIVE_UP = "peace, then a new round"
    HOLD = "ask nothing"


TABLE = {
    (Doing.RESTING, Heard.TIME): (Do.ASK, Doing.ASKING),
    (Doing.ASKING, Heard.ANSWER): (Do.NEXT, Doing.RESTING),
    (Doing.ASKING, Heard.LAST): (Do.REST, Doing.RESTING),
    (Doing.ASKING, Heard.RESULTS): (Do.HOLD, Doing.COMMIT),
    (Doing.ASKING, Heard.EXCEPTION): (Do.REST, Doing.RESTING),
    (Doing.ASKING, Heard.SILENCE): (Do.GIVE_UP, Doing.RESTING),
    (Doing.COMMIT, Heard.COMMITTED): (Do.REST, Doing.RESTING),
    **passed_over(Do.IGNORE, dict.fromkeys((Doing.RESTING, Doing.ASKING), (Heard.COMMITTED,))),
}


class Master(Speaking):
    """Asks one device for its blocks, round after round, and hands the registers of each whole round to ``read``.

    The dialogue is ``TABLE``; a round begins ``poll`` seconds after the last one, or ``patience`` after silence.
    A round of several blocks is not of one moment.  So its first block is read once more at the end, and the round
    counts only if ``guard`` says the same of both.  After a round with results it waits until they are committed.
    """

    def __init__(
        self,
        plan: tuple[Block, ...],
        read: Callable[[Registers, bytes], list[Event]],
        *,
        address: int,
        framing: Framing,
        poll: float,
        patience: float,
        guard: Callable[[Registers], object] = lambda registers: None,
    ) -> None:
        super().__init__()
        self._plan = plan if len(plan) == 1 else (*plan, plan[0])
        self._read = read
        self._address = address
        self._framing = framing
        self._poll = poll
        self._patience = patience
        self._guard = guard
        self._scanner = decoder(framing, self._expected)
        self._number = 0
        self._doing = Doing.RESTING
        self._step = 0
        self._first: dict[tuple[int, int], int] = {}
        self._registers: dict[tuple[int, int], int] = {}
        self._raw = b""
        self.deadline: float | None = 0.0

    @property
    def doing(self) -> Doing:
        return self._doing

    def receive(self, data: bytes, now: float) -> list[Event]:
        if self._doing is not Doing.ASKING:
            return [Garbage(data, UNASKED)] if data else []
        events: list[Event] = []
        for event in self._scanner.feed(data):
            events += self._answered(event, now) if isinstance(event, Reply) else [event]
        return events

    def expired(self, now: float) -> list[Event]:
        left = self._scanner.finish()
        self._to(Heard.SILENCE if self._doing is Doing.ASKING else Heard.TIME, now)
        return left

    def committed(self, now: float) -> None:
        self._to(Heard.COMMITTED, now)

    def _answered(self, reply: Reply, now: float) -> list[Event]:
        if self._doing is not Doing.ASKING or reply.get("number") not in (None, str(self._number)):
            return [Garbage(reply.raw, UNASKED)]
        if self._address != UNIVERSAL and reply.get("address") != str(self._address):
            return [Garbage(reply.raw, f"an answer of device {reply.get('address')}, not of {self._address}")]
        if reply.what == "exception":
            self._to(Heard.EXCEPTION, now)
            return [reply]
        said = dict(zip(self._plan[self._step].cells(), words_of(reply), strict=True))
        self._raw += reply.raw
        if self._step == 0:
            self._first = said
        again = self._step > 0 and self._step == len(self._plan) - 1
        if not again:
            self._registers.update(said)
        if self._step < len(self._plan) - 1:
            self._to(Heard.ANSWER, now)
            return []
        whole = not again or self._guard(self._first) == self._guard(said)
        events = self._read(self._registers, self._raw) if whole else []
        self._to(Heard.RESULTS if any(isinstance(event, TestResult) for event in events) else Heard.LAST, now)
        return events

    def _to(self, heard: Heard, now: float) -> None:
        do, self._doing = step(TABLE, self._doing, heard)
        match do:
            case Do.ASK:
                self._number = self._number % 0xFFFF + 1
                self._out += question(self._framing, self._address, self._plan[self._step], self._number)
                self.deadline = now + self._patience
            case Do.NEXT:
                self._step += 1
                self.deadline = now + TURN_SECONDS
            case Do.REST:
                self._anew(now + self._poll)
            case Do.GIVE_UP:
                self._anew(now + self._patience)
            case Do.HOLD:
                self._anew(None)
            case Do.IGNORE:
                pass

    def _anew(self, at: float | None) -> None:
        """The next round begins then."""
        self._step = 0
        self._registers = {}
        self._raw = b""
        self.deadline = at

    def _expected(self, function: int, second: int) -> bool:
        """Can an answer that begins so be the one we wait for? Noise is full of others."""
        block = self._plan[self._step]
        return function & ~EXCEPTION == block.function and (function > EXCEPTION or second == 2 * block.count)


# --- the other side -------------------------------------------------------------------------------------------------


def decode_question(framing: Framing, frame: bytes) -> tuple[int, int, ModbusPDU] | None:
    """Device, transaction and request of one whole question; None when it is none, or none that pymodbus knows."""
    opened = _opened(framing, frame)
    if opened and opened[2][0] in REQUESTS and len(opened[2]) != QUESTION_LENGTH:
        return None
    request = opened and _QUESTIONS.decode(opened[2])
    return (opened[0], opened[1], request) if opened and request else None


def answer(framing: Framing, address: int, said: ModbusPDU, number: int = 0) -> bytes:
    """The frame of an answer, for simulated devices."""
    said.dev_id, said.transaction_id = address, number
    frame: bytes = _FRAMERS[framing].buildFrame(said)
    return frame

"""The link of ASTM E1381 / CLSI LIS1-A: characters to frames, and who may speak when.

``Blocks`` cuts the stream, ``Order`` checks the frame numbers, ``Link`` is one end of the line, either the host or the
instrument.  A link is handed the time and never reads one.

The dialogue is ``TABLE``: state, what was heard -> what to do, next state.  ``HOST`` and ``INSTRUMENT`` differ where
both ask at once.  It is drawn in ``protocol/dialogues.md``.
"""

import re
from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from protocol.framing import CUT
from protocol.frozen import frozen
from protocol.readings import Event, Garbage, Reply, TestResult
from protocol.session import Speaking
from protocol.table import passed_over, step

STX, ETX, EOT, ENQ, ACK, NAK, ETB = (bytes((code,)) for code in (0x02, 0x03, 0x04, 0x05, 0x06, 0x15, 0x17))
CR, LF = 0x0D, 0x0A
STANDARD_TEXT = 240
LONGEST_TEXT = 63_993
FRAME_CAP = LONGEST_TEXT + 7
NOISE_CAP = 256

_OUTSIDE = re.compile(rb"[\x02\x04\x05\x06\x15]")
_INSIDE = re.compile(rb"[\x02\x03\x04\x05\x17]")
_HEX = re.compile(rb"[0-9A-Fa-f]{2}")


def checksum(data: bytes) -> bytes:
    """Two upper-case hex characters: the 8-bit sum of frame number, text and ETB or ETX."""
    return f"{sum(data) & 0xFF:02X}".encode()


def frame(number: int, text: bytes, *, last: bool = True) -> bytes:
    """``STX number text ETX|ETB check CR LF``. ETX ends a message of the link, ETB says that more of it follows."""
    body = b"%d" % (number % 8) + text + (ETX if last else ETB)
    return STX + body + checksum(body) + b"\r\n"


# --- characters to blocks -------------------------------------------------------------------------------------------


@frozen
class Control:
    """One of ENQ, EOT, ACK, NAK between frames."""

    byte: bytes


@frozen
class Block:
    """A whole frame whose check is right."""

    number: int
    text: bytes
    last: bool
    raw: bytes


Token = Control | Block | Garbage


class Blocks:
    """Cuts the stream. Characters between frames that are none of the link's are Garbage, and mean nothing.

    A frame ends with its CR LF: an answer that came earlier would be lost in senders that empty their input first.
    One without CR LF is taken when ``take_rest`` says that nothing more came.
    """

    def __init__(self) -> None:
        self._frame = bytearray()
        self._check_at = 0  # where the check characters begin, once the frame's text has ended

    @property
    def ripe(self) -> bool:
        """A frame is there whole but for its CR LF."""
        return bool(self._check_at) and len(self._frame) >= self._check_at + 2

    def feed(self, data: bytes) -> list[Token]:
        tokens: list[Token] = []
        at = 0
        while at < len(data):
            if self._check_at:
                at = self._in_check(data, at, tokens)
            elif self._frame:
                at = self._in_frame(data, at, tokens)
            else:
                at = self._between(data, at, tokens)
        return tokens

    def take_rest(self) -> list[Token]:
        """Nothing came for a while: take a frame that lacks only its CR LF."""
        return [self._done()] if self.ripe else []

    def finish(self) -> list[Token]:
        """The stream has ended."""
        if not self._frame:
            return []
        return [self._done() if self.ripe else self._cut(CUT)]

    def _between(self, data: bytes, at: int, tokens: list[Token]) -> int:
        found = _OUTSIDE.search(data, at)
        end = found.start() if found else len(data)
        if data[at:end].strip(b"\r\n\x00"):
            tokens += [Garbage(data[n : min(n + NOISE_CAP, end)], "between frames") for n in range(at, end, NOISE_CAP)]
        if not found:
            return end
        if found[0] == STX:
            self._frame += STX
        else:
            tokens.append(Control(found[0]))
        return end + 1

    def _in_frame(self, data: bytes, at: int, tokens: list[Token]) -> int:
        found = _INSIDE.search(data, at)
        end = found.start() if found else len(data)
        end = min(end, at + FRAME_CAP + 1 - len(self._frame))
        self._frame += data[at:end]
        if len(self._frame) > FRAME_CAP:
            tokens.append(self._cut(f"no end of the frame within {FRAME_CAP} characters"))
        elif found and found[0] in (ETX, ETB):
            self._frame += found[0]
            self._check_at = len(self._frame)
            end += 1
        elif found:
            tokens.append(self._cut("cut: another frame or the end of the transmission came before its end"))
        return end

    def _in_check(self, data: bytes, at: int, tokens: list[Token]) -> int:
        byte, have = data[at], len(self._frame) - self._check_at
        if have < 2:
            if data[at : at + 1] in (STX, ENQ, EOT):
                tokens.append(self._cut("cut: no check characters"))
                return at
            self._frame.append(byte)
        elif have == 2 and byte == CR:
            self._frame.append(byte)
        elif byte == LF:
            self._frame.append(byte)
            tokens.append(self._done())
        elif have == 3:
            tokens.append(self._done())
            return at
        else:
            tokens.append(self._cut("no CR LF behind the check characters"))
            return at
        return at + 1

    def _done(self) -> Token:
        raw, end = bytes(self._frame), self._check_at
        self._clear()
        sent, counted = raw[end : end + 2], checksum(raw[1:end])
        if not _HEX.fullmatch(sent) or sent.upper() != counted:
            return Garbage(raw, f"check is {sent!r}, the characters give {counted!r}")
        if not b"0" <= raw[1:2] <= b"7" or end < 3:
            return Garbage(raw, "does not begin with a frame number 0 to 7")
        return Block(raw[1] - 0x30, raw[2 : end - 1], raw[end - 1 : end] == ETX, raw)

    def _cut(self, why: str) -> Garbage:
        raw = bytes(self._frame)
        self._clear()
        return Garbage(raw, why)

    def _clear(self) -> None:
        self._frame.clear()
        self._check_at = 0


class Turn(Enum):
    """What a frame's number says."""

    NEXT = "next"
    REPEAT = "repeat"
    WRONG = "wrong"


class Order:
    """Whether a frame is the next one, by its number: 1 first, then up, 0 after 7.

    Some instruments go on with 1 after 7, and some do not count at all (1, 1, 1, 4).  The check of a frame whose number
    is out of order is right, so it is only its place that is in doubt:

    * the same number with the same text is the last frame again, whose answer was lost;
    * a frame that begins a message (record H) has nothing before it that could be missing;
    * the same number with another text cannot come of a lost frame, as eight would have to be lost: this sender does
      not count, and from there on in this transmission its frames are taken as they come;
    * an instrument's own record (M) with any number is taken, except where just one frame would be missing.

    Otherwise the frame is refused, and those that go on from it: a lost order would give its results to the sample
    before.  What is taken out of order begins a record where the last one ended, and a result goes on with the sequence
    number of the one before it.

    ``_last`` is None in the middle of a stream whose beginning was not heard: then any number is the next.
    """

    def __init__(self, *, started: bool = False) -> None:
        self._last: Block | None = None
        self._started = started
        self._counts = True
        self._refused: int | None = None  # number of the frame refused last, since one was taken
        self._results = 0  # sequence number of the last result of this order

    def turn(self, block: Block) -> Turn:
        found = self._turn(block)
        if found is Turn.WRONG and (self._refused is not None or self._last is None or not self._same_number(block)):
            self._refused = block.number
        return found

    def accept(self, block: Block) -> None:
        record = _RECORD.match(block.text)
        kind = record[1] if record else b""
        if self._same_number(block) and kind != b"H":
            self._counts = False
        self._refused = None
        if kind in (b"H", b"P", b"O"):
            self._results = 0
        elif record is not None and kind == b"R":
            self._results = int(record[2] or 0)
        self._last = block

    def _turn(self, block: Block) -> Turn:
        last, record = self._last, _RECORD.match(block.text)
        if last is not None and (block.number, block.text) == (last.number, last.text):
            return Turn.REPEAT
        if record is not None and record[1] == b"H" and (last is None or _ended(last)):
            return Turn.NEXT
        if last is None:
            begins = block.number == 1 and record is None  # a message begins with H, or with what we do not know
            return Turn.NEXT if begins or not self._started else Turn.WRONG
        if self._refused is not None and block.number == (self._refused + 1) % 8:
            return Turn.WRONG  # it goes on from there
        if block.number == (last.number + 1) % 8:
            return Turn.NEXT
        if record is not None and record[1] == b"R" and int(record[2] or 0) != self._results + 1:
            return Turn.WRONG
        if (last.number, block.number) == (7, 1):
            return Turn.NEXT
        if record is None or not _ended(last) or self._refused is not None:
            return Turn.WRONG
        if not self._counts or self._same_number(block):
            return Turn.NEXT
        own = record[1] == b"M" and block.number != (last.number + 2) % 8
        return Turn.NEXT if own else Turn.WRONG

    def _same_number(self, block: Block) -> bool:
        return self._last is not None and block.number == self._last.number


_RECORD = re.compile(rb"([A-Z])[^\w\s](?:([0-9]{1,6})[^\w\s])?")


def _ended(block: Block) -> bool:
    """The record in it does not go on in the next frame."""
    return block.last or block.text.endswith(b"\r")


# --- one end of the line --------------------------------------------------------------------------------------------


class Reader(Protocol):
    """What puts the texts of the frames together."""

    def take(self, text: bytes, *, last: bool) -> list[Event] | None:
        """Events that are final with this frame; None when it cannot be taken."""
        ...

    def drop(self, why: str) -> list[Event]:
        """The transmission is over: what is unfinished is no message."""
        ...


class State(Enum):
    NEUTRAL = "neutral"
    RECEIVING = "receiving"
    HOLDING = "holding"  # results are handed over and not yet committed: the last frame is not answered
    BUSY = "busy"  # so, and the sender has given up waiting
    ASKING = "asking"  # ENQ is out
    SENDING = "sending"  # a frame is out
    WAITING = "waiting"  # before the next ENQ
    YIELDED = "yielded"  # the host after both had asked: it is the instrument's turn


class Heard(Enum):
    ENQ = "ENQ"
    EOT = "EOT"
    ACK = "ACK"
    DONE = "ACK of the last frame"
    NAK = "NAK"
    REFUSED = "NAK, once too often"
    FRAME = "good frame"
    FINAL = "good frame that makes results final"
    REPEAT = "frame heard before"
    BAD = "bad frame"
    TIMEOUT = "silence"
    COMMITTED = "committed"


class Do(Enum):
    IGNORE = "pass over"
    NOTHING = "nothing"
    START = "ACK, a new transmission"
    ACCEPT = "ACK"
    REFUSE = "NAK"
    HOLD = "no answer yet"
    END = "transmission over"
    ABANDON = "transmission broken off"
    ASK = "ENQ"
    FIRST = "first frame"
    NEXT = "next frame"
    AGAIN = "same frame"
    FINISH = "EOT, sent"
    GIVE_UP = "EOT, not sent"
    STOP = "EOT, asked to stop"
    LATER = "wait"
    COLLIDED = "wait a little"
    YIELD = "let the instrument speak"


Table = dict[tuple[State, Heard], tuple[Do, State]]

TABLE: Table = {
    (State.NEUTRAL, Heard.ENQ): (Do.START, State.RECEIVING),
    (State.NEUTRAL, Heard.TIMEOUT): (Do.ASK, State.ASKING),
    (State.RECEIVING, Heard.FRAME): (Do.ACCEPT, State.RECEIVING),
    (State.RECEIVING, Heard.FINAL): (Do.HOLD, State.HOLDING),
    (State.RECEIVING, Heard.REPEAT): (Do.ACCEPT, State.RECEIVING),
    (State.RECEIVING, Heard.BAD): (Do.REFUSE, State.RECEIVING),
    (State.RECEIVING, Heard.ENQ): (Do.START, State.RECEIVING),
    (State.RECEIVING, Heard.EOT): (Do.END, State.NEUTRAL),
    (State.RECEIVING, Heard.TIMEOUT): (Do.ABANDON, State.NEUTRAL),
    (State.HOLDING, Heard.COMMITTED): (Do.ACCEPT, State.RECEIVING),
    (State.HOLDING, Heard.EOT): (Do.END, State.BUSY),
    (State.HOLDING, Heard.ENQ): (Do.REFUSE, State.BUSY),
    (State.BUSY, Heard.ENQ): (Do.REFUSE, State.BUSY),
    (State.BUSY, Heard.COMMITTED): (Do.NOTHING, State.NEUTRAL),
    (State.ASKING, Heard.ACK): (Do.FIRST, State.SENDING),
    (State.ASKING, Heard.NAK): (Do.LATER, State.WAITING),
    (State.ASKING, Heard.TIMEOUT): (Do.GIVE_UP, State.WAITING),
    (State.SENDING, Heard.ACK): (Do.NEXT, State.SENDING),
    (State.SENDING, Heard.DONE): (Do.FINISH, State.NEUTRAL),
    (State.SENDING, Heard.NAK): (Do.AGAIN, State.SENDING),
    (State.SENDING, Heard.REFUSED): (Do.GIVE_UP, State.WAITING),
    (State.SENDING, Heard.EOT): (Do.STOP, State.WAITING),
    (State.SENDING, Heard.TIMEOUT): (Do.GIVE_UP, State.WAITING),
    (State.WAITING, Heard.ENQ): (Do.START, State.RECEIVING),
    (State.WAITING, Heard.TIMEOUT): (Do.ASK, State.ASKING),
}
PASSED_OVER: Table = passed_over(
    Do.IGNORE,
    {
        State.NEUTRAL: (Heard.EOT, Heard.ACK, Heard.NAK, Heard.BAD, Heard.COMMITTED),
        State.RECEIVING: (Heard.ACK, Heard.NAK, Heard.COMMITTED),
        State.HOLDING: (Heard.ACK, Heard.NAK, Heard.BAD),
        State.BUSY: (Heard.EOT, Heard.ACK, Heard.NAK, Heard.BAD),
        State.ASKING: (Heard.EOT, Heard.BAD, Heard.COMMITTED),
        State.SENDING: (Heard.COMMITTED,),
        State.WAITING: (Heard.EOT, Heard.ACK, Heard.NAK, Heard.BAD, Heard.COMMITTED),
    },
)
HOST: Table = {
    **TABLE,
    **PASSED_OVER,
    (State.ASKING, Heard.ENQ): (Do.YIELD, State.YIELDED),
    (State.YIELDED, Heard.ENQ): (Do.START, State.RECEIVING),
    (State.YIELDED, Heard.TIMEOUT): (Do.ASK, State.ASKING),
    **passed_over(Do.IGNORE, {State.YIELDED: (Heard.EOT, Heard.ACK, Heard.NAK, Heard.BAD, Heard.COMMITTED)}),
}
INSTRUMENT: Table = TABLE | PASSED_OVER | {(State.ASKING, Heard.ENQ): (Do.COLLIDED, State.WAITING)}

RECEIVE_SECONDS = 30.0
REPLY_SECONDS = 15.0
BUSY_SECONDS = 10.0
STOPPED_SECONDS = 15.0
COLLIDED_SECONDS = 1.0
YIELD_SECONDS = 20.0
SETTLE_SECONDS = 1.0
TRIES = 6

Part = tuple[bytes, bool]
"""The text of a frame, and whether it ends the message."""


class End(Speaking):
    """One end of the line. Results heard are held unanswered until ``committed``.

    ``send`` takes a message cut into parts.  The instrument keeps a message that was not accepted and sends the whole
    of it again later; the host lets it go and says so, because an answer to a question is stale by then.
    ``modulus`` is 7 for instruments that go on with 1 after 7, and 1 for those that do not count.
    """

    def __init__(self, reader: Reader, *, instrument: bool = False, modulus: int = 8) -> None:
        super().__init__()
        self._reader = reader
        self._instrument = instrument
        self._modulus = modulus
        self._table = INSTRUMENT if instrument else HOST
        self._blocks = Blocks()
        self._order = Order()
        self._events: list[Event] = []
        self._queue: deque[tuple[Part, ...]] = deque()
        self._at = 0  # which part of the queue's first message is out
        self._refusals = 0
        self._until: float | None = None  # the state's own time limit
        self._settle_at: float | None = None
        self.state = State.NEUTRAL

    @property
    def deadline(self) -> float | None:
        return min((at for at in (self._until, self._settle_at) if at is not None), default=None)

    @property
    def waiting(self) -> int:
        """Messages not yet accepted by the other end."""
        return len(self._queue)

    def send(self, message: Sequence[Part], now: float) -> None:
        self._queue.append(tuple(message))
        if self.state is State.NEUTRAL:
            self._until = now

    def receive(self, data: bytes, now: float) -> list[Event]:
        self._hear(self._blocks.feed(data), now)
        self._settle_at = now + SETTLE_SECONDS if self._blocks.ripe else None
        return self._taken()

    def expired(self, now: float) -> list[Event]:
        if self._settle_at is not None and now >= self._settle_at:
            self._settle_at = None
            self._hear(self._blocks.take_rest(), now)
        if self._until is not None and now >= self._until:
            self._step(Heard.TIMEOUT, now)
        return self._taken()

    def committed(self, now: float) -> None:
        self._step(Heard.COMMITTED, now)

    def _taken(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _hear(self, tokens: list[Token], now: float) -> None:
        answered = False
        for token in tokens:
            if isinstance(token, Garbage):
                self._events.append(token)
            if self.state is not State.SENDING:
                self._step(self._heard(token), now)
            elif not answered:
                # One answer a frame: noise in pieces is one refusal, not several.
                answered = True
                self._step(self._answer(token), now)

    def _heard(self, token: Token) -> Heard | None:
        match token:
            case Control(byte=byte):
                return {ENQ: Heard.ENQ, EOT: Heard.EOT, ACK: Heard.ACK, NAK: Heard.NAK}[byte]
            case Block() if self.state is State.RECEIVING:
                return self._read(token)
            case Garbage(data=data) if data.startswith(STX):
                return Heard.BAD
        return None

    def _answer(self, token: Token) -> Heard:
        """What the other end says to our frame. Anything but ACK and EOT means: again."""
        if token == Control(EOT):
            return Heard.EOT
        if token == Control(ACK):
            return Heard.DONE if self._at + 1 == len(self._queue[0]) else Heard.ACK
        self._refusals += 1
        return Heard.REFUSED if self._refusals >= TRIES else Heard.NAK

    def _read(self, block: Block) -> Heard:
        turn = self._order.turn(block)
        if turn is Turn.REPEAT:
            return Heard.REPEAT
        events = self._reader.take(block.text, last=block.last) if turn is Turn.NEXT else None
        if events is None:
            why = "longer than we keep" if turn is Turn.NEXT else f"frame number {block.number} is not the next"
            self._events.append(Garbage(block.raw, why))
            return Heard.BAD
        self._order.accept(block)
        self._events += events
        return Heard.FINAL if any(isinstance(event, TestResult) for event in events) else Heard.FRAME

    def _step(self, heard: Heard | None, now: float) -> None:
        if heard is None:
            return
        do, self.state = step(self._table, self.state, heard)
        if do is Do.IGNORE:
            return
        self._until = self._perform(do, now)
        if self.state is State.NEUTRAL:
            self._until = now if self._queue else None

    def _perform(self, do: Do, now: float) -> float | None:
        """Do it; answers until when to wait for what comes next."""
        match do:
            case Do.START:
                self._events += self._reader.drop("the sender began anew")
                self._order = Order(started=True)
                self._out += ACK
                return now + RECEIVE_SECONDS
            case Do.ACCEPT | Do.REFUSE:
                self._out += ACK if do is Do.ACCEPT else NAK
                return now + RECEIVE_SECONDS if self.state is State.RECEIVING else None
            case Do.END | Do.ABANDON:
                self._events += self._reader.drop(
                    "the transmission ended" if do is Do.END else f"silence for {RECEIVE_SECONDS:.0f} s"
                )
            case Do.ASK:
                self._out += ENQ
                return now + REPLY_SECONDS
            case Do.FIRST | Do.NEXT | Do.AGAIN:
                self._out += self._frame(do)
                return now + REPLY_SECONDS
            case Do.FINISH:
                self._out += EOT
                self._queue.popleft()
                self._events.append(Reply("sent"))
            case Do.GIVE_UP | Do.STOP:
                return self._give_up(now + (STOPPED_SECONDS if do is Do.STOP else BUSY_SECONDS))
            case Do.LATER:
                return now + BUSY_SECONDS
            case Do.COLLIDED:
                return now + COLLIDED_SECONDS
            case Do.YIELD:
                return now + YIELD_SECONDS
            case Do.NOTHING | Do.HOLD | Do.IGNORE:
                pass
        return None

    def _frame(self, do: Do) -> bytes:
        if do is not Do.AGAIN:
            self._at = 0 if do is Do.FIRST else self._at + 1
            self._refusals = 0
        text, last = self._queue[0][self._at]
        number = (self._at + 1) % 8 if self._modulus == 8 else self._at % self._modulus + 1
        return frame(number, text, last=last)

    def _give_up(self, again_at: float) -> float | None:
        self._out += EOT
        self._events.append(Reply("not-sent"))
        if not self._instrument:
            self._queue.popleft()
        if self._queue:
            return again_at
        self.state = State.NEUTRAL
        return None

"""Dayuan pesticide-residue testers LZ4000T and TL310: frames ``7E … AA`` with a CRC-8.

    7E  cmd  len len  data…  crc  AA
            |        |      CRC-8 (polynomial 31, initial 00) over cmd..data
            |        ``len`` bytes; 7E and AA may occur inside, nothing is stuffed: only the length ends a frame
            low byte first

                          host                          instrument
    LZ4000T  test         00: 00 00                     01: 3 bytes, meaning unknown
             count of day 12: YY MM DD                  13: YY MM DD, count (low byte first)
             read a day   10: YY MM DD                  11: one frame a record
    TL310    test         01: FF                        02: FF, 3 bytes version
             read a day   15: FF YY MM DD               16: one frame a record
             read last    15: FF 00 00 00               16
             read all     15: FF FF FF FF               16

A record, by offset in the frame; 16-bit numbers low byte first, except the TL310's test number:

    LZ4000T, 26 bytes                               TL310, 27 bytes
     4-5   records of that day                       4     FF
     6-7   index (not trusted)                       5-6   records of that day     7-8  index
     8-9   sample number                             9     channel
    10-15  sample name, GBK, NUL padded              10    standard: 00 GB/T 5009.199, 50 %; 01 NY/T 448, 70 %
    16-21  YY MM DD hh mm ss, binary                 11-16 YY MM DD hh mm ss, binary
    22-23  inhibition x 100, %                       17-18 test number, high byte first; 0 is an empty slot
                                                     21-22 inhibition x 10, %; above 32000 (7FFE is usual) none
                                                     23    conclusion: 02 qualified, 01 not; else none

Both test for organophosphate and carbamate residues by enzyme inhibition, so ``item`` is always 农药残留 and the
value is the rate of inhibition in %.  The LZ4000T sends no conclusion and no limit.  Inhibition above 320.00 % is no
number on the LZ4000T either (our choice; its papers do not say).  A name cut inside a character ends in U+FFFD.
Bytes 19-20 and 24 of the TL310's record, and what the LZ4000T puts before the count, are not known to us: they are
sent as 00 and as the day.

Noise in front of 7E and a doubled 7E are usual.  115200/8n1.  There are other programs that erase the
instrument after reading; nothing here can.
Source: the maker's upload programs for both instruments (UploadSoftWare, 2019, public).
"""

import struct
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal, get_args

from pydantic import Field

from protocol.checks import crc8_31
from protocol.formats import WireFormat
from protocol.framing import Scanner
from protocol.link import Link
from protocol.options import DaysBack, FormatOptions, Longest, Patience, Poll, Review, Tries
from protocol.readings import Event, Garbage, Reply, TestResult, Verdict
from protocol.session import Speaking
from protocol.table import passed_over, step

ITEM = "农药残留"
Named = Literal["lz4000t", "tl310"]
MODELS: tuple[Named, ...] = get_args(Named)
HEAD, TAIL = 0x7E, 0xAA
LENGTHS = {
    0x00: (2,),
    0x01: (1, 3),
    0x02: (4,),
    0x10: (3,),
    0x11: (20,),
    0x12: (3,),
    0x13: (5,),
    0x15: (4,),
    0x16: (21,),
}
OVERHEAD = 6
NO_VALUE_ABOVE = 32000
NO_VALUE = 0x7FFE
LIMITS = {0: Decimal(50), 1: Decimal(70)}
STANDARDS = {limit: code for code, limit in LIMITS.items()}
VERDICTS = {1: Verdict.UNQUALIFIED, 2: Verdict.QUALIFIED}
CONCLUSIONS = {verdict: code for code, verdict in VERDICTS.items()}
FIRST_YEAR, LAST_YEAR = 2000, 2099
LAST, ALL = bytes(3), b"\xff\xff\xff"

LZ_RECORD = struct.Struct("<HHH6s6sH")  # records, index, sample, name, time, inhibition
TL_RECORD = struct.Struct("<BHHBB6s2s2sHBB")  # FF, records, index, channel, standard, time, test, ?, value, verdict, ?


# --- frames to values -----------------------------------------------------------------------------------------------


def measure(buffer: bytes) -> int | None:
    if len(buffer) < 4:
        return 0 if len(buffer) > 1 and buffer[1] not in LENGTHS else None
    length = int.from_bytes(buffer[2:4], "little")
    return length + OVERHEAD if length in LENGTHS.get(buffer[1], ()) else 0


def decode(frame: bytes) -> Event:
    """One whole frame of either side: a record is a TestResult, everything else a Reply."""
    if len(frame) < OVERHEAD or measure(frame) != len(frame) or frame[0] != HEAD or frame[-1] != TAIL:
        return Garbage(frame, "not 7E, a known command with its length, AA")
    if crc8_31(frame[1:-2]) != frame[-2]:
        return Garbage(frame, f"crc is {frame[-2]:02x}, the bytes give {crc8_31(frame[1:-2]):02x}")
    try:
        return _meaning(frame[1], frame[4:-2], frame)
    except ValueError as error:
        return Garbage(frame, f"crc right, but {error}")


def _meaning(command: int, data: bytes, raw: bytes) -> Event:
    match command, len(data):
        case 0x11, _:
            return _lz4000t(data, raw)
        case 0x16, _:
            return _tl310(data, raw)
        case 0x00, _:
            return _reply("ask-test", "lz4000t", raw)
        case 0x01, 3:
            return _reply("test", "lz4000t", raw, ("answer", data.hex()))
        case 0x12, _:
            return _reply("ask-count", "lz4000t", raw, ("day", _day(data).isoformat()))
        case 0x13, _:
            return _reply("count", "lz4000t", raw, ("count", str(int.from_bytes(data[3:], "little"))))
        case 0x10, _:
            return _reply("ask-day", "lz4000t", raw, ("day", _day(data).isoformat()))
    if data[0] != 0xFF:
        raise ValueError(f"the address is {data[0]:02x} and not ff")
    match command, data[1:]:
        case 0x01, _:
            return _reply("ask-test", "tl310", raw)
        case 0x02, version:
            return _reply("test", "tl310", raw, ("version", version.hex()))
        case _, packed if packed == LAST:
            return _reply("ask-last", "tl310", raw)
        case _, packed if packed == ALL:
            return _reply("ask-all", "tl310", raw)
        case _, packed:
            return _reply("ask-day", "tl310", raw, ("day", _day(packed).isoformat()))


def _reply(what: str, model: str, raw: bytes, *fields: tuple[str, str]) -> Reply:
    return Reply(what, (("model", model), *fields), raw=raw)


def _lz4000t(data: bytes, raw: bytes) -> Event:
    records, index, sample, name, time, inhibition = LZ_RECORD.unpack(data)
    if not sample:
        return _reply("empty", "lz4000t", raw, ("records", str(records)), ("index", str(index)))
    measured_at = _time(time)
    valid = inhibition <= NO_VALUE_ABOVE
    return TestResult(
        sample=str(sample),
        channel=None,
        item=ITEM,
        value=Decimal(inhibition).scaleb(-2) if valid else None,
        unit="%",
        verdict=None if valid else Verdict.INVALID,
        measured_at=measured_at,
        identity=f"lz4000t/{sample}/{measured_at.isoformat()}/{inhibition}",
        name=name.replace(b"\0", b"").decode("gb18030", "replace").strip() or None,
        raw=raw,
    )


def _tl310(data: bytes, raw: bytes) -> Event:
    address, records, index, channel, standard, time, test, _, inhibition, conclusion, _ = TL_RECORD.unpack(data)
    if address != 0xFF:
        raise ValueError(f"the address is {address:02x} and not ff")
    sample = int.from_bytes(test, "big")
    if not sample:
        return _reply("empty", "tl310", raw, ("records", str(records)), ("index", str(index)))
    measured_at = _time(time)
    valid = inhibition <= NO_VALUE_ABOVE
    return TestResult(
        sample=str(sample),
        channel=str(channel),
        item=ITEM,
        value=Decimal(inhibition).scaleb(-1) if valid else None,
        unit="%",
        verdict=VERDICTS.get(conclusion) if valid else Verdict.INVALID,
        measured_at=measured_at,
        identity=f"tl310/{sample}/{channel}/{measured_at.isoformat()}/{inhibition}",
        limit=LIMITS.get(standard),
        raw=raw,
    )


def records_of_day(frame: bytes) -> int | None:
    """How many records the day has, as this record frame says; None for other frames."""
    start = {0x11: 4, 0x16: 5}.get(frame[1])
    return None if start is None else int.from_bytes(frame[start : start + 2], "little")


def _day(packed: bytes) -> date:
    year, month, day = packed
    return date(FIRST_YEAR + year, month, day)


def _time(packed: bytes) -> datetime:
    year, month, day, hour, minute, second = packed
    return datetime(FIRST_YEAR + year, month, day, hour, minute, second)  # noqa: DTZ001  (the instrument's own local clock)


# --- values to frames -----------------------------------------------------------------------------------------------


def ask_test(model: str) -> bytes:
    return {"lz4000t": _frame(0x00, bytes(2)), "tl310": _frame(0x01, b"\xff")}[model]


def ask_count(day: date) -> bytes:
    """How many records has this day? Only the LZ4000T answers this."""
    return _frame(0x12, _pack_day(day))


def ask_day(model: str, day: date) -> bytes:
    packed = _pack_day(day)
    return {"lz4000t": _frame(0x10, packed), "tl310": _frame(0x15, b"\xff" + packed)}[model]


def ask_last() -> bytes:
    """The last measurement of a TL310."""
    return _frame(0x15, b"\xff" + LAST)


def ask_all() -> bytes:
    """Everything a TL310 has; it keeps it."""
    return _frame(0x15, b"\xff" + ALL)


def answer_test(model: str, version: bytes = b"\x01\x00\x00") -> bytes:
    return {"lz4000t": _frame(0x01, version), "tl310": _frame(0x02, b"\xff" + version)}[model]


def answer_count(day: date, count: int) -> bytes:
    return _frame(0x13, _pack_day(day) + count.to_bytes(2, "little"))


def encode(result: TestResult, *, records: int = 1, index: int = 1) -> bytes:
    """The record frame of this result: a TL310's when it has a channel, else an LZ4000T's.

    Raises ValueError when it does not fit: no time, a sample that is no number of 1..65535, a value out of range.
    A name is cut to six bytes, as the instrument does.
    """
    sample = int(result.sample or 0)
    if result.measured_at is None or not 1 <= sample <= 0xFFFF:
        raise ValueError(f"sample {result.sample!r} at {result.measured_at}: need a number of 1..65535 and a time")
    at = result.measured_at
    time = bytes((*_pack_day(at.date()), at.hour, at.minute, at.second))
    if result.channel is None:
        name = (result.name or "").encode("gb18030")[:6]
        return _frame(0x11, LZ_RECORD.pack(records, index, sample, name, time, _scaled(result.value, 2)))
    data = TL_RECORD.pack(
        0xFF,
        records,
        index,
        int(result.channel),
        STANDARDS.get(result.limit, 0xFF) if result.limit is not None else 0xFF,
        time,
        sample.to_bytes(2, "big"),
        bytes(2),
        _scaled(result.value, 1),
        CONCLUSIONS.get(result.verdict, 0) if result.verdict is not None else 0,
        0,
    )
    return _frame(0x16, data)


def encode_empty(model: str, *, records: int = 0, index: int = 0) -> bytes:
    """A record frame with number 0: a slot that holds nothing."""
    if model == "lz4000t":
        return _frame(0x11, LZ_RECORD.pack(records, index, 0, b"", bytes(6), 0))
    return _frame(0x16, TL_RECORD.pack(0xFF, records, index, 0, 0, bytes(6), bytes(2), bytes(2), 0, 0, 0))


def _frame(command: int, data: bytes) -> bytes:
    body = struct.pack("<BH", command, len(data)) + data
    return bytes((HEAD, *body, crc8_31(body), TAIL))


def _pack_day(day: date) -> bytes:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{day}: the instrument knows the years {FIRST_YEAR} to {LAST_YEAR}")
    return bytes((day.year - FIRST_YEAR, day.month, day.day))


def _scaled(value: Decimal | None, decimals: int) -> int:
    if value is None:
        return NO_VALUE
    scaled = value.scaleb(decimals)
    if scaled != scaled.to_integral_value() or not 0 <= scaled <= NO_VALUE_ABOVE:
        raise ValueError(f"{value} % does not fit {decimals} decimals and 0..{NO_VALUE_ABOVE}")
    return int(scaled)


def decoder() -> Scanner:
    return Scanner(measure, decode, head=bytes((HEAD,)), cap=128, look=4)


# --- the dialogue ---------------------------------------------------------------------------------------------------


class Options(FormatOptions):
    model: Annotated[Named, Field(description="which instrument it is")]
    poll: Poll = 2.0
    patience: Patience = 3.0
    tries: Tries = 3
    longest: Longest = 30.0
    days_back: DaysBack = 1
    review: Review = 600.0


class Doing(Enum):
    """What the session waits for."""

    NOTHING = "the next poll"
    COUNT = "how many records the day has"
    RECORDS = "the records of the day"
    TEST = "whether it is there at all, after it said nothing about a day"
    COMMIT = "what was handed over to be on disk"


class Heard(Enum):
    NO_DATE = "time, but the clock is not set"
    TIME = "time"
    SAME = "same count as last time, or none"
    COUNT = "another count"
    RECORD = "record, more to come"
    LAST = "last record of the day"
    CUT = "silence, not all came whole"
    SILENCE = "silence"
    THERE = "test answer"
    STRAY = "anything else"
    COMMITTED = "committed"


class Do(Enum):
    IGNORE = "pass over"
    WAIT = "wait"
    ASK_COUNT = "count of the day?"
    ASK_DAY = "the day, please"
    ASK_TEST = "are you there?"
    LISTEN = "listen"
    DONE = "the day is read"
    NOT_DONE = "the day is read again"
    AGAIN = "ask again, later and later"
    REST = "rest"


Table = dict[tuple[Doing, Heard], tuple[Do, Doing]]

TABLE: Table = {
    (Doing.NOTHING, Heard.NO_DATE): (Do.WAIT, Doing.NOTHING),
    (Doing.RECORDS, Heard.RECORD): (Do.LISTEN, Doing.RECORDS),
    (Doing.RECORDS, Heard.LAST): (Do.DONE, Doing.COMMIT),
    (Doing.RECORDS, Heard.CUT): (Do.NOT_DONE, Doing.COMMIT),
    (Doing.COMMIT, Heard.COMMITTED): (Do.REST, Doing.NOTHING),
    **passed_over(
        Do.IGNORE,
        {state: (Heard.STRAY, *((Heard.COMMITTED,) if state is not Doing.COMMIT else ())) for state in Doing},
    ),
}
LZ4000T: Table = TABLE | {
    (Doing.NOTHING, Heard.TIME): (Do.ASK_COUNT, Doing.COUNT),
    (Doing.COUNT, Heard.COUNT): (Do.ASK_DAY, Doing.RECORDS),
    (Doing.COUNT, Heard.SAME): (Do.DONE, Doing.COMMIT),
    (Doing.COUNT, Heard.SILENCE): (Do.AGAIN, Doing.NOTHING),
    (Doing.RECORDS, Heard.SILENCE): (Do.AGAIN, Doing.NOTHING),
}
TL310: Table = TABLE | {
    (Doing.NOTHING, Heard.TIME): (Do.ASK_DAY, Doing.RECORDS),
    (Doing.RECORDS, Heard.SILENCE): (Do.ASK_TEST, Doing.TEST),
    (Doing.TEST, Heard.THERE): (Do.DONE, Doing.COMMIT),
    (Doing.TEST, Heard.SILENCE): (Do.AGAIN, Doing.NOTHING),
}
TABLES = {"lz4000t": LZ4000T, "tl310": TL310}


class Session(Speaking):
    """Reads the records of the day, again and again, and hands each over once.

    ``today`` is called before each question and gives the local date; while its year is out of 2001..2099 (a clock
    that is not set) nothing is asked.  At the start, after the date changes, and every ``review`` seconds (the
    instrument's clock may be late) the ``days_back`` days before are read once more, oldest first.

    The dialogue is ``TABLES`` of the model, drawn in ``protocol/dialogues.md``.  The TL310 has no count; when it says
    nothing about a day, a test tells an empty day from an instrument that is off.  A record that came damaged is
    missing at the end of the round, so the day does not count as read and is read again.  After ``patience`` seconds
    without a byte the question is asked again, after ``tries`` silent questions with growing pauses, at most
    ``longest`` seconds.
    """

    def __init__(self, options: Options, today: Callable[[], date]) -> None:
        super().__init__()
        self._options = options
        self._today = today

        self._table = TABLES[options.model]
        self._frames = decoder()
        self._doing = Doing.NOTHING
        self._silent = 0
        self._seen_today: date | None = None
        self._review_at = 0.0
        self._due: list[date] = []  # earlier days to look at, oldest first
        self._hurry = False  # a day before was read whole: go on with the next question at once
        self._day = date.min  # the day asked about
        self._count = 0  # how many records it has
        self._round: set[bytes] = set()  # its record frames so far
        self._any = False  # any byte at all since the question
        self._complete: dict[date, int] = {}  # LZ4000T: how many records a day had when it was read whole
        self._handed: dict[str, date] = {}  # identities handed over, with their day
        self._uncommitted = False
        self.deadline: float | None = 0.0

    @property
    def doing(self) -> Doing:
        return self._doing

    def receive(self, data: bytes, now: float) -> list[Event]:
        events: list[Event] = []
        self._any = self._any or bool(data)
        for event in self._frames.feed(data):
            if isinstance(event, Garbage):
                events.append(event)
                continue
            self._silent = 0
            if isinstance(event, Reply) or self._is_new(event):
                events.append(event)
            self._step(self._heard(event), now)
        return events

    def expired(self, now: float) -> list[Event]:
        if self._doing is Doing.NOTHING:
            self._step(Heard.TIME if self._has_date() else Heard.NO_DATE, now)
        else:
            self._step(Heard.CUT if self._doing is Doing.RECORDS and self._any else Heard.SILENCE, now)
        return []

    def committed(self, now: float) -> None:
        self._uncommitted = False
        self._step(Heard.COMMITTED, now)

    def _is_new(self, result: Event) -> bool:
        """Note a result as handed over; False when it was so before."""
        if not isinstance(result, TestResult) or result.measured_at is None or result.identity in self._handed:
            return False
        self._handed[result.identity] = result.measured_at.date()
        self._uncommitted = True
        return True

    def _heard(self, event: Event) -> Heard:
        what = event.what if isinstance(event, Reply) else "record"
        match self._doing, what:
            case Doing.COUNT, "count":
                self._count = int(event.get("count") or 0) if isinstance(event, Reply) else 0
                return Heard.COUNT if self._count and self._count != self._complete.get(self._day) else Heard.SAME
            case Doing.RECORDS, "record" | "empty" if not isinstance(event, Garbage):
                self._round.add(event.raw)
                self._count = records_of_day(event.raw) or 0
                return Heard.LAST if len(self._round) >= self._count else Heard.RECORD
            case Doing.TEST, "test":
                self._count = 0
                return Heard.THERE
        return Heard.STRAY

    def _step(self, heard: Heard, now: float) -> None:
        do, self._doing = step(self._table, self._doing, heard)
        match do:
            case Do.WAIT:
                self.deadline = now + self._options.poll
            case Do.ASK_COUNT:
                self._choose_day(now)
                self._send(ask_count(self._day), now)
            case Do.ASK_DAY:
                if heard is Heard.TIME:
                    self._choose_day(now)
                self._send(ask_day(self._options.model, self._day), now)
            case Do.ASK_TEST:
                self._send(ask_test(self._options.model), now)
            case Do.LISTEN:
                self.deadline = now + self._options.patience
            case Do.DONE:
                self._complete[self._day] = self._count
                if self._day in self._due:
                    self._due.remove(self._day)
                    self._hurry = True
            case Do.AGAIN:
                self.deadline = now + self._pause()
            case Do.REST:
                self.deadline = now if self._hurry else now + self._options.poll
                self._hurry = False
            case Do.NOT_DONE | Do.IGNORE:
                pass
        if self._doing is Doing.COMMIT:
            self.deadline = None
            if not self._uncommitted:
                self._step(Heard.COMMITTED, now)

    def _has_date(self) -> bool:
        return FIRST_YEAR < self._today().year <= LAST_YEAR

    def _choose_day(self, now: float) -> None:
        """The day whose turn it is."""
        today = self._today()
        if today != self._seen_today or now >= self._review_at:
            self._seen_today = today
            self._review_at = now + self._options.review
            self._due = [today - timedelta(days=back) for back in range(self._options.days_back, 0, -1)]
            self._forget(today - timedelta(days=self._options.days_back))
        # A day before that cannot be read whole must not keep us from today: they take turns.
        self._day = self._due[0] if self._due and self._day not in self._due else today

    def _forget(self, before: date) -> None:
        self._handed = {identity: day for identity, day in self._handed.items() if day >= before}
        self._complete = {day: count for day, count in self._complete.items() if day >= before}

    def _send(self, request: bytes, now: float) -> None:
        self._out += request
        self._round.clear()
        self._any = False
        self.deadline = now + self._options.patience

    def _pause(self) -> float:
        """Before the next question to an instrument that said nothing to this one."""
        self._silent += 1
        if self._silent < self._options.tries:
            return 0.0
        return min(self._options.poll * 2.0 ** min(self._silent - self._options.tries, 16), self._options.longest)


FORMAT = WireFormat(
    id="dayuan_crc8",
    kind="analyzer",
    title="Dayuan LZ4000T and TL310, 7E frames with CRC-8",
    link=Link(115200),
    polled=True,
    checked=True,
    confidence="high",
    decoder=decoder,
    session=Session,
    options=Options,
    by_date=True,
    questions=tuple(ask_test(model) for model in MODELS),
)

"""Dayuan and Lüzhou readers DY-3000, DY-6600, DY-7200, TL-300, LZ-3000: packets ``03 FF`` and ``03 FE``.

The packets are drawn in ``dayuan/packets_03ff.py``, what is in their records in ``dayuan/records_03ff.py``.

The DY-7200 answers "find" with the number of records in the last two bytes and streams all when asked for record 1.

An xor sees every single changed byte.  It cannot see two that cancel out, nor a byte doubled (or lost) where the
packet's last byte (or the next packet's first) is the same; therefore ``Session`` reads each item page and each record
until two readings agree, and drops half a packet after silence.  Records of text come once: their labels would not fit.

Not known to us: bytes 2-3 of the spectrophotometer's record and 2-3 of a channel; whether answers repeat the question's
parameter (where they do, a wrong page is noticed).  A second program reads packets ``81 04 … 81`` on the same port;
how they are checked and asked for is not sourced, so they are not read.

9600/8n1, newer units 115200/8n1.
Source: the maker's upload programs for these readers (UploadSoftWare, 2019, public).
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field

from protocol.analyzers.dayuan.packets_03ff import (
    DRY,
    FIRST_YEAR,
    KINDS,
    LAST_YEAR,
    SPECTRO,
    STRIP,
    ask_find,
    ask_hello,
    ask_items,
    ask_record,
    scanner,
)
from protocol.analyzers.dayuan.records_03ff import Packets, Tables, results
from protocol.analyzers.shared.dialogue import (
    Answer,
    Commit,
    Dialogue,
    Give,
    Once,
    Rest,
    Send,
    Step,
    Talk,
    ask,
    ask_twice,
)
from protocol.formats import WireFormat
from protocol.link import Link
from protocol.options import DaysBack, FormatOptions, Longest, Patience, Poll, Review, Tries
from protocol.readings import Event, Garbage, Reply, TestResult

MODELS = {
    "dy3000": (SPECTRO,),
    "tl300": (SPECTRO,),
    "lz3000": (SPECTRO,),
    "dy6600": (SPECTRO, STRIP, DRY),
    "dy7200": (),
}


class Options(FormatOptions):
    model: Annotated[
        Literal["dy3000", "dy6600", "dy7200", "tl300", "lz3000"], Field(description="which instrument it is")
    ]
    poll: Poll = 2.0
    patience: Patience = 2.0
    tries: Tries = 3
    longest: Longest = 30.0
    days_back: DaysBack = 1
    review: Review = 600.0


def decoder() -> Packets:
    return Packets()


class Session(Dialogue):
    """Reads the records of the day, again and again, and hands each over once; the next is read when it is on disk.

    ``today`` gives the local date; while its year is out of 2001..2099 (a clock that is not set) nothing is asked.  At
    the start, after the date changes and every ``review`` seconds the item tables and the ``days_back`` days before
    are read anew.  Between, only records behind those known are read.  A silent instrument is greeted with growing
    pauses, at most ``longest`` seconds.
    """

    def __init__(self, options: Options, today: Callable[[], date]) -> None:
        super().__init__(scanner(), self._talking)
        self._kinds = MODELS[options.model]
        self._options = options
        self._today = today
        self._once = Once()
        self._tables = Tables()
        self._read: dict[tuple[int, date], tuple[int, int]] = {}  # days read whole, with the indices they had
        self._serial = ""  # as it said when it was greeted

    def _talking(self, _: Dialogue) -> Talk:
        seen: date | None = None
        review_at, pause = 0.0, self._options.poll
        while True:
            today = self._today()
            if not FIRST_YEAR < today.year <= LAST_YEAR:
                yield Rest(self._options.poll)
                continue
            whole = today != seen or self.now >= review_at
            if whole:
                seen, review_at = today, self.now + self._options.review
                self._tables, self._read = Tables(), {}
            days = [today - timedelta(days=back) for back in range(self._options.days_back if whole else 0, -1, -1)]
            if (yield from self._round(days, greet=whole)):
                pause = self._options.poll
            else:
                seen, pause = None, min(pause * 2, self._options.longest)
            yield Rest(pause)

    def _round(self, days: list[date], *, greet: bool) -> Generator[Step, Event | None, bool]:
        """True when everything was read."""
        if greet:
            hello = yield from self._ask(ask_hello(), "hello")
            if hello is None:
                return False
            self._serial = hello.get("serial") or ""
        for day in days:
            for kind in self._kinds:
                if not (yield from self._day(kind, day)):
                    return False
            if not self._kinds and not (yield from self._stream(day)):
                return False
        return True

    def _ask(self, request: bytes, what: str) -> Answer:
        return (yield from ask(request, what, patience=self._options.patience, tries=self._options.tries))

    def _ask_twice(self, request: bytes, what: str) -> Answer:
        return (yield from ask_twice(request, what, patience=self._options.patience, tries=self._options.tries))

    def _day(self, kind: int, day: date) -> Generator[Step, Event | None, bool]:
        found = yield from self._ask_twice(ask_find(kind, day), "find")
        if found is None:
            return False
        start, end = int(found.get("start") or 0), int(found.get("end") or 0)
        known = self._read.get((kind, day), (start, start))
        for index in range(known[1] if known[0] == start and known[1] <= end else start, end):
            if not (yield from self._table(kind)):
                return False
            record = yield from self._ask_twice(ask_record(kind, index), "record")
            if record is None:
                return False
            yield from self._give(results(record, self._tables.of(KINDS[kind])))
        self._read[kind, day] = (start, end)
        return True

    def _table(self, kind: int) -> Generator[Step, Event | None, bool]:
        """Read the item table, unless it has been."""
        page = 0
        while KINDS[kind] not in self._tables.whole:
            reply = yield from self._ask_twice(ask_items(kind, page), "items")
            if reply is None or not self._tables.add(reply):
                self._tables = Tables()
                return False
            page += 1
        return True

    def _stream(self, day: date) -> Generator[Step, Event | None, bool]:
        """The records of a DY-7200, which come all at once."""
        found = yield from self._ask_twice(ask_find(SPECTRO, day), "find")
        if found is None:
            return False
        count = int.from_bytes(found.raw[-2:], "little")
        if not count or self._read.get((SPECTRO, day)) == (0, count):
            return True
        event = yield Send(ask_record(SPECTRO, 1), self._options.patience)
        heard = 0
        while event is not None and heard < count:
            if isinstance(event, Reply) and event.what == "record":
                heard += 1
                yield from self._give(results(event), commit=False)
            if heard < count:
                event = yield Send(b"", self._options.patience)
        yield Commit()
        if heard == count:
            self._read[SPECTRO, day] = (0, count)
        return heard > 0

    def _give(self, events: Iterable[Event], *, commit: bool = True) -> Generator[Step, Event | None, None]:
        for event in events:
            if isinstance(event, Garbage) or (isinstance(event, TestResult) and self._once.is_new(event)):
                yield Give(replace(event, serial=self._serial) if isinstance(event, TestResult) else event)
        if commit:
            yield Commit()


FORMAT = WireFormat(
    id="dayuan_03ff",
    kind="analyzer",
    title="Dayuan DY-3000, DY-6600, DY-7200, TL-300, LZ-3000, packets 03 FF",
    link=Link(9600),
    polled=True,
    checked=True,
    confidence="high",
    decoder=decoder,
    session=Session,
    options=Options,
    by_date=True,
    links=(Link(115200),),
    questions=(ask_items(SPECTRO, 0),),  # not the greeting: a letter in it clears the tare of other devices
)

"""Smaller Dayuan instruments, each with a wire of its own: option ``model`` says which.

    model     what it tests            on the wire                              asked by    check
    dy6200    seven items              6A, 13 bytes binary                      all         none
    dy6400    water in meat            6A, 9 bytes binary                       all         none
    dyrs2     water in meat            01 text 04                               days        not known
    dy2620    polar compounds in oil   01 65, like Modbus                       number      CRC-16
    dy723pc   spectrophotometer        text, FINISH                             days        not known
    dy5800    fluorescence             P … X, 82 bytes of text                  not: sends  none
    dy6260    strips                   JSON over TCP                            all         none

The frames are drawn in the files ``_dy….py`` beside this one.  Each rests on a single program of the maker (the DY-6260
on one paper), so confidence is low; rates other than 9600 of DY-2620 and DY-5800 are not sourced.

Without a check a flipped bit can give another number.  The instruments that keep their records are therefore read until
two readings of the memory agree about a record, which is then sure and handed over; the DY-2620 has a CRC and is read
once; the DY-5800 cannot be asked, so what it sends is not sure (``TestResult.sure``) unless it sends it again.

Left out, because too little is sourced: the second generation of the DY-RS2, DY-5000 and DY-8120, the XML file of
the DY-723PC, and ``81 04`` packets.
Source: the maker's upload programs and one interface paper (UploadSoftWare, 2019, public).
"""

from collections.abc import Callable, Generator
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field

from protocol.analyzers.dayuan import dy6a as _dy6a
from protocol.analyzers.dayuan import dy723pc as _dy723pc
from protocol.analyzers.dayuan import dy2620 as _dy2620
from protocol.analyzers.dayuan import dy5800 as _dy5800
from protocol.analyzers.dayuan import dy6260 as _dy6260
from protocol.analyzers.dayuan import dyrs2 as _dyrs2
from protocol.analyzers.shared.dialogue import (
    Collected,
    Commit,
    Dialogue,
    Give,
    Once,
    Repeating,
    Rest,
    Send,
    Step,
    Talk,
    Twice,
    ask,
    collect,
)
from protocol.formats import WireFormat
from protocol.frozen import frozen
from protocol.link import Link
from protocol.options import DaysBack, FormatOptions, Longest, Patience, Poll, Review, Tries
from protocol.readings import Event, Reply, TestResult
from protocol.session import Decoder
from protocol.session import Session as AnySession

DEFAULT: Literal["dy6200"] = "dy6200"
FIRST_YEAR, LAST_YEAR = 2000, 2099
RECORDS_CAP = 0x10000


@frozen
class Round:
    """One reading of an instrument's memory: the days, or from which record on."""

    first: date
    last: date
    start: int
    patience: float
    tries: int
    marked: bool


@frozen
class Variant:
    """How one model is read. Without ``read`` it sends by itself; ``counted``: by number, only what is new."""

    decoder: Callable[[], Decoder]
    read: Callable[[Round], Collected] | None = None
    by_day: bool = False
    counted: bool = False


def _read_6200(now: Round) -> Collected:
    hello = yield from ask(_dy6a.HELLO, "hello", patience=now.patience, tries=now.tries)
    if hello is None:
        return None
    yield Send(b"", now.patience)  # the end mark that follows the greeting
    return (yield from _read_6400(now))


def _read_6400(now: Round) -> Collected:
    return (yield from collect(_dy6a.READ, patience=now.patience, tries=now.tries))


def _read_rs2(now: Round) -> Collected:
    version = yield from ask(_dyrs2.ask_version(), "version", patience=now.patience, tries=now.tries)
    if version is None:
        return None
    request = _dyrs2.ask_days(now.first, now.last)
    return (yield from collect(request, patience=now.patience, tries=now.tries))


def _read_2620(now: Round) -> Collected:
    found: list[TestResult] = []
    for index in range(now.start, RECORDS_CAP):
        for _ in range(now.tries):
            event = yield Send(_dy2620.ask_record(index), now.patience)
            if isinstance(event, TestResult) or (isinstance(event, Reply) and event.what == "end"):
                break
        else:
            return None
        if not isinstance(event, TestResult):
            break
        found.append(event)
        if len(found) >= 100:
            break  # these first, the others in the next round
    return found


def _read_723pc(now: Round) -> Collected:
    request = _dy723pc.ask_days(now.first, now.last, marked=now.marked)
    return (yield from collect(request, patience=now.patience, tries=now.tries))


def _read_6260(now: Round) -> Collected:
    return (yield from collect(_dy6260.READ, patience=now.patience, tries=now.tries))


VARIANTS = {
    "dy6200": Variant(lambda: _dy6a.decoder("dy6200"), _read_6200),
    "dy6400": Variant(lambda: _dy6a.decoder("dy6400"), _read_6400),
    "dyrs2": Variant(_dyrs2.decoder, _read_rs2, by_day=True),
    "dy2620": Variant(_dy2620.decoder, _read_2620, counted=True),
    "dy723pc": Variant(_dy723pc.decoder, _read_723pc, by_day=True),
    "dy5800": Variant(_dy5800.decoder),
    "dy6260": Variant(_dy6260.decoder, _read_6260),
}


Named = Annotated[
    Literal["dy6200", "dy6400", "dyrs2", "dy2620", "dy723pc", "dy5800", "dy6260"],
    Field(description="which instrument it is"),
]


class Reading(FormatOptions):
    model: Named = DEFAULT


class Options(Reading):
    model: Named
    poll: Poll = 10.0
    patience: Patience = 3.0
    tries: Tries = 2
    longest: Longest = 60.0
    days_back: DaysBack = 1
    review: Review = 600.0
    marked: Annotated[
        bool, Field(description="a DY-723PC is also asked for records that it has handed over before")
    ] = False


def decoder(options: Reading) -> Decoder:
    return VARIANTS[options.model].decoder()


class Session(Dialogue):
    """Reads an instrument's memory every ``poll`` seconds and hands over what is new.

    What two readings of the memory agree about is handed over; when something new is seen, the second reading follows
    at once.  ``today`` gives the local date; instruments that are asked by day are asked for the last ``days_back``
    days too, and not at all while the year is out of 2001..2099.  The DY-2620 is asked for the records behind those
    known, and every ``review`` seconds for all.  A silent instrument is asked with growing pauses, at most ``longest``
    seconds.
    """

    def __init__(self, options: Options, today: Callable[[], date]) -> None:
        self._variant = VARIANTS[options.model]
        super().__init__(self._variant.decoder(), self._talking)
        self._options = options
        self._today = today
        self._once = Once()
        self._twice = Twice()

    def _talking(self, _: Dialogue) -> Talk:
        start, review_at, pause = 0, self._options.review, self._options.poll
        while True:
            today = self._today()
            if self._variant.by_day and not FIRST_YEAR < today.year <= LAST_YEAR:
                yield Rest(self._options.poll)
                continue
            if self.now >= review_at:
                start, review_at = 0, self.now + self._options.review
            first = today - timedelta(days=self._options.days_back) if self._variant.by_day else today
            assert self._variant.read is not None
            now = Round(first, today, start, self._options.patience, self._options.tries, self._options.marked)
            found = yield from self._variant.read(now)
            if found is None:
                pause = min(pause * 2, self._options.longest)
                yield Rest(pause)
                continue
            pause = self._options.poll
            more = yield from self._give(found)
            if self._variant.counted:
                start += len(found)
                more = bool(found)
            yield Rest(0.1 if more else self._options.poll)

    def _give(self, found: list[TestResult]) -> Generator[Step, Event | None, bool]:
        """Hand over what is sure; True when something has to be seen again."""
        again = False
        for result in self._twice.judged(found):
            if not isinstance(result, TestResult) or self._once.knows(result):
                continue
            if result.sure:
                self._once.is_new(result)
                yield Give(result)
            else:
                again = True
        yield Commit()
        return again


def session(options: Options, today: Callable[[], date]) -> AnySession:
    """A session for this model."""
    if VARIANTS[options.model].read is None:
        return Repeating(decoder(options))
    return Session(options, today)


FORMAT = WireFormat(
    id="dayuan_small",
    kind="analyzer",
    title="smaller Dayuan instruments: DY-6200, 6400, RS2, 2620, 723PC, 5800, 6260",
    link=Link(9600),
    polled=True,
    checked=False,
    confidence="low",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Reading,
    by_date=True,
)

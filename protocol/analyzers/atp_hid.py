"""ATP luminometers sold with Dayuan's systems (surface hygiene): reports of 64 bytes over USB HID, 0483:5750.

    host    FF 08 31 01 00 00 3A FE              how many records are there?   the rest of each report is 00
            FF 08 31 00 hh ll ss FE              the three records from number hhll on; ss is the sum of the five
                                                 bytes in front of it, mod 256
    answer  FF .. 31 01 hh ll …                  so many: hhll
            FF .. .. .. three records of 18 bytes …    a record of the year 0 is none

    record  .. rr rr rr .. YY MM DD hh mm .. .. .. .. uu uu ww ss
               |           |                          |     |  second
               |           |                          |     lower limit
               |           |                          upper limit
               RLU, high byte first                   years are 2000 and later; all numbers are binary

A count may come in place of records: then these are asked for again.  Erasing is not known to us, and never sent.

What the maker's program makes of a record differs from this in two places: it joins the RLU's bytes that are not 00
(and a first byte FE is left out), and it adds the two bytes of the upper limit.  Where both readings give the same
number the result is sure; where they do not, it is handed over in ours and not as sure, for a person to compare.

The record has no conclusion and no sample.  USB checks each packet; a report has no check of its own.
Source: the maker's program for its customers (UploadSoftWare, public), one source; the bytes .. are not known.
"""

from collections.abc import Generator
from datetime import datetime
from decimal import Decimal

from protocol.analyzers.shared import stating
from protocol.analyzers.shared.dialogue import Commit, Dialogue, Expanding, Give, Once, Rest, Step, Talk, ask
from protocol.formats import WireFormat
from protocol.framing import Scanner
from protocol.link import Link
from protocol.options import FormatOptions, Longest, Patience, Poll, Review, Tries
from protocol.readings import Event, Garbage, Reply, TestResult

VENDOR, PRODUCT = 0x0483, 0x5750
REPORT, RECORD, FIRST, PAGE = 64, 18, 4, 3
HEAD, TAIL = 0xFF, 0xFE
COUNT, RECORDS = b"\x31\x01", b"\x31\x00"
ITEM, UNIT = "洁净度", "RLU"
MOST = 0xFFFF


def command(what: bytes, number: int = 0) -> bytes:
    """A report of the host."""
    body = b"\x08" + what + number.to_bytes(2, "big")
    return (bytes((HEAD,)) + body + bytes((sum(body) & 0xFF, TAIL))).ljust(REPORT, b"\0")


def decode(report: bytes) -> Event:
    """One report: a Reply ``count`` or ``records``."""
    if report[2:4] == COUNT:
        return Reply("count", (("count", str(int.from_bytes(report[4:6], "big"))),), raw=report)
    found = records_of(report)
    if not found and any(report[FIRST : FIRST + PAGE * RECORD]):
        return Garbage(report, "neither a count nor records")
    try:
        for record in found:
            result(record)
    except ValueError:
        return Garbage(report, "a record with a date that does not exist")
    return Reply("records", raw=report)


def records_of(report: bytes) -> list[bytes]:
    """The records in a report, without those that are none."""
    cut = [report[FIRST + n * RECORD : FIRST + (n + 1) * RECORD] for n in range(PAGE)]
    return [record for record in cut if record[5]]


def result(record: bytes) -> TestResult:
    """Raises ValueError for a date that does not exist."""
    year, month, day, hour, minute, second = (*record[5:10], record[17])
    rlu, upper = int.from_bytes(record[1:4], "big"), int.from_bytes(record[14:16], "big")
    joined = bytes(byte for place, byte in enumerate(record[1:4]) if byte and (place or byte != TAIL))
    return TestResult(
        sample=None,
        channel=None,
        item=ITEM,
        value=Decimal(rlu),
        unit=UNIT,
        verdict=None,
        measured_at=datetime(2000 + year, month, day, hour, minute, second),  # noqa: DTZ001 (its own local clock)
        identity=stating.identity("atp", record[1:4].hex(), record[5:10].hex(), record[14:].hex()),
        limit=Decimal(upper) if upper else None,
        sure=rlu == int.from_bytes(joined, "big") and upper == record[14] + record[15],
        raw=record,
    )


def expand(reply: Reply) -> list[Event]:
    """What a reply holds."""
    return [reply] if reply.what != "records" else [result(record) for record in records_of(reply.raw)]


def record(reading: TestResult, lower: int = 0) -> bytes:
    """Raises ValueError for what such an instrument cannot hold."""
    at = reading.measured_at
    if at is None or not 2001 <= at.year <= 2255 or reading.value is None or reading.value != int(reading.value):
        raise ValueError(f"no record for {reading}")
    try:
        rlu = int(reading.value).to_bytes(3, "big")
        upper = int(reading.limit or 0).to_bytes(2, "big")
    except OverflowError as error:
        raise ValueError(f"no record for {reading}: {error}") from error
    when = bytes((at.year - 2000, at.month, at.day, at.hour, at.minute))
    return b"\0" + rlu + b"\0" + when + bytes(4) + upper + bytes((lower, at.second))


def encode(records: list[bytes]) -> bytes:
    """A report with up to three records."""
    return (bytes((HEAD, 8)) + RECORDS + b"".join(records[:PAGE])).ljust(REPORT, b"\0")


def encode_count(count: int) -> bytes:
    return (bytes((HEAD, 8)) + COUNT + count.to_bytes(2, "big")).ljust(REPORT, b"\0")


def _reports() -> Scanner:
    return Scanner(lambda buffer: REPORT, decode, head=bytes((HEAD,)), cap=2 * REPORT, look=1)


def decoder() -> Expanding:
    return Expanding(_reports(), expand)


class Options(FormatOptions):
    poll: Poll = 10.0
    patience: Patience = 2.0
    tries: Tries = 3
    longest: Longest = 60.0
    review: Review = 600.0


class Session(Dialogue):
    """Asks how many records there are; when that has changed, reads those that are new, and all when there are fewer.

    All are read again every ``review`` seconds: a memory that is full may not count any more.

    A silent instrument is asked with growing pauses, at most ``longest`` seconds.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(_reports(), self._talking)
        self._options = options
        self._once = Once()

    def _talking(self, _: Dialogue) -> Talk:
        known, pause, review_at = 0, self._options.poll, self._options.review
        while True:
            if self.now >= review_at:
                known, review_at = 0, self.now + self._options.review
            patience, tries = self._options.patience, self._options.tries
            said = yield from ask(command(COUNT), "count", patience=patience, tries=tries)
            count = int(said.get("count") or 0) if said else 0
            read = count if said is not None and count == known else (yield from self._read(known, count))
            if said is None or (read < count):
                pause = min(pause * 2, self._options.longest)
            else:
                pause = self._options.poll
            known = known if said is None else read
            yield Rest(pause)

    def _read(self, known: int, count: int) -> Generator[Step, Event | None, int]:
        """Read from the records that are known on, or all; answers up to which they were read."""
        at = known if known <= count else 0
        while at < count:
            start = at // PAGE * PAGE
            page = yield from ask(
                command(RECORDS, start), "records", patience=self._options.patience, tries=self._options.tries
            )
            if page is None:
                return at
            for event in expand(page):
                if isinstance(event, TestResult) and self._once.is_new(event):
                    yield Give(event)
            yield Commit()
            at = min(start + PAGE, count)
        return count


FORMAT = WireFormat(
    id="atp_hid",
    kind="analyzer",
    title="ATP luminometers sold with Dayuan's systems, by USB HID",
    link=Link(9600),
    polled=True,
    checked=False,
    confidence="low",
    decoder=decoder,
    session=Session,
    options=Options,
    wire="usb-hid",
)

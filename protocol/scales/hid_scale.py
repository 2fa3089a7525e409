"""USB scales of the HID point-of-sale class (usage page 8D, usage 20): reports, handed over whole by USB.

    03  04  03  FD  E2 04                1.250 kg, stable
    |   |   |   |   weight, low byte first: raw x 10^exponent
    |   |   |   exponent, signed: FD is -3
    |   |   unit, see UNITS
    |   status, see below
    report id

    status  1 fault         2 stable at zero   3 in motion           4 stable
            5 under zero    6 over limit       7 needs calibration   8 needs to be zeroed again

Under zero the weight is sent as a magnitude, so it is read as negative; whether it stands still is not said.  With
status 1, 6, 7 and 8 the weight bytes mean nothing.  The number of decimals is the exponent's: raw 20 with exponent -3
is 0.020.  An exponent outside -6..3 is no scale's (a 20 t weighbridge
in tonnes has -3, a letter scale in ounces -2) and is taken for damage (our choice).

Report 4 comes in two shapes: two bytes, the status alone, between two reports 3 (Mettler Toledo PS60), and six bytes
that say the same as report 3.  USB tells them apart by length.  In a stream of bytes nothing does, so the decoder takes
the short one, and the session, which gets each report by itself, takes both.  Reports 1 (attributes), 5 (weight limit)
and 6 (statistics) are replies.  To the scale goes only report 2, ``02 02``: zero.

The first report after opening is stale: it waited in the scale since somebody last read it.  The session drops it.

Reports carry no check byte of their own; on the wire USB checks each packet, but in a recorded stream a flipped digit
would be another weight.  The link settings are not used.
Sources: USB HID Usage Tables, page 8D; the public usbscale driver and its list of devices.
"""

from decimal import Decimal

from protocol.formats import WireFormat
from protocol.framing import Scanner
from protocol.link import Link
from protocol.readings import Event, Garbage, Reply, State, Weighing
from protocol.session import Speaking, Wish

USAGE_PAGE, USAGE = 0x8D, 0x20

DATA, STATUS_ONLY = 3, 4
OTHERS = {1: "attributes", 5: "weight-limit", 6: "statistics"}
DATA_LENGTH, STATUS_LENGTH = 6, 2

FAULT, AT_ZERO, IN_MOTION, STABLE, UNDER_ZERO, OVER_LIMIT, NEEDS_CALIBRATION, NEEDS_ZERO = range(1, 9)
STATUSES = {
    FAULT: "fault",
    AT_ZERO: "stable-at-zero",
    IN_MOTION: "in-motion",
    STABLE: "stable",
    UNDER_ZERO: "under-zero",
    OVER_LIMIT: "over-limit",
    NEEDS_CALIBRATION: "needs-calibration",
    NEEDS_ZERO: "needs-zero",
}
WITHOUT_WEIGHT = {
    FAULT: State.ERROR,
    OVER_LIMIT: State.OVERLOAD,
    NEEDS_CALIBRATION: State.ERROR,
    NEEDS_ZERO: State.ERROR,
}
STABILITY = {AT_ZERO: True, IN_MOTION: False, STABLE: True, UNDER_ZERO: None}
ZERO = {AT_ZERO: True, IN_MOTION: None, STABLE: False, UNDER_ZERO: False}

UNITS = {
    1: "mg",
    2: "g",
    3: "kg",
    4: "ct",
    5: "tael",
    6: "gr",
    7: "dwt",
    8: "t",
    9: "ton",
    10: "ozt",
    11: "oz",
    12: "lb",
}
CODES = {unit: code for code, unit in UNITS.items()}
EXPONENTS = range(-6, 4)
ZERO_REPORT = b"\x02\x02"


def decode(report: bytes) -> Event:
    """One whole report."""
    if len(report) < STATUS_LENGTH:
        return Garbage(report, "shorter than any report")
    number, status = report[0], report[1]
    if number in OTHERS:
        return Reply(OTHERS[number], (("data", report[1:].hex()),), raw=report)
    if number not in (DATA, STATUS_ONLY):
        return Garbage(report, f"a scale has no report {number}")
    if status not in STATUSES:
        return Garbage(report, f"status {status} is none of 1..8")
    if number == STATUS_ONLY and len(report) == STATUS_LENGTH:
        return Reply("status", (("status", STATUSES[status]),), raw=report)
    if len(report) != DATA_LENGTH:
        return Garbage(report, f"report {number} has {len(report)} bytes")
    return _weighing(report)


def _weighing(report: bytes) -> Event:
    _, status, unit = report[:3]
    if unit not in UNITS and not (unit == 0 and status in WITHOUT_WEIGHT):
        return Garbage(report, f"unit {unit} is none of 1..12")
    if status in WITHOUT_WEIGHT:
        return Weighing(None, unit=UNITS.get(unit), state=WITHOUT_WEIGHT[status], raw=report)
    exponent = int.from_bytes(report[3:4], "big", signed=True)
    if exponent not in EXPONENTS:
        return Garbage(report, f"exponent {exponent} is none of {EXPONENTS[0]}..{EXPONENTS[-1]}")
    raw = int.from_bytes(report[4:6], "little")
    if status == UNDER_ZERO:
        raw = -raw
    return Weighing(
        value=Decimal(raw).scaleb(exponent),
        unit=UNITS[unit],
        stable=STABILITY[status],
        zero=ZERO[status],
        raw=report,
    )


def encode(reading: Weighing) -> bytes:
    """Report 3 of this reading. Raises ValueError when it does not fit, or when no status says it.

    A negative weight is sent as under zero, whatever its stability.  An error is sent as a fault.
    """
    if reading.value is None:
        if reading.state not in (State.OVERLOAD, State.ERROR):
            raise ValueError(f"no status says {reading.state.value} without a weight")
        status = OVER_LIMIT if reading.state is State.OVERLOAD else FAULT
        return bytes((DATA, status, CODES.get(reading.unit or "", 0), 0, 0, 0))
    if reading.unit not in CODES:
        raise ValueError(f"no unit {reading.unit!r}; there are: {', '.join(CODES)}")
    negative, digits, exponent = reading.value.as_tuple()
    number = int("".join(map(str, digits)))
    if exponent not in EXPONENTS or number > 0xFFFF:
        raise ValueError(f"{reading.value} does not fit 16 bits and an exponent of {EXPONENTS[0]}..{EXPONENTS[-1]}")
    if negative and number:
        status = UNDER_ZERO
    elif reading.stable:
        status = AT_ZERO if reading.zero else STABLE
    else:
        status = IN_MOTION
    head = bytes((DATA, status, CODES[reading.unit]))
    return head + int(exponent).to_bytes(1, "big", signed=True) + number.to_bytes(2, "little")


def is_scale(descriptor: bytes) -> bool:
    """Does this HID report descriptor describe a scale: is there a collection of usage page 8D, usage 20?"""
    page, usages, at = 0, [], 0
    while at < len(descriptor):
        prefix = descriptor[at]
        if prefix == 0xFE:  # a long item: its length stands in the next byte
            at += 3 + int.from_bytes(descriptor[at + 1 : at + 2], "little")
            continue
        size = (0, 1, 2, 4)[prefix & 0x03]
        value = int.from_bytes(descriptor[at + 1 : at + 1 + size], "little")
        kind = prefix & 0xFC
        if kind == 0x04:  # usage page
            page = value
        elif kind == 0x08:  # usage; four bytes carry a page of their own
            usages.append(value if size == 4 else page << 16 | value)
        elif prefix & 0x0C == 0:  # a main item uses up the usages
            if kind == 0xA0 and usages[:1] == [USAGE_PAGE << 16 | USAGE]:
                return True
            usages = []
        at += 1 + size
    return False


def measure(buffer: bytes) -> int | None:
    if buffer[0] not in (DATA, STATUS_ONLY):
        return 0
    if len(buffer) < STATUS_LENGTH:
        return None
    if buffer[1] not in STATUSES:
        return 0
    return STATUS_LENGTH if buffer[0] == STATUS_ONLY else DATA_LENGTH


def decoder() -> Scanner:
    """Reports one after the other, as in a file. Report 4 is two bytes here."""
    return Scanner(measure, decode, head=b"", cap=64, look=STATUS_LENGTH)


class Session(Speaking):
    """Listens; each call of ``receive`` brings one report, or several whole ones. The first report is dropped."""

    deadline: float | None = None

    def __init__(self) -> None:
        super().__init__()
        self._stream = decoder()
        self._stale = True

    def receive(self, data: bytes, now: float) -> list[Event]:
        long_status = len(data) == DATA_LENGTH and data[:1] == bytes((STATUS_ONLY,))
        whole = long_status or (len(data) > 0 and data[0] in OTHERS)
        events = [decode(data)] if whole else self._stream.feed(data) + self._stream.finish()
        if self._stale:
            first = next((at for at, event in enumerate(events) if isinstance(event, Weighing)), None)
            if first is not None:
                self._stale = False
                del events[first]
        return events

    def expired(self, now: float) -> list[Event]:
        return []

    def ask(self, wish: Wish, now: float) -> bool:
        if wish is Wish.ZERO and not self._out:
            self._out += ZERO_REPORT
        return wish is Wish.ZERO


FORMAT = WireFormat(
    id="hid_scale",
    kind="scale",
    title="USB HID point-of-sale scale, usage page 8D",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=Session,
    wire="usb-hid",
)

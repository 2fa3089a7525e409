"""DS18B20 thermometer on Linux: the text of its ``w1_slave`` file, two lines a reading.

    72 01 4b 46 7f ff 0e 10 57 : crc=57 YES
    72 01 4b 46 7f ff 0e 10 57 t=23125
    |                          |       thousandths of a degree Celsius
    |                          the kernel's check of the nine bytes: YES, or NO
    the sensor's memory

Only ``t=`` is read: the nine bytes are the kernel's to decode.  After NO there is no value.  Nine zero bytes pass the
check (CRC-8 of zeros is zero) but are no sensor's memory: the data line is shorted.

85000 is what the sensor's memory holds at power-up, before it has measured.  So 85 degrees are believed only after a
reading of 80 or more (our choice: a food probe does not jump there).  Outside -55 to 125 degrees is no reading.

The check guards the wire between sensor and kernel; the text itself comes from a file and has none.  The link settings
are not used: the transport is ``w1:/sys/bus/w1/devices/28-…/w1_slave``.
Sources: Linux kernel, w1_therm driver; Maxim DS18B20 data sheet; public readers of such files.
"""

import re
from decimal import Decimal

from protocol.formats import WireFormat
from protocol.framing import Lines
from protocol.link import Link
from protocol.readings import Event, Garbage, Measured, Reply
from protocol.session import Listening

MEMORY = rb"((?:[0-9a-f]{2} ){9})"
CHECK = re.compile(MEMORY + rb": crc=[0-9a-f]{2} (YES|NO)")
VALUE = re.compile(MEMORY + rb"t=(-?[0-9]{1,6})")
SHORTED = b"00 " * 9
POWER_UP = Decimal(85)
BELIEVED_FROM = Decimal(80)
LOWEST, HIGHEST = Decimal(-55), Decimal(125)
CHECKED = "checked"
LINE_CAP = 64


def decode(line: bytes) -> Event:
    """One line without its end. The first of the two, if its check is right, is a reply."""
    raw = line + b"\n"
    if found := CHECK.fullmatch(line):
        if found[2] == b"NO":
            return Garbage(raw, "the sensor's check is wrong: look at cable and pull-up")
        if found[1] == SHORTED:
            return Garbage(raw, "nothing but zeros: the data line is shorted")
        return Reply(CHECKED, (("memory", found[1].decode().strip()),), raw=raw)
    if found := VALUE.fullmatch(line):
        value = Decimal(int(found[2])).scaleb(-3)
        if not LOWEST <= value <= HIGHEST:
            return Garbage(raw, f"{value} degrees are out of the sensor's range")
        return Measured("temperature", value, "°C", raw=raw)
    return Garbage(raw, "not a line of w1_slave")


def encode(reading: Measured, memory: bytes = bytes.fromhex("72014b467fff0e1057"), *, ok: bool = True) -> bytes:
    """Both lines. The memory is not made to agree with the value."""
    text = memory.hex(" ")
    milli = int(reading.value.scaleb(3))
    return f"{text} : crc={memory[-1]:02x} {'YES' if ok else 'NO'}\n{text} t={milli}\n".encode()


class Decoder:
    """Pairs the lines: a temperature counts only right behind the line that says its check was right."""

    def __init__(self) -> None:
        self._lines = Lines(decode, terminator=b"\n", cap=LINE_CAP)
        self._checked: Reply | None = None
        self._before: Decimal | None = None

    def feed(self, data: bytes) -> list[Event]:
        return [event for line in self._lines.feed(data) for event in self._paired(line)]

    def finish(self) -> list[Event]:
        self._checked = None
        return self._lines.finish()

    def _paired(self, event: Event) -> list[Event]:
        checked, self._checked = self._checked, None
        if isinstance(event, Reply):
            self._checked = event
            return []
        if not isinstance(event, Measured):
            return [event]
        if checked is None or (checked.get("memory") or "") != event.raw.decode().partition(" t=")[0]:
            return [Garbage(event.raw, "no check before it")]
        raw = checked.raw + event.raw
        if event.value == POWER_UP and (self._before is None or self._before < BELIEVED_FROM):
            return [Reply("not-measured", (("text", "85 degrees: the sensor has just been powered up"),), raw=raw)]
        self._before = event.value
        return [Measured(event.what, event.value, event.unit, raw=raw)]


def session() -> Listening:
    return Listening(Decoder())


FORMAT = WireFormat(
    id="w1_thermometer",
    kind="probe",
    title="DS18B20 thermometer on 1-Wire, by Linux's w1_slave file",
    link=Link(9600),
    polled=False,
    checked=True,
    confidence="high",
    decoder=Decoder,
    session=session,
    wire="w1",
)

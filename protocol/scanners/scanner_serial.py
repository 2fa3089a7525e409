"""Barcode scanners and card readers with a serial line, or with USB as a virtual one: the code, and CR, LF or both.

    6 9 0 1 2 3 4 5 6 7 8 9 2 <CR><LF>

UTF-8 where it is, else GB18030.  STX in front, ETX or a tab behind are those of scanners set so.  A scanner that sends
no end is understood by the pause of ``rest`` seconds behind its code.  9600/8n1 as most are delivered; a virtual line
has any speed.  No check: that of the code itself is looked at where it is used.

Source: practice, from bug reports; keyboards garble codes where these do not (``scanner_hid``).
"""

import re
from typing import Annotated

from pydantic import Field

from protocol.formats import WireFormat
from protocol.link import Link
from protocol.options import FormatOptions
from protocol.readings import Event, Garbage, Scan
from protocol.scanners.shared import LONGEST, cut, scan
from protocol.session import UntilPause

END = re.compile(rb"[\r\n\t\x03]")
BLANKS = b" \t\r\n\0\x02\x03"
CAP = LONGEST * 4
ENCODINGS = ("utf-8", "gb18030")


class Options(FormatOptions):
    rest: Annotated[float, Field(ge=0.05, le=5, description="a pause of so many seconds ends a code")] = 0.3


def decode(line: bytes) -> Event | None:
    """One code with its end; None for an end alone."""
    said = line.strip(BLANKS)
    if not said:
        return None
    for encoding in ENCODINGS:
        try:
            return scan(said.decode(encoding), line)
        except UnicodeDecodeError:
            continue
    return Garbage(line, "not a text; check speed and parity")


def encode(reading: Scan, *, encoding: str = "utf-8", ending: bytes = b"\r\n") -> bytes:
    """The code as a scanner sends it. Raises ValueError for one with an end inside."""
    said = reading.text.encode(encoding)
    if END.search(said):
        raise ValueError(f"{reading.text!r} has the end of a code inside")
    return said + ending


class Decoder:
    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._lost = False  # the beginning of what stands in the buffer was thrown away

    @property
    def begun(self) -> bool:
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Event]:
        self._buffer += data
        events: list[Event] = []
        while found := END.search(self._buffer, self._searched):
            events += self._take(found.end())
        self._searched = len(self._buffer)
        if self._searched > CAP:
            events.append(Garbage(bytes(self._buffer), f"no end of a code within {CAP} bytes"))
            self._buffer.clear()
            self._searched, self._lost = 0, True
        return events

    def rest(self) -> list[Event]:
        """A pause: the code is over."""
        return self._take(len(self._buffer))

    def finish(self) -> list[Event]:
        left = bytes(self._buffer)
        self._take(len(self._buffer))
        return cut(left)

    def _take(self, end: int) -> list[Event]:
        line, lost = bytes(self._buffer[:end]), self._lost
        del self._buffer[:end]
        self._searched, self._lost = 0, False
        if lost:
            return [Garbage(line, "the end of a code that was too long")] if line else []
        event = decode(line)
        return [event] if event is not None else []


def decoder() -> Decoder:
    return Decoder()


def session(options: Options) -> UntilPause:
    return UntilPause(Decoder(), options.rest)


FORMAT = WireFormat(
    id="scanner_serial",
    kind="scanner",
    title="Barcode scanners and card readers with a serial line",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=session,
    options=Options,
    repeats=False,
    links=(Link(115200), Link(19200)),
)

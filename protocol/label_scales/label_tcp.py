r"""Label scales that upload each label they print, as a TCP client of ours (DP-401 and kin): what they sold themselves.

    SCALE-07                         once after connecting: the scale's number
    HB                               every 30 s
    KONTROLLU AKTAR OK?              is anybody there to take a transfer? Also between sales
    00012,06:25:17,30.01.2026,DANA KIYMA,000000000412,0000,KAAN,0000002350,0000000020,0000002330,2,0,2,1,N,SHOP<CR><LF>
    |     |        |          |          |            |    |    |          |          |          |         company
    PLU   time     date       name (16)  |            code |    gross      tare       net        flags
                                         article (12)      operator (48)

We answer ``OK<LF>`` to a sale and to the question, in the order they came; without it the scale sends no more.  A sale
is answered once it is on the disk.

Packets have no end of their own and come cut and glued.  One source says that sales end with a line end, as its program
wants it, another that they have none: so a line end, the beginning of the next packet or a pause of ``rest`` seconds
ends a sale.  ``P"`` may stand before the PLU behind an answer.

Each label comes twice: when it is weighed and when it is printed, with times that differ by ``twice`` seconds at most.
Both are handed over, each with an identity of its own; ``alike`` is what they have in common.  So two equal labels
within so short a time count as one.

The masses are in grams or in tenths of a kilogram, by a setting of the scale that the line does not tell.  Gross is
tare and net, so all three have one unit.  ``unit`` says which; ``auto`` takes a net mass from 1000 on as grams and a
gross mass below 100 as tenths, and leaves what lies between to a person: 250 may be 250 g or 25 kg.  No price is sent.

Source: the interface document and the parser of one public program for these scales, with two example lines, 14 tenths
and 9676 g.  Its own rule is *below 1000 are tenths*, for each mass by itself; that 100 to 999 stay open is ours.  What
``code`` and the flags mean is not known.  Names are in the scale's code page: Turkish in the examples, by ``text`` also
GB18030.
"""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from protocol.files import digest
from protocol.formats import WireFormat
from protocol.framing import CUT
from protocol.link import Link
from protocol.options import FormatOptions
from protocol.plain import plain
from protocol.readings import Event, Garbage, LabelSale, Reply
from protocol.session import Speaking, UntilPause

PORT = 8899
CAP = 512
OK = b"OK\n"
HEARTBEAT, QUESTION = b"HB", b"KONTROLLU AKTAR OK?"
BLANKS = b" \r\n\0"
LEAST_COMMAS = 9  # of a line that is a sale, whatever else is wrong with it
GRAMS_FROM, TENTHS_BELOW, TENTH_G = 1000, 100, 100
NAME_LETTERS, LINE_LETTERS = 120, 400
_START = rb"[0-9]{5},[0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{2}\.[0-9]{2}\.[0-9]{4},"
_OWN = re.compile(rb"[P\" ]*" + _START)
_END = re.compile(rb"[\r\n]|SCALE-[0-9]{2}|" + re.escape(QUESTION) + rb"|(?<![0-9])" + _START)
_LONGEST_START = 32
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_PACKETS = {b"SCALE-00": "scale", HEARTBEAT: "heartbeat", QUESTION: "question"}
_LINE = re.compile(
    r"(?P<plu>[0-9]{5}),(?P<time>[^,]*),(?P<date>[^,]*),(?P<name>.*?),(?P<article>[0-9]{5,13}),(?P<code>[^,]*),"
    r"(?P<operator>.*?),(?P<gross>[0-9]{10}),(?P<tare>[0-9]{10}),(?P<net>[0-9]{10})(?:,(?P<rest>.*))?"
)


class Reading(FormatOptions):
    """How a line reads."""

    unit: Annotated[
        Literal["auto", "g", "100g"],
        Field(description="the unit of the masses, as the scale is set; auto by their size"),
    ] = "auto"
    text: Annotated[Literal["cp1254", "gb18030", "utf-8"], Field(description="the code page of the names")] = "cp1254"
    twice: Annotated[
        int, Field(ge=0, le=10, description="each label comes twice within so many seconds; 0: it comes once")
    ] = 2


class Options(Reading):
    """And when one without an end is over."""

    rest: Annotated[float, Field(ge=0.2, le=10, description="a pause of so many seconds ends a sale")] = 1.0


# --- a line to a sale -----------------------------------------------------------------------------------------------


def decode(line: bytes, reading: Reading | None = None, scale: str = "") -> LabelSale | Garbage:
    """One line without its end; ``scale`` is the number that the scale gave itself."""
    reading = reading or Reading()
    said = line.strip(BLANKS).lstrip(b'P" ')
    text = said.decode(reading.text, "replace")
    found = _LINE.fullmatch(text)
    if found is None:
        if said.count(b",") < LEAST_COMMAS:
            return Garbage(line, "no sale: too few fields")
        whole = plain(text, LINE_LETTERS)
        return LabelSale("", "", "", None, None, digest(said), whole, scale=scale, doubts=("unread",), raw=line)
    gross, tare, net = (int(found[name]) for name in ("gross", "tare", "net"))
    unit_g, doubts = _unit_g(gross, tare, net, reading.unit)
    at = _moment(found["date"], found["time"])
    alike = ",".join(found[name] for name in ("plu", "article", "gross", "tare", "net"))
    return LabelSale(
        plu=found["plu"],
        article=found["article"],
        name=plain(found["name"], NAME_LETTERS),
        sold_at=at,
        net_g=net * unit_g if unit_g else None,
        gross_g=gross * unit_g if unit_g else None,
        tare_g=tare * unit_g if unit_g else None,
        identity=digest(_without_company(said)),
        alike=digest(alike.encode()) if at and reading.twice else "",
        twice_s=reading.twice,
        text=plain(text, LINE_LETTERS),
        operator=plain(found["operator"], NAME_LETTERS),
        scale=scale,
        doubts=(*doubts, *(() if at else ("time",))),
        raw=line,
    )


def _unit_g(gross: int, tare: int, net: int, unit: str) -> tuple[int, tuple[str, ...]]:
    """Grams that a count of one is; 0 with the doubt where that is not certain."""
    if gross != tare + net:
        return 0, ("sum",)
    if not net:
        return 0, ("empty",)
    if unit != "auto":
        return (1 if unit == "g" else TENTH_G), ()
    if net >= GRAMS_FROM:
        return 1, ()
    return (TENTH_G, ()) if gross < TENTHS_BELOW else (0, ("unit",))


def _moment(date: str, time: str) -> datetime | None:
    try:
        return datetime.strptime(f"{date} {time}", "%d.%m.%Y %H:%M:%S")  # noqa: DTZ007 - a scale has no zone
    except ValueError:
        return None


def _without_company(said: bytes) -> bytes:
    """Without what stands behind the masses: of a line that is ended by a pause it may be cut."""
    return re.sub(rb"((?:,[0-9]{10}){3}),.*$", rb"\1", said)


# --- a sale to a line -----------------------------------------------------------------------------------------------


def encode(sale: LabelSale, *, tenths: bool = False, text: str = "cp1254", ending: bytes = b"\r\n") -> bytes:
    """The sale as the scale sends it, in grams or tenths of a kilogram. Raises ValueError for what does not fit."""
    masses = [sale.gross_g, sale.tare_g, sale.net_g]
    step = TENTH_G if tenths else 1
    if sale.sold_at is None or any(mass is None or mass % step for mass in masses):
        raise ValueError(f"{sale} does not fit")
    line = ",".join(
        (
            f"{sale.plu:>05}",
            f"{sale.sold_at:%H:%M:%S}",
            f"{sale.sold_at:%d.%m.%Y}",
            f"{sale.name:<16}",
            f"{sale.article:>012}",
            "0000",
            f"{sale.operator:<48}",
            *(f"{(mass or 0) // step:010}" for mass in masses),
            *("1,0,1,1" if tenths else "2,0,2,1", "N", "MARKET"),
        )
    )
    said = line.encode(text)
    if _LINE.fullmatch(line) is None or len(said) > CAP or set(said) & set(b"\r\n\0"):
        raise ValueError(f"{sale} does not fit")
    return said + ending


# --- the stream -----------------------------------------------------------------------------------------------------


class Decoder:
    """Cuts the stream into packets; what is none of the three short ones is a line until its end."""

    def __init__(self, reading: Reading | None = None) -> None:
        self._reading = reading or Reading()
        self._buffer = bytearray()
        self._searched = 0
        self._in_line = self._too_long = False
        self._scale = ""

    @property
    def begun(self) -> bool:
        """Whether a line has begun that a pause may end."""
        return self._in_line

    def feed(self, data: bytes) -> list[Event]:
        self._buffer += data
        events: list[Event] = []
        while self._line(events) if self._in_line else self._packet(events):
            pass
        return events

    def rest(self) -> list[Event]:
        """A pause: the line is over."""
        events: list[Event] = []
        if self._in_line:
            self._end(len(self._buffer), events)
        return events

    def finish(self) -> list[Event]:
        left = bytes(self._buffer).strip(BLANKS)
        self._buffer.clear()
        self._in_line = self._too_long = False
        return [Garbage(left, CUT)] if left else []

    def _packet(self, events: list[Event]) -> bool:
        """A short packet, or the beginning of a line; False when more bytes are needed."""
        blanks = len(self._buffer) - len(self._buffer.lstrip(BLANKS))
        del self._buffer[:blanks]
        seen = bytes(self._buffer[: len(QUESTION)]).translate(_DIGITS)
        if not seen:
            return False
        for head, what in _PACKETS.items():
            if seen.startswith(head):
                raw = bytes(self._buffer[: len(head)])
                del self._buffer[: len(head)]
                if what == "scale":
                    self._scale = raw.decode()
                events.append(Reply(what, (("number", raw[-2:].decode()),) if what == "scale" else (), raw))
                return True
        if any(head.startswith(seen) for head in _PACKETS):
            return False
        self._in_line, self._searched = True, 1
        return True

    def _line(self, events: list[Event]) -> bool:
        own = _OWN.match(self._buffer)
        found = _END.search(self._buffer, max(self._searched - _LONGEST_START, own.end() if own else 1))
        if found is not None:
            self._end(found.start(), events)
            return True
        self._searched = len(self._buffer)
        if self._searched > CAP:
            events.append(Garbage(bytes(self._buffer), f"no end of a sale within {CAP} bytes"))
            self._buffer.clear()
            self._searched, self._too_long = 1, True
        return False

    def _end(self, end: int, events: list[Event]) -> None:
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        if self._too_long:
            events.append(Garbage(line, "the end of a line that was too long"))
        else:
            events.append(decode(line, self._reading, self._scale))
        self._in_line = self._too_long = False


class Session(Speaking):
    """Answers what has to be answered, in the order it came: the question at once, a sale when it is on the disk.

    A scale that gives its number has connected anew: what the connection before was owed is owed no more.
    """

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._line = UntilPause(Decoder(options), options.rest)
        self._owed: list[str] = []  # identities of sales; empty for what may be answered

    @property
    def deadline(self) -> float | None:
        return self._line.deadline

    def receive(self, data: bytes, now: float) -> list[Event]:
        return self._owe(self._line.receive(data, now))

    def expired(self, now: float) -> list[Event]:
        return self._owe(self._line.expired(now))

    def committed(self, now: float) -> None:
        self._owed = [""] * len(self._owed)
        self._answer()

    def committed_one(self, identity: str, now: float) -> None:
        if identity in self._owed:
            self._owed[self._owed.index(identity)] = ""
            self._answer()

    def _owe(self, events: list[Event]) -> list[Event]:
        """The same events, and what is owed for them."""
        for event in events:
            match event:
                case Reply(what="scale"):
                    self._owed.clear()
                    self._out.clear()
                case Reply(what="question"):
                    self._owed.append("")
                case LabelSale():
                    self._owed.append(event.identity)
        self._answer()
        return events

    def _answer(self) -> None:
        while self._owed and not self._owed[0]:
            del self._owed[0]
            self._out += OK


def decoder(reading: Reading) -> Decoder:
    return Decoder(reading)


def session(options: Options) -> Session:
    return Session(options)


FORMAT = WireFormat(
    id="label_tcp",
    kind="label_scale",
    title="Label scales that upload what they sold, by TCP",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="medium",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Reading,
)

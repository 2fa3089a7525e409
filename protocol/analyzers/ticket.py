r"""What a tester prints, caught on its printer line: ESC/POS with a ticket in it.

    1B 40  1C 26 1B 39 00  1B 61 01  1C 21 0C  0D 0A C5 A9 D2 A9 B2 D0 C1 F4 0D 0A  …      农药残留
    reset  Chinese, GBK    centre    double    title

Commands are taken out by table (``ESC``, ``FS``, ``GS``, ``DLE``; of an unknown one its two bytes), 02, 05, 09 part
columns, text is GB18030.  A ticket ends with three line feeds right behind one another, a cut, or two seconds of
silence.  The tester may ask its printer how it is; it gets its answer at once, or it would not print:

    10 04 n  ->  12      ready, paper there                1D 72 n  ->  00      the same

Layouts say what the lines mean (``_ticket_layout``).  Ours are Dayuan's (DY-3500, DY-3000(BX1)) of all years:

    编号 05 样品名称 05 检测结果 05 判定结果 0D 0A             columns parted by blanks in later programs,
    32 x -                                                  which print upside down, last line first, and cut long
    00001 02 青菜 02 12.5 02 合格 0D 0A                      lines at 30 bytes
    32 x -

Taiyang's, of which we know the words (and that large concentrations are printed without decimals: 14378) but not the
spacing, nor how a channel looks that was not used (its number alone is taken; blank lines would end the ticket, and
what follows would be handed over unread).  The SPOTCHEM EL (SE-1520) prints nothing there but sends each measurement as
one line between STX and ETX:

    02 26/01/05 08:30 ID# A0017  [B. Plasma] Na     140  mmol/L K      4.1  mmol/L Cl     102  mmol/L     03

Such a line is read when its ETX is there, whatever stands before it.  Other layouts come as TOML text in the option
``layouts``; they are tried before ours.

A ticket that fits no layout is handed over as it is (``Ticket``), never dropped.  The same ticket printed again gives
results of the same identity: layout, item, number, name, value, conclusion and time; where it has no time, all it says.

There is no check byte: a flipped digit gives another number, name or time; a flipped blank or command, mostly a ticket
nobody can read.  Results are therefore not sure (``TestResult.sure``) until the same ticket was printed once more.
Testers' heads take 9600/8n1 as a rule.
Sources: the ticket code of the maker's programs for DY-3500 and DY-3000(BX1), three versions (UploadSoftWare, 2019,
public); Taiyang's paper on its print-out, same place; a receiver for the SE-1520 (senaite.astm, public); Epson's
ESC/POS commands.
"""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from protocol.analyzers.shared import stating
from protocol.analyzers.shared import ticket_layout as layouts
from protocol.analyzers.shared.dialogue import Twice
from protocol.analyzers.shared.ticket_layout import Layout, Unreadable
from protocol.formats import WireFormat
from protocol.frozen import frozen
from protocol.link import Link
from protocol.options import FormatOptions, Seconds
from protocol.readings import Event, Garbage, TestResult, Ticket, Verdict
from protocol.session import Speaking

TICKET_CAP = 1 << 18
FEEDS = 3
SILENCE_SECONDS = 2.0
ASKED = {b"\x10\x04": b"\x12", b"\x1d\x72": b"\x00"}

# How many bytes follow the two of a command.
ESC = {
    **dict.fromkeys(b"@2im<", 0),
    **dict.fromkeys(b" !%-3=?9AEGJKMQRSTUVadrt{", 1),
    **dict.fromkeys(b"$\\Bc", 2),
    ord("p"): 3,
}
FS = {**dict.fromkeys(b"&.", 0), **dict.fromkeys(b"!-CW", 1), **dict.fromkeys(b"Sp", 2)}
GS = {**dict.fromkeys(b":", 0), **dict.fromkeys(b"!/BHIZabfhrw", 1), **dict.fromkeys(b"$LPW\\", 2)}
DLE = {0x04: 1, 0x05: 1, 0x14: 3}
TABLE = {0x1B: ESC, 0x1C: FS, 0x1D: GS, 0x10: DLE}
CUTS = (b"\x1bi", b"\x1bm", b"\x1dV")
PARTED = bytes.maketrans(b"\x02\x05", b"\t\t")
SILENT = bytes(set(range(0x20)) - set(b"\t\n\x02\x05"))

OURS = layouts.parse(layouts.OURS)


# --- bytes to pieces ------------------------------------------------------------------------------------------------


class Kind(Enum):
    TEXT = "text"
    FEED = "feed"
    COMMAND = "command"
    ASKED = "asked"
    CUT = "cut"
    END = "end of a text that began with STX"


@frozen
class Piece:
    """Text, a line feed, or a whole command."""

    kind: Kind
    raw: bytes


STX, ETX = b"\x02", b"\x03"
LINE = re.compile(rb"\x02[\x20-\x7e]*")
LONGEST_LINE = 512
SPECIAL = re.compile(rb"[\x03\x0a\x10\x1b-\x1d]")


class Tape:
    """Cuts the stream into pieces. A command that says it is longer than ``TICKET_CAP`` is none."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Piece]:
        self._buffer += data
        pieces: list[Piece] = []
        at = 0
        while at < len(self._buffer):
            length = self._length(at)
            if length is None or (at + length > len(self._buffer) and length <= TICKET_CAP):
                break
            if length > TICKET_CAP:
                length = 2
            raw = bytes(self._buffer[at : at + length])
            pieces.append(Piece(_kind(raw), raw))
            at += length
        del self._buffer[:at]
        return pieces

    def finish(self) -> list[Piece]:
        """What is left of a command."""
        left = bytes(self._buffer)
        self._buffer.clear()
        return [Piece(Kind.COMMAND, left)] if left else []

    def _length(self, at: int) -> int | None:
        """How long the piece is that begins here; None when more bytes are needed to tell."""
        byte = self._buffer[at]
        if byte in (0x0A, ETX[0]):
            return 1
        if byte not in TABLE:
            found = SPECIAL.search(self._buffer, at)
            return min((found.start() if found else len(self._buffer)) - at, TICKET_CAP)
        head = bytes(self._buffer[at : at + 8])
        if len(head) < 2:
            return None
        if head[:2] in _LONG:
            return _LONG[head[:2]](self._buffer, at)
        return 2 + TABLE[byte].get(head[1], 0)


def _kind(raw: bytes) -> Kind:
    if raw == b"\n" or raw[:2] == b"\x1bd":
        return Kind.FEED
    if raw == ETX:
        return Kind.END
    if raw[0] not in TABLE:
        return Kind.TEXT
    if raw[:2] in ASKED:
        return Kind.ASKED
    return Kind.CUT if raw[:2] in CUTS else Kind.COMMAND


Measure = Callable[[bytearray, int], int | None]


def _counted(skip: int, size: int = 2) -> Measure:
    """A command with ``skip`` bytes, then the length of its data, low byte first."""

    def measure(buffer: bytearray, at: int) -> int | None:
        head = buffer[at : at + skip + size]
        return skip + size + int.from_bytes(head[skip:], "little") if len(head) == skip + size else None

    return measure


def _stops(buffer: bytearray, at: int) -> int | None:
    """ESC D: tab stops up to a NUL."""
    end = buffer.find(b"\0", at + 2, at + 2 + 33)
    return end + 1 - at if end >= 0 else 2 if len(buffer) - at > 35 else None


def _picture(buffer: bytearray, at: int) -> int | None:
    """ESC *: columns of one or three bytes."""
    head = buffer[at : at + 5]
    return 5 + int.from_bytes(head[3:], "little") * (3 if head[2] >= 32 else 1) if len(head) == 5 else None


def _raster(buffer: bytearray, at: int) -> int | None:
    """GS v 0: rows of whole bytes."""
    head = buffer[at : at + 8]
    return 8 + int.from_bytes(head[4:6], "little") * int.from_bytes(head[6:], "little") if len(head) == 8 else None


def _stored(buffer: bytearray, at: int) -> int | None:
    """GS *: a picture of x times y times 8 bytes."""
    head = buffer[at : at + 4]
    return 4 + head[2] * head[3] * 8 if len(head) == 4 else None


def _barcode(buffer: bytearray, at: int) -> int | None:
    """GS k: digits up to a NUL, or counted."""
    head = buffer[at : at + 4]
    if len(head) < 4:
        return None
    if head[2] >= 65:
        return 4 + head[3]
    end = buffer.find(b"\0", at + 3, at + 3 + 256)
    return end + 1 - at if end >= 0 else 3 if len(buffer) - at > 259 else None


def _cutting(buffer: bytearray, at: int) -> int | None:
    """GS V: with a feed before it when the number is a letter's."""
    head = buffer[at : at + 3]
    return (4 if head[2] >= 65 else 3) if len(head) == 3 else None


_LONG: dict[bytes, Measure] = {
    b"\x1bD": _stops,
    b"\x1b*": _picture,
    b"\x1bZ": _counted(5),
    b"\x1d(": _counted(3),
    b"\x1d*": _stored,
    b"\x1dv": _raster,
    b"\x1dk": _barcode,
    b"\x1dV": _cutting,
}


def text(raw: bytes) -> str:
    """The paper's text: commands taken out, columns parted by TAB."""
    tape = Tape()
    pieces = tape.feed(raw) + tape.finish()
    shown = b"".join(_shown(piece) for piece in pieces)
    return shown.translate(PARTED, SILENT).decode("gb18030", "replace")


def _shown(piece: Piece) -> bytes:
    if piece.kind is Kind.FEED:
        return b"\n" * _feeds(piece)
    return piece.raw if piece.kind is Kind.TEXT else b""


def _feeds(piece: Piece) -> int:
    return 1 if piece.raw == b"\n" else piece.raw[2]


# --- tickets to values ----------------------------------------------------------------------------------------------


def decode(raw: bytes, known: Sequence[Layout] = OURS) -> list[Event]:
    """One whole ticket: its results, or the ticket itself when no layout fits."""
    paper = text(raw)
    if not any(sign.isalnum() for sign in paper):
        return [Garbage(raw, "nothing readable was printed")] if paper.strip() else []
    why = "no layout knows its lines"
    for layout in known:
        try:
            return list(layouts.read(layout, paper))
        except Unreadable as error:
            if any(layout.begin.fullmatch(line.strip()) for line in paper.replace("：", ":").split("\n")):
                why = f"{layout.id}: {error}"
    return [Ticket(raw, paper.strip("\n"), why, stating.identity("ticket", raw.hex()))]


class Decoder:
    """Cuts the stream into tickets and reads them. The end of the stream ends a ticket too."""

    def __init__(self, known: Sequence[Layout] = OURS, twice: Twice | None = None) -> None:
        self._known = known
        self._twice = twice
        self._tape = Tape()
        self._raw = bytearray()
        self._feeds = 0
        self._printed = False
        self.asked = bytearray()  # answers to the printer's questions, for the session to send

    @property
    def open(self) -> bool:
        """Something stands on a ticket that has not ended."""
        return bool(self._raw)

    def feed(self, data: bytes) -> list[Event]:
        return [event for piece in self._tape.feed(data) for event in self._piece(piece)]

    def finish(self) -> list[Event]:
        return [event for piece in self._tape.finish() for event in self._piece(piece)] + self._end()

    def _piece(self, piece: Piece) -> list[Event]:
        """The ticket goes on with this; what is in it does not depend on where the stream was cut."""
        if piece.kind is Kind.ASKED:
            self.asked += ASKED[piece.raw[:2]]
            return []
        if piece.kind is Kind.END and (start := self._framed()) is not None:
            text = bytes(self._raw[start:]) + piece.raw
            del self._raw[start:]
            return self._end() + self._judged(text)
        if piece.kind in (Kind.TEXT, Kind.END):
            return self._text(piece.raw)
        ended = self._end() if len(self._raw) + len(piece.raw) > TICKET_CAP else []
        if not self._raw and piece.kind in (Kind.FEED, Kind.CUT):
            return ended  # paper between two tickets
        self._raw += piece.raw
        self._feeds = self._feeds + _feeds(piece) if piece.kind is Kind.FEED else 0
        over = piece.kind is Kind.CUT or (self._printed and self._feeds >= FEEDS)
        return ended + (self._end() if over else [])

    def _framed(self) -> int | None:
        """Where the text began that an ETX ends: one line behind an STX, which in printed tickets parts columns."""
        start = self._raw.rfind(STX, max(0, len(self._raw) - LONGEST_LINE))
        return start if start >= 0 and LINE.fullmatch(self._raw, start) else None

    def _text(self, raw: bytes) -> list[Event]:
        events: list[Event] = []
        while raw := raw if self._raw else raw.lstrip(b"\r\0"):
            part, raw = raw[: TICKET_CAP - len(self._raw)], raw[TICKET_CAP - len(self._raw) :]
            self._raw += part
            self._feeds = 0 if part.strip(b"\r") else self._feeds
            self._printed = self._printed or bool(part.strip(b"\r \0"))
            if raw:
                events += self._end()
        return events

    def _end(self) -> list[Event]:
        raw, printed = bytes(self._raw), self._printed
        self._raw.clear()
        self._feeds, self._printed = 0, False
        return self._judged(raw) if printed else []

    def _judged(self, raw: bytes) -> list[Event]:
        found = decode(raw, self._known)
        return self._twice.judged(found) if self._twice else found


Layouts = Annotated[
    tuple[Layout, ...],
    BeforeValidator(lambda text: layouts.parse(text) if isinstance(text, str) else text),
    Field(description="layouts of tickets as TOML text, usually layouts_file"),
    WithJsonSchema({"type": "string"}, mode="validation"),
]


class Reading(FormatOptions):
    layouts: Layouts = ()


class Options(Reading):
    silence: Annotated[Seconds, Field(description="seconds without a byte that end a ticket")] = SILENCE_SECONDS


def decoder(options: Reading) -> Decoder:
    return Decoder((*options.layouts, *OURS))


class Session(Speaking):
    """Stands in for the printer: reads the tickets and says that there is paper."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._decoder = Decoder((*options.layouts, *OURS), Twice())
        self._silence = options.silence
        self.deadline: float | None = None

    def receive(self, data: bytes, now: float) -> list[Event]:
        events = self.expired(now) if self.deadline is not None and now >= self.deadline else []
        events = events + self._decoder.feed(data)
        self._out += self._decoder.asked
        self._decoder.asked.clear()
        self.deadline = now + self._silence if self._decoder.open else None
        return events

    def expired(self, now: float) -> list[Event]:
        self.deadline = None
        return self._decoder.finish()


# --- values to tickets ----------------------------------------------------------------------------------------------

STYLES = ("2015", "2016", "wrapped", "taiyang", "spotchem-el")
RESET = b"\x1b@\x1c&\x1b9\x00"
TITLE = RESET + b"\x1ba\x01\x1c!\x0c"
PLAIN = RESET + b"\x1c!\x00"
TABS = b"\x1bD\x0a\x18\x00"
RULE = "-" * 32
WRAP = 30
WORDS = {
    Verdict.QUALIFIED: "合格",
    Verdict.SUSPECT: "可疑",
    Verdict.UNQUALIFIED: "不合格",
    Verdict.INVALID: "无效",
}


def encode(results: Sequence[TestResult], style: str = "2015") -> bytes:
    """The ticket with these results, as the maker's program of that year prints it, or as another maker's tester does.

    They share unit, time, control and, but for the SPOTCHEM EL, item, which are those of the first.  Raises ValueError
    for what a ticket cannot say.
    """
    if style == "taiyang":
        return _taiyang(results)
    if style == "spotchem-el":
        return _spotchem(results)
    rows = [_cells(result) for result in results]
    first = results[0]
    labels = {
        "检测设备": "DY-3500",
        "检测类别" if style == "2015" else "检测方法": "分光光度",
        "检测日期": first.measured_at.isoformat(" ") if first.measured_at else "",
        "检测值单位" if style == "wrapped" else "单位": first.unit or "",
    }
    control = "" if first.control is None else f"对照值：△A={first.control:.3f}   Abs"
    if style == "2015":
        head = "".join(f"\r\n{label}：{value}" for label, value in labels.items() if value)
        table = "".join("\x02".join(row) + "\r\n" for row in rows)
        return (
            TITLE + _gbk(f"\r\n{first.item}\r\n") + PLAIN + _gbk(f"{head}\r\n\r\n") + TABS + b"\x1c!\x00"
            + _gbk("\x05".join(("编号", "样品名称", "检测结果", "判定结果")) + f"\r\n{RULE}{table}{RULE}\r\n")
            + _gbk((control and f"{control}\r\n") + "\r\n检测人员：\r\n审核人员：" + "_" * 21 + "\r\n" * 3)
        )  # fmt: skip
    colon, wrap = (":", WRAP) if style == "wrapped" else ("：", 0)
    parts = [f"审核人员{colon}" + "_ " * 11, f"检测人员{colon}", "", *([control, ""] if control else []), RULE]
    parts += [piece for row in rows for piece in _wrapped(" ".join(row).replace("  ", "   "), wrap)]
    parts += [RULE]
    body = "".join(f"\r\n{part}" for part in parts).replace("：", colon)
    titles = "\x05".join(f"{title}     " for title in ("编号", "名称", "结果", "判定"))
    upward = [piece for label, value in reversed(labels.items()) for piece in _wrapped(f"{label}{colon}{value}", wrap)]
    title = "".join(f"\r\n{piece}" for piece in _wrapped(first.item, 14 if wrap else 0))
    return (
        _gbk(f"{body}\r\n{titles}") + TABS + b"\x1c!\x00" + _gbk("".join(f"\r\n{part}" for part in upward) + "\r\n\r\n")
        + TITLE + _gbk(f"{title}\r\n") + PLAIN + b"\r\n" * 14
    )  # fmt: skip


def _taiyang(results: Sequence[TestResult]) -> bytes:
    first, by_channel = results[0], {result.channel: result for result in results}
    if first.measured_at is None or not set(by_channel) <= set("12345678"):
        raise ValueError("a Taiyang ticket has a time and the channels 1 to 8")
    at = first.measured_at
    lines = [f"信息 01/01 {first.item} {at:%Y-%m-%d}", f"{at:%H:%M:%S}", f"吸光度  浓度（{first.unit}）"]
    for channel in "12345678":
        result = by_channel.get(channel)
        if result is not None and result.value is None:
            raise ValueError(f"channel {channel} has no number")
        lines.append(f"{channel} 0.000 {result.value:f}" if result else channel)
    return RESET + _gbk("\r\n".join(lines) + "\r\n" * 4)


def _spotchem(results: Sequence[TestResult]) -> bytes:
    first = results[0]
    if first.measured_at is None or not first.sample or any(result.value is None for result in results):
        raise ValueError("a line of the SPOTCHEM EL has a time, a sample and numbers")
    said = " ".join(f"{result.item:<2}{result.value:>10f}  {result.unit or '':<6}" for result in results)
    head = f"{first.measured_at:%y/%m/%d %H:%M} ID# {first.sample:<10} [B. Plasma] "
    return STX + (head + said).encode("ascii") + b" " * 14 + ETX


def _cells(result: TestResult) -> tuple[str, str, str, str]:
    stated = format(result.value, "f") if result.value is not None else result.text or ""
    sample = result.sample or ""
    if not sample.isdecimal() or int(sample) > 99999 or not stated or result.verdict not in WORDS:
        raise ValueError(
            f"sample {sample!r}, {stated!r}, {result.verdict}: need a number up to 99999, a result, a verdict"
        )
    return f"{int(sample):05d}", result.name or "", stated, WORDS[result.verdict]


def _wrapped(line: str, width: int) -> list[str]:
    """The line in pieces of at least ``width`` bytes, the last first, as the program prints them upside down."""
    if not width or len(line) <= width // 2:
        return [line]
    pieces, piece = [], ""
    for sign in line:
        piece += sign
        if len(_gbk(piece)) >= width:
            pieces.append(piece)
            piece = ""
    return [*pieces, piece][::-1]


def _gbk(text: str) -> bytes:
    return text.encode("gb18030")


FORMAT = WireFormat(
    id="ticket",
    kind="analyzer",
    title="Tickets caught on a tester's printer line",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="medium",
    decoder=decoder,
    session=Session,
    options=Options,
    reading=Reading,
    links=(Link(115200), Link(19200)),
    calls=(b"\x10\x04\x01", b"\x1dr\x01"),
)

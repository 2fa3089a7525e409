r"""HL7 version 2 results (ORU^R01) in MLLP blocks, on TCP or a serial line.

    0B  MSH|^~\&|FOODTEST|ST01|EDGE|M1|20250314091500+0800||ORU^R01^ORU_R01|20250314-0007|P|2.4||||||UNICODE UTF-8  0D
        OBR|1||YC20250314-07|PEST^pesticide inhibition|||20250314091432                                             0D
        OBX|1|NM|INH^inhibition||12.5|%|0-50|N|||F|||20250314091432                                                 0D
    1C 0D

    MSH  3, 4 sender; 5, 6 receiver; 7 time; 9 type; 10 control id; 18 character set
    OBR  2 order number, 3 the instrument's sample number, 4 test, 7 time of observation
    OBX  2 type of value, 3 id^name, 5 value, 6 unit, 7 range, 8 flags, 11 status, 14 time,
         18 the instrument's own number

Some instruments forget the CR behind 1C.  So 1C right behind the end of a segment ends the block, and so does any 1C
that the next block follows, or silence; the CR is not waited for, and does not matter where it comes.

Several blocks may come in one packet; segments end with CR, and in the field with LF or CR LF too.  The text is in the
character set MSH-18 names; when that is empty or wrong (usual with UTF-8 and GBK), in UTF-8 if it is, else GB18030.

Each message is answered by its control id: ``MSA|AA`` when its results are committed, ``AE`` when something in it
could not be read, ``AR`` when it is no ORU message at all.  The answer repeats the message's time, as we have no clock
here.  A message that came while another one's results are not yet committed waits its turn.

The item is the name in OBX-3, else its id.  Types NM, SN, ST, TX, FT, CE and CWE hold results; other OBX (pictures)
are told as replies.  Flags, words, limits and times as in ``astm``.  Status X gives ``invalid``; D, I, N, O, P, S and W
are not final (or withdrawn) and told as replies.  A result's identity is made of sender, sample, OBX-1, 3, 4, value and
time, where there is no time of the message's time and control id: the same message sent again gives the same.

There is no check byte.  On a serial line a flipped digit gives another number, a flipped separator a missing value or a
message that cannot be read: results are not sure (``TestResult.sure``) until the instrument sends the same once more.
With the option ``network`` the instrument speaks TCP itself, which has checks of its own, and its results are sure; not
to be set for a serial line behind a serial server.
Sources: HL7 2.x chapters 2 and 7; MLLP as in python-hl7.  Messages are parsed by the package ``hl7``.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import field, replace
from datetime import datetime
from typing import Annotated

import hl7  # type: ignore[import-untyped]
from pydantic import Field

from protocol.analyzers.shared import stating
from protocol.analyzers.shared.dialogue import Twice
from protocol.formats import WireFormat
from protocol.framing import CUT
from protocol.frozen import frozen
from protocol.link import Link
from protocol.options import FormatOptions
from protocol.readings import Event, Garbage, Reply, TestResult, Verdict
from protocol.session import Speaking

START, END = b"\x0b", b"\x1c\r"
SETTLE_SECONDS = 1.0
BLOCK_CAP = 1 << 20
QUEUE_CAP = 2 << 20
NOISE_CAP = 256
MARKS = re.compile(rb"\x0b|\x1c")
HEADER = re.compile(rb"MSH([!-/:-@\[-`{-~])([!-/:-@\[-`{-~]{4,5}?)\1")
USUAL = rb"|^~\&"
CHARSETS = {
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "GB 18030-2000": "gb18030",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "GB2312": "gb18030",
    "8859/1": "latin-1",
}
VALUES = {"", "NM", "SN", "ST", "TX", "FT", "CE", "CWE"}
NOT_FINAL = set("DINOPSW")
NO_RESULT = "X"
BAD = (hl7.HL7Exception, AssertionError, IndexError, KeyError, ValueError)


# --- blocks ---------------------------------------------------------------------------------------------------------


def block(message: bytes) -> bytes:
    return START + message + END


class Blocks:
    """Cuts the stream into what stands between 0B and 1C [0D]; a block in which another one begins is cut."""

    def __init__(self) -> None:
        self._block: bytearray | None = None

    @property
    def ripe(self) -> bool:
        """The block ends with 1C, and what follows would tell whether that is its end."""
        return self._block is not None and self._block.endswith(END[:1])

    def take_rest(self) -> list[bytes | Garbage]:
        """Nothing came for a while: take a block that lacks only its CR."""
        return self._done() if self.ripe else []

    def feed(self, data: bytes) -> list[bytes | Garbage]:
        """Whole blocks, and noise."""
        found: list[bytes | Garbage] = []
        at = 0
        while at < len(data):
            at = self._between(data, at, found) if self._block is None else self._within(self._block, data, at, found)
        return found

    def finish(self) -> list[bytes | Garbage]:
        if self.ripe:
            return self._done()
        left, self._block = self._block, None
        return [Garbage(START + bytes(left), CUT)] if left is not None else []

    def _between(self, data: bytes, at: int, found: list[bytes | Garbage]) -> int:
        start = data.find(START, at)
        end = len(data) if start < 0 else start
        if data[at:end].strip(b"\r\n\x00"):
            found += [Garbage(data[n : min(n + NOISE_CAP, end)], "between blocks") for n in range(at, end, NOISE_CAP)]
        if start >= 0:
            self._block = bytearray()
        return end + 1

    def _within(self, inside: bytearray, data: bytes, at: int, found: list[bytes | Garbage]) -> int:
        if self.ripe and data[at : at + 1] in (END[1:], START):
            found += self._done()
            return at  # a CR between blocks means nothing
        mark = MARKS.search(data, at)
        end = mark.start() if mark else len(data)
        inside += data[at:end]
        if len(inside) > BLOCK_CAP:
            found.append(Garbage(START + bytes(inside[:NOISE_CAP]), f"no end of the block within {BLOCK_CAP} bytes"))
            self._block = None
            return end
        if mark is None:
            return end
        if mark[0] == START:
            found.append(Garbage(START + bytes(inside), "cut: another block came before its end"))
            self._block = bytearray()
            return mark.end()
        whole = inside.endswith((b"\r", b"\n"))
        inside += mark[0]
        if whole:
            found += self._done()
        return mark.end()

    def _done(self) -> list[bytes | Garbage]:
        """The block, which ends with 1C."""
        inside, self._block = self._block or bytearray(), None
        return [bytes(inside[:-1])]


# --- messages -------------------------------------------------------------------------------------------------------


@frozen
class Message:
    """A message: what is in it, and how to answer it.

    ``header`` is MSH by field number; ``code`` is AA, or AE or AR with the reason ``why``.
    """

    header: list[str]
    events: list[Event]
    code: str
    why: str = ""
    encoding: str = "utf-8"

    @property
    def final(self) -> bool:
        """It has results, so it is answered after the commit."""
        return any(isinstance(event, TestResult) for event in self.events)

    def answer(self, code: str = "", why: str = "") -> bytes:
        """The acknowledgement, as a block."""
        head = self.header
        sign = head[1]
        fields = [
            *("MSH" + sign + head[2], head[5], head[6], head[3], head[4], head[7], "", "ACK" + head[2][0] + "R01"),
            *(head[10], head[11] or "P", head[12] or "2.4"),
            *([""] * 5 + [head[18]] if head[18] else []),
        ]
        reason = why or self.why
        verdict = ["MSA", code or self.code, head[10], *([reason] if reason else [])]
        text = f"{sign.join(fields)}\r{sign.join(verdict)}\r"
        return block(text.encode(self.encoding, "replace"))


def read(content: bytes, *, sure: bool = False) -> Message:
    """What stands in a block; ``sure``: something else checks the bytes. Never raises for bad ones."""
    lines = [line for line in re.split(rb"\r\n|\r|\n", content) if line.strip()]
    head = HEADER.match(lines[0]) if lines else None
    if head is None or len(set(head[1] + head[2])) < len(head[1] + head[2]):
        return _refused(content, "does not begin with MSH and its separators")
    encoding, text = _text(b"\r".join(lines), _charset(lines[0], head[1]))
    try:
        segments = hl7.parse(text)
        header = [str(part) for part in segments[0]]
    except BAD as error:
        return _refused(content, f"not HL7: {error}")
    header += [""] * (19 - len(header))
    signs = _Signs(segments.separators, segments.esc, encoding)
    kind = signs.parts(segments[0], 9)
    if kind[0] == "ACK":
        return Message(header, [_acknowledged(signs, segments, content)], "AA", encoding=encoding)
    if kind[0] != "ORU":
        told = Reply("message", (("type", "^".join(kind)),), raw=content)
        return Message(header, [told], "AR", "not an ORU message", encoding)
    events = list(_results(signs, segments, lines, header, sure))
    if not events:
        return Message(header, [Garbage(content, "ORU without OBX")], "AE", "no OBX", encoding)
    bad = [event.why for event in events if isinstance(event, Garbage)]
    return Message(header, events, "AE" if bad else "AA", bad[0] if bad else "", encoding)


def decode(content: bytes, *, sure: bool = False) -> list[Event]:
    """The results in a block's content, or why there are none."""
    return read(content, sure=sure).events


@frozen
class _Signs:
    """Separators and escapes of a message."""

    separators: str  # segment, field, repeat, component, subcomponent
    escape: str
    encoding: str
    escaped: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        sign = re.escape(self.escape)
        object.__setattr__(self, "escaped", re.compile(f"{sign}([^{sign}]*){sign}"))

    def parts(self, segment: hl7.Segment, number: int) -> list[str]:
        """Components of a field's first repeat, escapes undone; ``[""]`` when the segment ends before it."""
        if number >= len(segment):
            return [""]
        first = segment[number][0] if len(segment[number]) else ""
        components = first if isinstance(first, hl7.Repetition) else [first]
        return [self.plain(str(part)) for part in components]

    def first(self, segment: hl7.Segment, number: int) -> str:
        return self.parts(segment, number)[0]

    def raw(self, segment: hl7.Segment, number: int) -> str:
        return str(segment[number]) if number < len(segment) else ""

    def plain(self, text: str) -> str:
        # The package's own unescape logs, and repeats a space as often as the message wants.
        return self.escaped.sub(self._meaning, text).strip() if self.escape in text else text.strip()

    def _meaning(self, found: re.Match[str]) -> str:
        name = found[1]
        if re.fullmatch("X(?:[0-9A-Fa-f]{2})+", name):
            return bytes.fromhex(name[1:]).decode(self.encoding, "replace")
        known = dict(zip("FRST", self.separators[1:], strict=True)) | {"E": self.escape, ".br": " "}
        return known.get(name, "")


def _results(
    signs: _Signs, segments: hl7.Message, lines: list[bytes], header: list[str], sure: bool
) -> Iterable[Event]:
    order = hl7.Segment(sequence=[""])
    for segment, line in zip(segments, lines, strict=False):
        kind = str(segment[0])
        if kind == "OBR":
            order = segment
        elif kind == "OBX":
            event = _result(signs, segment, order, header, line + b"\r")
            yield replace(event, sure=sure) if isinstance(event, TestResult) else event


def _result(signs: _Signs, segment: hl7.Segment, order: hl7.Segment, header: list[str], raw: bytes) -> Event:
    kind, status = signs.first(segment, 2), signs.first(segment, 11)
    test = _name(signs.parts(segment, 3)) or _name(signs.parts(order, 4))
    sample = signs.first(order, 3) or signs.first(order, 2)
    if kind not in VALUES:
        return Reply("not-a-result", (("item", test), ("type", kind)), raw=raw)
    if not test:
        return Garbage(raw, "OBX without an id")
    stated = _stated(kind, signs.parts(segment, 5))
    if status in NOT_FINAL:
        fields = (("sample", sample), ("item", test), ("value", stated), ("status", status))
        return Reply("result-not-final", fields, raw=raw)
    at = signs.first(segment, 14) or signs.first(order, 7)
    value = stating.number(stated)
    flags = signs.raw(segment, 8).split(signs.separators[2])
    return TestResult(
        sample=sample or None,
        channel=None,
        item=test,
        value=value,
        unit=signs.first(segment, 6) or None,
        verdict=Verdict.INVALID if status == NO_RESULT else stating.judged(stated, flags),
        measured_at=stating.time(at),
        identity=stating.identity(
            *("hl7", header[3], header[4], sample),
            *(signs.raw(segment, number) for number in (1, 3, 4)),
            *(stated, at or f"{header[7]} {header[10]}"),
        ),
        limit=stating.limit(signs.first(segment, 7)),
        text=(stated or None) if value is None else None,
        raw=raw,
        serial=signs.first(segment, 18),
    )


def _stated(kind: str, parts: list[str]) -> str:
    if kind == "SN":  # comparator, number, separator, number
        return "".join(parts)
    if kind in ("CE", "CWE"):
        return _name(parts)
    return parts[0]


def _name(parts: list[str]) -> str:
    """The name of ``id^name``, else the id."""
    return (parts[1] if len(parts) > 1 else "") or parts[0]


def _acknowledged(signs: _Signs, segments: hl7.Message, content: bytes) -> Event:
    found = next((segment for segment in segments if str(segment[0]) == "MSA"), None)
    if found is None:
        return Garbage(content, "ACK without MSA")
    fields = (("code", signs.first(found, 1)), ("id", signs.first(found, 2)), ("why", signs.first(found, 3)))
    return Reply("ack", fields, raw=content)


def _refused(content: bytes, why: str) -> Message:
    header = ["MSH", "|", "^~\\&", *[""] * 16]
    return Message(header, [Garbage(content, why)], "AR", why)


def _charset(header: bytes, sign: bytes) -> str | None:
    fields = header.split(sign)
    name = fields[17].decode("ascii", "replace").split("~")[0].strip().upper() if len(fields) > 17 else ""
    return CHARSETS.get(name)


def _text(data: bytes, charset: str | None) -> tuple[str, str]:
    """The encoding that fits, and the text."""
    for encoding in filter(None, (charset, "utf-8")):
        try:
            return encoding, data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return "gb18030", data.decode("gb18030", "replace")


def encode(
    results: Iterable[TestResult],
    *,
    control_id: str = "1",
    at: datetime | None = None,
    charset: str = "UNICODE UTF-8",
    encoding: str = "utf-8",
    separator: str = "\r",
) -> bytes:
    """One ORU message with these results, as a block. ``charset`` is what MSH-18 says, ``encoding`` what is true.

    Raises ValueError for a verdict no flag can carry.
    """
    sent = stating.packed(at)
    lines = [f"MSH|^~\\&|FOODTEST|ST01|EDGE|M1|{sent}||ORU^R01^ORU_R01|{control_id}|P|2.4||||||{charset}"]
    for count, result in enumerate(results, 1):
        measured, item = stating.packed(result.measured_at), _escaped(result.item)
        flag, status = stating.carried(result)
        kind, stated = ("NM", format(result.value, "f")) if result.value is not None else ("ST", result.text or "")
        limits = "" if result.limit is None else f"0-{result.limit:f}"
        lines.append(f"OBR|{count}||{_escaped(result.sample or '')}|{item}|||{measured}")
        fields = ("OBX", str(count), kind, item, "", _escaped(stated), _escaped(result.unit or ""), limits, flag)
        lines.append("|".join((*fields, "", "", status, "", "", measured)))
    return block((separator.join(lines) + separator).encode(encoding))


def _escaped(text: str) -> str:
    names = {"|": "F", "^": "S", "~": "R", "&": "T", "\\": "E"}
    return "".join(f"\\{names[sign]}\\" if sign in names else sign for sign in text)


class Options(FormatOptions):
    network: Annotated[
        bool, Field(description="the instrument speaks TCP itself, whose checks make its results sure")
    ] = False


class Decoder:
    """What the instrument says."""

    def __init__(self, options: Options) -> None:
        self._blocks = Blocks()
        self._sure = options.network

    def feed(self, data: bytes) -> list[Event]:
        return self._events(self._blocks.feed(data))

    def finish(self) -> list[Event]:
        return self._events(self._blocks.finish())

    def _events(self, found: list[bytes | Garbage]) -> list[Event]:
        return [
            event
            for each in found
            for event in ([each] if isinstance(each, Garbage) else decode(each, sure=self._sure))
        ]


def decoder(options: Options) -> Decoder:
    return Decoder(options)


class Session(Speaking):
    """Answers each message in the order they came, those with results after the commit."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._blocks = Blocks()
        self._sure = options.network
        self._twice = Twice()
        self._queue: deque[bytes] = deque()  # blocks that came while results are uncommitted
        self._queued = 0
        self._held: list[bytes] = []  # answers that wait for the commit
        self._settle_at: float | None = None
        self._work_at: float | None = None

    @property
    def deadline(self) -> float | None:
        return min((at for at in (self._settle_at, self._work_at) if at is not None), default=None)

    def receive(self, data: bytes, now: float) -> list[Event]:
        events = self._take(self._blocks.feed(data))
        self._settle_at = now + SETTLE_SECONDS if self._blocks.ripe else None
        return events + self._work()

    def expired(self, now: float) -> list[Event]:
        events: list[Event] = []
        if self._settle_at is not None and now >= self._settle_at:
            self._settle_at = None
            events = self._take(self._blocks.take_rest())
        self._work_at = None
        return events + self._work()

    def _take(self, blocks: list[bytes | Garbage]) -> list[Event]:
        """Put messages in the queue; what is none, or too many, at once."""
        events: list[Event] = []
        for found in blocks:
            if isinstance(found, Garbage):
                events.append(found)
            elif self._queued + len(found) > QUEUE_CAP:
                events.append(Garbage(found[:NOISE_CAP], "too many messages without waiting for their answers"))
                self._out += read(found).answer("AE", "busy")
            else:
                self._queue.append(found)
                self._queued += len(found)
        return events

    def committed(self, now: float) -> None:
        for answer in self._held:
            self._out += answer
        self._held.clear()
        if self._queue:
            self._work_at = now

    def _work(self) -> list[Event]:
        """Read what has come, unless results are still uncommitted: a commit then speaks of those only."""
        events: list[Event] = []
        if self._held:
            return events
        answers: list[bytes] = []
        results = False
        while self._queue:
            message = read(self._queue.popleft(), sure=self._sure)
            events += self._twice.judged(message.events)
            results = results or message.final
            if not any(isinstance(event, Reply) and event.what == "ack" for event in message.events):
                answers.append(message.answer())
        self._queued = 0
        if results:
            self._held = answers
        else:
            self._out += b"".join(answers)
        return events


FORMAT = WireFormat(
    id="hl7_mllp",
    kind="analyzer",
    title="HL7 v2 ORU^R01 in MLLP blocks",
    link=Link(9600),
    polled=False,
    checked=False,
    confidence="high",
    decoder=decoder,
    session=Session,
    options=Options,
    reading=Options,
)

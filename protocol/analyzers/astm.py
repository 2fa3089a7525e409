r"""ASTM E1381 / CLSI LIS1-A frames with ASTM E1394 / CLSI LIS2-A2 records, on a serial line or TCP.

    instrument  05                                              ENQ: may I send?
    host        06                                              ACK (15 NAK: busy, ask again in 10 s)
    instrument  02 n text 03|17 c c 0D 0A                       frame n of 1..7, 0, 1..; 03 ends a message, 17 goes on
    host        06                                              ACK (15 NAK: once more)
    instrument  04                                              EOT, no answer
                     c c: 8-bit sum from n to 03|17, two upper-case hex characters

Text is at most 240 characters a frame, 63 993 where LIS01-A2 is used over TCP; both are taken.  Frames are joined and
cut into records at CR, because some instruments send each record in a frame of its own, some all of them in one big
frame, some end each record's frame with ETB and only the last with ETX.  A frame without check characters is refused:
a damaged number could pass.

    H|\^&|||MarketMeter^1.0|||||||P|LIS2-A2|20250314091500      | field, \ repeat, ^ component, & escape, as H says
    P|1
    O|1|YC20250314-07||^^^PEST                                  3 specimen, 4 the instrument's own, 5 test
    R|1|^^^PEST|12.5|%|0-50|N||F||||20250314091432              3 test, 4 value, 5 unit, 6 range, 7 flag, 9 status,
                                                                12 started, 13 completed, 14 instrument
    L|1|N                                                       3: N, F or nothing when all is well

A message counts when its L was read, and its results are handed over then; the frame that made them final is answered
with ACK only after ``committed``, so an instrument that gets no ACK still has them and sends them again.  A result has
the same identity then.  It is made of sender, specimen, test, sequence number, value and the result's time; where the
instrument sends no time, the header's date stands for it, and where there is none either, the whole message.

The value may be in any component of field 4; the item is component 4 of field 3 (the maker's code), else the first
that is not empty.  Where an instrument names its own test in component 2 (GeneXpert), 4 is the assay's part and the
analyte stands behind it: ``^MTB-RIF^^Xpert^Xpert Ultra^4^MTB^`` is MTB; the same test's inner readings have no name in
5 and are told with their part, ``^MTB-RIF^^Xpert^^^rpoB1^Ct`` as Xpert rpoB1 Ct.  Flags H, HH, > and A are the
instrument's objection and give ``unqualified``; N is not taken for a verdict, because many instruments send it for
everything (the station judges the number).  Words like 阴性 or NOT DETECTED stay as text and give the verdict; a word
and a flag that contradict each other give ``suspect``.  Status X is no result, W is a doubtful one: both ``invalid``,
with the number as sent.  P, I, S and N are not final or no results, and are told as replies.  The range's upper bound
is the limit.

A query (record Q) is answered with an empty message that says L|1|I, no information: we have no orders to give.

8n1; 9600 is preferred.  With TCP the instrument may be the client (``listen:``) or the server (``socket://``).
Sources: ASTM E1381-95, CLSI LIS1-A, LIS01-A2, LIS2-A2; habits of instruments as in senaite.astm's test data.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from protocol.analyzers.shared import stating
from protocol.analyzers.shared.astm_link import (
    ENQ,
    EOT,
    LONGEST_TEXT,
    STANDARD_TEXT,
    Block,
    Blocks,
    Control,
    End,
    Order,
    Part,
    Token,
    Turn,
)
from protocol.formats import WireFormat
from protocol.link import Link
from protocol.readings import Event, Garbage, Reply, TestResult, Verdict
from protocol.session import Wish

MESSAGE_CAP = 1 << 20
DELIMITERS = re.compile(rb"H([^\w\s])([^\w\s])([^\w\s])([^\w\s])(?:\1|$)")
USUAL = ("|", "\\", "^", "&")
NO_RESULT = {"X", "W"}
NOT_FINAL = {"P", "I", "S", "N"}
ABORTED = {"T": "the sender aborted it", "R": "the receiver aborted it", "E": "a system error was reported"}
STYLES = ("records", "etb", "one-frame")


# --- records to values ----------------------------------------------------------------------------------------------


class _Delimiters:
    """What separates fields, repeats and components in this message, and its escapes."""

    def __init__(self, field: str, repeat: str, component: str, escape: str) -> None:
        self.field, self.repeat, self.component = field, repeat, component
        self._names = {"F": field, "S": component, "R": repeat, "E": escape, "H": "", "N": ""}
        self._escape = escape
        self._escaped = re.compile(
            f"{re.escape(escape)}([FSREHN]|X[0-9A-Fa-f]*|Z[^{re.escape(escape)}]*)" + re.escape(escape)
        )

    def plain(self, text: str) -> str:
        """Escapes undone; local ones (Z) are left out."""
        return self._escaped.sub(self._meaning, text).strip() if self._escape in text else text.strip()

    def escaped(self, text: str) -> str:
        signs = {sign: name for name, sign in self._names.items() if sign}
        return "".join(f"{self._escape}{signs[sign]}{self._escape}" if sign in signs else sign for sign in text)

    def parts(self, text: str) -> list[str]:
        """Components of the first repeat."""
        return [self.plain(part) for part in text.split(self.repeat)[0].split(self.component)]

    def first(self, text: str) -> str:
        """The first component that is not empty."""
        return next((part for part in self.parts(text) if part), "")

    def _meaning(self, found: re.Match[str]) -> str:
        name = found[1]
        if name[0] == "X":
            return stating.decode_text(bytes.fromhex(name[1:])) if len(name) % 2 else ""
        return self._names.get(name, "")


def decode(message: bytes) -> list[Event]:
    """The records of one message, H to L, separated by CR: its results, or why there are none."""
    records = [record for each in message.split(b"\r") if (record := each.strip(b"\n\x00 "))]
    found = DELIMITERS.match(records[0]) if records else None
    if found is None or len(set(found.groups())) < 4:
        return [Garbage(message, "does not begin with H and four delimiters")]
    if records[-1][:1] != b"L":
        return [Garbage(message, "has no record L at its end")]
    signs = _Delimiters(*(sign.decode("latin-1") for sign in found.groups()))
    fields = [stating.decode_text(record).split(signs.field) for record in records]
    code = signs.plain(_get(fields[-1], 3))
    if code in ABORTED:
        return [Garbage(message, f"not finished: {ABORTED[code]}")]
    sender, sent_at = _get(fields[0], 5), _get(fields[0], 14)
    fallback = sent_at or message.hex()
    events: list[Event] = []
    order: list[str] = []
    for raw, row in zip(records, fields, strict=True):
        match row[0][:1]:
            case "P":
                order = []
            case "O":
                order = row
            case "R":
                events.append(_result(signs, row, order, (sender, fallback), raw + b"\r"))
            case "Q":
                events.append(Reply("query", (("sample", signs.first(_get(row, 3))),), raw=raw + b"\r"))
    return events or [Reply("message", (("sender", signs.first(sender)),), raw=message)]


def _result(signs: _Delimiters, record: list[str], order: list[str], origin: tuple[str, str], raw: bytes) -> Event:
    test = _get(record, 3)
    item = _item(signs, test) or _item(signs, _get(order, 5))
    if not item:
        return Garbage(raw, "a result without a test id")
    sample = signs.first(_get(order, 3)) or signs.first(_get(order, 4))
    stated = signs.first(_get(record, 4))
    status = signs.first(_get(record, 9)).upper()
    if status in NOT_FINAL:
        fields = (("sample", sample), ("item", item), ("value", stated), ("status", status))
        return Reply("result-not-final", fields, raw=raw)
    finished = signs.plain(_get(record, 13)) or signs.plain(_get(record, 12))
    flags = [signs.plain(flag) for each in _get(record, 7).split(signs.repeat) for flag in each.split(signs.component)]
    sender, fallback = origin
    value = stating.number(stated)
    return TestResult(
        sample=sample or None,
        channel=None,
        item=item,
        value=value,
        unit=signs.first(_get(record, 5)) or None,
        verdict=Verdict.INVALID if status in NO_RESULT else stating.judged(stated, flags),
        measured_at=stating.time(finished),
        identity=stating.identity("astm", sender, sample, test, _get(record, 2), stated, finished or fallback),
        limit=stating.limit(signs.first(_get(record, 6))),
        text=(stated or None) if value is None else None,
        raw=raw,
        serial=signs.first(_get(record, 14)),
    )


def _item(signs: _Delimiters, test: str) -> str:
    """The test's name in a universal test id."""
    parts = signs.parts(test)
    code, assay, analyte = ("".join(parts[at : at + 1]) for at in (3, 4, 6))
    if code and "".join(parts[1:2]) and not parts[0]:
        part = "" if assay and analyte else code
        return " ".join(each for each in (part, analyte, *parts[7:8]) if each)
    return code or next((each for each in parts if each), "")


def _get(record: list[str], field: int) -> str:
    """A field by the standard's number (the record type is 1); empty when the record ends before it."""
    return record[field - 1] if field <= len(record) else ""


# --- values to records ----------------------------------------------------------------------------------------------


def encode(results: Iterable[TestResult], *, sender: str = "MarketMeter^1.0", at: datetime | None = None) -> bytes:
    """The records of one message with these results, each with its order; ``at`` is the header's date.

    Raises ValueError for a verdict the records cannot carry: one that is not ``unqualified`` beside a number.
    """
    signs = _Delimiters(*USUAL)
    records = [f"H|\\^&|||{sender}|||||||P|LIS2-A2|{stating.packed(at)}", "P|1"]
    for count, result in enumerate(results, 1):
        test = f"^^^{signs.escaped(result.item)}"
        stated = format(result.value, "f") if result.value is not None else signs.escaped(result.text or "")
        flag, status = stating.carried(result)
        limits = "" if result.limit is None else f"0-{result.limit:f}"
        records.append(f"O|{count}|{signs.escaped(result.sample or '')}||{test}")
        fields = (str(count), test, stated, signs.escaped(result.unit or ""), limits, flag, "", status, "", "", "")
        records.append("|".join(("R", *fields, stating.packed(result.measured_at))))
    return "\r".join((*records, "L|1|N", "")).encode()


def parts(message: bytes, style: str = "records", size: int = STANDARD_TEXT) -> list[Part]:
    """A message cut for the link: by the standard each record in frames of its own, the last of which ends with ETX.

    Other instruments: ``etb`` ends every record's frame with ETB and only L's with ETX, ``one-frame`` sends all in one.
    """
    if style == "one-frame":
        return _cut(message, LONGEST_TEXT, last=True)
    records = [record + b"\r" for record in message.split(b"\r") if record]
    ends = [style == "records" or count == len(records) for count in range(1, len(records) + 1)]
    return [part for record, last in zip(records, ends, strict=True) for part in _cut(record, size, last=last)]


def _cut(text: bytes, size: int, *, last: bool) -> list[Part]:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return [(piece, last and count == len(pieces)) for count, piece in enumerate(pieces, 1)]


NO_INFORMATION = b"H|\\^&|||marketedge|||||||P|LIS2-A2\rL|1|I\r"


# --- the stream -----------------------------------------------------------------------------------------------------


class Messages:
    """Joins the texts of frames and hands over a message when its record L is there."""

    def __init__(self) -> None:
        self._records: list[bytes] = []
        self._tail = bytearray()  # a record that goes on in the next frame
        self._size = 0

    def take(self, text: bytes, *, last: bool) -> list[Event] | None:
        """Events that are final with this frame; None, and nothing kept, when the message gets too long."""
        if self._size + len(text) > MESSAGE_CAP:
            return None
        self._size += len(text)
        self._tail += text
        if last and not self._tail.endswith(b"\r"):
            self._tail += b"\r"
        *whole, rest = bytes(self._tail).split(b"\r")
        self._tail[:] = rest
        return [event for record in whole for event in self._record(record)]

    def drop(self, why: str) -> list[Event]:
        """Nothing of an unfinished message is final."""
        unfinished = b"\r".join((*self._records, bytes(self._tail)))
        self._clear()
        return [Garbage(unfinished, f"a message without its end: {why}")] if unfinished.strip() else []

    def _record(self, record: bytes) -> list[Event]:
        kind = record.strip(b"\n\x00 ")[:1]
        events: list[Event] = []
        if kind == b"H" and self._records:
            tail, self._tail = self._tail, bytearray()
            events = self.drop("the next one began")
            self._tail, self._size = tail, len(tail) + len(record)
        elif not self._records and kind not in (b"H", b""):
            return [Garbage(record, "a record outside a message")]
        if kind:
            self._records.append(record)
        if kind == b"L":
            events += decode(b"\r".join((*self._records, b"")))
            self._records.clear()
            self._size = len(self._tail)
        return events

    def _clear(self) -> None:
        self._records.clear()
        self._tail.clear()
        self._size = 0


class Decoder:
    """What an instrument says, heard without a say in it: frames in order, without the repeated ones."""

    def __init__(self) -> None:
        self._blocks = Blocks()
        self._order = Order()
        self._messages = Messages()

    def feed(self, data: bytes) -> list[Event]:
        return [event for token in self._blocks.feed(data) for event in self._token(token)]

    def finish(self) -> list[Event]:
        """The stream has ended: a message without its end is none."""
        events = [event for token in self._blocks.finish() for event in self._token(token)]
        self._order = Order()
        return events + self._messages.drop("the stream ended")

    def _token(self, token: Token) -> list[Event]:
        match token:
            case Garbage():
                return [token]
            case Control(byte=byte) if byte == ENQ:
                self._order = Order(started=True)
                return self._messages.drop("the sender began anew")
            case Control(byte=byte) if byte == EOT:
                self._order = Order()
                return self._messages.drop("the transmission ended")
            case Block():
                return self._block(token)
        return []

    def _block(self, block: Block) -> list[Event]:
        turn = self._order.turn(block)
        if turn is Turn.REPEAT:
            return []
        if turn is Turn.WRONG:
            return [Garbage(block.raw, f"frame number {block.number} is not the next")]
        events = self._messages.take(block.text, last=block.last)
        if events is None:
            return [Garbage(block.raw, "longer than we keep")]
        self._order.accept(block)
        return events


def decoder() -> Decoder:
    return Decoder()


class Session:
    """The host's end: answers the instrument, and holds back the ACK of results until they are committed."""

    def __init__(self) -> None:
        self._link = End(Messages())

    @property
    def link(self) -> End:
        return self._link

    @property
    def deadline(self) -> float | None:
        return self._link.deadline

    def receive(self, data: bytes, now: float) -> list[Event]:
        return self._answered(self._link.receive(data, now), now)

    def expired(self, now: float) -> list[Event]:
        return self._answered(self._link.expired(now), now)

    def pending(self) -> bytes:
        return self._link.pending()

    def ask(self, wish: Wish, now: float) -> bool:
        return False

    def committed(self, now: float) -> None:
        self._link.committed(now)

    def _answered(self, events: Sequence[Event], now: float) -> list[Event]:
        asked = any(isinstance(event, Reply) and event.what == "query" for event in events)
        if asked and not self._link.waiting:
            self._link.send(parts(NO_INFORMATION), now)
        return list(events)


FORMAT = WireFormat(
    id="astm",
    kind="analyzer",
    title="ASTM E1381/E1394 (CLSI LIS1-A, LIS2-A2)",
    link=Link(9600),
    polled=False,
    checked=True,
    confidence="high",
    decoder=decoder,
    session=Session,
    links=(Link(4800), Link(2400), Link(1200)),
    calls=(ENQ,),
)

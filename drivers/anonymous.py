"""Takes the names of people and businesses out of a recorded stream, byte for byte of the same length.

Scales say no names, and their bytes are kept as they are.  What an analyzer says may hold the name of a stall, a
person or a sample; so each of its frames is looked at:

* Chinese words that are not in KEPT (labels, verdicts, the usual items) and the name of a result become stand-ins of
  the same length, 某 or X;
* then the frame must read as before, names aside.  Where a check forbids that, the one at its end is sought that makes
  it right again: any byte, two hex digits, a CRC-16 of Modbus or a sum of two bytes;
* a frame that cannot be made to read as before is left out, and so are unreadable bytes with Chinese words in them.

What was left out is counted: the log says so itself.  ``masked`` is for a glance only: names aside, bytes may not read.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from protocol.checks import crc16_modbus
from protocol.frozen import frozen
from protocol.readings import Event, Garbage, Reply, TestResult, Ticket
from protocol.session import Decoder

KEPT = (
    *("农药残留", "农残", "抑制率", "吸光度", "合格", "不合格", "可疑", "无效", "阴性", "阳性", "结果", "检测", "样品"),
    *("项目", "编号", "名称", "时间", "日期", "标准", "通道", "单位", "判定", "结论", "限量", "值", "号", "报告", "单"),
    *("样品编号", "样品名称", "检测项目", "检测结果", "检测标准", "检测时间", "检测日期", "通道号", "检测值"),
)
WORDS = {
    "gb18030": re.compile(rb"(?:[\xb0-\xf7][\xa1-\xfe]){2,}"),
    "utf-8": re.compile(rb"(?:[\xe4-\xe9][\x80-\xbf]{2}){2,}"),
}
STAND_IN = "某"
TAIL = 4  # check bytes stand among the last bytes of a frame


@frozen
class Cleaned:
    """The stream; None for a byte that is left out. ``replaced`` and ``withheld`` count frames."""

    stream: list[int | None]
    replaced: int
    withheld: int


def clean(stream: bytes, new_decoder: Callable[[], Decoder]) -> Cleaned:
    """Look at every frame and at what lies between them."""
    out: list[int | None] = list(stream)
    replaced = withheld = 0
    for start, end, event in _frames(stream, new_decoder()):
        part = stream[start:end]
        if _without_names(part, event) == part:
            continue
        harmless = None if event is None else _harmless(part, event, new_decoder)
        if harmless is None:
            withheld += 1
            out[start:end] = [None] * (end - start)
        else:
            replaced += 1
            out[start:end] = list(harmless)
    return Cleaned(out, replaced, withheld)


def masked(stream: bytes, new_decoder: Callable[[], Decoder]) -> bytes:
    """The stream for a person's eyes: names are replaced at once, and checks are left as they were, so wrong."""
    return b"".join(_without_names(stream[start:end], event) for start, end, event in _frames(stream, new_decoder()))


def _frames(stream: bytes, decoder: Decoder) -> Iterator[tuple[int, int, Event | None]]:
    """Where each frame lies with the terminator behind it, and what lies between, without an event."""
    at = 0
    events = [event for event in (*decoder.feed(stream), *decoder.finish()) if not isinstance(event, Garbage)]
    for event in events:
        start = stream.find(event.raw, at) if event.raw else -1
        if start < 0:
            continue  # one of several results of the same frame
        if start > at:
            yield at, start, None
        at = start + len(event.raw)
        while at < len(stream) and stream[at] in b"\r\n":
            at += 1
        yield start, at, event
    if at < len(stream):
        yield at, len(stream), None


def _without_names(part: bytes, event: Event | None) -> bytes:
    for encoding, words in WORDS.items():
        mark = STAND_IN.encode(encoding)
        part = words.sub(lambda found, mark=mark, name=encoding: _stand_in(found[0], mark, name), part)  # type: ignore[misc]
    name = event.name if isinstance(event, TestResult) else None
    for encoding in WORDS if name else ():
        said = (name or "").encode(encoding)
        if len(said) > 1 and STAND_IN not in (name or ""):
            part = part.replace(said, _stand_in(said, STAND_IN.encode(encoding), encoding))
    return part


def _stand_in(said: bytes, mark: bytes, encoding: str) -> bytes:
    try:
        text = said.decode(encoding)
    except UnicodeDecodeError:
        return said
    if text in KEPT or (encoding == "gb18030" and b"".join(_utf8(said)) == said):
        return said
    lengths = [len(each.encode(encoding)) for each in text]
    return b"".join(mark if length == len(mark) else b"X" * length for length in lengths)


def _utf8(said: bytes) -> Iterator[bytes]:
    """Chinese words in UTF-8 look like GBK as well: they are left to their own encoding."""
    yield from (found[0] for found in WORDS["utf-8"].finditer(said))


def _harmless(part: bytes, event: Event, new_decoder: Callable[[], Decoder]) -> bytes | None:
    """The frame without names, reading as before; None when there is none."""
    wanted = _nameless(event)

    def reads(candidate: bytes) -> bool:
        decoder = new_decoder()
        found = [*decoder.feed(candidate), *decoder.finish()]
        return any(_nameless(one) == wanted for one in found if not isinstance(one, Garbage))

    if not reads(part):
        return None  # it says this only together with others
    bare = _without_names(part, event)
    if reads(bare):
        return bare
    return next(filter(reads, _checked(bare)), None)


def _checked(bare: bytes) -> Iterator[bytes]:
    """The frame with other check bytes near its end, every check a format may have."""
    for back in range(1, min(TAIL, len(bare)) + 1):
        head, tail = bare[: len(bare) - back], bare[len(bare) - back :]
        yield from (head + bytes((check,)) + tail[1:] for check in range(256))
        if back > 1:
            yield from (head + check + tail[2:] for check in _two_bytes(head))


def _two_bytes(head: bytes) -> Iterator[bytes]:
    for number in (crc16_modbus(head), sum(head) & 0xFFFF):
        yield number.to_bytes(2, "little")
        yield number.to_bytes(2, "big")
    yield from (b"%02X" % check for check in range(256))
    yield from (b"%02x" % check for check in range(256))


def _nameless(event: Event) -> Event | str:
    match event:
        case TestResult():
            return replace(event, name=None, identity="", item="", text=None)
        case Ticket():
            return "ticket"
        case Reply(what=what):
            return what
    return event

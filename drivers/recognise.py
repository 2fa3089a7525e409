"""Which wire format are these bytes? Pure: bytes in, findings out.

A format is a candidate when it reads most of the bytes.  How much that says depends on the format: one that takes
almost any line explains little.  So a part of the stream is damaged, byte by byte, and the share of damages that a
format notices is its weight.  A check byte notices all of them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from itertools import groupby
from typing import Any

from drivers.catalogue import models
from drivers.model import Model
from protocol import formats
from protocol.formats import WireFormat
from protocol.frozen import frozen
from protocol.link import Link
from protocol.readings import Event, Garbage, Reply, State, Ticket, Weighing

READABLE = 0.5  # of the bytes, or it is no candidate
RIVAL = 0.75  # of the best one's weight, or it is not worth telling
SURE_BYTES = 6.0  # so many bytes that fit leave a doubt of one half
PARITY_FITS = 0.98
CUT = 64  # bytes in front of the first frame that may be the end of a cut one
PROBE = 96  # bytes that are damaged, one at a time
FLIPS = (0x02, 0x40)
NAMED_ONLY = ("scanner", "label_scale")  # kinds of devices that are looked for only by name


@frozen
class Candidate:
    """A format with options, and the models that speak it so."""

    format: WireFormat
    models: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def read(self, data: bytes) -> list[Event]:
        decoder = self.format.reads(self.options)
        return decoder.feed(data) + decoder.finish()


@frozen
class Match:
    """A format that fits. ``confidence`` is of 1; ``readable`` is the share of bytes it reads; ``example`` is a frame.

    ``link`` is None where the settings are not ours (a serial server has its own).
    """

    protocol: str
    kind: str
    link: Link | None
    confidence: float
    frames: int
    readable: float
    example: Event
    models: tuple[str, ...]
    options: Mapping[str, Any]
    weight: float = field(default=0.0, compare=False)


def candidates(wire: str = "serial") -> list[Candidate]:
    """Every format of this wire, and every set of options with which a model's row reads it otherwise.

    Not those of scanners: every line of text would be a code; and not those of label scales, which come by themselves.
    """
    found = []
    rows = sorted(models().values(), key=lambda row: row.format)
    by_format = {name: list(group) for name, group in groupby(rows, key=lambda row: row.format)}
    for format_id in formats.ids():
        wire_format = formats.find(format_id)
        if wire_format.wire != wire or wire_format.kind in NAMED_ONLY:
            continue
        mine = by_format.get(format_id, [])
        plain = tuple(row.id for row in mine if not _reading(row, wire_format))
        found.append(Candidate(wire_format, plain))
        found += _with_options(wire_format, [row for row in mine if row.id not in plain])
    return found


def only(row: Model) -> list[Candidate]:
    """This model and nothing else; of a protocol that is named without options, every set that its models have."""
    wire_format = formats.find(row.format)
    if row.id != row.format:
        return [Candidate(wire_format, (row.id,), row.options)]
    if row.options:
        return [Candidate(wire_format, (), row.options)]
    if wire_format.kind in NAMED_ONLY:
        return [Candidate(wire_format, ())]
    return [one for one in candidates(wire_format.wire) if one.format.id == wire_format.id]


def _reading(row: Model, wire_format: WireFormat) -> dict[str, Any]:
    return {name: row.options[name] for name in wire_format.reading.model_fields if name in row.options}


def _with_options(wire_format: WireFormat, rows: Iterable[Model]) -> Iterator[Candidate]:
    def key(row: Model) -> str:
        return json.dumps(_reading(row, wire_format), sort_keys=True, default=str)

    for _, group in groupby(sorted(rows, key=key), key=key):
        alike = list(group)
        yield Candidate(wire_format, tuple(row.id for row in alike), _reading(alike[0], wire_format))


def talkative(of: Iterable[Candidate]) -> list[Candidate]:
    """Those that may say the same more than once: a stream, and the answer to a question that was asked again.

    A scale that states each weight once, when its key is pressed, is told by nothing else than that.
    """
    return [one for one in of if one.format.repeats]


def recognise(data: bytes, link: Link, of: Iterable[Candidate], *, our_settings: bool = True) -> list[Match]:
    """What these bytes may be, the likeliest first. They were read at ``link``, 8n1 where that is possible.

    A line with 7 bits and parity, read as 8n1, has its parity in bit 7; so which one it is can be told from the bytes.
    """
    of = tuple(of)
    found = [
        finding for seen, settings in _as_sent(data, link) for one in of if (finding := _judge(one, seen, settings))
    ]
    found = _without_doubles(found)
    best = max((one.weight for one in found), default=0.0)
    found = [one for one in found if one.weight >= RIVAL * best]
    if valued := [one for one in found if not isinstance(one.example, Reply)]:
        found = valued  # what only answers is a protocol that the one with values speaks too
    total = sum(one.weight for one in found)
    told = [
        replace(
            one,
            confidence=round(one.confidence * one.weight / total, 2),
            link=one.link if our_settings else None,
        )
        for one in found
    ]
    return sorted(told, key=lambda one: (-one.confidence, -one.weight))


def with_parity(data: bytes, parity: str) -> bytes:
    """7-bit bytes with their parity in bit 7, as a port set to 8n1 has to send them."""
    flip = {"e": 0, "o": 1}
    if parity not in flip:
        return bytes(byte | 0x80 for byte in data)  # no parity, two stop bits: the first of them is bit 7
    return bytes(byte | (byte.bit_count() + flip[parity] & 1) << 7 for byte in data)


def _as_sent(data: bytes, link: Link) -> Iterator[tuple[bytes, Link]]:
    yield data, link
    if link != Link(link.baud):
        return
    low = bytes(byte & 0x7F for byte in data)
    for parity, stop in (("e", 1), ("o", 1), ("n", 2)):
        fitting = sum(a == b for a, b in zip(with_parity(low, parity), data, strict=True))
        if fitting >= PARITY_FITS * len(data):
            yield low, Link(link.baud, 7, parity, stop)


def _judge(candidate: Candidate, data: bytes, link: Link) -> Match | None:
    events = candidate.read(data)
    frames = [event for event in events if not isinstance(event, Garbage | Ticket)]
    if not frames:
        return None
    first = events.index(frames[0])
    spared = sum(map(_unread, (*events[:first], *events[-1:])))
    cut = spared if spared <= CUT else 0
    bad = sum(map(_unread, events)) - cut
    fitting = len(data) - cut - bad
    readable = fitting / max(1, len(data) - cut)
    if readable < READABLE:
        return None
    strict = _strictness(candidate, data, min(cut, len(data) // 2))
    if not strict:
        return None
    sure = 1 - 0.5 ** (fitting * strict / SURE_BYTES)
    weighings = [frame for frame in frames if isinstance(frame, Weighing)]
    return Match(
        protocol=candidate.format.id,
        kind=candidate.format.kind,
        link=link,
        confidence=min(0.99, sure * readable),
        frames=len(frames),
        readable=round(readable, 2),
        example=(weighings or frames)[-1],
        models=candidate.models,
        options=candidate.options,
        weight=readable * strict,
    )


def _unread(event: Event) -> int:
    """How many bytes the format made nothing of; a ticket that no layout knows is any text."""
    match event:
        case Garbage(data=data) | Ticket(raw=data):
            return len(data)
    return 0


def _strictness(candidate: Candidate, data: bytes, start: int) -> float:
    """Share of damages to single bytes, spread over the first frames, that cost one."""
    size = PROBE
    while not (whole := _count(candidate, data[start : start + size])) and start + size < len(data):
        size *= 2
    part = data[start : start + size] if whole else data
    whole = whole or _count(candidate, part)
    places = range(0, len(part), -(-len(part) // PROBE))
    noticed = 0
    for place in places:
        for flip in FLIPS:
            spoilt = bytearray(part)
            spoilt[place] ^= flip
            noticed += _count(candidate, bytes(spoilt)) < whole
    return noticed / (len(places) * len(FLIPS))


def _count(candidate: Candidate, data: bytes) -> int:
    """Weights and results; where there are none, replies."""
    events = candidate.read(data)
    stated = [event for event in events if not isinstance(event, Garbage | Ticket | Reply)]
    good = [event for event in stated if not isinstance(event, Weighing) or event.state is State.OK]
    return 1000 * len(good) + len(stated) if stated else sum(isinstance(event, Reply) for event in events)


def _without_doubles(found: list[Match]) -> list[Match]:
    """Options that make no difference to what is read are one finding, with all their models."""
    merged: dict[tuple[Any, ...], Match] = {}
    for one in found:
        key = (one.protocol, one.link, one.frames, one.readable, one.example)
        before = merged.get(key)
        merged[key] = replace(before, models=before.models + one.models) if before else one
    return list(merged.values())

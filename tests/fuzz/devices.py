"""Every wire format: its decoder whole, in pieces and set as each model is, its session with time handed in.

An input's first byte chooses: bit 0 decoder or session, the rest the model.  For a session the input is a script:

    00-9F length bytes   the device says these
    A0-BF tenths         time goes by; whoever wants to be woken is
    C0-CF                what was handed over is on disk
    D0-FF                a person's wish
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import Any

import parts
from parts import ROOT, Target, ensure, logs_of, pieces, readable, said, seldom

from drivers import catalogue
from drivers.model import Model
from protocol import formats
from protocol.options import schema
from protocol.readings import Event
from protocol.session import Session, Wish
from simulator.analyzers import modbus_profile
from simulator.bench.decode import weight

TODAY = date(2025, 3, 14)
REGISTERS = {"register": 0, "type": "int32", "decimals": 3}
STATUS = {"register": 2, "stable": 1, "zero": 2, "net": 4, "overload": 8, "underload": 16}
NEEDED: dict[str, dict[str, Any]] = {
    "modbus_scale": {"profile": {"unit": "kg", "weight": REGISTERS, "status": STATUS}},
    "modbus_profile": {"profile": modbus_profile.PROFILE},
}
"""Options without which a format's session cannot be made."""
KEPT = {  # bytes, after so many
    **dict.fromkeys(("scale", "label_scale", "probe"), 32 << 10),
    "scanner": 256 << 10,
    "analyzer": 1 << 20,
}
FED = 64 << 10
MOST_PENDING = 64 << 10
WAKES = 50


def rows(format_id: str) -> list[Model]:
    """Every model of a format, set as it has to be; the bare format when there is none."""
    known = [row for row in catalogue.models().values() if row.format == format_id]
    return [row.with_options(NEEDED.get(format_id, {})) for row in known or [Model(format_id, "", "", format_id)]]


def device(format_id: str) -> Target:
    return Target(
        format_id,
        partial(_run, rows(format_id)),
        partial(_seeds, format_id),
        (*_words(format_id), b"\xa5", b"\xc0"),
        longest=1024,
    )


def _run(known: list[Model], data: bytes) -> None:
    if len(data) < 2:
        return
    row, body = known[(data[0] >> 1) % len(known)], data[1:]
    if data[0] & 1:
        talk(row, body)
    else:
        decode(row, body)


# --- decoders -------------------------------------------------------------------------------------------------------


def decode(row: Model, data: bytes) -> list[Event]:
    """What the bytes say; it is the same in any pieces, and nothing is kept of what is over."""
    decoder = row.decoder()
    whole = [*decoder.feed(data), *decoder.finish()]
    for event in whole:
        readable(event)
    ensure(not decoder.finish(), "what was finished is finished again")
    for step in (1, 1 + data[0] % 61):
        cut = row.decoder()
        found = [event for piece in pieces(data, step) for event in cut.feed(piece)]
        ensure(said([*found, *cut.finish()]) == said(whole), f"pieces of {step} bytes say something else")
    if seldom(data):
        kept(row, data)
    return whole


def kept(row: Model, data: bytes) -> None:
    """The same bytes over and over cost no memory."""
    decoder = row.decoder()
    most = KEPT[formats.find(row.format).kind] + 4 * len(data)
    for _ in range(FED // len(data) + 1):
        decoder.feed(data)
    ensure(weight(decoder) <= most, f"{weight(decoder)} bytes are kept of {FED}, where {most} are the most")


# --- sessions -------------------------------------------------------------------------------------------------------


def talk(row: Model, script: bytes) -> list[Event]:
    """What the session makes of the script."""
    session = row.session(lambda: TODAY)
    heard: list[Event] = []
    now, at = 0.0, 0
    while at < len(script):
        code = script[at]
        count = script[at + 1] if at + 1 < len(script) else 0
        if code < 0xA0:
            heard += _take(session, session.receive(script[at + 2 : at + 2 + count], now))
            at += 2 + count
        elif code < 0xC0:
            now = _wake(session, now, now + count / 10, heard)
            at += 2
        else:
            session.committed(now) if code < 0xD0 else session.ask(list(Wish)[code % len(Wish)], now)
            _take(session, [])
            at += 1
    _wake(session, now, now + 60, heard)
    return heard


def _take(session: Session, events: list[Event]) -> list[Event]:
    for event in events:
        readable(event)
    ensure(len(session.pending()) <= MOST_PENDING, "more is sent than a port carries")
    ensure(not session.pending(), "bytes to send are handed out twice")
    return events


def _wake(session: Session, now: float, until: float, heard: list[Event]) -> float:
    """Wake the session whenever it wants, but not without end in one moment."""
    at_once = 0
    for _ in range(2000):
        deadline = session.deadline
        if deadline is None or deadline > until:
            break
        at_once = at_once + 1 if deadline <= now else 0
        ensure(at_once < WAKES, f"woken {WAKES} times in one moment")
        now = max(now, deadline)
        heard += _take(session, session.expired(now))
    return until


# --- what to begin with ---------------------------------------------------------------------------------------------


def _seeds(format_id: str) -> Iterator[bytes]:
    for place, row in enumerate(rows(format_id)):
        for chunks in logs_of(format_id):
            stream = parts.heard(chunks)
            head = place << 1 & 0xFE
            yield bytes((head,)) + stream[: 600 if place else 1000]
            yield bytes((head | 1,)) + _script(chunks)
        if row.format == "csv_drop":
            yield b"\0" + (ROOT / "tests" / "golden" / "README.md").read_bytes()[:500]


def _script(chunks: Iterable[Any]) -> bytes:
    script, last = bytearray(), 0.0
    for chunk in chunks:
        if not chunk.from_device:
            continue
        if tenths := round((chunk.seconds - last) * 10):
            script += bytes((0xA0, min(tenths, 255)))
            last = chunk.seconds
        for piece in pieces(chunk.data, 200):
            script += bytes((0, len(piece))) + piece
        script += b"\xc0"
        if len(script) > 800:
            break
    return bytes(script)


def _words(format_id: str) -> list[bytes]:
    """The beginnings and the ends of what devices sent, and what no number should be."""
    words = {b"\r\n", b"\x02", b"\x03", b"\x04", b"\x05", b"\x06", b"\x15", b"\x1c", b"\x0b", b"1E999", b"NaN", b"-0.0"}
    for chunks in logs_of(format_id):
        for chunk in [chunk for chunk in chunks if chunk.from_device][:20]:
            words |= {chunk.data[:2], chunk.data[:4], chunk.data[-2:]}
    return sorted(words - {b""})


# --- options --------------------------------------------------------------------------------------------------------


def options() -> Target:
    """Options as a configuration gives them: refused with ValueError, or good for a decoder and a session."""
    known = formats.ids()
    sample = {name: next((parts.heard(chunks)[:300] for chunks in logs_of(name)), b"\x02 1.0\r\n") for name in known}

    def run(data: bytes) -> None:
        if not data:
            return
        form = formats.find(known[data[0] % len(known)])
        try:
            given = tomllib.loads(data[1:].decode())
        except (ValueError, RecursionError):
            return
        try:
            decoder = form.reads(given)
            session = form.speaks(given, lambda: TODAY)
        except ValueError:
            return
        for event in [*decoder.feed(sample[form.id]), *decoder.finish()]:
            readable(event)
        _take(session, session.receive(sample[form.id], 0.0))

    def seeds() -> Iterator[bytes]:
        for place, name in enumerate(known):
            given = {key: _example(node) for key, node in schema(formats.find(name).options)["properties"].items()}
            yield bytes((place,)) + "\n".join(f"{key} = {value}" for key, value in given.items()).encode()
        yield bytes((known.index("modbus_scale"),)) + _toml("profile", NEEDED["modbus_scale"]["profile"])
        yield bytes((known.index("modbus_profile"),)) + _toml("profile", NEEDED["modbus_profile"]["profile"])

    return Target("options", run, seeds, (b" = ", b"true", b"inf", b"nan", b'""', b"[x]\n", b"profile", b"columns"))


def _example(node: Mapping[str, Any]) -> str:
    kind = next((one for one in node.get("anyOf", ()) if one.get("type") != "null"), node)
    if "enum" in kind:
        return _inline(kind["enum"][0])
    return {"boolean": "true", "integer": "1", "number": "0.5", "string": '"kg"'}.get(kind.get("type", ""), "{}")


def _toml(name: str, table: Any) -> bytes:
    return f"{name} = {_inline(table)}".encode()


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {_inline(one)}' for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else f'"{value}"'


MAKERS: dict[str, Callable[[], Target]] = {
    **{name: partial(device, name) for name in formats.ids()},
    "options": options,
}

"""What comes over wires besides readings: a broker's packets, a station's events at the city, USB descriptors."""

import json
import logging
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from unittest import mock

import paho.mqtt.client as paho
from contract import HEAD, ISSUED, JSON_WORDS, KEY, STATION
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from parts import Target, ensure, heard, logs_of

from drivers.transports import hid
from edge.between.inbox import BrokerAnswers, CityMessage, Inbox, LinkChanged
from edge.between.sparing import Sparing
from edge.between.words import section
from edge.city.connection import INBOX_CAP, MESSAGE_CAP, Connection, Who
from edge.config.sections import CitySection
from edge.documents import DOCUMENTS, examples
from protocol import formats
from protocol.city import envelope
from protocol.city.events import EVENTS
from protocol.city.topics import Rejected
from protocol.scales.hid_scale import is_scale
from simulator.analyzers import _instrument as analyzer
from simulator.bench.recording import device_of
from simulator.city.platform import Judged, judge
from simulator.label_scales import _counter as label_scale
from simulator.probes import _probe as probe
from simulator.scales import _pan as scale
from simulator.scanners import _reader as scanner

RAW = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
SOURCE = f"https://sy.example.cn/edge/{STATION}"

# --- a broker -------------------------------------------------------------------------------------------------------


def broker() -> Target:
    """Bytes of whatever listens at the broker's port, which then closes; bit 0 of the first byte: MQTT 5 or 3.1.1."""
    logging.getLogger().setLevel(logging.CRITICAL + 1)

    def run(data: bytes) -> None:
        if not data:
            return
        part = CitySection(brokers=("mqtt://127.0.0.1",), mqtt="5" if data[0] & 1 else "3.1.1")
        inbox = Inbox()
        who = Who("410108001-01", ("mkt/1/a", "mkt/1/b"), ("mkt/1/state", b"gone"))
        ours, theirs = socket.socketpair()
        theirs.sendall(data[1:])
        theirs.shutdown(socket.SHUT_WR)
        try:
            with mock.patch.object(paho.Client, "_create_socket", lambda client: ours):
                connection = Connection("mqtt://127.0.0.1", part, who, 0, inbox, Counter(), Sparing())
                ended = connection.serve()
        finally:
            theirs.close()
            ours.close()
        ensure(ended.cause in section("link"), f"a cause without words: {ended}")
        ensure(inbox.qsize() <= INBOX_CAP + 2, f"{inbox.qsize()} messages wait")
        while not inbox.empty():
            message = inbox.get_nowait()
            ensure(isinstance(message, CityMessage | LinkChanged | BrokerAnswers), f"nobody knows {message!r}")
            if isinstance(message, CityMessage):
                ensure(len(message.payload) <= MESSAGE_CAP, "a larger message than may come")

    return Target(
        "broker", run, _packets, (b"\x20\x02\0\0", b"\x90\x03\0\x01\x01", b"\x30", b"\x40\x02\0\x01", b"\xe0")
    )


def _packets() -> Iterator[bytes]:
    ack = json.dumps({"upto": 1}).encode()
    publish = (7).to_bytes(2, "big") + b"mkt/1/a"
    five = b"\x20\x06\0\0\x03\x21\0\x0a" + b"\x90\x04\0\x01\0\x01" + b"\x90\x04\0\x02\0\x01"
    three = b"\x20\x02\0\0" + b"\x90\x03\0\x01\x01" + b"\x90\x03\0\x02\x01"
    yield b"\1" + five + b"\x30" + bytes((len(publish) + 1 + len(ack),)) + publish + b"\0" + ack
    yield b"\0" + three + b"\x30" + bytes((len(publish) + len(ack),)) + publish + ack
    yield b"\1" + five + b"\x40\x04\0\x03\x87\0" + b"\xe0\x02\x8e\0"
    yield b"\1\x20\x03\0\x9a\0"
    yield b"\0\x20\x02\0\x05"
    yield b"\1HTTP/1.1 400 Bad Request\r\n\r\n"


# --- the city -------------------------------------------------------------------------------------------------------


def city() -> Target:
    """What comes on a station's topic: whatever it is, it is judged. Bit 0 of the first byte: sealed by the station."""
    kinds = sorted(EVENTS)

    def run(data: bytes) -> None:
        if not data:
            return
        body = data[1:]
        if data[0] & 1:
            head = replace(HEAD, source=SOURCE, kind=kinds[(data[0] >> 1) % len(kinds)])
            try:
                body = envelope.seal(head, json.loads(data[1:]), 1, envelope.FIRST_PREVHASH, KEY)
            except Exception:  # no record of ours could hold it
                return
        for key in (RAW, None):
            answer = judge(body, STATION, key)
            ensure(isinstance(answer, Judged | Rejected), f"no judgement: {answer!r}")
            if isinstance(answer, Rejected):
                json.dumps(answer.reason, ensure_ascii=False).encode()

    def seeds() -> Iterator[bytes]:
        yield b"\0" + envelope.seal(HEAD, {"a": 1}, 1, envelope.FIRST_PREVHASH, KEY)
        for name in DOCUMENTS:
            for content in examples(name)[:1]:
                for place in range(0, 2 * len(kinds), 2):
                    yield bytes((place | 1,)) + json.dumps(content["data"], ensure_ascii=False).encode()[:2000]

    return Target("city", run, seeds, (*JSON_WORDS, ISSUED.encode()), longest=2048)


# --- devices --------------------------------------------------------------------------------------------------------


def descriptors() -> Target:
    """What a USB device says of itself before anybody knows what it is."""

    def run(data: bytes) -> None:
        is_scale(data)
        ensure(0 <= hid._length(data) <= 0xFFFF, "more than a descriptor can have is asked for")

    seeds = (
        bytes.fromhex("05 8d 09 20 a1 01 09 21 a1 02 c0 c0"),
        bytes.fromhex("09 21 11 01 00 01 22 5d 00"),
        b"\xfe\2\0ab",
    )
    return Target("descriptors", run, lambda: seeds, (b"\x05\x8d", b"\x09\x20", b"\xa1\x01", b"\x22"))


def simulated() -> Target:
    """Simulated devices hear anything, in time: first byte which, then a byte of time before each eight bytes."""
    known = [*(("scale", name) for name in scale.ids()), *(("analyzer", name) for name in analyzer.ids())]
    known += [*(("probe", name) for name in probe.ids()), *(("scanner", name) for name in scanner.ids())]
    known += [("label_scale", name) for name in label_scale.ids()]

    def run(data: bytes) -> None:
        if not data:
            return
        device: Any = device_of(*known[data[0] % len(known)])
        if hasattr(device, "pan"):
            device.pan.put(Decimal("1.250"), 0.0)
        now = 0.0
        for at in range(1, len(data), 9):
            now += data[at] / 50
            device.receive(data[at + 1 : at + 9], now)
            ensure(isinstance(device.pending(now), bytes), "no bytes")
            due = device.deadline(now)
            ensure(due is None or due == due, "woken at no time")

    def seeds() -> Iterator[bytes]:
        for place, (_, name) in enumerate(known):
            for chunks in logs_of(name)[:1]:
                asked = b"".join(chunk.data for chunk in chunks if not chunk.from_device) or heard(chunks)
                cut = [asked[at : at + 8] for at in range(0, min(len(asked), 160), 8)]
                yield bytes((place,)) + b"".join(b"\x05" + piece for piece in cut)

    ensure({name for _, name in known} == set(formats.ids()), "a format has no simulated device")
    return Target("simulated", run, seeds, (b"\r\n", b"\x05", b"\x02", b"\x06", b"SI\r\n", b"Z\r\n"), longest=512)


MAKERS: dict[str, Callable[[], Target]] = {
    "broker": broker,
    "city": city,
    "descriptors": descriptors,
    "simulated": simulated,
}

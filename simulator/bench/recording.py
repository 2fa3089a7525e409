"""What a device of each wire format sends, without waiting for it; and noise made of the same bytes.

The simulated device and the format's own session talk to each other on a clock that is handed forward.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from drivers import catalogue
from drivers.conversation import Conversation
from protocol.formats import WireFormat
from protocol.readings import Curve, LabelSale, TestResult, Ticket
from protocol.session import Session
from simulator.analyzers import _instrument as analyzer
from simulator.label_scales import _counter as label_scale
from simulator.probes import _probe as probe
from simulator.scales import _pan as scale
from simulator.scales._pan import Pan, Scale
from simulator.scanners import _reader as scanner
from simulator.wires.device import Device
from simulator.wires.table import Table

MORNING = datetime(2026, 11, 22, 8, 0)  # noqa: DTZ001 - an instrument has no zone
RESULTS = 24
STEP, LONGEST = 0.02, 600.0  # seconds on the handed clock
NEW_LOAD = 1.5
BYTES = 4096
HEAD, TAIL = 3, 2


@dataclass(frozen=True, slots=True)
class Recording:
    """``frames`` are the bytes that each completed something, with whatever stood before them."""

    format: WireFormat
    frames: tuple[bytes, ...]

    @property
    def stream(self) -> bytes:
        return b"".join(self.frames)


def record(form: WireFormat, size: int = BYTES) -> Recording:
    """At least ``size`` bytes, unless the device has no more to say."""
    device = device_of(form.kind, form.id)
    model = next((one for one in catalogue.models().values() if one.format == form.id), None)
    options: dict[str, Any] = {**(model.options if model else {}), **getattr(device, "options", {})}
    stream = b"".join(conversation(device, form.speaks(options, MORNING.date), size))
    decoder, frames, start = form.reads(), [], 0
    for at in range(len(stream)):
        if decoder.feed(stream[at : at + 1]):
            frames.append(stream[start : at + 1])
            start = at + 1
    return Recording(form, tuple(frames))


def device_of(kind: str, format_id: str) -> Device:
    """A simulated device with something to say."""
    if kind == "scale":
        return scale.find(format_id)(Pan())
    if kind == "probe":
        return probe.find(format_id)(probe.Air())
    if kind == "scanner":
        reader = scanner.find(format_id)()
        for number in range(RESULTS):
            reader.scan(f"69012345{number:05}")
        return reader
    if kind == "label_scale":
        counter = label_scale.find(format_id)()
        for number in range(1, RESULTS + 1):
            counter.sell(str(number), 1000 + number, MORNING + timedelta(minutes=number), name="DANA KIYMA")
        return counter
    tester = analyzer.find(format_id)(None)
    for number in range(1, RESULTS + 1):
        tester.measure(number, Decimal(number % 10) / 10, MORNING + timedelta(minutes=number), channel=number % 8 + 1)
    return tester


def conversation(device: Any, session: Session, size: int) -> Iterator[bytes]:
    """What the device sends, until there are ``size`` bytes of it or ten minutes have passed."""
    table = Table(device, STEP)
    talk = Conversation(table, session, table.clock)
    sent, load_due, loads = 0, 0.0, 0
    while sent < size and table.now < LONGEST:
        if hasattr(device, "pan") and table.now >= load_due:
            put(device, loads, table.now)
            load_due, loads = table.now + NEW_LOAD, loads + 1
        turn = talk.turn(STEP)
        if turn.heard:
            sent += len(turn.heard)
            yield turn.heard
        if any(isinstance(event, LabelSale | TestResult | Ticket | Curve) for event in turn.events):
            session.committed(turn.at)


def put(device: Scale, number: int, now: float) -> None:
    """An empty pan and loads in turn."""
    device.pan.put(Decimal(number * 385 % 14_000).scaleb(-3) if number % 2 else Decimal(0), now)


def noises(recording: Recording, size: int, seed: int = 1) -> dict[str, bytes]:
    """``size`` bytes each of what a decoder may have to get through: none of it is the device's own stream.

    ``heads`` begins frame after frame and finishes none, ``tails`` ends what never began, ``damaged`` has whole frames
    with one wrong byte in each, ``shuffled`` has the frames' bytes in any order, ``endless`` has begun a frame and goes
    on in digits.
    """
    chance, frames = random.Random(seed), recording.frames
    heads = [frame[: chance.randint(1, HEAD)] for frame in frames]
    tails = [frame[-chance.randint(1, TAIL) :] for frame in frames]
    spoilt = []
    for frame in frames:
        wrong = bytearray(frame)
        wrong[chance.randrange(len(wrong))] ^= 1 << chance.randrange(8)
        spoilt.append(bytes(wrong))
    stuck = bytes(chance.choices(b"0123456789", k=size))
    return {
        "random": chance.randbytes(size),
        "heads": _filled(heads, size),
        "one head": _filled([frames[0][:1]], size),
        "tails": _filled(tails, size),
        "damaged": _filled(spoilt, size),
        "shuffled": bytes(chance.choices(recording.stream, k=size)),
        "endless": (frames[0][: len(frames[0]) // 2 + 1] + stuck)[:size],
    }


def _filled(pieces: list[bytes], size: int) -> bytes:
    whole = b"".join(pieces)
    return (whole * (size // len(whole) + 1))[:size]

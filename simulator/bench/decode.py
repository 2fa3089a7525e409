"""How fast each wire format's decoder is, on its device's own stream and on the worst noise, and what it keeps."""

import gc
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from protocol import formats
from protocol.formats import WireFormat
from protocol.readings import Garbage
from simulator.analyzers import _instrument as analyzer
from simulator.bench.recording import Recording, noises, record
from simulator.bench.report import Figure, Report
from simulator.label_scales import _counter as label_scale
from simulator.probes import _probe as probe
from simulator.scales import _pan as scale
from simulator.scanners import _reader as scanner

LINE = 11_520  # bytes a second at 115200/8n1
TIMES = 20
TARGET = 1e6 / (LINE * TIMES)  # microseconds for a byte
CHUNK = 64  # what a busy port hands over at once
NOISE = 32 * 1024
ENDLESS = 5 << 19
ENDLESS_CHUNK = 4096
WEIGHED_EVERY = 64  # chunks
KEPT_TARGET = 3072.0  # KiB; a block of HL7 may be 1 MiB, and as much again may wait behind it
SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, re.Pattern)
STREAMS = 8  # one of frames, seven of noise


@dataclass(frozen=True, slots=True)
class Measured:
    """One format. ``floor`` and the others are microseconds for a byte; ``kept`` is KiB after noise without end."""

    id: str
    wire: str
    frame_bytes: float
    frames_per_s: float
    frames: float
    floor: float
    noise: dict[str, float]
    kept: float

    @property
    def worst(self) -> str:
        return max(self.noise, key=lambda name: self.noise[name])

    @property
    def slowest(self) -> float:
        return max(self.frames, *self.noise.values())

    def row(self) -> dict[str, Any]:
        return {
            "format": self.id,
            "frames_per_s": round(self.frames_per_s),
            "bytes_per_s": round(1e6 / self.frames),
            "times_line": round(1e6 / self.frames / LINE, 1),
            "noise_us_per_byte": round(self.noise[self.worst], 3),
            "noise_times_line": round(1e6 / self.noise[self.worst] / LINE, 1),
            "worst_noise": self.worst,
            "kept_kib": round(self.kept, 1),
            "reached": self.slowest <= TARGET and self.kept <= KEPT_TARGET,
        }


def measure(folder: Path, seconds: float = 30.0, *, only: Sequence[str] = (), endless: int = ENDLESS) -> Report:
    """Share the time out among all formats, or those named. Nothing is written to ``folder``."""
    mute = sorted(
        set(formats.ids()) - {*scale.ids(), *label_scale.ids(), *analyzer.ids(), *probe.ids(), *scanner.ids()}
    )
    names = tuple(only) or tuple(name for name in formats.ids() if name not in mute)
    each = seconds / len(names) / (STREAMS + 1)
    found = [one(formats.find(name), each, endless) for name in names]
    found.sort(key=lambda row: -row.slowest)
    slow = max(found, key=lambda row: row.frames)
    noisy = max(found, key=lambda row: row.noise[row.worst])
    full = max(found, key=lambda row: row.kept)
    cut = "the same bytes collected and cut, not looked at"
    speed = {"max": TARGET}
    return Report(
        "decode",
        f"decoders of {len(found)} wire formats; {TIMES} times a line of 115200 baud is {TARGET:.2f} µs for a byte",
        (
            Figure(
                f"frames, slowest: {slow.id}", "µs for a byte", {"max": slow.frames}, {"max": slow.floor}, cut, speed
            ),
            Figure(
                f"noise, slowest: {noisy.id}, {noisy.worst}",
                "µs for a byte",
                {"max": noisy.noise[noisy.worst]},
                {"max": noisy.floor},
                cut,
                speed,
            ),
            Figure(
                f"kept of a frame that never ends, most: {full.id}",
                "KiB",
                {"max": full.kept},
                {"max": full.frame_bytes / 1024},
                "one frame of this format",
                {"max": KEPT_TARGET},
            ),
        ),
        {
            "formats": [row.row() for row in found],
            "without_a_simulated_device": mute,
            "chunk_bytes": CHUNK,
            "load_average": os.getloadavg()[0],
        },
    )


def one(form: WireFormat, seconds: float, endless: int) -> Measured:
    recording = record(form)
    stream = chunks(recording.stream)
    took, events = decoding(form, stream, seconds)
    noise = noises(recording, NOISE)
    return Measured(
        id=form.id,
        wire=form.wire,
        frame_bytes=len(recording.stream) / len(recording.frames),
        frames_per_s=events * 1e6 / took,
        frames=took,
        floor=cutting(recording, seconds),
        noise={name: decoding(form, chunks(bytes_), seconds)[0] for name, bytes_ in noise.items()},
        kept=kept(form, {**noise, "endless": noises(recording, endless)["endless"]}),
    )


def chunks(stream: bytes) -> list[bytes]:
    return [stream[at : at + CHUNK] for at in range(0, len(stream), CHUNK)]


def decoding(form: WireFormat, stream: list[bytes], seconds: float) -> tuple[float, float]:
    """Microseconds a byte, and frames found in a byte. The stream goes round, whole, until the time is over."""
    decoder, size, found, spent = form.reads(), 0, 0, 0.0
    while not size or spent < seconds:
        start = time.perf_counter()
        for data in stream:
            found += sum(not isinstance(event, Garbage) for event in decoder.feed(data))
            size += len(data)
        spent += time.perf_counter() - start
    return spent * 1e6 / size, found / size


def cutting(recording: Recording, seconds: float) -> float:
    """Microseconds a byte when the same chunks are put into a buffer and cut into their frames."""
    stream, lengths = chunks(recording.stream), cycle([len(frame) for frame in recording.frames])
    buffer, wanted, size, spent = bytearray(), next(lengths), 0, 0.0
    while not size or spent < seconds:
        start = time.perf_counter()
        for data in stream:
            buffer += data
            while len(buffer) >= wanted:
                bytes(buffer[:wanted])
                del buffer[:wanted]
                wanted = next(lengths)
            size += len(data)
        spent += time.perf_counter() - start
    return spent * 1e6 / size


def kept(form: WireFormat, noise: Mapping[str, bytes]) -> float:
    """KiB that the decoder holds at most while these bytes go through it."""
    most = 0
    for stream in noise.values():
        decoder = form.reads()
        for number, at in enumerate(range(0, len(stream), ENDLESS_CHUNK)):
            decoder.feed(stream[at : at + ENDLESS_CHUNK])
            if number % WEIGHED_EVERY == 0:
                most = max(most, weight(decoder))
        most = max(most, weight(decoder))
    return most / 1024


def weight(thing: object) -> int:
    """Bytes of an object and of all that hangs on it alone: no code, no classes."""
    seen: dict[int, object] = {}
    waiting = [thing]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and not isinstance(one, SHARED):
            seen[id(one)] = one
            waiting += gc.get_referents(one)
    return sum(sys.getsizeof(one) for one in seen.values())

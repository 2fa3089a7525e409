"""Port logs: what went over a wire, so that it can be read again without the device.

A log is text: head lines ``# Name: value`` (Name, Firmware, Origin, Submitter, Date, Notes, Serial), then one line a
chunk: seconds since the start, ``<`` from the device or ``>`` to it, the bytes in hex.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from drivers.transports.base import READ_SECONDS, Transport
from protocol.frozen import frozen


@frozen
class Chunk:
    """One line of a log: ``seconds`` since its start, and whether the device sent it."""

    seconds: float
    from_device: bool
    data: bytes


class Recorder:
    """A transport around another one that writes down what passes."""

    def __init__(
        self,
        inner: Transport,
        out: TextIO,
        head: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._out = out
        self._clock = clock
        self._start = clock()
        write_log(out, head, ())

    def read(self, timeout: float = READ_SECONDS) -> bytes:
        data = self._inner.read(timeout)
        self._note(data, from_device=True)
        return data

    def write(self, data: bytes) -> None:
        self._note(data, from_device=False)
        self._inner.write(data)

    def close(self) -> None:
        self._inner.close()

    def _note(self, data: bytes, *, from_device: bool) -> None:
        if data:
            write_log(self._out, {}, (Chunk(self._clock() - self._start, from_device, data),))
            self._out.flush()


ORIGINS = ("device", "simulator")
"""The first word of ``Origin``; behind it the device's number and place, or the simulator's version."""


def read_head(path: Path) -> dict[str, str]:
    """The head lines of a log file, by name."""
    lines = path.read_text("utf-8").splitlines()
    pairs = (line[2:].partition(": ") for line in lines if line.startswith("# "))
    return {name: value for name, colon, value in pairs if colon}


def write_log(out: TextIO, head: Mapping[str, str], chunks: Iterable[Chunk]) -> None:
    """A log's head lines, then its chunks; either may be empty, to go on with a log that was begun."""
    for name, value in head.items():
        out.write(f"# {name}: {value}\n")
    for chunk in chunks:
        out.write(f"{chunk.seconds:.3f} {'<' if chunk.from_device else '>'} {chunk.data.hex(' ')}\n")


def read_log(path: Path) -> Iterator[Chunk]:
    """The chunks of a log file; raises ValueError naming file and line where it is not one."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a log, which is UTF-8 text: {error}") from None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            seconds, direction, payload = line.split(" ", 2)
            if direction not in ("<", ">") or not math.isfinite(float(seconds)):
                raise ValueError(line)
            yield Chunk(float(seconds), direction == "<", bytes.fromhex(payload))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: not a log line (seconds, < or >, hex): {line[:60]!r}") from error
